//! Tests of the assessment: a table of single predicates, and the laws that hold for all requests.

use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};

use super::*;

fn agency() -> Agency {
    Agency::new(
        "tax",
        serde_json::from_value(json!({"displayName": "Tax", "securityRegime": "InfrastructureArea"})).expect("valid"),
    )
}

fn service(name: &str, change: Value) -> SharedService {
    let mut spec = json!({
        "displayName": "Streaming", "provider": "ito", "processingClass": "streaming",
        "interfaces": [{"name": "kafka", "version": "3.9"}], "zones": ["tehran-1", "tehran-2"], "dataClassification": "Restricted",
        "plans": [{"name": "large", "channel": "GSB", "capacity": {"brokers": 6, "storage": "10Ti"}}],
        "capacity": {"brokers": 60, "storage": "200Ti"}, "binding": {"type": "kafka"},
    });
    for (key, value) in change.as_object().expect("an object") {
        spec[key] = value.clone();
    }
    SharedService::new(name, serde_json::from_value(spec).expect("valid"))
}

fn permit(change: Value) -> ProcessingPermitSpec {
    let mut spec = json!({
        "requestedBy": "r", "processingClass": "message-broker", "project": "a", "justification": "It is needed.",
        "targets": [{"group": "k", "resource": "pools", "name": "one", "replicas": 3, "perReplica": {"brokers": 1, "storage": "1Ti"}}],
        "interfaces": [{"name": "kafka", "version": ">=3.7"}], "zones": ["tehran-1"], "dataClassification": "Restricted",
    });
    for (key, value) in change.as_object().expect("an object") {
        spec[key] = value.clone();
    }
    serde_json::from_value(spec).expect("valid")
}

fn classes() -> BTreeMap<String, ProcessingClass> {
    let class = |name: &str, parent: Option<&str>| {
        let spec = json!({"displayName": name, "parent": parent, "dimensions": [{"name": "brokers"}, {"name": "storage"}],
                          "approval": {"quorum": [{"group": "g", "count": 1}]}});
        (name.to_owned(), ProcessingClass::new(name, serde_json::from_value(spec).expect("valid")))
    };
    [class("streaming", None), class("message-broker", Some("streaming"))].into()
}

fn judge_all(request: Value, services: &[SharedService]) -> Assessment {
    let (agency, spec) = (agency(), permit(request));
    assess(&Request::of(&spec, &agency), services, &classes(), Timestamp::UNIX_EPOCH)
}

#[rstest]
#[case::fits(json!({}), json!({}), AssessmentResult::Duplicate, None)]
#[case::other_class(json!({}), json!({"processingClass": "object-storage"}), AssessmentResult::Unique, Some("Class"))]
#[case::child_class(json!({"processingClass": "streaming"}), json!({"processingClass": "message-broker"}), AssessmentResult::Unique, Some("Class"))]
#[case::other_protocol(json!({"interfaces": [{"name": "amqp"}]}), json!({}), AssessmentResult::Unique, Some("Interface"))]
#[case::too_new(json!({"interfaces": [{"name": "kafka", "version": ">=4"}]}), json!({}), AssessmentResult::Unique, Some("Interface"))]
#[case::unreadable(json!({"interfaces": [{"name": "kafka", "version": "the latest"}]}), json!({}), AssessmentResult::Overlaps, Some("Interface"))]
#[case::too_secret(json!({"dataClassification": "Secret"}), json!({}), AssessmentResult::Unique, Some("Data"))]
#[case::not_for_them(json!({}), json!({"eligibility": {"securityRegimes": ["NonInfrastructure"]}}), AssessmentResult::Unique, Some("Eligibility"))]
#[case::private_channel(json!({}), json!({"plans": [{"name": "p", "channel": "PGSB", "capacity": {"brokers": 6, "storage": "10Ti"}}]}), AssessmentResult::Unique, Some("Eligibility"))]
#[case::elsewhere(json!({"zones": ["shiraz"]}), json!({}), AssessmentResult::Unique, Some("Zone"))]
#[case::unsaid_zone(json!({}), json!({"zones": []}), AssessmentResult::Overlaps, Some("Zone"))]
#[case::too_much(json!({"targets": [{"resource": "pools", "name": "x", "replicas": 90, "perReplica": {"brokers": 1}}]}), json!({}), AssessmentResult::Overlaps, Some("Capacity"))]
#[case::nothing_left(json!({}), json!({"capacity": {"brokers": 5, "storage": "10Ti"}}), AssessmentResult::Unique, Some("Capacity"))]
#[case::unsaid_dimension(json!({}), json!({"plans": [{"name": "p", "capacity": {"brokers": 6}}]}), AssessmentResult::Overlaps, Some("Capacity"))]
fn each_predicate_decides(
    #[case] request: Value,
    #[case] offer: Value,
    #[case] result: AssessmentResult,
    #[case] because: Option<&str>,
) {
    let assessment = judge_all(request, &[service("national", offer)]);
    assert_eq!(assessment.result, result, "{:#?}", assessment.offers);
    let failed: Vec<_> =
        assessment.offers[0].predicates.iter().filter(|p| p.result != Truth::True).map(|p| p.name.as_str()).collect();
    assert_eq!(failed, because.into_iter().collect::<Vec<_>>());
}

