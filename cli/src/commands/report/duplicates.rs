//! `govcloud report duplicates`: what a shared service offers too, and what moving there would free.

use std::collections::BTreeMap;

use govcloud_crds::{
    ProcessingFinding, ProcessingPermit, Resources,
    finding::FindingRule,
    names::{resource_key, split_project_namespace},
    permit::{AssessmentResult, OfferResult, Phase, demand, effective::granted_targets},
};
use jiff::Timestamp;
use kube::ResourceExt as _;
use serde::Serialize;

use super::{
    capacity::{holding, running},
    gather::{Gathered, agency_of},
};

/// What a shared service offers too, and what moving there would free.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Duplicates {
    /// What runs without a permit although a shared service has room for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<Vec<Found>>,
    /// Requests that the assessment calls duplicates: those that wait, and those that were approved all the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requested: Option<Vec<Requested>>,
    /// What would be free if all of it that runs moved, by class; missing if not all of it can be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub freed: Option<Vec<Freed>>,
    /// Where it would move, each to the first offer that has room for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offers: Option<Vec<Offer>>,
}

/// Something that runs and is a duplicate.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Found {
    /// The agency; empty for what runs outside every agency's namespaces.
    pub agency: String,
    /// The project, if it runs in one.
    pub project: String,
    /// The class.
    pub class: String,
    /// The object, such as `kafkanodepools.kafka.strimzi.io/broker`.
    pub object: String,
    /// What it takes, in the class's dimensions.
    pub capacity: Resources,
    /// Offers that would do instead, as `<shared service>/<plan>`, the best first.
    pub alternatives: Vec<String>,
    /// Since when it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Whether a reviewer said that it may stay for now.
    pub acknowledged: bool,
}

/// A request that would be, or is, a duplicate.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Requested {
    /// The agency.
    pub agency: String,
    /// The project.
    pub project: String,
    /// The class.
    pub class: String,
    /// Its number; empty while it has none.
    pub number: String,
    /// Its name.
    pub name: String,
    /// What it is.
    pub phase: Phase,
    /// What it asks for, or what was granted.
    pub capacity: Resources,
    /// Offers that had room for all of it when it was assessed.
    pub alternatives: Vec<String>,
    /// Why it was approved all the same; empty while nothing is decided.
    pub reason: String,
}

/// What would be free of a class.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Freed {
    /// The class.
    pub class: String,
    /// The class as people know it.
    pub class_name: String,
    /// What duplicates take that run.
    pub freed: Resources,
    /// All that runs of the class, permitted or not.
    pub running: Resources,
    /// How many of the duplicates take an amount that cannot be told.
    pub unmeasured: usize,
}

/// An offer, and what would move there.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Offer {
    /// `<shared service>/<plan>`.
    pub offer: String,
    /// How many duplicates would move there.
    pub duplicates: usize,
    /// What they take together.
    pub demand: Resources,
    /// What the service has to spare; missing if that cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spare: Option<Resources>,
    /// Whether all of them fit at the same time; each alone was found to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fits_together: Option<bool>,
}

/// What was gathered, as a report.
pub fn duplicates(gathered: &Gathered, now: Timestamp) -> Duplicates {
    let found: Option<Vec<_>> = gathered.findings.as_ref().map(|findings| all_found(findings, now));
    let requested: Option<Vec<_>> = gathered.permits.as_ref().map(|permits| all_requested(permits));
    // A sum of half of it would be taken for the whole.
    let moving = found.as_deref().zip(requested.as_deref()).map(|(found, requested)| moving(found, requested));
    let (freed, offers) = (moving.as_ref().map(|all| freed(all, gathered)), moving.as_ref().map(|all| offers(all, gathered)));
    Duplicates { found, requested, freed, offers }
}

fn all_found(findings: &[ProcessingFinding], now: Timestamp) -> Vec<Found> {
    let mut all: Vec<_> = findings.iter().filter(|f| f.spec.rule == FindingRule::Duplicate).map(|f| found(f, now)).collect();
    all.sort_by(|a, b| (&a.agency, &a.class, &a.project, &a.object).cmp(&(&b.agency, &b.class, &b.project, &b.object)));
    all
}

fn found(finding: &ProcessingFinding, now: Timestamp) -> Found {
    let (spec, object) = (&finding.spec, &finding.spec.object);
    let project = split_project_namespace(&object.namespace).map(|(_, project)| project.to_owned());
    Found {
        agency: agency_of(finding),
        project: project.unwrap_or_default(),
        class: spec.processing_class.clone().unwrap_or_default(),
        object: format!("{}/{}", resource_key(&object.group, &object.resource), object.name),
        capacity: spec.capacity.clone(),
        alternatives: spec.alternatives.clone(),
        since: finding.status.as_ref().and_then(|status| status.first_seen.as_ref()).map(|time| time.0),
        acknowledged: finding.is_acknowledged(now),
    }
}

