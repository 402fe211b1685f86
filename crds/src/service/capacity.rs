//! What a ledger says, in words: to a claim, and to whoever runs the service.

use kube::ResourceExt;

use super::{
    Reservation, ServiceClaim, ServiceClaimStatus, SharedService, drain::current_service, eligibility::no_such_plan,
    ledger::MAX_RESERVATIONS,
};
use crate::{
    Agency, Resources,
    conditions::{Verdict, find},
};

const RESERVED: &str = "CapacityReserved";
const IN_FORCE: &str = "PlanInForce";

/// Whether the service's ledger lists this very claim; its condition `CapacityReserved`.
///
/// It says no amounts: those change with every claim of others, and each of those who wait would be written again each time.
pub fn reserved(claim: &ServiceClaim, service: Option<&SharedService>) -> Verdict {
    let Some(service) = service else { return Verdict::no(RESERVED, "NoSuchService", "There is no such service.") };
    let (name, plan) = (service.name_any(), &claim.spec.plan);
    let nothing = Resources::default();
    let kept = service.status.as_ref().map_or(&nothing, |s| &s.kept);
    let fits = |plan: &super::Plan| plan.capacity.fits_in(&service.available().minus(kept));
    match claim.metadata.uid.as_deref().and_then(|uid| service.reservation(uid)) {
        Some(over) if over.revoking => Verdict::unknown(
            RESERVED,
            "Revoking",
            format!("The credentials that it had are being revoked at {name}; it can be served after that."),
        ),
        Some(_) => Verdict::yes(RESERVED, "Reserved", "Its capacity is its own."),
        None if service.reservations().len() >= MAX_RESERVATIONS => Verdict::no(
            RESERVED,
            "LedgerFull",
            "The service serves as many claims as its ledger can hold; it is served when one is given back.",
        ),
        None if service.spec.plan(plan).is_some_and(fits) => {
            Verdict::unknown(RESERVED, "Pending", "The service's ledger takes note of the claim in a moment.")
        }
        None => Verdict::no(RESERVED, "NoCapacity", no_room(&name, plan, kept)),
    }
}

fn no_room(name: &str, plan: &str, kept: &Resources) -> String {
    let kept = if kept.clone().without_zeros().is_empty() {
        ""
    } else {
        " Part of what is free is kept for agencies that were sent here."
    };
    format!(
        "{name} has no room for another claim of plan {plan} at present; it is served when there is, and who asked first comes \
         first.{kept} What is free: govcloud service show {name}"
    )
}

/// Whether a claim has the plan that it asks for; its condition `PlanInForce`. `None` while it holds nothing.
pub fn plan_in_force(claim: &ServiceClaim, service: &SharedService, agency: Option<&Agency>) -> Option<Verdict> {
    let held = service.holding(claim.metadata.uid.as_deref()?)?;
    let (name, asked) = (service.name_any(), claim.spec.plan.as_str());
    let has = if held.plan.is_empty() { asked } else { held.plan.as_str() };
    let no = |reason, message: String| Some(Verdict::no(IN_FORCE, reason, message));
    let Some(plan) = service.spec.plan(asked) else {
        let why = no_such_plan(service, asked);
        return if has == asked {
            no("PlanWithdrawn", format!("{why} You keep {has} as it was; choose another plan when it suits you."))
        } else {
            no("NoSuchPlan", format!("{why} You keep {has}."))
        };
    };
    if has == asked {
        return Some(size_in_force(held, plan, &name));
    }
    if let Some(why) = agency.and_then(|agency| plan.channel.closed_to(agency.spec.agency_type, asked)) {
        return no("NotEligible", format!("You keep {has}: {why}."));
    }
    no("NoRoom", format!("You keep {has}: {name} has no room for {asked} at present. It changes when there is."))
}

fn size_in_force(held: &Reservation, plan: &super::Plan, name: &str) -> Verdict {
    if plan.capacity.fits_in(&held.capacity) {
        return Verdict::yes(IN_FORCE, "InForce", format!("It has plan {} of {name}.", plan.name));
    }
    let message = format!(
        "Plan {} of {name} became larger ({}) than what it has ({}), and there is no room for that at present.",
        plan.name, plan.capacity, held.capacity
    );
    Verdict::no(IN_FORCE, "NoRoom", message)
}

/// Whether there is room for nobody; a service's condition `Exhausted`. `available` is what is left, for the claims of anybody.
pub fn exhausted(service: &SharedService, available: &Resources, waiting: usize) -> Verdict {
    const KIND: &str = "Exhausted";
    let wait = match waiting {
        0 => String::new(),
        1 => " 1 claim waits.".to_owned(),
        many => format!(" {many} claims wait."),
    };
    let fits = |plan: &super::Plan| plan.capacity.fits_in(available);
    if service.spec.plans.iter().any(fits) {
        return Verdict::no(KIND, "HasRoom", format!("{available} free.{wait}"));
    }
    Verdict::yes(KIND, "NoRoom", format!("No plan fits into what is left ({available}).{wait}"))
}

/// Whether a claim's status says what the ledger of `service` does: then there is nothing new for it in the ledger.
pub fn is_told(claim: &ServiceClaim, service: &SharedService) -> bool {
    let Some(status) = &claim.status else { return false };
    let held = claim.metadata.uid.as_deref().and_then(|uid| service.holding(uid));
    if current_service(claim) != service.name_any() || status.phase.is_over() {
        return held.is_none(); // otherwise it is listed where it moves to, or has its right again
    }
    let now = reserved(claim, Some(service));
    let is_same = find(&status.conditions, RESERVED).is_some_and(|before| before.reason == now.reason);
    is_same && held.is_none_or(|held| says_plan(status, held, claim, service))
}

/// Whether it says which plan it has, and whether that is all that it asks for.
fn says_plan(status: &ServiceClaimStatus, held: &Reservation, claim: &ServiceClaim, service: &SharedService) -> bool {
    let plan = if held.plan.is_empty() { &claim.spec.plan } else { &held.plan };
    let is_whole = service.spec.plan(plan).is_some_and(|plan| plan.capacity.fits_in(&held.capacity));
    let said = find(&status.conditions, IN_FORCE).is_some_and(|c| c.status == "True");
    status.plan.as_ref() == Some(plan) && said == (is_whole && *plan == claim.spec.plan)
}

#[cfg(test)]
#[path = "capacity_tests.rs"]
mod tests;
