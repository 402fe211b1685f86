//! What an agency and its relatives were granted of a class within a year.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::{Phase, ProcessingPermit, demand, effective::granted_targets};
use crate::Resources;

/// How long something that ended is still counted.
pub const YEAR: SignedDuration = SignedDuration::from_hours(365 * 24);

/// What the permits of a family hold, were promised, wait for, or held within the last 365 days, in one class.
///
/// `permits` are those of the whole family; others of them, by class, are left out here. What was never granted does not count:
/// what was denied or returned, and what was withdrawn before it was active. What one permit takes over from another counts
/// once: of a renewal or amendment that waits only what it adds. `asking` is the request that the sum is for; it counts
/// not at all, and neither does what it would take over.
pub fn granted_in_year<'a>(
    permits: impl IntoIterator<Item = &'a ProcessingPermit>,
    class: &str,
    asking: Option<&ProcessingPermit>,
    now: Timestamp,
) -> Resources {
    let uid = |permit: &ProcessingPermit| permit.metadata.uid.clone();
    let not_asking = |p: &&ProcessingPermit| asking.is_none_or(|asking| uid(asking).is_none() || uid(asking) != uid(p));
    let of_class = permits.into_iter().filter(|p| p.spec.processing_class == class);
    let counted: Vec<_> = of_class.filter(|p| counts(p, now)).filter(not_asking).collect();
    let replaced = asking.filter(|asking| asking.takes_over());
    let is_replaced = |p: &ProcessingPermit| {
        replaced.is_some_and(|asking| {
            let same_home = asking.metadata.namespace == p.metadata.namespace;
            same_home && asking.spec.prior.is_some() && asking.spec.prior == p.metadata.name
        })
    };
    let by_uid: BTreeMap<_, _> = counted.iter().filter_map(|p| Some((uid(p)?, *p))).collect();
    let adds = |permit: &ProcessingPermit| {
        let prior = permit.prior_uid().filter(|_| permit.takes_over()).and_then(|prior| by_uid.get(prior));
        let size = demand(&granted_targets(permit));
        prior.map_or_else(|| size.clone(), |prior| size.minus(&demand(&granted_targets(prior))))
    };
    counted.iter().filter(|p| !is_replaced(p)).fold(Resources::default(), |sum, permit| sum.plus(&adds(permit)))
}

/// Whether a permit was granted, or may still be.
fn counts(permit: &ProcessingPermit, now: Timestamp) -> bool {
    let Some(status) = &permit.status else { return false };
    let was_active = status.valid_from.is_some();
    let within_a_year = || status.ended_at.as_ref().is_none_or(|ended| ended.0 + YEAR > now);
    match status.phase {
        Phase::UnderReview | Phase::Approved | Phase::Active | Phase::Suspended => true,
        Phase::Expired | Phase::Revoked | Phase::Withdrawn => was_active && within_a_year(),
        Phase::Pending | Phase::Returned | Phase::Denied | Phase::Superseded => false,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;
    use crate::Quantity;

    const NOW: &str = "2026-06-01T00:00:00Z";

    fn permit(name: &str, brokers: i32, status: Value) -> ProcessingPermit {
        serde_json::from_value(json!({
            "apiVersion": "govcloud.dev/v1alpha1", "kind": "ProcessingPermit",
            "metadata": {"name": name, "uid": name, "namespace": "agency-tax"},
            "spec": {"requestedBy": "r", "processingClass": "broker", "project": "a", "justification": "It is needed.",
                     "targets": [{"resource": "pools", "name": name, "replicas": brokers, "perReplica": {"brokers": 1}}]},
            "status": status,
        }))
        .expect("valid")
    }

    fn brokers(permits: &[ProcessingPermit], asking: Option<&ProcessingPermit>) -> Quantity {
        granted_in_year(permits, "broker", asking, NOW.parse().expect("a time")).get("brokers")
    }

    #[rstest]
    #[case::under_review(json!({"phase": "UnderReview"}), 3)]
    #[case::active_for_years(json!({"phase": "Active", "validFrom": "2020-01-01T00:00:00Z"}), 3)]
    #[case::narrowed(json!({"phase": "Active", "granted": [{"resource": "pools", "name": "p", "replicas": 2, "perReplica": {"brokers": 1}}]}), 2)]
    #[case::expired_lately(json!({"phase": "Expired", "validFrom": "2025-01-01T00:00:00Z", "endedAt": "2025-06-02T00:00:00Z"}), 3)]
    #[case::expired_long_ago(json!({"phase": "Expired", "validFrom": "2024-01-01T00:00:00Z", "endedAt": "2025-06-01T00:00:00Z"}), 0)]
    #[case::given_up(json!({"phase": "Withdrawn", "validFrom": "2026-01-01T00:00:00Z", "endedAt": "2026-02-01T00:00:00Z"}), 3)]
    #[case::taken_back(json!({"phase": "Withdrawn", "endedAt": "2026-02-01T00:00:00Z"}), 0)]
    #[case::denied(json!({"phase": "Denied", "endedAt": "2026-02-01T00:00:00Z"}), 0)]
    #[case::returned(json!({"phase": "Returned"}), 0)]
    #[case::superseded(json!({"phase": "Superseded", "validFrom": "2026-01-01T00:00:00Z", "endedAt": "2026-02-01T00:00:00Z"}), 0)]
    #[case::new(json!({}), 0)]
    fn what_was_granted_counts(#[case] status: Value, #[case] counted: i64) {
        assert_eq!(brokers(&[permit("p", 3, status)], None), Quantity::from_units(counted));
    }

    #[test]
    fn what_is_taken_over_counts_once() {
        let active = permit("old", 3, json!({"phase": "Active"}));
        let policy = json!({"class": "broker", "generation": 1, "approval": {"quorum": [{"group": "g", "count": 1}]}, "prior": {"name": "old", "uid": "old"}});
        let mut more = permit("new", 5, json!({"phase": "UnderReview", "policy": policy}));
        (more.spec.intent, more.spec.prior) = (crate::permit::Intent::Amendment, Some("old".into()));
        let all = [active, more.clone()];
        assert_eq!(brokers(&all, None), Quantity::from_units(5), "what it adds");
        assert_eq!(brokers(&all, Some(&more)), Quantity::from_units(0), "neither itself nor what it takes over");
        let other = permit("other", 1, json!({"phase": "UnderReview"}));
        assert_eq!(brokers(&all, Some(&other)), Quantity::from_units(5));
    }
}
