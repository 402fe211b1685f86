//! A control plane that outlives this process.

use std::fs::OpenOptions;
use std::ops::Deref;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::binaries::Binaries;
use crate::components::{CommandLine, Component, Ports};
use crate::error::{Error, OnPath as _};
use crate::files;
use crate::instance::ControlPlane;
use crate::kubeconfig::{Persona, reject_reserved};
use crate::layout::Layout;
use crate::process::{identity, signal};
use crate::start::{self, Host};
use crate::state::{Record, State};

/// A control plane that keeps running when this process ends, and is found by its folder.
///
/// Dropping it does nothing; only [`DetachedControlPlane::stop`] ends it.
#[derive(Debug)]
pub struct DetachedControlPlane {
    pub(crate) plane: ControlPlane,
}

/// A process of a detached instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessInfo {
    /// A [`Component::name`], or the name given to [`DetachedControlPlane::spawn_detached`].
    pub name: String,
    /// Its process id, also if it has ended.
    pub pid: u32,
    /// Whether it still runs.
    pub running: bool,
    /// Its output.
    pub log: PathBuf,
}

impl DetachedControlPlane {
    /// Starts a control plane in `dir`, which must be empty or not exist yet, with a context in
    /// its kubeconfig for each persona. It is ready when this returns: pods can be created in
    /// `default`. If starting fails, the folder stays, for its logs; [`DetachedControlPlane::stop`]
    /// removes it, also after an interrupted start.
    ///
    /// # Errors
    /// [`Error::Occupied`] if the folder is in use; [`Error::Died`] or [`Error::NotReady`] if a
    /// component does not start. [`Error::ReservedPersona`], [`Error::Certificate`],
    /// [`Error::Client`], [`Error::Io`].
    pub async fn start(binaries: &Binaries, dir: &Path, personas: &[Persona]) -> Result<Self, Error> {
        // Before anything is left behind.
        reject_reserved(personas)?;
        let layout = Self::claim(binaries, dir, false)?;
        let mut host = Detached { layout: layout.clone() };
        let plane = start::bring_up(&mut host, &layout, binaries, personas).await?;
        Ok(Self { plane })
    }

    /// Makes a folder an instance's own.
    pub(crate) fn claim(binaries: &Binaries, dir: &Path, borrowed: bool) -> Result<Layout, Error> {
        files::private_dir(dir)?;
        // Components run in this folder, so its path must not depend on where this process is.
        let layout = Layout::new(dir.canonicalize().on("resolve", dir)?);
        let (programs, kubeconfig) = (binaries.dir().to_owned(), layout.kubeconfig());
        State { binaries: programs, kubeconfig, borrowed, ..State::default() }.claim(&layout)?;
        restrict(layout.dir())?;
        layout.create()?;
        Ok(layout)
    }

    /// Finds the instance in `dir`, whether or not its processes still run;
    /// [`DetachedControlPlane::is_running`] says so.
    ///
    /// # Errors
    /// [`Error::NoInstance`] if there is none, [`Error::Unreadable`], [`Error::Io`].
    pub fn open(dir: &Path) -> Result<Self, Error> {
        let Ok(dir) = dir.canonicalize() else {
            return Err(Error::NoInstance { dir: dir.to_owned() });
        };
        let layout = Layout::new(dir);
        let state = State::read(&layout)?;
        // The instance may be running while the binaries were removed from the cache, and must
        // still be stoppable.
        let binaries = Binaries::assumed(state.binaries);
        // Without ports the start was interrupted at its very beginning.
        let ports = state.ports.unwrap_or(Ports { api_server: 0, controller_manager: 0 });
        Ok(Self { plane: ControlPlane { layout, binaries, ports } })
    }

    /// Whether every component runs. Other processes do not count, and a cluster that was there before is taken to run.
    ///
    /// # Errors
    /// [`Error::NoInstance`] if it was stopped meanwhile, [`Error::Unreadable`], [`Error::Io`].
    pub fn is_running(&self) -> Result<bool, Error> {
        if self.is_borrowed()? {
            return Ok(true);
        }
        let processes = self.processes()?;
        let runs = |component: Component| processes.iter().any(|process| process.running && process.name == component.name());
        Ok(Component::ALL.into_iter().all(runs))
    }

    /// Every process of this instance, in the order in which they were started.
    ///
    /// # Errors
    /// [`Error::NoInstance`] if it was stopped meanwhile, [`Error::Unreadable`], [`Error::Io`].
    pub fn processes(&self) -> Result<Vec<ProcessInfo>, Error> {
        let state = State::read(&self.plane.layout)?;
        let info = |record: Record| ProcessInfo {
            running: !signal::gone(record.pid, &record.identity),
            log: self.plane.layout.log(&record.name),
            pid: record.pid,
            name: record.name,
        };
        Ok(state.processes.into_iter().map(info).collect())
    }

    /// Starts another process that outlives this one and is ended by
    /// [`DetachedControlPlane::stop`]. Its output is appended to [`ControlPlane::log`] of `name`;
    /// it reads nothing, and an interrupt from the terminal does not reach it. Returns its
    /// process id.
    ///
    /// # Errors
    /// [`Error::ProcessName`] if the name is not made of lower-case letters, digits and dashes,
    /// is a component's, or belongs to a process that runs; [`Error::Io`] if it cannot be
    /// started.
    pub fn spawn_detached(&self, name: &str, command: &mut Command) -> Result<u32, Error> {
        let state = State::read(&self.plane.layout)?;
        let runs = |record: &Record| !signal::gone(record.pid, &record.identity);
        if !is_free_name(name) || state.process(name).is_some_and(runs) {
            return Err(Error::ProcessName { name: name.to_owned() });
        }
        spawn(&self.plane.layout, name, command)
    }

