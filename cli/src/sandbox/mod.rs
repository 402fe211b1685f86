//! `govcloud sandbox`: a Government Cloud on this machine, to try things out.

use clap::{Args, Subcommand};

use crate::{
    error::{CliError, Result},
    exit::Exit,
};

/// `govcloud sandbox [up|down|status]`.
#[derive(Clone, Debug, Args)]
pub struct SandboxArgs {
    /// What to do; without it: up.
    #[command(subcommand)]
    pub action: Option<SandboxAction>,
}

/// What can be done with a sandbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Subcommand)]
pub enum SandboxAction {
    /// Start it, and write a kubeconfig with a context for each persona.
    Up,
    /// Stop it and remove what it stored.
    Down,
    /// Say whether it runs.
    Status,
}

/// Runs `govcloud sandbox`.
#[expect(clippy::unused_async, reason = "starting a control plane will wait")]
pub async fn run(args: SandboxArgs) -> Result<Exit> {
    let SandboxArgs { action } = args;
    let action = action.unwrap_or(SandboxAction::Up);
    Err(CliError::failure(format!("sandbox {action:?} is not there yet")).hint("Use a cluster of your own: --context NAME"))
}
