//! Real kinds of other projects: refused without a permit, admitted with one, refused when larger.
//!
//! With the definitions and objects of Strimzi, KubeRay, the Spark operator and CloudNativePG beside the repository these
//! are used unmodified; without them, small definitions and objects of our own.

use std::{fs, path::PathBuf};

use govcloud_tests::{
    Cloud, Setup,
    fixtures::{request, root, upstream},
    people,
};
use serde_json::{Value, json};

/// A file of objects, what a permit for its objects says, and a change that makes one of them too large.
struct Case {
    file: &'static str,
    class: &'static str,
    targets: Vec<Value>,
    kind: &'static str,
    grow: (&'static str, Value),
    /// More than it may through `/scale`, and what is said then; for kinds that have it.
    scale: Option<(&'static str, &'static str)>,
    says: &'static str,
}

fn target(group: &str, resource: &str, name: &str, replicas: i64, per_replica: &Value) -> Value {
    json!({"group": group, "resource": resource, "name": name, "replicas": replicas, "perReplica": per_replica})
}

fn cases() -> Vec<Case> {
    let pool = |name: &str, storage: &str| {
        target("kafka.strimzi.io", "kafkanodepools", name, 3, &json!({"brokers": 1, "storage": storage}))
    };
    let kafka = target("kafka.strimzi.io", "kafkas", "my-cluster", 1, &json!({"brokers": 0}));
    let spark = |name: &str, replicas| {
        target("sparkoperator.k8s.io", "sparkapplications", name, replicas, &json!({"workers": 1, "cores": 1, "memory": "512Mi"}))
    };
    vec![
        Case {
            file: "kafka-jbod.yaml",
            class: "message-broker",
            targets: vec![pool("controller", "100Gi"), pool("broker", "200Gi"), kafka],
            kind: "kafkanodepool/broker",
            grow: ("/spec/storage/volumes/1/size", json!("101Gi")),
            scale: Some(("--replicas=4", "allows at most 3 replicas of kafkanodepools/broker, not 4")),
            says: "allows less storage per replica of kafkanodepools/broker",
        },
        Case {
            file: "ray-cluster.sample.yaml",
            class: "batch",
            targets: vec![target("ray.io", "rayclusters", "raycluster-kuberay", 1, &json!({"workers": 5}))],
            kind: "raycluster/raycluster-kuberay",
            grow: ("/spec/workerGroupSpecs/0/maxReplicas", json!(6)),
            scale: None,
            says: "allows less workers per replica of rayclusters/raycluster-kuberay",
        },
        Case {
            file: "spark-pi-dynamic-allocation.yaml",
            class: "batch",
            targets: vec![spark("spark-pi-dynamic-allocation", 5)],
            kind: "sparkapplication/spark-pi-dynamic-allocation",
            grow: ("/spec/dynamicAllocation/maxExecutors", json!(6)),
            scale: None,
            says: "allows at most 5 replicas of sparkapplications/spark-pi-dynamic-allocation, not 6",
        },
        Case {
            file: "spark-pi.yaml",
            class: "batch",
            targets: vec![spark("spark-pi", 1)],
            kind: "sparkapplication/spark-pi",
            grow: ("/spec/executor/memory", json!("1g")),
            scale: None,
            says: "allows less memory per replica of sparkapplications/spark-pi",
        },
        Case {
            file: "cnpg-cluster-example.yaml",
            class: "relational-database",
            targets: vec![target(
                "postgresql.cnpg.io",
                "clusters",
                "cluster-example",
                3,
                &json!({"instances": 1, "storage": "1Gi"}),
            )],
            kind: "cluster.postgresql.cnpg.io/cluster-example",
            grow: ("/spec/instances", json!(4)),
            scale: Some(("--replicas=4", "allows at most 3 replicas of clusters/cluster-example, not 4")),
            says: "allows at most 3 replicas of clusters/cluster-example, not 4",
        },
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn real_kinds_run_only_with_a_permit_and_not_beyond_it() {
    let cloud = Cloud::start(Setup::Government).await;
    let objects = objects();
    for case in cases() {
        let project = case.file.split(['.', '-']).next().unwrap_or_default().to_owned() + "-" + &case.file.len().to_string();
        let namespace = cloud.project("customs", people::CUSTOMS_ADMIN, &project, "1").await;
        let file = prepared(&objects.join(case.file), &namespace, &cloud);
        let apply = ["apply", "-n", &namespace, "-f", &file];
        cloud.kubectl(people::CUSTOMS_DEVELOPER, &apply).await.refused_with("no permit names");
        let permit = request("customs", &project, "requester@customs", &project, case.class, &case.targets);
        cloud.permit(people::CUSTOMS_REQUESTER, &permit).await;
        cloud.kubectl(people::CUSTOMS_DEVELOPER, &apply).await.succeeds();
        let patch = json!([{"op": "replace", "path": case.grow.0, "value": case.grow.1}]).to_string();
        let grow = ["patch", case.kind, "-n", &namespace, "--type=json", "-p", &patch];
        cloud.kubectl(people::CUSTOMS_DEVELOPER, &grow).await.refused_with(case.says);
        if let Some((replicas, says)) = case.scale {
            let scale = ["scale", case.kind, "-n", &namespace, replicas];
            cloud.kubectl(people::CUSTOMS_DEVELOPER, &scale).await.refused_with(says);
        }
        println!("{}: refused without a permit, admitted with one, refused beyond it", case.file);
    }
}

fn objects() -> PathBuf {
    upstream().map_or_else(|| root().join("tests/fixtures/objects"), |upstream| upstream.join("objects"))
}

/// The file as it is, but for a namespace that it names itself: kubectl refuses two.
fn prepared(file: &PathBuf, namespace: &str, cloud: &Cloud) -> String {
    let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let moved = text.replace("namespace: default", &format!("namespace: {namespace}"));
    let copy = cloud.plane.dir().join(file.file_name().expect("a file"));
    fs::write(&copy, moved).expect("it can be written");
    copy.to_string_lossy().into_owned()
}
