//! [`CapacityPool`] and [`AgencyQuota`]: what the Government Cloud has, and each agency's share of it.

mod rules;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, LabelSelector};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Resources;

pub use rules::{Demand, allocate, allocated, guaranteed, release};

/// What the Government Cloud has in some zones: declared, or measured from nodes.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "govcloud.dev",
    version = "v1alpha1",
    kind = "CapacityPool",
    shortname = "pool",
    category = "govcloud",
    status = "CapacityPoolStatus",
    derive = "PartialEq",
    doc = "What the Government Cloud has in some zones, declared or measured from nodes; agencies are promised shares of it.",
    printcolumn(name = "CPU", type_ = "string", json_path = ".status.capacity.requests\\.cpu"),
    printcolumn(name = "Free CPU", type_ = "string", json_path = ".status.available.requests\\.cpu"),
    printcolumn(name = "Memory", type_ = "string", json_path = ".status.capacity.requests\\.memory"),
    printcolumn(name = "Free Memory", type_ = "string", json_path = ".status.available.requests\\.memory"),
    printcolumn(name = "Oversubscribed", type_ = "string", json_path = ".status.conditions[?(@.type=='Oversubscribed')].status"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.capacity) != has(self.nodeSelector)")
    .message("give exactly one of capacity (declared) or nodeSelector (measured from nodes)"))]
pub struct CapacityPoolSpec {
    /// The zones that it stands in.
    #[schemars(length(min = 1, max = 64), inner(length(min = 1, max = 63)))]
    pub zones: Vec<String>,
    /// What it has, with the keys of a ResourceQuota.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<Resources>,
    /// Nodes whose allocatable resources it sums up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_selector: Option<LabelSelector>,
}

/// Where a pool stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CapacityPoolStatus {
    /// The generation of the spec that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// What it has.
    #[serde(default, skip_serializing_if = "Resources::is_empty")]
    #[schemars(extend("maxProperties" = 1024))]
    pub capacity: Resources,
    /// What is promised to agencies.
    #[serde(default, skip_serializing_if = "Resources::is_empty")]
    #[schemars(extend("maxProperties" = 1024))]
    pub guaranteed: Resources,
    /// What is left to promise.
    #[serde(default, skip_serializing_if = "Resources::is_empty")]
    #[schemars(extend("maxProperties" = 1024))]
    pub available: Resources,
    /// Ready, Oversubscribed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
}

/// An agency's share of a pool. Its status is the ledger of what the agency's projects were given.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "govcloud.dev",
    version = "v1alpha1",
    kind = "AgencyQuota",
    plural = "agencyquotas",
    shortname = "aquota",
    category = "govcloud",
    status = "AgencyQuotaStatus",
    derive = "PartialEq",
    doc = "An agency's share of a pool; its status is the ledger of what the agency's projects were given.",
    printcolumn(name = "Agency", type_ = "string", json_path = ".spec.agency"),
    printcolumn(name = "Pool", type_ = "string", json_path = ".spec.pool"),
    printcolumn(name = "CPU", type_ = "string", json_path = ".spec.guaranteed.requests\\.cpu"),
    printcolumn(name = "Allocated CPU", type_ = "string", json_path = ".status.allocated.requests\\.cpu"),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].status"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
pub struct AgencyQuotaSpec {
    /// Whose share it is; cannot be changed.
    #[schemars(length(min = 1, max = 40))]
    #[x_kube(validation = Rule::new("self == oldSelf").message("the agency of a quota cannot be changed; create another AgencyQuota"))]
    pub agency: String,
    /// The CapacityPool it is a share of; cannot be changed.
    #[schemars(length(min = 1, max = 63))]
    #[x_kube(validation = Rule::new("self == oldSelf").message("the pool of a quota cannot be changed; create another AgencyQuota"))]
    pub pool: String,
    /// What the agency is promised, with the keys of a ResourceQuota.
    pub guaranteed: Resources,
    /// At most this much of what other agencies lend; nothing by default.
    #[serde(default, skip_serializing_if = "Resources::is_empty")]
    pub borrowing_limit: Resources,
    /// At most this much of the unused guarantee is lent to others; nothing by default.
    #[serde(default, skip_serializing_if = "Resources::is_empty")]
    pub lending_limit: Resources,
}

/// The ledger of an agency's share. Its `allocations` never sum up to more than the agency's budget.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AgencyQuotaStatus {
    /// The generation of the spec that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// One entry per project namespace.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["namespace"]))]
    pub allocations: Vec<Allocation>,
    /// The sum of the allocations.
    #[serde(default, skip_serializing_if = "Resources::is_empty")]
    #[schemars(extend("maxProperties" = 1024))]
    pub allocated: Resources,
    /// What the project namespaces use, as their ResourceQuotas report it.
    #[serde(default, skip_serializing_if = "Resources::is_empty")]
    #[schemars(extend("maxProperties" = 1024))]
    pub used: Resources,
    /// What the agency holds beyond its guarantee.
    #[serde(default, skip_serializing_if = "Resources::is_empty")]
    pub borrowed: Resources,
    /// What others hold of its guarantee.
    #[serde(default, skip_serializing_if = "Resources::is_empty")]
    pub lent: Resources,
    /// Ready, WithinPool, Overcommitted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
}

/// What one project namespace was given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Allocation {
    /// The project namespace.
    pub namespace: String,
    /// Its uid.
    pub uid: String,
    /// What it may use, with the keys of a ResourceQuota.
    #[schemars(extend("maxProperties" = 1024))]
    pub hard: Resources,
    /// Whether the ResourceQuota is known to follow.
    pub phase: AllocationPhase,
    /// Counts what the ResourceQuota was to be written for: each raise, and the begin of each reduction.
    pub operation: i64,
}

/// Where an [`Allocation`] stands between the ledger and the ResourceQuota.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AllocationPhase {
    /// The ResourceQuota shows the same.
    Settled,
    /// The ledger gave more than the ResourceQuota shows yet.
    Growing,
    /// The ResourceQuota is being lowered; the ledger holds the former amount until the ResourceQuota carries this operation,
    /// and shows no more.
    Shrinking,
}
