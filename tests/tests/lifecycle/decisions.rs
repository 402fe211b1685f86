//! What reviewers decide.

use govcloud_tests::{Cloud, eventually, people};
use serde_json::{Value, json};

use super::steps::*;

pub async fn a_denied_request_says_why(cloud: &Cloud) {
    file(cloud, &request("denied")).await;
    until(cloud, "denied", "UnderReview").await;
    review_with(cloud, people::REVIEWER_1, "denied", "Deny", &json!({"reason": "The national platform will do."}))
        .await
        .succeeds();
    let permit = until(cloud, "denied", "Denied").await;
    assert_eq!(condition(&permit, "Ready")["message"], "Denied: The national platform will do.");
    assert_eq!(condition(&permit, "QuorumMet")["status"], "False");
    assert_eq!(permit["status"]["decision"]["verdict"], "Deny");
    refused(&start(cloud, "denied", 3).await, "no permit names");
    // What comes later is kept, and changes nothing.
    review(cloud, people::REVIEWER_2, "denied", "Approve").await.succeeds();
    let because = eventually("the late review is recorded", || async {
        let reviews = permit_reviews(cloud, "denied").await;
        if reviews.len() == 2 {
            Ok(reviews.iter().find(|r| r["verdict"] == "Approve").cloned().unwrap_or_default())
        } else {
            Err(format!("{reviews:?}"))
        }
    })
    .await;
    assert_eq!(because["counted"], json!(false), "{because}");
}

async fn permit_reviews(cloud: &Cloud, name: &str) -> Vec<Value> {
    permit(cloud, name).await["status"]["reviews"].as_array().cloned().unwrap_or_default()
}

pub async fn a_returned_request_says_what_to_do(cloud: &Cloud) {
    file(cloud, &request("returned")).await;
    review_with(cloud, people::REVIEWER_1, "returned", "Return", &json!({"reason": "Which zone is meant?"})).await.succeeds();
    let permit = until(cloud, "returned", "Returned").await;
    let message = condition(&permit, "Ready")["message"].to_string();
    assert!(
        message.contains("Which zone is meant? Answer it, and keep the place in the queue: govcloud permit answer returned"),
        "{message}"
    );
    refused(&start(cloud, "returned", 3).await, "no permit names");
}

pub async fn a_duplicate_needs_an_override_and_one_more_reviewer(cloud: &Cloud) {
    let mut asked = request("duplicate");
    asked["spec"]["zones"] = json!(["tehran-1"]);
    asked["spec"]["interfaces"] = json!([{"name": "kafka", "version": ">=3.9"}]);
    file(cloud, &asked).await;
    let permit = until(cloud, "duplicate", "UnderReview").await;
    assert_eq!(permit["status"]["assessment"]["result"], "Duplicate", "{}", permit["status"]);
    let advice = condition(&permit, "Duplicate")["message"].to_string();
    assert!(advice.contains("national-streaming") && advice.contains("govcloud service claim"), "{advice}");
    let over = json!({"overrideDuplicate": true, "reason": "The filing season cannot wait."});
    review(cloud, people::REVIEWER_1, "duplicate", "Approve").await.succeeds();
    review_with(cloud, people::SECURITY_REVIEWER, "duplicate", "Approve", &over).await.succeeds();
    review_with(cloud, people::REVIEWER_2, "duplicate", "Approve", &over).await.succeeds();
    let permit = eventually("all three are counted or not", || async {
        let permit = super::steps::permit(cloud, "duplicate").await;
        if permit["status"]["reviews"].as_array().is_some_and(|r| r.len() == 3) {
            Ok(permit)
        } else {
            Err(permit["status"].to_string())
        }
    })
    .await;
    assert_eq!(permit["status"]["phase"], "UnderReview");
    let plain = permit["status"]["reviews"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|r| r["reviewer"] == "reviewer-1@ministry")
        .cloned()
        .unwrap_or_default();
    assert_eq!(plain["because"], "the assessment says Duplicate, and the review does not override it");
    assert!(condition(&permit, "Ready")["message"].to_string().contains("Still needed: 1 of ministry:reviewers."), "{permit}");
    review_with(cloud, people::REVIEWER_1, "duplicate", "Approve", &over).await.succeeds();
    until_in_force(cloud, "duplicate").await;
}

pub async fn what_a_reviewer_narrows_is_what_the_slot_allows(cloud: &Cloud) {
    file(cloud, &request("narrow")).await;
    let narrow = json!({"narrow": {"targets": [{"name": "narrow", "replicas": 2, "perReplica": {"storage": "500Gi"}}]}});
    let wide = json!({"narrow": {"targets": [{"name": "narrow", "replicas": 9, "perReplica": {"storage": "9Ti"}}]}});
    review_with(cloud, people::REVIEWER_1, "narrow", "Approve", &narrow).await.succeeds();
    review_with(cloud, people::SECURITY_REVIEWER, "narrow", "Approve", &wide).await.succeeds();
    let permit = until_in_force(cloud, "narrow").await;
    let slot = slot(cloud, "narrow").await;
    assert_eq!((&slot["replicas"], &slot["perReplica"]["brokers"]), (&json!(2), &json!("1")), "{slot}");
    assert_eq!(permit["status"]["granted"][0]["replicas"], 2);
    assert_eq!(permit["status"]["decision"]["capacity"]["brokers"], "2");
    refused(&start(cloud, "narrow", 3).await, "allows at most 2 replicas");
    refused(&start(cloud, "narrow", 2).await, "allows less storage");
}

pub async fn a_suspended_permit_rests_and_resumes(cloud: &Cloud) {
    file(cloud, &request("suspended")).await;
    approve(cloud, "suspended").await;
    until_in_force(cloud, "suspended").await;
    start(cloud, "suspended", 3).await.expect("it is in force");
    review(cloud, people::REVIEWER_2, "suspended", "Suspend").await.succeeds();
    until(cloud, "suspended", "Suspended").await;
    until_closed(cloud, "suspended").await;
    until_said(cloud, "suspended", "Suspended").await;
    refused(&start(cloud, "suspended", 3).await, "no permit names");
    review(cloud, people::REVIEWER_1, "suspended", "Resume").await.succeeds();
    until_in_force(cloud, "suspended").await;
    start(cloud, "suspended", 3).await.expect("it is in force again");
}

pub async fn a_revoked_permit_closes_its_slot(cloud: &Cloud) {
    file(cloud, &request("revoked")).await;
    approve(cloud, "revoked").await;
    until_in_force(cloud, "revoked").await;
    review_with(cloud, people::REVIEWER_2, "revoked", "Revoke", &json!({"reason": "It was used for something else."}))
        .await
        .succeeds();
    until(cloud, "revoked", "Revoked").await;
    until_closed(cloud, "revoked").await;
    let permit = until_said(cloud, "revoked", "Revoked").await;
    assert!(condition(&permit, "Ready")["message"].to_string().contains("must be drained"), "{permit}");
    refused(&start(cloud, "revoked", 3).await, "no permit names");
}
