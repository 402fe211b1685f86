//! Objects for tests, as in the story.

use govcloud_crds::{Agency, SharedService};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// The present of all tests.
pub fn now() -> Timestamp {
    "2026-11-23T08:00:00Z".parse().expect("valid")
}

/// An object, created 41 days before [`now`].
pub fn object<T: DeserializeOwned>(
    kind: &str,
    namespace: &str,
    name: &str,
    spec: impl Into<Value>,
    status: impl Into<Value>,
) -> T {
    let (spec, status) = (spec.into(), status.into());
    let mut metadata = json!({"name": name, "uid": format!("uid-{name}"), "creationTimestamp": "2026-10-13T08:00:00Z"});
    if !namespace.is_empty() {
        metadata["namespace"] = namespace.into();
    }
    let mut object = json!({"apiVersion": "govcloud.dev/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec});
    if !status.is_null() {
        object["status"] = status;
    }
    serde_json::from_value(object).expect("valid")
}

/// A condition.
pub fn condition(kind: &str, status: &str, reason: &str, message: &str) -> Value {
    json!({"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": "2026-10-13T08:00:00Z"})
}

/// The agency of the story.
pub fn agency() -> Agency {
    let spec = json!({
        "displayName": "National Tax Administration", "type": "Government", "securityRegime": "InfrastructureArea", "dataClassification": "Restricted",
        "parent": "ministry-of-economy",
        "members": {
            "admins": [{"kind": "Group", "name": "tax:admins"}], "requesters": [{"kind": "User", "name": "requester@tax"}],
            "developers": [{"kind": "Group", "name": "tax:developers"}], "viewers": [{"kind": "Group", "name": "tax:auditors"}],
        },
    });
    let status = json!({
        "homeNamespace": "agency-tax-administration", "responsibleAuthority": "Strategic Management Center", "projects": 3,
        "digitization": {"automatedThisYear": 9, "targetThisYear": 10, "onTrack": false}, "obligations": {"met": 2, "due": 2, "behind": 1, "missing": [
            {"service": "national-window", "plan": "all", "dueBy": "2027-03-20"},
            {"service": "nix", "plan": "gsb", "dueBy": "2026-10-31"}]},
        "conditions": [condition("Ready", "True", "Ready", "Its home and its roles are there.")],
    });
    object("Agency", "", "tax-administration", spec, status)
}

/// The national streaming platform of the story, with room for 40 brokers.
pub fn streaming() -> SharedService {
    let spec = json!({
        "displayName": "National Streaming Platform", "provider": "ito", "processingClass": "message-broker",
        "interfaces": [{"name": "kafka", "version": "3.9"}], "zones": ["tehran-1", "tehran-2"], "dataClassification": "Restricted",
        "eligibility": {"agencyTypes": ["Government"]},
        "plans": [
            {"name": "standard", "channel": "GSB", "capacity": {"brokers": "1", "storage": "500Gi"}},
            {"name": "large", "channel": "GSB", "capacity": {"brokers": "6", "storage": "10Ti"}},
        ],
        "capacity": {"brokers": "60", "storage": "200Ti"},
        "binding": {"type": "kafka", "egress": [{"cidr": "10.20.0.0/24", "ports": [9093]}]},
    });
    let status = json!({"claims": 14, "allocated": {"brokers": "20", "storage": "41Ti"}, "available": {"brokers": "40", "storage": "159Ti"},
        "conditions": [condition("Ready", "True", "Ready", "It can be claimed.")]});
    object("SharedService", "", "national-streaming", spec, status)
}

/// A service that the tax administration may not have.
pub fn regional() -> SharedService {
    let spec = json!({
        "displayName": "Regional Events", "provider": "land-agency", "processingClass": "message-broker", "interfaces": [{"name": "kafka", "version": "3.6"}],
        "eligibility": {"securityRegimes": ["NonInfrastructure"]}, "plans": [{"name": "shared", "capacity": {"brokers": "1"}}],
        "capacity": {"brokers": "2"}, "binding": {"type": "kafka"},
    });
    object("SharedService", "", "regional-events", spec, Value::Null)
}

/// The caller of the story: the tax administration, with a permit for brokers that is active.
pub fn standing() -> crate::commands::service::standing::Standing {
    let spec = json!({"requestedBy": "requester@tax", "processingClass": "message-broker", "project": "analytics", "justification": "The filing season.", "targets": []});
    let permit = object("ProcessingPermit", "agency-tax-administration", "events", spec, json!({"phase": "Active"}));
    crate::commands::service::standing::Standing {
        name: Some("tax-administration".to_owned()),
        agency: Some(agency()),
        permits: Some(vec![permit]),
        publishes: false,
        now: now(),
    }
}

/// The service with other fields in its spec and status; those that are not named stay as they are.
pub fn changed(service: &SharedService, spec: &Value, status: &Value) -> SharedService {
    let mut object = serde_json::to_value(service).expect("JSON");
    for (part, fields) in [("spec", spec), ("status", status)] {
        for (field, value) in fields.as_object().into_iter().flatten() {
            object[part][field] = value.clone();
        }
    }
    serde_json::from_value(object).expect("valid")
}

/// A claim of the streaming service in the project analytics.
pub fn claim(name: &str, plan: &str, status: impl Into<Value>) -> govcloud_crds::ServiceClaim {
    let spec = json!({"sharedService": "national-streaming", "plan": plan});
    object("ServiceClaim", "tax-administration--analytics", name, spec, status)
}
