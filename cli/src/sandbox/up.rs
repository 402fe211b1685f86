//! Starting a sandbox.

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use govcloud_controlplane::{Binaries, DetachedControlPlane, OwnCluster};

use super::{UpArgs, files, open, operator, own_cluster, people, print, run, story, tell::Stage, trouble};
use crate::{
    error::{CliError, Result},
    exit::Exit,
};

/// The operator, among the processes of the instance.
pub(super) const OPERATOR_PROCESS: &str = "govcloud-operator";

/// Starts a sandbox in `folder`, on a control plane of its own or on the user's, and plays the story on it.
pub(super) async fn up(folder: &Path, args: &UpArgs, own: Option<&OwnCluster>) -> Result<Exit> {
    clear_the_way(folder).await?;
    let operator = operator::find(args.operator.as_deref())?;
    let plane = match own {
        Some(cluster) => own_cluster::borrow(cluster, folder, args).await?,
        None => start(folder).await?,
    };
    install(&plane, args).await.map_err(|error| run::look(&plane, error))?;
    let mut stage = Stage::new(plane, operator)?;
    stage.start_operator()?;
    if !args.no_story {
        story::play(&mut stage).await?;
    }
    print(&farewell(&stage))?;
    Ok(Exit::Ok)
}

async fn start(folder: &Path) -> Result<DetachedControlPlane> {
    let binaries = Binaries::obtain().await.map_err(|error| CliError::failure(error.to_string()).caused_by(error))?;
    print("Starting etcd, kube-apiserver and kube-controller-manager …\n")?;
    let plane = DetachedControlPlane::start(&binaries, folder, &people::at_work()).await.map_err(trouble)?;
    files::write(&run::files(&plane))?;
    Ok(plane)
}

/// A sandbox that runs is left alone; what is left of one that does not is removed.
async fn clear_the_way(folder: &Path) -> Result<()> {
    let Some(plane) = open(folder)? else { return Ok(()) };
    if plane.is_running().map_err(trouble)? {
        return Err(CliError::failure(format!("a sandbox runs already in {}", folder.display()))
            .hint("see it: govcloud sandbox status")
            .hint(format!("or remove it first: {}", super::how_to_remove(folder))));
    }
    print("Removing what is left of an earlier sandbox …\n")?;
    plane.stop().await.map_err(trouble)
}

async fn install(plane: &DetachedControlPlane, args: &UpArgs) -> Result<()> {
    print("Installing the kinds of the Government Cloud, and those of other projects that it controls …\n")?;
    own_cluster::install_others(plane, &crds(plane, args)?).await?;
    for what in ["definitions", "roles"] {
        run::kubectl(plane, &["apply", "--server-side", "-f", what]).await?;
    }
    run::kubectl(plane, &["wait", "--for=condition=Established", "-f", "definitions", "--timeout=60s"]).await.map(drop)
}

/// The definitions of other projects' kinds. Commands run in another folder than this program, so the path is absolute.
fn crds(plane: &DetachedControlPlane, args: &UpArgs) -> Result<PathBuf> {
    let Some(named) = &args.crds else { return Ok(run::files(plane).join("examples/crds")) };
    std::path::absolute(named)
        .map_err(|error| CliError::usage(format!("{} cannot be found: {error}", named.display())).caused_by(error))
}

/// Starts the operator with its own credential, as a process of the instance.
pub(super) fn start_operator(plane: &DetachedControlPlane, program: &Path) -> Result<()> {
    let address = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let address =
        address.map_err(|error| CliError::failure(format!("there is no free port on 127.0.0.1: {error}")).caused_by(error))?;
    let mut command = Command::new(program);
    command
        .args(["--context", people::OPERATOR, "--listen", &address.to_string(), "--log-format", "text"])
        .env("KUBECONFIG", plane.kubeconfig())
        .stdin(Stdio::null());
    plane.spawn_detached(OPERATOR_PROCESS, &mut command).map(|_| ()).map_err(trouble)
}

fn farewell(stage: &Stage) -> String {
    let mut names: Vec<_> = people::all().into_iter().map(|p| p.name).filter(|n| n != people::OPERATOR).collect();
    names.insert(0, people::ADMIN.to_owned());
    format!(
        "\nThe sandbox goes on running. Look around:\n\n\
         \x20 export KUBECONFIG={}\n\
         \x20 export PATH=\"{}:$PATH\"\n\
         \x20 kubectl --context cloud-operator get govcloud -A\n\
         \x20 kubectl --context cloud-operator describe processingpermits -A\n\
         \x20 govcloud --context tax-requester whoami\n\
         \x20 govcloud --context tax-requester service search kafka\n\
         \x20 ls {}\n\n\
         Contexts: {}.\n\
         Remove everything: {}\n",
        stage.plane().kubeconfig().display(),
        stage.path_folders(),
        run::files(stage.plane()).join("examples").display(),
        names.join(", "),
        super::how_to_remove(stage.plane().dir()),
    )
}
