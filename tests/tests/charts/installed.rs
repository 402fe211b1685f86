//! Helm on a real API server: installed, upgraded, removed, and installed where it was before.

use govcloud_tests::{
    Cloud,
    fixtures::{example, root},
    helm::{Helm, chart},
    people::ADMIN,
};
use serde_json::Value;

use crate::{everything, objects};

const NAMESPACE: &str = "govcloud-system";
const ELSEWHERE: &str = "national-cloud";

pub async fn both_charts(cloud: &Cloud, helm: &Helm) {
    objects::restricted_namespace(cloud, NAMESPACE).await;
    helm.run(&["install", "govcloud-crds", &chart("govcloud-crds"), "-n", NAMESPACE]).await.succeeds();
    let said = helm.run(&["install", "govcloud", &chart("govcloud"), "-n", NAMESPACE]).await.succeeds();
    assert!(said.contains("NOT RUNNING YET: no image is published"), "{said}");
    assert!(said.contains("classes.enabled=true"), "{said}");
    runs_in(cloud, NAMESPACE, 2).await;
    may(cloud, NAMESPACE, true).await;
}

/// Roles and policies are the cluster's: two operators of one cluster would each take the other's for altered.
pub async fn a_second_one_is_refused(cloud: &Cloud, helm: &Helm) {
    let arguments = ["install", "second", &chart("govcloud"), "-n", ELSEWHERE, "--create-namespace"];
    helm.run(&arguments).await.refused_with("exists and cannot be imported into the current release");
    assert_eq!(cloud.json(ADMIN, &["get", "deployments", "-n", ELSEWHERE, "-o", "json"]).await["items"], Value::Array(vec![]));
}

pub async fn with_everything(cloud: &Cloud, helm: &Helm) {
    objects::monitoring_kinds(cloud).await;
    cloud.apply(ADMIN, &example("01-government-cloud.yaml")).await.succeeds();
    let upgrade = ["upgrade", "govcloud", &chart("govcloud"), "-n", NAMESPACE];
    let said = helm.run(&[&upgrade[..], &everything().each_ref().map(String::as_str)].concat()).await.succeeds();
    assert!(said.contains("REVISION: 2") && !said.contains("NOT RUNNING YET"), "{said}");
    runs_in(cloud, NAMESPACE, 3).await;
    assert!(names(cloud, "processingclasses").await.len() > 16);
    for kind in ["servicemonitors", "prometheusrules", "configmaps/govcloud-dashboard", "networkpolicies/govcloud-operator"] {
        cloud.kubectl(ADMIN, &["get", kind, "-n", NAMESPACE]).await.succeeds();
    }
    helm.run(&["upgrade", "govcloud-crds", &chart("govcloud-crds"), "-n", NAMESPACE]).await.succeeds();
}

pub async fn removed_but_for_the_records(cloud: &Cloud, helm: &Helm) {
    let (definitions, classes) = (names(cloud, "customresourcedefinitions").await, names(cloud, "processingclasses").await);
    for name in ["govcloud", "govcloud-crds"] {
        helm.run(&["uninstall", name, "-n", NAMESPACE, "--wait"]).await.succeeds();
    }
    assert_eq!(names(cloud, "customresourcedefinitions").await, definitions);
    assert_eq!(names(cloud, "processingclasses").await, classes);
    assert_eq!(names(cloud, "governmentclouds").await, ["national"]);
    let roles = names(cloud, "clusterroles").await;
    assert!(!roles.iter().any(|name| name.starts_with("govcloud")), "{roles:?}");
    let left =
        cloud.kubectl(ADMIN, &["get", "deployment,service,poddisruptionbudget", "-n", NAMESPACE, "-o", "name"]).await.succeeds();
    assert_eq!(left, "");
    may(cloud, NAMESPACE, false).await;
}

/// It runs wherever it is installed, and what was kept is no obstacle.
pub async fn in_another_namespace(cloud: &Cloud, helm: &Helm) {
    helm.run(&["install", "govcloud-crds", &chart("govcloud-crds"), "-n", NAMESPACE]).await.succeeds();
    helm.run(&["install", "govcloud", &chart("govcloud"), "-n", ELSEWHERE, "--create-namespace"]).await.succeeds();
    runs_in(cloud, ELSEWHERE, 2).await;
    may(cloud, ELSEWHERE, true).await;
    may(cloud, NAMESPACE, false).await;
    helm.run(&["uninstall", "govcloud", "-n", ELSEWHERE, "--wait"]).await.succeeds();
}

/// Who began without Helm can go on with it.
pub async fn over_the_plain_manifests(cloud: &Cloud, helm: &Helm) {
    let plain = root().join("charts/plain");
    cloud.kubectl(ADMIN, &["apply", "--server-side", "--force-conflicts", "-f", &plain.to_string_lossy()]).await.succeeds();
    runs_in(cloud, NAMESPACE, 2).await;
    let install = ["install", "govcloud", &chart("govcloud"), "-n", NAMESPACE];
    helm.run(&install).await.refused_with("cannot be imported into the current release");
    helm.run(&[&install[..], &["--take-ownership"]].concat()).await.succeeds();
    runs_in(cloud, NAMESPACE, 2).await;
}

async fn runs_in(cloud: &Cloud, namespace: &str, replicas: i64) {
    let deployment = cloud.json(ADMIN, &["get", "deployment", "govcloud-operator", "-n", namespace, "-o", "json"]).await;
    assert_eq!(deployment["spec"]["replicas"], replicas);
    let operator = &deployment["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(operator["args"], serde_json::json!(["--leader-elect"]));
    let told = operator["env"].as_array().into_iter().flatten().find(|variable| variable["name"] == "GOVCLOUD_NAMESPACE");
    assert_eq!(told.expect("it is told its namespace")["value"], namespace);
}

/// Whether the operator's account in a namespace may do what it does, and nothing more.
async fn may(cloud: &Cloud, namespace: &str, expected: bool) {
    let account = format!("system:serviceaccount:{namespace}:govcloud-operator");
    for (verb, resource, may) in
        [("list", "agencies.govcloud.dev", expected), ("create", "configmaps", expected), ("delete", "nodes", false)]
    {
        let said = cloud.kubectl(ADMIN, &["auth", "can-i", verb, resource, "--as", &account, "-n", namespace]).await;
        assert_eq!(said.ok, may, "{account} {verb} {resource}: {}{}", said.out, said.err);
    }
}

async fn names(cloud: &Cloud, kind: &str) -> Vec<String> {
    let all = cloud.json(ADMIN, &["get", kind, "-o", "json"]).await;
    let all = all["items"].as_array().unwrap_or_else(|| panic!("no {kind}")).iter();
    all.map(|object| object["metadata"]["name"].as_str().expect("a name").to_owned()).collect()
}
