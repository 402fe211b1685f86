//! Two operators on one cluster. The first is frozen in the middle of what it decided, the second decides otherwise, and
//! then the first goes on as if nothing had happened: no state of the ledger or of a quota shows too much, and what the
//! first still had under way is refused.
//!
//! What it had under way is no matter of luck: in half of the rounds the write itself is held back on its way to the API
//! server until the other has done its work. In the others the process is frozen at different moments, wherever it is then.

#[path = "paused/stage.rs"]
mod stage;

use std::time::Duration;

use axum::http::Method;
use govcloud_tests::ledger_watch::replay;
use stage::{AGENCY, Outcome, Stage};

#[tokio::test(flavor = "multi_thread")]
async fn what_a_paused_operator_still_had_in_hand_is_refused() {
    let stage = Stage::set().await;
    let mut outcomes = Vec::new();
    for _ in 0..3 {
        outcomes.push(a_raise_arrives_late(&stage).await);
        outcomes.push(a_ledger_arrives_late(&stage).await);
        outcomes.push(a_reduction_arrives_late(&stage).await);
    }
    outcomes.push(a_new_quota_arrives_late(&stage).await);
    for (outcome, held) in outcomes.iter().map(|outcome| (outcome, outcome.held)) {
        assert_eq!(held, Some(409), "a write that came late was taken: {outcome:?}");
    }
    for pause in [0, 1, 2, 4, 8, 12, 16, 24, 32, 64] {
        outcomes.push(frozen_after_the_resize(&stage, Duration::from_millis(pause)).await);
    }
    for pause in [0, 0, 0, 1, 1, 2, 4, 8] {
        outcomes.push(frozen_once_growing(&stage, Duration::from_millis(pause)).await);
    }
    for outcome in &outcomes {
        println!("{outcome}");
    }
    let refused: usize = outcomes.iter().map(|outcome| outcome.refused).sum();
    let report = replay(&stage.watch.history().await, "requests.cpu");
    println!("{} rounds; {refused} late writes of the first operator were refused with a conflict\n{report}", outcomes.len());
    assert!(report.wrong.is_empty(), "{}", report.wrong.join("\n"));
    assert!(report.most_allocated > 0 && report.ledger_revisions > outcomes.len(), "{report:?}");
}

/// It read the ledger and sent the raise; until that arrives the amount has gone to another project.
async fn a_raise_arrives_late(stage: &Stage) -> Outcome {
    stage.begin(2, 2).await;
    stage.second.freeze().await;
    let raise = stage.gate.hold(Method::PUT, &format!("/namespaces/{AGENCY}--a/resourcequotas/govcloud"));
    stage.tenant.size("a", 8).await;
    let raise = Stage::caught(raise).await;
    stage.first.freeze().await;
    stage.give_to_b().await;
    stage.go_on("a raise was on its way", Some(raise)).await
}

/// It gave the amount to one project; until that is written the other has it.
async fn a_ledger_arrives_late(stage: &Stage) -> Outcome {
    stage.begin(2, 2).await;
    stage.second.freeze().await;
    let ledger = stage.gate.hold(Method::PUT, &format!("/agencyquotas/{AGENCY}/status"));
    stage.tenant.size("a", 8).await;
    let ledger = Stage::caught(ledger).await;
    stage.first.freeze().await;
    stage.give_to_b().await;
    stage.go_on("the ledger's raise was on its way", Some(ledger)).await
}

/// It lowered a quota; until that arrives the project was lowered by the other, and has got back what it had.
async fn a_reduction_arrives_late(stage: &Stage) -> Outcome {
    stage.begin(8, 2).await;
    stage.second.freeze().await;
    let reduction = stage.gate.hold(Method::PUT, &format!("/namespaces/{AGENCY}--a/resourcequotas/govcloud"));
    stage.tenant.size("a", 2).await;
    let reduction = Stage::caught(reduction).await;
    stage.first.freeze().await;
    stage.give_to_b().await;
    stage.tenant.size("b", 2).await;
    stage.enforced("b", 2).await;
    stage.tenant.size("a", 8).await;
    stage.enforced("a", 8).await;
    stage.go_on("a reduction was on its way", Some(reduction)).await
}

/// It makes the quota of a new project; until that arrives the other has made it, and lowered it again.
async fn a_new_quota_arrives_late(stage: &Stage) -> Outcome {
    stage.begin(2, 2).await;
    stage.second.freeze().await;
    let quota = stage.gate.hold(Method::POST, &format!("/namespaces/{AGENCY}--new/resourcequotas"));
    stage.tenant.size("new", 6).await;
    let quota = Stage::caught(quota).await;
    stage.first.freeze().await;
    stage.second.resume().await;
    stage.enforced("new", 6).await;
    stage.tenant.size("new", 0).await;
    stage.give_to_b().await;
    stage.go_on("a new quota was on its way", Some(quota)).await
}

async fn frozen_after_the_resize(stage: &Stage, pause: Duration) -> Outcome {
    stage.begin(2, 2).await;
    stage.second.freeze().await;
    stage.tenant.size("a", 8).await;
    tokio::time::sleep(pause).await;
    stage.first.freeze().await;
    stage.give_to_b().await;
    stage.go_on(&format!("frozen {pause:?} after the resize"), None).await
}

async fn frozen_once_growing(stage: &Stage, pause: Duration) -> Outcome {
    stage.begin(2, 2).await;
    stage.second.freeze().await;
    stage.tenant.size("a", 8).await;
    stage.growing("a").await;
    tokio::time::sleep(pause).await;
    stage.first.freeze().await;
    stage.give_to_b().await;
    stage.go_on(&format!("frozen {pause:?} after the entry was growing"), None).await
}
