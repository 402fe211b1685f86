//! The traps of "Named slots" that are about ordinary workloads: what runs processing software by its image.
//!
//! Played through as in `slots.rs`: refused, then each remedy out by itself and its attack passes, then all of it repaired.

use govcloud_tests::{
    Cloud, Setup, eventually,
    fixtures::{deployment, pod, pod_spec, request},
    people::{ADMIN, CUSTOMS_ADMIN, CUSTOMS_DEVELOPER, CUSTOMS_REQUESTER, REVIEWER_1, STRIMZI},
    remedy::{Attack, Remedy, Trap, hold, repaired, spring, trap},
};
use serde_json::{Value, json};

const LAB: &str = "customs--lab";
const KAFKA: &str = "registry.gov.internal/apache/kafka:3.9";
const PROCESSING: &str = "govcloud.dev/processing";
const LABEL: &str = "govcloud-workloads";
const SLOTS: &str = "govcloud-workload-slots";
const ORPHANS: &str = "govcloud-workload-orphans";
const OPERATORS: &str = "govcloud-operators";
const DEPLOYMENT_CONTROLLER: &str = "system:serviceaccount:kube-system:deployment-controller";

#[tokio::test]
async fn the_traps_of_ordinary_workloads() {
    let cloud = Cloud::start(Setup::Bare).await;
    prepare(&cloud).await;
    what_a_permitted_deployment_describes_comes_up(&cloud).await;
    a_paused_deployment_is_held_to_the_slot(&cloud).await;
    what_ran_before_its_class_goes_on(&cloud).await;
    a_revoked_permit_leaves_nothing_to_scale(&cloud).await;
    every_kind_needs_a_label_and_a_slot(&cloud).await;
    let traps = [images(), swaps(), disguises(), scales(), whose_pods(), own_controllers(), orphans(), every_kind()].concat();
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
    let target = |group: &str, resource: &str, name: &str, replicas: i64| json!({"group": group, "resource": resource, "name": name, "replicas": replicas, "perReplica": {"brokers": "1"}});
    let targets = [
        target("apps", "deployments", "kafka", 3),
        target("apps", "statefulsets", "kafka", 2),
        target("batch", "cronjobs", "kafka", 1),
        target("", "pods", "kafka", 1),
    ];
    let broker = json!({"group": "kafka.strimzi.io", "resource": "kafkanodepools", "name": "broker", "replicas": 3, "perReplica": {"brokers": "1", "storage": "1Ti"}});
    cloud
        .permit(
            CUSTOMS_REQUESTER,
            &request("customs", "raw", "requester@customs", "lab", "message-broker", &[targets.to_vec(), vec![broker]].concat()),
        )
        .await;
    cloud
        .permit(
            CUSTOMS_REQUESTER,
            &request(
                "customs",
                "gone",
                "requester@customs",
                "lab",
                "message-broker",
                &[target("apps", "deployments", "gone", 3)],
            ),
        )
        .await;
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

/// Accounts that may make workloads anywhere by RBAC, as other operators and the cluster's controllers may.
const RIGHTS: &str = r#"
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: makes-workloads}
rules:
  - {apiGroups: ["", apps, batch], resources: [pods, deployments, replicasets, jobs], verbs: [get, create, update, patch]}
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

fn labelled(mut object: Value) -> Value {
    object["metadata"]["labels"] = json!({PROCESSING: ""});
    object
}

fn kafka(replicas: i64) -> Value {
    labelled(deployment(LAB, "kafka", KAFKA, replicas))
}

fn stateful_set(image: &str, replicas: i64) -> Value {
    let mut set = labelled(deployment(LAB, "kafka", image, replicas));
    set["kind"] = json!("StatefulSet");
    set["spec"]["serviceName"] = json!("kafka");
    set
}

fn cron_job(concurrency: &str) -> Value {
    let mut pod = pod_spec(KAFKA);
    pod["restartPolicy"] = json!("Never");
    labelled(json!({
        "apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"namespace": LAB, "name": "kafka"},
        "spec": {"schedule": "0 0 1 1 *", "concurrencyPolicy": concurrency, "jobTemplate": {"spec": {"template": {"spec": pod}}}},
    }))
}

