//! The measured pool, its nodes, and what controllers make on them.

use govcloud_tests::{
    Cloud, eventually,
    fixtures::{deployment, pod_spec},
    people::{ADMIN, CLOUD_OPERATOR, CUSTOMS_ADMIN, CUSTOMS_DEVELOPER, OPERATOR},
    remedy::Attack,
};
use serde_json::{Value, json};

use super::{LAB, PLACE, RACK};

/// A node that nobody runs; `cpu` whole ones.
fn node(name: &str, rack: &str, cpu: &str) -> Value {
    let amounts = json!({"cpu": cpu, "memory": "64Gi", "pods": "110"});
    json!({
        "apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": {RACK: rack, "shape": "big"}},
        "status": {"capacity": amounts, "allocatable": amounts},
    })
}

fn pool(name: &str, spec: Value) -> Value {
    let mut pool =
        json!({"apiVersion": "govcloud.dev/v1alpha1", "kind": "CapacityPool", "metadata": {"name": name}, "spec": spec});
    pool["spec"]["zones"] = json!(["shiraz"]);
    pool
}

fn share(pool: &str) -> Value {
    json!({
        "apiVersion": "govcloud.dev/v1alpha1", "kind": "AgencyQuota", "metadata": {"name": format!("customs-{pool}")},
        "spec": {"agency": "customs", "pool": pool, "guaranteed": {"requests.cpu": "4", "requests.memory": "8Gi"}},
    })
}

async fn until_it_has(cloud: &Cloud, cpu: &str) {
    eventually(&format!("the pool has {cpu} cpu"), || async {
        let pool = cloud.json(ADMIN, &["get", "capacitypool", "rack", "-o", "json"]).await;
        if pool["status"]["capacity"]["requests.cpu"] == cpu { Ok(()) } else { Err(pool["status"].to_string()) }
    })
    .await;
}

pub async fn a_measured_pool_follows_its_nodes(cloud: &Cloud) {
    for manifest in [node("a-1", "a", "8"), node("a-2", "a", "16"), node("b-1", "b", "32")] {
        cloud.create_json(ADMIN, &manifest).await.succeeds();
    }
    let measured = |labels: Value| pool("rack", json!({"nodeSelector": {"matchLabels": labels}}));
    cloud.apply_json(CLOUD_OPERATOR, &measured(json!({RACK: "a", "shape": "big"}))).await.succeeds();
    until_it_has(cloud, "24").await;
    cloud.kubectl(ADMIN, &["delete", "node", "a-2"]).await.succeeds();
    until_it_has(cloud, "8").await;
    cloud.create_json(ADMIN, &node("a-2", "a", "16")).await.succeeds();
    cloud.create_json(ADMIN, &node("a-3", "a", "1")).await.succeeds();
    until_it_has(cloud, "25").await;
    cloud.kubectl(ADMIN, &["label", "node", "a-3", &format!("{RACK}=b"), "--overwrite"]).await.succeeds();
    until_it_has(cloud, "24").await;
}

