//! `govcloud report compliance`: how the rules are kept.

use std::collections::BTreeMap;

use govcloud_crds::{
    Agency, GovernmentCloud, ProcessingFinding, ProcessingPermit, Resources,
    agency::{DigitizationStatus, Enforcement, Obligations},
    common::SecurityRegime,
    finding::FindingRule,
    permit::{
        Phase, demand,
        effective::{due_by, granted_targets, is_late},
        warning::drains_until,
    },
};
use jiff::Timestamp;
use kube::ResourceExt as _;
use serde::Serialize;

use super::gather::{Gathered, agency_of};

/// How the rules are kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Compliance {
    /// Every agency, and what belongs to none under an empty name.
    pub agencies: Vec<AgencyRecord>,
    /// Permits that ended without a successor, and requests that wait too long.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permits: Option<Vec<LatePermit>>,
    /// When enforcement was found interrupted and put right, the latest first; the last 20 are kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interruptions: Option<Vec<Interruption>>,
}

/// How an agency keeps the rules.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AgencyRecord {
    /// The agency; empty for what runs outside every agency's namespaces.
    pub agency: String,
    /// The agency as people know it.
    pub display_name: String,
    /// Its security regime.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub regime: Option<SecurityRegime>,
    /// How named slots bind in its projects. Anything but Deny lets infrastructure run without a permit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enforcement: Option<Enforcement>,
    /// Whether nothing new starts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cordoned: Option<bool>,
    /// Findings that count, by rule; missing if findings cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open_findings: Option<BTreeMap<String, usize>>,
    /// Findings that a reviewer acknowledged; missing if findings cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acknowledged_findings: Option<usize>,
    /// Permits that hold; missing if permits cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active_permits: Option<usize>,
    /// Permits that ended without a successor; missing if permits cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_permits: Option<usize>,
    /// The yearly duty to automate services, if the agency has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub automation: Option<DigitizationStatus>,
    /// Mandatory shared services, if they were counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub obligations: Option<Obligations>,
}

impl AgencyRecord {
    /// How many findings count.
    pub fn open(&self) -> usize {
        self.open_findings.iter().flat_map(BTreeMap::values).sum()
    }
}

/// A permit of which something is late.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LatePermit {
    /// The agency.
    pub agency: String,
    /// Its number; empty while it has none.
    pub number: String,
    /// Its name.
    pub name: String,
    /// The class.
    pub class: String,
    /// What it is.
    pub phase: Phase,
    /// What is wrong with it.
    pub late: Late,
    /// Since when: when it ended, or when a decision was due.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Until when what it allowed may drain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drains_until: Option<Timestamp>,
    /// What it allowed, or asks for.
    pub capacity: Resources,
}

/// What is late.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Late {
    /// It ended; what it allowed may drain still.
    Draining,
    /// It ended, and what it allowed must be gone.
    Ended,
    /// It waits, and a decision was due.
    Overdue,
}

impl std::fmt::Display for Late {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(self, f)
    }
}

/// One time that an enforcement object was missing or altered.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Interruption {
    /// Kind and name.
    pub object: String,
    /// `Deleted` or `Altered`.
    pub what: String,
    /// When it was found.
    pub found: Timestamp,
    /// When it was put right.
    pub repaired: Timestamp,
}

/// What was gathered, as a report.
pub fn compliance(gathered: &Gathered, now: Timestamp) -> Compliance {
    let permits: Option<Vec<_>> = gathered.permits.as_ref().map(|permits| late_permits(permits, now));
    Compliance {
        agencies: agencies(gathered, permits.as_deref(), now),
        permits,
        interruptions: gathered.cloud.as_ref().map(interruptions),
    }
}

