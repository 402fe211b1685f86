//! Manifests that the tests apply: the examples of the repository, and small ones made here.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

/// The root of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A file of the examples.
pub fn example(name: &str) -> String {
    let path = root().join("examples").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Real definitions and objects of other projects, if they lie beside the repository; `GOVCLOUD_UPSTREAM` names another
/// folder, or none if it is empty.
pub fn upstream() -> Option<PathBuf> {
    let folder = std::env::var_os("GOVCLOUD_UPSTREAM").map_or_else(|| root().join("../shared/upstream"), PathBuf::from);
    Some(folder).filter(|folder| folder.is_dir())
}

/// A Kafka node pool.
pub fn node_pool(namespace: &str, name: &str, replicas: i64, storage: &str) -> Value {
    json!({
        "apiVersion": "kafka.strimzi.io/v1", "kind": "KafkaNodePool", "metadata": {"namespace": namespace, "name": name},
        "spec": {"replicas": replicas, "roles": ["broker"], "storage": {"type": "persistent-claim", "size": storage}},
    })
}

/// A Deployment that keeps to the restricted Pod Security Standard.
pub fn deployment(namespace: &str, name: &str, image: &str, replicas: i64) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"namespace": namespace, "name": name},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": pod_spec(image)}},
    })
}

/// A Pod that keeps to the restricted Pod Security Standard.
pub fn pod(namespace: &str, name: &str, image: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": namespace, "name": name}, "spec": pod_spec(image)})
}

/// The spec of a pod that keeps to the restricted Pod Security Standard.
pub fn pod_spec(image: &str) -> Value {
    json!({
        "securityContext": {"runAsNonRoot": true, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [{"name": "main", "image": image,
            "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}}}],
    })
}

/// A request for Kafka node pools.
pub fn permit(agency: &str, name: &str, requester: &str, project: &str, targets: &[(&str, i64, &str)]) -> Value {
    let targets: Vec<_> = targets
        .iter()
        .map(|(name, replicas, storage)| {
            json!({"group": "kafka.strimzi.io", "resource": "kafkanodepools", "name": name, "replicas": replicas, "perReplica": {"brokers": "1", "storage": storage}})
        })
        .collect();
    request(agency, name, requester, project, "message-broker", &targets)
}

/// A request of any class.
pub fn request(agency: &str, name: &str, requester: &str, project: &str, class: &str, targets: &[Value]) -> Value {
    json!({
        "apiVersion": "govcloud.dev/v1alpha1", "kind": "ProcessingPermit", "metadata": {"namespace": format!("agency-{agency}"), "name": name},
        "spec": {"requestedBy": requester, "processingClass": class, "project": project, "targets": targets, "zones": ["shiraz"],
            "justification": "Needed where no national zone reaches."},
    })
}
