//! An agency's ledger: what its projects were given, what it lent and borrowed.

use std::sync::Arc;

use govcloud_crds::{
    AgencyQuota, CapacityPool, Resources,
    capacity::{AgencyQuotaStatus, Observed, decide, takes_up},
    conditions::conditions,
    names::FINALIZER,
};
use kube::{
    Api,
    api::ListParams,
    runtime::{controller::Action, reflector::ObjectRef},
};

use super::{age, demands::Demands, ledger_of, quotas_of, verdicts};
use crate::{context::Context, error::Error, namespaces};

/// Serves an agency's projects from its share.
pub async fn reconcile(quota: Arc<AgencyQuota>, context: Arc<Context>) -> Result<Action, Error> {
    let api: Api<AgencyQuota> = Api::all(context.client.clone());
    let is_deleted = quota.metadata.deletion_timestamp.is_some();
    if !is_deleted && namespaces::add_finalizer(&api, &*quota).await? {
        return Ok(Action::await_change());
    }
    let first = ledger_of(&quota.spec.agency, &quota.spec.pool, &context.stores);
    let second_to = first.filter(|first| first.metadata.uid != quota.metadata.uid);
    let demands = if second_to.is_some() { Demands::default() } else { Demands::gather(&quota, &context).await? };
    let used = demands.projects.iter().map(|demand| &demand.used).sum();
    let decided = decision(&quota, &demands, &context).await?;
    if is_deleted && holds_nothing(&decided) {
        context.metrics.quotas.forget(&quota.spec, &decided);
        namespaces::remove_finalizer(&api, &*quota, FINALIZER).await?;
        return Ok(Action::await_change());
    }
    let before = quota.status.clone().unwrap_or_default();
    let verdicts = verdicts::of(&quota, &decided, second_to.as_deref(), &context.stores);
    let status = AgencyQuotaStatus {
        observed_generation: quota.metadata.generation,
        used,
        conditions: conditions(&before.conditions, &verdicts, quota.metadata.generation, context.now()),
        ..decided
    };
    if second_to.is_none() {
        context.metrics.quotas.show(&quota.spec, &status);
    }
    context.write_status(&api, &*quota, quota.status.as_ref(), status, |object, status| object.status = Some(status)).await?;
    Ok(Action::await_change())
}

/// The rules' decision. More than it holds a quota takes up only by ledgers that were read from the API server itself after
/// the version that the decision is written over: those that this process remembers may have been written by another since.
async fn decision(quota: &AgencyQuota, demands: &Demands, context: &Context) -> Result<AgencyQuotaStatus, Error> {
    let peers = quotas_of(&quota.spec.pool, &context.stores);
    let pool = context.stores.pools.get(&ObjectRef::new(&quota.spec.pool));
    let decided = by(quota, pool.as_deref(), peers.iter().map(|peer| &**peer), demands);
    if !takes_up(quota.status.as_ref(), &decided) {
        return Ok(decided);
    }
    let (pools, quotas): (Api<CapacityPool>, Api<AgencyQuota>) =
        (Api::all(context.client.clone()), Api::all(context.client.clone()));
    let read = |what: &str| {
        let what = what.to_owned();
        move |source| Error::Read { what, source: Box::new(source) }
    };
    let pool = pools.get_opt(&quota.spec.pool).await.map_err(read("the CapacityPool"))?;
    let mut peers = quotas.list(&ListParams::default()).await.map_err(read("the AgencyQuotas"))?.items;
    peers.retain(|peer| peer.spec.pool == quota.spec.pool);
    peers.sort_by_key(age);
    Ok(by(quota, pool.as_ref(), peers.iter(), demands))
}

fn by<'a>(
    quota: &'a AgencyQuota,
    pool: Option<&'a CapacityPool>,
    all: impl Iterator<Item = &'a AgencyQuota>,
    demands: &Demands,
) -> AgencyQuotaStatus {
    let peers = all.filter(|peer| peer.metadata.uid != quota.metadata.uid).collect();
    decide(&Observed { quota, pool, peers, projects: demands.projects.clone(), leaving: demands.borrowers.clone() })
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
