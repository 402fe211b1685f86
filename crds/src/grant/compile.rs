//! From permits to slots.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::{ProcessingGrantSpec, Slot};
use crate::{
    ProcessingPermit, Resources,
    permit::{Phase, Target, effective::granted_targets, succession::taken_over},
};

/// Resources whose `/scale` says nothing about what they run. A slot that ends there is kept, closed, because without it
/// a scale request could not be told from one for an ordinary workload.
const RAW_SCALABLE: [(&str, &str); 4] =
    [("apps", "deployments"), ("apps", "statefulsets"), ("apps", "replicasets"), ("", "replicationcontrollers")];

/// Whether a permit became active in exactly this namespace. One of the same name that was made later is another project,
/// and what was permitted in the former does not carry over.
pub fn belongs_to(permit: &ProcessingPermit, namespace_uid: &str) -> bool {
    permit.status.as_ref().is_some_and(|status| status.namespace_uid.as_deref() == Some(namespace_uid))
}

/// The grant of a project's namespace from its permits: one slot per target of every active permit, and a closed slot for
/// each scalable workload whose permit is over or suspended. What another permit took over is that one's alone.
pub fn compile<'a>(
    project: &str,
    namespace_uid: &str,
    permits: impl IntoIterator<Item = &'a ProcessingPermit>,
) -> ProcessingGrantSpec {
    let mut permits: Vec<_> = permits.into_iter().filter(|p| p.spec.project == project && belongs_to(p, namespace_uid)).collect();
    permits.sort_by_key(|p| p.status.as_ref().and_then(|s| s.number.clone()));
    let taken = taken_over(permits.iter().copied());
    let mut open = BTreeMap::new();
    let mut closed = BTreeMap::new();
    for permit in permits {
        let Some(status) = &permit.status else { continue };
        let (Some(number), Some(end)) = (&status.number, &status.not_after) else { continue };
        let slot = |target: &Target, is_open| slot(target, number, &permit.spec.processing_class, end, is_open);
        for target in granted_targets(permit) {
            let key = (target.resource_key(), target.name.clone());
            if status.phase == Phase::Active && !permit.metadata.uid.as_ref().is_some_and(|uid| taken.contains(uid)) {
                open.insert(key, slot(&target, true));
            } else if RAW_SCALABLE.contains(&(target.group.as_str(), target.resource.as_str())) {
                closed.insert(key, slot(&target, false));
            }
        }
    }
    closed.append(&mut open); // an open slot replaces a closed one of the same object
    let mut resources: BTreeMap<String, Vec<Slot>> = BTreeMap::new();
    for ((resource, _), slot) in closed {
        resources.entry(resource).or_default().push(slot);
    }
    ProcessingGrantSpec { resources }
}

fn slot(target: &Target, permit: &str, class: &str, end: &Time, is_open: bool) -> Slot {
    Slot {
        name: target.name.clone(),
        permit: permit.to_owned(),
        class: class.to_owned(),
        replicas: if is_open { target.replicas } else { 0 },
        per_replica: if is_open { target.per_replica.clone() } else { Resources::default() },
        not_after: end.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn permit(number: &str, phase: &str, group: &str, resource: &str, name: &str) -> ProcessingPermit {
        serde_json::from_value(json!({
            "apiVersion": "govcloud.dev/v1alpha1", "kind": "ProcessingPermit", "metadata": {"name": number},
            "spec": {"requestedBy": "r", "processingClass": "broker", "project": "a", "justification": "It is needed.",
                     "targets": [{"group": group, "resource": resource, "name": name, "replicas": 3, "perReplica": {"storage": "1Ti"}}]},
            "status": {"phase": phase, "number": number, "namespaceUid": "uid", "validFrom": "2026-01-01T00:00:00Z", "notAfter": "2027-01-01T00:00:00Z"},
        }))
        .expect("valid")
    }

    #[test]
    fn only_active_permits_of_the_project_open_slots() {
        let permits = [
            permit("1", "Active", "k", "pools", "one"),
            permit("2", "Suspended", "k", "pools", "two"),
            permit("3", "UnderReview", "k", "pools", "three"),
        ];
        let grant = compile("a", "uid", &permits);
        assert_eq!(grant.resources["pools.k"].iter().map(|s| s.name.as_str()).collect::<Vec<_>>(), ["one"]);
        assert_eq!(grant.resources["pools.k"][0].replicas, 3);
        assert!(compile("b", "uid", &permits).resources.is_empty());
    }

    #[test]
    fn a_namespace_of_the_same_name_inherits_nothing() {
        let permits = [permit("1", "Active", "k", "pools", "one")];
        assert!(compile("a", "another uid", &permits).resources.is_empty());
    }

    #[test]
    fn an_ended_permit_of_a_scalable_workload_leaves_a_closed_slot_until_another_takes_it() {
        let ended = permit("1", "Revoked", "apps", "deployments", "kafka");
        let closed = compile("a", "uid", [&ended]);
        assert_eq!(closed.resources["deployments.apps"][0].replicas, 0);
        let again = permit("2", "Active", "apps", "deployments", "kafka");
        let open = compile("a", "uid", [&ended, &again]);
        assert_eq!(open.resources["deployments.apps"].len(), 1);
        assert_eq!(open.resources["deployments.apps"][0].permit, "2");
    }

    #[test]
    fn a_renewal_takes_the_slot_over_whatever_the_status_of_the_former_says() {
        let mut former = permit("1", "Active", "k", "pools", "one");
        former.metadata.uid = Some("former".to_owned());
        let mut renewal = permit("2", "Active", "k", "pools", "one");
        renewal.spec.intent = crate::permit::Intent::Renewal;
        let policy =
            json!({"class": "broker", "generation": 1, "approval": {"quorum": []}, "prior": {"name": "1", "uid": "former"}});
        renewal.status.as_mut().expect("has one").policy = Some(serde_json::from_value(policy).expect("valid"));
        for permits in [[&former, &renewal], [&renewal, &former]] {
            let slots = compile("a", "uid", permits).resources.remove("pools.k").expect("slots");
            assert_eq!(slots.iter().map(|s| s.permit.as_str()).collect::<Vec<_>>(), ["2"]);
        }
    }

    #[test]
    fn the_order_of_the_permits_does_not_matter() {
        let (one, two) = (permit("1", "Active", "k", "pools", "one"), permit("2", "Active", "k", "pools", "two"));
        assert_eq!(compile("a", "uid", [&one, &two]), compile("a", "uid", [&two, &one]));
    }
}
