//! What needs fewer reviewers, or none of the class; and what nobody decides in time.

use govcloud_tests::{Cloud, eventually, people};
use serde_json::{Value, json};

use super::steps::*;

pub async fn an_emergency_needs_one_and_is_looked_at_afterwards(cloud: &Cloud) {
    let mut asked = request("urgent");
    (asked["spec"]["intent"], asked["spec"]["duration"]) = (json!("Emergency"), json!("73h"));
    asked["metadata"]["name"] = json!("urgent-too-long");
    file(cloud, &asked).await;
    until_said(cloud, "urgent-too-long", "TooLong").await;
    asked["spec"]["duration"] = json!("72h");
    asked["metadata"]["name"] = json!("urgent");
    file(cloud, &asked).await;
    until(cloud, "urgent", "UnderReview").await;
    review(cloud, people::REVIEWER_1, "urgent", "Approve").await.succeeds();
    let urgent = until_in_force(cloud, "urgent").await;
    let said = condition(&urgent, "Compliant");
    assert_eq!(said["reason"], "ReviewAfterwards", "{urgent}");
    assert!(said["message"].to_string().contains("1 of security:smc"), "{said}");
    review(cloud, people::REVIEWER_1, "urgent", "Approve").await.succeeds();
    review(cloud, people::SECURITY_REVIEWER, "urgent", "Approve").await.succeeds();
    let urgent = eventually("all have looked at it", || async {
        let permit = permit(cloud, "urgent").await;
        if condition(&permit, "Compliant")["status"] == "True" { Ok(permit) } else { Err(permit["status"].to_string()) }
    })
    .await;
    assert_eq!(urgent["status"]["phase"], "Active");
    let counted = urgent["status"]["reviews"].as_array().into_iter().flatten().filter(|r| r["counted"] == true).count();
    assert_eq!(counted, 2, "one person looks at it once: {urgent}");
}

async fn set_rule(cloud: &Cloud, rule: &str) {
    let patch = json!({"spec": {"approval": {"autoApprove": rule}}}).to_string();
    let patch = ["patch", "processingclass", "message-broker", "--type=merge", "-p", &patch];
    cloud.kubectl(people::REVIEWER_1, &patch).await.succeeds();
}

async fn rule_is(cloud: &Cloud, reason: &str) -> String {
    eventually(&format!("the class says {reason}"), || async {
        let class = cloud.json(people::ADMIN, &["get", "processingclass", "message-broker", "-o", "json"]).await;
        let said = condition(&class, "AutoApprove");
        let message = said["message"].as_str().unwrap_or_default().to_owned();
        let current = said["observedGeneration"] == class["metadata"]["generation"];
        if current && said["reason"] == reason { Ok(message) } else { Err(class["status"].to_string()) }
    })
    .await
}

/// The class's own reviewers are not needed; the authority of the agency's security regime is, whatever a class says.
pub async fn a_class_may_approve_what_is_small(cloud: &Cloud) {
    set_rule(cloud, "permit.targets.all(t, t.replicas <= 1) && agency.dataClassification != 'Secret'").await;
    rule_is(cloud, "Asked").await;
    file(cloud, &request("large")).await;
    let large = until(cloud, "large", "UnderReview").await;
    assert!(condition(&large, "QuorumMet")["message"].to_string().contains("ministry:reviewers"), "{large}");
    let mut small = request("small");
    small["spec"]["targets"][0]["replicas"] = json!(1);
    file(cloud, &small).await;
    let waits = until(cloud, "small", "UnderReview").await;
    assert_eq!(condition(&waits, "QuorumMet")["message"], "Still needed: 1 of security:smc.");
    review(cloud, people::SECURITY_REVIEWER, "small", "Approve").await.succeeds();
    until_in_force(cloud, "small").await;
    // What was approved stays approved, and what was asked for stays under its rules, whatever the class says later.
    set_rule(cloud, "").await;
    let small = permit(cloud, "small").await;
    assert_eq!(small["status"]["phase"], "Active");
    assert!(small["status"]["policy"]["automatic"]["reason"].to_string().contains("rule of class message-broker"), "{small}");
}

pub async fn a_rule_that_cannot_be_read_is_said_and_changes_nothing(cloud: &Cloud) {
    set_rule(cloud, "permit.targets.all(t, t.replicas <=").await;
    let message = rule_is(cloud, "InvalidExpression").await;
    assert!(message.contains("1:") && message.contains("people approve every request"), "{message}");
    set_rule(cloud, "request.userInfo.username == 'me'").await;
    let message = rule_is(cloud, "InvalidExpression").await;
    assert!(message.contains("it reads request (line 1, column 1)"), "{message}");
    set_rule(cloud, "permit.nothing == 'x'").await;
    rule_is(cloud, "Asked").await;
    file(cloud, &request("unread")).await;
    let waits = until(cloud, "unread", "UnderReview").await;
    let said = condition(&waits, "QuorumMet")["message"].to_string();
    assert!(said.contains("ministry:reviewers") && said.contains("could not be asked"), "{said}");
    set_rule(cloud, "").await;
}

pub async fn a_late_review_is_escalated_and_decides_nothing(cloud: &Cloud) {
    let within = |time: &str| json!({"spec": {"approval": {"reviewWithin": time}}}).to_string();
    let patch = |patch: String| async move {
        let words = ["patch", "processingclass", "message-broker", "--type=merge", "-p", &patch];
        cloud.kubectl(people::REVIEWER_1, &words).await.succeeds();
    };
    patch(within("1s")).await;
    file(cloud, &request("late")).await;
    let late = eventually("it is overdue", || async {
        let permit = permit(cloud, "late").await;
        if condition(&permit, "Overdue")["status"] == "True" { Ok(permit) } else { Err(permit["status"].to_string()) }
    })
    .await;
    assert_eq!(late["status"]["phase"], "UnderReview", "nothing is decided by time");
    let happened: Vec<_> =
        late["status"]["history"].as_array().into_iter().flatten().map(|change| change["what"].clone()).collect();
    assert!(happened.contains(&json!("Overdue")), "{happened:?}");
    eventually("the nation is told", || async {
        let cloud: Value = cloud.json(people::ADMIN, &["get", "governmentcloud", "national", "-o", "json"]).await;
        let said = condition(&cloud, "Overdue");
        let names_it = said["message"].as_str().is_some_and(|m| m.contains(late["status"]["number"].as_str().expect("a number")));
        if said["status"] == "True" && names_it { Ok(()) } else { Err(cloud["status"].to_string()) }
    })
    .await;
    patch(within("720h")).await;
    approve(cloud, "late").await;
    until_in_force(cloud, "late").await;
}
