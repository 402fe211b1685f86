//! From approved to active: what an approved permit waits for, and the moment in which its time starts.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError},
};

use govcloud_crds::{
    Agency, AgencyQuota, ProcessingPermit, Project, Resources,
    conditions::{Verdict, is_true},
    names::project_namespace,
    permit::{
        Phase, Target,
        activation::{self, activate as start},
        effective::{Effective, Policy, effective},
    },
};
use jiff::Timestamp;
use kube::{Api, ResourceExt, runtime::reflector::ObjectRef};

use super::{namespace_gone, project_of, reviews};
use crate::{
    context::Context,
    controllers::{
        capacity::ledger_of,
        project::quota::{AWAITS_QUOTA, Keys, allocation, waiting, wanted},
    },
    error::Error,
};

fn waits(reason: &'static str, message: impl Into<String>) -> Verdict {
    Verdict::no("CapacityReserved", reason, message)
}

/// Starts an approved permit's time if nothing is in its way; otherwise says what it waits for.
pub(super) async fn activate(
    permit: &mut ProcessingPermit,
    state: &Effective,
    agency: Option<&Agency>,
    context: &Context,
    now: Timestamp,
) -> Result<Option<Verdict>, Error> {
    let project = project_of(permit, context);
    let obstacle = obstacle(permit, agency, project.as_deref());
    if let Some(obstacle) = obstacle.or_else(|| not_taken_over(permit, agency, context, now)) {
        return Ok(Some(obstacle));
    }
    let Some(project) = project else { return Ok(None) };
    if let Some(taken) = held(permit, &state.targets, context) {
        return Ok(Some(waits("TargetTaken", taken)));
    }
    // What it is going to have is on record from here on: by that the ledger sets its gated quota aside.
    permit.status.get_or_insert_default().granted.clone_from(&state.targets);
    if let Some(missing) = missing(permit, &project, context).await? {
        return Ok(Some(waits(AWAITS_QUOTA, missing)));
    }
    if let Some(taken) = take(permit, &state.targets, context) {
        return Ok(Some(waits("TargetTaken", taken)));
    }
    start(permit, namespace_uid(&project), now);
    Ok(None)
}

/// Why a renewal or amendment does not take over: what was stopped or taken back is not begun again by it.
fn not_taken_over(permit: &ProcessingPermit, agency: Option<&Agency>, context: &Context, now: Timestamp) -> Option<Verdict> {
    let prior = prior_of(permit, context)?;
    // As its reviews say now, which its status may not yet.
    let judged = effective(&prior, &reviews(&prior, context), Policy::of(&prior, agency).as_ref(), now);
    let number = prior.status.as_ref().and_then(|s| s.number.clone()).unwrap_or_else(|| prior.name_any());
    match judged.phase {
        Phase::Suspended => {
            Some(waits("PriorSuspended", format!("{number} is suspended; this takes over when that is resumed.")))
        }
        Phase::Revoked => Some(waits(
            "PriorRevoked",
            format!(
                "{number} was revoked, and nothing takes over from it. Withdraw this request; an appeal or a new one is possible."
            ),
        )),
        _ => None,
    }
}

/// The permit that another refers to, as long as it is the very one that was pinned.
fn prior_of(permit: &ProcessingPermit, context: &Context) -> Option<Arc<ProcessingPermit>> {
    let uid = permit.prior_uid()?;
    let name = ObjectRef::new(permit.spec.prior.as_ref()?).within(&permit.namespace()?);
    context.stores.permits.get(&name).filter(|prior| prior.metadata.uid.as_deref() == Some(uid))
}

/// What is in the way of anything for this agency or project.
fn obstacle(permit: &ProcessingPermit, agency: Option<&Agency>, project: Option<&Project>) -> Option<Verdict> {
    if agency.is_some_and(|a| a.spec.cordoned) {
        return Some(waits("AgencyCordoned", "The agency is cordoned: nothing new starts for it."));
    }
    let asked_for = permit.status.as_ref().and_then(|s| s.policy.as_ref()?.project_uid.clone());
    if project.is_some_and(|p| asked_for.is_some() && p.metadata.uid != asked_for) {
        return Some(waits(
            "ProjectGone",
            "The project that it was asked for is gone, and another one of its name inherits nothing. Withdraw this request and make a new one.",
        ));
    }
    let ready = project.filter(|p| p.metadata.deletion_timestamp.is_none() && namespace_uid(p).is_some());
    ready.is_none().then(|| waits("ProjectNotReady", format!("Project {} is not ready.", permit.spec.project)))
}

/// The uid of a project's namespace, once it is there.
fn namespace_uid(project: &Project) -> Option<String> {
    let status = project.status.as_ref().filter(|status| is_true(&status.conditions, "NamespaceReady"))?;
    status.namespace_uid.clone()
}

