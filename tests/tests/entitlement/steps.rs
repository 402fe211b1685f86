//! Steps that the stories share.

use govcloud_tests::{Cloud, eventually, people};
use serde_json::{Value, json};

/// The namespace of customs' first project.
pub const BORDER: &str = "customs--border";
/// Customs' home.
pub const HOME: &str = "agency-customs";

/// A service with room for many that ito provides, with this beside what every service needs.
pub async fn offer(cloud: &Cloud, name: &str, more: &Value) {
    let mut service = json!({
        "apiVersion": "govcloud.dev/v1alpha1", "kind": "SharedService", "metadata": {"name": name},
        "spec": {
            "displayName": format!("The national {name}"), "provider": "ito", "processingClass": "message-broker",
            "plans": [{"name": "standard", "channel": "GSB", "capacity": {"brokers": "1"}}], "capacity": {"brokers": "50"},
            "binding": {"type": "http", "values": {"url": format!("https://{name}.gov.internal")}, "egress": [{"cidr": "10.30.0.0/24", "ports": [443]}]},
        },
    });
    for (key, value) in more.as_object().into_iter().flatten() {
        service["spec"][key] = value.clone();
    }
    cloud.apply_json(people::CLOUD_OPERATOR, &service).await.succeeds();
}

/// Given to agencies that are no critical infrastructure, which lose it after this warning.
pub fn entitled(warning: &str) -> Value {
    json!({"access": "Entitled", "entitlement": {"plan": "standard", "warning": warning,
        "matchAgencies": {"securityRegimes": ["NonInfrastructure", "InfrastructureArea"]}}})
}

/// Changes an object as a cloud operator.
pub async fn change(cloud: &Cloud, object: &str, patch: &Value) {
    let patch = patch.to_string();
    cloud.kubectl(people::CLOUD_OPERATOR, &["patch", object, "--type=merge", "-p", &patch]).await.succeeds();
}

/// Puts customs under another regime.
pub async fn regime(cloud: &Cloud, regime: &str) {
    change(cloud, "agency/customs", &json!({"spec": {"securityRegime": regime}})).await;
}

/// The condition of an object; null if it has none of that type.
pub fn condition(object: &Value, kind: &str) -> Value {
    let conditions = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
    conditions.into_iter().find(|c| c["type"] == kind).unwrap_or_default()
}

/// Waits until an object, as the administrator sees it, is as it should be.
pub async fn until(cloud: &Cloud, kind: &str, namespace: &str, name: &str, what: &str, is: impl Fn(&Value) -> bool) -> Value {
    eventually(&format!("{kind} {namespace}/{name}: {what}"), || async {
        let mut line = vec!["get", kind, name, "-o", "json"];
        if !namespace.is_empty() {
            line.extend(["-n", namespace]);
        }
        let object = cloud.json(people::ADMIN, &line).await;
        if is(&object) { Ok(object) } else { Err(format!("{}\n{}", object["status"], cloud.operator_log())) }
    })
    .await
}

/// Waits until an object is not there.
pub async fn until_gone(cloud: &Cloud, kind: &str, namespace: &str, name: &str) {
    until(cloud, kind, namespace, name, "is gone", Value::is_null).await;
}

/// Waits until an agency has a claim in its home that is bound.
pub async fn until_bound(cloud: &Cloud, agency: &str, service: &str) -> Value {
    let is_bound = |claim: &Value| claim["status"]["phase"] == "Bound";
    until(cloud, "claim", &format!("agency-{agency}"), service, "is bound", is_bound).await
}

/// Waits until a project has what a claim gives, as whoever works there sees it.
pub async fn until_in(cloud: &Cloud, who: &str, namespace: &str, service: &str) {
    let (secret, policy) = (format!("{service}-binding"), format!("govcloud.entitled-{service}"));
    eventually(&format!("{namespace} has {service}"), || async {
        let has = cloud.json(who, &["get", "secret", &secret, "-n", namespace, "-o", "json"]).await;
        let way = cloud.json(who, &["get", "networkpolicy", &policy, "-n", namespace, "-o", "json"]).await;
        let is =
            has["type"] == "servicebinding.io/http" && way["spec"]["egress"][0]["to"][0]["ipBlock"]["cidr"] == "10.30.0.0/24";
        if is { Ok(()) } else { Err(format!("{has} {way}\n{}", cloud.operator_log())) }
    })
    .await;
}

/// Waits until nothing of a claim is left in a project.
pub async fn until_not_in(cloud: &Cloud, namespace: &str, service: &str) {
    until_gone(cloud, "secret", namespace, &format!("{service}-binding")).await;
    until_gone(cloud, "networkpolicy", namespace, &format!("govcloud.entitled-{service}")).await;
}

/// Waits until somebody reads an event with this reason where they work.
pub async fn until_told(cloud: &Cloud, who: &str, namespace: &str, reason: &str) {
    eventually(&format!("{who} is told {reason} in {namespace}"), || async {
        let events = cloud.json(who, &["get", "events", "-n", namespace, "-o", "json"]).await;
        let is = |event: &Value| event["reason"] == reason && event["type"] == "Warning";
        if events["items"].as_array().into_iter().flatten().any(is) { Ok(()) } else { Err(events.to_string()) }
    })
    .await;
}

/// Waits until the operator's metrics have these lines.
pub async fn until_measured(cloud: &Cloud, lines: &[&str]) {
    eventually(&format!("metrics say {lines:?}"), || async {
        let answer = reqwest::get(format!("http://{}/metrics", cloud.operator_address)).await.map_err(|e| e.to_string())?;
        let text = answer.text().await.map_err(|e| e.to_string())?;
        let has = |line: &&str| text.lines().any(|said| said == *line);
        let about: Vec<_> = text.lines().filter(|l| l.contains("obligations") || l.contains("digitization")).collect();
        if lines.iter().all(has) { Ok(()) } else { Err(about.join("\n")) }
    })
    .await;
}
