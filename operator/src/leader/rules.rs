//! Who may take the lease, and when: pure functions.
//!
//! Times in the lease are for people. Machines' clocks differ, so nobody compares them: who waits for a lease to run out
//! measures with its own clock how long the lease has not changed before its eyes, and who holds it measures how long ago it
//! sent the renewal that succeeded. The first time begins after the second and is longer, so they never overlap.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use k8s_openapi::{api::coordination::v1::LeaseSpec, apimachinery::pkg::apis::meta::v1::MicroTime};

/// A lease that has not changed for this long may be taken.
pub const DURATION: Duration = Duration::from_secs(10);
/// How often the holder renews, and the others look.
pub const RENEW: Duration = Duration::from_secs(2);
/// How long after sending the last renewal that succeeded the holder still writes. What it sends last has the rest of
/// [`DURATION`] to arrive.
pub const TRUST: Duration = Duration::from_secs(7);
/// After how long an attempt that failed is repeated, at the least.
pub const RETRY: Duration = Duration::from_millis(400);

/// The lease as it was seen last, and since when it has been so.
#[derive(Debug, Default)]
pub struct Observed(Option<(LeaseSpec, Instant)>);

impl Observed {
    /// Takes note of a lease that was asked for at `sent` and had arrived at `received`; for how long it surely has not
    /// changed.
    pub fn look(&mut self, spec: &LeaseSpec, sent: Instant, received: Instant) -> Duration {
        match &self.0 {
            // It was still so when it was asked for; what happened on the answer's way is not known.
            Some((last, since)) if last == spec => sent.saturating_duration_since(*since),
            _ => {
                self.0 = Some((spec.clone(), received));
                Duration::ZERO
            }
        }
    }
}

/// What somebody who does not hold the lease may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Take it.
    Take,
    /// It is somebody's for at least this long, unless that one releases it.
    Wait(Duration),
}

/// Whether a lease that has not changed for `unchanged` may be taken.
///
/// It does not matter whether its holder has the same name as who asks: that may be an earlier process of a pod, or another
/// machine that was given the same name.
pub fn judge(spec: &LeaseSpec, unchanged: Duration) -> Verdict {
    if spec.holder_identity.as_deref().unwrap_or_default().is_empty() {
        return Verdict::Take;
    }
    // Another version of this program may hold it for longer than this one would.
    let announced = spec.lease_duration_seconds.and_then(|seconds| u64::try_from(seconds).ok()).map(Duration::from_secs);
    let left = announced.unwrap_or_default().max(DURATION).saturating_sub(unchanged);
    if left.is_zero() { Verdict::Take } else { Verdict::Wait(left) }
}

/// Whether a lease is the one that this process took: by its name, and by the moment, which no other process of that name
/// has written.
pub fn is_same_term(spec: &LeaseSpec, mine: &LeaseSpec) -> bool {
    spec.holder_identity == mine.holder_identity && spec.acquire_time == mine.acquire_time
}

/// The lease once `identity` has taken it over from whoever had it.
pub fn taken(before: &LeaseSpec, identity: &str, now: Timestamp) -> LeaseSpec {
    let first = before.acquire_time.is_none();
    LeaseSpec {
        holder_identity: Some(identity.to_owned()),
        lease_duration_seconds: i32::try_from(DURATION.as_secs()).ok(),
        acquire_time: Some(micro(now)),
        renew_time: Some(micro(now)),
        lease_transitions: Some(before.lease_transitions.unwrap_or_default().saturating_add(i32::from(!first))),
        ..before.clone()
    }
}

/// The lease once its holder has renewed it.
pub fn renewed(mine: &LeaseSpec, now: Timestamp) -> LeaseSpec {
    LeaseSpec { renew_time: Some(micro(now)), ..mine.clone() }
}

/// The lease once its holder has released it: the next one need not wait.
pub fn released(mine: &LeaseSpec, now: Timestamp) -> LeaseSpec {
    LeaseSpec { holder_identity: Some(String::new()), lease_duration_seconds: Some(1), ..renewed(mine, now) }
}

/// When somebody who waits looks again: [`RENEW`] and up to a fifth more, as `spread` says, so that several do not come at
/// the same moments; sooner if the lease runs out sooner.
pub fn pause(left: Duration, spread: u32) -> Duration {
    jitter(RENEW, spread).min(left.max(RETRY))
}

/// A time, and up to a fifth more as `spread` says.
pub fn jitter(time: Duration, spread: u32) -> Duration {
    time.mul_f64(1.0 + 0.2 * f64::from(spread) / f64::from(u32::MAX))
}

