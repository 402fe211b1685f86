//! `govcloud`: the Government Cloud at a terminal.

use std::process::ExitCode;

fn main() -> ExitCode {
    govcloud_cli::run()
}
