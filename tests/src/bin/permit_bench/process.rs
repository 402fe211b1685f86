//! What the operator's process says of itself, and what the API server wrote down of it.

use std::{
    fs::{self, File},
    io::{Read, Seek, SeekFrom},
    time::{Duration, Instant},
};

use govcloud_tests::{Cloud, OperatorProcess};
use serde_json::Value;

const OPERATOR: &str = "system:serviceaccount:govcloud-system:govcloud-operator";
const LOOK: Duration = Duration::from_millis(100);
/// Whoever reconciles nothing for so long is at rest.
const REST: Duration = Duration::from_secs(5);
const GIVE_UP: Duration = Duration::from_hours(2);
const TELL: Duration = Duration::from_secs(10);

/// Mebibytes of memory.
#[derive(Clone, Copy)]
pub struct Memory {
    /// That it holds now.
    pub resident: f64,
    /// The most that it ever held.
    pub highest: f64,
}

impl Memory {
    /// Of a process now.
    pub fn of(operator: &OperatorProcess) -> Self {
        let status = fs::read_to_string(format!("/proc/{}/status", operator.pid)).expect("the operator runs");
        let kib = |name: &str| -> f64 {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("the kernel says so");
            line.trim_matches(|c: char| !c.is_ascii_digit()).parse().expect("a number")
        };
        Self { resident: kib("VmRSS:") / 1024.0, highest: kib("VmHWM:") / 1024.0 }
    }
}

/// The operator's metrics at one moment.
pub struct Metrics(String);

#[allow(dead_code, reason = "each benchmark that shares it needs a part")]
impl Metrics {
    /// As they are now.
    pub async fn of(operator: &OperatorProcess) -> Self {
        let answer = reqwest::get(format!("http://{}/metrics", operator.address)).await.expect("the operator's metrics");
        Self(answer.text().await.expect("text"))
    }

    /// The sum of a metric over the lines that have all these labels.
    pub fn sum(&self, name: &str, labels: &[&str]) -> f64 {
        let lines = self.0.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix('{')?.rsplit_once("} "));
        let wanted = lines.filter(|(given, _)| labels.iter().all(|label| given.contains(label)));
        wanted.filter_map(|(_, value)| value.trim().parse::<f64>().ok()).sum()
    }

    /// A metric without labels.
    pub fn value(&self, name: &str) -> f64 {
        let value = self.0.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse().ok());
        value.unwrap_or(f64::NAN)
    }

    /// Reconciles of one controller, however they ended.
    pub fn reconciles(&self, controller: &str) -> f64 {
        self.sum("govcloud_reconciles_total", &[&format!(r#"controller="{controller}""#)])
    }

    /// Mean of a permit's reconciles in milliseconds, and the upper bound of the bucket that 99 of 100 are within.
    pub fn permit_reconcile(&self) -> (f64, f64) {
        const PERMIT: &str = r#"controller="permit""#;
        let count = self.sum("govcloud_reconcile_seconds_count", &[PERMIT]);
        let mean = self.sum("govcloud_reconcile_seconds_sum", &[PERMIT]) / count * 1000.0;
        let lines = self.0.lines().filter(|line| line.starts_with("govcloud_reconcile_seconds_bucket{") && line.contains(PERMIT));
        let buckets = lines.filter_map(|line| {
            let bound = line.split(r#"le=""#).nth(1)?.split('"').next()?;
            Some((bound.parse::<f64>().unwrap_or(f64::INFINITY), line.rsplit(' ').next()?.parse::<f64>().ok()?))
        });
        let enough = buckets.filter(|(_, within)| *within >= 0.99 * count).map(|(bound, _)| bound);
        (mean, enough.fold(f64::INFINITY, f64::min) * 1000.0)
    }
}

/// Waits until the operator reconciles nothing any more; when it last did.
pub async fn until_rest(operator: &OperatorProcess) -> Instant {
    let (started, mut told) = (Instant::now(), Instant::now());
    let (mut before, mut last) = (-1.0, Instant::now());
    while last.elapsed() < REST {
        let metrics = Metrics::of(operator).await;
        let now = metrics.sum("govcloud_reconciles_total", &[]);
        if (now - before).abs() > 0.5 {
            (before, last) = (now, Instant::now());
        }
        if told.elapsed() > TELL {
            told = Instant::now();
            eprintln!("  {:.0?}: {now} reconciles, {} active", started.elapsed(), active(&metrics));
        }
        assert!(started.elapsed() < GIVE_UP, "it does not come to rest");
        tokio::time::sleep(LOOK).await;
    }
    last
}

/// Waits until so many permits are active; when they were.
pub async fn until_active(operator: &OperatorProcess, permits: usize) -> Instant {
    let (started, mut told) = (Instant::now(), Instant::now());
    loop {
        let metrics = Metrics::of(operator).await;
        let now = active(&metrics);
        if now >= permits {
            return Instant::now();
        }
        if told.elapsed() > TELL {
            told = Instant::now();
            eprintln!("  {:.0?}: {now} of {permits} are active", started.elapsed());
        }
        assert!(started.elapsed() < GIVE_UP, "only {now} of {permits} are active");
        tokio::time::sleep(LOOK).await;
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
fn active(metrics: &Metrics) -> usize {
    metrics.sum("govcloud_permits", &[r#"phase="Active""#]) as usize
}

/// A place in the audit log.
pub struct Since(u64);

impl Since {
    /// From now on.
    pub fn now(cloud: &Cloud) -> Self {
        Self(fs::metadata(cloud.plane.audit_log()).expect("an audit log").len())
    }

    /// Writes of the operator since then that the API server took; dry runs and questions change nothing.
    pub fn writes(&self, cloud: &Cloud) -> usize {
        let mut log = File::open(cloud.plane.audit_log()).expect("an audit log");
        log.seek(SeekFrom::Start(self.0)).expect("it only grows");
        let mut text = String::new();
        log.read_to_string(&mut text).expect("text");
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).filter(is_a_write).count()
    }
}

fn is_a_write(event: &Value) -> bool {
    let uri = event["requestURI"].as_str().unwrap_or_default();
    let is_question = uri.contains("dryRun=All") || uri.contains("selfsubjectreviews");
    let is_taken = event["responseStatus"]["code"].as_u64().is_some_and(|code| code < 300);
    event["user"]["username"] == OPERATOR && is_taken && !is_question
}
