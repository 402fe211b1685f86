//! `govcloud quota`.

mod bars;
mod explain;
mod explain_view;
mod show;

use std::collections::BTreeSet;

use clap::Subcommand;
use govcloud_crds::{
    AgencyQuota, Resources,
    names::{GROUP, QUOTA_NAME},
};
use k8s_openapi::api::{
    authorization::v1::{ResourceRule, SelfSubjectRulesReview, SelfSubjectRulesReviewSpec},
    core::v1::ResourceQuota,
};
use kube::{Api, ResourceExt as _, api::PostParams};

use crate::{
    context::{Context, if_readable},
    error::{CliError, Kind, Result},
    exit::Exit,
};

/// `govcloud quota`.
#[derive(Clone, Debug, Subcommand)]
pub enum QuotaCommand {
    /// Show what an agency is promised, what its projects were given, and what they use
    Show {
        /// The agency [default: yours]
        agency: Option<String>,
    },
    /// Say why a project has less than it asks for, and what would help
    Explain {
        /// The project
        project: String,
    },
}

/// Runs `govcloud quota`.
pub async fn run(ctx: &Context, command: QuotaCommand) -> Result<Exit> {
    match command {
        QuotaCommand::Show { agency } => show::run(ctx, agency).await,
        QuotaCommand::Explain { project } => Box::pin(explain::run(ctx, &project)).await,
    }
}

/// The quotas that the caller may read.
#[derive(Debug)]
pub struct Quotas {
    /// Oldest first.
    pub readable: Vec<AgencyQuota>,
    /// Whether these are all that there are.
    pub all: bool,
}

/// All quotas. Who may not list them reads by name: that of the agency's name, and those that the caller's rights name.
pub async fn quotas(ctx: &Context, agency: &str) -> Result<Quotas> {
    let api: Api<AgencyQuota> = Api::all(ctx.client.clone());
    let (mut readable, all) = match ctx.list(api.clone()).await {
        Ok(all) => (all, true),
        Err(error) if error.kind() == Kind::Forbidden => (by_name(ctx, &api, agency).await?, false),
        Err(error) => return Err(error),
    };
    readable.sort_by_key(|quota| (quota.metadata.creation_timestamp.as_ref().map(|time| time.0), quota.name_any()));
    Ok(Quotas { readable, all })
}

async fn by_name(ctx: &Context, api: &Api<AgencyQuota>, agency: &str) -> Result<Vec<AgencyQuota>> {
    let mut names: BTreeSet<String> = names_in_rights(ctx).await?.into_iter().collect();
    names.insert(agency.to_owned());
    let mut quotas = Vec::new();
    for name in names {
        quotas.extend(if_readable(api.get(&name).await.map_err(CliError::from))?);
    }
    Ok(quotas)
}

/// The quotas that the caller's rights name. Not every authorizer can tell; then there are none.
async fn names_in_rights(ctx: &Context) -> Result<Vec<String>> {
    let spec = SelfSubjectRulesReviewSpec { namespace: Some("default".into()) };
    let review = SelfSubjectRulesReview { spec, ..SelfSubjectRulesReview::default() };
    let reviewed = Api::<SelfSubjectRulesReview>::all(ctx.client.clone()).create(&PostParams::default(), &review).await;
    let rules = if_readable(reviewed.map_err(CliError::from))?.and_then(|review| review.status).unwrap_or_default();
    Ok(rules.resource_rules.into_iter().filter(names_quotas).flat_map(|rule| rule.resource_names.unwrap_or_default()).collect())
}

fn names_quotas(rule: &ResourceRule) -> bool {
    let has = |list: &Option<Vec<String>>, word: &str| list.iter().flatten().any(|one| one == word);
    has(&rule.api_groups, GROUP) && has(&rule.resources, "agencyquotas") && has(&Some(rule.verbs.clone()), "get")
}

/// What is in use in a project's namespace, as its ResourceQuota counts it; `None` if that cannot be read.
async fn in_use(ctx: &Context, namespace: &str) -> Result<Option<Resources>> {
    let api: Api<ResourceQuota> = ctx.namespaced(namespace);
    let quota = if_readable(api.get(QUOTA_NAME).await.map_err(CliError::from))?;
    Ok(quota.map(|quota| {
        let used = quota.status.and_then(|status| status.used).unwrap_or_default();
        used.into_iter().filter_map(|(key, amount)| Some((key, amount.0.parse().ok()?))).collect()
    }))
}
