//! Who uses what they must.

use rstest::rstest;
use serde_json::{Value, json};

use super::*;

const BEFORE: &str = "2026-11-30T23:59:59Z";
const AFTER: &str = "2026-12-01T00:00:00Z";

fn at(time: &str) -> Timestamp {
    time.parse().expect("valid")
}

/// The exchange, which every government agency must use by the end of November.
fn service(name: &str, change: Value) -> SharedService {
    let mut spec = json!({
        "displayName": "National Information Exchange", "provider": "ito", "processingClass": "data-exchange", "capacity": {},
        "plans": [{"name": "private", "channel": "PGSB"}, {"name": "gsb", "channel": "GSB"}], "binding": {"type": "http"},
        "obligation": {"matchAgencies": {"agencyTypes": ["Government"]}, "dueBy": "2026-11-30"},
    });
    for (key, value) in change.as_object().into_iter().flatten() {
        spec[key] = value.clone();
    }
    SharedService::new(name, serde_json::from_value(spec).expect("valid"))
}

fn agency(name: &str, change: Value) -> Agency {
    let mut spec = json!({"displayName": "Customs", "securityRegime": "NonInfrastructure"});
    for (key, value) in change.as_object().into_iter().flatten() {
        spec[key] = value.clone();
    }
    Agency::new(name, serde_json::from_value(spec).expect("valid"))
}

fn claim(service: &str, status: Value) -> ServiceClaim {
    let mut claim =
        ServiceClaim::new("c", serde_json::from_value(json!({"sharedService": service, "plan": "gsb"})).expect("valid"));
    claim.status = serde_json::from_value(status).expect("valid");
    claim
}

#[rstest]
#[case::by_nothing(None, BEFORE, DutyState::Due)]
#[case::the_day_is_over(None, AFTER, DutyState::Behind)]
#[case::by_a_bound_claim(Some(claim("nix", json!({"phase": "Bound"}))), AFTER, DutyState::Met)]
#[case::not_by_one_that_waits(Some(claim("nix", json!({"phase": "Pending"}))), AFTER, DutyState::Behind)]
#[case::not_by_one_of_another(Some(claim("other", json!({"phase": "Bound"}))), AFTER, DutyState::Behind)]
#[case::by_one_that_was_moved_here(Some(claim("old", json!({"phase": "Bound", "servedBy": "nix"}))), AFTER, DutyState::Met)]
#[case::not_by_one_that_was_moved_away(Some(claim("nix", json!({"phase": "Bound", "servedBy": "new"}))), AFTER, DutyState::Behind)]
fn a_duty_is_met(#[case] claim: Option<ServiceClaim>, #[case] now: &str, #[case] state: DutyState) {
    let (customs, nix) = (agency("customs", json!({})), service("nix", json!({})));
    let claims: Vec<_> = claim.iter().collect();
    let duties = duties(&customs, [&nix], &claims, at(now));
    assert_eq!(duties.iter().map(|duty| (duty.state, duty.plan.name.as_str())).collect::<Vec<_>>(), [(state, "gsb")]);
    assert_eq!(finding(&customs, &duties[0]).is_some(), state == DutyState::Behind);
    let next = (state == DutyState::Due).then(|| at(AFTER));
    assert_eq!(next_behind(&duties), next);
}

#[rstest]
#[case::another_type(json!({"type": "Partner"}), json!({}))]
#[case::a_draft(json!({}), json!({"stage": "Draft"}))]
#[case::a_service_that_ends(json!({}), json!({"drain": {"by": "2027-01-01"}}))]
#[case::no_plan_that_it_may_have(json!({}), json!({"plans": [{"name": "private", "channel": "PGSB"}]}))]
#[case::not_eligible(json!({}), json!({"eligibility": {"securityRegimes": ["CriticalInfrastructure"]}}))]
#[case::its_own(json!({}), json!({"provider": "customs"}))]
#[case::no_obligation(json!({}), json!({"obligation": null}))]
fn nobody_else_is_obliged(#[case] of_agency: Value, #[case] of_service: Value) {
    let (customs, nix) = (agency("customs", of_agency), service("nix", of_service));
    let duties = duties(&customs, [&nix], &[], at(AFTER));
    assert_eq!((duties.len(), obligations(&duties), obligations_met(&duties)), (0, None, None));
}

