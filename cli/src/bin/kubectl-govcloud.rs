//! `kubectl govcloud`: the same as `govcloud`, found by kubectl as a plugin.

use std::process::ExitCode;

fn main() -> ExitCode {
    govcloud_cli::run()
}
