//! The traps of "Named slots" that are about controlled resources: kinds that a class names.
//!
//! One cloud, played through in order: every attack is refused; the operator stops; each remedy is taken out by itself and
//! its attack passes; the operator starts and puts all of it right.

use govcloud_tests::{
    Cloud, Setup, eventually,
    fixtures::{deployment, node_pool, permit, pod, request},
    people::{ADMIN, CUSTOMS_ADMIN, CUSTOMS_DEVELOPER, CUSTOMS_REQUESTER, REVIEWER_1},
    remedy::{Attack, Remedy, Trap, edit, hold, on_record, repaired, spring, trap},
};
use serde_json::{Value, json};

const LAB: &str = "customs--lab";
const POOLS: &str = "kafkanodepools.kafka.strimzi.io";
const POOL_PATH: &str = "/apis/kafka.strimzi.io/v1/namespaces/customs--lab/kafkanodepools/broker";
const HOLD: &str = "example.test/hold";

#[tokio::test]
async fn the_traps_of_controlled_resources() {
    let cloud = Cloud::start(Setup::Bare).await;
    prepare(&cloud).await;
    let traps = [declared_maxima(), versions(), sizes(), orphans(), places()].concat();
    ordinary_workloads_are_as_without_us(&cloud).await;
    an_update_that_does_not_grow_is_admitted(&cloud).await;
    hold(&cloud, &traps).await;
    let brief = brief_permit(&cloud).await;
    spring(&cloud, &traps).await;
    a_permit_ends_without_the_operator(&cloud, &brief).await;
    repaired(&cloud, &traps).await;

    cloud.kill_operator().await;
    an_unserved_version_opens_nothing(&cloud).await;
    a_namespace_without_its_grant_is_closed_for_creation_alone(&cloud).await;
    one_policy_with_a_parameter_everywhere_would_refuse_plain_pods(&cloud).await;
    a_namespace_without_its_label_is_closed(&cloud).await;
    cloud.start_operator().await;
    Attack::apply(CUSTOMS_DEVELOPER, &node_pool(LAB, "broker", 4, "1Ti")).is_refused(&cloud, "allows at most 3 replicas").await;
    on_record(&cloud).await;
    a_project_with_finalizers_in_it_goes(&cloud).await;
}

/// What was there before there was a class, then the government, its permits, and what runs with them.
async fn prepare(cloud: &Cloud) {
    for definition in [definition("widgets", "Widget", &["v1", "v2"]), definition("gadgets", "Gadget", &["v2"])] {
        cloud.apply_json(ADMIN, &definition).await.succeeds();
    }
    let legacy = node_pool("default", "legacy", 1, "1Ti");
    cloud.apply_json(ADMIN, &legacy).await.succeeds();
    cloud.start_operator().await;
    cloud.govern().await;
    cloud.apply_json(REVIEWER_1, &own_class()).await.succeeds();
    cloud.enforced().await;
    cloud.project("customs", CUSTOMS_ADMIN, "lab", "20").await;
    cloud.permit(CUSTOMS_REQUESTER, &permit("customs", "events", "requester@customs", "lab", &[("broker", 3, "1Ti")])).await;
    let spark = json!({"group": "sparkoperator.k8s.io", "resource": "sparkapplications", "name": "etl", "replicas": 4, "perReplica": {"workers": "1", "cores": "1", "memory": "1Gi"}});
    let ray = json!({"group": "ray.io", "resource": "rayclusters", "name": "ray", "replicas": 1, "perReplica": {"workers": "4"}});
    cloud.permit(CUSTOMS_REQUESTER, &request("customs", "batch", "requester@customs", "lab", "batch", &[spark, ray])).await;
    let widget =
        json!({"group": "example.test", "resource": "widgets", "name": "one", "replicas": 2, "perReplica": {"units": "1"}});
    cloud.permit(CUSTOMS_REQUESTER, &request("customs", "own", "requester@customs", "lab", "own", &[widget])).await;
    let mut broker = node_pool(LAB, "broker", 3, "1Ti");
    broker["metadata"]["finalizers"] = json!([HOLD]);
    for object in [broker, widget_of("v1", "one", 2)] {
        cloud.apply_json(CUSTOMS_DEVELOPER, &object).await.succeeds();
    }
}

