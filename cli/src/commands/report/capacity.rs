//! `govcloud report capacity`: who runs what, and what is left.

use std::collections::{BTreeMap, BTreeSet};

use govcloud_crds::{
    AgencyQuota, CapacityPool, ProcessingPermit, Quantity, Resources, SharedService,
    finding::FindingRule,
    permit::{Phase, demand, effective::granted_targets, succession::taken_over},
};
use kube::ResourceExt as _;
use serde::Serialize;

use super::gather::{Gathered, agency_of};

/// Who runs what, and what is left.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Capacity {
    /// What runs, by class and agency.
    pub running: Vec<Running>,
    /// What shared services have, by class.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub classes: Option<Vec<ClassCapacity>>,
    /// Each shared service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub services: Option<Vec<Service>>,
    /// Each pool of the Government Cloud itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pools: Option<Vec<Pool>>,
    /// Each agency's share of a pool.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quotas: Option<Vec<Share>>,
}

/// What an agency runs of a class.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Running {
    /// The class.
    pub class: String,
    /// The class as people know it.
    pub class_name: String,
    /// The agency; empty for what runs outside every agency's namespaces.
    pub agency: String,
    /// What its active and suspended permits allow, in the class's dimensions; missing if permits cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permitted: Option<Resources>,
    /// What runs without a permit, or after its end; missing if findings cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unpermitted: Option<Resources>,
    /// What of both was found not to be used; missing if nothing was, also because nobody knows what is used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle: Option<Resources>,
    /// How many objects run without a permit whose size cannot be told; missing if findings cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unmeasured: Option<usize>,
}

impl Running {
    /// Everything that it names, once.
    pub fn amounts(&self) -> impl Iterator<Item = &Resources> {
        self.permitted.iter().chain(&self.unpermitted)
    }

    /// Whether something runs without a permit.
    pub fn is_without(&self) -> bool {
        self.unpermitted.as_ref().is_some_and(|amounts| !amounts.is_empty()) || self.unmeasured.is_some_and(|count| count > 0)
    }
}

/// What shared services of a class have together.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClassCapacity {
    /// The class.
    pub class: String,
    /// The class as people know it.
    pub class_name: String,
    /// What they have.
    #[serde(flatten)]
    pub has: Room,
}

/// What something has, and what became of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Room {
    /// All of it.
    pub capacity: Resources,
    /// What claims hold.
    pub reserved: Resources,
    /// What is kept for agencies that were sent there instead of getting a permit.
    pub kept: Resources,
    /// What anybody can have.
    pub spare: Resources,
}

/// A shared service.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Service {
    /// Its name.
    pub service: String,
    /// The class that it stands in for.
    pub class: String,
    /// The agency that provides it.
    pub provider: String,
    /// How many claims hold capacity.
    pub claims: usize,
    /// What it has.
    #[serde(flatten)]
    pub has: Room,
    /// What can be claimed.
    pub plans: Vec<Plan>,
}

/// A plan of a service.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// Its name.
    pub plan: String,
    /// What one claim takes.
    pub per_claim: Resources,
    /// How many more claims the spare capacity holds; missing if a claim takes nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fits: Option<i64>,
}

/// A pool.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Pool {
    /// Its name.
    pub pool: String,
    /// What it has, with the keys of a ResourceQuota.
    pub capacity: Resources,
    /// What is promised to agencies.
    pub promised: Resources,
    /// What is left to promise.
    pub spare: Resources,
}

/// An agency's share of a pool.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Share {
    /// The agency.
    pub agency: String,
    /// The pool.
    pub pool: String,
    /// What it is promised, with the keys of a ResourceQuota.
    pub promised: Resources,
    /// What its projects were given.
    pub given: Resources,
    /// What they use.
    pub used: Resources,
    /// What it borrows.
    pub borrowed: Resources,
    /// What it lent.
    pub lent: Resources,
}

/// What was gathered, as a report.
pub fn capacity(gathered: &Gathered) -> Capacity {
    let services: Option<Vec<_>> = gathered.services.as_ref().map(|all| all.iter().map(service).collect());
    Capacity {
        running: running(gathered),
        classes: services.as_ref().map(|services| by_class(services, gathered)),
        services,
        pools: gathered.pools.as_ref().map(|all| all.iter().map(pool).collect()),
        quotas: gathered.quotas.as_ref().map(|all| all.iter().map(share).collect()),
    }
}

