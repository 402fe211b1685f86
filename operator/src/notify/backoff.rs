//! When a notice that was not delivered is tried again.

use std::time::Duration;

use jiff::{Timestamp, fmt::rfc2822};

use super::error::NotifyError;

const FIRST: Duration = Duration::from_secs(1);
const LAST: Duration = Duration::from_mins(5);
/// A receiver that asks for more is asked again after this nevertheless.
const LONGEST_ASKED: Duration = Duration::from_hours(1);

/// How long to wait after the `failures`-th failure in a row: doubled each time, and the longest wait at once if the receiver
/// refuses. Between half of that and all of it, as `spread` says, so that permits which failed together do not come together
/// again. Never shorter than the receiver asks for.
pub fn wait(failures: u32, error: &NotifyError, spread: u32) -> Duration {
    let longest = if error.is_refusal() { LAST } else { FIRST.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(LAST) };
    let share = f64::from(spread) / f64::from(u32::MAX);
    let wait = longest.mul_f64(0.5 + share / 2.0);
    wait.max(error.retry_after().unwrap_or_default().min(LONGEST_ASKED))
}

/// What a `Retry-After` header asks for: seconds, or a date.
pub fn retry_after(header: &str, now: Timestamp) -> Option<Duration> {
    let header = header.trim();
    if let Ok(seconds) = header.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = rfc2822::DateTimeParser::new().parse_timestamp(header).ok()?;
    Some(Duration::try_from(at.duration_since(now)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use reqwest::StatusCode;
    use rstest::rstest;

    use super::*;

    fn answered(status: u16, retry_after: Option<u64>) -> NotifyError {
        let status = StatusCode::from_u16(status).expect("a status");
        NotifyError::Answered { status, retry_after: retry_after.map(Duration::from_secs) }
    }

    #[rstest]
    #[case(1, 500, 1)]
    #[case(2, 503, 2)]
    #[case(4, 408, 8)]
    #[case(5, 429, 16)]
    #[case(1000, 500, 300)]
    #[case(1, 410, 300)]
    #[case(1, 404, 300)]
    #[case(1, 301, 300)]
    fn it_doubles_up_to_five_minutes_and_a_refusal_waits_the_longest(
        #[case] failures: u32,
        #[case] status: u16,
        #[case] longest: u64,
    ) {
        let error = answered(status, None);
        assert_eq!(wait(failures, &error, u32::MAX), Duration::from_secs(longest));
        assert_eq!(wait(failures, &error, 0), Duration::from_secs(longest) / 2);
    }

    #[test]
    fn it_is_never_shorter_than_the_receiver_asks_for() {
        assert_eq!(wait(1, &answered(503, Some(120)), 0), Duration::from_mins(2));
        assert_eq!(wait(1, &answered(429, Some(1_000_000)), 0), LONGEST_ASKED);
        assert_eq!(wait(9, &answered(429, Some(1)), u32::MAX), Duration::from_secs(256));
    }

    #[rstest]
    #[case("120", Some(120))]
    #[case(" 0 ", Some(0))]
    #[case("Sun, 06 Nov 1994 08:49:37 GMT", Some(37))]
    #[case("Sun, 06 Nov 1994 08:48:00 GMT", Some(0))]
    #[case("soon", None)]
    #[case("-1", None)]
    fn retry_after_is_seconds_or_a_date(#[case] header: &str, #[case] seconds: Option<u64>) {
        let now = "1994-11-06T08:49:00Z".parse().expect("a time");
        assert_eq!(retry_after(header, now), seconds.map(Duration::from_secs));
    }
}
