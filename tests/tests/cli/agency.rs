//! What an agency does with its permits, from the request to the appeal, each step as the requester at a terminal.

use std::fs;

use govcloud_tests::{
    Said, eventually,
    people::{ADMIN, REVIEWER_1, SECURITY_REVIEWER, TAX_REQUESTER},
};
use serde_json::{Value, json};

use super::setting::{HOME, Setting};

const MINISTRY: &str = "ministry:reviewers";
const SMC: &str = "security:smc";
const SURE: &str = "--justification=ItIsNeeded --yes";

async fn tax(setting: &Setting, line: &str) -> Said {
    setting.govcloud(TAX_REQUESTER, &format!("--agency tax-administration {line}"), "").await
}

/// Panics unless it ends with this code and says all of these words.
#[track_caller]
fn says(said: &Said, code: i32, words: &[&str]) {
    let all = format!("{}{}", said.out, said.err);
    assert_eq!(said.code, code, "{all}");
    for word in words {
        assert!(all.contains(word), "{word:?} is not in\n{all}");
    }
}

async fn permit(setting: &Setting, name: &str) -> Value {
    setting.cloud.json(ADMIN, &["get", "permit", name, "-n", HOME, "-o", "json"]).await
}

async fn until(setting: &Setting, name: &str, phase: &str) -> Value {
    eventually(&format!("permit {name} is {phase}"), || async {
        let permit = permit(setting, name).await;
        if permit["status"]["phase"] == phase { Ok(permit) } else { Err(permit["status"].to_string()) }
    })
    .await
}

async fn request(setting: &Setting, name: &str) {
    let target = format!("kafka.strimzi.io/kafkanodepools/{name}=3,brokers=1,storage=1Ti");
    let line = format!("permit request {name} --target {target} --project analytics --zone shiraz --justification=FilingSeason");
    says(&tax(setting, &line).await, 0, &["Asked for permit"]);
    until(setting, name, "UnderReview").await;
}

async fn review(setting: &Setting, name: &str, verdict: &str) {
    setting.cloud.review(REVIEWER_1, HOME, name, MINISTRY, verdict).await.succeeds();
}

async fn approve(setting: &Setting, name: &str) {
    review(setting, name, "Approve").await;
    setting.cloud.review(SECURITY_REVIEWER, HOME, name, SMC, "Approve").await.succeeds();
    until(setting, name, "Active").await;
}

/// Every step of an agency with the real operator.
pub async fn permits_go_their_way(setting: &Setting) {
    tokio::join!(
        a_permit_is_amended_and_renewed(setting),
        a_returned_request_is_answered(setting),
        a_denial_is_appealed(setting),
        an_emergency_is_looked_at_afterwards(setting),
        documents_are_attached_and_verified(setting),
    );
}

async fn a_permit_is_amended_and_renewed(setting: &Setting) {
    request(setting, "life").await;
    says(&tax(setting, &format!("permit renew life {SURE}")).await, 2, &["a renewal is for one that is Active", "Wait until"]);
    says(
        &tax(setting, "permit explain life").await,
        0,
        &["Nothing to do for you; it waits for ministry:reviewers and security:smc"],
    );
    approve(setting, "life").await;
    let less = tax(setting, &format!("permit amend life --size life=2 {SURE}")).await;
    says(&less, 0, &["3 × (1 broker, 1Ti) → 2 × (1 broker, 1Ti)", "granted at once, without reviewers", "life-amendment"]);
    let amended = until(setting, "life-amendment", "Active").await;
    let before = until(setting, "life", "Superseded").await;
    assert_eq!(amended["status"]["notAfter"], before["status"]["notAfter"], "a decrease ends no later");
    assert_eq!(amended["status"]["reviews"], Value::Null);
    says(&tax(setting, &format!("permit amend life --size life=1 {SURE}")).await, 2, &["Superseded", "which took its place"]);
    says(&tax(setting, "permit amend life-amendment --size life=1 --justification=ItIsNeeded").await, 2, &["--yes"]);
    says(&tax(setting, &format!("permit amend life-amendment {SURE}")).await, 2, &["would change nothing"]);
    let more = tax(setting, &format!("permit amend life-amendment --size life=5 {SURE} --dry-run")).await;
    says(&more, 0, &["needs a review by 1 of ministry:reviewers", "Nothing was asked for."]);
    let renewal = tax(setting, &format!("permit renew life-amendment {SURE}")).await;
    says(&renewal, 0, &["is Active until", "life-amendment-renewal"]);
    approve(setting, "life-amendment-renewal").await;
    until(setting, "life-amendment", "Superseded").await;
    let told = tax(setting, "permit history life-amendment").await;
    says(&told, 0, &["life  Superseded", "(this one)", "a renewal of life-amendment", "Approve", "Requested"]);
    let told: Value = serde_json::from_str(&tax(setting, "permit history life -o json").await.succeeds()).expect("JSON");
    let names: Vec<_> = told["permits"].as_array().into_iter().flatten().map(|p| p["name"].clone()).collect();
    assert_eq!(names, [json!("life"), json!("life-amendment"), json!("life-amendment-renewal")]);
    says(&tax(setting, "permit list").await, 0, &["Superseded (by GC-"]);
    says(&tax(setting, "permit explain life").await, 0, &["Superseded by GC-", "Nothing to do for you."]);
    says(&tax(setting, "permit watch life").await, 5, &["another one took its place"]);
}

