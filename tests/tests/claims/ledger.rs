//! Watches a service's ledger, state by state.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::{StreamExt, pin_mut};
use govcloud_crds::{SharedService, service::rules::allocated};
use kube::{
    Api, Client, ResourceExt,
    api::{WatchEvent, WatchParams},
};
use tokio::task::JoinHandle;

/// What was seen of a ledger. The watch ends with it.
pub struct Watched {
    states: Arc<Mutex<Vec<SharedService>>>,
    watch: JoinHandle<()>,
}

impl Watched {
    /// Watches a service from its present state on.
    pub async fn start(client: Client, name: &str) -> Self {
        let api: Api<SharedService> = Api::all(client);
        let from = api.get(name).await.expect("the service is there").resource_version().expect("a version");
        let states = Arc::<Mutex<Vec<SharedService>>>::default();
        let watch = tokio::spawn(follow(api, name.to_owned(), from, states.clone()));
        Self { states, watch }
    }

    /// How many states there were, and how often the ledger was another one than before. None of them holds more than there is.
    pub fn check(&self) -> (usize, usize) {
        let states = lock(&self.states);
        for state in states.iter() {
            let (held, version) = (allocated(state.reservations()), state.resource_version());
            assert!(held.fits_in(&state.spec.capacity), "{held} of {} in version {version:?}", state.spec.capacity);
        }
        let changes = states.windows(2).filter(|pair| pair[0].reservations() != pair[1].reservations()).count();
        (states.len(), changes)
    }

    /// How many claims the newest state lists.
    pub fn listed(&self) -> usize {
        lock(&self.states).last().map_or(0, |state| state.reservations().len())
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.watch.abort();
    }
}

fn lock(states: &Mutex<Vec<SharedService>>) -> MutexGuard<'_, Vec<SharedService>> {
    states.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A watch that ends is taken up where it ended, so that no state is missed.
async fn follow(api: Api<SharedService>, name: String, mut from: String, states: Arc<Mutex<Vec<SharedService>>>) {
    loop {
        let params = WatchParams::default().fields(&format!("metadata.name={name}"));
        let events = api.watch(&params, &from).await.expect("the watch begins");
        pin_mut!(events);
        while let Some(event) = events.next().await {
            if let Ok(WatchEvent::Added(service) | WatchEvent::Modified(service)) = event {
                from = service.resource_version().expect("a version");
                lock(&states).push(service);
            }
        }
    }
}
