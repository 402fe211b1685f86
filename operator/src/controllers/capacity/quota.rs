//! An agency's ledger: what its projects were given, what it lent and borrowed.

use std::{borrow::Cow, sync::Arc};

use govcloud_crds::{
    AgencyQuota, CapacityPool, Resources,
    capacity::{AgencyQuotaStatus, Aliases, Observed, decide},
    conditions::conditions,
    names::FINALIZER,
};
use kube::{
    Api, ResourceExt,
    runtime::{controller::Action, reflector::ObjectRef},
};

use super::{demands::Demands, ledger_of, quotas_of, verdicts};
use crate::{context::Context, controllers::project::quota::Keys, error::Error, namespaces};

/// Serves an agency's projects from its share.
pub async fn reconcile(quota: Arc<AgencyQuota>, context: Arc<Context>) -> Result<Action, Error> {
    let api: Api<AgencyQuota> = Api::all(context.client.clone());
    let is_deleted = quota.metadata.deletion_timestamp.is_some();
    if !is_deleted && namespaces::add_finalizer(&api, &*quota).await? {
        return Ok(Action::await_change());
    }
    let first = ledger_of(&quota.spec.agency, &quota.spec.pool, &context.stores);
    let second_to = first.filter(|first| first.metadata.uid != quota.metadata.uid);
    let keys = Keys::of(&context);
    let named = canonical(&quota, &keys.aliases);
    let demands = if second_to.is_some() { Demands::default() } else { Demands::gather(&named, &keys, &context).await? };
    let used = demands.projects.iter().map(|demand| &demand.used).sum();
    let decided = decision(&named, demands, &keys, &context);
    if is_deleted && holds_nothing(&decided) {
        context.metrics.quotas.forget(&named.spec, &decided);
        namespaces::remove_finalizer(&api, &*quota, FINALIZER).await?;
        return Ok(Action::await_change());
    }
    let before = quota.status.clone().unwrap_or_default();
    let verdicts = verdicts::of(&named, &decided, second_to.as_deref(), &keys.aliases, &context.stores);
    let status = AgencyQuotaStatus {
        observed_generation: quota.metadata.generation,
        used,
        conditions: conditions(&before.conditions, &verdicts, quota.metadata.generation, context.now()),
        ..decided
    };
    if second_to.is_none() {
        context.metrics.quotas.show(&named.spec, &status);
    }
    context.write_status(&api, &*quota, quota.status.as_ref(), status, |object, status| object.status = Some(status)).await?;
    Ok(Action::await_change())
}

/// The rules' decision about a quota under canonical keys.
fn decision(quota: &AgencyQuota, demands: Demands, keys: &Keys, context: &Context) -> AgencyQuotaStatus {
    let all = quotas_of(&quota.spec.pool, &context.stores);
    let peers: Vec<_> = all.iter().filter(|peer| peer.uid() != quota.uid()).map(|peer| canonical(peer, &keys.aliases)).collect();
    let pool = context.stores.pools.get(&ObjectRef::new(&quota.spec.pool));
    let pool = pool.map(|pool| canonical_pool(&pool, &keys.aliases));
    decide(&Observed {
        quota,
        pool: pool.as_ref(),
        peers: peers.iter().map(|peer| &**peer).collect(),
        projects: demands.projects,
        leaving: demands.borrowers,
    })
}

/// A quota whose amounts stand under canonical keys, also those on record: what a device is called may have changed since.
pub fn canonical<'a>(quota: &'a AgencyQuota, aliases: &Aliases) -> Cow<'a, AgencyQuota> {
    let amounts = |quota: &AgencyQuota| {
        let spec = [&quota.spec.guaranteed, &quota.spec.borrowing_limit, &quota.spec.lending_limit].map(Clone::clone);
        let status = quota.status.iter();
        let given = status.flat_map(|s| s.allocations.iter().map(|a| &a.hard).chain(s.loans.iter().map(|l| &l.hard))).cloned();
        let status = quota.status.iter();
        let held = status.flat_map(|s| s.share.iter().map(|h| &h.hard).chain(s.borrowings.iter().map(|b| &b.hard))).cloned();
        spec.into_iter().chain(given).chain(held).collect::<Vec<_>>()
    };
    if amounts(quota).iter().all(|amounts| aliases.is_canonical(amounts)) {
        return Cow::Borrowed(quota);
    }
    let mut quota = quota.clone();
    let rename = |amounts: &mut Resources| *amounts = aliases.canonical(amounts);
    [&mut quota.spec.guaranteed, &mut quota.spec.borrowing_limit, &mut quota.spec.lending_limit].into_iter().for_each(rename);
    if let Some(status) = &mut quota.status {
        rename(&mut status.requested);
        status.allocations.iter_mut().flat_map(|a| [&mut a.hard].into_iter().chain(&mut a.lowering_to)).for_each(rename);
        status.loans.iter_mut().flat_map(|l| [&mut l.hard].into_iter().chain(&mut l.lowering_to)).for_each(rename);
        status.share.iter_mut().map(|share| &mut share.hard).for_each(rename);
        status.borrowings.iter_mut().map(|borrowing| &mut borrowing.hard).for_each(rename);
    }
    Cow::Owned(quota)
}

/// A pool whose amounts stand under canonical keys.
pub(super) fn canonical_pool(pool: &CapacityPool, aliases: &Aliases) -> CapacityPool {
    let mut pool = pool.clone();
    let rename = |amounts: &mut Resources| *amounts = aliases.canonical(amounts);
    let shares = pool.status.iter_mut().flat_map(|status| &mut status.shares);
    shares.flat_map(|share| [&mut share.hard].into_iter().chain(&mut share.lowering_to)).for_each(rename);
    pool.spec.capacity.iter_mut().for_each(rename);
    pool
}

/// Whether nothing hangs on a quota any more.
fn holds_nothing(status: &AgencyQuotaStatus) -> bool {
    let share = status.share.as_ref().map(|share| share.hard.clone()).unwrap_or_default();
    [&share, &status.allocated, &status.borrowed, &status.lent].into_iter().all(|amounts| amounts.fits_in(&Resources::default()))
}

/// What an agency may give to its projects, for messages.
pub fn budget(status: &AgencyQuotaStatus) -> Resources {
    let share = status.share.as_ref().map(|share| share.hard.clone()).unwrap_or_default();
    share.plus(&status.borrowed).minus(&status.lent)
}
