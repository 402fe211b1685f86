//! A cluster of the user's own, in the place of one that is started here.

use std::path::{Path, PathBuf};

use crate::binaries::Binaries;
use crate::components::Ports;
use crate::detached::DetachedControlPlane;
use crate::error::{Error, OnPath as _};
use crate::files;
use crate::instance::{ControlPlane, write};
use crate::kubeconfig::{ADMIN, Fields, Kubeconfig, Persona, impersonated, reject_reserved};
use crate::state::State;

/// A cluster that somebody has already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnCluster {
    /// The kubeconfig file.
    pub kubeconfig: PathBuf,
    /// The context in it; `None` is the current one.
    pub context: Option<String>,
}

impl OwnCluster {
    /// The address of its API server.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Kubeconfig`] if the file does not name a cluster.
    pub fn server(&self) -> Result<String, Error> {
        let (cluster, _) = self.entries()?;
        let server = cluster.get("server").and_then(|server| server.as_str());
        server.map(str::to_owned).ok_or_else(|| self.unusable("its cluster has no server".to_owned()))
    }

    /// A kubeconfig with a context per persona. The user of the file is the administrator, and impersonates the others.
    fn with(&self, personas: &[Persona]) -> Result<Kubeconfig, Error> {
        let (cluster, user) = self.entries()?;
        let mut config = Kubeconfig::new(cluster, ADMIN);
        for persona in personas {
            config.set(&persona.name, persona.namespace.as_deref(), impersonated(&user, persona));
        }
        config.set(ADMIN, None, user);
        Ok(config)
    }

    fn entries(&self) -> Result<(Fields, Fields), Error> {
        let path = std::path::absolute(&self.kubeconfig).on("resolve", &self.kubeconfig)?;
        let config = Kubeconfig::parse(&files::read(&path)?).map_err(|reason| self.unusable(reason))?;
        let folder = path.parent().unwrap_or(Path::new("/"));
        config.of_context(self.context.as_deref(), folder).map_err(|reason| self.unusable(reason))
    }

    fn unusable(&self, reason: String) -> Error {
        Error::Kubeconfig { path: self.kubeconfig.clone(), reason }
    }
}

impl DetachedControlPlane {
    /// Keeps in `dir`, which must be empty or not exist yet, what belongs to an instance on a cluster that runs already: its
    /// kubeconfig with a context per persona, and other processes. Nothing is asked of the cluster. Of the `binaries` only
    /// kubectl is used. [`DetachedControlPlane::stop`] leaves the cluster alone.
    ///
    /// # Errors
    /// [`Error::Occupied`] if the folder is in use, [`Error::Kubeconfig`], [`Error::ReservedPersona`], [`Error::Io`].
    pub fn on_cluster(cluster: &OwnCluster, binaries: &Binaries, dir: &Path, personas: &[Persona]) -> Result<Self, Error> {
        reject_reserved(personas)?;
        let config = cluster.with(personas)?;
        let layout = Self::claim(binaries, dir, true)?;
        write(&config, &layout.kubeconfig())?;
        let ports = Ports { api_server: 0, controller_manager: 0 };
        Ok(Self { plane: ControlPlane { layout, binaries: binaries.clone(), ports } })
    }

    /// Whether its cluster was there before, and stays.
    ///
    /// # Errors
    /// [`Error::NoInstance`] if it was stopped meanwhile, [`Error::Unreadable`], [`Error::Io`].
    pub fn is_borrowed(&self) -> Result<bool, Error> {
        Ok(State::read(&self.plane.layout)?.borrowed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(dir: &Path, text: &str) -> OwnCluster {
        let kubeconfig = dir.join("config");
        std::fs::write(&kubeconfig, text).expect("written");
        OwnCluster { kubeconfig, context: None }
    }

    const THEIRS: &str = "{apiVersion: v1, kind: Config, current-context: x, clusters: [{name: c, cluster: {server: 'https://c'}}], \
                          contexts: [{name: x, context: {cluster: c, user: u}}], users: [{name: u, user: {token: t}}]}";

    #[tokio::test]
    async fn it_is_found_by_its_folder_and_stopping_leaves_the_cluster_alone() {
        let place = tempfile::tempdir().expect("a folder");
        let cluster = own(place.path(), THEIRS);
        assert_eq!(cluster.server().expect("named"), "https://c");
        let dir = place.path().join("instance");
        let binaries = Binaries::assumed("/usr/bin".into());
        let jane = Persona::new("jane", "jane@tax").in_groups(["tax"]).in_namespace("there");
        DetachedControlPlane::on_cluster(&cluster, &binaries, &dir, &[jane]).expect("kept");
        let found = DetachedControlPlane::open(&dir).expect("found");
        assert!(found.is_borrowed().expect("known") && found.is_running().expect("known"));
        let written = std::fs::read_to_string(found.kubeconfig()).expect("read");
        assert!(written.contains("as: jane@tax") && written.contains("current-context: admin"), "{written}");
        found.stop().await.expect("stopped");
        assert!(!dir.exists() && cluster.kubeconfig.exists());
    }

    #[test]
    fn a_file_that_names_no_cluster_leaves_nothing_behind() {
        let place = tempfile::tempdir().expect("a folder");
        let cluster = own(place.path(), "{apiVersion: v1, kind: Config}");
        let dir = place.path().join("instance");
        let error = DetachedControlPlane::on_cluster(&cluster, &Binaries::assumed("/usr/bin".into()), &dir, &[]);
        let error = error.expect_err("it names none").to_string();
        assert!(error.contains("no current context; name one with --context"), "{error}");
        assert!(!dir.exists());
    }
}
