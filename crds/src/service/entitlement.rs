//! Services that agencies are given without asking: who has which, who is warned, and what is withdrawn.
//!
//! An agency that a service selects has one claim of it, in its home, from the moment that it has a home. One that is no longer
//! selected keeps it until the end of a warning, which stands in the claim from its beginning: what comes after cannot
//! shorten it.

use jiff::Timestamp;
use kube::ResourceExt;

use super::{
    Access, ClaimPhase, ServiceClaim, SharedService, SharedServiceSpec, Stage, a_month,
    rules::{current_service, ineligible, moves_to},
};
use crate::{Agency, common::AgencySelector, conditions::Verdict, permit::digest::sha256};

/// What the purpose of a claim by entitlement says: nobody was there to be asked.
pub const PURPOSE: &str = "Given by entitlement, without being asked for.";
/// As many characters as a claim's name may have.
const LONGEST_NAME: usize = 55;
const KIND: &str = "Entitled";

/// The name of an agency's claim of a service: the service's own, or where that is too long, its beginning and a digest.
pub fn claim_name(service: &str) -> String {
    const DIGITS: usize = 10;
    if service.len() <= LONGEST_NAME {
        return service.to_owned();
    }
    let start = &service[..service.floor_char_boundary(LONGEST_NAME - DIGITS - 1)];
    format!("{}-{}", start.trim_end_matches(['-', '.']), &sha256(service)[..DIGITS])
}

/// What is to be done about the claims that an agency has by entitlement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// It is given a service.
    Give {
        /// The service.
        service: String,
        /// The claim's name.
        claim: String,
        /// The plan.
        plan: String,
    },
    /// The service gives another plan than the claim asks for.
    Replan {
        /// The claim's name.
        claim: String,
        /// The plan.
        plan: String,
    },
    /// The claim goes.
    Withdraw {
        /// The claim's name.
        claim: String,
        /// Why, in words.
        why: String,
    },
}

/// Whether an agency is given a service.
///
/// # Errors
/// In words: why it is not.
pub fn given(agency: &Agency, service: &SharedService) -> Result<(), String> {
    let (spec, name) = (&service.spec, service.name_any());
    let entitlement = spec.entitlement.as_ref().filter(|_| spec.access == Access::Entitled && spec.stage == Stage::Published);
    let Some(entitlement) = entitlement else { return Err(format!("{name} is not given without asking any more")) };
    if !entitlement.match_agencies.selects(agency.spec.agency_type, agency.spec.security_regime) {
        return Err(format!("{name} is given to {} only", describe(&entitlement.match_agencies)));
    }
    let Some(plan) = spec.plan(&entitlement.plan) else { return Err(format!("{name} has no plan {}", entitlement.plan)) };
    ineligible(agency, service, plan).map_or(Ok(()), |why| Err(format!("{name} is {why}")))
}

/// Which agencies a rule selects, in words.
pub fn describe(selector: &AgencySelector) -> String {
    let types = selector.agency_types.iter().map(ToString::to_string);
    let regimes = selector.security_regimes.iter().map(ToString::to_string);
    let all: Vec<_> = types.chain(regimes).collect();
    if all.is_empty() { "every agency".to_owned() } else { format!("{} agencies", all.join(", ")) }
}

