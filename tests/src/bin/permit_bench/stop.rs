//! How long until a permit that was suspended or revoked admits nothing more.

use std::time::{Duration, Instant};

use govcloud_tests::{Cloud, Setup, fixtures, objects, people};
use kube::{
    Api, Client,
    api::{ApiResource, DynamicObject, Patch, PatchParams, PostParams},
    core::GroupVersionKind,
};
use serde_json::{Value, json};

use crate::population::until_ready;

const HOME: &str = "agency-customs";
const SLOTS: usize = 40;
const GIVE_UP: Duration = Duration::from_mins(1);
/// A namespace like a project's that no controller looks after: its grant is the baseline's.
const BARE: &str = "customs--bare";

/// How long each round took.
#[derive(Default)]
pub struct Times {
    /// From a suspension to the first refusal.
    pub suspended: Vec<Duration>,
    /// From a revocation to the first refusal.
    pub revoked: Vec<Duration>,
    /// From a resumption until it may grow again.
    pub resumed: Vec<Duration>,
    /// From a bare write of a grant to the first refusal.
    pub bare: Vec<Duration>,
}

struct Stop {
    cloud: Cloud,
    namespace: String,
    developer: Client,
    reviews: Api<DynamicObject>,
    grants: Api<DynamicObject>,
    admin: Client,
}

/// Suspends and resumes permits, in turn with bare writes; each permit's last turn is its revocation.
pub async fn measured(rounds: usize) -> Times {
    let stop = Stop::prepare(SLOTS.min(rounds)).await;
    let slots = SLOTS.min(rounds);
    let mut times = Times::default();
    for round in 0..rounds {
        let name = slot(round % slots);
        times.bare.push(stop.close_bare().await);
        if round + slots >= rounds {
            times.revoked.push(stop.review(&name, "Revoke", false).await);
        } else {
            times.suspended.push(stop.review(&name, "Suspend", false).await);
            times.resumed.push(stop.review(&name, "Resume", true).await);
        }
        if (round + 1) % slots == 0 {
            eprintln!("stopped {} of {rounds}", round + 1);
        }
    }
    times
}

fn slot(number: usize) -> String {
    format!("slot-{number:02}")
}

impl Stop {
    async fn prepare(slots: usize) -> Self {
        let cloud = Cloud::start(Setup::Government).await;
        let namespace = cloud.project("customs", people::CUSTOMS_ADMIN, "bench", "10").await;
        let reviewer = cloud.client(people::REVIEWER_1).await;
        let stop = Self {
            developer: cloud.client(people::CUSTOMS_DEVELOPER).await,
            reviews: objects::ours_in(&reviewer, HOME, "PermitReview", "permitreviews"),
            grants: objects::ours_in(&cloud.client(people::OPERATOR).await, BARE, "ProcessingGrant", "processinggrants"),
            admin: cloud.client(people::ADMIN).await,
            cloud,
            namespace,
        };
        for number in 0..slots {
            let name = slot(number);
            let request = fixtures::permit("customs", &name, "requester@customs", "bench", &[(&name, 2, "1Gi")]);
            stop.cloud.create_json(people::CUSTOMS_REQUESTER, &request).await.succeeds();
            stop.give(&name, "Approve").await;
        }
        until_ready(&stop.admin, "ProcessingPermit", "processingpermits").await;
        for number in 0..slots {
            stop.run(&stop.developer, &stop.namespace, &slot(number)).await;
        }
        stop.prepare_bare().await;
        eprintln!("{slots} permits are active, and what they name runs");
        stop
    }

    async fn prepare_bare(&self) {
        let labels = json!({"govcloud.dev/agency": "customs", "govcloud.dev/project": "bare"});
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": BARE, "labels": labels}});
        self.cloud.create_json(people::OPERATOR, &namespace).await.succeeds();
        let grant = json!({"apiVersion": "govcloud.dev/v1alpha1", "kind": "ProcessingGrant",
            "metadata": {"name": "slots", "namespace": BARE}, "spec": {"resources": {}}});
        self.cloud.create_json(people::OPERATOR, &grant).await.succeeds();
        self.write_bare(true).await;
        let started = Instant::now();
        let pool: DynamicObject = pool(BARE, "bare");
        while let Err(error) = pools(&self.admin, BARE).create(&PostParams::default(), &pool).await {
            assert!(started.elapsed() < GIVE_UP, "not admitted: {error}");
        }
    }

    async fn run(&self, client: &Client, namespace: &str, name: &str) {
        pools(client, namespace).create(&PostParams::default(), &pool(namespace, name)).await.expect("its slot is open");
    }

    /// Gives a review; from the API server's answer on, until growth is admitted or not.
    async fn review(&self, name: &str, verdict: &str, admitted: bool) -> Duration {
        let answered = self.give(name, verdict).await;
        self.until(&self.developer, &self.namespace, name, admitted, answered).await
    }

    async fn give(&self, name: &str, verdict: &str) -> Instant {
        let review = self.cloud.review_of(HOME, name, "reviewer-1@ministry", "ministry:reviewers", verdict).await;
        let review: DynamicObject = serde_json::from_value(review).expect("a review");
        self.reviews.create(&PostParams::default(), &review).await.expect("the review is taken");
        Instant::now()
    }

    /// Closes the bare slot, and opens it again for the next time.
    async fn close_bare(&self) -> Duration {
        self.until(&self.admin, BARE, "bare", true, Instant::now()).await;
        let answered = self.write_bare(false).await;
        let took = self.until(&self.admin, BARE, "bare", false, answered).await;
        self.write_bare(true).await;
        took
    }

    async fn write_bare(&self, is_open: bool) -> Instant {
        let slot = json!({"name": "bare", "permit": "GC-0", "class": "message-broker", "replicas": 2,
            "perReplica": {"brokers": "1", "storage": "1Gi"}, "notAfter": "2099-01-01T00:00:00Z"});
        let slots: Vec<_> = is_open.then_some(slot).into_iter().collect();
        let patch = json!({"spec": {"resources": {"kafkanodepools.kafka.strimzi.io": slots}}});
        self.grants.patch("slots", &PatchParams::default(), &Patch::Merge(&patch)).await.expect("the grant is written");
        Instant::now()
    }

    /// Tries to let what runs grow, without a pause between two tries, until that is admitted or refused.
    async fn until(&self, client: &Client, namespace: &str, name: &str, admitted: bool, since: Instant) -> Duration {
        let params = PatchParams { dry_run: true, ..PatchParams::default() };
        let larger: Value = json!({"spec": {"replicas": 2}});
        let pools = pools(client, namespace);
        loop {
            let is_admitted = match pools.patch(name, &params, &Patch::Merge(&larger)).await {
                Ok(_) => true,
                Err(kube::Error::Api(status)) if status.message.contains("permit") => false,
                Err(error) => panic!("neither admitted nor refused: {error}"),
            };
            if is_admitted == admitted {
                return since.elapsed();
            }
            assert!(since.elapsed() < GIVE_UP, "{name} is not enforced");
        }
    }
}

fn pool(namespace: &str, name: &str) -> DynamicObject {
    serde_json::from_value(fixtures::node_pool(namespace, name, 1, "1Gi")).expect("a node pool")
}

fn pools(client: &Client, namespace: &str) -> Api<DynamicObject> {
    let kind = GroupVersionKind::gvk("kafka.strimzi.io", "v1", "KafkaNodePool");
    Api::namespaced_with(client.clone(), namespace, &ApiResource::from_gvk_with_plural(&kind, "kafkanodepools"))
}