/// Three projects: in the measured pool, in a declared one, and in one that is deleted afterwards.
pub async fn prepare(cloud: &Cloud) {
    cloud
        .apply_json(CLOUD_OPERATOR, &pool("gone", json!({"capacity": {"requests.cpu": "8", "requests.memory": "8Gi"}})))
        .await
        .succeeds();
    for (name, of) in [("lab", "rack"), ("open", "national"), ("lost", "gone")] {
        if of != "national" {
            cloud.apply_json(CLOUD_OPERATOR, &share(of)).await.succeeds();
        }
        let project = json!({
            "apiVersion": "govcloud.dev/v1alpha1", "kind": "Project", "metadata": {"namespace": "agency-customs", "name": name},
            "spec": {"purpose": "A test", "pool": of, "quota": {"requests.cpu": "4", "requests.memory": "8Gi"}},
        });
        cloud.apply_json(CUSTOMS_ADMIN, &project).await.succeeds();
        cloud.wait_for("project", "agency-customs", name, "QuotaGranted").await;
    }
    // It would go when nobody holds a share of it any more; this one is torn away, which only the operator may.
    cloud.kubectl(CLOUD_OPERATOR, &["delete", "capacitypool", "gone", "--wait=false"]).await.succeeds();
    let patch = ["patch", "capacitypool", "gone", "--type=merge", "-p", r#"{"metadata":{"finalizers":null}}"#];
    cloud.kubectl(OPERATOR, &patch).await.succeeds();
}

/// A DaemonSet with this selector.
pub fn daemon_set(name: &str, selector: Value) -> Value {
    let mut spec = pod_spec("nginx:1");
    spec["nodeSelector"] = selector;
    spec["tolerations"] = json!([{"operator": "Exists"}]); // the nodes of these tests are never ready
    json!({
        "apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"namespace": LAB, "name": name},
        "spec": {"selector": {"matchLabels": {"app": name}}, "template": {"metadata": {"labels": {"app": name}}, "spec": spec}},
    })
}

/// Of four nodes two are the pool's: as many pods, and none that waits for ever. What other controllers make is placed too.
pub async fn controllers_make_pods_for_these_nodes_alone(cloud: &Cloud) {
    cloud.create_json(CUSTOMS_DEVELOPER, &daemon_set("daemons", Value::Null)).await.succeeds();
    cloud.create_json(CUSTOMS_DEVELOPER, &deployment(LAB, "web", "nginx:1", 1)).await.succeeds();
    eventually("three pods, all of them on the pool's nodes", || async {
        let pods = cloud.json(CUSTOMS_DEVELOPER, &["get", "pods", "-n", LAB, "-o", "json"]).await;
        let all = pods["items"].as_array().cloned().unwrap_or_default();
        let placed = all.iter().filter(|p| p["spec"]["nodeSelector"] == json!({RACK: "a", "shape": "big"})).count();
        let daemons = cloud.json(CUSTOMS_DEVELOPER, &["get", "daemonset", "daemons", "-n", LAB, "-o", "json"]).await;
        let wanted = &daemons["status"]["desiredNumberScheduled"];
        if (all.len(), placed, wanted) == (3, 3, &json!(2)) { Ok(()) } else { Err(format!("{wanted} {pods}")) }
    })
    .await;
    // Applied again as it was written, and labelled: no new generation, so no pod is replaced.
    cloud.apply_json(CUSTOMS_DEVELOPER, &daemon_set("daemons", Value::Null)).await.succeeds();
    cloud.kubectl(CUSTOMS_DEVELOPER, &["label", "daemonset", "daemons", "-n", LAB, "a=b"]).await.succeeds();
    let daemons = cloud.json(CUSTOMS_DEVELOPER, &["get", "daemonset", "daemons", "-n", LAB, "-o", "json"]).await;
    assert_eq!(daemons["metadata"]["generation"], 1, "{daemons}");
    for what in ["daemonset/daemons", "deployment/web"] {
        cloud.kubectl(CUSTOMS_DEVELOPER, &["delete", what, "-n", LAB]).await.succeeds();
    }
}

/// It becomes a declared one: its policies go, and its projects run anywhere.
pub async fn a_pool_that_is_no_longer_measured_leaves_nothing_behind(cloud: &Cloud) {
    let declared =
        json!({"spec": {"nodeSelector": null, "capacity": {"requests.cpu": "24", "requests.memory": "64Gi"}}}).to_string();
    cloud.kubectl(CLOUD_OPERATOR, &["patch", "capacitypool/rack", "--type=merge", "-p", &declared]).await.succeeds();
    let kinds =
        "mutatingadmissionpolicy,mutatingadmissionpolicybinding,validatingadmissionpolicy,validatingadmissionpolicybinding";
    eventually("the pool's policies are gone", || async {
        let left = cloud.kubectl(ADMIN, &["get", kinds, "-o", "name"]).await.succeeds();
        if left.contains(PLACE) { Err(left) } else { Ok(()) }
    })
    .await;
    let elsewhere = super::selecting(LAB, json!({RACK: "b"}));
    Attack::create(CUSTOMS_DEVELOPER, &elsewhere).passes(cloud, "a declared pool has no nodes").await;
}
