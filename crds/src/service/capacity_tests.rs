//! What claims are told of the ledger.

use rstest::rstest;
use serde_json::json;

use super::*;
use crate::{
    conditions::conditions,
    service::{ClaimPhase, ServiceClaimStatus, SharedServiceStatus, ledger::allocated},
};

fn service(capacity: i64, held: serde_json::Value) -> SharedService {
    let spec = json!({
        "displayName": "Streaming", "provider": "ito", "processingClass": "c", "capacity": {"brokers": capacity}, "binding": {"type": "t"},
        "plans": [{"name": "small", "capacity": {"brokers": 1}}, {"name": "large", "capacity": {"brokers": 3}},
            {"name": "private", "channel": "PGSB", "capacity": {"brokers": 1}}],
    });
    let mut service = SharedService::new("streaming", serde_json::from_value(spec).expect("valid"));
    let reservations: Vec<Reservation> = serde_json::from_value(held).expect("valid");
    let allocated = allocated(&reservations);
    service.status = Some(SharedServiceStatus { allocated, reservations, ..SharedServiceStatus::default() });
    service
}

fn claim(plan: &str) -> ServiceClaim {
    let spec = json!({"sharedService": "streaming", "plan": plan});
    let mut claim = ServiceClaim::new("c", serde_json::from_value(spec).expect("valid"));
    (claim.metadata.namespace, claim.metadata.uid) = (Some("tax--a".into()), Some("c".into()));
    claim
}

#[rstest]
#[case::listed(json!([{"uid": "c", "plan": "small", "capacity": {"brokers": 1}}]), Some(true), "Reserved")]
#[case::being_revoked(json!([{"uid": "c", "plan": "small", "capacity": {"brokers": 1}, "revoking": true}]), None, "Revoking")]
#[case::full(json!([{"uid": "x", "plan": "small", "capacity": {"brokers": 3}}]), Some(false), "NoCapacity")]
#[case::not_seen_yet(json!([]), None, "Pending")]
fn a_claim_holds_what_the_ledger_lists(#[case] held: serde_json::Value, #[case] holds: Option<bool>, #[case] reason: &str) {
    let verdict = reserved(&claim("small"), Some(&service(3, held)));
    assert_eq!((verdict.holds, verdict.reason), (holds, reason));
}

#[rstest]
#[case::it("small", "small", 1, Some(true), "InForce", "It has plan small of streaming")]
#[case::no_room_for_more("large", "small", 1, Some(false), "NoRoom", "You keep small: streaming has no room for large")]
#[case::none_of_that_name("huge", "small", 1, Some(false), "NoSuchPlan", "it has small, large, private. You keep small.")]
#[case::for_others("private", "small", 1, Some(false), "NotEligible", "for the private sector only")]
#[case::taken_out("old", "old", 1, Some(false), "PlanWithdrawn", "You keep old as it was")]
#[case::became_larger("large", "large", 2, Some(false), "NoRoom", "(3 brokers) than what it has (2 brokers)")]
fn the_plan_in_force_is_said(
    #[case] asked: &str,
    #[case] held: &str,
    #[case] brokers: i64,
    #[case] holds: Option<bool>,
    #[case] reason: &str,
    #[case] words: &str,
) {
    let agency = json!({"displayName": "Tax", "securityRegime": "NonInfrastructure"});
    let agency = Agency::new("tax", serde_json::from_value(agency).expect("valid"));
    let service = service(3, json!([{"uid": "c", "plan": held, "capacity": {"brokers": brokers}}]));
    let verdict = plan_in_force(&claim(asked), &service, Some(&agency)).expect("it holds something");
    assert_eq!((verdict.holds, verdict.reason), (holds, reason));
    assert!(verdict.message.contains(words), "{}", verdict.message);
}

#[test]
fn exhaustion_says_who_waits() {
    let said = |left: i64, waiting| {
        let left = [("brokers".to_owned(), crate::Quantity::from_units(left))].into_iter().collect();
        exhausted(&service(3, json!([])), &left, waiting).message
    };
    assert_eq!(said(2, 0), "2 brokers free.");
    assert_eq!(said(2, 1), "2 brokers free. 1 claim waits.");
    assert_eq!(said(0, 400), "No plan fits into what is left (0 brokers). 400 claims wait.");
}

#[test]
fn a_claim_is_looked_at_again_when_the_ledger_says_something_else() {
    let held = json!([{"uid": "c", "plan": "small", "capacity": {"brokers": 1}}]);
    let (with, without) = (service(3, held.clone()), service(3, json!([{"uid": "x", "capacity": {"brokers": 3}}])));
    let told = |by: &SharedService, asked: &str| {
        let mut claim = claim(asked);
        let verdicts: Vec<_> = std::iter::once(reserved(&claim, Some(by))).chain(plan_in_force(&claim, by, None)).collect();
        let plan = by.holding("c").map(|r| r.plan.clone());
        let conditions = conditions(&[], &verdicts, None, jiff::Timestamp::UNIX_EPOCH);
        claim.status = Some(ServiceClaimStatus { plan, conditions, ..ServiceClaimStatus::default() });
        claim
    };
    assert!(!is_told(&claim("small"), &without), "it is new");
    assert!(is_told(&told(&without, "small"), &without));
    assert!(!is_told(&told(&without, "small"), &with), "it was given a place");
    assert!(is_told(&told(&with, "small"), &with));
    assert!(!is_told(&told(&with, "small"), &without), "it lost its place");
    let waits_for_more = told(&with, "large");
    assert!(is_told(&waits_for_more, &with));
    let larger = service(3, json!([{"uid": "c", "plan": "large", "capacity": {"brokers": 3}}]));
    assert!(!is_told(&waits_for_more, &larger), "it has the other plan now");
    let mut rejected = claim("small");
    rejected.status = Some(ServiceClaimStatus { phase: ClaimPhase::Rejected, ..ServiceClaimStatus::default() });
    assert!(is_told(&rejected, &without) && !is_told(&rejected, &with));
    let mut moved = told(&with, "small");
    moved.status.as_mut().expect("set").served_by = Some("next".into());
    assert!(is_told(&moved, &without) && !is_told(&moved, &with));
}