#[test]
fn without_offers_everything_is_unique() {
    assert_eq!(judge_all(json!({}), &[]).result, AssessmentResult::Unique);
}

#[test]
fn an_unhealthy_service_is_no_certain_alternative() {
    let mut sick = service("national", json!({}));
    let condition = json!({"type": "Healthy", "status": "False", "reason": "Unreachable", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"});
    sick.status = Some(serde_json::from_value(json!({"conditions": [condition]})).expect("valid"));
    assert_eq!(judge_all(json!({}), &[sick]).result, AssessmentResult::Overlaps);
}

#[test]
fn the_messages_can_be_quoted() {
    let assessment = judge_all(json!({}), &[service("national", json!({}))]);
    let said: Vec<_> = assessment.offers[0].predicates.iter().map(|p| format!("{}: {}", p.name, p.message)).collect();
    assert_eq!(
        said,
        [
            "Class: streaming covers message-broker",
            "Interface: kafka 3.9 satisfies >=3.7",
            "Data: Restricted ≤ Restricted",
            "Eligibility: Tax may claim it",
            "Zone: tehran-1",
            "Health: no trouble is known",
            "Capacity: 3 brokers, 3Ti storage of 60 brokers, 200Ti storage free",
        ]
    );
}

fn brokers(replicas: i64) -> Value {
    json!({"targets": [{"resource": "pools", "name": "x", "replicas": replicas, "perReplica": {"brokers": 1}}]})
}

fn with_spare(brokers: i64) -> SharedService {
    service("s", json!({"plans": [{"name": "p", "capacity": {"brokers": 3}}], "capacity": {"brokers": brokers}}))
}

proptest! {
    #[test]
    fn more_demand_never_turns_unique_into_duplicate(spare in 0_i64..80, demand in 1_i64..60, more in 0_i64..30) {
        let before = judge_all(brokers(demand), &[with_spare(spare)]).result;
        let after = judge_all(brokers(demand + more), &[with_spare(spare)]).result;
        prop_assert!(!(before == AssessmentResult::Unique && after == AssessmentResult::Duplicate));
    }

    #[test]
    fn more_spare_never_turns_duplicate_into_unique(spare in 0_i64..80, more in 0_i64..30, demand in 1_i64..60) {
        let before = judge_all(brokers(demand), &[with_spare(spare)]).result;
        let after = judge_all(brokers(demand), &[with_spare(spare + more)]).result;
        prop_assert!(!(before == AssessmentResult::Duplicate && after != AssessmentResult::Duplicate));
    }

    #[test]
    fn the_order_of_offers_does_not_matter(mut spares in prop::collection::vec(0_i64..40, 1..6), demand in 1_i64..40) {
        let catalogue = |spares: &[i64]| spares.iter().map(|spare| { let mut s = with_spare(*spare); s.metadata.name = Some(format!("s{spare}")); s }).collect::<Vec<_>>();
        let one = judge_all(brokers(demand), &catalogue(&spares));
        spares.reverse();
        prop_assert_eq!(judge_all(brokers(demand), &catalogue(&spares)), one);
    }

    #[test]
    fn every_certificate_verifies(spare in 0_i64..80, demand in 1_i64..60) {
        let assessment = judge_all(brokers(demand), &[with_spare(spare)]);
        if assessment.result == AssessmentResult::Duplicate {
            let claims = i64::from(assessment.offers[0].claims.expect("a certificate"));
            prop_assert!(claims * 3 >= demand && claims * 3 <= spare);
        }
    }
}
