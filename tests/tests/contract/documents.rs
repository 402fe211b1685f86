//! Every document of the contract is accepted, spec and status, and comes back as it was sent.

use std::{collections::BTreeSet, fs, path::Path};

use govcloud_crds::Quantity;
use govcloud_tests::{Cloud, fixtures::root, people};
use serde_json::{Value, json};

/// What a placeholder of the documents stands for.
const PLACEHOLDERS: [(&str, &str); 6] = [
    ("<uid>", "7c0c8d1e-2f5a-4b9d-9a51-0d3c1a2b4e5f"),
    ("<sha256>", "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"),
    ("<hex>", "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"),
    ("<time>", "2026-11-23T08:00:00Z"),
    ("<text>", "The reason that the deciding review gave."),
    ("<hash>", "f-2c26b46b68ffc68f"),
];

/// Applies the fixtures, and the originals beside the repository if they are there.
pub async fn are_accepted_and_lose_nothing(cloud: &Cloud) {
    let fixtures = root().join("tests/fixtures/contract");
    keep(cloud, &fixtures).await;
    let originals = root().join("../shared/api");
    if originals.is_dir() {
        keep(cloud, &originals).await;
    } else {
        println!("{} is not there; only the fixtures were tested", originals.display());
    }
}

/// All documents of a folder, with something in the place of every placeholder.
pub fn documents(folder: &Path) -> Vec<Value> {
    let mut files: Vec<_> = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    files.retain(|path| path.extension().is_some_and(|e| e == "yaml"));
    files.sort();
    files.iter().flat_map(|path| read(path)).collect()
}

fn read(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).expect("a file");
    let filled = PLACEHOLDERS.iter().fold(text, |text, (placeholder, value)| text.replace(placeholder, value));
    let documents: Vec<Value> = serde_yaml::from_multiple(&filled).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    documents.into_iter().map(complete).collect()
}

/// `approval: {}` in a permit's status is short for the block of its class, as `conditions: []` is short for conditions.
fn complete(mut document: Value) -> Value {
    if let Some(approval) = document.pointer_mut("/status/policy/approval") {
        *approval = json!({"quorum": [{"group": "ministry:reviewers", "count": 1}]});
    }
    document
}

async fn keep(cloud: &Cloud, folder: &Path) {
    let documents = documents(folder);
    let kinds: BTreeSet<_> = documents.iter().map(|d| text(&d["kind"])).collect();
    assert_eq!(kinds.len(), 12, "{}: {kinds:?}", folder.display());
    let mut lost = Vec::new();
    for document in &documents {
        namespace(cloud, document).await;
        lost.extend(lost_of(cloud, document).await);
    }
    assert!(lost.is_empty(), "{} is not kept:\n{}", folder.display(), lost.join("\n"));
}

async fn namespace(cloud: &Cloud, document: &Value) {
    if let Some(name) = document["metadata"]["namespace"].as_str() {
        let manifest = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        cloud.apply_json(people::OPERATOR, &manifest).await.succeeds();
    }
}

/// Sends a document, reads it back, and says what is missing; it is deleted so that another folder can be tried.
async fn lost_of(cloud: &Cloud, document: &Value) -> Vec<String> {
    let kind = text(&document["kind"]);
    let created = cloud.send(people::ADMIN, &["create"], document).await;
    let created = match created {
        Ok(created) => created,
        Err(said) => return vec![format!("{kind}: {said}")],
    };
    let mut kept = created.clone();
    let remove = removal(&created);
    if document["status"].is_object() {
        let mut with_status = created.clone();
        with_status["status"] = document["status"].clone();
        kept = match cloud.send(people::OPERATOR, &["replace", "--subresource=status"], &with_status).await {
            Ok(kept) => kept,
            Err(said) => return vec![format!("{kind}/status: {said}")],
        };
    }
    cloud.kubectl(people::ADMIN, &remove.iter().map(String::as_str).collect::<Vec<_>>()).await.succeeds();
    missing(&kind, document, &kept)
}

fn removal(created: &Value) -> Vec<String> {
    let metadata = &created["metadata"];
    let namespace = metadata["namespace"].as_str().map(|namespace| format!("-n={namespace}"));
    let resource = format!("{}.govcloud.dev", text(&created["kind"]).to_lowercase());
    ["delete".to_owned(), resource, text(&metadata["name"]), "--wait=false".to_owned()].into_iter().chain(namespace).collect()
}

/// Every field that was sent and did not come back with the same value.
fn missing(path: &str, sent: &Value, back: &Value) -> Vec<String> {
    match (sent, back) {
        (Value::Object(fields), _) => fields
            .iter()
            .filter(|(_, value)| !value.is_null()) // null means that there is none
            .flat_map(|(key, value)| missing(&format!("{path}.{key}"), value, &back[key]))
            .collect(),
        (Value::Array(items), Value::Array(others)) if items.len() == others.len() => items
            .iter()
            .zip(others)
            .enumerate()
            .flat_map(|(i, (item, other))| missing(&format!("{path}[{i}]"), item, other))
            .collect(),
        _ if sent == back || same_amount(sent, back) => Vec::new(),
        _ => vec![format!("{path}: sent {sent}, came back {back}")],
    }
}

fn same_amount(sent: &Value, back: &Value) -> bool {
    let amount = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned).parse::<Quantity>().ok();
    amount(sent).is_some() && amount(sent) == amount(back)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
