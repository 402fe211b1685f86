//! Does a shared service already offer what is asked for?
//!
//! A pure function of the request and the catalogue. Each offer (a plan of a SharedService) is tested by named predicates
//! in three-valued logic; the predicates, with their messages, are the evidence that a reviewer quotes.
//!
//! What an agency was granted before is said beside the request and not packed with it: more to pack never fits better, so
//! a history would only excuse a duplicate. What it was *sent to an offer for* is packed with it: the same room is not
//! offered twice. `docs/adr/0020-demand-of-a-year.md` says why.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;

use super::{
    Assessment, AssessmentResult, OfferAssessment, OfferResult, Predicate, ProcessingPermitSpec, Truth, demand,
    keeping::{KEPT_FOR, Kept, claims_for, kept_from},
    predicates::{CAPACITY, Room, capacity, class, data, eligibility, freshness, health, interface, regime, zone},
};
use crate::{
    Agency, ProcessingClass, Resources, SharedService,
    class::lineage::chain,
    common::{Classification, Interface},
    service::Plan,
};

/// How many offers an assessment keeps, the best first.
const KEPT_OFFERS: usize = 32;
/// A demand that needs more claims of a plan than this does not fit it: it was made for smaller users.
pub const MOST_CLAIMS: i64 = 16;

/// What an agency asks for, as far as an offer can be held against it.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// The agency that asks.
    pub agency: &'a Agency,
    /// The root of the agency's family.
    pub family: String,
    /// The class of infrastructure.
    pub class: &'a str,
    /// How much of it, in the class's dimensions.
    pub demand: Resources,
    /// What the family was granted of the class within a year.
    pub granted: Resources,
    /// Protocols it must speak.
    pub interfaces: &'a [Interface],
    /// The most sensitive data it will hold.
    pub classification: Classification,
    /// Zones it must stand in; empty means any.
    pub zones: &'a [String],
}

impl<'a> Request<'a> {
    /// The request that a permit makes, of an agency that has no relatives and was granted nothing.
    pub fn of(spec: &'a ProcessingPermitSpec, agency: &'a Agency) -> Self {
        Self {
            agency,
            family: agency.name_any(),
            class: &spec.processing_class,
            demand: demand(&spec.targets),
            granted: Resources::default(),
            interfaces: &spec.interfaces,
            classification: spec.data_classification,
            zones: &spec.zones,
        }
    }

    /// The same, of an agency of `family`, which was granted this much within a year.
    #[must_use]
    pub fn with_history(self, family: String, granted: Resources) -> Self {
        Self { family, granted, ..self }
    }
}

/// Holds a request against every plan of every service, of which some is `kept` for agencies.
///
/// Deterministic and independent of the order of `services`. *Duplicate* if an offer passes every predicate, *Overlaps*
/// if part of the demand fits one or something decisive is unknown, *Unique* otherwise. Of a duplicate, the best offer is
/// kept for the requester from `now` on.
pub fn assess<'a>(
    request: &Request<'_>,
    services: impl IntoIterator<Item = &'a SharedService>,
    kept: &[Kept],
    classes: &BTreeMap<String, ProcessingClass>,
    now: Timestamp,
) -> Assessment {
    let covering = chain(request.class, classes);
    let mut offers: Vec<_> = services
        .into_iter()
        .filter(|service| service.metadata.deletion_timestamp.is_none())
        .flat_map(|service| service.spec.plans.iter().map(move |plan| (service, plan)))
        .map(|(service, plan)| judge(request, service, plan, kept, covering.contains(&service.spec.processing_class.as_str())))
        .collect();
    offers.sort_by(|a, b| rank(a).cmp(&rank(b)));
    let result = match offers.first().map(|o| o.result) {
        Some(OfferResult::Fits) => AssessmentResult::Duplicate,
        Some(OfferResult::Partly | OfferResult::Unknown) => AssessmentResult::Overlaps,
        Some(OfferResult::Mismatch) | None => AssessmentResult::Unique,
    };
    offers.truncate(KEPT_OFFERS);
    if let Some(best) = offers.first_mut().filter(|_| result == AssessmentResult::Duplicate) {
        best.reserved_until = Some(Time(now + KEPT_FOR));
    }
    let year_demand = request.granted.plus(&request.demand);
    Assessment { result, assessed_at: Time(now), demand: request.demand.clone(), year_demand, offers }
}

