//! Runs programs on a sandbox, each as somebody.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use govcloud_controlplane::DetachedControlPlane;
use tokio::process::Command;

use super::{how_to_remove, people, up};
use crate::error::{CliError, Result};

/// What a command printed.
#[derive(Clone, Debug)]
pub(super) struct Said {
    pub(super) code: i32,
    pub(super) out: String,
    pub(super) err: String,
}

impl Said {
    /// Notes on what was waited for come before the result.
    pub(super) fn all(&self) -> String {
        format!("{}{}", self.err, self.out)
    }
}

/// Where the charts and examples were written.
pub(super) fn files(plane: &DetachedControlPlane) -> PathBuf {
    plane.dir().join("files")
}

/// Runs a program as somebody. Commands name files below the charts and examples, once these are written.
pub(super) async fn program(plane: &DetachedControlPlane, program: &Path, who: &str, words: &[String]) -> Result<Said> {
    let files = files(plane);
    let output = Command::new(program)
        .args(words)
        .args(["--context", who])
        .env("KUBECONFIG", plane.kubeconfig())
        .env("NO_COLOR", "1")
        .env_remove("GOVCLOUD_AGENCY")
        .current_dir(if files.is_dir() { &files } else { plane.dir() })
        .stdin(Stdio::null())
        .output()
        .await
        .map_err(|error| CliError::failure(format!("cannot run {}: {error}", program.display())).caused_by(error))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(Said { code: output.status.code().unwrap_or(-1), out: text(&output.stdout), err: text(&output.stderr) })
}

/// Runs kubectl as the administrator without showing it. What it prints; a failure is an error with what it said.
pub(super) async fn kubectl(plane: &DetachedControlPlane, arguments: &[&str]) -> Result<String> {
    let words: Vec<_> = arguments.iter().map(|a| (*a).to_owned()).collect();
    let said = program(plane, &plane.binaries().kubectl(), people::ADMIN, &words).await?;
    if said.code == 0 {
        return Ok(said.out);
    }
    Err(CliError::failure(format!("kubectl {} failed:\n{}", arguments.join(" "), said.all().trim_end())))
}

/// Says where to look, and that the sandbox is still there.
pub(super) fn look(plane: &DetachedControlPlane, error: CliError) -> CliError {
    error
        .hint(format!("the operator's log: {}", plane.log(up::OPERATOR_PROCESS).display()))
        .hint(format!("the sandbox goes on running: export KUBECONFIG={}", plane.kubeconfig().display()))
        .hint(format!("remove it: {}", how_to_remove(plane.dir())))
}
