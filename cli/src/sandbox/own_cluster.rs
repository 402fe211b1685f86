//! The sandbox on a cluster of the user's own: nothing that is there is changed, and what was put there is taken away again.

use std::{collections::BTreeSet, fs, path::Path, time::Duration};

use govcloud_controlplane::{Binaries, DetachedControlPlane, Error as PlaneError, OwnCluster};
use govcloud_crds::names::{GROUP, LABEL_AGENCY};
use serde_json::Value;

use super::{UpArgs, files, how_to_remove, people, print, run, trouble, up::OPERATOR_PROCESS};
use crate::{
    confirm::confirm,
    error::{CliError, Result},
};

/// What the sandbox installs and removes; on a cluster of the user's own none of it may exist before.
const OURS: [&str; 3] = ["definitions", "examples/05-provider.yaml", "roles"];
const MANAGED: &str = "app.kubernetes.io/managed-by=govcloud";
/// What the operator makes, by its label. Policies are the first to go, because they guard the rest.
const POLICIES: [&str; 3] = ["validatingadmissionpolicybindings,validatingadmissionpolicies", "-l", MANAGED];
/// Those that write instead of refusing; a cluster older than Kubernetes 1.36 has no such kinds.
const WRITING: [&str; 3] = ["mutatingadmissionpolicybindings,mutatingadmissionpolicies", "-l", MANAGED];
const ROLES: [&str; 3] = ["clusterrolebindings,clusterroles", "-l", MANAGED];
/// What is inside a namespace goes with it.
const NAMESPACES: [&str; 3] = ["namespaces", "-l", LABEL_AGENCY];
/// The names of other projects' definitions that were not there before. It is written before anything is installed, and only
/// where nothing of ours was: without it, what is on the cluster is not ours to take away.
const OTHERS: &str = "installed-definitions";
/// Policies that are deleted go on refusing for about a second.
const TRIES: usize = 10;

/// Asks, makes sure that nothing of ours is there yet, and keeps in `folder` what belongs to the sandbox.
pub(super) async fn borrow(cluster: &OwnCluster, folder: &Path, args: &UpArgs) -> Result<DetachedControlPlane> {
    let server = cluster.server().map_err(trouble)?;
    let question = format!(
        "The sandbox will use the cluster at {server}: it installs definitions, roles and admission policies, and in every \
         namespace the API server will refuse processing infrastructure that no permit names, until you remove the sandbox \
         with: {}\nUse this cluster?",
        how_to_remove(folder)
    );
    confirm(&question, args.yes)?;
    let binaries = Binaries::with_kubectl().map_err(|error| CliError::failure(error.to_string()).caused_by(error))?;
    let plane = DetachedControlPlane::on_cluster(cluster, &binaries, folder, &people::at_work()).map_err(trouble)?;
    files::write(&run::files(&plane))?;
    if let Err(error) = fits(&plane).await {
        plane.stop().await.map_err(trouble)?; // nothing was changed on the cluster
        return Err(error);
    }
    Ok(plane)
}

/// Whether we may do everything, and nothing of ours is there yet.
async fn fits(plane: &DetachedControlPlane) -> Result<()> {
    let may = run::kubectl(plane, &["auth", "can-i", "*", "*", "--all-namespaces"]).await;
    may.map_err(|error| {
        error.hint("the sandbox needs a cluster that it reaches with the rights of an administrator (cluster-admin)")
    })?;
    let mut there = Vec::new();
    for what in [POLICIES, ROLES, NAMESPACES] {
        there.extend(lines(&run::kubectl(plane, &[&["get", "-o", "name"], what.as_slice()].concat()).await?));
    }
    for what in OURS {
        there.extend(lines(&run::kubectl(plane, &["get", "--ignore-not-found", "-o", "name", "-f", what]).await?));
    }
    let Some(first) = there.first() else { return Ok(()) };
    Err(CliError::failure(format!("the cluster has {first} already, and the sandbox changes nothing that is there"))
        .hint("name a cluster without a Government Cloud, or leave --kubeconfig out to have one started on this machine"))
}

