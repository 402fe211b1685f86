//! [`ProcessingClass`]: a kind of processing infrastructure, how it is recognised, measured and approved.

pub mod compute;
pub mod controlled;
pub mod lineage;
pub mod measure;
pub mod recognise;

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::common::Period;

/// A kind of processing infrastructure: how it is recognised, measured and approved.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "govcloud.dev",
    version = "v1alpha1",
    kind = "ProcessingClass",
    plural = "processingclasses",
    shortname = "pclass",
    category = "govcloud",
    status = "ProcessingClassStatus",
    derive = "PartialEq",
    doc = "A kind of processing infrastructure: how it is recognised in a cluster, measured and approved.",
    printcolumn(name = "Display Name", type_ = "string", json_path = ".spec.displayName"),
    printcolumn(name = "Parent", type_ = "string", json_path = ".spec.parent"),
    printcolumn(name = "Resources", type_ = "integer", json_path = ".status.controlledResources"),
    printcolumn(name = "Permits", type_ = "integer", json_path = ".status.permits"),
    printcolumn(name = "Enforced", type_ = "string", json_path = ".status.conditions[?(@.type=='Enforced')].status"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!has(oldSelf.dimensions) || oldSelf.dimensions.all(o, self.dimensions.exists(d, d.name == o.name))")
        .message("a dimension cannot be removed, because permits are measured in it; add a new one instead"),
    validation = Rule::new("!has(self.workloads) || self.dimensions.exists(d, d.name == self.workloads.countsAs)")
        .message("workloads.countsAs names a dimension that the class does not have; add it to dimensions")
)]
pub struct ProcessingClassSpec {
    /// The class's name as people know it.
    #[schemars(length(min = 1, max = 200))]
    pub display_name: String,
    /// What belongs to it, in words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 2000))]
    pub description: String,
    /// A more general class; an offer of that one covers this one too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub parent: Option<String>,
    /// What a permit and a plan are measured in; may be added to, never removed.
    #[schemars(length(min = 1, max = 16), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub dimensions: Vec<Dimension>,
    /// How it shows up in a cluster as resources of its own; a resource belongs to one class only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub controls: Vec<Control>,
    /// How it shows up as ordinary workloads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workloads: Option<Workloads>,
    /// Dimension to quota key, such as `gpus: requests.nvidia.com/gpu`: that key is 0 in every project without a permit.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "crate::common::texts::<16, 253>")]
    #[x_kube(validation = Rule::new("self.all(d, self[d].matches('^(requests[.][a-z0-9]([-a-z0-9.]*[a-z0-9])?|[a-z0-9]([-a-z0-9.]*[a-z0-9])?[.]deviceclass[.]resource[.]k8s[.]io)/[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$'))").message("gatedQuota names quota keys of devices, such as requests.nvidia.com/gpu"))]
    pub gated_quota: BTreeMap<String, String>,
    /// Who decides, and how long a permit lasts.
    pub approval: Approval,
}

/// One dimension of a class.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dimension {
    /// Its name, such as `brokers`: a lower-case word, because expressions use it.
    #[schemars(length(min = 1, max = 32))]
    #[x_kube(validation = Rule::new("self.matches('^[a-z][a-z0-9]*$')").message("a dimension is a lower-case word, such as brokers, because expressions use it"))]
    pub name: String,
    /// What it counts, in words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 200))]
    pub description: String,
}

