//! Quota keys that only permits bring.

use std::collections::BTreeMap;

use crate::{
    ProcessingClass, ProcessingPermit, Resources,
    grant::belongs_to,
    permit::{Phase, demand, effective::granted_targets, succession::taken_over},
};

/// The quota keys that classes gate, each with the names of those classes.
pub fn gated(classes: &BTreeMap<String, ProcessingClass>) -> BTreeMap<String, Vec<String>> {
    let mut gated: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, class) in classes {
        for key in class.spec.gated_quota.values() {
            let names = gated.entry(key.clone()).or_default();
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
    }
    gated
}

/// What a permit brings or would bring, under the quota keys that its class names.
pub fn brings(permit: &ProcessingPermit, classes: &BTreeMap<String, ProcessingClass>) -> Resources {
    let total = demand(&granted_targets(permit));
    let gated = classes.get(&permit.spec.processing_class).into_iter().flat_map(|class| &class.spec.gated_quota);
    // Two dimensions of a class may stand for one key.
    gated.fold(Resources::default(), |sum, (dimension, key)| {
        sum.plus(&[(key.clone(), total.get(dimension))].into_iter().collect())
    })
}

/// The permits that are active in the namespace with this uid, without those from which another one took over.
pub fn active_in<'a>(
    permits: impl IntoIterator<Item = &'a ProcessingPermit>,
    namespace_uid: &str,
) -> impl Iterator<Item = &'a ProcessingPermit> {
    let mut permits: Vec<_> = permits.into_iter().filter(|permit| belongs_to(permit, namespace_uid)).collect();
    let taken = taken_over(permits.iter().copied());
    permits.retain(|permit| {
        let is_active = permit.status.as_ref().is_some_and(|status| status.phase == Phase::Active);
        is_active && !permit.metadata.uid.as_ref().is_some_and(|uid| taken.contains(uid))
    });
    permits.into_iter()
}

/// What the active permits of a project bring, under quota keys. `namespace_uid` is the uid of the project's namespace.
pub fn permitted<'a>(
    permits: impl IntoIterator<Item = &'a ProcessingPermit>,
    classes: &BTreeMap<String, ProcessingClass>,
    namespace_uid: &str,
) -> Resources {
    let active = active_in(permits, namespace_uid);
    active.map(|permit| brings(permit, classes)).fold(Resources::default(), |sum, next| sum.plus(&next))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const GPU: &str = "requests.nvidia.com/gpu";

    fn classes() -> BTreeMap<String, ProcessingClass> {
        let spec = json!({"displayName": "G", "dimensions": [{"name": "gpus"}], "gatedQuota": {"gpus": GPU},
            "approval": {"quorum": [{"group": "g", "count": 1}]}});
        let class =
            |name: &str| (name.to_owned(), ProcessingClass::new(name, serde_json::from_value(spec.clone()).expect("valid")));
        [class("gpu-inference"), class("gpu-training")].into()
    }

    fn permit(phase: &str, replicas: u32) -> ProcessingPermit {
        let targets =
            json!([{"group": "batch", "resource": "jobs", "name": "train", "replicas": replicas, "perReplica": {"gpus": "2"}}]);
        serde_json::from_value(json!({
            "apiVersion": "govcloud.dev/v1alpha1", "kind": "ProcessingPermit", "metadata": {"name": "p"},
            "spec": {"requestedBy": "u", "processingClass": "gpu-training", "project": "ml", "targets": targets, "justification": "Because it is needed."},
            "status": {"phase": phase, "namespaceUid": "u"},
        }))
        .expect("valid")
    }

    #[test]
    fn a_key_is_gated_by_every_class_that_names_it() {
        assert_eq!(gated(&classes()), [(GPU.to_owned(), vec!["gpu-inference".to_owned(), "gpu-training".to_owned()])].into());
    }

    #[test]
    fn only_active_permits_of_this_namespace_bring_anything() {
        let permits = [permit("Active", 2), permit("Active", 1), permit("Approved", 8)];
        assert_eq!(permitted(&permits, &classes(), "u").get(GPU).to_string(), "6");
        assert!(permitted(&permits, &classes(), "another").is_empty());
        assert!(permitted(&permits, &BTreeMap::new(), "u").is_empty());
    }
}
