//! Renewals and amendments.

use std::pin::pin;

use futures::StreamExt;
use govcloud_tests::{Cloud, eventually, objects, people};
use kube::{
    Api, Client,
    api::{DynamicObject, ListParams, WatchEvent, WatchParams},
};
use serde_json::{Value, json};

use super::{referring, steps::*};

async fn active(cloud: &Cloud, name: &str) {
    file(cloud, &request(name)).await;
    until(cloud, name, "UnderReview").await;
    approve(cloud, name).await;
    until_in_force(cloud, name).await;
}

/// Whether the slot is that of the permit with this number.
async fn is_of(cloud: &Cloud, target: &str, number: &Value) -> bool {
    slot(cloud, target).await["permit"] == *number
}

pub async fn a_renewal_takes_the_slot_over_in_one_write(cloud: &Cloud) {
    active(cloud, "yearly").await;
    let former = permit(cloud, "yearly").await;
    let mut renewal = referring("yearly-2", "Renewal", "yearly", "yearly", 3);
    renewal["spec"]["duration"] = json!("4380h");
    file(cloud, &renewal).await;
    until(cloud, "yearly-2", "UnderReview").await;
    assert!(is_of(cloud, "yearly", &former["status"]["number"]).await, "it holds until it is taken over");
    let client = cloud.client(people::ADMIN).await;
    let from = version(&client).await;
    approve(cloud, "yearly-2").await;
    let successor = until_in_force(cloud, "yearly-2").await;
    let ended = until(cloud, "yearly", "Superseded").await;
    assert_eq!(ended["status"]["supersededBy"], successor["status"]["number"]);
    assert!(is_of(cloud, "yearly", &successor["status"]["number"]).await);
    let mut holders = holders_since(&client, &from, "yearly", &successor["status"]["number"]).await;
    // Other tests write other slots of the same grant meanwhile.
    holders.retain(|holders| *holders != [former["status"]["number"].clone()]);
    assert_eq!(holders, [[successor["status"]["number"].clone()]], "one permit, and never none or two, has the slot");
    start(cloud, "yearly", 3).await.expect("it may run as before");
}

fn grants(client: &Client) -> Api<DynamicObject> {
    objects::ours_in(client, PROJECT, "ProcessingGrant", "processinggrants")
}

/// The version of the grants as they are now.
async fn version(client: &Client) -> String {
    let listed = grants(client).list(&ListParams::default()).await.expect("the grant");
    listed.metadata.resource_version.expect("a list has a version")
}

/// Who had the slot in every state of the grant since a version, without repetitions, until this permit has it.
async fn holders_since(client: &Client, from: &str, target: &str, until: &Value) -> Vec<Vec<Value>> {
    let holders = |grant: &Value| -> Vec<Value> {
        let slots = grant["spec"]["resources"]["kafkanodepools.kafka.strimzi.io"].as_array().cloned().unwrap_or_default();
        slots.into_iter().filter(|slot| slot["name"] == target).map(|slot| slot["permit"].clone()).collect()
    };
    let events = grants(client).watch(&WatchParams::default(), from).await.expect("a watch");
    let (mut events, mut seen) = (pin!(events), Vec::new());
    while seen.last().is_none_or(|last: &Vec<Value>| !last.contains(until)) {
        match events.next().await {
            Some(Ok(WatchEvent::Modified(grant) | WatchEvent::Added(grant))) => seen.push(holders(&grant.data)),
            Some(Ok(_)) => {}
            other => panic!("the watch was interrupted: {other:?}"),
        }
    }
    seen.dedup();
    seen
}

pub async fn less_is_granted_at_once_and_more_is_reviewed(cloud: &Cloud) {
    active(cloud, "sized").await;
    let before = permit(cloud, "sized").await;
    let mut less = referring("sized-2", "Amendment", "sized", "sized", 2);
    less["spec"]["duration"] = json!("8760h");
    file(cloud, &less).await;
    let amended = until_in_force(cloud, "sized-2").await;
    assert_eq!(amended["status"]["reviews"], Value::Null, "nobody had to look at it");
    assert_eq!(amended["status"]["notAfter"], before["status"]["notAfter"], "and it ends no later");
    assert!(condition(&amended, "QuorumMet")["message"].to_string().contains("no more than"), "{amended}");
    until(cloud, "sized", "Superseded").await;
    eventually("the slot is smaller", || async {
        let slot = slot(cloud, "sized").await;
        if slot["replicas"] == 2 { Ok(()) } else { Err(slot.to_string()) }
    })
    .await;
    refused(&start(cloud, "sized", 3).await, "2");

    let mut elsewhere = referring("sized-elsewhere", "Amendment", "sized-2", "sized", 1);
    elsewhere["spec"]["zones"] = json!(["tehran-2"]);
    file(cloud, &elsewhere).await;
    until(cloud, "sized-elsewhere", "UnderReview").await;

    file(cloud, &referring("sized-3", "Amendment", "sized-2", "sized", 5)).await;
    until(cloud, "sized-3", "UnderReview").await;
    refused(&start(cloud, "sized", 5).await, "2");
    approve(cloud, "sized-3").await;
    until_in_force(cloud, "sized-3").await;
    start(cloud, "sized", 5).await.expect("it may be larger");
}

pub async fn what_was_stopped_is_not_begun_again_by_a_renewal(cloud: &Cloud) {
    active(cloud, "stopped").await;
    file(cloud, &referring("stopped-2", "Renewal", "stopped", "stopped", 3)).await;
    until(cloud, "stopped-2", "UnderReview").await;
    review(cloud, people::REVIEWER_1, "stopped", "Suspend").await.succeeds();
    until(cloud, "stopped", "Suspended").await;
    approve(cloud, "stopped-2").await;
    let waits = until_said(cloud, "stopped-2", "PriorSuspended").await;
    assert_eq!(waits["status"]["phase"], "Approved");
    until_closed(cloud, "stopped").await;
    refused(&start(cloud, "stopped", 3).await, "no permit names");
    review(cloud, people::REVIEWER_1, "stopped", "Resume").await.succeeds();
    until_in_force(cloud, "stopped-2").await;
    until(cloud, "stopped", "Superseded").await;
}
