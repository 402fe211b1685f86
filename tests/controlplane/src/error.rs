//! What can go wrong with a control plane, once its binaries are there.

use std::path::{Path, PathBuf};

use crate::components::Component;

/// Why a control plane could not be started, found, changed or stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file, folder or process could not be handled.
    #[error("could not {action} {}: {source}; check that it exists and that you may", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which path.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A key or certificate could not be made or read.
    #[error("could not issue a certificate: {0}; if the files in `pki` are damaged, start anew")]
    Certificate(String),
    /// The client for health checks could not be made.
    #[error("could not set up a TLS client for the control plane: {0}; start anew")]
    Client(String),
    /// A component ended when it should have become ready.
    #[error("{component} ended while starting; its log is {}, and ends with:\n{tail}", log.display())]
    Died {
        /// Which one.
        component: Component,
        /// Its whole output.
        log: PathBuf,
        /// The last 15 lines of the output.
        tail: String,
    },
    /// A component runs but did not become ready in time.
    #[error(
        "{component} was not ready after {seconds} s; is this machine very busy? Its log is {}, \
         and ends with:\n{tail}", log.display()
    )]
    NotReady {
        /// Which one.
        component: Component,
        /// How long was waited, in seconds.
        seconds: u64,
        /// Its whole output.
        log: PathBuf,
        /// The last 15 lines of the output.
        tail: String,
    },
    /// The folder for a new instance is in use.
    #[error(
        "{} already holds something; open and stop the control plane in it first, or choose a \
         folder that does not exist yet", dir.display()
    )]
    Occupied {
        /// The folder.
        dir: PathBuf,
    },
    /// There is no detached instance in the folder.
    #[error("there is no control plane in {}; start one first", dir.display())]
    NoInstance {
        /// The folder.
        dir: PathBuf,
    },
    /// A kubeconfig that somebody named does not say which cluster is meant, or as whom.
    #[error("{} cannot be used: {reason}", path.display())]
    Kubeconfig {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A document that this crate wrote can no longer be read.
    #[error("{} cannot be understood: {reason}; remove the folder and start anew", path.display())]
    Unreadable {
        /// The document.
        path: PathBuf,
        /// What the parser said.
        reason: String,
    },
    /// A persona wants the name of the built-in administrator.
    #[error("no persona can be called `admin`: that context always exists; choose another name")]
    ReservedPersona,
    /// A process name that cannot be used for a new process.
    #[error(
        "a process cannot be called `{name}`: use lower-case letters, digits and dashes, and \
         neither a component's name nor that of a process that still runs"
    )]
    ProcessName {
        /// The name.
        name: String,
    },
    /// No process of that name was registered.
    #[error("no process called `{name}` is registered; list the processes to see which are")]
    UnknownProcess {
        /// The name.
        name: String,
    },
    /// A component of an owned instance is in the wrong state for what was asked.
    #[error("{component} is {state} already; there is nothing to do")]
    Already {
        /// Which one.
        component: Component,
        /// Either `running` or `stopped`.
        state: &'static str,
    },
    /// A process is still there after it was killed.
    #[error("`{name}` (process {pid}) is still there after being killed; end it by hand")]
    Survived {
        /// The process's name in this instance.
        name: String,
        /// Its process id.
        pid: u32,
    },
}

impl Error {
    /// Whether other ports may help.
    pub(crate) fn is_port_conflict(&self) -> bool {
        matches!(self, Self::Died { tail, .. } if tail.contains("address already in use"))
    }
}

impl From<rcgen::Error> for Error {
    fn from(error: rcgen::Error) -> Self {
        Self::Certificate(error.to_string())
    }
}

/// Says what was tried on which path, where the system only says why it failed.
pub(crate) trait OnPath<T> {
    /// Adds the action (an infinitive) and the path.
    fn on(self, action: &'static str, path: &Path) -> Result<T, Error>;
}

impl<T> OnPath<T> for std::io::Result<T> {
    fn on(self, action: &'static str, path: &Path) -> Result<T, Error> {
        self.map_err(|source| Error::Io { action, path: path.to_owned(), source })
    }
}
