//! What a service's probes mean: its condition `Healthy`.
//!
//! One lost packet is no outage, so a service that answered is unhealthy only after several failures in a row. One success is
//! enough for it to be healthy again: whoever looks for an alternative then finds it.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::{Health, SharedService, Stage};
use crate::conditions::{Verdict, conditions, find};

/// The condition's type.
pub const KIND: &str = "Healthy";
/// A service is not asked more often than this, whatever it says.
pub const SHORTEST_INTERVAL: Duration = Duration::from_secs(5);
/// A service is not asked less often than this, whatever it says: an older answer says nothing.
pub const LONGEST_INTERVAL: Duration = Duration::from_hours(1);
/// How many failures in a row make a service unhealthy that answered before.
pub const FAILURES: u32 = 3;

impl Health {
    /// How often it is asked, within [`SHORTEST_INTERVAL`] and [`LONGEST_INTERVAL`].
    pub fn every(&self) -> Duration {
        let asked = self.interval.duration().max(SignedDuration::ZERO);
        Duration::try_from(asked).unwrap_or(SHORTEST_INTERVAL).clamp(SHORTEST_INTERVAL, LONGEST_INTERVAL)
    }
}

/// What one probe found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It answered 2xx.
    Healthy,
    /// It answered something else.
    BadStatus(u16),
    /// No secure connection came about; why, in words.
    TlsFailed(String),
    /// It did not answer within this many seconds.
    TimedOut(u64),
    /// There is nobody at its address; why, in words.
    Unreachable(String),
}

impl Outcome {
    /// Every [`Self::label`], for metrics that are to go with their service.
    pub const LABELS: [&'static str; 5] = ["healthy", "bad_status", "tls_failed", "timed_out", "unreachable"];

    /// A stable name for metrics.
    pub fn label(&self) -> &'static str {
        let [healthy, bad_status, tls_failed, timed_out, unreachable] = Self::LABELS;
        match self {
            Self::Healthy => healthy,
            Self::BadStatus(_) => bad_status,
            Self::TlsFailed(_) => tls_failed,
            Self::TimedOut(_) => timed_out,
            Self::Unreachable(_) => unreachable,
        }
    }

    /// In words for whoever looks after the service, or would use it.
    fn said(&self) -> String {
        const MEND: &str = "Its provider looks after it, or mends spec.health.";
        match self {
            Self::Healthy => "It answers.".to_owned(),
            Self::BadStatus(status @ 300..=399) => {
                format!(
                    "Its health address answers {status} and sends elsewhere, where nobody follows; it must answer 2xx itself. {MEND}"
                )
            }
            Self::BadStatus(status) => format!("Its health address answers {status}, and a healthy service answers 2xx. {MEND}"),
            Self::TlsFailed(why) => format!(
                "No secure connection to its health address: {why}. Its provider renews the certificate; if an authority of the \
                 government signed it, a cloud operator gives that to the operator: --ca-file."
            ),
            Self::TimedOut(seconds) => format!("Its health address does not answer within {seconds} seconds. {MEND}"),
            Self::Unreachable(why) => format!("Its health address cannot be reached: {why}. {MEND}"),
        }
    }
}

/// The probes of a service since its last success.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Streak {
    failures: u32,
    last: Option<Outcome>,
    same: u32,
    is_elsewhere: bool,
}

impl Streak {
    /// None yet, of a service that is asked at another address than before.
    pub fn elsewhere() -> Self {
        Self { is_elsewhere: true, ..Self::default() }
    }

    /// Notes one more probe.
    pub fn note(&mut self, outcome: &Outcome) {
        if *outcome == Outcome::Healthy {
            *self = Self::default();
            return;
        }
        self.failures = self.failures.saturating_add(1);
        self.same = if self.last.as_ref() == Some(outcome) { self.same.saturating_add(1) } else { 1 };
        self.last = Some(outcome.clone());
    }
}

