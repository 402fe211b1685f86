//! What is kept of which object.

use rstest::rstest;
use serde_json::json;

use super::*;

fn classes() -> BTreeMap<String, ProcessingClass> {
    let spec = json!({
        "displayName": "Broker", "dimensions": [{"name": "brokers"}],
        "controls": [{"group": "kafka.strimzi.io", "resource": "kafkanodepools", "version": "v1", "replicas": "object.spec.replicas", "perReplica": {"brokers": "1"}}],
        "workloads": {"images": ["(^|/)kafka([:@-]|$)"], "countsAs": "brokers"},
        "approval": {"quorum": [{"group": "g", "count": 1}]},
    });
    [("broker".to_owned(), ProcessingClass::new("broker", serde_json::from_value(spec).expect("valid")))].into()
}

fn container(image: &str, port: u16, cpu: &str) -> Value {
    json!({"image": image, "ports": [{"containerPort": port}], "resources": {"requests": {"cpu": cpu}, "limits": {"cpu": "900", "memory": "1Gi"}}})
}

fn deployment(namespace: &str, containers: Value) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"namespace": namespace, "name": "d", "uid": "u"},
        "spec": {"replicas": 2, "template": {"spec": {"containers": containers}}}})
}

fn pod(change: Value) -> Value {
    let mut pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": "t--a", "name": "p", "uid": "u"},
        "spec": {"containers": [{"image": "kafka"}]}});
    for (key, value) in change.as_object().expect("an object") {
        pod[key] = value.clone();
    }
    pod
}

fn owned_by(api_version: &str, kind: &str) -> Value {
    json!({"metadata": {"namespace": "t--a", "name": "p", "uid": "u",
        "ownerReferences": [{"apiVersion": "v1", "kind": "Note", "uid": "n"}, {"apiVersion": api_version, "kind": kind, "uid": "o", "controller": true}]}})
}

fn kept(object: &Value, resource: &str) -> Option<Observed> {
    Observed::of(object, resource, &classes())
}

#[rstest]
#[case::by_itself(json!({}), true)]
#[case::of_a_replica_set(owned_by("apps/v1", "ReplicaSet"), false)]
#[case::of_a_job(owned_by("batch/v1", "Job"), false)]
#[case::of_another_group(owned_by("apps.example/v1", "StatefulSet"), true)]
#[case::of_a_custom_resource(owned_by("core.strimzi.io/v1", "StrimziPodSet"), true)]
#[case::of_a_driver(owned_by("v1", "Pod"), true)]
#[case::over(json!({"status": {"phase": "Succeeded"}}), false)]
#[case::running(json!({"status": {"phase": "Running"}}), true)]
fn a_pod_is_kept_unless_a_workload_speaks_for_it(#[case] change: Value, #[case] is_kept: bool) {
    let found = kept(&pod(change.clone()), "pods");
    assert_eq!(found.is_some(), is_kept);
    let owner = found.and_then(|found| found.owner);
    assert_eq!(owner.is_some(), is_kept && change.to_string().contains("ownerReferences"));
}

#[test]
fn infrastructure_is_kept_wherever_it_is_with_its_size_and_links() {
    let pool = json!({"apiVersion": "kafka.strimzi.io/v1", "kind": "KafkaNodePool", "spec": {"replicas": 3},
        "metadata": {"namespace": "default", "name": "b", "uid": "u", "creationTimestamp": "2026-01-01T00:00:00Z",
            "labels": {"strimzi.io/cluster": "k"}, "annotations": {"meta.helm.sh/release-name": "events"}}});
    let found = kept(&pool, "kafkanodepools").expect("kept");
    let classified = found.classified().expect("of a class");
    assert_eq!(classified.size.as_ref().map(|s| s.total().to_string()), Ok("3 brokers".to_owned()));
    assert!(!classified.by_image);
    assert_eq!((found.cluster.as_deref(), found.release.as_deref()), (Some("k"), Some("events")));
    assert_eq!(found.object.label(), "kafkanodepools.kafka.strimzi.io/b in default");
    assert!(found.created.is_some());
}

#[rstest]
#[case::in_a_project("t--a", json!([container("web", 8080, "500m")]), Some(("1 requests.cpu, 2Gi requests.memory", vec![])))]
#[case::a_port("t--a", json!([{"image": "web", "ports": [{"containerPort": 5432}]}]), Some(("nothing", vec![5432])))]
#[case::elsewhere("default", json!([container("web", 5432, "500m")]), None)]
#[case::asks_for_nothing("t--a", json!([{"image": "web"}]), None)]
fn an_ordinary_workload_is_kept_for_what_it_takes_in_a_project(
    #[case] namespace: &str,
    #[case] containers: Value,
    #[case] expected: Option<(&str, Vec<u16>)>,
) {
    let found = kept(&deployment(namespace, containers), "deployments").map(|found| found.what);
    let expected = expected.map(|(requests, ports)| (requests.to_owned(), ports));
    let generic = found.map(|what| match what {
        What::Generic(generic) => (generic.requests.to_string(), generic.ports),
        What::Classified(classified) => panic!("{classified:?}"),
    });
    assert_eq!(generic, expected);
}

#[test]
fn sidecars_count_and_what_runs_first_does_not() {
    let mut object = deployment("t--a", json!([container("web", 80, "1")]));
    object["spec"]["template"]["spec"]["initContainers"] = json!([container("migrate", 5432, "8"), {"image": "proxy", "restartPolicy": "Always", "resources": {"limits": {"cpu": 1}}}]);
    let Some(What::Generic(generic)) = kept(&object, "deployments").map(|found| found.what) else { panic!("not generic") };
    assert_eq!((generic.requests.get("requests.cpu").to_string(), generic.ports), ("4".to_owned(), vec![]));
}

#[test]
fn a_claim_on_storage_is_kept_for_its_size() {
    let claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"namespace": "t--a", "name": "c", "uid": "u"},
        "spec": {"resources": {"requests": {"storage": "1Ti"}}}});
    let Some(What::Generic(generic)) = kept(&claim, "persistentvolumeclaims").map(|found| found.what) else {
        panic!("not generic")
    };
    assert_eq!(generic.requests.to_string(), "1Ti requests.storage");
}
