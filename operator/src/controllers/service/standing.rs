//! What the stores know of whoever's claim it is.

use std::sync::Arc;

use govcloud_crds::{
    Agency, ServiceClaim, SharedService,
    names::home_namespace,
    service::rules::{Standing, agency_of_claim, has_licence},
};
use jiff::Timestamp;
use kube::runtime::reflector::ObjectRef;

use crate::{index::within, stores::Stores};

/// What is known of a claim's agency.
pub struct Known {
    /// The agency.
    pub agency: Option<Arc<Agency>>,
    licensed: bool,
}

impl Known {
    /// What a claim of a service is judged by.
    pub fn of(claim: &ServiceClaim, service: &SharedService, stores: &Stores) -> Self {
        let name = agency_of_claim(claim);
        Self {
            agency: name.and_then(|name| stores.agencies.get(&ObjectRef::new(name))),
            licensed: name.is_some_and(|name| is_licensed(name, service, stores)),
        }
    }

    /// At a moment.
    pub fn standing(&self, now: Timestamp) -> Standing<'_> {
        Standing { agency: self.agency.as_deref(), licensed: self.licensed, now }
    }
}

fn is_licensed(agency: &str, service: &SharedService, stores: &Stores) -> bool {
    let Some(class) = &service.spec.requires_licence else { return true };
    let permits = stores.permits_in_class.get(&within(Some(&home_namespace(agency)), class));
    has_licence(&service.spec, permits.iter().map(|permit| &**permit))
}
