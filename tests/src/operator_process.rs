//! Operators beside the one that a cloud starts: each its own process with its own port, which can be frozen and resumed.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Stdio,
};

use tokio::process::{Child, Command};

use crate::{Cloud, eventually, people, programs};

/// Starts an operator that listens on an address; it ends with the value.
pub(crate) fn spawn(kubeconfig: &Path, address: &str, arguments: &[String], log: File) -> Child {
    Command::new(programs().join("govcloud-operator"))
        .args(["--context", people::OPERATOR, "--listen", address, "--log-format", "text"])
        .args(arguments)
        .env("KUBECONFIG", kubeconfig)
        .stdin(Stdio::null())
        .stderr(log.try_clone().expect("a log"))
        .stdout(log)
        .kill_on_drop(true)
        .spawn()
        .expect("the operator starts")
}

/// Waits until the operator that listens on an address is ready; `log` is told if it never is.
pub(crate) async fn until_ready(address: &str, log: impl Fn() -> String) {
    eventually(&format!("the operator on {address} is ready"), || async {
        match reqwest::get(format!("http://{address}/readyz")).await {
            Ok(answer) if answer.status().is_success() => Ok(()),
            other => Err(format!("{other:?}\n{}", log())),
        }
    })
    .await;
}

/// An operator. It ends with this value.
pub struct OperatorProcess {
    child: Child,
    /// Its process id.
    pub pid: u32,
    /// Where it listens.
    pub address: String,
    log: PathBuf,
}

impl OperatorProcess {
    /// Starts one under a name, by which its log is called, and waits until it is ready; with the cloud's kubeconfig, or
    /// another one whose context for the operator has the same name.
    pub async fn start(cloud: &Cloud, name: &str, kubeconfig: Option<&Path>) -> Self {
        let kubeconfig = kubeconfig.map_or_else(|| cloud.plane.kubeconfig(), Path::to_owned);
        Self::start_with(cloud, name, &kubeconfig, &cloud.operator_arguments).await
    }

    /// Starts one that leads only while it holds the lease, and waits until it is ready: to lead, or to take over. `name` is
    /// also what it is called in the lease and in its user agent.
    pub async fn elect(cloud: &Cloud, name: &str) -> Self {
        let elected = ["--leader-elect", "--identity", name].map(str::to_owned);
        Self::start_with(cloud, name, &cloud.plane.kubeconfig(), &[cloud.operator_arguments.as_slice(), &elected].concat()).await
    }

    async fn start_with(cloud: &Cloud, name: &str, kubeconfig: &Path, arguments: &[String]) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port").port();
        let address = format!("127.0.0.1:{port}");
        let log = cloud.plane.dir().join(format!("operator-{name}.log"));
        let child = spawn(kubeconfig, &address, arguments, File::create(&log).expect("a log"));
        let pid = child.id().expect("it was not waited for");
        until_ready(&address, || fs::read_to_string(&log).unwrap_or_default()).await;
        Self { child, pid, address, log }
    }

    /// Stops it where it stands, as a machine does that is suspended; returns when it does nothing any more.
    pub async fn freeze(&self) {
        self.signal("STOP").await;
        eventually("the operator stands still", || async {
            let state = fs::read_to_string(format!("/proc/{}/stat", self.pid)).map_err(|error| error.to_string())?;
            let state = state.rsplit(") ").next().unwrap_or_default().to_owned();
            if state.starts_with('T') { Ok(()) } else { Err(state) }
        })
        .await;
    }

    /// Lets it go on as if nothing had happened.
    pub async fn resume(&self) {
        self.signal("CONT").await;
    }

    /// Kills it where it stands.
    pub async fn kill(mut self) {
        self.child.kill().await.expect("it can be killed");
    }

    /// Asks it to end, as Kubernetes does.
    pub async fn terminate(&self) {
        self.signal("TERM").await;
    }

    /// Waits until it has ended; its exit code, `None` if a signal ended it.
    pub async fn ended(&mut self) -> Option<i32> {
        let status = eventually("the operator ends", || {
            let ended = self.child.try_wait().map_err(|error| error.to_string());
            async move { ended?.ok_or_else(|| "it runs on".to_owned()) }
        });
        status.await.code()
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    async fn signal(&self, signal: &str) {
        let sent = Command::new("sh").args(["-c", r#"kill -s "$1" "$2""#, "sh", signal, &self.pid.to_string()]).status().await;
        assert!(sent.expect("a shell").success(), "no signal to {}", self.pid);
    }
}
