//! Reads what reports are made of, as far as the caller may.

use std::collections::BTreeMap;

use govcloud_crds::{
    Agency, AgencyQuota, CapacityPool, GovernmentCloud, ProcessingClass, ProcessingFinding, ProcessingPermit, SharedService,
    names::{CLOUD_NAME, agency_of_home, home_namespace},
};
use k8s_openapi::NamespaceResourceScope;
use kube::{Api, Resource};
use serde::de::DeserializeOwned;

use super::Which;
use crate::{
    commands::quota,
    context::{Context, if_readable},
    error::{CliError, Result},
};

/// A kind that reports are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// Permits.
    Permits,
    /// Findings.
    Findings,
    /// Agencies.
    Agencies,
    /// Shared services.
    Services,
    /// Pools.
    Pools,
    /// Agencies' shares of pools.
    Quotas,
    /// The GovernmentCloud.
    Cloud,
    /// Classes, which give things their names.
    Classes,
}

impl Source {
    /// All of them.
    pub const ALL: [Self; 8] =
        [Self::Permits, Self::Findings, Self::Agencies, Self::Services, Self::Pools, Self::Quotas, Self::Cloud, Self::Classes];

    /// Whether a report shows something of it.
    pub fn is_for(self, which: Which) -> bool {
        match self {
            Self::Permits | Self::Findings => true,
            Self::Classes | Self::Services => matches!(which, Which::Capacity | Which::Duplicates),
            Self::Agencies | Self::Cloud => which == Which::Compliance,
            Self::Pools | Self::Quotas => which == Which::Capacity,
        }
    }

    /// What is missing without it, and as what kubectl knows it.
    fn in_words(self) -> (&'static str, &'static str) {
        match self {
            Self::Permits => ("permits", "processingpermits"),
            Self::Findings => ("findings", "processingfindings"),
            Self::Agencies => ("agencies", "agencies"),
            Self::Services => ("shared services", "sharedservices"),
            Self::Pools => ("pools", "capacitypools"),
            Self::Quotas => ("shares of pools", "agencyquotas"),
            Self::Cloud => ("interruptions of enforcement", "governmentclouds"),
            Self::Classes => ("names of classes", "processingclasses"),
        }
    }
}

/// What reports are made of. What could not be read is `None`.
#[derive(Clone, Debug, Default)]
pub struct Gathered {
    /// The only agency that it is about.
    pub agency: Option<String>,
    /// Permits of all agencies, or of that one.
    pub permits: Option<Vec<ProcessingPermit>>,
    /// Findings about all, or about that one.
    pub findings: Option<Vec<ProcessingFinding>>,
    /// All agencies, or that one.
    pub agencies: Option<Vec<Agency>>,
    /// The catalogue.
    pub services: Option<Vec<SharedService>>,
    /// All pools.
    pub pools: Option<Vec<CapacityPool>>,
    /// All shares, or those of the agency.
    pub quotas: Option<Vec<AgencyQuota>>,
    /// The GovernmentCloud.
    pub cloud: Option<GovernmentCloud>,
    /// All classes by name.
    pub classes: Option<BTreeMap<String, ProcessingClass>>,
    /// What was asked for and could not be read.
    pub missing: Vec<Source>,
}

impl Gathered {
    /// What is missing, each in a sentence.
    pub fn not_included(&self) -> Vec<String> {
        let sentence = |source: &Source| {
            let (what, resource) = source.in_words();
            format!("{what}: you may not read {resource}, or there are none")
        };
        self.missing.iter().map(sentence).collect()
    }

    /// A class as people know it.
    pub fn class_name(&self, class: &str) -> String {
        let known = self.classes.as_ref().and_then(|classes| classes.get(class));
        known.map_or_else(|| class.to_owned(), |class| class.spec.display_name.clone())
    }
}

/// The agency in whose home something is kept; empty for what belongs to none.
pub fn agency_of<K: kube::ResourceExt>(object: &K) -> String {
    object.namespace().as_deref().and_then(agency_of_home).unwrap_or_default().to_owned()
}

