//! Writing into a file that was named on the command line.

use std::{
    fs::OpenOptions,
    io::{ErrorKind, Write as _},
    path::Path,
};

use crate::error::{CliError, Result};

/// Writes `text` into a new file; into one that is there only by `force`.
pub fn write(file: &Path, text: &str, force: bool) -> Result<()> {
    let mut options = OpenOptions::new();
    let options = if force { options.write(true).create(true).truncate(true) } else { options.write(true).create_new(true) };
    let written = options.open(file).and_then(|mut open| open.write_all(text.as_bytes()));
    written.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => CliError::failure(format!("{} is there already, and nothing was written", file.display()))
            .hint("Choose another file, or replace it: --force"),
        _ => CliError::failure(format!("{} cannot be written: {error}", file.display())).caused_by(error),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_replaced_only_by_force() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("report.html");
        write(&file, "long before", false).expect("new");
        assert!(write(&file, "after", false).expect_err("there").hints()[0].contains("--force"));
        write(&file, "after", true).expect("replaced");
        assert_eq!(std::fs::read_to_string(&file).expect("there"), "after");
        assert!(write(folder.path(), "x", true).is_err());
    }
}
