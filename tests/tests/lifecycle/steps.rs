//! Steps that the stories share.

use govcloud_tests::{Cloud, Said, eventually, fixtures, people};
use serde_json::{Value, json};

/// The tax administration's home.
pub const HOME: &str = "agency-tax-administration";
/// The namespace of its project.
pub const PROJECT: &str = "tax-administration--analytics";
/// The ministry's group.
pub const MINISTRY: &str = "ministry:reviewers";
/// The group of the authority for the tax administration's regime.
pub const SMC: &str = "security:smc";

/// A request for one Kafka node pool of the request's name, with 3 replicas of 1Ti.
pub fn request(name: &str) -> Value {
    request_for(name, name)
}

/// A request for one Kafka node pool.
pub fn request_for(name: &str, target: &str) -> Value {
    fixtures::permit("tax-administration", name, "requester@tax", "analytics", &[(target, 3, "1Ti")])
}

/// Files it as the requester.
pub async fn file(cloud: &Cloud, request: &Value) {
    cloud.apply_json(people::TAX_REQUESTER, request).await.succeeds();
}

/// The permit as it is.
pub async fn permit(cloud: &Cloud, name: &str) -> Value {
    cloud.json(people::ADMIN, &["get", "permit", name, "-n", HOME, "-o", "json"]).await
}

/// Waits until the permit is in a phase.
pub async fn until(cloud: &Cloud, name: &str, phase: &str) -> Value {
    eventually(&format!("permit {name} is {phase}"), || async {
        let permit = permit(cloud, name).await;
        if permit["status"]["phase"] == phase { Ok(permit) } else { Err(permit["status"].to_string()) }
    })
    .await
}

/// Waits until the permit's condition `Ready` has a reason. One that has ended says `ClosingSlots` for a moment, until
/// admission has taken note.
pub async fn until_said(cloud: &Cloud, name: &str, reason: &str) -> Value {
    eventually(&format!("permit {name} says {reason}"), || async {
        let permit = permit(cloud, name).await;
        if condition(&permit, "Ready")["reason"] == reason { Ok(permit) } else { Err(permit["status"].to_string()) }
    })
    .await
}

/// Waits until admission knows the permit's slots.
pub async fn until_in_force(cloud: &Cloud, name: &str) -> Value {
    cloud.wait_for("processingpermit", HOME, name, "Ready").await
}

/// Approves as everybody whose approval is needed.
pub async fn approve(cloud: &Cloud, name: &str) {
    review(cloud, people::REVIEWER_1, name, "Approve").await.succeeds();
    review(cloud, people::SECURITY_REVIEWER, name, "Approve").await.succeeds();
}

/// Gives a review in the persona's own group.
pub async fn review(cloud: &Cloud, persona: &str, name: &str, verdict: &str) -> Said {
    review_with(cloud, persona, name, verdict, &json!({})).await
}

/// Gives a review with more fields.
pub async fn review_with(cloud: &Cloud, persona: &str, name: &str, verdict: &str, fields: &Value) -> Said {
    let group = if persona == people::SECURITY_REVIEWER { SMC } else { MINISTRY };
    let reviewer = people::all().into_iter().find(|p| p.name == persona).map(|p| p.user).unwrap_or_default();
    let mut review = cloud.review_of(HOME, name, &reviewer, group, verdict).await;
    for (field, value) in fields.as_object().into_iter().flatten() {
        review["spec"][field] = value.clone();
    }
    cloud.create_json(persona, &review).await
}

/// The condition of an object; null if it has none of that type.
pub fn condition(object: &Value, kind: &str) -> Value {
    let conditions = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
    conditions.into_iter().find(|c| c["type"] == kind).unwrap_or_default()
}

/// The slot of a node pool in the project's grant; null if there is none.
pub async fn slot(cloud: &Cloud, target: &str) -> Value {
    let grant = cloud.json(people::ADMIN, &["get", "slots", "slots", "-n", PROJECT, "-o", "json"]).await;
    let slots = grant["spec"]["resources"]["kafkanodepools.kafka.strimzi.io"].as_array().cloned().unwrap_or_default();
    slots.into_iter().find(|slot| slot["name"] == target).unwrap_or_default()
}

/// Waits until the project's grant has no slot of that name any more.
pub async fn until_closed(cloud: &Cloud, target: &str) {
    eventually(&format!("the slot of {target} is closed"), || async {
        let slot = slot(cloud, target).await;
        if slot.is_null() { Ok(()) } else { Err(slot.to_string()) }
    })
    .await;
}

/// Tries to create a node pool as the developer; nothing of it is kept.
pub async fn start(cloud: &Cloud, target: &str, replicas: i64) -> Result<Value, String> {
    cloud.attempt(people::TAX_DEVELOPER, &fixtures::node_pool(PROJECT, target, replicas, "1Ti")).await
}

/// Panics unless it was refused with these words.
#[track_caller]
pub fn refused(answer: &Result<Value, String>, words: &str) {
    match answer {
        Ok(_) => panic!("was not refused with {words:?}"),
        Err(said) => assert!(said.contains(words), "refused, but not with {words:?}: {said}"),
    }
}
