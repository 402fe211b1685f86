//! Builds the binaries with Go, once per set of pinned sources.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

use crate::binaries::{Binaries, BinariesError};
use crate::cache::{Cache, GO_MOD, GO_SUM, LDFLAGS, PACKAGES, VERSION};
use crate::progress::{Progress, Tail};

/// The oldest Go that can build, as major and minor version.
const OLDEST_GO: (u32, u32) = (1, 26);

/// How often progress looks at the clock while Go says nothing.
const TICK: Duration = Duration::from_secs(1);

/// Builds into the cache, unless another process does so first.
pub(crate) async fn build(cache: &Cache) -> Result<Binaries, BinariesError> {
    make_dir(&cache.root)?;
    let _lock = lock(cache).await?;
    // Somebody else may have built while this process waited.
    if let Some(ready) = Binaries::cached(cache) {
        return Ok(ready);
    }
    let version = go_version(&cache.root).await?;
    let workspace = cache.workspace();
    // Left behind by an interrupted build; what Go compiled then is in Go's own cache.
    if workspace.exists() {
        io("remove", &workspace, std::fs::remove_dir_all)?;
    }
    let output = workspace.join("bin");
    make_dir(&output)?;
    io("write", &workspace.join("go.mod"), |path| std::fs::write(path, GO_MOD))?;
    io("write", &workspace.join("go.sum"), |path| std::fs::write(path, GO_SUM))?;
    run_go(&workspace, &output, &version).await?;
    // Go names a program after its folder, and etcd's is called `server`.
    io("rename", &output.join("server"), |from| std::fs::rename(from, output.join("etcd")))?;
    Binaries::in_folder(&output)?;
    let finished = cache.finished();
    if finished.exists() {
        // Only an incomplete folder gets here: somebody deleted single files of it.
        io("remove", &finished, std::fs::remove_dir_all)?;
    }
    io("rename", &output, |from| std::fs::rename(from, &finished))?;
    io("remove", &workspace, std::fs::remove_dir_all)?;
    Binaries::in_folder(finished)
}

/// Waits for the build lock; the system releases it when the holder ends, however it ends.
async fn lock(cache: &Cache) -> Result<File, BinariesError> {
    let path = cache.lock();
    let file = io("create", &path, File::create)?;
    let waiting = path.clone();
    let locking = tokio::task::spawn_blocking(move || match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            eprintln!("Another process is building the control plane; waiting for it.");
            file.lock().map(|()| file)
        }
        Err(TryLockError::Error(error)) => Err(error),
    });
    let locked = locking.await.unwrap_or_else(|error| Err(std::io::Error::other(error)));
    locked.map_err(|source| BinariesError::Io { action: "lock", path: waiting, source })
}

/// The version of the installed Go, if it is new enough.
async fn go_version(dir: &Path) -> Result<String, BinariesError> {
    // Not inside the module: there, an old Go might quietly download a newer one to answer.
    let output = Command::new("go")
        .arg("version")
        .current_dir(dir)
        .env("GOWORK", "off")
        .stdin(Stdio::null())
        .output()
        .await
        .map_err(|source| BinariesError::GoMissing { source })?;
    let found = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    match parse_version(&found) {
        Some((name, version)) if version >= OLDEST_GO => Ok(name.to_owned()),
        _ => Err(BinariesError::GoTooOld { found }),
    }
}

/// Reads `go version go1.26.8 linux/amd64`: the name `go1.26.8` and its first two numbers.
fn parse_version(output: &str) -> Option<(&str, (u32, u32))> {
    let is_name = |word: &&str| word.strip_prefix("go").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    let name = output.strip_prefix("go version ")?.split_whitespace().find(is_name)?;
    let mut numbers = name["go".len()..].split('.').map(|part| {
        // `1.27rc1` and `1.27-devel` count as 1.27.
        let end = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
        part[..end].parse().ok()
    });
    Some((name, (numbers.next()??, numbers.next()??)))
}

/// Runs `go build` in `workspace` and shows what it does.
async fn run_go(workspace: &Path, output: &Path, version: &str) -> Result<(), BinariesError> {
    eprintln!(
        "Building Kubernetes {VERSION} and etcd from source with {version}. This happens once \
         and takes about 12 minutes on two cores; if interrupted, it resumes where it stopped."
    );
    let mut child = go_command(workspace, output).spawn().map_err(|source| BinariesError::GoMissing { source })?;
    let mut progress = Progress::start();
    let mut tail = Tail::default();
    if let Some(stderr) = child.stderr.take() {
        let mut lines = BufReader::new(stderr).lines();
        loop {
            match tokio::time::timeout(TICK, lines.next_line()).await {
                // Go says nothing new; only the clock moves.
                Err(_elapsed) => progress.tick(),
                Ok(Ok(Some(line))) => {
                    tail.push(&line);
                    progress.line(&line);
                }
                Ok(Ok(None) | Err(_)) => break,
            }
        }
    }
    let status = child.wait().await;
    progress.finish();
    let status =
        status.map_err(|source| BinariesError::Io { action: "wait for `go build` in", path: workspace.to_owned(), source })?;
    if status.success() {
        return Ok(());
    }
    Err(BinariesError::Build { status, tail: tail.text() })
}

fn go_command(workspace: &Path, output: &Path) -> Command {
    let mut command = Command::new("go");
    command
        .args(["build", "-v", "-trimpath", "-ldflags", LDFLAGS, "-o"])
        // A folder, which Go only recognises by its trailing slash or its existence.
        .arg(output)
        .args(PACKAGES)
        .current_dir(workspace)
        .env("CGO_ENABLED", "0")
        // The caller's settings for other projects must not change what is built here.
        .env("GOWORK", "off")
        .env("GOFLAGS", "")
        .env_remove("GOOS")
        .env_remove("GOARCH")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

fn make_dir(path: &Path) -> Result<(), BinariesError> {
    io("create", path, std::fs::create_dir_all)
}

fn io<T>(action: &'static str, path: &Path, operation: impl FnOnce(PathBuf) -> std::io::Result<T>) -> Result<T, BinariesError> {
    operation(path.to_owned()).map_err(|source| BinariesError::Io { action, path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("go version go1.26.8 linux/amd64", Some(("go1.26.8", (1, 26))))]
    #[case("go version go1.27rc1 darwin/arm64", Some(("go1.27rc1", (1, 27))))]
    #[case("go version go2.0 linux/amd64", Some(("go2.0", (2, 0))))]
    #[case("go version go1.9 linux/amd64", Some(("go1.9", (1, 9))))]
    #[case("go version devel go1.28-4b5ac1d linux/amd64", Some(("go1.28-4b5ac1d", (1, 28))))]
    #[case("gccgo (Debian) 14.2", None)]
    #[case("", None)]
    fn versions_are_read(#[case] output: &str, #[case] expected: Option<(&str, (u32, u32))>) {
        assert_eq!(parse_version(output), expected);
    }

    #[test]
    fn versions_compare_as_numbers() {
        assert!((1, 9) < OLDEST_GO);
        assert!((2, 0) > OLDEST_GO);
    }
}
