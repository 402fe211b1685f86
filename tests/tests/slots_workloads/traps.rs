//! The traps: attack, refusal, and the remedy without which the attack passes.

use govcloud_tests::{
    fixtures::{deployment, pod, pod_spec},
    people::{ADMIN, CUSTOMS_DEVELOPER, REVIEWER_1, STRIMZI},
    remedy::{Attack, Remedy, Trap, trap},
};
use serde_json::{Value, json};

use super::objects::*;

/// Without the binding of each stage: last, because nothing is refused any more.
pub fn every_kind() -> Vec<Trap> {
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
pub fn images() -> Vec<Trap> {
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
            "an image mounted as a volume",
            Attack::create(CUSTOMS_DEVELOPER, &mounting(&deployment(LAB, "mounts", KAFKA, 1))),
            message,
            Remedy::text(LABEL, "variables.pod.volumes.exists", "[].exists"),
        ),
        trap(
            "a container added to a running pod",
            Attack::replace_at(CUSTOMS_DEVELOPER, path, &ephemeral),
            message,
            Remedy::text(LABEL, r#""pods/ephemeralcontainers""#, r#""pods/none""#),
        ),
    ]
}

/// How many run in a pod at a time, wherever they stand in it.
pub fn crowds() -> Vec<Trap> {
    let mut mounting_another = kafka(3);
    mounting_another["spec"]["template"]["spec"]["volumes"] = json!([{"name": "bin", "image": {"reference": "postgres:17"}}]);
    vec![
        trap(
            "a broker as the sidecar of a broker",
            Attack::apply(CUSTOMS_DEVELOPER, &with_initial(kafka(3), Some("Always"))),
            "allows fewer containers per replica",
            Remedy::text(SLOTS, "c.restartPolicy == 'Always'", "c.restartPolicy == 'Never'"),
        ),
        trap(
            "kafka mounts postgres under kafka's permit",
            Attack::apply(CUSTOMS_DEVELOPER, &mounting_another),
            "is for class message-broker",
            Remedy::text(SLOTS, "variables.pod.volumes.filter(v, has(v.image)", "variables.pod.volumes.filter(v, false"),
        ),
    ]
}

/// Replicas are of something: an old size counts only if the same class ran before.
pub fn swaps() -> Vec<Trap> {
    let swap = |name: &str, image: &str| Attack::apply(CUSTOMS_DEVELOPER, &deployment(LAB, name, image, 1));
    let mut postgres = kafka(3);
    postgres["spec"]["template"]["spec"]["containers"][0]["image"] = json!("postgres:17");
    let mut crowded = kafka(3);
    let containers = crowded["spec"]["template"]["spec"]["containers"].as_array_mut().expect("a Deployment has containers");
    containers.extend((1..10).map(|i| json!({"name": format!("more-{i}"), "image": KAFKA})));
    let of_any_class = "request.operation == 'UPDATE' && variables.foundBefore.exists(images, images.size() > 0)";
    let other_class = "is for class message-broker";
    vec![
        trap(
            "nginx becomes kafka at equal replicas",
            swap("web", KAFKA),
            "needs the label",
            Remedy::Variable(LABEL.into(), "kept", "request.operation == 'UPDATE'"),
        ),
        trap(
            "ten brokers in one pod",
            Attack::apply(CUSTOMS_DEVELOPER, &crowded),
            "allows fewer containers per replica",
            Remedy::check(SLOTS, "allows fewer containers"),
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

/// Ways to run more than the replicas say, or to shed what is held to the slot.
pub fn disguises() -> Vec<Trap> {
    let mut surging = kafka(3);
    surging["spec"]["strategy"] = json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "1000%", "maxUnavailable": 0}});
    let mut partitioned = stateful_set("nginx:1", 90);
    partitioned["spec"]["updateStrategy"] = json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 90}});
    let bare = json!({"metadata": {"labels": {PROCESSING: null}}});
    let unlabel = Attack::patch(CUSTOMS_DEVELOPER, "deployment/kafka -n customs--lab", &bare);
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
            Remedy::check(LABEL, "for as long as it lives"),
        ),
    ]
}

pub fn scales() -> Vec<Trap> {
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

pub fn whose_pods() -> Vec<Trap> {
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
            "an owner that is no operator's own kind",
            Attack::create(STRIMZI, &owned("StatefulSet", "apps/v1", "broker", pod(LAB, "broker-0", KAFKA))),
            only,
            Remedy::text(OPERATORS, "o.apiVersion.split('/')[0].contains('.')", "true"),
        ),
        trap(
            "an operator runs software of another class",
            Attack::create(STRIMZI, &owned("StrimziPodSet", "core.strimzi.io/v1", "broker", pod(LAB, "broker-0", "spark:4"))),
            only,
            Remedy::text(OPERATORS, "variables.found.all(images", "variables.found.exists(images"),
        ),
        trap(
            "an owner that no permit names",
            Attack::create(STRIMZI, &of("KafkaNodePool", "other")),
            only,
            Remedy::Bindings(OPERATORS),
        ),
    ]
}

pub fn own_controllers() -> Vec<Trap> {
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

pub fn orphans() -> Vec<Trap> {
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
