//! [`SharedService`] and [`ServiceClaim`]: the national catalogue, and an agency's use of it.

pub mod rules;

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Resources,
    cloud::SecretReference,
    common::{AgencySelector, Classification, Interface, Period},
};

/// A service of the national catalogue, or spare capacity that an agency shares.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "govcloud.dev",
    version = "v1alpha1",
    kind = "SharedService",
    shortname = "ssvc",
    category = "govcloud",
    status = "SharedServiceStatus",
    derive = "PartialEq",
    doc = "A service of the national catalogue, or spare capacity that an agency shares.",
    printcolumn(name = "Class", type_ = "string", json_path = ".spec.processingClass"),
    printcolumn(name = "Provider", type_ = "string", json_path = ".spec.provider"),
    printcolumn(name = "Access", type_ = "string", json_path = ".spec.access"),
    printcolumn(name = "Claims", type_ = "integer", json_path = ".status.claims"),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].status"),
    printcolumn(name = "Exhausted", type_ = "string", json_path = ".status.conditions[?(@.type=='Exhausted')].status"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.access != 'Entitled' || has(self.entitlement)").message("an Entitled service needs entitlement: which agencies get it, and which plan"),
    validation = Rule::new("!has(self.entitlement) || self.plans.exists(p, p.name == self.entitlement.plan)").message("entitlement.plan names a plan that the service does not have")
)]
pub struct SharedServiceSpec {
    /// The service's name as people know it.
    #[schemars(length(min = 1, max = 200))]
    pub display_name: String,
    /// The agency that runs it.
    #[schemars(length(min = 1, max = 40))]
    pub provider: String,
    /// The class of infrastructure that it spares others from building.
    #[schemars(length(min = 1, max = 63))]
    pub processing_class: String,
    /// Protocols that it speaks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub interfaces: Vec<Interface>,
    /// Zones that it stands in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 63)))]
    pub zones: Vec<String>,
    /// The most sensitive data it may hold.
    #[serde(default)]
    pub data_classification: Classification,
    /// Which agencies may claim it; everyone by default.
    #[serde(default)]
    pub eligibility: AgencySelector,
    /// What can be claimed.
    #[schemars(length(min = 1, max = 16), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub plans: Vec<Plan>,
    /// What it has in all, in the class's dimensions.
    pub capacity: Resources,
    /// Whether agencies ask for it, or are given it.
    #[serde(default)]
    pub access: Access,
    /// Which agencies are given it without asking, and which plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entitlement: Option<Entitlement>,
    /// Which agencies must use it, and from when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub obligation: Option<Obligation>,
    /// What a claim receives.
    pub binding: Binding,
    /// Where its health is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<Health>,
}

/// What can be claimed of a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Plan {
    /// Its name.
    #[schemars(length(min = 1, max = 63))]
    pub name: String,
    /// Over which channel of the National Information Exchange it is reached.
    #[serde(default)]
    pub channel: Channel,
    /// What one claim takes, in the class's dimensions.
    #[serde(default, skip_serializing_if = "Resources::is_empty")]
    pub capacity: Resources,
}

/// A channel of the National Information Exchange.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Channel {
    /// Between agencies of the government.
    #[serde(rename = "GSB")]
    Gsb,
    /// With the private sector.
    #[serde(rename = "PGSB")]
    Pgsb,
    /// Not over the exchange.
    #[default]
    Direct,
}

impl std::fmt::Display for Channel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Gsb => "GSB",
            Self::Pgsb => "PGSB",
            Self::Direct => "Direct",
        })
    }
}

/// Whether agencies ask for a service, or are given it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Access {
    /// They claim it.
    #[default]
    OnRequest,
    /// It is claimed for every agency that `entitlement` selects.
    Entitled,
}

/// Which agencies are given a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Entitlement {
    /// Which agencies.
    #[serde(default)]
    pub match_agencies: AgencySelector,
    /// Which plan.
    #[schemars(length(min = 1, max = 63))]
    pub plan: String,
}