/// What the condition says after a probe, given what it said `before` and the probes up to this one.
///
/// The first probe ever decides at once, and the first at another address. What an unhealthy service fails with is said anew when it failed with it several
/// times, so one that fails in turns with this and that is not written each time.
pub fn judge(before: Option<&Condition>, streak: &Streak, outcome: &Outcome) -> Verdict {
    if *outcome == Outcome::Healthy {
        return Verdict::yes(KIND, "Healthy", Outcome::Healthy.said());
    }
    let decides = streak.is_elsewhere && streak.failures == 1;
    match before.filter(|_| !decides).map(|condition| (condition.status.as_str(), &condition.message)) {
        Some(("True", _)) if streak.failures < FAILURES => Verdict::yes(KIND, "Healthy", Outcome::Healthy.said()),
        Some(("False", said)) if streak.same < FAILURES => Verdict::no(KIND, "Unreachable", said.clone()),
        _ => Verdict::no(KIND, "Unreachable", outcome.said()),
    }
}

/// Why a service is not probed; `None` if it is.
pub fn not_probed(service: &SharedService) -> Option<Verdict> {
    let message = match (service.spec.stage, &service.spec.health) {
        (Stage::Draft, _) => "It is a draft, and drafts are not probed.",
        (Stage::Published, None) => "Nothing says where its health is asked; its provider may set spec.health.",
        (Stage::Published, Some(_)) => return None,
    };
    Some(Verdict::unknown(KIND, "NotProbed", message))
}