fn all_requested(permits: &[ProcessingPermit]) -> Vec<Requested> {
    let held: Vec<_> = holding(permits).into_iter().map(|permit| permit.metadata.uid.clone()).collect();
    let counts = |permit: &&ProcessingPermit, phase: Phase| match phase {
        Phase::Active | Phase::Suspended => held.contains(&permit.metadata.uid),
        phase => phase.is_waiting() || phase == Phase::Approved,
    };
    let all = permits.iter().filter_map(|permit| {
        let status = permit.status.as_ref()?;
        let assessment = status.assessment.as_ref().filter(|a| a.result == AssessmentResult::Duplicate)?;
        if !counts(&permit, status.phase) {
            return None;
        }
        let fit = assessment.offers.iter().filter(|offer| offer.result == OfferResult::Fits);
        Some(Requested {
            agency: agency_of(permit),
            project: permit.spec.project.clone(),
            class: permit.spec.processing_class.clone(),
            number: status.number.clone().unwrap_or_default(),
            name: permit.name_any(),
            phase: status.phase,
            capacity: demand(&granted_targets(permit)).without_zeros(),
            alternatives: fit.map(|offer| offer.offer.clone()).collect(),
            reason: status.decision.as_ref().map(|decision| decision.reason.clone()).unwrap_or_default(),
        })
    });
    let mut all: Vec<_> = all.collect();
    all.sort_by(|a, b| (&a.agency, &a.class, &a.number, &a.name).cmp(&(&b.agency, &b.class, &b.number, &b.name)));
    all
}

/// Something that runs and could move.
struct Moving<'a> {
    class: &'a str,
    capacity: &'a Resources,
    offer: Option<&'a String>,
}

/// What runs: what was found, and what a permit allows. What was found has no permit, so nothing is counted twice.
fn moving<'a>(found: &'a [Found], requested: &'a [Requested]) -> Vec<Moving<'a>> {
    let runs = requested.iter().filter(|r| matches!(r.phase, Phase::Active | Phase::Suspended));
    let of_permits = runs.map(|r| Moving { class: &r.class, capacity: &r.capacity, offer: r.alternatives.first() });
    let of_findings = found.iter().map(|f| Moving { class: &f.class, capacity: &f.capacity, offer: f.alternatives.first() });
    of_findings.chain(of_permits).collect()
}

fn freed(moving: &[Moving<'_>], gathered: &Gathered) -> Vec<Freed> {
    let mut all: BTreeMap<&str, Freed> = BTreeMap::new();
    for one in moving {
        let row = all.entry(one.class).or_default();
        row.freed = row.freed.plus(one.capacity);
        row.unmeasured += usize::from(one.capacity.is_empty());
    }
    let running = running(gathered);
    let complete = all.into_iter().map(|(class, row)| {
        let of_class = running.iter().filter(|r| r.class == class);
        let running = of_class.flat_map(super::capacity::Running::amounts).sum();
        Freed { class: class.to_owned(), class_name: gathered.class_name(class), running, ..row }
    });
    complete.collect()
}

fn offers(moving: &[Moving<'_>], gathered: &Gathered) -> Vec<Offer> {
    let mut all: BTreeMap<&String, (usize, Resources)> = BTreeMap::new();
    for (offer, capacity) in moving.iter().filter_map(|one| Some((one.offer?, one.capacity))) {
        let (count, demand) = all.entry(offer).or_default();
        (*count, *demand) = (*count + 1, demand.plus(capacity));
    }
    let spare = |offer: &str| {
        let service = offer.split_once('/').map_or(offer, |(service, _)| service);
        let known = gathered.services.as_ref()?.iter().find(|s| s.name_any() == service)?;
        Some(known.available().minus(&known.status.as_ref().map(|status| status.kept.clone()).unwrap_or_default()))
    };
    let row = |(offer, (duplicates, demand)): (&String, (usize, Resources))| {
        let spare = spare(offer);
        let fits_together = spare.as_ref().map(|spare| demand.fits_in(spare));
        Offer { offer: offer.clone(), duplicates, demand, spare, fits_together }
    };
    all.into_iter().map(row).collect()
}

#[cfg(test)]
#[path = "duplicates_tests.rs"]
mod tests;
