//! Requests that cannot be assessed.

use govcloud_tests::{Cloud, eventually, people};
use serde_json::{Value, json};

use super::steps::*;

/// Name, change of the request, reason and what the message says.
fn table() -> Vec<(&'static str, Value, &'static str, &'static str)> {
    let gpus = json!([{"group": "kafka.strimzi.io", "resource": "kafkanodepools", "name": "x", "perReplica": {"gpus": "1"}}]);
    let twice = json!({"group": "kafka.strimzi.io", "resource": "kafkanodepools", "name": "x"});
    vec![
        (
            "unknown-class",
            json!({"processingClass": "teleportation"}),
            "NoSuchClass",
            "See what there is: kubectl get processingclasses",
        ),
        ("wrong-class", json!({"processingClass": "relational-database"}), "WrongClass", "govcloud permit request --from FILE"),
        ("too-long", json!({"duration": "20000h"}), "TooLong", "lasts at most 365 d"),
        ("no-time", json!({"duration": "0h"}), "NoDuration", "say how long it is needed, such as 8760h"),
        ("no-project", json!({"project": "nowhere"}), "NoSuchProject", "govcloud project create nowhere"),
        (
            "too-secret",
            json!({"dataClassification": "Secret"}),
            "ClassificationTooHigh",
            "the agency may process data up to Restricted",
        ),
        ("dimension", json!({"targets": gpus}), "UnknownDimension", "it has brokers, storage"),
        ("twice", json!({"targets": [twice, twice]}), "TargetTwice", "name each object once"),
        ("renewal", json!({"intent": "Renewal", "prior": "some"}), "NoSuchPrior", "See them: govcloud permit list"),
    ]
}

pub async fn a_request_that_cannot_be_assessed_says_what_to_do(cloud: &Cloud) {
    for (name, change, reason, message) in table() {
        let mut asked = request(name);
        for (field, value) in change.as_object().into_iter().flatten() {
            asked["spec"][field] = value.clone();
        }
        file(cloud, &asked).await;
        let permit = eventually(&format!("{name} is judged"), || async {
            let permit = permit(cloud, name).await;
            if condition(&permit, "Ready").is_object() { Ok(permit) } else { Err(permit.to_string()) }
        })
        .await;
        for kind in ["Ready", "Assessed"] {
            let condition = condition(&permit, kind);
            assert_eq!((&condition["status"], &condition["reason"]), (&json!("False"), &json!(reason)), "{name}: {permit}");
            assert!(condition["message"].to_string().contains(message), "{name}: {condition}");
        }
        assert_eq!(permit["status"]["phase"], "Pending");
    }
}

/// The operator does not keep itself busy with what only a person can put right.
pub async fn and_it_is_not_tried_again_and_again(cloud: &Cloud) {
    let reconciles = || async {
        let text = reqwest::get(format!("http://{}/metrics", cloud.operator_address))
            .await
            .expect("metrics")
            .text()
            .await
            .expect("text");
        let permits =
            text.lines().filter(|line| line.starts_with("govcloud_reconciles_total") && line.contains("controller=\"permit\""));
        permits.map(str::to_owned).collect::<Vec<_>>()
    };
    let seen = tokio::sync::Mutex::new((Vec::new(), 0));
    eventually("permits are not reconciled any more", || async {
        let now = reconciles().await;
        let mut seen = seen.lock().await;
        *seen = if seen.0 == now { (now, seen.1 + 1) } else { (now, 0) };
        if seen.1 >= 40 { Ok(()) } else { Err(format!("{:?}", seen.0)) }
    })
    .await;
    let text = reconciles().await.join("\n");
    assert!(!text.contains("panic") && !text.contains("outcome=\"read\""), "{text}");
    let permit = permit(cloud, "unknown-class").await;
    let patch = ["patch", "permit", "unknown-class", "-n", HOME, "--type=merge", "-p", r#"{"spec":{"withdrawn":true}}"#];
    cloud.kubectl(people::TAX_REQUESTER, &patch).await.succeeds();
    let withdrawn = until(cloud, "unknown-class", "Withdrawn").await;
    assert_eq!(withdrawn["status"]["number"], permit["status"]["number"]);
}
