//! What the process tells whoever started it.

use std::process::ExitCode;

/// How a command ended. Scripts rely on the numbers; they are listed in `govcloud --help`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Ok = 0,
    /// Something went wrong.
    Failure = 1,
    /// The command line cannot be understood.
    Usage = 2,
    /// `permit check`: a shared service offers the same.
    Duplicate = 3,
    /// `permit check`: a shared service offers part of it, or something is not known.
    Overlaps = 4,
    /// A permit or claim was denied, returned or is over; `quota explain`: the project has less than it asks for; `permit verify`: a document is
    /// not the one that was attached.
    Denied = 5,
    /// The caller may not do this.
    Forbidden = 6,
    /// The cluster does not answer.
    Unreachable = 7,
    /// Interrupted by the user.
    Interrupted = 130,
}

impl Exit {
    /// The number.
    pub fn code(self) -> u8 {
        self as u8
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
