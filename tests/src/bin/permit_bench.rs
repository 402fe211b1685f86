//! How fast permits are stopped, and how many of them the operator carries:
//! `cargo run --release -p govcloud-tests --bin govcloud-permit-bench -- [PERMITS] [ROUNDS]`.
//!
//! *Stop*: a reviewer suspends or revokes a permit, and from the API server's answer on the developer tries by dry runs to
//! let the named object grow, until that is refused. Beside it, in turn on the same API server, the baseline: a slot is
//! taken out of a grant by a bare write, and the same is tried. *Size*: permits and their reviews are written while no
//! operator runs; measured is how long one takes to work them off, how long another one takes to start after that, what it
//! writes then, its memory, and what decisions at the head of a long queue cost.

#[path = "permit_bench/population.rs"]
mod population;
#[path = "permit_bench/process.rs"]
mod process;
#[path = "permit_bench/size.rs"]
mod size;
#[path = "permit_bench/stop.rs"]
mod stop;

use std::time::Duration;

use size::{Pass, Size};
use stop::Times;

#[tokio::main]
async fn main() {
    let mut asked = std::env::args().skip(1).map(|n| n.parse::<usize>().expect("a number"));
    let (permits, rounds) = (asked.next().unwrap_or(10_000), asked.next().unwrap_or(200));
    if rounds > 0 {
        print_times(stop::measured(rounds).await);
    }
    if permits > 0 {
        print_size(&size::measured(permits).await);
    }
}

fn print_times(times: Times) {
    let Times { mut suspended, mut revoked, mut resumed, mut bare } = times;
    let mut stopped = [suspended.clone(), revoked.clone()].concat();
    let (p50, p99, _) = line("suspended or revoked → refused", &mut stopped);
    line("  of these, suspended", &mut suspended);
    line("  of these, revoked", &mut revoked);
    line("resumed → admitted", &mut resumed);
    let (bare_p50, bare_p99, _) = line("bare write → refused", &mut bare);
    println!("{:<32} {:>7.1}    {:>9.1}", "ratio", p50 / bare_p50, p99 / bare_p99);
    println!("p99 is {} one second", if p99 < 1000.0 { "below" } else { "NOT below" });
}

fn line(what: &str, times: &mut [Duration]) -> (f64, f64, f64) {
    if times.is_empty() {
        return (f64::NAN, f64::NAN, f64::NAN);
    }
    times.sort();
    let at = |percent: usize| times[(times.len() * percent).div_ceil(100).clamp(1, times.len()) - 1].as_secs_f64() * 1000.0;
    let (p50, p99, max) = (at(50), at(99), at(100));
    println!("{what:<32} p50 {p50:>6.1} ms   p99 {p99:>6.1} ms   max {max:>6.1} ms   ({} times)", times.len());
    (p50, p99, max)
}

#[allow(clippy::cast_precision_loss, reason = "some ten thousands")]
fn print_size(size: &Size) {
    let permits = size.permits as f64;
    println!("{} permits, {} reviews", size.permits, 3 * size.permits);
    let active = size.worked_off.active.as_secs_f64();
    println!("worked off: all active after {active:.1} s, {:.1} a second; {}", permits / active, pass(&size.worked_off));
    println!("started again: ready after {:.2} s; {}", size.ready.as_secs_f64(), pass(&size.restart));
    println!("started again: {} writes", size.writes);
    let [empty, projects, settled] = size.memory.map(|memory| memory.resident);
    let each = (settled - projects) * 1024.0 / permits;
    println!(
        "resident memory, each of a fresh process at rest: empty {empty:.1} MiB, without permits {projects:.1} MiB, with all {settled:.1} MiB: {each:.1} KiB a permit with its reviews"
    );
    let queue = &size.queue;
    println!(
        "queue of {}: {} decisions at its head, at rest after {:.1} s; {} reconciles of permits, {} writes; places at the end are {}",
        queue.length,
        queue.decisions,
        queue.rest.as_secs_f64(),
        queue.reconciles,
        queue.writes,
        if queue.right { "right" } else { "WRONG" }
    );
}

fn pass(pass: &Pass) -> String {
    format!(
        "at rest after {:.1} s; {} reconciles of permits, mean {:.2} ms, p99 within {:.0} ms; at most {:.1} MiB",
        pass.rest.as_secs_f64(),
        pass.reconciles,
        pass.mean,
        pass.p99,
        pass.memory.highest
    )
}
