//! The rules that a permit is judged by.

use crate::{
    Agency, PermitReview, ProcessingPermit,
    class::{OnDuplicate, Quorum},
    common::{Member, MemberKind},
    permit::{Intent, PinnedPolicy, Waiver},
};

/// The rules a permit is judged by, and who may not judge it.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// The class's rules as they were at submission.
    pub pinned: PinnedPolicy,
    /// The members of the agency that asks: none of them reviews its requests.
    pub insiders: Vec<Member>,
    /// What sort of request it is: an emergency needs one reviewer.
    pub intent: Intent,
}

impl Policy {
    /// The policy of a permit whose status has one, or `None` before it was assessed.
    pub fn of(permit: &ProcessingPermit, agency: Option<&Agency>) -> Option<Self> {
        let pinned = permit.status.as_ref()?.policy.clone()?;
        let insiders = agency.map(|a| a.spec.everyone().into_iter().cloned().collect()).unwrap_or_default();
        Some(Self { pinned, insiders, intent: permit.spec.intent })
    }

    /// How many distinct persons of which group must approve. A duplicate needs one more of the first group; an emergency
    /// one person at all, and the others afterwards; what is automatic, those that are not waived.
    pub fn to_approve(&self, duplicate: bool) -> Vec<Quorum> {
        match self.pinned.automatic.as_ref().map(|automatic| automatic.waives) {
            Some(Waiver::Everything) => Vec::new(),
            Some(Waiver::ClassQuorum) => self.with_regime(Vec::new()),
            None if self.intent == Intent::Emergency => {
                self.pinned.approval.quorum.first().map(|first| Quorum { count: 1, ..first.clone() }).into_iter().collect()
            }
            None => self.in_full(duplicate),
        }
    }

    /// Everybody who approves where nothing is waived and nothing is urgent.
    pub fn in_full(&self, duplicate: bool) -> Vec<Quorum> {
        let mut needed = self.pinned.approval.quorum.clone();
        if let (true, Some(first)) = (duplicate, needed.first_mut()) {
            first.count += 1;
        }
        self.with_regime(needed)
    }

    /// The authority of the agency's security regime cannot be left out by a class.
    fn with_regime(&self, mut needed: Vec<Quorum>) -> Vec<Quorum> {
        if let Some(group) = &self.pinned.regime_reviewers
            && !needed.iter().any(|q| q.group == *group)
        {
            needed.push(Quorum { group: group.clone(), count: 1 });
        }
        needed
    }

    /// Whether a duplicate is denied without a person. An appeal is for people, whatever the class says.
    pub fn denies_duplicates(&self) -> bool {
        self.pinned.approval.on_duplicate == OnDuplicate::Deny && self.intent != Intent::Appeal
    }

    /// Whether nobody has to approve it, because it was granted before.
    pub fn waives_everything(&self) -> bool {
        self.pinned.automatic.as_ref().is_some_and(|automatic| automatic.waives == Waiver::Everything)
    }

    /// Whether a group may say anything about the request.
    pub fn has_say(&self, group: &str) -> bool {
        self.in_full(false).iter().any(|q| q.group == group)
    }

    /// Why a person, in the group in which they review, may not review the request at all.
    pub fn bars(&self, review: &PermitReview, requested_by: &str) -> Option<String> {
        let spec = &review.spec;
        if spec.reviewer == requested_by {
            return Some("nobody reviews their own request".into());
        }
        if self.is_insider(review) {
            return Some("nobody reviews a request of their own agency".into());
        }
        if !self.has_say(&spec.group) {
            return Some(format!("{} has no say in this request", spec.group));
        }
        let decided = self.pinned.prior.iter().any(|prior| prior.deciders.contains(&spec.reviewer));
        (self.intent == Intent::Appeal && decided)
            .then(|| "nobody decides an appeal against their own decision; another reviewer must".into())
    }

    fn is_insider(&self, review: &PermitReview) -> bool {
        self.insiders.iter().any(|member| match member.kind {
            MemberKind::User => member.name == review.spec.reviewer,
            MemberKind::Group => member.name == review.spec.group,
        })
    }
}
