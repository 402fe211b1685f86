//! ProcessingPermit: number and digest, assessment, what its reviews make of it, and activation.

mod activation;
pub mod places;

use std::sync::{Arc, PoisonError};

use govcloud_crds::{
    Agency, PermitReview, ProcessingGrant, ProcessingPermit, Project,
    class::lineage::chain,
    conditions::conditions,
    names::{GRANT_NAME, project_namespace},
    permit::{
        Assessment, AssessmentResult, Circumstances, Phase, ProcessingPermitStatus, Queue,
        assess::{Request, assess},
        digest::digest,
        effective::{Effective, Policy, due_by, effective, kept},
        pin,
        succession::successor,
        validate::{Objection, Subject, objection},
    },
    service::sharing::{in_words, newly_asked},
};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::{
    Api, ResourceExt,
    runtime::{controller::Action, reflector::ObjectRef},
};

use super::{cloud::next_number, keeping, sharing};
use crate::{context::Context, error::Error, index::within, permit_view};

/// Brings a permit to the state that the rules say it is in.
pub async fn reconcile(permit: Arc<ProcessingPermit>, context: Arc<Context>) -> Result<Action, Error> {
    if permit.status.as_ref().is_none_or(|s| s.number.is_none()) && register(&permit, &context).await? {
        return Ok(Action::await_change()); // its own write brings it back
    }
    let now = context.now();
    let mut judged = (*permit).clone();
    let agency = context.stores.agency_of_home(permit.metadata.namespace.as_deref());
    let objection = prepare(&mut judged, agency.as_deref(), &context);
    succeed(&mut judged, &context);
    let reviews = reviews(&permit, &context);
    let policy = Policy::of(&judged, agency.as_deref());
    let mut state = effective(&judged, &reviews, policy.as_ref(), now);
    let waits_for = match state.phase {
        Phase::Approved => activation::activate(&mut judged, &state, agency.as_deref(), &context, now).await?,
        _ => None,
    };
    if judged.status.as_ref().is_some_and(|s| s.valid_from.is_some()) && state.phase == Phase::Approved {
        state = effective(&judged, &reviews, policy.as_ref(), now);
    }
    if let Some(status) = judged.status.as_mut().filter(|status| state.phase.is_over() && status.ended_at.is_none()) {
        status.ended_at = Some(Time(state.ended_at.unwrap_or(now)));
    }
    let status = decide(&judged, &state, objection, waits_for, &context, now);
    write(&permit, status, &context).await?;
    Ok(state.changes_at.map_or_else(Action::await_change, |at| Action::requeue(until(at, now))))
}

fn until(at: Timestamp, now: Timestamp) -> std::time::Duration {
    std::time::Duration::try_from(at.duration_since(now)).unwrap_or_default().max(std::time::Duration::from_millis(100))
}

/// Gives the request its number, in a write of its own: whatever fails later, no number is lost to another try. The request
/// is read anew for the same reason: the store may not show yet that it has one. Whether it has a number now; without a
/// GovernmentCloud there are none.
async fn register(permit: &ProcessingPermit, context: &Context) -> Result<bool, Error> {
    let api: Api<ProcessingPermit> = Api::namespaced(context.client.clone(), &permit.namespace().unwrap_or_default());
    let read = |source| Error::Read { what: ObjectRef::from_obj(permit).to_string(), source: Box::new(source) };
    let Some(fresh) = api.get_opt(&permit.name_any()).await.map_err(read)? else { return Ok(true) };
    let before = fresh.status.clone().unwrap_or_default();
    if before.number.is_some() {
        return Ok(true);
    }
    let Some(number) = next_number(context).await? else { return Ok(false) };
    let digest = before.digest.clone().unwrap_or_else(|| digest(&fresh.spec));
    let status = ProcessingPermitStatus { number: Some(number), digest: Some(digest), ..before };
    context.write_status(&api, &fresh, fresh.status.as_ref(), status, |object, status| object.status = Some(status)).await?;
    Ok(true)
}

