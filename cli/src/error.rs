//! The one error of the command line: what happened, why, and what to do next.

use std::fmt::Write as _;
use std::io;

use crate::exit::Exit;

/// The result of a command.
pub type Result<T, E = CliError> = std::result::Result<T, E>;

/// What sort of failure an error is; decides the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Something went wrong that is none of the others.
    Failure,
    /// What was written on the command line, or in a file it names, cannot be used.
    Usage,
    /// A permit or a claim was refused, or is over.
    Denied,
    /// The object is not there.
    NotFound,
    /// The object is there already.
    AlreadyExists,
    /// The caller may not do this.
    Forbidden,
    /// The cluster does not answer.
    Unreachable,
    /// Whoever reads our output has seen enough.
    BrokenPipe,
}

impl Kind {
    /// The exit code of an error of this kind.
    pub fn exit(self) -> Exit {
        match self {
            Self::Failure | Self::NotFound | Self::AlreadyExists => Exit::Failure,
            Self::Usage => Exit::Usage,
            Self::Denied => Exit::Denied,
            Self::Forbidden => Exit::Forbidden,
            Self::Unreachable => Exit::Unreachable,
            Self::BrokenPipe => Exit::Ok,
        }
    }
}

/// An error as the user sees it: a message, and hints that say what to do next.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct CliError {
    kind: Kind,
    message: String,
    hints: Vec<String>,
    #[source]
    cause: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl CliError {
    /// An error of a kind, with what happened.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hints: Vec::new(), cause: None }
    }

    /// Something went wrong.
    pub fn failure(message: impl Into<String>) -> Self {
        Self::new(Kind::Failure, message)
    }

    /// The command line, or a file that it names, cannot be used.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, message)
    }

    /// The same with one more thing that the user can do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// The same with the error that led to it; shown with `-v`.
    #[must_use]
    pub fn caused_by(mut self, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// What sort of failure it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// What to do next.
    pub fn hints(&self) -> &[String] {
        &self.hints
    }

    /// The whole error as text: the message, the hints indented below it and, if `verbose`, the causes.
    pub fn render(&self, verbose: bool) -> String {
        let mut text = format!("error: {}\n", self.message.trim_end().replace('\n', "\n  "));
        for hint in &self.hints {
            let _ = writeln!(text, "  {}", hint.trim_end().replace('\n', "\n  "));
        }
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause.filter(|_| verbose) {
            let _ = writeln!(text, "  caused by: {error}");
            cause = error.source();
        }
        text
    }
}

impl From<io::Error> for CliError {
    fn from(error: io::Error) -> Self {
        let kind = if error.kind() == io::ErrorKind::BrokenPipe { Kind::BrokenPipe } else { Kind::Failure };
        Self::new(kind, format!("cannot write the output: {error}")).caused_by(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_stand_below_the_message_and_causes_only_when_asked_for() {
        let error = CliError::usage("no project").hint("name one: --project P").caused_by(io::Error::other("deep"));
        assert_eq!(error.render(false), "error: no project\n  name one: --project P\n");
        assert_eq!(error.render(true), "error: no project\n  name one: --project P\n  caused by: deep\n");
    }

    #[test]
    fn a_broken_pipe_is_no_failure() {
        let error = CliError::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!(error.kind().exit(), Exit::Ok);
    }
}
