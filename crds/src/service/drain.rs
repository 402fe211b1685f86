//! The end of a service: who moves, where to, and who is warned.

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use kube::ResourceExt;

use super::{
    Drain, ServiceClaim, SharedService,
    eligibility::{Standing, eligible_with},
};
use crate::conditions::Verdict;

const KIND: &str = "Draining";

/// The moment at which a service ends: the beginning of its day, in UTC. `None` if the calendar has no such day.
pub fn end_of(drain: &Drain) -> Option<Timestamp> {
    Some(drain.by.parse::<Date>().ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

/// The service that serves a claim, if any does: the one that it names, or the one that it was moved to.
pub fn current_service(claim: &ServiceClaim) -> &str {
    let moved_to = claim.status.as_ref().and_then(|s| s.served_by.as_deref());
    moved_to.unwrap_or(&claim.spec.shared_service)
}

/// Whether a service hands its claims on to this other one. One that ends itself takes none: two that name each other would
/// hand them to and fro.
pub fn moves_to(service: &SharedService, other: &SharedService) -> bool {
    let named = service.spec.drain.as_ref().and_then(|drain| drain.move_to.as_deref());
    named == Some(&*other.name_any()) && service.name_any() != other.name_any() && other.is_offered()
}

/// The end of a service; its condition `Draining`. `None` while it does not end.
pub fn draining(service: &SharedService, now: Timestamp) -> Option<Verdict> {
    let drain = service.spec.drain.as_ref()?;
    let by = &drain.by;
    Some(match end_of(drain) {
        None => no_such_day(by),
        Some(end) if end <= now => Verdict::yes(KIND, "Ended", format!("It ended on {by}; it can be deleted.")),
        Some(_) => {
            let then = drain.move_to.as_ref().map_or_else(
                || "Its claims are warned, and released on that day.".to_owned(),
                |other| format!("Its claims move to {other} as that has room; what is left is released on that day."),
            );
            Verdict::yes(KIND, "Ending", format!("It ends on {by} and takes no new claims. {then}"))
        }
    })
}

fn no_such_day(by: &str) -> Verdict {
    Verdict::no(
        KIND,
        "NoSuchDay",
        format!("It takes no new claims, but it does not end: there is no day {by}. Mend spec.drain.by."),
    )
}

/// What whoever uses a service must know of its end; the claim's condition `Draining`. `None` while it does not end.
///
/// `successor` is what the service names as such, if that is there.
pub fn warned(
    claim: &ServiceClaim,
    service: &SharedService,
    successor: Option<&SharedService>,
    standing: Standing<'_>,
) -> Option<Verdict> {
    let drain = service.spec.drain.as_ref()?;
    let end = end_of(drain)?;
    if end <= standing.now {
        return Some(Verdict::yes(KIND, "Ended", format!("{} ended on {}.", service.name_any(), drain.by)));
    }
    let (reason, then) = outlook(claim, service, drain, successor, standing);
    Some(Verdict::yes(KIND, reason, format!("{} ends on {}. {then}", service.name_any(), drain.by)))
}

fn outlook(
    claim: &ServiceClaim,
    service: &SharedService,
    drain: &Drain,
    successor: Option<&SharedService>,
    standing: Standing<'_>,
) -> (&'static str, String) {
    let leave = "Claim another service before that day (govcloud service search) and delete this claim; it is released then.";
    let Some(name) = &drain.move_to else { return ("Ending", leave.to_owned()) };
    let Some(successor) = successor else {
        return ("CannotMove", format!("It was to move to {name}, which is not there. {leave}"));
    };
    let held = claim.metadata.uid.as_deref().and_then(|uid| service.holding(uid));
    let plan = held.map(|r| r.plan.as_str()).filter(|plan| !plan.is_empty()).unwrap_or(&claim.spec.plan);
    let eligible = eligible_with(claim, successor, plan, standing);
    if eligible.holds != Some(true) {
        return ("CannotMove", format!("It cannot move to {name}: {} {leave}", eligible.message));
    }
    ("Moving", format!("It moves to {name} as soon as that has room; there is nothing to do, and its Secret keeps its name."))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[rstest]
    #[case("2027-03-20", Some("2027-03-20T00:00:00Z"))]
    #[case("2027-02-31", None)]
    #[case("soon", None)]
    fn a_service_ends_when_its_day_begins(#[case] by: &str, #[case] end: Option<&str>) {
        let end = end.map(|end| end.parse::<Timestamp>().expect("valid"));
        assert_eq!(end_of(&Drain { by: by.into(), move_to: None }), end);
    }

    fn service(name: &str, drain: serde_json::Value) -> SharedService {
        let spec = json!({"displayName": name, "provider": "ito", "processingClass": "c", "plans": [{"name": "one"}], "capacity": {},
            "binding": {"type": "t"}});
        let mut service = SharedService::new(name, serde_json::from_value(spec).expect("valid"));
        service.spec.drain = serde_json::from_value(drain).expect("valid");
        service
    }

    #[rstest]
    #[case::nowhere(json!({"by": "2027-03-20"}), "Ending", "Claim another service before that day")]
    #[case::to_one_that_takes_it(json!({"by": "2027-03-20", "moveTo": "new"}), "Moving", "there is nothing to do")]
    #[case::to_one_that_is_not_there(json!({"by": "2027-03-20", "moveTo": "gone"}), "CannotMove", "gone, which is not there")]
    #[case::to_one_without_the_plan(json!({"by": "2027-03-20", "moveTo": "other"}), "CannotMove", "other has no plan one")]
    #[case::yesterday(json!({"by": "2026-03-19", "moveTo": "new"}), "Ended", "old ended on 2026-03-19")]
    fn who_uses_it_is_told_what_to_do(#[case] drain: serde_json::Value, #[case] reason: &str, #[case] words: &str) {
        let old = service("old", drain);
        let mut other = service("other", json!(null));
        other.spec.plans[0].name = "two".into();
        let there = [service("new", json!(null)), other];
        let spec = json!({"displayName": "Tax", "securityRegime": "NonInfrastructure"});
        let agency = crate::Agency::new("tax", serde_json::from_value(spec).expect("valid"));
        let mut claim =
            ServiceClaim::new("c", serde_json::from_value(json!({"sharedService": "old", "plan": "one"})).expect("valid"));
        claim.metadata.namespace = Some("tax--a".into());
        let standing = Standing { agency: Some(&agency), licensed: true, now: "2026-03-20T00:00:00Z".parse().expect("valid") };
        let to = old.spec.drain.as_ref().and_then(|d| d.move_to.clone());
        let successor = there.iter().find(|s| Some(s.name_any()) == to);
        let warning = warned(&claim, &old, successor, standing).expect("it ends");
        assert_eq!((warning.reason, warning.holds), (reason, Some(true)));
        assert!(warning.message.contains(words), "{}", warning.message);
    }
}
