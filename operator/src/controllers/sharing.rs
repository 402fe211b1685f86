//! What agencies share under their permits, kept as services of the catalogue.
//!
//! All of it is looked at as a whole: a service whose permit is gone must end too, and nobody would ask for it by name. The
//! operator writes what a permit says, by server-side apply; the consents on the same object are other people's, and stay.

use std::{sync::Arc, time::Duration};

use govcloud_crds::{
    ProcessingPermit, SharedService,
    names::{API_VERSION, LABEL_MANAGED_BY, MANAGED_BY},
    permit::{Phase, SharingStatus},
    service::{
        Drain, SharedServiceSpec,
        sharing::{Offer, day, is_over, offer, requests, service_name},
    },
};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, Patch, PatchParams, Preconditions},
    runtime::reflector::ObjectRef,
};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::{context::Context, error::Error};

/// Owns what a permit says of the service, and nothing else of it.
const FIELD_MANAGER: &str = "govcloud-sharing";
/// What changes at the same time is written at once.
const SETTLE: Duration = Duration::from_millis(200);
/// A pass without any trigger, in case an event was lost.
const RECHECK: Duration = Duration::from_mins(10);
const RETRY: Duration = Duration::from_secs(2);

/// Keeps the services as the permits are, until `stop`.
pub async fn run(context: Arc<Context>, stop: CancellationToken) {
    loop {
        let wait = match pass(&context).await {
            Ok(()) => RECHECK,
            // Somebody wrote it since it was seen: the event that says so asks for another pass.
            Err(error) if error.is_conflict() => RETRY,
            Err(error) => {
                tracing::warn!(%error, class = error.class(), "not everything that is shared could be written; tried again");
                RETRY
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = context.queues.sharing.notified() => tokio::time::sleep(SETTLE).await,
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// One look at all permits that share, and at all services that are shared. What fails stops none of the others.
async fn pass(context: &Context) -> Result<(), Error> {
    let permits = context.stores.permits.state_filter(|permit| !permit.spec.sharing_offer.is_empty());
    let services = context.stores.services.state_filter(|service| service.spec.sharing.is_some());
    let mut outcome = Ok(());
    for permit in &permits {
        let Offer::Open(spec) = offered(permit, context) else { continue };
        outcome = outcome.and(open(permit, &spec, context).await);
    }
    for service in &services {
        let permit = permits.iter().find(|permit| shares(permit, service));
        outcome = outcome.and(close(service, permit.map(|permit| &**permit), context).await);
    }
    outcome
}

fn number(permit: &ProcessingPermit) -> Option<&String> {
    permit.status.as_ref()?.number.as_ref()
}

/// Whether a service is what this permit shares.
fn shares(permit: &ProcessingPermit, service: &SharedService) -> bool {
    let named = service.spec.sharing.as_ref().map(|sharing| &sharing.permit);
    named.is_some() && named == number(permit)
}

fn offered(permit: &ProcessingPermit, context: &Context) -> Offer {
    let Some(agency) = context.stores.agency_of_home(permit.metadata.namespace.as_deref()) else { return Offer::Nothing };
    let class = context.stores.classes.get(&ObjectRef::new(&permit.spec.processing_class));
    let dimension = class.as_ref().and_then(|class| class.spec.dimensions.first()).map(|dimension| dimension.name.as_str());
    offer(permit, &agency, dimension)
}

/// Brings the service of a permit that is active to what it shares. One of its name that is no shared capacity is nobody's
/// here, and stays as it is; admission lets nobody else make any.
async fn open(permit: &ProcessingPermit, spec: &SharedServiceSpec, context: &Context) -> Result<(), Error> {
    let Some(number) = number(permit) else { return Ok(()) };
    let name = service_name(number);
    let live = context.stores.services.get(&ObjectRef::<SharedService>::new(&name));
    if live.as_ref().is_some_and(|live| live.metadata.deletion_timestamp.is_some() || !shares(permit, live)) {
        return Ok(());
    }
    apply(&name, live.as_deref(), spec, context).await
}

/// Ends a service whose permit shares nothing any more, and lets it go when it serves nobody.
async fn close(service: &SharedService, permit: Option<&ProcessingPermit>, context: &Context) -> Result<(), Error> {
    let drain = match permit.map(|permit| offered(permit, context)) {
        Some(Offer::Open(_)) => return Ok(()),
        Some(Offer::Closing(drain)) => drain,
        // The record that it rests on is gone, or says that there is nothing.
        Some(Offer::Nothing) | None => {
            let today = Drain { by: day(context.now()), move_to: None };
            service.spec.drain.clone().unwrap_or(today)
        }
    };
    // A suspended permit may be resumed, and those who asked keep their place.
    let is_suspended = permit.and_then(|p| p.status.as_ref()).is_some_and(|status| status.phase == Phase::Suspended);
    if !is_suspended && is_over(service) {
        return remove(service, context).await;
    }
    // It moves to what the permit that took over shares, if that shares anything.
    let shares =
        |name: &String| context.stores.services.get(&ObjectRef::<SharedService>::new(name)).is_some_and(|s| s.is_offered());
    let drain = Drain { move_to: drain.move_to.filter(shares), ..drain };
    let spec = SharedServiceSpec { drain: Some(drain), ..service.spec.clone() };
    apply(&service.name_any(), Some(service), &spec, context).await
}

/// Writes the service if it differs.
async fn apply(name: &str, live: Option<&SharedService>, spec: &SharedServiceSpec, context: &Context) -> Result<(), Error> {
    if live.is_some_and(|live| is_same(live, spec)) {
        return Ok(());
    }
    let what = || format!("SharedService {name}");
    let manifest = manifest(name, spec).map_err(|source| Error::Build { what: what(), source })?;
    let api: Api<SharedService> = Api::all(context.client.clone());
    let written = api.patch(name, &PatchParams::apply(FIELD_MANAGER).force(), &Patch::Apply(manifest)).await;
    written.map_err(|source| Error::Write { what: what(), source: Box::new(source) })?;
    tracing::info!(service = name, drain = ?spec.drain, "what is shared changed");
    Ok(())
}

fn is_same(live: &SharedService, spec: &SharedServiceSpec) -> bool {
    let wanted = SharedServiceSpec { consents: live.spec.consents.clone(), ..spec.clone() };
    live.spec == wanted && live.labels().get(LABEL_MANAGED_BY).is_some_and(|value| value == MANAGED_BY)
}

/// Without the consents, which people own.
fn manifest(name: &str, spec: &SharedServiceSpec) -> Result<Value, serde_json::Error> {
    let spec = serde_json::to_value(SharedServiceSpec { consents: Vec::new(), ..spec.clone() })?;
    let metadata = json!({"name": name, "labels": {LABEL_MANAGED_BY: MANAGED_BY}});
    Ok(json!({"apiVersion": API_VERSION, "kind": "SharedService", "metadata": metadata, "spec": spec}))
}

/// Deletes exactly what was seen: if a claim was served since, it stays.
async fn remove(service: &SharedService, context: &Context) -> Result<(), Error> {
    let api: Api<SharedService> = Api::all(context.client.clone());
    let same = Preconditions { uid: service.uid(), resource_version: service.resource_version() };
    let params = DeleteParams { preconditions: Some(same), ..DeleteParams::default() };
    match api.delete(&service.name_any(), &params).await {
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        Err(source) => Err(Error::Write { what: format!("SharedService {}", service.name_any()), source: Box::new(source) }),
        Ok(_) => Ok(()),
    }
}

/// What a permit's status says of what is shared under it; nothing while there is no such service.
pub fn status(permit: &ProcessingPermit, context: &Context) -> Option<SharingStatus> {
    if permit.spec.sharing_offer.is_empty() {
        return None;
    }
    let name = service_name(number(permit)?);
    let service = context.stores.services.get(&ObjectRef::<SharedService>::new(&name)).filter(|s| shares(permit, s))?;
    let mut claims = context.stores.claims_at.get(&name);
    // Those that are to move here need the same word.
    for other in context.stores.services_ending_in.get(&name) {
        claims.extend(context.stores.claims_at.get(&other.name_any()));
    }
    Some(requests(&service, claims.iter().map(|claim| &**claim)))
}
