//! Steps that the checks share.

use govcloud_tests::{Cloud, eventually, people};
use serde_json::{Value, json};

/// The manifest of an agency whose people are those of customs.
pub fn agency(name: &str) -> Value {
    json!({
        "apiVersion": "govcloud.dev/v1alpha1", "kind": "Agency", "metadata": {"name": name},
        "spec": {
            "displayName": name, "securityRegime": "NonInfrastructure", "dataClassification": "Restricted",
            "members": {
                "admins": [{"kind": "Group", "name": "customs:admins"}],
                "requesters": [{"kind": "User", "name": "requester@customs"}],
                "developers": [{"kind": "Group", "name": "customs:developers"}],
            },
        },
    })
}

/// The manifest of an agency's share of a pool.
pub fn share(name: &str, agency: &str, pool: &str, cpu: &Value) -> Value {
    json!({
        "apiVersion": "govcloud.dev/v1alpha1", "kind": "AgencyQuota", "metadata": {"name": name},
        "spec": {"agency": agency, "pool": pool, "guaranteed": {"requests.cpu": cpu, "requests.memory": "64Gi", "requests.storage": "1Ti"}},
    })
}

/// Opens an agency with 40 cpu of the national pool.
pub async fn open(cloud: &Cloud, name: &str) {
    cloud.apply_json(people::CLOUD_OPERATOR, &agency(name)).await.succeeds();
    cloud.apply_json(people::CLOUD_OPERATOR, &share(name, name, "national", &json!("40"))).await.succeeds();
    cloud.wait_for("agency", "", name, "Ready").await;
}

/// The manifest of a project.
pub fn project(agency: &str, name: &str, quota: &Value) -> Value {
    json!({
        "apiVersion": "govcloud.dev/v1alpha1", "kind": "Project", "metadata": {"namespace": home(agency), "name": name},
        "spec": {"purpose": "A test", "pool": "national", "quota": quota},
    })
}

/// An agency's home.
pub fn home(agency: &str) -> String {
    format!("agency-{agency}")
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

/// Waits until an object is as it should be.
pub async fn until(cloud: &Cloud, object: (&str, &str, &str), what: &str, holds: impl Fn(&Value) -> bool) -> Value {
    let (kind, namespace, name) = object;
    eventually(&format!("{kind} {namespace}/{name}: {what}"), || async {
        let found = get(cloud, kind, namespace, name).await;
        if holds(&found) { Ok(found) } else { Err(found["status"].to_string()) }
    })
    .await
}

/// Waits until a condition of an object is `False` for this reason.
pub async fn until_denied(cloud: &Cloud, object: (&str, &str, &str), kind: &str, reason: &str) -> Value {
    let what = format!("{kind} is False, {reason}");
    let is_so = |found: &Value| {
        let condition = condition(found, kind);
        condition["status"] == "False" && condition["reason"] == reason
    };
    until(cloud, object, &what, is_so).await
}

/// Deletes an object and waits until it is gone.
pub async fn delete(cloud: &Cloud, who: &str, kind: &str, namespace: &str, name: &str) {
    cloud.kubectl(who, &["delete", kind, name, "-n", namespace, "--wait=true", "--timeout=80s"]).await.succeeds();
}

/// The slot of a Kafka node pool in a namespace's grant; null if there is none.
pub async fn slot(cloud: &Cloud, namespace: &str, target: &str) -> Value {
    let grant = get(cloud, "slots", namespace, "slots").await;
    let slots = grant["spec"]["resources"]["kafkanodepools.kafka.strimzi.io"].as_array().cloned().unwrap_or_default();
    slots.into_iter().find(|slot| slot["name"] == target).unwrap_or_default()
}

/// A panic in a reconcile is caught and counted; there must be none whatever people write.
pub async fn nothing_panicked(cloud: &Cloud) {
    let answer = reqwest::get(format!("http://{}/metrics", cloud.operator_address)).await.expect("metrics");
    let text = answer.text().await.expect("text");
    let reconciles: Vec<_> = text.lines().filter(|line| line.starts_with("govcloud_reconciles_total")).collect();
    assert!(!reconciles.is_empty(), "{text}");
    assert!(!reconciles.iter().any(|line| line.contains("panic")), "{}\n{}", reconciles.join("\n"), cloud.operator_log());
}
