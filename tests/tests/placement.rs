//! Pods of a project run on the nodes of its pool: what admission writes, what it refuses, also while the operator is
//! stopped, and what it leaves alone.
//!
//! Played through as in `slots.rs`: refused, then each remedy out by itself and its attack passes, then all of it repaired.

#[path = "placement/pool.rs"]
mod pool;
#[path = "placement/traps.rs"]
mod traps;

use govcloud_tests::{
    Cloud, Setup, eventually,
    fixtures::pod,
    people::{ADMIN, CUSTOMS_ADMIN, CUSTOMS_DEVELOPER},
    remedy::{Attack, edit, hold, on_record, repaired, spring},
};
use serde_json::{Value, json};

/// A project whose pool is measured, and one whose pool is declared.
const LAB: &str = "customs--lab";
const OPEN: &str = "customs--open";
/// A project whose pool was deleted.
const LOST: &str = "customs--lost";
/// The label of the measured pool's nodes.
const RACK: &str = "node-restriction.kubernetes.io/rack";
const WRITES: &str = "mutatingadmissionpolicy";
const PLACE: &str = "govcloud-place-rack";

#[tokio::test]
async fn pods_run_on_the_nodes_of_their_pool() {
    let cloud = Cloud::start(Setup::Government).await;
    pool::a_measured_pool_follows_its_nodes(&cloud).await;
    pool::prepare(&cloud).await;
    every_pod_is_written_the_nodes_of_its_pool(&cloud).await;
    pool::controllers_make_pods_for_these_nodes_alone(&cloud).await;
    nobody_at_an_agency_places_pods_by_hand(&cloud).await;
    let traps = traps::all();
    hold(&cloud, &traps).await;

    cloud.kill_operator().await;
    every_pod_is_written_the_nodes_of_its_pool(&cloud).await;
    without_what_writes_people_are_told_what_to_write(&cloud).await;
    spring(&cloud, &traps).await;
    cloud.create_json(ADMIN, &gated("before")).await.succeeds();
    repaired(&cloud, &traps).await;
    every_pod_is_written_the_nodes_of_its_pool(&cloud).await;
    what_ran_before_the_rule_is_not_stuck(&cloud).await;
    what_writes_is_put_right_when_it_is_altered(&cloud).await;
    pool::a_pool_that_is_no_longer_measured_leaves_nothing_behind(&cloud).await;
}

/// A pod with this selector.
fn selecting(namespace: &str, selector: Value) -> Value {
    let mut pod = pod(namespace, "web", "nginx:1");
    pod["spec"]["nodeSelector"] = selector;
    pod
}

/// A pod that waits at a gate and has somebody's finalizer.
fn gated(name: &str) -> Value {
    let mut gated = pod(LAB, name, "nginx:1");
    gated["metadata"]["finalizers"] = json!(["example.com/hold"]);
    gated["spec"]["schedulingGates"] = json!([{"name": "example.com/wait"}]);
    gated
}

/// What the API server makes of a manifest; it takes a moment to take note of a change.
async fn made(cloud: &Cloud, manifest: &Value, wanted: (&str, Value)) {
    eventually("admission writes the selector", || async {
        let made = cloud.attempt(CUSTOMS_DEVELOPER, manifest).await?;
        let found = made.pointer(wanted.0).cloned().unwrap_or_default();
        if found == wanted.1 { Ok(()) } else { Err(made.to_string()) }
    })
    .await;
}

async fn every_pod_is_written_the_nodes_of_its_pool(cloud: &Cloud) {
    let at = "/spec/nodeSelector";
    made(cloud, &pod(LAB, "web", "nginx:1"), (at, json!({RACK: "a", "shape": "big"}))).await;
    let more = selecting(LAB, json!({"disk": "ssd", "shape": "big"}));
    made(cloud, &more, (at, json!({RACK: "a", "disk": "ssd", "shape": "big"}))).await;
    let daemons = pool::daemon_set("daemons", Value::Null);
    made(cloud, &daemons, ("/spec/template/spec/nodeSelector", json!({RACK: "a", "shape": "big"}))).await;
    made(cloud, &pod(OPEN, "web", "nginx:1"), (at, Value::Null)).await;
}

