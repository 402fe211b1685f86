//! Whose slot it is, and for how long.

use govcloud_tests::{Cloud, eventually, people};
use serde_json::json;

use super::steps::*;

async fn withdraw(cloud: &Cloud, name: &str) {
    let patch = ["patch", "permit", name, "-n", HOME, "--type=merge", "-p", r#"{"spec":{"withdrawn":true}}"#];
    cloud.kubectl(people::TAX_REQUESTER, &patch).await.succeeds();
}

pub async fn a_target_has_one_permit_at_a_time(cloud: &Cloud) {
    file(cloud, &request_for("first", "shared-target")).await;
    approve(cloud, "first").await;
    let first = until_in_force(cloud, "first").await;
    file(cloud, &request_for("second", "shared-target")).await;
    approve(cloud, "second").await;
    let second = eventually("the second waits for the target", || async {
        let permit = permit(cloud, "second").await;
        if condition(&permit, "CapacityReserved")["reason"] == "TargetTaken" {
            Ok(permit)
        } else {
            Err(permit["status"].to_string())
        }
    })
    .await;
    assert_eq!(second["status"]["phase"], "Approved");
    let message = condition(&second, "Ready")["message"].to_string();
    assert!(
        message.contains(first["status"]["number"].as_str().unwrap_or_default()) && message.contains("withdrawn"),
        "{message}"
    );
    withdraw(cloud, "first").await;
    until(cloud, "first", "Withdrawn").await;
    let second = until_in_force(cloud, "second").await;
    assert_eq!(slot(cloud, "shared-target").await["permit"], second["status"]["number"]);
}

pub async fn a_permit_that_is_given_up_closes_its_slot(cloud: &Cloud) {
    file(cloud, &request("given-up")).await;
    approve(cloud, "given-up").await;
    until_in_force(cloud, "given-up").await;
    start(cloud, "given-up", 3).await.expect("it is in force");
    withdraw(cloud, "given-up").await;
    let permit = until(cloud, "given-up", "Withdrawn").await;
    assert_eq!(condition(&permit, "Active")["status"], "False");
    until_closed(cloud, "given-up").await;
    refused(&start(cloud, "given-up", 3).await, "no permit names");
}

pub async fn a_permit_ends_by_itself(cloud: &Cloud) {
    let mut asked = request("short");
    asked["spec"]["duration"] = json!("6s");
    file(cloud, &asked).await;
    approve(cloud, "short").await;
    let permit = until(cloud, "short", "Active").await;
    assert!(permit["status"]["notAfter"].is_string(), "{permit}");
    until(cloud, "short", "Expired").await;
    until_closed(cloud, "short").await;
    let permit = until_said(cloud, "short", "Expired").await;
    assert!(condition(&permit, "Ready")["message"].to_string().contains("Its time is over"), "{permit}");
    refused(&start(cloud, "short", 3).await, "no permit names");
}
