//! The charts and examples that come with this program, so that it needs no checkout.

use std::{fs, path::Path};

use include_dir::{Dir, include_dir};

use crate::error::{CliError, Result};

static CRDS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../charts/govcloud-crds/templates");
static CHART: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../charts/govcloud/templates");
static EXAMPLES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../examples");

/// Writes them into `folder`: `definitions/`, `roles/` and `examples/`.
pub(super) fn write(folder: &Path) -> Result<()> {
    for (name, content) in [("definitions", &CRDS), ("roles", &CHART), ("examples", &EXAMPLES)] {
        let into = folder.join(name);
        let written = fs::create_dir_all(&into).and_then(|()| content.extract(&into));
        written.map_err(|error| CliError::failure(format!("cannot write {}: {error}", into.display())).caused_by(error))?;
    }
    Ok(())
}
