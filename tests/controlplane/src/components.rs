//! The three components, and how each is started.

use std::fmt;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::binaries::Binaries;
use crate::error::{Error, OnPath as _};
use crate::layout::Layout;

/// What a control plane consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Component {
    /// The store.
    Etcd,
    /// The API server.
    ApiServer,
    /// The controllers for quotas, namespaces, service accounts, garbage collection and so on.
    ControllerManager,
}

impl Component {
    /// All of them, each after those it depends on.
    pub const ALL: [Self; 3] = [Self::Etcd, Self::ApiServer, Self::ControllerManager];

    /// The name of its program, which is also the name of its process and its log.
    pub fn name(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::ApiServer => "kube-apiserver",
            Self::ControllerManager => "kube-controller-manager",
        }
    }

    /// How to start it.
    pub(crate) fn command(self, layout: &Layout, binaries: &Binaries, ports: Ports) -> CommandLine {
        let (program, arguments) = match self {
            Self::Etcd => (binaries.etcd(), etcd(layout)),
            Self::ApiServer => (binaries.kube_apiserver(), api_server(layout, ports)),
            Self::ControllerManager => (binaries.kube_controller_manager(), controller_manager(layout, ports)),
        };
        CommandLine { program, arguments }
    }
}

impl fmt::Display for Component {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// A program and its arguments.
#[derive(Debug, Clone)]
pub(crate) struct CommandLine {
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<String>,
}

/// TCP ports on 127.0.0.1. etcd has none: it listens on a socket in the instance's folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Ports {
    pub(crate) api_server: u16,
    pub(crate) controller_manager: u16,
}

impl Ports {
    /// Ports that are free now; another program may take them before a component does.
    pub(crate) fn free() -> Result<Self, Error> {
        let free = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
        let port = |listener: &TcpListener| listener.local_addr().map(|address| address.port());
        let taken = || -> std::io::Result<Self> {
            // Both are held at once, so that they differ.
            let (first, second) = (free()?, free()?);
            Ok(Self { api_server: port(&first)?, controller_manager: port(&second)? })
        };
        taken().on("find a free port on", Path::new("127.0.0.1"))
    }

    /// The address of the API server.
    pub(crate) fn api_url(self) -> String {
        format!("https://127.0.0.1:{}", self.api_server)
    }
}

/// Every write, except the API server's own heartbeat every ten seconds. Reads are left out
/// because watches and lists would be most of the file.
pub(crate) const AUDIT_POLICY: &str = "\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: None
  users: ['system:apiserver']
  resources: [{group: coordination.k8s.io, resources: [leases]}]
- level: Metadata
  verbs: [create, update, patch, delete, deletecollection]
- level: None
";

/// Without kubelets there are no nodes to look after and no disks to attach.
const CONTROLLERS: &str = "*,-node-ipam-controller,-node-lifecycle-controller,\
    -taint-eviction-controller,-device-taint-eviction-controller,-ttl-controller,\
    -persistentvolume-attach-detach-controller,-persistentvolume-expander-controller";

fn etcd(layout: &Layout) -> Vec<String> {
    let socket = format!("unix://{}", Layout::ETCD_SOCKET);
    let peers = "unix://etcd-peer.sock:0";
    vec![
        "--name=sandbox".to_owned(),
        format!("--data-dir={}", layout.etcd_data().display()),
        // Neither TLS nor a password: whoever may open a socket in this folder (mode 0700) may
        // read the keys in it as well.
        format!("--listen-client-urls={socket}"),
        format!("--advertise-client-urls={socket}"),
        format!("--listen-peer-urls={peers}"),
        format!("--initial-advertise-peer-urls={peers}"),
        format!("--initial-cluster=sandbox={peers}"),
        // A sandbox survives the end of etcd, but need not survive a power failure.
        "--unsafe-no-fsync".to_owned(),
        "--log-level=warn".to_owned(),
    ]
}

fn api_server(layout: &Layout, ports: Ports) -> Vec<String> {
    let pki = |file| layout.pki(file).display().to_string();
    vec![
        format!("--etcd-servers=unix://{}", Layout::ETCD_SOCKET),
        "--bind-address=127.0.0.1".to_owned(),
        format!("--secure-port={}", ports.api_server),
        format!("--tls-cert-file={}", pki("server.crt")),
        format!("--tls-private-key-file={}", pki("server.key")),
        format!("--client-ca-file={}", pki("ca.crt")),
        format!("--service-account-key-file={}", pki("service-accounts.pub")),
        format!("--service-account-signing-key-file={}", pki("service-accounts.key")),
        "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
        "--service-cluster-ip-range=10.96.0.0/16".to_owned(),
        // A loopback address is not a valid endpoint of the `kubernetes` service.
        "--endpoint-reconciler-type=none".to_owned(),
        "--authorization-mode=RBAC".to_owned(),
        format!("--audit-policy-file={}", layout.audit_policy().display()),
        format!("--audit-log-path={}", layout.audit_log().display()),
        // Written before the response ends, so that a test finds what it just did.
        "--audit-log-mode=blocking".to_owned(),
        "--profiling=false".to_owned(),
    ]
}

fn controller_manager(layout: &Layout, ports: Ports) -> Vec<String> {
    let pki = |file| layout.pki(file).display().to_string();
    let kubeconfig = layout.controller_manager_kubeconfig().display().to_string();
    vec![
        format!("--kubeconfig={kubeconfig}"),
        format!("--authentication-kubeconfig={kubeconfig}"),
        format!("--authorization-kubeconfig={kubeconfig}"),
        "--bind-address=127.0.0.1".to_owned(),
        format!("--secure-port={}", ports.controller_manager),
        format!("--tls-cert-file={}", pki("server.crt")),
        format!("--tls-private-key-file={}", pki("server.key")),
        format!("--root-ca-file={}", pki("ca.crt")),
        format!("--service-account-private-key-file={}", pki("service-accounts.key")),
        "--use-service-account-credentials=true".to_owned(),
        format!("--controllers={CONTROLLERS}"),
        // There is only one.
        "--leader-elect=false".to_owned(),
        // The defaults (20/30) make controllers wait for each other during a start.
        "--kube-api-qps=200".to_owned(),
        "--kube-api-burst=400".to_owned(),
        "--profiling=false".to_owned(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_ports_differ() {
        let ports = Ports::free().expect("ports");
        assert_ne!(ports.api_server, ports.controller_manager);
        assert_eq!(ports.api_url(), format!("https://127.0.0.1:{}", ports.api_server));
    }

    #[test]
    fn the_list_of_controllers_has_no_gaps() {
        assert!(!CONTROLLERS.contains(' '), "{CONTROLLERS}");
    }
}
