//! One file or folder per group of commands.

pub mod agency;
pub mod completion;
pub mod parse;
pub mod permit;
pub mod project;
pub mod quota;
pub mod service;
#[cfg(test)]
pub mod testing;
pub mod whoami;

use crate::{args::Command, context::Context, error::Result, exit::Exit, sandbox};

/// Runs a command that talks to a cluster.
pub async fn run(ctx: &Context, command: Command) -> Result<Exit> {
    match command {
        Command::Permit(command) => Box::pin(permit::run(ctx, command)).await,
        Command::Service(command) => Box::pin(service::run(ctx, command)).await,
        Command::Project(command) => project::run(ctx, command).await,
        Command::Agency(command) => agency::run(ctx, command).await,
        Command::Quota(command) => quota::run(ctx, command).await,
        Command::Whoami => whoami::run(ctx).await,
        Command::Completion(args) => completion::run(&args),
        Command::Sandbox(args) => sandbox::run(args).await,
    }
}
