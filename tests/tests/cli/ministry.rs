//! The ministry at a terminal: from the queue to the letter, each as the person who does it.

use govcloud_tests::{
    eventually,
    fixtures::permit,
    people::{ADMIN, REVIEWER_1, REVIEWER_2, SECURITY_REVIEWER, TAX_REQUESTER},
};
use serde_json::{Value, json};

use super::setting::{HOME, Setting};

/// All of it, one after the other.
pub async fn decides_at_a_terminal(setting: &Setting) {
    file(setting, "narrow", &json!({})).await;
    file(setting, "unclear", &json!({})).await;
    file(setting, "twice", &json!({"zones": ["tehran-1"]})).await;
    the_queue_is_in_order(setting).await;
    a_duplicate_takes_a_reason(setting).await;
    what_is_unclear_goes_back(setting).await;
    less_is_allowed_and_the_letter_says_so(setting).await;
    what_runs_is_stopped_and_goes_on(setting).await;
}

async fn file(setting: &Setting, name: &str, more: &Value) {
    let mut request = permit("tax-administration", name, "requester@tax", "analytics", &[(name, 3, "1Ti")]);
    for (field, value) in more.as_object().into_iter().flatten() {
        request["spec"][field] = value.clone();
    }
    setting.cloud.apply_json(TAX_REQUESTER, &request).await.succeeds();
    until(setting, name, "UnderReview").await;
}

async fn until(setting: &Setting, name: &str, phase: &str) {
    eventually(&format!("{name} is {phase}"), || async {
        let found = setting.cloud.json(ADMIN, &["get", "processingpermit", name, "-n", HOME, "-o", "json"]).await;
        if found["status"]["phase"] == phase { Ok(()) } else { Err(found["status"].to_string()) }
    })
    .await;
}

/// Runs it, and panics unless it ends with `code` and says `words`; everything that it said.
#[track_caller]
fn expect(line: &str, said: &govcloud_tests::Said, code: i32, words: &str) {
    let all = format!("{}{}", said.out, said.err);
    assert!(said.code == code && all.contains(words), "govcloud {line}\nnot {code} with {words:?}, but {}: {all}", said.code);
}

async fn says(setting: &Setting, who: &str, line: &str, code: i32, words: &str) -> String {
    let said = setting.govcloud(who, line, "").await;
    expect(line, &said, code, words);
    said.out
}

async fn the_queue_is_in_order(setting: &Setting) {
    says(setting, REVIEWER_1, "review queue", 0, "NUMBER").await;
    says(setting, REVIEWER_1, "review queue", 0, "(Message broker)").await;
    says(setting, SECURITY_REVIEWER, "review queue --mine -o wide", 0, "STILL NEEDED").await;
    says(setting, TAX_REQUESTER, "review queue", 6, "The queue is for reviewers").await;
    let json = says(setting, REVIEWER_1, "review queue -o json", 0, "waiting").await;
    let queue: Value = serde_json::from_str(&json).expect("JSON");
    let positions: Vec<_> = queue["waiting"].as_array().into_iter().flatten().map(|e| e["position"].as_i64()).collect();
    assert!(positions.len() >= 3 && positions.is_sorted(), "{json}");
}

async fn a_duplicate_takes_a_reason(setting: &Setting) {
    let home = "--agency tax-administration";
    says(setting, REVIEWER_1, &format!("{home} review show twice"), 0, "It would duplicate what is there.").await;
    says(setting, REVIEWER_1, &format!("{home} review show twice -o json"), 0, "\"overrideDuplicate\": true").await;
    let line = format!("{home} review approve twice");
    says(setting, REVIEWER_1, &line, 1, "this would not count: the assessment says Duplicate").await;
    says(setting, REVIEWER_1, &format!("{line} --override-duplicate"), 2, "a decision needs a reason").await;
    says(setting, REVIEWER_1, &format!("{line} --override-duplicate FilingSeason --yes"), 0, "Still missing").await;
    says(setting, REVIEWER_1, &format!("{line} --override-duplicate Again --yes"), 1, "one person counts once").await;
    says(setting, REVIEWER_2, &format!("{home} review deny twice --reason=NotNeeded"), 2, "--yes").await;
    says(setting, REVIEWER_2, &format!("{home} review deny twice --reason=NotNeeded --yes"), 0, "denied by").await;
    until(setting, "twice", "Denied").await;
    says(setting, TAX_REQUESTER, &format!("{home} permit letter twice"), 0, "The agency may appeal.").await;
}

async fn what_is_unclear_goes_back(setting: &Setting) {
    let home = "--agency tax-administration";
    says(setting, REVIEWER_1, &format!("{home} permit letter unclear"), 1, "nothing is decided yet").await;
    says(setting, REVIEWER_1, &format!("{home} permit letter unclear --draft"), 0, "This is a draft").await;
    says(setting, REVIEWER_1, &format!("{home} review suspend unclear --reason=Wait --yes"), 1, "it is not approved yet").await;
    says(setting, REVIEWER_1, &format!("{home} review return unclear --reason=WhichZone --yes"), 0, "returned by").await;
    until(setting, "unclear", "Returned").await;
}

async fn less_is_allowed_and_the_letter_says_so(setting: &Setting) {
    let home = "--agency tax-administration";
    let approve = format!("{home} review approve narrow --reason=LessWillDo --yes");
    says(setting, REVIEWER_1, &format!("{approve} --narrow narrow=9"), 1, "more than was asked for").await;
    says(setting, REVIEWER_1, &format!("{approve} --narrow other=1"), 1, "it asks for nothing named other").await;
    says(setting, REVIEWER_1, &format!("{approve} --narrow narrow=2,storage=500Gi"), 0, "Less is allowed").await;
    says(setting, SECURITY_REVIEWER, &approve, 0, "the last approval that was missing").await;
    until(setting, "narrow", "Active").await;
    says(setting, TAX_REQUESTER, &format!("{home} permit letter narrow"), 0, "for less than was asked").await;
    let write = format!("{home} permit letter narrow --output-file {{folder}}/narrow.html");
    says(setting, TAX_REQUESTER, &write, 0, "The letter of GC-").await;
    says(setting, TAX_REQUESTER, &write, 1, "is there already, and nothing was written").await;
    says(setting, TAX_REQUESTER, &format!("{write} --force"), 0, "The letter of GC-").await;
    says(setting, TAX_REQUESTER, &format!("{home} permit letter narrow --format html"), 0, "<!DOCTYPE html>").await;
}

async fn what_runs_is_stopped_and_goes_on(setting: &Setting) {
    let home = "--agency tax-administration";
    says(setting, REVIEWER_1, &format!("{home} review resume narrow --reason=Enough --yes"), 1, "it is not suspended").await;
    says(setting, SECURITY_REVIEWER, &format!("{home} review suspend narrow --reason=Inspection --yes"), 0, "suspended by").await;
    until(setting, "narrow", "Suspended").await;
    says(setting, TAX_REQUESTER, &format!("{home} permit letter narrow"), 0, "It is suspended").await;
    says(setting, REVIEWER_1, &format!("{home} review resume narrow --reason=Inspected --yes"), 0, "resumed by").await;
    until(setting, "narrow", "Active").await;
    says(setting, SECURITY_REVIEWER, &format!("{home} review revoke narrow --reason=Misused --yes"), 1, "review suspend").await;
    says(setting, REVIEWER_1, &format!("{home} permit revoke narrow --reason=Misused --yes"), 0, "revoked by").await;
    until(setting, "narrow", "Revoked").await;
}