/// The conditions of a service with this verdict in its place; `None` if they say so already.
///
/// That the service was changed is no reason to say the same again.
pub fn with(before: &[Condition], verdict: &Verdict, generation: Option<i64>, now: Timestamp) -> Option<Vec<Condition>> {
    let new = conditions(before, std::slice::from_ref(verdict), generation, now).pop()?;
    let known = find(before, KIND);
    if known.is_some_and(|c| (&c.status, &c.reason, &c.message) == (&new.status, &new.reason, &new.message)) {
        return None;
    }
    let mut all = before.to_vec();
    match all.iter_mut().find(|condition| condition.type_ == KIND) {
        Some(condition) => *condition = new,
        None => all.push(new),
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("in range")
    }

    /// Runs probes one after the other; what the condition says after each, as `+`, `-` and what was written.
    fn run(outcomes: &[Outcome]) -> (String, usize) {
        let (mut conditions, mut streak, mut said, mut writes) = (Vec::new(), Streak::default(), String::new(), 0);
        for (second, outcome) in (0..).zip(outcomes) {
            streak.note(outcome);
            let verdict = judge(find(&conditions, KIND), &streak, outcome);
            if let Some(changed) = with(&conditions, &verdict, Some(1), at(second)) {
                conditions = changed;
                writes += 1;
            }
            said.push(if find(&conditions, KIND).expect("it is there").status == "True" { '+' } else { '-' });
        }
        (said, writes)
    }

    const OK: Outcome = Outcome::Healthy;
    const BAD: Outcome = Outcome::BadStatus(500);
    const LATE: Outcome = Outcome::TimedOut(5);

    #[rstest]
    #[case::the_first_decides(&[BAD], "-", 1)]
    #[case::healthy_from_the_start(&[OK, OK, OK], "+++", 1)]
    #[case::two_failures_are_no_outage(&[OK, BAD, BAD, OK, BAD, BAD], "++++++", 1)]
    #[case::three_are(&[OK, BAD, LATE, BAD, OK], "+++-+", 3)]
    #[case::one_success_is_enough(&[BAD, OK, BAD, BAD, BAD], "-+++-", 3)]
    #[case::failing_in_turns_is_said_once(&[BAD, LATE, BAD, LATE, BAD, LATE], "------", 1)]
    #[case::failing_otherwise_for_good_is_said(&[BAD, LATE, LATE, LATE, LATE], "-----", 2)]
    fn a_service_is_unhealthy_after_failures_in_a_row(#[case] probes: &[Outcome], #[case] said: &str, #[case] writes: usize) {
        assert_eq!(run(probes), (said.to_owned(), writes));
    }

    proptest! {
        /// Whatever happens: never unhealthy within two failures of a success, never healthy after three in a row.
        #[test]
        fn what_is_said_follows_from_the_last_three(probes in proptest::collection::vec(0..4_u8, 1..40)) {
            let outcomes: Vec<_> = probes.iter().map(|n| match n { 0 | 1 => OK, 2 => BAD, _ => LATE }).collect();
            let (said, _) = run(&outcomes);
            for (i, sign) in said.chars().enumerate() {
                if outcomes[i] == OK {
                    prop_assert_eq!(sign, '+');
                } else if i + 1 >= 3 && outcomes[i - 2..=i].iter().all(|o| *o != OK) {
                    prop_assert_eq!(sign, '-');
                } else if i > 0 && outcomes[..i].contains(&OK) {
                    prop_assert_eq!(sign, '+');
                }
            }
        }
    }

    #[test]
    fn the_first_probe_at_another_address_decides_at_once() {
        let healthy = conditions(&[], &[Verdict::yes(KIND, "Healthy", "It answers.")], Some(1), at(1));
        let mut streak = Streak::elsewhere();
        streak.note(&BAD);
        assert_eq!(judge(find(&healthy, KIND), &streak, &BAD).holds, Some(false));
    }

    fn service(stage: &str, health: serde_json::Value) -> SharedService {
        let spec = json!({"displayName": "s", "provider": "ito", "processingClass": "c", "stage": stage, "plans": [{"name": "one"}],
            "capacity": {}, "binding": {"type": "t"}, "health": health});
        SharedService::new("s", serde_json::from_value(spec).expect("valid"))
    }

    #[rstest]
    #[case("Published", json!({"url": "https://a"}), None)]
    #[case("Published", json!(null), Some("set spec.health"))]
    #[case("Draft", json!({"url": "https://a"}), Some("drafts are not probed"))]
    fn drafts_and_what_says_nothing_are_not_probed(
        #[case] stage: &str,
        #[case] health: serde_json::Value,
        #[case] why: Option<&str>,
    ) {
        let verdict = not_probed(&service(stage, health));
        assert_eq!(verdict.is_none(), why.is_none());
        if let (Some(verdict), Some(why)) = (verdict, why) {
            assert_eq!((verdict.holds, verdict.reason), (None, "NotProbed"));
            assert!(verdict.message.contains(why), "{}", verdict.message);
        }
    }

    #[rstest]
    #[case("1s", 5)]
    #[case("30s", 30)]
    #[case("2h", 3600)]
    fn it_is_asked_neither_too_often_nor_too_rarely(#[case] interval: &str, #[case] seconds: u64) {
        let health: Health = serde_json::from_value(json!({"url": "https://a", "interval": interval})).expect("valid");
        assert_eq!(health.every(), Duration::from_secs(seconds));
    }

    #[test]
    fn what_others_say_stays_where_it_is() {
        let others = conditions(
            &[],
            &[Verdict::yes("Ready", "Offered", ""), Verdict::yes(KIND, "Healthy", ""), Verdict::no("Draining", "No", "")],
            Some(1),
            at(1),
        );
        let changed = with(&others, &Verdict::no(KIND, "Unreachable", "gone"), Some(2), at(2)).expect("it changed");
        let kinds: Vec<_> = changed.iter().map(|c| c.type_.as_str()).collect();
        assert_eq!(kinds, ["Ready", KIND, "Draining"]);
        assert_eq!((&changed[0], &changed[2]), (&others[0], &others[2]));
        assert_eq!(with(&changed, &Verdict::no(KIND, "Unreachable", "gone"), Some(3), at(3)), None);
    }
}
