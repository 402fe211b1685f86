//! Who is kept what, and until when.

use rstest::rstest;
use serde_json::{Value, json};

use super::*;

const DAY: i64 = 24 * 3600;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("in range")
}

fn amount(brokers: i64) -> Resources {
    serde_json::from_value(json!({"brokers": brokers})).expect("valid")
}

fn duplicate(name: &str, brokers: i64, phase: &str, more: Value) -> ProcessingPermit {
    let fits = json!({"offer": "national/small", "result": "Fits", "predicates": [], "claims": 1, "reservedUntil": at(14 * DAY)});
    let mut permit = json!({
        "apiVersion": "govcloud.dev/v1alpha1", "kind": "ProcessingPermit",
        "metadata": {"name": name, "uid": name, "namespace": "agency-tax"},
        "spec": {"requestedBy": "r", "processingClass": "broker", "project": "a", "justification": "It is needed.", "targets": []},
        "status": {"phase": phase, "assessment": {"result": "Duplicate", "assessedAt": at(0), "demand": {"brokers": brokers}, "offers": [fits]}},
    });
    for (key, value) in more.as_object().into_iter().flatten() {
        permit["spec"][key] = value.clone();
    }
    serde_json::from_value(permit).expect("valid")
}

fn of(permits: &[ProcessingPermit], now: i64) -> Vec<Kept> {
    let again = asked_again(permits);
    let is_over = |p: &ProcessingPermit| p.metadata.uid.as_ref().is_some_and(|uid| again.contains(uid));
    let plan = |service: &str, plan: &str| (service == "national" && plan == "small").then(|| amount(3));
    kept(permits, is_over, |_| Some("tax".to_owned()), plan, at(now))
}

#[rstest]
#[case::waits("UnderReview", json!({}), 1, true)]
#[case::is_to_be_answered("Returned", json!({}), 1, true)]
#[case::was_denied("Denied", json!({}), 13, true)]
#[case::two_weeks_later("Denied", json!({}), 14, false)]
#[case::approved_all_the_same("Approved", json!({}), 1, false)]
#[case::active("Active", json!({}), 1, false)]
#[case::withdrawn("Withdrawn", json!({}), 1, false)]
#[case::withdrawn_a_moment_ago("UnderReview", json!({"withdrawn": true}), 1, false)]
fn kept_is_what_may_still_be_used(#[case] phase: &str, #[case] more: Value, #[case] days: i64, #[case] is: bool) {
    assert_eq!(!of(&[duplicate("p", 2, phase, more)], days * DAY).is_empty(), is);
}

#[test]
fn many_small_ones_keep_what_one_large_one_does() {
    let many: Vec<_> = (0..6).map(|i| duplicate(&format!("p{i}"), 1, "UnderReview", json!({}))).collect();
    let (many, one) = (of(&many, 1), of(&[duplicate("p", 6, "UnderReview", json!({}))], 1));
    assert_eq!((many[0].capacity.to_string(), &many), ("6 brokers".to_owned(), &one));
}

#[test]
fn an_appeal_does_not_keep_it_twice() {
    let mut appeal = duplicate("again", 2, "UnderReview", json!({}));
    let status = appeal.status.as_mut().expect("has one");
    status.policy = serde_json::from_value(json!({"class": "broker", "generation": 1, "approval": {"quorum": [{"group": "g", "count": 1}]}, "prior": {"name": "p", "uid": "p"}})).expect("valid");
    let kept = of(&[duplicate("p", 2, "Denied", json!({})), appeal], 1);
    assert_eq!(kept.iter().map(|k| k.demand.clone()).collect::<Vec<_>>(), [amount(2)]);
}

#[rstest]
#[case::claimed("tax", 5, 3, None)]
#[case::part_of_it("tax", 5, 1, Some(2))]
#[case::before_it_was_asked("tax", -5, 3, Some(3))]
#[case::by_another("customs", 5, 3, Some(3))]
fn a_claim_of_theirs_ends_it(#[case] family: &str, #[case] second: i64, #[case] brokers: i64, #[case] left: Option<i64>) {
    let claim = Held { service: "national".into(), family: family.into(), capacity: amount(brokers), since: at(second) };
    let kept = after_claims(of(&[duplicate("p", 2, "Denied", json!({}))], 1), [claim]);
    assert_eq!(kept.first().map(|k| k.capacity.clone()), left.map(amount));
}

#[test]
fn what_is_kept_is_kept_from_others() {
    let kept = of(&[duplicate("p", 2, "Denied", json!({}))], 1);
    assert_eq!(kept_from(&kept, "national", "customs"), amount(3));
    assert!(kept_from(&kept, "national", "tax").is_empty());
    assert!(kept_from(&kept, "regional", "customs").is_empty());
}
