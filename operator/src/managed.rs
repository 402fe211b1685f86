//! Objects that the operator owns entirely: built as manifests, compared whole, and put right when they differ.

use std::collections::BTreeMap;

use govcloud_crds::{
    names::{ANNOTATION_MADE, LABEL_MANAGED_BY, MANAGED_BY},
    permit::digest::{canonical, sha256},
};
use kube::{
    Api, Client, ResourceExt,
    api::{ApiResource, DeleteParams, DynamicObject, Patch, PatchParams, PostParams},
    core::GroupVersionKind,
    runtime::reflector::{ObjectRef, Store},
};
use serde_json::Value;

use crate::error::Error;

/// The field manager of everything that the operator writes.
pub const FIELD_MANAGER: &str = "govcloud-operator";

/// Kinds of managed objects: group, version, kind, plural.
pub const KINDS: [(&str, &str, &str, &str); 12] = [
    ("", "v1", "ResourceQuota", "resourcequotas"),
    ("", "v1", "LimitRange", "limitranges"),
    ("", "v1", "Secret", "secrets"),
    ("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies"),
    ("rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings"),
    ("rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles"),
    ("rbac.authorization.k8s.io", "v1", "ClusterRoleBinding", "clusterrolebindings"),
    ("admissionregistration.k8s.io", "v1", "ValidatingAdmissionPolicy", "validatingadmissionpolicies"),
    ("admissionregistration.k8s.io", "v1", "ValidatingAdmissionPolicyBinding", "validatingadmissionpolicybindings"),
    ("admissionregistration.k8s.io", "v1", "MutatingAdmissionPolicy", "mutatingadmissionpolicies"),
    ("admissionregistration.k8s.io", "v1", "MutatingAdmissionPolicyBinding", "mutatingadmissionpolicybindings"),
    ("govcloud.dev", "v1alpha1", "ProcessingGrant", "processinggrants"),
];
/// Managed kinds that an older cluster does not serve; it then has none of them.
pub const NOT_EVERYWHERE: [&str; 2] = ["MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding"];

/// The API resource of a managed kind.
pub fn api_resource(kind: &str) -> Option<ApiResource> {
    let (group, version, kind, plural) = KINDS.into_iter().find(|(_, _, k, _)| *k == kind)?;
    Some(ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, kind), plural))
}

/// What the cluster has of every managed kind.
#[derive(Clone, Default)]
pub struct Managed(pub BTreeMap<&'static str, Store<DynamicObject>>);

/// What [`Managed::ensure`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It was there as it should be.
    None,
    /// It was not there.
    Created,
    /// It was different.
    Repaired,
}

impl Managed {
    /// The object as the cluster has it.
    pub fn get(&self, kind: &str, namespace: Option<&str>, name: &str) -> Option<std::sync::Arc<DynamicObject>> {
        let mut reference = ObjectRef::<DynamicObject>::new_with(name, api_resource(kind)?);
        if let Some(namespace) = namespace {
            reference = reference.within(namespace);
        }
        self.0.get(kind)?.get(&reference)
    }

    /// Every object of a kind.
    pub fn all(&self, kind: &str) -> Vec<std::sync::Arc<DynamicObject>> {
        self.0.get(kind).map(Store::state).unwrap_or_default()
    }

    /// Makes the cluster have `manifest`; writes only if it differs.
    ///
    /// A missing object is created by server-side apply (the API server checks `escalate` by name only where the name is
    /// in the address). A different one is replaced whole, so that what others added to it does not stay.
    pub async fn ensure(&self, client: &Client, manifest: &Value) -> Result<Change, Error> {
        let (kind, namespace, name) = identity(manifest);
        if let Some(live) = self.get(kind, namespace, name) {
            return replace(client, manifest, &live).await;
        }
        let Some(resource) = api_resource(kind) else { return Ok(Change::None) };
        let applied = Patch::Apply(object(manifest)?);
        let written = api(client, namespace, &resource).patch(name, &PatchParams::apply(FIELD_MANAGER).force(), &applied).await;
        written.map_err(|source| not_written(manifest, source))?;
        Ok(Change::Created)
    }

    /// The same over exactly the version that the caller has `seen`: if it was written since, or made where there was none,
    /// nothing happens, and the error is a conflict.
    pub async fn ensure_over(&self, client: &Client, manifest: &Value, seen: Option<&DynamicObject>) -> Result<Change, Error> {
        if let Some(seen) = seen {
            return replace(client, manifest, seen).await;
        }
        let (kind, namespace, _) = identity(manifest);
        let Some(resource) = api_resource(kind) else { return Ok(Change::None) };
        let created = api(client, namespace, &resource).create(&params(), &object(manifest)?).await;
        created.map_err(|source| not_written(manifest, source))?;
        Ok(Change::Created)
    }

