//! Steps that the checks share.

use govcloud_tests::{Cloud, eventually, fixtures, people};
use serde_json::{Value, json};

pub const CPU: &str = "requests.cpu";

/// An agency whose people are those of customs.
pub async fn open(cloud: &Cloud, name: &str) {
    let agency = json!({
        "apiVersion": "govcloud.dev/v1alpha1", "kind": "Agency", "metadata": {"name": name},
        "spec": {
            "displayName": name, "securityRegime": "NonInfrastructure", "dataClassification": "Restricted",
            "members": {"admins": [{"kind": "Group", "name": "customs:admins"}], "developers": [{"kind": "Group", "name": "customs:developers"}]},
        },
    });
    cloud.apply_json(people::CLOUD_OPERATOR, &agency).await.succeeds();
    cloud.wait_for("agency", "", name, "Ready").await;
}

/// A pool with so many cpus, and enough of everything else.
pub async fn pool(cloud: &Cloud, name: &str, cpu: &str) {
    let pool = json!({
        "apiVersion": "govcloud.dev/v1alpha1", "kind": "CapacityPool", "metadata": {"name": name},
        "spec": {"zones": ["tehran-1"], "capacity": {CPU: cpu, "requests.memory": "4Ti", "requests.storage": "4Ti"}},
    });
    cloud.apply_json(people::CLOUD_OPERATOR, &pool).await.succeeds();
}

/// An agency's share of a pool, with limits on lending and borrowing, and whatever else it is promised.
pub async fn share(cloud: &Cloud, agency: &str, pool: &str, [cpu, lend, borrow]: [&str; 3], more: &Value) {
    let mut guaranteed = json!({CPU: cpu, "requests.memory": "64Gi", "requests.storage": "1Ti"});
    for (key, amount) in more.as_object().into_iter().flatten() {
        guaranteed[key] = amount.clone();
    }
    let quota = json!({
        "apiVersion": "govcloud.dev/v1alpha1", "kind": "AgencyQuota", "metadata": {"name": agency},
        "spec": {"agency": agency, "pool": pool, "guaranteed": guaranteed, "lendingLimit": {CPU: lend}, "borrowingLimit": {CPU: borrow}},
    });
    cloud.apply_json(people::CLOUD_OPERATOR, &quota).await.succeeds();
}

/// Makes a project, or changes what it asks for.
pub async fn project(cloud: &Cloud, agency: &str, pool: &str, name: &str, quota: &Value) {
    let project = json!({
        "apiVersion": "govcloud.dev/v1alpha1", "kind": "Project", "metadata": {"namespace": format!("agency-{agency}"), "name": name},
        "spec": {"purpose": "A test", "pool": pool, "quota": quota},
    });
    cloud.apply_json(people::CUSTOMS_ADMIN, &project).await.succeeds();
}

/// An object as it is; null if it is not there.
pub async fn get(cloud: &Cloud, kind: &str, namespace: &str, name: &str) -> Value {
    cloud.json(people::ADMIN, &["get", kind, name, "-n", namespace, "-o", "json"]).await
}

/// The condition of an object; null if it has none of that type.
pub fn condition(object: &Value, kind: &str) -> Value {
    let conditions = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
    conditions.into_iter().find(|c| c["type"] == kind).unwrap_or_default()
}

/// Waits until a condition of an object has this reason; its message.
pub async fn until_reason(cloud: &Cloud, object: (&str, &str, &str), kind: &str, reason: &str) -> String {
    let (what, namespace, name) = object;
    eventually(&format!("{what} {name}: {kind} is {reason}"), || async {
        let found = get(cloud, what, namespace, name).await;
        let condition = condition(&found, kind);
        let is_so = condition["reason"] == reason;
        if is_so { Ok(condition["message"].as_str().unwrap_or_default().to_owned()) } else { Err(found["status"].to_string()) }
    })
    .await
}

/// Waits until the API server enforces this much of a key in a namespace.
pub async fn until_enforced(cloud: &Cloud, namespace: &str, key: &str, amount: &str) {
    eventually(&format!("{namespace} is limited to {amount} {key}"), || async {
        let quota = get(cloud, "resourcequota", namespace, "govcloud").await;
        let is_so = quota["status"]["hard"][key] == amount && quota["spec"]["hard"][key] == amount;
        if is_so { Ok(()) } else { Err(quota.to_string()) }
    })
    .await;
}

/// A pod that asks for so many cpus; what the API server says.
pub async fn start(cloud: &Cloud, namespace: &str, name: &str, cpu: &str) -> govcloud_tests::Said {
    let mut pod = fixtures::pod(namespace, name, "nginx");
    pod["spec"]["containers"][0]["resources"] = json!({"requests": {"cpu": cpu, "memory": "1Gi"}});
    cloud.create_json(people::CUSTOMS_DEVELOPER, &pod).await
}

/// Ends a pod at once.
pub async fn end(cloud: &Cloud, namespace: &str, name: &str) {
    cloud
        .kubectl(people::CUSTOMS_DEVELOPER, &["delete", "pod", name, "-n", namespace, "--grace-period=0", "--force"])
        .await
        .succeeds();
}
