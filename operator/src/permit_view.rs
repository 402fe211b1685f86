//! A permit's conditions: what its state means, in words for the agency that reads them.

use govcloud_crds::{
    ProcessingPermit,
    class::Quorum,
    conditions::{Verdict, find},
    permit::{
        AssessmentResult, Change, Intent, Phase, ProcessingPermitStatus, ReviewVerdict,
        effective::{Effective, due_by, is_late},
        validate::Objection,
        warning::{drains_until, warned},
    },
};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::ResourceExt;

/// What the conditions are made from.
pub struct View<'a> {
    /// The permit, with number, digest, policy and assessment in its status.
    pub permit: &'a ProcessingPermit,
    /// What it is.
    pub state: &'a Effective,
    /// Why it cannot be assessed.
    pub objection: Option<&'a Objection>,
    /// Why it does not become active although it is approved.
    pub waits_for: Option<Verdict>,
    /// Whether admission has its slots.
    pub slots_written: bool,
    /// Whether the namespace that it became active in is gone.
    pub namespace_gone: bool,
    /// The present moment.
    pub now: Timestamp,
}

/// Every condition of a permit.
pub fn verdicts(view: &View<'_>) -> Vec<Verdict> {
    let mut verdicts = vec![ready(view), assessed(view)];
    verdicts.extend(duplicate(view));
    verdicts.extend(quorum(view));
    if view.state.phase == Phase::UnderReview {
        verdicts.push(overdue(view));
    }
    verdicts.extend(capacity(view));
    verdicts.push(active(view));
    verdicts.extend(lives(view));
    verdicts.extend(draining(view));
    verdicts.extend(compliant(view));
    verdicts
}

fn ready(view: &View<'_>) -> Verdict {
    const KIND: &str = "Ready";
    if let Some(objection) = view.objection {
        return Verdict::no(KIND, objection.reason, objection.message.clone());
    }
    match view.state.phase {
        Phase::Active if view.slots_written => {
            Verdict::yes(KIND, "Enforced", "What it names may run, and nothing else may in its place.")
        }
        Phase::Active if view.namespace_gone => Verdict::no(
            KIND,
            "ProjectGone",
            "The project that it was given for is gone, and another one of its name inherits nothing. Request a new permit.",
        ),
        Phase::Active => Verdict::unknown(KIND, "OpeningSlots", "The permit is active; admission takes note of it in a moment."),
        Phase::UnderReview => Verdict::no(KIND, "WaitsForReview", format!("Still needed: {}.", describe(&view.state.missing))),
        Phase::Approved => view.waits_for.clone().map_or_else(
            || Verdict::unknown(KIND, "Activating", "It is approved and becomes active in a moment."),
            |verdict| Verdict { kind: KIND, ..verdict },
        ),
        _ if view.slots_written => {
            Verdict::unknown(KIND, "ClosingSlots", "It has ended; admission takes note of it in a moment.")
        }
        other => Verdict::no(KIND, reason(other), said(view, other)),
    }
}

fn reason(phase: Phase) -> &'static str {
    match phase {
        Phase::Pending => "Pending",
        Phase::UnderReview => "UnderReview",
        Phase::Returned => "Returned",
        Phase::Approved => "Approved",
        Phase::Active => "Active",
        Phase::Suspended => "Suspended",
        Phase::Revoked => "Revoked",
        Phase::Expired => "Expired",
        Phase::Denied => "Denied",
        Phase::Withdrawn => "Withdrawn",
        Phase::Superseded => "Superseded",
    }
}

fn said(view: &View<'_>, phase: Phase) -> String {
    let because = view.state.decision.as_ref().map(|d| d.reason.clone()).unwrap_or_default();
    match phase {
        Phase::Denied => format!("Denied: {because}"),
        Phase::Returned => {
            format!(
                "More information is needed: {because} Answer it, and keep the place in the queue: govcloud permit answer {}",
                view.permit.name_any()
            )
        }
        Phase::Suspended => "A reviewer suspended it: nothing of it may start or grow.".into(),
        Phase::Revoked => "Reviewers revoked it. What runs must be drained; nothing of it may start or grow.".into(),
        Phase::Expired => "Its time is over. What runs must be drained; nothing of it may start or grow.".into(),
        Phase::Withdrawn => "The agency took it back.".into(),
        Phase::UnderReview => "It waits for reviewers.".into(),
        Phase::Approved => "It is approved and not active yet; the condition Ready says what it waits for.".into(),
        Phase::Superseded => {
            let by = view.permit.status.as_ref().and_then(|status| status.superseded_by.as_deref()).unwrap_or("Another permit");
            format!("{by} took its place.")
        }
        Phase::Pending | Phase::Active => "The operator has not looked at it yet.".into(),
    }
}

