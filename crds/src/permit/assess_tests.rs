//! Tests of the assessment: a table of single predicates. The laws that hold for all requests are in `tests/assessment.rs`.

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
    let mut service = SharedService::new(name, serde_json::from_value(spec).expect("valid"));
    service.metadata.generation = Some(2);
    service.status = Some(crate::service::SharedServiceStatus { observed_generation: Some(2), ..Default::default() });
    service
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
    assess(&Request::of(&spec, &agency), services, &[], &classes(), Timestamp::UNIX_EPOCH)
}

#[rstest]
#[case::fits(json!({}), json!({}), AssessmentResult::Duplicate, None)]
#[case::other_class(json!({}), json!({"processingClass": "object-storage"}), AssessmentResult::Unique, Some("Class"))]
#[case::child_class(json!({"processingClass": "streaming"}), json!({"processingClass": "message-broker"}), AssessmentResult::Unique, Some("Class"))]
#[case::other_protocol(json!({"interfaces": [{"name": "amqp"}]}), json!({}), AssessmentResult::Unique, Some("Interface"))]
#[case::too_new(json!({"interfaces": [{"name": "kafka", "version": ">=4"}]}), json!({}), AssessmentResult::Unique, Some("Interface"))]
#[case::unreadable(json!({"interfaces": [{"name": "kafka", "version": "the latest"}]}), json!({}), AssessmentResult::Overlaps, Some("Interface"))]
#[case::too_secret(json!({"dataClassification": "Secret"}), json!({}), AssessmentResult::Unique, Some("Data"))]
#[case::not_for_them(json!({}), json!({"eligibility": {"securityRegimes": ["NonInfrastructure"]}}), AssessmentResult::Unique, Some("Regime"))]
#[case::not_for_their_sort(json!({}), json!({"eligibility": {"agencyTypes": ["Partner"]}}), AssessmentResult::Unique, Some("Eligibility"))]
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
    sick.status = Some(serde_json::from_value(json!({"conditions": [condition], "observedGeneration": 2})).expect("valid"));
    let assessment = judge_all(json!({}), &[sick]);
    assert_eq!((assessment.result, failing(&assessment)), (AssessmentResult::Overlaps, vec!["Health"]));
}

fn failing(assessment: &Assessment) -> Vec<&str> {
    let predicates = assessment.offers[0].predicates.iter();
    predicates.filter(|p| p.result != Truth::True).map(|p| p.name.as_str()).collect()
}

#[rstest]
#[case::never_counted(json!(null))]
#[case::changed_since(json!({"observedGeneration": 1}))]
fn a_service_whose_claims_were_not_counted_is_no_certain_alternative(#[case] status: Value) {
    let mut stale = service("national", json!({}));
    stale.status = serde_json::from_value(status).expect("valid");
    let assessment = judge_all(json!({}), &[stale]);
    assert_eq!((assessment.result, failing(&assessment)), (AssessmentResult::Overlaps, vec!["Freshness"]));
}

#[test]
fn a_service_that_is_not_ready_is_no_certain_alternative() {
    let mut odd = service("national", json!({}));
    let condition = json!({"type": "Ready", "status": "False", "reason": "UnknownDimension", "message": "gpus is no dimension.", "lastTransitionTime": "2026-01-01T00:00:00Z"});
    odd.status = Some(serde_json::from_value(json!({"conditions": [condition], "observedGeneration": 2})).expect("valid"));
    let assessment = judge_all(json!({}), &[odd]);
    assert_eq!((assessment.result, failing(&assessment)), (AssessmentResult::Overlaps, vec!["Health"]));
}

/// What is kept of `national/large` for a family.
fn kept(family: &str, brokers: i64) -> Kept {
    let some = |claims: i64| -> Resources {
        serde_json::from_value(json!({"brokers": brokers, "storage": format!("{claims}Ti")})).expect("valid")
    };
    let (service, plan) = ("national".to_owned(), "large".to_owned());
    let (since, until) = (Timestamp::UNIX_EPOCH, Timestamp::MAX);
    Kept { service, plan, family: family.into(), demand: some(1), capacity: some(10), since, until }
}

/// The capacity predicate of a request for three brokers at a service with six.
fn beside(kept: &[Kept], replicas: i64) -> (AssessmentResult, String) {
    let small = service("national", json!({"capacity": {"brokers": 6, "storage": "10Ti"}}));
    let (agency, spec) = (
        agency(),
        permit(json!({"targets": [{"resource": "pools", "name": "x", "replicas": replicas, "perReplica": {"brokers": 1}}]})),
    );
    let request = Request::of(&spec, &agency).with_history("finance".into(), Resources::default());
    let assessment = assess(&request, [&small], kept, &classes(), Timestamp::UNIX_EPOCH);
    let said = assessment.offers[0].predicates.iter().find(|p| p.name == CAPACITY).expect("there").message.clone();
    (assessment.result, said)
}

#[test]
fn what_is_kept_for_others_is_not_spare() {
    let (result, said) = beside(&[kept("customs", 6)], 3);
    assert_eq!(result, AssessmentResult::Unique, "{said}");
    assert_eq!(
        said,
        "6 brokers, 10Ti storage of one claim is more than it has room for (0 brokers, 0 storage free, 6 brokers, 10Ti storage more kept for other agencies)"
    );
}

#[test]
fn a_slice_is_packed_with_what_the_family_was_sent_there_for() {
    let (result, said) = beside(&[kept("finance", 3)], 3);
    assert_eq!(
        (result, &*said),
        (
            AssessmentResult::Duplicate,
            "3 brokers with 3 brokers, 1Ti storage that is kept for other requests of it of 6 brokers, 10Ti storage free"
        )
    );
    let (result, said) = beside(&[kept("finance", 4)], 3);
    assert_eq!(result, AssessmentResult::Overlaps, "neither sent to the same room twice nor unique: {said}");
}

#[test]
fn a_duplicate_is_kept_for_two_weeks_and_the_year_is_said() {
    let (agency, spec) = (agency(), permit(json!({})));
    let before: Resources = serde_json::from_value(json!({"brokers": 4})).expect("valid");
    let request = Request::of(&spec, &agency).with_history("finance".into(), before);
    let services = [service("a", json!({})), service("b", json!({}))];
    let assessment = assess(&request, &services, &[], &classes(), Timestamp::UNIX_EPOCH);
    let until: Vec<_> = assessment.offers.iter().map(|o| o.reserved_until.as_ref().map(|t| t.0.to_string())).collect();
    assert_eq!(until, [Some("1970-01-15T00:00:00Z".to_owned()), None], "one of them is enough");
    assert_eq!(
        (assessment.demand.to_string(), assessment.year_demand.to_string()),
        ("3 brokers, 3Ti storage".into(), "7 brokers, 3Ti storage".into())
    );
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
            "Regime: it is for every security regime",
            "Eligibility: Tax may claim it",
            "Zone: tehran-1",
            "Health: no trouble is known",
            "Freshness: its claims are counted",
            "Capacity: 3 brokers, 3Ti storage of 60 brokers, 200Ti storage free",
        ]
    );
}
