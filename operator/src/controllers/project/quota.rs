//! A project's quota: what it wants, as far as its agency's ledger released it.
//!
//! The ResourceQuota is raised only after the ledger, and never over a version of it that was not seen, nor over one that was
//! written for a later operation than the ledger's that is remembered. So a raise by an operator that was paused is refused
//! as soon as anybody wrote the ResourceQuota for a reduction.

use std::{collections::BTreeMap, sync::Arc};

use govcloud_crds::{
    AgencyQuota, ProcessingClass, ProcessingPermit, Project, Quantity, Resources,
    capacity::{self, Aliases, AllocationPhase, Entry, Live, Released, release},
    common::age,
    conditions::{Verdict, find},
    names::{ANNOTATION_NAMESPACE_UID, ANNOTATION_OPERATION, QUOTA_NAME},
    permit::Phase,
};
use kube::{Api, ResourceExt, api::DynamicObject};
use serde_json::{Value, json};

use super::{
    Place, permits,
    verdict::{self, Amounts},
};
use crate::{
    context::Context,
    controllers::capacity::{hard_of, ledger_of, live as live_quota, operation_of, used_of},
    error::Error,
};

/// The reason of `CapacityReserved` while an approved permit waits for gated quota, and for nothing else.
pub const AWAITS_QUOTA: &str = "AwaitsQuota";

/// Every project is limited in these, also if it asks for none of them.
const ALWAYS_LIMITED: [&str; 3] = ["requests.cpu", "requests.memory", "requests.storage"];

/// What came of a project's limits.
pub(super) struct Limited {
    pub(super) verdict: Verdict,
    pub(super) granted: Resources,
    /// Whether the ledger has room for all that is missing, and has not looked at it yet.
    pub(super) is_due: bool,
    /// Whether the API server holds the namespace to every key of its ResourceQuota. Before, admission lets nothing start.
    pub(super) in_force: bool,
}

/// What the ledger released, and over which version of the ResourceQuota it may be written.
struct Written {
    seen: Option<Arc<DynamicObject>>,
    has_entry: bool,
    /// Under canonical keys.
    released: Released,
}

/// What of the cluster decides what quota keys mean: classes gate some, and devices have several.
pub struct Keys {
    classes: BTreeMap<String, ProcessingClass>,
    /// Canonical keys that need a permit, and the classes that gate them.
    pub gated: BTreeMap<String, Vec<String>>,
    /// Which keys mean the same.
    pub aliases: Aliases,
}

impl Keys {
    /// As the cluster has them now.
    pub fn of(context: &Context) -> Self {
        let (classes, aliases) = (context.stores.classes_by_name(), context.stores.aliases());
        let mut gated: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (key, names) in capacity::gated(&classes) {
            gated.entry(aliases.canonical_key(&key).to_owned()).or_default().extend(names);
        }
        Self { classes, gated, aliases }
    }

    /// The gated quota that a permit brings, under canonical keys; what it brings under two names of one device adds up.
    pub fn brought(&self, permit: &ProcessingPermit) -> Resources {
        let canonical =
            |(key, amount): (String, Quantity)| [(self.aliases.canonical_key(&key).to_owned(), amount)].into_iter().collect();
        let brings = capacity::brings(permit, &self.classes).0.into_iter().map(canonical);
        brings.fold(Resources::default(), |sum, next| sum.plus(&next))
    }

    /// What a permit brings beyond what it takes over from an active one among `others`.
    pub fn brought_beyond<'a>(
        &self,
        permit: &ProcessingPermit,
        others: impl IntoIterator<Item = &'a ProcessingPermit>,
    ) -> Resources {
        let prior = permit.prior_uid().filter(|_| permit.takes_over());
        let is_active = |p: &ProcessingPermit| p.status.as_ref().is_some_and(|status| status.phase == Phase::Active);
        let mut others = others.into_iter();
        let before = others.find(|other| prior.is_some() && other.metadata.uid.as_deref() == prior && is_active(other));
        before.map_or_else(|| self.brought(permit), |before| self.brought(permit).minus(&self.brought(before)))
    }
}

/// What a project's quota should be, under canonical keys: what it asks for, and of gated keys what its active permits bring.
/// Of whatever else its agency's share limits it has nothing: what one project does not ask for would be without a limit
/// there.
pub fn wanted(project: &Project, ledger: Option<&AgencyQuota>, keys: &Keys, context: &Context) -> Resources {
    let shared = ledger.iter().flat_map(|ledger| keys_of(ledger)).map(|key| keys.aliases.canonical_key(key));
    let limited = ALWAYS_LIMITED.into_iter().chain(keys.gated.keys().map(String::as_str)).chain(shared);
    let mut wanted: Resources = limited.map(|key| (key.to_owned(), Quantity::ZERO)).collect();
    let asked = keys.aliases.canonical(&project.spec.quota);
    wanted.0.extend(asked.0.into_iter().filter(|(key, _)| !keys.gated.contains_key(key)));
    let uid = project.status.as_ref().and_then(|s| s.namespace_uid.clone()).unwrap_or_default();
    let permits = permits(project, context);
    let active = capacity::active_in(permits.iter().map(|permit| &**permit), &uid);
    active.fold(wanted, |wanted, permit| wanted.plus(&keys.brought(permit)))
}

