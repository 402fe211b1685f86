//! What keeps the rule while the operator is down: admission policies and agency roles, as data.
//!
//! [`desired`] is a pure function from the classes, the pools, the exemptions and what the cluster serves to the manifests that must
//! be there. The controller of the same name compares them with what is there and repairs every difference.

mod cel;
pub mod guards;
pub mod mutation;
pub mod placement;
pub mod policy;
pub mod probe;
pub mod roles;
pub mod slots;
pub mod workloads;

use std::collections::{BTreeMap, BTreeSet};

use govcloud_crds::{
    CapacityPool, GovernmentCloud, ProcessingClass, capacity::Aliases, class::compute::thresholds, cloud::exempt_namespaces,
};
use serde_json::Value;

/// A resource that the cluster serves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServedResource {
    /// Every version it is served in.
    pub versions: Vec<String>,
    /// Its kind.
    pub kind: String,
    /// Whether its objects are in namespaces.
    pub namespaced: bool,
}

/// The resources that the cluster serves, of the groups that classes name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Served(pub BTreeMap<(String, String), ServedResource>);

impl Served {
    /// What is served of one resource.
    pub fn get(&self, group: &str, resource: &str) -> Option<&ServedResource> {
        self.0.get(&(group.to_owned(), resource.to_owned()))
    }

    /// The versions of one resource; none if it is not served.
    pub fn versions(&self, group: &str, resource: &str) -> &[String] {
        self.get(group, resource).map(|r| r.versions.as_slice()).unwrap_or_default()
    }

    /// The kind of one resource.
    pub fn kind(&self, group: &str, resource: &str) -> Option<&str> {
        self.get(group, resource).map(|r| r.kind.as_str())
    }
}

/// What the enforcement objects are made from.
#[derive(Clone, Debug)]
pub struct Inputs<'a> {
    /// All classes by name.
    pub classes: &'a BTreeMap<String, ProcessingClass>,
    /// Classes whose expressions cannot be used: nothing of their resources starts or changes until they are mended.
    pub closed: &'a BTreeSet<String>,
    /// All pools by name: where the pods of their projects run.
    pub pools: &'a BTreeMap<String, CapacityPool>,
    /// What else gated devices are called.
    pub aliases: &'a Aliases,
    /// The GovernmentCloud, if there is one yet; without it only the system's namespaces are exempt.
    pub cloud: Option<&'a GovernmentCloud>,
    /// What the cluster serves.
    pub served: &'a Served,
    /// The operator's user name.
    pub operator_user: &'a str,
    /// The operator's namespace.
    pub operator_namespace: &'a str,
}

/// Every admission policy, binding and agency role that must be there, in a stable order.
pub fn desired(inputs: &Inputs<'_>) -> Vec<Value> {
    let exempt = exempt_namespaces(inputs.cloud, inputs.operator_namespace);
    let gated = gated_keys(inputs.classes);
    let mut policies = guards::policies(inputs.operator_user, &gated, inputs.aliases, &controllers(inputs.classes));
    policies.extend(slots::policies(inputs.classes, inputs.closed, inputs.served, &exempt));
    policies.extend(workloads::policies(inputs.classes, &thresholds(inputs.cloud).0, inputs.served, &exempt));
    let mut manifests: Vec<_> = policies.iter().flat_map(policy::Policy::manifests).collect();
    manifests.extend(placement::manifests(inputs.pools, inputs.served));
    manifests.extend(roles::cluster_roles(inputs.classes));
    manifests.push(roles::scanner_role(inputs.classes));
    manifests
}

/// The accounts of the operators that classes name.
pub fn controllers(classes: &BTreeMap<String, ProcessingClass>) -> Vec<String> {
    let mut accounts: Vec<_> = classes.values().flat_map(|c| &c.spec.controls).flat_map(|c| c.controllers.clone()).collect();
    accounts.sort();
    accounts.dedup();
    accounts
}

/// Every quota key that a class gates: 0 in each project without a permit.
pub fn gated_keys(classes: &BTreeMap<String, ProcessingClass>) -> Vec<String> {
    let mut keys: Vec<_> = classes.values().flat_map(|c| c.spec.gated_quota.values().cloned()).collect();
    keys.sort();
    keys.dedup();
    keys
}
