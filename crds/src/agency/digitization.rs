//! The yearly duty to automate a fifth of an agency's services.

use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};

use super::{Digitization, DigitizationStatus};
use crate::conditions::Verdict;

const KIND: &str = "DigitizationOnTrack";

/// Where an agency stands with its duty to automate a fifth of its services in the year of `now`, in UTC.
///
/// What it automated in other years counts for those. Who has less than a fifth left automates what is left. It is on track
/// if it has automated at least the part of the target that the past months of the year make up.
pub fn digitization_status(duty: &Digitization, now: Timestamp) -> DigitizationStatus {
    let today = day(now);
    let in_years = |of: &dyn Fn(i16) -> bool| duty.automated.iter().filter(|a| of(a.year)).map(|a| a.services).sum::<i32>();
    let automated = in_years(&|year| year == today.year());
    let left = (duty.services - in_years(&|year| year < today.year())).max(0);
    let target = ((duty.services + 4) / 5).min(left);
    DigitizationStatus {
        automated_this_year: automated,
        target_this_year: target,
        on_track: automated >= expected(target, today),
    }
}

/// How many it should have automated when the present month began: so that the sum is never less than the part of the year that
/// is over.
fn expected(target: i32, today: Date) -> i32 {
    let months_past = i32::from(today.month()) - 1;
    (target * months_past + 11) / 12
}

/// Whether an agency is on track with its yearly duty; its condition `DigitizationOnTrack`.
pub fn digitization_on_track(duty: &Digitization, now: Timestamp) -> Verdict {
    let DigitizationStatus { automated_this_year: automated, target_this_year: target, on_track } =
        digitization_status(duty, now);
    let (today, year) = (day(now), day(now).year());
    let done = format!("{automated} of the {target} services were automated that are due in {year}");
    let more = format!("{} more by {year}-12-31", target - automated);
    if target == 0 {
        return Verdict::yes(KIND, "NothingLeft", format!("There was nothing left to automate in {year}."));
    }
    if automated >= target {
        return Verdict::yes(KIND, "TargetReached", format!("{done}: this year's fifth is done."));
    }
    if on_track {
        return Verdict::yes(KIND, "OnTrack", format!("{done}; {more}."));
    }
    let expected = expected(target, today);
    let message = format!(
        "{done}; it should have been {expected} by {}. Automate {} to catch up, and {more} in all. A cloud operator records it in spec.digitization.automated.",
        today.first_of_month(),
        expected - automated,
    );
    Verdict::no(KIND, "Behind", message)
}

