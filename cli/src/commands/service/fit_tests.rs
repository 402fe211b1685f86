//! Each reason for which a service does not fit, and what is said.

use rstest::rstest;
use serde_json::{Value, json};

use super::*;
use crate::commands::testing::{self, standing};

/// The streaming service with these fields of its spec, and these of its status, instead.
fn service(spec: &Value, status: &Value) -> SharedService {
    testing::changed(&testing::streaming(), spec, status)
}

#[rstest]
#[case::fits(json!({}), json!({}), Fit::Yes, "")]
#[case::draft(json!({"stage": "Draft"}), json!({}), Fit::No, "a draft; a cloud operator has not published it")]
#[case::ends(json!({"drain": {"by": "2027-03-20"}}), json!({}), Fit::No, "ends on 2027-03-20")]
#[case::moves(json!({"drain": {"by": "2027-03-20", "moveTo": "streaming-2"}}), json!({}), Fit::No, "ends on 2027-03-20; claim streaming-2")]
#[case::regime(json!({"eligibility": {"securityRegimes": ["NonInfrastructure"]}}), json!({}), Fit::No, "for NonInfrastructure agencies only")]
#[case::channel(json!({"eligibility": {}, "plans": [{"name": "p", "channel": "PGSB"}]}), json!({}), Fit::No, "plan p is on channel PGSB, for the private sector only")]
#[case::licence(json!({"requiresLicence": "operator-licence"}), json!({}), Fit::No, "needs a licence: an active permit of class operator-licence")]
#[case::licensed(json!({"requiresLicence": "message-broker"}), json!({}), Fit::Yes, "")]
#[case::full(json!({}), json!({"allocated": {"brokers": "60"}}), Fit::No, "no room at present: takes 1 broker, 500Gi of 0 brokers, 200Ti free")]
#[case::kept(json!({}), json!({"kept": {"brokers": "60"}}), Fit::No, "no room at present: what is free is kept for agencies that were sent here")]
#[case::unhealthy(json!({}), json!({"conditions": [testing::condition("Healthy", "False", "Unreachable", "It does not answer.")]}), Fit::No, "does not answer at present")]
#[case::purpose(json!({"requiresPurpose": true}), json!({}), Fit::Yes, "needs a purpose")]
#[case::consent(json!({"sharing": {"permit": "GC-2026-000042"}}), json!({}), Fit::IfAgreed, "needs the consent of ito")]
#[case::given(json!({"access": "Entitled", "entitlement": {"plan": "standard"}}), json!({"allocated": {"brokers": "60"}}), Fit::Given, "yours without a claim")]
#[case::given_to_others(json!({"access": "Entitled", "entitlement": {"plan": "standard", "matchAgencies": {"agencyTypes": ["Partner"]}}}), json!({}), Fit::Yes, "")]
fn a_plan_fits_or_it_is_said_why_not(#[case] spec: Value, #[case] status: Value, #[case] fit: Fit, #[case] why: &str) {
    let service = service(&spec, &status);
    let said = judge(&service, &service.spec.plans[0], &standing());
    assert_eq!((said.fit, said.why.as_str()), (fit, why));
}

#[test]
fn without_an_agency_only_what_holds_for_everybody_is_said() {
    let nobody = Standing { name: None, agency: None, permits: None, ..standing() };
    let judged = |spec: Value| {
        let service = service(&spec, &json!({}));
        judge(&service, &service.spec.plans[0], &nobody).fit
    };
    assert_eq!(judged(json!({"requiresLicence": "operator-licence"})), Fit::Unknown);
    assert_eq!(judged(json!({"eligibility": {"agencyTypes": ["Partner"]}})), Fit::Unknown);
    assert_eq!(judged(json!({"drain": {"by": "2027-03-20"}})), Fit::No);
}

#[test]
fn drafts_are_for_their_provider_and_for_who_publishes() {
    let draft = service(&json!({"stage": "Draft", "provider": "tax-administration"}), &json!({}));
    let stranger = Standing { name: Some("customs".into()), ..standing() };
    let operator = Standing { name: None, publishes: true, ..standing() };
    assert!(standing().sees(&draft) && operator.sees(&draft) && !stranger.sees(&draft));
    assert!(stranger.sees(&testing::streaming()));
}

#[test]
fn what_comes_next_is_something_to_type() {
    let all = [
        json!({}),
        json!({"requiresPurpose": true}),
        json!({"stage": "Draft"}),
        json!({"drain": {"by": "2027-03-20"}}),
        json!({"drain": {"by": "2027-03-20", "moveTo": "streaming-2"}}),
        json!({"eligibility": {"agencyTypes": ["Partner"]}}),
        json!({"access": "Entitled", "entitlement": {"plan": "standard"}}),
    ];
    let said = all.map(|spec| {
        let service = service(&spec, &json!({}));
        next(&service, &plans(&service, &standing()))
    });
    insta::assert_snapshot!("fit_next", said.join("\n"));
}
