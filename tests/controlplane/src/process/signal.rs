//! Ends processes that this process cannot wait for.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::{GRACE, POLL, identity};
use crate::error::Error;

/// How long a killed process may take to disappear.
const DISAPPEAR: Duration = Duration::from_secs(10);

/// Ends a process and the group it leads: asks first, kills after [`GRACE`]. Does nothing if the
/// process has ended, or if its id now means another process.
pub(crate) async fn end(name: &str, pid: u32, identity: &str) -> Result<(), Error> {
    for (signal, patience) in [("TERM", GRACE), ("KILL", DISAPPEAR)] {
        if gone(pid, identity) {
            return Ok(());
        }
        send(signal, pid);
        let asked = Instant::now();
        while asked.elapsed() < patience && !gone(pid, identity) {
            tokio::time::sleep(POLL).await;
        }
    }
    if gone(pid, identity) {
        return Ok(());
    }
    Err(Error::Survived { name: name.to_owned(), pid })
}

/// Whether the process with that identity has ended.
pub(crate) fn gone(pid: u32, identity: &str) -> bool {
    identity::of(pid).as_deref() != Some(identity)
}

/// Sends a signal to a group. The shell's `kill` does it, because the system call would need
/// unsafe code; a failure shows in that the process is still there.
fn send(signal: &str, group: u32) {
    let _ = Command::new("sh")
        .args(["-c", r#"kill -s "$1" -- "-$2""#, "sh", signal, &group.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
}
