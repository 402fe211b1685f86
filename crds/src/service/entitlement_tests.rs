//! Who is given which service, and who loses it when.

use jiff::ToSpan;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};

use super::*;
use crate::service::ServiceClaimStatus;

const NOW: &str = "2026-11-23T08:00:00Z";

fn at(time: &str) -> Timestamp {
    time.parse().expect("valid")
}

fn merged(mut base: Value, change: Value) -> Value {
    if let Value::Object(fields) = change {
        for (key, value) in fields {
            base[key] = value;
        }
    }
    base
}

/// Identity verification, given to government agencies of two regimes.
fn service(change: Value) -> SharedService {
    let spec = json!({
        "displayName": "Identity", "provider": "ito", "processingClass": "identity-verification", "capacity": {}, "access": "Entitled",
        "plans": [{"name": "standard", "channel": "GSB"}, {"name": "open"}], "binding": {"type": "http"},
        "entitlement": {"plan": "standard", "warning": "240h",
            "matchAgencies": {"securityRegimes": ["NonInfrastructure", "InfrastructureArea"]}},
    });
    SharedService::new("identity", serde_json::from_value(merged(spec, change)).expect("valid"))
}

fn agency(change: Value) -> Agency {
    let spec = json!({"displayName": "Customs", "securityRegime": "NonInfrastructure"});
    Agency::new("customs", serde_json::from_value(merged(spec, change)).expect("valid"))
}

fn critical() -> Agency {
    agency(json!({"securityRegime": "CriticalInfrastructure"}))
}

fn claim(status: Value) -> ServiceClaim {
    let spec = json!({"sharedService": "identity", "plan": "standard"});
    let mut claim = ServiceClaim::new("identity", serde_json::from_value(spec).expect("valid"));
    claim.status = serde_json::from_value(status).expect("valid");
    claim
}

fn do_for(agency: &Agency, service: Option<&SharedService>, claim: Option<&ServiceClaim>) -> Vec<Step> {
    steps(agency, service.as_slice(), claim.as_slice(), at(NOW))
}

#[rstest]
#[case::selected(json!({}), json!({}), None)]
#[case::of_another_regime(json!({"securityRegime": "CriticalInfrastructure"}), json!({}), Some("identity is given to NonInfrastructure, InfrastructureArea agencies only"))]
#[case::not_on_the_channel(json!({"type": "Partner"}), json!({}), Some("for government agencies only"))]
#[case::not_eligible(json!({}), json!({"eligibility": {"agencyTypes": ["Partner"]}}), Some("identity is for Partner agencies only"))]
#[case::on_request(json!({}), json!({"access": "OnRequest"}), Some("not given without asking any more"))]
#[case::a_draft(json!({}), json!({"stage": "Draft"}), Some("not given without asking any more"))]
#[case::everybody(json!({"securityRegime": "CriticalInfrastructure"}), json!({"entitlement": {"plan": "open"}}), None)]
fn who_is_given_it(#[case] of_agency: Value, #[case] of_service: Value, #[case] why_not: Option<&str>) {
    let (agency, service) = (agency(of_agency), service(of_service));
    let said = given(&agency, &service);
    match why_not {
        None => assert_eq!(said, Ok(())),
        Some(words) => assert!(said.as_ref().is_err_and(|why| why.contains(words)), "{said:?}"),
    }
    let gives = matches!(do_for(&agency, Some(&service), None)[..], [Step::Give { .. }]);
    assert_eq!(gives, why_not.is_none(), "who is given it has it at once");
}

