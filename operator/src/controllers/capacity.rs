//! CapacityPool and AgencyQuota: what there is, what is promised, and the ledger of what projects were given.

use std::sync::Arc;

use govcloud_crds::{
    AgencyQuota, CapacityPool, Project, Resources,
    agency::Agency,
    capacity::{AgencyQuotaStatus, CapacityPoolStatus, Demand, allocate, allocated, guaranteed},
    conditions::{Verdict, conditions},
    names::{ANNOTATION_OPERATION, home_namespace, project_namespace},
    quantity::Quantity,
};
use kube::{
    Api, ResourceExt,
    api::DynamicObject,
    core::{Selector, SelectorExt},
    runtime::{controller::Action, reflector::ObjectRef},
};

use super::project::{QUOTA_NAME, quota::wanted};
use crate::{context::Context, error::Error, managed::Managed, stores::Stores};

/// Sums up what a pool has and what it promised.
pub async fn reconcile_pool(pool: Arc<CapacityPool>, context: Arc<Context>) -> Result<Action, Error> {
    let quotas = context.stores.quotas.state();
    let capacity = pool.spec.capacity.clone().unwrap_or_else(|| of_nodes(&pool, &context));
    let promised = guaranteed(&pool.name_any(), quotas.iter().map(|q| &**q));
    let oversubscribed = match promised.exceeds(&capacity) {
        Some(key) => Verdict::yes(
            "Oversubscribed",
            "PromisedTooMuch",
            format!(
                "More {key} is promised to agencies than there is: {} of {}. Nothing is taken away; lower a guarantee or add capacity.",
                promised.get(key),
                capacity.get(key)
            ),
        ),
        None => Verdict::no("Oversubscribed", "WithinCapacity", "Every promise is covered."),
    };
    let ready = Verdict::yes("Ready", "Counted", "The figures are current.");
    let before = pool.status.clone().unwrap_or_default();
    let status = CapacityPoolStatus {
        observed_generation: pool.metadata.generation,
        available: capacity.minus(&promised),
        guaranteed: promised,
        capacity,
        conditions: conditions(&before.conditions, &[ready, oversubscribed], pool.metadata.generation, context.now()),
    };
    let api: Api<CapacityPool> = Api::all(context.client.clone());
    context.write_status(&api, &*pool, pool.status.as_ref(), status, |object, status| object.status = Some(status)).await?;
    Ok(Action::await_change())
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
            let known = allocatable
                .iter()
                .filter(|(key, _)| key.as_str() != "pods" && !key.starts_with("ephemeral") && !key.starts_with("hugepages"));
            known
                .filter_map(|(key, amount)| Some((format!("requests.{key}"), amount.0.parse::<Quantity>().ok()?)))
                .collect::<Resources>()
        })
        .fold(Resources::default(), |sum, node| sum.plus(&node))
}

/// Serves an agency's projects from its share.
pub async fn reconcile_quota(quota: Arc<AgencyQuota>, context: Arc<Context>) -> Result<Action, Error> {
    let first = ledger_of(&quota.spec.agency, &quota.spec.pool, &context.stores);
    let is_first = first.as_ref().is_none_or(|first| first.metadata.uid == quota.metadata.uid);
    let demands = if is_first { demands(&quota, &context) } else { Vec::new() };
    let before = quota.status.clone().unwrap_or_default();
    let allocations = allocate(&quota.spec.guaranteed, &before.allocations, &demands);
    let held = allocated(&allocations);
    let mut verdicts = verdicts(&quota, &context, &held);
    if let (false, Some(first)) = (is_first, first) {
        let message = format!(
            "{} is the agency's share of this pool already; nothing is served from a second one. Raise that one and delete this.",
            first.name_any()
        );
        verdicts[0] = Verdict::no("Ready", "SecondShare", message);
    }
    let status = AgencyQuotaStatus {
        observed_generation: quota.metadata.generation,
        used: demands
            .iter()
            .map(|d| used(&context.stores.managed, &d.namespace))
            .fold(Resources::default(), |sum, used| sum.plus(&used)),
        allocated: held,
        allocations,
        conditions: conditions(&before.conditions, &verdicts, quota.metadata.generation, context.now()),
        ..AgencyQuotaStatus::default()
    };
    let api: Api<AgencyQuota> = Api::all(context.client.clone());
    context.write_status(&api, &*quota, quota.status.as_ref(), status, |object, status| object.status = Some(status)).await?;
    Ok(Action::await_change())
}

/// The ledger of an agency in a pool: of several the oldest.
pub(super) fn ledger_of(agency: &str, pool: &str, stores: &Stores) -> Option<Arc<AgencyQuota>> {
    let all = stores.quotas.state_filter(|q| q.spec.agency == agency && q.spec.pool == pool);
    all.into_iter().min_by_key(|q| (q.metadata.creation_timestamp.as_ref().map(|t| t.0), q.name_any()))
}

