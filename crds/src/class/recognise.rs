//! Which class a manifest belongs to, and how large it is: what `govcloud permit check` and the scanner ask.

use std::collections::BTreeMap;

use regex::Regex;
use serde_json::Value;

use super::{
    ProcessingClassSpec, Workloads,
    measure::{MeasureError, Size, measure},
};
use crate::{ProcessingClass, Quantity, Resources, names::resource_key};

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

    /// The images of all containers, initial and ephemeral ones included, and of volumes.
    pub fn images<'a>(&self, object: &'a Value) -> Vec<&'a str> {
        Pod::of(self, object).images()
    }

    /// How many pods run at a time; 1 where the manifest does not say.
    pub fn replica_count(&self, object: &Value) -> i64 {
        self.replicas.and_then(|path| at(object, path)?.as_i64()).unwrap_or(1)
    }
}

static NOTHING: Value = Value::Null;

/// What a pod runs, by what runs at the same time.
pub(super) struct Pod<'a> {
    /// Its spec as it is.
    pub(super) whole: &'a Value,
    main: Vec<&'a Value>,
    /// Sidecars and ephemeral containers: they run with the initial containers and with the main ones.
    beside: Vec<&'a Value>,
    /// Initial containers, which run one after another and are over before the main ones start.
    first: Vec<&'a Value>,
    /// The images of volumes.
    mounted: Vec<&'a str>,
}

impl<'a> Pod<'a> {
    pub(super) fn of(workload: &WorkloadKind, object: &'a Value) -> Self {
        let pod = at(object, workload.pod_spec).unwrap_or(&NOTHING);
        let list = |field: &str| pod.get(field).and_then(Value::as_array).into_iter().flatten();
        let is_sidecar = |c: &&Value| c.get("restartPolicy").and_then(Value::as_str) == Some("Always");
        let (sidecars, first): (Vec<_>, Vec<_>) = list("initContainers").partition(is_sidecar);
        Self {
            whole: pod,
            main: list("containers").collect(),
            beside: sidecars.into_iter().chain(list("ephemeralContainers")).collect(),
            first,
            mounted: list("volumes").filter_map(|v| at(v, "image.reference")?.as_str()).collect(),
        }
    }

    fn images(&self) -> Vec<&'a str> {
        let containers = [&self.main, &self.first, &self.beside].into_iter().flatten();
        containers.filter_map(|c| image_of(c)).chain(self.mounted.iter().copied()).collect()
    }

    /// The most that its containers take at a time, where one takes `each`.
    pub(super) fn peak(&self, each: impl Fn(&Value) -> Result<Quantity, MeasureError>) -> Result<Quantity, MeasureError> {
        let sum = |list: &[&Value]| list.iter().map(|c| each(c)).sum::<Result<Quantity, _>>();
        let first = self.first.iter().map(|c| each(c)).collect::<Result<Vec<_>, _>>()?;
        Ok(sum(&self.beside)? + sum(&self.main)?.max(first.into_iter().max().unwrap_or_default()))
    }

    /// How many containers of these images run at a time. What is only mounted is started by some other container: one.
    fn containers(&self, images: &[String]) -> Result<Quantity, MeasureError> {
        let one_if = |is: bool| Quantity::from_units(i64::from(is));
        let running = self.peak(|c| Ok(one_if(image_of(c).is_some_and(|image| matches(images, &[image])))))?;
        Ok(running.max(one_if(matches(images, &self.mounted))))
    }
}

fn image_of(container: &Value) -> Option<&str> {
    container.get("image")?.as_str()
}

/// How many of a device a container takes: its limit, without which its request is the same.
fn devices(container: &Value, device: &str, dimension: &str) -> Result<Quantity, MeasureError> {
    let amount = |list: &str| container.get("resources")?.get(list)?.get(device).filter(|amount| !amount.is_null());
    let Some(amount) = amount("limits").or_else(|| amount("requests")) else { return Ok(Quantity::ZERO) };
    let text = amount.as_str().map_or_else(|| amount.to_string(), str::to_owned);
    text.parse().map_err(|error| MeasureError {
        what: dimension.to_owned(),
        why: format!("{error}"),
        expression: format!("resources.limits['{device}']"),
    })
}

pub(crate) fn at<'a>(object: &'a Value, path: &str) -> Option<&'a Value> {
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
    let pod = Pod::of(workload, object);
    let images = pod.images();
    let (class, spec, workloads) = classes
        .iter()
        .filter_map(|(name, class)| Some((name, &class.spec, class.spec.workloads.as_ref()?)))
        .find(|(_, _, workloads)| matches(&workloads.images, &images))?;
    let size =
        per_replica(spec, workloads, &pod).map(|per_replica| Size { replicas: workload.replica_count(object), per_replica });
    found(class, workload.resource, size)
}