/// Digest, policy and assessment, each once. An objection says why there is no assessment.
fn prepare(permit: &mut ProcessingPermit, agency: Option<&Agency>, context: &Context) -> Option<Objection> {
    let mut status = permit.status.take().unwrap_or_default();
    status.digest.get_or_insert_with(|| digest(&permit.spec));
    let class = context.stores.classes.get(&ObjectRef::new(&permit.spec.processing_class));
    let mut found = None;
    if status.assessment.is_none() && !permit.spec.withdrawn {
        found = first_objection(permit, agency, context);
        if let (None, Some(agency), Some(class), Some(cloud)) = (&found, agency, &class, context.stores.cloud()) {
            status.assessment = Some(hold_against_catalogue(permit, agency, context));
            let (project, prior) = (project_of(permit, context), named_prior(permit, context));
            let (project, prior) = (project.as_deref(), prior.as_deref());
            let under = Circumstances { class, cloud: &cloud, agency, project, prior };
            status.policy = status.assessment.as_ref().map(|assessment| pin(permit, assessment, under));
        }
    }
    permit.status = Some(status);
    found
}

/// The assessment of a request. One at a time, because what is offered to one is kept from the next.
fn hold_against_catalogue(permit: &ProcessingPermit, agency: &Agency, context: &Context) -> Assessment {
    let _one_at_a_time = context.assessing.lock().unwrap_or_else(PoisonError::into_inner);
    let (mut services, classes) = (context.stores.services.state(), context.stores.classes_by_name());
    // What is shared under the permit that this one is to take over is no alternative to it.
    let prior = named_prior(permit, context).and_then(|prior| prior.status.as_ref()?.number.clone());
    services.retain(|s| prior.is_none() || s.spec.sharing.as_ref().map(|sharing| &sharing.permit) != prior.as_ref());
    let covering = chain(&permit.spec.processing_class, &classes);
    let near: Vec<_> = services.iter().filter(|s| covering.contains(&s.spec.processing_class.as_str())).cloned().collect();
    let family = keeping::family_of(&agency.name_any(), &context.stores);
    let granted = keeping::granted(permit, &family, context);
    let request = Request::of(&permit.spec, agency).with_history(family, granted);
    let kept = keeping::kept_of(&near, Some(permit), context);
    let assessment = assess(&request, services.iter().map(|s| &**s), &kept, &classes, context.now());
    if let (AssessmentResult::Duplicate, Some(uid)) = (assessment.result, permit.metadata.uid.clone()) {
        let status = ProcessingPermitStatus { assessment: Some(assessment.clone()), ..ProcessingPermitStatus::default() };
        let found = ProcessingPermit { status: Some(status), ..permit.clone() };
        context.kept_lately.lock().unwrap_or_else(PoisonError::into_inner).insert(uid, found);
    }
    assessment
}

/// The permit that another one names, as it is now.
fn named_prior(permit: &ProcessingPermit, context: &Context) -> Option<Arc<ProcessingPermit>> {
    let home = permit.namespace()?;
    context.stores.permits.get(&ObjectRef::new(permit.spec.prior.as_ref()?).within(&home))
}

/// Notes that another permit took over from this one, or answers what it was returned for.
fn succeed(permit: &mut ProcessingPermit, context: &Context) {
    let (namespace, name) = (&permit.metadata.namespace, permit.name_any());
    let others = context.stores.successors_of.get(&within(namespace.as_deref(), &name));
    let successor = successor(permit, others.iter().map(|other| &**other));
    if let Some(status) = &mut permit.status {
        status.superseded_by = status.superseded_by.take().or(successor);
    }
}

fn first_objection(permit: &ProcessingPermit, agency: Option<&Agency>, context: &Context) -> Option<Objection> {
    let project = project_of(permit, context);
    if context.stores.cloud().is_none() {
        let message = "There is no GovernmentCloud yet, so nobody is responsible; a cloud operator creates it.".to_owned();
        return Some(Objection { reason: "NoGovernmentCloud", message });
    }
    let (prior, classes) = (named_prior(permit, context), context.stores.classes_by_name());
    objection(Subject { permit, agency, project: project.as_deref(), prior: prior.as_deref(), classes: &classes })
}

/// The project that a permit names, as it is now.
fn project_of(permit: &ProcessingPermit, context: &Context) -> Option<Arc<Project>> {
    let home = permit.namespace().unwrap_or_default();
    context.stores.projects.get(&ObjectRef::new(&permit.spec.project).within(&home))
}

fn reviews(permit: &ProcessingPermit, context: &Context) -> Vec<PermitReview> {
    let mine = context.stores.reviews_of.get(&within(permit.metadata.namespace.as_deref(), &permit.name_any()));
    mine.iter().map(|r| (**r).clone()).collect()
}

