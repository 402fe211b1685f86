//! SharedService: the ledger of the claims that hold its capacity.

mod pace;
mod revocation;
mod standing;

use std::{
    collections::HashSet,
    sync::{Arc, PoisonError},
    time::Duration,
};

use govcloud_crds::{
    ServiceClaim, SharedService,
    cloud::exempt_namespaces,
    conditions::{Verdict, conditions},
    permit::keeping::Kept,
    service::{
        SharedServiceStatus, Stage,
        rules::{
            Keeping, Ledger, allocated, applicant, credentials_allowed, current_service, draining, end_of, exhausted, reserve,
        },
    },
};
use jiff::Timestamp;
use kube::{
    Api, ResourceExt,
    runtime::{controller::Action, reflector::ObjectRef},
};

pub use pace::Pace;
pub use revocation::Revocations;
pub use standing::Known;

use super::keeping::{family_of_claim, kept_of};
use crate::{context::Context, error::Error, stores::Stores};

/// The conditions that are set here; those of others, such as what a probe found, are left alone. The last one is of an older
/// version.
const OURS: [&str; 5] = ["Ready", "Exhausted", "Draining", "Revoked", "FullySupported"];

/// Gives a service's capacity to its claims.
pub async fn reconcile(service: Arc<SharedService>, context: Arc<Context>) -> Result<Action, Error> {
    let (name, now) = (service.name_any(), context.now());
    if let Some(wait) = context.pace.wait(&name, now) {
        return Ok(Action::requeue(wait));
    }
    let confirmed = context.revocations.confirmed(&service);
    let kept = kept_of(std::slice::from_ref(&service), None, &context);
    let ledger = ledger(&service, &confirmed, &kept, &context);
    let status = status(&service, ledger, &kept, &context);
    let is_given = service.reservations() != status.reservations;
    let api: Api<SharedService> = Api::all(context.client.clone());
    context.write_status(&api, &*service, service.status.as_ref(), status, |object, status| object.status = Some(status)).await?;
    if is_given {
        context.pace.wrote(&name, now);
    }
    let try_again = Revocations::start(&service, &context);
    let ends = service.spec.drain.as_ref().and_then(end_of).filter(|end| *end > now);
    let changes_at = kept.iter().map(|k| k.until).chain(ends).chain(try_again).min();
    Ok(changes_at.map_or_else(Action::await_change, |at| Action::requeue(until(at, now))))
}

/// How long until `at`, and a moment more: what is kept until then is kept no more.
fn until(at: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(at.duration_since(now)).unwrap_or_default() + Duration::from_secs(1)
}

fn ledger(service: &SharedService, before: &[govcloud_crds::service::Reservation], kept: &[Kept], context: &Context) -> Ledger {
    let (stores, now) = (&context.stores, context.now());
    let claims = concerned(service, stores);
    let applicants = claims.iter().filter_map(|claim| {
        let serving = stores.services.get(&ObjectRef::new(current_service(claim)));
        let known = Known::of(claim, service, stores);
        applicant(claim, service, serving.as_deref(), known.standing(now))
    });
    let keeping = Keeping { kept, family_of: &|claim| family_of_claim(claim, stores) };
    reserve(service, before, applicants, keeping)
}

/// The claims that have to do with a service's ledger: its own, those of services that end in it, and those that it lists
/// although the service which they come from is gone.
fn concerned(service: &SharedService, stores: &Stores) -> Vec<Arc<ServiceClaim>> {
    let name = service.name_any();
    let mut claims = stores.claims_at.get(&name);
    for other in stores.services_ending_in.get(&name).iter().filter(|other| other.name_any() != name) {
        claims.extend(stores.claims_at.get(&other.name_any()));
    }
    let known: HashSet<_> = claims.iter().filter_map(|claim| claim.metadata.uid.as_deref()).collect();
    let held = service.reservations().iter().filter(|r| !r.revoking).map(|r| r.uid.as_str());
    let lost: HashSet<_> = held.filter(|uid| !known.contains(uid)).collect();
    if !lost.is_empty() {
        // Most of them were deleted; that it takes a look at all claims is the price of an event, not of each pass.
        let found = stores.claims.state_filter(|claim| claim.metadata.uid.as_deref().is_some_and(|uid| lost.contains(uid)));
        claims.extend(found);
    }
    claims
}