/// What is to be done about an agency's claims by entitlement, `claims`, which are all that it has in its home.
///
/// An agency that is cordoned is given nothing new and keeps what it has. One that is being closed keeps what it has as long as it
/// has projects, which is not decided here.
pub fn steps(agency: &Agency, services: &[&SharedService], claims: &[&ServiceClaim], now: Timestamp) -> Vec<Step> {
    let named = |name: &str| services.iter().copied().find(|service| service.name_any() == name);
    let there = claims.iter().filter(|claim| claim.metadata.deletion_timestamp.is_none());
    let mut steps: Vec<_> = there.filter_map(|claim| about(agency, claim, named, now)).collect();
    if agency.spec.cordoned || agency.metadata.deletion_timestamp.is_some() {
        return steps;
    }
    for service in services.iter().filter(|service| service.is_offered() && given(agency, service).is_ok()) {
        let (name, claim) = (service.name_any(), claim_name(&service.name_any()));
        // One of a service that ends in this one comes here by itself as soon as there is room, if it may at all.
        let may_come =
            |c: &ServiceClaim| service.spec.plan(&c.spec.plan).is_some_and(|plan| ineligible(agency, service, plan).is_none());
        let comes = |c: &ServiceClaim| named(current_service(c)).is_some_and(|current| moves_to(current, service)) && may_come(c);
        let has =
            |c: &&ServiceClaim| c.name_any() == claim || c.spec.shared_service == name || current_service(c) == name || comes(c);
        if let Some(entitlement) = &service.spec.entitlement
            && !claims.iter().any(has)
        {
            steps.push(Step::Give { service: name, claim, plan: entitlement.plan.clone() });
        }
    }
    steps
}

/// What is to be done about one claim that is there.
fn about<'a>(
    agency: &Agency,
    claim: &ServiceClaim,
    named: impl Fn(&str) -> Option<&'a SharedService>,
    now: Timestamp,
) -> Option<Step> {
    let name = claim.name_any();
    let current = current_service(claim);
    if claim.status.as_ref().is_some_and(|status| status.phase == ClaimPhase::Released) {
        return Some(Step::Withdraw { claim: name, why: format!("{current} ended") });
    }
    let Some(service) = named(&claim.spec.shared_service).or_else(|| named(current)) else {
        return Some(Step::Withdraw { claim: name, why: format!("there is no service {current} any more") });
    };
    if let Err(why) = given(agency, service) {
        let is_over = withdrawn_after(claim).is_some_and(|after| after <= now);
        return is_over.then_some(Step::Withdraw { claim: name, why });
    }
    let plan = &service.spec.entitlement.as_ref()?.plan;
    let is_its = service.name_any() == claim.spec.shared_service;
    (is_its && *plan != claim.spec.plan).then(|| Step::Replan { claim: name, plan: plan.clone() })
}

/// When a claim is withdrawn, as it was warned.
pub fn withdrawn_after(claim: &ServiceClaim) -> Option<Timestamp> {
    claim.status.as_ref()?.withdrawn_after.as_ref().map(|after| after.0)
}

/// Whether an agency is still given what a claim has; the claim's condition `Entitled`, and when it is withdrawn if it is not.
///
/// `service` is the one that the claim names; if that is gone, the one that it was moved to.
pub fn entitled(claim: &ServiceClaim, agency: &Agency, service: &SharedService, now: Timestamp) -> (Verdict, Option<Timestamp>) {
    let Err(why) = given(agency, service) else {
        let message = format!("{} has it without asking, in all of its projects.", agency.spec.display_name);
        return (Verdict::yes(KIND, "Given", message), None);
    };
    let warning = service.spec.entitlement.as_ref().map_or_else(a_month, |entitlement| entitlement.warning.clone());
    let after = withdrawn_after(claim).unwrap_or_else(|| warning.after(now));
    let message = format!(
        "{why}. It is withdrawn on {}: its Secret and the way to it go from every project then. {}",
        after.strftime("%Y-%m-%d at %H:%M UTC"),
        instead(claim, agency, &service.spec)
    );
    (Verdict::no(KIND, "Withdrawing", message), Some(after))
}

/// What who needs it longer can do.
fn instead(claim: &ServiceClaim, agency: &Agency, service: &SharedServiceSpec) -> String {
    let (name, spec) = (current_service(claim), &agency.spec);
    let plan = service.plans.iter().find(|plan| plan.channel.admits(spec.agency_type));
    match plan.filter(|_| service.eligibility.selects(spec.agency_type, spec.security_regime)) {
        Some(plan) => format!(
            "If you need it longer, claim it yourself and change your workloads to that Secret before: govcloud service claim {name} --plan {} --project NAME",
            plan.name
        ),
        None => format!("Stop using it before; if that is a mistake, ask {}, which provides it.", service.provider),
    }
}

#[cfg(test)]
#[path = "entitlement_tests.rs"]
mod tests;
