//! Ordinary workloads: processing software by its image, in whatever runs containers, and devices by whatever name.

use govcloud_tests::{
    fixtures::{deployment, pod},
    people::*,
};
use serde_json::{Value, json};

use crate::{
    attempt::{Attempt, Control, Layer::*, Theme, refused},
    call::{Call, Patch},
    objects::{KAFKA, PROCESSING, cron_job, kafka, labelled, mounting, of_every_kind, owned, with_initial},
    stage::*,
};

const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/customs--lab/deployments";
/// A year, in seconds.
const YEAR: i64 = 31_536_000;

pub fn theme(stage: &Stage) -> Theme {
    let brief = json!({"gracePeriodSeconds": 30});
    Theme {
        title: "Ordinary workloads and devices",
        controls: vec![
            Control { name: "As much as is permitted", call: Call::apply(CUSTOMS_DEVELOPER, &kafka(3)) },
            Control { name: "A plain workload", call: Call::create(CUSTOMS_DEVELOPER, &deployment(LAB, "plain", "nginx:1", 9)) },
            Control { name: "A pod is deleted", call: Call::delete(CUSTOMS_DEVELOPER, pod_at(stage), &brief) },
            Control { name: "A pod is evicted", call: evict(stage, 30) },
        ],
        attempts: [images(), kinds(), disguises(), sizes(stage), lingering(stage), whose(), devices(), devices_of_pods()]
            .concat(),
    }
}

fn pod_at(stage: &Stage) -> String {
    format!("/api/v1/namespaces/{LAB}/pods/{}", stage.pod)
}

fn evict(stage: &Stage, grace: i64) -> Call {
    let eviction = json!({
        "apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"namespace": LAB, "name": stage.pod},
        "deleteOptions": {"gracePeriodSeconds": grace, "dryRun": ["All"]},
    });
    Call::post(CUSTOMS_DEVELOPER, format!("{}/eviction", pod_at(stage)), eviction.to_string())
}

fn images() -> Vec<Attempt> {
    let create = |object: &Value| Call::create(CUSTOMS_DEVELOPER, object);
    let image = json!({"spec": {"template": {"spec": {"containers": [{"name": "main", "image": KAFKA}]}}}});
    let mut with_debugger = pod(LAB, "web", "nginx:1");
    let mut debugger = with_debugger["spec"]["containers"][0].clone();
    (debugger["name"], debugger["image"]) = (json!("debugger"), json!(KAFKA));
    with_debugger["spec"]["ephemeralContainers"] = json!([debugger]);
    let label = "needs the label govcloud.dev/processing";
    vec![
        refused("Kafka without a label", create(&deployment(LAB, "broker", KAFKA, 1)), Slots, label),
        refused(
            "Kafka with the label, and no permit",
            create(&labelled(deployment(LAB, "broker", KAFKA, 1))),
            Slots,
            "no permit names Deployment broker",
        ),
        refused("Kafka's image is mounted as a volume", create(&mounting(&deployment(LAB, "broker", KAFKA, 1))), Slots, label),
        refused(
            "A web server becomes Kafka, by a strategic merge patch",
            Call::patch(CUSTOMS_DEVELOPER, Patch::Strategic, format!("{DEPLOYMENTS}/web"), &image),
            Slots,
            label,
        ),
        refused(
            "Kafka as an ephemeral container of a running pod",
            Call::put(CUSTOMS_DEVELOPER, "/api/v1/namespaces/customs--lab/pods/web/ephemeralcontainers", &with_debugger),
            Slots,
            label,
        ),
        refused(
            "The same, by a strategic merge patch",
            Call::patch(
                CUSTOMS_DEVELOPER,
                Patch::Strategic,
                "/api/v1/namespaces/customs--lab/pods/web/ephemeralcontainers",
                &json!({"spec": {"ephemeralContainers": [debugger]}}),
            ),
            Slots,
            label,
        ),
    ]
}

