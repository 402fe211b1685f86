//! `govcloud service`.

pub mod claim;
pub mod claim_view;
pub mod list;
pub mod search;
pub mod show;

use clap::Subcommand;

use crate::{context::Context, error::Result, exit::Exit};

/// `govcloud service`.
#[derive(Clone, Debug, Subcommand)]
pub enum ServiceCommand {
    /// List the catalogue
    #[command(visible_alias = "ls")]
    List,
    /// Find services, those that fit your agency first
    Search {
        /// Words that all must occur: in names, classes, protocols, zones or channels
        #[arg(required = true, value_name = "WORDS")]
        words: Vec<String>,
    },
    /// Show a service and its plans
    Show {
        /// The service
        name: String,
    },
    /// Claim a plan of a service for a project
    Claim(claim::ClaimArgs),
}

/// Runs `govcloud service`.
pub async fn run(ctx: &Context, command: ServiceCommand) -> Result<Exit> {
    match command {
        ServiceCommand::List => list::run(ctx).await,
        ServiceCommand::Search { words } => search::run(ctx, &words).await,
        ServiceCommand::Show { name } => show::run(ctx, &name).await,
        ServiceCommand::Claim(args) => claim::run(ctx, args).await,
    }
}
