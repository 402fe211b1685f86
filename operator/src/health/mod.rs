//! Probes services for their health: their condition `Healthy`, and its history in the metrics.
//!
//! A task of its own, which is told of services by their watch. A thousand services are not asked at once: each has its own
//! moment within its interval, moved a little each time, and only a few are asked at the same time. What the
//! probes say is written only when it changes.

mod probe;
mod record;

use std::{
    collections::{HashMap, hash_map::Entry},
    hash::{BuildHasher, RandomState},
    panic::AssertUnwindSafe,
    sync::Arc,
    time::Duration,
};

use futures::FutureExt;
use govcloud_crds::{
    SharedService,
    conditions::find,
    service::health::{KIND, Outcome, Streak, not_probed},
};
use kube::runtime::reflector::ObjectRef;
use tokio::{
    sync::mpsc::UnboundedReceiver,
    task::JoinSet,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use crate::context::Context;

pub use probe::Probe;
use record::{Look, Recorded, record};

/// How many services are asked at the same time.
const CONCURRENCY: usize = 32;
/// A service that was never asked is asked within this time, and what could not be written is tried again after it.
const SOON: Duration = Duration::from_secs(2);

type Service = ObjectRef<SharedService>;

/// Probes every service that `requests` names, again and again while it is there, until `stop`.
pub async fn run(requests: UnboundedReceiver<Service>, context: Arc<Context>, probe: Arc<Probe>, stop: CancellationToken) {
    let mut requests = requests;
    let mut prober = Prober { context, probe, known: HashMap::new(), tasks: JoinSet::new() };
    loop {
        prober.start_due();
        let wake = prober.next_due();
        tokio::select! {
            () = stop.cancelled() => break,
            request = requests.recv() => match request {
                Some(service) => prober.wanted(service),
                None => break,
            },
            Some(ended) = prober.tasks.join_next() => prober.ended(ended.ok()),
            () = sleep_until(wake.unwrap_or_else(Instant::now)), if wake.is_some() => {}
        }
    }
    prober.tasks.shutdown().await; // a probe is no loss
    tracing::debug!("health: stopped");
}

/// What is remembered of a service.
struct Known {
    look: Look,
    streak: Streak,
    /// When it is looked at next; `None` while it is, and for what is not asked again.
    due: Option<Instant>,
}

/// How a look ended.
struct Ended {
    service: Service,
    look: Look,
    streak: Streak,
    outcome: Option<(Outcome, Duration)>,
    recorded: Recorded,
}

struct Prober {
    context: Arc<Context>,
    probe: Arc<Probe>,
    known: HashMap<Service, Known>,
    tasks: JoinSet<Ended>,
}

impl Prober {
    /// A service came, changed or went. Before its claims are counted nothing is said of it.
    fn wanted(&mut self, name: Service) {
        let Some(service) = self.context.stores.services.get(&name) else { return self.forget(&name) };
        let before = service.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
        let was_probed = find(before, KIND).is_some_and(|condition| condition.reason != "NotProbed");
        let look = Look::at(&service);
        let is_said = not_probed(&service).is_some_and(|verdict| !record::is_news(&service, &verdict));
        if service.status.is_none() || is_said {
            return self.forget(&name);
        }
        if look == Look::Nowhere {
            self.context.metrics.health.forget(&name.name);
        }
        let first = if was_probed { look.every() } else { SOON };
        let due = Some(Instant::now() + part(first, &name));
        match self.known.entry(name) {
            Entry::Vacant(entry) => {
                entry.insert(Known { look, streak: Streak::default(), due });
            }
            // Another address is asked soon, and has no past.
            Entry::Occupied(mut entry) if !entry.get().look.is_same_place(&look) => {
                let soon = Some(Instant::now() + part(SOON, entry.key()));
                entry.insert(Known { look, streak: Streak::elsewhere(), due: soon });
            }
            Entry::Occupied(mut entry) => {
                let known = entry.get_mut();
                if known.look != look {
                    known.due = known.due.and(due);
                    known.look = look;
                }
            }
        }
    }

    fn forget(&mut self, name: &Service) {
        self.known.remove(name);
        self.context.metrics.health.forget(&name.name);
    }

    /// Starts as many as may be asked at the same time, those first that are due longest.
    fn start_due(&mut self) {
        let now = Instant::now();
        let due = |known: &Known| known.due.filter(|due| *due <= now);
        let mut waiting: Vec<_> = self.known.iter().filter_map(|(name, known)| Some((due(known)?, name.clone()))).collect();
        let free = CONCURRENCY.saturating_sub(self.tasks.len());
        if waiting.len() > free {
            waiting.sort_by_key(|(due, _)| *due);
        }
        for (_, name) in waiting.into_iter().take(free) {
            self.start(name);
        }
    }

    fn start(&mut self, service: Service) {
        let Some(known) = self.known.get_mut(&service) else { return };
        known.due = None;
        let (look, mut streak) = (known.look.clone(), known.streak.clone());
        let (context, probe) = (self.context.clone(), self.probe.clone());
        self.tasks.spawn(async move {
            let begun = Instant::now();
            let outcome = match look.url() {
                Some(url) => AssertUnwindSafe(probe.ask(url)).catch_unwind().await.ok().map(|found| (found, begun.elapsed())),
                None => None,
            };
            if let Some((outcome, _)) = &outcome {
                streak.note(outcome);
            }
            let found = outcome.as_ref().map(|(outcome, _)| outcome);
            let recorded = record(&service, &look, &streak, found, &context).await;
            Ended { service, look, streak, outcome, recorded }
        });
    }

    /// A look ended. One that was aborted is none: nothing aborts them but the end of the process.
    fn ended(&mut self, ended: Option<Ended>) {
        let Some(Ended { service, look, streak, outcome, recorded }) = ended else { return };
        // It went meanwhile, or another address is to be asked, which has its own time.
        let Some(known) = self.known.get_mut(&service).filter(|known| known.look.is_same_place(&look)) else { return };
        known.streak = streak;
        known.due = match known.look.every() {
            _ if !recorded.is_done => Some(Instant::now() + SOON),
            every if known.look.url().is_some() => Some(Instant::now() + every * 9 / 10 + part(every / 5, &service)),
            _ => None,
        };
        if let Some((outcome, took)) = outcome {
            self.context.metrics.health.probed(&service.name, &outcome, took, recorded.healthy);
        }
    }

    fn next_due(&self) -> Option<Instant> {
        // While all are busy, the next that ends starts the next that is due.
        (self.tasks.len() < CONCURRENCY).then(|| self.known.values().filter_map(|known| known.due).min()).flatten()
    }
}

/// Some part of a time, another one each time and for each service: every `RandomState` has other keys.
fn part(whole: Duration, service: &Service) -> Duration {
    let hash = RandomState::new().hash_one(service);
    whole.mul_f64(f64::from(u32::try_from(hash >> 32).unwrap_or_default()) / f64::from(u32::MAX))
}