    /// Ends one process that was started by [`DetachedControlPlane::spawn_detached`] (TERM, and
    /// KILL after five seconds), waits for that, and forgets it.
    ///
    /// # Errors
    /// [`Error::UnknownProcess`] if there is none of that name, which includes components;
    /// [`Error::Survived`] if it cannot be ended.
    pub async fn stop_process(&self, name: &str) -> Result<(), Error> {
        let state = State::read(&self.plane.layout)?;
        let unknown = || Error::UnknownProcess { name: name.to_owned() };
        let record = state.process(name).filter(|_| is_free_name(name)).ok_or_else(unknown)?;
        signal::end(name, record.pid, &record.identity).await?;
        State::change(&self.plane.layout, |state| state.remove(name))
    }

    /// Ends every process (TERM, and KILL after five seconds each), the last started first,
    /// waits for that, and removes the folder. A process id that now means something else is
    /// left alone.
    ///
    /// # Errors
    /// [`Error::Survived`] if a process cannot be ended; the folder stays then.
    /// [`Error::NoInstance`], [`Error::Unreadable`], [`Error::Io`].
    pub async fn stop(self) -> Result<(), Error> {
        end_all(&self.plane.layout).await?;
        let dir = self.plane.dir();
        std::fs::remove_dir_all(dir).on("remove", dir)
    }
}

impl Deref for DetachedControlPlane {
    type Target = ControlPlane;

    fn deref(&self) -> &ControlPlane {
        &self.plane
    }
}

/// Takes away what others may do with a folder that existed before.
fn restrict(dir: &Path) -> Result<(), Error> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o700)).on("restrict", dir)
}

/// Whether another process than a component may have this name, which is also a file name.
fn is_free_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !name.is_empty() && name.chars().all(fits) && Component::ALL.into_iter().all(|component| component.name() != name)
}

fn spawn(layout: &Layout, name: &str, command: &mut Command) -> Result<u32, Error> {
    let program = PathBuf::from(command.get_program());
    let log = layout.log(name);
    let open = || OpenOptions::new().create(true).append(true).open(&log).on("open", &log);
    let mut child = command
        .stdin(Stdio::null())
        .stdout(open()?)
        .stderr(open()?)
        // An interrupt from the terminal goes to the terminal's foreground group only.
        .process_group(0)
        .spawn()
        .on("run", &program)?;
    let pid = child.id();
    // If it has ended already, no process will ever have this identity.
    let identity = identity::of(pid).unwrap_or_else(|| "ended".to_owned());
    let record = Record { name: name.to_owned(), pid, identity };
    State::change(layout, |state| state.add(record)).inspect_err(|_| {
        // Nobody would ever find a process that was not noted.
        let _ = child.kill();
    })?;
    Ok(pid)
}

async fn end_all(layout: &Layout) -> Result<(), Error> {
    for record in State::read(layout)?.processes.iter().rev() {
        signal::end(&record.name, record.pid, &record.identity).await?;
    }
    Ok(())
}

/// Runs each component on its own, noted in the state.
struct Detached {
    layout: Layout,
}

impl Host for Detached {
    fn prepare(&mut self, ports: Ports) -> Result<(), Error> {
        State::change(&self.layout, |state| state.ports = Some(ports))
    }

    fn launch(&mut self, component: Component, command: &CommandLine) -> Result<(), Error> {
        let mut process = Command::new(&command.program);
        process.args(&command.arguments).current_dir(self.layout.dir());
        spawn(&self.layout, component.name(), &mut process).map(drop)
    }

    fn is_running(&mut self, component: Component) -> bool {
        let state = State::read(&self.layout).unwrap_or_default();
        let record = state.process(component.name());
        record.is_some_and(|record| !signal::gone(record.pid, &record.identity))
    }

    async fn halt(&mut self) -> Result<(), Error> {
        end_all(&self.layout).await?;
        State::change(&self.layout, |state| state.processes.clear())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_start_that_was_interrupted_can_be_stopped() {
        let dir = tempfile::tempdir().expect("a folder").keep();
        State::default().claim(&Layout::new(dir.clone())).expect("claimed");
        let plane = DetachedControlPlane::open(&dir).expect("found");
        assert!(!plane.is_running().expect("known"));
        plane.stop().await.expect("stopped");
        assert!(!dir.exists());
    }

    #[tokio::test]
    async fn a_recycled_process_id_is_left_alone() {
        let dir = tempfile::tempdir().expect("a folder").keep();
        let layout = Layout::new(dir.clone());
        State::default().claim(&layout).expect("claimed");
        let mut innocent = Command::new("sleep").arg("60").spawn().expect("a process");
        let record = Record { name: "etcd".to_owned(), pid: innocent.id(), identity: "another boot/1".to_owned() };
        State::change(&layout, |state| state.add(record)).expect("changed");
        let plane = DetachedControlPlane::open(&dir).expect("found");
        assert!(!plane.processes().expect("known")[0].running);
        plane.stop().await.expect("stopped");
        assert!(innocent.try_wait().expect("known").is_none(), "it still runs");
        innocent.kill().expect("killed");
        innocent.wait().expect("ended");
    }

    #[test]
    fn names_of_processes_are_safe_file_names_and_not_components() {
        assert!(is_free_name("operator-2"));
        for name in ["", "etcd", "kube-apiserver", "../x", "Operator", "a b"] {
            assert!(!is_free_name(name), "{name}");
        }
    }
}
