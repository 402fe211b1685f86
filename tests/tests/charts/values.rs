//! Values: bad ones are refused with a message that names them, good ones arrive where they belong.

use std::collections::BTreeSet;

use govcloud_tests::helm::{Helm, chart};
use serde_json::Value;

const NAMESPACE: &str = "govcloud-system";
/// What is set, and what the message must say.
const BAD: &[(&str, &[&str])] = &[
    ("replica=2", &["additional properties 'replica' not allowed"]),
    ("replicas=0", &["/replicas", "minimum"]),
    ("replicas=two", &["/replicas", "want integer"]),
    ("image.repository=", &["/image/repository"]),
    ("image.repository=Registry/Operator", &["/image/repository"]),
    ("image.digest=sha256:abc", &["/image/digest"]),
    ("image.pullPolicy=Sometimes", &["/image/pullPolicy", "'Always', 'IfNotPresent', 'Never'"]),
    ("image.name=x", &["/image", "additional properties 'name' not allowed"]),
    ("log.format=xml", &["/log/format", "'json', 'text'"]),
    ("people.ministry=reviewers", &["/people/ministry", "want array"]),
    ("people.ministry={a,a}", &["/people/ministry", "items at 0 and 1 are equal"]),
    ("people.auditors=null", &["/people", "missing property 'auditors'"]),
    ("people.owners={a}", &["/people", "additional properties 'owners' not allowed"]),
    ("classes.enabled=perhaps", &["/classes/enabled", "want boolean"]),
    ("networkPolicy.egressPorts={70000}", &["/networkPolicy/egressPorts/0", "maximum"]),
    ("networkPolicy.egressPorts=null", &["/networkPolicy", "missing property 'egressPorts'"]),
    ("monitoring.serviceMonitor.interval=often", &["/monitoring/serviceMonitor/interval"]),
    ("monitoring.rules.runbooks=example.com", &["/monitoring/rules/runbooks"]),
    ("resources.requests.cpu=much", &["/resources/requests/cpu"]),
    ("podLabels.team=1", &["/podLabels/team", "want string"]),
];

pub async fn the_schema_refuses() {
    let helm = Helm::alone();
    let mut wrong = Vec::new();
    for (set, says) in BAD {
        let said = helm.run(&["template", "govcloud", &chart("govcloud"), "-n", NAMESPACE, "--set", set]).await;
        if said.ok || says.iter().any(|text| !said.err.contains(text)) {
            wrong.push(format!("--set {set}: {says:?} in {:?}", said.err));
        }
    }
    let said = helm
        .run(&["template", "govcloud", &chart("govcloud"), "--set", "classes.enabled=true", "--set-json", "people.ministry=[]"])
        .await;
    if !said.err.contains("classes.enabled needs a group in people.ministry") {
        wrong.push(format!("classes without a ministry: {:?}", said.err));
    }
    assert!(wrong.is_empty(), "{} values:\n{}", wrong.len(), wrong.join("\n"));
}

pub async fn the_groups_of_people_are_those_of_the_values() {
    let helm = Helm::alone();
    let groups = ["ministry", "cloudOperators", "security", "auditors"].map(|who| format!("people.{who}={{idp:{who}}}"));
    let set: Vec<_> = groups.iter().flat_map(|group| ["--set", group.as_str()]).collect();
    let rendered = helm.rendered("govcloud", NAMESPACE, &set).await;
    let everybody = ["idp:auditors", "idp:cloudOperators", "idp:ministry", "idp:security"];
    assert_eq!(subjects(&rendered, "govcloud:reader"), everybody.into());
    assert_eq!(subjects(&rendered, "govcloud:reviewer"), ["idp:ministry", "idp:security"].into());
    assert_eq!(subjects(&rendered, "govcloud:ministry"), ["idp:ministry"].into());
    assert_eq!(subjects(&rendered, "govcloud:cloud-operator"), ["idp:cloudOperators"].into());
    assert_eq!(subjects(&rendered, "govcloud:cloud-operator-scanner"), ["idp:cloudOperators"].into());
    let same = ["--set", "people.ministry={one}", "--set", "people.security={one}"];
    let rendered = helm.rendered("govcloud", NAMESPACE, &same).await;
    let binding = find(&rendered, "ClusterRoleBinding", "govcloud:reviewer");
    assert_eq!(binding["subjects"].as_array().map(Vec::len), Some(1), "a group that is both is named once");
}

pub async fn the_image_is_named_by_tag_or_digest() {
    let helm = Helm::alone();
    let digest = format!("image.digest=sha256:{}", "a".repeat(64));
    for (set, image) in [
        ("replicas=2", "registry.invalid/govcloud/operator:0.1.0".to_owned()),
        ("image.tag=1.2.3", "registry.invalid/govcloud/operator:1.2.3".to_owned()),
        (digest.as_str(), format!("registry.invalid/govcloud/operator@sha256:{}", "a".repeat(64))),
    ] {
        let rendered = helm.rendered("govcloud", NAMESPACE, &["--set", set]).await;
        let deployment = find(&rendered, "Deployment", "govcloud-operator");
        assert_eq!(deployment["spec"]["template"]["spec"]["containers"][0]["image"], image);
    }
}

pub async fn what_is_switched_off_is_not_there() {
    let helm = Helm::alone();
    for (set, kind) in [
        ("replicas=1", "PodDisruptionBudget"),
        ("podDisruptionBudget.enabled=false", "PodDisruptionBudget"),
        ("networkPolicy.enabled=false", "NetworkPolicy"),
    ] {
        let (with, without) =
            (helm.rendered("govcloud", NAMESPACE, &[]).await, helm.rendered("govcloud", NAMESPACE, &["--set", set]).await);
        let has = |rendered: &[Value]| rendered.iter().any(|object| object["kind"] == kind);
        assert!(has(&with) && !has(&without), "--set {set}");
    }
    let by_default = helm.rendered("govcloud", NAMESPACE, &[]).await;
    for kind in ["ProcessingClass", "ServiceMonitor", "PrometheusRule", "ConfigMap", "Namespace", "Secret"] {
        assert!(by_default.iter().all(|object| object["kind"] != kind), "{kind}");
    }
}

/// One of the rendered objects.
pub fn find<'a>(rendered: &'a [Value], kind: &str, name: &str) -> &'a Value {
    let found = rendered.iter().find(|object| object["kind"] == kind && object["metadata"]["name"] == name);
    found.unwrap_or_else(|| panic!("there is no {kind} {name}"))
}

fn subjects<'a>(rendered: &'a [Value], binding: &str) -> BTreeSet<&'a str> {
    let subjects = find(rendered, "ClusterRoleBinding", binding)["subjects"].as_array().into_iter().flatten();
    subjects.filter_map(|subject| subject["name"].as_str()).collect()
}
