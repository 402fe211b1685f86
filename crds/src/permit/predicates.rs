//! What an offer is tested by: one function per predicate, each with the words that a reviewer quotes.

use semver::{Version, VersionReq};

use super::{Predicate, Truth, assess::Request};
use crate::{
    Resources, SharedService,
    common::Interface,
    conditions::find,
    service::{Plan, rules::describe_types},
};

/// The predicate that says whether there is room.
pub(super) const CAPACITY: &str = "Capacity";

fn predicate(name: &str, result: impl Into<Truth>, message: String) -> Predicate {
    Predicate { name: name.to_owned(), result: result.into(), message }
}

/// Whether the offer's class covers the one that is asked for.
pub(super) fn class(request: &Request<'_>, service: &SharedService, covered: bool) -> Predicate {
    let verb = if covered { "covers" } else { "does not cover" };
    predicate("Class", covered, format!("{} {verb} {}", service.spec.processing_class, request.class))
}

/// Whether it speaks every protocol that is asked for, in a version that does.
pub(super) fn interface(request: &Request<'_>, service: &SharedService) -> Predicate {
    let offered = &service.spec.interfaces;
    if request.interfaces.is_empty() {
        return predicate("Interface", true, "no interface was asked for".into());
    }
    let judged: Vec<_> = request.interfaces.iter().map(|asked| one_interface(asked, offered)).collect();
    let worst = judged
        .iter()
        .find(|(truth, _)| *truth == Truth::False)
        .or_else(|| judged.iter().find(|(truth, _)| *truth == Truth::Unknown));
    let truth = worst.map_or(Truth::True, |(truth, _)| *truth);
    let message = worst.map_or_else(|| judged.iter().map(|(_, m)| m.as_str()).collect::<Vec<_>>().join(", "), |(_, m)| m.clone());
    predicate("Interface", truth, message)
}

fn one_interface(asked: &Interface, offered: &[Interface]) -> (Truth, String) {
    let same: Vec<_> = offered.iter().filter(|o| o.name == asked.name).collect();
    if same.is_empty() {
        return (Truth::False, format!("it does not speak {}", asked.name));
    }
    let judged: Vec<_> = same.iter().map(|offer| (version_satisfies(&offer.version, &asked.version), offer)).collect();
    let best = judged.iter().find(|(t, _)| *t == Truth::True).or_else(|| judged.iter().find(|(t, _)| *t == Truth::Unknown));
    match best {
        Some((Truth::True, offer)) => (Truth::True, format!("{offer} satisfies {}", requirement(asked))),
        Some((_, offer)) => (Truth::Unknown, format!("it cannot be told whether {offer} satisfies {}", requirement(asked))),
        None => (Truth::False, format!("{} does not satisfy {}", same[0], requirement(asked))),
    }
}

fn requirement(asked: &Interface) -> String {
    if asked.version.is_empty() { format!("any {}", asked.name) } else { asked.version.clone() }
}

/// Whether a version such as `3.9` satisfies a requirement such as `>=3.7`; unknown if either cannot be read.
fn version_satisfies(version: &str, requirement: &str) -> Truth {
    if requirement.is_empty() {
        return Truth::True;
    }
    match (lenient_version(version), VersionReq::parse(requirement)) {
        (Some(version), Ok(requirement)) => requirement.matches(&version).into(),
        _ => Truth::Unknown,
    }
}

/// Reads `3`, `3.9` and `3.9.1` alike.
fn lenient_version(text: &str) -> Option<Version> {
    let dots = text.matches('.').count();
    Version::parse(&format!("{text}{}", ".0".repeat(2_usize.saturating_sub(dots)))).ok()
}

/// Whether it may hold data as sensitive as this.
pub(super) fn data(request: &Request<'_>, service: &SharedService) -> Predicate {
    let (asked, ceiling) = (request.classification, service.spec.data_classification);
    let fits = asked <= ceiling;
    predicate("Data", fits, format!("{asked} {} {ceiling}", if fits { "≤" } else { "is above" }))
}

/// Whether it is for agencies of this security regime.
pub(super) fn regime(request: &Request<'_>, service: &SharedService) -> Predicate {
    let (regime, regimes) = (request.agency.spec.security_regime, &service.spec.eligibility.security_regimes);
    if regimes.is_empty() {
        return predicate("Regime", true, "it is for every security regime".into());
    }
    let names: Vec<_> = regimes.iter().map(ToString::to_string).collect();
    if regimes.contains(&regime) {
        return predicate("Regime", true, format!("it is for {regime} agencies"));
    }
    predicate("Regime", false, format!("for {} agencies only, and this one is {regime}", names.join(", ")))
}

