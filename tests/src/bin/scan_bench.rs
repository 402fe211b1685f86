//! How long the scanner takes and what it holds: `cargo run --release -p govcloud-tests --bin govcloud-scan-bench -- [OBJECTS]`.
//!
//! Objects of 60 kinds are there before admission is: the 50 of the catalogue, by its samples, and ten of classes made here. *First*: an
//! operator starts, puts everything in force, and finds all of them to be without a permit; each finding is written, with its status and
//! an event. *Again*: another one starts and has nothing to write. Beside it, in the same run, a bare client lists and watches the
//! same kinds and keeps everything that it gets.

#[path = "scan_bench/baseline.rs"]
mod baseline;
#[path = "scan_bench/population.rs"]
mod population;
#[path = "permit_bench/process.rs"]
#[allow(dead_code, reason = "it is shared with another benchmark, of which this one needs a part")]
mod process;

use std::time::{Duration, Instant};

use govcloud_tests::{Cloud, OperatorProcess, people};
use kube::{
    Api,
    api::{ListParams, PartialObjectMeta},
};
use process::{Memory, Metrics, Since, until_rest};

const LOOK: Duration = Duration::from_millis(50);
const TELL: Duration = Duration::from_secs(10);
const GIVE_UP: Duration = Duration::from_mins(30);

#[tokio::main]
async fn main() {
    let asked = std::env::args().nth(1);
    if asked.as_deref() == Some(baseline::ARGUMENT) {
        return baseline::run().await;
    }
    let objects: usize = asked.map_or(20_000, |n| n.parse().expect("a number of objects"));
    let cloud = population::governed().await;
    let without = at_rest_without_objects(&cloud).await;
    population::write(&cloud, objects).await;
    let first = Pass::of(&cloud, "first", objects).await;
    assert_eq!(findings(&cloud).await, objects, "findings are stored");
    let again = Pass::of(&cloud, "again", objects).await;
    let bare = baseline::measured(&cloud, objects).await;
    println!("{objects} objects of {} kinds in {} projects", population::kinds().len(), population::PROJECTS);
    println!("{:<44} {:>12} {:>14} {:>10}", "", "complete, s", "resident, MiB", "writes");
    println!("{:<44} {:>12} {:>14.1} {:>10}", "operator without objects, at rest", "", without.resident, "");
    first.print("operator, first: everything is found");
    again.print("operator, again: nothing is new");
    println!("{:<44} {:>12.2} {:>14.1} {:>10}", "bare client: list, watch, keep all", bare.seconds, bare.resident, 0);
    println!("one pass over everything, with nothing to write: {:.0} ms", again.milliseconds);
    println!(
        "again, of the bare client: {:.1} times the time, {:.2} times the memory",
        again.complete.as_secs_f64() / bare.seconds,
        again.memory.resident / bare.resident
    );
}

async fn at_rest_without_objects(cloud: &Cloud) -> Memory {
    let operator = OperatorProcess::start(cloud, "without", None).await;
    until_rest(&operator).await;
    let memory = Memory::of(&operator);
    operator.kill().await;
    memory
}

/// An operator from its start until everything is found, and until it rests.
struct Pass {
    complete: Duration,
    memory: Memory,
    writes: usize,
    /// Of one pass over everything.
    milliseconds: f64,
}

impl Pass {
    async fn of(cloud: &Cloud, name: &str, objects: usize) -> Self {
        let since = Since::now(cloud);
        let started = Instant::now();
        let operator = OperatorProcess::start(cloud, name, None).await;
        let complete = until_found(&operator, objects).await - started;
        until_rest(&operator).await;
        let metrics = Metrics::of(&operator).await;
        let mean = metrics.value("govcloud_scan_seconds_sum") / metrics.value("govcloud_scan_seconds_count") * 1000.0;
        let pass = Self { complete, memory: Memory::of(&operator), writes: since.writes(cloud), milliseconds: mean };
        operator.kill().await;
        pass
    }

    fn print(&self, what: &str) {
        println!("{what:<44} {:>12.2} {:>14.1} {:>10}", self.complete.as_secs_f64(), self.memory.resident, self.writes);
    }
}

/// Waits until the operator says that all of it is found, which it does when all of it is written.
#[allow(clippy::cast_precision_loss, reason = "some ten thousands")]
async fn until_found(operator: &OperatorProcess, objects: usize) -> Instant {
    let (started, mut told) = (Instant::now(), Instant::now());
    loop {
        let metrics = Metrics::of(operator).await;
        let found = metrics.sum("govcloud_findings", &[r#"rule="Unpermitted""#]).abs(); // the sum of nothing is −0
        if found >= objects as f64 {
            return Instant::now();
        }
        if told.elapsed() > TELL {
            told = Instant::now();
            eprintln!("  {:.0?}: {found} of {objects} are found", started.elapsed());
        }
        assert!(started.elapsed() < GIVE_UP, "only {found} of {objects} are found");
        tokio::time::sleep(LOOK).await;
    }
}

/// How many findings are stored that something runs without a permit. There are no others: nobody offers any of it.
async fn findings(cloud: &Cloud) -> usize {
    let api: Api<PartialObjectMeta<govcloud_crds::ProcessingFinding>> = Api::all(cloud.client(people::ADMIN).await);
    let of_customs = |m: &PartialObjectMeta<_>| m.metadata.namespace.as_deref() == Some(population::HOME);
    api.list_metadata(&ListParams::default()).await.expect("a list").items.iter().filter(|m| of_customs(m)).count()
}
