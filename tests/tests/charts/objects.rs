//! Each rendered object is one that the API server accepts, and the pods are allowed where nothing is.

use std::fs;

use govcloud_tests::{
    Cloud, Said,
    fixtures::root,
    helm::{Helm, objects},
    people::ADMIN,
};
use serde_json::{Value, json};

use crate::{everything, values::find};

const NAMESPACE: &str = "govcloud-system";
/// What the restricted Pod Security Standard asks for; without any of it the pods are refused.
const NEEDED: &[&str] = &[
    "/spec/securityContext/runAsNonRoot",
    "/spec/securityContext/seccompProfile",
    "/spec/containers/0/securityContext/allowPrivilegeEscalation",
    "/spec/containers/0/securityContext/capabilities",
];

pub async fn definitions(cloud: &Cloud) {
    let rendered = Helm::alone().rendered("govcloud-crds", NAMESPACE, &[]).await;
    assert_eq!(rendered.len(), 12);
    accepted(cloud, &rendered).await;
    for definition in &rendered {
        assert_eq!(
            definition["metadata"]["annotations"]["helm.sh/resource-policy"], "keep",
            "{}",
            definition["metadata"]["name"]
        );
    }
    apply(cloud, &rendered, &[]).await.succeeds();
    cloud.kubectl(ADMIN, &["wait", "--for=condition=Established", "crd", "--all", "--timeout=60s"]).await.succeeds();
}

pub async fn of_the_operator(cloud: &Cloud) {
    restricted_namespace(cloud, NAMESPACE).await;
    monitoring_kinds(cloud).await;
    let everything = everything();
    for (more, least) in [(vec![], 15), (everything.each_ref().map(String::as_str).to_vec(), 35)] {
        let rendered = Helm::alone().rendered("govcloud", NAMESPACE, &more).await;
        assert!(rendered.len() >= least, "{} objects", rendered.len());
        accepted(cloud, &rendered).await;
    }
}

/// With nothing that the Pod Security Standard `restricted` refuses; each of the settings is there for a reason.
pub async fn the_pods_need_no_privilege(cloud: &Cloud) {
    cloud.kubectl(ADMIN, &["create", "serviceaccount", "govcloud-operator", "-n", NAMESPACE]).await.succeeds();
    let everything = everything();
    for more in [vec![], everything.each_ref().map(String::as_str).to_vec()] {
        let rendered = Helm::alone().rendered("govcloud", NAMESPACE, &more).await;
        let template = &find(&rendered, "Deployment", "govcloud-operator")["spec"]["template"];
        let mut pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": template["metadata"], "spec": template["spec"]});
        pod["metadata"]["name"] = "operator".into();
        pod["metadata"]["namespace"] = NAMESPACE.into();
        let made = cloud.attempt(ADMIN, &pod).await.expect("the pod is admitted");
        assert_eq!(made["spec"]["containers"][0]["securityContext"]["readOnlyRootFilesystem"], true);
        for pointer in NEEDED {
            let mut without = pod.clone();
            *without.pointer_mut(pointer).unwrap_or_else(|| panic!("there is no {pointer}")) = Value::Null;
            let refused = cloud.attempt(ADMIN, &without).await.expect_err(pointer);
            assert!(refused.contains("violates PodSecurity \"restricted"), "{pointer}: {refused}");
        }
    }
}

/// What the catalogue says arrives unchanged, but for who approves, and that Helm keeps it.
pub async fn the_classes_are_those_of_the_catalogue() {
    let everything = everything();
    let rendered = Helm::alone().rendered("govcloud", NAMESPACE, &everything.each_ref().map(String::as_str)).await;
    let classes: Vec<_> = rendered.iter().filter(|object| object["kind"] == "ProcessingClass").collect();
    let mut expected = Vec::new();
    for file in fs::read_dir(root().join("charts/govcloud/classes")).expect("the catalogue") {
        expected.extend(objects(&fs::read_to_string(file.expect("a file").path()).expect("a class")));
    }
    assert_eq!(classes.len(), expected.len());
    for mut class in expected {
        class["metadata"]["annotations"] = json!({"helm.sh/resource-policy": "keep"});
        for approval in class["spec"]["approval"]["quorum"].as_array_mut().into_iter().flatten() {
            approval["group"] = "idp:ministry".into();
        }
        let name = class["metadata"]["name"].as_str().expect("a name");
        assert_eq!(find(&rendered, "ProcessingClass", name), &class);
    }
}

pub async fn restricted_namespace(cloud: &Cloud, name: &str) {
    let labels = json!({"pod-security.kubernetes.io/enforce": "restricted", "pod-security.kubernetes.io/warn": "restricted"});
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}});
    cloud.apply_json(ADMIN, &namespace).await.succeeds();
}

/// The names of two kinds of Prometheus' operator. Their real schemas are not here: of a ServiceMonitor and a PrometheusRule the API
/// server sees no more than that they are objects.
pub async fn monitoring_kinds(cloud: &Cloud) {
    for (kind, plural) in [("ServiceMonitor", "servicemonitors"), ("PrometheusRule", "prometheusrules")] {
        let schema = json!({"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}});
        let definition = json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": format!("{plural}.monitoring.coreos.com"), "annotations": {"api-approved.kubernetes.io": "unapproved, of a test"}},
            "spec": {"group": "monitoring.coreos.com", "scope": "Namespaced", "names": {"kind": kind, "plural": plural},
                "versions": [{"name": "v1", "served": true, "storage": true, "schema": schema}]},
        });
        cloud.apply_json(ADMIN, &definition).await.succeeds();
    }
    cloud.kubectl(ADMIN, &["wait", "--for=condition=Established", "crd", "--all", "--timeout=60s"]).await.succeeds();
}

async fn accepted(cloud: &Cloud, rendered: &[Value]) {
    let said = apply(cloud, rendered, &["--dry-run=server"]).await;
    assert!(!said.err.contains("Warning"), "{}", said.err);
    assert_eq!(said.succeeds().lines().count(), rendered.len());
}

async fn apply(cloud: &Cloud, rendered: &[Value], more: &[&str]) -> Said {
    let list = json!({"apiVersion": "v1", "kind": "List", "items": rendered});
    cloud.kubectl_with(ADMIN, &[&["apply", "--server-side", "-f", "-"], more].concat(), &list.to_string()).await
}
