//! [`Agency`]: a tenant of the Government Cloud.

mod digitization;
mod rules;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::common::{AgencyType, Classification, Member, SecurityRegime};

pub use digitization::{digitization_changes, digitization_on_track, digitization_status};
pub use rules::{ancestors, family};

/// An agency: a body of the state, a licensed service operator or a private partner.
///
/// The operator gives it a home namespace `agency-<name>` for its paperwork, roles for its members, and the authority
/// that answers for its security regime.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "govcloud.dev",
    version = "v1alpha1",
    kind = "Agency",
    plural = "agencies",
    shortname = "agency",
    category = "govcloud",
    status = "AgencyStatus",
    derive = "PartialEq",
    doc = "An agency: a tenant of the Government Cloud. Its paperwork lives in the namespace agency-<name>.",
    printcolumn(name = "Type", type_ = "string", json_path = ".spec.type"),
    printcolumn(name = "Authority", type_ = "string", json_path = ".status.responsibleAuthority"),
    printcolumn(name = "Projects", type_ = "integer", json_path = ".status.projects"),
    printcolumn(name = "Enforcement", type_ = "string", json_path = ".spec.enforcement"),
    printcolumn(name = "Cordoned", type_ = "boolean", json_path = ".spec.cordoned", priority = 1),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].status"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("self.metadata.name.size() <= 40 && self.metadata.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$') && !self.metadata.name.contains('--')")
        .message("an agency's name has at most 40 lower-case letters, digits and single hyphens, because namespaces are named after it; choose a shorter or simpler name")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.parent) || self.parent.size() > 0").message("leave parent out, or name the agency above this one"))]
pub struct AgencySpec {
    /// The agency's name as people know it.
    #[schemars(length(min = 1, max = 200))]
    pub display_name: String,
    /// What sort of tenant it is; decides which channels of shared services it may use.
    #[serde(default, rename = "type")]
    pub agency_type: AgencyType,
    /// The agency above this one, if any. A cycle is reported in the condition Ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 40))]
    pub parent: Option<String>,
    /// Which body answers for its cyber-security, and has a say in its permits.
    pub security_regime: SecurityRegime,
    /// The most sensitive data it may process.
    #[serde(default)]
    pub data_classification: Classification,
    /// Who works for it, by role. A person may have several roles.
    #[serde(default)]
    pub members: Members,
    /// How its projects are separated from others.
    #[serde(default)]
    pub isolation: Isolation,
    /// How named slots bind in its projects: Deny refuses, Warn admits with a warning, Audit admits and records. Use Warn
    /// or Audit only while bringing in what already runs.
    #[serde(default)]
    pub enforcement: Enforcement,
    /// While true nothing new starts for this agency; what runs keeps running.
    #[serde(default)]
    pub cordoned: bool,
    /// The yearly duty to automate 20 % of the services it offers to the public.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digitization: Option<Digitization>,
}

/// The people of an agency by role; each role has a ClusterRole of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Members {
    /// Create projects, claim services, request permits.
    #[serde(default)]
    #[schemars(length(max = 64))]
    pub admins: Vec<Member>,
    /// Request permits.
    #[serde(default)]
    #[schemars(length(max = 64))]
    pub requesters: Vec<Member>,
    /// Run workloads in the project namespaces.
    #[serde(default)]
    #[schemars(length(max = 64))]
    pub developers: Vec<Member>,
    /// Read.
    #[serde(default)]
    #[schemars(length(max = 64))]
    pub viewers: Vec<Member>,
}

/// How an agency's projects are separated from others.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Isolation {
    /// Isolated: only its own projects, the services it is bound to, and DNS. Open: no network policy.
    #[serde(default)]
    pub network: NetworkIsolation,
    /// The Pod Security Standard of its project namespaces.
    #[serde(default)]
    pub pod_security: PodSecurity,
    /// Registries that its images may come from, such as registry.gov.internal, or parts of them, such as
    /// registry.gov.internal/tax; an image without a registry is from docker.io. Empty means any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), inner(length(min = 1, max = 253)))]
    #[x_kube(validation = Rule::new("self.all(r, r.matches('^[a-z0-9.-]+(:[0-9]+)?(/[a-z0-9._-]+)*$'))").message("a registry is a host with an optional port and path, such as registry.gov.internal:5000/tax, without https:// and without a / at its end"))]
    pub registries: Vec<String>,
}

/// Network separation of an agency's projects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum NetworkIsolation {
    /// Only its own projects, bound services and DNS.
    #[default]
    Isolated,
    /// No restriction.
    Open,
}

/// Pod Security Standard of an agency's projects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PodSecurity {
    /// Prevents known privilege escalations.
    Baseline,
    /// Current hardening practice.
    #[default]
    Restricted,
}

impl PodSecurity {
    /// The value of the `pod-security.kubernetes.io` labels.
    pub fn level(self) -> &'static str {
        match self {
            Self::Baseline => "baseline",
            Self::Restricted => "restricted",
        }
    }
}

/// How named slots bind in an agency's projects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum Enforcement {
    /// Refuse what no permit names.
    #[default]
    Deny,
    /// Admit it, and warn the caller.
    Warn,
    /// Admit it, and record it in the API server's audit log.
    Audit,
}

impl Enforcement {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Deny, Self::Warn, Self::Audit];

    /// The value as it is written in specs and labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deny => "Deny",
            Self::Warn => "Warn",
            Self::Audit => "Audit",
        }
    }
}

/// The yearly duty to automate services.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Digitization {
    /// How many services the agency offers to the public.
    #[schemars(range(min = 0, max = 100_000))]
    pub services: i32,
    /// How many of them it automated, by year.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    pub automated: Vec<AutomatedInYear>,
}

/// Services automated in one year.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AutomatedInYear {
    /// The year, such as 2026.
    // The API server warns about the format int16, so the schema says int32; the range is the narrower.
    #[schemars(with = "i32", range(min = 1900, max = 3000))]
    pub year: i16,
    /// How many services were automated in it.
    #[schemars(range(min = 0, max = 100_000))]
    pub services: i32,
}

/// What the operator knows about an agency.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AgencyStatus {
    /// The generation of the spec that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The namespace of its paperwork.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub home_namespace: Option<String>,
    /// The body that answers for its security regime, from the GovernmentCloud.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub responsible_authority: Option<String>,
    /// How many projects it has.
    #[serde(default)]
    pub projects: i32,
    /// Where it stands with its yearly automation duty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digitization: Option<DigitizationStatus>,
    /// Mandatory shared services that it uses, and that it does not use yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub obligations: Option<Obligations>,
    /// Ready, RolesBound, ObligationsMet, DigitizationOnTrack.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
}

/// Where an agency stands with its automation duty this year.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DigitizationStatus {
    /// Services automated this year.
    pub automated_this_year: i32,
    /// A fifth of its services, rounded up; less if fewer were left at the beginning of the year.
    pub target_this_year: i32,
    /// Whether the target is reached, or still will be at this year's pace.
    pub on_track: bool,
}

/// Mandatory shared services of an agency.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Obligations {
    /// Used.
    pub met: i32,
    /// Not used yet.
    pub due: i32,
    /// How many of those that are not used should be by now.
    #[serde(default)]
    pub behind: i32,
    /// Those that are not used.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["service"]))]
    pub missing: Vec<MissingService>,
}

/// A mandatory shared service that an agency does not use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MissingService {
    /// The service.
    pub service: String,
    /// A plan of it that the agency may have.
    pub plan: String,
    /// The day by which it must be used, as YYYY-MM-DD, in UTC.
    pub due_by: String,
}
