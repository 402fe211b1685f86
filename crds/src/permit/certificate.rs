//! Checks what an assessment claims of an offer, from scratch.
//!
//! Whoever is told that a service has room for their request can check it with this and with nothing of the assessor: the two
//! share types and no rule. Each check is written in another way than there, so one mistake is not made twice.

use std::collections::BTreeMap;

use semver::{Version, VersionReq};

use super::{OfferAssessment, OfferResult, assess::Request, keeping::Kept};
use crate::{
    ProcessingClass, Quantity, SharedService,
    common::{AgencyType, Interface},
    service::{Channel, Plan},
};

/// What a certificate is checked against.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    /// The request that it is about.
    pub request: &'a Request<'a>,
    /// The catalogue.
    pub services: &'a [SharedService],
    /// What is kept for whom.
    pub kept: &'a [Kept],
    /// All classes by name.
    pub classes: &'a BTreeMap<String, ProcessingClass>,
}

/// Checks that an offer does what its certificate says: it exists, may be claimed by the agency, is what was asked for, and
/// `claims × plan` holds the demand and fits into what is spare.
///
/// # Errors
/// What is wrong with it, in words.
pub fn verify(certificate: &OfferAssessment, evidence: Evidence<'_>) -> Result<(), String> {
    if certificate.result != OfferResult::Fits {
        return Err(format!("{} is not said to fit", certificate.offer));
    }
    let (service, plan) = offered(&certificate.offer, evidence.services)?;
    let request = evidence.request;
    is_covered(request.class, &service.spec.processing_class, evidence.classes)?;
    speaks(request.interfaces, &service.spec.interfaces)?;
    may_hold(request, service)?;
    may_claim(request, service, plan)?;
    stands_there(request.zones, &service.spec.zones)?;
    is_known(service)?;
    has_room(certificate, evidence, service, plan)
}

fn check(holds: bool, or: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(or()) }
}

fn offered<'a>(offer: &str, services: &'a [SharedService]) -> Result<(&'a SharedService, &'a Plan), String> {
    for service in services {
        for plan in &service.spec.plans {
            let named = format!("{}/{}", service.metadata.name.as_deref().unwrap_or_default(), plan.name);
            if named == offer && service.metadata.deletion_timestamp.is_none() {
                return Ok((service, plan));
            }
        }
    }
    Err(format!("there is no offer {offer}"))
}

fn is_covered(asked: &str, offered: &str, classes: &BTreeMap<String, ProcessingClass>) -> Result<(), String> {
    let mut class = asked.to_owned();
    // A class that is not found after as many steps as there are classes is on no way upwards.
    for _ in 0..=classes.len() {
        if class == offered {
            return Ok(());
        }
        match classes.get(&class).and_then(|c| c.spec.parent.clone()) {
            Some(parent) => class = parent,
            None => break,
        }
    }
    Err(format!("{offered} does not cover {asked}"))
}

fn speaks(asked: &[Interface], offered: &[Interface]) -> Result<(), String> {
    for need in asked {
        let does = offered.iter().any(|offer| offer.name == need.name && (need.version.is_empty() || matches(offer, need)));
        check(does, || format!("it does not speak {need}"))?;
    }
    Ok(())
}

fn matches(offer: &Interface, need: &Interface) -> bool {
    let numbers: Result<Vec<u64>, _> = offer.version.split('.').map(str::parse).collect();
    let at = |numbers: &[u64], i: usize| numbers.get(i).copied().unwrap_or_default();
    let version = match numbers {
        Ok(numbers) if numbers.len() <= 3 => Some(Version::new(at(&numbers, 0), at(&numbers, 1), at(&numbers, 2))),
        _ => Version::parse(&offer.version).ok(),
    };
    version.zip(VersionReq::parse(&need.version).ok()).is_some_and(|(version, need)| need.matches(&version))
}

fn may_hold(request: &Request<'_>, service: &SharedService) -> Result<(), String> {
    let ceiling = service.spec.data_classification;
    check(ceiling >= request.classification, || format!("it may hold {ceiling} data at most"))
}

