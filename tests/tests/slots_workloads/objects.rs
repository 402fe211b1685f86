//! The workloads that are tried.

use govcloud_tests::{
    fixtures::{deployment, pod, pod_spec},
    people::CUSTOMS_DEVELOPER,
    remedy::Attack,
};
use serde_json::{Value, json};

pub const LAB: &str = "customs--lab";
pub const KAFKA: &str = "registry.gov.internal/apache/kafka:3.9";
pub const PROCESSING: &str = "govcloud.dev/processing";
pub const LABEL: &str = "govcloud-workloads";
pub const SLOTS: &str = "govcloud-workload-slots";
pub const ORPHANS: &str = "govcloud-workload-orphans";
pub const OPERATORS: &str = "govcloud-operators";
pub const DEPLOYMENT_CONTROLLER: &str = "system:serviceaccount:kube-system:deployment-controller";

pub fn labelled(mut object: Value) -> Value {
    object["metadata"]["labels"] = json!({PROCESSING: ""});
    object
}

pub fn kafka(replicas: i64) -> Value {
    labelled(deployment(LAB, "kafka", KAFKA, replicas))
}

pub fn stateful_set(image: &str, replicas: i64) -> Value {
    let mut set = labelled(deployment(LAB, "kafka", image, replicas));
    set["kind"] = json!("StatefulSet");
    set["spec"]["serviceName"] = json!("kafka");
    set
}

pub fn cron_job(concurrency: &str) -> Value {
    let mut pod = pod_spec(KAFKA);
    pod["restartPolicy"] = json!("Never");
    labelled(json!({
        "apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"namespace": LAB, "name": "kafka"},
        "spec": {"schedule": "0 0 1 1 *", "concurrencyPolicy": concurrency, "jobTemplate": {"spec": {"template": {"spec": pod}}}},
    }))
}

/// The same without Kafka's image in a container: it is mounted as a volume.
pub fn mounting(object: &Value) -> Value {
    let plain = object.to_string().replace(KAFKA, "nginx:1");
    let volume = json!({"name": "bin", "image": {"reference": KAFKA}});
    let mounting = plain.replace(r#""containers":"#, &format!(r#""volumes":[{volume}],"containers":"#));
    serde_json::from_str(&mounting).expect("still JSON")
}

/// The same with an initial container that runs what the main one runs; `Always` makes it a sidecar.
pub fn with_initial(mut object: Value, restart_policy: Option<&str>) -> Value {
    let path = if object["kind"] == "Pod" { "/spec" } else { "/spec/template/spec" };
    let pod = object.pointer_mut(path).expect("it describes a pod");
    let mut initial = pod["containers"][0].clone();
    initial["name"] = json!("initial");
    if let Some(policy) = restart_policy {
        initial["restartPolicy"] = json!(policy);
    }
    pod["initContainers"] = json!([initial]);
    object
}

/// One object of each kind that runs containers, with Kafka's image.
pub fn of_every_kind() -> Vec<Value> {
    let template = || json!({"metadata": {"labels": {"app": "k"}}, "spec": pod_spec(KAFKA)});
    let selector = json!({"matchLabels": {"app": "k"}});
    let mut job = template();
    job["spec"]["restartPolicy"] = json!("Never");
    let object = |api_version: &str, kind: &str, spec: Value| json!({"apiVersion": api_version, "kind": kind, "metadata": {"namespace": LAB, "name": "k"}, "spec": spec});
    vec![
        object("v1", "Pod", pod_spec(KAFKA)),
        object("v1", "ReplicationController", json!({"selector": {"app": "k"}, "template": template()})),
        object("apps/v1", "DaemonSet", json!({"selector": selector, "template": template()})),
        object("apps/v1", "Deployment", json!({"selector": selector, "template": template()})),
        object("apps/v1", "ReplicaSet", json!({"selector": selector, "template": template()})),
        object("apps/v1", "StatefulSet", json!({"serviceName": "k", "selector": selector, "template": template()})),
        object(
            "batch/v1",
            "CronJob",
            json!({"schedule": "0 0 1 1 *", "concurrencyPolicy": "Forbid", "jobTemplate": {"spec": {"template": job.clone()}}}),
        ),
        object("batch/v1", "Job", json!({"template": job})),
    ]
}

pub fn labelled_pod(image: &str) -> Attack {
    Attack::create(CUSTOMS_DEVELOPER, &labelled(pod(LAB, "kafka", image)))
}

/// A pod of an owner, as its controller makes it.
pub fn owned(kind: &str, api_version: &str, owner: &str, mut object: Value) -> Value {
    object["metadata"]["ownerReferences"] = json!([{"apiVersion": api_version, "kind": kind, "name": owner, "uid": "5f3c8a0e-0000-4000-8000-000000000000", "controller": true}]);
    object
}
