//! Runs a reconciler: the one place where its result becomes a log line, a metric and the time of the next try.

use std::{
    collections::HashMap,
    future::Future,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use futures::{FutureExt, StreamExt};
use govcloud_crds::names::GROUP;
use kube::{
    Resource, ResourceExt,
    runtime::{
        controller::{Action, Config, Controller},
        reflector::{ObjectRef, Store},
    },
};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio_util::sync::CancellationToken;

use crate::{context::Context, error::Error, metrics};

/// How many objects of a kind are reconciled at the same time.
const CONCURRENCY: u16 = 16;
const FIRST_RETRY: Duration = Duration::from_millis(200);
const LAST_RETRY: Duration = Duration::from_mins(2);

/// How often each object failed in a row.
#[derive(Default)]
struct Failures(Mutex<HashMap<String, u32>>);

impl Failures {
    fn clear(&self, key: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }

    /// The time to wait after one more failure: doubled each time.
    fn next_wait(&self, key: &str) -> Duration {
        let mut failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = failures.entry(key.to_owned()).or_default();
        *count += 1;
        backoff(*count)
    }
}

fn backoff(failures: u32) -> Duration {
    FIRST_RETRY.saturating_mul(1 << failures.saturating_sub(1).min(12)).min(LAST_RETRY)
}

/// Runs `reconcile` for every object that `requests` names, until `stop`.
pub async fn run<K, F, Fut>(
    name: &'static str,
    store: Store<K>,
    requests: UnboundedReceiver<ObjectRef<K>>,
    context: Arc<Context>,
    stop: CancellationToken,
    reconcile: F,
) where
    K: Resource<DynamicType = ()> + Clone + serde::de::DeserializeOwned + std::fmt::Debug + Send + Sync + 'static,
    F: Fn(Arc<K>, Arc<Context>) -> Fut + Send + Sync + Clone + 'static,
    Fut: Future<Output = Result<Action, Error>> + Send + 'static,
{
    let requests = futures::stream::unfold(requests, |mut requests| async move { requests.recv().await.map(|r| (r, requests)) });
    let failures = Arc::new(Failures::default());
    let failed = failures.clone();
    let runner = move |object: Arc<K>, context: Arc<Context>| {
        let (reconcile, failures) = (reconcile.clone(), failures.clone());
        async move { once(name, object, context, &failures, reconcile).await }
    };
    let on_error = move |object: Arc<K>, error: &Error, _: Arc<Context>| {
        let wait = if error.is_conflict() { FIRST_RETRY } else { failed.next_wait(&key(&*object)) };
        Action::requeue(wait)
    };
    Controller::for_stream(futures::stream::pending(), store)
        .with_config(Config::default().concurrency(CONCURRENCY))
        .reconcile_on(requests)
        .graceful_shutdown_on(stop.cancelled_owned())
        .run(runner, on_error, context)
        .for_each(|_| std::future::ready(()))
        .await;
    tracing::debug!(controller = name, "stopped");
}

fn key<K: ResourceExt>(object: &K) -> String {
    format!("{}/{}", object.namespace().unwrap_or_default(), object.name_any())
}

async fn once<K, F, Fut>(
    name: &'static str,
    object: Arc<K>,
    context: Arc<Context>,
    failures: &Failures,
    reconcile: F,
) -> Result<Action, Error>
where
    K: Resource<DynamicType = ()> + ResourceExt,
    F: Fn(Arc<K>, Arc<Context>) -> Fut,
    Fut: Future<Output = Result<Action, Error>>,
{
    if context.is_outdated(&*object) {
        return Ok(Action::await_change());
    }
    let key = key(&*object);
    let started = Instant::now();
    // A panic would end the stream of all reconciles of this kind; here it is an error of this one object.
    let result = AssertUnwindSafe(reconcile(object, context.clone())).catch_unwind().await;
    let result = result.unwrap_or_else(|panic| Err(Error::Panic(panic_text(&*panic))));
    context.metrics.duration.get_or_create(&metrics::Controller { controller: name }).observe(started.elapsed().as_secs_f64());
    let outcome = result.as_ref().map_or_else(Error::class, |_| "ok");
    context.metrics.reconciles.get_or_create(&metrics::Outcome { controller: name, outcome }).inc();
    match &result {
        Ok(_) => {
            failures.clear(&key);
            tracing::debug!(controller = name, object = key, group = GROUP, "reconciled");
        }
        Err(error) if error.is_conflict() => {
            tracing::debug!(controller = name, object = key, %error, "decided on an old state; tried again");
        }
        Err(error) => tracing::warn!(controller = name, object = key, class = error.class(), %error, "failed; tried again later"),
    }
    result
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string).or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "without a message".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_a_limit_and_starts_anew() {
        let failures = Failures::default();
        assert_eq!(failures.next_wait("a"), FIRST_RETRY);
        assert_eq!(failures.next_wait("a"), FIRST_RETRY * 2);
        assert_eq!(failures.next_wait("b"), FIRST_RETRY);
        failures.clear("a");
        assert_eq!(failures.next_wait("a"), FIRST_RETRY);
        assert_eq!(backoff(1000), LAST_RETRY);
    }
}
