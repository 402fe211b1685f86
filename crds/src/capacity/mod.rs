//! [`CapacityPool`] and [`AgencyQuota`]: what the Government Cloud has, and each agency's share of it.

pub mod aliases;
mod explain;
mod explain_help;
mod explain_reason;
mod ledger;
mod lending;
mod permitted;
mod share;
mod usage;

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, LabelSelector};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Resources;

pub use aliases::Aliases;
pub use explain::{Seen, Shortfall, Situation, why};
pub use explain_help::{Help, Who};
pub use explain_reason::{Holder, Reason};
pub use ledger::{Demand, Entry, Live, Released, allocate, curb, release, total};
pub use lending::{loans_of, requested};
pub use permitted::{active_in, brings, gated, permitted};
pub use share::{Observed, decide, decide_pool, guaranteed};
pub use usage::{of_claim, of_pod};

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
    printcolumn(name = "Promised CPU", type_ = "string", json_path = ".status.guaranteed.requests\\.cpu", priority = 1),
    printcolumn(name = "Memory", type_ = "string", json_path = ".status.capacity.requests\\.memory"),
    printcolumn(name = "Free Memory", type_ = "string", json_path = ".status.available.requests\\.memory"),
    printcolumn(name = "Promised Memory", type_ = "string", json_path = ".status.guaranteed.requests\\.memory", priority = 1),
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
    /// Nodes whose allocatable resources it sums up, by `matchLabels` alone; the pods of its projects run on these nodes and
    /// on no others. Labels under `node-restriction.kubernetes.io/` cannot be taken by a node for itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("has(self.matchLabels) && self.matchLabels.size() > 0 && (!has(self.matchExpressions) || self.matchExpressions.size() == 0)")
        .message("nodeSelector takes matchLabels alone, at least one: admission writes it into the nodeSelector of pods, which knows nothing else; label the nodes: kubectl label node NAME KEY=VALUE"))]
    pub node_selector: Option<LabelSelector>,
}

impl CapacityPoolSpec {
    /// The labels of the pool's nodes, if it is measured; `None` if it is declared, or selects by more than labels, as one can
    /// that was written before `matchLabels` was all that is taken.
    pub fn node_labels(&self) -> Option<&BTreeMap<String, String>> {
        let selector = self.node_selector.as_ref()?;
        let only_labels = selector.match_expressions.as_ref().is_none_or(Vec::is_empty);
        selector.match_labels.as_ref().filter(|labels| only_labels && !labels.is_empty())
    }
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
    /// The ledger of the pool: what each agency's quota was given of what it is promised. It sums up to at most what the
    /// pool has, unless the pool shrank.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub shares: Vec<Share>,
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
    printcolumn(name = "Pool", type_ = "string", json_path = ".spec.pool", priority = 1),
    printcolumn(name = "CPU", type_ = "string", json_path = ".spec.guaranteed.requests\\.cpu"),
    printcolumn(name = "Share CPU", type_ = "string", json_path = ".status.share.hard.requests\\.cpu", priority = 1),
    printcolumn(name = "Used CPU", type_ = "string", json_path = ".status.used.requests\\.cpu"),
    printcolumn(name = "Allocated CPU", type_ = "string", json_path = ".status.allocated.requests\\.cpu"),
    printcolumn(name = "Borrowed CPU", type_ = "string", json_path = ".status.borrowed.requests\\.cpu"),
    printcolumn(name = "Lent CPU", type_ = "string", json_path = ".status.lent.requests\\.cpu"),
    printcolumn(name = "Memory", type_ = "string", json_path = ".spec.guaranteed.requests\\.memory", priority = 1),
    printcolumn(name = "Used Memory", type_ = "string", json_path = ".status.used.requests\\.memory", priority = 1),
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
    /// What its pool gave of the guarantee.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<Held>,
    /// What its projects ask for together.
    #[serde(default, skip_serializing_if = "Resources::is_empty")]
    #[schemars(extend("maxProperties" = 1024))]
    pub requested: Resources,
    /// What it lent to other agencies: a part of its ledger like the allocations, one entry per borrowing quota.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub loans: Vec<Share>,
    /// What it holds of others' loans, one entry per lending quota; never more than the lender's ledger has for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub borrowings: Vec<Borrowing>,
    /// One entry per project namespace.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
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
    /// Ready, WithinPool, Overcommitted; Lending and Borrowing where there is any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
}

impl AgencyQuotaStatus {
    /// What the agency may give to its projects: what its pool gave, and what it borrowed, less what it lent.
    #[must_use]
    pub fn budget(&self) -> Resources {
        self.share().plus(&self.borrowed).minus(&self.lent)
    }

    /// What its pool gave.
    #[must_use]
    pub fn share(&self) -> Resources {
        self.share.as_ref().map(|share| share.hard.clone()).unwrap_or_default()
    }

    /// Whether nothing hangs on the quota any more.
    pub fn holds_nothing(&self) -> bool {
        let nothing = Resources::default();
        [&self.share(), &self.allocated, &self.borrowed, &self.lent].into_iter().all(|amounts| amounts.fits_in(&nothing))
    }
}

/// What one project namespace was given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
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
    /// While it shrinks: what it comes down to, as its use allows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lowering_to: Option<Resources>,
}

/// What a pool, or a lending agency, gave to an agency's quota.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Share {
    /// The AgencyQuota.
    pub quota: String,
    /// Its uid.
    pub uid: String,
    /// What it may hold, with the keys of a ResourceQuota.
    #[schemars(extend("maxProperties" = 1024))]
    pub hard: Resources,
    /// Whether the AgencyQuota is known to follow.
    pub phase: AllocationPhase,
    /// Counts what the AgencyQuota was to be written for: each raise, and the begin of each reduction.
    pub operation: i64,
    /// While it shrinks: what it comes down to, as its use allows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lowering_to: Option<Resources>,
}

/// What an agency's quota holds of what its pool gave.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Held {
    /// How much.
    #[schemars(extend("maxProperties" = 1024))]
    pub hard: Resources,
    /// The operation of the pool's ledger that this was written for.
    pub operation: i64,
}

/// What an agency's quota holds of what another one lent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Borrowing {
    /// The lending AgencyQuota.
    pub quota: String,
    /// How much.
    #[schemars(extend("maxProperties" = 1024))]
    pub hard: Resources,
    /// The operation of the lender's ledger that this was written for.
    pub operation: i64,
}

/// Where an entry of a ledger stands between the ledger and its holder: the ResourceQuota of an [`Allocation`], the
/// AgencyQuota of a [`Share`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AllocationPhase {
    /// The holder shows the same.
    Settled,
    /// The ledger gave more than the holder shows yet.
    Growing,
    /// The holder is being lowered; the ledger keeps the former amount until the holder carries this operation, and shows no
    /// more.
    Shrinking,
}