#[test]
fn the_agency_is_told_what_and_until_when() {
    let customs = agency("customs", json!({}));
    let late = json!({"obligation": {"dueBy": "2027-03-20"}});
    let (nix, identity) = (service("nix", json!({})), service("identity", late));
    let both = |claims: &[&ServiceClaim], now: &str| {
        let duties = duties(&customs, [&nix, &identity], claims, at(now));
        (obligations(&duties).expect("some"), obligations_met(&duties).expect("some"))
    };
    let (status, verdict) = both(&[], BEFORE);
    assert_eq!((status.met, status.due, status.behind), (0, 2, 0));
    assert_eq!(status.missing.iter().map(|m| m.due_by.as_str()).collect::<Vec<_>>(), ["2027-03-20", "2026-11-30"]);
    assert_eq!((verdict.holds, verdict.reason), (Some(false), "NotYetUsed"));
    assert_eq!(
        verdict.message,
        "It does not use yet: identity (due by 2027-03-20), nix (due by 2026-11-30). Claim it in a project: govcloud service claim \
         identity --plan gsb --project NAME"
    );
    let (status, verdict) = both(&[], AFTER);
    assert_eq!((status.met, status.due, status.behind), (0, 2, 1));
    assert_eq!(verdict.reason, "Behind");
    assert_eq!(
        verdict.message,
        "It must use and does not: nix (was due by 2026-11-30). Claim it in a project: govcloud service claim nix --plan gsb --project NAME"
    );
    let claims = [claim("nix", json!({"phase": "Bound"})), claim("identity", json!({"phase": "Bound"}))];
    let (status, verdict) = both(&[&claims[0], &claims[1]], AFTER);
    assert_eq!((status.met, status.due, status.missing.len()), (2, 0, 0));
    assert_eq!(
        (verdict.holds, verdict.reason, verdict.message.as_str()),
        (Some(true), "Met", "It uses the shared services that it must: 2 of 2.")
    );
}

#[test]
fn what_is_found_says_how_to_mend_it_and_nothing_that_changes_by_itself() {
    let (customs, nix) = (agency("customs", json!({})), service("nix", json!({})));
    let of = |now: &str| finding(&customs, &duties(&customs, [&nix], &[], at(now))[0]).expect("behind");
    let found = of(AFTER);
    assert_eq!(
        found.message,
        "Customs must use National Information Exchange and does not; it was due by 2026-11-30. Claim it in a project: govcloud service \
         claim nix --plan gsb --project NAME"
    );
    assert_eq!(
        (found.object.label(), found.alternatives.clone()),
        ("sharedservices.govcloud.dev/nix".to_owned(), vec!["nix/gsb".to_owned()])
    );
    assert_eq!(found, of("2027-12-01T00:00:00Z"));
    assert_eq!(finding_name("agency-customs", &found), finding_name("agency-customs", &found));
    assert_ne!(finding_name("agency-customs", &found), finding_name("agency-tax", &found), "people call it by its name alone");
}

#[test]
fn a_day_that_no_calendar_has_makes_nobody_late() {
    let nix = service("nix", json!({"obligation": {"dueBy": "2026-02-31"}}));
    let duties = duties(&agency("customs", json!({})), [&nix], &[], at(AFTER));
    assert_eq!((duties[0].state, next_behind(&duties)), (DutyState::Due, None));
}

#[test]
fn long_lists_are_cut() {
    let all: Vec<_> = (0..100).map(|n| service(&format!("s{n:03}"), json!({}))).collect();
    let duties = duties(&agency("customs", json!({})), &all, &[], at(AFTER));
    let status = obligations(&duties).expect("some");
    assert_eq!((status.behind, status.missing.len()), (100, LONGEST_LIST));
    let message = obligations_met(&duties).expect("some").message;
    assert!(message.contains("s004 (was due by 2026-11-30), others.") && message.len() < 400, "{message}");
}
