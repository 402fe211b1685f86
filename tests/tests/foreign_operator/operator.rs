//! The operator: for each KafkaNodePool a StrimziPodSet, for each of those its pods, and nothing remembered in between.

use std::time::Duration;

use govcloud_tests::{Cloud, fixtures::pod, people::ADMIN};
use kube::{
    Api, Client, ResourceExt,
    api::{ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams},
    core::GroupVersionKind,
};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

/// What its pods run.
pub const KAFKA: &str = "quay.io/strimzi/kafka:0.51.0-kafka-4.2.0";
/// How often it looks.
const ROUND: Duration = Duration::from_millis(250);

/// What Strimzi has beside its kinds: its rights, and the object between a pool and its pods.
pub async fn install(cloud: &Cloud) {
    cloud.apply(ADMIN, RIGHTS).await.succeeds();
    cloud
        .kubectl(ADMIN, &["wait", "--for=condition=Established", "crd/strimzipodsets.core.strimzi.io", "--timeout=60s"])
        .await
        .succeeds();
}

const RIGHTS: &str = r#"
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: strimzi-of-our-own}
rules:
  - {apiGroups: [""], resources: [pods], verbs: [get, list, create, delete]}
  - {apiGroups: [kafka.strimzi.io], resources: [kafkanodepools], verbs: [get, list]}
  - {apiGroups: [core.strimzi.io], resources: [strimzipodsets], verbs: [get, list, create, patch]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: strimzi-of-our-own}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: strimzi-of-our-own}
subjects: [{kind: ServiceAccount, namespace: strimzi, name: strimzi-cluster-operator}]
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: strimzipodsets.core.strimzi.io}
spec:
  group: core.strimzi.io
  scope: Namespaced
  names: {kind: StrimziPodSet, listKind: StrimziPodSetList, plural: strimzipodsets, singular: strimzipodset}
  versions:
    - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}
"#;

/// The controlling owner of a child.
pub fn owned_by(api_version: &str, kind: &str, name: &str, uid: &Value) -> Value {
    json!([{"apiVersion": api_version, "kind": kind, "name": name, "uid": uid, "controller": true, "blockOwnerDeletion": false}])
}

/// The operator at work.
pub struct Foreign(JoinHandle<()>);

impl Foreign {
    /// Starts it with the credential of its account.
    pub fn start(client: Client) -> Self {
        Self(tokio::spawn(async move {
            loop {
                for pool in list(&client, "kafka.strimzi.io", "KafkaNodePool", "kafkanodepools").await {
                    reconcile(&client, &pool).await;
                }
                tokio::time::sleep(ROUND).await;
            }
        }))
    }

    /// Stops it; a failure of its own is a failure of the test.
    pub async fn stop(self) {
        self.0.abort();
        if let Err(error) = self.0.await {
            assert!(error.is_cancelled(), "the operator failed: {error}");
        }
    }
}

fn api(client: &Client, namespace: &str, group: &str, kind: &str, plural: &str) -> Api<DynamicObject> {
    let kind = GroupVersionKind::gvk(group, "v1", kind);
    Api::namespaced_with(client.clone(), namespace, &ApiResource::from_gvk_with_plural(&kind, plural))
}

async fn list(client: &Client, group: &str, kind: &str, plural: &str) -> Vec<DynamicObject> {
    let resource = ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, "v1", kind), plural);
    let all: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
    all.list(&ListParams::default()).await.map(|list| list.items).unwrap_or_default()
}

/// The pod set of a pool, and its pods. What is refused is tried again in the next round, as operators do.
async fn reconcile(client: &Client, pool: &DynamicObject) {
    if pool.metadata.deletion_timestamp.is_some() {
        return;
    }
    let (namespace, name) = (pool.namespace().unwrap_or_default(), pool.name_any());
    let wanted = pool.data["spec"]["replicas"].as_u64().unwrap_or_default();
    let sets = api(client, &namespace, "core.strimzi.io", "StrimziPodSet", "strimzipodsets");
    let set = json!({
        "apiVersion": "core.strimzi.io/v1", "kind": "StrimziPodSet",
        "metadata": {"name": name, "ownerReferences": owned_by("kafka.strimzi.io/v1", "KafkaNodePool", &name, &json!(pool.uid()))},
        "spec": {"pods": wanted},
    });
    let Ok(set) = sets.patch(&name, &PatchParams::apply("strimzi").force(), &Patch::Apply(&set)).await else { return };
    let pods = api(client, &namespace, "", "Pod", "pods");
    for number in 0..wanted {
        let mut child = pod(&namespace, &format!("{name}-{number}"), KAFKA);
        child["metadata"]["ownerReferences"] = owned_by("core.strimzi.io/v1", "StrimziPodSet", &name, &json!(set.uid()));
        let child: DynamicObject = serde_json::from_value(child).expect("a pod");
        let _ = pods.create(&PostParams::default(), &child).await;
    }
    let _ = pods.delete(&format!("{name}-{wanted}"), &DeleteParams::default()).await;
}
