//! What every running control plane offers: paths, its address, credentials.

use std::path::{Path, PathBuf};

use crate::binaries::Binaries;
use crate::certificates::Authority;
use crate::components::{AUDIT_POLICY, Ports};
use crate::error::Error;
use crate::files::{self, write_private};
use crate::kubeconfig::{ADMIN, Kubeconfig, Persona, cluster, reject_reserved, user};
use crate::layout::Layout;

/// A control plane in a folder: what owned and detached ones have in common.
#[derive(Debug)]
pub struct ControlPlane {
    pub(crate) layout: Layout,
    pub(crate) binaries: Binaries,
    pub(crate) ports: Ports,
}

impl ControlPlane {
    /// The folder that holds all of this instance (mode 0700).
    pub fn dir(&self) -> &Path {
        self.layout.dir()
    }

    /// The kubeconfig file (mode 0600): a context per persona, and [`ADMIN`], which is current.
    pub fn kubeconfig(&self) -> PathBuf {
        self.layout.kubeconfig()
    }

    /// The API server's audit log: one JSON document per line for every write.
    pub fn audit_log(&self) -> PathBuf {
        self.layout.audit_log()
    }

    /// The log file of a component ([`Component::name`](crate::Component::name)) or of another
    /// process of this instance.
    pub fn log(&self, process: &str) -> PathBuf {
        self.layout.log(process)
    }

    /// The programs that run, and the `kubectl` that fits them.
    pub fn binaries(&self) -> &Binaries {
        &self.binaries
    }

    /// The address of the API server, `https://127.0.0.1:<port>`, if it was started here.
    pub fn api_url(&self) -> String {
        self.ports.api_url()
    }

    /// Issues a credential for a persona and adds its context to the kubeconfig, replacing the
    /// context of that name if there is one. Only where the API server was started here.
    ///
    /// # Errors
    /// [`Error::ReservedPersona`], [`Error::Certificate`], [`Error::Io`], and
    /// [`Error::Unreadable`] if somebody has damaged the kubeconfig.
    pub fn issue(&self, persona: &Persona) -> Result<(), Error> {
        reject_reserved(std::slice::from_ref(persona))?;
        let authority = Authority::load(&self.layout)?;
        let _lock = files::lock(&self.layout.lock())?;
        let path = self.kubeconfig();
        let mut config =
            Kubeconfig::parse(&files::read(&path)?).map_err(|reason| Error::Unreadable { path: path.clone(), reason })?;
        add(&mut config, persona, &authority)?;
        write(&config, &path)
    }
}

/// Writes what the components read at their start, and the kubeconfig.
pub(crate) fn write_configuration(
    layout: &Layout,
    authority: &Authority,
    ports: Ports,
    personas: &[Persona],
) -> Result<(), Error> {
    write_private(&layout.audit_policy(), AUDIT_POLICY)?;
    let here = || cluster(&ports.api_url(), authority.certificate());
    let mut config = Kubeconfig::new(here(), ADMIN);
    config.set(ADMIN, None, user(&authority.client(ADMIN, &["system:masters".to_owned()])?));
    personas.iter().try_for_each(|persona| add(&mut config, persona, authority))?;
    write(&config, &layout.kubeconfig())?;
    let manager = "system:kube-controller-manager";
    let mut config = Kubeconfig::new(here(), manager);
    config.set(manager, None, user(&authority.client(manager, &[])?));
    write(&config, &layout.controller_manager_kubeconfig())
}

fn add(config: &mut Kubeconfig, persona: &Persona, authority: &Authority) -> Result<(), Error> {
    let credential = authority.client(&persona.user, &persona.groups)?;
    config.set(&persona.name, persona.namespace.as_deref(), user(&credential));
    Ok(())
}

pub(crate) fn write(config: &Kubeconfig, path: &Path) -> Result<(), Error> {
    let yaml = config.to_yaml().map_err(|reason| Error::Unreadable { path: path.to_owned(), reason })?;
    write_private(path, yaml)
}
