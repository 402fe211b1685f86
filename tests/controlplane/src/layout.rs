//! Where things are in an instance's folder.

use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::files;

/// Paths inside the folder of one instance.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    dir: PathBuf,
}

impl Layout {
    /// `dir` must be absolute: components run inside it, and get paths on their command line.
    pub(crate) fn new(dir: PathBuf) -> Self {
        Self { dir }
    }

    /// Creates the folders that the components expect.
    pub(crate) fn create(&self) -> Result<(), Error> {
        [&self.dir, &self.pki(""), &self.log_dir(), &self.audit_dir(), &self.run_dir()]
            .into_iter()
            .try_for_each(|dir| files::private_dir(dir))
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// A file with a key or certificate.
    pub(crate) fn pki(&self, file: &str) -> PathBuf {
        self.dir.join("pki").join(file)
    }

    pub(crate) fn etcd_data(&self) -> PathBuf {
        self.dir.join("etcd")
    }

    /// Where etcd listens: etcd insists on a name that looks like host and port.
    pub(crate) fn etcd_socket(&self) -> PathBuf {
        self.dir.join(Self::ETCD_SOCKET)
    }

    /// Relative to the folder, because the path of a socket must be short.
    pub(crate) const ETCD_SOCKET: &str = "etcd.sock:0";

    fn log_dir(&self) -> PathBuf {
        self.dir.join("logs")
    }

    /// The output of one process.
    pub(crate) fn log(&self, process: &str) -> PathBuf {
        self.log_dir().join(format!("{process}.log"))
    }

    fn audit_dir(&self) -> PathBuf {
        self.dir.join("audit")
    }

    pub(crate) fn audit_log(&self) -> PathBuf {
        self.audit_dir().join("audit.log")
    }

    pub(crate) fn audit_policy(&self) -> PathBuf {
        self.audit_dir().join("policy.yaml")
    }

    /// For people and tests: one context per persona.
    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.dir.join("kubeconfig")
    }

    /// For the controller manager.
    pub(crate) fn controller_manager_kubeconfig(&self) -> PathBuf {
        self.pki("controller-manager.kubeconfig")
    }

    /// Where the guardians of an owned instance keep process ids.
    pub(crate) fn run_dir(&self) -> PathBuf {
        self.dir.join("run")
    }

    /// What is known about a detached instance.
    pub(crate) fn state(&self) -> PathBuf {
        self.dir.join("state.json")
    }

    /// Held while the state or the kubeconfig is changed.
    pub(crate) fn lock(&self) -> PathBuf {
        self.dir.join(".lock")
    }
}
