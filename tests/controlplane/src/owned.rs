//! A control plane that ends with this process.

use std::collections::HashMap;
use std::ops::Deref;

use tokio::sync::Mutex;

use crate::binaries::Binaries;
use crate::certificates::Authority;
use crate::components::{CommandLine, Component, Ports};
use crate::error::{Error, OnPath as _};
use crate::health::Probe;
use crate::instance::ControlPlane;
use crate::kubeconfig::{Persona, reject_reserved};
use crate::layout::Layout;
use crate::process::guardian::{Guarded, Janitor};
use crate::start::{self, Host};

/// A control plane that lives at most as long as this process, in a temporary folder.
///
/// Nothing of it survives, neither processes nor the folder, however this process ends: on
/// return, panic, `exit` or SIGKILL. So one instance can be kept in a static and shared by all
/// tests of a binary. Dropping it ends it as well, without waiting; [`OwnedControlPlane::stop`]
/// waits.
#[derive(Debug)]
pub struct OwnedControlPlane {
    plane: ControlPlane,
    host: Mutex<Guardians>,
    janitor: Mutex<Janitor>,
}

impl OwnedControlPlane {
    /// Starts a control plane in a new temporary folder, with a context in its kubeconfig for
    /// each persona. It is ready when this returns: pods can be created in `default`.
    ///
    /// # Errors
    /// [`Error::Died`] or [`Error::NotReady`] if a component does not start; its log is kept
    /// then. [`Error::ReservedPersona`], [`Error::Certificate`], [`Error::Client`],
    /// [`Error::Io`].
    pub async fn start(binaries: &Binaries, personas: &[Persona]) -> Result<Self, Error> {
        reject_reserved(personas)?;
        let parent = std::env::temp_dir();
        let dir = tempfile::Builder::new().prefix("govcloud-").tempdir_in(&parent);
        let dir = dir.on("create a folder in", &parent)?.keep();
        // Components run in this folder, so its path must not depend on where this process is.
        let layout = Layout::new(dir.canonicalize().on("resolve", &dir)?);
        let mut janitor = Janitor::watch(layout.dir())?;
        layout.create()?;
        let mut host = Guardians { layout: layout.clone(), running: HashMap::new(), peers: Vec::new() };
        match start::bring_up(&mut host, &layout, binaries, personas).await {
            Ok(plane) => Ok(Self { plane, host: Mutex::new(host), janitor: Mutex::new(janitor) }),
            Err(error) => {
                // The error names a log in this folder.
                janitor.keep();
                Err(error)
            }
        }
    }

    /// Ends everything, removes the folder, and waits for both.
    ///
    /// # Errors
    /// [`Error::Io`] if the folder could not be removed.
    pub async fn stop(self) -> Result<(), Error> {
        self.host.into_inner().halt().await?;
        self.janitor.into_inner().clean().await;
        let dir = self.plane.dir();
        if dir.exists() { std::fs::remove_dir_all(dir).on("remove", dir) } else { Ok(()) }
    }

    /// Makes the folder, with all its logs, stay when the instance ends.
    pub async fn keep_folder(&self) {
        self.janitor.lock().await.keep();
    }

    /// Stops one component, and returns when it has ended. The others keep running, and may
    /// well fail at what they do.
    ///
    /// # Errors
    /// [`Error::Already`] if it does not run.
    pub async fn stop_component(&self, component: Component) -> Result<(), Error> {
        let mut host = self.host.lock().await;
        let stopped = Error::Already { component, state: "stopped" };
        host.running.remove(&component).ok_or(stopped)?.stop().await;
        Ok(())
    }

    /// Starts a component that was stopped or has died, with the same data and on the same
    /// port. Returns when every component that runs is ready again.
    ///
    /// # Errors
    /// [`Error::Already`] if it runs, [`Error::Died`] or [`Error::NotReady`] if a component
    /// does not become ready, for example because another program has taken its port.
    pub async fn start_component(&self, component: Component) -> Result<(), Error> {
        let mut host = self.host.lock().await;
        if host.is_running(component) {
            return Err(Error::Already { component, state: "running" });
        }
        start::launch(&mut *host, &self.plane, component)?;
        let authority = Authority::load(&self.plane.layout)?;
        let probe = Probe::new(&self.plane.layout, &authority, self.plane.ports)?;
        for component in Component::ALL {
            // In order, and each needs those before it.
            if !host.is_running(component) {
                break;
            }
            start::until_ready(&mut *host, &self.plane.layout, &probe, component).await?;
        }
        Ok(())
    }

