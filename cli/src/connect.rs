//! From flags and kubeconfig to a client.

use std::time::Duration;

use kube::{
    Client, Config,
    client::{ClientBuilder, retry::RetryPolicy},
    config::{KubeConfigOptions, Kubeconfig, KubeconfigError},
};
use tower::{buffer::BufferLayer, retry::RetryLayer};

use crate::{
    args::GlobalArgs,
    error::{CliError, Kind, Result},
};

/// A person waits: give up early. kube's own defaults suit controllers.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Longer than the minute between two bookmarks of a watch.
const READ_TIMEOUT: Duration = Duration::from_secs(75);
const RETRIES: u32 = 3;
const RETRY_DELAYS: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(2));
const REQUESTS_IN_FLIGHT: usize = 32;

/// Where commands go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The kubeconfig context, if there is one.
    pub context: Option<String>,
    /// The API server's address.
    pub server: String,
    /// The namespace of the flag or the context.
    pub namespace: String,
}

impl Place {
    /// The error with what it takes to find out why a cluster does not answer.
    pub fn locate(&self, error: CliError) -> CliError {
        if error.kind() != Kind::Unreachable {
            return error;
        }
        let context = self.context.as_deref().map(|c| format!("context {c}, ")).unwrap_or_default();
        error
            .hint(format!("Tried {context}server {}", self.server))
            .hint("Choose another cluster: --context NAME. Or try one on this machine: govcloud sandbox up")
    }
}

/// A client, and where it goes.
pub async fn connect(global: &GlobalArgs) -> Result<(Client, Place)> {
    let (mut config, context) = config(global).await?;
    config.default_retry = false;
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    config.read_timeout = Some(READ_TIMEOUT);
    config.reset_reader_on_write = true;
    if let Some(user) = &global.impersonate {
        config.auth_info.impersonate = Some(user.clone());
    }
    if !global.impersonate_groups.is_empty() {
        config.auth_info.impersonate_groups = Some(global.impersonate_groups.clone());
    }
    let namespace = global.namespace.clone().unwrap_or_else(|| config.default_namespace.clone());
    let place = Place { context, server: config.cluster_url.to_string().trim_end_matches('/').to_owned(), namespace };
    Ok((client(config)?, place))
}

fn client(config: Config) -> Result<Client> {
    let retry = RetryPolicy::new(RETRY_DELAYS.0, RETRY_DELAYS.1, RETRIES, false).map_err(|e| CliError::failure(e.to_string()))?;
    let builder = ClientBuilder::try_from(config)?;
    Ok(builder.with_layer(&BufferLayer::new(REQUESTS_IN_FLIGHT)).with_layer(&RetryLayer::new(retry)).build())
}

async fn config(global: &GlobalArgs) -> Result<(Config, Option<String>)> {
    let file = match &global.kubeconfig {
        Some(path) => Kubeconfig::read_from(path),
        None => Kubeconfig::read(),
    };
    let inside = global.kubeconfig.is_none() && global.context.is_none() && std::env::var_os("KUBERNETES_SERVICE_HOST").is_some();
    let file = match file {
        Err(KubeconfigError::FindPath | KubeconfigError::ReadConfig(..)) if inside => {
            let config = Config::incluster()
                .map_err(|e| CliError::failure(format!("cannot use the pod's own account: {e}")).caused_by(e))?;
            return Ok((config, None));
        }
        other => other.map_err(|e| unusable(global, e))?,
    };
    let context = global.context.clone().or_else(|| file.current_context.clone());
    let options = KubeConfigOptions { context: global.context.clone(), ..KubeConfigOptions::default() };
    let contexts: Vec<_> = file.contexts.iter().map(|c| c.name.clone()).collect();
    let config = Config::from_custom_kubeconfig(file, &options).await.map_err(|e| match (&e, &context) {
        (KubeconfigError::LoadContext(_), Some(name)) => no_such_context(name, &contexts),
        _ => unusable(global, e),
    })?;
    Ok((config, context))
}

fn no_such_context(name: &str, contexts: &[String]) -> CliError {
    CliError::usage(format!("the kubeconfig has no context {name}")).hint(if contexts.is_empty() {
        "It has none at all; try a Government Cloud on this machine: govcloud sandbox up".to_owned()
    } else {
        format!("It has: {}", contexts.join(", "))
    })
}

fn unusable(global: &GlobalArgs, error: KubeconfigError) -> CliError {
    let hint = match (&error, &global.kubeconfig) {
        (KubeconfigError::CurrentContextNotSet, _) => "Choose a context: --context NAME",
        (_, Some(_)) => "Check the file that --kubeconfig names",
        _ => "Name a kubeconfig file: --kubeconfig FILE. Or try a Government Cloud on this machine: govcloud sandbox up",
    };
    CliError::usage(format!("no cluster to talk to: {error}")).hint(hint).caused_by(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unreachable_cluster_is_named() {
        let place =
            Place { context: Some("national".into()), server: "https://10.0.0.1:6443".into(), namespace: "default".into() };
        let error = place.locate(CliError::new(Kind::Unreachable, "cannot reach the cluster: connection refused"));
        insta::assert_snapshot!("unreachable", error.render(false));
        assert!(place.locate(CliError::failure("other")).hints().is_empty());
    }

    #[test]
    fn an_unknown_context_lists_those_that_there_are() {
        let error = no_such_context("x", &["a".into(), "b".into()]);
        assert_eq!(error.render(false), "error: the kubeconfig has no context x\n  It has: a, b\n");
    }
}
