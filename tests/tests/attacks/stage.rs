//! What is there before anybody tries anything: people, projects, permits in every phase with what runs under them, and an
//! agency and a project that were deleted and made again.

use std::collections::BTreeMap;

use govcloud_controlplane::Persona;
use govcloud_tests::{
    Cloud, eventually,
    fixtures::{deployment, node_pool, permit, pod, request},
    people::*,
};
use serde_json::{Value, json};

use crate::{
    again,
    call::{Call, Wires},
    objects,
};

/// The namespace in which most is tried.
pub const LAB: &str = "customs--lab";
/// A project of the same agency that has no permit.
pub const SECOND: &str = "customs--second";
/// A project that was deleted and made again.
pub const PASSING: &str = "customs--passing";
/// A project of an agency that was deleted and made again, both of them.
pub const DESK: &str = "bureau--desk";
/// Customs' home.
pub const HOME: &str = "agency-customs";
/// The home of the tax administration, whose requests a second authority reviews.
pub const TAX: &str = "agency-tax-administration";

/// Works at customs, and is in the ministry's group of reviewers.
pub const BOTH: &str = "customs-and-ministry";
/// Is in the groups of the ministry and of the security authority.
pub const TWO_HATS: &str = "ministry-and-smc";
/// Led customs' part, and works for the ministry now.
pub const MOVED: &str = "once-customs-admin";
/// Reviews for the authority of another security regime.
pub const ITO_REVIEWER: &str = "ito-reviewer";
/// A reviewer whom somebody gave a role with `*` verbs on everything.
pub const EVERYTHING: &str = "reviewer-with-all-verbs";
/// A ServiceAccount of a project.
pub const ACCOUNT: &str = "project-account";
/// The cluster's own autoscaler, which scales what an agency's HorizontalPodAutoscaler names.
pub const AUTOSCALER: &str = "autoscaler";

/// The ministry's group.
pub const MINISTRY: &str = "ministry:reviewers";
/// The security authority's group.
pub const SMC: &str = "security:smc";

/// Requests at customs that wait for reviewers, most of them for one attempt that is really made.
const WAITING: [&str; 7] = ["asked", "other-digest", "other-uid", "no-say", "too-early", "wide", "reviewed"];

/// What the attempts are made with.
pub struct Stage {
    /// Everybody's connection.
    pub wires: Wires,
    /// Home and name of a permit, and what a review of it pins.
    pins: BTreeMap<(String, String), Value>,
    /// The name of a review that was given.
    pub given: String,
    /// The name of the ReplicaSet of a permitted Deployment.
    pub replica_set: String,
    /// The name of one of its pods.
    pub pod: String,
    /// The objects at some paths, to be written back with a change.
    pub live: BTreeMap<&'static str, Value>,
}

/// The paths of [`Stage::live`].
pub const NAMESPACE_PATH: &str = "/api/v1/namespaces/customs--lab";
/// A node pool that runs under a permit.
pub const BROKER_PATH: &str = "/apis/kafka.strimzi.io/v1/namespaces/customs--lab/kafkanodepools/broker";
/// A request that was taken back.
pub const WITHDRAWN_PATH: &str = "/apis/govcloud.dev/v1alpha1/namespaces/agency-customs/processingpermits/withdrawn";

/// The path of all our objects of a resource.
pub fn all_of(namespace: &str, resource: &str) -> String {
    format!("/apis/govcloud.dev/v1alpha1/namespaces/{namespace}/{resource}")
}

/// The path of an object of ours.
pub fn ours(namespace: &str, resource: &str, name: &str) -> String {
    format!("{}/{name}", all_of(namespace, resource))
}

/// The path of a request of customs.
pub fn permit_at(name: &str) -> String {
    ours(HOME, "processingpermits", name)
}

/// A request of customs for one node pool of its own name.
pub fn ask(name: &str, requester: &str) -> Value {
    permit("customs", name, requester, "lab", &[(name, 3, "1Ti")])
}

