//! Figures of benchmarks.

use std::{fs, time::Duration};

/// The 50th and the 99th percentile in milliseconds. Sorts the times; there is at least one.
pub fn percentiles(times: &mut [Duration]) -> (f64, f64) {
    times.sort();
    let at = |percent: usize| times[(times.len() * percent).div_ceil(100).clamp(1, times.len()) - 1].as_secs_f64() * 1000.0;
    (at(50), at(99))
}

/// What the kernel says of a process.
#[derive(Clone, Copy, Debug)]
pub struct Process {
    /// Mebibytes of memory that it holds.
    pub resident: f64,
    /// Seconds that it computed for since it started.
    pub cpu: f64,
}

impl Process {
    /// Of a process that runs.
    ///
    /// # Panics
    ///
    /// If it does not run.
    pub fn of(pid: u32) -> Self {
        let read = |file: &str| fs::read_to_string(format!("/proc/{pid}/{file}")).expect("the process runs");
        let status = read("status");
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("the kernel says so");
        let kib: f64 = resident.trim_matches(|c: char| !c.is_ascii_digit()).parse().expect("a number");
        // After the name in brackets: the 12th and the 13th field are ticks, of which Linux shows 100 a second.
        let stat = read("stat");
        let fields = stat.rsplit_once(')').expect("a name").1.split_whitespace().skip(11).take(2);
        let ticks: f64 = fields.map(|field| field.parse::<f64>().expect("a number")).sum();
        Self { resident: kib / 1024.0, cpu: ticks / 100.0 }
    }
}
