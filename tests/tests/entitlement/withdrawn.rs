//! How it is lost: after a warning, and not before.

use govcloud_tests::{Cloud, people};

use super::{
    given::POST_ADMIN,
    steps::{BORDER, HOME, change, condition, regime, until, until_bound, until_gone, until_in, until_not_in, until_told},
};
use serde_json::{Value, json};

fn is_warned(claim: &Value) -> bool {
    condition(claim, "Entitled")["status"] == "False" && claim["status"]["withdrawnAfter"].is_string()
}

/// The window has a long warning.
pub async fn selected_again_in_time_it_stays(cloud: &Cloud) {
    let before = until_bound(cloud, "customs", "window").await;
    regime(cloud, "CriticalInfrastructure").await;
    let warned = until(cloud, "claim", HOME, "window", "is warned", is_warned).await;
    assert_eq!(warned["status"]["phase"], "Bound", "it serves on");
    let message = condition(&warned, "Entitled")["message"].to_string();
    let day = warned["status"]["withdrawnAfter"].as_str().expect("a day")[..10].to_owned();
    assert!(message.contains(&day) && message.contains("govcloud service claim window --plan standard"), "{message}");
    until_told(cloud, people::CUSTOMS_ADMIN, HOME, "Withdrawing").await;
    until_told(cloud, people::CUSTOMS_DEVELOPER, BORDER, "Withdrawing").await;
    until_in(cloud, people::CUSTOMS_DEVELOPER, BORDER, "window").await;
    // The one with a short warning goes meanwhile, by itself.
    until_gone(cloud, "claim", HOME, "identity").await;
    until_not_in(cloud, BORDER, "identity").await;
    until_not_in(cloud, "customs--lab", "identity").await;
    until_told(cloud, people::CUSTOMS_DEVELOPER, BORDER, "Withdrawn").await;
    regime(cloud, "NonInfrastructure").await;
    let kept = |claim: &Value| condition(claim, "Entitled")["status"] == "True" && claim["status"]["withdrawnAfter"].is_null();
    let after = until(cloud, "claim", HOME, "window", "is given again", kept).await;
    assert_eq!(before["metadata"]["uid"], after["metadata"]["uid"], "it is the same");
    until_bound(cloud, "customs", "identity").await;
    until_in(cloud, people::CUSTOMS_DEVELOPER, BORDER, "identity").await;
}

pub async fn after_the_warning_it_goes_also_if_the_operator_was_away(cloud: &Cloud) {
    regime(cloud, "CriticalInfrastructure").await;
    until(cloud, "claim", HOME, "identity", "is warned or gone", |claim| claim.is_null() || is_warned(claim)).await;
    cloud.kill_operator().await;
    cloud.start_operator().await;
    until_gone(cloud, "claim", HOME, "identity").await;
    until_not_in(cloud, BORDER, "identity").await;
    until_not_in(cloud, "customs--lab", "identity").await;
    until(cloud, "ssvc", "", "identity", "serves three", |s| s["status"]["claims"] == 3).await;
    regime(cloud, "NonInfrastructure").await;
    until_in(cloud, people::CUSTOMS_DEVELOPER, BORDER, "identity").await;
    // A cordoned agency keeps what it has, and is given nothing new.
    change(cloud, "agency/customs", &json!({"spec": {"cordoned": true}})).await;
    super::steps::offer(cloud, "letters", &super::steps::entitled("5s")).await;
    until_bound(cloud, "post", "letters").await;
    until_bound(cloud, "customs", "identity").await;
    let none = cloud.json(people::ADMIN, &["get", "claim", "letters", "-n", HOME, "-o", "json"]).await;
    assert!(none.is_null(), "{none}");
    change(cloud, "agency/customs", &json!({"spec": {"cordoned": false}})).await;
    until_bound(cloud, "customs", "letters").await;
}

pub async fn a_closed_agency_holds_no_place(cloud: &Cloud) {
    let before = until(cloud, "ssvc", "", "identity", "serves four", |s| s["status"]["claims"] == 4).await;
    assert_eq!(before["status"]["allocated"]["brokers"], "4");
    cloud.kubectl(people::CLOUD_OPERATOR, &["delete", "agency", "post", "--wait=false"]).await.succeeds();
    until(cloud, "agency", "", "post", "waits for its project", |a| condition(a, "Ready")["reason"] == "ProjectsRemain").await;
    until_in(cloud, people::ADMIN, "post--letters", "identity").await;
    cloud.kubectl(POST_ADMIN, &["delete", "project", "letters", "-n", "agency-post", "--wait=false"]).await.succeeds();
    until_gone(cloud, "agency", "", "post").await;
    until_gone(cloud, "claim", "agency-post", "identity").await;
    until(cloud, "ssvc", "", "identity", "serves three", |s| s["status"]["allocated"]["brokers"] == "3").await;
}

pub async fn a_service_that_is_gone_leaves_nothing(cloud: &Cloud) {
    cloud.kubectl(people::CLOUD_OPERATOR, &["delete", "ssvc", "letters"]).await.succeeds();
    until_gone(cloud, "claim", HOME, "letters").await;
    until_not_in(cloud, BORDER, "letters").await;
    until_in(cloud, people::CUSTOMS_DEVELOPER, BORDER, "identity").await;
}
