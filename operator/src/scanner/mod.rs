//! Finds what slipped through, or was there before, and keeps a ProcessingFinding about it.
//!
//! Controlled kinds and ordinary workloads are watched in full, and of each object only what the rules need is kept
//! ([`Observed`](govcloud_crds::finding::observed::Observed)). A pass holds all of them against permits and catalogue by the pure rules of
//! `govcloud_crds::finding`, and writes what differs from the findings that are there.

mod definitions;
mod judge;
mod kinds;
mod obligations;
mod seen;
mod utilisation;
mod watch;
mod write;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use jiff::{Timestamp, ToSpan};
use tokio_util::sync::CancellationToken;

use crate::{context::Context, error::Error};

pub use seen::{Seen, Standing};
pub use utilisation::Source;

/// What changes at the same time is looked at once.
const SETTLE: Duration = Duration::from_millis(200);
/// A pass without any trigger, in case an event was lost.
const RECHECK: Duration = Duration::from_mins(10);
const RETRY: Duration = Duration::from_secs(5);

/// What the scanner knows.
#[derive(Debug, Default)]
pub struct Scanner {
    seen: Mutex<Seen>,
    /// Definitions of no class, and whether they look like processing infrastructure; `None` before the first look.
    definitions: Mutex<Option<BTreeMap<String, definitions::Looked>>>,
    /// How much of what is requested is used.
    pub used: utilisation::Known,
}

impl Scanner {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it is known what is watched.
    pub fn is_known(&self) -> bool {
        self.seen().is_known()
    }

    /// How far the watch of a resource is; `None` if it is not watched.
    pub fn standing(&self, group: &str, resource: &str) -> Option<Standing> {
        self.seen().standing(&(group.to_owned(), resource.to_owned()))
    }
}

/// Keeps the watches and runs passes until `stop`.
pub async fn run(context: Arc<Context>, source: Source, stop: CancellationToken) {
    let asks = utilisation::run(context.clone(), source, stop.clone());
    tokio::join!(kinds::run(context.clone(), stop.clone()), asks, passes(context, stop));
}

async fn passes(context: Arc<Context>, stop: CancellationToken) {
    loop {
        let wait = match pass(&context).await {
            Ok(true) => until_tomorrow(context.now()).min(RECHECK),
            Ok(false) => RETRY, // the first looks are under way
            Err(error) => {
                tracing::warn!(%error, class = error.class(), "not every finding could be written; tried again");
                RETRY
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = context.queues.scan.notified() => tokio::time::sleep(SETTLE).await,
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// Whether there was anything to judge by.
async fn pass(context: &Context) -> Result<bool, Error> {
    let started = Instant::now();
    let Some(picture) = judge::picture(context) else { return Ok(false) };
    let written = write::bring_up_to_date(context, &picture).await;
    context.metrics.scan.took(started.elapsed());
    written.map(|()| true)
}

/// Findings say on which day they were last seen.
fn until_tomorrow(now: Timestamp) -> Duration {
    let midnight = now.to_zoned(jiff::tz::TimeZone::UTC).end_of_day().ok();
    let left =
        midnight.and_then(|end| Duration::try_from(end.timestamp().checked_add(1.second()).ok()?.duration_since(now)).ok());
    left.unwrap_or(RECHECK)
}