async fn a_returned_request_is_answered(setting: &Setting) {
    request(setting, "asked").await;
    let since = permit(setting, "asked").await["metadata"]["creationTimestamp"].clone();
    review(setting, "asked", "Return").await;
    until(setting, "asked", "Returned").await;
    says(&tax(setting, "permit explain asked").await, 0, &["To do for you:", "govcloud permit answer asked"]);
    says(&tax(setting, "permit watch asked").await, 5, &["was returned", "govcloud permit answer asked"]);
    says(&tax(setting, "permit attach asked plan.pdf").await, 2, &["was sent already", "permit answer asked --attach"]);
    let answer = tax(setting, &format!("permit answer asked --size asked=2 --zone shiraz {SURE}")).await;
    says(&answer, 0, &["asked (GC-", "was returned", "reviewer-1@ministry", "its place in the queue is kept"]);
    let answered = until(setting, "asked-answer", "UnderReview").await;
    assert_eq!(answered["status"]["policy"]["queuedSince"], since, "it keeps its place");
    assert_eq!(answered["spec"]["targets"][0]["replicas"], 2);
    until(setting, "asked", "Superseded").await;
}

async fn a_denial_is_appealed(setting: &Setting) {
    request(setting, "wronged").await;
    review(setting, "wronged", "Deny").await;
    until(setting, "wronged", "Denied").await;
    says(&tax(setting, "permit explain wronged -o json").await, 0, &["\"phase\": \"Denied\"", "govcloud permit appeal wronged"]);
    says(&tax(setting, &format!("permit answer wronged {SURE}")).await, 2, &["Appeal, and others decide"]);
    let appeal = tax(setting, &format!("permit appeal wronged {SURE}")).await;
    says(&appeal, 0, &["wronged (GC-", "none of these: reviewer-1@ministry"]);
    let appealed = until(setting, "wronged-appeal", "UnderReview").await;
    assert_eq!(appealed["spec"]["intent"], "Appeal");
    review(setting, "wronged-appeal", "Approve").await;
    let words = ["does not count: nobody decides an appeal against their own decision"];
    eventually("the barred review is recorded", || async {
        let said = tax(setting, "permit explain wronged-appeal").await;
        if said.out.contains(words[0]) { Ok(()) } else { Err(said.out) }
    })
    .await;
}

async fn an_emergency_is_looked_at_afterwards(setting: &Setting) {
    let target = "kafka.strimzi.io/kafkanodepools/urgent=3,brokers=1,storage=1Ti";
    let line = format!(
        "permit request urgent --target {target} --project analytics --zone shiraz --justification=FilingSeason --emergency"
    );
    says(&tax(setting, &line).await, 0, &["one reviewer approves", "for 3 d"]);
    until(setting, "urgent", "UnderReview").await;
    review(setting, "urgent", "Approve").await;
    until(setting, "urgent", "Active").await;
    says(
        &tax(setting, "permit explain urgent").await,
        0,
        &["an emergency", "must still look at the emergency", "it waits for security:smc"],
    );
}

async fn documents_are_attached_and_verified(setting: &Setting) {
    let folder = setting.folder();
    fs::write(folder.join("plan.pdf"), "the plan").expect("writes");
    fs::write(folder.join("other.pdf"), "another").expect("writes");
    let targets = json!([{"group": "kafka.strimzi.io", "resource": "kafkanodepools", "name": "documented", "perReplica": {"brokers": "1", "storage": "1Ti"}}]);
    let spec = json!({"processingClass": "message-broker", "project": "analytics", "justification": "Filing season.", "targets": targets});
    let request = json!({"apiVersion": "govcloud.dev/v1alpha1", "kind": "ProcessingPermit", "metadata": {"name": "documented"}, "spec": spec});
    fs::write(folder.join("documented.json"), request.to_string()).expect("writes");
    let attached =
        tax(setting, "permit attach -f {folder}/documented.json {folder}/plan.pdf --uri https://archive.example/plan --in-place")
            .await;
    says(&attached, 0, &["plan.pdf", "permit request -f"]);
    says(&tax(setting, "permit request -f {folder}/documented.json --zone shiraz").await, 0, &["document plan.pdf, SHA-256"]);
    says(&tax(setting, "permit verify documented").await, 0, &["https://archive.example/plan"]);
    says(&tax(setting, "permit verify documented {folder}/plan.pdf").await, 0, &["is what documented"]);
    says(&tax(setting, "permit verify documented {folder}/plan.pdf {folder}/other.pdf").await, 5, &["is none of the documents"]);
    fs::write(folder.join("plan.pdf"), "forged").expect("writes");
    says(&tax(setting, "permit verify documented {folder}/plan.pdf").await, 5, &["is another document"]);
    says(&tax(setting, "permit request -f {folder}/broker.json").await, 2, &["this is a KafkaNodePool"]);
}
