//! Rules over shared services and claims: what they share, and where each is.

use super::{Plan, Reservation, SharedService, SharedServiceSpec, Stage};
pub use super::{
    capacity::{exhausted, is_told, plan_in_force, reserved},
    credentials::credentials_allowed,
    drain::{current_service, draining, end_of, moves_to, warned},
    eligibility::{
        Standing, agency_of_claim, consented, describe_eligibility, describe_types, eligible, has_licence, ineligible,
        is_entitled,
    },
    ledger::{Applicant, Keeping, Ledger, MAX_RESERVATIONS, allocated, applicant, confirm_revoked, reserve},
};
use crate::{Resources, conditions::find};

impl SharedServiceSpec {
    /// The plan of that name.
    pub fn plan(&self, name: &str) -> Option<&Plan> {
        self.plans.iter().find(|plan| plan.name == name)
    }
}

impl SharedService {
    /// What is left of its capacity: what the status says, or all of it while nothing was counted yet.
    pub fn available(&self) -> Resources {
        self.status.as_ref().map_or_else(|| self.spec.capacity.clone(), |s| self.spec.capacity.minus(&s.allocated))
    }

    /// Whether new claims of it are served: it is published and does not end.
    pub fn is_offered(&self) -> bool {
        self.spec.stage == Stage::Published && self.spec.drain.is_none() && self.metadata.deletion_timestamp.is_none()
    }

    /// Whether a probe found it unhealthy; one that nobody probes counts as healthy.
    pub fn is_unhealthy(&self) -> bool {
        let conditions = self.status.as_ref().map(|s| s.conditions.as_slice()).unwrap_or_default();
        find(conditions, "Healthy").is_some_and(|c| c.status == "False" && c.reason != "NotProbed")
    }

    /// Its ledger, in the order of the claims' uids.
    pub fn reservations(&self) -> &[Reservation] {
        self.status.as_ref().map(|s| s.reservations.as_slice()).unwrap_or_default()
    }

    /// What the ledger says of a claim, also if the claim is over.
    pub fn reservation(&self, uid: &str) -> Option<&Reservation> {
        let all = self.reservations();
        all.binary_search_by(|r| r.uid.as_str().cmp(uid)).ok().map(|at| &all[at])
    }

    /// What a claim holds.
    pub fn holding(&self, uid: &str) -> Option<&Reservation> {
        self.reservation(uid).filter(|r| !r.revoking)
    }
}
