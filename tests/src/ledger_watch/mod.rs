//! Watches everything that an agency's ledger is about, and replays it in the order in which it was stored.
//!
//! All kinds lie in one etcd, so their resourceVersions are one order: merged by them, the events of four watches are the
//! history of the agency, state by state. The watches begin at one version, for which the objects were listed exactly, and
//! are never begun anew: a version that the API server has forgotten is a failure, not a new list.

mod replay;

use std::{
    collections::{BTreeMap, HashMap},
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::StreamExt;
use kube::{
    Api, Client, ResourceExt,
    api::{DynamicObject, ListParams, VersionMatch, WatchEvent, WatchParams},
};
use serde_json::Value;
use tokio::task::JoinSet;

use crate::{eventually, objects};

pub use replay::{Report, replay};

/// The ResourceQuota that the operator keeps in every project's namespace.
const QUOTA: &str = "govcloud";
/// A watch that cannot be begun is tried again after this.
const AGAIN: Duration = Duration::from_millis(100);

/// What is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The agency's AgencyQuota.
    Ledger,
    /// Namespaces of its projects.
    Namespace,
    /// The operator's ResourceQuotas in them.
    Quota,
    /// Pods in them.
    Pod,
}

const KINDS: [Kind; 4] = [Kind::Ledger, Kind::Namespace, Kind::Quota, Kind::Pod];

impl Kind {
    fn api(self, client: &Client) -> Api<DynamicObject> {
        match self {
            Self::Ledger => objects::ours(client, "AgencyQuota", "agencyquotas"),
            Self::Namespace => objects::core(client, "Namespace", "namespaces"),
            Self::Quota => objects::core(client, "ResourceQuota", "resourcequotas"),
            Self::Pod => objects::core(client, "Pod", "pods"),
        }
    }
}

/// A state of an object as it was stored.
#[derive(Clone, Debug)]
pub struct Event {
    /// Its resourceVersion; of a deletion, that of the deletion.
    pub version: u64,
    /// Its kind.
    pub kind: Kind,
    /// The project's namespace that it is, or is in; empty for the ledger.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// What it is from then on; `None` if it is gone.
    pub object: Option<Value>,
}

/// Everything that was watched, in the order in which it was stored.
#[derive(Clone, Debug)]
pub struct History {
    /// The version that the watches began after; events up to it are what was there.
    pub start: u64,
    /// The events.
    pub events: Vec<Event>,
}

/// Watches one ledger with all that hangs on it.
pub struct LedgerWatch {
    client: Client,
    about: About,
    start: u64,
    seen: Arc<Mutex<Seen>>,
    _watches: JoinSet<()>,
}

/// Which objects it is about.
#[derive(Clone)]
struct About {
    ledger: String,
    prefix: String,
}

#[derive(Default)]
struct Seen {
    events: Vec<Event>,
    live: HashMap<(Kind, String, String), (u64, Value)>,
    reached: BTreeMap<Kind, u64>,
    lost: Option<String>,
}

impl LedgerWatch {
    /// Lists what is there of an agency whose AgencyQuota has this name, and watches from then on. `client` must be allowed
    /// to see all of it.
    pub async fn start(client: Client, agency: &str, ledger: &str) -> Self {
        let about = About { ledger: ledger.to_owned(), prefix: format!("{agency}--") };
        let listed = Kind::Ledger.api(&client).list(&ListParams::default()).await.expect("the ledgers are listed");
        let start = listed.metadata.resource_version.expect("a list has a version");
        let seen = Arc::new(Mutex::new(Seen::default()));
        let mut watches = JoinSet::new();
        for kind in KINDS {
            let exactly = ListParams::default().at(&start).matching(VersionMatch::Exact);
            for object in kind.api(&client).list(&exactly).await.expect("the list of that version") {
                lock(&seen).take(about.event(kind, &object, true));
            }
            watches.spawn(follow(kind, client.clone(), about.clone(), start.clone(), seen.clone()));
        }
        let start = start.parse().expect("a version is a number");
        Self { client, about, start, seen, _watches: watches }
    }

    /// Looks at an object as the watches show it now.
    pub fn see<T>(&self, kind: Kind, namespace: &str, name: &str, look: impl FnOnce(&Value) -> T) -> Option<T> {
        let seen = lock(&self.seen);
        seen.live.get(&(kind, namespace.to_owned(), name.to_owned())).map(|(_, object)| look(object))
    }

