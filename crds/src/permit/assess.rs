//! Does a shared service already offer what is asked for?
//!
//! A pure function of the request and the catalogue. Each offer (a plan of a SharedService) is tested by named predicates
//! in three-valued logic; the predicates, with their messages, are the evidence that a reviewer quotes.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;
use semver::{Version, VersionReq};

use super::{Assessment, AssessmentResult, OfferAssessment, OfferResult, Predicate, ProcessingPermitSpec, Truth, demand};
use crate::{
    Agency, ProcessingClass, Resources, SharedService,
    class::lineage::covers,
    common::{Classification, Interface},
    service::{Plan, rules::ineligible},
};

/// How many offers an assessment keeps, the best first.
const KEPT_OFFERS: usize = 32;
/// A demand that needs more claims of a plan than this does not fit it: it was made for smaller users.
const MOST_CLAIMS: i64 = 16;

/// What an agency asks for, as far as an offer can be held against it.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// The agency that asks.
    pub agency: &'a Agency,
    /// The class of infrastructure.
    pub class: &'a str,
    /// How much of it, in the class's dimensions.
    pub demand: Resources,
    /// Protocols it must speak.
    pub interfaces: &'a [Interface],
    /// The most sensitive data it will hold.
    pub classification: Classification,
    /// Zones it must stand in; empty means any.
    pub zones: &'a [String],
}

impl<'a> Request<'a> {
    /// The request that a permit makes.
    pub fn of(spec: &'a ProcessingPermitSpec, agency: &'a Agency) -> Self {
        Self {
            agency,
            class: &spec.processing_class,
            demand: demand(&spec.targets),
            interfaces: &spec.interfaces,
            classification: spec.data_classification,
            zones: &spec.zones,
        }
    }
}

/// Holds a request against every plan of every service.
///
/// Deterministic and independent of the order of `services`. *Duplicate* if an offer passes every predicate, *Overlaps*
/// if part of the demand fits one or something decisive is unknown, *Unique* otherwise.
pub fn assess<'a>(
    request: &Request<'_>,
    services: impl IntoIterator<Item = &'a SharedService>,
    classes: &BTreeMap<String, ProcessingClass>,
    now: Timestamp,
) -> Assessment {
    let mut offers: Vec<_> = services
        .into_iter()
        .filter(|service| service.metadata.deletion_timestamp.is_none())
        .flat_map(|service| service.spec.plans.iter().map(move |plan| judge(request, service, plan, classes)))
        .collect();
    offers.sort_by(|a, b| (a.result, &a.offer).cmp(&(b.result, &b.offer)));
    let result = match offers.first().map(|o| o.result) {
        Some(OfferResult::Fits) => AssessmentResult::Duplicate,
        Some(OfferResult::Partly | OfferResult::Unknown) => AssessmentResult::Overlaps,
        Some(OfferResult::Mismatch) | None => AssessmentResult::Unique,
    };
    offers.truncate(KEPT_OFFERS);
    Assessment { result, assessed_at: Time(now), demand: request.demand.clone(), offers }
}

fn judge(
    request: &Request<'_>,
    service: &SharedService,
    plan: &Plan,
    classes: &BTreeMap<String, ProcessingClass>,
) -> OfferAssessment {
    let spare = service.available();
    let packing = pack(&request.demand, plan, &spare);
    let predicates = vec![
        class(request, service, classes),
        interface(request, service),
        data(request, service),
        eligibility(request, service, plan),
        zone(request, service),
        health(service),
        capacity(request, plan, &spare, packing),
    ];
    let result = combine(&predicates, plan.capacity.fits_in(&spare) && !plan.capacity.is_empty());
    let fits = result == OfferResult::Fits;
    OfferAssessment {
        offer: format!("{}/{}", service.name_any(), plan.name),
        result,
        predicates,
        packing: if fits { request.demand.clone() } else { Resources::default() },
        claims: packing.filter(|_| fits).and_then(|claims| i32::try_from(claims).ok()),
        reserved_until: None,
    }
}

