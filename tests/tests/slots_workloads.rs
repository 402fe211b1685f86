//! The traps of "Named slots" that are about ordinary workloads: what runs processing software by its image.
//!
//! Played through as in `slots.rs`: refused, then each remedy out by itself and its attack passes, then all of it repaired.

#[path = "slots_workloads/objects.rs"]
mod objects;
#[path = "slots_workloads/traps.rs"]
mod traps;

use govcloud_tests::{
    Cloud, Setup, eventually,
    fixtures::{deployment, pod, request},
    people::{ADMIN, CUSTOMS_ADMIN, CUSTOMS_DEVELOPER, CUSTOMS_REQUESTER, REVIEWER_1, STRIMZI},
    remedy::{Attack, hold, repaired, spring},
};
use serde_json::{Value, json};

use objects::*;
use traps::{crowds, disguises, every_kind, images, orphans, own_controllers, scales, swaps, whose_pods};

#[tokio::test]
async fn the_traps_of_ordinary_workloads() {
    let cloud = Cloud::start(Setup::Bare).await;
    prepare(&cloud).await;
    what_a_permitted_deployment_describes_comes_up(&cloud).await;
    an_initial_container_is_not_one_more(&cloud).await;
    a_paused_deployment_is_held_to_the_slot(&cloud).await;
    what_ran_before_its_class_goes_on(&cloud).await;
    a_revoked_permit_leaves_nothing_to_scale(&cloud).await;
    an_operator_runs_what_a_permit_names(&cloud).await;
    every_kind_needs_a_label_and_a_slot(&cloud).await;
    let traps =
        [images(), crowds(), swaps(), disguises(), scales(), whose_pods(), own_controllers(), orphans(), every_kind()].concat();
    hold(&cloud, &traps).await;
    spring(&cloud, &traps).await;
    for object in of_every_kind() {
        Attack::create(ADMIN, &object).passes(&cloud, "without both stages every kind runs").await;
    }
    repaired(&cloud, &traps).await;
    a_horizontal_autoscaler_is_held_to_the_slot(&cloud).await;
}

/// What ran before there was a class; then the government, the permits, and what runs with them.
async fn prepare(cloud: &Cloud) {
    cloud.apply_json(ADMIN, &deployment("default", "legacy", KAFKA, 1)).await.succeeds();
    cloud.start_operator().await;
    cloud.govern().await;
    cloud.project("customs", CUSTOMS_ADMIN, "lab", "20").await;
    permits(cloud).await;
    for object in [
        kafka(3),
        labelled(deployment(LAB, "gone", KAFKA, 1)),
        stateful_set(KAFKA, 2),
        cron_job("Forbid"),
        deployment(LAB, "web", "nginx:1", 1),
        pod(LAB, "web", "nginx:1"),
    ] {
        cloud.create_json(CUSTOMS_DEVELOPER, &object).await.succeeds();
    }
    cloud.apply(ADMIN, RIGHTS).await.succeeds();
}

/// What the permits name: `raw` for what goes on, `gone` for one that will be revoked.
async fn permits(cloud: &Cloud) {
    let target = |group: &str, resource: &str, name: &str, replicas: i64| json!({"group": group, "resource": resource, "name": name, "replicas": replicas, "perReplica": {"brokers": "1"}});
    let broker = json!({"group": "kafka.strimzi.io", "resource": "kafkanodepools", "name": "broker", "replicas": 3, "perReplica": {"brokers": "1", "storage": "1Ti"}});
    let raw = [
        target("apps", "deployments", "kafka", 3),
        target("apps", "statefulsets", "kafka", 2),
        target("batch", "cronjobs", "kafka", 1),
        target("", "pods", "kafka", 1),
        broker,
    ];
    let gone = [target("apps", "deployments", "gone", 3)];
    for (name, targets) in [("raw", &raw[..]), ("gone", &gone[..])] {
        let asked = request("customs", name, "requester@customs", "lab", "message-broker", targets);
        cloud.permit(CUSTOMS_REQUESTER, &asked).await;
    }
}

/// Accounts that may make workloads anywhere by RBAC, as other operators and the cluster's controllers may.
const RIGHTS: &str = r#"
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: makes-workloads}
rules:
  - {apiGroups: ["", apps, batch], resources: [pods, deployments, replicasets, jobs], verbs: [get, create, update, patch]}
  - {apiGroups: [networking.k8s.io], resources: [networkpolicies], verbs: [create]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: makes-workloads}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: makes-workloads}
subjects:
  - {kind: ServiceAccount, namespace: strimzi, name: strimzi-cluster-operator}
  - {kind: ServiceAccount, namespace: kube-system, name: somebody-else}
  - {kind: ServiceAccount, namespace: kube-system, name: deployment-controller}
"#;

async fn every_kind_needs_a_label_and_a_slot(cloud: &Cloud) {
    for object in of_every_kind() {
        Attack::create(ADMIN, &object).is_refused(cloud, "needs the label govcloud.dev/processing").await;
        Attack::create(ADMIN, &mounting(&object)).is_refused(cloud, "needs the label govcloud.dev/processing").await;
        Attack::create(ADMIN, &labelled(object)).is_refused(cloud, "no permit names").await;
    }
}

