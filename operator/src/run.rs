//! Wires everything together and runs it until it is told to stop.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use govcloud_crds::names::{OPERATOR_SERVICE_ACCOUNT, SYSTEM_NAMESPACE, service_account_user};
use k8s_openapi::api::authentication::v1::SelfSubjectReview;
use kube::{
    Api, Client,
    api::PostParams,
    runtime::events::{Recorder, Reporter},
};
use tokio::{
    net::TcpListener,
    sync::{Notify, mpsc},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use crate::{
    connect::Clients,
    context::Context,
    controllers::{
        agency, capacity, claim, class, cloud, enforcement, entitlement, openreports, permit, permit::places::Places, project,
        service, sharing,
    },
    health::{self, Probe},
    leader::{Elector, Lost, Term},
    metrics::Metrics,
    notify::{self, Sender},
    outgoing,
    provision::Provisioning,
    queues::Queues,
    report, scanner,
    server::{self, Health, Phase},
    stores,
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
    /// Additional CA certificates for outgoing https, such as announcements and probes of services: a file in PEM
    #[arg(long, env = "GOVCLOUD_CA_FILE")]
    pub ca_file: Option<PathBuf>,
    /// Logs as text for people, or as JSON for machines
    #[arg(long, env = "GOVCLOUD_LOG_FORMAT", default_value = "json")]
    pub log_format: LogFormat,
    /// Reconcile only while holding the Lease `govcloud-operator`, so that several operators can run and one leads
    #[arg(long, env = "GOVCLOUD_LEADER_ELECT", value_parser = clap::builder::FalseyValueParser::new())]
    pub leader_elect: bool,
    /// The name under which this process holds the lease and calls the API server: the host's, or else a random one
    #[arg(long, env = "GOVCLOUD_IDENTITY", default_value_t = own_name(), hide_default_value = true,
        value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub identity: String,
}

/// The host's name, which is the pod's in a cluster; a random name where nobody has said it.
fn own_name() -> String {
    let random = || format!("govcloud-operator-{:08x}", RandomState::new().hash_one(0) >> 32);
    std::env::var("HOSTNAME").ok().filter(|name| !name.is_empty()).unwrap_or_else(random)
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
    /// The CA certificates cannot be read.
    #[error("cannot read certificates from {file}: {why}; --ca-file takes a file in PEM")]
    CaFile {
        /// The file.
        file: PathBuf,
        /// Why.
        why: String,
    },
    /// The API server cannot be reached.
    #[error("cannot reach the API server: {0}")]
    Client(#[from] Box<kube::Error>),
    /// The API server does not know the credential.
    #[error(
        "the API server does not accept the credential: {0}; is the token too old? kubectl create token {1} -n {2} makes another"
    )]
    Unauthorized(Box<kube::Error>, String, String),
    /// The guards would refuse every write.
    #[error(
        "this is {is}, and the guards admit the writes of {expected} alone; use its credential, which kubectl create token makes \
         outside a cluster, or name another account with --namespace and --service-account"
    )]
    Identity {
        /// Who the API server says this is.
        is: String,
        /// Who it must be.
        expected: String,
    },
    /// The name cannot be said to the API server.
    #[error("{0:?} cannot be sent as a part of the user agent; --identity takes printable ASCII")]
    Name(String),
    /// This process led and does not any more.
    #[error("does not lead any more: {0}; a new process stands by until it is its turn")]
    Lost(#[from] Lost),
    /// The kubeconfig cannot be read.
    #[error("cannot read the kubeconfig: {0}")]
    Kubeconfig(#[from] kube::config::KubeconfigError),
    /// A watch or a controller ended although nobody asked for it; a new process starts them all.
    #[error("a watch or a controller ended by itself; start the operator again")]
    Ended,
}

/// Runs the operator until `stop`, then lets the reconciles that are under way finish. With `--leader-elect` it waits for
/// the lease before it watches anything, and releases it after the last reconcile.
pub async fn run(options: Options, clients: Clients, stop: CancellationToken) -> Result<(), StartError> {
    let authorities = authorities(&options)?;
    check_identity(&options, &clients.lease).await?;
    let listener =
        TcpListener::bind(options.listen).await.map_err(|source| StartError::Listen { address: options.listen, source })?;
    let health = Health::default();
    if !options.leader_elect {
        health.enter(Phase::Filling); // before it is served: it never stands by
    }
    let server = tokio::spawn(server::serve(listener, health.clone(), stop.clone()));
    let mut term = tokio::select! {
        term = begin(&options, &clients) => term,
        () = stop.cancelled() => return Ok(()),
    };
    health.enter(Phase::Filling);
    let outcome = tokio::select! {
        // Nothing of what is under way may be finished: another process may have decided otherwise.
        lost = term.lost() => return Err(lost.into()),
        outcome = lead(&options, clients.client, authorities, &health, &stop) => outcome,
    };
    term.release().await;
    let _ = server.await; // it ends with `stop`
    outcome
}

/// Waits until this process leads.
async fn begin(options: &Options, clients: &Clients) -> Term {
    if !options.leader_elect {
        return Term::alone();
    }
    Elector::new(clients.lease.clone(), &options.namespace, &options.identity, clients.gate.clone()).lead().await
}

/// Fills the stores and reconciles until `stop`, then lets the reconciles that are under way finish.
async fn lead(
    options: &Options,
    client: Client,
    authorities: Vec<reqwest::Certificate>,
    health: &Health,
    stop: &CancellationToken,
) -> Result<(), StartError> {
    let callers = Callers {
        sender: Arc::new(Sender::new(authorities.clone())),
        probe: Arc::new(Probe::new(authorities.clone())),
        source: scanner::Source::new(authorities.clone()),
    };
    let (queues, receivers) = channels();
    let (stores, mut watches) = stores::start(&client, &queues);
    let provisioning = Provisioning::new(authorities);
    let context = Arc::new(context(options, client, stores, queues, provisioning, health.metrics.clone()));
    tokio::select! {
        () = context.stores.ready() => {}
        () = stop.cancelled() => return Ok(()),
    }
    tracing::info!(
        agencies = context.stores.agencies.len(),
        permits = context.stores.permits.len(),
        "stores are filled; reconciling"
    );
    // Before anybody is told their place: with an empty queue everybody would be the next.
    context.places.arrange(&context.stores.permits.state());
    let mut controllers = controllers(receivers, &context, callers, stop);
    health.enter(Phase::Leading);
    tokio::select! {
        () = watches.ended() => {}
        _ = controllers.join_next() => {}
    }
    let asked = stop.is_cancelled();
    tracing::info!(asked, "stopping");
    stop.cancel();
    health.enter(Phase::Stopping);
    while controllers.join_next().await.is_some() {}
    if asked { Ok(()) } else { Err(StartError::Ended) }
}

/// Whoever calls the outside.
struct Callers {
    sender: Arc<Sender>,
    probe: Arc<Probe>,
    source: scanner::Source,
}

/// What is trusted beside what this machine trusts.
fn authorities(options: &Options) -> Result<Vec<reqwest::Certificate>, StartError> {
    let file = options.ca_file.clone();
    outgoing::authorities(file.as_deref()).map_err(|why| StartError::CaFile { file: file.unwrap_or_default(), why })
}

/// As anybody else the operator could read, and its guards would refuse what it writes.
async fn check_identity(options: &Options, client: &Client) -> Result<(), StartError> {
    let (namespace, account) = (&options.namespace, &options.service_account);
    let reviews: Api<SelfSubjectReview> = Api::all(client.clone());
    let review = reviews.create(&PostParams::default(), &SelfSubjectReview::default()).await.map_err(|error| match error {
        kube::Error::Api(status) if status.code == 401 => {
            StartError::Unauthorized(Box::new(kube::Error::Api(status)), account.clone(), namespace.clone())
        }
        other => StartError::Client(Box::new(other)),
    })?;
    let is = review.status.and_then(|s| s.user_info?.username).unwrap_or_default();
    let expected = service_account_user(namespace, account);
    if is == expected { Ok(()) } else { Err(StartError::Identity { is, expected }) }
}

struct Receivers {
    cloud: mpsc::UnboundedReceiver<kube::runtime::reflector::ObjectRef<govcloud_crds::GovernmentCloud>>,
    agency: mpsc::UnboundedReceiver<kube::runtime::reflector::ObjectRef<govcloud_crds::Agency>>,
    entitlement: mpsc::UnboundedReceiver<kube::runtime::reflector::ObjectRef<govcloud_crds::Agency>>,
    project: mpsc::UnboundedReceiver<kube::runtime::reflector::ObjectRef<govcloud_crds::Project>>,
    pool: mpsc::UnboundedReceiver<kube::runtime::reflector::ObjectRef<govcloud_crds::CapacityPool>>,
    quota: mpsc::UnboundedReceiver<kube::runtime::reflector::ObjectRef<govcloud_crds::AgencyQuota>>,
    class: mpsc::UnboundedReceiver<kube::runtime::reflector::ObjectRef<govcloud_crds::ProcessingClass>>,
    permit: mpsc::UnboundedReceiver<kube::runtime::reflector::ObjectRef<govcloud_crds::ProcessingPermit>>,
    service: mpsc::UnboundedReceiver<kube::runtime::reflector::ObjectRef<govcloud_crds::SharedService>>,
    claim: mpsc::UnboundedReceiver<kube::runtime::reflector::ObjectRef<govcloud_crds::ServiceClaim>>,
    notices: mpsc::UnboundedReceiver<kube::runtime::reflector::ObjectRef<govcloud_crds::ProcessingPermit>>,
    probes: mpsc::UnboundedReceiver<kube::runtime::reflector::ObjectRef<govcloud_crds::SharedService>>,
}

macro_rules! channels {
    ($($kind:ident),*) => {{
        $( let $kind = mpsc::unbounded_channel(); )*
        let notify = || Arc::new(Notify::new());
        let queues = Queues { $( $kind: $kind.0, )* enforcement: notify(), places: notify(), scan: notify(), kinds: notify(), utilisation: notify(), reports: notify(), sharing: notify() };
        (queues, Receivers { $( $kind: $kind.1, )* })
    }};
}

fn channels() -> (Queues, Receivers) {
    channels!(cloud, agency, entitlement, project, pool, quota, class, permit, service, claim, notices, probes)
}

fn context(
    options: &Options,
    client: Client,
    stores: Arc<stores::Stores>,
    queues: Queues,
    provisioning: Provisioning,
    metrics: Arc<Metrics>,
) -> Context {
    let reporter = Reporter { controller: "govcloud-operator".into(), instance: std::env::var("HOSTNAME").ok() };
    Context {
        recorder: Recorder::new(client.clone(), reporter),
        client,
        stores,
        queues,
        metrics,
        operator_user: service_account_user(&options.namespace, &options.service_account),
        operator_namespace: options.namespace.clone(),
        enforcement: Mutex::default(),
        notices: Mutex::default(),
        provisioning,
        scanner: scanner::Scanner::default(),
        written: Mutex::default(),
        activated: Mutex::new(HashMap::new()),
        assessing: Mutex::new(()),
        kept_lately: Mutex::new(HashMap::new()),
        pace: service::Pace::default(),
        revocations: service::Revocations::default(),
        places: Places::default(),
        numbering: tokio::sync::Mutex::default(),
    }
}

fn controllers(receivers: Receivers, context: &Arc<Context>, callers: Callers, stop: &CancellationToken) -> JoinSet<()> {
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
        "entitlement": agencies, entitlement, entitlement::reconcile;
        "project": projects, project, project::reconcile;
        "pool": pools, pool, capacity::reconcile_pool;
        "quota": quotas, quota, capacity::reconcile_quota;
        "class": classes, class, class::reconcile;
        "permit": permits, permit, permit::reconcile;
        "service": services, service, service::reconcile;
        "claim": claims, claim, claim::reconcile;
    }
    set.spawn(enforcement::run(context.clone(), stop.clone()));
    set.spawn(scanner::run(context.clone(), callers.source, stop.clone()));
    set.spawn(openreports::run(context.clone(), stop.clone()));
    set.spawn(sharing::run(context.clone(), stop.clone()));
    set.spawn(health::run(receivers.probes, context.clone(), callers.probe, stop.clone()));
    set.spawn(notify::run(receivers.notices, context.clone(), callers.sender, stop.clone()));
    set.spawn(permit::places::run(context.clone(), stop.clone()));
    set
}
