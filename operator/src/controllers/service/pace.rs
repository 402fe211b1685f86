//! How often a ledger is written.

use std::{collections::HashMap, sync::Mutex, time::Duration};

use jiff::Timestamp;

use super::lock;

/// A ledger that was written is not written again for so long. The first claim of a burst is served at once, and those that
/// come meanwhile share the next write: each write carries the whole ledger to etcd and to everybody who watches.
const GATHER: Duration = Duration::from_millis(100);

/// When each ledger was last written.
#[derive(Debug, Default)]
pub struct Pace(Mutex<HashMap<String, Timestamp>>);

impl Pace {
    /// How long a ledger waits before it is made again; `None` if it does not.
    pub fn wait(&self, service: &str, now: Timestamp) -> Option<Duration> {
        let mut written = lock(&self.0);
        let since = Duration::try_from(now.duration_since(*written.get(service)?)).unwrap_or(GATHER);
        let wait = GATHER.checked_sub(since).filter(|wait| !wait.is_zero());
        if wait.is_none() {
            written.remove(service);
        }
        wait
    }

    /// Takes note that a ledger is written.
    pub fn wrote(&self, service: &str, now: Timestamp) {
        lock(&self.0).insert(service.to_owned(), now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_just_written_waits() {
        let (pace, at) = (Pace::default(), |ms| Timestamp::from_millisecond(ms).expect("in range"));
        assert_eq!(pace.wait("a", at(0)), None);
        pace.wrote("a", at(0));
        assert_eq!(pace.wait("a", at(30)), Some(Duration::from_millis(70)));
        assert_eq!(pace.wait("b", at(30)), None);
        assert_eq!(pace.wait("a", at(100)), None);
        pace.wrote("a", at(500));
        assert_eq!(pace.wait("a", at(200)), None, "a clock that was set back holds nobody up");
    }
}
