//! Who may have what, as tables.

use rstest::rstest;
use serde_json::{Value, json};

use super::*;
use crate::service::{Reservation, SharedServiceStatus};

fn service(more: Value) -> SharedService {
    let mut spec = json!({
        "displayName": "Streaming", "provider": "ito", "processingClass": "message-broker",
        "plans": [{"name": "small", "channel": "GSB", "capacity": {"brokers": 1}}, {"name": "large", "capacity": {"brokers": 3}}],
        "capacity": {"brokers": 9}, "binding": {"type": "kafka"}, "eligibility": {"securityRegimes": ["NonInfrastructure"]},
    });
    for (key, value) in more.as_object().into_iter().flatten() {
        spec[key] = value.clone();
    }
    SharedService::new("streaming", serde_json::from_value(spec).expect("valid"))
}

fn agency(agency_type: &str, regime: &str) -> Agency {
    let spec = json!({"displayName": "Tax", "type": agency_type, "securityRegime": regime});
    Agency::new("tax", serde_json::from_value(spec).expect("valid"))
}

fn claim(namespace: &str, plan: &str) -> ServiceClaim {
    let spec = json!({"sharedService": "streaming", "plan": plan});
    let mut claim = ServiceClaim::new("c", serde_json::from_value(spec).expect("valid"));
    (claim.metadata.namespace, claim.metadata.uid) = (Some(namespace.to_owned()), Some("c".to_owned()));
    claim
}

fn holding(mut service: SharedService, plan: &str) -> SharedService {
    let held = Reservation { uid: "c".into(), plan: plan.into(), capacity: service.spec.capacity.clone(), revoking: false };
    service.status = Some(SharedServiceStatus { reservations: vec![held], ..SharedServiceStatus::default() });
    service
}

fn now() -> Timestamp {
    "2026-11-29T12:00:00Z".parse().expect("valid")
}

fn judged(claim: &ServiceClaim, service: &SharedService, licensed: bool) -> Verdict {
    let agency = agency("Government", "NonInfrastructure");
    eligible(claim, Some(service), Standing { agency: Some(&agency), licensed, now: now() })
}

#[rstest]
#[case("Government", "NonInfrastructure", "small", None)]
#[case("Partner", "NonInfrastructure", "small", Some("plan small is on channel GSB, for government agencies only"))]
#[case("Partner", "NonInfrastructure", "large", None)]
#[case("Government", "CriticalInfrastructure", "large", Some("for NonInfrastructure agencies only"))]
fn eligibility_is_explained(#[case] agency_type: &str, #[case] regime: &str, #[case] plan: &str, #[case] why: Option<&str>) {
    let service = service(json!({}));
    let plan = service.spec.plan(plan).expect("there");
    assert_eq!(ineligible(&agency(agency_type, regime), &service, plan).as_deref(), why);
}

#[rstest]
#[case::published(json!({}), "small", true, "Eligible", "Tax may use streaming")]
#[case::a_draft(json!({"stage": "Draft"}), "small", true, "Draft", "as soon as a cloud operator has published it")]
#[case::no_such_plan(json!({}), "huge", true, "NoSuchPlan", "it has small, large")]
#[case::ends(json!({"drain": {"by": "2026-12-24"}}), "small", true, "ServiceEnding", "takes no new claims")]
#[case::ends_and_says_where_to(json!({"drain": {"by": "2026-12-24", "moveTo": "next"}}), "small", true, "ServiceEnding", "Claim next instead")]
#[case::ended(json!({"drain": {"by": "2026-11-29"}}), "small", true, "Released", "ended on 2026-11-29")]
#[case::ends_on_no_day(json!({"drain": {"by": "2026-02-30"}}), "small", true, "ServiceEnding", "takes no new claims")]
#[case::without_a_licence(json!({"requiresLicence": "operator-licence"}), "small", false, "NotLicensed", "no active permit of class operator-licence")]
#[case::with_one(json!({"requiresLicence": "operator-licence"}), "small", true, "Eligible", "")]
#[case::without_a_purpose(json!({"requiresPurpose": true}), "small", true, "PurposeMissing", "spec.purpose")]
#[case::for_others(json!({"eligibility": {"agencyTypes": ["Partner"]}}), "small", true, "NotEligible", "for Partner agencies only")]
#[case::on_another_channel(json!({"plans": [{"name": "small", "channel": "PGSB"}]}), "small", true, "NotEligible", "for the private sector only")]
fn a_new_claim_is_told_why(
    #[case] more: Value,
    #[case] plan: &str,
    #[case] licensed: bool,
    #[case] reason: &str,
    #[case] words: &str,
) {
    let verdict = judged(&claim("tax--a", plan), &service(more), licensed);
    assert_eq!((verdict.reason, verdict.holds), (reason, Some(reason == "Eligible")));
    assert!(verdict.message.contains(words), "{}", verdict.message);
}

