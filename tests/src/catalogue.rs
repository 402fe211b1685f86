//! The whole catalogue of classes, and small stand-ins for the kinds that they control.

use std::fs;

use govcloud_crds::class::{Control, controlled::Controlled};
use serde_json::{Value, json};

use crate::{Cloud, fixtures::root, people};

#[path = "../../crds/tests/catalogue/samples.rs"]
mod samples;
pub use samples::{Samples, catalogue as classes};

/// Where `/scale` reads the replicas, of the kinds that have it upstream.
const SCALED: [(&str, &str); 16] = [
    ("cephobjectstores.ceph.rook.io", ".spec.gateway.instances"),
    ("clusters.postgresql.cnpg.io", ".spec.instances"),
    ("daskclusters.kubernetes.dask.org", ".spec.worker.replicas"),
    ("dataplanes.gateway-operator.konghq.com", ".spec.deployment.replicas"),
    ("flinkdeployments.flink.apache.org", ".spec.taskManager.replicas"),
    ("kafkanodepools.kafka.strimzi.io", ".spec.replicas"),
    ("keycloaks.k8s.keycloak.org", ".spec.instances"),
    ("leaderworkersets.leaderworkerset.x-k8s.io", ".spec.replicas"),
    ("machinedeployments.cluster.x-k8s.io", ".spec.replicas"),
    ("machinepools.cluster.x-k8s.io", ".spec.replicas"),
    ("mariadbs.k8s.mariadb.com", ".spec.replicas"),
    ("nodepools.hypershift.openshift.io", ".spec.replicas"),
    ("pytorchjobs.kubeflow.org", ".spec.pytorchReplicaSpecs.Worker.replicas"),
    ("servers.mlops.seldon.io", ".spec.replicas"),
    ("starrocksclusters.starrocks.com", ".spec.starRocksCnSpec.replicas"),
    ("tenantcontrolplanes.kamaji.clastix.io", ".spec.controlPlane.deployment.replicas"),
];

/// Defines every kind, as small as it can be; what lies beside the repository is of other shapes, and goes.
pub async fn define(cloud: &Cloud, all: &[Controlled<'_>]) {
    let names: Vec<_> = all.iter().map(Controlled::key).collect();
    let arguments: Vec<_> = ["delete", "crd", "--ignore-not-found"].into_iter().chain(names.iter().map(String::as_str)).collect();
    cloud.kubectl(people::ADMIN, &arguments).await.succeeds();
    let crds: Vec<_> = all.iter().map(|c| definition(c.control, &c.key())).collect();
    let list = json!({"apiVersion": "v1", "kind": "List", "items": crds});
    cloud.apply_json(people::ADMIN, &list).await.succeeds();
    cloud.kubectl(people::ADMIN, &["wait", "--for=condition=Established", "crd", "--all", "--timeout=120s"]).await.succeeds();
}

fn definition(control: &Control, key: &str) -> Value {
    let kind = Samples::of(control).kind;
    let scale = SCALED.iter().find(|(scaled, _)| *scaled == key);
    let subresources = scale
        .map_or(json!({}), |(_, path)| json!({"scale": {"specReplicasPath": path, "statusReplicasPath": ".status.replicas"}}));
    let version = json!({
        "name": control.version, "served": true, "storage": true, "subresources": subresources,
        "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
    });
    let mut metadata = json!({"name": key});
    if control.group.ends_with(".k8s.io") || control.group.ends_with(".x-k8s.io") || control.group.ends_with("kubernetes.io") {
        metadata["annotations"] = json!({"api-approved.kubernetes.io": "unapproved, a stand-in"});
    }
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": metadata,
        "spec": {"group": control.group, "scope": "Namespaced", "versions": [version],
            "names": {"kind": kind, "listKind": format!("{kind}List"), "plural": control.resource, "singular": kind.to_lowercase()}},
    })
}

/// Applies every class of the chart.
pub async fn apply(cloud: &Cloud) {
    let mut files: Vec<_> =
        fs::read_dir(root().join("charts/govcloud/classes")).expect("the catalogue").map(|f| f.expect("a file").path()).collect();
    files.sort();
    for file in files {
        let text = fs::read_to_string(&file).expect("a text");
        cloud.apply(people::REVIEWER_1, &text).await.succeeds();
    }
}