fn agencies(gathered: &Gathered, late: Option<&[LatePermit]>, now: Timestamp) -> Vec<AgencyRecord> {
    let mut all: BTreeMap<String, AgencyRecord> = BTreeMap::new();
    for agency in gathered.agencies.iter().flatten() {
        all.insert(agency.name_any(), of_agency(agency));
    }
    let with_findings = gathered.findings.iter().flatten().map(agency_of);
    let with_permits = gathered.permits.iter().flatten().map(agency_of);
    for agency in with_findings.chain(with_permits) {
        all.entry(agency.clone()).or_insert_with(|| AgencyRecord { agency, ..AgencyRecord::default() });
    }
    for (name, record) in &mut all {
        let findings = gathered.findings.as_deref();
        record.open_findings = findings.map(|findings| open(findings, name, now));
        record.acknowledged_findings =
            findings.map(|findings| findings.iter().filter(|f| agency_of(*f) == *name && f.is_acknowledged(now)).count());
        let active = |p: &&ProcessingPermit| agency_of(*p) == *name && phase(p) == Phase::Active;
        record.active_permits = gathered.permits.as_ref().map(|permits| permits.iter().filter(active).count());
        let ended = |late: &&LatePermit| late.agency == *name && late.late != Late::Overdue;
        record.ended_permits = late.map(|late| late.iter().filter(ended).count());
    }
    all.into_values().collect()
}

fn of_agency(agency: &Agency) -> AgencyRecord {
    let status = agency.status.clone().unwrap_or_default();
    AgencyRecord {
        agency: agency.name_any(),
        display_name: agency.spec.display_name.clone(),
        regime: Some(agency.spec.security_regime),
        enforcement: Some(agency.spec.enforcement),
        cordoned: Some(agency.spec.cordoned),
        automation: status.digitization,
        obligations: status.obligations,
        ..AgencyRecord::default()
    }
}

fn open(findings: &[ProcessingFinding], agency: &str, now: Timestamp) -> BTreeMap<String, usize> {
    let theirs = || findings.iter().filter(|f| agency_of(*f) == agency && !f.is_acknowledged(now));
    let of_rule = |rule: FindingRule| theirs().filter(|finding| finding.spec.rule == rule).count();
    FindingRule::ALL.map(|rule| (rule.to_string(), of_rule(rule))).into_iter().filter(|(_, number)| *number > 0).collect()
}

fn phase(permit: &ProcessingPermit) -> Phase {
    permit.status.as_ref().map(|status| status.phase).unwrap_or_default()
}

fn late_permits(permits: &[ProcessingPermit], now: Timestamp) -> Vec<LatePermit> {
    let mut all: Vec<_> = permits.iter().filter_map(|permit| late_permit(permit, now)).collect();
    all.sort_by(|a, b| (a.late, a.since, &a.agency, &a.name).cmp(&(b.late, b.since, &b.agency, &b.name)));
    all
}

/// A permit that ended by its time or by reviewers, with no other in its place; or a request that waits too long.
fn late_permit(permit: &ProcessingPermit, now: Timestamp) -> Option<LatePermit> {
    let status = permit.status.as_ref()?;
    let drains = drains_until(permit);
    let (late, since) = match status.phase {
        Phase::Expired | Phase::Revoked => {
            let until = drains?; // one that never was active allowed nothing, and one with a successor goes on
            (if until > now { Late::Draining } else { Late::Ended }, status.ended_at.as_ref().map(|time| time.0))
        }
        Phase::Pending | Phase::UnderReview => (Late::Overdue, Some(due_by(permit).filter(|due| is_late(*due, now))?)),
        _ => return None,
    };
    Some(LatePermit {
        agency: agency_of(permit),
        number: status.number.clone().unwrap_or_default(),
        name: permit.name_any(),
        class: permit.spec.processing_class.clone(),
        phase: status.phase,
        late,
        since,
        drains_until: drains,
        capacity: demand(&granted_targets(permit)).without_zeros(),
    })
}

fn interruptions(cloud: &GovernmentCloud) -> Vec<Interruption> {
    let known = cloud.status.iter().flat_map(|status| &status.interruptions);
    let one = |i: &govcloud_crds::cloud::Interruption| Interruption {
        object: i.object.clone(),
        what: i.what.clone(),
        found: i.found.0,
        repaired: i.repaired.0,
    };
    known.map(one).collect()
}

#[cfg(test)]
#[path = "compliance_tests.rs"]
mod tests;
