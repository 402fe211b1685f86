//! How large a cloud the operator carries: working everything off, starting again, memory, and the queue.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use govcloud_crds::ProcessingPermit;
use govcloud_tests::{Cloud, OperatorProcess, Setup, people};
use kube::{Api, api::ListParams};

use crate::{
    population::Population,
    process::{Memory, Metrics, Since, until_active, until_rest},
};

/// One decision after the other at the head of the queue.
const DECISIONS: usize = 10;

/// What was measured.
pub struct Size {
    /// How many permits.
    pub permits: usize,
    /// Working all of them off.
    pub worked_off: Pass,
    /// Starting again when nothing is to be done.
    pub restart: Pass,
    /// From its start until it was ready.
    pub ready: Duration,
    /// Writes of that start.
    pub writes: usize,
    /// Memory of an empty cloud, of one with all projects and no permit, and with all permits: each of a fresh process.
    pub memory: [Memory; 3],
    /// Decisions at the head of the queue.
    pub queue: Queue,
}

/// The permit controller on its way to rest.
pub struct Pass {
    /// Until every permit was active; of a restart, the same as `rest`.
    pub active: Duration,
    /// Until nothing more was reconciled.
    pub rest: Duration,
    /// How many reconciles of permits it took.
    pub reconciles: f64,
    /// Their mean in milliseconds.
    pub mean: f64,
    /// 99 of 100 took at most so many milliseconds.
    pub p99: f64,
    /// The most memory.
    pub memory: Memory,
}

/// Decisions at the head of the queue.
pub struct Queue {
    /// How many requests wait.
    pub length: usize,
    /// How many were decided.
    pub decisions: usize,
    /// From the first decision until nothing more was reconciled.
    pub rest: Duration,
    /// Reconciles of permits.
    pub reconciles: f64,
    /// Writes of the operator.
    pub writes: usize,
    /// Whether everybody sees their place at the end.
    pub right: bool,
}

/// Measures a cloud of so many permits.
pub async fn measured(permits: usize) -> Size {
    let cloud = Cloud::start(Setup::Government).await;
    cloud.kill_operator().await;
    let operator = OperatorProcess::start(&cloud, "empty", None).await;
    until_rest(&operator).await;
    let empty = Memory::of(&operator);
    let population = Population::open(&cloud, permits).await;
    operator.kill().await;
    let operator = OperatorProcess::start(&cloud, "projects", None).await;
    until_rest(&operator).await;
    let projects = Memory::of(&operator);
    operator.kill().await;
    population.ask(permits).await;
    let worked_off = work_off(&cloud, permits).await;
    let before = Since::now(&cloud);
    let started = Instant::now();
    let operator = OperatorProcess::start(&cloud, "again", None).await;
    let ready = started.elapsed();
    let rest = until_rest(&operator).await - started;
    let restart = Pass::of(&operator, rest, rest).await;
    let writes = before.writes(&cloud);
    let memory = [empty, projects, restart.memory];
    let queue = decide(&cloud, &operator, &population, permits / 10).await;
    operator.kill().await;
    Size { permits, worked_off, restart, ready, writes, memory, queue }
}

async fn work_off(cloud: &Cloud, permits: usize) -> Pass {
    let started = Instant::now();
    let operator = OperatorProcess::start(cloud, "works", None).await;
    let active = until_active(&operator, permits).await - started;
    let rest = until_rest(&operator).await - started;
    let pass = Pass::of(&operator, active, rest).await;
    let ready = ready_permits(cloud).await;
    assert_eq!(ready, permits, "permits are ready");
    operator.kill().await;
    pass
}

impl Pass {
    async fn of(operator: &OperatorProcess, active: Duration, rest: Duration) -> Self {
        let metrics = Metrics::of(operator).await;
        let (mean, p99) = metrics.permit_reconcile();
        Self { active, rest, reconciles: metrics.reconciles("permit"), mean, p99, memory: Memory::of(operator) }
    }
}

/// Lets requests queue up, and denies the first ones.
async fn decide(cloud: &Cloud, operator: &OperatorProcess, population: &Population, length: usize) -> Queue {
    population.queue_up(length).await;
    until_rest(operator).await;
    let mut waiting = in_order(cloud).await;
    let decisions = DECISIONS.min(length);
    let (before, since) = (Metrics::of(operator).await.reconciles("permit"), Since::now(cloud));
    let started = Instant::now();
    for permit in waiting.drain(..decisions) {
        population.deny(&permit).await;
    }
    let rest = until_rest(operator).await - started;
    let reconciles = Metrics::of(operator).await.reconciles("permit") - before;
    let writes = since.writes(cloud);
    let now = in_order(cloud).await;
    let places = now.iter().filter_map(|p| Some(p.status.as_ref()?.queue.as_ref()?.position));
    let right = now.len() == length - decisions && places.eq(1..=i32::try_from(now.len()).expect("few"));
    let same = now.iter().zip(&waiting).all(|(one, other)| one.metadata.uid == other.metadata.uid);
    Queue { length, decisions, rest, reconciles, writes, right: right && same }
}

/// Everybody who waits, by the place that they see.
async fn in_order(cloud: &Cloud) -> Vec<ProcessingPermit> {
    let mut waiting = every_permit(cloud, |permit| permit.status.as_ref().is_some_and(|s| s.queue.is_some())).await;
    waiting.sort_by_key(|permit| permit.status.as_ref().and_then(|s| Some(s.queue.as_ref()?.position)));
    waiting
}

async fn ready_permits(cloud: &Cloud) -> usize {
    let is_ready = |permit: &ProcessingPermit| {
        let conditions: BTreeMap<_, _> =
            permit.status.iter().flat_map(|s| &s.conditions).map(|c| (c.type_.as_str(), c.status.as_str())).collect();
        conditions.get("Ready") == Some(&"True")
    };
    every_permit(cloud, is_ready).await.len()
}

async fn every_permit(cloud: &Cloud, wanted: impl Fn(&ProcessingPermit) -> bool) -> Vec<ProcessingPermit> {
    let api: Api<ProcessingPermit> = Api::all(cloud.client(people::ADMIN).await);
    let (mut found, mut page) = (Vec::new(), ListParams::default().limit(500));
    loop {
        let list = api.list(&page).await.expect("a list");
        found.extend(list.items.into_iter().filter(&wanted));
        match list.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => page = page.continue_token(&token),
            None => return found,
        }
    }
}
