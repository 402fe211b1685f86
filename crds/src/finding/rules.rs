//! What is wrong with an object of a class: pure functions of the object, the permits of its project and the catalogue.

use std::collections::BTreeMap;

use jiff::Timestamp;
use kube::ResourceExt;

use super::{
    FindingRule, ObjectReference, ProcessingFindingSpec,
    observed::{Classified, Observed},
};
use crate::{
    Agency, ProcessingClass, ProcessingPermit, Resources, SharedService,
    class::measure::Size,
    grant::{belongs_to, compile},
    names::resource_key,
    permit::{
        OfferResult, Phase, Target,
        assess::{Request, assess},
        effective::granted_targets,
        keeping::Kept,
        warning::drains_until,
    },
};

/// A message is cut after this many characters; the schema takes 2000.
const LONGEST_MESSAGE: usize = 1500;
/// How many offers a finding names.
const KEPT_OFFERS: usize = 16;

/// Where an object is.
#[derive(Clone, Copy, Debug)]
pub enum Place<'a> {
    /// In an agency's project.
    Project(Project<'a>),
    /// In a namespace in which nothing is permitted, or in none.
    Elsewhere,
}

/// A project, as far as its objects are judged by it.
#[derive(Clone, Copy, Debug)]
pub struct Project<'a> {
    /// Its agency.
    pub agency: &'a Agency,
    /// The root of the agency's family: what is kept for a relative is kept for it.
    pub family: &'a str,
    /// Its name.
    pub name: &'a str,
    /// The uid of its namespace: what was permitted in another one of the same name permits nothing here.
    pub namespace_uid: &'a str,
    /// Every permit of it, whatever became of them.
    pub permits: &'a [ProcessingPermit],
}

/// What objects are held against.
#[derive(Clone, Copy, Debug)]
pub struct Catalogue<'a> {
    /// All shared services.
    pub services: &'a [SharedService],
    /// What is kept of them for agencies that were sent there.
    pub kept: &'a [Kept],
    /// All classes by name.
    pub classes: &'a BTreeMap<String, ProcessingClass>,
}

/// A finding about `object` that nobody acknowledged.
pub fn found(rule: FindingRule, object: &ObjectReference, message: String) -> ProcessingFindingSpec {
    ProcessingFindingSpec {
        rule,
        object: object.clone(),
        processing_class: None,
        capacity: Resources::default(),
        message: message.chars().take(LONGEST_MESSAGE).collect(),
        alternatives: Vec::new(),
        acknowledgement: None,
    }
}

/// What is wrong with `one`, which is of a class: at most one of Unpermitted, ExceedsPermit and Expired, and Duplicate beside
/// the first and the last.
pub fn judge(one: &Observed, place: Place<'_>, catalogue: &Catalogue<'_>, now: Timestamp) -> Vec<ProcessingFindingSpec> {
    let Some(classified) = one.classified() else { return Vec::new() };
    let runs = classified.size.as_ref().map_or(true, |size| size.replicas > 0);
    if !runs {
        return Vec::new();
    }
    let of_it = |rule, message| ProcessingFindingSpec {
        processing_class: Some(classified.class.clone()),
        capacity: classified.size.as_ref().map(|size| size.total().without_zeros()).unwrap_or_default(),
        ..found(rule, &one.object, message)
    };
    let Place::Project(project) = place else { return vec![of_it(FindingRule::Unpermitted, outside(one))] };
    if let Some(allowance) = allowance(one, classified, &project) {
        let excess = excess(&classified.size, &allowance);
        return excess.map(|message| of_it(FindingRule::ExceedsPermit, message)).into_iter().collect();
    }
    let offers = offers(classified, &project, catalogue, now);
    let instead = offers.first().map(|offer| moves_to(offer)).unwrap_or_default();
    let (rule, message) = match last_ended(one, &project) {
        Some(permit) => (FindingRule::Expired, format!("{}{instead}.", ended(permit))),
        None => (FindingRule::Unpermitted, format!("{}{instead}.", unpermitted(one, &project))),
    };
    let mut all = vec![ProcessingFindingSpec { alternatives: offers.clone(), ..of_it(rule, message) }];
    if let Some((service, plan)) = offers.first().and_then(|offer| offer.split_once('/')) {
        let message = format!(
            "{service} (plan {plan}) has room for all of it. Move there: govcloud service claim {service} --plan {plan} --project {}",
            project.name
        );
        all.push(ProcessingFindingSpec { alternatives: offers, ..of_it(FindingRule::Duplicate, message) });
    }
    all
}

fn outside(one: &Observed) -> String {
    let place =
        if one.object.namespace.is_empty() { "in no namespace".to_owned() } else { format!("in {}", one.object.namespace) };
    format!(
        "Runs outside every project ({place}), where nothing can be permitted. Move it into a project that has a permit; or, if it is a shared service, exempt its namespace (GovernmentCloud, spec.exemptNamespaces)."
    )
}

/// What a permit allows of an object.
pub(super) struct Allowance {
    /// Its permit's number.
    pub(super) permit: String,
    size: Size,
}

/// What the open slot that names `one` allows, or the target of a permit that is suspended: what runs of it may run on.
pub(super) fn allowance(one: &Observed, classified: &Classified, project: &Project<'_>) -> Option<Allowance> {
    let permits = project.permits.iter().filter(|p| p.spec.processing_class == classified.class);
    let grant = compile(project.name, project.namespace_uid, permits.clone());
    let slots = grant.resources.get(&resource_key(&one.object.group, &one.object.resource)).into_iter().flatten();
    let mut open = slots.filter(|slot| slot.name == one.object.name && slot.replicas > 0);
    let size = |replicas: i32, per_replica: Resources| Size { replicas: i64::from(replicas), per_replica };
    if let Some(slot) = open.next() {
        return Some(Allowance { permit: slot.permit.clone(), size: size(slot.replicas, slot.per_replica.clone()) });
    }
    let suspended = permits.filter(|p| phase(p) == Phase::Suspended && was_active_here(p, project));
    let (permit, target) = suspended.filter_map(|p| Some((p, target_of(p, one)?))).max_by_key(|(permit, _)| number(permit))?;
    Some(Allowance { permit: number(permit), size: size(target.replicas, target.per_replica) })
}

