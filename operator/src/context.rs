//! What every reconciler is given.

use std::{
    collections::HashMap,
    fmt::Debug,
    sync::{Arc, Mutex, PoisonError},
};

use govcloud_crds::ProcessingPermit;
use jiff::Timestamp;
use kube::{
    Api, Client, Resource, ResourceExt,
    api::PostParams,
    runtime::{
        events::{Event, EventType, Recorder},
        reflector::ObjectRef,
    },
};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    clock,
    controllers::{
        enforcement::EnforcementState,
        permit::places::Places,
        service::{Pace, Revocations},
    },
    error::Error,
    managed::FIELD_MANAGER,
    metrics::Metrics,
    notify::Standing,
    provision::Provisioning,
    queues::Queues,
    scanner::Scanner,
    stores::Stores,
};

/// What every reconciler is given.
pub struct Context {
    /// For writes, and for the few reads that must not come from a store.
    pub client: Client,
    /// What is known of the cluster.
    pub stores: Arc<Stores>,
    /// To ask for other reconciles.
    pub queues: Queues,
    /// Counters and gauges.
    pub metrics: Arc<Metrics>,
    /// Events for people.
    pub recorder: Recorder,
    /// The operator's own user name.
    pub operator_user: String,
    /// The operator's own namespace.
    pub operator_namespace: String,
    /// What the enforcement controller found and did last.
    pub enforcement: Mutex<EnforcementState>,
    /// Which announcements failed.
    pub notices: Mutex<Standing>,
    /// What is under way at services' provisioners.
    pub provisioning: Provisioning,
    /// What the scanner knows.
    pub scanner: Scanner,
    /// What this process wrote and its stores may not show yet: uid → resource version.
    pub written: Mutex<HashMap<String, u64>>,
    /// Targets that this process activated a permit for, before its store shows it: target → permit uid.
    pub activated: Mutex<HashMap<String, String>>,
    /// Whoever holds it assesses a request.
    pub assessing: Mutex<()>,
    /// Requests that this process found to be duplicates, before its store shows it: uid → the request with its assessment.
    pub kept_lately: Mutex<HashMap<String, ProcessingPermit>>,
    /// When the ledgers of services were written.
    pub pace: Pace,
    /// Claims that are over, and whose credentials are being revoked.
    pub revocations: Revocations,
    /// The queue of the requests under review.
    pub places: Places,
    /// Whoever holds it takes a permit number. They come from one object, and two writes of it at once would refuse each other.
    pub numbering: tokio::sync::Mutex<()>,
}

impl Context {
    /// The present moment.
    pub fn now(&self) -> Timestamp {
        clock::now()
    }

    /// Writes the status of `object` if it differs from the one it has.
    ///
    /// The write carries the version that the object was read with, so a decision that was made on an old state is
    /// refused with a conflict and made again.
    pub async fn write_status<K, S>(
        &self,
        api: &Api<K>,
        object: &K,
        current: Option<&S>,
        new: S,
        set: impl FnOnce(&mut K, S),
    ) -> Result<bool, Error>
    where
        K: Resource<DynamicType = ()> + Clone + Serialize + DeserializeOwned + Debug,
        S: PartialEq,
    {
        if current == Some(&new) {
            return Ok(false);
        }
        let mut changed = object.clone();
        set(&mut changed, new);
        changed.meta_mut().managed_fields = None;
        let params = PostParams { field_manager: Some(FIELD_MANAGER.into()), ..PostParams::default() };
        let name = object.name_any();
        match api.replace_status(&name, &params, &changed).await {
            Ok(written) => {
                self.remember(&written);
                Ok(true)
            }
            // It was deleted in the meantime; there is nothing to say any more.
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(false),
            Err(source) => Err(Error::Status { what: ObjectRef::from_obj(object).to_string(), source: Box::new(source) }),
        }
    }

    fn remember<K: Resource>(&self, written: &K) {
        if let (Some(uid), Some(version)) = (written.meta().uid.clone(), version(written)) {
            self.written.lock().unwrap_or_else(PoisonError::into_inner).insert(uid, version);
        }
    }

    /// Whether `object`, as a store has it, is older than what this process wrote. A decision on it would be refused; the
    /// event that brings the newer one asks for another.
    pub fn is_outdated<K: Resource>(&self, object: &K) -> bool {
        let (Some(uid), Some(version)) = (&object.meta().uid, version(object)) else { return false };
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        let is_outdated = written.get(uid).is_some_and(|written| version < *written);
        if !is_outdated {
            written.remove(uid);
        }
        is_outdated
    }

    /// Tells people about `object`. An event that cannot be written is logged, never an error.
    pub async fn tell<K: Resource<DynamicType = ()>>(&self, object: &K, warning: bool, reason: &str, note: String) {
        let event = Event {
            type_: if warning { EventType::Warning } else { EventType::Normal },
            reason: reason.to_owned(),
            note: Some(cut(note)),
            action: "Reconcile".to_owned(),
            secondary: None,
        };
        if let Err(error) = self.recorder.publish(&event, &object.object_ref(&())).await {
            tracing::warn!(%error, reason, "event not written");
        }
    }
}

/// Resource versions of one kind are numbers that only rise.
fn version<K: Resource>(object: &K) -> Option<u64> {
    object.meta().resource_version.as_ref()?.parse().ok()
}

/// The API server takes notes of less than 1024 bytes.
const NOTE_BYTES: usize = 1000;

fn cut(mut note: String) -> String {
    if note.len() > NOTE_BYTES {
        note.truncate(note.floor_char_boundary(NOTE_BYTES));
        note.push('…');
    }
    note
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_note_is_cut_between_two_letters() {
        let note = cut("ü".repeat(4000));
        assert!(note.len() < 1024 && note.ends_with('…'));
        assert_eq!(cut("short".into()), "short");
    }
}
