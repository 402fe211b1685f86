//! Of several operators one leads: whoever holds the Lease `govcloud-operator` in the operator's namespace.
//!
//! [`rules`] says who may take the lease and when, as pure functions; [`Elector`] reads and writes it; [`Gate`] keeps every
//! write in the process that comes when the lease was not renewed in time. ADR 0023 says why each is as it is.

mod elector;
mod gate;
pub mod rules;

pub use elector::{Elector, Term};
pub use gate::{Closed, Gate, GateLayer, Gated};

/// The Lease's name.
pub const LEASE: &str = "govcloud-operator";

/// Why a process does not lead any more. It cannot know what has been decided since, so it ends.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Lost {
    /// Another process holds the lease.
    #[error("{0:?} holds the lease {LEASE}")]
    Taken(String),
    /// Somebody deleted the lease, or took the holder out.
    #[error("nobody holds the lease {LEASE} any more: it was deleted or emptied")]
    Gone,
    /// There was no renewal in time.
    #[error("the lease {LEASE} was not renewed within {trust} s: {wrong}", trust = rules::TRUST.as_secs())]
    Late {
        /// What went wrong last.
        wrong: String,
    },
}
