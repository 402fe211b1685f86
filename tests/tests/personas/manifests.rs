//! What the personas try to write.

use govcloud_tests::{Cloud, people};
use serde_json::{Value, json};

use crate::{HOME, PROJECT, request};

/// What is there before anybody tries anything.
pub struct Setting {
    /// A review of permit `open` by reviewer-1, as reviewer-1 may give it.
    pub review: Value,
    /// The same, in the name of the turncoat.
    pub own_review: Value,
    /// The same, in the name of the requester and in a group of theirs.
    pub requesters_review: Value,
    /// A review that somebody gave already.
    pub given: String,
}

impl Setting {
    /// A project, a request under review, and one that was reviewed.
    pub async fn prepare(cloud: &Cloud) -> Self {
        cloud.project("tax-administration", people::TAX_ADMIN, "analytics", "20").await;
        cloud.project("customs", people::CUSTOMS_ADMIN, "declarations", "10").await;
        for name in ["open", "reviewed"] {
            cloud.apply_json(people::TAX_REQUESTER, &request(name, "requester@tax")).await.succeeds();
        }
        cloud.review(people::REVIEWER_2, HOME, "reviewed", "ministry:reviewers", "Return").await.succeeds();
        let reviews = cloud.json(people::ADMIN, &["get", "permitreviews", "-n", HOME, "-o", "json"]).await;
        Self {
            review: cloud.review_of(HOME, "open", "reviewer-1@ministry", "ministry:reviewers", "Approve").await,
            own_review: cloud.review_of(HOME, "open", "turncoat@tax", "ministry:reviewers", "Approve").await,
            requesters_review: cloud.review_of(HOME, "open", "requester@tax", "tax:staff", "Approve").await,
            given: reviews["items"][0]["metadata"]["name"].as_str().unwrap_or_default().to_owned(),
        }
    }

    /// The review with another field.
    pub fn review_with(&self, field: &str, value: &str) -> Value {
        let mut review = self.review.clone();
        review["spec"][field] = json!(value);
        review
    }
}

fn namespaced(api_version: &str, kind: &str, namespace: &str, spec: &Value) -> Value {
    json!({"apiVersion": api_version, "kind": kind, "metadata": {"namespace": namespace, "name": "attempt"}, "spec": spec})
}

pub fn project() -> Value {
    namespaced("govcloud.dev/v1alpha1", "Project", HOME, &json!({"purpose": "An attempt", "pool": "national"}))
}

pub fn claim(namespace: &str) -> Value {
    namespaced(
        "govcloud.dev/v1alpha1",
        "ServiceClaim",
        namespace,
        &json!({"sharedService": "national-streaming", "plan": "standard"}),
    )
}

pub fn quota() -> Value {
    let spec = json!({"agency": "tax-administration", "pool": "national", "guaranteed": {"requests.cpu": "1000"}});
    json!({"apiVersion": "govcloud.dev/v1alpha1", "kind": "AgencyQuota", "metadata": {"name": "attempt"}, "spec": spec})
}

pub fn agency() -> Value {
    let spec = json!({"displayName": "Attempt", "securityRegime": "NonInfrastructure"});
    json!({"apiVersion": "govcloud.dev/v1alpha1", "kind": "Agency", "metadata": {"name": "attempt"}, "spec": spec})
}

pub fn class() -> Value {
    let spec = json!({"displayName": "Attempt", "dimensions": [{"name": "units"}], "approval": {"quorum": [{"group": "ministry:reviewers", "count": 1}]}});
    json!({"apiVersion": "govcloud.dev/v1alpha1", "kind": "ProcessingClass", "metadata": {"name": "attempt"}, "spec": spec})
}

pub fn grant() -> Value {
    let mut grant = namespaced("govcloud.dev/v1alpha1", "ProcessingGrant", PROJECT, &json!({"resources": {}}));
    grant["metadata"]["name"] = json!("slots");
    grant
}

pub fn role_binding(namespace: &str) -> Value {
    let reference = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"});
    json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"namespace": namespace, "name": "attempt"},
        "roleRef": reference, "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "tax:admins"}]})
}

pub fn network_policy() -> Value {
    namespaced(
        "networking.k8s.io/v1",
        "NetworkPolicy",
        PROJECT,
        &json!({"podSelector": {}, "policyTypes": ["Egress"], "egress": [{}]}),
    )
}

pub fn resource_quota() -> Value {
    namespaced("v1", "ResourceQuota", PROJECT, &json!({"hard": {"requests.cpu": "1000"}}))
}

pub fn namespace(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
}

pub fn policy() -> Value {
    let spec = json!({"matchConstraints": {"resourceRules": []}, "validations": [{"expression": "true"}]});
    json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy", "metadata": {"name": "attempt"}, "spec": spec})
}
