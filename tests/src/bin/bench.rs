//! How long from a reviewer's approval to its enforcement: `cargo run --release -p govcloud-tests --bin govcloud-bench -- [RUNS]`.
//!
//! Each run approves a permit that waits for one review, and asks by dry runs until the API server admits what the
//! permit names; as the administrator, whom admission holds to the slot like anybody. Beside it, in the same run, the baseline: the operator's own credential writes a slot
//! straight into a grant, and the same question is asked. The ratio of the two is what the operator adds; the figures in
//! milliseconds depend on the machine.

use std::time::{Duration, Instant};

use govcloud_tests::{
    Cloud, Setup,
    figures::percentiles,
    fixtures::{node_pool, permit},
    people,
};
use kube::{
    Api, Client,
    api::{ApiResource, DynamicObject, Patch, PatchParams, PostParams},
    core::GroupVersionKind,
};
use serde_json::{Value, json};

const AGENCY: &str = "customs";
const PROJECT: &str = "bench";
const ASK_EVERY: Duration = Duration::from_millis(2);
const GIVE_UP: Duration = Duration::from_secs(30);

#[tokio::main]
async fn main() {
    let runs: usize = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(200);
    let cloud = Cloud::start(Setup::Government).await;
    let namespace = cloud.project(AGENCY, people::CUSTOMS_ADMIN, PROJECT, "10").await;
    let bench = Bench::new(&cloud, namespace).await;
    let (mut approved, mut bare) = (Vec::new(), Vec::new());
    for run in 0..runs {
        approved.push(bench.approve(&cloud, run).await);
        bare.push(bench.write_slot(run).await);
    }
    let (p50, p99) = percentiles(&mut approved);
    let (bare_p50, bare_p99) = percentiles(&mut bare);
    println!("approval → enforced   p50 {p50:>6.1} ms   p99 {p99:>6.1} ms   ({runs} runs)");
    println!(
        "bare write → enforced p50 {bare_p50:>6.1} ms   p99 {bare_p99:>6.1} ms   (the baseline: the same slot written straight into a grant)"
    );
    println!("ratio                 p50 {:>6.1}      p99 {:>6.1}", p50 / bare_p50, p99 / bare_p99);
}

struct Bench {
    namespace: String,
    developer: Api<DynamicObject>,
    reviewer: Api<DynamicObject>,
    grants: Api<DynamicObject>,
}

impl Bench {
    async fn new(cloud: &Cloud, namespace: String) -> Self {
        let bare = "customs--bare";
        let bench = Self {
            developer: api(
                cloud.client(people::ADMIN).await,
                &namespace,
                "kafka.strimzi.io",
                "v1",
                "KafkaNodePool",
                "kafkanodepools",
            ),
            reviewer: ours(cloud.client(people::REVIEWER_1).await, "agency-customs", "PermitReview", "permitreviews"),
            grants: ours(cloud.client(people::OPERATOR).await, bare, "ProcessingGrant", "processinggrants"),
            namespace,
        };
        // A namespace like a project's, which no controller looks after: its grant is the baseline's.
        let labels = json!({"govcloud.dev/agency": AGENCY, "govcloud.dev/project": "bare"});
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": bare, "labels": labels}});
        cloud.create_json(people::OPERATOR, &namespace).await.succeeds();
        let grant = json!({"apiVersion": "govcloud.dev/v1alpha1", "kind": "ProcessingGrant", "metadata": {"name": "slots", "namespace": bare}, "spec": {"resources": {}}});
        cloud.create_json(people::OPERATOR, &grant).await.succeeds();
        bench
    }

    /// From sending a review to the admission of what its permit names.
    async fn approve(&self, cloud: &Cloud, run: usize) -> Duration {
        let name = format!("run-{run}");
        let request = permit(AGENCY, &name, "requester@customs", PROJECT, &[(&name, 1, "1Gi")]);
        cloud.create_json(people::CUSTOMS_REQUESTER, &request).await.succeeds();
        let review = cloud.review_of("agency-customs", &name, "reviewer-1@ministry", "ministry:reviewers", "Approve").await;
        let review: DynamicObject = serde_json::from_value(review).expect("a review");
        let started = Instant::now();
        self.reviewer.create(&PostParams::default(), &review).await.expect("the review is taken");
        self.admitted(&self.developer, &self.namespace, &name, started).await
    }

    /// From writing a slot to the admission of what it names.
    async fn write_slot(&self, run: usize) -> Duration {
        let name = format!("run-{run}");
        let slot = json!({"name": name, "permit": "GC-0", "class": "message-broker", "replicas": 1, "perReplica": {"brokers": "1", "storage": "1Gi"}, "notAfter": "2099-01-01T00:00:00Z"});
        let patch = json!({"spec": {"resources": {"kafkanodepools.kafka.strimzi.io": [slot]}}});
        let pools = Api::namespaced_with(
            self.developer.clone().into_client(),
            "customs--bare",
            &resource("kafka.strimzi.io", "v1", "KafkaNodePool", "kafkanodepools"),
        );
        let started = Instant::now();
        self.grants.patch("slots", &PatchParams::default(), &Patch::Merge(&patch)).await.expect("the grant is written");
        self.admitted(&pools, "customs--bare", &name, started).await
    }

    async fn admitted(&self, pools: &Api<DynamicObject>, namespace: &str, name: &str, started: Instant) -> Duration {
        let pool: DynamicObject = serde_json::from_value(pool(namespace, name)).expect("a node pool");
        let params = PostParams { dry_run: true, ..PostParams::default() };
        while let Err(error) = pools.create(&params, &pool).await {
            assert!(started.elapsed() < GIVE_UP, "not admitted: {error}");
            tokio::time::sleep(ASK_EVERY).await;
        }
        started.elapsed()
    }
}

fn pool(namespace: &str, name: &str) -> Value {
    node_pool(namespace, name, 1, "1Gi")
}

fn resource(group: &str, version: &str, kind: &str, plural: &str) -> ApiResource {
    ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, kind), plural)
}

fn api(client: Client, namespace: &str, group: &str, version: &str, kind: &str, plural: &str) -> Api<DynamicObject> {
    Api::namespaced_with(client, namespace, &resource(group, version, kind, plural))
}

fn ours(client: Client, namespace: &str, kind: &str, plural: &str) -> Api<DynamicObject> {
    api(client, namespace, "govcloud.dev", "v1alpha1", kind, plural)
}
