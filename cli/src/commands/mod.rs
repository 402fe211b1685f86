//! One file or folder per group of commands.

pub mod agency;
pub mod completion;
pub mod denials;
pub mod finding;
pub mod parse;
pub mod permit;
pub mod project;
pub mod quota;
pub mod report;
pub mod review;
pub mod service;
#[cfg(test)]
pub mod testing;
pub mod whoami;

use crate::{args::ClusterCommand, context::Context, error::Result, exit::Exit};

/// Runs a command that talks to a cluster.
pub async fn run(ctx: &Context, command: ClusterCommand) -> Result<Exit> {
    match command {
        ClusterCommand::Permit(command) => Box::pin(permit::run(ctx, command)).await,
        ClusterCommand::Review(command) => Box::pin(review::run(ctx, command)).await,
        ClusterCommand::Finding(command) => finding::run(ctx, command).await,
        ClusterCommand::Service(command) => Box::pin(service::run(ctx, command)).await,
        ClusterCommand::Project(command) => project::run(ctx, command).await,
        ClusterCommand::Agency(command) => agency::run(ctx, command).await,
        ClusterCommand::Quota(command) => quota::run(ctx, command).await,
        ClusterCommand::Report(command) => Box::pin(report::run(ctx, command)).await,
        ClusterCommand::Whoami => whoami::run(ctx).await,
    }
}
