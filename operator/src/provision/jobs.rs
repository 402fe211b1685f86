//! Which calls are under way, and what became of them: plain data, without a clock and without tasks.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    time::{Duration, Instant},
};

use govcloud_crds::service::Provisioner;

use super::{error::ProvisionError, record::Made};

const FIRST: Duration = Duration::from_secs(1);
const LAST: Duration = Duration::from_mins(5);
/// A provisioner that asks for more is asked again after this nevertheless.
const LONGEST_ASKED: Duration = Duration::from_hours(1);

/// What a call is about. If any of it changes, what became of another call says nothing about this one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Want {
    /// What is to be made, or which is to be the only one left.
    pub made: Made,
    /// Where, and how.
    pub provisioner: Provisioner,
    /// The version of the Secret with the token.
    pub token_version: Option<String>,
}

#[derive(Debug)]
enum State<T> {
    Running,
    Done(T),
    Failed { again: Instant },
}

#[derive(Debug)]
struct Job<T> {
    want: Want,
    state: State<T>,
    failures: u32,
    /// Why the last call failed; said also while the next one is under way, so that a claim does not change with each.
    error: Option<ProvisionError>,
}

/// Calls of one sort, one for each service and claim at a time: a claim that moves has to do with two services.
#[derive(Debug)]
pub struct Jobs<T>(HashMap<Key, Job<T>>);

/// A claim's uid, and the service's name.
type Key = (String, String);

fn key(want: &Want) -> Key {
    (want.made.claim.clone(), want.made.service.clone())
}

impl<T> Default for Jobs<T> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

/// Where a call is.
#[derive(Debug, PartialEq, Eq)]
pub enum Look<T> {
    /// Whoever looked starts it now; why the one before it failed.
    Start(Option<ProvisionError>),
    /// It is under way, or waits to be tried again; why it failed.
    Waiting(Option<ProvisionError>),
    /// It is done.
    Done(T),
}

impl<T: Clone> Jobs<T> {
    /// Where the call for `want` is. A claim's calls follow one another: a new one waits until the one before has ended.
    pub fn look(&mut self, want: &Want, now: Instant) -> Look<T> {
        let Some(job) = self.0.get_mut(&key(want)) else {
            let job = Job { want: want.clone(), state: State::Running, failures: 0, error: None };
            self.0.insert(key(want), job);
            return Look::Start(None);
        };
        let is_same = job.want == *want;
        match &job.state {
            State::Running => return Look::Waiting(job.error.clone().filter(|_| is_same)),
            State::Done(result) if is_same => return Look::Done(result.clone()),
            State::Failed { again } if is_same && *again > now => return Look::Waiting(job.error.clone()),
            State::Done(_) | State::Failed { .. } => {}
        }
        if !is_same {
            *job = Job { want: want.clone(), state: State::Running, failures: 0, error: None };
        }
        job.state = State::Running;
        Look::Start(job.error.clone())
    }

    /// Takes note of how a call ended; how long until it is to be tried again.
    pub fn ended(&mut self, want: &Want, result: Result<T, ProvisionError>, now: Instant) -> Option<Duration> {
        let job = self.0.get_mut(&key(want)).filter(|job| job.want == *want)?;
        match result {
            Ok(result) => {
                (job.state, job.failures, job.error) = (State::Done(result), 0, None);
                None
            }
            Err(error) => {
                job.failures = job.failures.saturating_add(1);
                let pause = wait(job.failures, &error, spread(&want.made.claim));
                (job.state, job.error) = (State::Failed { again: now + pause }, Some(error));
                Some(pause)
            }
        }
    }

    /// Forgets what became of a claim's calls. One that is under way is not forgotten: another would start beside it.
    pub fn forget(&mut self, claim: &str) {
        self.0.retain(|(of, _), job| of != claim || matches!(job.state, State::Running));
    }
}

/// How long to wait after the `failures`-th failure in a row: doubled each time; the longest at once if somebody must mend
/// something first. Between half of that and all of it, so that claims which failed together do not come together again.
fn wait(failures: u32, error: &ProvisionError, spread: u32) -> Duration {
    let longest = if error.is_refusal() { LAST } else { FIRST.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(LAST) };
    let share = f64::from(spread) / f64::from(u32::MAX);
    longest.mul_f64(0.5 + share / 2.0).max(error.retry_after().unwrap_or_default().min(LONGEST_ASKED))
}

