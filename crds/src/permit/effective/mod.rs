//! What a permit is at a moment: one pure function, used by the operator, the command line and the reports alike.

mod policy;
mod tally;

use jiff::Timestamp;
use kube::ResourceExt;

use super::{AssessmentResult, CountedReview, Decision, PermitReview, Phase, ProcessingPermit, ReviewVerdict, Target, warning};
use crate::class::Quorum;

pub use policy::Policy;
use tally::Tally;

/// What a permit is at a moment, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Effective {
    /// What it is.
    pub phase: Phase,
    /// Every review of it in order of time, and whether it counts.
    pub reviews: Vec<CountedReview>,
    /// Approvals that are still missing, by group.
    pub missing: Vec<Quorum>,
    /// Of an emergency that was approved: who must still look at it afterwards, by group.
    pub afterwards: Vec<Quorum>,
    /// What was decided, if anything was.
    pub decision: Option<Decision>,
    /// Its targets as they were approved: never wider than asked.
    pub targets: Vec<Target>,
    /// When it was over, if it is and reviews or the clock say when.
    pub ended_at: Option<Timestamp>,
    /// When it, or what is said of it, changes by itself the next time.
    pub changes_at: Option<Timestamp>,
}

/// What `permit` is at `now`, judged by `policy` from its `reviews`.
///
/// Total and pure: the same arguments give the same answer, and there is an answer for all. Facts that only the operator
/// can establish are read from the status, which nobody else can write: the assessment, `validFrom`, and the reviews as
/// they were counted. A review is judged once; who joins the agency later, or which review carries the same second, changes
/// no past decision.
///
/// What is over stays what it is: nothing that comes later makes a revoked permit expire, or an expired one withdrawn.
pub fn effective(permit: &ProcessingPermit, reviews: &[PermitReview], policy: Option<&Policy>, now: Timestamp) -> Effective {
    let status = permit.status.clone().unwrap_or_default();
    let (Some(policy), Some(assessment)) = (policy, &status.assessment) else {
        return Effective::undecided(if permit.spec.withdrawn { Phase::Withdrawn } else { Phase::Pending }, permit);
    };
    let duplicate = assessment.result == AssessmentResult::Duplicate;
    let mut tally = Tally::new(permit, policy, duplicate);
    tally.decide_at_once(assessment.assessed_at.0);
    for row in &status.reviews {
        tally.recall(row, reviews.iter().find(|r| names(r, permit) && r.name_any() == row.name));
    }
    for review in new_in_order(permit, reviews, &status.reviews) {
        tally.count(review);
    }
    let phase = tally.phase(now);
    Effective {
        phase,
        missing: if tally.decision.is_none() { tally.missing() } else { Vec::new() },
        afterwards: tally.afterwards(),
        ended_at: tally.ended_at(phase),
        changes_at: changes_at(permit, phase, now),
        reviews: tally.reviews,
        decision: tally.decision,
        targets: tally.targets,
    }
}

/// When the clock has something to say next: the end, a warning before it, the time a decision is due, the end of a grace.
fn changes_at(permit: &ProcessingPermit, phase: Phase, now: Timestamp) -> Option<Timestamp> {
    let status = permit.status.as_ref()?;
    let lives = status.valid_from.as_ref().zip(status.not_after.as_ref()).map(|(from, ends)| (from.0, ends.0));
    match phase {
        Phase::Active | Phase::Suspended => {
            let (from, ends) = lives?;
            Some(warning::next_warning(from, ends, now).unwrap_or(ends))
        }
        phase if phase.is_over() => warning::drains_until(permit).filter(|until| *until > now),
        Phase::UnderReview => due_by(permit).filter(|due| !is_late(*due, now)),
        _ => None,
    }
}

/// When a decision is due. Nothing is decided by time: later it is overdue. An answer keeps its place in the queue, but the
/// reviewers' time begins with it: the agency's own delay is not theirs.
pub fn due_by(permit: &ProcessingPermit) -> Option<Timestamp> {
    let policy = permit.status.as_ref()?.policy.as_ref()?;
    Some(policy.approval.review_within.after(permit.metadata.creation_timestamp.as_ref()?.0))
}

/// Whether the moment at which a decision is due has come.
pub fn is_late(due: Timestamp, now: Timestamp) -> bool {
    now >= due
}

impl Effective {
    fn undecided(phase: Phase, permit: &ProcessingPermit) -> Self {
        Self {
            phase,
            reviews: Vec::new(),
            missing: Vec::new(),
            afterwards: Vec::new(),
            decision: None,
            targets: permit.spec.targets.clone(),
            ended_at: None,
            changes_at: None,
        }
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

/// The targets of an approved permit as its status keeps them: what was asked for, cut down by what was decided.
pub fn granted_targets(permit: &ProcessingPermit) -> Vec<Target> {
    let granted = permit.status.as_ref().map(|s| s.granted.clone()).unwrap_or_default();
    if granted.is_empty() { permit.spec.targets.clone() } else { granted }
}

#[cfg(test)]
mod tests;
