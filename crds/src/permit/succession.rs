//! Permits that refer to others: renewals, amendments, appeals, and answers to what was returned.

use std::collections::BTreeSet;

use super::{Intent, Phase, ProcessingPermit, Target, effective::granted_targets};

impl ProcessingPermit {
    /// Whether it takes over the slots of the permit before it when it becomes active.
    pub fn takes_over(&self) -> bool {
        matches!(self.spec.intent, Intent::Renewal | Intent::Amendment)
    }

    /// The uid of the permit that it refers to, as it was pinned when it was submitted.
    pub fn prior_uid(&self) -> Option<&str> {
        Some(self.status.as_ref()?.policy.as_ref()?.prior.as_ref()?.uid.as_str())
    }

    /// Whether it became active, and with that took over from the permit with this uid.
    pub fn took_over(&self, uid: &str) -> bool {
        let became_active = self.status.as_ref().is_some_and(|status| status.valid_from.is_some());
        self.takes_over() && became_active && self.prior_uid() == Some(uid)
    }

    /// Whether it answers what the permit with this uid was returned for.
    pub fn answers(&self, uid: &str) -> bool {
        self.spec.intent == Intent::New && self.prior_uid() == Some(uid)
    }
}

/// The uids of permits from which another one took over. What they held is that one's from the moment in which its time
/// started, whatever their own status says yet: so the slots and the quota of both change in one write.
pub fn taken_over<'a>(permits: impl IntoIterator<Item = &'a ProcessingPermit>) -> BTreeSet<String> {
    let became_active = |p: &&ProcessingPermit| p.takes_over() && p.status.as_ref().is_some_and(|s| s.valid_from.is_some());
    permits.into_iter().filter(became_active).filter_map(|p| p.prior_uid().map(str::to_owned)).collect()
}

/// What a permit becomes because of the one that took over or answered, if any of `others` did: the number of that one.
pub fn successor<'a>(permit: &ProcessingPermit, others: impl IntoIterator<Item = &'a ProcessingPermit>) -> Option<String> {
    let (uid, phase) = (permit.metadata.uid.as_deref()?, permit.status.as_ref()?.phase);
    let follows = |other: &ProcessingPermit| match phase {
        Phase::Active => other.took_over(uid),
        Phase::Returned => other.answers(uid),
        _ => false,
    };
    others.into_iter().find(|other| follows(other)).and_then(|other| other.status.as_ref()?.number.clone())
}

/// Whether both name the same objects, in whatever order and size.
pub fn same_objects(one: &[Target], other: &[Target]) -> bool {
    let within = |some: &[Target], all: &[Target]| some.iter().all(|target| all.iter().any(|t| t.is_same_object(target)));
    within(one, other) && within(other, one)
}

/// Whether every one of `targets` is at most as large as `prior` has it.
pub fn within_prior(targets: &[Target], prior: &ProcessingPermit) -> bool {
    let granted = granted_targets(prior);
    targets.iter().all(|target| {
        let before = granted.iter().find(|before| before.is_same_object(target));
        // A dimension that was not named had no size, and one that is not named asks for none.
        before.is_some_and(|before| target.replicas <= before.replicas && target.per_replica.fits_in(&before.per_replica))
    })
}

/// Whether a request asks for nothing that `prior` was not reviewed for: no larger sizes, and the same conditions. Another
/// zone or interface may be one that a shared service has, more sensitive data is another question to the security
/// authority, and what was offered to others was part of what was decided.
pub fn asks_for_no_more(permit: &ProcessingPermit, prior: &ProcessingPermit) -> bool {
    let (asked, before) = (&permit.spec, &prior.spec);
    within_prior(&asked.targets, prior)
        && asked.processing_class == before.processing_class
        && asked.data_classification <= before.data_classification
        && as_set(&asked.zones) == as_set(&before.zones)
        && as_set(&asked.interfaces) == as_set(&before.interfaces)
        && before.sharing_offer.fits_in(&asked.sharing_offer)
}

