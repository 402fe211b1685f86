//! Developers who create, delete and change, as fast as the API servers answer.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use govcloud_tests::fixtures::node_pool;
use kube::{
    Api, Client,
    api::{ApiResource, DeleteParams, DynamicObject, Patch, PatchParams, PostParams},
    core::GroupVersionKind,
};
use serde_json::json;
use tokio::task::JoinSet;

/// Names that the permit has.
pub const PERMITTED: [&str; 4] = ["one", "two", "three", "four"];
/// Names that are tried beside them.
const FORBIDDEN: [&str; 3] = ["five", "one-more", "two-2"];
/// Developers at each API server.
const EACH: usize = 6;
/// An answer to a request that came too late: somebody else was faster.
const TOO_LATE: [u16; 2] = [404, 409];

/// What the crowd was told.
#[derive(Debug, Default)]
pub struct Tally {
    /// Creations that were taken.
    pub created: usize,
    /// Creations and growth that admission refused.
    pub refused: usize,
    /// Answers that nobody expects.
    pub strange: Vec<String>,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} creations taken, {} requests refused", self.created, self.refused)
    }
}

/// Developers at work.
pub struct Crowd {
    created: Arc<AtomicUsize>,
    over: Arc<AtomicBool>,
    work: JoinSet<Tally>,
}

impl Crowd {
    /// Sends developers to each of the API servers.
    pub fn start(clients: &[Client], namespace: &str) -> Self {
        let (created, over, mut work) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)), JoinSet::new());
        for (server, client) in clients.iter().enumerate() {
            for number in 0..EACH {
                let developer =
                    Developer { pools: pools(client, namespace), namespace: namespace.to_owned(), tally: Tally::default() };
                work.spawn(developer.work(server * EACH + number, Arc::clone(&created), Arc::clone(&over)));
            }
        }
        Self { created, over, work }
    }

    /// Creations that were taken so far.
    pub fn created(&self) -> usize {
        self.created.load(Ordering::Relaxed)
    }

    /// Waits until everybody has stopped; what they were told.
    pub async fn stop(self) -> Tally {
        self.over.store(true, Ordering::Relaxed);
        let told = self.work.join_all().await;
        told.into_iter().fold(Tally::default(), |mut all, one| {
            all.created += one.created;
            all.refused += one.refused;
            all.strange.extend(one.strange);
            all
        })
    }
}

/// Node pools of a namespace.
pub fn pools(client: &Client, namespace: &str) -> Api<DynamicObject> {
    let kind = GroupVersionKind::gvk("kafka.strimzi.io", "v1", "KafkaNodePool");
    Api::namespaced_with(client.clone(), namespace, &ApiResource::from_gvk_with_plural(&kind, "kafkanodepools"))
}

struct Developer {
    pools: Api<DynamicObject>,
    namespace: String,
    tally: Tally,
}

impl Developer {
    /// Goes round the names from a place of its own, and does to each the next of four things.
    async fn work(mut self, start: usize, created: Arc<AtomicUsize>, over: Arc<AtomicBool>) -> Tally {
        let names: Vec<_> = PERMITTED.iter().chain(&FORBIDDEN).collect();
        for step in start.. {
            if over.load(Ordering::Relaxed) {
                break;
            }
            let name = names[step % names.len()];
            match step / names.len() % 4 {
                0 | 2 => self.create(name, &created).await,
                1 => self.grow(name).await,
                _ => self.delete(name).await,
            }
        }
        self.tally
    }

    async fn create(&mut self, name: &str, created: &AtomicUsize) {
        let pool: DynamicObject = serde_json::from_value(node_pool(&self.namespace, name, 1, "1Gi")).expect("a node pool");
        match self.pools.create(&PostParams::default(), &pool).await {
            Ok(_) => {
                self.tally.created += 1;
                created.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) => self.told(error),
        }
    }

    async fn grow(&mut self, name: &str) {
        let larger = json!({"spec": {"replicas": 2}});
        if let Err(error) = self.pools.patch(name, &PatchParams::default(), &Patch::Merge(&larger)).await {
            self.told(error);
        } else {
            self.tally.strange.push(format!("{name} grew"));
        }
    }

    async fn delete(&mut self, name: &str) {
        if let Err(error) = self.pools.delete(name, &DeleteParams::default()).await {
            self.told(error);
        }
    }

    fn told(&mut self, error: kube::Error) {
        match error {
            kube::Error::Api(status) if TOO_LATE.contains(&status.code) => {}
            kube::Error::Api(status) if status.code == 403 && status.message.contains("permit") => self.tally.refused += 1,
            other => self.tally.strange.push(other.to_string()),
        }
    }
}
