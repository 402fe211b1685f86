//! `govcloud permit`.

pub mod check;
pub mod check_view;
pub mod find;
pub mod letter;
pub mod list;
pub mod objects;
pub mod request;
pub mod show;
pub mod watch;
pub mod withdraw;

use clap::Subcommand;

use super::review::{
    self, ReviewCommand,
    verdict::{ApproveArgs, ReviewArgs},
};
use crate::{context::Context, error::Result, exit::Exit};

/// `govcloud permit`.
#[derive(Clone, Debug, Subcommand)]
pub enum PermitCommand {
    /// See which objects of manifests need a permit, and whether a shared service would do instead
    Check(check::CheckArgs),
    /// Ask for a permit
    Request(Box<request::RequestArgs>),
    /// List permits
    #[command(visible_alias = "ls")]
    List(list::ListArgs),
    /// Show where a permit stands, and what it waits for
    #[command(visible_alias = "explain")]
    Show {
        /// The permit's name, or its number such as GC-2026-000042
        permit: String,
    },
    /// Wait until a permit is active, denied, returned or over
    Watch(watch::WatchArgs),
    /// Take a request back, or give a permit up
    Withdraw(withdraw::WithdrawArgs),
    /// Write the decision as a document to file
    Letter(letter::LetterArgs),
    /// Approve a request; it is govcloud review approve
    #[command(hide = true)]
    Approve(ApproveArgs),
    /// Deny a request; it is govcloud review deny
    #[command(hide = true)]
    Deny(ReviewArgs),
    /// Take an approved permit back; it is govcloud review revoke
    #[command(hide = true)]
    Revoke(ReviewArgs),
}

/// Runs `govcloud permit`.
pub async fn run(ctx: &Context, command: PermitCommand) -> Result<Exit> {
    match command {
        PermitCommand::Check(args) => check::run(ctx, args).await,
        PermitCommand::Request(args) => request::run(ctx, *args).await,
        PermitCommand::List(args) => list::run(ctx, &args).await,
        PermitCommand::Show { permit } => show::run(ctx, &permit).await,
        PermitCommand::Watch(args) => Box::pin(watch::run(ctx, args)).await,
        PermitCommand::Withdraw(args) => withdraw::run(ctx, &args).await,
        PermitCommand::Letter(args) => letter::run(ctx, &args).await,
        PermitCommand::Approve(args) => review::run(ctx, ReviewCommand::Approve(args)).await,
        PermitCommand::Deny(args) => review::run(ctx, ReviewCommand::Deny(args)).await,
        PermitCommand::Revoke(args) => review::run(ctx, ReviewCommand::Revoke(args)).await,
    }
}
