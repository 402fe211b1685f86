//! [`ProcessingFinding`]: infrastructure that has no permit, exceeds it, duplicates or idles.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Resources;

/// Infrastructure that has no permit, exceeds it, duplicates or idles. Its name is stable for the same object and rule.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "govcloud.dev",
    version = "v1alpha1",
    kind = "ProcessingFinding",
    namespaced,
    shortname = "finding",
    category = "govcloud",
    status = "ProcessingFindingStatus",
    derive = "PartialEq",
    doc = "Infrastructure that has no permit, exceeds it, duplicates or idles. Written by the operator; reviewers acknowledge it.",
    printcolumn(name = "Rule", type_ = "string", json_path = ".spec.rule"),
    printcolumn(name = "Object", type_ = "string", json_path = ".spec.object.name"),
    printcolumn(name = "In", type_ = "string", json_path = ".spec.object.namespace"),
    printcolumn(name = "Class", type_ = "string", json_path = ".spec.processingClass"),
    printcolumn(name = "For", type_ = "date", json_path = ".status.firstSeen"),
    printcolumn(name = "Message", type_ = "string", json_path = ".spec.message")
)]
#[serde(rename_all = "camelCase")]
pub struct ProcessingFindingSpec {
    /// What is wrong.
    pub rule: FindingRule,
    /// The object it is about.
    pub object: ObjectReference,
    /// The class it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub processing_class: Option<String>,
    /// What it takes, in the class's dimensions.
    #[serde(default, skip_serializing_if = "Resources::is_empty")]
    pub capacity: Resources,
    /// What is wrong and what to do, for people.
    #[schemars(length(min = 1, max = 2000))]
    pub message: String,
    /// Offers that would do instead, as `<shared service>/<plan>`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(length(max = 200)))]
    pub alternatives: Vec<String>,
    /// A reviewer's word that it is known and may stay for a while; the only part that people write.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledgement: Option<Acknowledgement>,
}

/// What can be wrong with infrastructure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum FindingRule {
    /// No permit names it.
    Unpermitted,
    /// It is larger than its permit.
    ExceedsPermit,
    /// A shared service offers the same.
    Duplicate,
    /// It is not used.
    Idle,
    /// Its permit ended.
    Expired,
    /// It looks like processing infrastructure and no class knows it.
    Unclassified,
    /// It looks like processing infrastructure in disguise.
    Suspicious,
}

/// An object anywhere in the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ObjectReference {
    /// Its API group; empty for the core group.
    #[serde(default)]
    #[schemars(length(max = 253))]
    pub group: String,
    /// Its plural resource name.
    #[schemars(length(min = 1, max = 63))]
    pub resource: String,
    /// Its namespace; empty for a cluster-scoped object.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 63))]
    pub namespace: String,
    /// Its name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// A reviewer's word that a finding is known.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledgement {
    /// Who; must be the caller's own user name.
    #[schemars(length(min = 1, max = 253))]
    pub by: String,
    /// Why it may stay.
    #[schemars(length(min = 3, max = 1000))]
    pub reason: String,
    /// Until when.
    pub until: Time,
}

/// How long a finding has been there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProcessingFindingStatus {
    /// When it was first seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_seen: Option<Time>,
    /// When it was last seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<Time>,
}
