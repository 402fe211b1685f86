//! Of several operators one leads, and another goes on when that one is killed, is asked to end, or stands still. One that
//! stood still finds out before anything that it had in hand leaves it.
//!
//! `cargo test -p govcloud-tests --test leader -- --nocapture` prints how long each takes. With `GOVCLOUD_LONG` set the
//! leader stands still for a minute.

#[path = "leader/stage.rs"]
mod stage;

use std::time::{Duration, Instant};

use govcloud_tests::{
    OperatorProcess, audit_log, eventually,
    people::{ADMIN, CLOUD_OPERATOR, CUSTOMS_ADMIN, OPERATOR, TAX_ADMIN},
};
use serde_json::{Value, json};
use stage::{Stage, answer, leads, project};

#[tokio::test(flavor = "multi_thread")]
async fn one_leads_and_another_goes_on_whatever_becomes_of_it() {
    let mut stage = Stage::set().await;
    both_serve_and_one_leads(&stage).await;
    nobody_else_writes_the_lease(&stage).await;
    the_leader_is_killed(&mut stage).await;
    the_leader_is_asked_to_end(&mut stage).await;
    the_leader_stands_still(&mut stage).await;
}

async fn both_serve_and_one_leads(stage: &Stage) {
    let leading = eventually("exactly one leads", || async {
        let leading = stage.leading().await;
        if leading.len() == 1 { Ok(leading[0]) } else { Err(format!("{leading:?}")) }
    })
    .await;
    for (index, operator) in stage.operators.iter().enumerate() {
        assert_eq!(answer(operator, "livez").await, Ok("ok".to_owned()));
        let ready = if index == leading { "ok" } else { "standby" };
        assert_eq!(answer(operator, "readyz").await, Ok(ready.to_owned()));
        assert!(answer(operator, "metrics").await.expect("metrics").ends_with("# EOF\n"));
    }
}

async fn nobody_else_writes_the_lease(stage: &Stage) {
    let lease = |name: &str| {
        json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"namespace": "govcloud-system", "name": name},
            "spec": {"holderIdentity": "somebody else", "leaseDurationSeconds": 3600}})
    };
    for persona in [TAX_ADMIN, CUSTOMS_ADMIN, CLOUD_OPERATOR] {
        for said in [
            stage.cloud.replace_json(persona, &lease("govcloud-operator")).await,
            stage.cloud.create_json(persona, &lease("another")).await,
            stage.cloud.kubectl(persona, &["delete", "lease", "govcloud-operator", "-n", "govcloud-system"]).await,
        ] {
            assert!(!said.ok && said.err.contains("(Forbidden)"), "{persona}: {said:?}");
        }
    }
    let elsewhere = stage.cloud.kubectl(OPERATOR, &["get", "leases", "-n", "kube-system"]).await;
    assert!(elsewhere.err.contains("(Forbidden)"), "{elsewhere:?}");
}

async fn the_leader_is_killed(stage: &mut Stage) {
    let (leader, name) = stage.take_leader().await;
    let since = Instant::now();
    leader.kill().await;
    stage.another_goes_on("killed", &name, since).await;
    stage.operators.push(OperatorProcess::elect(&stage.cloud, "c").await);
}

async fn the_leader_is_asked_to_end(stage: &mut Stage) {
    let (mut leader, name) = stage.take_leader().await;
    let (since, seen) = (Instant::now(), stage.lease.seen().len());
    leader.terminate().await;
    stage.another_goes_on("asked to end", &name, since).await;
    assert_eq!(leader.ended().await, Some(0), "{}", leader.log());
    let released = stage.lease.seen().into_iter().skip(seen).find(|state| state.holder.is_empty());
    let released = released.expect("the lease was without a holder in between");
    println!("asked to end: the lease is released after {:.1} s", (released.at - since).as_secs_f64());
    stage.operators.push(OperatorProcess::elect(&stage.cloud, "d").await);
}

async fn the_leader_stands_still(stage: &mut Stage) {
    let pause = Duration::from_secs(if std::env::var_os("GOVCLOUD_LONG").is_some() { 60 } else { 20 });
    let (mut leader, name) = stage.take_leader().await;
    // It has its hands full at that moment.
    for busy in ["busy-1", "busy-2", "busy-3"] {
        stage.cloud.apply_json(CUSTOMS_ADMIN, &project(busy, "1")).await.succeeds();
    }
    leader.freeze().await;
    let since = Instant::now();
    stage.another_goes_on("frozen", &name, since).await;
    // What the frozen one decided is wrong by now, and it sees all of it at once when it wakes.
    stage.cloud.apply_json(CUSTOMS_ADMIN, &project("frozen", "2")).await.succeeds();
    stage.cloud.kubectl(CUSTOMS_ADMIN, &["delete", "project", "busy-1", "-n", "agency-customs", "--wait=false"]).await.succeeds();
    for busy in ["busy-2", "busy-3"] {
        stage.cloud.wait_for("project", "agency-customs", busy, "Ready").await;
    }
    tokio::time::sleep(pause.saturating_sub(since.elapsed())).await;
    let log = audit_log(&stage.cloud);
    assert!(log.iter().any(|event| is_of(event, &name) && is_taken(event)), "its writes are found by its user agent");
    let (stood, since) = (since.elapsed(), Instant::now());
    leader.resume().await;
    let code = leader.ended().await;
    println!("frozen for {:.1} s: it ended {:.3} s after it went on", stood.as_secs_f64(), since.elapsed().as_secs_f64());
    assert!(code.is_some_and(|code| code != 0), "{code:?}: {}", leader.log());
    assert!(leader.log().contains("does not lead any more"), "{}", leader.log());
    nothing_was_written(stage, &name, log.len(), &leader.log()).await;
}

/// The audit log shows no write of the former leader since its first `before` events.
async fn nothing_was_written(stage: &Stage, name: &str, before: usize, log: &str) {
    // Whatever it sent has been answered once this has been done, by the one that leads now.
    stage.cloud.project("customs", CUSTOMS_ADMIN, "afterwards", "1").await;
    assert!(leads(&stage.operators[0]).await, "the other leads on");
    let sent: Vec<_> = audit_log(&stage.cloud).drain(before..).filter(|event| is_of(event, name)).collect();
    let taken: Vec<_> = sent.iter().filter(|event| is_taken(event)).collect();
    let kept = log.matches("not sent: this process does not hold the lease").count();
    println!("since then {} writes of it arrived, {} were taken, and its log tells of {kept} not sent", sent.len(), taken.len());
    assert!(taken.is_empty(), "writes of a former leader: {taken:#?}");
    let lease = stage.cloud.json(ADMIN, &["get", "lease", "govcloud-operator", "-n", "govcloud-system", "-o", "json"]).await;
    println!("the lease at last: {}", lease["spec"]);
}

/// Whether a write is of the operator of this name.
fn is_of(event: &Value, name: &str) -> bool {
    event["userAgent"].as_str().unwrap_or_default().ends_with(&format!(" ({name})"))
}

fn is_taken(event: &Value) -> bool {
    event["responseStatus"]["code"].as_u64().is_some_and(|code| code < 300)
}
