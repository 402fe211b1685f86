//! Tests of the effective state: tables of single rules, and laws over random sequences of reviews.

use std::collections::BTreeSet;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use proptest::prelude::*;
use rstest::rstest;
use serde_json::json;

use super::*;
use crate::{
    common::{Member, MemberKind},
    permit::Intent,
};

const DIGEST: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("in range")
}

fn permit(result: &str) -> ProcessingPermit {
    serde_json::from_value(json!({
        "apiVersion": "govcloud.dev/v1alpha1", "kind": "ProcessingPermit",
        "metadata": {"name": "p", "namespace": "agency-tax", "uid": "uid"},
        "spec": {"requestedBy": "requester", "processingClass": "broker", "project": "a", "justification": "It is needed.",
                 "targets": [{"group": "k", "resource": "pools", "name": "one", "replicas": 6, "perReplica": {"brokers": 1, "storage": "1Ti"}}]},
        "status": {"digest": DIGEST, "assessment": {"result": result, "assessedAt": "2026-01-01T00:00:00Z"}},
    }))
    .expect("valid")
}

fn active(mut permit: ProcessingPermit, from: i64, until: i64) -> ProcessingPermit {
    let status = permit.status.as_mut().expect("has one");
    (status.valid_from, status.not_after) = (Some(Time(at(from))), Some(Time(at(until))));
    permit
}

fn policy(count: i32, regime: Option<&str>, on_duplicate: &str) -> Policy {
    let pinned = json!({"class": "broker", "generation": 1, "regimeReviewers": regime,
        "approval": {"quorum": [{"group": "ministry", "count": count}], "onDuplicate": on_duplicate}});
    let insider = |kind, name: &str| Member { kind, name: name.into() };
    Policy {
        pinned: serde_json::from_value(pinned).expect("valid"),
        insiders: vec![insider(MemberKind::User, "insider"), insider(MemberKind::Group, "tax:admins")],
        intent: Intent::New,
    }
}

fn review(second: i64, who: &str, group: &str, verdict: &str) -> PermitReview {
    serde_json::from_value(json!({
        "apiVersion": "govcloud.dev/v1alpha1", "kind": "PermitReview",
        "metadata": {"name": format!("r{second:03}"), "namespace": "agency-tax", "creationTimestamp": at(second)},
        "spec": {"permit": {"name": "p", "uid": "uid", "digest": DIGEST}, "reviewer": who, "group": group, "verdict": verdict, "reason": "because"},
    }))
    .expect("valid")
}

fn overriding(mut review: PermitReview) -> PermitReview {
    review.spec.override_duplicate = true;
    review
}

fn phase(permit: &ProcessingPermit, reviews: &[PermitReview], policy: &Policy, now: i64) -> Phase {
    effective(permit, reviews, Some(policy), at(now)).phase
}

#[test]
fn without_an_assessment_it_is_pending() {
    let mut unassessed = permit("Unique");
    unassessed.status = None;
    assert_eq!(phase(&unassessed, &[review(1, "r1", "ministry", "Approve")], &policy(1, None, "Review"), 2), Phase::Pending);
}

