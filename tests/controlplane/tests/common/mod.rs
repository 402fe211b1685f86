//! What the tests have in common.

#![allow(dead_code, reason = "each test binary uses a part of this")]

use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use govcloud_controlplane::{Binaries, ControlPlane, Persona};

/// A user without any right, a service account, and somebody with groups and a namespace.
pub(crate) fn personas() -> Vec<Persona> {
    vec![
        Persona::new("visitor", "victor"),
        Persona::new("operator", "system:serviceaccount:govcloud-system:govcloud-operator")
            .in_groups(["system:serviceaccounts", "system:serviceaccounts:govcloud-system"]),
        Persona::new("officer", "olga@agency.example")
            .in_groups(["agency:one", "agency:two", "Größe, ü=ö"])
            .in_namespace("kube-public"),
    ]
}

pub(crate) async fn binaries() -> Binaries {
    Binaries::obtain().await.expect("binaries")
}

/// Runs kubectl as a persona.
pub(crate) fn kubectl(plane: &ControlPlane, context: &str, arguments: &[&str]) -> Output {
    Command::new(plane.binaries().kubectl())
        .arg("--kubeconfig")
        .arg(plane.kubeconfig())
        .args(["--context", context])
        .args(arguments)
        // Discovery is cached by address, and ports are used again by other instances.
        .args(["--cache-dir", &plane.dir().join("kubectl-cache").display().to_string()])
        .output()
        .expect("kubectl runs")
}

/// What kubectl prints, if it succeeds.
pub(crate) fn kubectl_ok(plane: &ControlPlane, context: &str, arguments: &[&str]) -> String {
    let output = kubectl(plane, context, arguments);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "kubectl {arguments:?}: {error}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// User and groups as the API server sees them.
pub(crate) fn who_am_i(plane: &ControlPlane, context: &str) -> (String, Vec<String>) {
    let field = |path: &str| {
        let path = format!("jsonpath={{.status.userInfo.{path}}}");
        kubectl_ok(plane, context, &["auth", "whoami", "-o", &path])
    };
    let groups = field("groups");
    (field("username"), serde_json::from_str(&groups).expect("a list"))
}

/// Ids of all processes whose command line names `dir`.
pub(crate) fn processes_in(dir: &Path) -> Vec<u32> {
    let output = Command::new("ps").args(["-axww", "-o", "pid=,command="]).output().expect("ps runs");
    let dir = dir.to_str().expect("a readable path");
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter(|line| line.contains(dir))
        .filter_map(|line| line.split_whitespace().next()?.parse().ok())
        .collect()
}

/// Asks again until the answer is yes.
pub(crate) async fn eventually(what: &str, mut ask: impl FnMut() -> bool) {
    let started = Instant::now();
    while !ask() {
        assert!(started.elapsed() < Duration::from_secs(30), "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Whether something listens at `https://127.0.0.1:<port>`.
pub(crate) fn is_open(url: &str) -> bool {
    let address = url.strip_prefix("https://").expect("an address");
    std::net::TcpStream::connect(address).is_ok()
}
