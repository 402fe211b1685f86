//! What was done for a round: reconciles of the operator, requests to the API server, processor time of each process.

use std::{collections::BTreeMap, fmt, fs};

use govcloud_controlplane::Component;
use govcloud_tests::{Cloud, OperatorProcess, people};

/// A clock tick of the kernel's accounting.
const TICKS_PER_SECOND: f64 = 100.0;
/// Fewer than this are not worth a line.
const FEW: f64 = 5.0;

/// Counters at one moment, or their difference.
pub struct Evidence {
    reconciles: BTreeMap<String, f64>,
    requests: BTreeMap<String, f64>,
    seconds: BTreeMap<String, f64>,
}

impl Evidence {
    /// Reads all counters.
    pub async fn now(cloud: &Cloud, operator: &OperatorProcess) -> Self {
        let metrics = reqwest::get(format!("http://{}/metrics", operator.address)).await.expect("the operator's metrics");
        let metrics = metrics.text().await.expect("text");
        let request = axum::http::Request::get("/metrics").body(Vec::new()).expect("a request");
        let api_server = cloud.client(people::ADMIN).await.request_text(request).await.expect("the API server's metrics");
        let mut seconds = BTreeMap::from([("operator".to_owned(), processor_seconds(operator.pid))]);
        for component in Component::ALL {
            let pid = cloud.plane.pid(component).await.expect("it runs");
            seconds.insert(component.name().to_owned(), processor_seconds(pid));
        }
        Self {
            reconciles: sums(&metrics, "govcloud_reconciles_total", &["controller", "outcome"]),
            requests: sums(&api_server, "apiserver_request_total", &["verb", "resource", "subresource", "code"]),
            seconds,
        }
    }

    /// What came to it since.
    pub fn since(&self, before: &Self) -> Self {
        let less = |now: &BTreeMap<String, f64>, before: &BTreeMap<String, f64>| {
            now.iter().map(|(key, value)| (key.clone(), value - before.get(key).unwrap_or(&0.0))).collect()
        };
        Self {
            reconciles: less(&self.reconciles, &before.reconciles),
            requests: less(&self.requests, &before.requests),
            seconds: less(&self.seconds, &before.seconds),
        }
    }
}

impl fmt::Display for Evidence {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "  reconciles: {}", most(&self.reconciles))?;
        writeln!(out, "  requests: {}", most(&self.requests))?;
        let seconds: Vec<_> = self.seconds.iter().map(|(process, seconds)| format!("{process} {seconds:.2} s")).collect();
        write!(out, "  processor: {}", seconds.join(", "))
    }
}

fn most(counts: &BTreeMap<String, f64>) -> String {
    let mut counts: Vec<_> = counts.iter().filter(|(_, count)| **count >= FEW).collect();
    counts.sort_by(|one, other| other.1.total_cmp(one.1));
    let texts: Vec<_> = counts.into_iter().map(|(what, count)| format!("{what} {count:.0}")).collect();
    texts.join(", ")
}

/// The values of a counter, summed by some of its labels.
fn sums(text: &str, counter: &str, labels: &[&str]) -> BTreeMap<String, f64> {
    let mut sums = BTreeMap::new();
    for line in text.lines().filter_map(|line| line.strip_prefix(counter)?.strip_prefix('{')) {
        let Some((given, value)) = line.rsplit_once('}') else { continue };
        let given = format!(",{given}");
        let label = |name: &&str| {
            given.split(&format!(",{name}=\"")).nth(1).and_then(|rest| rest.split('"').next()).filter(|value| !value.is_empty())
        };
        let key: Vec<_> = labels.iter().filter_map(label).collect();
        let value: f64 = value.split_whitespace().next().and_then(|value| value.parse().ok()).unwrap_or_default();
        *sums.entry(key.join(" ")).or_default() += value;
    }
    sums
}

fn processor_seconds(pid: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields: Vec<_> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    // User and system time, the 14th and 15th field of all.
    let ticks = |index: usize| fields.get(index).and_then(|field| field.parse::<f64>().ok()).unwrap_or_default();
    (ticks(11) + ticks(12)) / TICKS_PER_SECOND
}
