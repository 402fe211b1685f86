//! What the scanner keeps of pods, and of what stands between them and their owners, where utilisation is known: enough to tell whose
//! use it is, and nothing of what it runs.

use jiff::Timestamp;
use serde_json::Value;

use super::observed::{LABEL_STRIMZI, asked, containers, controller, is_over, marked};
use crate::{
    Quantity,
    class::recognise::{WorkloadKind, at},
    names::split_project_namespace,
};

/// A pod of a project, or a workload that makes some and is not kept otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its uid.
    pub uid: String,
    /// The uid of its controlling owner.
    pub owner: Option<String>,
    /// The Kafka cluster that it belongs to.
    pub cluster: Option<String>,
    /// What it requests, if it is a pod.
    pub pod: Option<Requests>,
}

/// What a pod requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Requests {
    /// Since when it is there.
    pub created: Option<Timestamp>,
    /// Cores.
    pub cpu: Quantity,
    /// Bytes of memory.
    pub memory: Quantity,
    /// Whether it asks for devices, whose use no metric of the cluster's own says.
    pub devices: bool,
}

impl Part {
    /// What is kept of an ordinary workload in a project; `None` of anything else, and of what has come to its end.
    pub fn of(object: &Value) -> Option<Self> {
        let workload = WorkloadKind::of(object)?;
        let text = |path: &str| at(object, path).and_then(Value::as_str).map(str::to_owned);
        let namespace = text("metadata.namespace")?;
        split_project_namespace(&namespace)?;
        if is_over(object) {
            return None;
        }
        Some(Self {
            namespace,
            name: text("metadata.name")?,
            uid: text("metadata.uid")?,
            owner: controller(object).and_then(|owner| owner.get("uid")?.as_str()).map(str::to_owned),
            cluster: marked(object, "labels", LABEL_STRIMZI),
            pod: (workload.kind == "Pod").then(|| requests(workload, object)),
        })
    }
}

fn requests(workload: &WorkloadKind, object: &Value) -> Requests {
    let pod = at(object, workload.pod_spec).unwrap_or(&Value::Null);
    // What the pod says of itself as a whole is instead of what its containers say.
    let of = |resource: &str| {
        let sum = || containers(workload, object).filter_map(|container| asked(container, resource)).sum();
        asked(pod, resource).unwrap_or_else(sum)
    };
    let has_claims = pod.get("resourceClaims").and_then(Value::as_array).is_some_and(|claims| !claims.is_empty());
    Requests {
        created: at(object, "metadata.creationTimestamp").and_then(Value::as_str).and_then(|text| text.parse().ok()),
        cpu: of("cpu"),
        memory: of("memory"),
        devices: has_claims || containers(workload, object).any(asks_for_devices),
    }
}

/// Devices have names with a slash.
fn asks_for_devices(container: &Value) -> bool {
    let of = |list: &str| container.get("resources").and_then(|r| r.get(list)).and_then(Value::as_object);
    ["requests", "limits"].into_iter().filter_map(of).flat_map(|list| list.keys()).any(|key| key.contains('/'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    fn pod(spec: Value) -> Value {
        json!({"apiVersion": "v1", "kind": "Pod", "spec": spec, "metadata": {"namespace": "t--a", "name": "p", "uid": "u",
            "creationTimestamp": "2026-11-01T00:00:00Z", "ownerReferences": [{"kind": "X", "uid": "o", "controller": true}]}})
    }

    #[rstest]
    #[case::sum(json!({"containers": [{"resources": {"requests": {"cpu": "1", "memory": "1Gi"}}}, {"resources": {"limits": {"cpu": "500m"}}}]}), "1500m", "1Gi", false)]
    #[case::sidecar(json!({"containers": [{}], "initContainers": [{"restartPolicy": "Always", "resources": {"requests": {"cpu": "1"}}}, {"resources": {"requests": {"cpu": "9"}}}]}), "1", "0", false)]
    #[case::as_a_whole(json!({"containers": [{"resources": {"requests": {"cpu": "1"}}}], "resources": {"requests": {"cpu": "3"}}}), "3", "0", false)]
    #[case::device(json!({"containers": [{"resources": {"limits": {"cpu": "1", "nvidia.com/gpu": 1}}}]}), "1", "0", true)]
    #[case::claimed_device(json!({"containers": [{}], "resourceClaims": [{"name": "gpu"}]}), "0", "0", true)]
    #[case::nothing(json!({}), "0", "0", false)]
    fn what_a_pod_requests(#[case] spec: Value, #[case] cpu: &str, #[case] memory: &str, #[case] devices: bool) {
        let part = Part::of(&pod(spec)).expect("a pod of a project");
        let created = Some("2026-11-01T00:00:00Z".parse().expect("valid"));
        let quantity = |text: &str| text.parse().expect("valid");
        assert_eq!(part.pod, Some(Requests { created, cpu: quantity(cpu), memory: quantity(memory), devices }));
        assert_eq!(part.owner.as_deref(), Some("o"));
    }

    #[test]
    fn only_workloads_of_projects_are_kept_and_only_while_they_run() {
        let mut elsewhere = pod(json!({}));
        elsewhere["metadata"]["namespace"] = json!("default");
        assert_eq!(Part::of(&elsewhere), None);
        let mut over = pod(json!({}));
        over["status"] = json!({"phase": "Succeeded"});
        assert_eq!(Part::of(&over), None);
        let mut other = pod(json!({}));
        other["kind"] = json!("ConfigMap");
        assert_eq!(Part::of(&other), None);
        let mut set = pod(json!({}));
        (set["apiVersion"], set["kind"]) = (json!("apps/v1"), json!("ReplicaSet"));
        assert_eq!(Part::of(&set).expect("kept").pod, None);
    }
}
