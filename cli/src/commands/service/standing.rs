//! What decides whether an agency may have a service: who it is, and which licences it holds.

use govcloud_crds::{
    Agency, ProcessingPermit, ServiceClaim, SharedService,
    conditions::Verdict,
    names::home_namespace,
    service::{
        Stage,
        rules::{self, eligible, has_licence},
    },
};
use jiff::Timestamp;

use crate::{
    context::{Context, if_readable},
    error::Result,
};

/// The caller's agency as far as it is known.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Its name, if it can be told.
    pub name: Option<String>,
    /// The agency, if the caller may read it.
    pub agency: Option<Agency>,
    /// Its permits; `None` if the caller may not read them.
    pub permits: Option<Vec<ProcessingPermit>>,
    /// Whether the caller looks after the whole catalogue, drafts included.
    pub publishes: bool,
    /// The present moment.
    pub now: Timestamp,
}

impl Standing {
    /// Asks the cluster who the caller acts for.
    pub async fn gather(ctx: &Context) -> Result<Self> {
        let name = ctx.agency_if_known().await?.map(str::to_owned);
        let (mut agency, mut permits) = (None, None);
        if let Some(name) = &name {
            agency = ctx.agency_if_readable(name).await?;
            permits = if_readable(ctx.list(ctx.namespaced(&home_namespace(name))).await)?;
        }
        // Before a service is published, its provider and those who publish it see it.
        let publishes = ctx.may("publish", "sharedservices", "").await?;
        Ok(Self { name, agency, permits, publishes, now: ctx.now })
    }

    /// Whether the caller sees a service: a draft is for its provider, and for who publishes it.
    pub fn sees(&self, service: &SharedService) -> bool {
        let own = self.name.as_ref() == Some(&service.spec.provider);
        service.spec.stage != Stage::Draft || own || self.publishes
    }

    /// Whether it has the licence that a service asks for; `None` if that cannot be told.
    pub fn licensed(&self, service: &SharedService) -> Option<bool> {
        let needs_none = service.spec.requires_licence.is_none().then_some(true);
        needs_none.or_else(|| self.permits.as_ref().map(|permits| has_licence(&service.spec, permits)))
    }

    /// What the operator would say of a claim. A licence that cannot be looked up is left to it.
    pub fn verdict(&self, claim: &ServiceClaim, service: &SharedService) -> Verdict {
        let licensed = self.licensed(service).unwrap_or(true);
        eligible(claim, Some(service), rules::Standing { agency: self.agency.as_ref(), licensed, now: self.now })
    }
}