/// Which agencies must use a service.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Obligation {
    /// Which agencies.
    #[serde(default)]
    pub match_agencies: AgencySelector,
    /// From which day, as YYYY-MM-DD.
    #[schemars(length(max = 32))]
    #[x_kube(validation = Rule::new("self.matches('^[0-9]{4}-[0-9]{2}-[0-9]{2}$')").message("give a date as YYYY-MM-DD, such as 2027-03-20"))]
    pub due_by: String,
}

/// What a claim receives: the Secret of the Service Binding Specification, and a way through the network.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Binding {
    /// The Secret's `type` entry, such as `kafka`.
    #[serde(rename = "type")]
    #[schemars(length(min = 1, max = 63))]
    pub binding_type: String,
    /// The Secret's `provider` entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub provider: Option<String>,
    /// Plain entries of the Secret.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "crate::common::texts::<32, 4000>")]
    #[x_kube(validation = Rule::new("self.all(k, k.matches('^[-._a-zA-Z0-9]+$') && k != 'type' && k != 'provider')")
        .message("an entry's name consists of letters, digits, dots, dashes and underscores; type and provider have fields of their own"))]
    pub values: BTreeMap<String, String>,
    /// A Secret whose entries are copied; it must carry the label govcloud.dev/bindable: "true".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials_from: Option<SecretReference>,
    /// Opened in the project's NetworkPolicy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub egress: Vec<Egress>,
}

/// Addresses and ports that a claim may reach.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Egress {
    /// An address range, such as 10.20.0.0/24.
    #[schemars(length(max = 64))]
    #[x_kube(validation = Rule::new("isCIDR(self)").message("give an address range, such as 10.20.0.0/24; names cannot be opened in a network policy"))]
    pub cidr: String,
    /// TCP ports; empty means all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(range(min = 1, max = 65535)))]
    pub ports: Vec<i32>,
}

/// Where a service's health is asked.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// An address that answers 2xx while the service is healthy.
    #[schemars(length(min = 1, max = 2000))]
    #[x_kube(validation = Rule::new("self.startsWith('https://') || self.startsWith('http://')").message("health is asked over HTTP; give an address that begins with http:// or https://"))]
    pub url: String,
    /// How often it is asked.
    #[serde(default = "half_a_minute")]
    pub interval: Period,
}

fn half_a_minute() -> Period {
    Period::from("30s")
}

/// Where a service stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SharedServiceStatus {
    /// The generation of the spec that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// How many claims hold capacity.
    #[serde(default)]
    pub claims: i32,
    /// What the claims hold.
    #[serde(default, skip_serializing_if = "Resources::is_empty")]
    pub allocated: Resources,
    /// What is left.
    #[serde(default, skip_serializing_if = "Resources::is_empty")]
    pub available: Resources,
    /// What of that is kept for agencies that were sent here instead of getting a permit; others cannot claim it meanwhile.
    #[serde(default, skip_serializing_if = "Resources::is_empty")]
    pub kept: Resources,
    /// The ledger: every claim that holds capacity. A claim is bound only while it is listed here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 4096), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["uid"]))]
    pub reservations: Vec<Reservation>,
    /// Ready, Exhausted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
}

/// Capacity that a claim holds. Every agency can read this, so it says which claim, and not whose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reservation {
    /// The claim's uid.
    pub uid: String,
    /// What it holds, in the class's dimensions.
    #[serde(default, skip_serializing_if = "Resources::is_empty")]
    pub capacity: Resources,
}

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
    /// The plan; cannot be changed.
    #[schemars(length(min = 1, max = 63))]
    #[x_kube(validation = Rule::new("self == oldSelf").message("the plan of a claim cannot be changed; make another claim, and delete this one when it is bound"))]
    pub plan: String,
    /// What the service, and the data behind it, is used for; kept on record.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 1000))]
    pub purpose: String,
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
    /// Ready, Eligible, CapacityReserved.
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

/// The Secret of a binding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BindingReference {
    /// Its name, in the claim's namespace.
    pub name: String,
}
