//! Classes whose expressions break, and classes that name the same resource.

use govcloud_tests::{
    Cloud, eventually,
    fixtures::{deployment, node_pool, permit, request},
    people::{ADMIN, CUSTOMS_ADMIN, CUSTOMS_DEVELOPER, CUSTOMS_REQUESTER, REVIEWER_1},
    remedy::{Attack, on_record},
};
use serde_json::{Value, json};

use super::steps::{condition, get, until, until_denied};

const HOME: &str = "agency-customs";
const LAB: &str = "customs--lab";
const BINDING: &str = "validatingadmissionpolicybinding";
const CLOSED: &str = "class message-broker cannot measure kafkanodepools at present";
const MENDED: &str = "object.spec.replicas";
/// What becomes of `replicas`, and what the class says then. The last but one compiles here; the API server refuses it.
const BROKEN: [(&str, &str); 4] = [
    ("'three'", "replicas could not be read"),
    ("1 +", "replicas could not be read"),
    ("object.spec.replicas + self", "undeclared reference to 'self'"),
    ("oldObject.spec.replicas", "it reads oldObject; a size is read from object alone"),
];

/// A permit for two node pools, of which one runs.
pub async fn prepare(cloud: &Cloud) {
    cloud.project("customs", CUSTOMS_ADMIN, "lab", "20").await;
    let targets = [("broker", 3, "1Ti"), ("spare", 1, "1Gi")];
    cloud.permit(CUSTOMS_REQUESTER, &permit("customs", "events", "requester@customs", "lab", &targets)).await;
    cloud.apply_json(CUSTOMS_DEVELOPER, &node_pool(LAB, "broker", 3, "1Ti")).await.succeeds();
}

/// While it cannot be measured nothing of it starts or changes, what runs is left alone, and everything else is as before.
pub async fn a_class_that_breaks_is_closed_until_it_is_mended(cloud: &Cloud) {
    for (replicas, said) in BROKEN {
        set_replicas(cloud, replicas).await;
        until_broken(cloud, said).await;
        nothing_starts_or_changes(cloud).await;
        what_leaves_the_spec_as_it_is_passes(cloud).await;
        the_others_are_enforced(cloud).await;
        another_policy_is_put_right(cloud).await;
    }
    set_replicas(cloud, MENDED).await;
    cloud.enforced().await;
    all_is_as_before(cloud).await;
}

async fn set_replicas(cloud: &Cloud, expression: &str) {
    let patch = json!([{"op": "replace", "path": "/spec/controls/0/replicas", "value": expression}]).to_string();
    cloud.kubectl(REVIEWER_1, &["patch", "processingclass", "message-broker", "--type=json", "-p", &patch]).await.succeeds();
}

async fn until_broken(cloud: &Cloud, said: &str) {
    let what = format!("it is closed: {said}");
    let is_so = |class: &Value| {
        let condition = condition(class, "Enforced");
        (&condition["status"], &condition["reason"]) == (&json!("False"), &json!("InvalidExpression"))
            && condition["observedGeneration"] == class["metadata"]["generation"]
            && condition["message"].to_string().contains(said)
    };
    let class = until(cloud, ("processingclass", "", "message-broker"), &what, is_so).await;
    assert!(condition(&class, "Enforced")["message"].to_string().contains("Until it is mended"), "{class}");
    assert_eq!(condition(&class, "Ready")["status"], "False");
}

fn change_pool(change: &Value) -> Attack {
    Attack::patch(CUSTOMS_DEVELOPER, "kafkanodepool/broker -n customs--lab", change)
}

/// The condition says that it is closed, so it is: these are tried once.
async fn nothing_starts_or_changes(cloud: &Cloud) {
    let attacks = [
        change_pool(&json!({"spec": {"replicas": 2}})),
        change_pool(&json!({"spec": {"replicas": 4}})),
        change_pool(&json!({"spec": {"roles": ["broker", "controller"]}})),
        Attack::create(CUSTOMS_DEVELOPER, &node_pool(LAB, "spare", 1, "1Gi")),
        Attack::create(ADMIN, &node_pool("default", "spare", 1, "1Gi")),
    ];
    for attack in &attacks {
        attack.tried(cloud).await.refused_with(CLOSED);
    }
}

