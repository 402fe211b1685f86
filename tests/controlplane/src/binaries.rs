//! The four programs: found, or built once.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::cache::Cache;
use crate::go_build;

/// The variable by convention for a folder with ready binaries.
const ASSETS: &str = "KUBEBUILDER_ASSETS";

/// Programs of a control plane, all present on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binaries {
    dir: PathBuf,
}

/// Why there are no binaries.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BinariesError {
    /// A folder that should hold the binaries lacks one.
    #[error(
        "`{program}` is missing in {}; put it there (the folder must hold etcd, kube-apiserver, \
         kube-controller-manager and kubectl), or unset KUBEBUILDER_ASSETS to have them built",
        dir.display()
    )]
    Missing {
        /// The program's file name.
        program: &'static str,
        /// The folder it was looked for in.
        dir: PathBuf,
    },
    /// There is no `kubectl`.
    #[error("kubectl is not on the PATH; install it: https://kubernetes.io/docs/tasks/tools/")]
    NoKubectl,
    /// No variable says where built binaries should be kept.
    #[error("there is no folder for a cache: set GOVCLOUD_CACHE, XDG_CACHE_HOME or HOME")]
    NoCache,
    /// The `go` command cannot be started.
    #[error(
        "building the control plane needs Go 1.26 or newer, and `go` could not be run ({source}); \
         install it from https://go.dev/dl/, or set KUBEBUILDER_ASSETS to a folder with etcd, \
         kube-apiserver, kube-controller-manager and kubectl"
    )]
    GoMissing {
        /// What the system said.
        source: std::io::Error,
    },
    /// The `go` command is too old, or does not say what it is.
    #[error(
        "building the control plane needs Go 1.26 or newer, but `go version` says `{found}`; \
         install a newer one from https://go.dev/dl/, or set KUBEBUILDER_ASSETS to a folder with \
         etcd, kube-apiserver, kube-controller-manager and kubectl"
    )]
    GoTooOld {
        /// The output of `go version`.
        found: String,
    },
    /// `go build` failed.
    #[error(
        "`go build` failed ({status}); try again (it resumes where it stopped), or set \
         KUBEBUILDER_ASSETS to a folder with ready binaries. Its last lines:\n{tail}"
    )]
    Build {
        /// How it ended.
        status: std::process::ExitStatus,
        /// The last lines of its output, 40 at most.
        tail: String,
    },
    /// A file or folder of the cache could not be used.
    #[error("could not {action} {}: {source}; check permissions and free space", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which path.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl Binaries {
    /// File names of the programs.
    pub(crate) const PROGRAMS: [&'static str; 4] = ["etcd", "kube-apiserver", "kube-controller-manager", "kubectl"];

    /// The binaries in `dir`.
    ///
    /// # Errors
    /// [`BinariesError::Missing`] if one of the four is not there.
    pub fn in_folder(dir: impl Into<PathBuf>) -> Result<Self, BinariesError> {
        let dir = dir.into();
        match Self::PROGRAMS.into_iter().find(|program| !dir.join(program).is_file()) {
            Some(program) => Err(BinariesError::Missing { program, dir }),
            // Components run in another folder, where a relative path would mean something else.
            None => std::path::absolute(&dir).map(|dir| Self { dir }).map_err(|source| BinariesError::Io {
                action: "resolve the path",
                path: dir,
                source,
            }),
        }
    }

    /// The binaries if they are ready, without building anything; `None` means that
    /// [`Binaries::obtain`] would build, which takes minutes.
    ///
    /// # Errors
    /// [`BinariesError::Missing`] if `KUBEBUILDER_ASSETS` names an incomplete folder, and
    /// [`BinariesError::NoCache`].
    pub fn ready() -> Result<Option<Self>, BinariesError> {
        match assets() {
            Some(dir) => Self::in_folder(dir).map(Some),
            None => Ok(Self::cached(&Cache::of_user().ok_or(BinariesError::NoCache)?)),
        }
    }

    /// The binaries: from `KUBEBUILDER_ASSETS`, else from the cache, else built into the cache
    /// while progress is shown on standard error. Two processes never build at the same time:
    /// the second waits and uses what the first has built.
    ///
    /// # Errors
    /// Every [`BinariesError`].
    pub async fn obtain() -> Result<Self, BinariesError> {
        if let Some(ready) = Self::ready()? {
            return Ok(ready);
        }
        let cache = Cache::of_user().ok_or(BinariesError::NoCache)?;
        go_build::build(&cache).await
    }

    /// A folder with `kubectl`, for clusters that run already: the first on the PATH, else where all four are ready.
    ///
    /// # Errors
    /// [`BinariesError::NoKubectl`], and those of [`Binaries::ready`].
    pub fn with_kubectl() -> Result<Self, BinariesError> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut folders = std::env::split_paths(&path).filter_map(|folder| std::path::absolute(folder).ok());
        if let Some(dir) = folders.find(|folder| folder.join("kubectl").is_file()) {
            return Ok(Self { dir });
        }
        Self::ready()?.ok_or(BinariesError::NoKubectl)
    }

    /// Those in the cache, if it is filled.
    pub(crate) fn cached(cache: &Cache) -> Option<Self> {
        Self::in_folder(cache.finished()).ok()
    }

    /// Those that were in a folder once.
    pub(crate) fn assumed(dir: PathBuf) -> Self {
        Self { dir }
    }

    /// The folder that holds the four programs.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The path of `etcd`.
    pub fn etcd(&self) -> PathBuf {
        self.dir.join("etcd")
    }

    /// The path of `kube-apiserver`.
    pub fn kube_apiserver(&self) -> PathBuf {
        self.dir.join("kube-apiserver")
    }

    /// The path of `kube-controller-manager`.
    pub fn kube_controller_manager(&self) -> PathBuf {
        self.dir.join("kube-controller-manager")
    }

    /// The path of `kubectl`, of the same version as the API server.
    pub fn kubectl(&self) -> PathBuf {
        self.dir.join("kubectl")
    }
}

fn assets() -> Option<OsString> {
    std::env::var_os(ASSETS).filter(|dir| !dir.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_is_named() {
        let dir = tempfile::tempdir().expect("a folder");
        for program in ["etcd", "kube-apiserver", "kubectl"] {
            std::fs::write(dir.path().join(program), "").expect("a file");
        }
        let error = Binaries::in_folder(dir.path()).expect_err("one is missing");
        assert!(error.to_string().contains("`kube-controller-manager` is missing"), "{error}");
    }

    #[test]
    fn an_empty_cache_has_no_binaries() {
        let dir = tempfile::tempdir().expect("a folder");
        assert_eq!(Binaries::cached(&Cache::under(dir.path())), None);
    }
}
