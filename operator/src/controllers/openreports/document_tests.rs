use super::*;
use crate::enforcement::ServedResource;
use rstest::rstest;

fn now() -> Timestamp {
    "2026-11-23T08:00:00Z".parse().expect("valid")
}

fn finding(rule: &str, object: Value, more: Value) -> ProcessingFinding {
    let mut spec = json!({"rule": rule, "object": object, "message": "Runs without a permit."});
    for (key, value) in more.as_object().into_iter().flatten() {
        spec[key] = value.clone();
    }
    serde_json::from_value(json!({"apiVersion": "govcloud.dev/v1alpha1", "kind": "ProcessingFinding",
        "metadata": {"namespace": "agency-customs", "name": format!("{rule}-{}", object["name"])}, "spec": spec,
        "status": {"firstSeen": "2026-10-13T08:00:00.5Z", "lastSeen": "2026-11-23T07:00:00Z"}}))
    .expect("valid")
}

fn pool(name: &str) -> Value {
    json!({"group": "kafka.strimzi.io", "resource": "kafkanodepools", "namespace": "customs--border", "name": name})
}

fn served() -> Served {
    let versions = vec!["v1".to_owned(), "v1beta2".to_owned()];
    let pools = ServedResource { versions, kind: "KafkaNodePool".into(), namespaced: true };
    Served([(("kafka.strimzi.io".to_owned(), "kafkanodepools".to_owned()), pools)].into())
}

fn acknowledged(until: &str) -> Value {
    json!({"acknowledgement": {"by": "reviewer-1@ministry", "reason": "Moves in March.", "until": until}})
}

#[test]
fn a_finding_is_a_result_where_its_object_is() {
    let more =
        json!({"processingClass": "message-broker", "capacity": {"brokers": "3"}, "alternatives": ["national-streaming/large"]});
    let reports = reports(&[finding("Unpermitted", pool("old"), more)], &served(), now());
    let report = &reports["customs--border"];
    assert_eq!((reports.len(), &report["metadata"]["labels"]["app.kubernetes.io/managed-by"]), (1, &json!("govcloud")));
    assert_eq!(report["summary"], json!({"pass": 0, "fail": 1, "warn": 0, "error": 0, "skip": 0}));
    assert_eq!(
        report["results"],
        json!([{
            "source": "govcloud", "policy": "processing-infrastructure", "rule": "Unpermitted", "result": "fail", "severity": "high",
            "scored": true, "message": "Runs without a permit.", "category": "message-broker",
            "timestamp": {"seconds": 1_791_878_400, "nanos": 0},
            "resources": [{"apiVersion": "kafka.strimzi.io/v1", "kind": "KafkaNodePool", "name": "old", "namespace": "customs--border"}],
            "properties": {"finding": "agency-customs/Unpermitted-\"old\"", "takes": "3 brokers", "alternatives": "national-streaming/large"},
        }])
    );
}

#[test]
fn what_is_in_no_namespace_is_reported_where_its_finding_is() {
    let definition =
        json!({"group": "apiextensions.k8s.io", "resource": "customresourcedefinitions", "name": "lakes.data.example"});
    let reports = reports(&[finding("Unclassified", definition, json!({}))], &Served::default(), now());
    assert_eq!(
        reports["agency-customs"]["results"][0]["resources"],
        json!([{"name": "lakes.data.example"}]),
        "and its kind is not known"
    );
}

#[rstest]
#[case("Unpermitted", "fail")]
#[case("ExceedsPermit", "fail")]
#[case("Expired", "fail")]
#[case("Duplicate", "warn")]
#[case("Idle", "warn")]
#[case("Unclassified", "warn")]
#[case("Suspicious", "warn")]
fn a_word_of_a_reviewer_skips_it_until_its_end(#[case] rule: &str, #[case] result: &str) {
    assert_eq!(outcome(&finding(rule, pool("p"), json!({})), now()), result);
    assert_eq!(outcome(&finding(rule, pool("p"), acknowledged("2026-11-23T08:00:01Z")), now()), "skip");
    assert_eq!(outcome(&finding(rule, pool("p"), acknowledged("2026-11-23T08:00:00Z")), now()), result);
}

#[test]
fn the_next_end_is_the_first_that_is_to_come() {
    let all = ["2026-11-22T00:00:00Z", "2027-03-01T00:00:00Z", "2027-01-01T00:00:00Z"]
        .map(|end| finding("Idle", pool("p"), acknowledged(end)));
    assert_eq!(next_end(&all, now()), Some("2027-01-01T00:00:00Z".parse().expect("valid")));
    assert_eq!(next_end(&[finding("Idle", pool("p"), json!({}))], now()), None);
}

#[test]
fn the_order_of_findings_and_the_clock_change_nothing() {
    let all = [
        finding("Unpermitted", pool("b"), json!({})),
        finding("Duplicate", pool("a"), json!({})),
        finding("Unpermitted", pool("a"), json!({})),
    ];
    let later = "2027-11-23T08:00:00Z".parse().expect("valid");
    assert_eq!(reports(&all, &served(), now()), reports(all.iter().rev(), &served(), later));
}

#[test]
fn a_report_stays_small_enough_and_its_summary_counts_all() {
    let long = json!({"message": "ü".repeat(1500)});
    let all: Vec<_> = (0..500).map(|i| finding("Unpermitted", pool(&format!("p{i:03}")), long.clone())).collect();
    let report = reports(&all, &served(), now()).remove("customs--border").expect("there");
    assert_eq!(report["results"].as_array().map(Vec::len), Some(400));
    assert_eq!(report["summary"]["fail"], 500);
    assert!(report.to_string().len() < 1_500_000, "{}", report.to_string().len());
}

#[rstest]
#[case("", "pods", Some(("v1", "Pod")))]
#[case("apps", "deployments", Some(("v1", "Deployment")))]
#[case("", "secrets", Some(("v1", "Secret")))]
#[case("", "unheard", None)]
#[case("kafka.strimzi.io", "kafkanodepools", Some(("v1", "KafkaNodePool")))]
#[case("kafka.strimzi.io", "kafkas", None)]
fn kinds_are_said_where_they_are_known(#[case] group: &str, #[case] resource: &str, #[case] kind: Option<(&str, &str)>) {
    let object = ObjectReference { group: group.into(), resource: resource.into(), namespace: String::new(), name: "n".into() };
    assert_eq!(kind_of(&object, &served()), kind.map(|(version, kind)| (version.to_owned(), kind.to_owned())));
}
