//! Who may have a service, and why not.

use jiff::Timestamp;
use kube::ResourceExt;

use super::{
    Channel, ClaimPhase, Plan, ServiceClaim, SharedService, SharedServiceSpec, Stage,
    drain::{current_service, end_of},
};
use crate::{
    Agency, ProcessingPermit,
    common::AgencyType,
    conditions::Verdict,
    names::{LABEL_ENTITLED, LABEL_MANAGED_BY, MANAGED_BY, agency_of_home, split_project_namespace},
    permit::Phase,
};

impl Channel {
    /// Whether agencies of this type are on the channel: GSB joins the government's agencies, PGSB the private sector.
    pub fn admits(self, agency_type: AgencyType) -> bool {
        match self {
            Self::Gsb => agency_type == AgencyType::Government,
            Self::Pgsb => agency_type != AgencyType::Government,
            Self::Direct => true,
        }
    }

    /// Why an agency of this type may not have `plan`, which is on this channel; `None` if it may.
    pub fn closed_to(self, agency_type: AgencyType, plan: &str) -> Option<String> {
        let who = if self == Self::Gsb { "government agencies" } else { "the private sector" };
        (!self.admits(agency_type)).then(|| format!("plan {plan} is on channel {self}, for {who} only"))
    }
}

/// What a claim is judged by, beside itself and the service.
#[derive(Clone, Copy, Debug)]
pub struct Standing<'a> {
    /// The agency whose claim it is, see [`agency_of_claim`].
    pub agency: Option<&'a Agency>,
    /// Whether the agency has what [`has_licence`] asks for.
    pub licensed: bool,
    /// The present moment.
    pub now: Timestamp,
}

/// The agency whose claim it is: that of the project which its namespace is, or of the home, for a claim by entitlement.
pub fn agency_of_claim(claim: &ServiceClaim) -> Option<&str> {
    let namespace = claim.metadata.namespace.as_deref()?;
    split_project_namespace(namespace).map(|(agency, _)| agency).or_else(|| agency_of_home(namespace))
}

/// Whether an agency has it by entitlement: the operator made it, in the agency's home.
///
/// The labels alone say nothing: an agency's people can put them on a claim in a project, which would then be bound in all of
/// them. In a home a guard lets nobody but the operator write claims.
pub fn is_entitled(claim: &ServiceClaim) -> bool {
    let in_home = claim.metadata.namespace.as_deref().and_then(agency_of_home).is_some();
    let is = |label: &str, value: &str| claim.labels().get(label).is_some_and(|found| found == value);
    in_home && is(LABEL_ENTITLED, "true") && is(LABEL_MANAGED_BY, MANAGED_BY)
}

/// Whether one of an agency's permits is the licence that a service asks for. A suspended one is none.
pub fn has_licence<'a>(service: &SharedServiceSpec, permits: impl IntoIterator<Item = &'a ProcessingPermit>) -> bool {
    let is = |permit: &ProcessingPermit, class: &str| {
        permit.spec.processing_class == class && permit.status.as_ref().is_some_and(|s| s.phase == Phase::Active)
    };
    service.requires_licence.as_deref().is_none_or(|class| permits.into_iter().any(|permit| is(permit, class)))
}

/// Why an agency may not have a plan of a service, in words; `None` if it may. What a claim itself must bring, a licence or
/// a purpose, is not looked at: [`eligible`] does.
pub fn ineligible(agency: &Agency, service: &SharedService, plan: &Plan) -> Option<String> {
    not_selected(agency, service).or_else(|| plan.channel.closed_to(agency.spec.agency_type, &plan.name))
}

fn not_selected(agency: &Agency, service: &SharedService) -> Option<String> {
    let selects = service.spec.eligibility.selects(agency.spec.agency_type, agency.spec.security_regime);
    (!selects).then(|| format!("for {} only", describe_eligibility(&service.spec)))
}

/// Types of agencies, in words.
pub fn describe_types(types: &[AgencyType]) -> String {
    let names: Vec<_> = types.iter().map(ToString::to_string).collect();
    format!("{} agencies", names.join(", "))
}

/// Who may claim a service, in words.
pub fn describe_eligibility(service: &SharedServiceSpec) -> String {
    let types = service.eligibility.agency_types.iter().map(ToString::to_string);
    let regimes = service.eligibility.security_regimes.iter().map(ToString::to_string);
    let all: Vec<_> = types.chain(regimes).collect();
    if all.is_empty() { "every agency".to_owned() } else { format!("{} agencies", all.join(", ")) }
}

const KIND: &str = "Eligible";

/// What is wrong: a reason for programs, and words.
type Refusal = (&'static str, String);

/// What the rules look at.
struct Case<'a> {
    claim: &'a ServiceClaim,
    service: &'a SharedService,
    standing: Standing<'a>,
    /// What it holds, or else asks for.
    plan: &'a str,
    holds: bool,
}

/// Whether a claim may be served at all; its condition `Eligible`.
///
/// `service` is the one that serves it, which is not the one that it names if it was moved. Who holds a plan is judged by
/// that: asking for another one that is not to be had costs nobody what they have.
pub fn eligible(claim: &ServiceClaim, service: Option<&SharedService>, standing: Standing<'_>) -> Verdict {
    let Some(service) = service else { return gone(claim) };
    eligible_with(claim, service, &claim.spec.plan, standing)
}

