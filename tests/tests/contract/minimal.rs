//! The smallest document of each kind that is accepted.

use serde_json::{Value, json};

/// The namespace of those that need one.
pub const NAMESPACE: &str = "default";

/// The smallest accepted document of every kind.
pub fn all() -> Vec<Value> {
    vec![
        government_cloud(),
        agency(),
        project(),
        pool(),
        quota(),
        service(),
        claim(),
        class(),
        permit(),
        review(),
        grant(),
        finding(),
    ]
}

/// The smallest accepted document of a kind.
pub fn of(kind: &str) -> Value {
    all().into_iter().find(|document| document["kind"] == kind).unwrap_or_else(|| panic!("{kind} is one of the kinds"))
}

fn document(kind: &str, name: &str, spec: &Value) -> Value {
    json!({"apiVersion": "govcloud.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec})
}

fn namespaced(kind: &str, name: &str, spec: &Value) -> Value {
    let mut document = document(kind, name, spec);
    document["metadata"]["namespace"] = json!(NAMESPACE);
    document
}

fn government_cloud() -> Value {
    let authority = |name: &str| json!({"name": name, "reviewers": format!("security:{name}")});
    let authorities = json!({"NonInfrastructure": authority("ito"), "InfrastructureArea": authority("smc"), "CriticalInfrastructure": authority("pdo")});
    document("GovernmentCloud", "national", &json!({"authorities": authorities}))
}

fn agency() -> Value {
    document("Agency", "minimal", &json!({"displayName": "Minimal", "securityRegime": "NonInfrastructure"}))
}

fn project() -> Value {
    namespaced("Project", "minimal", &json!({"purpose": "A test", "pool": "minimal"}))
}

fn pool() -> Value {
    document("CapacityPool", "minimal", &json!({"zones": ["tehran-1"], "capacity": {"requests.cpu": "4"}}))
}

fn quota() -> Value {
    document("AgencyQuota", "minimal", &json!({"agency": "minimal", "pool": "minimal", "guaranteed": {"requests.cpu": "1"}}))
}

fn service() -> Value {
    let spec = json!({
        "displayName": "Minimal", "provider": "minimal", "processingClass": "minimal",
        "plans": [{"name": "small"}], "capacity": {"units": "1"}, "binding": {"type": "kafka"}, "health": {"url": "https://minimal.example/healthz"},
    });
    document("SharedService", "minimal", &spec)
}

fn claim() -> Value {
    namespaced("ServiceClaim", "minimal", &json!({"sharedService": "minimal", "plan": "small"}))
}

fn class() -> Value {
    let spec = json!({
        "displayName": "Minimal", "dimensions": [{"name": "units"}],
        "controls": [{"group": "example.com", "resource": "things", "version": "v1", "perReplica": {"units": "1"}}],
        "workloads": {"images": ["thing"], "countsAs": "units"},
        "approval": {"quorum": [{"group": "ministry:reviewers", "count": 1}]},
    });
    document("ProcessingClass", "minimal", &spec)
}

fn permit() -> Value {
    let spec = json!({
        "requestedBy": "requester@tax", "processingClass": "minimal", "project": "minimal",
        "targets": [{"resource": "pods", "name": "thing"}], "justification": "It is needed for a test.",
    });
    namespaced("ProcessingPermit", "minimal", &spec)
}

fn review() -> Value {
    let permit = json!({"name": "minimal", "uid": "7c0c8d1e-2f5a-4b9d-9a51-0d3c1a2b4e5f", "digest": "0".repeat(64)});
    let spec = json!({"permit": permit, "reviewer": "reviewer-1@ministry", "group": "ministry:reviewers", "verdict": "Approve", "reason": "It is needed."});
    namespaced("PermitReview", "minimal", &spec)
}

fn grant() -> Value {
    namespaced("ProcessingGrant", "slots", &json!({}))
}

fn finding() -> Value {
    let spec =
        json!({"rule": "Unpermitted", "object": {"resource": "pods", "name": "thing"}, "message": "Runs without a permit."});
    namespaced("ProcessingFinding", "minimal", &spec)
}
