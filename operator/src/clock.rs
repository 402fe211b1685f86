//! The one place that reads the clock; everything else is given `now`.

use jiff::Timestamp;

/// The present moment, to the second, as Kubernetes keeps time.
#[expect(clippy::disallowed_methods, reason = "the wiring reads the clock so that nothing else has to")]
pub fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}

/// The present moment as exactly as the machine knows it.
#[expect(clippy::disallowed_methods, reason = "the wiring reads the clock so that nothing else has to")]
pub fn precisely_now() -> Timestamp {
    Timestamp::now()
}
