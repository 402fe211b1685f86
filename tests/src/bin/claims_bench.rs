//! How many shared services and claims the operator carries:
//! `cargo run --release -p govcloud-tests --bin govcloud-claims-bench -- [SERVICES] [CLAIMS]`.
//!
//! Services and claims are written while no operator runs, with places for nine of ten claims. Measured is how long one takes
//! until each claim is bound or was told why not, with what it wrote meanwhile; how long another one takes to start after
//! that; its memory; and what it asks of the API server in a minute in which nothing happens, against a minute without it.
//! Beside it, on the same API server, the baseline: a bare client that writes as many objects of the same kinds and sizes,
//! as often, with the same concurrency. The ratio says what the ledgers cost; the seconds are the machine's.

#[path = "claims_bench/bare.rs"]
mod bare;
#[path = "claims_bench/population.rs"]
mod population;
#[path = "permit_bench/process.rs"]
#[allow(dead_code, reason = "it measures permits too")]
mod process;
#[path = "claims_bench/requests.rs"]
mod requests;

use std::time::{Duration, Instant};

use govcloud_tests::{Cloud, OperatorProcess, Setup};
use population::{Outcome, Population};
use process::{Memory, Metrics, Since, until_rest};
use requests::{Writes, in_a_minute};

#[tokio::main]
async fn main() {
    let mut asked = std::env::args().skip(1).map(|n| n.parse::<usize>().expect("a number"));
    let (services, claims) = (asked.next().unwrap_or(1_000), asked.next().unwrap_or(20_000));
    let cloud = Cloud::start(Setup::Government).await;
    let population = Population::open(&cloud, services, claims).await;
    cloud.kill_operator().await;
    let empty = at_rest(&cloud, "empty").await;
    population.claim().await;

    let (since, started) = (Writes::now(&cloud), Instant::now());
    let operator = OperatorProcess::start(&cloud, "works", None).await;
    let converged = until_rest(&operator).await - started;
    let metrics = Metrics::of(&operator).await;
    let (reconciled, highest) = ((metrics.reconciles("service"), metrics.reconciles("claim")), Memory::of(&operator).highest);
    operator.kill().await;
    let writes = since.of_the_operator(&cloud);
    let outcome = population.outcome().await;

    let bare = bare::write(&cloud, &writes).await;
    let before = Since::now(&cloud);
    let again = at_rest(&cloud, "again").await;
    let restart_writes = before.writes(&cloud);
    let without = in_a_minute(&cloud).await;
    let operator = OperatorProcess::start(&cloud, "rests", None).await;
    until_rest(&operator).await;
    let before = Since::now(&cloud);
    let with = in_a_minute(&cloud).await;
    let writes_at_rest = before.writes(&cloud);
    operator.kill().await;

    say_outcome(&outcome, services, claims);
    say_convergence(converged, bare, &writes, reconciled);
    println!(
        "memory of a fresh process at rest: {:.1} MiB without claims, {:.1} MiB with all of them; at most {highest:.1} MiB while it worked them off",
        empty.1, again.1
    );
    println!("started again: at rest after {:.1} s, {restart_writes} writes", again.0.as_secs_f64());
    println!(
        "in a minute at rest: {writes_at_rest} writes of the operator; requests to the API server, watches and leases aside: {with} with it, {without} without"
    );
}

/// A process from its start to rest: how long, and its memory then.
async fn at_rest(cloud: &Cloud, name: &str) -> (Duration, f64) {
    let started = Instant::now();
    let operator = OperatorProcess::start(cloud, name, None).await;
    let rest = until_rest(&operator).await - started;
    let memory = Memory::of(&operator).resident;
    operator.kill().await;
    (rest, memory)
}

fn say_outcome(outcome: &Outcome, services: usize, claims: usize) {
    let Outcome { bound, told, expected, overcommitted, .. } = outcome;
    println!(
        "{services} services, {claims} claims: {bound} bound of {expected} that fit, {told} told that there is no room, {overcommitted} services overcommitted"
    );
    if bound != expected || bound + told != claims || *overcommitted > 0 {
        println!("NOT what it must be");
    }
}

#[allow(clippy::cast_precision_loss, reason = "some ten thousands")]
fn say_convergence(ours: Duration, bare: Duration, writes: &Writes, (services, claims): (f64, f64)) {
    println!(
        "converged after {:.1} s with {} writes ({writes}), {:.0} a second; {services} reconciles of services, {claims} of claims",
        ours.as_secs_f64(),
        writes.total(),
        writes.total() as f64 / ours.as_secs_f64(),
    );
    println!("bare client: as many writes in {:.1} s; ratio {:.2}", bare.as_secs_f64(), ours.as_secs_f64() / bare.as_secs_f64());
}
