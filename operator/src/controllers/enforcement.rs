//! Keeps the admission policies and agency roles as they must be, and proves that the API server enforces them.
//!
//! One pass compares everything that [`desired`](crate::enforcement::desired) says with what is there, writes what
//! differs, removes what is no longer wanted, and then asks the API server, by a request that a canary policy must refuse,
//! whether it has taken note. A difference that nobody asked for is an interruption and goes on record.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, PoisonError},
    time::Duration,
};

use govcloud_crds::{
    GovernmentCloud, ProcessingClass,
    class::{controlled::controlled, measure::check},
    permit::digest::{canonical, sha256},
};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{Api, ResourceExt, api::PostParams};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::{
    context::Context,
    discovery,
    enforcement::{self, Inputs, Served, placement, probe, slots::class_of_policy},
    error::Error,
    managed::{Change, NOT_EVERYWHERE, describe, differs, has_broken_seal, identity, sealed},
};

/// Managed kinds that this controller owns as a whole: what it does not want of them is removed.
const OWNED: [&str; 4] = [
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
    "MutatingAdmissionPolicy",
    "MutatingAdmissionPolicyBinding",
];
/// A pass without any trigger, in case an event was lost.
const RECHECK: Duration = Duration::from_mins(1);
const SETTLE: Duration = Duration::from_millis(50);
const RETRY: Duration = Duration::from_secs(2);
/// How long the API server is given to take note of new policies: it needs 0.3 to 1 s.
const PROBE_TRIES: u32 = 100;
const PROBE_WAIT: Duration = Duration::from_millis(100);

/// One time that an enforcement object was found missing or altered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Kind and name.
    pub object: String,
    /// `Deleted` or `Altered`.
    pub what: &'static str,
    /// When it was found.
    pub found: Timestamp,
    /// When it was put right.
    pub repaired: Timestamp,
}

/// What the last pass found and did.
#[derive(Clone, Debug, Default)]
pub struct EnforcementState {
    /// Fingerprint of the manifests that the API server was seen to enforce.
    pub enforced: Option<String>,
    /// The generation of each class that is part of it.
    pub classes: BTreeMap<String, i64>,
    /// What the cluster serves of the classes' resources.
    pub served: Served,
    /// Classes whose expressions cannot be used, and why; their resources are closed.
    pub broken: BTreeMap<String, String>,
    /// Classes whose policies the API server refused: their generation, and what it said.
    refused: BTreeMap<String, (i64, String)>,
    /// Why the last pass failed, if it did.
    pub trouble: Option<String>,
    /// Interruptions that the GovernmentCloud's status does not show yet.
    pub interruptions: Vec<Found>,
    /// Fingerprint of the manifests that the pass before made.
    made: Option<String>,
    /// Whether something was put right since the canary was written.
    repaired: bool,
}

impl EnforcementState {
    /// Whether a pass of this process came to an end. Before that, what a status says is the last that is known: a
    /// restart is no reason to say that nothing is enforced.
    pub fn is_known(&self) -> bool {
        self.enforced.is_some() || self.trouble.is_some()
    }
}

/// Runs passes until `stop`.
pub async fn run(context: Arc<Context>, stop: CancellationToken) {
    loop {
        let wait = match pass(&context).await {
            Ok(()) => RECHECK,
            Err(error) => {
                tracing::warn!(%error, class = error.class(), "enforcement is not complete; tried again");
                state(&context).trouble = Some(error.to_string());
                context.metrics.intact.set(0);
                RETRY
            }
        };
        context.queues.enforcement_changed(&context.stores);
        tokio::select! {
            () = stop.cancelled() => return,
            () = context.queues.enforcement.notified() => tokio::time::sleep(SETTLE).await,
            () = tokio::time::sleep(wait) => {}
        }
    }
}

