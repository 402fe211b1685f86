//! Plays steps on a sandbox: shows who does what and why, runs the real command, and checks that it goes as told.

use std::path::{Path, PathBuf};

use govcloud_controlplane::DetachedControlPlane;

use super::{
    print,
    run::{self, Said},
    trouble, up,
};
use crate::error::{CliError, Result};

/// How a step must end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// With exit code 0.
    Succeeds,
    /// With exit code 0, and this in what it prints.
    Says(&'static str),
    /// With another exit code, and this in its message.
    Refused(&'static str),
    /// With this exit code, and this in what it prints.
    Exits(i32, &'static str),
}

/// One thing that somebody does.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    /// The persona whose credential is used.
    pub(super) who: &'static str,
    /// What happens and why, in a sentence.
    pub(super) why: &'static str,
    /// The command as a person would type it; words are separated by spaces, and `'` keeps some together.
    pub(super) command: &'static str,
    /// How it must end.
    pub(super) outcome: Outcome,
}

/// A running sandbox on which steps are played.
pub(super) struct Stage {
    plane: DetachedControlPlane,
    operator: PathBuf,
    govcloud: PathBuf,
    played: usize,
}

impl Stage {
    pub(super) fn new(plane: DetachedControlPlane, operator: PathBuf) -> Result<Self> {
        let govcloud = std::env::current_exe()
            .map_err(|error| CliError::failure(format!("cannot find this program: {error}")).caused_by(error))?;
        Ok(Self { plane, operator, govcloud, played: 0 })
    }

    pub(super) fn plane(&self) -> &DetachedControlPlane {
        &self.plane
    }

    /// The folders of `kubectl` and `govcloud`.
    pub(super) fn path_folders(&self) -> String {
        let own = self.govcloud.parent().unwrap_or(Path::new(".")).display();
        format!("{}:{own}", self.plane.binaries().dir().display())
    }

    pub(super) fn start_operator(&mut self) -> Result<()> {
        up::start_operator(&self.plane, &self.operator)
    }

    pub(super) async fn stop_operator(&mut self) -> Result<()> {
        self.plane.stop_process(up::OPERATOR_PROCESS).await.map_err(trouble)
    }

    /// Begins a chapter.
    #[expect(clippy::unused_self, reason = "a chapter is told on a stage")]
    pub(super) fn chapter(&self, title: &str) -> Result<()> {
        print(&format!("\n━━ {title}\n"))
    }

    /// Says something between two steps.
    #[expect(clippy::unused_self, reason = "as above")]
    pub(super) fn aside(&self, text: &str) -> Result<()> {
        print(&format!("\n   {text}\n"))
    }

    /// Plays a step; an error if it does not end as told.
    pub(super) async fn play(&mut self, step: &Step) -> Result<()> {
        self.played += 1;
        print(&format!("\n{:>3}. {}\n     {} $ {}\n", self.played, step.why, step.who, step.command))?;
        let mut words = split(step.command);
        let program = words.remove(0);
        let program = if program == "kubectl" { self.plane.binaries().kubectl() } else { self.govcloud.clone() };
        let said = run::program(&self.plane, &program, step.who, &words).await?;
        print(&indent(&said.all()))?;
        match wrong(step.outcome, &said) {
            None => Ok(()),
            Some(wrong) => {
                Err(run::look(&self.plane, CliError::failure(format!("step {} did not go as told: {wrong}", self.played))))
            }
        }
    }
}

fn wrong(outcome: Outcome, said: &Said) -> Option<String> {
    let all = said.all();
    let (right_code, text) = match outcome {
        Outcome::Succeeds => (said.code == 0, ""),
        Outcome::Says(text) => (said.code == 0, text),
        Outcome::Refused(text) => (said.code != 0, text),
        Outcome::Exits(code, text) => (said.code == code, text),
    };
    if !right_code {
        return Some(format!("it ended with {} ({outcome:?} was told)", said.code));
    }
    (!all.contains(text)).then(|| format!("it does not say {text:?}"))
}

fn indent(text: &str) -> String {
    text.lines().map(|line| if line.is_empty() { "\n".to_owned() } else { format!("     {line}\n") }).collect()
}

/// The words of a command; `'` keeps spaces inside a word.
fn split(command: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for c in command.chars() {
        match c {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            c => {
                if let Some(word) = words.last_mut() {
                    word.push(c);
                }
            }
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(code: i32, out: &str) -> Said {
        Said { code, out: out.into(), err: String::new() }
    }

    #[test]
    fn words_are_split_as_a_shell_would() {
        assert_eq!(
            split("govcloud review deny x --reason 'it is there'"),
            ["govcloud", "review", "deny", "x", "--reason", "it is there"]
        );
    }

    #[test]
    fn a_step_that_goes_otherwise_is_found() {
        assert_eq!(wrong(Outcome::Says("Bound"), &said(0, "Bound.")), None);
        assert!(wrong(Outcome::Says("Bound"), &said(0, "Pending")).is_some());
        assert!(wrong(Outcome::Refused("no permit"), &said(0, "no permit")).is_some());
        assert_eq!(wrong(Outcome::Exits(3, "DUPLICATE"), &said(3, "DUPLICATE")), None);
    }
}
