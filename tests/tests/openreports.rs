//! Findings as Reports of OpenReports, on its own definition: only where it is served, and only what the operator made itself.

use std::fs;

use govcloud_tests::{
    Cloud, Setup, audit_log, eventually,
    fixtures::{deployment, node_pool, root},
    people::{ADMIN, CUSTOMS_ADMIN, REVIEWER_1},
};
use serde_json::{Value, json};

const OPERATOR: &str = "system:serviceaccount:govcloud-system:govcloud-operator";
const BORDER: &str = "customs--border";
const DEFINITION: &str = "reports.openreports.io";

#[tokio::test(flavor = "multi_thread")]
async fn findings_are_reports_where_the_cluster_serves_them() {
    // What is outside was there before its class; later it would be refused.
    let cloud = Cloud::start(Setup::Bare).await;
    cloud.apply_json(ADMIN, &node_pool("default", "outside", 2, "1Ti")).await.succeeds();
    cloud.start_operator().await;
    cloud.govern().await;
    cloud.project("customs", CUSTOMS_ADMIN, "border", "20").await;
    cloud.kubectl(ADMIN, &["delete", "crd", DEFINITION, "--ignore-not-found"]).await.succeeds();
    listens(&cloud, "listener").await;
    found(&cloud, "listener").await;
    define(&cloud).await;
    they_are_written(&cloud).await;
    only_its_own_are_kept(&cloud).await;
    a_reviewers_word_skips_it(&cloud).await;
    a_restart_writes_nothing_and_what_went_meanwhile_is_removed(&cloud).await;
    without_the_definition_all_goes_on(&cloud).await;
}

/// A Deployment that listens where databases do, which is suspicious.
async fn listens(cloud: &Cloud, name: &str) {
    let mut listener = deployment(BORDER, name, "web", 1);
    listener["spec"]["template"]["spec"]["containers"][0]["ports"] = json!([{"containerPort": 5432}]);
    cloud.apply_json(ADMIN, &listener).await.succeeds();
}

/// The finding about the object of this name.
async fn found(cloud: &Cloud, name: &str) -> Value {
    eventually(&format!("{name} is found"), || async {
        let all = cloud.json(ADMIN, &["get", "processingfindings", "-A", "-o", "json"]).await;
        let of_it = |finding: &&Value| finding["spec"]["object"]["name"] == name && finding["status"]["lastSeen"].is_string();
        all["items"].as_array().into_iter().flatten().find(of_it).cloned().ok_or_else(|| all.to_string())
    })
    .await
}

async fn define(cloud: &Cloud) {
    let definition = fs::read_to_string(root().join("tests/fixtures/crds/openreports.io_reports.yaml")).expect("the definition");
    cloud.apply(ADMIN, &definition).await.succeeds();
    cloud.kubectl(ADMIN, &["wait", "--for=condition=Established", "crd", DEFINITION, "--timeout=60s"]).await.succeeds();
}

async fn report(cloud: &Cloud, namespace: &str) -> Value {
    cloud.json(ADMIN, &["get", DEFINITION, "govcloud-findings", "-n", namespace, "-o", "json"]).await
}

/// Waits until the report of a namespace is as `expected`.
async fn reported(cloud: &Cloud, namespace: &str, expected: impl Fn(&Value) -> bool) -> Value {
    eventually(&format!("the report of {namespace} is as it should be"), || async {
        let report = report(cloud, namespace).await;
        if expected(&report) { Ok(report) } else { Err(format!("{report}\n{}", cloud.operator_log())) }
    })
    .await
}