/// As it comes back from the API server, which keeps microseconds: it is compared with what was written.
fn micro(now: Timestamp) -> MicroTime {
    MicroTime(Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    fn held_by(holder: &str) -> LeaseSpec {
        taken(&LeaseSpec::default(), holder, at("2026-11-29T10:00:00.123456789Z"))
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[rstest]
    #[case::fresh(0, Verdict::Wait(seconds(10)))]
    #[case::old(9, Verdict::Wait(seconds(1)))]
    #[case::run_out(10, Verdict::Take)]
    #[case::long_gone(600, Verdict::Take)]
    fn a_held_lease_is_taken_once_it_has_not_changed_for_its_time(#[case] unchanged: u64, #[case] verdict: Verdict) {
        assert_eq!(judge(&held_by("a"), seconds(unchanged)), verdict);
    }

    #[rstest]
    #[case::never_held(LeaseSpec::default())]
    #[case::released(released(&held_by("a"), at("2026-11-29T10:00:09Z")))]
    fn a_lease_without_a_holder_is_taken_at_once(#[case] lease: LeaseSpec) {
        assert_eq!(judge(&lease, Duration::ZERO), Verdict::Take);
    }

    #[rstest]
    #[case::longer(Some(60), 60)]
    #[case::shorter(Some(1), 10)]
    #[case::nonsense(Some(-5), 10)]
    #[case::none(None, 10)]
    fn a_holder_of_another_version_keeps_its_own_time_if_that_is_longer(#[case] announced: Option<i32>, #[case] left: u64) {
        let lease = LeaseSpec { lease_duration_seconds: announced, ..held_by("a") };
        assert_eq!(judge(&lease, Duration::ZERO), Verdict::Wait(seconds(left)));
    }

    #[test]
    fn only_the_own_clock_counts() {
        let (mut observed, start) = (Observed::default(), Instant::now());
        let ahead = renewed(&held_by("a"), at("2036-01-01T00:00:00Z"));
        assert_eq!(observed.look(&ahead, start, start + seconds(1)), Duration::ZERO);
        // From when it had arrived the first time, to when it was asked for the last time.
        assert_eq!(observed.look(&ahead, start + seconds(8), start + seconds(9)), seconds(7));
        let behind = renewed(&held_by("a"), at("1999-01-01T00:00:00Z"));
        assert_eq!(observed.look(&behind, start + seconds(10), start + seconds(11)), Duration::ZERO);
        assert_eq!(observed.look(&behind, start + seconds(21), start + seconds(22)), seconds(10));
    }

    #[test]
    fn nobody_takes_it_while_the_holder_still_trusts_it() {
        // The holder's renewal is sent at 0 and stored at once, and the other sees it in the same moment: the worst case.
        let (mut observed, sent) = (Observed::default(), Instant::now());
        observed.look(&held_by("a"), sent, sent);
        for moment in 0..=TRUST.as_secs() {
            let now = sent + seconds(moment);
            assert_ne!(judge(&held_by("a"), observed.look(&held_by("a"), now, now)), Verdict::Take, "after {moment} s");
        }
    }

    #[test]
    fn the_same_name_is_not_the_same_term() {
        let mine = held_by("a");
        let other = taken(&mine, "a", at("2026-11-29T10:00:01Z"));
        assert!(is_same_term(&renewed(&mine, at("2026-11-29T10:00:02Z")), &mine));
        assert!(!is_same_term(&other, &mine));
        assert!(!is_same_term(&released(&mine, at("2026-11-29T10:00:02Z")), &mine));
    }

    #[test]
    fn transitions_count_from_the_second_holder_on_and_times_are_as_the_api_server_keeps_them() {
        let first = held_by("a");
        assert_eq!(first.lease_transitions, Some(0));
        assert_eq!(first.acquire_time, Some(MicroTime(at("2026-11-29T10:00:00.123456Z"))));
        let second = taken(&released(&first, at("2026-11-29T10:00:02Z")), "b", at("2026-11-29T10:00:03Z"));
        assert_eq!((second.lease_transitions, second.lease_duration_seconds), (Some(1), Some(10)));
    }

    #[rstest]
    #[case(seconds(9), 0, RENEW)]
    #[case(seconds(9), u32::MAX, RENEW.mul_f64(1.2))]
    #[case(seconds(1), u32::MAX, seconds(1))]
    #[case(Duration::ZERO, 0, RETRY)]
    fn who_waits_looks_every_two_seconds_and_when_it_runs_out(
        #[case] left: Duration,
        #[case] spread: u32,
        #[case] pause: Duration,
    ) {
        assert_eq!(super::pause(left, spread), pause);
    }
}
