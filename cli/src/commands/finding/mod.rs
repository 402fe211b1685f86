//! `govcloud finding`: what the scanner found.

pub mod acknowledge;
pub mod find;
pub mod list;
pub mod show;

use clap::Subcommand;

use crate::{context::Context, error::Result, exit::Exit};

/// `govcloud finding`.
#[derive(Clone, Debug, Subcommand)]
pub enum FindingCommand {
    /// List what was found about your agency, or about all
    #[command(visible_alias = "ls")]
    List(list::ListArgs),
    /// Show one finding: what is wrong, with what, and what to do
    Show {
        /// The finding's name, or its beginning
        finding: String,
    },
    /// Say that it is known and may stay for a while: for reviewers
    #[command(visible_alias = "ack")]
    Acknowledge(acknowledge::AcknowledgeArgs),
}

/// Runs `govcloud finding`.
pub async fn run(ctx: &Context, command: FindingCommand) -> Result<Exit> {
    match command {
        FindingCommand::List(args) => list::run(ctx, &args).await,
        FindingCommand::Show { finding } => show::run(ctx, &finding).await,
        FindingCommand::Acknowledge(args) => acknowledge::run(ctx, &args).await,
    }
}
