//! Drafts as they are read, filled in and sent.

use std::collections::BTreeMap;

use govcloud_crds::{ProcessingClass, class::compute::thresholds, finding::observed::Observed};
use rstest::rstest;
use serde_json::{Value, json};

use super::{look::observed, rules::*, write::*, *};
use crate::commands::{permit::request_file, testing};

fn classes() -> BTreeMap<String, ProcessingClass> {
    let control = |resource: &str, replicas: &str, brokers: &str| {
        json!({"group": "kafka.strimzi.io", "resource": resource, "version": "v1", "replicas": replicas,
            "perReplica": {"brokers": brokers, "storage": "has(object.spec.storage) ? quantity(object.spec.storage.size).asInteger() : 0"}})
    };
    let spec = json!({
        "displayName": "Message broker", "dimensions": [{"name": "brokers"}, {"name": "storage"}],
        "controls": [control("kafkanodepools", "object.spec.replicas", "1"), control("kafkas", "1", "0")],
        "workloads": {"images": ["(^|/)kafka([:@-]|$)"], "countsAs": "brokers"},
        "approval": {"quorum": [{"group": "ministry:reviewers", "count": 1}]},
    });
    [("message-broker".to_owned(), testing::object("ProcessingClass", "", "message-broker", spec, Value::Null))].into()
}

fn place() -> Place {
    Place { project: "border".into(), namespace: "customs--border".into(), namespace_uid: "uid-1".into() }
}

fn object(api_version: &str, kind: &str, name: &str, more: Value) -> Value {
    let mut object = json!({"apiVersion": api_version, "kind": kind, "metadata": {"namespace": "customs--border", "name": name, "uid": format!("uid-{name}")}});
    for (key, value) in more.as_object().into_iter().flatten() {
        match key.as_str() {
            "metadata" => value.as_object().into_iter().flatten().for_each(|(k, v)| object["metadata"][k] = v.clone()),
            _ => object[key] = value.clone(),
        }
    }
    object
}

fn pool(name: &str, replicas: u32) -> Value {
    object("kafka.strimzi.io/v1", "KafkaNodePool", name, json!({"spec": {"replicas": replicas, "storage": {"size": "1Ti"}}}))
}

fn deployment(name: &str, image: &str) -> Value {
    let pod = json!({"containers": [{"name": "c", "image": image, "resources": {"requests": {"cpu": "10"}}}]});
    object("apps/v1", "Deployment", name, json!({"spec": {"replicas": 2, "template": {"spec": pod}}}))
}

fn see(objects: &[(&str, Value)]) -> Vec<Observed> {
    let cloud = json!({"NonInfrastructure": {"name": "a", "reviewers": "a"}, "InfrastructureArea": {"name": "a", "reviewers": "a"},
        "CriticalInfrastructure": {"name": "a", "reviewers": "a"}});
    let cloud = testing::object(
        "GovernmentCloud",
        "",
        "national",
        json!({"authorities": cloud, "thresholds": {"requests.cpu": "64"}}),
        Value::Null,
    );
    let (thresholds, _) = thresholds(Some(&cloud));
    objects.iter().filter_map(|(resource, object)| observed(object, resource, &classes(), &thresholds)).collect()
}

fn permit(name: &str, target: &str, replicas: u32, phase: &str) -> ProcessingPermit {
    let target = json!({"group": "kafka.strimzi.io", "resource": "kafkanodepools", "name": target, "replicas": replicas,
        "perReplica": {"brokers": "1", "storage": "1Ti"}});
    let spec = json!({"requestedBy": "r", "processingClass": "message-broker", "project": "border", "targets": [target], "justification": "It is needed."});
    let status = json!({"phase": phase, "number": format!("GC-{name}"), "namespaceUid": "uid-1", "validFrom": "2026-01-01T00:00:00Z", "notAfter": "2027-01-01T00:00:00Z"});
    testing::object("ProcessingPermit", "agency-customs", name, spec, status)
}

fn asking(justification: &str) -> Asking {
    Asking {
        agency: "customs".into(),
        justification: justification.into(),
        needs: Needs::default(),
        classification: Classification::Restricted,
    }
}

/// Something of everything.
fn everything() -> Vec<(&'static str, Value)> {
    let owned = json!({"metadata": {"ownerReferences": [{"apiVersion": "apps/v1", "kind": "Deployment", "name": "by-hand", "uid": "uid-by-hand", "controller": true}]}, "spec": {"containers": [{"image": "kafka"}]}});
    let marked = json!({"metadata": {"labels": {"strimzi.io/cluster": "events"}}, "spec": {"containers": [{"image": "kafka"}]}});
    vec![
        ("kafkanodepools", pool("broker", 3)),
        ("kafkanodepools", pool("empty", 0)),
        ("kafkanodepools", pool("permitted", 3)),
        ("kafkanodepools", pool("larger", 5)),
        ("kafkanodepools", pool("asked", 1)),
        (
            "kafkanodepools",
            object(
                "kafka.strimzi.io/v1",
                "KafkaNodePool",
                "strange",
                json!({"spec": {"replicas": 1, "storage": {"size": "much\n---\nkind: Secret"}}}),
            ),
        ),
        ("kafkas", object("kafka.strimzi.io/v1", "Kafka", "events", json!({"spec": {}}))),
        ("deployments", deployment("by-hand", "quay.io/apache/kafka:4.0")),
        ("deployments", deployment("web", "nginx")),
        ("pods", object("v1", "Pod", "by-hand-1", owned)),
        ("pods", object("v1", "Pod", "events-broker-0", marked)),
    ]
}

