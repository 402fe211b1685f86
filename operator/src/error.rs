//! What can go wrong in a reconcile. An `Err` always means that I/O failed; bad user input is a condition.

use thiserror::Error;

/// A failed call to the API server, with what it was for.
#[derive(Debug, Error)]
pub enum Error {
    /// An object could not be read.
    #[error("reading {what}: {source}")]
    Read {
        /// Which object.
        what: String,
        /// Why.
        source: Box<kube::Error>,
    },
    /// An object could not be created, changed or deleted.
    #[error("writing {what}: {source}")]
    Write {
        /// Which object.
        what: String,
        /// Why.
        source: Box<kube::Error>,
    },
    /// A status could not be written.
    #[error("writing the status of {what}: {source}")]
    Status {
        /// Which object.
        what: String,
        /// Why.
        source: Box<kube::Error>,
    },
    /// A manifest of our own is malformed; a defect of this program.
    #[error("building {what}: {source}")]
    Build {
        /// Which object.
        what: String,
        /// Why.
        source: serde_json::Error,
    },
    /// A reconciler panicked; a defect of this program.
    #[error("panicked: {0}")]
    Panic(String),
}

impl Error {
    /// A stable name for metrics.
    pub fn class(&self) -> &'static str {
        match self {
            _ if self.is_conflict() => "conflict",
            Self::Read { .. } => "read",
            Self::Write { .. } => "write",
            Self::Status { .. } => "status",
            Self::Build { .. } => "build",
            Self::Panic(_) => "panic",
        }
    }

    /// Whether somebody else, or an earlier write of ours, was first: the next look at the store settles it.
    pub fn is_conflict(&self) -> bool {
        self.code() == Some(409)
    }

    /// The HTTP status code of the API server's answer, if it answered.
    pub fn code(&self) -> Option<u16> {
        self.answer().map(|status| status.code)
    }

    /// What the API server said, if it answered.
    pub fn said(&self) -> Option<String> {
        self.answer().map(|status| status.message.clone())
    }

    /// Whether the API server understood what was written and refuses it as invalid: trying again changes nothing.
    pub fn is_invalid(&self) -> bool {
        matches!(self.code(), Some(400 | 422))
    }

    fn answer(&self) -> Option<&kube::core::Status> {
        let (Self::Read { source, .. } | Self::Write { source, .. } | Self::Status { source, .. }) = self else { return None };
        match source.as_ref() {
            kube::Error::Api(status) => Some(status),
            _ => None,
        }
    }
}
