//! The places of those who wait for reviewers.

use govcloud_tests::{Cloud, eventually, people};
use serde_json::Value;

use super::steps::*;

/// What is decided leaves the queue, wherever it stood, and everybody behind it moves up.
pub async fn everybody_who_waits_has_the_place_of_their_age(cloud: &Cloud) {
    for name in ["queue-a", "queue-b", "queue-c", "queue-d"] {
        file(cloud, &request(name)).await;
    }
    let before = until_in_order(cloud, &["queue-a", "queue-b", "queue-c", "queue-d"]).await;
    let second = before.iter().find(|name| ["queue-b", "queue-c"].contains(&name.as_str())).expect("it waits");
    review(cloud, people::REVIEWER_1, second, "Deny").await.succeeds();
    until(cloud, second, "Denied").await;
    let rest: Vec<_> = before.iter().filter(|name| *name != second).map(String::as_str).collect();
    let after = until_in_order(cloud, &rest).await;
    assert_eq!(after, rest, "nobody overtook anybody");
    let denied = permit(cloud, second).await;
    assert!(denied["status"]["queue"].is_null(), "{denied}");
}

/// Waits until those who wait, by age, see the places 1, 2, 3 and so on, and these are among them; their names in that order.
async fn until_in_order(cloud: &Cloud, among: &[&str]) -> Vec<String> {
    eventually("everybody sees their place", || async {
        let all = cloud.json(people::ADMIN, &["get", "processingpermits", "-A", "-o", "json"]).await;
        let mut waiting = all["items"].as_array().cloned().expect("a list");
        waiting.retain(|permit| permit["status"]["phase"] == "UnderReview");
        waiting.sort_by_key(|permit| [text(&permit["metadata"]["creationTimestamp"]), text(&permit["metadata"]["uid"])]);
        let names: Vec<_> = waiting.iter().map(|permit| text(&permit["metadata"]["name"])).collect();
        let places: Vec<_> = waiting.iter().filter_map(|permit| permit["status"]["queue"]["position"].as_u64()).collect();
        let are_there = among.iter().all(|name| names.iter().any(|other| other == name));
        let is_in_order = places.len() == names.len() && places.iter().copied().eq(1..=places.len() as u64);
        if are_there && is_in_order { Ok(names) } else { Err(format!("{names:?} see {places:?}")) }
    })
    .await
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