/// Another number each time: every `RandomState` has other keys.
fn spread(claim: &str) -> u32 {
    u32::try_from(RandomState::new().hash_one(claim) >> 32).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use reqwest::StatusCode;
    use rstest::rstest;

    use super::*;

    fn want(rotation: i32) -> Want {
        let made = Made { service: "s".into(), claim: "u".into(), rotation, plan: "p".into() };
        let provisioner = Provisioner { url: "https://p.example".into(), token_from: None, timeout: "10s".into() };
        Want { made, provisioner, token_version: None }
    }

    fn failing() -> ProvisionError {
        ProvisionError::Failing { status: StatusCode::BAD_GATEWAY, retry_after: None }
    }

    #[test]
    fn one_call_is_started_and_everybody_else_waits_for_it() {
        let (mut jobs, now) = (Jobs::default(), Instant::now());
        assert_eq!(jobs.look(&want(0), now), Look::Start(None));
        assert_eq!(jobs.look(&want(0), now), Look::Waiting(None));
        assert_eq!(jobs.ended(&want(0), Ok("made"), now), None);
        assert_eq!(jobs.look(&want(0), now), Look::Done("made"));
        jobs.forget("u");
        assert_eq!(jobs.look(&want(0), now), Look::Start(None));
    }

    #[test]
    fn what_failed_says_why_until_it_succeeds_and_is_not_tried_again_at_once() {
        let (mut jobs, now) = (Jobs::<()>::default(), Instant::now());
        jobs.look(&want(0), now);
        let wait = jobs.ended(&want(0), Err(failing()), now).expect("tried again");
        assert_eq!(jobs.look(&want(0), now), Look::Waiting(Some(failing())));
        assert_eq!(jobs.look(&want(0), now + wait), Look::Start(Some(failing())));
        assert_eq!(jobs.look(&want(0), now + wait), Look::Waiting(Some(failing())), "it is under way");
    }

    #[test]
    fn a_service_that_was_mended_is_tried_at_once() {
        let (mut jobs, now) = (Jobs::<()>::default(), Instant::now());
        jobs.look(&want(0), now);
        jobs.ended(&want(0), Err(ProvisionError::Refused(StatusCode::UNAUTHORIZED)), now);
        let mended = Want { token_version: Some("2".into()), ..want(0) };
        assert_eq!(jobs.look(&mended, now), Look::Start(None));
    }

    #[test]
    fn a_newer_number_waits_for_the_call_that_is_under_way_and_does_not_take_its_result() {
        let (mut jobs, now) = (Jobs::default(), Instant::now());
        jobs.look(&want(0), now);
        assert_eq!(jobs.look(&want(1), now), Look::Waiting(None));
        jobs.forget("u");
        assert_eq!(jobs.look(&want(1), now), Look::Waiting(None), "what is under way is not forgotten");
        jobs.ended(&want(0), Ok("made"), now);
        assert_eq!(jobs.look(&want(1), now), Look::Start(None));
    }

    #[rstest]
    #[case(1, failing(), 1)]
    #[case(4, failing(), 8)]
    #[case(1000, failing(), 300)]
    #[case(1, ProvisionError::Refused(StatusCode::FORBIDDEN), 300)]
    #[case(1, ProvisionError::TimedOut(Duration::from_secs(10)), 1)]
    fn the_wait_doubles_up_to_five_minutes(#[case] failures: u32, #[case] error: ProvisionError, #[case] seconds: u64) {
        assert_eq!(wait(failures, &error, u32::MAX), Duration::from_secs(seconds));
        assert_eq!(wait(failures, &error, 0), Duration::from_secs(seconds) / 2);
    }

    #[test]
    fn it_is_never_shorter_than_the_provisioner_asks_for() {
        let asks = |seconds| ProvisionError::Failing {
            status: StatusCode::TOO_MANY_REQUESTS,
            retry_after: Some(Duration::from_secs(seconds)),
        };
        assert_eq!(wait(1, &asks(120), 0), Duration::from_mins(2));
        assert_eq!(wait(1, &asks(1_000_000), 0), LONGEST_ASKED);
    }
}
