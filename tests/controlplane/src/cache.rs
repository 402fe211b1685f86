//! Where built binaries are kept, and under which key.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// The Kubernetes release that go.mod pins.
pub(crate) const VERSION: &str = "v1.37.2";
/// Embedded, so that an installed command-line tool can build without this checkout.
pub(crate) const GO_MOD: &str = include_str!("../go.mod");
/// See [`GO_MOD`].
pub(crate) const GO_SUM: &str = include_str!("../go.sum");
/// Without these, the API server would report version `v0.0.0-master`.
pub(crate) const LDFLAGS: &str = "-s -w \
    -X k8s.io/component-base/version.gitVersion=v1.37.2 \
    -X k8s.io/component-base/version.gitMajor=1 \
    -X k8s.io/component-base/version.gitMinor=37 \
    -X k8s.io/client-go/pkg/version.gitVersion=v1.37.2";
/// The programs to build, as Go packages.
pub(crate) const PACKAGES: [&str; 4] = [
    "k8s.io/kubernetes/cmd/kube-apiserver",
    "k8s.io/kubernetes/cmd/kube-controller-manager",
    "go.etcd.io/etcd/server/v3",
    "k8s.io/kubernetes/cmd/kubectl",
];

/// Places inside the cache that belong to one set of pinned sources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cache {
    /// Holds every version that was ever built here.
    pub(crate) root: PathBuf,
    key: String,
}

impl Cache {
    /// The cache of this user, or `None` if no variable says where that is.
    pub(crate) fn of_user() -> Option<Self> {
        Self::from_variables(|name| std::env::var_os(name))
    }

    fn from_variables(variable: impl Fn(&str) -> Option<OsString>) -> Option<Self> {
        folder(variable).map(|cache| Self::under(&cache))
    }

    /// The cache below a given folder.
    pub(crate) fn under(cache: &Path) -> Self {
        Self { root: cache.join("controlplane"), key: format!("{VERSION}-{}", fingerprint()) }
    }

    /// Where finished binaries are; exists only if all of them are there.
    pub(crate) fn finished(&self) -> PathBuf {
        self.root.join(&self.key)
    }

    /// Beside the finished folder, because only then is the final rename atomic.
    pub(crate) fn workspace(&self) -> PathBuf {
        self.root.join(format!(".build-{}", self.key))
    }

    /// Held while building.
    pub(crate) fn lock(&self) -> PathBuf {
        self.root.join(format!(".build-{}.lock", self.key))
    }
}

/// The folder for what is built once and kept, or `None` if no variable says where that is.
pub fn cache_folder() -> Option<PathBuf> {
    folder(|name| std::env::var_os(name))
}

fn folder(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let set = |name| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("GOVCLOUD_CACHE")
        .or_else(|| set("XDG_CACHE_HOME").map(|path| path.join("govcloud")))
        .or_else(|| set("HOME").map(|path| path.join(".cache/govcloud")))
}

/// The first 12 hexadecimal digits of the hash over all that decides what is built.
fn fingerprint() -> String {
    let mut hash = Sha256::new();
    for part in [GO_MOD, GO_SUM, "CGO_ENABLED=0 -trimpath", LDFLAGS].into_iter().chain(PACKAGES) {
        hash.update(part);
        // A separator, so that moving text from one part to the next changes the hash.
        hash.update([0]);
    }
    hash.finalize().iter().take(6).fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(&[("GOVCLOUD_CACHE", "/a"), ("XDG_CACHE_HOME", "/b"), ("HOME", "/c")], "/a")]
    #[case(&[("XDG_CACHE_HOME", "/b"), ("HOME", "/c")], "/b/govcloud")]
    #[case(&[("HOME", "/c")], "/c/.cache/govcloud")]
    #[case(&[("GOVCLOUD_CACHE", ""), ("HOME", "/c")], "/c/.cache/govcloud")]
    fn the_most_specific_variable_wins(#[case] set: &[(&str, &str)], #[case] expected: &str) {
        let lookup = |name: &str| set.iter().find(|(n, _)| *n == name).map(|(_, v)| v.into());
        let cache = Cache::from_variables(lookup).expect("a cache");
        assert_eq!(cache.root, Path::new(expected).join("controlplane"));
    }

    #[test]
    fn without_any_variable_there_is_no_cache() {
        assert_eq!(Cache::from_variables(|_| None), None);
    }

    #[test]
    fn the_key_holds_version_and_fingerprint() {
        let finished = Cache::under(Path::new("/a")).finished();
        let name = finished.file_name().and_then(|n| n.to_str()).expect("a name");
        let hex = name.strip_prefix("v1.37.2-").expect("the version first");
        assert_eq!(hex.len(), 12);
        assert!(hex.bytes().all(|b| b.is_ascii_hexdigit()));
    }

    #[test]
    fn version_go_mod_and_flags_agree() {
        assert!(GO_MOD.contains(&format!("k8s.io/kubernetes {VERSION}")));
        assert!(LDFLAGS.contains(&format!("component-base/version.gitVersion={VERSION}")));
        assert!(!LDFLAGS.contains("  "), "line continuations must not leave gaps");
    }
}