fn permits() -> Vec<ProcessingPermit> {
    vec![
        permit("one", "permitted", 3, "Active"),
        permit("two", "larger", 3, "Active"),
        permit("border-message-broker", "asked", 1, "UnderReview"),
        permit("four", "broker", 3, "Expired"),
    ]
}

fn draft(objects: &[(&str, Value)]) -> Drafted {
    drafted(&place(), &see(objects), &permits(), None)
}

#[test]
fn a_draft_is_a_file_to_fill_in() {
    let drafts = [draft(&everything())];
    let requests = requests(&drafts, &permits(), &asking(""));
    insta::assert_snapshot!("draft", document(&requests, &drafts, &asking(""), testing::now()).expect("writes"));
    assert_eq!(summary(&requests, &drafts), "1 request for 3 objects; 5 objects left out.");
}

#[test]
fn what_was_filled_in_is_a_request_that_is_sent_as_it_is() {
    let drafts = [draft(&everything())];
    let asking = asking("What runs there since 2024.");
    let requests = requests(&drafts, &permits(), &asking);
    let text = document(&requests, &drafts, &asking, testing::now()).expect("writes");
    let manifests = crate::manifests::parse("draft.yaml", &text).expect("YAML");
    assert_eq!(manifests.len(), 1, "what others wrote is no document of its own");
    let read = request_file::of(&manifests).expect("a request");
    assert_eq!((&read.spec, &read.metadata), (&requests[0].spec, &requests[0].metadata));
}

#[test]
fn without_a_permit_is_what_no_slot_names() {
    let names = |draft: &Drafted| draft.classes["message-broker"].iter().map(|t| t.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&draft(&everything())), ["by-hand", "broker", "events"]);
    // A namespace of the same name that was made later inherits nothing.
    let later = Place { namespace_uid: "uid-2".into(), ..place() };
    let draft = drafted(&later, &see(&everything()), &permits(), None);
    assert_eq!(names(&draft), ["by-hand", "broker", "larger", "permitted", "events"]);
}

#[rstest]
#[case::another(Some("batch"), 0)]
#[case::this(Some("message-broker"), 3)]
fn one_class_alone_is_drafted_by_the_same_rules(#[case] only: Option<&str>, #[case] targets: usize) {
    let draft = drafted(&place(), &see(&everything()), &permits(), only);
    assert_eq!(draft.classes.values().map(Vec::len).sum::<usize>(), targets);
    assert_eq!(draft.left_out.is_empty(), targets == 0);
}

#[test]
fn what_is_large_is_of_class_compute() {
    let mut large = deployment("sums", "nginx");
    large["spec"]["replicas"] = json!(10);
    let draft = draft(&[("deployments", large)]);
    assert_eq!(draft.classes["compute"][0].replicas, 10);
    assert_eq!(draft.classes["compute"][0].per_replica.to_string(), "10 cores");
}

#[test]
fn what_one_request_cannot_name_is_in_several_with_names_of_their_own() {
    let names: Vec<_> = (0..40).map(|i| format!("p{i:02}")).collect();
    let objects: Vec<_> = names.iter().map(|name| ("kafkanodepools", pool(name, 1))).collect();
    let requests = requests(&[draft(&objects)], &permits(), &asking(""));
    let all: Vec<_> = requests.iter().map(|r| (r.name_any(), r.spec.targets.len())).collect();
    assert_eq!(
        all,
        [("border-message-broker-2".into(), 16), ("border-message-broker-3".into(), 16), ("border-message-broker-4".into(), 8)]
    );
    let long = Drafted { place: Place { project: "p".repeat(40), ..place() }, ..draft(&objects[..1]) };
    let request = &super::write::requests(&[long.clone(), long], &[], &asking(""))[1];
    assert!(request.name_any().len() <= 63 && request.name_any().ends_with("-2"), "{}", request.name_any());
}

#[test]
fn nothing_is_said_in_words() {
    let none = [Drafted { unread: vec!["kafkanodepools.kafka.strimzi.io".into()], ..draft(&[]) }];
    insta::assert_snapshot!("draft_nothing", document(&[], &none, &asking(""), testing::now()).expect("writes"));
}
