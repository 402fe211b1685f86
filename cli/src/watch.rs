//! Waiting until an object has become something.

use std::{fmt::Debug, pin::pin, time::Duration};

use futures::StreamExt as _;
use kube::{
    Api, Resource,
    runtime::{WatchStreamExt as _, watcher::watch_object},
};
use serde::de::DeserializeOwned;

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
    let deadline = timeout.map(|timeout| tokio::time::Instant::now() + timeout);
    let mut events = pin!(watch_object(api, name).default_backoff());
    let (mut failures, mut last) = (0, String::new());
    loop {
        let event = match deadline {
            Some(deadline) => match tokio::time::timeout_at(deadline, events.next()).await {
                Ok(event) => event,
                Err(_) => return Ok(Waited::TimedOut(last)),
            },
            None => events.next().await,
        };
        match event {
            Some(Ok(object)) => {
                failures = 0;
                match judge(object).await? {
                    Step::Done(done) => return Ok(Waited::Done(done)),
                    Step::Waiting(what) => {
                        progress.say(&what);
                        last = what;
                    }
                }
            }
            Some(Err(error)) => {
                failures += 1;
                let error = CliError::from(error);
                if failures >= PATIENCE || error.kind() == Kind::Forbidden {
                    return Err(error);
                }
            }
            None => return Err(CliError::failure("the watch ended before anything was decided").hint("Run the command again")),
        }
    }
}
