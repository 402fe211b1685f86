//! [`SharedService`] and [`ServiceClaim`]: the national catalogue, and an agency's use of it.

mod capacity;
mod claim;
mod credentials;
mod drain;
mod eligibility;
pub mod entitlement;
pub mod health;
mod ledger;
pub mod obligation;
pub mod rules;
pub mod sharing;

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use claim::{BindingReference, ClaimPhase, ServiceClaim, ServiceClaimSpec, ServiceClaimStatus};

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
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("self.metadata.name.size() <= 63").message("a service's name has at most 63 characters, because claims name it; choose a shorter one")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.access != 'Entitled' || has(self.entitlement)").message("an Entitled service needs entitlement: which agencies get it, and which plan"),
    validation = Rule::new("!has(self.entitlement) || self.plans.exists(p, p.name == self.entitlement.plan)").message("entitlement.plan names a plan that the service does not have"),
    validation = Rule::new("!has(self.binding.provisioner) || !has(self.binding.credentialsFrom)").message("credentials come from one place: a provisioner makes them for each claim, or credentialsFrom copies the same for all; leave one out"),
    validation = Rule::new("self.stage == 'Published' || oldSelf.stage == 'Draft'").message("a service that was published stays published, because agencies rely on it; to end it, set drain: {by: YYYY-MM-DD}"),
    validation = Rule::new("has(self.sharing) == has(oldSelf.sharing)").message("whether a service is a permit's spare capacity cannot be changed")
)]
pub struct SharedServiceSpec {
    /// The service's name as people know it.
    #[schemars(length(min = 1, max = 200))]
    pub display_name: String,
    /// What it does, in words that an agency would search for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 2000))]
    pub description: String,
    /// The agency that runs it.
    #[schemars(length(min = 1, max = 40))]
    pub provider: String,
    /// Draft: its provider works on it, and nobody can claim it. Published: it is in the catalogue; a cloud operator publishes it.
    #[serde(default)]
    pub stage: Stage,
    /// Set to end the service: no new claims, and those that are there move or are warned until a day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drain: Option<Drain>,
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
    /// A class of which an agency needs an active permit to claim it: the licence of a service operator. When the permit ends, so do
    /// the claims.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub requires_licence: Option<String>,
    /// Whether a claim must say what for; data of national databases is given for a purpose.
    #[serde(default)]
    pub requires_purpose: bool,
    /// The permit whose spare capacity this is; written by the operator. Claims of it need the consent of the agency that shares.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sharing: Option<Sharing>,
    /// The claims that the agency which shares has agreed to serve, by uid; its admins write them: govcloud service consent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["claim"]))]
    pub consents: Vec<Consent>,
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

/// How far a service is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Stage {
    /// Its provider works on it; nobody can claim it, and no assessment offers it.
    Draft,
    /// It is in the catalogue.
    #[default]
    Published,
}

/// The end of a service.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Drain {
    /// The day on which it ends, as YYYY-MM-DD, in UTC; claims that are still there are released then.
    #[schemars(length(max = 32))]
    #[x_kube(validation = Rule::new("self.matches('^[0-9]{4}-[0-9]{2}-[0-9]{2}$')").message("give a date as YYYY-MM-DD, such as 2027-03-20"))]
    pub by: String,
    /// The service that takes over claims of a plan of the same name, as soon as it has room for each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub move_to: Option<String>,
}

/// The permit whose spare capacity a service is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Sharing {
    /// The permit's number.
    #[schemars(length(min = 1, max = 63))]
    pub permit: String,
}

/// The word of an agency that shares: this claim may be served. It says which claim, and not whose, because everybody can read it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Consent {
    /// The claim's uid.
    #[schemars(length(min = 1, max = 63))]
    pub claim: String,
    /// Who agreed.
    #[schemars(length(min = 1, max = 253))]
    pub by: String,
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
    /// How long an agency that is no longer selected is warned before the service is withdrawn from it.
    #[serde(default = "a_month")]
    pub warning: Period,
}

fn a_month() -> Period {
    Period::hours(720)
}

/// Which agencies must use a service.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Obligation {
    /// Which agencies.
    #[serde(default)]
    pub match_agencies: AgencySelector,
    /// Until when, as YYYY-MM-DD: who does not use it when that day ends, in UTC, is behind.
    #[schemars(length(max = 32))]
    #[x_kube(validation = Rule::new("self.matches('^[0-9]{4}-[0-9]{2}-[0-9]{2}$') && !format.date().validate(self).hasValue()").message("give a day of the calendar as YYYY-MM-DD, such as 2027-03-20"))]
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
    /// Makes credentials for each claim, over HTTP; docs/provisioners.md has the contract.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provisioner: Option<Provisioner>,
    /// Opened in the project's NetworkPolicy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub egress: Vec<Egress>,
}

/// Where credentials are made, one set for each claim.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Provisioner {
    /// The address below which it is called.
    #[schemars(length(min = 1, max = 2000))]
    #[x_kube(validation = Rule::new("self.startsWith('https://') || self.startsWith('http://')").message("a provisioner is called over HTTP; give an address that begins with https://"))]
    pub url: String,
    /// A Secret whose entry `token` is sent as bearer token; it must carry the label govcloud.dev/bindable: "true".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_from: Option<SecretReference>,
    /// How long an answer is waited for; at most a minute.
    #[serde(default = "ten_seconds")]
    pub timeout: Period,
}

fn ten_seconds() -> Period {
    Period::from("10s")
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
    /// How many claims wait for capacity.
    #[serde(default)]
    pub waiting: i32,
    /// The ledger: every claim that holds capacity. A claim is bound only while it is listed here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 4096), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["uid"]))]
    pub reservations: Vec<Reservation>,
    /// Ready, Healthy, Exhausted, Draining.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
}

/// Capacity that a claim holds. Every agency can read this, so it says which claim, and not whose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reservation {
    /// The claim's uid.
    pub uid: String,
    /// The plan that it holds.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub plan: String,
    /// What it holds, in the class's dimensions.
    #[serde(default, skip_serializing_if = "Resources::is_empty")]
    pub capacity: Resources,
    /// The claim is over, and its credentials are being revoked; the capacity is given on when the provisioner has confirmed that.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub revoking: bool,
}
