//! The charts and examples that come with this program, so that it needs no checkout.

use std::{fs, io, path::Path};

use include_dir::{Dir, include_dir};

use crate::error::{CliError, Result};

static CRDS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../charts/govcloud-crds/templates");
/// Of the operator only what it may do: the sandbox starts it as a process of its own.
const RIGHTS: &str = include_str!("../../../charts/plain/rights.yaml");
static EXAMPLES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../examples");

/// Writes them into `folder`: `definitions/`, `roles/` and `examples/`.
pub(super) fn write(folder: &Path) -> Result<()> {
    put(&folder.join("definitions"), |into| CRDS.extract(into))?;
    put(&folder.join("examples"), |into| EXAMPLES.extract(into))?;
    put(&folder.join("roles"), |into| fs::write(into.join("rights.yaml"), RIGHTS))
}

/// Makes a folder and fills it.
fn put(into: &Path, fill: impl FnOnce(&Path) -> io::Result<()>) -> Result<()> {
    let filled = fs::create_dir_all(into).and_then(|()| fill(into));
    filled.map_err(|error| CliError::failure(format!("cannot write {}: {error}", into.display())).caused_by(error))
}
