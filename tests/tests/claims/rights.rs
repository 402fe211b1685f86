//! Who may have what, and for how long.

use govcloud_tests::{Cloud, fixtures, people};
use serde_json::{Value, json};

use super::steps::{
    self, change, change_claim, claim, condition, get, publish, service, until, until_bound, until_ledger, until_told,
    until_unbound,
};

const HOME: &str = "agency-tax-administration";

pub async fn a_plan_is_changed_when_the_other_one_fits(cloud: &Cloud) {
    publish(cloud, &service("sizes", 4, &[("small", 1), ("large", 3)])).await;
    claim(cloud, "grows", "sizes", "small").await;
    claim(cloud, "stays", "sizes", "small").await;
    for name in ["grows", "stays"] {
        until_bound(cloud, name).await;
    }
    change(cloud, "sizes", &json!({"capacity": {"brokers": "3"}})).await;
    change_claim(cloud, "grows", &json!({"plan": "large"})).await;
    let waits = until(cloud, "grows", "Bound", "PlanInForce", "NoRoom").await;
    assert_eq!(waits["status"]["plan"], "small", "{waits}");
    assert!(condition(&waits, "PlanInForce")["message"].to_string().contains("You keep small"), "{waits}");
    change_claim(cloud, "grows", &json!({"plan": "huge"})).await;
    until(cloud, "grows", "Bound", "PlanInForce", "NoSuchPlan").await;
    change_claim(cloud, "grows", &json!({"plan": "large"})).await;
    change(cloud, "sizes", &json!({"capacity": {"brokers": "4"}})).await;
    let has = until(cloud, "grows", "Bound", "PlanInForce", "InForce").await;
    assert_eq!(has["status"]["plan"], "large", "{has}");
    until_told(cloud, "grows", "PlanChanged").await;

    claim(cloud, "third", "sizes", "small").await;
    until(cloud, "third", "Pending", "CapacityReserved", "NoCapacity").await;
    change_claim(cloud, "grows", &json!({"plan": "small"})).await; // what it gives back is given on
    until_bound(cloud, "third").await;
    until_told(cloud, "third", "Served").await;
    let ledger = until_ledger(cloud, "sizes", 3, 0).await;
    assert_eq!(ledger["status"]["available"]["brokers"], "1", "{ledger}");
}

pub async fn a_draft_cannot_be_claimed(cloud: &Cloud) {
    let mut draft = service("drafted", 4, &[("one", 1)]);
    draft["spec"]["stage"] = json!("Draft");
    publish(cloud, &draft).await;
    claim(cloud, "early", "drafted", "one").await;
    until(cloud, "early", "Rejected", "Ready", "Draft").await;
    until_ledger(cloud, "drafted", 0, 0).await;
    change(cloud, "drafted", &json!({"stage": "Published"})).await;
    until_bound(cloud, "early").await;
    let back = json!({"spec": {"stage": "Draft"}}).to_string();
    let refused = cloud.kubectl(people::CLOUD_OPERATOR, &["patch", "ssvc", "drafted", "--type=merge", "-p", &back]).await;
    refused.refused_with("a service that was published stays published");
}

pub async fn data_is_given_for_a_purpose(cloud: &Cloud) {
    let mut data = service("data", 4, &[("one", 1)]);
    data["spec"]["requiresPurpose"] = json!(true);
    publish(cloud, &data).await;
    claim(cloud, "aimless", "data", "one").await;
    let rejected = until(cloud, "aimless", "Rejected", "Ready", "PurposeMissing").await;
    assert!(condition(&rejected, "Eligible")["message"].to_string().contains("spec.purpose"), "{rejected}");
    change_claim(cloud, "aimless", &json!({"purpose": "Checks of declarations"})).await;
    until_bound(cloud, "aimless").await;
}

pub async fn a_service_hands_on_no_secret_of_another_agency(cloud: &Cloud) {
    let mut greedy = service("greedy", 4, &[("one", 1)]);
    greedy["spec"]["binding"]["credentialsFrom"] = json!({"namespace": "customs--declarations", "name": "keys"});
    publish(cloud, &greedy).await;
    let said = get(cloud, "ssvc", "greedy").await;
    assert_eq!(condition(&said, "Ready")["reason"], "SecretNotAllowed", "{said}");
}

/// A permit of a class is the licence, and what the agency claims comes and goes with it.
pub async fn claims_end_with_the_licence(cloud: &Cloud) {
    let mut licensed = service("licensed", 4, &[("one", 1)]);
    licensed["spec"]["requiresLicence"] = json!("message-broker");
    publish(cloud, &licensed).await;
    claim(cloud, "licensee", "licensed", "one").await;
    let rejected = until(cloud, "licensee", "Rejected", "Eligible", "NotLicensed").await;
    assert!(condition(&rejected, "Eligible")["message"].to_string().contains("class message-broker"), "{rejected}");
    cloud.permit(people::TAX_REQUESTER, &licence("licence")).await;
    until_bound(cloud, "licensee").await;
    let revoked = cloud.review(people::REVIEWER_2, HOME, "licence", "ministry:reviewers", "Revoke").await;
    revoked.succeeds();
    withdrawn(cloud).await;

    let mut short = licence("short-licence");
    short["spec"]["duration"] = json!("8s");
    cloud.permit(people::TAX_REQUESTER, &short).await;
    until_told(cloud, "licensee", "Withdrawn").await;
    steps::until(cloud, "licensee", "Rejected", "Ready", "NotLicensed").await;
    withdrawn(cloud).await;
}

async fn withdrawn(cloud: &Cloud) {
    until(cloud, "licensee", "Rejected", "Eligible", "NotLicensed").await;
    until_unbound(cloud, "licensee").await;
    until_ledger(cloud, "licensed", 0, 0).await;
}

fn licence(name: &str) -> Value {
    fixtures::permit("tax-administration", name, "requester@tax", "analytics", &[(name, 1, "1Gi")])
}