/// One object of each kind that runs containers, with Kafka's image.
fn of_every_kind() -> Vec<Value> {
    let template = || json!({"metadata": {"labels": {"app": "k"}}, "spec": pod_spec(KAFKA)});
    let selector = json!({"matchLabels": {"app": "k"}});
    let mut job = template();
    job["spec"]["restartPolicy"] = json!("Never");
    let object = |api_version: &str, kind: &str, spec: Value| json!({"apiVersion": api_version, "kind": kind, "metadata": {"namespace": LAB, "name": "k"}, "spec": spec});
    vec![
        object("v1", "Pod", pod_spec(KAFKA)),
        object("v1", "ReplicationController", json!({"selector": {"app": "k"}, "template": template()})),
        object("apps/v1", "DaemonSet", json!({"selector": selector, "template": template()})),
        object("apps/v1", "Deployment", json!({"selector": selector, "template": template()})),
        object("apps/v1", "ReplicaSet", json!({"selector": selector, "template": template()})),
        object("apps/v1", "StatefulSet", json!({"serviceName": "k", "selector": selector, "template": template()})),
        object(
            "batch/v1",
            "CronJob",
            json!({"schedule": "0 0 1 1 *", "concurrencyPolicy": "Forbid", "jobTemplate": {"spec": {"template": job.clone()}}}),
        ),
        object("batch/v1", "Job", json!({"template": job})),
    ]
}

async fn every_kind_needs_a_label_and_a_slot(cloud: &Cloud) {
    for object in of_every_kind() {
        Attack::create(ADMIN, &object).is_refused(cloud, "needs the label govcloud.dev/processing").await;
        Attack::create(ADMIN, &labelled(object)).is_refused(cloud, "no permit names").await;
    }
}

/// Without the binding of each stage: last, because nothing is refused any more.
fn every_kind() -> Vec<Trap> {
    let stages =
        [("govcloud-workload-slots", true, "no permit names"), (LABEL, false, "needs the label govcloud.dev/processing")];
    let of_stage = |(policy, with_label, message): (&'static str, bool, &'static str)| {
        of_every_kind().into_iter().take(1).map(move |object| {
            let object = if with_label { labelled(object) } else { object };
            trap("any kind that runs processing software", Attack::create(ADMIN, &object), message, Remedy::Bindings(policy))
        })
    };
    stages.into_iter().flat_map(of_stage).collect()
}