#[rstest]
#[case::nobody(&[], Phase::UnderReview)]
#[case::one_of_two(&[("r1", "ministry", "Approve")], Phase::UnderReview)]
#[case::one_person_twice(&[("r1", "ministry", "Approve"), ("r1", "ministry", "Approve")], Phase::UnderReview)]
#[case::two_but_no_regime(&[("r1", "ministry", "Approve"), ("r2", "ministry", "Approve")], Phase::UnderReview)]
#[case::one_person_in_two_groups(&[("r1", "ministry", "Approve"), ("r2", "ministry", "Approve"), ("r2", "smc", "Approve")], Phase::UnderReview)]
#[case::complete(&[("r1", "ministry", "Approve"), ("r2", "ministry", "Approve"), ("s1", "smc", "Approve")], Phase::Approved)]
#[case::any_order(&[("s1", "smc", "Approve"), ("r2", "ministry", "Approve"), ("r1", "ministry", "Approve")], Phase::Approved)]
#[case::one_denies(&[("r1", "ministry", "Approve"), ("s1", "smc", "Deny")], Phase::Denied)]
#[case::denied_stays_denied(&[("r1", "ministry", "Deny"), ("r2", "ministry", "Approve"), ("r3", "ministry", "Approve"), ("s1", "smc", "Approve")], Phase::Denied)]
#[case::returned(&[("r1", "ministry", "Return")], Phase::Returned)]
#[case::own_request(&[("requester", "ministry", "Deny")], Phase::UnderReview)]
#[case::own_agency(&[("insider", "ministry", "Deny")], Phase::UnderReview)]
#[case::own_agencys_group(&[("x", "tax:admins", "Deny")], Phase::UnderReview)]
#[case::strangers(&[("x", "strangers", "Deny")], Phase::UnderReview)]
#[case::revoke_before_approval(&[("r1", "ministry", "Revoke"), ("r2", "ministry", "Revoke")], Phase::UnderReview)]
fn quorum(#[case] given: &[(&str, &str, &str)], #[case] expected: Phase) {
    let reviews: Vec<_> = given
        .iter()
        .enumerate()
        .map(|(i, (who, group, verdict))| review(i64::try_from(i).expect("small"), who, group, verdict))
        .collect();
    assert_eq!(phase(&permit("Unique"), &reviews, &policy(2, Some("smc"), "Review"), 100), expected);
}

#[test]
fn a_review_of_another_request_does_not_count() {
    let mut other = review(1, "r1", "ministry", "Approve");
    other.spec.permit.digest = "b".repeat(64);
    let judged = effective(&permit("Unique"), &[other], Some(&policy(1, None, "Review")), at(2));
    assert_eq!(judged.phase, Phase::UnderReview);
    assert_eq!(judged.reviews[0].because.as_deref(), Some("it pins another request than this one"));
}

/// The permit with what `reviews` make of it in its status.
fn recorded(mut permit: ProcessingPermit, reviews: &[PermitReview], policy: &Policy, now: i64) -> ProcessingPermit {
    let judged = effective(&permit, reviews, Some(policy), at(now));
    let status = permit.status.as_mut().expect("has one");
    (status.reviews, status.decision) = (kept(judged.reviews), judged.decision);
    permit
}

#[test]
fn who_joins_the_agency_later_changes_no_past_decision() {
    let (policy, reviews) = (policy(1, None, "Review"), [review(1, "r1", "ministry", "Approve")]);
    let mut later = policy.clone();
    later.insiders.push(Member { kind: MemberKind::User, name: "r1".into() });
    assert_eq!(phase(&permit("Unique"), &reviews, &later, 2), Phase::UnderReview);
    assert_eq!(phase(&recorded(permit("Unique"), &reviews, &policy, 2), &reviews, &later, 3), Phase::Approved);
}

#[test]
fn a_review_of_the_same_second_does_not_overtake_one_that_was_judged() {
    let (policy, mut deny) = (policy(1, None, "Review"), review(1, "r2", "ministry", "Deny"));
    deny.metadata.name = Some("a-name-before-the-other".into());
    let approve = review(1, "r1", "ministry", "Approve");
    assert_eq!(phase(&permit("Unique"), &[approve.clone(), deny.clone()], &policy, 2), Phase::Denied);
    let judged = recorded(permit("Unique"), std::slice::from_ref(&approve), &policy, 2);
    assert_eq!(phase(&judged, &[approve, deny], &policy, 2), Phase::Approved);
}

#[test]
fn a_revocation_from_before_the_approval_never_counts() {
    let policy = policy(1, None, "Review");
    let early = review(1, "r2", "ministry", "Revoke");
    let approve = review(5, "r1", "ministry", "Approve");
    // Judged after the approval, because the status had no room for it.
    let judged = recorded(permit("Unique"), std::slice::from_ref(&approve), &policy, 6);
    assert_eq!(phase(&judged, &[early, approve], &policy, 6), Phase::Approved);
}

#[test]
fn a_review_that_somebody_removed_still_counts() {
    let policy = policy(1, None, "Review");
    let reviews = [review(1, "r1", "ministry", "Approve"), review(2, "r2", "ministry", "Revoke")];
    let judged = effective(&recorded(permit("Unique"), &reviews, &policy, 3), &[], Some(&policy), at(4));
    assert_eq!((judged.phase, judged.decision.expect("kept").reason.as_str()), (Phase::Revoked, "because"));
}

