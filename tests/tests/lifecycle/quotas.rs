//! What projects are given.

use govcloud_tests::{Cloud, eventually, fixtures, people};
use serde_json::{Value, json};

use super::steps::{self, HOME, PROJECT, condition};

const GPU: &str = "requests.nvidia.com/gpu";

fn project(name: &str, cpu: &str) -> Value {
    json!({
        "apiVersion": "govcloud.dev/v1alpha1", "kind": "Project", "metadata": {"namespace": HOME, "name": name},
        "spec": {"purpose": "A test", "pool": "national", "quota": {"requests.cpu": cpu, "requests.memory": "16Gi"}},
    })
}

async fn until(cloud: &Cloud, name: &str, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
    eventually(&format!("project {name}: {what}"), || async {
        let project = cloud.json(people::ADMIN, &["get", "project", name, "-n", HOME, "-o", "json"]).await;
        if holds(&project) { Ok(project) } else { Err(project["status"].to_string()) }
    })
    .await
}

/// Waits until the API server enforces this much of a key in a namespace.
async fn until_enforced(cloud: &Cloud, namespace: &str, key: &str, amount: &str) {
    eventually(&format!("{namespace} is limited to {amount} {key}"), || async {
        let quota = cloud.json(people::TAX_ADMIN, &["get", "resourcequota", "govcloud", "-n", namespace, "-o", "json"]).await;
        if quota["status"]["hard"][key] == amount { Ok(()) } else { Err(quota["status"].to_string()) }
    })
    .await;
}

/// The agency has 200 cpu, of which project `analytics` holds 20.
pub async fn a_project_gets_what_the_budget_leaves(cloud: &Cloud) {
    cloud.apply_json(people::TAX_ADMIN, &project("large", "190")).await.succeeds();
    let large = until(cloud, "large", "the budget is exceeded", |p| {
        condition(p, "QuotaGranted")["reason"] == "ExceedsAgencyBudget" && p["status"]["granted"]["requests.cpu"] == "180"
    })
    .await;
    let message = condition(&large, "QuotaGranted")["message"].to_string();
    assert!(message.contains("Asked for 190 requests.cpu; the agency's budget leaves 180"), "{message}");
    until_enforced(cloud, "tax-administration--large", "requests.cpu", "180").await;
    cloud.apply_json(people::TAX_ADMIN, &project("next", "5")).await.succeeds();
    until(cloud, "next", "nothing is left", |p| {
        condition(p, "QuotaGranted")["status"] == "False" && p["status"]["granted"]["requests.cpu"] == "0"
    })
    .await;
    cloud.apply_json(people::TAX_ADMIN, &project("large", "100")).await.succeeds();
    until(cloud, "next", "it is served from what was given back", |p| {
        condition(p, "QuotaGranted")["status"] == "True" && p["status"]["granted"]["requests.cpu"] == "5"
    })
    .await;
    until_enforced(cloud, "tax-administration--large", "requests.cpu", "100").await;
    until_enforced(cloud, "tax-administration--next", "requests.cpu", "5").await;
    let ledger = cloud.json(people::ADMIN, &["get", "aquota", "tax-administration", "-o", "json"]).await;
    assert_eq!(ledger["status"]["allocated"]["requests.cpu"], "125", "{}", ledger["status"]);
}

pub async fn a_gated_key_appears_with_a_permit_and_goes_with_it(cloud: &Cloud) {
    until_enforced(cloud, PROJECT, GPU, "0").await;
    let target =
        json!({"group": "apps", "resource": "deployments", "name": "training", "replicas": 2, "perReplica": {"gpus": "2"}});
    let request = fixtures::request("tax-administration", "gpus", "requester@tax", "analytics", "gpu-training", &[target]);
    cloud.permit(people::TAX_REQUESTER, &request).await;
    until_enforced(cloud, PROJECT, GPU, "4").await;
    let mut training = fixtures::pod(PROJECT, "training", "nginx");
    training["spec"]["containers"][0]["resources"] = json!({"limits": {"nvidia.com/gpu": "5"}});
    let answer = cloud.attempt(people::TAX_DEVELOPER, &training).await;
    steps::refused(&answer, "exceeded quota");
    steps::review(cloud, people::REVIEWER_1, "gpus", "Revoke").await.succeeds();
    until_enforced(cloud, PROJECT, GPU, "0").await;
}

/// Nobody but the operator may make such a namespace while the guards are up; it was there before them.
pub async fn a_namespace_that_was_there_is_a_conflict(cloud: &Cloud) {
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "tax-administration--legacy"}});
    cloud.apply_json(people::OPERATOR, &namespace).await.succeeds();
    cloud.apply_json(people::TAX_ADMIN, &project("legacy", "1")).await.succeeds();
    let legacy =
        until(cloud, "legacy", "its namespace is another's", |p| condition(p, "NamespaceReady")["reason"] == "NamespaceConflict")
            .await;
    let message = condition(&legacy, "Ready")["message"].to_string();
    assert!(message.contains("was not made for this object. Rename one of them"), "{message}");
    let found = cloud.json(people::ADMIN, &["get", "namespace", "tax-administration--legacy", "-o", "json"]).await;
    assert!(found["metadata"]["labels"]["govcloud.dev/agency"].is_null(), "{found}");
    let inside = cloud
        .kubectl(people::ADMIN, &["get", "resourcequota,rolebinding,slots", "-n", "tax-administration--legacy", "-o", "name"])
        .await
        .succeeds();
    assert_eq!(inside, "");
}
