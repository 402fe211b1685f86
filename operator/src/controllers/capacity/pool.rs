//! What a pool has, and what of it each agency's quota was given.

use std::{borrow::Cow, sync::Arc};

use govcloud_crds::{
    AgencyQuota, CapacityPool, Resources,
    capacity::{CapacityPoolStatus, Demand, decide_pool},
    conditions::{Verdict, conditions},
    names::FINALIZER,
    quantity::Quantity,
};
use kube::{
    Api, ResourceExt,
    core::{Selector, SelectorExt},
    runtime::controller::Action,
};

use super::{is_there, leaving, ledger_of, quotas_of};
use crate::{context::Context, error::Error, namespaces};

/// Sums up what a pool has and what it promised, and gives the shares.
pub async fn reconcile(pool: Arc<CapacityPool>, context: Arc<Context>) -> Result<Action, Error> {
    let api: Api<CapacityPool> = Api::all(context.client.clone());
    let is_deleted = pool.metadata.deletion_timestamp.is_some();
    if !is_deleted && namespaces::add_finalizer(&api, &*pool).await? {
        return Ok(Action::await_change());
    }
    let aliases = context.stores.aliases();
    let all = quotas_of(&pool.name_any(), &context.stores);
    let quotas: Vec<_> = all.iter().map(|quota| aliases.of_quota(quota)).collect();
    let gone = unknown(&pool, &quotas, &context).await?;
    let named = aliases.of_pool(&pool);
    let capacity = named.spec.capacity.clone().unwrap_or_else(|| aliases.canonical(&of_nodes(&pool, &context)));
    let idle = |quota: &AgencyQuota| {
        ledger_of(&quota.spec.agency, &quota.spec.pool, &context.stores).is_some_and(|first| first.uid() != quota.uid())
    };
    let decided = decide_pool(&named, capacity, &quotas, idle, gone);
    if is_deleted && decided.shares.iter().all(|share| share.hard.is_empty()) {
        namespaces::remove_finalizer(&api, &*pool, FINALIZER).await?;
        return Ok(Action::await_change());
    }
    let before = pool.status.clone().unwrap_or_default();
    let verdicts = verdicts(&pool, &decided);
    let status = CapacityPoolStatus {
        observed_generation: pool.metadata.generation,
        conditions: conditions(&before.conditions, &verdicts, pool.metadata.generation, context.now()),
        ..decided
    };
    context.write_status(&api, &*pool, pool.status.as_ref(), status, |object, status| object.status = Some(status)).await?;
    Ok(Action::await_change())
}

/// Entries of quotas that the store does not show and the API server has.
async fn unknown(pool: &CapacityPool, quotas: &[Cow<'_, AgencyQuota>], context: &Context) -> Result<Vec<Demand>, Error> {
    let mut unknown = Vec::new();
    for share in pool.status.iter().flat_map(|status| &status.shares) {
        let is_known = quotas.iter().any(|quota| quota.metadata.uid.as_ref() == Some(&share.uid));
        if !is_known && is_there::<AgencyQuota>(&share.quota, &share.uid, context).await? {
            unknown.push(leaving(&share.quota, &share.uid));
        }
    }
    Ok(unknown)
}

fn verdicts(pool: &CapacityPool, decided: &CapacityPoolStatus) -> [Verdict; 2] {
    let CapacityPoolStatus { capacity, guaranteed, .. } = decided;
    let oversubscribed = match guaranteed.exceeds(capacity) {
        Some(key) => Verdict::yes(
            "Oversubscribed",
            "PromisedTooMuch",
            format!(
                "More {key} is promised to agencies than there is: {} of {}. Nothing is taken away; lower a guarantee or add capacity.",
                guaranteed.get(key),
                capacity.get(key)
            ),
        ),
        None => Verdict::no("Oversubscribed", "WithinCapacity", "Every promise is covered."),
    };
    let holders: Vec<_> = decided.shares.iter().filter(|s| !s.hard.is_empty()).map(|s| s.quota.as_str()).collect();
    let ready = if pool.metadata.deletion_timestamp.is_some() {
        let message =
            format!("It is deleted when nobody holds a share of it any more. These AgencyQuotas do: {}.", holders.join(", "));
        Verdict::no("Ready", "Deleting", message)
    } else {
        Verdict::yes("Ready", "Counted", "The figures are current.")
    };
    [ready, oversubscribed]
}

/// The sum of the allocatable resources of the nodes that a pool selects, under a quota's keys.
fn of_nodes(pool: &CapacityPool, context: &Context) -> Resources {
    let Some(Ok(selector)) = pool.spec.node_selector.clone().map(Selector::try_from) else { return Resources::default() };
    let nodes = context.stores.nodes.state();
    nodes
        .iter()
        .filter(|node| selector.matches(node.labels()))
        .filter_map(|node| node.status.as_ref()?.allocatable.as_ref())
        .map(|allocatable| {
            let known = allocatable.iter().filter(|(key, _)| key.as_str() != "pods");
            known
                .filter_map(|(key, amount)| Some((format!("requests.{key}"), amount.0.parse::<Quantity>().ok()?)))
                .collect::<Resources>()
        })
        .fold(Resources::default(), |sum, node| sum.plus(&node))
}
