//! What somebody would try who has what is here.

use govcloud_tests::{
    Cloud, eventually,
    fixtures::{permit, pod},
    people::{
        ADMIN, CLOUD_OPERATOR, CUSTOMS_ADMIN, CUSTOMS_DEVELOPER, CUSTOMS_REQUESTER, OPERATOR, SECURITY_REVIEWER, TAX_REQUESTER,
    },
    remedy::Attack,
};
use serde_json::{Value, json};

const LAB: &str = "customs--lab";
const TAX: &str = "agency-tax-administration";

/// Attacks on running workloads, devices and roles.
pub async fn with_what_is_there(cloud: &Cloud) {
    the_operator_cannot_make_itself_more(cloud).await;
    a_developer_rewrites_no_pod_and_no_owner(cloud).await;
    no_device_comes_in_by_another_name(cloud).await;
    a_developer_has_only_the_kinds_of_the_classes(cloud).await;
}

/// Attacks on decisions and on the record.
pub async fn with_decisions(cloud: &Cloud) {
    one_person_of_two_groups_counts_once(cloud).await;
    a_review_does_not_stop_a_purge(cloud).await;
}

/// Whoever steals the operator's token has no more than its role: nothing is granted that the operator does not hold.
async fn the_operator_cannot_make_itself_more(cloud: &Cloud) {
    let subjects = json!([{"kind": "ServiceAccount", "namespace": "govcloud-system", "name": "govcloud-operator"}]);
    let role = |name: &str| json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name});
    let object = |kind: &str, namespace: Option<&str>, more: &Value| {
        let metadata = json!({"name": "mine", "namespace": namespace});
        let mut object = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": metadata});
        object.as_object_mut().into_iter().for_each(|fields| fields.extend(more.as_object().cloned().unwrap_or_default()));
        object
    };
    let bound = |name: &str| json!({"roleRef": role(name), "subjects": subjects});
    let rights = |group: &str, resource: &str, verb: &str| json!({"rules": [{"apiGroups": [group], "resources": [resource], "verbs": [verb]}]});
    for attempt in [
        object("ClusterRoleBinding", None, &bound("cluster-admin")),
        object("RoleBinding", Some(LAB), &bound("cluster-admin")),
        object("RoleBinding", Some("kube-system"), &bound("admin")),
        object("ClusterRole", None, &rights("*", "*", "*")),
        object("ClusterRole", None, &rights("", "secrets", "*")),
        object("ClusterRole", None, &rights("rbac.authorization.k8s.io", "clusterroles", "escalate")),
    ] {
        Attack::create(OPERATOR, &attempt).is_refused(cloud, "orbidden").await;
    }
    let grown = json!({"rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]});
    Attack::patch(OPERATOR, "clusterrole/govcloud-operator", &grown).is_refused(cloud, "orbidden").await;
    Attack::patch(OPERATOR, "clusterrole/view", &grown).is_refused(cloud, "orbidden").await;
}

/// Whose pod it is, is the controllers' word.
async fn a_developer_rewrites_no_pod_and_no_owner(cloud: &Cloud) {
    let mut web = govcloud_tests::fixtures::deployment(LAB, "rewritten", "nginx:1", 1);
    web["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = json!(0);
    cloud.create_json(CUSTOMS_DEVELOPER, &web).await.succeeds();
    let pod = eventually("its pod is there", || async {
        let made = cloud.kubectl(ADMIN, &["get", "pods", "-n", LAB, "-l", "app=rewritten", "-o", "name"]).await;
        made.out.lines().next().map(str::to_owned).ok_or_else(|| format!("{made:?}"))
    })
    .await;
    let set = cloud.kubectl(ADMIN, &["get", "replicasets", "-n", LAB, "-l", "app=rewritten", "-o", "name"]).await.succeeds();
    let owner = json!([{"apiVersion": "kafka.strimzi.io/v1", "kind": "KafkaNodePool", "name": "none", "uid": "5f3c8a0e-0000-4000-8000-000000000000", "controller": true}]);
    for (object, change) in [
        (pod.as_str(), json!({"metadata": {"labels": {"app": "other"}}})),
        (pod.as_str(), json!({"metadata": {"ownerReferences": owner}})),
        (set.trim(), json!({"metadata": {"ownerReferences": owner}})),
        (set.trim(), json!({"metadata": {"ownerReferences": null}})),
    ] {
        Attack::patch(CUSTOMS_DEVELOPER, &format!("{object} -n {LAB}"), &change).is_refused(cloud, "cannot patch resource").await;
    }
    cloud.kubectl(CUSTOMS_DEVELOPER, &["delete", "deployment/rewritten", "-n", LAB]).await.succeeds();
}

/// A device is refused by what it is not known as: by resource claims, by another vendor's name, and afterwards.
async fn no_device_comes_in_by_another_name(cloud: &Cloud) {
    let asks = |mut pod: Value, device: &str| {
        pod["spec"]["containers"][0]["resources"] = json!({"requests": {device: "1"}, "limits": {device: "1"}});
        pod
    };
    for device in ["deviceclass.resource.kubernetes.io/x", "example.com/gpu", "amd.com/gpu"] {
        for who in [CUSTOMS_DEVELOPER, ADMIN] {
            let attempt = asks(pod(LAB, "device", "nginx:1"), device);
            Attack::create(who, &attempt).is_refused(cloud, "asks for a device that no processing class knows").await;
        }
    }
    Attack::create(CUSTOMS_DEVELOPER, &asks(pod(LAB, "device", "nginx:1"), "nvidia.com/gpu"))
        .is_refused(cloud, "exceeded quota")
        .await;
    cloud.create_json(CUSTOMS_DEVELOPER, &pod(LAB, "small", "nginx:1")).await.succeeds();
    for device in ["example.com/gpu", "nvidia.com/gpu"] {
        let change = json!({"spec": {"containers": [{"name": "main", "resources": {"limits": {device: "1"}, "requests": {device: "1"}}}]}});
        let change = change.to_string();
        let update = ["patch", "pod/small", "-n", LAB, "--dry-run=server", "-p", &change, "--subresource=resize"];
        for patch in [&update[..], &update[..7]] {
            let said = cloud.kubectl(ADMIN, patch).await;
            let refused = ["The Pod \"small\" is invalid", "asks for a device"].iter().any(|why| said.err.contains(why));
            assert!(!said.ok && refused, "{device}: {said:?}");
        }
    }
    for part in ["--subresource=resize", "--subresource=status"] {
        let may = cloud.kubectl(CUSTOMS_DEVELOPER, &["auth", "can-i", "patch", "pods", part, "-n", LAB]).await;
        assert_eq!(may.out.trim(), "no", "{part}: {may:?}");
    }
    cloud.kubectl(CUSTOMS_DEVELOPER, &["delete", "pod/small", "-n", LAB]).await.succeeds();
}

/// What no class names is not theirs to make: neither claims of devices nor the objects of another operator.
async fn a_developer_has_only_the_kinds_of_the_classes(cloud: &Cloud) {
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "widgets.everyday.test"},
        "spec": {"group": "everyday.test", "scope": "Namespaced", "names": {"plural": "widgets", "kind": "Widget"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {"type": "object"}}}]},
    });
    cloud.create_json(ADMIN, &definition).await.succeeds();
    cloud.kubectl(ADMIN, &["wait", "--for=condition=Established", "crd/widgets.everyday.test", "--timeout=60s"]).await.succeeds();
    let widget = json!({"apiVersion": "everyday.test/v1", "kind": "Widget", "metadata": {"namespace": LAB, "name": "w"}});
    let template = json!({
        "apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaimTemplate", "metadata": {"namespace": LAB, "name": "t"},
        "spec": {"spec": {"devices": {"requests": [{"name": "gpu", "exactly": {"deviceClassName": "gpu"}}]}}},
    });
    let mut claim = template.clone();
    (claim["kind"], claim["spec"]) = (json!("ResourceClaim"), template["spec"]["spec"].clone());
    for object in [&widget, &template, &claim] {
        Attack::create(CUSTOMS_DEVELOPER, object).is_refused(cloud, "orbidden").await;
    }
    Attack::create(ADMIN, &widget).passes(cloud, "its administrator may").await;
    cloud.kubectl(ADMIN, &["delete", "crd/widgets.everyday.test"]).await.succeeds();
}