/// When an agency that does nothing may stand otherwise: at the beginning of the next month, in UTC.
pub fn digitization_changes(now: Timestamp) -> Option<Timestamp> {
    let next = day(now).first_of_month().checked_add(1.month()).ok()?;
    Some(next.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

fn day(now: Timestamp) -> Date {
    now.to_zoned(TimeZone::UTC).date()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;
    use crate::agency::AutomatedInYear;

    fn duty(services: i32, automated: &[(i16, i32)]) -> Digitization {
        let automated = automated.iter().map(|(year, services)| AutomatedInYear { year: *year, services: *services }).collect();
        Digitization { services, automated }
    }

    #[rstest]
    #[case::of_none(0, 0)]
    #[case::of_one(1, 1)]
    #[case::of_five(5, 1)]
    #[case::of_six(6, 2)]
    #[case::of_ten(10, 2)]
    #[case::of_eleven(11, 3)]
    #[case::of_fifty(50, 10)]
    #[case::of_most(100_000, 20_000)]
    fn a_fifth_is_rounded_up(#[case] services: i32, #[case] target: i32) {
        let now = "2026-06-15T00:00:00Z".parse().expect("valid");
        assert_eq!(digitization_status(&duty(services, &[]), now).target_this_year, target);
    }

    #[rstest]
    #[case::enough(9, "2026-11-01T00:00:00Z", true)]
    #[case::one_less(8, "2026-11-01T00:00:00Z", false)]
    #[case::enough_for_october(8, "2026-10-31T23:59:59Z", true)]
    #[case::not_in_december(9, "2026-12-01T00:00:00Z", false)]
    #[case::nothing_is_asked_in_january(0, "2026-01-31T23:59:59Z", true)]
    #[case::one_is_asked_in_february(0, "2026-02-01T00:00:00Z", false)]
    #[case::all_of_it(10, "2026-12-31T23:59:59Z", true)]
    #[case::of_the_year_before(10, "2027-01-01T00:00:00Z", true)]
    #[case::of_the_year_before_in_february(10, "2027-02-01T00:00:00Z", false)]
    fn the_past_months_say_how_many(#[case] automated: i32, #[case] now: Timestamp, #[case] on_track: bool) {
        let status = digitization_status(&duty(50, &[(2026, automated)]), now);
        assert_eq!((status.target_this_year, status.on_track), (10, on_track));
        assert_eq!(digitization_on_track(&duty(50, &[(2026, automated)]), now).holds, Some(on_track));
    }

    #[rstest]
    #[case::other_years_do_not_count(&[(2025, 12), (2026, 9), (2027, 3)], 9, 10)]
    #[case::a_year_may_be_written_twice(&[(2026, 4), (2026, 5)], 9, 10)]
    #[case::less_is_left_than_a_fifth(&[(2023, 20), (2024, 20), (2025, 4)], 0, 6)]
    #[case::nothing_is_left(&[(2024, 30), (2025, 30)], 0, 0)]
    fn what_counts(#[case] automated: &[(i16, i32)], #[case] this_year: i32, #[case] target: i32) {
        let status = digitization_status(&duty(50, automated), "2026-11-23T00:00:00Z".parse().expect("valid"));
        assert_eq!((status.automated_this_year, status.target_this_year), (this_year, target));
    }

    #[rstest]
    #[case(0, &[(2026, 0)], "NothingLeft", "nothing left to automate in 2026")]
    #[case(50, &[(2026, 10)], "TargetReached", "10 of the 10 services")]
    #[case(50, &[(2026, 9)], "OnTrack", "9 of the 10 services were automated that are due in 2026; 1 more by 2026-12-31.")]
    #[case(50, &[(2026, 5)], "Behind", "it should have been 9 by 2026-11-01. Automate 4 to catch up, and 5 more by 2026-12-31 in all.")]
    fn people_are_told_how_many_more(
        #[case] services: i32,
        #[case] automated: &[(i16, i32)],
        #[case] reason: &str,
        #[case] words: &str,
    ) {
        let verdict = digitization_on_track(&duty(services, automated), "2026-11-23T00:00:00Z".parse().expect("valid"));
        assert_eq!(verdict.reason, reason);
        assert!(verdict.message.contains(words), "{}", verdict.message);
    }

    #[rstest]
    #[case("2026-11-23T13:00:00Z", "2026-12-01T00:00:00Z")]
    #[case("2026-12-31T23:59:59Z", "2027-01-01T00:00:00Z")]
    #[case("2027-01-01T00:00:00Z", "2027-02-01T00:00:00Z")]
    #[case("2028-01-31T00:00:00Z", "2028-02-01T00:00:00Z")]
    fn it_is_looked_at_again_when_a_month_begins(#[case] now: Timestamp, #[case] next: Timestamp) {
        assert_eq!(digitization_changes(now), Some(next));
    }

    proptest! {
        /// More is never worse, and between two beginnings of months nothing changes by itself.
        #[test]
        fn more_is_never_worse(services in 0..500_i32, automated in 0..120_i32, hours in 0..20_000_i64) {
            let now: Timestamp = "2026-01-01T00:00:00Z".parse().expect("valid");
            let now = now + hours.hours();
            let year = day(now).year();
            let on_track = |automated: i32, now| digitization_status(&duty(services, &[(year, automated)]), now).on_track;
            prop_assert!(!on_track(automated, now) || on_track(automated + 1, now));
            let until = digitization_changes(now).expect("there is one") - 1.second();
            prop_assert_eq!(on_track(automated, now), on_track(automated, until));
            prop_assert!(on_track((services + 4) / 5, now));
        }
    }
}