fn may_claim(request: &Request<'_>, service: &SharedService, plan: &Plan) -> Result<(), String> {
    let (agency, eligible) = (&request.agency.spec, &service.spec.eligibility);
    let is_in = |none: bool, one: bool| none || one;
    let by_type = is_in(eligible.agency_types.is_empty(), eligible.agency_types.contains(&agency.agency_type));
    let by_regime = is_in(eligible.security_regimes.is_empty(), eligible.security_regimes.contains(&agency.security_regime));
    let government = agency.agency_type == AgencyType::Government;
    let by_channel = match plan.channel {
        Channel::Direct => true,
        Channel::Gsb => government,
        Channel::Pgsb => !government,
    };
    check(by_type && by_regime && by_channel, || format!("{} may not claim it", agency.display_name))
}

fn stands_there(asked: &[String], offered: &[String]) -> Result<(), String> {
    for zone in asked {
        check(offered.iter().any(|has| has == zone), || format!("it is not said to stand in {zone}"))?;
    }
    Ok(())
}

/// Its status is about what it is now, and says nothing against it.
fn is_known(service: &SharedService) -> Result<(), String> {
    let Some(status) = &service.status else { return Err("its claims were not counted".into()) };
    let current = service.metadata.generation.is_none() || service.metadata.generation == status.observed_generation;
    check(current, || "it was changed since its claims were counted".into())?;
    for condition in status.conditions.iter().filter(|c| c.status == "False") {
        let trouble = condition.type_ == "Ready" || (condition.type_ == "Healthy" && condition.reason != "NotProbed");
        check(!trouble, || format!("it is not {}: {}", condition.type_, condition.message))?;
    }
    Ok(())
}

fn has_room(certificate: &OfferAssessment, evidence: Evidence<'_>, service: &SharedService, plan: &Plan) -> Result<(), String> {
    let name = service.metadata.name.as_deref().unwrap_or_default();
    let (request, claims) = (evidence.request, certificate.claims.ok_or("it does not say how many claims it takes")?);
    check((1..=16).contains(&claims), || format!("{claims} claims of it are no use that it was made for"))?;
    let of_plan = |amount: Quantity, times: i64| (0..times).fold(Quantity::ZERO, |sum, _| sum + amount);
    for (dimension, needed) in &request.demand.0 {
        let held = of_plan(plan.capacity.get(dimension), i64::from(claims));
        check(held >= *needed, || format!("{claims} claims hold {held} {dimension}, and {needed} is needed"))?;
    }
    check(certificate.packing == request.demand, || "it packs something else than the demand".into())?;
    let own = || evidence.kept.iter().filter(|k| k.service == name && k.family == request.family);
    let beside = |dimension: &str| own().filter(|k| k.plan == plan.name).map(|k| k.demand.get(dimension)).sum::<Quantity>();
    // The claims for this request and for what the family was sent to the same plan for.
    let mut together = i64::from(claims);
    while together <= 100_000 && plan.capacity.0.iter().any(|(d, one)| one.times(together) < request.demand.get(d) + beside(d)) {
        together += 1;
    }
    for (dimension, one) in &plan.capacity.0 {
        let taken: Quantity = evidence
            .kept
            .iter()
            .filter(|k| k.service == name && (k.family != request.family || k.plan != plan.name))
            .map(|k| k.capacity.get(dimension))
            .sum();
        let spare = spare(service, dimension).saturating_sub(taken);
        check(one.times(together) <= spare, || format!("{together} claims of {one} {dimension} do not fit into {spare}"))?;
    }
    Ok(())
}

/// What the ledger leaves, counted from its rows; where there are none, from its sum.
fn spare(service: &SharedService, dimension: &str) -> Quantity {
    let status = service.status.as_ref();
    let rows = status.map(|s| s.reservations.iter().map(|r| r.capacity.get(dimension)).sum::<Quantity>()).unwrap_or_default();
    let sum = status.map(|s| s.allocated.get(dimension)).unwrap_or_default();
    service.spec.capacity.get(dimension).saturating_sub(rows.max(sum))
}

#[cfg(test)]
#[path = "certificate_tests.rs"]
mod tests;