/// A permit that ends while the operator is stopped; its end.
async fn brief_permit(cloud: &Cloud) -> Value {
    let mut brief = permit("customs", "brief", "requester@customs", "lab", &[("brief", 1, "1Gi")]);
    brief["spec"]["duration"] = json!("30s");
    cloud.permit(CUSTOMS_REQUESTER, &brief).await;
    Attack::create(CUSTOMS_DEVELOPER, &node_pool(LAB, "brief", 1, "1Gi")).passes(cloud, "a permit that has not ended").await;
    brief
}

fn definition(plural: &str, kind: &str, versions: &[&str]) -> Value {
    let open = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    let version = |(i, name): (usize, &&str)| json!({"name": name, "served": true, "storage": i == 0, "schema": {"openAPIV3Schema": open}, "subresources": {"status": {}}});
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": format!("{plural}.example.test")},
        "spec": {"group": "example.test", "scope": "Namespaced", "names": {"plural": plural, "kind": kind, "singular": kind.to_lowercase()},
            "versions": versions.iter().enumerate().map(version).collect::<Vec<_>>()},
    })
}

/// A class of two resources; one is not served in the version that the class names.
fn own_class() -> Value {
    let control = |resource: &str| json!({"group": "example.test", "resource": resource, "version": "v1", "replicas": "has(object.spec.replicas) ? object.spec.replicas : 1", "perReplica": {"units": "1"}});
    json!({
        "apiVersion": "govcloud.dev/v1alpha1", "kind": "ProcessingClass", "metadata": {"name": "own"},
        "spec": {"displayName": "Own", "dimensions": [{"name": "units"}], "controls": [control("widgets"), control("gadgets")],
            "approval": {"quorum": [{"group": "ministry:reviewers", "count": 1}]}},
    })
}

fn widget_of(version: &str, name: &str, replicas: i64) -> Value {
    json!({"apiVersion": format!("example.test/{version}"), "kind": "Widget", "metadata": {"namespace": LAB, "name": name}, "spec": {"replicas": replicas}})
}

fn policy(kind: &str, resource: &str) -> String {
    format!("govcloud-{kind}.{resource}")
}

fn sizes() -> Vec<Trap> {
    let pool = |replicas, storage| Attack::apply(CUSTOMS_DEVELOPER, &node_pool(LAB, "broker", replicas, storage));
    let slots = || policy("slots", POOLS);
    vec![
        trap(
            "more replicas than the slot",
            pool(4, "1Ti"),
            "allows at most 3 replicas",
            Remedy::check(slots(), "allows at most"),
        ),
        trap("more storage per replica", pool(3, "2Ti"), "allows less storage", Remedy::check(slots(), "allows less storage")),
        trap(
            "/scale has no spec, and is held to the replicas",
            Attack::kubectl(CUSTOMS_DEVELOPER, "scale kafkanodepool/broker --replicas=4 -n customs--lab"),
            "allows at most 3 replicas of kafkanodepools/broker",
            Remedy::Bindings("govcloud-scale"),
        ),
        trap(
            "an object that no permit names",
            Attack::create(CUSTOMS_DEVELOPER, &spark("other", 1)),
            "no permit names sparkapplications/other",
            Remedy::Variable(policy("slots", "sparkapplications.sparkoperator.k8s.io"), "grows", "false"),
        ),
        trap(
            "a missing binding fails open",
            Attack::create(CUSTOMS_DEVELOPER, &widget_of("v1", "unnamed", 1)),
            "no permit names widgets/unnamed",
            Remedy::Bindings("govcloud-slots.widgets.example.test"),
        ),
    ]
}

fn spark(name: &str, max: i64) -> Value {
    json!({
        "apiVersion": "sparkoperator.k8s.io/v1beta2", "kind": "SparkApplication", "metadata": {"namespace": LAB, "name": name},
        "spec": {"type": "Scala", "mode": "cluster", "sparkVersion": "4.0.4", "mainApplicationFile": "local:///a.jar", "image": "docker.io/apache/spark:4.0.4",
            "driver": {"cores": 1}, "executor": {"instances": 1, "cores": 1, "memory": "512m"}, "dynamicAllocation": {"enabled": true, "maxExecutors": max}},
    })
}