fn phase(permit: &ProcessingPermit) -> Phase {
    permit.status.as_ref().map(|status| status.phase).unwrap_or_default()
}

fn number(permit: &ProcessingPermit) -> String {
    permit.status.as_ref().and_then(|status| status.number.clone()).unwrap_or_else(|| permit.name_any())
}

fn was_active_here(permit: &ProcessingPermit, project: &Project<'_>) -> bool {
    let was_active = permit.status.as_ref().is_some_and(|status| status.valid_from.is_some());
    was_active && belongs_to(permit, project.namespace_uid) && permit.spec.project == project.name
}

fn target_of(permit: &ProcessingPermit, one: &Observed) -> Option<Target> {
    granted_targets(permit).into_iter().find(|target| {
        (&target.group, &target.resource, &target.name) == (&one.object.group, &one.object.resource, &one.object.name)
    })
}

/// In which way an object is larger than its permit allows.
fn excess(size: &Result<Size, crate::class::measure::MeasureError>, allowance: &Allowance) -> Option<String> {
    let permit = &allowance.permit;
    let what_to_do = format!("Make it smaller, or ask for more: govcloud permit amend {permit}");
    let size = match size {
        Ok(size) => size,
        Err(error) => {
            return Some(format!("Its size cannot be held against permit {permit}: {error}. Write it as its class can read it."));
        }
    };
    let mut parts = Vec::new();
    if size.replicas > allowance.size.replicas {
        parts.push(format!("{} replicas instead of {}", size.replicas, allowance.size.replicas));
    }
    for (dimension, amount) in &size.per_replica.0 {
        let allowed = allowance.size.per_replica.get(dimension);
        if *amount > allowed {
            parts.push(format!("{amount} {dimension} per replica instead of {allowed}"));
        }
    }
    (!parts.is_empty()).then(|| format!("Takes more than permit {permit} allows: {}. {what_to_do}", parts.join(", ")))
}

/// The offers that have room for all of it. What cannot be measured, or takes nothing, is not held against any.
pub(super) fn offers(classified: &Classified, project: &Project<'_>, catalogue: &Catalogue<'_>, now: Timestamp) -> Vec<String> {
    let demand = classified.size.as_ref().map(|size| size.total().without_zeros()).unwrap_or_default();
    if demand.is_empty() {
        return Vec::new();
    }
    let request = Request {
        agency: project.agency,
        family: project.family.to_owned(),
        class: &classified.class,
        demand,
        granted: Resources::default(),
        interfaces: &[],
        // What the data is nobody said; the agency's most sensitive is the safe guess.
        classification: project.agency.spec.data_classification,
        zones: &[],
    };
    let assessment = assess(&request, catalogue.services, catalogue.kept, catalogue.classes, now);
    let fit = assessment.offers.into_iter().filter(|offer| offer.result == OfferResult::Fits);
    fit.map(|offer| offer.offer).take(KEPT_OFFERS).collect()
}

/// `, or move to national-streaming (plan large fits)`.
pub(super) fn moves_to(offer: &str) -> String {
    let (service, plan) = offer.split_once('/').unwrap_or((offer, ""));
    format!(", or move to {service} (plan {plan} fits)")
}

/// The permit that allowed it and ended last.
fn last_ended<'a>(one: &Observed, project: &Project<'a>) -> Option<&'a ProcessingPermit> {
    let over =
        project.permits.iter().filter(|p| phase(p).is_over() && was_active_here(p, project) && target_of(p, one).is_some());
    over.max_by_key(|permit| (ended_at(permit), permit.name_any()))
}

fn ended_at(permit: &ProcessingPermit) -> Option<Timestamp> {
    let status = permit.status.as_ref()?;
    status.ended_at.as_ref().or(status.not_after.as_ref()).map(|time| time.0)
}

/// Says nothing that changes with the clock: a finding is written again only when something happened.
fn ended(permit: &ProcessingPermit) -> String {
    let number = number(permit);
    let since = ended_at(permit).map(|time| format!(" since {}", day(time))).unwrap_or_default();
    let until = drains_until(permit).map(|until| format!(" by {}", day(until))).unwrap_or_default();
    let again = match phase(permit) {
        Phase::Expired => format!("renew it: govcloud permit renew {number}"),
        Phase::Revoked => format!("appeal: govcloud permit appeal {number}"),
        _ => "request another: govcloud permit request".to_owned(),
    };
    format!("Its permit {number} is {}{since}. Remove what runs{until}, {again}", phase(permit))
}

fn day(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d").to_string()
}

fn unpermitted(one: &Observed, project: &Project<'_>) -> String {
    let asks = |p: &&ProcessingPermit| {
        (phase(p).is_waiting() || phase(p) == Phase::Approved) && p.spec.project == project.name && target_of(p, one).is_some()
    };
    let asked = project.permits.iter().filter(asks).min_by_key(|permit| (number(permit), permit.name_any()));
    match asked {
        Some(permit) => format!("Runs without a permit. {} asks for one and is {}. Wait for it", number(permit), phase(permit)),
        None => "Runs without a permit. Request one".to_owned(),
    }
}

#[cfg(test)]
#[path = "rules_tests.rs"]
mod tests;