fn kinds() -> Vec<Attempt> {
    let of = |kind: &str| of_every_kind().into_iter().find(|object| object["kind"] == kind).expect("a kind that runs containers");
    let (set, controller) = (of("ReplicaSet"), of("ReplicationController"));
    let none = "no permit names";
    vec![
        refused(
            "A developer makes a ReplicaSet",
            Call::create(CUSTOMS_DEVELOPER, &set),
            Rbac,
            r#"cannot create resource "replicasets""#,
        ),
        refused("The cluster's administrator makes a ReplicaSet of Kafka", Call::create(ADMIN, &labelled(set)), Slots, none),
        refused(
            "A developer makes a ReplicationController",
            Call::create(CUSTOMS_DEVELOPER, &controller),
            Rbac,
            r#"cannot create resource "replicationcontrollers""#,
        ),
        refused(
            "The cluster's administrator makes a ReplicationController of Kafka",
            Call::create(ADMIN, &labelled(controller)),
            Slots,
            none,
        ),
        refused("A DaemonSet of Kafka", Call::create(CUSTOMS_DEVELOPER, &labelled(of("DaemonSet"))), Slots, none),
        refused("A Job of Kafka", Call::create(CUSTOMS_DEVELOPER, &labelled(of("Job"))), Slots, none),
        refused("A Pod of Kafka", Call::create(CUSTOMS_DEVELOPER, &labelled(of("Pod"))), Slots, none),
    ]
}

fn disguises() -> Vec<Attempt> {
    let apply = |object: &Value| Call::apply(CUSTOMS_DEVELOPER, object);
    let mut surging = kafka(3);
    surging["spec"]["strategy"] = json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "1000%", "maxUnavailable": 0}});
    let mut paused = kafka(90);
    paused["spec"]["paused"] = json!(true);
    paused["spec"]["template"]["spec"]["containers"][0]["image"] = json!("nginx:1");
    let bare = json!({"metadata": {"labels": {PROCESSING: null}}});
    let together = "could run more at a time than its permit names";
    vec![
        refused(
            "A broker as the sidecar of a broker",
            apply(&with_initial(kafka(3), Some("Always"))),
            Slots,
            "allows fewer containers per replica",
        ),
        refused("A rolling update that surges to eleven times as many", apply(&surging), Slots, together),
        refused("Runs of a CronJob that add up", apply(&cron_job("Allow")), Slots, together),
        refused("A paused Deployment of something else grows", apply(&paused), Slots, "allows at most 3 replicas"),
        refused(
            "The label is taken off",
            Call::merge(CUSTOMS_DEVELOPER, format!("{DEPLOYMENTS}/kafka"), &bare),
            Slots,
            "keeps the label",
        ),
    ]
}

fn sizes(stage: &Stage) -> Vec<Attempt> {
    let five = json!({"spec": {"replicas": 5}});
    let set = format!("/apis/apps/v1/namespaces/{LAB}/replicasets/{}", stage.replica_set);
    let scale = json!({
        "apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"namespace": LAB, "name": stage.replica_set},
        "spec": {"replicas": 5},
    });
    vec![
        refused(
            "A Deployment grows through /scale",
            Call::merge(CUSTOMS_DEVELOPER, format!("{DEPLOYMENTS}/kafka/scale"), &five),
            Slots,
            "allows at most 3 replicas of deployments/kafka",
        ),
        refused(
            "A developer scales the ReplicaSet below a Deployment",
            Call::merge(CUSTOMS_DEVELOPER, format!("{set}/scale"), &five),
            Rbac,
            r#"cannot patch resource "replicasets/scale""#,
        ),
        refused(
            "The cluster's autoscaler, told by a developer, scales the ReplicaSet below a Deployment",
            Call::put(AUTOSCALER, format!("{set}/scale"), &scale),
            Slots,
            "is scaled by its Deployment",
        ),
    ]
}

