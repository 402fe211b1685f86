//! Would a review count? Decided before it is made, by the rules that the operator counts with.

use govcloud_crds::{
    PermitReview,
    class::Quorum,
    permit::{
        AssessmentResult, Intent, PermitReference, PermitReviewSpec, Phase, ReviewVerdict,
        effective::{Effective, Policy, effective},
        review::{Narrow, NarrowTarget},
    },
};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt as _;

use super::{narrow, say};
use crate::{commands::permit::find::Case, context::Caller};

/// What a reviewer wants to say.
#[derive(Clone, Debug)]
pub struct Wish<'a> {
    /// Who says it.
    pub caller: &'a Caller,
    /// What.
    pub verdict: ReviewVerdict,
    /// Why.
    pub reason: &'a str,
    /// The group in which they say it; the one that is missing if they do not choose.
    pub group: Option<&'a str>,
    /// Whether they approve although a shared service would do.
    pub override_duplicate: bool,
    /// Smaller sizes than were asked for.
    pub narrow: &'a [NarrowTarget],
}

impl<'a> Wish<'a> {
    /// The verdict and nothing else.
    pub fn new(caller: &'a Caller, verdict: ReviewVerdict, reason: &'a str) -> Self {
        Self { caller, verdict, reason, group: None, override_duplicate: false, narrow: &[] }
    }
}

/// Why a review would not count, and what to do instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Why.
    pub why: String,
    /// What to do instead, one line each.
    pub instead: Vec<String>,
}

/// A review that would count, and what the permit is with it.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The review.
    pub review: PermitReview,
    /// The permit's state without it.
    pub before: Effective,
    /// The permit's state with it.
    pub after: Effective,
}

/// A refusal with what to do instead.
pub(super) fn refuse<T>(why: impl Into<String>, instead: &[String]) -> Result<T, Refusal> {
    Err(Refusal { why: why.into(), instead: instead.to_vec() })
}

/// The review that `wish` makes of `case` at `now`, or why it would not count.
pub fn plan(case: &Case, wish: &Wish<'_>, now: Timestamp) -> Result<Plan, Refusal> {
    let title = case.title();
    let (Some(policy), Some(reference)) = (case.policy(), reference(case)) else {
        let wait = format!("wait until it is under review: govcloud permit watch {}", case.permit.name_any());
        return refuse("it is not assessed yet", &[wait]);
    };
    let before = case.effective(now);
    not_ones_own(case, wish.caller)?;
    not_ones_own_decision(wish.caller, &policy)?;
    timely(case, wish, &before)?;
    let group = say::group(case, wish, &policy, &before)?;
    overridden(case, wish)?;
    narrow::check(case, wish, &before)?;
    let review = review(case, wish, reference, group, now);
    let mut reviews = case.reviews.clone();
    reviews.push(review.clone());
    let after = effective(&case.permit, &reviews, Some(&policy), now);
    let counted = after.reviews.iter().find(|r| r.name == review.name_any());
    match counted.and_then(|r| r.because.clone()) {
        Some(why) => refuse(why, &[format!("see where it stands: govcloud review show {title}")]),
        None => Ok(Plan { review, before, after }),
    }
}

fn reference(case: &Case) -> Option<PermitReference> {
    let digest = case.permit.status.as_ref()?.digest.clone()?;
    Some(PermitReference { name: case.permit.name_any(), uid: case.permit.uid()?, digest })
}

fn not_ones_own(case: &Case, caller: &Caller) -> Result<(), Refusal> {
    if case.permit.spec.requested_by == caller.user {
        return refuse("nobody reviews their own request, and you asked for it", &["ask another reviewer".to_owned()]);
    }
    let is_member = case.agency.as_ref().is_some_and(|a| a.spec.has_member(&caller.user, &caller.group_names()));
    if is_member {
        return refuse(
            format!("nobody reviews a request of their own agency, and you belong to {}", case.agency_name()),
            &["ask a reviewer who does not".to_owned()],
        );
    }
    Ok(())
}

fn not_ones_own_decision(caller: &Caller, policy: &Policy) -> Result<(), Refusal> {
    let decided = policy.pinned.prior.as_ref().filter(|prior| prior.deciders.contains(&caller.user));
    match decided.filter(|_| policy.intent == Intent::Appeal) {
        Some(prior) => refuse(
            format!(
                "nobody decides an appeal against their own decision, and you decided {}",
                prior.number.as_ref().unwrap_or(&prior.name)
            ),
            &[format!("ask a reviewer who is not among {}", prior.deciders.join(", "))],
        ),
        None => Ok(()),
    }
}

