//! What is kept of shared services for agencies that were sent to them, gathered from the stores.

use std::sync::{Arc, PoisonError};

use govcloud_crds::{
    Agency, ProcessingPermit, Resources, ServiceClaim, SharedService,
    agency::family,
    names::{agency_of_home, home_namespace},
    permit::{
        keeping::{Held, Kept, after_claims, kept, plan_sizes},
        year::granted_in_year,
    },
    service::rules::agency_of_claim,
};
use kube::{ResourceExt, runtime::reflector::ObjectRef};

use crate::{context::Context, index::within, stores::Stores};

/// The family of an agency, by the agencies that there are.
pub fn family_of(agency: &str, stores: &Stores) -> String {
    family(agency, |name| stores.agencies.get(&ObjectRef::<Agency>::new(name))?.spec.parent.clone())
}

/// The family of the agency whose claim it is.
pub fn family_of_claim(claim: &ServiceClaim, stores: &Stores) -> String {
    agency_of_claim(claim).map(|agency| family_of(agency, stores)).unwrap_or_default()
}

/// What the family was granted of a request's class within a year.
pub fn granted(permit: &ProcessingPermit, family: &str, context: &Context) -> Resources {
    let stores = &context.stores;
    let relatives = stores.agencies.state().into_iter().filter(|agency| family_of(&agency.name_any(), stores) == family);
    let class = &permit.spec.processing_class;
    let permits: Vec<_> = relatives
        .flat_map(|agency| stores.permits_in_class.get(&within(Some(&home_namespace(&agency.name_any())), class)))
        .collect();
    granted_in_year(permits.iter().map(|p| &**p), class, Some(permit), context.now())
}

/// What is kept of the services, and was not claimed yet. What a request that is `asking` again was kept is not among it.
pub fn kept_of(services: &[Arc<SharedService>], asking: Option<&ProcessingPermit>, context: &Context) -> Vec<Kept> {
    let stores = &context.stores;
    let filed: Vec<_> = services.iter().flat_map(|service| stores.permits_kept_at.get(&service.name_any())).collect();
    // What this process assessed a moment ago may not be in the store yet.
    let mut recent = context.kept_lately.lock().unwrap_or_else(PoisonError::into_inner);
    recent.retain(|_, permit| {
        let live = stores.permits.get(&ObjectRef::from_obj(permit));
        live.is_some_and(|live| {
            live.metadata.uid == permit.metadata.uid && live.status.as_ref().is_none_or(|s| s.assessment.is_none())
        })
    });
    let at = |permit: &ProcessingPermit| permit.kept_service().is_some_and(|name| services.iter().any(|s| s.name_any() == name));
    let permits = filed.iter().map(|p| &**p).chain(recent.values().filter(|p| at(p)));
    let sizes = plan_sizes(services.iter().map(|s| &**s));
    let plan_of = |service: &str, plan: &str| sizes.get(&(service.to_owned(), plan.to_owned())).cloned();
    let family = |permit: &ProcessingPermit| Some(family_of(agency_of_home(permit.metadata.namespace.as_deref()?)?, stores));
    let found = kept(permits, |permit| asked_again(permit, asking, stores), family, plan_of, context.now());
    if found.is_empty() {
        return found;
    }
    let held: Vec<_> =
        services.iter().filter(|s| found.iter().any(|k| k.service == s.name_any())).flat_map(|s| held(s, stores)).collect();
    after_claims(found, held)
}

/// Whether another permit, which was assessed or is being so, answers or appeals against this one.
fn asked_again(permit: &ProcessingPermit, asking: Option<&ProcessingPermit>, stores: &Stores) -> bool {
    let name = permit.name_any();
    let again = |other: &ProcessingPermit| {
        other.metadata.namespace == permit.metadata.namespace && other.spec.prior.as_deref() == Some(&name)
    };
    let others = stores.successors_of.get(&within(permit.metadata.namespace.as_deref(), &name));
    asking.is_some_and(again)
        || others.iter().any(|other| other.prior_uid().is_some() && other.prior_uid() == permit.metadata.uid.as_deref())
}

/// The claims that hold capacity of a service.
fn held(service: &SharedService, stores: &Stores) -> Vec<Held> {
    let name = service.name_any();
    let claims = stores.claims_at.get(&name);
    let held = claims.iter().filter_map(|claim| {
        let row = service.holding(claim.metadata.uid.as_deref()?)?;
        Some(Held {
            service: name.clone(),
            family: family_of_claim(claim, stores),
            capacity: row.capacity.clone(),
            since: claim.metadata.creation_timestamp.as_ref()?.0,
        })
    });
    held.collect()
}
