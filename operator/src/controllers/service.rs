//! SharedService: the ledger of the claims that hold its capacity.

use std::{sync::Arc, time::Duration};

use govcloud_crds::{
    SharedService,
    conditions::{Verdict, conditions, find},
    names::split_project_namespace,
    service::{
        SharedServiceStatus, Stage,
        rules::{Keeping, allocated, eligible, reserve},
    },
};
use jiff::Timestamp;
use kube::{
    Api, ResourceExt,
    runtime::{controller::Action, reflector::ObjectRef},
};

use super::keeping::{family_of_claim, kept_of};
use crate::{context::Context, error::Error};

/// Gives a service's capacity to its claims.
pub async fn reconcile(service: Arc<SharedService>, context: Arc<Context>) -> Result<Action, Error> {
    let before = service.status.clone().unwrap_or_default();
    let claims = context.stores.claims.state();
    let may_claim = |claim: &govcloud_crds::ServiceClaim| {
        let agency = claim
            .metadata
            .namespace
            .as_deref()
            .and_then(split_project_namespace)
            .and_then(|(agency, _)| context.stores.agencies.get(&ObjectRef::new(agency)));
        eligible(claim, Some(&service), agency.as_deref()).holds == Some(true)
    };
    let kept = kept_of(std::slice::from_ref(&service), None, &context);
    let keeping = Keeping { kept: &kept, family_of: &|claim| family_of_claim(claim, &context.stores) };
    let reservations = reserve(&service, &before.reservations, claims.iter().map(|c| &**c), may_claim, keeping);
    let allocated = allocated(&reservations);
    let available = service.spec.capacity.minus(&allocated);
    let room = service.spec.plans.iter().any(|plan| plan.capacity.fits_in(&available));
    let exhausted = if room {
        Verdict::no("Exhausted", "HasRoom", format!("{available} free."))
    } else {
        Verdict::yes("Exhausted", "NoRoom", "No plan fits into what is left.")
    };
    let mut verdicts = vec![ready(&service, &context), exhausted];
    verdicts.extend(not_yet(&service));
    let mut status = SharedServiceStatus {
        observed_generation: service.metadata.generation,
        claims: i32::try_from(reservations.len()).unwrap_or(i32::MAX),
        available,
        waiting: 0,
        kept: kept.iter().map(|k| &k.capacity).sum(),
        allocated,
        reservations,
        conditions: conditions(&before.conditions, &verdicts, service.metadata.generation, context.now()),
    };
    // What a probe found is another controller's word.
    status.conditions.extend(find(&before.conditions, "Healthy").cloned());
    let api: Api<SharedService> = Api::all(context.client.clone());
    context.write_status(&api, &*service, service.status.as_ref(), status, |object, status| object.status = Some(status)).await?;
    let changes_at = kept.iter().map(|k| k.until).min();
    Ok(changes_at.map_or_else(Action::await_change, |at| Action::requeue(until(at, context.now()))))
}

/// How long until `at`, and a moment more: what is kept until then is kept no more.
fn until(at: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(at.duration_since(now)).unwrap_or_default() + Duration::from_secs(1)
}

fn ready(service: &SharedService, context: &Context) -> Verdict {
    let (class, provider) = (&service.spec.processing_class, &service.spec.provider);
    let Some(class) = context.stores.classes.get(&ObjectRef::new(class)) else {
        return Verdict::no(
            "Ready",
            "NoSuchClass",
            format!("There is no ProcessingClass {class}, so nobody's request can be held against this service."),
        );
    };
    let known = |dimension: &String| class.spec.dimensions.iter().any(|d| d.name == *dimension);
    let used = service.spec.capacity.0.keys().chain(service.spec.plans.iter().flat_map(|p| p.capacity.0.keys()));
    if let Some(unknown) = used.into_iter().find(|d| !known(d)) {
        return Verdict::no("Ready", "UnknownDimension", format!("{unknown} is no dimension of class {}.", class.name_any()));
    }
    if service.spec.stage == Stage::Draft {
        let message =
            format!("{provider} works on it; it can be claimed when a cloud operator has published it: stage: Published.");
        return Verdict::no("Ready", "Draft", message);
    }
    Verdict::yes("Ready", "Offered", format!("Offered by {provider}."))
}

/// What the service asks for that this version does not do.
fn not_yet(service: &SharedService) -> Option<Verdict> {
    let spec = &service.spec;
    let asked = [(spec.entitlement.is_some(), "entitlement"), (spec.obligation.is_some(), "obligation")];
    let asked: Vec<_> = asked.into_iter().filter(|(is, _)| *is).map(|(_, name)| name).collect();
    let message = format!("This version of the operator keeps {} on record and does not act on it.", asked.join(", "));
    (!asked.is_empty()).then(|| Verdict::no("FullySupported", "OnRecordOnly", message))
}