/// The status that the state means.
fn decide(
    permit: &ProcessingPermit,
    state: &Effective,
    objection: Option<Objection>,
    waits_for: Option<govcloud_crds::conditions::Verdict>,
    context: &Context,
    now: Timestamp,
) -> ProcessingPermitStatus {
    let before = permit.status.clone().unwrap_or_default();
    let verdicts = permit_view::verdicts(&permit_view::View {
        permit,
        state,
        objection: objection.as_ref(),
        waits_for,
        slots_written: slots_written(permit, state, context),
        namespace_gone: namespace_gone(permit, context),
        now,
    });
    let mut status = ProcessingPermitStatus {
        observed_generation: permit.metadata.generation,
        phase: state.phase,
        queue: queue(permit, state, context),
        reviews: kept(state.reviews.clone()),
        decision: state.decision.clone(),
        sharing: sharing::status(permit, context),
        conditions: conditions(&before.conditions, &verdicts, permit.metadata.generation, now),
        ..before.clone()
    };
    let announces = context.stores.cloud().is_some_and(|cloud| cloud.spec.notifications.is_some());
    permit_view::record(&mut status, &before.conditions, announces, now);
    status
}

/// Whether the namespace that the permit became active in is gone.
fn namespace_gone(permit: &ProcessingPermit, context: &Context) -> bool {
    let Some(uid) = permit.status.as_ref().and_then(|s| s.namespace_uid.clone()) else { return false };
    context.stores.namespaces.find(|n| n.metadata.uid.as_ref() == Some(&uid)).is_none()
}

/// Whether the project's grant shows this permit's slots.
fn slots_written(permit: &ProcessingPermit, state: &Effective, context: &Context) -> bool {
    let Some(agency) = context.stores.agency_of_home(permit.metadata.namespace.as_deref()) else { return false };
    let namespace = project_namespace(&agency.name_any(), &permit.spec.project);
    let Some(grant) = context.stores.managed.get("ProcessingGrant", Some(&namespace), GRANT_NAME) else { return false };
    let Ok(grant) = serde_json::to_value(&*grant).and_then(serde_json::from_value::<ProcessingGrant>) else { return false };
    let number = permit.status.as_ref().and_then(|s| s.number.clone());
    state.targets.iter().all(|target| {
        let slots = grant.spec.resources.get(&target.resource_key()).map(Vec::as_slice).unwrap_or_default();
        slots.iter().any(|slot| slot.name == target.name && Some(&slot.permit) == number.as_ref() && slot.replicas > 0)
    })
}

/// The place among all requests under review.
fn queue(permit: &ProcessingPermit, state: &Effective, context: &Context) -> Option<Queue> {
    if state.phase != Phase::UnderReview {
        return None;
    }
    Some(Queue { position: context.places.of(permit), due_by: Time(due_by(permit)?) })
}

/// Writes the status, and tells people what is new in it.
async fn write(permit: &ProcessingPermit, status: ProcessingPermitStatus, context: &Context) -> Result<(), Error> {
    let api: Api<ProcessingPermit> = Api::namespaced(context.client.clone(), &permit.namespace().unwrap_or_default());
    let known = permit.status.as_ref().and_then(|s| Some(s.history.last()?.sequence)).unwrap_or_default();
    let news: Vec<_> = status.history.iter().filter(|change| change.sequence > known).cloned().collect();
    let number = status.number.clone().unwrap_or_default();
    let shown = permit.status.as_ref().and_then(|s| s.sharing.as_ref());
    let asked: Vec<_> =
        status.sharing.iter().flat_map(|now| newly_asked(shown, now).into_iter().map(|r| in_words(&now.service, r))).collect();
    let written =
        context.write_status(&api, permit, permit.status.as_ref(), status, |object, status| object.status = Some(status)).await?;
    for change in news.iter().filter(|_| written) {
        tracing::info!(permit = permit.name_any(), namespace = permit.namespace(), number, what = change.what, "permit changed");
        let warning = permit_view::is_warning(change);
        context.tell(permit, warning, &change.what, change.message.clone()).await;
    }
    for request in asked.into_iter().filter(|_| written) {
        context.tell(permit, false, "ConsentAsked", request).await;
    }
    Ok(())
}