fn ray(max: i64) -> Value {
    let template = json!({"spec": {"containers": [{"name": "ray", "image": "rayproject/ray:2.52.0"}]}});
    json!({
        "apiVersion": "ray.io/v1", "kind": "RayCluster", "metadata": {"namespace": LAB, "name": "ray"},
        "spec": {"headGroupSpec": {"rayStartParams": {}, "template": template},
            "workerGroupSpecs": [{"groupName": "w", "replicas": 1, "minReplicas": 1, "maxReplicas": max, "rayStartParams": {}, "template": template}]},
    })
}

fn declared_maxima() -> Vec<Trap> {
    vec![
        trap(
            "Spark is charged for maxExecutors",
            Attack::create(CUSTOMS_DEVELOPER, &spark("etl", 10)),
            "allows at most 4 replicas",
            Remedy::Variable(
                policy("slots", "sparkapplications.sparkoperator.k8s.io"),
                "replicas",
                "object.spec.executor.instances",
            ),
        ),
        trap(
            "Ray is charged for maxReplicas",
            Attack::create(CUSTOMS_DEVELOPER, &ray(10)),
            "allows less workers",
            Remedy::Variable(
                policy("slots", "rayclusters.ray.io"),
                "now_workers",
                "quantity(string(object.spec.workerGroupSpecs.map(g, g.replicas).sum()))",
            ),
        ),
    ]
}

fn versions() -> Vec<Trap> {
    let gadget = |namespace: &str| json!({"apiVersion": "example.test/v2", "kind": "Gadget", "metadata": {"namespace": namespace, "name": "g"}, "spec": {}});
    vec![
        trap(
            "a too large object written in another version",
            Attack::apply(CUSTOMS_DEVELOPER, &widget_of("v2", "one", 9)),
            "allows at most 2 replicas",
            Remedy::text(policy("slots", "widgets.example.test"), "Equivalent", "Exact"),
        ),
        trap(
            "a resource that is not served in its class's version",
            Attack::create(CUSTOMS_DEVELOPER, &gadget(LAB)),
            "cannot be measured in this cluster",
            Remedy::Bindings("govcloud-versions"),
        ),
    ]
}

fn orphans() -> Vec<Trap> {
    let text = |from: &str| Remedy::text("govcloud-orphans", from, "true");
    let orphan = "cannot be deleted without what it runs";
    vec![
        trap(
            "orphaning by propagationPolicy",
            Attack::kubectl(CUSTOMS_DEVELOPER, "delete kafkanodepool/broker -n customs--lab --cascade=orphan"),
            orphan,
            text("request.options.propagationPolicy != 'Orphan'"),
        ),
        trap(
            "orphaning by orphanDependents",
            Attack::delete_at(
                CUSTOMS_DEVELOPER,
                POOL_PATH,
                &json!({"apiVersion": "v1", "kind": "DeleteOptions", "orphanDependents": true, "dryRun": ["All"]}),
            ),
            orphan,
            text("!request.options.orphanDependents"),
        ),
        trap(
            "orphaning by the finalizer",
            Attack::patch(
                CUSTOMS_DEVELOPER,
                "kafkanodepool/broker -n customs--lab",
                &json!({"metadata": {"finalizers": [HOLD, "orphan"]}}),
            ),
            orphan,
            text("!('orphan' in object.metadata.finalizers)"),
        ),
    ]
}

fn places() -> Vec<Trap> {
    let closed = || Remedy::Bindings("govcloud-closed.kafkanodepools.kafka.strimzi.io");
    let exempt =
        Attack::patch(ADMIN, "governmentcloud/national", &json!({"spec": {"exemptNamespaces": ["agency-customs", LAB]}}));
    vec![
        trap(
            "outside all projects",
            Attack::create(ADMIN, &node_pool("default", "broker", 1, "1Gi")),
            "run only in an agency's project that has a permit",
            closed(),
        ),
        trap(
            "growing by /scale what was there before its class",
            Attack::kubectl(ADMIN, "scale kafkanodepool/legacy --replicas=2 -n default"),
            "grows only in an agency's project",
            Remedy::Bindings("govcloud-scale-closed"),
        ),
        trap(
            "an agency's namespaces cannot be exempt",
            exempt,
            "request a permit for what must run there",
            Remedy::Schema("governmentclouds.govcloud.dev", "cannot be exempt"),
        ),
    ]
}

