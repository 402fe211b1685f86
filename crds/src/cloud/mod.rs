//! [`GovernmentCloud`]: authorities, thresholds and exemptions; its status is the national picture.

mod utilisation;

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Resources, common::SecurityRegime, names};

pub use utilisation::{TokenReference, Utilisation};

/// The Government Cloud of a cluster: there is one, named `national`.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "govcloud.dev",
    version = "v1alpha1",
    kind = "GovernmentCloud",
    shortname = "gov",
    category = "govcloud",
    status = "GovernmentCloudStatus",
    derive = "PartialEq",
    doc = "The Government Cloud of this cluster: who answers for what, what is exempt, and the national picture. There is one, named national.",
    printcolumn(name = "Agencies", type_ = "integer", json_path = ".status.agencies"),
    printcolumn(name = "Active Permits", type_ = "integer", json_path = ".status.permits.Active"),
    printcolumn(name = "Waiting", type_ = "integer", json_path = ".status.permits.UnderReview"),
    printcolumn(name = "Findings", type_ = "integer", json_path = ".status.findingsTotal"),
    printcolumn(name = "Enforced", type_ = "string", json_path = ".status.conditions[?(@.type=='EnforcementIntact')].status"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("self.metadata.name == 'national'").message("there is one GovernmentCloud per cluster, and its name is national; rename this one")
)]
#[serde(rename_all = "camelCase")]
pub struct GovernmentCloudSpec {
    /// Who answers for which security regime, and which group reviews for it.
    pub authorities: Authorities,
    /// From this regime up, every approval also needs the reviewer of the regime's authority.
    #[serde(default = "infrastructure_area")]
    pub regime_review_from: SecurityRegime,
    /// One workload above any of these needs a permit of class `compute`, whatever its image. Keys as in a ResourceQuota.
    #[serde(default, skip_serializing_if = "Resources::is_empty")]
    pub thresholds: Resources,
    /// Namespaces that run the shared services themselves; slots do not bind there. System namespaces always are exempt.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), inner(length(min = 1, max = 63)))]
    #[x_kube(validation = Rule::new("self.all(n, !n.startsWith('agency-') && !n.contains('--'))")
        .message("an agency's namespaces (agency-* and *--*) cannot be exempt; request a permit for what must run there"))]
    pub exempt_namespaces: Vec<String>,
    /// What permit numbers begin with, as in GC-2026-000042.
    #[serde(default = "number_prefix")]
    #[schemars(length(min = 1, max = 10))]
    #[x_kube(validation = Rule::new("self.matches('^[A-Z][A-Z0-9]*$')").message("permit numbers begin with capital letters and digits, such as GC"))]
    pub permit_number_prefix: String,
    /// Where permit changes are announced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notifications: Option<Notifications>,
    /// From where it is known how much of what was requested is really used; without it, nothing is found to be idle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub utilisation: Option<Utilisation>,
}

fn infrastructure_area() -> SecurityRegime {
    SecurityRegime::InfrastructureArea
}

fn number_prefix() -> String {
    "GC".to_owned()
}

impl GovernmentCloudSpec {
    /// Who answers for a regime.
    pub fn authority(&self, regime: SecurityRegime) -> &Authority {
        match regime {
            SecurityRegime::NonInfrastructure => &self.authorities.non_infrastructure,
            SecurityRegime::InfrastructureArea => &self.authorities.infrastructure_area,
            SecurityRegime::CriticalInfrastructure => &self.authorities.critical_infrastructure,
        }
    }

    /// The group that must review permits of agencies of this regime beside the class's quorum, if any.
    pub fn regime_reviewers(&self, regime: SecurityRegime) -> Option<&str> {
        (regime >= self.regime_review_from).then(|| self.authority(regime).reviewers.as_str())
    }
}

