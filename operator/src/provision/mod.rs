//! Credentials that a service's provisioner makes, one set for each claim: docs/provisioners.md has the contract.
//!
//! A provisioner may be slow, or not answer at all, and nobody waits for it but its own claims: a reconcile asks where a call
//! is, and each call is a task of its own, of which a few of one service are under way at the same time. What was made stays
//! in memory only until it stands in the claim's Secret. Whatever a crash interrupts is done again, and the provisioner gives
//! the same answer to the same key.

mod answer;
mod client;
mod error;
mod jobs;
mod record;

use std::{
    collections::HashMap,
    future::Future,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use futures::FutureExt;
use govcloud_crds::{
    ServiceClaim, SharedService,
    cloud::{SecretReference, exempt_namespaces},
    conditions::Verdict,
    names::split_project_namespace,
    service::{
        Provisioner,
        rules::{agency_of_claim, credentials_allowed},
    },
};
use k8s_openapi::api::core::v1::Secret;
use kube::{ResourceExt, runtime::reflector::ObjectRef};
use reqwest::{Certificate, header::HeaderValue};
use tokio::sync::Semaphore;

use crate::context::Context;
use client::{Caller, Endpoint, Request};
use jobs::{Jobs, Look, Want};

pub use answer::Entries;
pub use error::ProvisionError;
pub use record::{Made, Provisioned};

/// How many calls of one service are under way at the same time.
const CONCURRENCY: usize = 8;
const KIND: &str = "Provisioned";

/// What is under way at provisioners.
pub struct Provisioning {
    caller: Caller,
    making: Mutex<Jobs<Entries>>,
    retiring: Mutex<Jobs<()>>,
    services: Mutex<HashMap<String, Arc<Semaphore>>>,
    claims: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

impl Provisioning {
    /// Nothing yet. Provisioners are trusted whose certificates these authorities vouch for, or those of this machine.
    pub fn new(authorities: Vec<Certificate>) -> Self {
        Self {
            caller: Caller::new(authorities),
            making: Mutex::default(),
            retiring: Mutex::default(),
            services: Mutex::default(),
            claims: Mutex::default(),
        }
    }

    /// Makes a call as soon as few enough of the service are under way, and none of the claim: whatever one claim asks for
    /// happens one after the other.
    async fn call<T>(&self, service: &str, claim: &str, call: impl Future<Output = T>) -> T {
        let semaphore =
            lock(&self.services).entry(service.to_owned()).or_insert_with(|| Arc::new(Semaphore::new(CONCURRENCY))).clone();
        let turn = lock(&self.claims).entry(claim.to_owned()).or_default().clone();
        let result = {
            let _turn = turn.lock().await;
            let _permit = semaphore.acquire().await; // it is never closed
            call.await
        };
        drop(turn);
        // Nobody else holds it who is not about to take it.
        lock(&self.claims).retain(|of, turn| of != claim || Arc::strong_count(turn) > 1);
        result
    }
}

/// For what a claim's credentials are to be made now.
pub fn wanted(claim: &ServiceClaim, service: &SharedService) -> Made {
    let uid = claim.metadata.uid.clone().unwrap_or_default();
    let held = service.holding(&uid).map(|reservation| reservation.plan.clone());
    let plan = held.filter(|plan| !plan.is_empty()).unwrap_or_else(|| claim.spec.plan.clone());
    Made { service: service.name_any(), claim: uid, rotation: claim.spec.rotation, plan }
}

/// The credentials that are wanted, if the provisioner has made them. Otherwise it is asked, unless it is already, and the
/// claim is reconciled when it has answered; `Err` says until then where that is.
pub fn make(
    claim: &ServiceClaim,
    service: &SharedService,
    provisioner: &Provisioner,
    made: &Made,
    context: &Arc<Context>,
) -> Result<Entries, Verdict> {
    let (endpoint, want) = endpoint(service, provisioner, made, context).map_err(|error| said(service, &error))?;
    let (owner, request) = (ObjectRef::from_obj(claim), request(claim, service, made));
    let call = |context: Arc<Context>, want: Want, owner: ObjectRef<ServiceClaim>| async move {
        if !is_served(&owner, &want.made, &context) {
            return Err(ProvisionError::Over);
        }
        context.provisioning.caller.make(&endpoint, &want.made.claim, want.made.rotation, &request).await
    };
    ask("make", |provisioning| &provisioning.making, want, owner, context, call).map_err(|failure| {
        let asked = format!("The provisioner of {} is asked for credentials.", service.name_any());
        failure.map_or_else(|| Verdict::unknown(KIND, "Making", asked), |error| said(service, &error))
    })
}

/// Has the credentials of lower numbers ended, now that the Secret has those that `made` says. `Ok` means that the
/// provisioner confirmed it; otherwise as [`make`].
pub fn retire(
    claim: &ServiceClaim,
    service: &SharedService,
    provisioner: &Provisioner,
    made: &Made,
    context: &Arc<Context>,
) -> Result<(), Verdict> {
    let (endpoint, want) = endpoint(service, provisioner, made, context).map_err(|error| not_retired(&said(service, &error)))?;
    let call = |context: Arc<Context>, want: Want, _| async move {
        context.provisioning.caller.retire(&endpoint, &want.made.claim, want.made.rotation).await
    };
    ask("retire", |provisioning| &provisioning.retiring, want, ObjectRef::from_obj(claim), context, call).map_err(|failure| {
        let asked = "The Secret has the new credentials; the old ones are being ended.";
        failure.map_or_else(|| Verdict::unknown(KIND, "EndingOld", asked), |error| not_retired(&said(service, &error)))
    })
}

/// The result of a call, if it is there. Otherwise it is made, unless it is under way or waits to be tried again, and the
/// claim is reconciled when it has ended; `Err` says why the last one failed, if any did.
fn ask<T, F>(
    what: &'static str,
    jobs: fn(&Provisioning) -> &Mutex<Jobs<T>>,
    want: Want,
    owner: ObjectRef<ServiceClaim>,
    context: &Arc<Context>,
    call: impl FnOnce(Arc<Context>, Want, ObjectRef<ServiceClaim>) -> F,
) -> Result<T, Option<ProvisionError>>
where
    T: Clone + Send + 'static,
    F: Future<Output = Result<T, ProvisionError>> + Send + 'static,
{
    let look = lock(jobs(&context.provisioning)).look(&want, Instant::now());
    let failure = match look {
        Look::Done(result) => return Ok(result),
        Look::Waiting(failure) => return Err(failure),
        Look::Start(failure) => failure,
    };
    let (call, context) = (call(context.clone(), want.clone(), owner.clone()), context.clone());
    tokio::spawn(async move {
        let result = measured(&context, &want.made, what, call).await;
        let is_over = matches!(result, Err(ProvisionError::Over));
        let pause = lock(jobs(&context.provisioning)).ended(&want, result, Instant::now());
        if is_over {
            return forget(&want.made.claim, &context);
        }
        look_again(&context, owner, pause).await;
    });
    Err(failure)
}

/// Has everything ended that a claim was given by a service. `Ok` means that the provisioner confirmed it, or that nothing was
/// ever made; it may be asked again after that. It waits for the answer, for a minute at most after its turn has come, so
/// whoever calls it does so in a task of its own.
pub async fn revoke(service: &SharedService, uid: &str, context: &Context) -> Result<(), Verdict> {
    let Some(provisioner) = &service.spec.binding.provisioner else { return Ok(()) };
    let made = Made { service: service.name_any(), claim: uid.to_owned(), rotation: 0, plan: String::new() };
    let (endpoint, want) = endpoint(service, provisioner, &made, context).map_err(|error| not_revoked(&said(service, &error)))?;
    let call = context.provisioning.caller.revoke(&endpoint, uid);
    measured(context, &want.made, "revoke", call).await.map_err(|error| not_revoked(&said(service, &error)))?;
    forget(uid, context);
    Ok(())
}

/// Forgets what was made for a claim and what became of its calls: its Secret has it, or it is over.
pub fn forget(uid: &str, context: &Context) {
    lock(&context.provisioning.making).forget(uid);
    lock(&context.provisioning.retiring).forget(uid);
}

/// What a claim says of credentials that were made and are the only ones.
pub fn provisioned(made: &Made) -> Verdict {
    Verdict::yes(KIND, "Provisioned", format!("Its credentials of number {} were made for it alone.", made.rotation))
}

fn endpoint(
    service: &SharedService,
    provisioner: &Provisioner,
    made: &Made,
    context: &Context,
) -> Result<(Endpoint, Want), ProvisionError> {
    let (token, token_version) = match &provisioner.token_from {
        Some(reference) => {
            let (token, version) = token(service, reference, context)?;
            (Some(token), version)
        }
        None => (None, None),
    };
    let want = Want { made: made.clone(), provisioner: provisioner.clone(), token_version };
    Ok((Endpoint::new(provisioner, token)?, want))
}

/// The token, and the version of the Secret that it is from.
fn token(
    service: &SharedService,
    reference: &SecretReference,
    context: &Context,
) -> Result<(HeaderValue, Option<String>), ProvisionError> {
    let secret = bindable(service, reference, context).map_err(ProvisionError::NoToken)?;
    let name = format!("{}/{}", reference.namespace, reference.name);
    let token = secret.data.as_ref().and_then(|data| data.get("token")).map(|token| token.0.trim_ascii());
    let token = token.filter(|token| !token.is_empty());
    let token = token.ok_or_else(|| ProvisionError::NoToken(format!("Secret {name} has no entry \"token\"")))?;
    let header = HeaderValue::from_bytes(&[b"Bearer ", token].concat());
    let mut header = header.map_err(|_| ProvisionError::NoToken(format!("that in Secret {name} cannot be sent in a header")))?;
    header.set_sensitive(true);
    Ok((header, secret.resource_version()))
}

/// A Secret that a service may hand on or use: one where its provider may see it, and which is marked as bindable. Otherwise,
/// in words, what is wrong.
pub fn bindable(service: &SharedService, reference: &SecretReference, context: &Context) -> Result<Arc<Secret>, String> {
    let exempt = exempt_namespaces(context.stores.cloud().as_deref(), &context.operator_namespace);
    credentials_allowed(service, &exempt, reference)?;
    let found = context.stores.credentials.get(&ObjectRef::<Secret>::new(&reference.name).within(&reference.namespace));
    found.ok_or_else(|| {
        format!(
            "The provider's Secret {}/{} is not there, or does not carry the label govcloud.dev/bindable: \"true\".",
            reference.namespace, reference.name
        )
    })
}

/// Whether a claim still holds what credentials are to be made for. Its turn may come after that of its revocation, and what
/// is made then would never end.
fn is_served(claim: &ObjectRef<ServiceClaim>, made: &Made, context: &Context) -> bool {
    let is_there = context.stores.claims.get(claim).is_some_and(|live| live.metadata.uid.as_deref() == Some(&made.claim));
    let service = context.stores.services.get(&ObjectRef::new(&made.service));
    is_there && service.is_some_and(|service| service.holding(&made.claim).is_some())
}

fn request(claim: &ServiceClaim, service: &SharedService, made: &Made) -> Request {
    let namespace = claim.namespace().unwrap_or_default();
    Request {
        service: service.name_any(),
        plan: made.plan.clone(),
        agency: agency_of_claim(claim).unwrap_or_default().to_owned(),
        project: split_project_namespace(&namespace).map(|(_, project)| project.to_owned()),
        claim: claim.name_any(),
        purpose: claim.spec.purpose.clone(),
    }
}

/// Makes a call in its turn, and counts it.
async fn measured<T>(
    context: &Context,
    made: &Made,
    what: &'static str,
    call: impl Future<Output = Result<T, ProvisionError>>,
) -> Result<T, ProvisionError> {
    let metrics = &context.metrics.provisioners;
    let timed = async {
        let started = Instant::now();
        let result = AssertUnwindSafe(call).catch_unwind().await.unwrap_or(Err(ProvisionError::Panic));
        metrics.called(&made.service, what, result.as_ref().map_or_else(ProvisionError::class, |_| "ok"), started.elapsed());
        result
    };
    let result = context.provisioning.call(&made.service, &made.claim, timed).await;
    if let Err(error) = &result
        && *error != ProvisionError::Over
    {
        let (service, claim, class) = (&made.service, &made.claim, error.class());
        tracing::warn!(service, claim, rotation = made.rotation, what, class, %error, "provisioner: tried again later");
    }
    result
}

/// Lets a claim see what became of its call, and once more when it is to be tried again.
async fn look_again(context: &Context, claim: ObjectRef<ServiceClaim>, pause: Option<Duration>) {
    let _ = context.queues.claim.send(claim.clone()); // a closed queue means that the process is ending
    if let Some(pause) = pause {
        tokio::time::sleep(pause).await;
        let _ = context.queues.claim.send(claim);
    }
}

/// Why there are no credentials, as the claim says it.
fn said(service: &SharedService, error: &ProvisionError) -> Verdict {
    let (name, provider) = (service.name_any(), &service.spec.provider);
    let message = format!(
        "Credentials come from the provisioner of {name}, and {error}. It is asked again by itself; if this lasts, tell {provider}, which provides the service."
    );
    Verdict::no(KIND, error.reason(), message)
}

fn not_retired(verdict: &Verdict) -> Verdict {
    let message = format!("The Secret has the new credentials, and the old ones are still to be ended. {}", verdict.message);
    Verdict { message, ..verdict.clone() }
}

fn not_revoked(verdict: &Verdict) -> Verdict {
    Verdict { kind: "Revoked", ..verdict.clone() }
}

/// Locks what only short sections hold.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
