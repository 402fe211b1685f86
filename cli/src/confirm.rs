//! Asking before something that cannot be taken back.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use crate::error::{CliError, Result};

/// Asks `question` unless `yes`; an error if the answer is no, or if there is nobody to ask.
pub fn confirm(question: &str, yes: bool) -> Result<()> {
    if yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Err(CliError::usage("this needs a confirmation, and there is no terminal to ask at")
            .hint("Confirm it on the command line: --yes"));
    }
    write!(io::stderr(), "{question} [y/N] ")?;
    io::stderr().flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    if agrees(&answer) { Ok(()) } else { Err(CliError::failure("nothing was changed, because you did not confirm")) }
}

fn agrees(answer: &str) -> bool {
    matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_clear_yes_agrees() {
        assert!(agrees("Y\n") && agrees(" yes\n"));
        assert!(!agrees("\n") && !agrees("no\n") && !agrees("yess\n"));
    }
}