/// The namespaces in which slots never bind: the system's, the operator's, and those that `cloud` lists.
///
/// Names that belong to agencies are left out even if they are listed, because the schema may once not have said so.
pub fn exempt_namespaces(cloud: Option<&GovernmentCloud>, operator_namespace: &str) -> Vec<String> {
    let listed = cloud.map(|c| c.spec.exempt_namespaces.as_slice()).unwrap_or_default();
    let mut all: Vec<String> = names::SYSTEM_NAMESPACES.into_iter().map(str::to_owned).collect();
    all.push(operator_namespace.to_owned());
    all.extend(listed.iter().filter(|n| !n.starts_with("agency-") && !n.contains(names::SEPARATOR)).cloned());
    all.sort();
    all.dedup();
    all
}

/// The authority of each security regime.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Authorities {
    /// For agencies that are no infrastructure.
    pub non_infrastructure: Authority,
    /// For agencies that others depend on.
    pub infrastructure_area: Authority,
    /// For agencies that the state depends on.
    pub critical_infrastructure: Authority,
}

/// A body that answers for cyber-security.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authority {
    /// Its name as people know it.
    #[schemars(length(min = 1, max = 200))]
    pub name: String,
    /// The group of its reviewers, as the cluster's authentication names it.
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = Rule::new("!self.startsWith('system:')").message("reviewers is a group of people; the cluster's own system: groups cannot review"))]
    pub reviewers: String,
}

/// Where permit changes are announced as CloudEvents.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Notifications {
    /// An https address.
    #[schemars(length(min = 1, max = 2000))]
    #[x_kube(validation = Rule::new("self.startsWith('https://')").message("notifications carry decisions; give an https:// address"))]
    pub url: String,
    /// The Secret that holds the signing key under `key`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretReference>,
}

/// A Secret by namespace and name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SecretReference {
    /// Its namespace.
    #[schemars(length(min = 1, max = 63))]
    pub namespace: String,
    /// Its name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// The national picture.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GovernmentCloudStatus {
    /// The generation of the spec that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The last permit number given; numbers are never reused.
    #[serde(default)]
    pub last_permit_number: i64,
    /// How many agencies there are.
    #[serde(default)]
    pub agencies: i32,
    /// Permits by phase.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub permits: BTreeMap<String, i32>,
    /// Findings by rule, without those that a reviewer acknowledged.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub findings: BTreeMap<String, i32>,
    /// All these findings together.
    #[serde(default)]
    pub findings_total: i32,
    /// Fingerprint of the policies that were last seen intact; tells a tampering from an upgrade after a restart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enforcement_digest: Option<String>,
    /// When enforcement was found interrupted and repaired, latest first; at most 20 are kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    pub interruptions: Vec<Interruption>,
    /// Ready, EnforcementIntact, Notified, NotificationsSigned, Utilisation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
}

/// One time that an enforcement object was missing or altered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Interruption {
    /// What: kind and name.
    pub object: String,
    /// How: `Deleted` or `Altered`.
    pub what: String,
    /// When it was found.
    pub found: Time,
    /// When it was put right.
    pub repaired: Time,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cloud(exempt: &[&str]) -> GovernmentCloud {
        let authority = |name: &str| serde_json::json!({"name": name, "reviewers": format!("security:{name}")});
        let spec = serde_json::json!({
            "authorities": {"NonInfrastructure": authority("ito"), "InfrastructureArea": authority("smc"), "CriticalInfrastructure": authority("pdo")},
            "exemptNamespaces": exempt,
        });
        GovernmentCloud::new("national", serde_json::from_value(spec).expect("valid"))
    }

    #[test]
    fn the_regimes_authority_reviews_from_the_threshold_up() {
        let cloud = cloud(&[]);
        assert_eq!(cloud.spec.regime_reviewers(SecurityRegime::NonInfrastructure), None);
        assert_eq!(cloud.spec.regime_reviewers(SecurityRegime::CriticalInfrastructure), Some("security:pdo"));
    }

    #[test]
    fn agencies_namespaces_are_never_exempt() {
        let exempt = exempt_namespaces(Some(&cloud(&["shared-streaming", "agency-tax", "tax--lake"])), "govcloud-system");
        assert_eq!(exempt, ["govcloud-system", "kube-node-lease", "kube-public", "kube-system", "shared-streaming"]);
    }
}
