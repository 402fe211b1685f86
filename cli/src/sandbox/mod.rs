//! `govcloud sandbox`: a Government Cloud on this machine, to try things out.
//!
//! A real control plane, the real operator, and a credential for each persona. `story` plays the main job on it with the
//! real commands. With an explicit kubeconfig it is played on a cluster that is there already, and taken away again.

mod files;
mod operator;
mod own_cluster;
pub mod people;
mod run;
mod story;
mod tell;
mod up;

use std::{
    io::Write as _,
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};
use govcloud_controlplane::{DetachedControlPlane, Error as PlaneError, OwnCluster};

use crate::{
    args::GlobalArgs,
    error::{CliError, Result},
    exit::Exit,
};

/// `govcloud sandbox [up|down|status]`.
#[derive(Clone, Debug, Args)]
pub struct SandboxArgs {
    /// What to do; without it: up.
    #[command(subcommand)]
    pub action: Option<SandboxAction>,
    /// The folder that the sandbox lives in [default: ~/.local/state/govcloud/sandbox]
    #[arg(long, global = true, value_name = "DIR", env = "GOVCLOUD_SANDBOX")]
    pub dir: Option<PathBuf>,
}

/// What can be done with a sandbox.
#[derive(Clone, Debug, Subcommand)]
pub enum SandboxAction {
    /// Start it, and play the story of the Government Cloud on it
    ///
    /// It starts a control plane on this machine; with --kubeconfig FILE (and --context NAME) it plays on that cluster instead,
    /// as its administrator who impersonates the personas.
    Up(UpArgs),
    /// Stop it and remove what it stored, also from a cluster that was named with --kubeconfig
    Down,
    /// Say whether it runs
    Status,
}

/// How a sandbox is started.
#[derive(Clone, Debug, Default, Args)]
pub struct UpArgs {
    /// Only start it; play no story
    #[arg(long)]
    pub no_story: bool,
    /// Definitions of other projects' kinds, instead of the small ones that come with this program
    #[arg(long, value_name = "DIR")]
    pub crds: Option<PathBuf>,
    /// The operator's program [default: built from this checkout, else the one beside this program, else on the PATH]
    #[arg(long, value_name = "FILE")]
    pub operator: Option<PathBuf>,
    /// Do not ask before a cluster of one's own is used
    #[arg(long)]
    pub yes: bool,
}

/// Runs `govcloud sandbox`.
pub async fn run(args: SandboxArgs, global: &GlobalArgs) -> Result<Exit> {
    let folder = folder(args.dir)?;
    match args.action.unwrap_or(SandboxAction::Up(UpArgs::default())) {
        SandboxAction::Up(up) => up::up(&folder, &up, own_cluster(global)?.as_ref()).await,
        SandboxAction::Down => down(&folder).await,
        SandboxAction::Status => status(&folder),
    }
}

/// The cluster that was named on the command line: never one that the environment names, which may be anybody's.
fn own_cluster(global: &GlobalArgs) -> Result<Option<OwnCluster>> {
    match (&global.kubeconfig, &global.context) {
        (Some(kubeconfig), context) => Ok(Some(OwnCluster { kubeconfig: kubeconfig.clone(), context: context.clone() })),
        (None, None) => Ok(None),
        (None, Some(_)) => Err(CliError::usage("the sandbox starts a control plane of its own, which has no contexts yet")
            .hint("leave --context out, or name a cluster of yours: --kubeconfig FILE --context NAME")),
    }
}

fn folder(flag: Option<PathBuf>) -> Result<PathBuf> {
    let from =
        |variable: &str, rest: &str| std::env::var_os(variable).filter(|v| !v.is_empty()).map(|v| PathBuf::from(v).join(rest));
    flag.or_else(|| from("XDG_STATE_HOME", "govcloud/sandbox"))
        .or_else(|| from("HOME", ".local/state/govcloud/sandbox"))
        .ok_or_else(|| CliError::usage("there is no home folder to keep the sandbox in").hint("name a folder: --dir DIR"))
}

/// The command that removes the sandbox in `dir`.
fn how_to_remove(dir: &Path) -> String {
    let default = folder(None).ok().and_then(|default| default.canonicalize().ok());
    if default.as_deref() == dir.canonicalize().ok().as_deref() {
        return "cargo sandbox down (or: govcloud sandbox down)".to_owned();
    }
    format!("govcloud sandbox down --dir {}", dir.display())
}

/// Prints at once, so that a person can follow.
fn print(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

/// The sandbox in a folder, if there is one.
fn open(folder: &Path) -> Result<Option<DetachedControlPlane>> {
    match DetachedControlPlane::open(folder) {
        Ok(plane) => Ok(Some(plane)),
        Err(PlaneError::NoInstance { .. }) => Ok(None),
        Err(error) => Err(trouble(error)),
    }
}

fn trouble(error: PlaneError) -> CliError {
    CliError::failure(error.to_string()).caused_by(error)
}

async fn down(folder: &Path) -> Result<Exit> {
    let Some(plane) = open(folder)? else {
        print(&format!("There is no sandbox in {}.\n", folder.display()))?;
        return Ok(Exit::Ok);
    };
    if plane.is_borrowed().map_err(trouble)? {
        own_cluster::give_back(&plane).await?;
    }
    plane.stop().await.map_err(trouble)?;
    print("The sandbox is stopped, and everything it stored is removed.\n")?;
    Ok(Exit::Ok)
}

fn status(folder: &Path) -> Result<Exit> {
    let Some(plane) = open(folder)? else {
        print(&format!("There is no sandbox in {}. Start one: govcloud sandbox up\n", folder.display()))?;
        return Ok(Exit::Failure);
    };
    let processes = plane.processes().map_err(trouble)?;
    for process in &processes {
        let state = if process.running { "running" } else { "stopped" };
        print(&format!("{:<26} {state:<8} pid {:<8} {}\n", process.name, process.pid, process.log.display()))?;
    }
    print(&format!("\nexport KUBECONFIG={}\n", plane.kubeconfig().display()))?;
    let all = processes.iter().all(|p| p.running);
    Ok(if all { Exit::Ok } else { Exit::Failure })
}
