//! What a permit can be, and which steps lead from one to another.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a permit is at a moment. The conditions carry the truth; this is derived from them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Phase {
    /// Not assessed yet, or it cannot be: the condition Assessed says why.
    #[default]
    Pending,
    /// Waits for reviewers.
    UnderReview,
    /// A reviewer asked for more information.
    Returned,
    /// Approved; waits until its targets are free and its project is ready.
    Approved,
    /// Its targets may run.
    Active,
    /// Stopped by a reviewer for a while: nothing of it may start or grow.
    Suspended,
    /// Taken back by reviewers.
    Revoked,
    /// Its time is over.
    Expired,
    /// Reviewers said no.
    Denied,
    /// The agency took it back.
    Withdrawn,
    /// A successor took over.
    Superseded,
}

impl Phase {
    /// All of them, in the order of a life.
    pub const ALL: [Self; 11] = [
        Self::Pending,
        Self::UnderReview,
        Self::Returned,
        Self::Approved,
        Self::Active,
        Self::Suspended,
        Self::Revoked,
        Self::Expired,
        Self::Denied,
        Self::Withdrawn,
        Self::Superseded,
    ];

    /// Whether one or more steps of [`TRANSITIONS`] lead from here to there.
    pub fn leads_to(self, to: Self) -> bool {
        let mut reached = vec![self];
        let mut next = 0;
        while let Some(from) = reached.get(next).copied() {
            next += 1;
            let steps = TRANSITIONS.iter().filter(|step| step.from == from).map(|step| step.to);
            let new: Vec<_> = steps.filter(|to| !reached.contains(to)).collect();
            reached.extend(new);
        }
        self == to || reached.contains(&to)
    }

    /// Whether nothing will happen to it any more.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Revoked | Self::Expired | Self::Denied | Self::Withdrawn | Self::Superseded)
    }

    /// Whether it waits for a person to act on it.
    pub fn is_waiting(self) -> bool {
        matches!(self, Self::Pending | Self::UnderReview | Self::Returned)
    }
}

impl std::fmt::Display for Phase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(self, f)
    }
}

/// A step from one phase to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transition {
    /// Where it starts.
    pub from: Phase,
    /// Where it leads.
    pub to: Phase,
    /// What brings it about.
    pub by: &'static str,
}

const fn step(from: Phase, to: Phase, by: &'static str) -> Transition {
    Transition { from, to, by }
}

/// Every step there is. Steps that come about at the same moment are taken together: a request may be assessed, approved and
/// active at once.
pub const TRANSITIONS: [Transition; 24] = [
    step(Phase::Pending, Phase::UnderReview, "assessed"),
    step(Phase::Pending, Phase::Denied, "assessed: a duplicate, and the class denies these"),
    step(
        Phase::Pending,
        Phase::Approved,
        "assessed: the class's rule approves it, or it asks for no more than the permit before",
    ),
    step(Phase::Pending, Phase::Withdrawn, "the agency takes it back"),
    step(Phase::UnderReview, Phase::Approved, "the last approval that was missing"),
    step(Phase::UnderReview, Phase::Denied, "a denial"),
    step(Phase::UnderReview, Phase::Returned, "a reviewer needs more information"),
    step(Phase::UnderReview, Phase::Withdrawn, "the agency takes it back"),
    step(Phase::Returned, Phase::Superseded, "another request answers"),
    step(Phase::Returned, Phase::Withdrawn, "the agency takes it back"),
    step(Phase::Approved, Phase::Active, "targets free, capacity reserved, project ready"),
    step(Phase::Approved, Phase::Suspended, "a suspension"),
    step(Phase::Approved, Phase::Revoked, "as many revocations as approvals were needed"),
    step(Phase::Approved, Phase::Withdrawn, "the agency takes it back"),
    step(Phase::Active, Phase::Suspended, "a suspension"),
    step(Phase::Active, Phase::Revoked, "as many revocations as approvals were needed"),
    step(Phase::Active, Phase::Expired, "its time is over"),
    step(Phase::Active, Phase::Withdrawn, "the agency gives it up"),
    step(Phase::Active, Phase::Superseded, "a renewal or an amendment takes over"),
    step(Phase::Suspended, Phase::Active, "a resumption"),
    step(Phase::Suspended, Phase::Approved, "a resumption, if it was not active yet"),
    step(Phase::Suspended, Phase::Revoked, "as many revocations as approvals were needed"),
    step(Phase::Suspended, Phase::Expired, "its time is over"),
    step(Phase::Suspended, Phase::Withdrawn, "the agency gives it up"),
];
