//! The operator's connections to the API server.

use http::{HeaderValue, header::USER_AGENT};
use kube::{Client, Config, client::ClientBuilder, config::KubeConfigOptions};

use crate::{
    leader::{Gate, GateLayer},
    run::{Options, StartError},
};

/// The operator's clients.
#[derive(Clone)]
pub struct Clients {
    /// For everything that the operator does; its writes pass only while the gate is open.
    pub client: Client,
    /// For the lease itself, and for what comes before it is held.
    pub lease: Client,
    /// Open while this process holds the lease, and for good where nobody elects.
    pub gate: Gate,
}

impl Clients {
    /// Clients of the cluster that the options name, or else the one that this process is in.
    pub async fn connect(options: &Options) -> Result<Self, StartError> {
        let config = match &options.context {
            Some(context) => {
                let options = KubeConfigOptions { context: Some(context.clone()), ..KubeConfigOptions::default() };
                Config::from_kubeconfig(&options).await?
            }
            None => Config::infer().await.map_err(|e| Box::new(kube::Error::InferConfig(e)))?,
        };
        Self::of(config, options)
    }

    /// Clients of a cluster. The API server's audit log tells processes apart by the user agent.
    pub fn of(mut config: Config, options: &Options) -> Result<Self, StartError> {
        let agent = format!("govcloud-operator/{} ({})", env!("CARGO_PKG_VERSION"), options.identity);
        let agent = HeaderValue::from_str(&agent).map_err(|_| StartError::Name(options.identity.clone()))?;
        config.headers.push((USER_AGENT, agent));
        let gate = if options.leader_elect { Gate::closed() } else { Gate::open() };
        let builder = ClientBuilder::try_from(config.clone()).map_err(Box::new)?;
        let client = builder.with_layer(&GateLayer(gate.clone())).build();
        // The elector repeats what fails, and has less time for it than the client's own retries take.
        config.default_retry = false;
        let lease = Client::try_from(config).map_err(Box::new)?;
        Ok(Self { client, lease, gate })
    }
}