/// Installs the definitions of other projects' kinds that are not there yet, and notes which.
pub(super) async fn install_others(plane: &DetachedControlPlane, folder: &Path) -> Result<()> {
    let folder = folder.to_string_lossy();
    let all = run::kubectl(plane, &["create", "--dry-run=client", "-o", "name", "-f", &folder]).await?;
    let there = run::kubectl(plane, &["get", "--ignore-not-found", "-o", "name", "-f", &folder]).await?;
    let there: BTreeSet<_> = lines(&there).collect();
    let missing: Vec<_> = lines(&all).filter(|name| !there.contains(name)).collect();
    let note = plane.dir().join(OTHERS);
    fs::write(&note, missing.join("\n"))
        .map_err(|error| CliError::failure(format!("cannot write {}: {error}", note.display())).caused_by(error))?;
    let created = run::kubectl(plane, &["create", "-f", &folder]).await;
    if there.is_empty() {
        created?; // else those that are there are refused, and the next line finds what is missing
    }
    run::kubectl(plane, &["wait", "--for=condition=Established", "-f", &folder, "--timeout=60s"]).await.map(drop)
}

/// Takes away what the sandbox and its operator put on the cluster.
pub(super) async fn give_back(plane: &DetachedControlPlane) -> Result<()> {
    print("Removing from the cluster what the sandbox put there …\n")?;
    match plane.stop_process(OPERATOR_PROCESS).await {
        Ok(()) | Err(PlaneError::UnknownProcess { .. }) => {}
        Err(error) => return Err(trouble(error)),
    }
    let mut tried = 0;
    while let Err(error) = take_away(plane).await {
        tried += 1;
        if tried == TRIES {
            return Err(error
                .hint("try again: what is removed already is no obstacle")
                .hint(format!("if the cluster is gone, forget about it: rm -r {}", plane.dir().display())));
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    Ok(())
}

async fn take_away(plane: &DetachedControlPlane) -> Result<()> {
    let Ok(others) = fs::read_to_string(plane.dir().join(OTHERS)) else {
        return Ok(()); // interrupted before anything was installed
    };
    let delete = |what: [&'static str; 3]| async move {
        run::kubectl(plane, &[&["delete", "--timeout=60s"], what.as_slice()].concat()).await
    };
    delete(POLICIES).await?;
    let kinds = run::kubectl(plane, &["api-resources", "--api-group=admissionregistration.k8s.io", "-o", "name"]).await?;
    if lines(&kinds).any(|kind| kind.starts_with("mutatingadmissionpolicies.")) {
        delete(WRITING).await?;
    }
    release(plane).await?;
    delete(NAMESPACES).await?;
    delete(ROLES).await?;
    for what in OURS {
        run::kubectl(plane, &["delete", "--ignore-not-found", "--timeout=60s", "-f", what]).await?;
    }
    let others: Vec<_> = others.lines().collect();
    if others.is_empty() {
        return Ok(());
    }
    run::kubectl(plane, &[&["delete", "--ignore-not-found", "--timeout=60s"], others.as_slice()].concat()).await.map(drop)
}

/// Takes off the finalizers of which the operator took care.
async fn release(plane: &DetachedControlPlane) -> Result<()> {
    if run::kubectl(plane, &["get", "--ignore-not-found", "-o", "name", "-f", OURS[0]]).await?.trim().is_empty() {
        return Ok(());
    }
    let all = run::kubectl(plane, &["get", "govcloud", "--all-namespaces", "-o", "json"]).await?;
    let all: Value = serde_json::from_str(&all)
        .map_err(|error| CliError::failure(format!("kubectl's answer cannot be read: {error}")).caused_by(error))?;
    for object in all["items"].as_array().into_iter().flatten().filter(|o| o["metadata"]["finalizers"].is_array()) {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        let name = format!("{}.{GROUP}/{}", text("/kind").to_lowercase(), text("/metadata/name"));
        let namespace = text("/metadata/namespace");
        let patch = ["patch", &name, "--type=merge", "-p", r#"{"metadata":{"finalizers":null}}"#, "-n", &namespace];
        let words = if namespace.is_empty() { &patch[..5] } else { &patch };
        run::kubectl(plane, words).await?;
    }
    Ok(())
}

fn lines(text: &str) -> impl Iterator<Item = String> {
    text.lines().map(str::to_owned)
}
