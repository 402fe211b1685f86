//! An agency's ledger: what its projects were given, what it lent and borrowed.

use std::sync::Arc;

use govcloud_crds::{
    AgencyQuota,
    capacity::{AgencyQuotaStatus, Allocation, Observed, decide},
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
    let named = keys.aliases.of_quota(&quota);
    let mut demands = if second_to.is_some() { Demands::default() } else { Demands::gather(&named, &keys, &context).await? };
    let decided = decision(&named, &mut demands, &keys, &context).await?;
    let used = demands.projects.iter().map(|demand| &demand.used).sum();
    if is_deleted && decided.holds_nothing() {
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

/// The rules' decision about a quota under canonical keys. Before they give an amount on, what is really in use where it came
/// from is counted again at the API server, and they decide anew.
async fn decision(
    quota: &AgencyQuota,
    demands: &mut Demands,
    keys: &Keys,
    context: &Context,
) -> Result<AgencyQuotaStatus, Error> {
    let all = quotas_of(&quota.spec.pool, &context.stores);
    let peers: Vec<_> = all.iter().filter(|peer| peer.uid() != quota.uid()).map(|peer| keys.aliases.of_quota(peer)).collect();
    let pool = context.stores.pools.get(&ObjectRef::new(&quota.spec.pool)).map(|pool| keys.aliases.of_pool(&pool));
    loop {
        let decided = decide(&Observed {
            quota,
            pool: pool.as_ref(),
            peers: peers.iter().map(|peer| &**peer).collect(),
            projects: demands.projects.clone(),
            leaving: demands.borrowers.clone(),
        });
        if !demands.recount(&given_on(quota, &decided), keys, context).await? {
            return Ok(decided);
        }
    }
}

/// The uids of namespaces that have less after a decision.
fn given_on<'a>(quota: &'a AgencyQuota, decided: &AgencyQuotaStatus) -> Vec<&'a str> {
    let before = quota.status.iter().flat_map(|status| &status.allocations);
    let has_less = |before: &&Allocation| {
        decided.allocations.iter().any(|after| after.uid == before.uid && !before.hard.fits_in(&after.hard))
    };
    before.filter(has_less).map(|allocation| allocation.uid.as_str()).collect()
}