/// Reads these kinds: of all agencies, or of one if the caller names it or may see no more.
pub async fn gather(ctx: &Context, sources: &[Source]) -> Result<Gathered> {
    let mut gathered = Gathered { agency: ctx.flagged_agency().map(str::to_owned), ..Gathered::default() };
    of_homes(ctx, &mut gathered).await?;
    if sources.contains(&Source::Agencies) {
        gathered.agencies = agencies(ctx, gathered.agency.as_deref()).await?;
    }
    if sources.contains(&Source::Services) {
        gathered.services = if_readable(ctx.services().await)?;
    }
    if sources.contains(&Source::Classes) {
        gathered.classes = if_readable(ctx.classes().await)?;
    }
    if sources.contains(&Source::Pools) {
        gathered.pools = if_readable(ctx.list(Api::all(ctx.client.clone())).await)?;
    }
    if sources.contains(&Source::Quotas) {
        gathered.quotas = quotas(ctx, gathered.agency.as_deref()).await?;
    }
    if sources.contains(&Source::Cloud) {
        let clouds: Api<GovernmentCloud> = Api::all(ctx.client.clone());
        gathered.cloud = if_readable(clouds.get(CLOUD_NAME).await.map_err(CliError::from))?;
    }
    gathered.missing = sources.iter().copied().filter(|source| is_missing(*source, &gathered)).collect();
    Ok(gathered)
}

fn is_missing(source: Source, gathered: &Gathered) -> bool {
    match source {
        Source::Permits => gathered.permits.is_none(),
        Source::Findings => gathered.findings.is_none(),
        Source::Agencies => gathered.agencies.is_none(),
        Source::Services => gathered.services.is_none(),
        Source::Pools => gathered.pools.is_none(),
        Source::Quotas => gathered.quotas.is_none(),
        Source::Cloud => gathered.cloud.is_none(),
        Source::Classes => gathered.classes.is_none(),
    }
}

/// What stands in agencies' homes. Who may see neither permits nor findings of all sees those of their own.
async fn of_homes(ctx: &Context, gathered: &mut Gathered) -> Result<()> {
    if gathered.agency.is_none() {
        gathered.permits = if_readable(ctx.list(Api::all(ctx.client.clone())).await)?;
        gathered.findings = if_readable(ctx.list(Api::all(ctx.client.clone())).await)?;
        if gathered.permits.is_some() || gathered.findings.is_some() {
            return Ok(());
        }
        gathered.agency = Some(ctx.agency().await?.to_owned());
    }
    let home = home_namespace(gathered.agency.as_deref().unwrap_or_default());
    gathered.permits = in_home(ctx, &home).await?;
    gathered.findings = in_home(ctx, &home).await?;
    Ok(())
}

async fn in_home<K>(ctx: &Context, home: &str) -> Result<Option<Vec<K>>>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + std::fmt::Debug + DeserializeOwned,
{
    if_readable(ctx.list(ctx.namespaced(home)).await)
}

async fn agencies(ctx: &Context, only: Option<&str>) -> Result<Option<Vec<Agency>>> {
    match only {
        Some(agency) => Ok(ctx.agency_if_readable(agency).await?.map(|agency| vec![agency])),
        None => if_readable(ctx.list(Api::all(ctx.client.clone())).await),
    }
}

async fn quotas(ctx: &Context, only: Option<&str>) -> Result<Option<Vec<AgencyQuota>>> {
    match only {
        Some(agency) => {
            let mut quotas = quota::quotas(ctx, agency).await?.readable;
            quotas.retain(|quota| quota.spec.agency == agency);
            quotas.sort_by_key(kube::ResourceExt::name_any);
            Ok((!quotas.is_empty()).then_some(quotas))
        }
        None => if_readable(ctx.list(Api::all(ctx.client.clone())).await),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_said_and_nothing_else() {
        let gathered = Gathered { missing: vec![Source::Quotas], ..Gathered::default() };
        assert_eq!(gathered.not_included(), ["shares of pools: you may not read agencyquotas, or there are none"]);
        assert!(Gathered::default().not_included().is_empty());
    }

    #[test]
    fn every_kind_is_asked_for_by_some_report_and_all_of_them_by_the_whole() {
        for source in Source::ALL {
            let by = [Which::Duplicates, Which::Capacity, Which::Compliance].into_iter().filter(|which| source.is_for(*which));
            assert!(by.count() > 0, "{source:?}");
        }
        assert_eq!(Which::All.sources(), Source::ALL);
        assert!(!Which::Compliance.sources().contains(&Source::Pools));
    }

    #[test]
    fn a_class_nobody_knows_keeps_its_name() {
        assert_eq!(Gathered::default().class_name("message-broker"), "message-broker");
    }
}
