//! What a pool has, and what of its share a project limits.

use govcloud_tests::{Cloud, people};
use serde_json::json;

use super::steps::{self, CPU, get, until_enforced, until_reason};

/// Two agencies are promised 130 of 100 cpus.
pub async fn a_pool_gives_what_it_has_and_takes_nothing_back_by_itself(cloud: &Cloud) {
    steps::pool(cloud, "district", "100").await;
    for (agency, cpu) in [("parks", "80"), ("roads", "50")] {
        steps::open(cloud, agency).await;
        steps::share(cloud, agency, "district", [cpu, "0", "0"], &json!({})).await;
        steps::project(cloud, agency, "district", "all", &json!({CPU: cpu, "requests.memory": "16Gi"})).await;
        let given = if agency == "parks" { "80" } else { "20" };
        until_enforced(cloud, &format!("{agency}--all"), CPU, given).await;
    }
    let message = until_reason(cloud, ("agencyquota", "", "roads"), "WithinPool", "PoolExhausted").await;
    assert!(
        message.contains("Of 50 requests.cpu that it is promised it was given 20: the pool has 100 and promised 130."),
        "{message}"
    );
    let message = until_reason(cloud, ("project", "agency-roads", "all"), "QuotaGranted", "ExceedsAgencyBudget").await;
    assert!(message.starts_with("Asked for 50 requests.cpu; the agency's budget leaves 20."), "{message}");
    until_reason(cloud, ("capacitypool", "", "district"), "Oversubscribed", "PromisedTooMuch").await;

    steps::pool(cloud, "district", "40").await;
    let message = until_reason(cloud, ("capacitypool", "", "district"), "Oversubscribed", "PromisedTooMuch").await;
    assert!(message.contains("Nothing is taken away"), "{message}");
    until_enforced(cloud, "parks--all", CPU, "80").await;
    until_enforced(cloud, "roads--all", CPU, "20").await;

    steps::pool(cloud, "district", "100").await;
    steps::share(cloud, "parks", "district", ["50", "0", "0"], &json!({})).await;
    until_enforced(cloud, "parks--all", CPU, "50").await;
    until_enforced(cloud, "roads--all", CPU, "50").await;
    until_reason(cloud, ("capacitypool", "", "district"), "Oversubscribed", "WithinCapacity").await;
    let refused = cloud.kubectl(people::CLOUD_OPERATOR, &["delete", "capacitypool", "district", "--wait=false"]).await;
    refused.succeeds();
    let message = until_reason(cloud, ("capacitypool", "", "district"), "Ready", "Deleting").await;
    assert!(message.contains("parks, roads"), "{message}");
}

/// The share limits pods: a project that does not ask for any would otherwise have as many as it likes.
pub async fn what_the_share_limits_and_a_project_does_not_ask_for_it_has_none_of(cloud: &Cloud) {
    steps::pool(cloud, "county", "100").await;
    steps::open(cloud, "rivers").await;
    steps::share(cloud, "rivers", "county", ["10", "0", "0"], &json!({"pods": "5"})).await;
    steps::project(cloud, "rivers", "county", "upper", &json!({"cpu": "4", "requests.memory": "8Gi"})).await;
    until_enforced(cloud, "rivers--upper", "pods", "0").await;
    until_enforced(cloud, "rivers--upper", CPU, "4").await;
    let message = until_reason(cloud, ("project", "agency-rivers", "upper"), "QuotaGranted", "Granted").await;
    assert!(message.contains("Nothing of pods, requests.storage, which the agency's share limits"), "{message}");
    steps::project(cloud, "rivers", "county", "upper", &json!({"cpu": "4", "requests.memory": "8Gi", "pods": "3"})).await;
    until_enforced(cloud, "rivers--upper", "pods", "3").await;
    steps::project(cloud, "rivers", "county", "lower", &json!({"cpu": "4", "requests.memory": "8Gi", "pods": "3"})).await;
    until_enforced(cloud, "rivers--lower", "pods", "2").await;
    let ledger = get(cloud, "agencyquota", "", "rivers").await;
    assert_eq!(ledger["status"]["allocated"]["pods"], "5", "{}", ledger["status"]);
}