/// A resource that is processing infrastructure, and how its size is read.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self.group != 'govcloud.dev' && !self.group.endsWith('.govcloud.dev')").message("the Government Cloud's own kinds cannot be controlled; name the resource of another operator"))]
pub struct Control {
    /// Its API group; never empty, because core workloads are recognised by their images (`workloads`).
    #[schemars(length(min = 1, max = 150))]
    #[x_kube(validation = Rule::new("self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')").message("give the API group without a version, such as kafka.strimzi.io; kubectl api-resources lists them"))]
    pub group: String,
    /// Its plural resource name.
    #[schemars(length(min = 1, max = 63))]
    #[x_kube(validation = Rule::new("self.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')").message("give the plural resource name in lower case, such as kafkanodepools; kubectl api-resources lists them"))]
    pub resource: String,
    /// The version that the expressions read; other versions are converted by the API server before they are measured.
    #[schemars(length(min = 1, max = 63))]
    #[x_kube(validation = Rule::new("self.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')").message("give the version that the expressions read, such as v1 or v1beta2"))]
    pub version: String,
    /// CEL over `object`: the declared maximum of replicas, an integer. `/scale` is checked against it too.
    #[serde(default = "one")]
    #[schemars(length(min = 1, max = 1000))]
    pub replicas: String,
    /// CEL over `object` per dimension: how much of it one replica takes, an integer or a quantity.
    #[schemars(schema_with = "crate::common::texts::<16, 2000>")]
    pub per_replica: BTreeMap<String, String>,
    /// Accounts that may make its pods, such as `system:serviceaccount:strimzi:strimzi-cluster-operator`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8), inner(length(min = 1, max = 253)))]
    #[x_kube(validation = Rule::new("self.all(c, c.startsWith('system:serviceaccount:') && !c.contains('--') && !c.startsWith('system:serviceaccount:agency-') && !c.startsWith('system:serviceaccount:kube-system:'))")
        .message("a controller is a ServiceAccount outside kube-system and outside every agency's namespaces: system:serviceaccount:<namespace>:<name>"))]
    pub controllers: Vec<String>,
}

fn one() -> String {
    "1".to_owned()
}

/// Ordinary workloads that are processing infrastructure because of the images they run.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Workloads {
    /// Regular expressions (RE2) over image references.
    // All patterns of all classes become one, in which no two groups may have the same name.
    // A pattern that cannot be read is an error of the rule itself, so the API server refuses it and says where.
    #[schemars(length(min = 1, max = 32), inner(length(min = 1, max = 200)))]
    #[x_kube(validation = Rule::new("self.all(p, ''.matches(p) == ''.matches(p) && !p.contains('(?P<') && !p.contains('(?<'))").message("an image pattern must be a regular expression (RE2) without named groups"))]
    pub images: Vec<String>,
    /// The dimension that one replica of such a workload counts as one of.
    #[schemars(length(min = 1, max = 32))]
    pub counts_as: String,
}

/// Who decides on permits of a class, and how long they last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Approval {
    /// How many distinct persons of which group must approve; the same to revoke. One of them may deny or return.
    #[schemars(length(min = 1, max = 8))]
    pub quorum: Vec<Quorum>,
    /// What happens to a request that an existing offer covers entirely.
    #[serde(default)]
    pub on_duplicate: OnDuplicate,
    /// CEL over permit, assessment and agency that approves without a person; empty means never.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 2000))]
    pub auto_approve: String,
    /// The longest a permit may last.
    #[serde(default = "a_year")]
    pub max_duration: Period,
    /// After this a request is overdue and escalated; nothing is decided by time.
    #[serde(default = "a_month")]
    pub review_within: Period,
    /// Time to drain after expiry or revocation.
    #[serde(default = "a_month")]
    pub grace: Period,
}

fn a_year() -> Period {
    Period::hours(8760)
}

fn a_month() -> Period {
    Period::hours(720)
}

/// How many persons of a group must approve.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quorum {
    /// The group, as the cluster's authentication names it.
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = Rule::new("!self.startsWith('system:')").message("a quorum is of people; the cluster's own system: groups cannot review"))]
    pub group: String,
    /// How many distinct persons.
    #[schemars(range(min = 1, max = 10))]
    pub count: i32,
}

/// What happens to a request that an existing offer covers entirely.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum OnDuplicate {
    /// A person decides: an approval needs an override with a reason, and one more reviewer.
    #[default]
    Review,
    /// It is denied at once.
    Deny,
}

/// Where a class stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProcessingClassStatus {
    /// The generation of the spec that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// How many resources it controls that this cluster serves.
    #[serde(default)]
    pub controlled_resources: i32,
    /// How many active permits of it there are.
    #[serde(default)]
    pub permits: i32,
    /// Ready, Enforced.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
}
