//! Input that nobody should write: too much of it, not text, not numbers, names that look like others.

use govcloud_tests::{
    fixtures::{node_pool, permit},
    people::*,
};
use serde_json::{Value, json};

use crate::{
    attempt::{Attempt, Control, Layer::*, Theme, refused},
    call::Call,
    stage::*,
};

pub fn theme(stage: &Stage) -> Theme {
    let mut long = ask("long", "requester@customs");
    long["spec"]["justification"] = json!("\u{645}".repeat(4000));
    Theme {
        title: "Input",
        controls: vec![Control { name: "As many letters as are allowed", call: Call::create(CUSTOMS_REQUESTER, &long) }],
        attempts: [bytes(), texts(), numbers(), names(stage)].concat(),
    }
}

fn post(body: impl Into<Vec<u8>>) -> Call {
    Call::post(CUSTOMS_REQUESTER, all_of(HOME, "processingpermits"), body)
}

/// A text with bytes that are none in the place of a word.
fn with_bytes(text: &str, word: &str, bytes: &[u8]) -> Vec<u8> {
    let (before, after) = text.split_once(word).expect("the word is there");
    [before.as_bytes(), bytes, after.as_bytes()].concat()
}

fn bytes() -> Vec<Attempt> {
    let text = ask("bytes", "requester@customs").to_string();
    let once = r#""requestedBy":"requester@customs""#;
    let twice = text.replace(once, &format!(r#"{once},"requestedBy":"admin@customs""#));
    let not_utf8 = with_bytes(&text.replace(once, r#""requestedBy":"WHO""#), "WHO", b"requester\xff\xfe@customs");
    let name = with_bytes(&node_pool(LAB, "WHICH", 1, "1Gi").to_string(), "WHICH", b"broker\xff");
    vec![
        refused("A requester's name that is no UTF-8", post(not_utf8), Guards, "must be your own user name"),
        refused(
            "A node pool's name that is no UTF-8",
            Call::post(CUSTOMS_DEVELOPER, "/apis/kafka.strimzi.io/v1/namespaces/customs--lab/kafkanodepools", name),
            ApiServer,
            "RFC 1123",
        ),
        refused("A request that breaks off in the middle", post(&text.as_bytes()[..text.len() / 2]), ApiServer, "unexpected end"),
        refused("A request that names two requesters", post(twice), Guards, "not admin@customs"),
        refused("A request of four megabytes", post(text.replace("Needed", &"Needed ".repeat(600_000))), ApiServer, "too large"),
        refused(
            "A YAML text that unfolds to a billion others",
            post(billion()).written_in("application/yaml"),
            ApiServer,
            "excessive aliasing",
        ),
    ]
}

/// Nine lists, each of nine references to the one before.
fn billion() -> String {
    let list = |i: i32| format!("a{i}: &a{i} [{}]\n", vec![format!("*a{}", i - 1); 9].join(", "));
    let lists: Vec<_> = (1..=9).map(list).collect();
    format!("apiVersion: govcloud.dev/v1alpha1\nkind: ProcessingPermit\na0: &a0 [x]\n{}", lists.concat())
}

fn changed(change: impl FnOnce(&mut Value)) -> Call {
    let mut request = ask("changed", "requester@customs");
    change(&mut request);
    Call::create(CUSTOMS_REQUESTER, &request)
}

fn texts() -> Vec<Attempt> {
    let many: Vec<_> = (0..17).map(|i| format!("pool-{i}")).collect();
    let many: Vec<_> = many.iter().map(|name| (name.as_str(), 1, "1Gi")).collect();
    let many = permit("customs", "many", "requester@customs", "lab", &many);
    vec![
        refused(
            "A reason of more letters than fit",
            changed(|r| r["spec"]["justification"] = json!("x".repeat(4001))),
            Schema,
            "Too long",
        ),
        refused(
            "A request for more objects than fit",
            Call::create(CUSTOMS_REQUESTER, &many),
            Schema,
            "must have at most 16 items",
        ),
        refused(
            "A name of 64 letters",
            changed(|r| r["metadata"]["name"] = json!("x".repeat(64))),
            Schema,
            "has at most 63 characters",
        ),
    ]
}

fn numbers() -> Vec<Attempt> {
    vec![
        refused(
            "More replicas than a number holds",
            changed(|r| r["spec"]["targets"][0]["replicas"] = json!(2_147_483_648_i64)),
            Schema,
            "less than or equal to 100000",
        ),
        refused(
            "Fewer than no replicas",
            changed(|r| r["spec"]["targets"][0]["replicas"] = json!(-1)),
            Schema,
            "greater than or equal to 1",
        ),
        refused(
            "Less than no storage",
            changed(|r| r["spec"]["targets"][0]["perReplica"]["storage"] = json!("-1Ti")),
            Schema,
            "should match",
        ),
        refused(
            "An unlimited duration",
            changed(|r| r["spec"]["duration"] = json!("forever")),
            Schema,
            "a length of time is given in hours",
        ),
    ]
}

fn names(stage: &Stage) -> Vec<Attempt> {
    let mut review = stage.review(HOME, "asked", ("reviewer-1@ministry", MINISTRY), "Approve");
    let digest = review["spec"]["permit"]["digest"].as_str().unwrap_or_default().to_uppercase();
    review["spec"]["permit"]["digest"] = json!(digest);
    let elsewhere = ask("elsewhere", "requester@customs").to_string().replace(HOME, TAX);
    let project = json!({
        "apiVersion": "govcloud.dev/v1alpha1", "kind": "Project", "metadata": {"namespace": HOME, "name": "lab--second"},
        "spec": {"purpose": "A test", "pool": "national"},
    });
    vec![
        refused(
            "A requester's name with a letter of another alphabet",
            changed(|r| r["spec"]["requestedBy"] = json!("requester@custom\u{455}")),
            Guards,
            "must be your own user name",
        ),
        refused(
            "A permitted name in other letters",
            Call::create(CUSTOMS_DEVELOPER, &node_pool(LAB, "BROKER", 1, "1Gi")),
            ApiServer,
            "RFC 1123",
        ),
        refused("A digest in other letters", Call::create(REVIEWER_1, &review), Schema, "the digest pins the request"),
        refused(
            "A request for another home than the one it is sent to",
            post(elsewhere),
            ApiServer,
            "does not match the namespace",
        ),
        refused(
            "A project whose namespace would read as another's",
            Call::create(CUSTOMS_ADMIN, &project),
            Schema,
            "choose a shorter or simpler name",
        ),
    ]
}
