//! The sandbox as a newcomer meets it: it starts, the story goes as told, it can be looked at, and it leaves nothing behind,
//! neither on this machine nor on a cluster of the newcomer's own.

#[path = "sandbox/own_cluster.rs"]
mod own_cluster;

use std::{path::Path, process::Stdio};

use govcloud_tests::{Said, fixtures::upstream, programs};
use tokio::process::Command;

async fn sandbox(folder: &Path, arguments: &[&str]) -> Said {
    let output = Command::new(programs().join("govcloud"))
        .arg("sandbox")
        .args(arguments)
        .arg("--dir")
        .arg(folder)
        .env("NO_COLOR", "1")
        // Under cargo the sandbox brings the operator up to date; here it is.
        .env_remove("CARGO_MANIFEST_DIR")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .expect("it runs");
    output.into()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_story_goes_as_told_and_leaves_nothing_behind() {
    let place = tempfile::tempdir().expect("a folder");
    let folder = place.path().join("sandbox");
    let crds = upstream().map(|upstream| upstream.join("crds").to_string_lossy().into_owned());
    let with_crds: Vec<&str> = crds.iter().flat_map(|crds| ["--crds", crds.as_str()]).collect();

    let told = sandbox(&folder, &[&["up"], with_crds.as_slice()].concat()).await.succeeds();
    assert!(told.contains("Look around"), "{told}");
    let running = sandbox(&folder, &["status"]).await.succeeds();
    assert!(running.contains("govcloud-operator") && !running.contains("stopped"), "{running}");
    sandbox(&folder, &["up"]).await.refused_with("a sandbox runs already");

    sandbox(&folder, &["down"]).await.succeeds();
    assert!(!folder.exists(), "the folder is still there");
    assert!(!sandbox(&folder, &["status"]).await.ok);
    let pids = running.lines().filter_map(|line| line.split("pid ").nth(1)?.split_whitespace().next()?.parse::<u32>().ok());
    for pid in pids {
        let command = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        assert!(!command.contains(&*folder.to_string_lossy()), "{pid} still runs: {command}");
    }
}
