//! How many decisions on quotas a second: `cargo run --release -p govcloud-tests --bin govcloud-quota-bench -- [PROJECTS...]`.
//!
//! A decision is done when the API server enforces it: the project was resized, the ledger gave or took it back, the
//! ResourceQuota was written, and its `status.hard` shows it. Measured are all projects of an agency resized at once, up and
//! down, and single ones one after the other. Beside it, in turn on the same API server, the baseline: as many
//! ResourceQuotas that nobody looks after, written by the same client with the same concurrency. The ratios say what the
//! ledger costs; the figures by themselves are the machine's.

#[path = "quota_bench/evidence.rs"]
mod evidence;
#[path = "quota_bench/subject.rs"]
mod subject;
#[path = "quota_bench/watch.rs"]
mod watch;

use std::time::Duration;

use evidence::Evidence;
use govcloud_tests::{Cloud, OperatorProcess, Setup, figures::percentiles, people, tenant::Tenant};
use subject::{Round, Subject};
use watch::Enforced;

/// Each up and down again.
const ROUNDS: usize = 3;
const SINGLES: usize = 100;

#[tokio::main]
async fn main() {
    let asked: Vec<usize> = std::env::args().skip(1).map(|n| n.parse().expect("a number of projects")).collect();
    let sizes = if asked.is_empty() { vec![10, 100, 1000] } else { asked };
    let mut lines = Vec::new();
    for projects in sizes {
        lines.push(measured(projects).await);
    }
    println!("          |  all at once, per second                                          |  one after the other, ms");
    println!(
        " projects |  raised  ratio  lowered  ratio  bare, enforced  bare, written    |  p50    p99   bare p50  bare p99  ratio of p50"
    );
    for line in lines {
        println!("{line}");
    }
}

/// One control plane with so many projects; a line of the table.
async fn measured(projects: usize) -> String {
    let cloud = Cloud::start(Setup::Government).await;
    cloud.kill_operator().await;
    let operator = OperatorProcess::start(&cloud, "measured", None).await;
    let tenant = Tenant::open(&cloud, "bench", 3 * i64::try_from(projects).expect("few")).await;
    let enforced = Enforced::watch(cloud.client(people::ADMIN).await).await;
    let ours = Subject::projects(&tenant, &cloud, projects, enforced.clone()).await;
    let bare = Subject::quotas(&cloud, projects, enforced).await;
    let (mut ours_rounds, mut bare_rounds) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        for cpu in [2, 1] {
            let before = Evidence::now(&cloud, &operator).await;
            let round_of_ours = ours.all(cpu).await;
            eprintln!("{projects} projects, round {round}: all resized to {cpu} in {:.2?}", round_of_ours.enforced);
            eprintln!("{}", Evidence::now(&cloud, &operator).await.since(&before));
            ours_rounds.push(round_of_ours);
            let round_of_bare = bare.all(cpu).await;
            eprintln!(
                "{projects} bare quotas: written in {:.2?}, enforced in {:.2?}",
                round_of_bare.written, round_of_bare.enforced
            );
            bare_rounds.push(round_of_bare);
        }
    }
    let (mut singles, mut bare_singles) = (Vec::new(), Vec::new());
    for run in 0..SINGLES {
        let cpu = if run % 2 == 0 { 2 } else { 1 };
        singles.push(ours.one(run / 2 % projects, cpu).await);
        bare_singles.push(bare.one(run / 2 % projects, cpu).await);
    }
    line(projects, (&ours_rounds, &bare_rounds), (&mut singles, &mut bare_singles))
}

/// Every first round raises, every second one lowers.
fn line(projects: usize, rounds: (&[Round], &[Round]), singles: (&mut [Duration], &mut [Duration])) -> String {
    let raised = per_second(projects, rounds.0.iter().step_by(2).map(|round| round.enforced));
    let lowered = per_second(projects, rounds.0.iter().skip(1).step_by(2).map(|round| round.enforced));
    let bare = per_second(projects, rounds.1.iter().map(|round| round.enforced));
    let written = per_second(projects, rounds.1.iter().map(|round| round.written));
    let ((p50, p99), (bare_p50, bare_p99)) = (percentiles(singles.0), percentiles(singles.1));
    let rates =
        format!("{raised:>7.1} {:>6.2} {lowered:>8.1} {:>6.2} {bare:>15.1} {written:>14.1}", raised / bare, lowered / bare);
    format!(" {projects:>8} | {rates}    | {p50:>6.1} {p99:>6.1} {bare_p50:>9.1} {bare_p99:>9.1} {:>13.1}", p50 / bare_p50)
}

/// The rate of the median round.
#[allow(clippy::cast_precision_loss, reason = "a few thousand at most")]
fn per_second(projects: usize, times: impl Iterator<Item = Duration>) -> f64 {
    let mut times: Vec<_> = times.collect();
    times.sort();
    projects as f64 / times[times.len() / 2].as_secs_f64()
}
