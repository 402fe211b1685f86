//! What happens to permits is announced to a receiver: all of it, in order, signed, under ids that never change; whatever
//! becomes of the receiver or of the operator meanwhile.

#[path = "notify/stage.rs"]
mod stage;

use axum::http::{Method, StatusCode};
use govcloud_tests::{Gate, OperatorProcess, receiver::Answer};
use stage::{Stage, is_signed};

#[tokio::test(flavor = "multi_thread")]
async fn a_permits_whole_life_is_announced_in_order_and_signed() {
    let stage = Stage::set().await;
    stage.active("earlier").await;
    stage.announce("hook", Some("hook")).await;
    let before = stage.permit("earlier").await["status"]["notified"].as_i64().expect("told of, because nobody was to be told");
    stage.active("events").await;
    stage.withdrawn("events").await;
    stage.withdrawn("earlier").await;
    let events = stage.told("events").await;
    stage.all_taken(&events, 0);
    stage.all_taken(&stage.told("earlier").await, before);
    let received = stage.receiver.received();
    received.iter().for_each(is_signed);
    let mut ids: Vec<_> = received.iter().map(govcloud_tests::receiver::Received::id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), received.len(), "without a failure nothing is sent twice");
    let kinds: Vec<_> = received.iter().map(|r| r.event()["type"].clone()).collect();
    for kind in ["underreview", "active", "withdrawn"] {
        assert!(kinds.contains(&format!("dev.govcloud.permit.{kind}").into()), "{kind} is not in {kinds:?}");
    }
    stage.condition("Notified", |c| c["status"] == "True").await;
    stage.condition("NotificationsSigned", |c| c["status"] == "True").await;
    stage.key_is_nowhere().await;
    without_a_secret(&stage).await;
}

/// It is sent, without a signature, and the GovernmentCloud says so. A secret that is not there is another matter.
async fn without_a_secret(stage: &Stage) {
    stage.announce("hook", Some("missing")).await;
    stage.active("unsigned").await;
    let notified = stage.condition("Notified", |c| c["status"] == "False").await;
    assert_eq!(notified["reason"], "KeyUnusable");
    let sent = stage.receiver.received().len();
    stage.announce("open", None).await;
    stage.condition("NotificationsSigned", |c| c["status"] == "False" && c["reason"] == "NoSecret").await;
    stage.all_taken(&stage.told("unsigned").await, 0);
    for received in &stage.receiver.received()[sent..] {
        assert_eq!(received.path, "/open", "sent although there was no key");
        assert!(!received.headers.contains_key("webhook-signature"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_fails_stops_no_permit_and_gets_everything_later() {
    let mut stage = Stage::set().await;
    stage.announce("hook", Some("hook")).await;
    stage.receiver.answer(Answer::With(StatusCode::INTERNAL_SERVER_ERROR));
    stage.active("failing").await;
    stage.received("it was tried", |received| !received.is_empty()).await;
    let notified = stage.condition("Notified", |c| c["status"] == "False" && c["reason"] == "ReceiverFails").await;
    assert!(notified["message"].as_str().is_some_and(|said| said.contains("500")), "{notified}");
    stage.receiver.down().await;
    stage.active("down").await;
    stage.condition("Notified", |c| c["status"] == "False" && c["reason"] == "Unreachable").await;
    let tried = stage.receiver.received();
    assert!(tried.iter().all(|received| !received.taken));
    stage.receiver.answer(Answer::With(StatusCode::NO_CONTENT));
    stage.receiver.up().await;
    for permit in ["failing", "down"] {
        stage.all_taken(&stage.told(permit).await, 0);
    }
    let taken: Vec<_> = stage.receiver.taken().iter().map(govcloud_tests::receiver::Received::id).collect();
    assert!(tried.iter().all(|received| taken.contains(&received.id())), "{tried:?} {taken:?}");
    stage.condition("Notified", |c| c["status"] == "True").await;
    refused(&stage).await;
}

/// One that refuses is named; another address is tried at once, and a redirection is not followed.
async fn refused(stage: &Stage) {
    for (name, answer, said) in
        [("gone", Answer::With(StatusCode::GONE), "410 Gone"), ("moved", Answer::Redirect, "307 Temporary Redirect")]
    {
        stage.receiver.answer(answer);
        stage.active(name).await;
        let is_said = |c: &serde_json::Value| c["message"].as_str().is_some_and(|message| message.contains(said));
        let notified = stage.condition("Notified", |c| c["status"] == "False" && is_said(c)).await;
        assert_eq!(notified["reason"], "Refused");
        stage.receiver.answer(Answer::With(StatusCode::OK));
        stage.announce(&format!("after-{name}"), Some("hook")).await;
        stage.all_taken(&stage.told(name).await, 0);
        stage.condition("Notified", |c| c["status"] == "True").await;
    }
    let received = stage.receiver.received();
    assert!(received.iter().all(|received| received.path != "/elsewhere"), "a redirection was followed");
    received.iter().for_each(is_signed);
    stage.key_is_nowhere().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_that_is_killed_loses_nothing_and_repeats_under_the_same_id() {
    let stage = Stage::set().await;
    stage.announce("hook", Some("hook")).await;
    stage.receiver.answer(Answer::Silence);
    stage.active("pending").await;
    let under_way = stage.received("a delivery is under way", |received| !received.is_empty()).await;
    stage.cloud.kill_operator().await;
    stage.receiver.answer(Answer::With(StatusCode::OK));
    stage.cloud.start_operator().await;
    let permit = stage.told("pending").await;
    stage.all_taken(&permit, 0);
    assert!(stage.receiver.taken().iter().any(|taken| taken.id() == under_way[0].id()));
    delivered_and_not_recorded(&stage).await;
    stage.key_is_nowhere().await;
}

/// The receiver has it, and the operator is killed while it writes that down.
async fn delivered_and_not_recorded(stage: &Stage) {
    stage.cloud.kill_operator().await;
    let gate = Gate::open(&stage.cloud, "gated").await;
    let gated = OperatorProcess::start(&stage.cloud, "gated", Some(gate.kubeconfig())).await;
    stage.receiver.answer(Answer::Silence);
    let before = stage.receiver.received().len();
    stage.withdrawn("pending").await;
    let on_its_way = stage.received("the change is on its way", |received| received.len() > before).await[before].id();
    let record = gate.hold(Method::PUT, "/processingpermits/pending/status");
    stage.receiver.answer(Answer::With(StatusCode::OK));
    let record = record.caught().await;
    gated.kill().await;
    stage.cloud.start_operator().await;
    let permit = stage.told("pending").await;
    let repeated = stage.receiver.taken().iter().filter(|taken| taken.id() == on_its_way).count();
    assert!(repeated >= 2, "{on_its_way} was taken before it was recorded, and must come again");
    stage.all_taken(&permit, 0);
    drop(record); // it went with the operator that sent it
}
