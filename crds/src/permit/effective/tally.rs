//! What the reviews of a permit make of it, as they are read one after the other.

use std::collections::BTreeSet;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;

use super::Policy;
use crate::{
    Quantity, Resources,
    class::Quorum,
    permit::{
        Automatic, CountedReview, Decision, Intent, PermitReview, Phase, ProcessingPermit, ProcessingPermitStatus, ReviewVerdict,
        Target, demand,
    },
};

/// What a review does to the count, as the reviews are read one after the other.
pub(super) struct Tally<'a> {
    permit: &'a ProcessingPermit,
    policy: &'a Policy,
    duplicate: bool,
    pub(super) reviews: Vec<CountedReview>,
    /// Who approved, in which group; one person is in it once.
    approvals: BTreeSet<(String, String)>,
    revocations: BTreeSet<(String, String)>,
    pub(super) decision: Option<Decision>,
    pub(super) targets: Vec<Target>,
    suspended: bool,
    revoked: Option<Timestamp>,
}

impl<'a> Tally<'a> {
    pub(super) fn new(permit: &'a ProcessingPermit, policy: &'a Policy, duplicate: bool) -> Self {
        Self {
            permit,
            policy,
            duplicate,
            reviews: Vec::new(),
            approvals: BTreeSet::new(),
            revocations: BTreeSet::new(),
            decision: None,
            targets: permit.spec.targets.clone(),
            suspended: false,
            revoked: None,
        }
    }

    /// What is decided without a person: a duplicate that the class denies, or what nobody has to approve. Who asks for less
    /// of what they have builds nothing, whatever is offered elsewhere by now.
    pub(super) fn decide_at_once(&mut self, at: Timestamp) {
        let at = Time(at);
        if self.duplicate && self.policy.denies_duplicates() && !self.policy.waives_everything() {
            let reason = "A shared service offers the same, and this class denies duplicates.".to_owned();
            self.decision = Some(Decision { verdict: ReviewVerdict::Deny, at, capacity: Resources::default(), reason });
            return;
        }
        let automatic = self.policy.pinned.automatic.as_ref().filter(|_| self.missing().is_empty());
        let approved = |automatic: &Automatic| {
            let (capacity, reason) = (demand(&self.targets), automatic.reason.clone());
            Decision { verdict: ReviewVerdict::Approve, at, capacity, reason }
        };
        self.decision = automatic.map(approved);
    }

    /// A review that was judged before.
    pub(super) fn recall(&mut self, row: &CountedReview, review: Option<&PermitReview>) {
        if row.counted {
            self.apply(row, review);
        }
        self.reviews.push(row.clone());
    }

    /// A review that was not judged yet.
    pub(super) fn count(&mut self, review: &PermitReview) {
        let (spec, objection) = (&review.spec, self.objection(review));
        let row = CountedReview {
            name: review.name_any(),
            reviewer: spec.reviewer.clone(),
            group: spec.group.clone(),
            verdict: spec.verdict,
            counted: objection.is_none(),
            because: objection,
        };
        self.recall(&row, Some(review));
    }

    /// Why a review does not count, in words.
    fn objection(&self, review: &PermitReview) -> Option<String> {
        let (spec, permit) = (&review.spec, self.permit);
        let status = permit.status.as_ref();
        if Some(&spec.permit.uid) != permit.metadata.uid.as_ref()
            || Some(&spec.permit.digest) != status.and_then(|s| s.digest.as_ref())
        {
            return Some("it pins another request than this one".into());
        }
        let barred = self.policy.bars(review, &permit.spec.requested_by);
        barred.or_else(|| self.untimely(review)).or_else(|| {
            let overrides = spec.override_duplicate || !self.duplicate || spec.verdict != ReviewVerdict::Approve;
            (!overrides).then(|| "the assessment says Duplicate, and the review does not override it".into())
        })
    }

    /// Why a verdict comes at the wrong time.
    fn untimely(&self, review: &PermitReview) -> Option<String> {
        let verdict = review.spec.verdict;
        if verdict == ReviewVerdict::Approve && self.is_late_approval(&review.spec.reviewer) {
            return None;
        }
        if matches!(verdict, ReviewVerdict::Approve | ReviewVerdict::Deny | ReviewVerdict::Return) {
            let decided = self.decision.as_ref().map(|d| format!("the request was decided before ({})", d.verdict));
            return decided.or_else(|| self.over());
        }
        let approved = self.decision.as_ref().filter(|d| d.verdict == ReviewVerdict::Approve);
        let given = review.metadata.creation_timestamp.as_ref().map(|given| given.0);
        if approved.is_none_or(|d| given.is_some_and(|given| given < d.at.0)) {
            return Some("the request was not approved".into());
        }
        if self.revoked.is_some() {
            return Some("the permit is revoked already".into());
        }
        if given.is_some_and(|given| self.ends().is_some_and(|end| given >= end)) {
            return Some("the permit's time was over".into());
        }
        let resumes_nothing = verdict == ReviewVerdict::Resume && !self.suspended;
        self.over().or_else(|| resumes_nothing.then(|| "the permit is not suspended".into()))
    }

    fn over(&self) -> Option<String> {
        let phase = self.permit.status.as_ref().map(|status| status.phase)?;
        phase.is_over().then(|| format!("the permit is over already ({phase})"))
    }

    /// Whether an approval looks at an emergency afterwards, by somebody who has not yet.
    fn is_late_approval(&self, reviewer: &str) -> bool {
        !self.afterwards().is_empty() && !self.approvals.iter().any(|(person, _)| person == reviewer)
    }

