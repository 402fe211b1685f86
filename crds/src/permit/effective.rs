//! What a permit is at a moment: one pure function, used by the operator, the command line and the reports alike.

use std::collections::BTreeSet;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;

use super::{
    AssessmentResult, CountedReview, Decision, PermitReview, Phase, PinnedPolicy, ProcessingPermit, ReviewVerdict, Target, demand,
};
use crate::{
    Agency, Quantity,
    class::{OnDuplicate, Quorum},
    common::{Member, MemberKind},
};

/// The rules a permit is judged by, and who may not judge it.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// The class's rules as they were at submission.
    pub pinned: PinnedPolicy,
    /// The members of the agency that asks: none of them reviews its requests.
    pub insiders: Vec<Member>,
}

impl Policy {
    /// The policy of a permit whose status has one, or `None` before it was assessed.
    pub fn of(permit: &ProcessingPermit, agency: Option<&Agency>) -> Option<Self> {
        let pinned = permit.status.as_ref()?.policy.clone()?;
        let insiders = agency.map(|a| a.spec.everyone().into_iter().cloned().collect()).unwrap_or_default();
        Some(Self { pinned, insiders })
    }

    /// How many distinct persons of which group must approve. A duplicate needs one more of the first group.
    pub fn to_approve(&self, duplicate: bool) -> Vec<Quorum> {
        let mut needed = self.pinned.approval.quorum.clone();
        if let (true, Some(first)) = (duplicate, needed.first_mut()) {
            first.count += 1;
        }
        if let Some(group) = &self.pinned.regime_reviewers
            && !needed.iter().any(|q| q.group == *group)
        {
            needed.push(Quorum { group: group.clone(), count: 1 });
        }
        needed
    }

    fn is_insider(&self, review: &PermitReview) -> bool {
        self.insiders.iter().any(|member| match member.kind {
            MemberKind::User => member.name == review.spec.reviewer,
            MemberKind::Group => member.name == review.spec.group,
        })
    }
}

/// What a permit is at a moment, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Effective {
    /// What it is.
    pub phase: Phase,
    /// Every review of it in order of time, and whether it counts.
    pub reviews: Vec<CountedReview>,
    /// Approvals that are still missing, by group.
    pub missing: Vec<Quorum>,
    /// What was decided, if anything was.
    pub decision: Option<Decision>,
    /// Its targets as they were approved: never wider than asked.
    pub targets: Vec<Target>,
    /// When it changes by itself the next time.
    pub changes_at: Option<Timestamp>,
}

/// What `permit` is at `now`, judged by `policy` from its `reviews`.
///
/// Total and pure: the same arguments give the same answer, and there is an answer for all. Facts that only the operator
/// can establish are read from the status, which nobody else can write: the assessment, `validFrom`, and the reviews as
/// they were counted. A review is judged once; who joins the agency later, or which review carries the same second, changes
/// no past decision.
pub fn effective(permit: &ProcessingPermit, reviews: &[PermitReview], policy: Option<&Policy>, now: Timestamp) -> Effective {
    let status = permit.status.clone().unwrap_or_default();
    let (Some(policy), Some(assessment)) = (policy, &status.assessment) else {
        return Effective::undecided(if permit.spec.withdrawn { Phase::Withdrawn } else { Phase::Pending }, permit);
    };
    let duplicate = assessment.result == AssessmentResult::Duplicate;
    let mut tally = Tally::new(permit, policy, duplicate);
    if duplicate && policy.pinned.approval.on_duplicate == OnDuplicate::Deny {
        tally.deny_duplicate(assessment.assessed_at.0);
    }
    for row in &status.reviews {
        tally.recall(row, reviews.iter().find(|r| names(r, permit) && r.name_any() == row.name));
    }
    for review in new_in_order(permit, reviews, &status.reviews) {
        tally.count(review);
    }
    let ends = status.not_after.as_ref().map(|t| t.0).filter(|_| status.valid_from.is_some());
    let phase = tally.phase(permit.spec.withdrawn, status.valid_from.is_some(), ends, now);
    let changes_at = ends.filter(|_| matches!(phase, Phase::Active | Phase::Suspended));
    let missing = if tally.decision.is_none() { tally.missing() } else { Vec::new() };
    Effective { phase, missing, reviews: tally.reviews, decision: tally.decision, targets: tally.targets, changes_at }
}