/// A pod that was told to end may take its time, and its successor starts meanwhile.
fn lingering(stage: &Stage) -> Vec<Attempt> {
    let mut slow = kafka(3);
    slow["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = json!(YEAR);
    let an_hour = "ends within an hour";
    vec![
        refused(
            "Pods that may run on for a year when their Deployment is deleted",
            Call::apply(CUSTOMS_DEVELOPER, &slow),
            Slots,
            an_hour,
        ),
        refused(
            "A pod is deleted with a year's grace, and its successor starts at once",
            Call::delete(CUSTOMS_DEVELOPER, pod_at(stage), &json!({"gracePeriodSeconds": YEAR})),
            Slots,
            an_hour,
        ),
        refused("A pod is evicted with a year's grace", evict(stage, YEAR), Slots, an_hour),
    ]
}

fn whose() -> Vec<Attempt> {
    let of = |kind: &str, owner: &str| owned(kind, "kafka.strimzi.io/v1", owner, pod(LAB, "broker-0", KAFKA));
    let only = "only for an object that a permit names";
    let orphan = json!({"propagationPolicy": "Orphan"});
    vec![
        refused(
            "A developer's pod claims to belong to a permitted node pool",
            Call::create(CUSTOMS_DEVELOPER, &of("KafkaNodePool", "broker")),
            Slots,
            "needs the label",
        ),
        refused(
            "Strimzi runs brokers of a node pool that no permit names",
            Call::create(STRIMZI, &of("KafkaNodePool", "other")),
            Slots,
            only,
        ),
        refused(
            "Strimzi runs brokers for another kind with a permitted name",
            Call::create(STRIMZI, &of("KafkaTopic", "broker")),
            Slots,
            only,
        ),
        refused(
            "A Deployment is deleted without its pods",
            Call::delete(CUSTOMS_DEVELOPER, format!("{DEPLOYMENTS}/kafka"), &orphan),
            Slots,
            "cannot be deleted without what it runs",
        ),
    ]
}

fn asking(key: &str) -> Call {
    let mut pod = pod(LAB, "gpu", "nginx:1");
    pod["spec"]["containers"][0]["resources"] = json!({"limits": {key: "1"}});
    Call::create(CUSTOMS_DEVELOPER, &pod)
}

fn devices() -> Vec<Attempt> {
    let mut initial = pod(LAB, "gpu", "nginx:1");
    let mut first = initial["spec"]["containers"][0].clone();
    (first["name"], first["resources"]) = (json!("first"), json!({"limits": {"nvidia.com/gpu.shared": "1"}}));
    initial["spec"]["initContainers"] = json!([first]);
    let claim = json!({
        "apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaim", "metadata": {"namespace": LAB, "name": "gpu"},
        "spec": {"devices": {"requests": [{"name": "gpu", "exactly": {"deviceClassName": "gpu.nvidia.com", "count": 1}}]}},
    });
    let unknown = "asks for a device that no processing class knows";
    vec![
        refused("A GPU without a permit", asking("nvidia.com/gpu"), Quota, "exceeded quota: govcloud"),
        refused("A slice of a GPU, under its own name", asking("nvidia.com/mig-1g.5gb"), Guards, unknown),
        refused("A GPU of another maker", asking("amd.com/gpu"), Guards, unknown),
        refused("A GPU by the class of its devices", asking("deviceclass.resource.kubernetes.io/gpu"), Guards, unknown),
        refused("A shared GPU in an initial container", Call::create(CUSTOMS_DEVELOPER, &initial), Guards, unknown),
        refused(
            "A GPU by a claim",
            Call::create(CUSTOMS_DEVELOPER, &claim),
            Guards,
            "asks for a class of devices that no processing class knows",
        ),
    ]
}

fn devices_of_pods() -> Vec<Attempt> {
    let mut at_pod_level = pod(LAB, "gpu", "nginx:1");
    at_pod_level["spec"]["resources"] = json!({"limits": {"nvidia.com/gpu": "1"}});
    let mut placed = pod(LAB, "placed", "nginx:1");
    placed["spec"]["nodeName"] = json!("gpu-node-1");
    let mut first_of_all = pod(LAB, "first", "nginx:1");
    first_of_all["spec"]["priorityClassName"] = json!("system-node-critical");
    let create = |object: &Value| Call::create(CUSTOMS_DEVELOPER, object);
    vec![
        refused("A GPU for the pod as a whole", create(&at_pod_level), ApiServer, "is invalid"),
        refused("A pod takes a place on a node with GPUs past the scheduler", create(&placed), Guards, "names no spec.nodeName"),
        refused("A pod drives the cluster's own off a node", create(&first_of_all), Guards, "the priority classes system-*"),
    ]
}
