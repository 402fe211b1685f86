//! The sandbox on a cluster that somebody has already: the story goes as told there, and then the cluster is as it was.

use std::{collections::BTreeSet, path::Path, process::Stdio};

use govcloud_controlplane::{Binaries, DetachedControlPlane, OwnCluster, OwnedControlPlane};
use govcloud_tests::{Said, eventually, fixtures::root};
use tokio::process::Command;

use super::sandbox;

/// What changes by itself, such as the accounts of the cluster's controllers while they start.
const PASSING: [&str; 5] =
    ["events", "events.events.k8s.io", "leases.coordination.k8s.io", "componentstatuses", "serviceaccounts"];

/// A cluster with something of its own on it: one of the definitions that the sandbox would install too.
struct Theirs {
    plane: OwnedControlPlane,
}

impl Theirs {
    async fn start() -> Self {
        let plane = OwnedControlPlane::start(&Binaries::obtain().await.expect("the binaries"), &[])
            .await
            .expect("the control plane starts");
        let theirs = Self { plane };
        let kafkas = root().join("examples/crds/kafka.strimzi.io_kafkas.yaml");
        theirs.kubectl(&["create", "-f", &kafkas.to_string_lossy()]).await.succeeds();
        theirs.kubectl(&["create", "namespace", "precious"]).await.succeeds();
        theirs.kubectl(&["label", "crd/kafkas.kafka.strimzi.io", "theirs=yes"]).await.succeeds();
        theirs
    }

    async fn kubectl(&self, words: &[&str]) -> Said {
        let mut command = Command::new(self.plane.binaries().kubectl());
        command.args(words).env("KUBECONFIG", self.plane.kubeconfig()).stdin(Stdio::null());
        command.output().await.expect("kubectl runs").into()
    }

    /// Runs the sandbox on it.
    async fn sandbox(&self, folder: &Path, arguments: &[&str]) -> Said {
        let kubeconfig = self.plane.kubeconfig();
        sandbox(folder, &[arguments, &["--kubeconfig", &kubeconfig.to_string_lossy()]].concat()).await
    }

    /// Every object of every kind, by name.
    async fn everything(&self) -> Result<BTreeSet<String>, String> {
        let kinds = self.kubectl(&["api-resources", "--verbs=list", "-o", "name"]).await.succeeds();
        let kinds: Vec<_> = kinds.lines().filter(|kind| !PASSING.contains(kind)).collect();
        // Kinds whose definition was deleted a moment ago may still be announced.
        let said = self.kubectl(&["get", &kinds.join(","), "-A", "-o", "name"]).await;
        if said.ok { Ok(said.out.lines().map(str::to_owned).collect()) } else { Err(said.err) }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn on_somebodys_cluster_it_leaves_nothing_behind() {
    let theirs = Theirs::start().await;
    let before = theirs.everything().await.expect("listed");
    let place = tempfile::tempdir().expect("a folder");
    let (folder, other) = (place.path().join("sandbox"), place.path().join("other"));

    theirs.sandbox(&folder, &["up"]).await.refused_with("Confirm it on the command line: --yes");
    assert!(!folder.exists() && theirs.everything().await.expect("listed") == before, "it did something without asking");

    let told = theirs.sandbox(&folder, &["up", "--yes"]).await.succeeds();
    assert!(told.contains("Look around"), "{told}");
    assert!(sandbox(&folder, &["status"]).await.succeeds().contains("govcloud-operator"));
    theirs.sandbox(&other, &["up", "--yes"]).await.refused_with("the sandbox changes nothing that is there");
    assert!(!other.exists());

    one_that_was_interrupted_takes_nothing_away(&theirs, &other).await;

    sandbox(&folder, &["down"]).await.succeeds();
    assert!(!folder.exists(), "the folder is still there");
    eventually("the cluster is as it was", || async {
        let now = theirs.everything().await?;
        let (more, less): (Vec<_>, Vec<_>) = (now.difference(&before).collect(), before.difference(&now).collect());
        if more.is_empty() && less.is_empty() { Ok(()) } else { Err(format!("more: {more:?}, less: {less:?}")) }
    })
    .await;
    let kept = theirs.kubectl(&["get", "crd", "kafkas.kafka.strimzi.io", "--show-labels"]).await.succeeds();
    assert!(kept.contains("theirs=yes"), "{kept}");
}

/// A sandbox that was interrupted before it knew whether the cluster has a Government Cloud leaves that alone.
async fn one_that_was_interrupted_takes_nothing_away(theirs: &Theirs, folder: &Path) {
    let before = theirs.everything().await.expect("listed");
    let cluster = OwnCluster { kubeconfig: theirs.plane.kubeconfig(), context: None };
    let begun = DetachedControlPlane::on_cluster(&cluster, theirs.plane.binaries(), folder, &[]).expect("it is begun");
    std::fs::create_dir_all(begun.dir().join("files")).expect("a folder");
    sandbox(folder, &["down"]).await.succeeds();
    assert!(!folder.exists());
    let gone: Vec<_> = before.difference(&theirs.everything().await.expect("listed")).cloned().collect();
    assert!(gone.is_empty(), "{gone:?}");
}
