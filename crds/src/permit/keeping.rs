//! Capacity that is kept for an agency whose request was found to be a duplicate, so that two are not sent to the same place.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::{AssessmentResult, OfferAssessment, OfferResult, Phase, ProcessingPermit};
use crate::Resources;

/// How long what was offered instead is kept: two weeks, in which an agency can read the answer, decide and claim.
pub const KEPT_FOR: SignedDuration = SignedDuration::from_hours(14 * 24);

/// Capacity of one plan of a service that is kept for an agency and its relatives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The service.
    pub service: String,
    /// The plan.
    pub plan: String,
    /// The root of the agency's family.
    pub family: String,
    /// What the requests asked for together that it is kept for.
    pub demand: Resources,
    /// What is kept: as many whole claims of the plan as hold the demand.
    pub capacity: Resources,
    /// Since when: claims that were made later take from it.
    pub since: Timestamp,
    /// When the first part of it ends.
    pub until: Timestamp,
}

/// A claim that holds capacity of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The service.
    pub service: String,
    /// The root of the family of the agency whose claim it is.
    pub family: String,
    /// What it holds.
    pub capacity: Resources,
    /// When the claim was made.
    pub since: Timestamp,
}

impl ProcessingPermit {
    /// The offer that was found instead of it and is, or was, kept for its agency.
    pub fn kept_offer(&self) -> Option<&OfferAssessment> {
        let assessment = self.status.as_ref()?.assessment.as_ref()?;
        let best = assessment.offers.first().filter(|_| assessment.result == AssessmentResult::Duplicate)?;
        (best.result == OfferResult::Fits && best.reserved_until.is_some()).then_some(best)
    }

    /// The service of [`Self::kept_offer`].
    pub fn kept_service(&self) -> Option<&str> {
        Some(self.kept_offer()?.offer.split_once('/')?.0)
    }

    /// Whether the agency may still decide to use what was found instead: the request waits, or was denied. One that was
    /// approved or taken back needs it no more.
    fn may_use_it(&self) -> bool {
        let phase = self.status.as_ref().map(|s| s.phase).unwrap_or_default();
        matches!(phase, Phase::Pending | Phase::UnderReview | Phase::Returned | Phase::Denied) && !self.spec.withdrawn
    }
}

/// The uids of permits that another one, which was assessed itself, answers or appeals against: it is asked for once.
pub fn asked_again<'a>(permits: impl IntoIterator<Item = &'a ProcessingPermit>) -> BTreeSet<String> {
    let assessed = |p: &&ProcessingPermit| p.status.as_ref().is_some_and(|s| s.assessment.is_some());
    permits.into_iter().filter(assessed).filter_map(|p| p.prior_uid().map(str::to_owned)).collect()
}

/// What is kept at `now` because of the duplicates among `permits`; those that `is_over` says so of keep nothing.
///
/// Requests of one family that were sent to the same plan are kept together: many small ones keep as many claims as one
/// large one does, so nobody keeps a service from others by slicing.
pub fn kept<'a>(
    permits: impl IntoIterator<Item = &'a ProcessingPermit>,
    is_over: impl Fn(&ProcessingPermit) -> bool,
    family_of: impl Fn(&ProcessingPermit) -> Option<String>,
    plan_of: impl Fn(&str, &str) -> Option<Resources>,
    now: Timestamp,
) -> Vec<Kept> {
    let mut groups: BTreeMap<(&str, &str, String), (Resources, Timestamp, Timestamp)> = BTreeMap::new();
    for permit in permits.into_iter().filter(|p| p.may_use_it() && !is_over(p)) {
        let Some((offer, assessment)) = permit.kept_offer().zip(permit.status.as_ref().and_then(|s| s.assessment.as_ref()))
        else {
            continue;
        };
        let Some(until) = offer.reserved_until.as_ref().map(|t| t.0).filter(|until| *until > now) else { continue };
        let (Some((service, plan)), Some(family)) = (offer.offer.split_once('/'), family_of(permit)) else { continue };
        let since = assessment.assessed_at.0;
        let group = groups.entry((service, plan, family)).or_insert((Resources::default(), since, until));
        *group = (group.0.plus(&assessment.demand), group.1.min(since), group.2.min(until));
    }
    let kept = groups.into_iter().filter_map(|((service, plan, family), (demand, since, until))| {
        let one = plan_of(service, plan)?;
        let capacity = one.times(claims_for(&demand, &one)?);
        let (service, plan) = (service.to_owned(), plan.to_owned());
        Some(Kept { service, plan, family, demand, capacity, since, until })
    });
    kept.collect()
}

/// How many claims of a plan hold a demand, at least one; `None` if no number does.
pub fn claims_for(demand: &Resources, plan: &Resources) -> Option<i64> {
    let needed = demand.0.iter().map(|(dimension, amount)| amount.divide_up(plan.get(dimension)));
    Some(needed.collect::<Option<Vec<_>>>()?.into_iter().max().unwrap_or(0).max(1))
}

/// What is still kept, given which claims hold capacity: a claim of the family that was made since takes from what is kept
/// for it.
pub fn after_claims(mut kept: Vec<Kept>, held: impl IntoIterator<Item = Held>) -> Vec<Kept> {
    for claim in held {
        use_up(&mut kept, &claim.service, &claim.family, claim.since, claim.capacity);
    }
    kept.retain(|kept| !kept.capacity.clone().without_zeros().is_empty());
    kept
}

/// Takes what a family got from what is kept for it.
pub fn use_up(kept: &mut [Kept], service: &str, family: &str, since: Timestamp, mut got: Resources) {
    for kept in kept.iter_mut().filter(|k| k.service == service && k.family == family && k.since <= since) {
        let before = kept.capacity.clone();
        (kept.capacity, kept.demand) = (before.minus(&got), kept.demand.minus(&got));
        got = got.minus(&before);
    }
}

/// What is kept of a service for others than `family`.
pub fn kept_from(kept: &[Kept], service: &str, family: &str) -> Resources {
    kept.iter().filter(|k| k.service == service && k.family != family).map(|k| &k.capacity).sum()
}

/// What each plan of each service takes for one claim, as [`kept`] asks for it.
pub fn plan_sizes<'a>(services: impl IntoIterator<Item = &'a crate::SharedService>) -> BTreeMap<(String, String), Resources> {
    let plans = |service: &'a crate::SharedService| {
        let name = service.metadata.name.clone().unwrap_or_default();
        service.spec.plans.iter().map(move |plan| ((name.clone(), plan.name.clone()), plan.capacity.clone()))
    };
    services.into_iter().flat_map(plans).collect()
}

#[cfg(test)]
#[path = "keeping_tests.rs"]
mod tests;