/// What runs, by class and agency: what permits allow, and what was found without one.
pub fn running(gathered: &Gathered) -> Vec<Running> {
    let mut all: BTreeMap<(String, String), Running> = BTreeMap::new();
    let mut of = |class: &str, agency: String, add: &dyn Fn(&mut Running)| {
        add(all.entry((class.to_owned(), agency.clone())).or_insert_with(|| Running {
            class: class.to_owned(),
            class_name: gathered.class_name(class),
            agency,
            permitted: gathered.permits.as_ref().map(|_| Resources::default()),
            unpermitted: gathered.findings.as_ref().map(|_| Resources::default()),
            idle: None,
            unmeasured: gathered.findings.as_ref().map(|_| 0),
        }));
    };
    for permit in holding(gathered.permits.as_deref().unwrap_or_default()) {
        let allowed = demand(&granted_targets(permit)).without_zeros();
        of(&permit.spec.processing_class, agency_of(permit), &|row| {
            row.permitted = row.permitted.take().map(|sum| sum.plus(&allowed));
        });
    }
    for finding in gathered.findings.iter().flatten() {
        let (spec, agency) = (&finding.spec, agency_of(finding));
        let runs_without = matches!(spec.rule, FindingRule::Unpermitted | FindingRule::Expired);
        let Some(class) = &spec.processing_class else { continue };
        if spec.rule == FindingRule::Idle {
            of(class, agency, &|row| row.idle = Some(row.idle.take().unwrap_or_default().plus(&spec.capacity)));
        } else if runs_without {
            of(class, agency, &|row| {
                row.unpermitted = row.unpermitted.take().map(|sum| sum.plus(&spec.capacity));
                row.unmeasured = row.unmeasured.map(|count| count + usize::from(spec.capacity.is_empty()));
            });
        }
    }
    all.into_values().collect()
}

/// The permits under which something may run. What another one took over is counted there.
pub fn holding(permits: &[ProcessingPermit]) -> Vec<&ProcessingPermit> {
    let taken: BTreeSet<_> = taken_over(permits);
    let holds = |permit: &&ProcessingPermit| {
        let phase = permit.status.as_ref().map(|status| status.phase).unwrap_or_default();
        matches!(phase, Phase::Active | Phase::Suspended) && !permit.metadata.uid.as_ref().is_some_and(|uid| taken.contains(uid))
    };
    permits.iter().filter(holds).collect()
}

fn service(service: &SharedService) -> Service {
    let status = service.status.clone().unwrap_or_default();
    let spare = service.available().minus(&status.kept);
    let plan = |plan: &govcloud_crds::service::Plan| Plan {
        plan: plan.name.clone(),
        per_claim: plan.capacity.clone(),
        fits: fits(&spare, &plan.capacity),
    };
    Service {
        service: service.name_any(),
        class: service.spec.processing_class.clone(),
        provider: service.spec.provider.clone(),
        claims: usize::try_from(status.claims).unwrap_or_default(),
        plans: service.spec.plans.iter().map(plan).collect(),
        has: Room { capacity: service.spec.capacity.clone(), reserved: status.allocated, kept: status.kept, spare },
    }
}

/// How many times `part` fits into `room`.
fn fits(room: &Resources, part: &Resources) -> Option<i64> {
    let times = |(key, amount): (&String, &Quantity)| {
        let reached = room.get(key).divide_up(*amount)?;
        // Rounded up it may be one too many.
        Some(if amount.times(reached) > room.get(key) { reached - 1 } else { reached })
    };
    part.0.iter().filter(|(_, amount)| !amount.is_zero_or_less()).filter_map(times).min()
}

fn by_class(services: &[Service], gathered: &Gathered) -> Vec<ClassCapacity> {
    let mut all: BTreeMap<String, ClassCapacity> = BTreeMap::new();
    for service in services {
        let new = || ClassCapacity {
            class: service.class.clone(),
            class_name: gathered.class_name(&service.class),
            has: Room::default(),
        };
        let has = &mut all.entry(service.class.clone()).or_insert_with(new).has;
        *has = Room {
            capacity: has.capacity.plus(&service.has.capacity),
            reserved: has.reserved.plus(&service.has.reserved),
            kept: has.kept.plus(&service.has.kept),
            spare: has.spare.plus(&service.has.spare),
        };
    }
    all.into_values().collect()
}

fn pool(pool: &CapacityPool) -> Pool {
    let status = pool.status.clone().unwrap_or_default();
    let capacity = if status.capacity.is_empty() { pool.spec.capacity.clone().unwrap_or_default() } else { status.capacity };
    Pool { pool: pool.name_any(), spare: capacity.minus(&status.guaranteed), capacity, promised: status.guaranteed }
}

fn share(quota: &AgencyQuota) -> Share {
    let status = quota.status.clone().unwrap_or_default();
    Share {
        agency: quota.spec.agency.clone(),
        pool: quota.spec.pool.clone(),
        promised: quota.spec.guaranteed.clone(),
        given: status.allocated,
        used: status.used,
        borrowed: status.borrowed,
        lent: status.lent,
    }
}

#[cfg(test)]
#[path = "capacity_tests.rs"]
mod tests;