#[test]
fn a_record_that_is_full_stays_as_it_is() {
    let policy = policy(1, None, "Review");
    let mut reviews = vec![review(0, "r1", "ministry", "Approve")];
    for pair in 0..250 {
        reviews.push(review(1 + 2 * pair, "r2", "ministry", "Suspend"));
        reviews.push(review(2 + 2 * pair, "r2", "ministry", "Resume"));
    }
    let active = active(permit("Unique"), 0, 10_000);
    let once = recorded(active, &reviews, &policy, 600);
    let again = recorded(once.clone(), &reviews, &policy, 600);
    assert_eq!(phase(&once, &reviews, &policy, 600), Phase::Active);
    assert_eq!(once, again);
}

#[test]
fn what_decided_something_is_never_dropped_from_the_record() {
    let policy = policy(1, None, "Review");
    let mut reviews: Vec<_> = (0..500).map(|i| review(i, "x", "strangers", "Deny")).collect();
    reviews.push(review(500, "r1", "ministry", "Approve"));
    let judged = recorded(permit("Unique"), &reviews, &policy, 600);
    let rows = &judged.status.as_ref().expect("has one").reviews;
    assert_eq!((rows.len(), rows.iter().filter(|r| r.counted).count()), (REVIEWS_KEPT, 1));
    assert_eq!(phase(&judged, &reviews, &policy, 600), Phase::Approved);
}

#[test]
fn a_duplicate_needs_an_override_and_one_more() {
    let policy = policy(1, None, "Review");
    let plain = [review(1, "r1", "ministry", "Approve"), review(2, "r2", "ministry", "Approve")];
    assert_eq!(phase(&permit("Duplicate"), &plain, &policy, 9), Phase::UnderReview);
    let overridden: Vec<_> = plain.into_iter().map(overriding).collect();
    assert_eq!(phase(&permit("Duplicate"), &overridden[..1], &policy, 9), Phase::UnderReview);
    assert_eq!(phase(&permit("Duplicate"), &overridden, &policy, 9), Phase::Approved);
}

#[test]
fn a_class_may_deny_duplicates_at_once() {
    assert_eq!(phase(&permit("Duplicate"), &[], &policy(1, None, "Deny"), 9), Phase::Denied);
    assert_eq!(phase(&permit("Unique"), &[], &policy(1, None, "Deny"), 9), Phase::UnderReview);
}

#[test]
fn an_active_permit_lives_and_ends() {
    let (active, policy) = (active(permit("Unique"), 10, 100), policy(1, None, "Review"));
    let approve = review(1, "r1", "ministry", "Approve");
    let with = |more: &[PermitReview]| [std::slice::from_ref(&approve), more].concat();
    assert_eq!(phase(&active, &with(&[]), &policy, 50), Phase::Active);
    assert_eq!(phase(&active, &with(&[]), &policy, 100), Phase::Expired);
    assert_eq!(phase(&active, &with(&[review(20, "r2", "ministry", "Suspend")]), &policy, 50), Phase::Suspended);
    let resumed = with(&[review(20, "r2", "ministry", "Suspend"), review(21, "r2", "ministry", "Resume")]);
    assert_eq!(phase(&active, &resumed, &policy, 50), Phase::Active);
    assert_eq!(phase(&active, &with(&[review(20, "r2", "ministry", "Revoke")]), &policy, 50), Phase::Revoked);
    assert_eq!(effective(&active, &with(&[]), Some(&policy), at(50)).changes_at, Some(at(100)));
}

#[test]
fn the_agency_can_take_it_back_at_any_time_but_not_undo_a_denial() {
    let mut taken_back = permit("Unique");
    taken_back.spec.withdrawn = true;
    let policy = policy(1, None, "Review");
    assert_eq!(phase(&taken_back, &[], &policy, 9), Phase::Withdrawn);
    assert_eq!(phase(&taken_back, &[review(1, "r1", "ministry", "Deny")], &policy, 9), Phase::Denied);
    assert_eq!(phase(&active(taken_back, 1, 100), &[review(1, "r1", "ministry", "Approve")], &policy, 9), Phase::Withdrawn);
}