impl Stage {
    /// Sets it.
    pub async fn set(cloud: &Cloud) -> Self {
        let others = people(cloud).await;
        let all: Vec<_> = all().into_iter().map(|p| p.name).chain(others).chain([ADMIN.to_owned()]).collect();
        let wires = Wires::open(cloud, &all.iter().map(String::as_str).collect::<Vec<_>>()).await;
        cloud.apply(ADMIN, WIDGETS).await.succeeds();
        cloud.apply(REVIEWER_1, OWN_CLASS).await.succeeds();
        cloud.enforced().await;
        tokio::join!(
            cloud.project("customs", CUSTOMS_ADMIN, "lab", "20"),
            cloud.project("customs", CUSTOMS_ADMIN, "second", "1"),
            cloud.project("tax-administration", TAX_ADMIN, "analytics", "20"),
        );
        tokio::join!(running(cloud), ended(cloud), waiting(cloud), again::project(cloud), again::agency(cloud));
        Self::seen(cloud, wires).await
    }

    async fn seen(cloud: &Cloud, wires: Wires) -> Self {
        let mut pins = BTreeMap::new();
        let permits = wires.get(ADMIN, "/apis/govcloud.dev/v1alpha1/processingpermits").await;
        for found in permits["items"].as_array().into_iter().flatten() {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let pin =
                json!({"name": found["metadata"]["name"], "uid": found["metadata"]["uid"], "digest": found["status"]["digest"]});
            pins.insert((text(&found["metadata"]["namespace"]), text(&found["metadata"]["name"])), pin);
        }
        let made = |kind: &'static str| {
            eventually("the Deployment runs", move || async move {
                let found = cloud.kubectl(ADMIN, &["get", kind, "-n", LAB, "-l", "app=kafka", "-o", "name"]).await.out;
                found.lines().next().and_then(|line| line.rsplit('/').next()).map(str::to_owned).ok_or(found.clone())
            })
        };
        let (replica_set, pod) = (made("replicasets").await, made("pods").await);
        place(cloud, &wires, &pod).await;
        let reviews = wires.get(ADMIN, &all_of(HOME, "permitreviews")).await;
        let given = reviews["items"].as_array().into_iter().flatten().find(|r| r["spec"]["permit"]["name"] == "reviewed");
        let given = given.and_then(|r| r["metadata"]["name"].as_str()).expect("a review was given").to_owned();
        let mut live = BTreeMap::new();
        for path in [NAMESPACE_PATH, BROKER_PATH, WITHDRAWN_PATH] {
            live.insert(path, wires.get(ADMIN, path).await);
        }
        Self { wires, pins, given, replica_set, pod, live }
    }

    /// A review that pins the request as it is.
    pub fn review(&self, home: &str, permit: &str, by: (&str, &str), verdict: &str) -> Value {
        let pin = self.pins.get(&(home.to_owned(), permit.to_owned())).unwrap_or_else(|| panic!("no permit {permit}"));
        json!({
            "apiVersion": "govcloud.dev/v1alpha1", "kind": "PermitReview",
            "metadata": {"namespace": home, "generateName": format!("{permit}-")},
            "spec": {"permit": pin, "reviewer": by.0, "group": by.1, "verdict": verdict, "reason": "An attempt."},
        })
    }

    /// The live object at a path, changed.
    pub fn changed(&self, path: &'static str, pointer: &str, value: Value) -> Value {
        let mut object = self.live[path].clone();
        *object.pointer_mut(pointer).unwrap_or_else(|| panic!("{path} has {pointer}")) = value;
        object
    }
}

/// Binds a pod to a node, as the scheduler does: one that never ran has no time to end.
async fn place(cloud: &Cloud, wires: &Wires, pod: &str) {
    let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node-1"}});
    cloud.create_json(ADMIN, &node).await.succeeds();
    let binding =
        json!({"apiVersion": "v1", "kind": "Binding", "metadata": {"name": pod}, "target": {"kind": "Node", "name": "node-1"}});
    let path = format!("/api/v1/namespaces/{LAB}/pods/{pod}/binding");
    let bound = wires.send(&Call::post(ADMIN, path, binding.to_string()).really()).await;
    assert!(bound.ok, "{}", bound.said);
}

