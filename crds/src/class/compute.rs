//! What is processing infrastructure by its size alone, whatever it runs: the class `compute`.
//!
//! The GovernmentCloud names thresholds; one workload that asks for more than any of them needs a permit of this class.
//! Admission evaluates the same rule in CEL.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    measure::{MeasureError, Size},
    recognise::{Pod, Recognised, WorkloadKind},
};
use crate::{GovernmentCloud, Quantity, Resources};

/// The name of the class.
pub const COMPUTE: &str = "compute";
/// The resource of claims on storage, and its dimension.
pub const STORAGE: &str = "storage";

/// How much one workload may ask for without a permit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Threshold {
    /// As the GovernmentCloud names it, such as `requests.cpu`.
    pub key: String,
    /// Which list of a container's resources it is about: `requests`, or `limits`.
    pub list: &'static str,
    /// The resource, such as `cpu` or `nvidia.com/gpu`.
    pub resource: String,
    /// The dimension of class `compute` in which a permit names it.
    pub dimension: &'static str,
    /// The most without a permit.
    pub most: Quantity,
}

/// The thresholds of a cloud, in the order of their keys; and the keys that limit nothing a container asks for.
pub fn thresholds(cloud: Option<&GovernmentCloud>) -> (Vec<Threshold>, Vec<String>) {
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for (key, most) in cloud.into_iter().flat_map(|cloud| &cloud.spec.thresholds.0) {
        match threshold(key, *most) {
            Some(threshold) => known.push(threshold),
            None => unknown.push(key.clone()),
        }
    }
    (known, unknown)
}

fn threshold(key: &str, most: Quantity) -> Option<Threshold> {
    let (list, resource) = match key.split_once('.') {
        Some(("limits", resource)) => ("limits", resource),
        Some(("requests", resource)) => ("requests", resource),
        _ => ("requests", key),
    };
    let dimension = match resource {
        "cpu" => "cores",
        "memory" => "memory",
        STORAGE if list == "requests" => STORAGE,
        device if device.contains('/') => "gpus",
        _ => return None,
    };
    Some(Threshold { key: key.to_owned(), list, resource: resource.to_owned(), dimension, most })
}

/// Such as `requests.cpu 64, requests.memory 256Gi`.
pub fn in_words(thresholds: &[Threshold]) -> String {
    thresholds.iter().map(|t| format!("{} {}", t.key, t.most)).collect::<Vec<_>>().join(", ")
}

/// A workload that asks for more than one of the thresholds, as something of class `compute`.
pub fn above(object: &Value, thresholds: &[Threshold]) -> Option<Recognised> {
    let workload = WorkloadKind::of(object)?;
    let (pod, replicas) = (Pod::of(workload, object), workload.replica_count(object));
    let asked: Vec<_> = thresholds.iter().map(|threshold| (threshold, asked(object, &pod, threshold))).collect();
    let is_above = |(threshold, amount): &(&Threshold, Result<Quantity, MeasureError>)| {
        amount.as_ref().is_ok_and(|amount| amount.times(replicas) > threshold.most)
    };
    asked.iter().any(is_above).then(|| Recognised {
        class: COMPUTE.to_owned(),
        group: workload.group.to_owned(),
        resource: workload.resource.to_owned(),
        name: object.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default().to_owned(),
        size: per_replica(asked).map(|per_replica| Size { replicas, per_replica }),
    })
}

fn per_replica(asked: Vec<(&Threshold, Result<Quantity, MeasureError>)>) -> Result<Resources, MeasureError> {
    let mut sizes: BTreeMap<String, Quantity> = BTreeMap::new();
    for (threshold, amount) in asked {
        let (amount, size) = (amount?, sizes.entry(threshold.dimension.to_owned()).or_default());
        *size = amount.max(*size);
    }
    Ok(Resources(sizes))
}

/// What one pod asks for: what it says of itself, or else what its containers take at a time; of storage, what it claims.
fn asked(object: &Value, pod: &Pod<'_>, threshold: &Threshold) -> Result<Quantity, MeasureError> {
    if threshold.resource == STORAGE {
        return claimed(object, pod).map(|claim| Ok(of(claim, threshold)?.unwrap_or_default())).sum();
    }
    match of(pod.whole, threshold)? {
        Some(amount) => Ok(amount),
        None => pod.peak(|container| Ok(of(container, threshold)?.unwrap_or_default())),
    }
}

/// The claims that are made for each pod: a StatefulSet's, and those that live as long as the pod.
fn claimed<'a>(object: &'a Value, pod: &Pod<'a>) -> impl Iterator<Item = &'a Value> {
    let list = |value: Option<&'a Value>| value.and_then(Value::as_array).into_iter().flatten();
    let own = list(object.pointer("/spec/volumeClaimTemplates")).filter_map(|claim| claim.get("spec"));
    own.chain(list(pod.whole.get("volumes")).filter_map(|volume| volume.pointer("/ephemeral/volumeClaimTemplate/spec")))
}

