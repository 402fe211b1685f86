//! Does a shared service already offer what is asked for?
//!
//! A pure function of the request and the catalogue. Each offer (a plan of a SharedService) is tested by named predicates
//! in three-valued logic; the predicates, with their messages, are the evidence that a reviewer quotes.
//!
//! What an agency was granted before is said beside the request and not packed with it: more to pack never fits better, so
//! a history would only excuse a duplicate. What it was *sent to an offer for* is packed with it: the same room is not
//! offered twice. `docs/adr/0020-demand-of-a-year.md` says why.

use std::{collections::BTreeMap, rc::Rc};

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;

use super::{
    Assessment, AssessmentResult, OfferAssessment, OfferResult, Predicate, ProcessingPermitSpec, Truth, demand,
    keeping::{KEPT_FOR, Kept, claims_for},
    predicates::{
        CAPACITY, Judged, Room, Spare, Words, capacity, class, data, eligibility, freshness, health, interface, regime, zone,
    },
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
    let offered = services.into_iter().filter(|service| service.is_offered());
    let (near, far): (Vec<_>, Vec<_>) = offered.partition(|s| covering.contains(&s.spec.processing_class.as_str()));
    let mut offers: Vec<_> = best(request, &near, kept).into_iter().map(|offer| offer.in_words(request)).collect();
    offers.extend(of_another_class(request, far));
    offers.truncate(KEPT_OFFERS);
    let result = match offers.first().map(|o| o.result) {
        Some(OfferResult::Fits) => AssessmentResult::Duplicate,
        Some(OfferResult::Partly | OfferResult::Unknown) => AssessmentResult::Overlaps,
        Some(OfferResult::Mismatch) | None => AssessmentResult::Unique,
    };
    if let Some(best) = offers.first_mut().filter(|_| result == AssessmentResult::Duplicate) {
        best.reserved_until = Some(Time(now + KEPT_FOR));
    }
    let year_demand = request.granted.plus(&request.demand);
    Assessment { result, assessed_at: Time(now), demand: request.demand.clone(), year_demand, offers }
}

/// A plan of a service that may be an alternative.
struct Offer<'a> {
    service: &'a SharedService,
    plan: &'a Plan,
    room: Room<'a>,
    result: OfferResult,
    /// How many predicates do not hold.
    falls: usize,
}

