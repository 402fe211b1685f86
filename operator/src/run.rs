//! Wires everything together and runs it until it is told to stop.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use govcloud_crds::names::{OPERATOR_SERVICE_ACCOUNT, SYSTEM_NAMESPACE, service_account_user};
use kube::{
    Client,
    runtime::events::{Recorder, Reporter},
};
use tokio::{
    net::TcpListener,
    sync::{Notify, mpsc},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use crate::{
    context::Context,
    controllers::{agency, capacity, claim, class, cloud, enforcement, permit, project, service},
    metrics::Metrics,
    report, server, stores,
    triggers::Queues,
};

/// How the operator is run.
#[derive(Clone, Debug, clap::Parser)]
#[command(name = "govcloud-operator", version, about = "The operator of the Government Cloud")]
pub struct Options {
    /// The namespace that the operator runs in
    #[arg(long, env = "GOVCLOUD_NAMESPACE", default_value = SYSTEM_NAMESPACE)]
    pub namespace: String,
    /// The ServiceAccount that the operator runs as; the guards admit its writes and nobody else's
    #[arg(long, env = "GOVCLOUD_SERVICE_ACCOUNT", default_value = OPERATOR_SERVICE_ACCOUNT)]
    pub service_account: String,
    /// Where /livez, /readyz and /metrics are served
    #[arg(long, env = "GOVCLOUD_LISTEN", default_value = "0.0.0.0:8080")]
    pub listen: SocketAddr,
    /// The kubeconfig context to use outside a cluster
    #[arg(long)]
    pub context: Option<String>,
    /// Logs as text for people, or as JSON for machines
    #[arg(long, env = "GOVCLOUD_LOG_FORMAT", default_value = "json")]
    pub log_format: LogFormat,
}

/// How logs are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines.
    Json,
}

/// What can go wrong before the operator runs.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}; choose another with --listen")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The API server cannot be reached.
    #[error("cannot reach the API server: {0}")]
    Client(#[from] Box<kube::Error>),
    /// The kubeconfig cannot be read.
    #[error("cannot read the kubeconfig: {0}")]
    Kubeconfig(#[from] kube::config::KubeconfigError),
    /// A watch or a controller ended although nobody asked for it; a new process starts them all.
    #[error("a watch or a controller ended by itself; start the operator again")]
    Ended,
}

/// Runs the operator until `stop`, then lets the reconciles that are under way finish.
pub async fn run(options: Options, client: Client, stop: CancellationToken) -> Result<(), StartError> {
    let listener =
        TcpListener::bind(options.listen).await.map_err(|source| StartError::Listen { address: options.listen, source })?;
    let (queues, receivers) = channels();
    let (stores, mut watches) = stores::start(&client, &queues);
    let context = Arc::new(context(&options, client, stores, queues));
    let ready = Arc::new(AtomicBool::new(false));
    let health = server::Health { ready: ready.clone(), context: context.clone() };
    let server = tokio::spawn(server::serve(listener, health, stop.clone()));
    tokio::select! {
        () = context.stores.ready() => {}
        () = stop.cancelled() => return Ok(()),
    }
    tracing::info!(
        agencies = context.stores.agencies.len(),
        permits = context.stores.permits.len(),
        "stores are filled; reconciling"
    );
    let mut controllers = controllers(receivers, &context, &stop);
    ready.store(true, Ordering::Release);
    tokio::select! {
        () = watches.ended() => {}
        _ = controllers.join_next() => {}
    }
    let asked = stop.is_cancelled();
    tracing::info!(asked, "stopping");
    stop.cancel();
    ready.store(false, Ordering::Release);
    while controllers.join_next().await.is_some() {}
    let _ = server.await; // it ends with `stop`
    if asked { Ok(()) } else { Err(StartError::Ended) }
}

struct Receivers {
    cloud: mpsc::UnboundedReceiver<kube::runtime::reflector::ObjectRef<govcloud_crds::GovernmentCloud>>,
    agency: mpsc::UnboundedReceiver<kube::runtime::reflector::ObjectRef<govcloud_crds::Agency>>,
    project: mpsc::UnboundedReceiver<kube::runtime::reflector::ObjectRef<govcloud_crds::Project>>,
    pool: mpsc::UnboundedReceiver<kube::runtime::reflector::ObjectRef<govcloud_crds::CapacityPool>>,
    quota: mpsc::UnboundedReceiver<kube::runtime::reflector::ObjectRef<govcloud_crds::AgencyQuota>>,
    class: mpsc::UnboundedReceiver<kube::runtime::reflector::ObjectRef<govcloud_crds::ProcessingClass>>,
    permit: mpsc::UnboundedReceiver<kube::runtime::reflector::ObjectRef<govcloud_crds::ProcessingPermit>>,
    service: mpsc::UnboundedReceiver<kube::runtime::reflector::ObjectRef<govcloud_crds::SharedService>>,
    claim: mpsc::UnboundedReceiver<kube::runtime::reflector::ObjectRef<govcloud_crds::ServiceClaim>>,
}

macro_rules! channels {
    ($($kind:ident),*) => {{
        $( let $kind = mpsc::unbounded_channel(); )*
        let queues = Queues { $( $kind: $kind.0, )* enforcement: Arc::new(Notify::new()) };
        (queues, Receivers { $( $kind: $kind.1, )* })
    }};
}

fn channels() -> (Queues, Receivers) {
    channels!(cloud, agency, project, pool, quota, class, permit, service, claim)
}

fn context(options: &Options, client: Client, stores: Arc<stores::Stores>, queues: Queues) -> Context {
    let reporter = Reporter { controller: "govcloud-operator".into(), instance: std::env::var("HOSTNAME").ok() };
    Context {
        recorder: Recorder::new(client.clone(), reporter),
        client,
        stores,
        queues,
        metrics: Metrics::default(),
        operator_user: service_account_user(&options.namespace, &options.service_account),
        operator_namespace: options.namespace.clone(),
        enforcement: Mutex::default(),
        activated: Mutex::new(HashMap::new()),
    }
}

fn controllers(receivers: Receivers, context: &Arc<Context>, stop: &CancellationToken) -> JoinSet<()> {
    let mut set = JoinSet::new();
    let stores = context.stores.clone();
    macro_rules! spawn {
        ($($name:literal: $store:ident, $queue:ident, $reconcile:path;)*) => {
            $( set.spawn(report::run($name, stores.$store.clone(), receivers.$queue, context.clone(), stop.clone(), $reconcile)); )*
        };
    }
    spawn! {
        "cloud": clouds, cloud, cloud::reconcile;
        "agency": agencies, agency, agency::reconcile;
        "project": projects, project, project::reconcile;
        "pool": pools, pool, capacity::reconcile_pool;
        "quota": quotas, quota, capacity::reconcile_quota;
        "class": classes, class, class::reconcile;
        "permit": permits, permit, permit::reconcile;
        "service": services, service, service::reconcile;
        "claim": claims, claim, claim::reconcile;
    }
    set.spawn(enforcement::run(context.clone(), stop.clone()));
    set
}