    /// Of an emergency that was approved by one: who must still look at it.
    pub(super) fn afterwards(&self) -> Vec<Quorum> {
        let approved = self.decision.as_ref().is_some_and(|d| d.verdict == ReviewVerdict::Approve);
        if !approved || self.permit.spec.intent != Intent::Emergency {
            return Vec::new();
        }
        unmet(&self.policy.in_full(self.duplicate), &self.approvals)
    }

    fn apply(&mut self, row: &CountedReview, review: Option<&PermitReview>) {
        match row.verdict {
            ReviewVerdict::Approve => self.approve(row, review),
            ReviewVerdict::Deny | ReviewVerdict::Return => self.decide(row, review),
            ReviewVerdict::Suspend => self.suspended = true,
            ReviewVerdict::Resume => self.suspended = false,
            ReviewVerdict::Revoke => {
                add_once(&mut self.revocations, row);
                if self.revoked.is_none() && unmet(&self.policy.pinned.approval.quorum, &self.revocations).is_empty() {
                    self.revoked = Some(self.given(review));
                }
            }
        }
    }

    fn approve(&mut self, row: &CountedReview, review: Option<&PermitReview>) {
        add_once(&mut self.approvals, row);
        if self.decision.is_some() {
            return; // afterwards, which changes nothing of what was granted
        }
        if let Some(review) = review {
            narrow(&mut self.targets, review);
        }
        if self.missing().is_empty() {
            self.decide(row, review);
        }
    }

    /// When a review was given; if somebody removed it, when the status says that it had its effect.
    fn given(&self, review: Option<&PermitReview>) -> Timestamp {
        let given = review.and_then(|review| review.metadata.creation_timestamp.as_ref());
        let recorded = self.permit.status.as_ref().and_then(|status| status.ended_at.as_ref());
        given.or(recorded).map_or(Timestamp::UNIX_EPOCH, |time| time.0)
    }

    /// What the deciding review says; if somebody removed it, what the status says.
    fn decide(&mut self, row: &CountedReview, review: Option<&PermitReview>) {
        let approve = row.verdict == ReviewVerdict::Approve;
        let said = review.map(|review| Decision {
            verdict: row.verdict,
            at: review.metadata.creation_timestamp.clone().unwrap_or(Time(Timestamp::UNIX_EPOCH)),
            capacity: if approve { demand(&self.targets) } else { Resources::default() },
            reason: review.spec.reason.clone(),
        });
        self.decision = said.or_else(|| self.permit.status.as_ref()?.decision.clone());
    }

    pub(super) fn missing(&self) -> Vec<Quorum> {
        unmet(&self.policy.to_approve(self.duplicate), &self.approvals)
    }

    /// When the permit ends by itself, once its time has started.
    fn ends(&self) -> Option<Timestamp> {
        let status = self.permit.status.as_ref().filter(|status| status.valid_from.is_some())?;
        status.not_after.as_ref().map(|end| end.0)
    }

    /// When the permit was over, as far as reviews or the clock say.
    pub(super) fn ended_at(&self, phase: Phase) -> Option<Timestamp> {
        match phase {
            Phase::Expired => self.ends(),
            Phase::Revoked => self.revoked,
            _ => None,
        }
    }

    pub(super) fn phase(&self, now: Timestamp) -> Phase {
        let (nothing, withdrawn) = (ProcessingPermitStatus::default(), self.permit.spec.withdrawn);
        let status = self.permit.status.as_ref().unwrap_or(&nothing);
        if status.phase.is_over() {
            return status.phase;
        }
        match self.decision.as_ref().map(|d| d.verdict) {
            Some(ReviewVerdict::Deny) => Phase::Denied,
            _ if status.superseded_by.is_some() => Phase::Superseded,
            _ if self.revoked.is_some() => Phase::Revoked,
            _ if self.ends().is_some_and(|end| now >= end) => Phase::Expired,
            _ if withdrawn => Phase::Withdrawn,
            None => Phase::UnderReview,
            Some(ReviewVerdict::Return) => Phase::Returned,
            Some(_) if self.suspended => Phase::Suspended,
            Some(_) if status.valid_from.is_some() => Phase::Active,
            Some(_) => Phase::Approved,
        }
    }
}

/// A person counts once, in the group of their first review.
fn add_once(persons: &mut BTreeSet<(String, String)>, row: &CountedReview) {
    if !persons.iter().any(|(person, _)| *person == row.reviewer) {
        persons.insert((row.reviewer.clone(), row.group.clone()));
    }
}

fn unmet(quorum: &[Quorum], persons: &BTreeSet<(String, String)>) -> Vec<Quorum> {
    let there = |group: &str| i32::try_from(persons.iter().filter(|(_, g)| g == group).count()).unwrap_or(i32::MAX);
    let left = quorum.iter().map(|q| Quorum { group: q.group.clone(), count: q.count - there(&q.group) });
    left.filter(|q| q.count > 0).collect()
}

/// Cuts the targets down to what a review allows; what it allows beyond the request is ignored.
fn narrow(targets: &mut [Target], review: &PermitReview) {
    let Some(narrow) = &review.spec.narrow else { return };
    for target in targets {
        for allowed in narrow.targets.iter().filter(|n| n.name == target.name) {
            target.replicas = target.replicas.min(allowed.replicas.unwrap_or(target.replicas));
            for (dimension, amount) in &mut target.per_replica.0 {
                let limit: Quantity = allowed.per_replica.0.get(dimension).copied().unwrap_or(*amount);
                *amount = (*amount).min(limit);
            }
        }
    }
}