    /// Deletes an object if it is there.
    pub async fn remove(&self, client: &Client, kind: &str, namespace: Option<&str>, name: &str) -> Result<(), Error> {
        let (Some(resource), Some(_)) = (api_resource(kind), self.get(kind, namespace, name)) else { return Ok(()) };
        match api(client, namespace, &resource).delete(name, &DeleteParams::default()).await {
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
            Err(source) => Err(Error::Write { what: describe(kind, namespace, name), source: Box::new(source) }),
            Ok(_) => Ok(()),
        }
    }
}

impl Managed {
    /// Deletes what this operator made of these kinds in a namespace and does not want any more.
    pub async fn prune(&self, client: &Client, kinds: &[&str], namespace: &str, wanted: &[Value]) -> Result<(), Error> {
        let wanted: std::collections::BTreeSet<_> = wanted.iter().map(identity).collect();
        for kind in kinds {
            for object in self.all(kind).iter().filter(|o| o.metadata.namespace.as_deref() == Some(namespace)) {
                let name = object.name_any();
                if !wanted.contains(&(*kind, Some(namespace), name.as_str())) {
                    self.remove(client, kind, Some(namespace), &name).await?;
                }
            }
        }
        Ok(())
    }
}

async fn replace(client: &Client, manifest: &Value, live: &DynamicObject) -> Result<Change, Error> {
    let (kind, namespace, name) = identity(manifest);
    let (Some(resource), Some(_)) = (api_resource(kind), differs(manifest, live)) else { return Ok(Change::None) };
    let merged = carrying_over(object(manifest)?, live);
    let written = api(client, namespace, &resource).replace(name, &params(), &merged).await;
    written.map_err(|source| not_written(manifest, source))?;
    Ok(Change::Repaired)
}

fn params() -> PostParams {
    PostParams { field_manager: Some(FIELD_MANAGER.into()), ..PostParams::default() }
}

fn not_written(manifest: &Value, source: kube::Error) -> Error {
    let (kind, namespace, name) = identity(manifest);
    Error::Write { what: describe(kind, namespace, name), source: Box::new(source) }
}

fn api(client: &Client, namespace: Option<&str>, resource: &ApiResource) -> Api<DynamicObject> {
    match namespace {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, resource),
        None => Api::all_with(client.clone(), resource),
    }
}

/// Kind, namespace and name of a manifest.
pub fn identity(manifest: &Value) -> (&str, Option<&str>, &str) {
    let metadata = &manifest["metadata"];
    (manifest["kind"].as_str().unwrap_or_default(), metadata["namespace"].as_str(), metadata["name"].as_str().unwrap_or_default())
}

/// Such as `ResourceQuota tax--analytics/govcloud`.
pub fn describe(kind: &str, namespace: Option<&str>, name: &str) -> String {
    namespace.map_or_else(|| format!("{kind} {name}"), |namespace| format!("{kind} {namespace}/{name}"))
}

/// A manifest as an object.
pub fn object(manifest: &Value) -> Result<DynamicObject, Error> {
    serde_json::from_value(manifest.clone())
        .map_err(|source| Error::Build { what: manifest["metadata"]["name"].to_string(), source })
}

/// `object` with what belongs to the API server and to others' bookkeeping: version, finalizers, owners, other labels.
pub fn carrying_over(mut object: DynamicObject, live: &DynamicObject) -> DynamicObject {
    let mut metadata = live.metadata.clone();
    metadata.managed_fields = None;
    metadata.labels.get_or_insert_default().append(&mut object.metadata.labels.take().unwrap_or_default());
    metadata.annotations.get_or_insert_default().append(&mut object.metadata.annotations.take().unwrap_or_default());
    if let Some(owners) = object.metadata.owner_references.take() {
        metadata.owner_references = Some(owners);
    }
    if let (Some(status), Some(fields)) = (live.data.get("status"), object.data.as_object_mut()) {
        fields.insert("status".into(), status.clone());
    }
    object.metadata = metadata;
    object
}

/// The first field in which a live object differs from its manifest, or `None`.
///
/// Everything but `metadata` and `status` must be equal, whoever wrote it; of the metadata, what the manifest says.
pub fn differs(manifest: &Value, live: &DynamicObject) -> Option<String> {
    let empty = serde_json::Map::new();
    let (wanted, has) = (manifest.as_object().unwrap_or(&empty), live.data.as_object().unwrap_or(&empty));
    let keys = wanted.keys().chain(has.keys()).filter(|key| is_content(key));
    let differing = keys.into_iter().find(|key| tidy(wanted.get(*key)) != tidy(has.get(*key)));
    differing.cloned().or_else(|| metadata_differs(&manifest["metadata"], live))
}

/// A manifest that carries the fingerprint of its own content, by which a change that somebody else made is told from one
/// that is still to be made.
pub fn sealed(mut manifest: Value) -> Value {
    let seal = fingerprint(&manifest);
    manifest["metadata"]["annotations"][ANNOTATION_MADE] = seal.into();
    manifest
}

