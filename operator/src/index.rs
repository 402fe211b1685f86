//! Objects of a store by something that they say, so that a reconcile looks at its own few and not at all of the cluster's.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use kube::{
    Resource,
    runtime::{
        reflector::{ObjectRef, Store},
        watcher::Event,
    },
};

/// The objects of a store by a key.
///
/// It holds names alone and asks the store for the objects, so it is never older or newer than that. Its watch files an
/// object before it triggers anything: a reconcile that came a moment too early is followed by one that finds it.
pub struct Index<K: Resource<DynamicType = ()> + 'static> {
    store: Store<K>,
    key: fn(&K) -> Option<String>,
    names: RwLock<HashMap<String, Vec<ObjectRef<K>>>>,
}

impl<K: Resource<DynamicType = ()> + Clone + 'static> Index<K> {
    /// An empty one over `store`.
    pub fn new(store: Store<K>, key: fn(&K) -> Option<String>) -> Arc<Self> {
        Arc::new(Self { store, key, names: RwLock::default() })
    }

    /// Follows what the store was told.
    pub fn take(&self, event: &Event<K>) {
        match event {
            Event::Apply(object) | Event::InitApply(object) => self.insert(object),
            Event::Delete(object) => self.remove(object),
            Event::InitDone => self.prune(),
            Event::Init => {}
        }
    }

    /// Files an object under its key.
    fn insert(&self, object: &K) {
        let Some(key) = (self.key)(object) else { return };
        let name = ObjectRef::from_obj(object);
        let mut names = self.names.write().unwrap_or_else(PoisonError::into_inner);
        let filed = names.entry(key).or_default();
        if !filed.contains(&name) {
            filed.push(name);
        }
    }

    /// Takes an object out.
    fn remove(&self, object: &K) {
        let Some(key) = (self.key)(object) else { return };
        let name = ObjectRef::from_obj(object);
        let mut names = self.names.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(filed) = names.get_mut(&key) {
            filed.retain(|other| *other != name);
            if filed.is_empty() {
                names.remove(&key);
            }
        }
    }

    /// Takes out what the store no longer has: what was deleted while the watch was interrupted is in no event.
    fn prune(&self) {
        let mut names = self.names.write().unwrap_or_else(PoisonError::into_inner);
        for filed in names.values_mut() {
            filed.retain(|name| self.store.get(name).is_some());
        }
        names.retain(|_, filed| !filed.is_empty());
    }

    /// Every object of the store with this key. One that was deleted and made anew under another key is not among them.
    pub fn get(&self, key: &str) -> Vec<Arc<K>> {
        let names = self.names.read().unwrap_or_else(PoisonError::into_inner).get(key).cloned().unwrap_or_default();
        let objects = names.iter().filter_map(|name| self.store.get(name));
        objects.filter(|object| (self.key)(object).as_deref() == Some(key)).collect()
    }
}

/// A key of something in a namespace.
pub fn within(namespace: Option<&str>, name: &str) -> String {
    format!("{}/{name}", namespace.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::ConfigMap;
    use kube::runtime::reflector;
    use serde_json::json;

    use super::*;

    fn object(name: &str, key: &str) -> ConfigMap {
        serde_json::from_value(json!({"metadata": {"namespace": "n", "name": name}, "data": {"key": key}})).expect("valid")
    }

    fn key(object: &ConfigMap) -> Option<String> {
        object.data.as_ref()?.get("key").cloned()
    }

    #[test]
    fn an_index_finds_what_the_store_has_and_nothing_else() {
        let (store, mut writer) = reflector::store();
        let index = Index::new(store, key);
        let mut tell = |event: Event<ConfigMap>| {
            writer.apply_watcher_event(&event);
            index.take(&event);
        };
        for (name, key) in [("a", "1"), ("b", "1"), ("c", "2"), ("c", "2")] {
            tell(Event::Apply(object(name, key))); // events come more than once
        }
        assert_eq!((index.get("1").len(), index.get("2").len(), index.get("3").len()), (2, 1, 0));
        tell(Event::Delete(object("a", "1")));
        assert_eq!(index.get("1").len(), 1);
        tell(Event::Apply(object("b", "2")));
        assert_eq!((index.get("1").len(), index.get("2").len()), (0, 2), "made anew, it is under its new key alone");
    }

    #[test]
    fn what_went_while_the_watch_was_interrupted_is_gone() {
        let (store, mut writer) = reflector::store();
        let index = Index::new(store, key);
        let (a, b) = (object("a", "1"), object("b", "1"));
        for event in [Event::Apply(a), Event::Apply(b.clone()), Event::Init, Event::InitApply(b), Event::InitDone] {
            writer.apply_watcher_event(&event);
            index.take(&event);
        }
        assert_eq!(index.get("1").len(), 1);
        assert_eq!(index.names.read().expect("whole")["1"].len(), 1);
    }
}
