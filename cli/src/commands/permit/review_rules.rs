//! Would a review count? Decided before it is made, by the rules that the operator counts with.

use govcloud_crds::{
    PermitReview,
    class::Quorum,
    permit::{
        AssessmentResult, PermitReference, PermitReviewSpec, Phase, ReviewVerdict,
        effective::{Effective, Policy, effective},
    },
};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt as _;

use super::find::Case;
use crate::context::Caller;

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
    /// The permit's state with it.
    pub after: Effective,
}

fn refuse<T>(why: impl Into<String>, instead: &[String]) -> Result<T, Refusal> {
    Err(Refusal { why: why.into(), instead: instead.to_vec() })
}

/// The review that `wish` makes of `case` at `now`, or why it would not count.
pub fn plan(case: &Case, wish: &Wish<'_>, now: Timestamp) -> Result<Plan, Refusal> {
    let title = case.title();
    let (Some(policy), Some(reference)) = (case.policy(), reference(case)) else {
        return refuse(
            "it is not assessed yet",
            &[format!("wait until it is under review: govcloud permit watch {}", case.permit.name_any())],
        );
    };
    not_ones_own(case, wish.caller)?;
    timely(case, wish, now)?;
    let group = group(case, wish, &policy, now)?;
    overridden(case, wish, &title)?;
    let review = review(case, wish, reference, group, now);
    let mut reviews = case.reviews.clone();
    reviews.push(review.clone());
    let after = effective(&case.permit, &reviews, Some(&policy), now);
    let counted = after.reviews.iter().find(|r| r.name == review.name_any());
    match counted.and_then(|r| r.because.clone()) {
        Some(why) => refuse(why, &[format!("see where it stands: govcloud permit show {title}")]),
        None => Ok(Plan { review, after }),
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

fn timely(case: &Case, wish: &Wish<'_>, now: Timestamp) -> Result<(), Refusal> {
    let before = case.effective(now);
    let show = format!("see what was decided: govcloud permit show {}", case.title());
    match (wish.verdict, before.phase) {
        (ReviewVerdict::Revoke, Phase::UnderReview) => {
            refuse("it is not approved yet", &[format!("deny it instead: govcloud permit deny {} --reason \"…\"", case.title())])
        }
        (ReviewVerdict::Revoke, phase) if phase.is_over() => refuse(format!("it is over already ({phase})"), &[show]),
        (ReviewVerdict::Approve | ReviewVerdict::Deny, phase) if phase != Phase::UnderReview => {
            let mut instead = vec![show];
            if matches!(phase, Phase::Approved | Phase::Active | Phase::Suspended) {
                instead.push(format!("or take it back: govcloud permit revoke {} --reason \"…\"", case.title()));
            }
            refuse(format!("it is decided already ({phase})"), &instead)
        }
        _ => Ok(()),
    }
}

/// The group in which the review counts: the one they chose, or the first that they are in and that is missing.
fn group(case: &Case, wish: &Wish<'_>, policy: &Policy, now: Timestamp) -> Result<String, Refusal> {
    let effective = case.effective(now);
    let say = match wish.verdict {
        ReviewVerdict::Revoke => policy.pinned.approval.quorum.clone(),
        _ => policy.to_approve(is_duplicate(case)),
    };
    let mine: Vec<_> = say.iter().filter(|q| wish.caller.groups.contains(&q.group)).collect();
    if let Some(chosen) = wish.group {
        return chosen_group(chosen, wish.caller, &say);
    }
    if mine.is_empty() {
        let who = if wish.caller.groups.is_empty() {
            "you are in no group".to_owned()
        } else {
            format!("you are in {}", wish.caller.groups.join(", "))
        };
        return refuse(
            format!("you have no say in this request: {who}"),
            &[format!("it is for {}", groups(&say)), "see who you are here: govcloud whoami".to_owned()],
        );
    }
    already_said(case, wish, &effective)?;
    if wish.verdict != ReviewVerdict::Approve {
        return Ok(mine[0].group.clone());
    }
    let missing = mine.iter().find(|q| effective.missing.iter().any(|m| m.group == q.group));
    match missing {
        Some(quorum) => Ok(quorum.group.clone()),
        None => refuse(
            format!("{} has approved already", groups_of(&mine)),
            &[format!("it still waits for {}", needed(&effective.missing))],
        ),
    }
}

fn chosen_group(chosen: &str, caller: &Caller, say: &[Quorum]) -> Result<String, Refusal> {
    if !caller.groups.iter().any(|g| g == chosen) {
        return refuse(format!("you are not in the group {chosen}"), &[format!("you are in {}", caller.groups.join(", "))]);
    }
    if !say.iter().any(|q| q.group == chosen) {
        return refuse(format!("{chosen} has no say in this request"), &[format!("it is for {}", groups(say))]);
    }
    Ok(chosen.to_owned())
}

fn already_said(case: &Case, wish: &Wish<'_>, effective: &Effective) -> Result<(), Refusal> {
    let same = effective.reviews.iter().any(|r| r.counted && r.verdict == wish.verdict && r.reviewer == wish.caller.user);
    if !same || wish.verdict == ReviewVerdict::Deny {
        return Ok(());
    }
    let waits = if effective.missing.is_empty() { "other reviewers".to_owned() } else { needed(&effective.missing) };
    let what = if wish.verdict == ReviewVerdict::Revoke { "revoked" } else { "approved" };
    refuse(
        format!("you {what} it already, and one person counts once"),
        &[format!("it waits for {waits}: govcloud permit show {}", case.title())],
    )
}

fn overridden(case: &Case, wish: &Wish<'_>, title: &str) -> Result<(), Refusal> {
    if wish.verdict != ReviewVerdict::Approve || wish.override_duplicate || !is_duplicate(case) {
        return Ok(());
    }
    let offer = case.permit.status.as_ref().and_then(|s| s.assessment.as_ref()).and_then(|a| a.offers.first());
    let offer = offer.map_or_else(String::new, |o| format!(": {} has room for all of it", o.offer));
    refuse(
        format!("the assessment says Duplicate{offer}"),
        &[
            format!(
                "to override it, say why it is needed all the same: govcloud permit approve {title} --override-duplicate --reason \"…\""
            ),
            format!("or point them to the shared service: govcloud permit deny {title} --reason \"…\""),
        ],
    )
}

fn is_duplicate(case: &Case) -> bool {
    case.permit.status.as_ref().and_then(|s| s.assessment.as_ref()).is_some_and(|a| a.result == AssessmentResult::Duplicate)
}

fn groups(quorum: &[Quorum]) -> String {
    quorum.iter().map(|q| q.group.as_str()).collect::<Vec<_>>().join(", ")
}

fn groups_of(quorum: &[&Quorum]) -> String {
    quorum.iter().map(|q| q.group.as_str()).collect::<Vec<_>>().join(", ")
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
        narrow: None,
        override_duplicate: wish.override_duplicate,
    };
    // The name and the time are the API server's to give; these stand in while the rules are asked.
    let mut review = PermitReview::new("~this-review", spec);
    review.metadata.namespace = case.permit.namespace();
    review.metadata.creation_timestamp = Some(Time(now));
    review
}

#[cfg(test)]
#[path = "review_rules_tests.rs"]
pub mod tests;
