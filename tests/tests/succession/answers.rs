//! Answers to what was returned, and appeals.

use govcloud_tests::{Cloud, eventually, people};
use serde_json::{Value, json};

use super::{referring, steps::*};

/// Times of the API server sort as texts.
fn since(permit: &Value) -> &str {
    permit["status"]["policy"]["queuedSince"].as_str().expect("a time")
}

pub async fn an_answer_keeps_the_place_in_the_queue(cloud: &Cloud) {
    file(cloud, &request("asked")).await;
    let asked = until(cloud, "asked", "UnderReview").await;
    let question = json!({"reason": "Which zone is meant?"});
    review_with(cloud, people::REVIEWER_1, "asked", "Return", &question).await.succeeds();
    until(cloud, "asked", "Returned").await;
    // The clock of the API server counts seconds: what comes later than this second comes later in the queue.
    eventually("a second has passed", || async {
        file(cloud, &request("later")).await;
        let later = until(cloud, "later", "UnderReview").await;
        if since(&later) > since(&asked) { Ok(()) } else { Err("the same second".to_owned()) }
    })
    .await;
    file(cloud, &referring("answered", "New", "asked", "asked", 3)).await;
    let answer = until(cloud, "answered", "UnderReview").await;
    assert_eq!(since(&answer), since(&asked));
    let ended = until(cloud, "asked", "Superseded").await;
    assert_eq!(ended["status"]["supersededBy"], answer["status"]["number"]);
    eventually("it stands before what came later", || async {
        let (answer, later) = (permit(cloud, "answered").await, permit(cloud, "later").await);
        let place = |permit: &Value| permit["status"]["queue"]["position"].as_i64();
        if place(&answer) < place(&later) && place(&answer).is_some() { Ok(()) } else { Err(format!("{answer} {later}")) }
    })
    .await;
    approve(cloud, "answered").await;
    until_in_force(cloud, "answered").await;
}

pub async fn an_appeal_is_decided_by_others(cloud: &Cloud) {
    file(cloud, &request("no")).await;
    until(cloud, "no", "UnderReview").await;
    review(cloud, people::REVIEWER_1, "no", "Deny").await.succeeds();
    until(cloud, "no", "Denied").await;
    file(cloud, &referring("no-appeal", "Appeal", "no", "no", 3)).await;
    until(cloud, "no-appeal", "UnderReview").await;
    approve(cloud, "no-appeal").await;
    let waits = eventually("both reviews are judged", || async {
        let permit = permit(cloud, "no-appeal").await;
        let judged = permit["status"]["reviews"].as_array().is_some_and(|reviews| reviews.len() == 2);
        if judged { Ok(permit) } else { Err(permit["status"].to_string()) }
    })
    .await;
    assert_eq!(waits["status"]["phase"], "UnderReview");
    let said = condition(&waits, "QuorumMet")["message"].to_string();
    assert!(said.contains("nobody decides an appeal against their own decision"), "{said}");
    review(cloud, people::REVIEWER_2, "no-appeal", "Approve").await.succeeds();
    until_in_force(cloud, "no-appeal").await;
    assert_eq!(permit(cloud, "no").await["status"]["phase"], "Denied", "what was decided stays on record");
}

pub async fn what_does_not_fit_its_prior_is_told_so(cloud: &Cloud) {
    let cases = [
        ("fits-nothing", referring("fits-nothing", "Renewal", "nobody", "x", 3), "NoSuchPrior"),
        ("too-early", referring("too-early", "Renewal", "waits", "waits", 3), "PriorPhase"),
        ("other-thing", referring("other-thing", "New", "returned", "something-else", 3), "PriorDiffers"),
    ];
    file(cloud, &request("waits")).await;
    until(cloud, "waits", "UnderReview").await;
    file(cloud, &request("returned")).await;
    until(cloud, "returned", "UnderReview").await;
    review(cloud, people::REVIEWER_1, "returned", "Return").await.succeeds();
    until(cloud, "returned", "Returned").await;
    for (name, request, reason) in &cases {
        file(cloud, request).await;
        until_said(cloud, name, reason).await;
    }
}
