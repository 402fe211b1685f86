//! Who gets what, by example.

use super::*;
use crate::Quantity;
use serde_json::json;

fn service(capacity: i64) -> SharedService {
    let spec = json!({
        "displayName": "Streaming", "provider": "ito", "processingClass": "message-broker",
        "plans": [{"name": "small", "channel": "GSB", "capacity": {"brokers": 1}}, {"name": "large", "capacity": {"brokers": 3}}],
        "capacity": {"brokers": capacity}, "binding": {"type": "kafka"},
        "eligibility": {"securityRegimes": ["NonInfrastructure"]},
    });
    SharedService::new("streaming", serde_json::from_value(spec).expect("valid"))
}

fn claim(name: &str, plan: &str, second: i64) -> ServiceClaim {
    let mut claim =
        ServiceClaim::new(name, serde_json::from_value(json!({"sharedService": "streaming", "plan": plan})).expect("valid"));
    claim.metadata.uid = Some(name.to_owned());
    claim.metadata.creation_timestamp =
        Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(Timestamp::from_second(second).expect("in range")));
    claim
}

/// What the claims hold, if all of them may have what they ask for.
fn given(service: &SharedService, before: &[Reservation], claims: &[ServiceClaim]) -> Vec<Reservation> {
    kept_and_given(service, before, claims, Keeping::NOTHING)
}

fn kept_and_given(
    service: &SharedService,
    before: &[Reservation],
    claims: &[ServiceClaim],
    keeping: Keeping<'_>,
) -> Vec<Reservation> {
    let applicants = claims.iter().map(|claim| Applicant { claim, wants: service.spec.plan(&claim.spec.plan) });
    reserve(service, before, applicants, keeping).reservations
}

fn names(reservations: &[Reservation]) -> Vec<&str> {
    reservations.iter().map(|r| r.uid.as_str()).collect()
}

#[test]
fn a_plan_that_was_enlarged_unbinds_nobody() {
    let claims = [claim("a", "large", 1), claim("b", "small", 2)];
    let before = given(&service(4), &[], &claims);
    let mut enlarged = service(4);
    for plan in &mut enlarged.spec.plans {
        plan.capacity = plan.capacity.times(2);
    }
    let held = |service: &SharedService, capacity: i64| {
        let mut service = service.clone();
        service.spec.capacity = [("brokers".to_owned(), Quantity::from_units(capacity))].into_iter().collect();
        given(&service, &before, &claims)
    };
    assert_eq!(held(&enlarged, 4), before, "there is no room for more");
    assert_eq!(allocated(&held(&enlarged, 7)).get("brokers"), Quantity::from_units(7), "who is older has it first");
    assert_eq!(allocated(&held(&enlarged, 8)).get("brokers"), Quantity::from_units(8));
}

#[test]
fn the_oldest_are_served_first_each_entirely() {
    let claims = [claim("c", "small", 3), claim("b", "large", 2), claim("a", "small", 1)];
    assert_eq!(names(&given(&service(3), &[], &claims)), ["a", "c"]);
}

#[test]
fn who_holds_capacity_keeps_it_even_when_there_is_less() {
    let younger = [claim("y", "small", 9)];
    let before = given(&service(1), &[], &younger);
    let claims = [claim("x", "small", 1), claim("y", "small", 9)];
    assert_eq!(names(&given(&service(1), &before, &claims)), ["y"]);
    assert_eq!(names(&given(&service(0), &before, &claims)), ["y"]);
}

