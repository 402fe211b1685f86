//! An agency's ledger: what its projects were given, what it lent and borrowed.

use std::{borrow::Cow, sync::Arc};

use govcloud_crds::{
    AgencyQuota, Resources,
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
    let demands = if second_to.is_some() { Demands::default() } else { Demands::gather(&quota, &keys, &context).await? };
    let used = demands.projects.iter().map(|demand| &demand.used).sum();
    let decided = decision(&quota, demands, &keys, &context);
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

/// The rules' decision, under canonical keys.
fn decision(quota: &AgencyQuota, demands: Demands, keys: &Keys, context: &Context) -> AgencyQuotaStatus {
    let all = quotas_of(&quota.spec.pool, &context.stores);
    let peers: Vec<_> = all.iter().filter(|peer| peer.uid() != quota.uid()).map(|peer| canonical(peer, &keys.aliases)).collect();
    let pool = context.stores.pools.get(&ObjectRef::new(&quota.spec.pool));
    decide(&Observed {
        quota: &canonical(quota, &keys.aliases),
        pool: pool.as_deref(),
        peers: peers.iter().map(|peer| &**peer).collect(),
        projects: demands.projects,
        leaving: demands.borrowers,
    })
}

/// A quota whose amounts stand under canonical keys.
pub fn canonical<'a>(quota: &'a AgencyQuota, aliases: &Aliases) -> Cow<'a, AgencyQuota> {
    let of = |amounts: &Resources| aliases.canonical(amounts);
    let (spec, was) = (&quota.spec, quota);
    let amounts = [of(&spec.guaranteed), of(&spec.borrowing_limit), of(&spec.lending_limit)];
    if amounts.iter().eq([&spec.guaranteed, &spec.borrowing_limit, &spec.lending_limit]) {
        return Cow::Borrowed(was);
    }
    let mut quota = was.clone();
    [quota.spec.guaranteed, quota.spec.borrowing_limit, quota.spec.lending_limit] = amounts;
    Cow::Owned(quota)
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
