//! What the scanner keeps of an object: what its rules need, and nothing else.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use super::{ObjectReference, suspicious};
use crate::{
    ProcessingClass, Quantity, Resources,
    class::{
        measure::{MeasureError, Size},
        recognise::{WORKLOADS, WorkloadKind, at, matches, recognise},
    },
    names::split_project_namespace,
};

/// Strimzi's label on everything that belongs to a Kafka cluster.
pub(super) const LABEL_STRIMZI: &str = "strimzi.io/cluster";
/// Where Helm says which release an object belongs to.
const ANNOTATION_RELEASE: &str = "meta.helm.sh/release-name";
/// Where charts say the same.
const LABEL_INSTANCE: &str = "app.kubernetes.io/instance";

/// An object as the scanner has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed {
    /// Which object it is.
    pub object: ObjectReference,
    /// Its uid.
    pub uid: String,
    /// The uid of its controlling owner.
    pub owner: Option<String>,
    /// Since when it is there.
    pub created: Option<Timestamp>,
    /// The Kafka cluster that it belongs to.
    pub cluster: Option<String>,
    /// The Helm release that it belongs to.
    pub release: Option<String>,
    /// What it is.
    pub what: What,
}

/// What an object is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// Processing infrastructure.
    Classified(Classified),
    /// Anything else that takes capacity in a project.
    Generic(Generic),
}

/// Processing infrastructure of a class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Classified {
    /// The class.
    pub class: String,
    /// Whether it is an ordinary workload, known by its image, rather than an object of a controlled kind.
    pub by_image: bool,
    /// How large it is, or why that cannot be told.
    pub size: Result<Size, MeasureError>,
}

/// What takes capacity in a project and is of no class.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Generic {
    /// What it requests in all, with the keys of a ResourceQuota.
    pub requests: Resources,
    /// Ports that processing software listens on.
    pub ports: Vec<u16>,
    /// The images that it runs behind such ports.
    pub images: Vec<String>,
}

impl Observed {
    /// What is kept of `object`, whose plural resource name is `resource`; `None` if no rule has anything to say about it.
    ///
    /// What an ordinary workload makes, such as the pods of a Deployment, is counted at the workload and not kept.
    pub fn of(object: &Value, resource: &str, classes: &BTreeMap<String, ProcessingClass>) -> Option<Self> {
        if is_made_by_a_workload(object) || is_over(object) {
            return None;
        }
        let what = what(object, resource, classes)?;
        let text = |path: &str| at(object, path).and_then(Value::as_str).unwrap_or_default().to_owned();
        let group = text("apiVersion").split_once('/').map(|(group, _)| group.to_owned()).unwrap_or_default();
        Some(Self {
            object: ObjectReference {
                group,
                resource: resource.to_owned(),
                namespace: text("metadata.namespace"),
                name: text("metadata.name"),
            },
            uid: text("metadata.uid"),
            owner: controller(object).and_then(|owner| owner.get("uid")?.as_str()).map(str::to_owned),
            created: text("metadata.creationTimestamp").parse().ok(),
            cluster: marked(object, "labels", LABEL_STRIMZI),
            release: marked(object, "annotations", ANNOTATION_RELEASE).or_else(|| marked(object, "labels", LABEL_INSTANCE)),
            what,
        })
    }

    /// What it is as processing infrastructure.
    pub fn classified(&self) -> Option<&Classified> {
        match &self.what {
            What::Classified(classified) => Some(classified),
            What::Generic(_) => None,
        }
    }
}

fn what(object: &Value, resource: &str, classes: &BTreeMap<String, ProcessingClass>) -> Option<What> {
    if let Some(found) = recognise(object, Some(resource), classes) {
        let by_image = WorkloadKind::of(object).is_some();
        return Some(What::Classified(Classified { class: found.class, by_image, size: found.size }));
    }
    let namespace = at(object, "metadata.namespace")?.as_str()?;
    split_project_namespace(namespace)?;
    let generic = generic(object, classes);
    (!generic.requests.is_empty() || !generic.ports.is_empty()).then_some(What::Generic(generic))
}

pub(super) fn marked(object: &Value, list: &str, key: &str) -> Option<String> {
    Some(object.get("metadata")?.get(list)?.get(key)?.as_str()?.to_owned())
}

