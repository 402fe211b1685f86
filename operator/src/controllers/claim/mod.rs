//! ServiceClaim: the Secret of the Service Binding Specification, and the way through the network.

mod binding;

use std::{sync::Arc, time::Duration};

use govcloud_crds::{
    Resources, ServiceClaim, SharedService,
    conditions::{Verdict, conditions},
    names::split_project_namespace,
    service::{
        BindingReference, ClaimPhase, ServiceClaimStatus,
        rules::{MAX_RESERVATIONS, eligible},
    },
};
use kube::{
    Api, ResourceExt,
    runtime::{controller::Action, reflector::ObjectRef},
};

use binding::{Outcome, secret_name, serve, unbind};

use crate::{context::Context, error::Error};

/// How often a claim whose Secret's name is taken looks again.
const LOOK_AGAIN: Duration = Duration::from_secs(15);

/// Binds a claim that holds capacity, and unbinds one that does not.
pub async fn reconcile(claim: Arc<ServiceClaim>, context: Arc<Context>) -> Result<Action, Error> {
    if claim.metadata.deletion_timestamp.is_some() {
        return Ok(Action::await_change()); // its Secret and NetworkPolicy are owned, and go with it
    }
    let namespace = claim.namespace().unwrap_or_default();
    let agency = split_project_namespace(&namespace).and_then(|(agency, _)| context.stores.agencies.get(&ObjectRef::new(agency)));
    let service = context.stores.services.get(&ObjectRef::new(&claim.spec.shared_service));
    let eligible = eligible(&claim, service.as_deref(), agency.as_deref());
    let reserved = reserved(&claim, service.as_deref());
    let mut verdicts = vec![eligible.clone(), reserved.clone()];
    let mut phase = if eligible.holds == Some(true) { ClaimPhase::Pending } else { ClaimPhase::Rejected };
    let outcome = if let (Some(service), Some(true), Some(true)) = (&service, eligible.holds, reserved.holds) {
        serve(&claim, service, std::slice::from_ref(&namespace), &context).await?
    } else {
        unbind(&claim, &namespace, &context).await?;
        Outcome::default()
    };
    if outcome.is_bound {
        phase = ClaimPhase::Bound;
    }
    verdicts.extend(outcome.verdicts);
    let ready = ready(&claim, phase, &verdicts);
    verdicts.retain(|v| v.kind != "Ready"); // what is in the way said it about Ready itself
    verdicts.insert(0, ready);
    report(&claim, &context, phase, outcome.rotation, &verdicts).await?;
    // A Secret that does not carry our label is in no watch.
    let in_the_way = verdicts.iter().any(|v| v.reason == "SecretExists" || v.reason == "Rebinding");
    Ok(if in_the_way { Action::requeue(LOOK_AGAIN) } else { Action::await_change() })
}

/// Whether the service's ledger lists this very claim.
fn reserved(claim: &ServiceClaim, service: Option<&SharedService>) -> Verdict {
    const KIND: &str = "CapacityReserved";
    let status = service.and_then(|s| s.status.as_ref());
    let nothing = Resources::default();
    let kept = status.map_or(&nothing, |s| &s.kept);
    let reservations = status.map(|s| s.reservations.as_slice()).unwrap_or_default();
    if reservations.iter().any(|r| Some(&r.uid) == claim.metadata.uid.as_ref()) {
        return Verdict::yes(KIND, "Reserved", "Its capacity is its own.");
    }
    let has_room = |service: &SharedService| {
        service.spec.plan(&claim.spec.plan).is_some_and(|plan| plan.capacity.fits_in(&service.available().minus(kept)))
    };
    match service {
        Some(_) if reservations.len() >= MAX_RESERVATIONS => Verdict::no(
            KIND,
            "LedgerFull",
            "The service serves as many claims as its ledger can hold; it is served when one is given back.",
        ),
        Some(service) if has_room(service) => {
            Verdict::unknown(KIND, "Pending", "The service's ledger takes note of the claim in a moment.")
        }
        Some(service) => Verdict::no(KIND, "NoCapacity", no_room(claim, service, kept)),
        None => Verdict::no(KIND, "NoSuchService", "There is no such service."),
    }
}

fn no_room(claim: &ServiceClaim, service: &SharedService, kept: &Resources) -> String {
    let (name, plan, free) = (service.name_any(), &claim.spec.plan, service.available());
    let kept = kept.clone().without_zeros();
    let kept =
        if kept.is_empty() { String::new() } else { format!(", of which {kept} is kept for agencies that were sent here") };
    format!("{name} has no room for another claim of plan {plan} at present ({free} free{kept}); it is served when there is.")
}

fn ready(claim: &ServiceClaim, phase: ClaimPhase, others: &[Verdict]) -> Verdict {
    let held_up = others.iter().find(|v| v.holds != Some(true));
    match (phase, held_up) {
        (ClaimPhase::Bound, _) => {
            Verdict::yes("Ready", "Bound", format!("Secret {} holds what a workload needs.", secret_name(claim)))
        }
        (_, Some(verdict)) => Verdict { kind: "Ready", ..verdict.clone() },
        (_, None) => Verdict::unknown("Ready", "Binding", "It is bound in a moment."),
    }
}

async fn report(
    claim: &ServiceClaim,
    context: &Context,
    phase: ClaimPhase,
    rotation: Option<i32>,
    verdicts: &[Verdict],
) -> Result<(), Error> {
    let before = claim.status.clone().unwrap_or_default();
    let status = ServiceClaimStatus {
        observed_generation: claim.metadata.generation,
        phase,
        binding: (phase == ClaimPhase::Bound).then(|| BindingReference { name: secret_name(claim) }),
        rotation,
        conditions: conditions(&before.conditions, verdicts, claim.metadata.generation, context.now()),
        ..ServiceClaimStatus::default()
    };
    let api: Api<ServiceClaim> = Api::namespaced(context.client.clone(), &claim.namespace().unwrap_or_default());
    if context.write_status(&api, claim, claim.status.as_ref(), status, |object, status| object.status = Some(status)).await?
        && before.phase != phase
    {
        tracing::info!(claim = claim.name_any(), namespace = claim.namespace(), ?phase, "claim changed");
    }
    Ok(())
}
