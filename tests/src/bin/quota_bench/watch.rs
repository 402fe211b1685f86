//! When the API server enforced what.

use std::{
    collections::HashMap,
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use futures::StreamExt;
use govcloud_tests::objects;
use kube::{
    Client, ResourceExt,
    api::{DynamicObject, ListParams, WatchEvent, WatchParams},
};

const LOOK: Duration = Duration::from_millis(1);
const GIVE_UP: Duration = Duration::from_mins(15);

/// The cpu that each namespace is limited to, and since when.
#[derive(Clone, Default)]
pub struct Enforced(Arc<Mutex<HashMap<String, (i64, Instant)>>>);

impl Enforced {
    /// Watches every ResourceQuota from now on.
    pub async fn watch(client: Client) -> Self {
        let enforced = Self::default();
        let quotas = objects::core(&client, "ResourceQuota", "resourcequotas");
        let mut from = quotas.list(&ListParams::default()).await.expect("a list").metadata.resource_version.expect("a version");
        let shown = enforced.clone();
        tokio::spawn(async move {
            loop {
                // An API server that is busy may refuse the connection.
                let Ok(events) = quotas.watch(&WatchParams::default(), &from).await else {
                    tokio::time::sleep(LOOK).await;
                    continue;
                };
                let mut events = pin!(events);
                while let Some(Ok(event)) = events.next().await {
                    match event {
                        WatchEvent::Added(quota) | WatchEvent::Modified(quota) | WatchEvent::Deleted(quota) => {
                            from = quota.resource_version().unwrap_or_default();
                            shown.take(&quota);
                        }
                        WatchEvent::Bookmark(bookmark) => from = bookmark.metadata.resource_version,
                        WatchEvent::Error(error) => panic!("the watch is lost: {error}"),
                    }
                }
            }
        });
        enforced
    }

    fn take(&self, quota: &DynamicObject) {
        let cpu = quota.data.pointer("/status/hard/requests.cpu").and_then(|cpu| cpu.as_str()?.parse().ok());
        let (Some(cpu), Some(namespace)) = (cpu, quota.namespace()) else { return };
        let mut enforced = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if enforced.get(&namespace).is_none_or(|(before, _)| *before != cpu) {
            enforced.insert(namespace, (cpu, Instant::now()));
        }
    }

    /// How many of these namespaces are limited to this much, and when the last of them was.
    pub fn count(&self, namespaces: &[String], cpu: i64) -> (usize, Option<Instant>) {
        let enforced = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let times = namespaces.iter().filter_map(|name| enforced.get(name)).filter(|(now, _)| *now == cpu).map(|(_, at)| *at);
        (times.clone().count(), times.max())
    }

    /// Waits until all of them are; when the last one was. Says every five seconds how far it is.
    pub async fn all(&self, namespaces: &[String], cpu: i64) -> Instant {
        let (started, mut told) = (Instant::now(), Instant::now());
        loop {
            let (count, last) = self.count(namespaces, cpu);
            if let Some(last) = last.filter(|_| count == namespaces.len()) {
                return last;
            }
            assert!(started.elapsed() < GIVE_UP, "only {count} of {} are enforced", namespaces.len());
            if told.elapsed() > Duration::from_secs(5) {
                eprintln!("  {count} of {} are limited to {cpu} after {:.0?}", namespaces.len(), started.elapsed());
                told = Instant::now();
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}
