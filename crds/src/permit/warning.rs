//! When an agency is warned that a permit ends, and when it has drained.

use jiff::{SignedDuration, Timestamp};

use super::ProcessingPermit;

/// How many days before its end, the farthest first.
pub const WARNED_BEFORE: [i64; 3] = [90, 30, 7];

/// Which warning holds at `now`: so many days, or fewer, are left. A permit that lasts no longer than a warning's days has
/// none of these: who was given a month knows that it ends within 90 days.
pub fn warned(from: Timestamp, ends: Timestamp, now: Timestamp) -> Option<i64> {
    due(from, ends).into_iter().filter(|(_, at)| now >= *at && now < ends).map(|(days, _)| days).min()
}

/// When the next warning comes after `now`.
pub fn next_warning(from: Timestamp, ends: Timestamp, now: Timestamp) -> Option<Timestamp> {
    due(from, ends).into_iter().map(|(_, at)| at).filter(|at| *at > now).min()
}

fn due(from: Timestamp, ends: Timestamp) -> Vec<(i64, Timestamp)> {
    let before = |days: i64| Some((days, ends.checked_sub(SignedDuration::from_hours(24 * days)).ok()?));
    WARNED_BEFORE.into_iter().filter_map(before).filter(|(_, at)| *at > from).collect()
}

/// Until when what a permit that ended allowed may drain: its class's grace after its end. `None` if it never was active,
/// is not over, or another one took over.
pub fn drains_until(permit: &ProcessingPermit) -> Option<Timestamp> {
    let status = permit.status.as_ref()?;
    let (ended, policy) = (status.ended_at.as_ref()?, status.policy.as_ref()?);
    let was_active = status.valid_from.is_some() && status.superseded_by.is_none();
    was_active.then(|| policy.approval.grace.after(ended.0))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn day(day: i64) -> Timestamp {
        Timestamp::from_second(day * 86_400).expect("in range")
    }

    #[rstest]
    #[case::far_away(365, 100, None, Some(275))]
    #[case::from_the_day_on(365, 275, Some(90), Some(335))]
    #[case::a_month(365, 340, Some(30), Some(358))]
    #[case::the_last_day(365, 364, Some(7), None)]
    #[case::over(365, 365, None, None)]
    #[case::a_month_long(30, 1, None, Some(23))]
    #[case::three_days_long(3, 1, None, None)]
    fn warnings_come_in_time(#[case] lasts: i64, #[case] now: i64, #[case] holds: Option<i64>, #[case] next: Option<i64>) {
        assert_eq!(warned(day(0), day(lasts), day(now)), holds);
        assert_eq!(next_warning(day(0), day(lasts), day(now)), next.map(day));
    }
}