pub(super) fn controller(object: &Value) -> Option<&Value> {
    let owners = at(object, "metadata.ownerReferences")?.as_array()?;
    owners.iter().find(|owner| owner.get("controller").and_then(Value::as_bool) == Some(true))
}

/// Whether its controlling owner is an ordinary workload, whose template says all of it.
fn is_made_by_a_workload(object: &Value) -> bool {
    let is_workload = |owner: &Value| {
        let kind = owner.get("kind").and_then(Value::as_str);
        let group = owner.get("apiVersion").and_then(Value::as_str).map(|v| v.split_once('/').map_or("", |(group, _)| group));
        // A pod that makes pods, such as the driver of a computation, has no template that would say so.
        WORKLOADS.iter().any(|w| w.kind != "Pod" && Some(w.kind) == kind && Some(w.group) == group)
    };
    controller(object).is_some_and(is_workload)
}

/// Whether a pod or Job has come to its end: it takes nothing any more.
pub(super) fn is_over(object: &Value) -> bool {
    let kind = object.get("kind").and_then(Value::as_str);
    let phase = at(object, "status.phase").and_then(Value::as_str);
    (kind == Some("Pod") && matches!(phase, Some("Succeeded" | "Failed")))
        || (kind == Some("Job") && at(object, "status.completionTime").is_some())
}

fn generic(object: &Value, classes: &BTreeMap<String, ProcessingClass>) -> Generic {
    if object.get("kind").and_then(Value::as_str) == Some("PersistentVolumeClaim") {
        let asked = at(object, "spec.resources.requests.storage").and_then(quantity);
        return Generic {
            requests: asked.map(|q| ("requests.storage".to_owned(), q)).into_iter().collect(),
            ..Generic::default()
        };
    }
    let Some(workload) = WorkloadKind::of(object) else { return Generic::default() };
    let containers: Vec<_> = containers(workload, object).collect();
    let requests = ["cpu", "memory"].into_iter().filter_map(|resource| {
        let sum: Quantity = containers.iter().filter_map(|c| asked(c, resource)).sum();
        let all = sum.times(workload.replica_count(object));
        (!all.is_zero_or_less()).then(|| (format!("requests.{resource}"), all))
    });
    let (mut ports, mut images) = (Vec::new(), Vec::new());
    for container in &containers {
        let image = container.get("image").and_then(Value::as_str).unwrap_or_default();
        let is_known = || classes.values().filter_map(|c| c.spec.workloads.as_ref()).any(|w| matches(&w.images, &[image]));
        let found: Vec<_> = listened_on(container).filter(|port| suspicious::software(*port).is_some()).collect();
        if !found.is_empty() && !is_known() {
            ports.extend(found);
            images.push(image.to_owned());
        }
    }
    ports.sort_unstable();
    ports.dedup();
    Generic { requests: requests.collect(), ports, images }
}

/// What runs for as long as the pod does: main containers and sidecars.
pub(super) fn containers<'a>(workload: &WorkloadKind, object: &'a Value) -> impl Iterator<Item = &'a Value> {
    let pod = at(object, workload.pod_spec);
    let list = move |field: &str| pod.and_then(|pod| pod.get(field)?.as_array()).into_iter().flatten();
    let is_sidecar = |c: &&Value| c.get("restartPolicy").and_then(Value::as_str) == Some("Always");
    list("containers").chain(list("initContainers").filter(is_sidecar))
}

fn listened_on(container: &Value) -> impl Iterator<Item = u16> {
    let ports = container.get("ports").and_then(Value::as_array).into_iter().flatten();
    ports.filter_map(|port| u16::try_from(port.get("containerPort")?.as_u64()?).ok())
}

/// A container's request, without which its limit is the same.
pub(super) fn asked(container: &Value, resource: &str) -> Option<Quantity> {
    let of = |list: &str| container.get("resources")?.get(list)?.get(resource).and_then(quantity);
    of("requests").or_else(|| of("limits"))
}

fn quantity(value: &Value) -> Option<Quantity> {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned).parse().ok()
}

#[cfg(test)]
#[path = "observed_tests.rs"]
mod tests;
