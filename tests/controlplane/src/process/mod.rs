//! Processes that end with this one, and processes that outlive it.

pub(crate) mod guardian;
pub(crate) mod identity;
pub(crate) mod signal;

use std::time::Duration;

/// How long a process may take to end by itself before it is killed, in seconds.
pub(crate) const GRACE: Duration = Duration::from_secs(5);

/// How often a process's end is looked for.
pub(crate) const POLL: Duration = Duration::from_millis(20);
