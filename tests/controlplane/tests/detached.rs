//! A control plane for the sandbox: it is found again, and goes away completely.

mod common;

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use common::{binaries, eventually, is_open, personas, processes_in, who_am_i};
use govcloud_controlplane::{Component, DetachedControlPlane, Error, Persona};

#[tokio::test]
async fn another_handle_finds_it_and_stops_it() {
    let root = tempfile::tempdir().expect("a folder");
    let dir = root.path().join("sandbox");
    let first = DetachedControlPlane::start(&binaries().await, &dir, &personas()).await.expect("started");
    let url = first.api_url();
    drop(first);

    let again = DetachedControlPlane::start(&binaries().await, &dir, &[]).await;
    assert!(matches!(again, Err(Error::Occupied { .. })));
    let plane = DetachedControlPlane::open(&dir).expect("found");
    assert_eq!(plane.api_url(), url);
    assert!(plane.is_running().expect("known"));
    assert_eq!(who_am_i(&plane, "officer").0, "olga@agency.example");
    plane.issue(&Persona::new("latecomer", "lara")).expect("issued");
    assert_eq!(who_am_i(&plane, "latecomer").0, "lara");
    let mode = |file: &str| {
        let path = plane.dir().join(file);
        std::fs::metadata(path).expect("it is there").permissions().mode() & 0o777
    };
    assert_eq!([mode(""), mode("pki")], [0o700; 2]);
    assert_eq!([mode("state.json"), mode("kubeconfig"), mode("pki/ca.key")], [0o600; 3]);

    extra_processes(&plane).await;
    let dir = plane.dir().to_owned();
    plane.stop().await.expect("stopped");
    assert_eq!(processes_in(&dir), [0_u32; 0]);
    assert!(!is_open(&url));
    assert!(!dir.exists());
    assert!(matches!(DetachedControlPlane::open(&dir), Err(Error::NoInstance { .. })));
}

/// Leaves one extra process running, for the end to take down.
async fn extra_processes(plane: &DetachedControlPlane) {
    // A process with a child, as a wrapper script would be.
    let script = format!("echo hello; sleep 601 & wait # {}", plane.dir().display());
    let mut command = Command::new("sh");
    command.args(["-c", &script]);
    plane.spawn_detached("operator", &mut command).expect("started");
    let taken = plane.spawn_detached("operator", &mut command);
    assert!(matches!(taken, Err(Error::ProcessName { .. })));
    let names: Vec<String> = plane.processes().expect("known").into_iter().map(|process| process.name).collect();
    let mut expected: Vec<&str> = Component::ALL.iter().map(|c| c.name()).collect();
    expected.push("operator");
    assert_eq!(names, expected);

    let log = plane.log("operator");
    eventually("its output", || std::fs::read_to_string(&log).is_ok_and(|text| text == "hello\n")).await;
    plane.stop_process("operator").await.expect("stopped");
    let unknown = plane.stop_process("operator").await;
    assert!(matches!(unknown, Err(Error::UnknownProcess { .. })));
    let component = plane.stop_process("etcd").await;
    assert!(matches!(component, Err(Error::UnknownProcess { .. })));
    plane.spawn_detached("operator", &mut command).expect("started");
}

#[tokio::test]
async fn a_component_that_dies_is_noticed() {
    let root = tempfile::tempdir().expect("a folder");
    let dir = root.path().join("sandbox");
    let plane = DetachedControlPlane::start(&binaries().await, &dir, &[]).await.expect("started");
    let manager = plane.processes().expect("known").pop().expect("the last started");
    assert_eq!(manager.name, Component::ControllerManager.name());
    let kill = format!("kill -s KILL {}", manager.pid);
    assert!(Command::new("sh").args(["-c", &kill]).status().expect("sh runs").success());
    eventually("its end", || !plane.is_running().expect("known")).await;
    plane.stop().await.expect("stopped");
}

#[tokio::test]
async fn a_folder_with_anything_in_it_is_refused() {
    let root = tempfile::tempdir().expect("a folder");
    std::fs::write(root.path().join("precious"), "").expect("written");
    let refused = DetachedControlPlane::start(&binaries().await, root.path(), &[]).await;
    assert!(matches!(refused, Err(Error::Occupied { .. })));
    assert!(root.path().join("precious").exists());
}