#[rstest]
#[case::who_has_it(agency(json!({})), service(json!({})), Some(claim(json!({}))), "")]
#[case::who_is_cordoned(agency(json!({"cordoned": true})), service(json!({})), None, "")]
#[case::cordoned_with_it(agency(json!({"cordoned": true})), service(json!({})), Some(claim(json!({}))), "")]
#[case::a_service_that_ends(agency(json!({})), service(json!({"drain": {"by": "2027-01-01"}})), None, "")]
#[case::a_claim_of_one_that_ends(agency(json!({})), service(json!({"drain": {"by": "2027-01-01"}})), Some(claim(json!({"phase": "Bound"}))), "")]
#[case::a_claim_that_ended(agency(json!({})), service(json!({"drain": {"by": "2026-11-01"}})), Some(claim(json!({"phase": "Released"}))), "withdraw: identity ended")]
#[case::moved_here(agency(json!({})), service(json!({})), Some(moved("before", "identity")), "")]
#[case::moved_and_the_old_one_gone(agency(json!({})), service(json!({})), Some(moved("gone", "identity")), "")]
#[case::another_plan(agency(json!({})), service(json!({"entitlement": {"plan": "open"}})), Some(claim(json!({}))), "replan: open")]
#[case::not_yet_warned(critical(), service(json!({})), Some(claim(json!({}))), "")]
#[case::warned(critical(), service(json!({})), Some(claim(json!({"withdrawnAfter": "2026-11-23T08:00:01Z"}))), "")]
#[case::its_day_has_come(critical(), service(json!({})), Some(claim(json!({"withdrawnAfter": NOW}))), "withdraw: identity is given to NonInfrastructure, InfrastructureArea agencies only")]
#[case::selected_again(agency(json!({})), service(json!({})), Some(claim(json!({"withdrawnAfter": NOW}))), "")]
fn what_is_done(
    #[case] agency: Agency,
    #[case] service: SharedService,
    #[case] claim: Option<ServiceClaim>,
    #[case] expected: &str,
) {
    let said: Vec<_> = do_for(&agency, Some(&service), claim.as_ref()).into_iter().map(in_short).collect();
    assert_eq!(said.join("; "), expected);
}

fn in_short(step: Step) -> String {
    match step {
        Step::Give { service, .. } => format!("give: {service}"),
        Step::Replan { plan, .. } => format!("replan: {plan}"),
        Step::Withdraw { why, .. } => format!("withdraw: {why}"),
    }
}

fn moved(from: &str, to: &str) -> ServiceClaim {
    let mut claim = claim(json!({"phase": "Bound", "servedBy": to}));
    claim.metadata.name = Some(from.to_owned());
    claim.spec.shared_service = from.to_owned();
    claim
}

#[test]
fn a_claim_whose_service_is_gone_goes_and_one_that_is_going_is_waited_for() {
    let mut there = claim(json!({"phase": "Bound"}));
    assert_eq!(do_for(&agency(json!({})), None, Some(&there)).len(), 1);
    there.metadata.deletion_timestamp = Some(Time(at(NOW)));
    assert_eq!(do_for(&agency(json!({})), Some(&service(json!({}))), Some(&there)), []);
    assert_eq!(do_for(&agency(json!({})), None, Some(&there)), []);
}

#[test]
fn a_claim_that_is_to_move_to_another_service_is_the_claim_of_that_one_too() {
    let old = service(json!({"drain": {"by": "2027-01-01", "moveTo": "next"}}));
    let mut next = service(json!({}));
    next.metadata.name = Some("next".into());
    let give = |claims: &[&ServiceClaim]| {
        let steps = steps(&agency(json!({})), &[&old, &next], claims, at(NOW));
        steps.into_iter().map(in_short).collect::<Vec<_>>().join("; ")
    };
    assert_eq!(give(&[&claim(json!({"phase": "Bound"}))]), "", "it moves as soon as there is room, and is not given twice");
    assert_eq!(give(&[&moved("identity", "next")]), "", "it has moved");
    assert_eq!(give(&[]), "give: next");
    let mut of_a_plan_of_its_own = claim(json!({"phase": "Bound"}));
    of_a_plan_of_its_own.spec.plan = "large".into();
    let said = give(&[&of_a_plan_of_its_own]);
    assert!(said.ends_with("give: next"), "it cannot move, and would be without a service on the last day: {said}");
    let mut elsewhere = moved("other", "other");
    elsewhere.spec.shared_service = "other".into();
    assert_eq!(give(&[&elsewhere]), "withdraw: there is no service other any more; give: next");
}

