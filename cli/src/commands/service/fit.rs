//! Whether a plan of a service fits an agency, and why not.

use govcloud_crds::{
    SharedService,
    service::{Access, Plan, Stage, rules::ineligible},
};
use kube::ResourceExt as _;

use super::standing::Standing;
use crate::output::text::amounts;

/// How well a plan fits an agency, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fit {
    /// It has it, or is given it, without a claim.
    Given,
    /// It can be claimed.
    Yes,
    /// It can be claimed, and another agency must agree.
    IfAgreed,
    /// The agency is not known, so it cannot be told.
    Unknown,
    /// It cannot be had.
    No,
}

impl Fit {
    /// As a table says it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Given => "given",
            Self::Yes => "yes",
            Self::IfAgreed => "if agreed",
            Self::Unknown => "?",
            Self::No => "no",
        }
    }
}

/// What is said about a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// How well it fits.
    pub fit: Fit,
    /// What stands against it, or what to know before it is claimed; empty if there is nothing to say.
    pub why: String,
}

/// The plans of a service, each with what is said about it.
pub fn plans<'a>(service: &'a SharedService, standing: &Standing) -> Vec<(&'a Plan, Said)> {
    service.spec.plans.iter().map(|plan| (plan, judge(service, plan, standing))).collect()
}

/// Whether a plan fits.
pub fn judge(service: &SharedService, plan: &Plan, standing: &Standing) -> Said {
    let against = [stage, ending, closed, unlicensed, full, unhealthy];
    if let Some(why) = against.iter().find_map(|rule| rule(service, plan, standing)) {
        return Said { fit: Fit::No, why };
    }
    let mut notes = Vec::new();
    if service.spec.requires_purpose {
        notes.push("needs a purpose".to_owned());
    }
    let fit = match &standing.agency {
        None => Fit::Unknown,
        Some(_) if service.spec.sharing.is_some() => {
            notes.push(format!("needs the consent of {}", service.spec.provider));
            Fit::IfAgreed
        }
        Some(_) if is_given(service, plan, standing) => {
            notes.push("yours without a claim".to_owned());
            Fit::Given
        }
        Some(_) => Fit::Yes,
    };
    Said { fit, why: notes.join(", ") }
}

/// Whether the agency is given this plan without asking.
pub fn is_given(service: &SharedService, plan: &Plan, standing: &Standing) -> bool {
    let Some(agency) = &standing.agency else { return false };
    let (kind, regime) = (agency.spec.agency_type, agency.spec.security_regime);
    let selects =
        service.spec.entitlement.as_ref().is_some_and(|e| e.plan == plan.name && e.match_agencies.selects(kind, regime));
    service.spec.access == Access::Entitled && selects
}

fn stage(service: &SharedService, _: &Plan, _: &Standing) -> Option<String> {
    (service.spec.stage == Stage::Draft).then(|| "a draft; a cloud operator has not published it".to_owned())
}

fn ending(service: &SharedService, _: &Plan, _: &Standing) -> Option<String> {
    if let Some(drain) = &service.spec.drain {
        let instead = drain.move_to.as_ref().map(|other| format!("; claim {other}")).unwrap_or_default();
        return Some(format!("ends on {}{instead}", drain.by));
    }
    service.metadata.deletion_timestamp.is_some().then(|| "is being deleted".to_owned())
}

fn closed(service: &SharedService, plan: &Plan, standing: &Standing) -> Option<String> {
    ineligible(standing.agency.as_ref()?, service, plan)
}

fn unlicensed(service: &SharedService, _: &Plan, standing: &Standing) -> Option<String> {
    let class = service.spec.requires_licence.as_ref()?;
    (standing.licensed(service) == Some(false)).then(|| format!("needs a licence: an active permit of class {class}"))
}

fn full(service: &SharedService, plan: &Plan, standing: &Standing) -> Option<String> {
    let free = service.available();
    // What is given without asking was taken from it already.
    if is_given(service, plan, standing) {
        return None;
    }
    if !plan.capacity.fits_in(&free) {
        return Some(format!("no room at present: takes {} of {} free", amounts(&plan.capacity), amounts(&free)));
    }
    let kept = service.status.as_ref().map(|s| s.kept.clone()).unwrap_or_default();
    let kept_for_others = !plan.capacity.fits_in(&free.minus(&kept));
    kept_for_others.then(|| "no room at present: what is free is kept for agencies that were sent here".to_owned())
}

fn unhealthy(service: &SharedService, _: &Plan, _: &Standing) -> Option<String> {
    service.is_unhealthy().then(|| "does not answer at present".to_owned())
}

/// What to type to have it.
pub fn next(service: &SharedService, all: &[(&Plan, Said)]) -> String {
    let name = service.name_any();
    let best = all.iter().min_by_key(|(_, said)| said.fit);
    let (plan, fit) = best.map_or(("PLAN", Fit::No), |(plan, said)| (plan.name.as_str(), said.fit));
    let plan = if fit == Fit::Unknown || fit == Fit::No { "PLAN" } else { plan };
    let purpose = if service.spec.requires_purpose { " --purpose TEXT" } else { "" };
    match (service.spec.stage, &service.spec.drain, fit) {
        (Stage::Draft, ..) => format!("A cloud operator publishes it: govcloud service publish {name}"),
        (_, Some(drain), _) => match &drain.move_to {
            Some(other) => format!("Claim {other} instead: govcloud service show {other}"),
            None => format!("See what there is instead: govcloud service search {}", service.spec.processing_class),
        },
        (.., Fit::Given) => "You have it without asking: govcloud service claims".to_owned(),
        (.., Fit::No) => format!("See what else there is: govcloud service search {}", service.spec.processing_class),
        _ => format!("Claim it: govcloud service claim {name} --plan {plan} --project PROJECT{purpose}"),
    }
}

#[cfg(test)]
#[path = "fit_tests.rs"]
mod tests;
