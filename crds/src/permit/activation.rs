//! The moment in which an approved permit's time starts, and what it must not collide with.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::{Phase, ProcessingPermit, Target};

/// Which of `others` holds an object that one of `targets` names: one active or suspended permit per object. Not the one
/// that `permit` takes over from, and none for which `is_gone` says that its namespace is.
pub fn holder<'a>(
    permit: &ProcessingPermit,
    targets: &'a [Target],
    others: impl IntoIterator<Item = &'a ProcessingPermit>,
    is_gone: impl Fn(&ProcessingPermit) -> bool,
) -> Option<(&'a ProcessingPermit, &'a Target)> {
    let prior = permit.prior_uid().filter(|_| permit.takes_over());
    let is_other = |other: &&ProcessingPermit| {
        other.metadata.uid != permit.metadata.uid && !(prior.is_some() && other.metadata.uid.as_deref() == prior)
    };
    let holds = |other: &&ProcessingPermit| {
        let phase = other.status.as_ref().map(|status| status.phase).unwrap_or_default();
        // What was given for a namespace that is gone opens no slot, and holds nothing.
        matches!(phase, Phase::Active | Phase::Suspended) && !is_gone(other)
    };
    let mut holders = others.into_iter().filter(is_other).filter(holds);
    holders.find_map(|other| {
        let named = |target: &&Target| other.spec.targets.iter().any(|held| held.is_same_object(target));
        Some((other, targets.iter().find(named)?))
    })
}

/// Whether a permit that takes over from one in this phase must wait: what was stopped or taken back is not begun again by it.
pub fn waits_for_prior(permit: &ProcessingPermit, prior: Phase) -> bool {
    permit.takes_over() && matches!(prior, Phase::Suspended | Phase::Revoked)
}

/// Starts the permit's time: from now on, in the namespace with this uid, for what was asked for, and no longer than what is
/// granted without a review allows.
pub fn activate(permit: &mut ProcessingPermit, namespace_uid: Option<String>, now: Timestamp) {
    let asked = permit.spec.duration.after(now);
    let status = permit.status.get_or_insert_default();
    let latest = status.policy.as_ref().and_then(|policy| policy.automatic.as_ref()?.not_after.as_ref());
    status.not_after = Some(Time(latest.map_or(asked, |latest| latest.0.min(asked))));
    status.namespace_uid = namespace_uid;
    status.valid_from = Some(Time(now));
}
