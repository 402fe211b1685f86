//! What an offer is tested by: one function per predicate, each with the words that a reviewer quotes.

use std::rc::Rc;

use semver::{Version, VersionReq};

use super::{Predicate, Truth, assess::Request, keeping::Kept};
use crate::{
    Resources, SharedService,
    common::Interface,
    conditions::find,
    service::{Plan, rules::describe_types},
};

/// The predicate that says whether there is room.
pub(super) const CAPACITY: &str = "Capacity";

/// What is said beside whether a predicate holds: nothing at first, because most offers of a large catalogue are not kept,
/// and of those that are the words.
pub(super) trait Words {
    /// Says it, or not.
    fn of(say: impl FnOnce() -> String) -> Self;
}

impl Words for () {
    fn of(_: impl FnOnce() -> String) {}
}

impl Words for String {
    fn of(say: impl FnOnce() -> String) -> Self {
        say()
    }
}

/// One predicate of one offer.
pub(super) struct Judged<W> {
    /// Its name.
    pub name: &'static str,
    /// Whether it holds.
    pub result: Truth,
    /// Why.
    pub words: W,
}

impl From<Judged<String>> for Predicate {
    fn from(judged: Judged<String>) -> Self {
        Self { name: judged.name.to_owned(), result: judged.result, message: judged.words }
    }
}

fn predicate<W: Words>(name: &'static str, result: impl Into<Truth>, say: impl FnOnce() -> String) -> Judged<W> {
    Judged { name, result: result.into(), words: W::of(say) }
}

/// Whether the offer's class covers the one that is asked for.
pub(super) fn class<W: Words>(request: &Request<'_>, service: &SharedService, covered: bool) -> Judged<W> {
    let verb = if covered { "covers" } else { "does not cover" };
    predicate("Class", covered, || format!("{} {verb} {}", service.spec.processing_class, request.class))
}

/// Whether it speaks every protocol that is asked for, in a version that does.
pub(super) fn interface<W: Words>(request: &Request<'_>, service: &SharedService) -> Judged<W> {
    let offered = &service.spec.interfaces;
    if request.interfaces.is_empty() {
        return predicate("Interface", true, || "no interface was asked for".into());
    }
    let judged = || request.interfaces.iter().map(|asked| (asked, one_interface(asked, offered)));
    let worst = [Truth::False, Truth::Unknown].into_iter().find_map(|bad| judged().find(|(_, (truth, _))| *truth == bad));
    let truth = worst.map_or(Truth::True, |(_, (truth, _))| truth);
    let say = |(asked, (truth, offer)): (&Interface, (Truth, Option<&Interface>))| interface_in_words(asked, truth, offer);
    predicate("Interface", truth, || worst.map_or_else(|| judged().map(say).collect::<Vec<_>>().join(", "), say))
}

/// Whether it is offered, and which offer comes nearest; `None` if nothing speaks the protocol.
fn one_interface<'a>(asked: &Interface, offered: &'a [Interface]) -> (Truth, Option<&'a Interface>) {
    let judged = || {
        let same = offered.iter().filter(|o| o.name == asked.name);
        same.map(|offer| (version_satisfies(&offer.version, &asked.version), offer))
    };
    let best = [Truth::True, Truth::Unknown].into_iter().find_map(|good| judged().find(|(truth, _)| *truth == good));
    let (truth, offer) = best.or_else(|| judged().next()).unzip();
    (truth.unwrap_or(Truth::False), offer)
}

