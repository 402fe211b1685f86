//! Services that agencies must use: who does, who has time yet, and who is behind.

use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};
use kube::ResourceExt;

use super::{
    ClaimPhase, Obligation, Plan, ServiceClaim, SharedService,
    rules::{current_service, ineligible},
};
use crate::{
    Agency,
    agency::{MissingService, Obligations},
    conditions::Verdict,
    finding::{FindingRule, ObjectReference, ProcessingFindingSpec, name_of, rules::found},
    names::GROUP,
};

const KIND: &str = "ObligationsMet";
/// As many as the schema of the status takes.
const LONGEST_LIST: usize = 64;

/// How an agency stands with one service that it must use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DutyState {
    /// It uses it.
    Met,
    /// It does not, and has time.
    Due,
    /// It does not, and its day is over.
    Behind,
}

impl DutyState {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Met, Self::Due, Self::Behind];

    /// As metrics call it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::Due => "due",
            Self::Behind => "behind",
        }
    }
}

/// A service that an agency must use.
#[derive(Clone, Debug, PartialEq)]
pub struct Duty<'a> {
    /// The service.
    pub service: &'a SharedService,
    /// The first plan that the agency may have.
    pub plan: &'a Plan,
    /// The last day on which it need not be used.
    pub due_by: &'a str,
    /// How the agency stands with it.
    pub state: DutyState,
}

/// The moment from which an agency that does not use a service is behind: the end of its day, in UTC. `None` if the calendar has
/// no such day.
pub fn behind_from(obligation: &Obligation) -> Option<Timestamp> {
    let day: Date = obligation.due_by.parse().ok()?;
    Some(day.checked_add(1.day()).ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

/// The services that an agency must use, in the order of their names. `claims` are all of the agency's, wherever they are.
///
/// A draft and a service that ends oblige nobody, and nobody is obliged to what they may not have, or provide themselves.
pub fn duties<'a>(
    agency: &Agency,
    services: impl IntoIterator<Item = &'a SharedService>,
    claims: &[&ServiceClaim],
    now: Timestamp,
) -> Vec<Duty<'a>> {
    let one = |service: &'a SharedService| duty(agency, service, claims, now);
    let mut duties: Vec<_> = services.into_iter().filter_map(one).collect();
    duties.sort_by_key(|duty| duty.service.name_any());
    duties
}

fn duty<'a>(agency: &Agency, service: &'a SharedService, claims: &[&ServiceClaim], now: Timestamp) -> Option<Duty<'a>> {
    let (spec, name) = (&service.spec, service.name_any());
    let obligation = spec.obligation.as_ref().filter(|_| service.is_offered())?;
    let selects = obligation.match_agencies.selects(agency.spec.agency_type, agency.spec.security_regime);
    if !selects || spec.provider == agency.name_any() || agency.metadata.deletion_timestamp.is_some() {
        return None;
    }
    let plan = spec.plans.iter().find(|plan| ineligible(agency, service, plan).is_none())?;
    let state = if claims.iter().any(|claim| uses(claim, &name)) {
        DutyState::Met
    } else if behind_from(obligation).is_some_and(|from| from <= now) {
        DutyState::Behind
    } else {
        DutyState::Due
    };
    Some(Duty { service, plan, due_by: &obligation.due_by, state })
}

/// Whether a claim gives the use of a service: it is bound, and by this one.
fn uses(claim: &ServiceClaim, service: &str) -> bool {
    let is_bound = claim.status.as_ref().is_some_and(|status| status.phase == ClaimPhase::Bound);
    is_bound && claim.metadata.deletion_timestamp.is_none() && current_service(claim) == service
}

/// What an agency's status says; `None` if it must use nothing.
pub fn obligations(duties: &[Duty<'_>]) -> Option<Obligations> {
    let count =
        |of: &dyn Fn(DutyState) -> bool| i32::try_from(duties.iter().filter(|duty| of(duty.state)).count()).unwrap_or(i32::MAX);
    let missing = duties.iter().filter(|duty| duty.state != DutyState::Met).map(|duty| MissingService {
        service: duty.service.name_any(),
        plan: duty.plan.name.clone(),
        due_by: duty.due_by.to_owned(),
    });
    (!duties.is_empty()).then(|| Obligations {
        met: count(&|state| state == DutyState::Met),
        due: count(&|state| state != DutyState::Met),
        behind: count(&|state| state == DutyState::Behind),
        missing: missing.take(LONGEST_LIST).collect(),
    })
}

/// Whether an agency uses what it must; its condition `ObligationsMet`. `None` if it must use nothing.
pub fn obligations_met(duties: &[Duty<'_>]) -> Option<Verdict> {
    let of = |state: DutyState| -> Vec<_> { duties.iter().filter(|duty| duty.state == state).collect() };
    let (behind, due) = (of(DutyState::Behind), of(DutyState::Due));
    let list = |duties: &[&Duty<'_>], word: &str| {
        let one = |duty: &&Duty<'_>| format!("{} ({word} {})", duty.service.name_any(), duty.due_by);
        duties.iter().take(5).map(one).chain((duties.len() > 5).then(|| "others".to_owned())).collect::<Vec<_>>().join(", ")
    };
    let first = behind.first().or(due.first());
    Some(match first {
        _ if duties.is_empty() => return None,
        None => {
            Verdict::yes(KIND, "Met", format!("It uses the shared services that it must: {} of {}.", duties.len(), duties.len()))
        }
        Some(first) if !behind.is_empty() => {
            let message = format!("It must use and does not: {}. {}", list(&behind, "was due by"), claim_it(first));
            Verdict::no(KIND, "Behind", message)
        }
        Some(first) => {
            let message = format!("It does not use yet: {}. {}", list(&due, "due by"), claim_it(first));
            Verdict::no(KIND, "NotYetUsed", message)
        }
    })
}

fn claim_it(duty: &Duty<'_>) -> String {
    format!("Claim it in a project: govcloud service claim {} --plan {} --project NAME", duty.service.name_any(), duty.plan.name)
}

/// What is found about an agency that is behind.
pub fn finding(agency: &Agency, duty: &Duty<'_>) -> Option<ProcessingFindingSpec> {
    let name = duty.service.name_any();
    let object = ObjectReference {
        group: GROUP.to_owned(),
        resource: "sharedservices".to_owned(),
        namespace: String::new(),
        name: name.clone(),
    };
    let message = format!(
        "{} must use {} and does not; it was due by {}. {}",
        agency.spec.display_name,
        duty.service.spec.display_name,
        duty.due_by,
        claim_it(duty)
    );
    (duty.state == DutyState::Behind).then(|| ProcessingFindingSpec {
        processing_class: Some(duty.service.spec.processing_class.clone()),
        alternatives: vec![format!("{name}/{}", duty.plan.name)],
        ..found(FindingRule::Obligation, &object, message)
    })
}

/// The name of a finding about an agency that is behind. Several may be behind with the same service, and people call findings by
/// their names alone, so the agency's home is in it.
pub fn finding_name(home: &str, finding: &ProcessingFindingSpec) -> String {
    name_of(finding.rule, &ObjectReference { namespace: home.to_owned(), ..finding.object.clone() })
}

/// When an agency that does nothing is behind with one more service.
pub fn next_behind(duties: &[Duty<'_>]) -> Option<Timestamp> {
    let due = duties.iter().filter(|duty| duty.state == DutyState::Due);
    due.filter_map(|duty| behind_from(duty.service.spec.obligation.as_ref()?)).min()
}

#[cfg(test)]
#[path = "obligation_tests.rs"]
mod tests;