/// What is missing of the gated quota that the permit brings, until its agency's ledger has set all of it aside. The last
/// look is at the ledger as the API server has it.
async fn missing(permit: &ProcessingPermit, project: &Project, context: &Context) -> Result<Option<String>, Error> {
    let keys = Keys::of(context);
    let prior = prior_of(permit, context);
    let needs = keys.brought_beyond(permit, prior.as_deref()).without_zeros();
    if needs.is_empty() {
        return Ok(None);
    }
    let pool = &project.spec.pool;
    let agency = context.stores.agency_of_home(permit.metadata.namespace.as_deref()).map(|agency| agency.name_any());
    let Some(ledger) = ledger_of(agency.as_deref().unwrap_or_default(), pool, &context.stores) else {
        return Ok(Some(format!(
            "It brings {needs}, and the agency has no share of pool {pool}. A cloud operator creates an AgencyQuota."
        )));
    };
    if !set_aside(permit, project, &ledger, &keys, context) {
        return Ok(Some(shortage(&needs, &ledger)));
    }
    let api: Api<AgencyQuota> = Api::all(context.client.clone());
    let fresh = api.get_opt(&ledger.name_any()).await;
    let fresh =
        fresh.map_err(|source| Error::Read { what: format!("AgencyQuota {}", ledger.name_any()), source: Box::new(source) })?;
    let is_set_aside = fresh.as_ref().is_some_and(|fresh| set_aside(permit, project, fresh, &keys, context));
    Ok((!is_set_aside).then(|| shortage(&needs, &ledger)))
}

/// Whether a ledger has set aside what this permit brings, beside what active permits brought and those that waited longer.
fn set_aside(permit: &ProcessingPermit, project: &Project, ledger: &AgencyQuota, keys: &Keys, context: &Context) -> bool {
    let namespace = project_namespace(&ledger.spec.agency, &project.name_any());
    let Some(entry) = namespace_uid(project).and_then(|uid| allocation(ledger, &namespace, &uid, &keys.aliases)) else {
        return false;
    };
    let mut left = entry.hard.minus(&wanted(project, Some(ledger), keys, context));
    for (waits, brings) in waiting(project, keys, context) {
        if brings.fits_in(&left) {
            left = left.minus(&brings);
            if waits.metadata.uid == permit.metadata.uid {
                return true;
            }
        }
    }
    false
}

fn shortage(needs: &Resources, ledger: &AgencyQuota) -> String {
    let status = ledger.status.clone().unwrap_or_default();
    let free = status.budget().minus(&status.allocated);
    match needs.exceeds(&free) {
        Some(key) => format!(
            "It brings {} {key}, and of the agency's share of pool {} {} is free. It becomes active when projects give enough back, or a cloud operator raises the share; govcloud quota show says who has it.",
            needs.get(key),
            ledger.spec.pool,
            free.get(key)
        ),
        None => format!("The agency's ledger sets {needs} aside in a moment."),
    }
}

/// Takes the targets for this permit, or says which other permit has one of them.
///
/// What this process took is remembered until the store shows it, so two permits that are reconciled at the same moment
/// cannot both have the same target.
fn take(permit: &ProcessingPermit, targets: &[Target], context: &Context) -> Option<String> {
    let mut taken = context.activated.lock().unwrap_or_else(PoisonError::into_inner);
    let holder = holder(permit, targets, &taken, context);
    if holder.is_none() {
        let uid = permit.metadata.uid.clone().unwrap_or_default();
        taken.extend(targets.iter().map(|target| (key(permit, target), uid.clone())));
    }
    holder
}

/// Which other permit has one of the targets.
fn held(permit: &ProcessingPermit, targets: &[Target], context: &Context) -> Option<String> {
    holder(permit, targets, &context.activated.lock().unwrap_or_else(PoisonError::into_inner), context)
}

fn key(permit: &ProcessingPermit, target: &Target) -> String {
    let home = permit.namespace().unwrap_or_default();
    format!("{home}/{}/{}/{}", permit.spec.project, target.resource_key(), target.name)
}

fn holder(permit: &ProcessingPermit, targets: &[Target], taken: &HashMap<String, String>, context: &Context) -> Option<String> {
    let mut others: Vec<Arc<ProcessingPermit>> = context
        .stores
        .permits
        .state_filter(|p| p.metadata.namespace == permit.metadata.namespace && p.spec.project == permit.spec.project);
    let mine: Vec<_> = targets.iter().filter_map(|target| taken.get(&key(permit, target))).collect();
    for other in &mut others {
        let is_taken = other.metadata.uid.as_ref().is_some_and(|uid| mine.contains(&uid));
        if is_taken && other.status.as_ref().is_some_and(|status| !status.phase.is_over()) {
            // This process activated it; the store may not show that yet.
            Arc::make_mut(other).status.get_or_insert_default().phase = Phase::Active;
        }
    }
    let gone = |p: &ProcessingPermit| namespace_gone(p, context);
    let (holder, target) = activation::holder(permit, targets, others.iter().map(|other| &**other), gone)?;
    let number = holder.status.as_ref().and_then(|s| s.number.clone()).unwrap_or_else(|| holder.name_any());
    Some(format!("{}/{} is held by permit {number}; it must end, or be withdrawn, first.", target.resource, target.name))
}