#[rstest]
#[case::of_a_service_that_ends(json!({"drain": {"by": "2026-12-24"}}), "small", "Eligible")]
#[case::until_its_day(json!({"drain": {"by": "2026-11-28"}}), "small", "Released")]
#[case::whose_plan_was_taken_out(json!({}), "old", "Eligible")]
#[case::whose_licence_ended(json!({"requiresLicence": "operator-licence"}), "small", "NotLicensed")]
#[case::that_was_closed_to_it(json!({"eligibility": {"agencyTypes": ["Partner"]}}), "small", "NotEligible")]
#[case::that_became_a_draft_again(json!({"stage": "Draft"}), "small", "Draft")]
fn who_holds_something_keeps_it_while_it_has_the_right_to(#[case] more: Value, #[case] held: &str, #[case] reason: &str) {
    let asks_for_nonsense = claim("tax--a", "nonsense");
    assert_eq!(judged(&asks_for_nonsense, &holding(service(more), held), false).reason, reason);
}

#[test]
fn a_purpose_of_blanks_is_none() {
    let mut claim = claim("tax--a", "small");
    let service = service(json!({"requiresPurpose": true}));
    claim.spec.purpose = "  ".into();
    assert_eq!(judged(&claim, &service, true).reason, "PurposeMissing");
    claim.spec.purpose = "Taxes".into();
    assert_eq!(judged(&claim, &service, true).reason, "Eligible");
}

#[rstest]
#[case::a_project("tax--a", json!({}), Some("tax"), "Eligible")]
#[case::a_home("agency-tax", json!({}), Some("tax"), "InHome")]
#[case::a_home_that_somebody_labelled("agency-tax", json!({"govcloud.dev/entitled": "true"}), Some("tax"), "InHome")]
#[case::by_entitlement("agency-tax", json!({"govcloud.dev/entitled": "true", "app.kubernetes.io/managed-by": "govcloud"}), Some("tax"), "Eligible")]
#[case::elsewhere("default", json!({}), None, "NoAgency")]
fn a_claim_is_of_its_namespaces_agency(
    #[case] namespace: &str,
    #[case] labels: Value,
    #[case] of: Option<&str>,
    #[case] reason: &str,
) {
    let mut claim = claim(namespace, "small");
    claim.metadata.labels = serde_json::from_value(labels).expect("labels");
    assert_eq!(agency_of_claim(&claim), of);
    let agency = of.map(|_| agency("Government", "NonInfrastructure"));
    let standing = Standing { agency: agency.as_ref(), licensed: true, now: now() };
    assert_eq!(eligible(&claim, Some(&service(json!({}))), standing).reason, reason);
}

#[test]
fn what_was_released_stays_so_when_the_service_is_gone() {
    let mut claim = claim("tax--a", "small");
    let standing = Standing { agency: None, licensed: true, now: now() };
    assert_eq!(eligible(&claim, None, standing).reason, "NoSuchService");
    claim.status.get_or_insert_default().phase = ClaimPhase::Released;
    assert_eq!(eligible(&claim, None, standing).reason, "Released");
}

#[rstest]
#[case("Active", "operator-licence", true)]
#[case("Suspended", "operator-licence", false)]
#[case("Expired", "operator-licence", false)]
#[case("Active", "message-broker", false)]
fn a_licence_is_an_active_permit_of_the_class(#[case] phase: &str, #[case] class: &str, #[case] is: bool) {
    let permit: ProcessingPermit = serde_json::from_value(json!({
        "apiVersion": "govcloud.dev/v1alpha1", "kind": "ProcessingPermit", "metadata": {"name": "l", "namespace": "agency-tax"},
        "spec": {"requestedBy": "r", "processingClass": class, "project": "a", "justification": "Needed.", "targets": []},
        "status": {"phase": phase},
    }))
    .expect("valid");
    assert_eq!(has_licence(&service(json!({"requiresLicence": "operator-licence"})).spec, [&permit]), is);
    assert!(has_licence(&service(json!({})).spec, []), "where none is asked for, everybody has it");
}

#[test]
fn spare_capacity_of_another_agency_needs_its_consent() {
    let claim = claim("tax--a", "small");
    assert_eq!(consented(&claim, &service(json!({}))), None);
    let of = |consents: Value| {
        let service = service(json!({"sharing": {"permit": "GC-2026-000001"}, "consents": consents}));
        consented(&claim, &service).expect("it is asked").holds
    };
    assert_eq!(of(json!([{"claim": "another", "by": "p"}])), Some(false));
    assert_eq!(of(json!([{"claim": "c", "by": "p"}])), Some(true));
}

#[rstest]
#[case::made_by_the_operator("agency-tax", true)]
#[case::labelled_in_a_project("tax--a", false)]
#[case::labelled_in_a_project_of_an_agency_of_such_a_name("agency-tax--a", false)]
#[case::elsewhere("default", false)]
fn labels_alone_entitle_nobody(#[case] namespace: &str, #[case] expected: bool) {
    let spec = json!({"sharedService": "streaming", "plan": "small"});
    let mut claim = ServiceClaim::new("c", serde_json::from_value(spec).expect("valid"));
    claim.metadata.namespace = Some(namespace.to_owned());
    let labels = [(LABEL_ENTITLED, "true"), (LABEL_MANAGED_BY, MANAGED_BY)];
    claim.metadata.labels = Some(labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into());
    assert_eq!(is_entitled(&claim), expected);
}
