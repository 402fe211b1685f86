//! How a store is filled: a watch, whose events update the store, then its indexes, and then trigger what depends on it.

use std::{fmt::Debug, sync::Arc, time::Duration};

use futures::StreamExt;
use govcloud_crds::names::{LABEL_MANAGED_BY, MANAGED_BY};
use kube::{
    Api, Client, Resource,
    api::{ApiResource, DynamicObject},
    runtime::{
        WatchStreamExt,
        reflector::{self, Store, reflector, store::Writer},
        watcher::{self, Event, watcher},
    },
};
use serde::de::DeserializeOwned;

use super::Stores;
use crate::{
    discovery::serves,
    index::Index,
    managed::{NOT_EVERYWHERE, api_resource},
    queues::Queues,
    triggers,
};

pub(super) type Start = Box<dyn FnOnce(Arc<Stores>, Queues) -> futures::future::BoxFuture<'static, ()> + Send>;

/// Watches that start as soon as all stores exist, because their triggers look things up in them.
#[derive(Default)]
pub(super) struct Pending(pub(super) Vec<Start>);

impl Pending {
    pub(super) fn watch<K>(&mut self, client: &Client, trigger: fn(&Stores, &Queues, &K)) -> Store<K>
    where
        K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + Sync + 'static,
    {
        let (store, writer) = reflector::store();
        self.add(Api::<K>::all(client.clone()), watcher::Config::default(), writer, None, trigger);
        store
    }

    /// As [`Pending::watch`], with indexes over the store.
    pub(super) fn watch_indexed<K, const N: usize>(
        &mut self,
        client: &Client,
        keys: [fn(&K) -> Option<String>; N],
        trigger: fn(&Stores, &Queues, &K),
    ) -> (Store<K>, [Arc<Index<K>>; N])
    where
        K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + Sync + 'static,
    {
        let (store, writer) = reflector::store();
        let indexes = keys.map(|key| Index::new(store.clone(), key));
        let filing = indexes.clone();
        let file = move |event: &Event<K>| filing.iter().for_each(|index| index.take(event));
        self.add_filed(Api::<K>::all(client.clone()), watcher::Config::default(), writer, None, file, trigger);
        (store, indexes)
    }

    /// As [`Pending::watch`], of a kind that an older cluster does not serve.
    pub(super) fn watch_if_served<K>(&mut self, client: &Client, trigger: fn(&Stores, &Queues, &K)) -> Store<K>
    where
        K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + Sync + 'static,
    {
        let (store, writer) = reflector::store();
        let needs = Needs { client: client.clone(), resource: ApiResource::erase::<K>(&()) };
        self.add(Api::<K>::all(client.clone()), watcher::Config::default(), writer, Some(needs), trigger);
        store
    }

    pub(super) fn watch_labelled<K>(&mut self, client: &Client, labels: &str, trigger: fn(&Stores, &Queues, &K)) -> Store<K>
    where
        K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + Sync + 'static,
    {
        let (store, writer) = reflector::store();
        self.add(Api::<K>::all(client.clone()), watcher::Config::default().labels(labels), writer, None, trigger);
        store
    }

    pub(super) fn watch_managed(&mut self, client: &Client, kind: &'static str) -> Store<DynamicObject> {
        let resource = api_resource(kind).unwrap_or_else(|| unreachable!("{kind} is a managed kind"));
        let writer = Writer::new(resource.clone());
        let store = writer.as_reader();
        let api = Api::<DynamicObject>::all_with(client.clone(), &resource);
        let labels = format!("{LABEL_MANAGED_BY}={MANAGED_BY}");
        let needs = NOT_EVERYWHERE.contains(&kind).then(|| Needs { client: client.clone(), resource });
        self.add(
            api,
            watcher::Config::default().labels(&labels),
            writer,
            needs,
            move |stores: &Stores, queues: &Queues, object: &DynamicObject| {
                triggers::managed(stores, queues, kind, object);
            },
        );
        store
    }

    fn add<K>(
        &mut self,
        api: Api<K>,
        config: watcher::Config,
        writer: Writer<K>,
        needs: Option<Needs>,
        trigger: impl Fn(&Stores, &Queues, &K) + Send + 'static,
    ) where
        K: Resource + Clone + DeserializeOwned + Debug + Send + Sync + 'static,
        K::DynamicType: Eq + std::hash::Hash + Clone + Send + Sync,
    {
        self.add_filed(api, config, writer, needs, |_| (), trigger);
    }

    /// Each event updates the store, then is filed, then triggers.
    fn add_filed<K>(
        &mut self,
        api: Api<K>,
        config: watcher::Config,
        mut writer: Writer<K>,
        needs: Option<Needs>,
        file: impl Fn(&Event<K>) + Send + 'static,
        trigger: impl Fn(&Stores, &Queues, &K) + Send + 'static,
    ) where
        K: Resource + Clone + DeserializeOwned + Debug + Send + Sync + 'static,
        K::DynamicType: Eq + std::hash::Hash + Clone + Send + Sync,
    {
        self.0.push(Box::new(move |stores, queues| {
            Box::pin(async move {
                if let Some(needs) = needs {
                    needs.served(&mut writer).await;
                }
                let mut events = reflector(writer, watcher(api, config)).default_backoff().boxed();
                let mut filled = false;
                while let Some(event) = events.next().await {
                    if let Ok(event) = &event {
                        file(event);
                    }
                    match event {
                        Ok(Event::Apply(object) | Event::InitApply(object) | Event::Delete(object)) => {
                            trigger(&stores, &queues, &object);
                        }
                        Ok(Event::Init) => {}
                        // What was deleted while the watch was interrupted is in no event: look at everything again.
                        Ok(Event::InitDone) if filled => queues.everything(&stores),
                        Ok(Event::InitDone) => filled = true,
                        Err(error) => {
                            tracing::warn!(kind = std::any::type_name::<K>(), %error, "watch interrupted; it is taken up again");
                        }
                    }
                }
            })
        }));
    }
}

/// How long until a kind that is not served is asked for again: the cluster may be upgraded under a running operator.
const ASK_AGAIN: Duration = Duration::from_mins(1);
/// How long until an API server that did not answer is asked again.
const RETRY: Duration = Duration::from_secs(1);

/// A kind that is watched only where the cluster serves it.
struct Needs {
    client: Client,
    resource: ApiResource,
}

impl Needs {
    /// Waits until the kind is served. As soon as it is known that it is not, its store counts as filled, and is empty:
    /// nobody waits for it.
    async fn served<K>(&self, writer: &mut Writer<K>)
    where
        K: Resource + Clone,
        K::DynamicType: Eq + std::hash::Hash + Clone,
    {
        let ApiResource { api_version, plural, .. } = &self.resource;
        loop {
            let wait = match serves(&self.client, api_version, plural).await {
                Ok(true) => return,
                Ok(false) => {
                    tracing::info!(api_version, plural, "not served by this cluster; done without");
                    writer.apply_watcher_event(&Event::Init);
                    writer.apply_watcher_event(&Event::InitDone);
                    ASK_AGAIN
                }
                Err(error) => {
                    tracing::warn!(%error, api_version, plural, "not known whether it is served; asked again");
                    RETRY
                }
            };
            tokio::time::sleep(wait).await;
        }
    }
}