/// The cluster's own controllers make what a permitted workload describes, also when it changes.
async fn what_a_permitted_deployment_describes_comes_up(cloud: &Cloud) {
    let count = |kind: &'static str, wanted: usize| {
        eventually("what the Deployment describes", move || async move {
            let found = cloud.json(ADMIN, &["get", kind, "-n", LAB, "-l", "app=kafka", "-o", "json"]).await;
            let number = found["items"].as_array().map_or(0, Vec::len);
            if number >= wanted { Ok(()) } else { Err(format!("{number} {kind}")) }
        })
    };
    count("pods", 4).await; // three of the Deployment, and at least the first of the StatefulSet, which waits for it
    cloud.kubectl(CUSTOMS_DEVELOPER, &["set", "image", "deployment/kafka", "main=apache/kafka:4.0", "-n", LAB]).await.succeeds();
    count("replicasets", 2).await;
    Attack::create(STRIMZI, &owned("KafkaNodePool", "kafka.strimzi.io/v1", "broker", pod(LAB, "broker-0", KAFKA)))
        .passes(cloud, "a permitted owner's pod")
        .await;
    cloud
        .kubectl(CUSTOMS_DEVELOPER, &["create", "job", "made", "--from=cronjob/kafka", "-n", LAB])
        .await
        .refused_with("needs the label");
    let mut job = of_every_kind().pop().expect("a Job");
    job["metadata"]["name"] = json!("made");
    let mut made = owned("CronJob", "batch/v1", "kafka", job);
    let owner = cloud.json(ADMIN, &["get", "cronjob", "kafka", "-n", LAB, "-o", "json"]).await;
    made["metadata"]["ownerReferences"][0]["uid"] = owner["metadata"]["uid"].clone();
    let controller = "--as=system:serviceaccount:kube-system:cronjob-controller";
    cloud.kubectl_with(ADMIN, &["create", controller, "-f", "-"], &made.to_string()).await.succeeds();
}

/// It is over before the main one starts, so one broker per replica is enough; and so it is for what is only mounted.
async fn an_initial_container_is_not_one_more(cloud: &Cloud) {
    // Developers may not change pods.
    let try_out = |object: &Value| {
        let is_pod = object["kind"] == "Pod";
        if is_pod { Attack::create(CUSTOMS_DEVELOPER, object) } else { Attack::apply(CUSTOMS_DEVELOPER, object) }
    };
    for object in [kafka(3), labelled(pod(LAB, "kafka", KAFKA))] {
        try_out(&with_initial(object.clone(), None)).passes(cloud, "an initial container of the same image").await;
        try_out(&mounting(&object)).passes(cloud, "its image mounted by another").await;
        try_out(&with_initial(object, Some("Always"))).is_refused(cloud, "allows fewer containers per replica").await;
    }
    try_out(&mounting(&kafka(4))).is_refused(cloud, "allows at most 3 replicas").await;
}

/// As a StatefulSet with a partition does.
async fn a_paused_deployment_is_held_to_the_slot(cloud: &Cloud) {
    let mut paused = kafka(90);
    paused["spec"]["paused"] = json!(true);
    paused["spec"]["template"]["spec"]["containers"][0]["image"] = json!("nginx:1");
    Attack::apply(CUSTOMS_DEVELOPER, &paused).is_refused(cloud, "allows at most 3 replicas").await;
}

async fn what_ran_before_its_class_goes_on(cloud: &Cloud) {
    let patch = |change: Value| Attack::patch(ADMIN, "deployment/legacy -n default", &change);
    patch(json!({"metadata": {"labels": {"team": "a"}}})).passes(cloud, "what ran before keeps running").await;
    patch(json!({"spec": {"replicas": 0}})).passes(cloud, "what ran before shrinks").await;
    patch(json!({"spec": {"replicas": 2}})).is_refused(cloud, "runs only in an agency's project").await;
}

async fn a_revoked_permit_leaves_nothing_to_scale(cloud: &Cloud) {
    cloud.review(REVIEWER_1, "agency-customs", "gone", "ministry:reviewers", "Revoke").await.succeeds();
    let scale =
        |replicas: i64| Attack::kubectl(CUSTOMS_DEVELOPER, &format!("scale deployment/gone --replicas={replicas} -n {LAB}"));
    scale(2).is_refused(cloud, "it has ended").await;
    scale(0).passes(cloud, "what has no permit any more shrinks").await;
}

/// Its account may scale everything, and is held to the slot like anybody.
async fn a_horizontal_autoscaler_is_held_to_the_slot(cloud: &Cloud) {
    let scaler = json!({
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"namespace": LAB, "name": "kafka"},
        "spec": {"minReplicas": 9, "maxReplicas": 9, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "kafka"}},
    });
    cloud.apply_json(CUSTOMS_DEVELOPER, &scaler).await.succeeds();
    eventually("the autoscaler is refused", || async {
        let found = cloud.json(ADMIN, &["get", "hpa", "kafka", "-n", LAB, "-o", "json"]).await;
        let conditions = found["status"]["conditions"].to_string();
        if conditions.contains("allows at most 3 replicas") { Ok(()) } else { Err(conditions) }
    })
    .await;
}

/// Strimzi puts an object of its own between a node pool and its pods, and writes what its brokers need beside them.
async fn an_operator_runs_what_a_permit_names(cloud: &Cloud) {
    let own = owned("StrimziPodSet", "core.strimzi.io/v1", "my-cluster-broker", pod(LAB, "my-cluster-broker-0", KAFKA));
    Attack::create(STRIMZI, &own).passes(cloud, "by way of its own object").await;
    let mut elsewhere = own;
    elsewhere["metadata"]["namespace"] = json!("default");
    Attack::create(STRIMZI, &elsewhere).is_refused(cloud, "runs only in an agency's project").await;
    let policy = |name: &str| json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": name, "namespace": LAB}, "spec": {"podSelector": {}}});
    let by_strimzi = |name: &str| Attack::create(STRIMZI, &policy(name));
    by_strimzi("my-cluster-network-policy-kafka").passes(cloud, "what its brokers need").await;
    by_strimzi("govcloud-own").is_refused(cloud, "are set by the operator").await;
}