/// Every key that an agency's share says anything about.
fn keys_of(ledger: &AgencyQuota) -> impl Iterator<Item = &str> {
    let held = ledger.status.iter().flat_map(|status| [&status.allocated, &status.borrowed, &status.lent]);
    let share = ledger.status.iter().flat_map(|status| &status.share).map(|share| &share.hard);
    let promised = [&ledger.spec.guaranteed, &ledger.spec.borrowing_limit];
    promised.into_iter().chain(held).chain(share).flat_map(|amounts| amounts.0.keys().map(String::as_str))
}

/// The project's approved permits that wait for gated quota, the oldest first, and what each brings beyond what it takes
/// over.
pub fn waiting(project: &Project, keys: &Keys, context: &Context) -> Vec<(Arc<ProcessingPermit>, Resources)> {
    let all = permits(project, context);
    let mut waiting: Vec<_> = all.iter().filter(|permit| awaits_capacity(permit)).cloned().collect();
    waiting.sort_by_key(|permit| age(&**permit));
    let with_what_it_brings = |permit: Arc<ProcessingPermit>| {
        let brings = keys.brought_beyond(&permit, all.iter().map(|permit| &**permit));
        (permit, brings)
    };
    waiting.into_iter().map(with_what_it_brings).collect()
}

/// Whether an approved permit says that it waits for nothing but its gated quota: then the ledger sets it aside.
fn awaits_capacity(permit: &ProcessingPermit) -> bool {
    let Some(status) = permit.status.as_ref().filter(|status| status.phase == Phase::Approved) else { return false };
    find(&status.conditions, "CapacityReserved").is_some_and(|condition| condition.reason == AWAITS_QUOTA)
}

/// What a ledger gave to this very namespace, under canonical keys.
pub fn allocation(quota: &AgencyQuota, namespace: &str, uid: &str, aliases: &Aliases) -> Option<Entry> {
    let ledger = quota.status.as_ref().map(|s| s.allocations.as_slice()).unwrap_or_default();
    let entry = Entry::from(ledger.iter().find(|a| a.namespace == namespace && a.uid == uid)?);
    let lowering_to = entry.lowering_to.as_ref().map(|to| aliases.canonical(to));
    Some(Entry { hard: aliases.canonical(&entry.hard), lowering_to, ..entry })
}

/// Whether a ledger is going to give a namespace more, and all of what it wants.
fn has_room(ledger: &AgencyQuota, uid: &str, wanted: &Resources) -> bool {
    let Some(status) = &ledger.status else { return false };
    let entry = status.allocations.iter().find(|entry| entry.uid == uid && entry.phase != AllocationPhase::Shrinking);
    let missing = entry.map(|entry| wanted.minus(&entry.hard).without_zeros()).unwrap_or_default();
    !missing.is_empty() && missing.fits_in(&status.budget().minus(&status.allocated))
}

/// Whether the quota controller has taken note of every key that a ResourceQuota says.
fn is_in_force(quota: &DynamicObject) -> bool {
    let keys = |part: &str| quota.data.pointer(part).and_then(Value::as_object).into_iter().flat_map(serde_json::Map::keys);
    keys("/spec/hard").all(|key| keys("/status/hard").any(|enforced| enforced == key))
}

/// Nothing of all that is wanted or was there: the agency has no share of the pool.
fn revoked(wanted: &Resources, live: Option<Live<'_>>) -> Released {
    let limited = live.map_or_else(|| wanted.clone(), |live| wanted.largest(live.hard));
    Released { hard: limited.capped_by(&Resources::default()), operation: live.map_or(0, |live| live.operation) }
}

/// The part of a quota that the API server takes for certain: what is limited always, what classes gate, and else what the
/// namespace's quota is. A mistake in one key neither freezes these nor leaves a device open. If there is no quota yet,
/// nothing runs until the mistake is mended.
fn surely_valid(written: &Written, keys: &Keys) -> Resources {
    let live = written.seen.as_deref().map(hard_of).unwrap_or_default();
    let certain = |key: &str| ALWAYS_LIMITED.contains(&key) || keys.gated.contains_key(keys.aliases.canonical_key(key));
    let mut valid = live.clone();
    let granted = keys.aliases.expand(&written.released.hard);
    valid.0.extend(granted.0.into_iter().filter(|(key, _)| certain(key)));
    if live.is_empty() {
        valid.0.insert("pods".to_owned(), Quantity::ZERO);
    }
    valid
}

