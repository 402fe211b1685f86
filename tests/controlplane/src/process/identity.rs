//! Tells whether a process id still means the process it once meant.

use std::process::{Command, Stdio};

/// What distinguishes this process from all others that ever had its id: when it started, and
/// on Linux also in which boot of the machine. `None` if it has ended.
pub(crate) fn of(pid: u32) -> Option<String> {
    if cfg!(target_os = "linux") { from_proc(pid) } else { from_ps(pid) }
}

fn from_proc(pid: u32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let started = start_time(&stat)?;
    // The start time counts from boot; two boots may use the same id at the same time.
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    Some(format!("{}/{started}", boot.trim()))
}

/// Reads field 22 of `/proc/<pid>/stat`, in clock ticks since boot; `None` for a process that has
/// ended but was not waited for yet.
fn start_time(stat: &str) -> Option<&str> {
    // The second field is the program's name in parentheses, and may hold anything.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace();
    let state = fields.next()?;
    (!matches!(state, "Z" | "X")).then(|| fields.nth(18)).flatten()
}

fn from_ps(pid: u32) -> Option<String> {
    let output = Command::new("ps")
        .args(["-o", "stat=,lstart=", "-p", &pid.to_string()])
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let (state, started) = text.trim().split_once(char::is_whitespace)?;
    (!state.starts_with('Z')).then(|| started.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_start_time_is_found_behind_an_odd_name() {
        let stat = "7 (a) R 1) S 1 7 7 0 -1 4 5 6 7 8 9 10 11 12 20 0 1 0 4242 99 1";
        assert_eq!(start_time(stat), Some("4242"));
        assert_eq!(start_time(&stat.replace(" S ", " Z ")), None);
        assert_eq!(start_time("nonsense"), None);
    }

    #[test]
    fn both_ways_know_a_process_and_its_end() {
        let mut child = Command::new("sleep").arg("60").spawn().expect("a process");
        let pid = child.id();
        assert!(of(pid).is_some());
        assert_eq!(of(pid), of(pid));
        assert!(from_ps(pid).is_some());
        child.kill().expect("killed");
        child.wait().expect("ended");
        assert_eq!(of(pid), None);
        assert_eq!(from_ps(pid), None);
    }
}
