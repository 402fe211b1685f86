//! [`PermitReview`]: one reviewer's verdict, append-only.

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Resources;

/// One reviewer's verdict on a permit. It is never changed and never deleted.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "govcloud.dev",
    version = "v1alpha1",
    kind = "PermitReview",
    namespaced,
    shortname = "review",
    category = "govcloud",
    derive = "PartialEq",
    doc = "One reviewer's verdict on a permit; never changed and never deleted.",
    printcolumn(name = "Permit", type_ = "string", json_path = ".spec.permit.name"),
    printcolumn(name = "Verdict", type_ = "string", json_path = ".spec.verdict"),
    printcolumn(name = "Reviewer", type_ = "string", json_path = ".spec.reviewer"),
    printcolumn(name = "Group", type_ = "string", json_path = ".spec.group"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self == oldSelf").message("a review cannot be changed; give another one"))]
pub struct PermitReviewSpec {
    /// The permit, pinned to the very request that the reviewer saw.
    pub permit: PermitReference,
    /// Who reviews; must be the caller's own user name.
    #[schemars(length(min = 1, max = 253))]
    pub reviewer: String,
    /// The group in which they review; must be one of the caller's groups.
    #[schemars(length(min = 1, max = 253))]
    pub group: String,
    /// What they say.
    pub verdict: ReviewVerdict,
    /// Why.
    #[schemars(length(min = 3, max = 4000))]
    pub reason: String,
    /// A smaller size than was asked for; what is wider than asked is ignored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub narrow: Option<Narrow>,
    /// Approves although a shared service would do; the reason says why.
    #[serde(default)]
    pub override_duplicate: bool,
}

/// A permit, pinned.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PermitReference {
    /// Its name in the same namespace.
    #[schemars(length(min = 1, max = 63))]
    pub name: String,
    /// Its uid.
    #[schemars(length(min = 1, max = 64))]
    pub uid: String,
    /// The digest of the request, from its status.
    #[schemars(length(max = 128))]
    #[x_kube(validation = Rule::new("self.matches('^[0-9a-f]{64}$')").message("the digest pins the request that the reviewer saw; copy it from the permit's status.digest"))]
    pub digest: String,
}

/// What a reviewer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ReviewVerdict {
    /// Yes.
    Approve,
    /// No.
    Deny,
    /// More information is needed.
    Return,
    /// Stop an active permit for a while.
    Suspend,
    /// Let a suspended permit go on.
    Resume,
    /// Take an active permit back.
    Revoke,
}

impl std::fmt::Display for ReviewVerdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(self, f)
    }
}

/// A smaller size than was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Narrow {
    /// By target; a target that is not named stays as it was asked for.
    #[schemars(length(max = 16))]
    pub targets: Vec<NarrowTarget>,
}

/// A smaller size of one target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NarrowTarget {
    /// The target's name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// At most this many replicas.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100_000))]
    pub replicas: Option<i32>,
    /// At most this much per replica; a dimension that is not named stays as it was asked for.
    #[serde(default, skip_serializing_if = "Resources::is_empty")]
    pub per_replica: Resources,
}