    /// Starts one more API server over the same etcd, as a cluster of several has, and returns its address. It is ready then,
    /// knows the same people, and ends with the others. Its writes are not in the audit log of the first.
    ///
    /// # Errors
    /// [`Error::Died`] or [`Error::NotReady`] if it does not become ready, for example because another program has taken
    /// its port. [`Error::Certificate`], [`Error::Client`], [`Error::Io`].
    pub async fn start_peer(&self) -> Result<String, Error> {
        let (layout, authority) = (&self.plane.layout, Authority::load(&self.plane.layout)?);
        let ports = Ports { api_server: Ports::free()?.api_server, ..self.plane.ports };
        let mut host = self.host.lock().await;
        let mut peer = Peer { layout, name: format!("kube-apiserver-{}", ports.api_server), guarded: None };
        peer.launch(Component::ApiServer, &peer_command(layout, &self.plane.binaries, ports, &peer.name))?;
        let probe = Probe::new(layout, &authority, ports)?;
        start::until_ready(&mut peer, layout, &probe, Component::ApiServer).await?;
        host.peers.extend(peer.guarded);
        Ok(ports.api_url())
    }

    /// The process id of a component, or `None` if it does not run.
    pub async fn pid(&self, component: Component) -> Option<u32> {
        let mut host = self.host.lock().await;
        host.is_running(component).then(|| host.running[&component].pid())
    }
}

impl Deref for OwnedControlPlane {
    type Target = ControlPlane;

    fn deref(&self) -> &ControlPlane {
        &self.plane
    }
}

/// Runs each component under a guardian.
#[derive(Debug)]
struct Guardians {
    layout: Layout,
    running: HashMap<Component, Guarded>,
    /// More API servers than the one.
    peers: Vec<Guarded>,
}

/// One more API server, while it starts.
struct Peer<'a> {
    layout: &'a Layout,
    name: String,
    guarded: Option<Guarded>,
}

impl Host for Peer<'_> {
    fn prepare(&mut self, _ports: Ports) -> Result<(), Error> {
        Ok(())
    }

    fn launch(&mut self, _component: Component, command: &CommandLine) -> Result<(), Error> {
        let pid_file = self.layout.run_dir().join(&self.name);
        self.guarded = Some(Guarded::spawn(command, self.layout.dir(), &pid_file, &self.layout.log(&self.name))?);
        Ok(())
    }

    fn is_running(&mut self, _component: Component) -> bool {
        self.guarded.as_mut().is_some_and(Guarded::is_running)
    }

    async fn halt(&mut self) -> Result<(), Error> {
        if let Some(guarded) = self.guarded.take() {
            guarded.stop().await;
        }
        Ok(())
    }
}

/// The API server's command, with a port and an audit log of its own.
fn peer_command(layout: &Layout, binaries: &Binaries, ports: Ports, name: &str) -> CommandLine {
    let mut command = Component::ApiServer.command(layout, binaries, ports);
    command.arguments.retain(|argument| !argument.starts_with("--audit-log-path="));
    command.arguments.push(format!("--audit-log-path={}", layout.log(&format!("{name}-audit")).display()));
    command
}

impl Host for Guardians {
    fn prepare(&mut self, _ports: Ports) -> Result<(), Error> {
        Ok(())
    }

    fn launch(&mut self, component: Component, command: &CommandLine) -> Result<(), Error> {
        let pid_file = self.layout.run_dir().join(component.name());
        let log = self.layout.log(component.name());
        let guarded = Guarded::spawn(command, self.layout.dir(), &pid_file, &log)?;
        self.running.insert(component, guarded);
        Ok(())
    }

    fn is_running(&mut self, component: Component) -> bool {
        self.running.get_mut(&component).is_some_and(Guarded::is_running)
    }

    async fn halt(&mut self) -> Result<(), Error> {
        for peer in self.peers.drain(..) {
            peer.stop().await;
        }
        // The API server waits for requests that the controllers have open, and for etcd.
        for component in Component::ALL.into_iter().rev() {
            if let Some(guarded) = self.running.remove(&component) {
                guarded.stop().await;
            }
        }
        Ok(())
    }
}