fn state(context: &Context) -> std::sync::MutexGuard<'_, EnforcementState> {
    context.enforcement.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn pass(context: &Context) -> Result<(), Error> {
    let classes = context.stores.classes_by_name();
    let last = state(context).served.clone();
    let served = discovery::served(&context.client, &classes, &last).await?;
    let cloud = context.stores.cloud();
    let broken = broken(&classes, &state(context).refused);
    let desired = enforcement::desired(&Inputs {
        classes: &classes,
        closed: &broken.keys().cloned().collect(),
        pools: &context.stores.pools_by_name(),
        aliases: &context.stores.aliases(),
        cloud: cloud.as_deref(),
        served: &served,
        operator_user: &context.operator_user,
        operator_namespace: &context.operator_namespace,
    });
    let mut manifests: Vec<_> = desired.into_iter().map(sealed).collect();
    let digest = digest(&manifests);
    let made_before = made(context, cloud.as_deref()).as_ref() == Some(&digest);
    let failed = apply(context, &manifests, made_before).await;
    note_refusals(context, &classes, &failed);
    all_written(failed)?;
    // The canary last, and a new one after a repair: when it is enforced, all that was written before it is.
    let repaired = state(context).repaired;
    let token = canary_token(context, &digest, repaired);
    let canary = probe::canary(&token, &context.operator_namespace);
    all_written(apply(context, &canary, made_before && !repaired).await)?;
    state(context).repaired = false;
    manifests.extend(canary);
    remove_unwanted(context, &manifests, &served).await?;
    state(context).made = Some(digest.clone());
    prove(context, &digest, &token).await?;
    let mut state = state(context);
    state.classes = classes.iter().map(|(name, class)| (name.clone(), class.metadata.generation.unwrap_or_default())).collect();
    (state.enforced, state.served, state.broken, state.trouble) = (Some(digest), served, broken, None);
    context.metrics.intact.set(1);
    Ok(())
}

/// The fingerprint of what was made the last time, by this process or the one before it. The canary, which is written when
/// all else is, knows it better than a status that is written when all of it was seen to be enforced.
fn made(context: &Context, cloud: Option<&GovernmentCloud>) -> Option<String> {
    let this_process = state(context).made.clone();
    let canary = || Some(live_token(context)?.split('-').next()?.to_owned());
    let recorded = || cloud?.status.as_ref()?.enforcement_digest.clone();
    this_process.or_else(canary).or_else(recorded)
}

fn live_token(context: &Context) -> Option<String> {
    let live = context.stores.managed.get("ValidatingAdmissionPolicy", None, probe::NAME)?;
    probe::token(&live.data)
}

fn all_written(failed: Vec<(String, Error)>) -> Result<(), Error> {
    failed.into_iter().next().map_or(Ok(()), |(_, error)| Err(error))
}

/// What the canary stands for: the manifests, and after a repair the moment too. One that is there and stands for the same
/// manifests stays, so that a restart writes nothing.
fn canary_token(context: &Context, digest: &str, repaired: bool) -> String {
    if repaired {
        return format!("{digest}-{}", context.now().as_millisecond());
    }
    live_token(context).filter(|token| token.starts_with(digest)).unwrap_or_else(|| digest.to_owned())
}

fn digest(manifests: &[Value]) -> String {
    sha256(&canonical(&Value::Array(manifests.to_vec())))[..16].to_owned()
}

/// Classes whose expressions do not compile, measure in dimensions that the class does not have, or were refused by the
/// API server, and why.
fn broken(classes: &BTreeMap<String, ProcessingClass>, refused: &BTreeMap<String, (i64, String)>) -> BTreeMap<String, String> {
    let why = |name: &String, class: &ProcessingClass| {
        let said = refused.get(name).filter(|(generation, _)| class.metadata.generation == Some(*generation));
        first_error(class).or_else(|| said.map(|(_, said)| said.clone()))
    };
    classes.iter().filter_map(|(name, class)| Some((name.clone(), why(name, class)?))).collect()
}

fn first_error(class: &ProcessingClass) -> Option<String> {
    let known = |dimension: &String| class.spec.dimensions.iter().any(|d| d.name == *dimension);
    let named = class.spec.controls.iter().flat_map(|c| c.per_replica.keys()).chain(class.spec.gated_quota.keys());
    let unknown =
        named.into_iter().find(|d| !known(d)).map(|d| format!("{d} is no dimension of this class; add it to dimensions"));
    unknown.or_else(|| class.spec.controls.iter().find_map(|control| check(control).err()).map(|e| e.to_string()))
}