/// As [`eligible`], if it asks for this plan.
pub(super) fn eligible_with(claim: &ServiceClaim, service: &SharedService, plan: &str, standing: Standing<'_>) -> Verdict {
    let held = claim.metadata.uid.as_deref().and_then(|uid| service.holding(uid));
    let plan = held.map(|r| r.plan.as_str()).filter(|held| !held.is_empty()).unwrap_or(plan);
    let case = Case { claim, service, standing, plan, holds: held.is_some() };
    let rules = [draft, ended, no_plan, no_agency, closed, off_channel, unlicensed, purposeless, ending];
    if let Some((reason, message)) = rules.iter().find_map(|rule| rule(&case)) {
        return Verdict::no(KIND, reason, message);
    }
    let who = standing.agency.map(|agency| agency.spec.display_name.clone()).unwrap_or_default();
    Verdict::yes(KIND, "Eligible", format!("{who} may use {}.", service.name_any()))
}

fn gone(claim: &ServiceClaim) -> Verdict {
    let name = current_service(claim);
    if claim.status.as_ref().is_some_and(|s| s.phase == ClaimPhase::Released) {
        return Verdict::no(KIND, "Released", over(&format!("{name} ended, and this claim with it.")));
    }
    let message = format!("There is no shared service {name}. See what there is: govcloud service list");
    Verdict::no(KIND, "NoSuchService", message)
}

fn over(what: &str) -> String {
    format!("{what} Delete the claim, and see what there is instead: govcloud service search")
}

fn draft(case: &Case<'_>) -> Option<Refusal> {
    let (name, provider) = (case.service.name_any(), &case.service.spec.provider);
    let message =
        format!("{name} is a draft that {provider} still works on; it can be had as soon as a cloud operator has published it.");
    (case.service.spec.stage == Stage::Draft).then_some(("Draft", message))
}

fn ended(case: &Case<'_>) -> Option<Refusal> {
    let drain = case.service.spec.drain.as_ref()?;
    let is_over = end_of(drain)? <= case.standing.now;
    is_over.then(|| ("Released", over(&format!("{} ended on {}, and this claim with it.", case.service.name_any(), drain.by))))
}

fn no_agency(case: &Case<'_>) -> Option<Refusal> {
    let home = case.claim.metadata.namespace.as_deref().and_then(agency_of_home);
    if home.is_some() && !is_entitled(case.claim) {
        let message = "An agency's home holds its paperwork. Claim the service in a project: govcloud service claim".to_owned();
        return Some(("InHome", message));
    }
    let message = "This namespace belongs to no agency; claim the service in a project of yours.".to_owned();
    case.standing.agency.is_none().then_some(("NoAgency", message))
}

fn closed(case: &Case<'_>) -> Option<Refusal> {
    let why = not_selected(case.standing.agency?, case.service)?;
    Some(("NotEligible", format!("{} is {why}.", case.service.name_any())))
}

fn unlicensed(case: &Case<'_>) -> Option<Refusal> {
    let (class, agency) = (case.service.spec.requires_licence.as_ref()?, case.standing.agency?);
    let message = format!(
        "{} is for those who hold a licence, and {} has no active permit of class {class}. See what became of it: govcloud permit \
         list; or request one. The claim is served when it is active.",
        case.service.name_any(),
        agency.spec.display_name,
    );
    (!case.standing.licensed).then_some(("NotLicensed", message))
}

fn purposeless(case: &Case<'_>) -> Option<Refusal> {
    let message = format!(
        "{} gives data for a purpose, and this claim names none. Write what the data is used for into spec.purpose; it stays on record.",
        case.service.name_any()
    );
    (case.service.spec.requires_purpose && case.claim.spec.purpose.trim().is_empty()).then_some(("PurposeMissing", message))
}

/// A service that ends takes nobody new.
fn ending(case: &Case<'_>) -> Option<Refusal> {
    if case.holds || case.service.is_offered() {
        return None;
    }
    let name = case.service.name_any();
    let Some(drain) = &case.service.spec.drain else {
        return Some(("ServiceEnding", format!("{name} is being deleted. See what there is instead: govcloud service search")));
    };
    let instead = drain.move_to.as_ref().map_or_else(
        || "See what there is instead: govcloud service search".to_owned(),
        |other| format!("Claim {other} instead: govcloud service claim {other}"),
    );
    Some(("ServiceEnding", format!("{name} ends on {} and takes no new claims. {instead}", drain.by)))
}

/// What its provider took out of the service, whoever holds it keeps.
fn no_plan(case: &Case<'_>) -> Option<Refusal> {
    let message = no_such_plan(case.service, case.plan);
    (!case.holds && case.service.spec.plan(case.plan).is_none()).then_some(("NoSuchPlan", message))
}

pub(super) fn no_such_plan(service: &SharedService, plan: &str) -> String {
    let plans: Vec<_> = service.spec.plans.iter().map(|p| p.name.as_str()).collect();
    format!("{} has no plan {plan}; it has {}.", service.name_any(), plans.join(", "))
}

fn off_channel(case: &Case<'_>) -> Option<Refusal> {
    let plan = case.service.spec.plan(case.plan)?;
    let why = plan.channel.closed_to(case.standing.agency?.spec.agency_type, &plan.name)?;
    Some(("NotEligible", format!("Of {}, {why}.", case.service.name_any())))
}

/// Whether the agency that shares the capacity agreed to serve a claim; its condition `Consented`. `None` where nobody is
/// asked.
pub fn consented(claim: &ServiceClaim, service: &SharedService) -> Option<Verdict> {
    const KIND: &str = "Consented";
    service.spec.sharing.as_ref()?;
    let consent = service.spec.consents.iter().find(|consent| Some(&consent.claim) == claim.metadata.uid.as_ref());
    Some(match consent {
        Some(_) => Verdict::yes(KIND, "Consented", "The agency that shares its capacity agreed."),
        None => Verdict::no(
            KIND,
            "WaitsForConsent",
            "This is spare capacity of another agency, which was asked and has not agreed. The claim is served when it has.",
        ),
    })
}

#[cfg(test)]
#[path = "eligibility_tests.rs"]
mod tests;
