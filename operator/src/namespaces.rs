//! Namespaces that the operator makes, and finalizers.
//!
//! An existing namespace is never adopted: one that was not made for exactly this owner is a conflict, and stays as it is.
//! The one exception is the home that a closed agency left behind, with its paperwork.

use std::{collections::BTreeMap, fmt::Debug, sync::Arc};

use govcloud_crds::names::{ANNOTATION_OWNER_UID, FINALIZER, LABEL_AGENCY, LABEL_HOME};
use k8s_openapi::api::core::v1::Namespace;
use kube::{
    Api, Resource, ResourceExt,
    api::{DeleteParams, Patch, PatchParams, PostParams, Preconditions},
    runtime::reflector::ObjectRef,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::{context::Context, error::Error, managed::FIELD_MANAGER};

/// The namespace of an agency or a project.
#[derive(Clone, Debug)]
pub enum Namespaced {
    /// It was made for this owner.
    Ours(Arc<Namespace>),
    /// It is there and was made for somebody else, or is going away.
    Conflict(String),
}

/// Makes the namespace of `manifest` for the owner with this uid, or brings its labels up to date.
pub async fn ensure(context: &Context, manifest: &Value, owner: Option<&str>) -> Result<Namespaced, Error> {
    let name = manifest["metadata"]["name"].as_str().unwrap_or_default();
    let api: Api<Namespace> = Api::all(context.client.clone());
    let live = match context.stores.namespaces.get(&ObjectRef::new(name)) {
        Some(live) => live,
        None => match create(&api, manifest, owner).await? {
            Some(created) => return Ok(Namespaced::Ours(Arc::new(created))),
            // It is not among ours, and yet it is there.
            None => Arc::new(
                api.get(name)
                    .await
                    .map_err(|source| Error::Read { what: format!("Namespace {name}"), source: Box::new(source) })?,
            ),
        },
    };
    let made_for = live.annotations().get(ANNOTATION_OWNER_UID).map(String::as_str);
    if made_for != owner && !is_left_behind(context, manifest, &live) {
        return Ok(Namespaced::Conflict(format!(
            "Namespace {name} is there already and was not made for this object. Rename one of them, or delete the namespace if nothing in it is needed."
        )));
    }
    if live.metadata.deletion_timestamp.is_some() {
        return Ok(Namespaced::Conflict(format!("Namespace {name} is being deleted; it is made anew when it is gone.")));
    }
    relabel(&api, manifest, &live, owner).await?;
    Ok(Namespaced::Ours(live))
}

/// Whether it is the home of an agency of this name that was closed: its paperwork stayed, and an agency that is opened
/// again takes it over. Only the operator writes these labels.
fn is_left_behind(context: &Context, manifest: &Value, live: &Namespace) -> bool {
    let label = |key: &str| live.labels().get(key).map(String::as_str) == manifest["metadata"]["labels"][key].as_str();
    let is_home = live.labels().contains_key(LABEL_HOME) && label(LABEL_HOME) && label(LABEL_AGENCY);
    let owner = live.annotations().get(ANNOTATION_OWNER_UID);
    is_home && context.stores.agencies.find(|agency| agency.metadata.uid.as_ref() == owner).is_none()
}

/// Creates it, or `None` if one of that name is there.
async fn create(api: &Api<Namespace>, manifest: &Value, owner: Option<&str>) -> Result<Option<Namespace>, Error> {
    let what = || format!("Namespace {}", manifest["metadata"]["name"]);
    let mut manifest = manifest.clone();
    manifest["metadata"]["annotations"][ANNOTATION_OWNER_UID] = json!(owner);
    let namespace = serde_json::from_value(manifest.clone()).map_err(|source| Error::Build { what: what(), source })?;
    let params = PostParams { field_manager: Some(FIELD_MANAGER.into()), ..PostParams::default() };
    match api.create(&params, &namespace).await {
        Ok(created) => Ok(Some(created)),
        Err(kube::Error::Api(status)) if status.code == 409 => Ok(None),
        Err(source) => Err(Error::Write { what: what(), source: Box::new(source) }),
    }
}

/// Sets our labels, our annotations and the owner where they differ; others' stay.
async fn relabel(api: &Api<Namespace>, manifest: &Value, live: &Namespace, owner: Option<&str>) -> Result<(), Error> {
    let name = live.name_any();
    let mut annotations = manifest["metadata"]["annotations"].clone();
    annotations[ANNOTATION_OWNER_UID] = json!(owner);
    let differs = |wanted: &Value, live: &BTreeMap<String, String>| {
        wanted.as_object().into_iter().flatten().any(|(key, value)| live.get(key).map(String::as_str) != value.as_str())
    };
    if !differs(&manifest["metadata"]["labels"], live.labels()) && !differs(&annotations, live.annotations()) {
        return Ok(());
    }
    let patch = json!({"metadata": {
        "labels": manifest["metadata"]["labels"],
        "annotations": annotations,
        "resourceVersion": live.resource_version(),
    }});
    let written = api
        .patch(&name, &PatchParams { field_manager: Some(FIELD_MANAGER.into()), ..PatchParams::default() }, &Patch::Merge(&patch))
        .await;
    written.map(|_| ()).map_err(|source| Error::Write { what: format!("Namespace {name}"), source: Box::new(source) })
}

/// Deletes exactly this namespace, not another one of the same name.
pub async fn delete(context: &Context, namespace: &Namespace) -> Result<(), Error> {
    if namespace.metadata.deletion_timestamp.is_some() {
        return Ok(());
    }
    let name = namespace.name_any();
    let api: Api<Namespace> = Api::all(context.client.clone());
    let preconditions = Some(Preconditions { uid: namespace.metadata.uid.clone(), resource_version: None });
    match api.delete(&name, &DeleteParams { preconditions, ..DeleteParams::default() }).await {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        Err(source) => Err(Error::Write { what: format!("Namespace {name}"), source: Box::new(source) }),
    }
}

/// Adds our finalizer; whether it was missing.
pub async fn add_finalizer<K>(api: &Api<K>, object: &K) -> Result<bool, Error>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug,
{
    if object.finalizers().iter().any(|f| f == FINALIZER) {
        return Ok(false);
    }
    let mut finalizers = object.finalizers().to_vec();
    finalizers.push(FINALIZER.to_owned());
    set_finalizers(api, object, finalizers).await?;
    Ok(true)
}

/// Removes a finalizer, and with the last one the object.
pub async fn remove_finalizer<K>(api: &Api<K>, object: &K, finalizer: &str) -> Result<(), Error>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug,
{
    let finalizers: Vec<_> = object.finalizers().iter().filter(|f| *f != finalizer).cloned().collect();
    if finalizers.len() == object.finalizers().len() {
        return Ok(());
    }
    set_finalizers(api, object, finalizers).await
}

async fn set_finalizers<K>(api: &Api<K>, object: &K, finalizers: Vec<String>) -> Result<(), Error>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug,
{
    let patch = json!({"metadata": {"finalizers": finalizers, "resourceVersion": object.resource_version()}});
    match api
        .patch(
            &object.name_any(),
            &PatchParams { field_manager: Some(FIELD_MANAGER.into()), ..PatchParams::default() },
            &Patch::Merge(&patch),
        )
        .await
    {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        Err(source) => {
            Err(Error::Write { what: format!("the finalizers of {}", ObjectRef::from_obj(object)), source: Box::new(source) })
        }
    }
}