/// The best first; of those that are no alternative, what comes nearest.
fn rank(offer: &OfferAssessment) -> (OfferResult, bool, usize, &str) {
    let falls = offer.predicates.iter().filter(|p| p.result != Truth::True).count();
    (offer.result, offer.predicates.len() == 1, falls, &offer.offer)
}

fn judge(request: &Request<'_>, service: &SharedService, plan: &Plan, kept: &[Kept], covered: bool) -> OfferAssessment {
    let offer = format!("{}/{}", service.name_any(), plan.name);
    let class = class(request, service, covered);
    if !covered {
        // Another class is decisive, and most of a catalogue is of another one.
        return assessed(offer, OfferResult::Mismatch, vec![class]);
    }
    let room = room(request, service, plan, kept);
    let predicates = vec![
        class,
        interface(request, service),
        data(request, service),
        regime(request, service),
        eligibility(request, service, plan),
        zone(request, service),
        health(service),
        freshness(service),
        capacity(request, &room),
    ];
    let result = combine(&predicates, plan.capacity.fits_in(&room.free) && !plan.capacity.is_empty());
    let mut judged = assessed(offer, result, predicates);
    if result == OfferResult::Fits {
        judged.packing = request.demand.clone();
        judged.claims = room.claims.and_then(|claims| i32::try_from(claims).ok());
    }
    judged
}

fn assessed(offer: String, result: OfferResult, predicates: Vec<Predicate>) -> OfferAssessment {
    OfferAssessment { offer, result, predicates, packing: Resources::default(), claims: None, reserved_until: None }
}

/// A mismatch in kind is decisive; too little capacity is not while at least one claim still has room.
fn combine(predicates: &[Predicate], has_room: bool) -> OfferResult {
    let falls = |p: &Predicate| p.result == Truth::False;
    if predicates.iter().any(|p| p.name != CAPACITY && falls(p)) {
        return OfferResult::Mismatch;
    }
    if predicates.iter().any(falls) {
        return if has_room { OfferResult::Partly } else { OfferResult::Mismatch };
    }
    if predicates.iter().any(|p| p.result == Truth::Unknown) { OfferResult::Unknown } else { OfferResult::Fits }
}

/// What an offer has for the request: what is spare but for what is kept for others, and what the family was sent to it for.
fn room(request: &Request<'_>, service: &SharedService, plan: &Plan, kept: &[Kept]) -> Room {
    let name = service.name_any();
    let others = kept_from(kept, &name, &request.family);
    let free = service.available().minus(&others);
    let own = || kept.iter().filter(|k| k.service == name && k.family == request.family);
    let beside: Resources = own().filter(|k| k.plan == plan.name).map(|k| &k.demand).sum();
    let of_other_plans: Resources = own().filter(|k| k.plan != plan.name).map(|k| &k.capacity).sum();
    let claims = pack(&request.demand, &beside, plan, &free.minus(&of_other_plans));
    Room { plan: plan.capacity.clone(), free, others, beside, claims }
}

/// How many claims of `plan` hold the demand, if that many, and those for what is `beside` it, fit into what is spare.
///
/// The number is the certificate: anyone can check that `claims × plan ≥ demand` and `claims × plan ≤ spare`.
pub fn pack(demand: &Resources, beside: &Resources, plan: &Plan, spare: &Resources) -> Option<i64> {
    let claims = claims_for(demand, &plan.capacity)?;
    let together = claims_for(&demand.plus(beside), &plan.capacity)?;
    (claims <= MOST_CLAIMS && plan.capacity.times(together).fits_in(spare)).then_some(claims)
}

#[cfg(test)]
#[path = "assess_tests.rs"]
mod tests;
