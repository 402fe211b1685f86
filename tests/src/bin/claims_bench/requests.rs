//! What the API server was asked for.

use std::{
    collections::BTreeMap,
    fmt,
    fs::{self, File},
    io::{Read, Seek, SeekFrom},
    time::Duration,
};

use govcloud_tests::{Cloud, people};
use serde_json::Value;

const OPERATOR: &str = "system:serviceaccount:govcloud-system:govcloud-operator";

/// Writes of the operator by what was written, such as `secrets` or `serviceclaims/status`.
pub struct Writes {
    from: u64,
    counts: BTreeMap<String, usize>,
}

impl Writes {
    /// None, from now on.
    pub fn now(cloud: &Cloud) -> Self {
        let from = fs::metadata(cloud.plane.audit_log()).expect("an audit log").len();
        Self { from, counts: BTreeMap::new() }
    }

    /// Those since then that the API server took.
    pub fn of_the_operator(mut self, cloud: &Cloud) -> Self {
        let mut log = File::open(cloud.plane.audit_log()).expect("an audit log");
        log.seek(SeekFrom::Start(self.from)).expect("it only grows");
        let mut text = String::new();
        log.read_to_string(&mut text).expect("text");
        for event in text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
            let is_dry = event["requestURI"].as_str().is_some_and(|uri| uri.contains("dryRun=All"));
            let is_taken = event["responseStatus"]["code"].as_u64().is_some_and(|code| code < 300);
            if event["user"]["username"] == OPERATOR && is_taken && !is_dry {
                let part = |name: &str| event["objectRef"][name].as_str().unwrap_or_default().to_owned();
                let (resource, below) = (part("resource"), part("subresource"));
                let what = if below.is_empty() { resource } else { format!("{resource}/{below}") };
                *self.counts.entry(what).or_default() += 1;
            }
        }
        self
    }

    /// How many of one thing.
    pub fn of(&self, what: &str) -> usize {
        self.counts.get(what).copied().unwrap_or_default()
    }

    /// How many in all.
    pub fn total(&self) -> usize {
        self.counts.values().sum()
    }
}

impl fmt::Display for Writes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: Vec<_> = self.counts.iter().map(|(what, count)| format!("{count} {what}")).collect();
        f.write_str(&all.join(", "))
    }
}

/// Requests that the API server answered in a minute, by whomever; our own look at it included; watches and leases aside.
pub async fn in_a_minute(cloud: &Cloud) -> u64 {
    let before = requests(cloud).await;
    tokio::time::sleep(Duration::from_mins(1)).await;
    requests(cloud).await - before
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
async fn requests(cloud: &Cloud) -> u64 {
    let said = cloud.kubectl(people::ADMIN, &["get", "--raw", "/metrics"]).await.succeeds();
    let lines = said.lines().filter_map(|line| line.strip_prefix("apiserver_request_total{")?.rsplit_once("} "));
    let counted = lines.filter(|(labels, _)| !labels.contains(r#"verb="WATCH""#) && !labels.contains(r#"resource="leases""#));
    let count = counted.filter_map(|(_, value)| value.trim().parse::<f64>().ok()).sum::<f64>() as u64;
    assert!(count > 0, "the API server does not say what it was asked");
    count
}
