//! A certificate that is wrong in one respect is refused, and it is said which.

use rstest::rstest;
use serde_json::{Value, json};

use super::*;
use crate::{Agency, Resources, common::Classification};

fn service(change: &Value) -> SharedService {
    let mut spec = json!({
        "displayName": "Streaming", "provider": "ito", "processingClass": "streaming", "zones": ["a"], "dataClassification": "Restricted",
        "interfaces": [{"name": "kafka", "version": "3.9"}], "eligibility": {"securityRegimes": ["InfrastructureArea"]},
        "plans": [{"name": "p", "channel": "GSB", "capacity": {"brokers": 2}}], "capacity": {"brokers": 10}, "binding": {"type": "kafka"},
    });
    for (key, value) in change.as_object().into_iter().flatten() {
        spec[key] = value.clone();
    }
    let mut service = SharedService::new("s", serde_json::from_value(spec).expect("valid"));
    service.status =
        Some(serde_json::from_value(json!({"reservations": [{"uid": "u", "capacity": {"brokers": 2}}]})).expect("valid"));
    service
}

fn check_it(change: &Value, certificate: &Value, kept: &[Kept]) -> Result<(), String> {
    let regime = json!({"displayName": "Tax", "securityRegime": "InfrastructureArea"});
    let agency = Agency::new("tax", serde_json::from_value(regime).expect("valid"));
    let (interfaces, zones) = ([Interface { name: "kafka".into(), version: ">=3.7".into() }], ["a".to_owned()]);
    let request = Request {
        agency: &agency,
        family: "tax".into(),
        class: "broker",
        demand: serde_json::from_value(json!({"brokers": 3})).expect("valid"),
        granted: Resources::default(),
        interfaces: &interfaces,
        classification: Classification::Restricted,
        zones: &zones,
    };
    let class = json!({"displayName": "B", "parent": "streaming", "dimensions": [{"name": "brokers"}], "approval": {"quorum": [{"group": "g", "count": 1}]}});
    let classes =
        BTreeMap::from([("broker".to_owned(), ProcessingClass::new("broker", serde_json::from_value(class).expect("valid")))]);
    let mut said = json!({"offer": "s/p", "result": "Fits", "predicates": [], "claims": 2, "packing": {"brokers": 3}});
    for (key, value) in certificate.as_object().into_iter().flatten() {
        said[key] = value.clone();
    }
    let services = [service(change)];
    let evidence = Evidence { request: &request, services: &services, kept, classes: &classes };
    verify(&serde_json::from_value(said).expect("valid"), evidence)
}

#[rstest]
#[case::right(json!({}), json!({}), None)]
#[case::no_fit(json!({}), json!({"result": "Partly"}), Some("is not said to fit"))]
#[case::no_offer(json!({}), json!({"offer": "s/q"}), Some("there is no offer"))]
#[case::too_few(json!({}), json!({"claims": 1}), Some("1 claims hold 2 brokers, and 3 is needed"))]
#[case::too_many(json!({}), json!({"claims": 5}), Some("5 claims of 2 brokers do not fit into 8"))]
#[case::far_too_many(json!({"capacity": {"brokers": 100}}), json!({"claims": 17}), Some("no use"))]
#[case::other_packing(json!({}), json!({"packing": {"brokers": 1}}), Some("something else"))]
#[case::full(json!({"capacity": {"brokers": 5}}), json!({}), Some("do not fit into 3"))]
#[case::class(json!({"processingClass": "lake"}), json!({}), Some("does not cover"))]
#[case::protocol(json!({"interfaces": [{"name": "kafka", "version": "3.6.2"}]}), json!({}), Some("does not speak"))]
#[case::data(json!({"dataClassification": "Internal"}), json!({}), Some("Internal data at most"))]
#[case::regime(json!({"eligibility": {"securityRegimes": ["NonInfrastructure"]}}), json!({}), Some("may not claim"))]
#[case::sort(json!({"eligibility": {"agencyTypes": ["Partner"]}}), json!({}), Some("may not claim"))]
#[case::channel(json!({"plans": [{"name": "p", "channel": "PGSB", "capacity": {"brokers": 2}}]}), json!({}), Some("may not claim"))]
#[case::zone(json!({"zones": ["b"]}), json!({}), Some("stand in a"))]
fn what_is_wrong_is_said(#[case] change: Value, #[case] certificate: Value, #[case] said: Option<&str>) {
    let found = check_it(&change, &certificate, &[]).err();
    assert_eq!(found.is_some(), said.is_some(), "{found:?}");
    assert!(said.is_none_or(|said| found.as_ref().is_some_and(|found| found.contains(said))), "{found:?}");
}

#[rstest]
#[case::others("customs", "p", 5, false)]
#[case::others_leave_enough("customs", "p", 4, true)]
#[case::its_own_is_packed_with_it("tax", "p", 5, true)]
#[case::its_own_is_too_much("tax", "p", 6, false)]
#[case::its_own_of_another_plan("tax", "q", 5, false)]
fn what_is_kept_is_no_room(#[case] family: &str, #[case] plan: &str, #[case] brokers: i64, #[case] holds: bool) {
    let amount: Resources = serde_json::from_value(json!({"brokers": brokers})).expect("valid");
    let (since, until) = (jiff::Timestamp::UNIX_EPOCH, jiff::Timestamp::MAX);
    let kept = Kept {
        service: "s".into(),
        plan: plan.into(),
        family: family.into(),
        demand: amount.clone(),
        capacity: amount,
        since,
        until,
    };
    let found = check_it(&json!({}), &json!({}), &[kept]);
    assert_eq!(found.is_ok(), holds, "{found:?}");
}
