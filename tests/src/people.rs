//! The personas of the story, each with a credential of its own: those of the sandbox.

pub use govcloud_cli::sandbox::people::*;