/// Whether an object carries a fingerprint and is no longer what it was taken of.
pub fn has_broken_seal(live: &DynamicObject) -> bool {
    live.annotations().get(ANNOTATION_MADE).is_some_and(|seal| *seal != fingerprint(&live.data))
}

/// Of everything that [`differs`] compares but the metadata.
fn fingerprint(object: &Value) -> String {
    let mut content = object.clone();
    if let Some(fields) = content.as_object_mut() {
        fields.retain(|key, _| is_content(key));
    }
    sha256(&canonical(&tidy(Some(&content))))[..16].to_owned()
}

fn is_content(key: &str) -> bool {
    !["metadata", "status", "apiVersion", "kind"].contains(&key)
}

fn metadata_differs(wanted: &Value, live: &DynamicObject) -> Option<String> {
    let missing = |what: &str, has: &BTreeMap<String, String>| {
        let wanted = wanted[what].as_object()?;
        wanted
            .iter()
            .find(|(key, value)| has.get(*key).map(String::as_str) != value.as_str())
            .map(|(key, _)| format!("metadata.{what}[{key}]"))
    };
    missing("labels", live.labels()).or_else(|| missing("annotations", live.annotations()))
}

/// A value without nulls and empty collections, which the API server drops or adds at will.
fn tidy(value: Option<&Value>) -> Value {
    let tidied = match value {
        Some(Value::Object(fields)) => {
            let kept = fields.iter().map(|(k, v)| (k.clone(), tidy(Some(v)))).filter(|(_, v)| !v.is_null());
            Value::Object(kept.collect())
        }
        Some(Value::Array(items)) => Value::Array(items.iter().map(|item| tidy(Some(item))).collect()),
        Some(other) => other.clone(),
        None => Value::Null,
    };
    if is_empty(&tidied) { Value::Null } else { tidied }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(fields) => fields.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

/// The labels of every managed object.
pub fn labels() -> Value {
    serde_json::json!({LABEL_MANAGED_BY: MANAGED_BY})
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn live(change: Value) -> DynamicObject {
        let mut object = json!({
            "apiVersion": "v1", "kind": "ResourceQuota",
            "metadata": {"name": "q", "labels": {"ours": "1", "theirs": "2"}},
            "spec": {"hard": {"pods": "1"}, "scopes": []}, "status": {"used": {}},
        });
        for (key, value) in change.as_object().into_iter().flatten() {
            object[key] = value.clone();
        }
        serde_json::from_value(object).expect("valid")
    }

    fn manifest() -> Value {
        json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q", "labels": {"ours": "1"}}, "spec": {"hard": {"pods": "1"}}})
    }

    #[test]
    fn a_seal_holds_whatever_the_api_server_adds_and_breaks_when_somebody_alters_the_content() {
        let sealed = sealed(manifest());
        let as_stored = |hard: Value| {
            let mut stored = sealed.clone();
            stored["metadata"]["labels"]["theirs"] = json!("2");
            stored["spec"] = json!({"hard": hard, "scopes": []});
            stored["status"] = json!({"used": {}});
            serde_json::from_value(stored).expect("valid")
        };
        assert!(!has_broken_seal(&as_stored(json!({"pods": "1"}))));
        assert!(has_broken_seal(&as_stored(json!({"pods": "2"}))));
        assert!(!has_broken_seal(&live(json!({}))), "nothing is known of what carries none");
    }

    #[test]
    fn defaults_and_others_labels_are_no_difference() {
        assert_eq!(differs(&manifest(), &live(json!({}))), None);
    }

    #[test]
    fn anything_added_changed_or_missing_is() {
        assert_eq!(differs(&manifest(), &live(json!({"spec": {"hard": {"pods": "2"}}}))).as_deref(), Some("spec"));
        assert_eq!(
            differs(&manifest(), &live(json!({"spec": {"hard": {"pods": "1"}, "scopes": ["BestEffort"]}}))).as_deref(),
            Some("spec")
        );
        assert_eq!(differs(&manifest(), &live(json!({"data": {"x": "y"}}))).as_deref(), Some("data"));
        let unlabelled = live(json!({"metadata": {"name": "q"}}));
        assert_eq!(differs(&manifest(), &unlabelled).as_deref(), Some("metadata.labels[ours]"));
    }

    #[test]
    fn a_repair_keeps_what_belongs_to_others_but_not_in_the_spec() {
        let live = live(json!({"spec": {"hard": {"pods": "9"}, "scopes": ["BestEffort"]}}));
        let repaired = carrying_over(object(&manifest()).expect("valid"), &live);
        assert_eq!(repaired.labels().len(), 2);
        assert_eq!(repaired.data["spec"], json!({"hard": {"pods": "1"}}));
        assert_eq!(repaired.data["status"], json!({"used": {}}));
    }
}
