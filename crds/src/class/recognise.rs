//! Which class a manifest belongs to, and how large it is: what `govcloud permit check` and the scanner ask.

use std::collections::BTreeMap;

use regex::Regex;
use serde_json::Value;

use super::measure::{MeasureError, Size, measure};
use crate::{ProcessingClass, Quantity, names::resource_key};

/// An ordinary workload kind, and where its pods are described.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkloadKind {
    /// API group.
    pub group: &'static str,
    /// The one version that is served.
    pub version: &'static str,
    /// Kind.
    pub kind: &'static str,
    /// Plural resource name.
    pub resource: &'static str,
    /// CEL path below `object` of the pod's spec, such as `spec.template.spec`.
    pub pod_spec: &'static str,
    /// CEL path below `object` of the number of pods at a time; `None` if it is one, or one per node.
    pub replicas: Option<&'static str>,
}

/// Every kind that runs containers.
pub const WORKLOADS: [WorkloadKind; 8] = [
    WorkloadKind { group: "", version: "v1", kind: "Pod", resource: "pods", pod_spec: "spec", replicas: None },
    WorkloadKind {
        group: "",
        version: "v1",
        kind: "ReplicationController",
        resource: "replicationcontrollers",
        pod_spec: "spec.template.spec",
        replicas: Some("spec.replicas"),
    },
    WorkloadKind {
        group: "apps",
        version: "v1",
        kind: "DaemonSet",
        resource: "daemonsets",
        pod_spec: "spec.template.spec",
        replicas: None,
    },
    WorkloadKind {
        group: "apps",
        version: "v1",
        kind: "Deployment",
        resource: "deployments",
        pod_spec: "spec.template.spec",
        replicas: Some("spec.replicas"),
    },
    WorkloadKind {
        group: "apps",
        version: "v1",
        kind: "ReplicaSet",
        resource: "replicasets",
        pod_spec: "spec.template.spec",
        replicas: Some("spec.replicas"),
    },
    WorkloadKind {
        group: "apps",
        version: "v1",
        kind: "StatefulSet",
        resource: "statefulsets",
        pod_spec: "spec.template.spec",
        replicas: Some("spec.replicas"),
    },
    WorkloadKind {
        group: "batch",
        version: "v1",
        kind: "CronJob",
        resource: "cronjobs",
        pod_spec: "spec.jobTemplate.spec.template.spec",
        replicas: Some("spec.jobTemplate.spec.parallelism"),
    },
    WorkloadKind {
        group: "batch",
        version: "v1",
        kind: "Job",
        resource: "jobs",
        pod_spec: "spec.template.spec",
        replicas: Some("spec.parallelism"),
    },
];

impl WorkloadKind {
    /// The workload kind of a manifest.
    pub fn of(object: &Value) -> Option<&'static Self> {
        let (group, _) = group_version(object)?;
        let kind = object.get("kind")?.as_str()?;
        WORKLOADS.iter().find(|w| w.group == group && w.kind == kind)
    }

    /// The images of all containers, initial and ephemeral ones included.
    pub fn images<'a>(&self, object: &'a Value) -> Vec<&'a str> {
        let Some(pod) = at(object, self.pod_spec) else { return Vec::new() };
        let lists = ["containers", "initContainers", "ephemeralContainers"];
        let containers = lists.iter().filter_map(|list| pod.get(list)?.as_array()).flatten();
        containers.filter_map(|c| c.get("image")?.as_str()).collect()
    }

    /// How many pods run at a time; 1 where the manifest does not say.
    pub fn replica_count(&self, object: &Value) -> i64 {
        self.replicas.and_then(|path| at(object, path)?.as_i64()).unwrap_or(1)
    }
}

fn at<'a>(object: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(object, |value, key| value.get(key))
}

/// Group and version of a manifest's `apiVersion`.
pub fn group_version(object: &Value) -> Option<(&str, &str)> {
    let api_version = object.get("apiVersion")?.as_str()?;
    Some(api_version.split_once('/').unwrap_or(("", api_version)))
}

/// A manifest that is processing infrastructure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recognised {
    /// The class.
    pub class: String,
    /// API group.
    pub group: String,
    /// Plural resource name.
    pub resource: String,
    /// The object's name.
    pub name: String,
    /// How large it is, or why that cannot be told.
    pub size: Result<Size, MeasureError>,
}

impl Recognised {
    /// Such as `kafkanodepools.kafka.strimzi.io/broker`.
    pub fn label(&self) -> String {
        format!("{}/{}", resource_key(&self.group, &self.resource), self.name)
    }
}