async fn what_leaves_the_spec_as_it_is_passes(cloud: &Cloud) {
    change_pool(&json!({"metadata": {"labels": {"team": "a"}}})).passes(cloud, "a label is no growth").await;
    change_pool(&json!({"metadata": {"finalizers": []}})).passes(cloud, "a finalizer is no growth").await;
    Attack::patch(ADMIN, "--subresource=status kafkanodepool/broker -n customs--lab", &json!({"status": {"replicas": 3}}))
        .passes(cloud, "a status is no growth")
        .await;
    Attack::kubectl(CUSTOMS_DEVELOPER, "delete kafkanodepool/broker -n customs--lab").passes(cloud, "it can be deleted").await;
}

async fn the_others_are_enforced(cloud: &Cloud) {
    for name in ["streaming", "relational-database", "batch", "gpu-training"] {
        until(cloud, ("processingclass", "", name), "it is enforced", |class| condition(class, "Enforced")["status"] == "True")
            .await;
    }
    let active = get(cloud, "permit", HOME, "events").await;
    assert_eq!((&active["status"]["phase"], &condition(&active, "Ready")["status"]), (&json!("Active"), &json!("True")));
}

async fn another_policy_is_put_right(cloud: &Cloud) {
    cloud.kubectl(ADMIN, &["delete", BINDING, "govcloud-guard-home"]).await.succeeds();
    is_put_right(cloud).await;
}

async fn is_put_right(cloud: &Cloud) {
    eventually("the binding is made again", || async {
        let said = cloud.kubectl(ADMIN, &["get", BINDING, "govcloud-guard-home"]).await;
        if said.ok { Ok(()) } else { Err(format!("{}\n{}", said.err, cloud.operator_log())) }
    })
    .await;
    Attack::create(ADMIN, &deployment(HOME, "web", "nginx:1", 1)).is_refused(cloud, "runs nothing").await;
    on_record(cloud).await;
}

async fn all_is_as_before(cloud: &Cloud) {
    change_pool(&json!({"spec": {"replicas": 2}})).passes(cloud, "it can be made smaller").await;
    change_pool(&json!({"spec": {"replicas": 4}})).is_refused(cloud, "allows at most 3 replicas").await;
    let spare = |replicas| Attack::create(CUSTOMS_DEVELOPER, &node_pool(LAB, "spare", replicas, "1Gi"));
    spare(1).passes(cloud, "what the permit names may start").await;
    spare(2).is_refused(cloud, "allows at most 1 replicas").await;
    Attack::create(CUSTOMS_DEVELOPER, &node_pool(LAB, "other", 1, "1Gi")).is_refused(cloud, "no permit names").await;
}

/// An operator that starts finds a class whose policy the API server refuses, and a binding that is missing, in one pass.
pub async fn a_refused_policy_keeps_no_other_from_being_repaired(cloud: &Cloud) {
    let (refused, said) = BROKEN[2];
    cloud.kill_operator().await;
    set_replicas(cloud, refused).await;
    cloud.kubectl(ADMIN, &["delete", BINDING, "govcloud-guard-home"]).await.succeeds();
    cloud.start_operator().await;
    is_put_right(cloud).await;
    until_broken(cloud, said).await;
    nothing_starts_or_changes(cloud).await;
    set_replicas(cloud, MENDED).await;
    cloud.enforced().await;
    all_is_as_before(cloud).await;
}

/// `replicas` that is the same for every object, so that only what each takes can grow.
pub async fn a_class_may_measure_by_literals(cloud: &Cloud) {
    set_replicas(cloud, "1").await;
    cloud.enforced().await;
    change_pool(&json!({"spec": {"roles": ["broker", "controller"]}})).passes(cloud, "nothing of it grows").await;
    change_pool(&json!({"spec": {"replicas": 2}})).passes(cloud, "replicas are not measured").await;
    change_pool(&json!({"spec": {"storage": {"size": "2Ti"}}})).is_refused(cloud, "allows less storage").await;
    Attack::create(CUSTOMS_DEVELOPER, &node_pool(LAB, "spare", 1, "1Gi")).passes(cloud, "what the permit names may start").await;
    set_replicas(cloud, MENDED).await;
    cloud.enforced().await;
}