impl Effective {
    fn undecided(phase: Phase, permit: &ProcessingPermit) -> Self {
        let targets = permit.spec.targets.clone();
        Self { phase, reviews: Vec::new(), missing: Vec::new(), decision: None, targets, changes_at: None }
    }
}

/// How many reviews a status keeps.
pub const REVIEWS_KEPT: usize = 400;

/// The reviews as a status keeps them: if there are too many, what decided nothing goes first, the latest of it before the
/// older, and then suspensions that were lifted long ago.
pub fn kept(mut reviews: Vec<CountedReview>) -> Vec<CountedReview> {
    let passing = |r: &CountedReview| matches!(r.verdict, ReviewVerdict::Suspend | ReviewVerdict::Resume);
    while reviews.len() > REVIEWS_KEPT {
        let Some(one) = reviews.iter().rposition(|r| !r.counted).or_else(|| reviews.iter().position(passing)) else { break };
        reviews.remove(one);
    }
    reviews.truncate(REVIEWS_KEPT);
    reviews
}

fn names(review: &PermitReview, permit: &ProcessingPermit) -> bool {
    review.spec.permit.name == permit.name_any() && review.namespace() == permit.namespace()
}

/// The reviews that name this permit and were not judged yet, in the order of their creation.
fn new_in_order<'a>(permit: &ProcessingPermit, reviews: &'a [PermitReview], judged: &[CountedReview]) -> Vec<&'a PermitReview> {
    let created = |r: &PermitReview| r.metadata.creation_timestamp.as_ref().map(|t| t.0);
    let is_judged = |r: &PermitReview| judged.iter().any(|row| row.name == r.name_any());
    // A full record has dropped rows: what is older than its latest was judged too.
    let latest = reviews.iter().filter(|r| names(r, permit) && is_judged(r)).filter_map(created).max();
    let dropped = |r: &PermitReview| judged.len() >= REVIEWS_KEPT && created(r) < latest;
    let is_new = |r: &&PermitReview| names(r, permit) && !is_judged(r) && !dropped(r);
    let mut mine: Vec<_> = reviews.iter().filter(is_new).collect();
    mine.sort_by_key(|r| (r.metadata.creation_timestamp.as_ref().map(|t| t.0), r.name_any()));
    mine
}

/// What a review does to the count, as the reviews are read one after the other.
struct Tally<'a> {
    permit: &'a ProcessingPermit,
    policy: &'a Policy,
    duplicate: bool,
    reviews: Vec<CountedReview>,
    /// Who approved, in which group; one person is in it once.
    approvals: BTreeSet<(String, String)>,
    revocations: BTreeSet<(String, String)>,
    decision: Option<Decision>,
    targets: Vec<Target>,
    suspended: bool,
    revoked: bool,
}