/// More people, and what one of them may do.
async fn people(cloud: &Cloud) -> Vec<String> {
    let accounts = |namespace: &str| ["system:serviceaccounts".to_owned(), format!("system:serviceaccounts:{namespace}")];
    let personas = [
        Persona::new(BOTH, "both@customs").in_groups(["customs:developers", MINISTRY]),
        Persona::new(TWO_HATS, "two-hats@state").in_groups([MINISTRY, SMC]),
        Persona::new(MOVED, "admin@customs").in_groups([MINISTRY]),
        Persona::new(ITO_REVIEWER, "reviewer@ito").in_groups(["security:ito"]),
        Persona::new(EVERYTHING, "everything@ministry").in_groups([MINISTRY]),
        Persona::new(ACCOUNT, format!("system:serviceaccount:{LAB}:default")).in_groups(accounts(LAB)),
        Persona::new(AUTOSCALER, "system:serviceaccount:kube-system:horizontal-pod-autoscaler")
            .in_groups(accounts("kube-system")),
    ];
    for persona in &personas {
        cloud.plane.issue(persona).expect("a credential");
    }
    cloud.apply(ADMIN, RIGHTS).await.succeeds();
    personas.into_iter().map(|persona| persona.name).collect()
}

/// What others gave: to a reviewer everything, and to another project's operator what its chart asks for.
const RIGHTS: &str = r#"
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: all-verbs}
rules: [{apiGroups: ["*"], resources: ["*"], verbs: ["*"]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: all-verbs}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: all-verbs}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: everything@ministry}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: makes-pods}
rules: [{apiGroups: [""], resources: [pods], verbs: [create]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: makes-pods}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: makes-pods}
subjects: [{kind: ServiceAccount, namespace: strimzi, name: strimzi-cluster-operator}]
"#;

/// A kind that is served in two versions.
const WIDGETS: &str = r"
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.test}
spec:
  group: example.test
  scope: Namespaced
  names: {plural: widgets, singular: widget, kind: Widget}
  versions:
    - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}
    - {name: v2, served: true, storage: false, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}
";

const OWN_CLASS: &str = r#"
apiVersion: govcloud.dev/v1alpha1
kind: ProcessingClass
metadata: {name: own}
spec:
  displayName: Own
  dimensions: [{name: units}]
  controls: [{group: example.test, resource: widgets, version: v1, replicas: object.spec.replicas, perReplica: {units: "1"}}]
  approval: {quorum: [{group: "ministry:reviewers", count: 1}]}
"#;

/// A widget, in a version.
pub fn widget(version: &str, name: &str, replicas: i64) -> Value {
    json!({"apiVersion": format!("example.test/{version}"), "kind": "Widget", "metadata": {"namespace": LAB, "name": name}, "spec": {"replicas": replicas}})
}

/// What is permitted in the lab, and runs.
async fn running(cloud: &Cloud) {
    let target = |group: &str, resource: &str, name: &str, replicas: i64, size: Value| json!({"group": group, "resource": resource, "name": name, "replicas": replicas, "perReplica": size});
    let one = json!({"brokers": "1"});
    let raw = [target("apps", "deployments", "kafka", 3, one.clone()), target("batch", "cronjobs", "kafka", 1, one)];
    let batch = [
        target("sparkoperator.k8s.io", "sparkapplications", "etl", 4, json!({"workers": "1", "cores": "1", "memory": "1Gi"})),
        target("ray.io", "rayclusters", "ray", 1, json!({"workers": "4"})),
    ];
    let own = [target("example.test", "widgets", "one", 2, json!({"units": "1"}))];
    let asked = |name: &str, class: &str, targets: &[Value]| request("customs", name, "requester@customs", "lab", class, targets);
    let (raw, batch, own) = (asked("raw", "message-broker", &raw), asked("batch", "batch", &batch), asked("own", "own", &own));
    let events = ask("broker", "requester@customs");
    tokio::join!(
        cloud.permit(CUSTOMS_REQUESTER, &events),
        cloud.permit(CUSTOMS_REQUESTER, &raw),
        cloud.permit(CUSTOMS_REQUESTER, &batch),
        cloud.permit(CUSTOMS_REQUESTER, &own),
    );
    for object in [
        node_pool(LAB, "broker", 3, "1Ti"),
        objects::kafka(3),
        objects::cron_job("Forbid"),
        widget("v1", "one", 2),
        deployment(LAB, "web", "nginx:1", 1),
        pod(LAB, "web", "nginx:1"),
    ] {
        cloud.create_json(CUSTOMS_DEVELOPER, &object).await.succeeds();
    }
}

