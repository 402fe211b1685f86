//! Where the operator's program is.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use crate::error::{CliError, Result};

const NAME: &str = "govcloud-operator";

/// The operator's program: the one that was named, else built from this checkout, else beside this program or on the PATH.
pub(super) fn find(named: Option<&Path>) -> Result<PathBuf> {
    if let Some(named) = named {
        return Ok(named.to_owned());
    }
    let beside = env::current_exe().ok().and_then(|exe| Some(exe.parent()?.join(NAME)));
    if let Some(manifest) = env::var_os("CARGO_MANIFEST_DIR") {
        build(Path::new(&manifest))?;
    }
    let on_path = env::var_os("PATH")
        .into_iter()
        .flat_map(|path| env::split_paths(&path).collect::<Vec<_>>())
        .map(|folder| folder.join(NAME));
    beside.into_iter().chain(on_path).find(|program| program.is_file()).ok_or_else(|| {
        CliError::failure(format!("{NAME} is neither beside this program nor on the PATH"))
            .hint("build it: cargo build -p govcloud-operator")
            .hint("or name it: govcloud sandbox up --operator FILE")
    })
}

/// Under `cargo run` the operator is brought up to date too, so that nobody tries an old one.
fn build(manifest: &Path) -> Result<()> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--package", NAME, "--bin", NAME]).current_dir(manifest);
    if env::current_exe().is_ok_and(|exe| exe.parent().is_some_and(|folder| folder.ends_with("release"))) {
        command.arg("--release");
    }
    let built = command.status().map_err(|error| CliError::failure(format!("cannot run cargo: {error}")).caused_by(error))?;
    if built.success() { Ok(()) } else { Err(CliError::failure("the operator does not build; cargo says why above")) }
}
