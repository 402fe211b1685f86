//! What admission costs: `cargo run --release -p govcloud-tests --bin govcloud-admission-bench -- [ROUNDS]`.
//!
//! Two control planes run side by side. On one the whole catalogue of classes is in force, with the thresholds and all guards; the
//! other has the same definitions of kinds and the same ResourceQuota, and nothing of ours. Each round creates each object on one
//! and then on the other, as an administrator, and deletes it again. The API servers' own metrics say how long the validating
//! policies took; the kernel says what memory and computing the installation costs.

use std::time::{Duration, Instant};

use govcloud_controlplane::Component;
use govcloud_crds::class::controlled::controlled;
use govcloud_tests::{
    Cloud, Setup,
    catalogue::{self, classes},
    eventually_for,
    figures::{Process, percentiles},
    fixtures::{deployment, node_pool, permit, pod},
    people,
};
use kube::{
    Api, Client, ResourceExt,
    api::{ApiResource, DeleteParams, DynamicObject, PostParams},
    core::{GroupVersionKind, TypeMeta},
};
use serde_json::{Value, json};

const NAMESPACE: &str = "customs--bench";
const INNOCENT: &str = "registry.gov.internal/innocent:1";
/// The API server's metric of what its admission plugins take.
const PLUGIN_SECONDS: &str = "apiserver_admission_controller_admission_duration_seconds_sum";
/// The plugin that evaluates our policies.
const POLICIES: &str = r#"name="ValidatingAdmissionPolicy",operation="CREATE""#;

#[tokio::main]
async fn main() {
    let rounds: usize = std::env::args().nth(1).map_or(500, |n| n.parse().expect("a number of rounds"));
    let (without, with) = (Side::without().await, Side::with().await);
    println!(
        "{:<42} {:>19} {:>19} {:>13} {:>22}",
        "milliseconds per creation", "without p50 / p99", "with p50 / p99", "ratio", "policies, µs a request"
    );
    for (what, object) in objects() {
        for dry_run in [true, false] {
            measure(&without, &with, what, &object, dry_run, rounds).await;
        }
    }
    print_processes(&without, &with).await;
}

/// What is created: each with a name, and once again with the same after it is gone.
fn objects() -> Vec<(&'static str, Value)> {
    let asks = json!({"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"cpu": "20m", "memory": "32Mi"}});
    let mut one = pod(NAMESPACE, "one", INNOCENT);
    one["spec"]["containers"][0]["resources"] = asks.clone();
    let mut five = one.clone();
    five["metadata"]["name"] = json!("five");
    let container = one["spec"]["containers"][0].clone();
    five["spec"]["containers"] = (0..5)
        .map(|n| {
            let mut container = container.clone();
            container["name"] = json!(format!("c{n}"));
            container
        })
        .collect();
    let mut plain = deployment(NAMESPACE, "plain", INNOCENT, 2);
    plain["spec"]["template"]["spec"]["containers"][0]["resources"] = asks;
    vec![
        ("pod", one),
        ("pod with 5 containers", five),
        ("Deployment", plain),
        ("KafkaNodePool, permitted on the right", node_pool(NAMESPACE, "events", 3, "1Gi")),
    ]
}

/// One of the two control planes.
struct Side {
    cloud: Cloud,
    client: Client,
}

impl Side {
    async fn with() -> Self {
        let cloud = bare().await;
        cloud.start_operator().await;
        cloud.govern().await;
        catalogue::apply(&cloud).await;
        cloud.enforced().await;
        cloud.project("customs", people::CUSTOMS_ADMIN, "bench", "10").await;
        cloud
            .permit(
                people::CUSTOMS_REQUESTER,
                &permit("customs", "events", "requester@customs", "bench", &[("events", 3, "1Gi")]),
            )
            .await;
        until_checked(&cloud).await;
        let client = cloud.client(people::ADMIN).await;
        Self { cloud, client }
    }

    async fn without() -> Self {
        let cloud = bare().await;
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}});
        cloud.create_json(people::ADMIN, &namespace).await.succeeds();
        // Every cluster of many tenants has quotas: what they cost is not ours.
        let hard = json!({"requests.cpu": "10", "requests.memory": "16Gi", "requests.storage": "100Gi"});
        let quota = json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "quota", "namespace": NAMESPACE}, "spec": {"hard": hard}});
        cloud.create_json(people::ADMIN, &quota).await.succeeds();
        let account =
            json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": NAMESPACE}});
        cloud.apply_json(people::ADMIN, &account).await.succeeds();
        let client = cloud.client(people::ADMIN).await;
        Self { cloud, client }
    }

    /// How long a creation took; what was made is deleted again.
    async fn create(&self, object: &Value, dry_run: bool) -> Duration {
        let (api, object) = self.api(object);
        let started = Instant::now();
        api.create(&PostParams { dry_run, ..PostParams::default() }, &object).await.expect("it is admitted");
        let took = started.elapsed();
        if !dry_run {
            let now = DeleteParams { grace_period_seconds: Some(0), ..DeleteParams::background() };
            api.delete(&object.name_any(), &now).await.expect("it is deleted");
        }
        took
    }

    fn api(&self, object: &Value) -> (Api<DynamicObject>, DynamicObject) {
        let object: DynamicObject = serde_json::from_value(object.clone()).expect("an object");
        let TypeMeta { api_version, kind } = object.types.clone().expect("it says its kind");
        let gvk: GroupVersionKind = TypeMeta { api_version, kind }.try_into().expect("a kind");
        let resource = ApiResource::from_gvk(&gvk);
        (Api::namespaced_with(self.client.clone(), NAMESPACE, &resource), object)
    }

    /// Seconds for which the API server evaluated validating policies since it started.
    async fn policy_seconds(&self) -> f64 {
        let request = axum::http::Request::get("/metrics").body(Vec::new()).expect("a request");
        let metrics = self.client.request_text(request).await.expect("the API server's metrics");
        let lines = metrics.lines().filter(|line| line.starts_with(PLUGIN_SECONDS) && line.contains(POLICIES));
        lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }
}

