//! [`ProcessingFinding`]: infrastructure that has no permit, exceeds it, duplicates or idles.

pub mod idle;
pub mod observed;
pub mod owners;
pub mod part;
pub mod rules;
pub mod suspicious;
pub mod unclassified;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Resources,
    names::{agency_of_home, resource_key, split_project_namespace},
    permit::digest::sha256,
};

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
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
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
    /// A shared service that the agency must use, and does not.
    Obligation,
}

impl FindingRule {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Unpermitted,
        Self::ExceedsPermit,
        Self::Duplicate,
        Self::Idle,
        Self::Expired,
        Self::Unclassified,
        Self::Suspicious,
        Self::Obligation,
    ];
}

impl std::fmt::Display for FindingRule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(self, f)
    }
}

/// An object anywhere in the cluster.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
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

impl ObjectReference {
    /// Such as `kafkanodepools.kafka.strimzi.io/broker in tax--analytics`.
    pub fn label(&self) -> String {
        let place = if self.namespace.is_empty() { String::new() } else { format!(" in {}", self.namespace) };
        format!("{}/{}{place}", resource_key(&self.group, &self.resource), self.name)
    }
}

/// The name of a finding: the same for the same object and rule, in whichever namespace it is kept.
pub fn name_of(rule: FindingRule, object: &ObjectReference) -> String {
    const DIGITS: usize = 20;
    let ObjectReference { group, resource, namespace, name } = object;
    // None of the parts can hold a line break, so no two objects give the same text.
    sha256(&format!("{rule}\n{group}\n{resource}\n{namespace}\n{name}"))[..DIGITS].to_owned()
}

/// The agency in whose home a finding about something in `namespace` is kept, if there is such an agency.
pub fn agency_of(namespace: &str) -> Option<&str> {
    split_project_namespace(namespace).map(|(agency, _)| agency).or_else(|| agency_of_home(namespace))
}

impl ProcessingFinding {
    /// Whether a reviewer's word that it may stay holds at `now`. One whose end has come counts no more.
    pub fn is_acknowledged(&self, now: Timestamp) -> bool {
        self.spec.acknowledgement.as_ref().is_some_and(|word| now < word.until.0)
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn object(parts: &[String; 4]) -> ObjectReference {
        let [group, resource, namespace, name] = parts.clone();
        ObjectReference { group, resource, namespace, name }
    }

    proptest! {
        /// Two findings have one name only if they are about the same.
        #[test]
        fn a_name_stands_for_one_rule_and_one_object(
            one in prop::array::uniform4("[a-c.-]{0,3}"), other in prop::array::uniform4("[a-c.-]{0,3}"),
            rule in 0..7_usize, another in 0..7_usize,
        ) {
            let (rule, another) = (FindingRule::ALL[rule], FindingRule::ALL[another]);
            let same = rule == another && one == other;
            prop_assert_eq!(name_of(rule, &object(&one)) == name_of(another, &object(&other)), same);
        }
    }

    #[test]
    fn a_name_is_stable_over_versions() {
        let object = object(&["kafka.strimzi.io", "kafkanodepools", "tax--analytics", "broker"].map(str::to_owned));
        assert_eq!(name_of(FindingRule::Unpermitted, &object), "bc53844152a847aa269c");
        assert_eq!(object.label(), "kafkanodepools.kafka.strimzi.io/broker in tax--analytics");
    }

    #[test]
    fn an_acknowledgement_ends() {
        let until = |day: &str| -> ProcessingFinding {
            serde_json::from_value(
                json!({"apiVersion": "govcloud.dev/v1alpha1", "kind": "ProcessingFinding", "metadata": {"name": "x"},
                "spec": {"rule": "Idle", "object": {"resource": "pods", "name": "p"}, "message": "m",
                    "acknowledgement": {"by": "r", "reason": "known", "until": day}}}),
            )
            .expect("valid")
        };
        let now: Timestamp = "2026-11-23T00:00:00Z".parse().expect("valid");
        assert!(until("2026-11-23T00:00:01Z").is_acknowledged(now));
        assert!(!until("2026-11-23T00:00:00Z").is_acknowledged(now));
    }
}
