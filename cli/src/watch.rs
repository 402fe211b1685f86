//! Waiting until an object has become something.

use std::{fmt::Debug, pin::pin, time::Duration};

use futures::StreamExt as _;
use kube::{
    Api, Resource,
    runtime::{WatchStreamExt as _, watcher::watch_object},
};
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use crate::{
    error::{CliError, Kind, Result},
    progress::Progress,
};

/// How often in a row watching may fail for reasons that pass, such as a restart of the API server.
const PATIENCE: usize = 5;

/// What an object is with regard to what is waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step<T> {
    /// Not there yet; this is what is waited for.
    Waiting(String),
    /// There.
    Done(T),
}

/// How waiting ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Waited<T> {
    /// The object has become it.
    Done(T),
    /// Time is up; this was waited for last.
    TimedOut(String),
}

/// Watches an object until `judge` says that it is done; `judge` gets `None` while there is no such object.
pub async fn until<K, T>(
    api: Api<K>,
    name: &str,
    timeout: Option<Duration>,
    mut progress: Progress,
    mut judge: impl AsyncFnMut(Option<K>) -> Result<Step<T>>,
) -> Result<Waited<T>>
where
    K: Resource + Clone + Debug + DeserializeOwned + Send + 'static,
{
    let deadline = timeout.map(|timeout| Instant::now() + timeout);
    let mut events = pin!(watch_object(api, name).default_backoff());
    let (mut failures, mut last) = (0, String::new());
    loop {
        let event = match before(deadline, events.next()).await {
            None => return Ok(Waited::TimedOut(last)),
            Some(None) => {
                return Err(CliError::failure("the watch ended before anything was decided").hint("Run the command again"));
            }
            Some(Some(event)) => event.map_err(CliError::from),
        };
        match event {
            Err(error) if failures >= PATIENCE || error.kind() == Kind::Forbidden => return Err(error),
            Err(_) => failures += 1,
            Ok(object) => match judge(object).await? {
                Step::Done(done) => return Ok(Waited::Done(done)),
                Step::Waiting(what) => {
                    failures = 0;
                    progress.say(&what);
                    last = what;
                }
            },
        }
    }
}

/// What `future` gives before the deadline, or `None` when it has passed.
async fn before<T>(deadline: Option<Instant>, future: impl Future<Output = T>) -> Option<T> {
    match deadline {
        Some(deadline) => tokio::time::timeout_at(deadline, future).await.ok(),
        None => Some(future.await),
    }
}
