//! The charts and examples that come with this program, so that it needs no checkout.

use std::{fs, path::Path};

use include_dir::{Dir, include_dir};

use crate::error::{CliError, Result};

static CRDS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../charts/govcloud-crds/templates");
/// Of the operator only what it may do: the sandbox starts it as a process of its own.
const RIGHTS: &str = include_str!("../../../charts/plain/rights.yaml");
static EXAMPLES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../examples");

/// Writes them into `folder`: `definitions/`, `roles/` and `examples/`.
pub(super) fn write(folder: &Path) -> Result<()> {
    let trouble = |into: &Path, error| CliError::failure(format!("cannot write {}: {error}", into.display())).caused_by(error);
    for (name, content) in [("definitions", &CRDS), ("examples", &EXAMPLES)] {
        let into = folder.join(name);
        let written = fs::create_dir_all(&into).and_then(|()| content.extract(&into));
        written.map_err(|error| trouble(&into, error))?;
    }
    let into = folder.join("roles");
    let written = fs::create_dir_all(&into).and_then(|()| fs::write(into.join("rights.yaml"), RIGHTS));
    written.map_err(|error| trouble(&into, error))
}
