//! The ledger of a service: which claims hold its capacity.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use kube::ResourceExt;

use super::{
    Plan, Reservation, ServiceClaim, SharedService,
    drain::{current_service, moves_to},
    eligibility::{Standing, consented, eligible_with},
};
use crate::{
    Resources,
    permit::keeping::{Kept, kept_from, use_up},
};

/// How many claims a service's ledger can hold: a status must stay well below what etcd takes.
pub const MAX_RESERVATIONS: usize = 4096;

/// What of a service is kept for whom, while its ledger is made.
#[derive(Clone, Copy)]
pub struct Keeping<'a> {
    /// What is kept, and was not claimed yet.
    pub kept: &'a [Kept],
    /// The family of the agency whose claim it is.
    pub family_of: &'a dyn Fn(&ServiceClaim) -> String,
}

impl Keeping<'_> {
    /// Nothing is kept for anybody.
    pub const NOTHING: Keeping<'static> = Keeping { kept: &[], family_of: &|_| String::new() };
}

/// A claim that may hold capacity of a service.
#[derive(Clone, Copy, Debug)]
pub struct Applicant<'a> {
    /// The claim.
    pub claim: &'a ServiceClaim,
    /// The plan that it is to have; `None` if what it asks for is not to be had, and what it holds stays.
    pub wants: Option<&'a Plan>,
}

/// What a claim asks a service's ledger for; `None` if it has no right to anything there.
///
/// `serving` is the service that serves the claim at present, if that is there. It may be another one, which ends and hands
/// its claims on to this: then the claim is listed here first, and switches when it is. A claim that is listed here already
/// stays if that other one is deleted meanwhile.
pub fn applicant<'a>(
    claim: &'a ServiceClaim,
    service: &'a SharedService,
    serving: Option<&SharedService>,
    standing: Standing<'_>,
) -> Option<Applicant<'a>> {
    let uid = claim.metadata.uid.as_deref().filter(|_| claim.metadata.deletion_timestamp.is_none())?;
    let is_at_home = current_service(claim) == service.name_any();
    let plan = match serving {
        _ if is_at_home => claim.spec.plan.as_str(),
        None => plan_held(service, uid, claim)?,
        Some(other) if moves_to(other, service) => plan_held(service, uid, claim).or_else(|| plan_held(other, uid, claim))?,
        Some(_) => return None,
    };
    let may = eligible_with(claim, service, plan, standing).holds == Some(true);
    let agreed = consented(claim, service).is_none_or(|consent| consent.holds == Some(true));
    let is_open = |plan: &&Plan| standing.agency.is_some_and(|agency| plan.channel.admits(agency.spec.agency_type));
    (may && agreed).then(|| Applicant { claim, wants: service.spec.plan(plan).filter(is_open) })
}

fn plan_held<'a>(service: &'a SharedService, uid: &str, claim: &'a ServiceClaim) -> Option<&'a str> {
    Some(plan_of(service.holding(uid)?, claim))
}

/// A ledger of an older version does not say which plan.
fn plan_of<'a>(reservation: &'a Reservation, claim: &'a ServiceClaim) -> &'a str {
    if reservation.plan.is_empty() { &claim.spec.plan } else { &reservation.plan }
}

/// Who holds what, and how many wait.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// In the order of the claims' uids.
    pub reservations: Vec<Reservation>,
    /// How many applicants hold nothing.
    pub waiting: usize,
}

/// An applicant and what it has.
struct Row<'a> {
    claim: &'a ServiceClaim,
    wants: Option<&'a Plan>,
    has: Option<Reservation>,
}

/// The claims of a service that hold capacity, given who held it `before`.
///
/// - Who holds capacity keeps it as long as it applies. If its plan was enlarged, or it asks for another one, it keeps what
///   it has until all of the new fits; a plan that is smaller in everything is taken, and the rest given back, at once.
/// - Where a provisioner made credentials, what an applicant that is gone held stays taken, as `revoking`, until
///   [`confirm_revoked`]. The same claim is not served anew before that.
/// - What is kept for a family is given to its claims alone.
/// - What is left is given oldest first, to each entirely or not at all, until nothing that anybody waits for fits.
///
/// The sum never exceeds the capacity, unless the capacity was reduced below what is held. Made again of its own result, it
/// is the same.
pub fn reserve<'a>(
    service: &SharedService,
    before: &[Reservation],
    applicants: impl IntoIterator<Item = Applicant<'a>>,
    keeping: Keeping<'_>,
) -> Ledger {
    let applicants: Vec<_> = applicants.into_iter().collect();
    let mut reservations = revoking(service, before, &applicants);
    let blocked: BTreeSet<_> = reservations.iter().map(|r| r.uid.clone()).collect();
    let mut rows = rows(service, before, &applicants, &blocked);
    Giving::new(service, &reservations, &rows, keeping).all(&mut rows);
    let waiting = applicants.len() - rows.iter().filter(|row| row.has.is_some()).count();
    reservations.extend(rows.into_iter().filter_map(|row| row.has));
    reservations.sort_by(|a, b| a.uid.cmp(&b.uid));
    Ledger { reservations, waiting }
}