/// A control plane with a small definition of every kind of the catalogue.
async fn bare() -> Cloud {
    let cloud = Cloud::start(Setup::Bare).await;
    catalogue::define(&cloud, &controlled(&classes())).await;
    cloud
}

/// Waits until the controller manager has type-checked every policy: for a while after an installation it computes beside us.
async fn until_checked(cloud: &Cloud) {
    eventually_for(Duration::from_mins(10), "every policy is type-checked", || async {
        let policies = cloud.json(people::ADMIN, &["get", "validatingadmissionpolicies", "-o", "json"]).await;
        let policies = policies["items"].as_array().cloned().unwrap_or_default();
        let waits = |p: &&Value| p["status"]["observedGeneration"] != p["metadata"]["generation"];
        match policies.iter().filter(waits).count() {
            0 => Ok(()),
            waiting => Err(format!("{waiting} of {} wait", policies.len())),
        }
    })
    .await;
}

#[allow(clippy::cast_precision_loss, reason = "some thousands")]
async fn measure(without: &Side, with: &Side, what: &str, object: &Value, dry_run: bool, rounds: usize) {
    let (mut bare, mut ours) = (Vec::new(), Vec::new());
    let before = with.policy_seconds().await;
    for _ in 0..rounds {
        bare.push(without.create(object, dry_run).await);
        ours.push(with.create(object, dry_run).await);
    }
    let policies = (with.policy_seconds().await - before) * 1e6 / rounds as f64;
    let ((p50, p99), (our_p50, our_p99)) = (percentiles(&mut bare), percentiles(&mut ours));
    let what = format!("{what}{}", if dry_run { ", dry run" } else { "" });
    println!(
        "{what:<42} {p50:>8.2} / {p99:>8.2} {our_p50:>8.2} / {our_p99:>8.2} {:>5.2} / {:>5.2} {policies:>22.0}",
        our_p50 / p50,
        our_p99 / p99
    );
}

async fn print_processes(without: &Side, with: &Side) {
    for (what, component) in [("API server", Component::ApiServer), ("controller manager", Component::ControllerManager)] {
        let [bare, ours] = [
            without.cloud.plane.pid(component).await.map(Process::of).expect("it runs"),
            with.cloud.plane.pid(component).await.map(Process::of).expect("it runs"),
        ];
        println!(
            "{what}: {:.0} MiB without, {:.0} MiB with; computed {:.0} s without, {:.0} s with, since the start",
            bare.resident, ours.resident, bare.cpu, ours.cpu
        );
    }
}