impl Place<'_> {
    /// Its quota, as far as the ledger goes, and its containers' defaults. What the API server refuses as invalid is a
    /// condition, and until there is a valid quota nothing runs.
    pub(super) async fn limit(&self, project: &Project, context: &Context) -> Result<Limited, Error> {
        let (managed, client) = (&context.stores.managed, &context.client);
        let keys = Keys::of(context);
        let ledger = ledger_of(&self.agency.name_any(), &project.spec.pool, &context.stores);
        let wanted = wanted(project, ledger.as_deref(), &keys, context);
        let written = self.released(&wanted, ledger.as_deref(), &keys, context).await?;
        let mut invalid = self.write(&written, &keys, context).await?;
        match managed.ensure(client, &self.limits(project)).await {
            Err(error) if error.is_invalid() => invalid = invalid.or(error.said()),
            written => written.map(|_| ())?,
        }
        let used = written.seen.as_deref().map(|seen| keys.aliases.canonical(&used_of(seen))).unwrap_or_default();
        let is_due = invalid.is_none() && ledger.as_deref().is_some_and(|ledger| has_room(ledger, self.uid, &wanted));
        let granted = written.released.hard;
        let verdict = match invalid {
            Some(said) => Verdict::no("QuotaGranted", "Invalid", format!("{said}. Change the project's quota or limits.")),
            None if ledger.is_some() && !written.has_entry => {
                Verdict::unknown("QuotaGranted", "Pending", "The agency's ledger takes note of the project in a moment.")
            }
            None => verdict::of(project, ledger.as_deref(), &Amounts { wanted, granted: &granted, used }, &keys, &context.stores),
        };
        let in_force = written.seen.as_deref().is_some_and(is_in_force);
        Ok(Limited { verdict, granted, is_due, in_force })
    }

    /// Writes the ResourceQuota over the version that was seen; what the API server says if it is invalid.
    async fn write(&self, written: &Written, keys: &Keys, context: &Context) -> Result<Option<String>, Error> {
        let (managed, client, seen) = (&context.stores.managed, &context.client, written.seen.as_deref());
        let quota = |hard: &Resources| self.quota(hard, written.released.operation);
        match managed.ensure_over(client, &quota(&keys.aliases.expand(&written.released.hard)), seen).await {
            Err(error) if error.is_invalid() => {
                match managed.ensure_over(client, &quota(&surely_valid(written, keys)), seen).await {
                    Err(error) if error.is_invalid() => {
                        tracing::error!(%error, "no part of the quota is valid; it stays as it is");
                    }
                    written => written.map(|_| ())?,
                }
                Ok(error.said())
            }
            written => written.map(|_| None),
        }
    }

    /// What of `wanted` the ledger released. Where there is no ResourceQuota, nothing shows how old the ledger is that this
    /// process remembers, so it is read from the API server itself.
    async fn released(
        &self,
        wanted: &Resources,
        ledger: Option<&AgencyQuota>,
        keys: &Keys,
        context: &Context,
    ) -> Result<Written, Error> {
        let seen = live_quota(&context.stores.managed, self.namespace, self.uid);
        let hard = seen.as_deref().map(|seen| keys.aliases.canonical(&hard_of(seen)));
        let live = seen.as_deref().zip(hard.as_ref()).map(|(seen, hard)| Live { hard, operation: operation_of(seen) });
        let by = |ledger: Option<&AgencyQuota>| {
            let entry = ledger.and_then(|ledger| allocation(ledger, self.namespace, self.uid, &keys.aliases));
            let released = match ledger {
                Some(_) => release(wanted, entry.as_ref(), live),
                None => revoked(wanted, live),
            };
            Written { seen: seen.clone(), has_entry: entry.is_some(), released }
        };
        let Some(ledger) = ledger.filter(|_| seen.is_none()) else { return Ok(by(ledger)) };
        let name = ledger.name_any();
        let api: Api<AgencyQuota> = Api::all(context.client.clone());
        let fresh = api.get_opt(&name).await;
        let fresh = fresh.map_err(|source| Error::Read { what: format!("AgencyQuota {name}"), source: Box::new(source) })?;
        Ok(by(fresh.as_ref()))
    }

    fn quota(&self, hard: &Resources, operation: i64) -> Value {
        let mut quota = self.manifest("v1", "ResourceQuota", QUOTA_NAME, &json!({"hard": hard}));
        let (operation, uid) = (operation.to_string(), self.uid);
        quota["metadata"]["annotations"] = json!({ANNOTATION_OPERATION: operation, ANNOTATION_NAMESPACE_UID: uid});
        quota
    }

    /// Defaults for containers that say nothing: a quota on requests refuses pods without any.
    fn limits(&self, project: &Project) -> Value {
        let limits = project.spec.limits.clone().unwrap_or_default();
        let some = |key: &str, amount: &str| Some((key.to_owned(), amount.parse().ok()?));
        let mut request: Resources = [some("cpu", "100m"), some("memory", "128Mi")].into_iter().flatten().collect();
        request.0.extend(limits.default_request.0);
        // A request above its limit would be refused.
        for (key, limit) in &limits.default.0 {
            request.0.entry(key.clone()).and_modify(|amount| *amount = (*amount).min(*limit));
        }
        let mut item = json!({"type": "Container", "defaultRequest": request});
        if !limits.default.is_empty() {
            item["default"] = json!(limits.default);
        }
        self.manifest("v1", "LimitRange", QUOTA_NAME, &json!({"limits": [item]}))
    }
}