/// Layer 0: nobody has the right to, whatever admission says.
async fn nobody_at_an_agency_places_pods_by_hand(cloud: &Cloud) {
    for who in [CUSTOMS_ADMIN, CUSTOMS_DEVELOPER] {
        for (verb, what) in [
            ("create", "pods --subresource=binding"),
            ("create", "bindings"),
            ("patch", "pods --subresource=status"),
            ("patch", "nodes"),
        ] {
            let question = format!("auth can-i {verb} {what} -n {LAB}");
            let said = cloud.kubectl(who, &question.split(' ').collect::<Vec<_>>()).await;
            assert_eq!(said.out.trim(), "no", "{who}: {question}");
        }
    }
}

/// Somebody deletes what writes while the operator is stopped: nothing runs elsewhere.
async fn without_what_writes_people_are_told_what_to_write(cloud: &Cloud) {
    cloud.kubectl(ADMIN, &["delete", "mutatingadmissionpolicybinding,mutatingadmissionpolicy", PLACE]).await.succeeds();
    let told = format!("must say {{{RACK}: \"a\", shape: \"big\"}}");
    Attack::create(CUSTOMS_DEVELOPER, &pod(LAB, "web", "nginx:1")).is_refused(cloud, &told).await;
    Attack::create(CUSTOMS_DEVELOPER, &pool::daemon_set("daemons", Value::Null)).is_refused(cloud, &told).await;
    let written = selecting(LAB, json!({RACK: "a", "shape": "big"}));
    Attack::create(CUSTOMS_DEVELOPER, &written).passes(cloud, "it says what it was told").await;
    Attack::create(CUSTOMS_DEVELOPER, &pod(OPEN, "web", "nginx:1")).passes(cloud, "its pool has no nodes").await;
}

/// A pod from before the rule changes and goes as before; at its gate it may choose the pool's nodes, and no others.
async fn what_ran_before_the_rule_is_not_stuck(cloud: &Cloud) {
    let before = "pod/before -n customs--lab";
    let change = |change: Value| Attack::patch(ADMIN, before, &change);
    change(json!({"metadata": {"labels": {"a": "b"}}})).passes(cloud, "a label is no selector").await;
    change(json!({"metadata": {"finalizers": null}})).passes(cloud, "it may go").await;
    change(json!({"spec": {"schedulingGates": null}})).passes(cloud, "its gate may open").await;
    let selector = |selector: Value| change(json!({"spec": {"nodeSelector": selector}}));
    selector(json!({RACK: "b"})).is_refused(cloud, "run on the nodes of its pool rack alone").await;
    selector(json!({"disk": "ssd"})).is_refused(cloud, "run on the nodes of its pool rack alone").await;
    selector(json!({RACK: "a", "shape": "big"})).passes(cloud, "the pool's own nodes").await;
    cloud
        .kubectl(ADMIN, &["patch", "pod/before", "-n", LAB, "--type=merge", "-p", r#"{"metadata": {"finalizers": null}}"#])
        .await
        .succeeds();
    cloud.kubectl(ADMIN, &["delete", "pod/before", "-n", LAB, "--force", "--grace-period=0"]).await.succeeds();
}

/// It is one of the managed kinds: compared whole, put right at once, and on record.
async fn what_writes_is_put_right_when_it_is_altered(cloud: &Cloud) {
    edit(cloud, WRITES, PLACE, |policy| policy["spec"]["variables"][0]["expression"] = json!("{'shape': 'small'}")).await;
    eventually("the policy says again what it said", || async {
        let live = cloud.json(ADMIN, &["get", WRITES, PLACE, "-o", "json"]).await;
        if live["spec"].to_string().contains("'shape': 'big'") { Ok(()) } else { Err(live.to_string()) }
    })
    .await;
    eventually("the interruption is on record", || async {
        let national = cloud.json(ADMIN, &["get", "governmentcloud", "national", "-o", "json"]).await;
        let all = national["status"]["interruptions"].to_string();
        let both = ["Altered", "Deleted"].iter().all(|what| all.contains(what));
        if both && all.contains("MutatingAdmissionPolicy govcloud-place-rack") { Ok(()) } else { Err(all) }
    })
    .await;
    on_record(cloud).await;
    every_pod_is_written_the_nodes_of_its_pool(cloud).await;
}