fn assessed(view: &View<'_>) -> Verdict {
    const KIND: &str = "Assessed";
    if let Some(objection) = view.objection {
        return Verdict::no(KIND, objection.reason, objection.message.clone());
    }
    let Some(assessment) = view.permit.status.as_ref().and_then(|s| s.assessment.as_ref()) else {
        return Verdict::unknown(KIND, "NotYet", "It was not held against the catalogue.");
    };
    let looked_at = assessment.offers.len();
    let best = assessment.offers.first().map(|o| o.offer.as_str()).unwrap_or_default();
    match assessment.result {
        AssessmentResult::Unique => {
            Verdict::yes(KIND, "Unique", format!("No shared service offers this ({looked_at} offers looked at)."))
        }
        AssessmentResult::Overlaps => {
            Verdict::yes(KIND, "Overlaps", format!("{best} offers part of it, or something about it is not known."))
        }
        AssessmentResult::Duplicate => Verdict::yes(KIND, "Duplicate", format!("{best} has room for all of it.")),
    }
}

fn duplicate(view: &View<'_>) -> Option<Verdict> {
    let assessment = view.permit.status.as_ref()?.assessment.as_ref()?;
    let best = assessment.offers.first();
    Some(match (assessment.result, best) {
        (AssessmentResult::Duplicate, Some(best)) => {
            let service = best.offer.split('/').next().unwrap_or_default();
            let kept = best.reserved_until.as_ref().map_or_else(String::new, |until| {
                format!(" What the request needs of it is kept for the agency until {}.", until.0.strftime("%Y-%m-%d"))
            });
            Verdict::yes(
                "Duplicate",
                "OfferFits",
                format!(
                    "Use {} instead: govcloud service claim {service}. An approval needs an override with a reason, and one more reviewer.{kept}",
                    best.offer
                ),
            )
        }
        _ => Verdict::no("Duplicate", "NoOfferFits", "No offer has room for all of it."),
    })
}

fn quorum(view: &View<'_>) -> Option<Verdict> {
    view.permit.status.as_ref()?.policy.as_ref()?;
    let decision = view.state.decision.as_ref();
    Some(match decision {
        Some(decision) if decision.verdict == ReviewVerdict::Approve => {
            Verdict::yes("QuorumMet", "Approved", decision.reason.clone())
        }
        Some(decision) => Verdict::no("QuorumMet", "NotApproved", decision.reason.clone()),
        None => Verdict::no("QuorumMet", "Waiting", waiting(view)),
    })
}

/// Who is missing, which reviews did not count, and why the class's rule could not be asked.
fn waiting(view: &View<'_>) -> String {
    let mut said = format!("Still needed: {}.", describe(&view.state.missing));
    let ignored: Vec<_> = view.state.reviews.iter().filter(|review| !review.counted).collect();
    if let Some(last) = ignored.last() {
        let because = last.because.as_deref().unwrap_or_default();
        said = format!(
            "{said} {} of {} reviews do not count, the last by {}: {because}.",
            ignored.len(),
            view.state.reviews.len(),
            last.reviewer
        );
    }
    let policy = view.permit.status.as_ref().and_then(|status| status.policy.as_ref());
    if let Some(error) = policy.and_then(|policy| policy.automatic_error.as_ref()) {
        said = format!("{said} The class's rule for approvals without a person could not be asked: {error}");
    }
    said
}

fn overdue(view: &View<'_>) -> Verdict {
    const KIND: &str = "Overdue";
    match due_by(view.permit) {
        Some(due) if is_late(due, view.now) => {
            let message = format!("A decision was due on {}. Nothing is decided by time; ask the ministry.", day(due));
            Verdict::yes(KIND, "ReviewLate", message)
        }
        _ => Verdict::no(KIND, "InTime", "A decision is not due yet."),
    }
}

/// Of a permit whose time runs: whether it ends soon, and whether it is suspended.
fn lives(view: &View<'_>) -> Vec<Verdict> {
    let status = view.permit.status.as_ref();
    let time = status.and_then(|s| s.valid_from.as_ref().zip(s.not_after.as_ref())).map(|(from, ends)| (from.0, ends.0));
    let Some((from, ends)) = time.filter(|_| matches!(view.state.phase, Phase::Active | Phase::Suspended)) else {
        return Vec::new();
    };
    let expiring = match warned(from, ends, view.now) {
        Some(days) => {
            let message = format!("It ends on {}. Renew it in time: govcloud permit renew {}", day(ends), view.permit.name_any());
            Verdict::yes("Expiring", warning_reason(days), message)
        }
        None => Verdict::no("Expiring", "NotSoon", format!("It ends on {}.", day(ends))),
    };
    let suspended = match view.state.phase {
        Phase::Suspended => Verdict::yes("Suspended", "Suspended", said(view, Phase::Suspended)),
        _ => Verdict::no("Suspended", "NotSuspended", "No reviewer suspended it."),
    };
    vec![expiring, suspended]
}

fn warning_reason(days: i64) -> &'static str {
    match days {
        7 => "Within7Days",
        30 => "Within30Days",
        _ => "Within90Days",
    }
}

