//! `govcloud service`.

pub mod change;
pub mod check;
pub mod claim;
pub mod claim_view;
pub mod claimed;
pub mod claims;
pub mod consent;
pub mod draft;
pub mod drain;
pub mod fit;
pub mod list;
pub mod publish;
pub mod release;
pub mod rotate;
pub mod search;
pub mod show;
pub mod standing;

use clap::Subcommand;

use crate::{context::Context, error::Result, exit::Exit};

/// `govcloud service`.
#[derive(Clone, Debug, Subcommand)]
pub enum ServiceCommand {
    /// List the catalogue
    #[command(visible_alias = "ls")]
    List,
    /// Find services, those that fit your agency first; says of the others why not
    Search {
        /// Words that all must occur: in names, descriptions, classes, protocols, zones or channels
        #[arg(required = true, value_name = "WORDS")]
        words: Vec<String>,
    },
    /// Show a service, its plans, and what a claim of it takes and gives
    Show {
        /// The service
        name: String,
    },
    /// Claim a plan of a service for a project
    Claim(claim::ClaimArgs),
    /// List what your agency's projects claim, and what it has without asking
    Claims(claims::ClaimsArgs),
    /// Change a claim to another plan; it keeps what it has until there is room
    Change(change::ChangeArgs),
    /// Have new credentials made for a claim
    Rotate(rotate::RotateArgs),
    /// Give a claim back
    Release(release::ReleaseArgs),
    /// Draft a service that your agency provides
    Draft(draft::DraftArgs),
    /// Put a draft into the catalogue: for cloud operators
    Publish(publish::PublishArgs),
    /// End a service on a day, with its claims moved or warned: for cloud operators
    Drain(drain::DrainArgs),
    /// See who asks for spare capacity that your agency shares
    Requests,
    /// Agree to a claim of spare capacity that your agency shares, or take that back
    Consent(consent::ConsentArgs),
}

/// Runs `govcloud service`.
pub async fn run(ctx: &Context, command: ServiceCommand) -> Result<Exit> {
    match command {
        ServiceCommand::List => list::run(ctx).await,
        ServiceCommand::Search { words } => search::run(ctx, &words).await,
        ServiceCommand::Show { name } => show::run(ctx, &name).await,
        ServiceCommand::Claim(args) => claim::run(ctx, args).await,
        ServiceCommand::Claims(args) => claims::run(ctx, &args).await,
        ServiceCommand::Change(args) => Box::pin(change::run(ctx, &args)).await,
        ServiceCommand::Rotate(args) => Box::pin(rotate::run(ctx, &args)).await,
        ServiceCommand::Release(args) => release::run(ctx, &args).await,
        ServiceCommand::Draft(args) => draft::run(ctx, &args).await,
        ServiceCommand::Publish(args) => publish::run(ctx, &args).await,
        ServiceCommand::Drain(args) => drain::run(ctx, &args).await,
        ServiceCommand::Requests => consent::requests(ctx).await,
        ServiceCommand::Consent(args) => Box::pin(consent::run(ctx, &args)).await,
    }
}