#[test]
fn a_reviewer_may_narrow_and_never_widen() {
    let mut approve = review(1, "r1", "ministry", "Approve");
    let narrow = json!({"targets": [{"name": "one", "replicas": 3, "perReplica": {"storage": "2Ti", "brokers": 1}}]});
    approve.spec.narrow = Some(serde_json::from_value(narrow).expect("valid"));
    let judged = effective(&permit("Unique"), &[approve], Some(&policy(1, None, "Review")), at(2));
    assert_eq!(judged.decision.expect("decided").capacity.to_string(), "3 brokers, 3Ti storage");
}

fn any_review() -> impl Strategy<Value = (usize, usize, usize, bool)> {
    (0_usize..5, 0_usize..3, 0_usize..6, any::<bool>())
}

fn materialise(given: &[(usize, usize, usize, bool)]) -> Vec<PermitReview> {
    const WHO: [&str; 5] = ["r1", "r2", "s1", "requester", "insider"];
    const GROUPS: [&str; 3] = ["ministry", "smc", "strangers"];
    const VERDICTS: [&str; 6] = ["Approve", "Deny", "Return", "Suspend", "Resume", "Revoke"];
    let one = |(i, (who, group, verdict, overrides)): (usize, &(usize, usize, usize, bool))| {
        let mut review = review(i64::try_from(i).expect("small"), WHO[*who], GROUPS[*group], VERDICTS[*verdict]);
        review.spec.override_duplicate = *overrides;
        review
    };
    given.iter().enumerate().map(one).collect()
}

proptest! {
    /// Whatever is thrown at it: approved only with enough distinct outsiders of the right groups.
    #[test]
    fn never_approved_without_a_quorum(given in prop::collection::vec(any_review(), 0..20), duplicate: bool) {
        let reviews = materialise(&given);
        let policy = policy(1, Some("smc"), "Review");
        let judged = effective(&permit(if duplicate { "Duplicate" } else { "Unique" }), &reviews, Some(&policy), at(1000));
        if judged.decision.as_ref().is_some_and(|d| d.verdict == ReviewVerdict::Approve) {
            let approvers = |group: &str| reviews.iter()
                .filter(|r| r.spec.group == group && r.spec.verdict == ReviewVerdict::Approve && (!duplicate || r.spec.override_duplicate))
                .map(|r| r.spec.reviewer.as_str()).filter(|who| !["requester", "insider"].contains(who)).collect::<BTreeSet<_>>();
            let (ministry, smc) = (approvers("ministry"), approvers("smc"));
            prop_assert!(ministry.len() > usize::from(duplicate) && !smc.is_empty());
            prop_assert!(ministry.union(&smc).count() >= 2 + usize::from(duplicate), "one person counted twice");
        }
    }

    #[test]
    fn judged_one_after_the_other_or_all_at_once_it_comes_to_the_same(given in prop::collection::vec(any_review(), 0..20)) {
        let (reviews, policy) = (materialise(&given), policy(1, Some("smc"), "Review"));
        let at_once = effective(&permit("Unique"), &reviews, Some(&policy), at(1000));
        let step = |permit, i| recorded(permit, &reviews[..i], &policy, 1000);
        let in_steps = (1..=reviews.len()).fold(permit("Unique"), step);
        prop_assert_eq!(effective(&in_steps, &reviews, Some(&policy), at(1000)), at_once);
    }

    #[test]
    fn the_order_of_the_list_does_not_matter(given in prop::collection::vec(any_review(), 0..20)) {
        let (mut reviews, policy) = (materialise(&given), policy(1, Some("smc"), "Review"));
        let judged = effective(&permit("Unique"), &reviews, Some(&policy), at(1000));
        reviews.reverse();
        prop_assert_eq!(effective(&permit("Unique"), &reviews, Some(&policy), at(1000)), judged);
    }

    #[test]
    fn a_denial_is_final(given in prop::collection::vec(any_review(), 0..10), more in prop::collection::vec(any_review(), 0..10)) {
        let policy = policy(1, Some("smc"), "Review");
        let before = phase(&permit("Unique"), &materialise(&given), &policy, 1000);
        let all: Vec<_> = given.into_iter().chain(more).collect();
        if before == Phase::Denied {
            prop_assert_eq!(phase(&permit("Unique"), &materialise(&all), &policy, 1000), Phase::Denied);
        }
    }
}
