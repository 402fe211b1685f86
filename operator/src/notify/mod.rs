//! Announces what happens to permits, as signed CloudEvents over HTTPS.
//!
//! The permit's own status is the outbox: the write that changes a permit puts the change into its history, and what came
//! after `status.notified` is due. So nothing is lost in a crash, and no reconcile waits for a receiver: this is a task of its
//! own, which is told of permits by their watch. Of one permit it delivers in order; of several at the same time.

mod backoff;
mod delivery;
pub mod error;
mod sender;
mod signature;
mod standing;

use std::{
    collections::{HashMap, VecDeque},
    hash::{BuildHasher, RandomState},
    panic::AssertUnwindSafe,
    sync::{Arc, PoisonError},
};

use futures::FutureExt;
use govcloud_crds::{ProcessingPermit, permit::notice::due};
use kube::runtime::reflector::ObjectRef;
use tokio::{
    sync::mpsc::UnboundedReceiver,
    task::JoinSet,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use crate::context::Context;
use delivery::{Courier, Delivered};
use error::NotifyError;

pub(crate) use backoff::retry_after;
pub use delivery::count;
pub use sender::Sender;
pub use standing::{Standing, all_due};

/// How many permits' notices are under way at the same time.
const CONCURRENCY: usize = 8;

type Permit = ObjectRef<ProcessingPermit>;

/// Delivers what is due of every permit that `requests` names, until `stop`; a delivery that the receiver has confirmed is
/// still recorded then.
pub async fn run(requests: UnboundedReceiver<Permit>, context: Arc<Context>, sender: Arc<Sender>, stop: CancellationToken) {
    let mut requests = requests;
    let courier = Courier { context, sender, stop: stop.clone() };
    let mut dispatcher =
        Dispatcher { courier, generation: None, known: HashMap::new(), ready: VecDeque::new(), tasks: JoinSet::new() };
    loop {
        dispatcher.start_ready();
        let wake = dispatcher.next_try();
        tokio::select! {
            () = stop.cancelled() => break,
            request = requests.recv() => match request {
                Some(permit) => dispatcher.wanted(permit),
                None => break,
            },
            Some(ended) = dispatcher.tasks.join_next() => dispatcher.ended(ended.ok()),
            () = sleep_until(wake.unwrap_or_else(Instant::now)), if wake.is_some() => dispatcher.retry(|at| at <= Instant::now()),
        }
    }
    while dispatcher.tasks.join_next().await.is_some() {}
    tracing::debug!("notices: stopped");
}

/// Where a permit stands of which something is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// It is in the line.
    Ready,
    /// It is under way; whether it changed since.
    Running { again: bool },
    /// It failed, and is tried again then.
    Waiting { until: Instant },
}

/// What is remembered of a permit of which something is due.
struct Known {
    step: Step,
    /// How often it failed in a row.
    failures: u32,
    delivered: Delivered,
}

/// How a delivery ended.
struct Ended {
    permit: Permit,
    delivered: Delivered,
    result: Result<(), NotifyError>,
}

struct Dispatcher {
    courier: Courier,
    /// Of the GovernmentCloud: with another one there may be another receiver, and everything is tried at once.
    generation: Option<(Option<String>, Option<i64>)>,
    known: HashMap<Permit, Known>,
    ready: VecDeque<Permit>,
    tasks: JoinSet<Ended>,
}

impl Dispatcher {
    /// A permit changed, or the receiver did.
    fn wanted(&mut self, permit: Permit) {
        let cloud = self.courier.context.stores.cloud();
        let generation = cloud.as_ref().map(|cloud| (cloud.metadata.uid.clone(), cloud.metadata.generation));
        if generation != self.generation {
            self.generation = generation;
            self.known.values_mut().for_each(|known| known.failures = 0);
            self.retry(|_| true);
        }
        let announces = cloud.is_some_and(|cloud| cloud.spec.notifications.is_some());
        let is_due = announces && self.courier.context.stores.permits.get(&permit).is_some_and(|p| due(&p).next().is_some());
        match self.known.get_mut(&permit) {
            Some(Known { step: Step::Running { again }, .. }) => *again = true,
            Some(_) if !is_due => self.forget(&permit),
            None if is_due => {
                self.known.insert(permit.clone(), Known { step: Step::Ready, failures: 0, delivered: Delivered::default() });
                self.ready.push_back(permit);
            }
            Some(_) | None => {}
        }
    }

    /// Starts as many as may be under way.
    fn start_ready(&mut self) {
        while self.tasks.len() < CONCURRENCY {
            let Some(permit) = self.ready.pop_front() else { return };
            let Some(known) = self.known.get_mut(&permit).filter(|known| known.step == Step::Ready) else { continue };
            known.step = Step::Running { again: false };
            let (courier, mut delivered) = (self.courier.clone(), known.delivered.clone());
            self.tasks.spawn(async move {
                let delivery = AssertUnwindSafe(courier.deliver(&permit, &mut delivered)).catch_unwind().await;
                Ended { permit, delivered, result: delivery.unwrap_or(Err(NotifyError::Panic)) }
            });
        }
    }

    /// A delivery ended. One that was aborted is none: nothing aborts them but the end of the process.
    fn ended(&mut self, ended: Option<Ended>) {
        let Some(Ended { permit, delivered, result }) = ended else { return };
        let Some(known) = self.known.get_mut(&permit) else { return };
        match result {
            Ok(()) => {
                let again = known.step == Step::Running { again: true };
                self.forget(&permit);
                if again {
                    self.wanted(permit);
                }
            }
            Err(error) => {
                known.failures = known.failures.saturating_add(1);
                known.delivered = delivered;
                let wait = backoff::wait(known.failures, &error, spread(&permit));
                known.step = Step::Waiting { until: Instant::now() + wait };
                let (failures, class) = (known.failures, error.class());
                tracing::warn!(permit = %permit, class, failures, ?wait, %error, "notice not delivered; tried again later");
                count(&self.courier.context.metrics, class);
                self.standing(|standing| standing.failed(&permit, &error));
                self.courier.context.queues.the_cloud();
            }
        }
    }

    /// Nothing of it is due any more.
    fn forget(&mut self, permit: &Permit) {
        self.known.remove(permit);
        if self.standing(|standing| standing.succeeded(permit)) {
            self.courier.context.queues.the_cloud();
        }
    }

    /// Puts those that wait, until a time that `is_due`, into the line.
    fn retry(&mut self, is_due: impl Fn(Instant) -> bool) {
        for (permit, known) in &mut self.known {
            if matches!(known.step, Step::Waiting { until } if is_due(until)) {
                known.step = Step::Ready;
                self.ready.push_back(permit.clone());
            }
        }
    }

    /// When the next that waits is tried again.
    fn next_try(&self) -> Option<Instant> {
        let times = self.known.values().filter_map(|known| match known.step {
            Step::Waiting { until } => Some(until),
            _ => None,
        });
        times.min()
    }

    fn standing<T>(&self, change: impl FnOnce(&mut Standing) -> T) -> T {
        change(&mut self.courier.context.notices.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Another number each time: every `RandomState` has other keys.
fn spread(permit: &Permit) -> u32 {
    let hash = RandomState::new().hash_one(permit);
    u32::try_from(hash >> 32).unwrap_or_default()
}