/// Who is in the ministry and in the security authority is still one person.
async fn one_person_of_two_groups_counts_once(cloud: &Cloud) {
    let asked = permit("tax-administration", "twice", "requester@tax", "analytics", &[("twice", 3, "1Ti")]);
    cloud.apply_json(TAX_REQUESTER, &asked).await.succeeds();
    for group in ["ministry:reviewers", "security:smc"] {
        let review = cloud.review_of(TAX, "twice", "x", group, "Approve").await.to_string();
        let as_both = ["create", "--as=x", "--as-group=ministry:reviewers", "--as-group=security:smc", "-f", "-"];
        cloud.kubectl_with(ADMIN, &as_both, &review).await.succeeds();
    }
    let permit = eventually("both reviews are recorded", || async {
        let permit = cloud.json(ADMIN, &["get", "processingpermit", "twice", "-n", TAX, "-o", "json"]).await;
        let recorded = permit["status"]["reviews"].as_array().is_some_and(|reviews| reviews.len() == 2);
        if recorded { Ok(permit) } else { Err(permit["status"].to_string()) }
    })
    .await;
    assert_eq!(permit["status"]["phase"], "UnderReview", "{}", permit["status"]);
    assert!(permit["status"]["conditions"].to_string().contains("Still needed: 1 of security:smc."), "{}", permit["status"]);
    cloud.review(SECURITY_REVIEWER, TAX, "twice", "security:smc", "Approve").await.succeeds();
    cloud.wait_for("processingpermit", TAX, "twice", "Ready").await;
}