fn verdicts(quota: &AgencyQuota, context: &Context, held: &Resources) -> Vec<Verdict> {
    let pool = context.stores.pools.get(&ObjectRef::new(&quota.spec.pool));
    let within = match &pool {
        None => Verdict::no("WithinPool", "NoSuchPool", format!("There is no CapacityPool {}.", quota.spec.pool)),
        Some(pool)
            if govcloud_crds::conditions::is_true(&pool.status.clone().unwrap_or_default().conditions, "Oversubscribed") =>
        {
            Verdict::no("WithinPool", "PoolExhausted", format!("Pool {} has promised more than it has.", quota.spec.pool))
        }
        Some(_) => Verdict::yes("WithinPool", "Covered", "The pool covers the guarantee."),
    };
    let over = match held.exceeds(&quota.spec.guaranteed) {
        Some(key) => Verdict::yes(
            "Overcommitted",
            "BudgetReduced",
            format!(
                "Projects hold more {key} than the budget: {} of {}. Nothing is taken away; ask the agency to reduce a project.",
                held.get(key),
                quota.spec.guaranteed.get(key)
            ),
        ),
        None => Verdict::no("Overcommitted", "WithinBudget", "What projects hold is within the budget."),
    };
    let agency: Option<Arc<Agency>> = context.stores.agencies.get(&ObjectRef::new(&quota.spec.agency));
    let ready = match (agency, within.holds) {
        (None, _) => Verdict::no("Ready", "NoSuchAgency", format!("There is no agency {}.", quota.spec.agency)),
        (Some(_), Some(true)) => Verdict::yes("Ready", "Serving", "Projects are served from this share."),
        (Some(_), _) => Verdict { kind: "Ready", ..within.clone() },
    };
    let unused = (!quota.spec.borrowing_limit.is_empty() || !quota.spec.lending_limit.is_empty()).then(|| {
        Verdict::no(
            "Borrowing",
            "NotSupported",
            "This version of the operator neither borrows nor lends; the limits have no effect.",
        )
    });
    [ready, within, over].into_iter().chain(unused).collect()
}

/// What every namespace of the agency in this pool asks for, the oldest project first.
///
/// A project that is being deleted asks for nothing, and keeps what its quota shows until its namespace is gone.
fn demands(quota: &AgencyQuota, context: &Context) -> Vec<Demand> {
    let (agency, stores) = (&quota.spec.agency, &context.stores);
    let home = home_namespace(agency);
    let mut projects =
        stores.projects.state_filter(|p| p.metadata.namespace.as_deref() == Some(&home) && p.spec.pool == quota.spec.pool);
    projects.sort_by_key(|p| (p.metadata.creation_timestamp.as_ref().map(|t| t.0), p.name_any()));
    projects.iter().filter_map(|project| demand(agency, project, context)).collect()
}

fn demand(agency: &str, project: &Project, context: &Context) -> Option<Demand> {
    let name = project_namespace(agency, &project.name_any());
    let namespace = context.stores.namespaces.get(&ObjectRef::new(&name))?;
    // A namespace that belongs to somebody else is none of ours to account for.
    let uid = project.status.as_ref()?.namespace_uid.clone().filter(|uid| namespace.metadata.uid.as_ref() == Some(uid))?;
    let leaving = project.metadata.deletion_timestamp.is_some();
    let wanted = if leaving { Resources::default() } else { wanted(project, context) };
    let quota = live(&context.stores.managed, &name);
    let shown = quota.as_deref().map(shown).unwrap_or_default();
    let operation = quota.as_deref().map(operation).unwrap_or_default();
    Some(Demand { namespace: name, uid, wanted, shown, operation, leaving })
}

fn live(managed: &Managed, namespace: &str) -> Option<Arc<DynamicObject>> {
    managed.get("ResourceQuota", Some(namespace), QUOTA_NAME)
}

fn field(quota: &DynamicObject, pointer: &str) -> Resources {
    let value = quota.data.pointer(pointer).cloned().unwrap_or_default();
    serde_json::from_value(value).unwrap_or_default()
}

/// What a ResourceQuota says.
pub(super) fn hard_of(quota: &DynamicObject) -> Resources {
    field(quota, "/spec/hard")
}

/// Key by key the largest of what a ResourceQuota says, what the API server enforces, and what is in use: one that was
/// lowered below its use gives back only what is not used.
fn shown(quota: &DynamicObject) -> Resources {
    hard_of(quota).largest(&field(quota, "/status/hard")).largest(&field(quota, "/status/used"))
}

/// The operation of the ledger that a ResourceQuota was last written for.
fn operation(quota: &DynamicObject) -> i64 {
    quota.annotations().get(ANNOTATION_OPERATION).and_then(|number| number.parse().ok()).unwrap_or_default()
}

fn used(managed: &Managed, namespace: &str) -> Resources {
    live(managed, namespace).map(|quota| field(&quota, "/status/used")).unwrap_or_default()
}
