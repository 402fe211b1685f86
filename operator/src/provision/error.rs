//! Why a provisioner did not do what it was asked.

use std::time::Duration;

use reqwest::StatusCode;
use thiserror::Error;

/// Why a provisioner did not do what it was asked. What it says is shown in a condition that others read, so it never has an
/// address, a token, or anything of an answer's body in it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ProvisionError {
    /// There is no connection.
    #[error("it cannot be reached: {0}")]
    Unreachable(String),
    /// There was no whole answer in time.
    #[error("it did not answer within {0:?}")]
    TimedOut(Duration),
    /// It cannot do it now.
    #[error("it answered {status}")]
    Failing {
        /// What it answered.
        status: StatusCode,
        /// How long it asks to be left alone.
        retry_after: Option<Duration>,
    },
    /// It will not do it.
    #[error("it refuses, with {0}")]
    Refused(StatusCode),
    /// It sends elsewhere, where nobody goes.
    #[error("it answered {0}, which sends elsewhere, and credentials are asked for only where the service says")]
    Redirected(StatusCode),
    /// What it answered are no credentials.
    #[error("its answer cannot be used: {0}")]
    BadAnswer(String),
    /// The token that it is to be shown cannot be had. It is never called without it instead.
    #[error("the token that it is to be shown cannot be had: {0}")]
    NoToken(String),
    /// The address is none.
    #[error("spec.binding.provisioner.url is no address")]
    NoAddress,
    /// This machine cannot make TLS connections.
    #[error("no connection can be made from here: {0}; name the certificates to trust with --ca-file")]
    Tls(String),
    /// The claim is over, or lost what it held, before its turn came; nobody is called for it.
    #[error("the claim is not served any more")]
    Over,
    /// The call panicked; a defect of this program.
    #[error("the call panicked")]
    Panic,
}

impl ProvisionError {
    /// One word for programs, as a condition has it.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "Unreachable",
            Self::TimedOut(_) => "TimedOut",
            Self::Failing { .. } => "ProvisionerFails",
            Self::Refused(_) | Self::Redirected(_) => "Refused",
            Self::BadAnswer(_) => "BadAnswer",
            Self::NoToken(_) => "NoToken",
            Self::NoAddress => "NoAddress",
            Self::Tls(_) => "NoTls",
            Self::Over | Self::Panic => "NotCalled",
        }
    }

    /// A stable name for metrics.
    pub fn class(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "unreachable",
            Self::TimedOut(_) => "timeout",
            Self::Failing { .. } => "failing",
            Self::Refused(_) => "refused",
            Self::Redirected(_) => "redirected",
            Self::BadAnswer(_) => "bad_answer",
            Self::NoToken(_) => "token",
            Self::NoAddress => "address",
            Self::Tls(_) => "tls",
            Self::Over => "over",
            Self::Panic => "panic",
        }
    }

    /// Whether asking again soon changes nothing, because somebody must mend something first.
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused(_) | Self::Redirected(_) | Self::NoToken(_) | Self::NoAddress)
    }

    /// How long the provisioner asks to be left alone.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Failing { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}