/// What a pod, a container or a claim asks for. A request that is not there is as large as the limit.
fn of(asks: &Value, threshold: &Threshold) -> Result<Option<Quantity>, MeasureError> {
    let amount = |list: &str| asks.get("resources")?.get(list)?.get(&threshold.resource).filter(|amount| !amount.is_null());
    let Some(amount) = amount(threshold.list).or_else(|| amount("limits")) else { return Ok(None) };
    let text = amount.as_str().map_or_else(|| amount.to_string(), str::to_owned);
    let unreadable = |why: String| MeasureError {
        what: threshold.dimension.to_owned(),
        why,
        expression: format!("resources.{}['{}']", threshold.list, threshold.resource),
    };
    text.parse().map(Some).map_err(|error| unreadable(format!("{error}")))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn cloud(thresholds: &Value) -> GovernmentCloud {
        let authority = json!({"name": "a", "reviewers": "security:a"});
        let spec = json!({
            "authorities": {"NonInfrastructure": authority, "InfrastructureArea": authority, "CriticalInfrastructure": authority},
            "thresholds": thresholds,
        });
        GovernmentCloud::new("national", serde_json::from_value(spec).expect("valid"))
    }

    #[test]
    fn keys_that_no_container_asks_for_are_told_apart() {
        let cloud = cloud(
            &json!({"requests.cpu": "64", "memory": "256Gi", "requests.nvidia.com/gpu": "1", "pods": "9", "limits.storage": "1"}),
        );
        let (known, unknown) = thresholds(Some(&cloud));
        let known: Vec<_> = known.iter().map(|t| (t.list, t.resource.as_str(), t.dimension)).collect();
        assert_eq!(
            known,
            [("requests", "memory", "memory"), ("requests", "cpu", "cores"), ("requests", "nvidia.com/gpu", "gpus")]
        );
        assert_eq!(unknown, ["limits.storage", "pods"]);
        assert_eq!(thresholds(None), (vec![], vec![]));
    }

    fn deployment(replicas: i64, pod: &Value) -> Value {
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"},
            "spec": {"replicas": replicas, "template": {"spec": pod}}})
    }

    fn asks(list: &str, cpu: &str) -> Value {
        json!({"name": "c", "resources": {list: {"cpu": cpu}}})
    }

    #[rstest]
    #[case::as_much(4, json!({"containers": [asks("requests", "16")]}), None)]
    #[case::more(5, json!({"containers": [asks("requests", "16")]}), Some("16 cores"))]
    #[case::by_limits(5, json!({"containers": [asks("limits", "16")]}), Some("16 cores"))]
    #[case::in_sum(3, json!({"containers": [asks("requests", "16"), asks("requests", "16")]}), Some("32 cores"))]
    #[case::one_after_the_other(4, json!({"containers": [asks("requests", "16")], "initContainers": [asks("requests", "16")]}), None)]
    #[case::said_of_the_pod(1, json!({"containers": [asks("requests", "1")], "resources": {"requests": {"cpu": "65"}}}), Some("65 cores"))]
    #[case::nothing(1000, json!({"containers": [{"name": "c"}]}), None)]
    fn what_is_above(#[case] replicas: i64, #[case] pod: Value, #[case] per_replica: Option<&str>) {
        let (thresholds, _) = thresholds(Some(&cloud(&json!({"requests.cpu": "64"}))));
        let found = above(&deployment(replicas, &pod), &thresholds);
        let size = found.map(|found| found.size.expect("measured").per_replica.to_string());
        assert_eq!(size.as_deref(), per_replica);
    }

    #[test]
    fn storage_is_what_is_claimed_for_each_pod() {
        let (thresholds, _) = thresholds(Some(&cloud(&json!({"requests.storage": "10Ti"}))));
        let claim = |size: &str| json!({"spec": {"resources": {"requests": {"storage": size}}}});
        let set = json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "s"}, "spec": {
            "replicas": 3, "volumeClaimTemplates": [claim("3Ti")],
            "template": {"spec": {"containers": [], "volumes": [{"name": "e", "ephemeral": {"volumeClaimTemplate": claim("1Ti")}}]}},
        }});
        let found = above(&set, &thresholds).expect("above");
        assert_eq!(found.size.expect("measured").total().to_string(), "12Ti storage");
    }

    #[test]
    fn what_is_unreadable_is_an_error_of_what_is_above() {
        let (thresholds, _) = thresholds(Some(&cloud(&json!({"requests.cpu": "64", "requests.memory": "1Gi"}))));
        let pod = json!({"containers": [{"name": "c", "resources": {"requests": {"cpu": "65", "memory": "much"}}}]});
        let found = above(&deployment(1, &pod), &thresholds).expect("above");
        assert!(found.size.expect_err("not measured").to_string().contains("memory could not be read"));
    }
}
