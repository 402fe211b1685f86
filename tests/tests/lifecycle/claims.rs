//! What becomes of claims.

use govcloud_tests::{Cloud, eventually, people};
use serde_json::{Value, json};

use super::steps::{PROJECT, condition};

/// A service whose capacity is enough for one claim, and one that is for other agencies.
fn service(name: &str, brokers: &str, regimes: &[&str]) -> Value {
    json!({
        "apiVersion": "govcloud.dev/v1alpha1", "kind": "SharedService", "metadata": {"name": name},
        "spec": {
            "displayName": "A small service", "provider": "ito", "processingClass": "message-broker",
            "eligibility": {"securityRegimes": regimes}, "plans": [{"name": "one", "capacity": {"brokers": "1"}}],
            "capacity": {"brokers": brokers}, "binding": {"type": "kafka"},
        },
    })
}

async fn claim(cloud: &Cloud, name: &str, service: &str, plan: &str) {
    let claim = json!({
        "apiVersion": "govcloud.dev/v1alpha1", "kind": "ServiceClaim", "metadata": {"namespace": PROJECT, "name": name},
        "spec": {"sharedService": service, "plan": plan, "purpose": "A test"},
    });
    cloud.apply_json(people::TAX_ADMIN, &claim).await.succeeds();
}

async fn until(cloud: &Cloud, name: &str, phase: &str, reason: &str) -> Value {
    eventually(&format!("claim {name} is {phase}"), || async {
        let claim = cloud.json(people::ADMIN, &["get", "claim", name, "-n", PROJECT, "-o", "json"]).await;
        let there = claim["status"]["phase"] == phase && condition(&claim, "Ready")["reason"] == reason;
        if there { Ok(claim) } else { Err(claim["status"].to_string()) }
    })
    .await
}

/// Waits until the service's figures are these.
async fn until_service(cloud: &Cloud, name: &str, claims: i64, available: &str) -> Value {
    eventually(&format!("{name} has {available} brokers left"), || async {
        let service = cloud.json(people::ADMIN, &["get", "ssvc", name, "-o", "json"]).await;
        let status = &service["status"];
        if status["claims"] == claims && status["available"]["brokers"] == available {
            Ok(service)
        } else {
            Err(status.to_string())
        }
    })
    .await
}

pub async fn a_bound_claim_yields_a_secret(cloud: &Cloud) {
    let before = until_service(cloud, "national-streaming", 0, "60").await;
    assert_eq!(condition(&before, "Exhausted")["status"], "False");
    claim(cloud, "events", "national-streaming", "standard").await;
    let claim = until(cloud, "events", "Bound", "Bound").await;
    assert_eq!(claim["status"]["binding"]["name"], "events-binding");
    let secret = cloud.json(people::TAX_DEVELOPER, &["get", "secret", "events-binding", "-n", PROJECT, "-o", "json"]).await;
    assert_eq!(secret["type"], "servicebinding.io/kafka");
    // In base64: kafka, national-streaming, kafka.streaming.gov.internal:9093, agency, change-me.
    let entries = [
        ("type", "a2Fma2E="),
        ("provider", "bmF0aW9uYWwtc3RyZWFtaW5n"),
        ("bootstrap-servers", "a2Fma2Euc3RyZWFtaW5nLmdvdi5pbnRlcm5hbDo5MDkz"),
        ("username", "YWdlbmN5"),
        ("password", "Y2hhbmdlLW1l"),
    ];
    for (key, value) in entries {
        assert_eq!(secret["data"][key], value, "{key} in {}", secret["data"]);
    }
    let egress =
        cloud.json(people::TAX_DEVELOPER, &["get", "networkpolicy", "govcloud-events", "-n", PROJECT, "-o", "json"]).await;
    assert_eq!(egress["spec"]["egress"][0]["to"][0]["ipBlock"]["cidr"], "10.20.0.0/24", "{egress}");
    until_service(cloud, "national-streaming", 1, "59").await;
    cloud.kubectl(people::TAX_ADMIN, &["delete", "claim", "events", "-n", PROJECT]).await.succeeds();
    until_service(cloud, "national-streaming", 0, "60").await;
}

pub async fn an_agency_that_is_not_eligible_is_told_why(cloud: &Cloud) {
    cloud.apply_json(people::CLOUD_OPERATOR, &service("for-others", "9", &["CriticalInfrastructure"])).await.succeeds();
    cloud.wait_for("sharedservice", "", "for-others", "Ready").await;
    for (name, service, plan, reason, message) in [
        ("not-eligible", "for-others", "one", "NotEligible", "for CriticalInfrastructure agencies only"),
        ("no-service", "nowhere", "one", "NoSuchService", "govcloud service list"),
        ("no-plan", "for-others", "huge", "NoSuchPlan", "it has one"),
    ] {
        claim(cloud, name, service, plan).await;
        let claim = until(cloud, name, "Rejected", reason).await;
        let eligible = condition(&claim, "Eligible");
        assert!(eligible["message"].to_string().contains(message), "{eligible}");
        assert!(claim["status"]["binding"].is_null());
    }
    until_service(cloud, "for-others", 0, "9").await;
}

pub async fn who_waits_is_served_when_another_gives_back(cloud: &Cloud) {
    cloud.apply_json(people::CLOUD_OPERATOR, &service("for-one", "1", &[])).await.succeeds();
    cloud.wait_for("sharedservice", "", "for-one", "Ready").await;
    claim(cloud, "served", "for-one", "one").await;
    until(cloud, "served", "Bound", "Bound").await;
    claim(cloud, "waiting", "for-one", "one").await;
    let waiting = until(cloud, "waiting", "Pending", "NoCapacity").await;
    assert!(condition(&waiting, "CapacityReserved")["message"].to_string().contains("it is served when there is"), "{waiting}");
    let full = until_service(cloud, "for-one", 1, "0").await;
    assert_eq!(condition(&full, "Exhausted")["status"], "True");
    cloud.kubectl(people::TAX_ADMIN, &["delete", "claim", "served", "-n", PROJECT]).await.succeeds();
    until(cloud, "waiting", "Bound", "Bound").await;
    until_service(cloud, "for-one", 1, "0").await;
}