fn interface_in_words(asked: &Interface, truth: Truth, offer: Option<&Interface>) -> String {
    let Some(offer) = offer else { return format!("it does not speak {}", asked.name) };
    match truth {
        Truth::True => format!("{offer} satisfies {}", requirement(asked)),
        Truth::Unknown => format!("it cannot be told whether {offer} satisfies {}", requirement(asked)),
        Truth::False => format!("{offer} does not satisfy {}", requirement(asked)),
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
pub(super) fn data<W: Words>(request: &Request<'_>, service: &SharedService) -> Judged<W> {
    let (asked, ceiling) = (request.classification, service.spec.data_classification);
    let fits = asked <= ceiling;
    predicate("Data", fits, || format!("{asked} {} {ceiling}", if fits { "≤" } else { "is above" }))
}

/// Whether it is for agencies of this security regime.
pub(super) fn regime<W: Words>(request: &Request<'_>, service: &SharedService) -> Judged<W> {
    let (regime, regimes) = (request.agency.spec.security_regime, &service.spec.eligibility.security_regimes);
    if regimes.is_empty() {
        return predicate("Regime", true, || "it is for every security regime".into());
    }
    let names = || regimes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    if regimes.contains(&regime) {
        return predicate("Regime", true, || format!("it is for {regime} agencies"));
    }
    predicate("Regime", false, || format!("for {} agencies only, and this one is {regime}", names()))
}

/// Whether it is for agencies of this type, over a channel that they are on.
pub(super) fn eligibility<W: Words>(request: &Request<'_>, service: &SharedService, plan: &Plan) -> Judged<W> {
    let agency = &request.agency.spec;
    let types = &service.spec.eligibility.agency_types;
    if !types.is_empty() && !types.contains(&agency.agency_type) {
        return predicate("Eligibility", false, || format!("for {} only", describe_types(types)));
    }
    match plan.channel.closed_to(agency.agency_type, &plan.name) {
        Some(why) => predicate("Eligibility", false, || why),
        None => predicate("Eligibility", true, || format!("{} may claim it", agency.display_name)),
    }
}

/// Whether it stands in every zone that is asked for.
pub(super) fn zone<W: Words>(request: &Request<'_>, service: &SharedService) -> Judged<W> {
    let offered = &service.spec.zones;
    let missing: Vec<_> = request.zones.iter().filter(|zone| !offered.contains(zone)).map(String::as_str).collect();
    if request.zones.is_empty() {
        return predicate("Zone", true, || "any zone will do".into());
    }
    if offered.is_empty() {
        return predicate("Zone", Truth::Unknown, || "it does not say in which zones it stands".into());
    }
    if missing.is_empty() {
        return predicate("Zone", true, || request.zones.join(", "));
    }
    predicate("Zone", false, || format!("it does not stand in {}", missing.join(", ")))
}

/// Whether any trouble is known of it. Trouble passes, so it is never decisive.
pub(super) fn health<W: Words>(service: &SharedService) -> Judged<W> {
    if service.is_unhealthy() {
        return predicate("Health", Truth::Unknown, || "it does not answer at present".into());
    }
    let conditions = service.status.as_ref().map(|s| s.conditions.as_slice()).unwrap_or_default();
    if let Some(ready) = find(conditions, "Ready").filter(|ready| ready.status == "False") {
        return predicate("Health", Truth::Unknown, || format!("it is not ready: {}", ready.message.trim_end_matches('.')));
    }
    predicate("Health", true, || "no trouble is known".into())
}

/// Whether what is said of it is what it is now: a service whose claims were not counted since it was changed may be full.
pub(super) fn freshness<W: Words>(service: &SharedService) -> Judged<W> {
    let Some(status) = &service.status else {
        return predicate("Freshness", Truth::Unknown, || "its claims were not counted yet".into());
    };
    if service.metadata.generation.is_some() && status.observed_generation != service.metadata.generation {
        return predicate("Freshness", Truth::Unknown, || "it was changed, and its claims were not counted since".into());
    }
    predicate("Freshness", true, || "its claims are counted".into())
}

/// What a service has for a request.
pub(super) struct Spare {
    /// What is free for the agency, with what is kept for it and without what is kept for others.
    pub free: Resources,
    /// What is kept for others.
    pub others: Resources,
    /// What is kept for the agency's family.
    pub own: Vec<Kept>,
}

/// What an offer has for a request.
pub(super) struct Room<'a> {
    /// What one claim takes.
    pub plan: &'a Resources,
    /// What its service has.
    pub spare: Rc<Spare>,
    /// What other requests of the agency or its relatives were sent here for.
    pub beside: Resources,
    /// How many claims hold the demand, if it and what is beside it fit.
    pub claims: Option<i64>,
}

/// Whether there is room for all of it, beside what the agency was already sent here for.
pub(super) fn capacity<W: Words>(request: &Request<'_>, room: &Room<'_>) -> Judged<W> {
    let (demand, free) = (&request.demand, || free_in_words(room));
    if !room.plan.fits_in(&room.spare.free) {
        return predicate(CAPACITY, false, || format!("{} of one claim is more than it has room for ({})", room.plan, free()));
    }
    let unsaid = demand.0.iter().find(|(dim, amount)| !amount.is_zero_or_less() && !room.plan.0.contains_key(*dim));
    if let Some((dimension, _)) = unsaid {
        return predicate(CAPACITY, Truth::Unknown, || format!("the plan does not say how much {dimension} it has"));
    }
    let asked = || {
        let beside = room.beside.clone().without_zeros();
        let with =
            if beside.is_empty() { String::new() } else { format!(" with {beside} that is kept for other requests of it") };
        format!("{demand}{with}")
    };
    match room.claims {
        Some(0 | 1) => predicate(CAPACITY, true, || format!("{} of {}", asked(), free())),
        Some(claims) => predicate(CAPACITY, true, || format!("{} of {}, as {claims} claims of the plan", asked(), free())),
        None => predicate(CAPACITY, false, || format!("{} is more than it has room for ({})", asked(), free())),
    }
}

fn free_in_words(room: &Room<'_>) -> String {
    let others = room.spare.others.clone().without_zeros();
    let kept = if others.is_empty() { String::new() } else { format!(", {others} more kept for other agencies") };
    format!("{} free{kept}", room.spare.free)
}
