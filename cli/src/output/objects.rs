//! Kubernetes objects as JSON, YAML or names, in the form that kubectl gives them.

use kube::{Resource, ResourceExt as _};
use serde::Serialize;
use serde_json::{Value, json};

use super::Format;
use crate::error::{CliError, Result};

/// One object, or `None` if the format is for people.
pub fn one<K: Resource<DynamicType = ()> + Serialize + Clone>(format: Format, object: &K) -> Result<Option<String>> {
    match format {
        Format::Name => Ok(Some(name(object))),
        _ => serialize(format, || value(object)),
    }
}

/// Several objects as a List, or `None` if the format is for people.
pub fn list<K: Resource<DynamicType = ()> + Serialize + Clone>(format: Format, items: &[K]) -> Result<Option<String>> {
    match format {
        Format::Name => Ok(Some(items.iter().map(name).collect::<Vec<_>>().join("\n"))),
        _ => serialize(format, || {
            let items = items.iter().map(value).collect::<Result<Vec<_>>>()?;
            Ok(json!({"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": ""}, "items": items}))
        }),
    }
}

/// Something that is no Kubernetes object, or `None` if the format is for people.
pub fn data<T: Serialize>(format: Format, data: &T) -> Result<Option<String>> {
    if format == Format::Name {
        return Err(CliError::usage("this has no name to print").hint("Use -o json, -o yaml or a table"));
    }
    serialize(format, || serde_json::to_value(data).map_err(unprintable))
}

fn serialize(format: Format, value: impl FnOnce() -> Result<Value>) -> Result<Option<String>> {
    match format {
        Format::Json => Ok(Some(serde_json::to_string_pretty(&value()?).map_err(unprintable)?)),
        Format::Yaml => Ok(Some(serde_yaml::to_string(&value()?).map_err(unprintable)?)),
        Format::Csv | Format::Html => Err(CliError::usage("only reports are printed so").hint("Use -o json, -o yaml or a table")),
        Format::Table | Format::Wide | Format::Name => Ok(None),
    }
}

fn unprintable(error: impl std::error::Error + Send + Sync + 'static) -> CliError {
    CliError::failure(format!("this cannot be printed: {error}")).caused_by(error)
}

/// The object as kubectl prints it: without the bookkeeping of field managers.
fn value<K: Resource<DynamicType = ()> + Serialize + Clone>(object: &K) -> Result<Value> {
    let mut object = object.clone();
    object.meta_mut().managed_fields = None;
    serde_json::to_value(&object).map_err(unprintable)
}

fn name<K: Resource<DynamicType = ()>>(object: &K) -> String {
    let (kind, group) = (K::kind(&()).to_lowercase(), K::group(&()));
    let dot = if group.is_empty() { "" } else { "." };
    format!("{kind}{dot}{group}/{}", object.name_any())
}

#[cfg(test)]
mod tests {
    use super::*;
    use govcloud_crds::Project;

    fn project() -> Project {
        let mut project = Project::new(
            "analytics",
            serde_json::from_value(json!({"purpose": "yes: 1", "pool": "national", "quota": {"requests.cpu": "20"}}))
                .expect("valid"),
        );
        project.metadata.managed_fields = Some(vec![]);
        project
    }

    #[test]
    fn an_object_is_printed_as_kubectl_does() {
        assert_eq!(one(Format::Name, &project()).expect("prints").as_deref(), Some("project.govcloud.dev/analytics"));
        assert_eq!(one(Format::Table, &project()).expect("prints"), None);
        insta::assert_snapshot!("objects_yaml", one(Format::Yaml, &project()).expect("prints").expect("text"));
    }

    #[test]
    fn several_are_a_list() {
        let text = list(Format::Json, &[project()]).expect("prints").expect("text");
        let value: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!((value["kind"].as_str(), value["items"][0]["kind"].as_str()), (Some("List"), Some("Project")));
    }
}
