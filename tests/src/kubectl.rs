//! What a command said.

use std::process::Output;

/// What a command printed, and whether it succeeded.
#[derive(Clone, Debug)]
pub struct Said {
    /// Whether it ended with 0.
    pub ok: bool,
    /// Its exit code; -1 if a signal ended it.
    pub code: i32,
    /// What it printed to standard output.
    pub out: String,
    /// What it printed to standard error.
    pub err: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        Self {
            ok: output.status.success(),
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Said {
    /// Panics unless it succeeded; what it printed.
    #[track_caller]
    pub fn succeeds(self) -> String {
        assert!(self.ok, "failed with {}: {}{}", self.code, self.out, self.err);
        self.out
    }

    /// Panics unless it failed with this text in its message.
    #[track_caller]
    pub fn refused_with(self, text: &str) {
        assert!(!self.ok, "was not refused: {}{}", self.out, self.err);
        assert!(self.err.contains(text), "refused, but not with {text:?}: {}", self.err);
    }
}
