//! The shared services that agencies must use, as the stores have it.

use std::sync::Arc;

use govcloud_crds::{
    Agency, ServiceClaim, SharedService,
    service::obligation::{Duty, duties},
};
use kube::ResourceExt;

use crate::context::Context;

/// The services that some agency must use.
pub fn obliging(context: &Context) -> Vec<Arc<SharedService>> {
    context.stores.services.state_filter(|service| service.spec.obligation.is_some())
}

/// How an agency stands with those of the services that it must use.
pub fn duties_of<'a>(agency: &Agency, services: &'a [Arc<SharedService>], context: &Context) -> Vec<Duty<'a>> {
    if services.is_empty() {
        return Vec::new();
    }
    let claims = context.stores.claims_of.get(&agency.name_any());
    let claims: Vec<&ServiceClaim> = claims.iter().map(|claim| &**claim).collect();
    duties(agency, services.iter().map(|service| &**service), &claims, context.now())
}
