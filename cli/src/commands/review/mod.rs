//! `govcloud review`: what the ministry and the security authorities do.

pub mod facts;
pub mod narrow;
pub mod queue;
pub mod queue_view;
pub mod rules;
pub mod say;
pub mod show;
pub mod show_view;
pub mod verdict;
pub mod words;

use clap::Subcommand;
use govcloud_crds::permit::ReviewVerdict;

use crate::{context::Context, error::Result, exit::Exit};

/// `govcloud review`.
#[derive(Clone, Debug, Subcommand)]
pub enum ReviewCommand {
    /// See what waits for a decision, the oldest first
    Queue(queue::QueueArgs),
    /// Read a request beside what it would duplicate, and what it takes to decide it
    Show {
        /// The permit's number such as GC-2026-000042, or its name
        permit: String,
    },
    /// Approve a request
    Approve(verdict::ApproveArgs),
    /// Deny a request
    Deny(verdict::ReviewArgs),
    /// Ask the agency for more; its answer keeps its place in the queue
    Return(verdict::ReviewArgs),
    /// Stop what was approved for a while
    Suspend(verdict::ReviewArgs),
    /// Let what was suspended go on
    Resume(verdict::ReviewArgs),
    /// Take back what was approved
    Revoke(verdict::ReviewArgs),
}

/// Runs `govcloud review`.
pub async fn run(ctx: &Context, command: ReviewCommand) -> Result<Exit> {
    match command {
        ReviewCommand::Queue(args) => queue::run(ctx, &args).await,
        ReviewCommand::Show { permit } => show::run(ctx, &permit).await,
        ReviewCommand::Approve(args) => verdict::run(ctx, &args.into()).await,
        ReviewCommand::Deny(args) => verdict::run(ctx, &args.says(ReviewVerdict::Deny)).await,
        ReviewCommand::Return(args) => verdict::run(ctx, &args.says(ReviewVerdict::Return)).await,
        ReviewCommand::Suspend(args) => verdict::run(ctx, &args.says(ReviewVerdict::Suspend)).await,
        ReviewCommand::Resume(args) => verdict::run(ctx, &args.says(ReviewVerdict::Resume)).await,
        ReviewCommand::Revoke(args) => verdict::run(ctx, &args.says(ReviewVerdict::Revoke)).await,
    }
}