/// Where an image may hide.
fn images() -> Vec<Trap> {
    let mut first = deployment(LAB, "first", "nginx:1", 1);
    let mut initial = pod_spec(KAFKA)["containers"][0].clone();
    initial["name"] = json!("first");
    first["spec"]["template"]["spec"]["initContainers"] = json!([initial]);
    let mut ephemeral = pod(LAB, "web", "nginx:1");
    let mut debugger = initial;
    debugger["name"] = json!("debugger");
    ephemeral["spec"]["ephemeralContainers"] = json!([debugger]);
    let path = "/api/v1/namespaces/customs--lab/pods/web/ephemeralcontainers";
    let message = "needs the label govcloud.dev/processing";
    vec![
        trap(
            "an initial container",
            Attack::create(CUSTOMS_DEVELOPER, &first),
            message,
            Remedy::text(LABEL, "variables.pod.initContainers.exists", "[].exists"),
        ),
        trap(
            "a container added to a running pod",
            Attack::replace_at(CUSTOMS_DEVELOPER, path, &ephemeral),
            message,
            Remedy::text(LABEL, r#""pods/ephemeralcontainers""#, r#""pods/none""#),
        ),
    ]
}

/// Replicas are of something: an old size counts only if the same class ran before.
fn swaps() -> Vec<Trap> {
    let swap = |name: &str, image: &str| Attack::apply(CUSTOMS_DEVELOPER, &deployment(LAB, name, image, 1));
    let mut postgres = kafka(3);
    postgres["spec"]["template"]["spec"]["containers"][0]["image"] = json!("postgres:17");
    let of_any_class = "request.operation == 'UPDATE' && variables.foundBefore.size() > 0";
    let other_class = "is for class message-broker";
    vec![
        trap(
            "nginx becomes kafka at equal replicas",
            swap("web", KAFKA),
            "needs the label",
            Remedy::Variable(LABEL.into(), "kept", "request.operation == 'UPDATE'"),
        ),
        trap(
            "kafka becomes postgres under kafka's permit",
            Attack::apply(CUSTOMS_DEVELOPER, &postgres),
            other_class,
            Remedy::Variable(SLOTS.into(), "kept", of_any_class),
        ),
        trap(
            "a permit of one class for another's image",
            labelled_pod("postgres:17"),
            other_class,
            Remedy::check(SLOTS, "is for class"),
        ),
    ]
}

fn labelled_pod(image: &str) -> Attack {
    Attack::create(CUSTOMS_DEVELOPER, &labelled(pod(LAB, "kafka", image)))
}

/// Ways to run more than the replicas say, or to shed what is held to the slot.
fn disguises() -> Vec<Trap> {
    let mut surging = kafka(3);
    surging["spec"]["strategy"] = json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "1000%", "maxUnavailable": 0}});
    let mut partitioned = stateful_set("nginx:1", 90);
    partitioned["spec"]["updateStrategy"] = json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 90}});
    let unlabel = Attack::patch(
        CUSTOMS_DEVELOPER,
        "deployment/kafka -n customs--lab",
        &json!({"metadata": {"labels": {PROCESSING: null}}}),
    );
    let running = Remedy::text(
        SLOTS,
        "!variables.grows || variables.byCluster",
        "!variables.runs || !variables.grows || variables.byCluster",
    );
    let together = "could run more at a time than its permit names";
    vec![
        trap(
            "a rolling update that surges",
            Attack::apply(CUSTOMS_DEVELOPER, &surging),
            together,
            Remedy::text(SLOTS, "> 25", "> 9999"),
        ),
        trap(
            "runs of a CronJob that add up",
            Attack::apply(CUSTOMS_DEVELOPER, &cron_job("Allow")),
            together,
            Remedy::check(SLOTS, "could run more at a time"),
        ),
        trap(
            "a partition goes on starting what ran before",
            Attack::apply(CUSTOMS_DEVELOPER, &partitioned),
            "allows at most 2 replicas",
            running,
        ),
        trap(
            "the label is taken off",
            unlabel,
            "Delete it and create it without the label",
            Remedy::check(LABEL, "stays for as long as it lives"),
        ),
    ]
}

fn scales() -> Vec<Trap> {
    let scale = |name: &str| Attack::kubectl(CUSTOMS_DEVELOPER, &format!("scale deployment/{name} --replicas=5 -n customs--lab"));
    vec![
        trap(
            "/scale of a revoked workload",
            scale("gone"),
            "allows at most 0 replicas of deployments/gone, not 5: it has ended",
            Remedy::text(
                "govcloud-scale",
                "variables.slots.size() == 0 ||",
                "variables.slots.size() == 0 || variables.slots[0].replicas == 0 ||",
            ),
        ),
        trap(
            "/scale carries no image",
            scale("kafka"),
            "allows at most 3 replicas of deployments/kafka",
            Remedy::Bindings("govcloud-scale"),
        ),
    ]
}

/// A pod of an owner, as its controller makes it.
fn owned(kind: &str, api_version: &str, owner: &str, mut object: Value) -> Value {
    object["metadata"]["ownerReferences"] = json!([{"apiVersion": api_version, "kind": kind, "name": owner, "uid": "5f3c8a0e-0000-4000-8000-000000000000", "controller": true}]);
    object
}