async fn ordinary_workloads_are_as_without_us(cloud: &Cloud) {
    for namespace in [LAB, "default", "kube-system"] {
        let who = if namespace == LAB { CUSTOMS_DEVELOPER } else { ADMIN };
        for object in [pod(namespace, "web", "nginx:1"), deployment(namespace, "web", "nginx:1", 2)] {
            Attack::create(who, &object).passes(cloud, "a plain workload").await;
        }
    }
}

/// Whatever else changes: labels, finalizers, the status, or a smaller size.
async fn an_update_that_does_not_grow_is_admitted(cloud: &Cloud) {
    let pool = "kafkanodepool/broker -n customs--lab";
    let changes = [
        json!({"metadata": {"labels": {"team": "a"}}}),
        json!({"metadata": {"finalizers": null}}),
        json!({"spec": {"replicas": 2}}),
        json!({"spec": {"storage": {"size": "512Gi"}}}),
    ];
    for change in &changes {
        Attack::patch(CUSTOMS_DEVELOPER, pool, change).passes(cloud, "an update that does not grow").await;
    }
    let status = json!({"status": {"replicas": 3}});
    Attack::patch(ADMIN, &format!("--subresource=status {pool}"), &status).passes(cloud, "a status").await;
    let legacy = json!({"metadata": {"labels": {"team": "a"}}});
    Attack::patch(ADMIN, "kafkanodepool/legacy -n default", &legacy).passes(cloud, "what was there before").await;
}

/// The operator is stopped while the permit is active, so nobody but admission's clock ends it.
async fn a_permit_ends_without_the_operator(cloud: &Cloud, brief: &Value) {
    let name = brief["metadata"]["name"].as_str().unwrap_or_default();
    let found = cloud.json(ADMIN, &["get", "processingpermit", name, "-n", "agency-customs", "-o", "json"]).await;
    assert_eq!(found["status"]["phase"], "Active", "the operator was stopped too late for this test to show anything");
    let grant = cloud.json(ADMIN, &["get", "slots", "slots", "-n", LAB, "-o", "json"]).await;
    assert!(grant["spec"].to_string().contains("\"brief\""), "the slot is still in the grant");
    let mut forged = node_pool(LAB, "brief", 1, "1Gi");
    forged["metadata"]["creationTimestamp"] = json!("2020-01-01T00:00:00Z");
    let attack = Attack::create(CUSTOMS_DEVELOPER, &forged);
    attack.is_refused(cloud, "Ask for a new one: govcloud permit request").await;
    Remedy::check(policy("slots", POOLS), "ended on").take_out(cloud).await;
    attack.passes(cloud, "without the clock an ended permit creates").await;
}

