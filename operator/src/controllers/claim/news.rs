//! What happens to a claim that a person must know of without looking.

use govcloud_crds::{
    conditions::find,
    service::{ClaimPhase, ServiceClaimStatus},
};

/// Something to tell.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct News {
    /// Whether there is something to do.
    pub warning: bool,
    /// One CamelCase word for programs.
    pub reason: &'static str,
    /// Words.
    pub note: String,
}

/// What is new since `before`.
pub(super) fn of(before: &ServiceClaimStatus, now: &ServiceClaimStatus) -> Vec<News> {
    let was_bound = before.phase == ClaimPhase::Bound;
    let said = |kind: &str| find(&now.conditions, kind).map(|c| c.message.clone()).unwrap_or_default();
    let mut all = Vec::new();
    let mut tell = |warning, reason, note| all.push(News { warning, reason, note });
    match now.phase {
        ClaimPhase::Rejected if was_bound => tell(true, "Withdrawn", format!("It is withdrawn: {}", said("Eligible"))),
        ClaimPhase::Released if before.phase != ClaimPhase::Released => tell(true, "Released", said("Eligible")),
        ClaimPhase::Pending if was_bound => tell(true, "Unbound", said("Ready")),
        ClaimPhase::Bound if waited(before) => tell(false, "Served", said("Ready")),
        _ => {}
    }
    if now.served_by != before.served_by
        && let Some(service) = &now.served_by
    {
        tell(
            false,
            "Moved",
            format!("{service} serves it from now on, because the service before ends; its Secret has the new entries."),
        );
    } else if now.phase != ClaimPhase::Released && ends(now) != ends(before) && ends(now).is_some() {
        tell(true, "ServiceEnds", said("Draining"));
    }
    match (before.withdrawn_after.is_some(), now.withdrawn_after.is_some()) {
        (false, true) => tell(true, "Withdrawing", said("Entitled")),
        (true, false) => tell(false, "EntitledAgain", said("Entitled")),
        _ => {}
    }
    if let (true, Some(plan), Some(old)) = (was_bound && now.phase == ClaimPhase::Bound, &now.plan, &before.plan)
        && plan != old
    {
        tell(false, "PlanChanged", format!("It has plan {plan} now instead of {old}."));
    }
    all
}

/// Whether it was told that there is no room.
fn waited(before: &ServiceClaimStatus) -> bool {
    before.phase == ClaimPhase::Pending && find(&before.conditions, "CapacityReserved").is_some_and(|c| c.status == "False")
}

/// What it is told of the end of its service.
fn ends(status: &ServiceClaimStatus) -> Option<&str> {
    find(&status.conditions, "Draining").filter(|c| c.status == "True").map(|c| c.message.as_str())
}

#[cfg(test)]
mod tests {
    use govcloud_crds::conditions::{Verdict, conditions};
    use jiff::Timestamp;

    use super::*;

    fn status(phase: ClaimPhase, verdicts: &[Verdict]) -> ServiceClaimStatus {
        let conditions = conditions(&[], verdicts, None, Timestamp::UNIX_EPOCH);
        ServiceClaimStatus { phase, plan: Some("small".into()), conditions, ..ServiceClaimStatus::default() }
    }

    fn reasons(before: &ServiceClaimStatus, now: &ServiceClaimStatus) -> Vec<&'static str> {
        of(before, now).into_iter().map(|news| news.reason).collect()
    }

    #[test]
    fn people_are_told_once_of_what_changed() {
        let full = [Verdict::no("CapacityReserved", "NoCapacity", "No room.")];
        let ends = [Verdict::yes("Draining", "Ending", "It ends.")];
        let (new, waits) = (ServiceClaimStatus::default(), status(ClaimPhase::Pending, &full));
        let (bound, warned) = (status(ClaimPhase::Bound, &[]), status(ClaimPhase::Bound, &ends));
        let moved = ServiceClaimStatus { served_by: Some("next".into()), ..bound.clone() };
        let larger = ServiceClaimStatus { plan: Some("large".into()), ..bound.clone() };
        let (rejected, released) = (status(ClaimPhase::Rejected, &[]), status(ClaimPhase::Released, &[]));
        let leaving = ServiceClaimStatus {
            withdrawn_after: Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(Timestamp::UNIX_EPOCH)),
            ..bound.clone()
        };
        for (before, now, told) in [
            (&new, &bound, &[][..]),
            (&new, &waits, &[]),
            (&new, &rejected, &[]),
            (&waits, &bound, &["Served"]),
            (&bound, &bound, &[]),
            (&bound, &waits, &["Unbound"]),
            (&bound, &rejected, &["Withdrawn"]),
            (&bound, &warned, &["ServiceEnds"]),
            (&warned, &warned, &[]),
            (&warned, &moved, &["Moved"]),
            (&warned, &released, &["Released"]),
            (&released, &released, &[]),
            (&bound, &larger, &["PlanChanged"]),
            (&bound, &leaving, &["Withdrawing"]),
            (&leaving, &leaving, &[]),
            (&leaving, &bound, &["EntitledAgain"]),
        ] {
            assert_eq!(reasons(before, now), told, "{before:?} → {now:?}");
        }
    }
}