/// What a pod takes of a class: its containers, and the devices whose quota is 0 without a permit. A permit for fewer
/// devices than the pod's own would leave the pod without them.
fn per_replica(class: &ProcessingClassSpec, workloads: &Workloads, pod: &Pod<'_>) -> Result<Resources, MeasureError> {
    let mut size = BTreeMap::from([(workloads.counts_as.clone(), pod.containers(&workloads.images)?)]);
    for (dimension, key) in &class.gated_quota {
        let device = key.strip_prefix("requests.").unwrap_or(key);
        let amount = pod.peak(|container| devices(container, device, dimension))?;
        if !amount.is_zero_or_less() {
            let proposed = size.entry(dimension.clone()).or_default();
            *proposed = amount.max(*proposed);
        }
    }
    Ok(Resources(size))
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

    /// A Deployment of one pod, whose spec this is.
    fn measured(classes: &BTreeMap<String, ProcessingClass>, pod: &Value) -> Option<Result<String, MeasureError>> {
        let object = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "spec": {"template": {"spec": pod}}});
        Some(recognise(&object, None, classes)?.size.map(|size| size.per_replica.to_string()))
    }

    #[rstest]
    #[case::main(json!({"containers": [{"image": "kafka"}, {"image": "kafka"}, {"image": "nginx"}]}), "2 brokers")]
    #[case::first_then_main(json!({"initContainers": [{"image": "kafka"}, {"image": "kafka"}], "containers": [{"image": "kafka"}]}), "1 brokers")]
    #[case::only_first(json!({"initContainers": [{"image": "kafka"}, {"image": "kafka"}], "containers": [{"image": "nginx"}]}), "1 brokers")]
    #[case::sidecar(json!({"initContainers": [{"image": "kafka", "restartPolicy": "Always"}], "containers": [{"image": "kafka"}]}), "2 brokers")]
    #[case::first_beside_sidecar(json!({"initContainers": [{"image": "kafka", "restartPolicy": "Always"}, {"image": "kafka"}], "containers": []}), "2 brokers")]
    #[case::ephemeral(json!({"containers": [{"image": "kafka"}], "ephemeralContainers": [{"image": "kafka"}]}), "2 brokers")]
    #[case::only_mounted(json!({"containers": [{"image": "nginx"}], "volumes": [{"name": "k", "image": {"reference": "quay.io/apache/kafka:4.0"}}]}), "1 brokers")]
    #[case::mounted_too(json!({"containers": [{"image": "kafka"}], "volumes": [{"name": "e", "emptyDir": {}}, {"name": "k", "image": {"reference": "kafka"}}]}), "1 brokers")]
    fn containers_count_as_many_as_run_at_a_time(#[case] pod: Value, #[case] size: &str) {
        assert_eq!(measured(&classes(), &pod).expect("recognised"), Ok(size.to_owned()));
    }

    #[rstest]
    #[case(json!({"containers": [{"image": "nginx"}], "volumes": [{"name": "k", "image": {"reference": "nginx"}}]}))]
    #[case(json!({"containers": [{"image": "nginx"}], "volumes": [{"name": "k", "image": {}}]}))]
    fn volumes_of_other_images_are_not(#[case] pod: Value) {
        assert_eq!(measured(&classes(), &pod), None);
    }

    fn gpus() -> BTreeMap<String, ProcessingClass> {
        let spec = json!({
            "displayName": "GPUs", "dimensions": [{"name": "gpus"}, {"name": "slices"}],
            "workloads": {"images": ["pytorch"], "countsAs": "gpus"},
            "gatedQuota": {"gpus": "requests.nvidia.com/gpu", "slices": "requests.nvidia.com/mig-1g"},
            "approval": {"quorum": [{"group": "g", "count": 1}]},
        });
        [("gpus".to_owned(), ProcessingClass::new("gpus", serde_json::from_value(spec).expect("valid")))].into()
    }

    fn container(image: &str, resources: Value) -> Value {
        json!({"image": image, "resources": resources})
    }

    #[rstest]
    #[case::none(vec![container("pytorch", json!({}))], vec![], "1 gpus")]
    #[case::limits(vec![container("pytorch", json!({"limits": {"nvidia.com/gpu": 4}}))], vec![], "4 gpus")]
    #[case::requests(vec![container("pytorch", json!({"requests": {"nvidia.com/gpu": "4"}}))], vec![], "4 gpus")]
    #[case::no_device(vec![container("pytorch", json!({"limits": {"nvidia.com/gpu": null, "cpu": 8}}))], vec![], "1 gpus")]
    #[case::of_all(vec![container("pytorch", json!({"limits": {"nvidia.com/gpu": 2}})), container("nginx", json!({"limits": {"nvidia.com/gpu": 1}}))], vec![], "3 gpus")]
    #[case::fewer(vec![container("pytorch", json!({"limits": {"nvidia.com/gpu": 1}})), container("pytorch", json!({}))], vec![], "2 gpus")]
    #[case::first(vec![container("pytorch", json!({"limits": {"nvidia.com/gpu": 2}}))], vec![container("nginx", json!({"limits": {"nvidia.com/gpu": 3}}))], "3 gpus")]
    #[case::another_device(vec![container("pytorch", json!({"limits": {"nvidia.com/mig-1g": 7}}))], vec![], "1 gpus, 7 slices")]
    fn devices_are_proposed_that_the_pod_takes(#[case] main: Vec<Value>, #[case] first: Vec<Value>, #[case] size: &str) {
        let pod = json!({"containers": main, "initContainers": first});
        assert_eq!(measured(&gpus(), &pod).expect("recognised"), Ok(size.to_owned()));
    }

    #[test]
    fn devices_that_cannot_be_read_are_an_error() {
        let pod = json!({"containers": [container("pytorch", json!({"limits": {"nvidia.com/gpu": "four"}}))]});
        let error = measured(&gpus(), &pod).expect("recognised").expect_err("not measured");
        assert!(error.to_string().contains("gpus could not be read: \"four\" is not a quantity"), "{error}");
    }

    #[test]
    fn other_things_are_not() {
        assert_eq!(recognise(&json!({"apiVersion": "v1", "kind": "ConfigMap"}), None, &classes()), None);
        assert_eq!(recognise(&json!("text"), None, &classes()), None);
    }
}
