//! [`ServiceClaim`]: an agency's use of a shared service.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An agency's use of a shared service, in a project's namespace.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "govcloud.dev",
    version = "v1alpha1",
    kind = "ServiceClaim",
    namespaced,
    shortname = "claim",
    category = "govcloud",
    status = "ServiceClaimStatus",
    derive = "PartialEq",
    doc = "An agency's use of a shared service; yields a Secret in the form of the Service Binding Specification.",
    printcolumn(name = "Service", type_ = "string", json_path = ".spec.sharedService"),
    printcolumn(name = "Plan", type_ = "string", json_path = ".spec.plan"),
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
    printcolumn(name = "Secret", type_ = "string", json_path = ".status.binding.name"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("self.metadata.name.size() <= 55").message("a claim's name has at most 55 characters, because its Secret is named after it; choose a shorter one")
)]
#[serde(rename_all = "camelCase")]
pub struct ServiceClaimSpec {
    /// The SharedService; cannot be changed.
    #[schemars(length(min = 1, max = 63))]
    #[x_kube(validation = Rule::new("self == oldSelf").message("the service of a claim cannot be changed; delete the claim and make another"))]
    pub shared_service: String,
    /// The plan. While another one is asked for and has no room, the claim keeps what it has.
    #[schemars(length(min = 1, max = 63))]
    pub plan: String,
    /// What the service, and the data behind it, is used for; kept on record, and not changed afterwards.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 1000))]
    #[x_kube(validation = Rule::new("oldSelf == '' || self == oldSelf").message("data was given for the purpose on record, so it cannot be changed; make another claim for another purpose"))]
    pub purpose: String,
    /// Raised by one to have new credentials made, where a provisioner makes them; the old ones end when the Secret has the new ones.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1_000_000))]
    #[x_kube(validation = Rule::new("self >= oldSelf").message("rotation only rises: each number stands for one set of credentials"))]
    pub rotation: i32,
}

/// What became of a claim.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceClaimStatus {
    /// The generation of the spec that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// What it is now.
    #[serde(default)]
    pub phase: ClaimPhase,
    /// The Secret with the binding, as a Provisioned Service of the Service Binding Specification.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binding: Option<BindingReference>,
    /// The plan that it holds; another than the spec's while that one has no room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// The service that serves it, if it was moved there because the one that it names ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub served_by: Option<String>,
    /// The rotation of the credentials in the Secret, where a provisioner makes them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotation: Option<i32>,
    /// When it is withdrawn, if the agency is no longer entitled to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withdrawn_after: Option<Time>,
    /// Ready, Eligible, CapacityReserved, PlanInForce, Consented, Provisioned, Draining, Entitled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
}

/// What a claim is at a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ClaimPhase {
    /// Waits for capacity or for the service.
    #[default]
    Pending,
    /// Its Secret is there.
    Bound,
    /// The agency may not have it, or there is no such service or plan; the condition Eligible says why.
    Rejected,
    /// Given back.
    Released,
}

impl ClaimPhase {
    /// Whether it has no right to anything.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Rejected | Self::Released)
    }
}

/// The Secret of a binding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BindingReference {
    /// Its name, in the claim's namespace.
    pub name: String,
}