/// Writes what differs, and says which writes failed; one that fails keeps none of the others from being made.
///
/// If the same manifests were made before, every difference is an interruption. So is, whatever was made before, what is no
/// longer as this operator wrote it.
async fn apply(context: &Context, manifests: &[Value], made_before: bool) -> Vec<(String, Error)> {
    let mut failed = Vec::new();
    for manifest in manifests {
        let (kind, namespace, name) = identity(manifest);
        let found = context.now();
        let live = context.stores.managed.get(kind, namespace, name);
        let altered = live.as_ref().and_then(|live| differs(manifest, live));
        let change = match context.stores.managed.ensure(&context.client, manifest).await {
            Ok(change) => change,
            Err(error) => {
                failed.push((name.to_owned(), error));
                continue;
            }
        };
        let is_broken = altered.is_some() && live.is_some_and(|live| has_broken_seal(&live));
        if change == Change::None || !(made_before || is_broken) {
            continue;
        }
        let object = describe(kind, namespace, name);
        let what = if altered.is_some() { "Altered" } else { "Deleted" };
        tracing::warn!(object, what, field = altered, "enforcement was interrupted and is put right");
        context.metrics.repairs.inc();
        let mut state = state(context);
        state.interruptions.push(Found { object, what, found, repaired: context.now() });
        state.repaired = true;
    }
    failed
}

/// Keeps in mind which classes' policies the API server refused as invalid; the next pass, which follows at once, closes
/// their resources instead.
fn note_refusals(context: &Context, classes: &BTreeMap<String, ProcessingClass>, failed: &[(String, Error)]) {
    for (policy, error) in failed.iter().filter(|(_, error)| error.is_invalid()) {
        let Some(class) = class_of_policy(policy, classes) else { continue };
        let generation = classes.get(class).and_then(|c| c.metadata.generation).unwrap_or_default();
        let said = error.said().unwrap_or_default();
        let before = state(context).refused.insert(class.to_owned(), (generation, said));
        if before.is_none_or(|(refused, _)| refused != generation) {
            context.queues.enforcement.notify_one();
        }
    }
}

/// Removes policies and bindings that are ours by their label and are not wanted. Those of a kind that is not known to be
/// served stay: nothing was said about them.
async fn remove_unwanted(context: &Context, manifests: &[Value], served: &Served) -> Result<(), Error> {
    let wanted: BTreeSet<_> = manifests.iter().map(identity).collect();
    let decided = |kind: &&str| placement::can_write(served) || !NOT_EVERYWHERE.contains(kind);
    // Bindings first: a binding without its policy is refused by the API server, a policy without bindings does nothing.
    for kind in OWNED.into_iter().rev().filter(decided) {
        for object in context.stores.managed.all(kind) {
            let name = object.name_any();
            if !wanted.contains(&(kind, None, name.as_str())) {
                tracing::info!(object = describe(kind, None, &name), "no longer wanted; removed");
                context.stores.managed.remove(&context.client, kind, None, &name).await?;
            }
        }
    }
    Ok(())
}

/// Waits until the API server refuses what only the newest policies refuse. They reach it through one watch in the order
/// in which they were written, the canary last, so when it is enforced all are.
async fn prove(context: &Context, digest: &str, token: &str) -> Result<(), Error> {
    let already = state(context).enforced.as_deref() == Some(digest);
    if already && state(context).interruptions.is_empty() {
        return Ok(());
    }
    let api: Api<ConfigMap> = Api::namespaced(context.client.clone(), &context.operator_namespace);
    let params = PostParams { dry_run: true, ..PostParams::default() };
    let what = || format!("whether policies {digest} are enforced");
    for _ in 0..PROBE_TRIES {
        match api.create(&params, &probe::request(token)).await {
            Err(kube::Error::Api(status)) if probe::is_refusal(&status.message) => return Ok(()),
            Err(source) => return Err(Error::Read { what: what(), source: Box::new(source) }),
            Ok(_) => tokio::time::sleep(PROBE_WAIT).await,
        }
    }
    let status = kube::core::Status::failure("the API server does not enforce the policies yet", "NotEnforced").with_code(504);
    Err(Error::Read { what: what(), source: Box::new(kube::Error::Api(status.boxed())) })
}

/// How many of a class's resources the cluster serves, and the first that is not in a namespace.
pub fn served_of(class: &str, classes: &BTreeMap<String, ProcessingClass>, served: &Served) -> (usize, Option<String>) {
    let mine: Vec<_> = controlled(classes).into_iter().filter(|c| c.class == class).collect();
    let found = mine.iter().filter_map(|c| Some((c, served.get(&c.control.group, &c.control.resource)?)));
    let (mut count, mut cluster_scoped) = (0, None);
    for (controlled, resource) in found {
        count += 1;
        if !resource.namespaced {
            cluster_scoped.get_or_insert_with(|| controlled.control.resource.clone());
        }
    }
    (count, cluster_scoped)
}
