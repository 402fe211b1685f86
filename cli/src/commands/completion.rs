//! `govcloud completion`.

use clap::Args;
use clap_complete::Shell;

use crate::{
    error::{CliError, Result},
    exit::Exit,
};

/// `govcloud completion SHELL`.
#[derive(Clone, Debug, Args)]
pub struct CompletionArgs {
    /// The shell; for bash: source <(govcloud completion bash)
    pub shell: Shell,
}

/// Prints the completion script.
pub fn run(args: &CompletionArgs) -> Result<Exit> {
    use std::io::Write as _;

    std::io::stdout().write_all(&script(args.shell)).map_err(CliError::from)?;
    Ok(Exit::Ok)
}

fn script(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut crate::command(), "govcloud", &mut script);
    script
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shell_gets_a_script_that_knows_the_commands() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish, Shell::PowerShell, Shell::Elvish] {
            let script = String::from_utf8(script(shell)).expect("text");
            assert!(script.contains("withdraw"), "{shell}");
        }
    }
}
