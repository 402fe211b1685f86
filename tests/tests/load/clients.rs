//! Those who want their pods to run, and try until they do.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use govcloud_tests::{
    ledger_watch::{Kind, LedgerWatch},
    objects,
    tenant::pod,
};
use kube::{Client, ResourceExt, api::PostParams};
use tokio::task::JoinSet;

use crate::{
    AGENCY,
    troubles::{PROJECTS, project},
};

/// How many want a pod each.
const CLIENTS: usize = 1000;
const FIRST_WAIT: Duration = Duration::from_millis(200);
const LAST_WAIT: Duration = Duration::from_secs(4);
/// How often a client looks whether its pod is still there.
const LOOK: Duration = Duration::from_millis(500);

/// All of them.
pub struct Clients {
    shared: Arc<Shared>,
    running: JoinSet<()>,
}

struct Shared {
    client: Client,
    watch: Arc<LedgerWatch>,
    over: AtomicBool,
    refused: AtomicUsize,
}

impl Clients {
    /// All begin at once.
    pub fn start(client: Client, watch: Arc<LedgerWatch>) -> Self {
        let shared = Arc::new(Shared { client, watch, over: AtomicBool::new(false), refused: AtomicUsize::new(0) });
        let mut running = JoinSet::new();
        for number in 0..CLIENTS {
            running.spawn(wants(number, shared.clone()));
        }
        Self { shared, running }
    }

    /// Ends them; how often one was refused for its project's quota.
    pub async fn stop(mut self) -> usize {
        self.shared.over.store(true, Ordering::Relaxed);
        while let Some(ended) = self.running.join_next().await {
            ended.expect("no client failed");
        }
        self.shared.refused.load(Ordering::Relaxed)
    }
}

/// Wants one pod, and another one whenever it is gone.
async fn wants(number: usize, shared: Arc<Shared>) {
    let namespace = format!("{AGENCY}--{}", project(number % PROJECTS));
    let pods = objects::core_in(&shared.client, &namespace, "Pod", "pods");
    let mut wait = FIRST_WAIT;
    for attempt in 0.. {
        if shared.over.load(Ordering::Relaxed) {
            return;
        }
        // A name of its own each time: one that is taken would be charged before it is refused.
        let name = format!("c{number}-{attempt}");
        match pods.create(&PostParams::default(), &pod(&namespace, &name)).await {
            Ok(made) => {
                wait = FIRST_WAIT;
                let version = made.resource_version().and_then(|v| v.parse().ok()).expect("a version");
                while !shared.over.load(Ordering::Relaxed) && !shared.watch.is_gone(Kind::Pod, &namespace, &name, version) {
                    tokio::time::sleep(LOOK).await;
                }
            }
            // No namespace, no right, no quota, no room: all of it may come.
            Err(kube::Error::Api(status)) if [403, 404, 409, 429, 500, 504].contains(&status.code) => {
                shared.refused.fetch_add(usize::from(status.message.contains("exceeded quota")), Ordering::Relaxed);
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(LAST_WAIT);
            }
            Err(other) => panic!("{name}: {other}"),
        }
    }
}