/// Whoever reviewed or asked cannot keep an agency's paperwork once its end is confirmed.
async fn a_review_does_not_stop_a_purge(cloud: &Cloud) {
    cloud.project("customs", CUSTOMS_ADMIN, "purged", "2").await;
    let asked = permit("customs", "purged", "requester@customs", "purged", &[("purged", 3, "1Ti")]);
    cloud.permit(CUSTOMS_REQUESTER, &asked).await;
    let confirm = ["annotate", "agency", "customs", "govcloud.dev/confirm-deletion=customs"];
    cloud.kubectl(CLOUD_OPERATOR, &confirm).await.succeeds();
    cloud.kubectl(CLOUD_OPERATOR, &["delete", "agency", "customs", "--wait=false"]).await.succeeds();
    let advice = "kubectl delete projects --all -n agency-customs";
    eventually("it says what keeps it", || async {
        let agency = cloud.json(ADMIN, &["get", "agency", "customs", "-o", "json"]).await;
        if agency["status"]["conditions"].to_string().contains(advice) { Ok(()) } else { Err(agency["status"].to_string()) }
    })
    .await;
    let follow = advice.split_whitespace().skip(1).chain(["--timeout=80s"]).collect::<Vec<_>>();
    cloud.kubectl(CLOUD_OPERATOR, &follow).await.succeeds();
    for namespace in ["customs--lab", "customs--purged", "agency-customs"] {
        eventually(&format!("{namespace} is gone"), || async {
            let left = cloud.json(ADMIN, &["get", "namespace", namespace, "-o", "json"]).await;
            if left.is_null() { Ok(()) } else { Err(format!("{}\n{}", left["status"], cloud.operator_log())) }
        })
        .await;
    }
}
