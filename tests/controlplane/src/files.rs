//! Files and folders that only this user may read.

use std::fs::{DirBuilder, File};
use std::io::Write as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

use crate::error::{Error, OnPath as _};

/// Creates a folder, and those above it, with mode 0700.
pub(crate) fn private_dir(path: &Path) -> Result<(), Error> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).on("create", path)
}

/// Writes a file with mode 0600 in one step: a reader sees either the old or the new content.
pub(crate) fn write_private(path: &Path, content: impl AsRef<[u8]>) -> Result<(), Error> {
    let folder = path.parent().unwrap_or(Path::new("."));
    // A named temporary file has mode 0600, and keeps it when renamed.
    let mut file = tempfile::NamedTempFile::new_in(folder).on("create a file in", folder)?;
    file.write_all(content.as_ref()).on("write", path)?;
    file.persist(path).map(drop).map_err(|error| error.error).on("write", path)
}

/// Reads a text file.
pub(crate) fn read(path: &Path) -> Result<String, Error> {
    std::fs::read_to_string(path).on("read", path)
}

/// Waits for an exclusive lock that other processes respect too; held until dropped.
pub(crate) fn lock(path: &Path) -> Result<File, Error> {
    let file = File::create(path).on("create", path)?;
    file.lock().on("lock", path)?;
    Ok(file)
}

/// The last `count` lines of a log, or a note that there are none.
pub(crate) fn last_lines(path: &Path, count: usize) -> String {
    let bytes = std::fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    match lines[lines.len().saturating_sub(count)..].join("\n") {
        text if text.is_empty() => "(nothing was logged)".to_owned(),
        text => text,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).expect("metadata").permissions().mode() & 0o777
    }

    #[test]
    fn nobody_else_may_read() {
        let root = tempfile::tempdir().expect("a folder");
        let folder = root.path().join("a/b");
        private_dir(&folder).expect("a folder");
        let file = folder.join("key");
        write_private(&file, "first").expect("written");
        write_private(&file, "second").expect("overwritten");
        assert_eq!((mode(&folder), mode(&file)), (0o700, 0o600));
        assert_eq!(read(&file).expect("read"), "second");
    }

    #[test]
    fn last_lines_are_the_last() {
        let root = tempfile::tempdir().expect("a folder");
        let log = root.path().join("log");
        assert_eq!(last_lines(&log, 2), "(nothing was logged)");
        std::fs::write(&log, "a\nb\nc\n").expect("written");
        assert_eq!(last_lines(&log, 2), "b\nc");
        assert_eq!(last_lines(&log, 9), "a\nb\nc");
    }
}
