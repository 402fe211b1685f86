//! Handles to objects, for what is asked too often for a process of kubectl per question.

use kube::{
    Api, Client,
    api::{ApiResource, DynamicObject},
    core::GroupVersionKind,
};

/// Every object of a kind of ours.
pub fn ours(client: &Client, kind: &str, plural: &str) -> Api<DynamicObject> {
    Api::all_with(client.clone(), &our_resource(kind, plural))
}

/// Objects of a kind of ours in a namespace.
pub fn ours_in(client: &Client, namespace: &str, kind: &str, plural: &str) -> Api<DynamicObject> {
    Api::namespaced_with(client.clone(), namespace, &our_resource(kind, plural))
}

/// The projects of an agency.
pub fn projects(client: &Client, agency: &str) -> Api<DynamicObject> {
    ours_in(client, &format!("agency-{agency}"), "Project", "projects")
}

/// Every object of a kind of Kubernetes' own.
pub fn core(client: &Client, kind: &str, plural: &str) -> Api<DynamicObject> {
    Api::all_with(client.clone(), &core_resource(kind, plural))
}

/// Objects of a kind of Kubernetes' own in a namespace.
pub fn core_in(client: &Client, namespace: &str, kind: &str, plural: &str) -> Api<DynamicObject> {
    Api::namespaced_with(client.clone(), namespace, &core_resource(kind, plural))
}

fn our_resource(kind: &str, plural: &str) -> ApiResource {
    ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk("govcloud.dev", "v1alpha1", kind), plural)
}

fn core_resource(kind: &str, plural: &str) -> ApiResource {
    ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk("", "v1", kind), plural)
}