#[test]
fn what_is_kept_is_for_those_alone_for_whom_it_is_kept() {
    let some = |brokers: i64| -> Resources { [("brokers".to_owned(), Quantity::from_units(brokers))].into_iter().collect() };
    let kept = [Kept {
        service: "streaming".into(),
        plan: "small".into(),
        family: "tax".into(),
        demand: some(2),
        capacity: some(2),
        since: Timestamp::UNIX_EPOCH,
        until: Timestamp::MAX,
    }];
    let family_of =
        |claim: &ServiceClaim| if claim.name_any().starts_with("tax") { "tax".to_owned() } else { "other".to_owned() };
    let keeping = Keeping { kept: &kept, family_of: &family_of };
    let given_to = |claims: &[ServiceClaim]| {
        let reservations = kept_and_given(&service(3), &[], claims, keeping);
        names(&reservations).iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let others = [claim("x", "small", 1), claim("y", "small", 2), claim("z", "small", 3)];
    assert_eq!(given_to(&others), ["x"], "two of three are kept");
    let theirs = [claim("tax-1", "small", 4), claim("tax-2", "small", 5), claim("tax-3", "small", 6)];
    assert_eq!(given_to(&[&others[..], &theirs[..]].concat()), ["tax-1", "tax-2", "x"]);
    assert_eq!(given_to(&[&others[..1], &theirs[..1]].concat()), ["tax-1", "x"]);
    assert_eq!(given_to(&theirs), ["tax-1", "tax-2", "tax-3"], "and what is free");
}

#[test]
fn released_places_are_given_on() {
    let both = [claim("x", "small", 1), claim("y", "small", 2)];
    let before = given(&service(1), &[], &both);
    assert_eq!(names(&given(&service(1), &before, &both[1..])), ["y"]);
}

fn amount(brokers: i64) -> Resources {
    [("brokers".to_owned(), Quantity::from_units(brokers))].into_iter().collect()
}

fn with_provisioner(mut service: SharedService) -> SharedService {
    service.spec.binding.provisioner = serde_json::from_value(json!({"url": "https://provisioner"})).expect("valid");
    service
}

fn held(reservations: &[Reservation]) -> Vec<(&str, &str, bool)> {
    reservations.iter().map(|r| (r.uid.as_str(), r.plan.as_str(), r.revoking)).collect()
}

#[test]
fn another_plan_is_given_when_all_of_it_fits_and_less_is_given_back_at_once() {
    let mut claims = [claim("a", "small", 1), claim("b", "small", 2)];
    let before = given(&service(3), &[], &claims);
    claims[0].spec.plan = "large".into();
    assert_eq!(given(&service(3), &before, &claims), before, "one of three is left, and two are needed");
    let larger = given(&service(4), &before, &claims);
    assert_eq!(held(&larger), [("a", "large", false), ("b", "small", false)]);
    claims[0].spec.plan = "small".into();
    let waits = [claims[0].clone(), claims[1].clone(), claim("c", "small", 3)];
    assert_eq!(names(&given(&service(3), &larger, &waits)), ["a", "b", "c"], "although there is less than they hold");
}

#[test]
fn who_asks_for_what_is_not_to_be_had_keeps_what_it_has() {
    let claims = [claim("a", "small", 1)];
    let before = given(&service(3), &[], &claims);
    let asks = [Applicant { claim: &claims[0], wants: None }];
    assert_eq!(reserve(&service(3), &before, asks, Keeping::NOTHING).reservations, before);
}

#[test]
fn what_a_provisioner_has_to_revoke_stays_taken_until_it_has() {
    let (service, both) = (with_provisioner(service(1)), [claim("a", "small", 1), claim("b", "small", 2)]);
    let before = given(&service, &[], &both);
    let over = given(&service, &before, &both[1..]);
    assert_eq!(held(&over), [("a", "small", true)], "nobody else has its place");
    assert_eq!(held(&given(&service, &over, &both)), [("a", "small", true)], "not even it, if it is entitled again");
    assert_eq!(confirm_revoked(&before, "a"), before, "what a claim holds is not revoked");
    let confirmed = confirm_revoked(&over, "a");
    assert_eq!(held(&given(&service, &confirmed, &both[1..])), [("b", "small", false)]);
    assert_eq!(held(&given(&service_without(&service), &over, &both[1..])), [("b", "small", false)], "nobody could confirm it");
}

fn service_without(service: &SharedService) -> SharedService {
    let mut service = service.clone();
    service.spec.binding.provisioner = None;
    service
}

#[test]
fn those_who_wait_are_counted() {
    let claims: Vec<_> = (0..9).map(|i| claim(&format!("c{i}"), "large", i)).collect();
    let applicants = |service: &SharedService| {
        let ledger = reserve(
            service,
            &[],
            claims.iter().map(|claim| Applicant { claim, wants: service.spec.plan("large") }),
            Keeping::NOTHING,
        );
        (ledger.reservations.len(), ledger.waiting)
    };
    assert_eq!((applicants(&service(7)), applicants(&service(99))), ((2, 7), (9, 0)));
}

#[test]
fn a_ledger_of_an_older_version_says_no_plans() {
    let claims = [claim("a", "large", 1)];
    let before = [Reservation { uid: "a".into(), plan: String::new(), capacity: amount(3), revoking: false }];
    assert_eq!(held(&given(&service(0), &before, &claims)), [("a", "large", false)]);
}