fn status(service: &SharedService, ledger: Ledger, kept: &[Kept], context: &Context) -> SharedServiceStatus {
    let (before, generation) = (service.status.clone().unwrap_or_default(), service.metadata.generation);
    let allocated = allocated(&ledger.reservations);
    let available = service.spec.capacity.minus(&allocated);
    let mut verdicts = vec![ready(service, context), exhausted(service, &available, ledger.waiting)];
    verdicts.extend(draining(service, context.now()));
    verdicts.extend(context.revocations.verdict(service, &ledger.reservations));
    let mut conditions = conditions(&before.conditions, &verdicts, generation, context.now());
    conditions.extend(before.conditions.into_iter().filter(|c| !OURS.contains(&c.type_.as_str())));
    let count = |n: usize| i32::try_from(n).unwrap_or(i32::MAX);
    SharedServiceStatus {
        observed_generation: generation,
        claims: count(ledger.reservations.iter().filter(|r| !r.revoking).count()),
        available,
        waiting: count(ledger.waiting),
        kept: kept.iter().map(|k| &k.capacity).sum(),
        allocated,
        reservations: ledger.reservations,
        conditions,
    }
}

fn ready(service: &SharedService, context: &Context) -> Verdict {
    const KIND: &str = "Ready";
    if let Some(verdict) = unusable(service, context) {
        return verdict;
    }
    let (provider, binding) = (&service.spec.provider, &service.spec.binding);
    let token = binding.provisioner.as_ref().and_then(|provisioner| provisioner.token_from.as_ref());
    let exempt = exempt_namespaces(context.stores.cloud().as_deref(), &context.operator_namespace);
    let mut references = binding.credentials_from.iter().chain(token);
    if let Some(why) = references.find_map(|reference| credentials_allowed(service, &exempt, reference).err()) {
        return Verdict::no(KIND, "SecretNotAllowed", why);
    }
    if service.spec.stage == Stage::Draft {
        return Verdict::no(
            KIND,
            "Draft",
            format!("{provider} works on it; it can be claimed when a cloud operator has published it."),
        );
    }
    match service.spec.drain.as_ref() {
        Some(drain) if end_of(drain).is_some_and(|end| end <= context.now()) => {
            Verdict::no(KIND, "Ended", format!("It ended on {}.", drain.by))
        }
        Some(_) => Verdict::yes(KIND, "Ending", "It serves the claims that it has, and takes no new ones."),
        None => Verdict::yes(KIND, "Offered", format!("Offered by {provider}.")),
    }
}

/// Why nobody's request can be held against it.
fn unusable(service: &SharedService, context: &Context) -> Option<Verdict> {
    let class = &service.spec.processing_class;
    let Some(class) = context.stores.classes.get(&ObjectRef::new(class)) else {
        let message = format!("There is no ProcessingClass {class}, so nobody's request can be held against this service.");
        return Some(Verdict::no("Ready", "NoSuchClass", message));
    };
    let known = |dimension: &String| class.spec.dimensions.iter().any(|d| d.name == *dimension);
    let used = service.spec.capacity.0.keys().chain(service.spec.plans.iter().flat_map(|p| p.capacity.0.keys()));
    let unknown = used.into_iter().find(|d| !known(d))?;
    Some(Verdict::no("Ready", "UnknownDimension", format!("{unknown} is no dimension of class {}.", class.name_any())))
}

/// Locks what only short, panic-free sections hold.
fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
