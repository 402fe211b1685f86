//! A cloud with two operators of which one leads, and a watch of their lease.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use futures::StreamExt;
use govcloud_tests::{
    Cloud, OperatorProcess, Setup, eventually,
    people::{ADMIN, CUSTOMS_ADMIN},
};
use k8s_openapi::api::coordination::v1::Lease;
use kube::{
    Api,
    runtime::watcher::{self, Event, watcher},
};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

/// Everything that the test needs.
pub struct Stage {
    /// The control plane.
    pub cloud: Cloud,
    /// The operators that live.
    pub operators: Vec<OperatorProcess>,
    /// What becomes of the lease.
    pub lease: LeaseWatch,
}

impl Stage {
    /// Starts the operators `a` and `b`, and waits until all that the examples say is in force.
    pub async fn set() -> Self {
        let cloud = Cloud::start(Setup::Bare).await;
        let lease = LeaseWatch::start(&cloud).await;
        let operators = vec![OperatorProcess::elect(&cloud, "a").await, OperatorProcess::elect(&cloud, "b").await];
        cloud.govern().await;
        Self { cloud, operators, lease }
    }

    /// Which operators say that they lead.
    pub async fn leading(&self) -> Vec<usize> {
        let mut leading = Vec::new();
        for (index, operator) in self.operators.iter().enumerate() {
            if leads(operator).await {
                leading.push(index);
            }
        }
        leading
    }

    /// Takes the one that leads away from the others, and says what it is called.
    pub async fn take_leader(&mut self) -> (OperatorProcess, String) {
        let leading = self.leading().await;
        assert_eq!(leading.len(), 1, "{leading:?}");
        (self.operators.remove(leading[0]), self.lease.holder())
    }

    /// Asks for a new project, and waits until another operator than `former` leads and has made it. Prints how long that
    /// took `since` something happened to the former one.
    pub async fn another_goes_on(&self, what: &str, former: &str, since: Instant) {
        let project_name = what.replace(' ', "-");
        self.cloud.apply_json(CUSTOMS_ADMIN, &project(&project_name, "1")).await.succeeds();
        let operator = &self.operators[0];
        eventually("the other leads", || async { if leads(operator).await { Ok(()) } else { Err(operator.log()) } }).await;
        let taken = eventually("the lease is another's", || async {
            let seen = self.lease.seen();
            let taken = seen.iter().find(|state| state.at > since && !["", former].contains(&state.holder.as_str()));
            taken.cloned().ok_or_else(|| format!("{:?}", seen.last()))
        })
        .await;
        self.cloud.wait_for("project", "agency-customs", &project_name, "Ready").await;
        println!(
            "{what}: {:?} holds the lease after {:.1} s, and a project that was asked for meanwhile is ready after {:.1} s",
            taken.holder,
            (taken.at - since).as_secs_f64(),
            since.elapsed().as_secs_f64()
        );
    }
}

/// Whether an operator says that it leads.
pub async fn leads(operator: &OperatorProcess) -> bool {
    answer(operator, "metrics").await.is_ok_and(|text| text.lines().any(|line| line == "govcloud_leader 1"))
}

/// What an operator answers, if it answers well.
pub async fn answer(operator: &OperatorProcess, path: &str) -> Result<String, String> {
    let answer = reqwest::get(format!("http://{}/{path}", operator.address)).await.map_err(|error| error.to_string())?;
    let status = answer.status();
    let text = answer.text().await.map_err(|error| error.to_string())?;
    if status.is_success() { Ok(text) } else { Err(format!("{status}: {text}")) }
}

/// A project of customs.
pub fn project(name: &str, cpu: &str) -> Value {
    json!({
        "apiVersion": "govcloud.dev/v1alpha1", "kind": "Project", "metadata": {"namespace": "agency-customs", "name": name},
        "spec": {"purpose": "A test", "pool": "national", "quota": {"requests.cpu": cpu, "requests.memory": "1Gi"}},
    })
}

/// A state of the lease that the watch showed.
#[derive(Clone, Debug)]
pub struct State {
    /// When it was seen.
    pub at: Instant,
    /// Who held it; empty when it was released.
    pub holder: String,
}

/// Watches the operators' lease.
pub struct LeaseWatch {
    seen: Arc<Mutex<Vec<State>>>,
    task: JoinHandle<()>,
}

impl LeaseWatch {
    async fn start(cloud: &Cloud) -> Self {
        let api: Api<Lease> = Api::namespaced(cloud.client(ADMIN).await, "govcloud-system");
        let seen = Arc::new(Mutex::new(Vec::new()));
        let writing = seen.clone();
        let task = tokio::spawn(async move {
            let mut events = watcher(api, watcher::Config::default().fields("metadata.name=govcloud-operator")).boxed();
            while let Some(event) = events.next().await {
                if let Ok(Event::Apply(lease) | Event::InitApply(lease)) = event {
                    let holder = lease.spec.and_then(|spec| spec.holder_identity).unwrap_or_default();
                    writing.lock().unwrap_or_else(PoisonError::into_inner).push(State { at: Instant::now(), holder });
                }
            }
        });
        Self { seen, task }
    }

    /// All states so far, oldest first.
    pub fn seen(&self) -> Vec<State> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Who held it last.
    pub fn holder(&self) -> String {
        self.seen().pop().map(|state| state.holder).unwrap_or_default()
    }
}

impl Drop for LeaseWatch {
    fn drop(&mut self) {
        self.task.abort();
    }
}
