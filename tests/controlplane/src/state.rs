//! What is known about a detached instance, across processes.

use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::components::Ports;
use crate::error::{Error, OnPath as _};
use crate::files;
use crate::layout::Layout;

/// The content of `state.json`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct State {
    /// Where the binaries are.
    pub(crate) binaries: PathBuf,
    /// Where the kubeconfig is; for people and scripts that read this file.
    pub(crate) kubeconfig: PathBuf,
    /// Whether the cluster was there before; then no component is started.
    #[serde(default)]
    pub(crate) borrowed: bool,
    /// `None` until the first component is started.
    pub(crate) ports: Option<Ports>,
    /// In the order in which they were started.
    pub(crate) processes: Vec<Record>,
}

/// One process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) name: String,
    pub(crate) pid: u32,
    /// Tells this process from others that had or will have its id.
    pub(crate) identity: String,
}

impl State {
    /// Makes the folder this instance's own; of several processes that try, one succeeds.
    pub(crate) fn claim(&self, layout: &Layout) -> Result<(), Error> {
        let occupied = || Error::Occupied { dir: layout.dir().to_owned() };
        // Stopping removes the whole folder, so it must never hold anything else.
        let mut entries = std::fs::read_dir(layout.dir()).on("read", layout.dir())?;
        if entries.next().is_some() {
            return Err(occupied());
        }
        let path = layout.state();
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
            Ok(_) => self.write(layout),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(occupied()),
            Err(error) => Err(error).on("create", &path),
        }
    }

    /// Reads the state of the instance in a folder.
    pub(crate) fn read(layout: &Layout) -> Result<Self, Error> {
        let path = layout.state();
        if !path.exists() {
            return Err(Error::NoInstance { dir: layout.dir().to_owned() });
        }
        serde_json::from_str(&files::read(&path)?).map_err(|error| Error::Unreadable { path, reason: error.to_string() })
    }

    /// Changes the state while no other process does.
    pub(crate) fn change(layout: &Layout, change: impl FnOnce(&mut Self)) -> Result<(), Error> {
        let _lock = files::lock(&layout.lock())?;
        let mut state = Self::read(layout)?;
        change(&mut state);
        state.write(layout)
    }

    fn write(&self, layout: &Layout) -> Result<(), Error> {
        let path = layout.state();
        let text = serde_json::to_string_pretty(self)
            .map_err(|error| Error::Unreadable { path: path.clone(), reason: error.to_string() })?;
        files::write_private(&path, text)
    }

    /// Notes a process, in the place of one of the same name.
    pub(crate) fn add(&mut self, record: Record) {
        self.remove(&record.name);
        self.processes.push(record);
    }

    /// Forgets a process.
    pub(crate) fn remove(&mut self, name: &str) {
        self.processes.retain(|record| record.name != name);
    }

    /// The process of that name.
    pub(crate) fn process(&self, name: &str) -> Option<&Record> {
        self.processes.iter().find(|record| record.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(name: &str, pid: u32) -> Record {
        Record { name: name.to_owned(), pid, identity: "boot/1".to_owned() }
    }

    fn folder() -> (tempfile::TempDir, Layout) {
        let dir = tempfile::tempdir().expect("a folder");
        let layout = Layout::new(dir.path().to_owned());
        (dir, layout)
    }

    #[test]
    fn changes_are_kept() {
        let (_dir, layout) = folder();
        assert!(matches!(State::read(&layout), Err(Error::NoInstance { .. })));
        State::default().claim(&layout).expect("claimed");
        let ports = Ports { api_server: 1, controller_manager: 2 };
        State::change(&layout, |state| {
            state.ports = Some(ports);
            state.add(record("etcd", 1));
            state.add(record("operator", 2));
            state.add(record("etcd", 3));
        })
        .expect("changed");
        let state = State::read(&layout).expect("read");
        assert_eq!(state.ports, Some(ports));
        assert_eq!(state.processes, [record("operator", 2), record("etcd", 3)]);
        assert_eq!(state.process("etcd"), Some(&record("etcd", 3)));
    }

    #[test]
    fn a_folder_is_claimed_once_and_only_if_empty() {
        let (dir, layout) = folder();
        State::default().claim(&layout).expect("claimed");
        assert!(matches!(State::default().claim(&layout), Err(Error::Occupied { .. })));
        std::fs::remove_file(layout.state()).expect("removed");
        std::fs::write(dir.path().join("precious"), "").expect("written");
        assert!(matches!(State::default().claim(&layout), Err(Error::Occupied { .. })));
    }

    #[test]
    fn damage_is_reported_with_the_path() {
        let (_dir, layout) = folder();
        std::fs::write(layout.state(), "{").expect("written");
        let error = State::read(&layout).expect_err("damaged").to_string();
        assert!(error.contains("state.json"), "{error}");
    }
}
