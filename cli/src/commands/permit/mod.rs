//! `govcloud permit`.

pub mod attach;
pub mod catalogue;
pub mod check;
pub mod check_view;
pub mod draft;
pub mod evidence;
pub mod explain;
pub mod find;
pub mod history;
pub mod letter;
pub mod list;
pub mod next;
pub mod objects;
pub mod request;
pub mod request_file;
pub mod show;
pub mod submit;
pub mod successor;
pub mod verify;
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
    /// Draft requests for what runs already and has no permit, to fill in and send
    Draft(Box<draft::DraftArgs>),
    /// Ask for a permit
    Request(Box<request::RequestArgs>),
    /// Ask for an active or expired permit once more, for longer
    Renew(Box<successor::AgainArgs>),
    /// Ask for other sizes of an active permit, or another end
    Amend(Box<successor::AmendArgs>),
    /// Answer what reviewers ask about a request that they returned
    Answer(Box<successor::AnswerArgs>),
    /// Appeal against a denial or a revocation; others decide
    Appeal(Box<successor::AgainArgs>),
    /// Name documents in a request that is not sent yet, by their digests
    Attach(attach::AttachArgs),
    /// Compare documents with the digests that a permit names
    Verify(verify::VerifyArgs),
    /// List permits
    #[command(visible_alias = "ls")]
    List(list::ListArgs),
    /// Show what was asked for, and what became of it
    Show {
        /// The permit's name, or its number such as GC-2026-000042
        permit: String,
    },
    /// Say why a permit is where it is, what is missing, and who can act
    Explain {
        /// The permit's name, or its number such as GC-2026-000042
        permit: String,
    },
    /// Tell what happened to a permit, to those before it and to those after it
    History {
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
        PermitCommand::Draft(args) => Box::pin(draft::run(ctx, &args)).await,
        PermitCommand::Request(args) => Box::pin(request::run(ctx, *args)).await,
        PermitCommand::Renew(args) => Box::pin(successor::renew(ctx, *args)).await,
        PermitCommand::Amend(args) => Box::pin(successor::amend(ctx, *args)).await,
        PermitCommand::Answer(args) => Box::pin(successor::answer(ctx, *args)).await,
        PermitCommand::Appeal(args) => Box::pin(successor::appeal(ctx, *args)).await,
        PermitCommand::Attach(args) => attach::run(ctx, &args).await,
        PermitCommand::Verify(args) => verify::run(ctx, &args).await,
        PermitCommand::List(args) => list::run(ctx, &args).await,
        PermitCommand::Show { permit } => show::run(ctx, &permit).await,
        PermitCommand::Explain { permit } => explain::run(ctx, &permit).await,
        PermitCommand::History { permit } => history::run(ctx, &permit).await,
        PermitCommand::Watch(args) => Box::pin(watch::run(ctx, args)).await,
        PermitCommand::Withdraw(args) => withdraw::run(ctx, &args).await,
        PermitCommand::Letter(args) => letter::run(ctx, &args).await,
        PermitCommand::Approve(args) => review::run(ctx, ReviewCommand::Approve(args)).await,
        PermitCommand::Deny(args) => review::run(ctx, ReviewCommand::Deny(args)).await,
        PermitCommand::Revoke(args) => review::run(ctx, ReviewCommand::Revoke(args)).await,
    }
}