/// The offers that are kept, the best first; of those that are no alternative, what comes nearest.
fn best<'a>(request: &Request<'_>, services: &[&'a SharedService], kept: &[Kept]) -> Vec<Offer<'a>> {
    let kept = by_service(kept);
    let mut offers = Vec::new();
    for service in services {
        let name = service.metadata.name.as_deref().unwrap_or_default();
        let spare = Rc::new(spare(request, service, kept.get(name).map(Vec::as_slice).unwrap_or_default()));
        offers.extend(service.spec.plans.iter().map(|plan| Offer::judge(request, service, plan, &spare)));
    }
    offers.sort_by(|a, b| a.rank().cmp(&b.rank()));
    offers.truncate(KEPT_OFFERS);
    offers
}

/// What is kept, by the service of which it is.
fn by_service(kept: &[Kept]) -> BTreeMap<&str, Vec<&Kept>> {
    let mut of = BTreeMap::<&str, Vec<&Kept>>::new();
    for kept in kept {
        of.entry(&kept.service).or_default().push(kept);
    }
    of
}

/// Another class is decisive, and most of a catalogue is of another one: nothing else is looked at. In the order of their names.
fn of_another_class(request: &Request<'_>, services: Vec<&SharedService>) -> Vec<OfferAssessment> {
    let mut plans: Vec<_> = services.into_iter().flat_map(|s| s.spec.plans.iter().map(move |plan| (s, plan))).collect();
    plans.sort_by_key(|(service, plan)| (service.metadata.name.as_deref(), plan.name.as_str()));
    let of = |(service, plan): &(&SharedService, &Plan)| {
        assessed(service, plan, OfferResult::Mismatch, vec![class::<String>(request, service, false).into()])
    };
    plans.iter().take(KEPT_OFFERS).map(of).collect()
}

impl<'a> Offer<'a> {
    fn judge(request: &Request<'_>, service: &'a SharedService, plan: &'a Plan, spare: &Rc<Spare>) -> Self {
        let room = room(request, plan, spare);
        let judged = predicates::<()>(request, service, plan, &room);
        let result = combine(&judged, plan.capacity.fits_in(&spare.free) && !plan.capacity.is_empty());
        let falls = judged.iter().filter(|p| p.result != Truth::True).count();
        Self { service, plan, room, result, falls }
    }

    fn rank(&self) -> (OfferResult, usize, Option<&str>, &str) {
        (self.result, self.falls, self.service.metadata.name.as_deref(), &self.plan.name)
    }

    fn in_words(self, request: &Request<'_>) -> OfferAssessment {
        let said = predicates::<String>(request, self.service, self.plan, &self.room);
        let mut assessed = assessed(self.service, self.plan, self.result, said.into_iter().map(Into::into).collect());
        if self.result == OfferResult::Fits {
            assessed.packing = request.demand.clone();
            assessed.claims = self.room.claims.and_then(|claims| i32::try_from(claims).ok());
        }
        assessed
    }
}

/// What an offer of a covering class is tested by.
fn predicates<W: Words>(request: &Request<'_>, service: &SharedService, plan: &Plan, room: &Room<'_>) -> [Judged<W>; 9] {
    [
        class(request, service, true),
        interface(request, service),
        data(request, service),
        regime(request, service),
        eligibility(request, service, plan),
        zone(request, service),
        health(service),
        freshness(service),
        capacity(request, room),
    ]
}

fn assessed(service: &SharedService, plan: &Plan, result: OfferResult, predicates: Vec<Predicate>) -> OfferAssessment {
    let offer = format!("{}/{}", service.name_any(), plan.name);
    OfferAssessment { offer, result, predicates, packing: Resources::default(), claims: None, reserved_until: None }
}

/// A mismatch in kind is decisive; too little capacity is not while at least one claim still has room.
fn combine(predicates: &[Judged<()>], has_room: bool) -> OfferResult {
    let falls = |p: &Judged<()>| p.result == Truth::False;
    if predicates.iter().any(|p| p.name != CAPACITY && falls(p)) {
        return OfferResult::Mismatch;
    }
    if predicates.iter().any(falls) {
        return if has_room { OfferResult::Partly } else { OfferResult::Mismatch };
    }
    if predicates.iter().any(|p| p.result == Truth::Unknown) { OfferResult::Unknown } else { OfferResult::Fits }
}

/// What a service has for the request: what is spare but for what is kept of it for others, and what the family was sent to it for.
fn spare(request: &Request<'_>, service: &SharedService, kept: &[&Kept]) -> Spare {
    let (own, others): (Vec<&Kept>, Vec<_>) = kept.iter().partition(|k| k.family == request.family);
    let others: Resources = others.iter().map(|k| &k.capacity).sum();
    let available = service.available();
    let free = if others.is_empty() { available } else { available.minus(&others) };
    Spare { free, others, own: own.into_iter().cloned().collect() }
}

/// What one plan of it has: what the family was sent to its other plans for is not there any more.
fn room<'a>(request: &Request<'_>, plan: &'a Plan, spare: &Rc<Spare>) -> Room<'a> {
    let beside: Resources = spare.own.iter().filter(|k| k.plan == plan.name).map(|k| &k.demand).sum();
    let of_other_plans: Resources = spare.own.iter().filter(|k| k.plan != plan.name).map(|k| &k.capacity).sum();
    let claims = if of_other_plans.is_empty() {
        pack(&request.demand, &beside, plan, &spare.free)
    } else {
        pack(&request.demand, &beside, plan, &spare.free.minus(&of_other_plans))
    };
    Room { plan: &plan.capacity, spare: Rc::clone(spare), beside, claims }
}

/// How many claims of `plan` hold the demand, if that many, and those for what is `beside` it, fit into what is spare.
///
/// The number is the certificate: anyone can check that `claims × plan ≥ demand` and `claims × plan ≤ spare`.
pub fn pack(demand: &Resources, beside: &Resources, plan: &Plan, spare: &Resources) -> Option<i64> {
    let claims = claims_for(demand, &plan.capacity)?;
    let together = if beside.is_empty() { claims } else { claims_for(&demand.plus(beside), &plan.capacity)? };
    let fits = || plan.capacity.0.iter().all(|(dimension, amount)| amount.times(together) <= spare.get(dimension));
    (claims <= MOST_CLAIMS && fits()).then_some(claims)
}

#[cfg(test)]
#[path = "assess_tests.rs"]
mod tests;
