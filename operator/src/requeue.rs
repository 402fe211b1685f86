//! When to look again.

use std::time::Duration;

use jiff::Timestamp;
use kube::runtime::controller::Action;

/// A look in vain now and then costs nothing, and a clock that was set right is noticed.
const LONGEST: Duration = Duration::from_hours(24);

/// A look at this moment, or a day from now if that is earlier; only at a change if there is no such moment.
pub fn at(moment: Option<Timestamp>, now: Timestamp) -> Action {
    moment.map_or_else(Action::await_change, |moment| {
        let wait = Duration::try_from(moment.duration_since(now)).unwrap_or_default();
        // The clock is read to the second.
        Action::requeue((wait + Duration::from_millis(20)).min(LONGEST))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_never_more_than_a_day_and_never_too_early() {
        let now = Timestamp::UNIX_EPOCH;
        let after = |seconds: i64| at(Some(Timestamp::from_second(seconds).expect("in range")), now);
        assert_eq!(at(None, now), Action::await_change());
        assert_eq!(after(5), Action::requeue(Duration::from_millis(5020)));
        assert_eq!(after(-5), Action::requeue(Duration::from_millis(20)));
        assert_eq!(at(Some(Timestamp::MAX), now), Action::requeue(LONGEST));
    }
}