#[test]
fn an_agency_that_is_being_closed_is_given_nothing() {
    let mut closing = agency(json!({}));
    closing.metadata.deletion_timestamp = Some(Time(at(NOW)));
    assert_eq!(do_for(&closing, Some(&service(json!({}))), None), []);
}

#[test]
fn who_loses_it_is_told_when_and_what_to_do() {
    let (verdict, after) = entitled(&claim(json!({})), &critical(), &service(json!({})), at(NOW));
    assert_eq!((verdict.holds, verdict.reason, after), (Some(false), "Withdrawing", Some(at("2026-12-03T08:00:00Z"))));
    assert_eq!(
        verdict.message,
        "identity is given to NonInfrastructure, InfrastructureArea agencies only. It is withdrawn on 2026-12-03 at 08:00 UTC: its \
         Secret and the way to it go from every project then. If you need it longer, claim it yourself and change your workloads to \
         that Secret before: govcloud service claim identity --plan standard --project NAME"
    );
    let barred = service(json!({"eligibility": {"securityRegimes": ["NonInfrastructure"]}}));
    let (verdict, _) = entitled(&claim(json!({})), &critical(), &barred, at(NOW));
    assert!(verdict.message.ends_with("if that is a mistake, ask ito, which provides it."), "{}", verdict.message);
    let (verdict, after) = entitled(&claim(json!({"withdrawnAfter": NOW})), &agency(json!({})), &service(json!({})), at(NOW));
    assert_eq!(
        (verdict.holds, verdict.message.as_str(), after),
        (Some(true), "Customs has it without asking, in all of its projects.", None)
    );
}

#[test]
fn who_is_given_nothing_by_a_rule_any_more_has_a_month() {
    let (_, after) =
        entitled(&claim(json!({})), &agency(json!({})), &service(json!({"access": "OnRequest", "entitlement": null})), at(NOW));
    assert_eq!(after, Some(at("2026-12-23T08:00:00Z")));
}

#[rstest]
#[case::short("national-identity", "national-identity")]
#[case::as_long_as_it_may(&"x".repeat(55), &"x".repeat(55))]
#[case::longer(&"x".repeat(56), "")]
#[case::with_a_dot_at_the_cut(&format!("{}.{}", "x".repeat(43), "y".repeat(19)), "")]
fn a_claim_is_named_after_its_service(#[case] service: &str, #[case] name: &str) {
    let claim = claim_name(service);
    assert!(claim.len() <= 55 && claim == claim_name(service));
    if name.is_empty() {
        assert!(claim.starts_with("xxx") && !claim.contains(".-") && claim != claim_name(&format!("{service}z")), "{claim}");
    } else {
        assert_eq!(claim, name);
    }
}

proptest! {
    /// Whatever becomes of the rule meanwhile, nobody loses a service before the moment that they were told.
    #[test]
    fn nobody_loses_it_before_they_were_told(looks in prop::collection::vec((0..3_usize, 0..400_i64), 1..20)) {
        let (rules, mut now, mut held) = ([service(json!({})), service(json!({"entitlement": {"plan": "standard", "warning": "1h",
            "matchAgencies": {"agencyTypes": ["Partner"]}}})), service(json!({"access": "OnRequest"}))], at(NOW), claim(json!({})));
        let customs = agency(json!({}));
        for (rule, hours) in looks {
            now += hours.hours();
            let goes = steps(&customs, &[&rules[rule]], &[&held], now);
            if let Some(Step::Withdraw { .. }) = goes.first() {
                prop_assert!(rule != 0 && withdrawn_after(&held).is_some_and(|told| told <= now));
                return Ok(());
            }
            let told = withdrawn_after(&held);
            let (verdict, after) = entitled(&held, &customs, &rules[rule], now);
            prop_assert_eq!(verdict.holds == Some(true), rule == 0);
            prop_assert_eq!(after.is_some(), rule != 0);
            prop_assert!(after.is_none() || told.is_none() || after == told, "what was said stays");
            held.status = Some(ServiceClaimStatus { withdrawn_after: after.map(Time), ..ServiceClaimStatus::default() });
        }
    }
}
