//! Nothing of an owned control plane outlives the process that owns it.

mod common;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use common::{binaries, eventually, personas, processes_in};
use govcloud_controlplane::OwnedControlPlane;

/// Names the file where the holder says which folder its instance is in, and which process it
/// has started besides.
const REPORT: &str = "HOLD_REPORT";

/// How the holder shall end.
const ENDING: &str = "HOLD_ENDING";

/// Not a test, but the process that the tests below start and kill: this binary again.
#[tokio::test]
#[expect(clippy::zombie_processes, reason = "the test that kills this process ends the bystander")]
#[ignore = "run by the other tests, in a process of its own"]
async fn holder() {
    let Some(report) = std::env::var_os(REPORT) else {
        return;
    };
    let plane = OwnedControlPlane::start(&binaries().await, &personas()).await.expect("started");
    // If this process inherited the pipes that the guardians watch, they would never close.
    let bystander = Command::new("sleep").arg("600").spawn().expect("a bystander");
    let temporary = PathBuf::from(&report).with_extension("tmp");
    std::fs::write(&temporary, format!("{}\n{}", plane.dir().display(), bystander.id())).expect("written");
    std::fs::rename(temporary, report).expect("renamed");
    match std::env::var(ENDING).as_deref() {
        Ok("exit") => std::process::exit(3),
        Ok("panic") => panic!("as told"),
        _ => std::future::pending().await,
    }
}

struct Held {
    holder: Child,
    dir: PathBuf,
    bystander: u32,
}

async fn hold(ending: &str) -> Held {
    let folder = tempfile::tempdir().expect("a folder");
    let report = folder.path().join("report");
    // A panic that is wanted must not look like a failure to whoever reads the output.
    let output = || {
        if ending == "panic" { Stdio::null() } else { Stdio::inherit() }
    };
    let holder = Command::new(std::env::current_exe().expect("this binary"))
        .args(["--exact", "holder", "--ignored"])
        .stdout(output())
        .stderr(output())
        .env(REPORT, &report)
        .env(ENDING, ending)
        .spawn()
        .expect("a holder");
    eventually("the holder's report", || report.exists()).await;
    let report = std::fs::read_to_string(report).expect("a report");
    let (dir, bystander) = report.split_once('\n').expect("two lines");
    Held { holder, dir: dir.into(), bystander: bystander.parse().expect("a process id") }
}

async fn nothing_is_left(held: &Held) {
    let dir: &Path = &held.dir;
    eventually("no process is left", || processes_in(dir).is_empty()).await;
    assert!(is_alive(held.bystander), "the bystander shows that no pipe was inherited");
    eventually("the folder is removed", || !dir.exists()).await;
    signal("KILL", held.bystander);
}

fn signal(name: &str, pid: u32) -> bool {
    let command = format!("kill -s {name} {pid} 2>/dev/null");
    Command::new("sh").args(["-c", &command]).status().expect("sh runs").success()
}

fn is_alive(pid: u32) -> bool {
    signal("0", pid)
}

#[tokio::test]
async fn nothing_survives_a_kill() {
    let mut held = hold("never").await;
    assert!(processes_in(&held.dir).len() >= 7, "three components, their guardians, a janitor");
    held.holder.kill().expect("killed");
    held.holder.wait().expect("ended");
    nothing_is_left(&held).await;
}

#[tokio::test]
async fn nothing_survives_an_exit_or_a_panic() {
    for ending in ["exit", "panic"] {
        let mut held = hold(ending).await;
        assert!(!held.holder.wait().expect("ended").success());
        nothing_is_left(&held).await;
    }
}
