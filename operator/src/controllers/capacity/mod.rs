//! CapacityPool and AgencyQuota: what there is, what is promised, and the ledgers of what was given.

mod demands;
mod pool;
mod quota;
mod verdicts;

use std::{fmt::Debug, sync::Arc};

use govcloud_crds::{
    AgencyQuota, Resources,
    capacity::Demand,
    common::age,
    names::{ANNOTATION_NAMESPACE_UID, ANNOTATION_OPERATION, QUOTA_NAME},
};
use kube::{Api, Resource, ResourceExt, api::DynamicObject, runtime::reflector::ObjectRef};
use serde::de::DeserializeOwned;

use crate::{context::Context, error::Error, managed::Managed, stores::Stores};

pub use pool::reconcile as reconcile_pool;
pub use quota::reconcile as reconcile_quota;

/// The ledger of an agency in a pool: of several the one that gave something, else the oldest.
pub(super) fn ledger_of(agency: &str, pool: &str, stores: &Stores) -> Option<Arc<AgencyQuota>> {
    let all = stores.quotas.state_filter(|q| q.spec.agency == agency && q.spec.pool == pool);
    let has_given = |quota: &AgencyQuota| quota.status.as_ref().is_some_and(|status| !status.allocations.is_empty());
    all.into_iter().min_by_key(|quota| (!has_given(quota), age(&**quota)))
}

/// The quotas of a pool, oldest first.
pub(super) fn quotas_of(pool: &str, stores: &Stores) -> Vec<Arc<AgencyQuota>> {
    let mut quotas = stores.quotas.state_filter(|quota| quota.spec.pool == pool);
    quotas.sort_by_key(|quota| age(&**quota));
    quotas
}

/// Whether the API server itself has this very object. What a ledger has an entry for is dropped only when it has not: a
/// store may not show yet what another operator made.
async fn is_there<K>(name: &str, uid: &str, context: &Context) -> Result<bool, Error>
where
    K: Resource<DynamicType = (), Scope = kube::core::ClusterResourceScope> + Clone + DeserializeOwned + Debug,
{
    let api: Api<K> = Api::all(context.client.clone());
    let found = api.get_metadata_opt(name).await;
    let found = found.map_err(|source| Error::Read { what: ObjectRef::<K>::new(name).to_string(), source: Box::new(source) })?;
    Ok(found.is_some_and(|object| object.metadata.uid.as_deref() == Some(uid)))
}

/// For a holder that keeps what it has until it is gone.
fn leaving(holder: &str, uid: &str) -> Demand {
    Demand { holder: holder.to_owned(), uid: uid.to_owned(), leaving: true, ..Demand::default() }
}

/// The ResourceQuota of exactly this namespace: the store may still have that of one of the same name that is gone.
pub(super) fn live(managed: &Managed, namespace: &str, uid: &str) -> Option<Arc<DynamicObject>> {
    let quota = managed.get("ResourceQuota", Some(namespace), QUOTA_NAME)?;
    let is_its = quota.annotations().get(ANNOTATION_NAMESPACE_UID).is_none_or(|written_for| written_for == uid);
    is_its.then_some(quota)
}

fn field(quota: &DynamicObject, pointer: &str) -> Resources {
    let value = quota.data.pointer(pointer).cloned().unwrap_or_default();
    serde_json::from_value(value).unwrap_or_default()
}

/// What a ResourceQuota says.
pub(super) fn hard_of(quota: &DynamicObject) -> Resources {
    field(quota, "/spec/hard")
}

/// What is in use, as a ResourceQuota counts it.
pub(super) fn used_of(quota: &DynamicObject) -> Resources {
    field(quota, "/status/used")
}

/// Key by key the largest of what a ResourceQuota says, what the API server enforces, and what is in use: one that was
/// lowered below its use gives back only what is not used.
fn shown(quota: &DynamicObject) -> Resources {
    hard_of(quota).largest(&field(quota, "/status/hard")).largest(&used_of(quota))
}

/// The operation of the ledger that a ResourceQuota was last written for.
pub fn operation_of(quota: &DynamicObject) -> i64 {
    quota.annotations().get(ANNOTATION_OPERATION).and_then(|number| number.parse().ok()).unwrap_or_default()
}
