//! Processes that end when this process does, however it does.
//!
//! No code of this process runs when it is killed, and statics are not even dropped when it
//! exits. So a shell stands beside each component and reads from a pipe whose other end only this
//! process has. When the pipe closes, the shell ends the component.

use std::fs::OpenOptions;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

use super::{GRACE, POLL};
use crate::components::CommandLine;
use crate::error::{Error, OnPath as _};

/// Arguments: seconds of grace, a file for the process id, then the command.
///
/// Two things can happen first: the command ends (then `wait` returns, and this shell ends too,
/// which is how the parent notices), or the pipe closes (then the subshell ends the command).
/// The command must not hold the pipe's read end, and its output goes to the log, which is this
/// shell's standard error.
const GUARDIAN: &str = r#"
grace=$1 pid_file=$2
shift 2
exec 3<&0
"$@" </dev/null >&2 3<&- &
child=$!
echo "$child" >"$pid_file"
echo "$child"
exec >&2
(
  while read -r _ <&3; do :; done
  kill -s TERM "$child"
  tenths=0
  while [ "$tenths" -lt "${grace}0" ] && kill -s 0 "$child" 2>/dev/null; do
    sleep 0.1
    tenths=$((tenths + 1))
  done
  kill -s KILL "$child" 2>/dev/null
) </dev/null &
watcher=$!
exec 3<&-
wait "$child"
code=$?
rm -f "$pid_file"
kill "$watcher" 2>/dev/null
exit "$code"
"#;

/// Arguments: a folder. When the pipe closes, waits until the guardians have removed their files
/// from `run`, and removes the folder, unless it was told to keep it.
const JANITOR: &str = r#"
while read -r word; do
  [ "$word" = keep ] && exit 0
done
tenths=0
while [ "$tenths" -lt 200 ] && [ -n "$(ls -A "$1/run")" ]; do
  sleep 0.1
  tenths=$((tenths + 1))
done
while [ "$tenths" -lt 250 ] && ! rm -rf "$1"; do
  sleep 0.1
  tenths=$((tenths + 1))
done
"#;

/// A shell that does something when this process ends, or when told to.
#[derive(Debug)]
struct Guardian {
    shell: Child,
    /// Closing this is the signal. `Some` until then.
    lifeline: Option<ChildStdin>,
}

impl Guardian {
    fn spawn(command: &mut Command) -> Result<Self, Error> {
        // Its own group: an interrupt from the terminal must not end the shell before it has
        // ended its component.
        let mut shell = command
            .process_group(0)
            // The standard library opens this pipe so that no other child inherits our end.
            .stdin(Stdio::piped())
            .spawn()
            .on("run", Path::new("sh"))?;
        let lifeline = shell.stdin.take();
        Ok(Self { shell, lifeline })
    }

    fn is_running(&mut self) -> bool {
        matches!(self.shell.try_wait(), Ok(None))
    }

    /// Closes the pipe and waits until the shell has done its duty.
    async fn release(&mut self) {
        self.lifeline = None;
        // Polled rather than awaited: the runtime that started the process may be gone, as when
        // several tests share an instance.
        while self.is_running() {
            tokio::time::sleep(POLL).await;
        }
    }
}

/// A component that ends when this process does.
#[derive(Debug)]
pub(crate) struct Guarded {
    guardian: Guardian,
    pid: u32,
}

impl Guarded {
    /// Starts a command in `dir`, its output appended to `log`.
    pub(crate) fn spawn(command: &CommandLine, dir: &Path, pid_file: &Path, log: &Path) -> Result<Self, Error> {
        let output = OpenOptions::new().create(true).append(true).open(log).on("open", log)?;
        let mut guardian = Guardian::spawn(
            Command::new("sh")
                .args(["-c", GUARDIAN, "sh", &GRACE.as_secs().to_string()])
                .arg(pid_file)
                .arg(&command.program)
                .args(&command.arguments)
                .current_dir(dir)
                .stdout(Stdio::piped())
                .stderr(output),
        )?;
        let mut line = String::new();
        if let Some(stdout) = guardian.shell.stdout.take() {
            // The shell says it at once, so this does not hold up the runtime.
            BufReader::new(stdout).read_line(&mut line).on("start", &command.program)?;
        }
        let pid = line.trim().parse().map_err(std::io::Error::other);
        Ok(Self { guardian, pid: pid.on("learn the process id of", &command.program)? })
    }

    /// Whether the component runs.
    pub(crate) fn is_running(&mut self) -> bool {
        self.guardian.is_running()
    }

    /// The component's process id.
    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// Ends the component (TERM, and KILL after [`GRACE`]) and waits for that.
    pub(crate) async fn stop(mut self) {
        self.guardian.release().await;
    }
}

/// Removes a folder when this process has ended.
#[derive(Debug)]
pub(crate) struct Janitor {
    guardian: Guardian,
}

impl Janitor {
    /// Starts watching over `dir`.
    pub(crate) fn watch(dir: &Path) -> Result<Self, Error> {
        let guardian = Guardian::spawn(
            Command::new("sh").args(["-c", JANITOR, "sh"]).arg(dir).current_dir("/").stdout(Stdio::null()).stderr(Stdio::null()),
        )?;
        Ok(Self { guardian })
    }

    /// Makes the folder stay, for somebody to read the logs.
    pub(crate) fn keep(&mut self) {
        if let Some(lifeline) = &mut self.guardian.lifeline {
            // If the janitor is gone, then it will not remove anything either.
            let _ = lifeline.write_all(b"keep\n");
        }
    }

    /// Removes the folder now.
    pub(crate) async fn clean(mut self) {
        self.guardian.release().await;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::process::identity;

    fn spawn(dir: &Path, script: &str) -> Guarded {
        let arguments = vec!["-c".to_owned(), script.to_owned()];
        let command = CommandLine { program: "sh".into(), arguments };
        Guarded::spawn(&command, dir, &dir.join("run/it"), &dir.join("log")).expect("started")
    }

    fn folder() -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(dir.path().join("run")).expect("a folder");
        dir
    }

    #[tokio::test]
    async fn stopping_ends_the_command_even_a_stubborn_one() {
        let dir = folder();
        for script in ["exec sleep 60", "trap '' TERM; while :; do sleep 1; done"] {
            let guarded = spawn(dir.path(), script);
            let pid = guarded.pid();
            assert!(identity::of(pid).is_some());
            let started = Instant::now();
            guarded.stop().await;
            assert_eq!(identity::of(pid), None);
            assert!(!dir.path().join("run/it").exists());
            assert!(started.elapsed() < GRACE * 2);
        }
    }

    #[tokio::test]
    async fn a_command_that_ends_is_noticed_and_its_output_kept() {
        let dir = folder();
        let mut guarded = spawn(dir.path(), "echo out; echo err >&2; exit 3");
        while guarded.is_running() {
            tokio::time::sleep(POLL).await;
        }
        let log = std::fs::read_to_string(dir.path().join("log")).expect("a log");
        assert_eq!(log, "out\nerr\n");
    }

    #[tokio::test]
    async fn the_janitor_removes_the_folder_or_keeps_it() {
        let (kept, removed) = (folder().keep(), folder().keep());
        std::fs::write(removed.join("file"), "").expect("a file");
        Janitor::watch(&removed).expect("started").clean().await;
        assert!(!removed.exists());
        let mut janitor = Janitor::watch(&kept).expect("started");
        janitor.keep();
        janitor.clean().await;
        assert!(kept.exists());
        std::fs::remove_dir_all(kept).expect("removed");
    }
}
