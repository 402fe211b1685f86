//! The policies of the whole catalogue stay within what the API server takes.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use govcloud_crds::{ProcessingClass, capacity::Aliases};
use govcloud_operator::enforcement::{Inputs, Served, desired};
use serde_json::Value;

/// The parser of CEL reads no more characters than this in one expression.
const LONGEST: usize = 100_000;
/// etcd takes 1.5 MiB; as much again may be in the field managers.
const LARGEST: usize = 700_000;

fn catalogue() -> BTreeMap<String, ProcessingClass> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../charts/govcloud/classes");
    let files = fs::read_dir(folder).expect("the catalogue").map(|file| file.expect("a file").path());
    let classes = files.flat_map(|path| {
        let text = fs::read_to_string(&path).expect("a text");
        serde_yaml::from_multiple::<ProcessingClass>(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    });
    classes.map(|class| (class.metadata.name.clone().expect("a name"), class)).collect()
}

/// The longest text in a value.
fn longest(value: &Value) -> usize {
    match value {
        Value::String(text) => text.chars().count(),
        Value::Array(items) => items.iter().map(longest).max().unwrap_or_default(),
        Value::Object(fields) => fields.values().map(longest).max().unwrap_or_default(),
        _ => 0,
    }
}

#[test]
fn the_policies_of_the_whole_catalogue_are_taken() {
    let classes = catalogue();
    let all = desired(&Inputs {
        classes: &classes,
        closed: &BTreeSet::new(),
        pools: &BTreeMap::new(),
        aliases: &Aliases::default(),
        cloud: None,
        served: &Served::default(),
        operator_user: "system:serviceaccount:govcloud-system:govcloud-operator",
        operator_namespace: "govcloud-system",
    });
    let name = |manifest: &Value| manifest["metadata"]["name"].to_string();
    let most = all.iter().max_by_key(|m| longest(m)).expect("manifests");
    println!("{} manifests; the longest expression has {} characters, in {}", all.len(), longest(most), name(most));
    for manifest in &all {
        assert!(longest(manifest) < LONGEST, "{}: an expression of {} characters", name(manifest), longest(manifest));
        assert!(manifest.to_string().len() < LARGEST, "{}: {} bytes", name(manifest), manifest.to_string().len());
    }
}