/// Each verdict has its time.
fn timely(case: &Case, wish: &Wish<'_>, before: &Effective) -> Result<(), Refusal> {
    let (verdict, phase) = (wish.verdict, before.phase);
    let fits = match verdict {
        ReviewVerdict::Approve => phase == Phase::UnderReview || !before.afterwards.is_empty(),
        ReviewVerdict::Deny | ReviewVerdict::Return => phase == Phase::UnderReview,
        ReviewVerdict::Suspend => matches!(phase, Phase::Approved | Phase::Active),
        ReviewVerdict::Resume => phase == Phase::Suspended,
        ReviewVerdict::Revoke => matches!(phase, Phase::Approved | Phase::Active | Phase::Suspended),
    };
    if fits { Ok(()) } else { refuse(too_early_or_late(verdict, phase), &possible(&case.title(), verdict, phase)) }
}

fn too_early_or_late(verdict: ReviewVerdict, phase: Phase) -> String {
    let judges = matches!(verdict, ReviewVerdict::Approve | ReviewVerdict::Deny | ReviewVerdict::Return);
    match (verdict, phase) {
        (_, Phase::Pending) => "it is not assessed yet".to_owned(),
        (_, phase) if phase.is_over() => format!("it is over already ({phase})"),
        (_, phase) if judges => format!("it is decided already ({phase})"),
        (_, Phase::UnderReview) => "it is not approved yet".to_owned(),
        (ReviewVerdict::Suspend, Phase::Suspended) => "it is suspended already".to_owned(),
        (ReviewVerdict::Resume, phase) => format!("it is not suspended; it is {phase}"),
        (_, phase) => format!("it was never approved; it is {phase}"),
    }
}

/// What can be said of a permit in its phase, other than `verdict`.
fn possible(title: &str, verdict: ReviewVerdict, phase: Phase) -> Vec<String> {
    let says = |what: &str, command: &str| format!("{what}: govcloud review {command} {title} --reason \"…\"");
    let mut lines = match phase {
        Phase::UnderReview => vec![says("deny it instead", "deny"), says("or ask the agency for more", "return")],
        Phase::Approved | Phase::Active => {
            vec![says("stop it for a while", "suspend"), says("or take it back", "revoke")]
        }
        Phase::Suspended => vec![says("let it go on", "resume"), says("or take it back", "revoke")],
        Phase::Returned => vec!["the agency's answer will stand in the queue: govcloud review queue".to_owned()],
        _ => Vec::new(),
    };
    if phase != Phase::UnderReview && (verdict != ReviewVerdict::Resume || lines.is_empty()) {
        lines.insert(0, format!("see what was decided: govcloud review show {title}"));
    }
    lines
}

fn overridden(case: &Case, wish: &Wish<'_>) -> Result<(), Refusal> {
    if wish.verdict != ReviewVerdict::Approve || wish.override_duplicate || !is_duplicate(case) {
        return Ok(());
    }
    let title = case.title();
    let offer = case.permit.status.as_ref().and_then(|s| s.assessment.as_ref()).and_then(|a| a.offers.first());
    let offer = offer.map_or_else(String::new, |o| format!(": {} has room for all of it", o.offer));
    refuse(
        format!("the assessment says Duplicate{offer}"),
        &[
            format!(
                "give a reason to override it, if it is needed all the same: govcloud review approve {title} --override-duplicate \"…\""
            ),
            format!("or point them to the shared service: govcloud review deny {title} --reason \"…\""),
        ],
    )
}

/// Whether a shared service has room for all that is asked for.
pub fn is_duplicate(case: &Case) -> bool {
    case.permit.status.as_ref().and_then(|s| s.assessment.as_ref()).is_some_and(|a| a.result == AssessmentResult::Duplicate)
}

/// `1 of security:smc and 2 of ministry:reviewers`.
pub fn needed(quorum: &[Quorum]) -> String {
    quorum.iter().map(|q| format!("{} of {}", q.count, q.group)).collect::<Vec<_>>().join(" and ")
}

fn review(case: &Case, wish: &Wish<'_>, permit: PermitReference, group: String, now: Timestamp) -> PermitReview {
    let spec = PermitReviewSpec {
        permit,
        reviewer: wish.caller.user.clone(),
        group,
        verdict: wish.verdict,
        reason: wish.reason.to_owned(),
        narrow: (!wish.narrow.is_empty()).then(|| Narrow { targets: wish.narrow.to_vec() }),
        override_duplicate: wish.override_duplicate,
    };
    // The name and the time are the API server's to give; these stand in while the rules are asked.
    let mut review = PermitReview::new("~this-review", spec);
    review.metadata.namespace = case.permit.namespace();
    review.metadata.creation_timestamp = Some(Time(now));
    review
}

#[cfg(test)]
#[path = "rules_tests.rs"]
pub mod tests;
