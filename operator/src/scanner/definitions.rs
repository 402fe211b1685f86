//! Which definitions look like processing infrastructure. Each is read once per generation, and only the verdict is kept.

use std::{collections::BTreeMap, sync::PoisonError};

use govcloud_crds::{
    ProcessingClass,
    class::controlled::class_of,
    finding::unclassified::{Signs, signs},
    names::GROUP,
};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{Api, ResourceExt};

use crate::{context::Context, enforcement::Served, error::Error};

/// What a look at a definition gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Looked {
    generation: Option<i64>,
    uid: Option<String>,
    /// Why it looks like processing infrastructure, if it does and no class has it.
    pub signs: Option<Signs>,
}

/// Looks at what is new among the definitions that are served, and forgets what is gone, ours, or of a class.
pub(super) async fn look(context: &Context, classes: &BTreeMap<String, ProcessingClass>, served: &Served) -> Result<(), Error> {
    let before = context.scanner.definitions.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let mut known = before.clone().unwrap_or_default();
    let all = context.stores.definitions.state();
    let strange: Vec<_> = all.iter().filter(|definition| is_strange(&definition.name_any(), classes, served)).collect();
    known.retain(|name, _| strange.iter().any(|definition| definition.name_any() == *name));
    for definition in strange {
        let name = definition.name_any();
        let now = (definition.metadata.generation, definition.metadata.uid.clone());
        if known.get(&name).is_some_and(|looked| (looked.generation, looked.uid.clone()) == now) {
            continue;
        }
        let (generation, uid) = now;
        known.insert(name.clone(), Looked { generation, uid, signs: read(context, &name).await? });
    }
    if before.as_ref() != Some(&known) {
        *context.scanner.definitions.lock().unwrap_or_else(PoisonError::into_inner) = Some(known);
        context.queues.scan.notify_one();
    }
    Ok(())
}

/// Whether a definition is served, is not one of ours, and is of no class. Its name is `<plural>.<group>`.
fn is_strange(name: &str, classes: &BTreeMap<String, ProcessingClass>, served: &Served) -> bool {
    let Some((resource, group)) = name.split_once('.') else { return false };
    let is_ours = group == GROUP || group.ends_with(&format!(".{GROUP}"));
    !is_ours && served.get(group, resource).is_some() && class_of(group, resource, classes).is_none()
}

async fn read(context: &Context, name: &str) -> Result<Option<Signs>, Error> {
    let definitions: Api<CustomResourceDefinition> = Api::all(context.client.clone());
    let read = |source| Error::Read { what: format!("CustomResourceDefinition {name}"), source: Box::new(source) };
    let definition = definitions.get_opt(name).await.map_err(read)?;
    Ok(definition.and_then(|definition| signs(&serde_json::to_value(definition).unwrap_or_default())))
}