/// A namespace that is being deleted has lost its grant while finalizers are still to be removed.
async fn a_namespace_without_its_grant_is_closed_for_creation_alone(cloud: &Cloud) {
    Remedy::Bindings("govcloud-guard-grants").take_out(cloud).await;
    Attack::kubectl(ADMIN, "delete slots/slots -n customs--lab").passes(cloud, "without its guard a grant can be deleted").await;
    cloud.kubectl(ADMIN, &["delete", "slots/slots", "-n", LAB]).await.succeeds();
    let create = Attack::create(CUSTOMS_DEVELOPER, &node_pool(LAB, "second", 1, "1Gi"));
    create.is_refused(cloud, "no params found").await;
    let release =
        Attack::patch(CUSTOMS_DEVELOPER, "kafkanodepool/broker -n customs--lab", &json!({"metadata": {"finalizers": null}}));
    release.passes(cloud, "a finalizer is removed without a grant").await;
    let status = json!({"status": {"replicas": 3}});
    Attack::patch(ADMIN, "--subresource=status kafkanodepool/broker -n customs--lab", &status)
        .passes(cloud, "a status without a grant")
        .await;

    let slots = policy("slots", POOLS);
    Remedy::text(&slots, r#""parameterNotFoundAction":"Allow""#, r#""parameterNotFoundAction":"Deny""#).take_out(cloud).await;
    release.is_refused(cloud, "no params found").await;
    Remedy::text(&slots, r#""parameterNotFoundAction":"Deny""#, r#""parameterNotFoundAction":"Allow""#).take_out(cloud).await;
    create.passes(cloud, "a grant that is not found allows").await;
}

/// Parameters are resolved before any condition: without selectors, a namespace without a grant could run nothing at all.
async fn one_policy_with_a_parameter_everywhere_would_refuse_plain_pods(cloud: &Cloud) {
    edit(cloud, "validatingadmissionpolicybinding", "govcloud-workload-slots-create", |binding| {
        binding["spec"]["matchResources"]["namespaceSelector"] = json!({});
        binding["spec"]["matchResources"]["objectSelector"] = json!({});
    })
    .await;
    edit(cloud, "validatingadmissionpolicy", "govcloud-workload-slots", |policy| {
        policy["spec"]["matchConstraints"]["objectSelector"] = json!({});
        policy["spec"]["matchConditions"] = json!([{"name": "never", "expression": "false"}]);
    })
    .await;
    Attack::create(ADMIN, &pod("default", "web", "nginx:1")).is_refused(cloud, "no params found").await;
}

/// The version that the class names is switched off while nobody can make other policies: what is left is measured in it.
async fn an_unserved_version_opens_nothing(cloud: &Cloud) {
    edit(cloud, "crd", "widgets.example.test", |definition| {
        definition["spec"]["versions"][0]["served"] = json!(false);
    })
    .await;
    eventually("v1 is not served any more", || async {
        let said = cloud.kubectl(ADMIN, &["get", "--raw", "/apis/example.test/v1/widgets"]).await;
        if said.ok { Err("it is".into()) } else { Ok(()) }
    })
    .await;
    Attack::create(CUSTOMS_DEVELOPER, &widget_of("v2", "unnamed", 1)).is_refused(cloud, "no permit names widgets/unnamed").await;
    Attack::apply(CUSTOMS_DEVELOPER, &widget_of("v2", "one", 9)).is_refused(cloud, "allows at most 2 replicas").await;
}

/// The other policy of the pair has it.
async fn a_namespace_without_its_label_is_closed(cloud: &Cloud) {
    let unlabel = ["label", "namespace", LAB, "govcloud.dev/project-"];
    cloud.kubectl(ADMIN, &unlabel).await.refused_with("change the Agency or the Project instead");
    Remedy::Bindings("govcloud-guard-namespaces").take_out(cloud).await;
    Attack::kubectl(ADMIN, &unlabel.join(" ")).passes(cloud, "without its guard the label can be removed").await;
    cloud.kubectl(ADMIN, &unlabel).await.succeeds();
    Attack::create(CUSTOMS_DEVELOPER, &node_pool(LAB, "second", 1, "1Gi"))
        .is_refused(cloud, "run only in an agency's project")
        .await;
}

/// Deleted with the operator at work; what holds the namespace is let go while it is stopped.
async fn a_project_with_finalizers_in_it_goes(cloud: &Cloud) {
    cloud.wait_for("project", "agency-customs", "lab", "Ready").await;
    cloud.kubectl(ADMIN, &["delete", "project", "lab", "-n", "agency-customs", "--wait=false"]).await.succeeds();
    eventually("the namespace waits for what is in it alone", || async {
        let namespace = cloud.json(ADMIN, &["get", "namespace", LAB, "-o", "json"]).await;
        let conditions = namespace["status"]["conditions"].to_string();
        if conditions.contains(HOLD) { Ok(()) } else { Err(conditions) }
    })
    .await;
    cloud.kill_operator().await;
    let release = json!({"metadata": {"finalizers": null}}).to_string();
    cloud.kubectl(ADMIN, &["patch", "kafkanodepool/broker", "-n", LAB, "--type=merge", "-p", &release]).await.succeeds();
    let gone = |kind: &'static str, namespace: &'static str, name: &'static str| {
        eventually("it is gone", move || async move {
            let said = cloud.kubectl(ADMIN, &["get", kind, name, "-n", namespace]).await;
            if said.err.contains("NotFound") { Ok(()) } else { Err(said.out) }
        })
    };
    gone("namespace", "", LAB).await;
    cloud.start_operator().await;
    gone("project", "agency-customs", "lab").await;
}
