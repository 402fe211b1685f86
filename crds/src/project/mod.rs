//! [`Project`]: a piece of an agency's work, which becomes a namespace.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Resources;

/// A piece of an agency's work; becomes the namespace `<agency>--<project>`.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "govcloud.dev",
    version = "v1alpha1",
    kind = "Project",
    namespaced,
    shortname = "proj",
    category = "govcloud",
    status = "ProjectStatus",
    derive = "PartialEq",
    doc = "A piece of an agency's work. Written in the agency's home namespace; becomes the namespace <agency>--<project>.",
    printcolumn(name = "Namespace", type_ = "string", json_path = ".status.namespace"),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].status"),
    printcolumn(name = "Quota", type_ = "string", json_path = ".status.conditions[?(@.type=='QuotaGranted')].reason"),
    printcolumn(name = "CPU", type_ = "string", json_path = ".spec.quota.requests\\.cpu", priority = 1),
    printcolumn(name = "Granted CPU", type_ = "string", json_path = ".status.granted.requests\\.cpu", priority = 1),
    printcolumn(name = "Purpose", type_ = "string", json_path = ".spec.purpose", priority = 1),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("self.metadata.name.size() <= 40 && self.metadata.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$') && !self.metadata.name.contains('--')")
        .message("a project's name has at most 40 lower-case letters, digits and single hyphens, because a namespace is named after it; choose a shorter or simpler name")
)]
#[serde(rename_all = "camelCase")]
pub struct ProjectSpec {
    /// What the project is for.
    #[schemars(length(min = 1, max = 1000))]
    pub purpose: String,
    /// The CapacityPool that its quota comes from; cannot be changed, because what was given from one pool would be given
    /// again from the other.
    #[schemars(length(min = 1, max = 63))]
    #[x_kube(validation = Rule::new("self == oldSelf").message("the pool of a project cannot be changed; create another Project in the other pool"))]
    pub pool: String,
    /// The quota asked for, with the keys of a ResourceQuota; granted as far as the agency's budget goes.
    #[serde(default, skip_serializing_if = "Resources::is_empty")]
    #[schemars(extend("maxProperties" = 32))]
    #[x_kube(validation = Rule::new("self.all(k, k.matches('cpu|memory|storage|hugepages') || string(self[k]).matches('^[0-9]+(k|[KMGTPE]i?)?$'))").message("what is counted, such as pods, services or devices, is a whole number"))]
    pub quota: Resources,
    /// Defaults for containers that state no requests or limits of their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<ContainerDefaults>,
}

/// Defaults per container, with the keys of a LimitRange (`cpu`, `memory`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ContainerDefaults {
    /// Requests of a container that states none.
    #[serde(default, skip_serializing_if = "Resources::is_empty")]
    pub default_request: Resources,
    /// Limits of a container that states none.
    #[serde(default, skip_serializing_if = "Resources::is_empty")]
    pub default: Resources,
}

/// What became of a project.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProjectStatus {
    /// The generation of the spec that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Its namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The uid of that namespace; one with another uid is not the same project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace_uid: Option<String>,
    /// The quota that it has.
    #[serde(default, skip_serializing_if = "Resources::is_empty")]
    #[schemars(extend("maxProperties" = 1024))]
    pub granted: Resources,
    /// Ready, NamespaceReady, QuotaGranted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
}
