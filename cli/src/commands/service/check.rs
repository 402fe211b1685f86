//! What is wrong with a service before anybody claims it, as far as it can be told here.

use std::{collections::BTreeMap, fmt};

use govcloud_crds::{ProcessingClass, Resources, SharedService};

/// Something that would not work, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem(String);

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Everything that would not work.
pub fn problems(service: &SharedService, classes: &BTreeMap<String, ProcessingClass>) -> Vec<Problem> {
    let spec = &service.spec;
    let mut all = Vec::new();
    let mut say = |text: String| all.push(Problem(text));
    match classes.get(&spec.processing_class) {
        None => say(format!("there is no processing class {}; see them: kubectl get processingclasses", spec.processing_class)),
        Some(class) => {
            let unknown = |resources: &Resources| not_of(class, resources);
            if let Some(key) = unknown(&spec.capacity) {
                say(format!(
                    "capacity: {key} is no dimension of class {}, which has {}",
                    spec.processing_class,
                    dimensions(class)
                ));
            }
            for plan in &spec.plans {
                if let Some(key) = unknown(&plan.capacity) {
                    say(format!(
                        "plan {}: {key} is no dimension of class {}, which has {}",
                        plan.name,
                        spec.processing_class,
                        dimensions(class)
                    ));
                }
            }
        }
    }
    for plan in spec.plans.iter().filter(|plan| !plan.capacity.fits_in(&spec.capacity)) {
        say(format!("plan {} takes more than the service has in all", plan.name));
    }
    if let Some(licence) = spec.requires_licence.as_ref().filter(|class| !classes.contains_key(*class)) {
        say(format!("requiresLicence: there is no processing class {licence}"));
    }
    if spec.sharing.is_some() || !spec.consents.is_empty() {
        say("sharing and consents: the operator offers spare capacity of permits by itself; leave them out".to_owned());
    }
    if spec.drain.is_some() {
        say("drain: a service that begins does not end yet; leave it out".to_owned());
    }
    all
}

fn not_of(class: &ProcessingClass, resources: &Resources) -> Option<String> {
    resources.0.keys().find(|key| !class.spec.dimensions.iter().any(|d| d.name == **key)).cloned()
}

fn dimensions(class: &ProcessingClass) -> String {
    class.spec.dimensions.iter().map(|d| d.name.as_str()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::commands::testing;
    use serde_json::json;

    /// The class of the streaming service.
    pub fn classes() -> BTreeMap<String, ProcessingClass> {
        let spec = json!({"displayName": "Message broker", "dimensions": [{"name": "brokers"}, {"name": "storage"}],
            "approval": {"quorum": [{"group": "ministry:reviewers", "count": 1}]}});
        [("message-broker".to_owned(), testing::object("ProcessingClass", "", "message-broker", spec, json!(null)))].into()
    }

    #[test]
    fn everything_is_said_at_once() {
        assert_eq!(problems(&testing::streaming(), &classes()), []);
        let wrong = json!({
            "plans": [{"name": "small", "capacity": {"gpus": 1}}, {"name": "huge", "capacity": {"brokers": 999}}],
            "capacity": {"brokers": 60, "nodes": 1}, "requiresLicence": "operator-licence", "sharing": {"permit": "GC-1"},
            "drain": {"by": "2027-03-20", "moveTo": "streaming-2"},
        });
        let wrong = testing::changed(&testing::streaming(), &wrong, &json!({}));
        let nowhere = testing::changed(&testing::streaming(), &json!({"processingClass": "teleportation"}), &json!({}));
        let said: Vec<_> = [wrong, nowhere].iter().flat_map(|s| problems(s, &classes())).map(|p| p.to_string()).collect();
        insta::assert_snapshot!("service_problems", said.join("\n"));
    }
}