/// The class and size of `object`, or `None` if no class knows it.
///
/// `resource` is the plural resource name of the object's kind, which only the cluster knows; without it, the resource of
/// a control is guessed from the kind (`KafkaNodePool` → `kafkanodepools`).
pub fn recognise(object: &Value, resource: Option<&str>, classes: &BTreeMap<String, ProcessingClass>) -> Option<Recognised> {
    let (group, version) = group_version(object)?;
    let kind = object.get("kind")?.as_str()?;
    let name = at(object, "metadata.name").and_then(Value::as_str).unwrap_or_default();
    let found = |class: &str, resource: &str, size| {
        Some(Recognised {
            class: class.to_owned(),
            group: group.to_owned(),
            resource: resource.to_owned(),
            name: name.to_owned(),
            size,
        })
    };
    for (class, spec) in classes.iter().map(|(name, class)| (name, &class.spec)) {
        let is_it = |r: &str| resource.map_or_else(|| is_plural_of(r, kind), |known| known == r);
        if let Some(control) = spec.controls.iter().find(|c| c.group == group && is_it(&c.resource)) {
            let size = if control.version == version { measure(control, object) } else { Err(other_version(control, version)) };
            return found(class, &control.resource, size);
        }
    }
    let workload = WorkloadKind::of(object)?;
    let images = workload.images(object);
    let (class, workloads) =
        classes.iter().filter_map(|(n, c)| Some((n, c.spec.workloads.as_ref()?))).find(|(_, w)| matches(&w.images, &images))?;
    let containers = images.iter().filter(|image| matches(&workloads.images, &[image])).count();
    let each = Quantity::from_units(i64::try_from(containers).unwrap_or(i64::MAX));
    let per_replica = [(workloads.counts_as.clone(), each)].into_iter().collect();
    found(class, workload.resource, Ok(Size { replicas: workload.replica_count(object), per_replica }))
}

fn other_version(control: &super::Control, version: &str) -> MeasureError {
    MeasureError {
        what: "size".into(),
        why: format!(
            "the manifest is in version {version} and the class reads {}/{}; write the manifest in that version",
            control.group, control.version
        ),
        expression: control.replicas.clone(),
    }
}

/// Whether `resource` is a regular English plural of `kind`, in lower case.
fn is_plural_of(resource: &str, kind: &str) -> bool {
    let kind = kind.to_lowercase();
    let irregular = kind.strip_suffix('y').map(|stem| format!("{stem}ies"));
    resource == format!("{kind}s") || resource == format!("{kind}es") || irregular.as_deref() == Some(resource)
}

/// Whether one of the images matches one of the patterns; a pattern that cannot be read matches nothing.
pub fn matches(patterns: &[String], images: &[&str]) -> bool {
    let patterns = patterns.iter().filter_map(|p| Regex::new(p).ok());
    patterns.into_iter().any(|pattern| images.iter().any(|image| pattern.is_match(image)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    fn classes() -> BTreeMap<String, ProcessingClass> {
        let spec = json!({
            "displayName": "Broker", "dimensions": [{"name": "brokers"}],
            "controls": [{"group": "kafka.strimzi.io", "resource": "kafkanodepools", "version": "v1", "replicas": "object.spec.replicas", "perReplica": {"brokers": "1"}}],
            "workloads": {"images": ["(^|/)(cp-)?kafka([:@-]|$)"], "countsAs": "brokers"},
            "approval": {"quorum": [{"group": "g", "count": 1}]},
        });
        [("broker".to_owned(), ProcessingClass::new("broker", serde_json::from_value(spec).expect("valid")))].into()
    }

    #[test]
    fn a_controlled_resource_is_recognised_and_measured() {
        let object = json!({"apiVersion": "kafka.strimzi.io/v1", "kind": "KafkaNodePool", "metadata": {"name": "b"}, "spec": {"replicas": 3}});
        let found = recognise(&object, None, &classes()).expect("recognised");
        assert_eq!(found.label(), "kafkanodepools.kafka.strimzi.io/b");
        assert_eq!(found.size.expect("measured").total().to_string(), "3 brokers");
    }

    #[test]
    fn another_version_is_recognised_but_not_measured() {
        let object =
            json!({"apiVersion": "kafka.strimzi.io/v1beta2", "kind": "KafkaNodePool", "metadata": {"name": "b"}, "spec": {}});
        let found = recognise(&object, None, &classes()).expect("recognised");
        assert!(found.size.expect_err("not measured").why.contains("kafka.strimzi.io/v1"));
    }

    #[rstest]
    #[case("quay.io/strimzi/kafka:0.45", true)]
    #[case("confluentinc/cp-kafka:7", true)]
    #[case("kafka", true)]
    #[case("kafkaesque:1", false)]
    #[case("nginx", false)]
    fn a_workload_is_recognised_by_its_image(#[case] image: &str, #[case] is_one: bool) {
        let object = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"},
            "spec": {"replicas": 2, "template": {"spec": {"containers": [{"image": "nginx"}], "initContainers": [{"image": image}]}}}});
        assert_eq!(recognise(&object, None, &classes()).is_some(), is_one);
    }

    #[test]
    fn other_things_are_not() {
        assert_eq!(recognise(&json!({"apiVersion": "v1", "kind": "ConfigMap"}), None, &classes()), None);
        assert_eq!(recognise(&json!("text"), None, &classes()), None);
    }
}
