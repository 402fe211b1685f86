//! Brings the components up, one after another.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use crate::binaries::Binaries;
use crate::certificates::Authority;
use crate::components::{CommandLine, Component, Ports};
use crate::error::{Error, OnPath as _};
use crate::files::last_lines;
use crate::health::Probe;
use crate::instance::{ControlPlane, write_configuration};
use crate::kubeconfig::Persona;
use crate::layout::Layout;

/// How often other ports are tried if somebody else takes those that were free.
const ATTEMPTS: usize = 5;

/// How long a component may take to become ready; far more than needed, for busy machines.
const PATIENCE: Duration = Duration::from_mins(2);

/// How often readiness is asked for.
const POLL: Duration = Duration::from_millis(50);

/// How many lines of a log an error quotes.
const QUOTED_LINES: usize = 15;

/// Something that runs components: each lifetime has its own way to.
pub(crate) trait Host {
    /// Called before the first component is launched on these ports.
    fn prepare(&mut self, ports: Ports) -> Result<(), Error>;
    /// Starts a component, and does not wait for it.
    fn launch(&mut self, component: Component, command: &CommandLine) -> Result<(), Error>;
    /// Whether a component that was launched still runs.
    fn is_running(&mut self, component: Component) -> bool;
    /// Ends all that were launched.
    async fn halt(&mut self) -> Result<(), Error>;
}

/// Starts all components in the layout's folder, on free ports. If that fails, none runs.
pub(crate) async fn bring_up(
    host: &mut impl Host,
    layout: &Layout,
    binaries: &Binaries,
    personas: &[Persona],
) -> Result<ControlPlane, Error> {
    let authority = Authority::create(layout)?;
    let mut attempt = 1;
    loop {
        let ports = Ports::free()?;
        let plane = ControlPlane { layout: layout.clone(), binaries: binaries.clone(), ports };
        write_configuration(layout, &authority, ports, personas)?;
        let Err(error) = start_all(host, &plane, &authority).await else {
            return Ok(plane);
        };
        host.halt().await?;
        if attempt == ATTEMPTS || !error.is_port_conflict() {
            return Err(error);
        }
        attempt += 1;
        absent(std::fs::remove_dir_all(layout.etcd_data())).on("remove", &layout.etcd_data())?;
    }
}

/// What was to be removed may never have been there.
fn absent(removed: std::io::Result<()>) -> std::io::Result<()> {
    match removed {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

async fn start_all(host: &mut impl Host, plane: &ControlPlane, authority: &Authority) -> Result<(), Error> {
    host.prepare(plane.ports)?;
    let probe = Probe::new(&plane.layout, authority, plane.ports)?;
    for component in Component::ALL {
        launch(host, plane, component)?;
        until_ready(host, &plane.layout, &probe, component).await?;
    }
    Ok(())
}

/// Starts one component, and does not wait for it.
pub(crate) fn launch(host: &mut impl Host, plane: &ControlPlane, component: Component) -> Result<(), Error> {
    if component == Component::Etcd {
        // A socket that an earlier etcd left behind would look like a ready one.
        let socket = plane.layout.etcd_socket();
        absent(std::fs::remove_file(&socket)).on("remove", &socket)?;
    }
    host.launch(component, &component.command(&plane.layout, &plane.binaries, plane.ports))
}

/// Waits for one component, and fails as soon as it ends.
pub(crate) async fn until_ready(host: &mut impl Host, layout: &Layout, probe: &Probe, component: Component) -> Result<(), Error> {
    let log = layout.log(component.name());
    let started = Instant::now();
    loop {
        let running = host.is_running(component);
        if running && probe.is_ready(component).await {
            return Ok(());
        }
        let tail = || last_lines(&log, QUOTED_LINES);
        if !running {
            return Err(Error::Died { component, tail: tail(), log });
        }
        if started.elapsed() > PATIENCE {
            let seconds = PATIENCE.as_secs();
            return Err(Error::NotReady { component, seconds, tail: tail(), log });
        }
        tokio::time::sleep(POLL).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever is launched ends at once, with this log.
    struct Failing<'a> {
        layout: &'a Layout,
        log: &'static str,
        tried: Vec<Ports>,
        halted: usize,
    }

    impl Host for Failing<'_> {
        fn prepare(&mut self, ports: Ports) -> Result<(), Error> {
            self.tried.push(ports);
            Ok(())
        }

        fn launch(&mut self, component: Component, _: &CommandLine) -> Result<(), Error> {
            let log = self.layout.log(component.name());
            std::fs::write(&log, self.log).on("write", &log)
        }

        fn is_running(&mut self, _: Component) -> bool {
            false
        }

        async fn halt(&mut self) -> Result<(), Error> {
            self.halted += 1;
            Ok(())
        }
    }

    async fn attempts(log: &'static str) -> usize {
        let dir = tempfile::tempdir().expect("a folder");
        let layout = Layout::new(dir.path().to_owned());
        layout.create().expect("folders");
        let mut host = Failing { layout: &layout, log, tried: Vec::new(), halted: 0 };
        let binaries = Binaries::assumed(dir.path().to_owned());
        let error = bring_up(&mut host, &layout, &binaries, &[]).await.expect_err("it fails");
        assert!(error.to_string().contains(log), "{error}");
        assert_eq!(host.tried.len(), host.halted, "nothing is left running");
        host.tried.len()
    }

    #[tokio::test]
    async fn only_a_taken_port_is_worth_another_try() {
        assert_eq!(attempts("listen tcp 127.0.0.1:1: bind: address already in use").await, ATTEMPTS);
        assert_eq!(attempts("unknown flag").await, 1);
    }
}