fn as_set<T: Ord>(values: &[T]) -> BTreeSet<&T> {
    values.iter().collect()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    fn permit(uid: &str, intent: &str, phase: &str, more: Value) -> ProcessingPermit {
        let mut status = json!({"phase": phase, "number": format!("GC-{uid}")});
        for (key, value) in more.as_object().into_iter().flatten() {
            status[key] = value.clone();
        }
        serde_json::from_value(json!({
            "apiVersion": "govcloud.dev/v1alpha1", "kind": "ProcessingPermit", "metadata": {"name": uid, "uid": uid},
            "spec": {"requestedBy": "r", "intent": intent, "processingClass": "broker", "project": "a", "justification": "It is needed.",
                     "targets": [{"group": "k", "resource": "pools", "name": "one", "replicas": 3, "perReplica": {"brokers": "1"}}]},
            "status": status,
        }))
        .expect("valid")
    }

    fn referring(to: &str, valid_from: Option<&str>) -> Value {
        let approval = json!({"quorum": [{"group": "g", "count": 1}]});
        json!({"validFrom": valid_from, "policy": {"class": "broker", "generation": 1, "approval": approval, "prior": {"name": to, "uid": to}}})
    }

    const SOME_DAY: Option<&str> = Some("2026-01-01T00:00:00Z");

    #[rstest]
    #[case::a_renewal_that_is_active("Renewal", SOME_DAY, &["1"])]
    #[case::an_amendment_that_is_active("Amendment", SOME_DAY, &["1"])]
    #[case::a_renewal_that_waits("Renewal", None, &[])]
    #[case::an_appeal("Appeal", SOME_DAY, &[])]
    #[case::an_answer("New", SOME_DAY, &[])]
    fn who_takes_over(#[case] intent: &str, #[case] valid_from: Option<&str>, #[case] taken: &[&str]) {
        let permits = [permit("1", "New", "Active", json!({})), permit("2", intent, "Approved", referring("1", valid_from))];
        assert_eq!(taken_over(&permits).iter().map(String::as_str).collect::<Vec<_>>(), taken);
        assert_eq!(successor(&permits[0], [&permits[1]]).is_some(), !taken.is_empty());
    }

    #[test]
    fn an_answer_ends_what_was_returned_and_nothing_else() {
        let answer = permit("2", "New", "UnderReview", referring("1", None));
        assert_eq!(successor(&permit("1", "New", "Returned", json!({})), [&answer]).as_deref(), Some("GC-2"));
        assert_eq!(successor(&permit("1", "New", "Active", json!({})), [&answer]), None);
        assert_eq!(successor(&permit("3", "New", "Returned", json!({})), [&answer]), None);
    }

    #[rstest]
    #[case::the_same(json!({}), true)]
    #[case::less_sensitive(json!({"dataClassification": "Public"}), true)]
    #[case::more_sensitive(json!({"dataClassification": "Restricted"}), false)]
    #[case::zones_in_another_order(json!({"zones": ["b", "a"]}), true)]
    #[case::another_zone(json!({"zones": ["a", "c"]}), false)]
    #[case::any_zone(json!({"zones": []}), false)]
    #[case::another_interface(json!({"interfaces": [{"name": "kafka", "version": "4"}]}), false)]
    #[case::offers_less(json!({"sharingOffer": {"brokers": "1"}}), false)]
    #[case::offers_more(json!({"sharingOffer": {"brokers": "3"}}), true)]
    #[case::another_class(json!({"processingClass": "queue"}), false)]
    fn what_was_reviewed_is_not_changed_without_a_review(#[case] change: Value, #[case] no_more: bool) {
        let with = |more: &Value| {
            let mut permit = json!(permit("1", "Amendment", "Active", json!({})));
            for (key, value) in more.as_object().into_iter().flatten() {
                permit["spec"][key] = value.clone();
            }
            permit
        };
        let terms =
            json!({"zones": ["a", "b"], "interfaces": [{"name": "kafka", "version": "3"}], "sharingOffer": {"brokers": "2"}});
        let of = |value: Value| serde_json::from_value::<ProcessingPermit>(value).expect("valid");
        let (prior, mut asked) = (of(with(&terms)), with(&terms));
        for (key, value) in change.as_object().into_iter().flatten() {
            asked["spec"][key] = value.clone();
        }
        assert_eq!(asks_for_no_more(&of(asked), &prior), no_more);
    }

    #[rstest]
    #[case(json!([{"group": "k", "resource": "pools", "name": "one", "replicas": 3, "perReplica": {"brokers": "1"}}]), true, true)]
    #[case(json!([{"group": "k", "resource": "pools", "name": "one", "replicas": 2}]), true, true)]
    #[case(json!([{"group": "k", "resource": "pools", "name": "one", "replicas": 4, "perReplica": {"brokers": "1"}}]), true, false)]
    #[case(json!([{"group": "k", "resource": "pools", "name": "one", "perReplica": {"brokers": "1", "storage": "1"}}]), true, false)]
    #[case(json!([{"group": "k", "resource": "pools", "name": "two"}]), false, false)]
    #[case(json!([]), false, true)]
    fn sizes_are_held_against_the_prior(#[case] targets: Value, #[case] same: bool, #[case] within: bool) {
        let targets: Vec<Target> = serde_json::from_value(targets).expect("targets");
        let prior = permit("1", "New", "Active", json!({}));
        assert_eq!((same_objects(&targets, &prior.spec.targets), within_prior(&targets, &prior)), (same, within));
    }
}