fn whose_pods() -> Vec<Trap> {
    let of = |kind: &str, owner: &str| owned(kind, "kafka.strimzi.io/v1", owner, pod(LAB, "broker-0", KAFKA));
    let only = "only for an object that a permit names";
    let later = owned("KafkaConnect", "kafka.strimzi.io/v1", "web", deployment(LAB, "web", KAFKA, 1));
    let mut own = json!({"apiVersion": "govcloud.dev/v1alpha1", "kind": "ProcessingClass", "metadata": {"name": "own"}, "spec": {"displayName": "Own", "dimensions": [{"name": "units"}], "approval": {"quorum": [{"group": "ministry:reviewers", "count": 1}]}}});
    own["spec"]["controls"] = json!([{"group": "example.test", "resource": "widgets", "version": "v1", "perReplica": {"units": "1"}, "controllers": ["system:serviceaccount:customs--lab:default"]}]);
    let outside = Remedy::Schema("processingclasses.govcloud.dev", "a controller is a ServiceAccount outside");
    vec![
        trap(
            "an agency's own account as a controller",
            Attack::create(REVIEWER_1, &own),
            "outside every agency's namespaces",
            outside,
        ),
        trap(
            "an operator's workload becomes kafka later",
            Attack::apply(STRIMZI, &later),
            only,
            Remedy::text(OPERATORS, r#""UPDATE""#, r#""CONNECT""#),
        ),
        trap(
            "an owner's forged reference",
            Attack::create(CUSTOMS_DEVELOPER, &of("KafkaNodePool", "broker")),
            "needs the label",
            Remedy::Variable(LABEL.into(), "byOperator", "has(object.metadata.ownerReferences)"),
        ),
        trap(
            "an owner of another kind with a slot's name",
            Attack::create(STRIMZI, &of("KafkaTopic", "broker")),
            only,
            Remedy::text(OPERATORS, "&& o.kind == 'KafkaNodePool'", ""),
        ),
        trap(
            "an owner that no permit names",
            Attack::create(STRIMZI, &of("KafkaNodePool", "other")),
            only,
            Remedy::Bindings(OPERATORS),
        ),
    ]
}

fn own_controllers() -> Vec<Trap> {
    let template = deployment(LAB, "k", KAFKA, 1);
    let mut set = template;
    set["kind"] = json!("ReplicaSet");
    let by = |user: &str, object: &Value| Attack::create(ADMIN, object).impersonating(user);
    let somebody = "system:serviceaccount:kube-system:somebody-else";
    let list = "request.userInfo.username in ['system:serviceaccount:kube-system:replicaset-controller'";
    let any = "request.userInfo.username.startsWith('system:serviceaccount:kube-system:') || request.userInfo.username in ['system:serviceaccount:kube-system:replicaset-controller'";
    vec![
        trap(
            "a controller of the cluster without an owner",
            by(DEPLOYMENT_CONTROLLER, &set),
            "needs the label",
            Remedy::text(
                LABEL,
                "'] && has(object.metadata.ownerReferences) && object.metadata.ownerReferences.exists(o, has(o.controller) && o.controller) && (request.operation == 'CREATE' ||",
                "'] && (request.operation == 'CREATE' ||",
            ),
        ),
        trap("another account of kube-system", by(somebody, &set), "needs the label", Remedy::text(LABEL, list, any)),
    ]
}

fn orphans() -> Vec<Trap> {
    let orphan = "cannot be deleted without what it runs";
    let text = |from: &str| Remedy::text(ORPHANS, from, "true");
    let options = json!({"apiVersion": "v1", "kind": "DeleteOptions", "orphanDependents": true, "dryRun": ["All"]});
    let path = "/apis/apps/v1/namespaces/customs--lab/deployments/kafka";
    vec![
        trap(
            "a Job of a CronJob, which has no label",
            Attack::kubectl(CUSTOMS_DEVELOPER, "delete job/made -n customs--lab --cascade=orphan"),
            orphan,
            Remedy::text(ORPHANS, "has(variables.pod.containers)", "false"),
        ),
        trap(
            "orphaning by propagationPolicy",
            Attack::kubectl(CUSTOMS_DEVELOPER, "delete deployment/kafka -n customs--lab --cascade=orphan"),
            orphan,
            text("request.options.propagationPolicy != 'Orphan'"),
        ),
        trap(
            "orphaning by orphanDependents",
            Attack::delete_at(CUSTOMS_DEVELOPER, path, &options),
            orphan,
            text("!request.options.orphanDependents"),
        ),
        trap(
            "orphaning by the finalizer",
            Attack::patch(
                CUSTOMS_DEVELOPER,
                "deployment/kafka -n customs--lab",
                &json!({"metadata": {"finalizers": ["orphan"]}}),
            ),
            orphan,
            text("!('orphan' in object.metadata.finalizers)"),
        ),
    ]
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
