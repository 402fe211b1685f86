//! Services that end.

use govcloud_tests::{Cloud, eventually, people};
use serde_json::json;

use super::steps::{
    change, claim, condition, get, publish, service, until, until_bound, until_ledger, until_told, until_unbound,
};

pub async fn claims_move_as_the_next_service_has_room(cloud: &Cloud) {
    publish(cloud, &service("old", 4, &[("one", 1)])).await;
    publish(cloud, &service("new", 1, &[("one", 1)])).await;
    for name in ["first", "second"] {
        claim(cloud, name, "old", "one").await;
        until_bound(cloud, name).await;
    }
    change(cloud, "old", &json!({"drain": {"by": "2199-03-20", "moveTo": "new"}})).await;
    until_moved(cloud, "first").await;
    let second = until(cloud, "second", "Bound", "Draining", "Moving").await;
    assert!(second["status"]["servedBy"].is_null(), "{second}");
    let warning = until_told(cloud, "second", "ServiceEnds").await;
    assert!(warning.contains("ends on 2199-03-20") && warning.contains("nothing to do"), "{warning}");
    assert_eq!(condition(&get(cloud, "ssvc", "old").await, "Draining")["status"], "True");
    claim(cloud, "late", "old", "one").await;
    let late = until(cloud, "late", "Rejected", "Ready", "ServiceEnding").await;
    assert!(condition(&late, "Ready")["message"].to_string().contains("Claim new instead"), "{late}");
    until_ledger(cloud, "old", 1, 0).await;

    change(cloud, "new", &json!({"capacity": {"brokers": "2"}})).await;
    until_moved(cloud, "second").await;
    until_ledger(cloud, "old", 0, 0).await;
    until_ledger(cloud, "new", 2, 0).await;
    cloud.kubectl(people::CLOUD_OPERATOR, &["delete", "ssvc", "old"]).await.succeeds();
    until(cloud, "late", "Rejected", "Ready", "NoSuchService").await;
    for name in ["first", "second"] {
        until_moved(cloud, name).await;
    }
    until_ledger(cloud, "new", 2, 0).await;
}

async fn until_moved(cloud: &Cloud, name: &str) {
    eventually(&format!("claim {name} is served by the next service"), || async {
        let claim = get(cloud, "claim", name).await;
        let is_so = claim["status"]["phase"] == "Bound"
            && claim["status"]["servedBy"] == "new"
            && condition(&claim, "Draining").is_null();
        let secret = get(cloud, "secret", &format!("{name}-binding")).await;
        // In base64: new.
        if is_so && secret["data"]["host"] == "bmV3" { Ok(()) } else { Err(format!("{} {}", claim["status"], secret["data"])) }
    })
    .await;
    until_told(cloud, name, "Moved").await;
}

pub async fn what_is_left_is_released_on_the_day(cloud: &Cloud) {
    publish(cloud, &service("over", 4, &[("one", 1)])).await;
    claim(cloud, "left", "over", "one").await;
    until_bound(cloud, "left").await;
    change(cloud, "over", &json!({"drain": {"by": "2199-02-31"}})).await;
    eventually("the day is found wrong", || async {
        let service = get(cloud, "ssvc", "over").await;
        if condition(&service, "Draining")["reason"] == "NoSuchDay" { Ok(()) } else { Err(service["status"].to_string()) }
    })
    .await;
    change(cloud, "over", &json!({"drain": {"by": "2020-03-20"}})).await;
    let released = until(cloud, "left", "Released", "Ready", "Released").await;
    assert!(released["status"]["binding"].is_null() && released["status"]["plan"].is_null(), "{released}");
    until_unbound(cloud, "left").await;
    until_told(cloud, "left", "Released").await;
    until_ledger(cloud, "over", 0, 0).await;
    cloud.kubectl(people::CLOUD_OPERATOR, &["delete", "ssvc", "over"]).await.succeeds();
    until(cloud, "left", "Released", "Ready", "Released").await;
}