/// What is no number is seen only when an object is measured: then it is refused, because it would be equal on both sides of
/// every update. And a comment at the end of an expression swallows nothing.
pub async fn replicas_are_a_whole_number_or_nothing_grows(cloud: &Cloud) {
    set_replicas(cloud, "has(object.spec.replicas)").await;
    cloud.enforced().await;
    let said = "class message-broker does not give a whole number of replicas for kafkanodepools";
    change_pool(&json!({"spec": {"replicas": 9}})).is_refused(cloud, said).await;
    Attack::create(CUSTOMS_DEVELOPER, &node_pool(LAB, "spare", 1, "1Gi")).is_refused(cloud, said).await;
    change_pool(&json!({"metadata": {"labels": {"team": "a"}}})).passes(cloud, "a label is no growth").await;
    set_replicas(cloud, "object.spec.replicas // declared").await;
    cloud.enforced().await;
    all_is_as_before(cloud).await;
    set_replicas(cloud, MENDED).await;
    cloud.enforced().await;
}

/// Of two classes that name one resource the first by name has it; nobody gets the other one's easier rules.
pub async fn a_resource_belongs_to_the_first_class_that_names_it(cloud: &Cloud) {
    let pools = json!({"group": "kafka.strimzi.io", "resource": "kafkanodepools", "version": "v1", "replicas": "1", "perReplica": {"brokers": "1"}});
    let class = json!({
        "apiVersion": "govcloud.dev/v1alpha1", "kind": "ProcessingClass", "metadata": {"name": "message-broker-easy"},
        "spec": {"displayName": "An easier one", "dimensions": [{"name": "brokers"}], "controls": [pools],
            "approval": {"quorum": [{"group": "ministry:reviewers", "count": 1}]}},
    });
    cloud.apply_json(REVIEWER_1, &class).await.succeeds();
    let second = until_denied(cloud, ("processingclass", "", "message-broker-easy"), "Enforced", "ResourceTaken").await;
    let message = condition(&second, "Enforced")["message"].to_string();
    assert!(message.contains("kafkanodepools.kafka.strimzi.io belongs to another class already"), "{message}");

    let target = json!({"group": "kafka.strimzi.io", "resource": "kafkanodepools", "name": "easy", "replicas": 1, "perReplica": {"brokers": "1"}});
    let asked = request("customs", "easy", "requester@customs", "lab", "message-broker-easy", &[target]);
    cloud.apply_json(CUSTOMS_REQUESTER, &asked).await.succeeds();
    let easy = until_denied(cloud, ("permit", HOME, "easy"), "Ready", "WrongClass").await;
    let message = condition(&easy, "Ready")["message"].to_string();
    assert!(
        message.contains("kafkanodepools.kafka.strimzi.io is a resource of class message-broker; ask for that class."),
        "{message}"
    );
    all_is_as_before(cloud).await;
}

/// A version of a controlled group that nobody serves.
const DEAD: &str = r"
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: v9.kafka.strimzi.io}
spec: {group: kafka.strimzi.io, version: v9, groupPriorityMinimum: 100, versionPriority: 100, service: {namespace: default, name: nobody}}
";

/// An extension that is down says nothing of its version; the others are served as before, and repairs do not wait for it.
pub async fn a_server_that_does_not_answer_holds_up_no_repair(cloud: &Cloud) {
    cloud.apply(ADMIN, DEAD).await.succeeds();
    cloud.kill_operator().await;
    cloud.start_operator().await;
    for _ in 0..2 {
        cloud.kubectl(ADMIN, &["delete", BINDING, "govcloud-guard-home"]).await.succeeds();
        is_put_right(cloud).await;
    }
    cloud.enforced().await;
    all_is_as_before(cloud).await;
    cloud.kubectl(ADMIN, &["delete", "apiservice", "v9.kafka.strimzi.io"]).await.succeeds();
}
