//! A permit's conditions: what its state means, in words for the agency that reads them.

use govcloud_crds::{
    ProcessingPermit,
    class::Quorum,
    conditions::{Verdict, find},
    permit::{AssessmentResult, Phase, ProcessingPermitStatus, effective::Effective, validate::Objection},
};
use jiff::Timestamp;

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
            format!("More information is needed: {because} Withdraw this request and make a new one that answers it.")
        }
        Phase::Suspended => "A reviewer suspended it: nothing of it may start or grow.".into(),
        Phase::Revoked => "Reviewers revoked it. What runs must be drained; nothing of it may start or grow.".into(),
        Phase::Expired => "Its time is over. What runs must be drained; nothing of it may start or grow.".into(),
        Phase::Withdrawn => "The agency took it back.".into(),
        Phase::UnderReview => "It waits for reviewers.".into(),
        Phase::Approved => "It is approved and not active yet; the condition Ready says what it waits for.".into(),
        Phase::Superseded => "A successor took over.".into(),
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
            Verdict::yes(
                "Duplicate",
                "OfferFits",
                format!(
                    "Use {} instead: govcloud service claim {service}. An approval needs an override with a reason, and one more reviewer.",
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
        Some(decision) if decision.verdict == govcloud_crds::permit::ReviewVerdict::Approve => {
            Verdict::yes("QuorumMet", "Approved", decision.reason.clone())
        }
        Some(decision) => Verdict::no("QuorumMet", "NotApproved", decision.reason.clone()),
        None => Verdict::no("QuorumMet", "Waiting", format!("Still needed: {}.", describe(&view.state.missing))),
    })
}

fn overdue(view: &View<'_>) -> Verdict {
    let submitted = view.permit.metadata.creation_timestamp.as_ref().map(|t| t.0);
    let within = view.permit.status.as_ref().and_then(|s| s.policy.as_ref()).map(|p| p.approval.review_within.clone());
    match submitted.zip(within) {
        Some((submitted, within)) if view.now > within.after(submitted) => Verdict::yes(
            "Overdue",
            "ReviewLate",
            format!("A decision was due within {within}. Nothing is decided by time; ask the ministry."),
        ),
        _ => Verdict::no("Overdue", "InTime", "A decision is not due yet."),
    }
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