/// Whether it is for agencies of this type, over a channel that they are on.
pub(super) fn eligibility(request: &Request<'_>, service: &SharedService, plan: &Plan) -> Predicate {
    let agency = &request.agency.spec;
    let types = &service.spec.eligibility.agency_types;
    if !types.is_empty() && !types.contains(&agency.agency_type) {
        return predicate("Eligibility", false, format!("for {} only", describe_types(types)));
    }
    match plan.channel.closed_to(agency.agency_type, &plan.name) {
        Some(why) => predicate("Eligibility", false, why),
        None => predicate("Eligibility", true, format!("{} may claim it", agency.display_name)),
    }
}

/// Whether it stands in every zone that is asked for.
pub(super) fn zone(request: &Request<'_>, service: &SharedService) -> Predicate {
    let offered = &service.spec.zones;
    let missing: Vec<_> = request.zones.iter().filter(|zone| !offered.contains(zone)).map(String::as_str).collect();
    if request.zones.is_empty() {
        return predicate("Zone", true, "any zone will do".into());
    }
    if offered.is_empty() {
        return predicate("Zone", Truth::Unknown, "it does not say in which zones it stands".into());
    }
    if missing.is_empty() {
        return predicate("Zone", true, request.zones.join(", "));
    }
    predicate("Zone", false, format!("it does not stand in {}", missing.join(", ")))
}

/// Whether any trouble is known of it. Trouble passes, so it is never decisive.
pub(super) fn health(service: &SharedService) -> Predicate {
    if service.is_unhealthy() {
        return predicate("Health", Truth::Unknown, "it does not answer at present".into());
    }
    let conditions = service.status.as_ref().map(|s| s.conditions.as_slice()).unwrap_or_default();
    if let Some(ready) = find(conditions, "Ready").filter(|ready| ready.status == "False") {
        return predicate("Health", Truth::Unknown, format!("it is not ready: {}", ready.message.trim_end_matches('.')));
    }
    predicate("Health", true, "no trouble is known".into())
}

/// Whether what is said of it is what it is now: a service whose claims were not counted since it was changed may be full.
pub(super) fn freshness(service: &SharedService) -> Predicate {
    let Some(status) = &service.status else {
        return predicate("Freshness", Truth::Unknown, "its claims were not counted yet".into());
    };
    if service.metadata.generation.is_some() && status.observed_generation != service.metadata.generation {
        return predicate("Freshness", Truth::Unknown, "it was changed, and its claims were not counted since".into());
    }
    predicate("Freshness", true, "its claims are counted".into())
}

/// What an offer has for a request.
pub(super) struct Room {
    /// What one claim takes.
    pub plan: Resources,
    /// What is free for the agency, with what is kept for it and without what is kept for others.
    pub free: Resources,
    /// What is kept for others.
    pub others: Resources,
    /// What other requests of the agency or its relatives were sent here for.
    pub beside: Resources,
    /// How many claims hold the demand, if it and what is beside it fit.
    pub claims: Option<i64>,
}

/// Whether there is room for all of it, beside what the agency was already sent here for.
pub(super) fn capacity(request: &Request<'_>, room: &Room) -> Predicate {
    let (demand, free) = (&request.demand, free_in_words(room));
    if !room.plan.fits_in(&room.free) {
        return predicate(CAPACITY, false, format!("{} of one claim is more than it has room for ({free})", room.plan));
    }
    let unsaid = demand.0.iter().find(|(dim, amount)| !amount.is_zero_or_less() && !room.plan.0.contains_key(*dim));
    if let Some((dimension, _)) = unsaid {
        return predicate(CAPACITY, Truth::Unknown, format!("the plan does not say how much {dimension} it has"));
    }
    let beside = room.beside.clone().without_zeros();
    let with = if beside.is_empty() { String::new() } else { format!(" with {beside} that is kept for other requests of it") };
    match room.claims {
        Some(0 | 1) => predicate(CAPACITY, true, format!("{demand}{with} of {free}")),
        Some(claims) => predicate(CAPACITY, true, format!("{demand}{with} of {free}, as {claims} claims of the plan")),
        None => predicate(CAPACITY, false, format!("{demand}{with} is more than it has room for ({free})")),
    }
}

fn free_in_words(room: &Room) -> String {
    let others = room.others.clone().without_zeros();
    let kept = if others.is_empty() { String::new() } else { format!(", {others} more kept for other agencies") };
    format!("{} free{kept}", room.free)
}