    /// The names of all objects of a kind in a namespace, as the watches show it now, in their order.
    pub fn names(&self, kind: Kind, namespace: &str) -> Vec<String> {
        let seen = lock(&self.seen);
        let mut names: Vec<_> =
            seen.live.keys().filter(|(k, n, _)| *k == kind && n == namespace).map(|key| key.2.clone()).collect();
        names.sort();
        names
    }

    /// Whether an object that was stored with this version is gone since; not, while the watch has not come so far.
    pub fn is_gone(&self, kind: Kind, namespace: &str, name: &str, version: u64) -> bool {
        let seen = lock(&self.seen);
        let reached = seen.reached.get(&kind).is_some_and(|reached| *reached >= version);
        reached && !seen.live.contains_key(&(kind, namespace.to_owned(), name.to_owned()))
    }

    /// What happened up to now; waits until all watches have come so far.
    pub async fn history(&self) -> History {
        for kind in KINDS {
            eventually(&format!("the watch of {kind:?} shows what is there"), || async {
                let listed = kind.api(&self.client).list(&ListParams::default()).await.map_err(|error| error.to_string())?;
                let mut there: Vec<_> = listed
                    .iter()
                    .filter_map(|object| self.about.event(kind, object, true))
                    .map(|e| (e.namespace, e.name, e.version))
                    .collect();
                let seen = lock(&self.seen);
                assert_eq!(seen.lost, None, "a watch was interrupted for too long");
                let live = seen.live.iter().filter(|((k, ..), _)| *k == kind);
                let mut shown: Vec<_> =
                    live.map(|((_, namespace, name), (version, _))| (namespace.clone(), name.clone(), *version)).collect();
                there.sort();
                shown.sort();
                if there == shown { Ok(()) } else { Err(format!("{} of {} objects", shown.len(), there.len())) }
            })
            .await;
        }
        let mut events = lock(&self.seen).events.clone();
        events.sort_by_key(|event| event.version);
        History { start: self.start, events }
    }
}

impl About {
    /// What an object's state says, if it is one of those watched.
    fn event(&self, kind: Kind, object: &DynamicObject, there: bool) -> Option<Event> {
        let (name, namespace) = (object.name_any(), object.namespace().unwrap_or_default());
        let (namespace, ours) = match kind {
            Kind::Ledger => (String::new(), name == self.ledger),
            Kind::Namespace => (name.clone(), name.starts_with(&self.prefix)),
            Kind::Quota => (namespace.clone(), name == QUOTA && namespace.starts_with(&self.prefix)),
            Kind::Pod => (namespace.clone(), namespace.starts_with(&self.prefix)),
        };
        let version = version(object);
        let object = there.then(|| serde_json::to_value(object).expect("JSON"));
        ours.then_some(Event { version, kind, namespace, name, object })
    }
}

impl Seen {
    fn take(&mut self, event: Option<Event>) {
        let Some(event) = event else { return };
        let key = (event.kind, event.namespace.clone(), event.name.clone());
        match &event.object {
            Some(object) => self.live.insert(key, (event.version, object.clone())),
            None => self.live.remove(&key),
        };
        self.events.push(event);
    }

    fn reach(&mut self, kind: Kind, version: u64) {
        self.reached.insert(kind, version);
    }
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

fn version(object: &DynamicObject) -> u64 {
    object.resource_version().and_then(|version| version.parse().ok()).expect("a version is a number")
}

/// Follows one kind from a version on; a watch that ends is taken up where it ended.
async fn follow(kind: Kind, client: Client, about: About, mut from: String, seen: Arc<Mutex<Seen>>) {
    let api = kind.api(&client);
    loop {
        let events = match api.watch(&WatchParams::default(), &from).await {
            Ok(events) => events,
            Err(kube::Error::Api(status)) if status.code == 410 => {
                lock(&seen).lost = Some(format!("{kind:?} from {from}: {status}"));
                return;
            }
            Err(_) => {
                tokio::time::sleep(AGAIN).await;
                continue;
            }
        };
        let mut events = pin!(events);
        while let Some(Ok(event)) = events.next().await {
            let mut seen = lock(&seen);
            let (object, there) = match event {
                WatchEvent::Added(object) | WatchEvent::Modified(object) => (object, true),
                WatchEvent::Deleted(object) => (object, false),
                WatchEvent::Bookmark(bookmark) => {
                    from = bookmark.metadata.resource_version;
                    continue;
                }
                WatchEvent::Error(status) => {
                    seen.lost = Some(format!("{kind:?} from {from}: {status:?}"));
                    return;
                }
            };
            from = object.resource_version().expect("a watched object has a version");
            seen.take(about.event(kind, &object, there));
            seen.reach(kind, version(&object));
        }
    }
}