async fn they_are_written(cloud: &Cloud) {
    let outside = reported(cloud, "default", |report| report["results"][0]["timestamp"]["seconds"].is_i64()).await;
    assert_eq!(outside["summary"], json!({"pass": 0, "fail": 1, "warn": 0, "error": 0, "skip": 0}));
    assert_eq!(outside["metadata"]["labels"]["app.kubernetes.io/managed-by"], "govcloud");
    let result = &outside["results"][0];
    assert_eq!(
        (&result["rule"], &result["result"], &result["category"]),
        (&json!("Unpermitted"), &json!("fail"), &json!("message-broker"))
    );
    let object =
        json!([{"apiVersion": "kafka.strimzi.io/v1", "kind": "KafkaNodePool", "namespace": "default", "name": "outside"}]);
    assert_eq!(result["resources"], object);
    let border = reported(cloud, BORDER, |report| report["summary"]["warn"] == 1).await;
    assert_eq!(
        (&border["results"][0]["rule"], &border["results"][0]["resources"][0]["kind"]),
        (&json!("Suspicious"), &json!("Deployment"))
    );
}

/// What others made is theirs, and what others made of it is put right.
async fn only_its_own_are_kept(cloud: &Cloud) {
    let theirs = json!({"apiVersion": "openreports.io/v1alpha1", "kind": "Report",
        "metadata": {"namespace": BORDER, "name": "of-another-tool"}, "source": "another-tool", "results": []});
    cloud.apply_json(ADMIN, &theirs).await.succeeds();
    let nothing = json!({"results": [], "summary": {"warn": 0}}).to_string();
    cloud
        .kubectl(ADMIN, &["patch", DEFINITION, "govcloud-findings", "-n", BORDER, "--type=merge", "-p", &nothing])
        .await
        .succeeds();
    reported(cloud, BORDER, |report| report["summary"]["warn"] == 1 && report["results"][0]["rule"] == "Suspicious").await;
    cloud.kubectl(ADMIN, &["delete", DEFINITION, "govcloud-findings", "-n", BORDER]).await.succeeds();
    reported(cloud, BORDER, |report| report["summary"]["warn"] == 1).await;
}

async fn a_reviewers_word_skips_it(cloud: &Cloud) {
    let name = found(cloud, "listener").await["metadata"]["name"].as_str().expect("a name").to_owned();
    let line = ["finding", "acknowledge", &name, "--reason", "It is a test.", "--until", "2099-01-01"];
    cloud.govcloud(REVIEWER_1, &line).await.succeeds();
    let report = reported(cloud, BORDER, |report| report["summary"]["skip"] == 1).await;
    assert_eq!((&report["summary"]["warn"], &report["results"][0]["result"]), (&json!(0), &json!("skip")));
    assert_eq!(report["results"][0]["properties"]["acknowledgedBy"], "reviewer-1@ministry");
}

async fn a_restart_writes_nothing_and_what_went_meanwhile_is_removed(cloud: &Cloud) {
    cloud.kill_operator().await;
    let (before, written) = (audit_log(cloud).len(), report(cloud, BORDER).await);
    cloud.kubectl(ADMIN, &["delete", "kafkanodepool", "outside", "-n", "default"]).await.succeeds();
    cloud.start_operator().await;
    reported(cloud, "default", Value::is_null).await;
    assert_eq!(report(cloud, BORDER).await["metadata"]["resourceVersion"], written["metadata"]["resourceVersion"]);
    let of_reports = |event: &Value| event["user"]["username"] == OPERATOR && event["objectRef"]["apiGroup"] == "openreports.io";
    let writes: Vec<_> = audit_log(cloud).drain(before..).filter(of_reports).map(|event| event["verb"].clone()).collect();
    assert!(writes.iter().all(|verb| ["delete", "list", "watch"].iter().any(|known| verb == known)), "{writes:?}");
    cloud.kubectl(ADMIN, &["get", DEFINITION, "of-another-tool", "-n", BORDER]).await.succeeds();
}

async fn without_the_definition_all_goes_on(cloud: &Cloud) {
    cloud.kubectl(ADMIN, &["delete", "crd", DEFINITION]).await.succeeds();
    listens(cloud, "another").await;
    found(cloud, "another").await;
    // And when it comes back, all of it is there again.
    define(cloud).await;
    reported(cloud, BORDER, |report| report["summary"]["warn"] == 1 && report["summary"]["skip"] == 1).await;
}
