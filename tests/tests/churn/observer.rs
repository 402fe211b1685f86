//! Somebody who is not part of it, and counts what is stored, revision by revision.

use std::{collections::BTreeSet, fmt, pin::pin};

use futures::{StreamExt, TryStreamExt};
use govcloud_tests::fixtures::node_pool;
use kube::{
    Client, ResourceExt,
    api::{DynamicObject, ListParams, Patch, PatchParams, PostParams, WatchEvent, WatchParams},
};
use serde_json::json;
use tokio::task::JoinHandle;

use super::crowd::{PERMITTED, pools};

/// The API servers end a watch after so many seconds; what is watched here is over by then.
const WATCH_SECONDS: u32 = 290;

/// What was stored.
#[derive(Debug, Default)]
pub struct Seen {
    /// Objects that came.
    pub added: usize,
    /// The most that were there at a time.
    pub most: usize,
    /// What nobody permitted.
    pub wrong: Vec<String>,
    live: BTreeSet<String>,
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} objects came, at most {} at a time", self.added, self.most)
    }
}

impl Seen {
    /// Takes one event; whether it is the last.
    fn take(&mut self, event: WatchEvent<DynamicObject>, last: &str) -> bool {
        match event {
            WatchEvent::Added(pool) => {
                self.added += 1;
                self.look_at(&pool);
                self.live.insert(pool.name_any());
            }
            WatchEvent::Modified(pool) => {
                self.look_at(&pool);
                return pool.annotations().contains_key(last);
            }
            WatchEvent::Deleted(pool) => {
                self.live.remove(&pool.name_any());
            }
            WatchEvent::Bookmark(_) => {}
            WatchEvent::Error(status) => panic!("the watch ended: {status:?}"),
        }
        self.most = self.most.max(self.live.len());
        false
    }

    fn look_at(&mut self, pool: &DynamicObject) {
        let (name, replicas) = (pool.name_any(), &pool.data["spec"]["replicas"]);
        if !PERMITTED.contains(&name.as_str()) || replicas != 1 {
            self.wrong.push(format!("{name} with {replicas} replicas"));
        }
    }
}

/// The annotation by which the observer knows that it has seen everything.
const LAST: &str = "last";

/// An observer at work.
pub struct Observer {
    namespace: String,
    work: JoinHandle<Seen>,
}

impl Observer {
    /// Watches the node pools of a namespace, of which there are none yet.
    pub async fn start(client: Client, namespace: &str) -> Self {
        let pools = pools(&client, namespace);
        let list = pools.list(&ListParams::default()).await.expect("a list");
        assert!(list.items.is_empty(), "{} are there before", list.items.len());
        let from = list.metadata.resource_version.expect("a version");
        let params = WatchParams::default().timeout(WATCH_SECONDS);
        let events = pools.watch(&params, &from).await.expect("a watch").boxed();
        let work = tokio::spawn(async move {
            let (mut events, mut seen) = (pin!(events), Seen::default());
            while let Some(event) = events.try_next().await.expect("the watch goes on") {
                if seen.take(event, LAST) {
                    return seen;
                }
            }
            panic!("the watch ended before everything was seen: {seen}");
        });
        Self { namespace: namespace.to_owned(), work }
    }

    /// Writes something that comes after everything else, waits until the watch shows it, and says what was seen.
    pub async fn finish(self, client: &Client) -> Seen {
        let (pools, name) = (pools(client, &self.namespace), PERMITTED[0]);
        let is_missing = pools.get_opt(name).await.expect("an answer").is_none();
        if is_missing {
            let pool = serde_json::from_value(node_pool(&self.namespace, name, 1, "1Gi")).expect("a node pool");
            pools.create(&PostParams::default(), &pool).await.expect("it is permitted");
        }
        let mark = json!({"metadata": {"annotations": {LAST: "yes"}}});
        pools.patch(name, &PatchParams::default(), &Patch::Merge(&mark)).await.expect("an annotation");
        let mut seen = self.work.await.expect("it saw everything");
        // The one that was made for the mark is none of the crowd's.
        seen.added -= usize::from(is_missing);
        seen
    }
}