/// A mismatch in kind is decisive; too little capacity is not while at least one claim still has room.
fn combine(predicates: &[Predicate], has_room: bool) -> OfferResult {
    let falls = |p: &&Predicate| p.result == Truth::False;
    if predicates.iter().filter(|p| p.name != CAPACITY).any(|p| falls(&p)) {
        return OfferResult::Mismatch;
    }
    if predicates.iter().any(|p| falls(&p)) {
        return if has_room { OfferResult::Partly } else { OfferResult::Mismatch };
    }
    if predicates.iter().any(|p| p.result == Truth::Unknown) { OfferResult::Unknown } else { OfferResult::Fits }
}

const CAPACITY: &str = "Capacity";

fn predicate(name: &str, result: impl Into<Truth>, message: String) -> Predicate {
    Predicate { name: name.to_owned(), result: result.into(), message }
}

fn class(request: &Request<'_>, service: &SharedService, classes: &BTreeMap<String, ProcessingClass>) -> Predicate {
    let (offered, asked) = (&service.spec.processing_class, request.class);
    let covered = covers(offered, asked, classes);
    let verb = if covered { "covers" } else { "does not cover" };
    predicate("Class", covered, format!("{offered} {verb} {asked}"))
}

fn interface(request: &Request<'_>, service: &SharedService) -> Predicate {
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

fn data(request: &Request<'_>, service: &SharedService) -> Predicate {
    let (asked, ceiling) = (request.classification, service.spec.data_classification);
    let fits = asked <= ceiling;
    predicate("Data", fits, format!("{asked} {} {ceiling}", if fits { "≤" } else { "is above" }))
}

fn eligibility(request: &Request<'_>, service: &SharedService, plan: &Plan) -> Predicate {
    match ineligible(request.agency, service, plan) {
        Some(why) => predicate("Eligibility", false, why),
        None => predicate("Eligibility", true, format!("{} may claim it", request.agency.spec.display_name)),
    }
}

fn zone(request: &Request<'_>, service: &SharedService) -> Predicate {
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

fn health(service: &SharedService) -> Predicate {
    if service.is_unhealthy() {
        return predicate("Health", Truth::Unknown, "it does not answer at present".into());
    }
    predicate("Health", true, "no trouble is known".into())
}

fn capacity(request: &Request<'_>, plan: &Plan, spare: &Resources, packing: Option<i64>) -> Predicate {
    let unsaid = request.demand.0.iter().find(|(dim, amount)| !amount.is_zero_or_less() && !plan.capacity.0.contains_key(*dim));
    if let Some((dimension, _)) = unsaid {
        return predicate(CAPACITY, Truth::Unknown, format!("the plan does not say how much {dimension} it has"));
    }
    let (demand, free) = (&request.demand, spare);
    match packing {
        Some(0 | 1) => predicate(CAPACITY, true, format!("{demand} of {free} free")),
        Some(claims) => predicate(CAPACITY, true, format!("{demand} of {free} free, as {claims} claims of the plan")),
        None => predicate(CAPACITY, false, format!("{demand} is more than it has room for ({free} free)")),
    }
}

/// How many claims of `plan` hold the demand, if that many fit into what is spare.
///
/// The number is the certificate: anyone can check that `claims × plan ≥ demand` and `claims × plan ≤ spare`.
pub fn pack(demand: &Resources, plan: &Plan, spare: &Resources) -> Option<i64> {
    let needed = demand.0.iter().map(|(dim, amount)| amount.divide_up(plan.capacity.get(dim)));
    let claims = needed.collect::<Option<Vec<_>>>()?.into_iter().max().unwrap_or(0).max(1);
    (claims <= MOST_CLAIMS && plan.capacity.times(claims).fits_in(spare)).then_some(claims)
}

#[cfg(test)]
#[path = "assess_tests.rs"]
mod tests;