/// What is over and not confirmed yet. Without a provisioner there is nobody who could confirm it, and nothing to revoke.
fn revoking(service: &SharedService, before: &[Reservation], applicants: &[Applicant<'_>]) -> Vec<Reservation> {
    if service.spec.binding.provisioner.is_none() {
        return Vec::new();
    }
    let apply: BTreeSet<_> = applicants.iter().filter_map(|a| a.claim.metadata.uid.as_deref()).collect();
    let over = before.iter().filter(|r| r.revoking || !apply.contains(r.uid.as_str()));
    over.map(|r| Reservation { revoking: true, ..r.clone() }).collect()
}

/// The applicants, oldest first, each with what it holds; what is smaller than that is given back.
fn rows<'a>(
    service: &SharedService,
    before: &[Reservation],
    applicants: &[Applicant<'a>],
    blocked: &BTreeSet<String>,
) -> Vec<Row<'a>> {
    let held: BTreeMap<_, _> = before.iter().filter(|r| !r.revoking).map(|r| (r.uid.as_str(), r)).collect();
    let uid = |claim: &ServiceClaim| claim.metadata.uid.clone().unwrap_or_default();
    let free_to_ask = applicants.iter().filter(|a| !blocked.contains(&uid(a.claim)));
    let mut rows: Vec<_> = free_to_ask
        .map(|Applicant { claim, wants }| {
            let has = held.get(uid(claim).as_str()).map(|r| shrunk(r, claim, *wants, service));
            Row { claim, wants: *wants, has }
        })
        .collect();
    rows.sort_by_cached_key(|row| (row.claim.metadata.creation_timestamp.as_ref().map(|t| t.0), uid(row.claim)));
    rows
}

/// What a claim holds now that its plan may have become smaller, or it asks for a smaller one.
fn shrunk(held: &Reservation, claim: &ServiceClaim, wants: Option<&Plan>, service: &SharedService) -> Reservation {
    if let Some(plan) = wants.filter(|plan| plan.capacity.fits_in(&held.capacity)) {
        return reservation(claim, plan);
    }
    let plan = plan_of(held, claim);
    let capacity = service.spec.plan(plan).map_or_else(|| held.capacity.clone(), |plan| plan.capacity.capped_by(&held.capacity));
    Reservation { plan: plan.to_owned(), capacity, ..held.clone() }
}

fn reservation(claim: &ServiceClaim, plan: &Plan) -> Reservation {
    let uid = claim.metadata.uid.clone().unwrap_or_default();
    Reservation { uid, plan: plan.name.clone(), capacity: plan.capacity.clone(), revoking: false }
}

/// What is given to whom.
struct Giving<'a> {
    name: String,
    capacity: &'a Resources,
    used: Resources,
    left: Resources,
    count: usize,
    kept: Vec<Kept>,
    family_of: &'a dyn Fn(&ServiceClaim) -> String,
}

impl<'a> Giving<'a> {
    fn new(service: &'a SharedService, revoking: &[Reservation], rows: &[Row<'_>], keeping: Keeping<'a>) -> Self {
        let held = || revoking.iter().chain(rows.iter().filter_map(|row| row.has.as_ref()));
        let used: Resources = held().map(|r| &r.capacity).sum();
        let (capacity, count) = (&service.spec.capacity, held().count());
        let left = capacity.minus(&used);
        Self { name: service.name_any(), capacity, used, left, count, kept: keeping.kept.to_vec(), family_of: keeping.family_of }
    }

    /// Oldest first. Who changes to a plan with less of something makes room for an older one that was passed by, so it
    /// begins anew then.
    fn all(&mut self, rows: &mut [Row<'_>]) {
        let mut next = 0;
        while let Some(row) = rows.get_mut(next) {
            next = if self.one(row) { 0 } else { next + 1 };
        }
    }

    /// Gives a claim what it wants if it fits; whether that made room for others.
    fn one(&mut self, row: &mut Row<'_>) -> bool {
        let Some(plan) = row.wants else { return false };
        let has = row.has.as_ref();
        if has.is_some_and(|has| has.plan == plan.name && has.capacity == plan.capacity) {
            return false;
        }
        let nothing = Resources::default();
        let had = has.map_or(&nothing, |has| &has.capacity);
        let more = plan.capacity.minus(had);
        if !more.fits_in(&self.left) || (has.is_none() && self.count >= MAX_RESERVATIONS) || !self.is_not_kept(&more, row.claim) {
            return false;
        }
        let made_room = !had.fits_in(&plan.capacity);
        self.used = self.used.minus(had).plus(&plan.capacity);
        self.left = self.capacity.minus(&self.used);
        self.count += usize::from(has.is_none());
        row.has = Some(reservation(row.claim, plan));
        made_room
    }

    /// Whether others for whom something is kept lose nothing by it; then it is taken from what is kept for the claim's own.
    fn is_not_kept(&mut self, more: &Resources, claim: &ServiceClaim) -> bool {
        if self.kept.is_empty() {
            return true;
        }
        let family = (self.family_of)(claim);
        let fits = more.fits_in(&self.left.minus(&kept_from(&self.kept, &self.name, &family)));
        if fits {
            use_up(&mut self.kept, &self.name, &family, Timestamp::MAX, more.clone());
        }
        fits
    }
}

/// The ledger after the provisioner has confirmed that a claim's credentials are revoked: what it held is free.
pub fn confirm_revoked(reservations: &[Reservation], uid: &str) -> Vec<Reservation> {
    reservations.iter().filter(|r| !(r.revoking && r.uid == uid)).cloned().collect()
}

/// What reservations hold together.
pub fn allocated(reservations: &[Reservation]) -> Resources {
    reservations.iter().map(|r| &r.capacity).sum()
}

#[cfg(test)]
#[path = "ledger_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "ledger_properties.rs"]
mod properties;
