//! What an agency's projects ask of its ledger, and what their ResourceQuotas show.

use std::{collections::BTreeSet, sync::Arc};

use futures::future::try_join_all;
use govcloud_crds::{
    AgencyQuota, Project, Resources,
    capacity::{Demand, of_claim, of_pod},
    common::age,
    names::{home_namespace, project_namespace},
};
use k8s_openapi::api::core::v1::{Namespace, PersistentVolumeClaim, Pod};
use kube::{Api, ResourceExt, api::ListParams, runtime::reflector::ObjectRef};
use serde::de::DeserializeOwned;

use super::{is_there, leaving, live, operation_of, shown, used_of};
use crate::{
    context::Context,
    controllers::project::quota::{Keys, waiting, wanted},
    error::Error,
};

/// How many namespaces are counted at once.
const AT_ONCE: usize = 16;

/// What a ledger is asked for.
#[derive(Default)]
pub(super) struct Demands {
    /// By its agency's projects, oldest first.
    pub(super) projects: Vec<Demand>,
    /// By borrowers that the store does not show and the API server has.
    pub(super) borrowers: Vec<Demand>,
    /// Uids of namespaces whose use was counted at the API server.
    counted: BTreeSet<String>,
}

impl Demands {
    /// What every namespace of the agency in this pool asks for.
    ///
    /// A project that is being deleted asks for nothing, and keeps what it has until its namespace is gone.
    pub(super) async fn gather(quota: &AgencyQuota, keys: &Keys, context: &Context) -> Result<Self, Error> {
        let mut projects: Vec<_> =
            projects(quota, context).iter().filter_map(|project| demand(quota, project, keys, context)).collect();
        let status = quota.status.clone().unwrap_or_default();
        for allocation in &status.allocations {
            let is_known = projects.iter().any(|demand| demand.uid == allocation.uid);
            // One that is gone is dropped, and with it all it used.
            if !is_known && is_there::<Namespace>(&allocation.namespace, &allocation.uid, context).await? {
                projects.push(leaving(&allocation.namespace, &allocation.uid));
            }
        }
        let mut borrowers = Vec::new();
        for loan in &status.loans {
            let is_known = context.stores.quotas.find(|q| q.metadata.uid.as_ref() == Some(&loan.uid)).is_some();
            if !is_known && is_there::<AgencyQuota>(&loan.quota, &loan.uid, context).await? {
                borrowers.push(leaving(&loan.quota, &loan.uid));
            }
        }
        Ok(Self { projects, borrowers, counted: BTreeSet::new() })
    }

    /// Counts at the API server what the namespaces with these uids really use, each once: the quota's own count lags at
    /// times. Whether any was left to count.
    pub(super) async fn recount(&mut self, uids: &[&str], keys: &Keys, context: &Context) -> Result<bool, Error> {
        let is_left = |demand: &Demand| uids.contains(&demand.uid.as_str()) && !self.counted.contains(&demand.uid);
        let left: Vec<usize> = (0..self.projects.len()).filter(|place| is_left(&self.projects[*place])).collect();
        for places in left.chunks(AT_ONCE) {
            let counting: Vec<_> = places.iter().map(|place| in_use(&self.projects[*place].holder, context)).collect();
            for (place, used) in places.iter().zip(try_join_all(counting).await?) {
                context.metrics.recounts.inc();
                let (demand, used) = (&mut self.projects[*place], keys.aliases.canonical(&used));
                demand.shown = demand.shown.largest(&used);
                demand.used = demand.used.largest(&used);
                self.counted.insert(demand.uid.clone());
            }
        }
        Ok(!left.is_empty())
    }
}

/// The projects that a quota serves, oldest first.
fn projects(quota: &AgencyQuota, context: &Context) -> Vec<Arc<Project>> {
    let home = home_namespace(&quota.spec.agency);
    let is_served = |p: &Project| p.metadata.namespace.as_deref() == Some(&home) && p.spec.pool == quota.spec.pool;
    let mut projects = context.stores.projects.state_filter(is_served);
    projects.sort_by_key(|project| age(&**project));
    projects
}

fn demand(quota: &AgencyQuota, project: &Project, keys: &Keys, context: &Context) -> Option<Demand> {
    let name = project_namespace(&quota.spec.agency, &project.name_any());
    let namespace = context.stores.namespaces.get(&ObjectRef::new(&name))?;
    // A namespace that belongs to somebody else is none of ours to account for.
    let uid = project.status.as_ref()?.namespace_uid.clone().filter(|uid| namespace.metadata.uid.as_ref() == Some(uid))?;
    let is_leaving = project.metadata.deletion_timestamp.is_some();
    let live = live(&context.stores.managed, &name, &uid);
    let (wanted, whole) = if is_leaving {
        (Resources::default(), Vec::new())
    } else {
        (
            wanted(project, Some(quota), keys, context),
            waiting(project, keys, context).into_iter().map(|(_, brings)| brings).collect(),
        )
    };
    Some(Demand {
        holder: name,
        uid,
        wanted,
        whole,
        shown: live.as_deref().map(|live| keys.aliases.canonical(&shown(live))).unwrap_or_default(),
        used: live.as_deref().map(|live| keys.aliases.canonical(&used_of(live))).unwrap_or_default(),
        operation: live.as_deref().map(operation_of).unwrap_or_default(),
        leaving: is_leaving,
    })
}

/// What the pods and the claims on storage of a namespace use, read from the API server itself.
async fn in_use(namespace: &str, context: &Context) -> Result<Resources, Error> {
    let pods = list::<Pod>(namespace, context).await?;
    let claims = list::<PersistentVolumeClaim>(namespace, context).await?;
    let all = pods.iter().map(of_pod).chain(claims.iter().map(of_claim));
    Ok(all.fold(Resources::default(), |sum, next| sum.plus(&next)))
}

async fn list<K>(namespace: &str, context: &Context) -> Result<Vec<K>, Error>
where
    K: kube::Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope> + Clone + DeserializeOwned + std::fmt::Debug,
{
    let api: Api<K> = Api::namespaced(context.client.clone(), namespace);
    let listed = api.list(&ListParams::default()).await; // without a version: what is stored, not what a cache has
    let what = || format!("{} of {namespace}", K::plural(&()));
    listed.map(|list| list.items).map_err(|source| Error::Read { what: what(), source: Box::new(source) })
}
