//! The whole catalogue on a real API server: what admission makes of each sample is what the Rust evaluator measured.
//!
//! Every kind is a small stand-in of the version that its class reads. The operator makes the policies and is stopped; then
//! the test writes the grant of one project, as the operator, with slots exactly as large as measured, and with slots one
//! unit smaller. The samples are those of the crate of the kinds.

use std::{collections::BTreeMap, time::Instant};

use govcloud_crds::{
    Quantity, Resources,
    class::{
        controlled::{Controlled, controlled},
        measure::{Size, measure},
    },
};
use govcloud_tests::{
    Cloud, Setup,
    catalogue::{self, Samples, classes},
    people,
};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn admission_measures_every_sample_as_the_scanner_does() {
    let classes = classes();
    let all = controlled(&classes);
    let cloud = Cloud::start(Setup::Bare).await;
    catalogue::define(&cloud, &all).await;
    cloud.start_operator().await;
    cloud.govern().await;
    let before = Instant::now();
    catalogue::apply(&cloud).await;
    cloud.enforced().await;
    println!("{} classes with {} resources in force after {:?}", classes.len(), all.len(), before.elapsed());
    let namespace = cloud.project("customs", people::CUSTOMS_ADMIN, "catalogue", "1").await;
    cloud.wait_for("project", "agency-customs", "catalogue", "Ready").await;
    cloud.kill_operator().await;
    let cases: Vec<_> = all.iter().flat_map(|c| cases_of(c)).collect();
    assert!(cases.len() > 250, "{} cases", cases.len());
    grant(&cloud, &namespace, &cases).await;
    let mut wrong = Vec::new();
    for case in &cases {
        let mut object = case.object.clone();
        object["metadata"]["namespace"] = json!(namespace);
        let said = cloud.attempt(people::CUSTOMS_DEVELOPER, &object).await;
        let as_expected = match (&case.refused_with, &said) {
            (None, Ok(_)) => true,
            (Some(words), Err(error)) => error.contains(words.as_str()),
            _ => false,
        };
        if !as_expected {
            wrong.push(format!("{} {}: {:?}, not {:?}", case.key, case.name(), said.map(|_| "admitted"), case.refused_with));
        }
    }
    println!("{} cases", cases.len());
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

/// An object, the slot that names it, and what admission says of both.
struct Case {
    class: String,
    key: String,
    object: Value,
    slot: Size,
    refused_with: Option<String>,
}

impl Case {
    fn name(&self) -> &str {
        self.object["metadata"]["name"].as_str().unwrap_or_default()
    }
}

/// For each sample: the slot as large as measured, and for replicas and each dimension one that is smaller by one.
fn cases_of(found: &Controlled<'_>) -> Vec<Case> {
    let samples = Samples::of(found.control);
    (0..samples.samples.len())
        .flat_map(|i| cases_of_sample(found, &samples.object(found.control, i), samples.samples[i].size()))
        .collect()
}

fn cases_of_sample(found: &Controlled<'_>, object: &Value, size: Size) -> Vec<Case> {
    assert_eq!(measure(found.control, object).as_ref(), Ok(&size), "{}", found.key());
    let resource = &found.control.resource;
    let case = |suffix: &str, slot: Size, refused_with: Option<String>| {
        let mut object = object.clone();
        object["metadata"]["name"] = json!(format!("{}-{suffix}", object["metadata"]["name"].as_str().unwrap_or_default()));
        Case { class: found.class.to_owned(), key: found.key(), object, slot, refused_with }
    };
    let fewer = Size { replicas: size.replicas - 1, ..size.clone() };
    let mut cases = vec![
        case("exact", size.clone(), None),
        case("replicas", fewer, Some(format!("allows at most {} replicas of {resource}/", size.replicas - 1))),
    ];
    for (dimension, amount) in &size.per_replica.0 {
        if !amount.is_zero_or_less() {
            let slot = Size { per_replica: less(&size.per_replica, dimension, *amount), ..size.clone() };
            cases.push(case(dimension, slot, Some(format!("allows less {dimension} per replica of {resource}/"))));
        }
    }
    cases
}

fn less(all: &Resources, dimension: &str, amount: Quantity) -> Resources {
    let mut less = all.clone();
    less.0.insert(dimension.to_owned(), amount.saturating_sub("1m".parse().expect("a quantity")));
    less
}

/// The grant with a slot for each case.
async fn grant(cloud: &Cloud, namespace: &str, cases: &[Case]) {
    let mut resources: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for case in cases {
        resources.entry(&case.key).or_default().push(json!({
            "name": case.name(), "permit": "GC-2026-000001", "class": case.class, "replicas": case.slot.replicas,
            "perReplica": case.slot.per_replica, "notAfter": "2099-01-01T00:00:00Z",
        }));
    }
    let grant = json!({
        "apiVersion": "govcloud.dev/v1alpha1", "kind": "ProcessingGrant",
        "metadata": {"name": "slots", "namespace": namespace}, "spec": {"resources": resources},
    });
    cloud.apply_json(people::OPERATOR, &grant).await.succeeds();
    // Admission reads the grant from a cache; a slot that is there says that the cache has it.
    let first = &cases[0];
    let mut object = first.object.clone();
    object["metadata"]["namespace"] = json!(namespace);
    govcloud_tests::eventually("admission sees the grant", || async {
        cloud.attempt(people::CUSTOMS_DEVELOPER, &object).await.map(|_| ())
    })
    .await;
}