/// Permits that are over, or rest: what ran under the suspended one is there.
async fn ended(cloud: &Cloud) {
    let mut brief = ask("brief", "requester@customs");
    brief["spec"]["duration"] = json!("1s");
    cloud.apply_json(CUSTOMS_REQUESTER, &brief).await.succeeds();
    cloud.review(REVIEWER_2, HOME, "brief", MINISTRY, "Approve").await.succeeds();
    tokio::join!(
        async {
            cloud.permit(CUSTOMS_REQUESTER, &ask("rested", "requester@customs")).await;
            cloud.create_json(CUSTOMS_DEVELOPER, &node_pool(LAB, "rested", 1, "1Gi")).await.succeeds();
            cloud.review(REVIEWER_2, HOME, "rested", MINISTRY, "Suspend").await.succeeds();
            until(cloud, "rested", "Suspended").await;
        },
        async {
            cloud.permit(CUSTOMS_REQUESTER, &ask("taken", "requester@customs")).await;
            cloud.review(REVIEWER_2, HOME, "taken", MINISTRY, "Revoke").await.succeeds();
            until(cloud, "taken", "Revoked").await;
        },
        until(cloud, "brief", "Expired"),
        async {
            cloud.apply_json(CUSTOMS_REQUESTER, &ask("withdrawn", "requester@customs")).await.succeeds();
            let give_up = r#"{"spec":{"withdrawn":true}}"#;
            let patch = ["patch", "permit", "withdrawn", "-n", HOME, "--type=merge", "-p", give_up];
            cloud.kubectl(CUSTOMS_REQUESTER, &patch).await.succeeds();
            until(cloud, "withdrawn", "Withdrawn").await;
        },
        async {
            cloud.apply_json(CUSTOMS_REQUESTER, &ask("denied", "requester@customs")).await.succeeds();
            cloud.review(REVIEWER_2, HOME, "denied", MINISTRY, "Deny").await.succeeds();
            until(cloud, "denied", "Denied").await;
        },
    );
}

/// Waits until a permit of customs is in a phase and says so as its reason, which it does when its slot is gone.
async fn until(cloud: &Cloud, name: &str, phase: &str) {
    eventually(&format!("{name} is {phase}"), || async {
        let permit = cloud.json(ADMIN, &["get", "permit", name, "-n", HOME, "-o", "json"]).await;
        let conditions = permit["status"]["conditions"].as_array().into_iter().flatten();
        let said = conditions.clone().any(|c| c["type"] == "Ready" && c["reason"] == phase);
        if said && permit["status"]["phase"] == phase { Ok(()) } else { Err(permit["status"].to_string()) }
    })
    .await;
}

/// Requests that wait.
async fn waiting(cloud: &Cloud) {
    for (home, requester, asked) in requests() {
        let name = asked["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        cloud.apply_json(requester, &asked).await.succeeds();
        cloud.wait_for("permit", home, &name, "Assessed").await;
    }
    cloud.review(REVIEWER_2, HOME, "reviewed", MINISTRY, "Return").await.succeeds();
}

fn requests() -> Vec<(&'static str, &'static str, Value)> {
    let by_requester = |name: &&str| (HOME, CUSTOMS_REQUESTER, ask(name, "requester@customs"));
    let mut all: Vec<_> = WAITING.iter().map(by_requester).collect();
    let mut duplicate = ask("duplicate", "requester@customs");
    duplicate["spec"]["zones"] = json!(["tehran-1"]);
    duplicate["spec"]["interfaces"] = json!([{"name": "kafka", "version": ">=3.9"}]);
    all.push((HOME, CUSTOMS_REQUESTER, duplicate));
    all.push((HOME, CUSTOMS_ADMIN, ask("moved", "admin@customs")));
    let of_tax = permit("tax-administration", "two-hats", "requester@tax", "analytics", &[("two-hats", 3, "1Ti")]);
    all.push((TAX, TAX_REQUESTER, of_tax));
    all
}