impl<'a> Tally<'a> {
    fn new(permit: &'a ProcessingPermit, policy: &'a Policy, duplicate: bool) -> Self {
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
            revoked: false,
        }
    }

    fn deny_duplicate(&mut self, at: Timestamp) {
        let reason = "A shared service offers the same, and this class denies duplicates.".to_owned();
        self.decision =
            Some(Decision { verdict: ReviewVerdict::Deny, at: Time(at), capacity: crate::Resources::default(), reason });
    }

    /// A review that was judged before.
    fn recall(&mut self, row: &CountedReview, review: Option<&PermitReview>) {
        if row.counted {
            self.apply(row, review);
        }
        self.reviews.push(row.clone());
    }

    /// A review that was not judged yet.
    fn count(&mut self, review: &PermitReview) {
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
        if spec.reviewer == permit.spec.requested_by {
            return Some("nobody reviews their own request".into());
        }
        if self.policy.is_insider(review) {
            return Some("nobody reviews a request of their own agency".into());
        }
        if !self.policy.to_approve(self.duplicate).iter().any(|q| q.group == spec.group) {
            return Some(format!("{} has no say in this request", spec.group));
        }
        self.untimely(review).or_else(|| {
            let overrides = spec.override_duplicate || !self.duplicate || spec.verdict != ReviewVerdict::Approve;
            (!overrides).then(|| "the assessment says Duplicate, and the review does not override it".into())
        })
    }

    /// Why a verdict comes at the wrong time.
    fn untimely(&self, review: &PermitReview) -> Option<String> {
        let verdict = review.spec.verdict;
        if matches!(verdict, ReviewVerdict::Approve | ReviewVerdict::Deny | ReviewVerdict::Return) {
            return self.decision.as_ref().map(|d| format!("the request was decided before ({})", d.verdict));
        }
        let approved = self.decision.as_ref().filter(|d| d.verdict == ReviewVerdict::Approve);
        let given = review.metadata.creation_timestamp.as_ref();
        if approved.is_none_or(|d| given.is_some_and(|given| given.0 < d.at.0)) {
            return Some("the request was not approved".into());
        }
        if self.revoked {
            return Some("the permit is revoked already".into());
        }
        (verdict == ReviewVerdict::Resume && !self.suspended).then(|| "the permit is not suspended".into())
    }

    fn apply(&mut self, row: &CountedReview, review: Option<&PermitReview>) {
        match row.verdict {
            ReviewVerdict::Approve => self.approve(row, review),
            ReviewVerdict::Deny | ReviewVerdict::Return => self.decide(row, review),
            ReviewVerdict::Suspend => self.suspended = true,
            ReviewVerdict::Resume => self.suspended = false,
            ReviewVerdict::Revoke => {
                add_once(&mut self.revocations, row);
                self.revoked = unmet(&self.policy.pinned.approval.quorum, &self.revocations).is_empty();
            }
        }
    }

    fn approve(&mut self, row: &CountedReview, review: Option<&PermitReview>) {
        add_once(&mut self.approvals, row);
        if let Some(review) = review {
            narrow(&mut self.targets, review);
        }
        if self.decision.is_none() && self.missing().is_empty() {
            self.decide(row, review);
        }
    }

    /// What the deciding review says; if somebody removed it, what the status says.
    fn decide(&mut self, row: &CountedReview, review: Option<&PermitReview>) {
        let approve = row.verdict == ReviewVerdict::Approve;
        let said = review.map(|review| Decision {
            verdict: row.verdict,
            at: review.metadata.creation_timestamp.clone().unwrap_or(Time(Timestamp::UNIX_EPOCH)),
            capacity: if approve { demand(&self.targets) } else { crate::Resources::default() },
            reason: review.spec.reason.clone(),
        });
        self.decision = said.or_else(|| self.permit.status.as_ref()?.decision.clone());
    }

    fn missing(&self) -> Vec<Quorum> {
        unmet(&self.policy.to_approve(self.duplicate), &self.approvals)
    }

    fn phase(&self, withdrawn: bool, active: bool, ends: Option<Timestamp>, now: Timestamp) -> Phase {
        match self.decision.as_ref().map(|d| d.verdict) {
            Some(ReviewVerdict::Deny) => Phase::Denied,
            _ if self.revoked => Phase::Revoked,
            _ if ends.is_some_and(|end| now >= end) => Phase::Expired,
            _ if withdrawn => Phase::Withdrawn,
            None => Phase::UnderReview,
            Some(ReviewVerdict::Return) => Phase::Returned,
            Some(_) if self.suspended => Phase::Suspended,
            Some(_) if active => Phase::Active,
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

/// The targets of an approved permit as its status keeps them: what was asked for, cut down by what was decided.
pub fn granted_targets(permit: &ProcessingPermit) -> Vec<Target> {
    let granted = permit.status.as_ref().map(|s| s.granted.clone()).unwrap_or_default();
    if granted.is_empty() { permit.spec.targets.clone() } else { granted }
}

#[cfg(test)]
#[path = "effective_tests.rs"]
mod tests;
