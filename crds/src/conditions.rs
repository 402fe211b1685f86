//! Conditions, kept in the way that `kubectl wait` and kstatus expect.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

/// What a rule says about one aspect of an object: its state, a reason for programs and a message for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The condition's type, such as `Ready`.
    pub kind: &'static str,
    /// Whether it holds; `None` if that is not known yet.
    pub holds: Option<bool>,
    /// One CamelCase word for programs.
    pub reason: &'static str,
    /// One or two sentences for people: what is, why, and what to do next.
    pub message: String,
}

impl Verdict {
    /// The aspect holds.
    pub fn yes(kind: &'static str, reason: &'static str, message: impl Into<String>) -> Self {
        Self { kind, holds: Some(true), reason, message: message.into() }
    }

    /// The aspect does not hold.
    pub fn no(kind: &'static str, reason: &'static str, message: impl Into<String>) -> Self {
        Self { kind, holds: Some(false), reason, message: message.into() }
    }

    /// Not known yet.
    pub fn unknown(kind: &'static str, reason: &'static str, message: impl Into<String>) -> Self {
        Self { kind, holds: None, reason, message: message.into() }
    }
}

/// The conditions after `verdicts`, given those `before`.
///
/// A condition whose status does not change keeps its transition time; one that no verdict mentions is dropped. The
/// result is in the order of the verdicts, so equal verdicts give equal conditions and nothing is written twice.
pub fn conditions(before: &[Condition], verdicts: &[Verdict], generation: Option<i64>, now: Timestamp) -> Vec<Condition> {
    verdicts.iter().map(|verdict| condition(before, verdict, generation, now)).collect()
}

fn condition(before: &[Condition], verdict: &Verdict, generation: Option<i64>, now: Timestamp) -> Condition {
    let status = match verdict.holds {
        Some(true) => "True",
        Some(false) => "False",
        None => "Unknown",
    };
    let unchanged = before.iter().find(|c| c.type_ == verdict.kind && c.status == status);
    Condition {
        type_: verdict.kind.to_owned(),
        status: status.to_owned(),
        reason: verdict.reason.to_owned(),
        message: verdict.message.clone(),
        observed_generation: generation,
        last_transition_time: unchanged.map_or(Time(now), |c| c.last_transition_time.clone()),
    }
}

/// Whether the condition `kind` is there and `True`.
pub fn is_true(conditions: &[Condition], kind: &str) -> bool {
    find(conditions, kind).is_some_and(|c| c.status == "True")
}

/// The condition `kind`.
pub fn find<'a>(conditions: &'a [Condition], kind: &str) -> Option<&'a Condition> {
    conditions.iter().find(|c| c.type_ == kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).expect("in range")
    }

    #[test]
    fn the_transition_time_moves_only_with_the_status() {
        let first = conditions(&[], &[Verdict::no("Ready", "Waiting", "wait")], Some(1), at(1));
        let same = conditions(&first, &[Verdict::no("Ready", "StillWaiting", "wait more")], Some(2), at(2));
        assert_eq!(same[0].last_transition_time, Time(at(1)));
        assert_eq!((same[0].reason.as_str(), same[0].observed_generation), ("StillWaiting", Some(2)));
        let turned = conditions(&same, &[Verdict::yes("Ready", "Done", "done")], Some(2), at(3));
        assert_eq!(turned[0].last_transition_time, Time(at(3)));
        assert!(is_true(&turned, "Ready"));
    }

    #[test]
    fn what_no_verdict_mentions_is_dropped() {
        let before = conditions(&[], &[Verdict::unknown("Old", "Old", "")], None, at(1));
        assert!(conditions(&before, &[], None, at(2)).is_empty());
    }
}