/// After the end of a permit that was active: how long what runs may take to drain.
fn draining(view: &View<'_>) -> Option<Verdict> {
    const KIND: &str = "Draining";
    let until = drains_until(view.permit).filter(|_| view.state.phase.is_over())?;
    Some(if view.now < until {
        let message = format!(
            "Nothing new of it starts; what runs must be gone by {}. Nothing is deleted by the Government Cloud.",
            day(until)
        );
        Verdict::yes(KIND, "Grace", message)
    } else {
        Verdict::no(KIND, "GraceOver", format!("What ran had to be gone by {}.", day(until)))
    })
}

/// Whether nothing is left to do about how it came about: an emergency is reviewed afterwards.
fn compliant(view: &View<'_>) -> Option<Verdict> {
    const KIND: &str = "Compliant";
    let approved = view.state.decision.as_ref().is_some_and(|d| d.verdict == ReviewVerdict::Approve);
    if view.permit.spec.intent != Intent::Emergency || !approved {
        return None;
    }
    Some(if view.state.afterwards.is_empty() {
        Verdict::yes(KIND, "ReviewedAfterwards", "Everybody who approves in ordinary times has looked at it.")
    } else {
        let message =
            format!("It was approved by one in an emergency. Still to look at it: {}.", describe(&view.state.afterwards));
        Verdict::no(KIND, "ReviewAfterwards", message)
    })
}

/// A day as people write it.
fn day(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

fn capacity(view: &View<'_>) -> Option<Verdict> {
    match view.state.phase {
        Phase::Approved => view.waits_for.clone(),
        Phase::Active | Phase::Suspended => Some(Verdict::yes("CapacityReserved", "Reserved", "Its targets are its own.")),
        _ => None,
    }
}

fn active(view: &View<'_>) -> Verdict {
    if let Some(objection) = view.objection {
        return Verdict::no("Active", objection.reason, objection.message.clone());
    }
    let ends = view.permit.status.as_ref().and_then(|s| s.not_after.as_ref()).map(|t| t.0.to_string()).unwrap_or_default();
    match view.state.phase {
        Phase::Active => Verdict::yes("Active", "Active", format!("Until {ends}.")),
        other => Verdict::no("Active", reason(other), said(view, other)),
    }
}

/// `1 of ministry:reviewers, 1 of security:smc`.
fn describe(missing: &[Quorum]) -> String {
    let parts: Vec<_> = missing.iter().map(|q| format!("{} of {}", q.count, q.group)).collect();
    if parts.is_empty() { "nobody".to_owned() } else { parts.join(", ") }
}

/// What an event says about a permit's new phase.
pub fn announcement(status: &ProcessingPermitStatus) -> String {
    let number = status.number.as_deref().unwrap_or("a request without a number");
    // Ready speaks of the moment; what an active permit became is said by Active.
    let lives_or_lived = status.valid_from.is_some();
    let why = find(&status.conditions, if lives_or_lived { "Active" } else { "Ready" });
    format!("{number} is {}. {}", status.phase, why.map(|c| c.message.as_str()).unwrap_or_default())
}

/// How many changes a permit's status keeps.
const CHANGES_KEPT: usize = 64;

/// Adds to the history what happened since the conditions were `before`: another phase, or what people must be told of.
/// Where nobody is to be told, everything counts as told.
pub fn record(status: &mut ProcessingPermitStatus, before: &[Condition], announces: bool, now: Timestamp) {
    let mut new = Vec::new();
    let last = status.history.last().map(|last| (last.sequence, last.phase));
    if last.is_none_or(|(_, phase)| phase != status.phase) {
        new.push((status.phase.to_string(), announcement(status)));
    }
    new.extend(status.conditions.iter().filter_map(|condition| news(condition, before)));
    let phase = status.phase;
    for (sequence, (what, message)) in (last.map_or(0, |(sequence, _)| sequence) + 1..).zip(new) {
        status.history.push(Change { sequence, what, phase, at: Time(now), message });
    }
    let surplus = status.history.len().saturating_sub(CHANGES_KEPT);
    status.history.drain(..surplus);
    if !announces {
        status.notified = status.history.last().map(|last| last.sequence);
    }
}

/// What a condition says that people must be told of, if it did not say so before.
fn news(condition: &Condition, before: &[Condition]) -> Option<(String, String)> {
    let said = find(before, &condition.type_).map(|c| (c.status.as_str(), c.reason.as_str()));
    let what = match (condition.type_.as_str(), condition.status.as_str(), condition.reason.as_str()) {
        ("Overdue" | "Expiring", "True", _) => condition.type_.as_str(),
        ("Compliant" | "Draining", "False", reason) => reason,
        _ => return None,
    };
    (said != Some((&*condition.status, &*condition.reason))).then(|| (what.to_owned(), condition.message.clone()))
}

/// Whether a change is bad news.
pub fn is_warning(change: &Change) -> bool {
    let of_phase = change.what == change.phase.to_string();
    !of_phase || matches!(change.phase, Phase::Denied | Phase::Revoked | Phase::Expired | Phase::Suspended | Phase::Returned)
}
