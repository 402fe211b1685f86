//! Steps that the stories share.

use govcloud_tests::{Cloud, eventually, people};
use serde_json::{Value, json};

/// The namespace of the tax administration's project.
pub const PROJECT: &str = "tax-administration--analytics";

/// A service with plans of these sizes, as JSON that more can be written into.
pub fn service(name: &str, brokers: i64, plans: &[(&str, i64)]) -> Value {
    let plans: Vec<_> =
        plans.iter().map(|(name, size)| json!({"name": name, "capacity": {"brokers": size.to_string()}})).collect();
    json!({
        "apiVersion": "govcloud.dev/v1alpha1", "kind": "SharedService", "metadata": {"name": name},
        "spec": {
            "displayName": name, "provider": "ito", "processingClass": "message-broker", "plans": plans,
            "capacity": {"brokers": brokers.to_string()},
            "binding": {"type": "kafka", "values": {"host": name}, "egress": [{"cidr": "10.30.0.0/24", "ports": [9093]}]},
        },
    })
}

/// Writes a service into the catalogue, and waits until it was looked at.
pub async fn publish(cloud: &Cloud, service: &Value) {
    cloud.apply_json(people::CLOUD_OPERATOR, service).await.succeeds();
    let name = service["metadata"]["name"].as_str().expect("a name");
    eventually(&format!("{name} has a ledger"), || async {
        let service = get(cloud, "ssvc", name).await;
        let is_seen = service["status"]["observedGeneration"] == service["metadata"]["generation"];
        if is_seen { Ok(()) } else { Err(service["status"].to_string()) }
    })
    .await;
}

/// Changes a service as the cloud operator.
pub async fn change(cloud: &Cloud, service: &str, spec: &Value) {
    patch(cloud, people::CLOUD_OPERATOR, "ssvc", service, spec).await;
}

/// Changes a claim as the agency's admin.
pub async fn change_claim(cloud: &Cloud, claim: &str, spec: &Value) {
    patch(cloud, people::TAX_ADMIN, "claim", claim, spec).await;
}

async fn patch(cloud: &Cloud, who: &str, kind: &str, name: &str, spec: &Value) {
    let patch = json!({"spec": spec}).to_string();
    cloud.kubectl(who, &["patch", kind, name, "-n", PROJECT, "--type=merge", "-p", &patch]).await.succeeds();
}

/// Claims a plan as the agency's admin.
pub async fn claim(cloud: &Cloud, name: &str, service: &str, plan: &str) {
    let claim = json!({
        "apiVersion": "govcloud.dev/v1alpha1", "kind": "ServiceClaim", "metadata": {"namespace": PROJECT, "name": name},
        "spec": {"sharedService": service, "plan": plan},
    });
    cloud.apply_json(people::TAX_ADMIN, &claim).await.succeeds();
}

/// An object as it is; null if it is not there.
pub async fn get(cloud: &Cloud, kind: &str, name: &str) -> Value {
    cloud.json(people::ADMIN, &["get", kind, name, "-n", PROJECT, "-o", "json"]).await
}

/// The condition of an object; null if it has none of that type.
pub fn condition(object: &Value, kind: &str) -> Value {
    let conditions = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
    conditions.into_iter().find(|c| c["type"] == kind).unwrap_or_default()
}

/// Waits until a claim is in a phase, with this reason of a condition; the claim.
pub async fn until(cloud: &Cloud, claim: &str, phase: &str, kind: &str, reason: &str) -> Value {
    eventually(&format!("claim {claim} is {phase}, {kind} says {reason}"), || async {
        let found = get(cloud, "claim", claim).await;
        let is_so = found["status"]["phase"] == phase && condition(&found, kind)["reason"] == reason;
        if is_so { Ok(found) } else { Err(found["status"].to_string()) }
    })
    .await
}

/// Waits until a claim is bound.
pub async fn until_bound(cloud: &Cloud, claim: &str) -> Value {
    until(cloud, claim, "Bound", "Ready", "Bound").await
}

/// Waits until a service's ledger is as it should be.
pub async fn until_ledger(cloud: &Cloud, service: &str, claims: i64, waiting: i64) -> Value {
    eventually(&format!("{claims} claims hold {service}, and {waiting} wait"), || async {
        let found = get(cloud, "ssvc", service).await;
        let status = &found["status"];
        if status["claims"] == claims && status["waiting"] == waiting { Ok(found) } else { Err(status.to_string()) }
    })
    .await
}

/// Waits until a claim's Secret and its way through the network are gone.
pub async fn until_unbound(cloud: &Cloud, claim: &str) {
    eventually(&format!("nothing is left of the binding of {claim}"), || async {
        let left = [("secret", format!("{claim}-binding")), ("networkpolicy", format!("govcloud-{claim}"))];
        for (kind, name) in left {
            if !get(cloud, kind, &name).await.is_null() {
                return Err(format!("{kind} {name} is there"));
            }
        }
        Ok(())
    })
    .await;
}

/// Waits until people were told this of a claim.
pub async fn until_told(cloud: &Cloud, claim: &str, reason: &str) -> String {
    let field = format!("reason={reason}");
    eventually(&format!("an event {reason} about claim {claim}"), || async {
        let arguments = ["get", "events.v1.events.k8s.io", "-n", PROJECT, "--field-selector", &field, "-o", "json"];
        let events = cloud.json(people::ADMIN, &arguments).await;
        let all = events["items"].as_array().cloned().unwrap_or_default();
        let found = all.iter().find(|event| event["regarding"]["name"] == claim);
        found.map(|event| event["note"].to_string()).ok_or_else(|| format!("{} others", all.len()))
    })
    .await
}
