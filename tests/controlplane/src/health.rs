//! Asks components whether they are ready.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use crate::certificates::{Authority, Credential};
use crate::components::{Component, Ports};
use crate::error::Error;
use crate::layout::Layout;

/// How long one question may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Asks one instance. A component of another instance that has taken over a port does not pass:
/// its certificate is from another authority.
pub(crate) struct Probe {
    client: reqwest::Client,
    api_server: String,
    controller_manager: String,
    etcd_socket: PathBuf,
}

impl Probe {
    /// A probe with administrator rights.
    pub(crate) fn new(layout: &Layout, authority: &Authority, ports: Ports) -> Result<Self, Error> {
        let admin = authority.client("govcloud-health", &["system:masters".to_owned()])?;
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls(authority, &admin).map_err(Error::Client)?)
            .no_proxy()
            .timeout(TIMEOUT)
            .build()
            .map_err(|error| Error::Client(error.to_string()))?;
        Ok(Self {
            client,
            api_server: ports.api_url(),
            controller_manager: format!("https://127.0.0.1:{}", ports.controller_manager),
            etcd_socket: layout.etcd_socket(),
        })
    }

    /// Whether a component can do its work.
    pub(crate) async fn is_ready(&self, component: Component) -> bool {
        match component {
            // That etcd also answers is part of the API server's readiness.
            Component::Etcd => self.etcd_socket.exists(),
            Component::ApiServer => self.ok(&format!("{}/readyz", self.api_server)).await,
            Component::ControllerManager => {
                // Without this account no pod can be created in the namespace.
                let account = "/api/v1/namespaces/default/serviceaccounts/default";
                self.ok(&format!("{}/healthz", self.controller_manager)).await
                    && self.ok(&format!("{}{account}", self.api_server)).await
            }
        }
    }

    async fn ok(&self, url: &str) -> bool {
        self.client.get(url).send().await.is_ok_and(|response| response.status().is_success())
    }
}

/// Trusts this instance's authority only. The cryptography is named here because a library must
/// not choose it for the whole process.
fn tls(authority: &Authority, client: &Credential) -> Result<ClientConfig, String> {
    let certificate = |pem: &str| CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|error| error.to_string());
    let mut roots = RootCertStore::empty();
    roots.add(certificate(authority.certificate())?).map_err(|error| error.to_string())?;
    let key = PrivateKeyDer::from_pem_slice(client.key().as_bytes()).map_err(|error| error.to_string())?;
    ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_client_auth_cert(vec![certificate(&client.certificate())?], key)
        .map_err(|error| error.to_string())
}
