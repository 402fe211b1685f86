//! Why a notice was not delivered.

use std::time::Duration;

use reqwest::StatusCode;
use thiserror::Error;

use super::signature::KeyError;
use crate::error;

/// Why a notice was not delivered. What it says is shown in a condition, so it never has an address or a key in it.
#[derive(Debug, Error)]
pub enum NotifyError {
    /// The receiver answered something else than that it has it.
    #[error("the receiver answered {status}")]
    Answered {
        /// What it answered.
        status: StatusCode,
        /// How long it asks to be left alone.
        retry_after: Option<Duration>,
    },
    /// There was no answer.
    #[error("the receiver does not answer: {0}")]
    Unreachable(String),
    /// The key that it is to be signed with cannot be had. It is never sent without a signature instead.
    #[error("the signing key cannot be used: {0}")]
    Key(#[from] KeyError),
    /// This machine cannot make TLS connections.
    #[error("no connection can be made from here: {0}; name the certificates to trust with --ca-file")]
    Tls(String),
    /// The API server did not give the permit or the key, or did not take that a notice was delivered.
    #[error(transparent)]
    Api(#[from] error::Error),
    /// The delivery panicked; a defect of this program.
    #[error("the delivery panicked")]
    Panic,
}

impl NotifyError {
    /// A stable name for metrics.
    pub fn class(&self) -> &'static str {
        match self {
            Self::Answered { .. } if self.is_refusal() => "refused",
            Self::Answered { .. } => "failed",
            Self::Unreachable(_) => "unreachable",
            Self::Key(_) => "key",
            Self::Tls(_) => "tls",
            Self::Api(_) => "api",
            Self::Panic => "panic",
        }
    }

    /// One word for programs, as a condition has it.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Answered { .. } if self.is_refusal() => "Refused",
            Self::Answered { .. } => "ReceiverFails",
            Self::Unreachable(_) => "Unreachable",
            Self::Key(_) => "KeyUnusable",
            Self::Tls(_) => "NoTls",
            Self::Api(_) | Self::Panic => "NotRecorded",
        }
    }

    /// Whether the receiver said that this will not do, rather than that it cannot do it now: to ask often changes nothing.
    /// A redirection is one, because a decision is sent nowhere but to where it was said.
    pub fn is_refusal(&self) -> bool {
        let Self::Answered { status, .. } = self else { return false };
        let for_now = [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS].contains(status);
        !status.is_server_error() && !for_now
    }

    /// How long the receiver asks to be left alone.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Answered { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}
