//! What a permit brings is set aside before it becomes active.

use govcloud_tests::{Cloud, fixtures, people};
use serde_json::{Value, json};

use super::steps::{get, until_enforced, until_reason};

const HOME: &str = "agency-tax-administration";
const GPU: &str = "requests.nvidia.com/gpu";

fn request(name: &str, gpus: i64) -> Value {
    let target = json!({"group": "apps", "resource": "deployments", "name": name, "replicas": gpus, "perReplica": {"gpus": "1"}});
    fixtures::request("tax-administration", name, "requester@tax", "models", "gpu-training", &[target])
}

/// The agency has 8 GPUs: 6 are taken, so 4 more wait until a cloud operator raises the share.
pub async fn a_permit_waits_until_its_gated_quota_is_there(cloud: &Cloud) {
    let namespace = cloud.project("tax-administration", people::TAX_ADMIN, "models", "20").await;
    cloud.permit(people::TAX_REQUESTER, &request("first", 6)).await;
    until_enforced(cloud, &namespace, GPU, "6").await;

    cloud.apply_json(people::TAX_REQUESTER, &request("second", 4)).await.succeeds();
    cloud.review(people::REVIEWER_1, HOME, "second", "ministry:reviewers", "Approve").await.succeeds();
    cloud.review(people::SECURITY_REVIEWER, HOME, "second", "security:smc", "Approve").await.succeeds();
    let message = until_reason(cloud, ("processingpermit", HOME, "second"), "CapacityReserved", "AwaitsQuota").await;
    assert!(message.contains("It brings 4 requests.nvidia.com/gpu") && message.contains("2 is free"), "{message}");
    let waiting = get(cloud, "processingpermit", HOME, "second").await;
    assert_eq!(waiting["status"]["phase"], "Approved");
    assert!(waiting["status"]["validFrom"].is_null(), "its time has not started: {waiting}");
    until_enforced(cloud, &namespace, GPU, "6").await;

    raise(cloud, "12").await;
    cloud.wait_for("processingpermit", HOME, "second", "Active").await;
    until_enforced(cloud, &namespace, GPU, "10").await;
    cloud.review(people::REVIEWER_1, HOME, "first", "ministry:reviewers", "Revoke").await.succeeds();
    until_enforced(cloud, &namespace, GPU, "4").await;
    raise(cloud, "8").await;
}

async fn raise(cloud: &Cloud, gpus: &str) {
    let patch = json!({"spec": {"guaranteed": {GPU: gpus}}}).to_string();
    let patch = ["patch", "agencyquota", "tax-administration", "--type=merge", "-p", &patch];
    cloud.kubectl(people::CLOUD_OPERATOR, &patch).await.succeeds();
}
