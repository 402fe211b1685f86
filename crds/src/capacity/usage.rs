//! What objects use of a quota, as the API server's own quota counts them: for the recount before an amount is given on.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::core::v1::{Container, PersistentVolumeClaim, Pod, PodSpec},
    apimachinery::pkg::api::resource::Quantity as Amount,
};

use crate::{Quantity, Resources};

type Amounts = Option<BTreeMap<String, Amount>>;

/// What a pod uses: `requests.*`, `limits.*`, `pods` and `count/pods`; nothing once it has ended. Of init containers only the
/// largest counts, unless they keep running.
pub fn of_pod(pod: &Pod) -> Resources {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref()).unwrap_or_default();
    let one = |key: &str| (key.to_owned(), Quantity::from_units(1));
    let mut used: Resources = [one("count/pods")].into_iter().collect();
    let Some(spec) = pod.spec.as_ref().filter(|_| !["Succeeded", "Failed"].contains(&phase)) else { return used };
    used.0.extend([one("pods")]);
    let resized = pod.status.iter().flat_map(|status| status.container_statuses.iter().flatten());
    let resized: BTreeMap<_, _> = resized.filter_map(|status| Some((&*status.name, status.resources.as_ref()?))).collect();
    let part = |prefix: &str, amounts: &dyn Fn(&Container) -> Resources| {
        let peak = peak(spec, amounts).plus(&read(&spec.overhead));
        peak.0.into_iter().map(|(key, amount)| (format!("{prefix}.{key}"), amount)).collect::<Resources>()
    };
    let requests = |container: &Container| {
        let now = resized.get(&*container.name).map(|resources| read(&resources.requests)).unwrap_or_default();
        container.resources.as_ref().map(|resources| read(&resources.requests)).unwrap_or_default().largest(&now)
    };
    let limits = |container: &Container| container.resources.as_ref().map(|r| read(&r.limits)).unwrap_or_default();
    used.plus(&part("requests", &requests)).plus(&part("limits", &limits))
}

/// The most that the containers of a pod have at any moment.
fn peak(spec: &PodSpec, amounts: &dyn Fn(&Container) -> Resources) -> Resources {
    let running: Resources = spec.containers.iter().map(amounts).fold(Resources::default(), |sum, next| sum.plus(&next));
    let (mut sidecars, mut starting) = (Resources::default(), Resources::default());
    for container in spec.init_containers.iter().flatten() {
        if container.restart_policy.as_deref() == Some("Always") {
            sidecars = sidecars.plus(&amounts(container));
            starting = starting.largest(&sidecars);
        } else {
            starting = starting.largest(&sidecars.plus(&amounts(container)));
        }
    }
    running.plus(&sidecars).largest(&starting)
}

/// What a claim on storage uses: `requests.storage` and `persistentvolumeclaims`, also of its storage class.
pub fn of_claim(claim: &PersistentVolumeClaim) -> Resources {
    let Some(spec) = &claim.spec else { return Resources::default() };
    let asked = spec.resources.as_ref().map(|r| read(&r.requests)).unwrap_or_default().get("storage");
    let has = claim.status.as_ref().map(|status| read(&status.allocated_resources)).unwrap_or_default().get("storage");
    let storage = asked.max(has);
    let one = Quantity::from_units(1);
    let mut used = vec![
        ("requests.storage".to_owned(), storage),
        ("persistentvolumeclaims".to_owned(), one),
        ("count/persistentvolumeclaims".to_owned(), one),
    ];
    if let Some(class) = &spec.storage_class_name {
        used.push((format!("{class}.storageclass.storage.k8s.io/requests.storage"), storage));
        used.push((format!("{class}.storageclass.storage.k8s.io/persistentvolumeclaims"), one));
    }
    used.into_iter().collect()
}

fn read(amounts: &Amounts) -> Resources {
    let all = amounts.iter().flatten();
    all.filter_map(|(key, amount)| Some((key.clone(), amount.0.parse::<Quantity>().ok()?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::{Value, json};

    fn container(name: &str, cpu: &str) -> Value {
        json!({"name": name, "resources": {"requests": {"cpu": cpu, "nvidia.com/gpu": "1"}, "limits": {"cpu": "4"}}})
    }

    fn used(spec: &Value, status: &Value) -> Resources {
        of_pod(&serde_json::from_value(json!({"spec": spec, "status": status})).expect("a pod"))
    }

    #[rstest]
    #[case::sum(json!({"containers": [container("a", "1"), container("b", "500m")]}), "1500m")]
    #[case::the_largest_init_container(json!({"containers": [container("a", "1")], "initContainers": [container("i", "3"), container("j", "2")]}), "3")]
    #[case::a_small_init_container(json!({"containers": [container("a", "4")], "initContainers": [container("i", "3")]}), "4")]
    #[case::overhead(json!({"containers": [container("a", "1")], "overhead": {"cpu": "250m"}}), "1250m")]
    fn a_pod_uses_its_peak(#[case] spec: Value, #[case] cpu: &str) {
        assert_eq!(used(&spec, &json!({})).get("requests.cpu"), cpu.parse().expect("a quantity"));
    }

    #[test]
    fn a_sidecar_runs_beside_what_starts_after_it() {
        let mut sidecar = container("s", "1");
        sidecar["restartPolicy"] = json!("Always");
        let spec = json!({"containers": [container("a", "1")], "initContainers": [sidecar, container("i", "3")]});
        assert_eq!(used(&spec, &json!({})).get("requests.cpu"), Quantity::from_units(4));
    }

    #[test]
    fn a_pod_that_was_resized_counts_with_the_larger() {
        let spec = json!({"containers": [container("a", "1")]});
        let resources = json!({"requests": {"cpu": "2"}});
        let status = json!({"containerStatuses": [{"name": "a", "resources": resources, "image": "", "imageID": "", "ready": true, "restartCount": 0}]});
        let used = used(&spec, &status);
        assert_eq!(used.get("requests.cpu"), Quantity::from_units(2));
        assert_eq!(
            (used.get("requests.nvidia.com/gpu"), used.get("limits.cpu")),
            (Quantity::from_units(1), Quantity::from_units(4))
        );
        assert_eq!(used.get("pods"), Quantity::from_units(1));
    }

    #[test]
    fn a_pod_that_ended_uses_nothing_but_its_place_among_objects() {
        let used = used(&json!({"containers": [container("a", "1")]}), &json!({"phase": "Succeeded"}));
        assert_eq!(used.to_string(), "1 count/pods");
    }

    #[test]
    fn a_claim_uses_storage_also_of_its_class() {
        let spec = json!({"resources": {"requests": {"storage": "5Gi"}}, "storageClassName": "fast"});
        let claim = of_claim(&serde_json::from_value(json!({"spec": spec})).expect("a claim"));
        assert_eq!(claim.get("requests.storage"), "5Gi".parse().expect("a quantity"));
        assert_eq!(claim.get("fast.storageclass.storage.k8s.io/requests.storage"), "5Gi".parse().expect("a quantity"));
        assert_eq!(claim.get("persistentvolumeclaims"), Quantity::from_units(1));
    }
}
