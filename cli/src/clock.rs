//! The one place where the command line reads the clock.

use jiff::Timestamp;

/// The present moment; everything else takes it as a parameter.
#[expect(clippy::disallowed_methods, reason = "this is the wiring; rules and views take `now` as a parameter")]
pub fn now() -> Timestamp {
    Timestamp::now()
}
