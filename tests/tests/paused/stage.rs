//! One cluster, two operators, and an agency of two projects whose wishes never fit together.

use std::{fmt, time::Duration};

use govcloud_tests::{
    Cloud, Gate, Held, OperatorProcess, Setup, Waiting, audit_log, eventually,
    ledger_watch::{Kind, LedgerWatch},
    people,
    tenant::Tenant,
};
use serde_json::Value;

/// The agency.
pub const AGENCY: &str = "paused";
/// As much as one project wants at most, and the least of the other.
const BUDGET: i64 = 10;
/// What passes the gate says so in the audit log.
const FIRST: &str = "first";
const GIVE_UP: Duration = Duration::from_secs(90);

/// Everything that a round needs.
pub struct Stage {
    cloud: Cloud,
    /// The agency, with projects `a` and `b`.
    pub tenant: Tenant,
    /// What is stored of it.
    pub watch: LedgerWatch,
    /// The first operator's way to the API server.
    pub gate: Gate,
    /// The one that is frozen.
    pub first: OperatorProcess,
    /// The one that decides meanwhile.
    pub second: OperatorProcess,
}

/// What became of a round.
#[derive(Debug)]
pub struct Outcome {
    what: String,
    /// The API server's answer to the write that was held back.
    pub held: Option<u16>,
    /// Writes of ledgers and quotas by the first operator, since it went on, that were refused with a conflict.
    pub refused: usize,
    /// Those that were taken.
    taken: usize,
}

impl fmt::Display for Outcome {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let held = self.held.map_or_else(String::new, |status| format!(" (answered {status})"));
        write!(out, "{}{held}: {} refused, {} taken", self.what, self.refused, self.taken)
    }
}

impl Stage {
    /// Starts all of it.
    pub async fn set() -> Self {
        let cloud = Cloud::start(Setup::Government).await;
        let watch = LedgerWatch::start(cloud.client(people::ADMIN).await, AGENCY, AGENCY).await;
        let tenant = Tenant::open(&cloud, AGENCY, BUDGET).await;
        cloud.kill_operator().await;
        let gate = Gate::open(&cloud, FIRST).await;
        let first = OperatorProcess::start(&cloud, FIRST, Some(gate.kubeconfig())).await;
        let second = OperatorProcess::start(&cloud, "second", None).await;
        Self { cloud, tenant, watch, gate, first, second }
    }

    /// Gives the projects these sizes and waits until both are enforced and the ledger rests.
    pub async fn begin(&self, a: i64, b: i64) {
        for (project, cpu) in [("a", a), ("b", b)] {
            self.tenant.size(project, cpu).await;
        }
        for (project, cpu) in [("a", a), ("b", b)] {
            self.enforced(project, cpu).await;
        }
        self.settled().await;
    }

    /// Waits for a write that is to be held back.
    pub async fn caught(write: Waiting) -> Held {
        tokio::time::timeout(GIVE_UP, write.caught()).await.expect("the first operator sends such a write")
    }

    /// The second operator takes from `a` what it has above 2, and gives it to `b`.
    pub async fn give_to_b(&self) {
        self.tenant.size("a", 2).await;
        self.tenant.size("b", 8).await;
        self.second.resume().await;
        self.enforced("b", 8).await;
        self.enforced("a", 2).await;
    }

    /// The first operator goes on, what was held back arrives, and both come to rest.
    pub async fn go_on(&self, what: &str, held: Option<Held>) -> Outcome {
        let before = audit_log(&self.cloud).len();
        self.first.resume().await;
        let held = match held {
            Some(held) => Some(held.release().await),
            None => None,
        };
        self.settled().await;
        let (mut refused, mut taken) = (0, 0);
        for event in audit_log(&self.cloud).drain(before..).filter(is_of_the_first) {
            let conflict = event["responseStatus"]["code"] == 409;
            (refused, taken) = (refused + usize::from(conflict), taken + usize::from(!conflict));
        }
        Outcome { what: what.to_owned(), held, refused, taken }
    }

    /// Waits until the API server enforces this much in a project's namespace.
    pub async fn enforced(&self, project: &str, cpu: i64) {
        let (namespace, cpu) = (self.tenant.namespace(project), cpu.to_string());
        eventually(&format!("{namespace} is limited to {cpu}"), || async {
            let hard = |quota: &Value| quota["status"]["hard"]["requests.cpu"].clone();
            let hard = self.watch.see(Kind::Quota, &namespace, "govcloud", hard).unwrap_or_default();
            if hard == *cpu { Ok(()) } else { Err(format!("{hard}; the ledger: {:?}", self.entries())) }
        })
        .await;
    }

    /// Waits until the ledger has given a project more than its quota shows.
    pub async fn growing(&self, project: &str) {
        let namespace = self.tenant.namespace(project);
        let grows = || self.entries().iter().any(|e| e["namespace"] == *namespace && e["phase"] == "Growing");
        let looking = async {
            while !grows() {
                tokio::time::sleep(Duration::from_micros(200)).await;
            }
        };
        tokio::time::timeout(GIVE_UP, looking).await.expect("the entry grows");
    }

    /// Waits until every entry has been settled for a while, so that nothing of the last round is under way any more.
    async fn settled(&self) {
        let settled = || self.entries().iter().all(|entry| entry["phase"] == "Settled");
        eventually("the ledger rests", || async {
            for _ in 0..20 {
                if !settled() {
                    return Err(format!("{:?}", self.entries()));
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Ok(())
        })
        .await;
    }

    fn entries(&self) -> Vec<Value> {
        let entries = |ledger: &Value| ledger["status"]["allocations"].as_array().cloned();
        self.watch.see(Kind::Ledger, "", AGENCY, entries).flatten().unwrap_or_default()
    }
}

fn is_of_the_first(event: &Value) -> bool {
    let about = event["objectRef"]["resource"].as_str().unwrap_or_default();
    event["userAgent"] == FIRST && ["resourcequotas", "agencyquotas"].contains(&about)
}
