//! Writes down what a probe found, if it is news.

use std::time::Duration;

use govcloud_crds::{
    SharedService,
    conditions::{Verdict, find},
    service::{
        SharedServiceStatus,
        health::{KIND, Outcome, Streak, judge, not_probed, with},
    },
};
use kube::{Api, runtime::reflector::ObjectRef};

use crate::context::Context;

/// How often a write is tried that others were before.
const TRIES: u32 = 20;
/// How long until the store shows what others wrote.
const PAUSE: Duration = Duration::from_millis(100);

/// Where a service is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// Nowhere: it is not to be probed.
    Nowhere,
    /// At an address, every so often.
    At(String, Duration),
}

impl Look {
    pub(super) fn at(service: &SharedService) -> Self {
        match &service.spec.health {
            Some(health) if not_probed(service).is_none() => Self::At(health.url.clone(), health.every()),
            _ => Self::Nowhere,
        }
    }

    pub(super) fn url(&self) -> Option<&str> {
        match self {
            Self::Nowhere => None,
            Self::At(url, _) => Some(url),
        }
    }

    pub(super) fn every(&self) -> Duration {
        match self {
            Self::Nowhere => Duration::ZERO,
            Self::At(_, every) => *every,
        }
    }

    pub(super) fn is_same_place(&self, other: &Self) -> bool {
        self.url() == other.url()
    }
}

/// Whether a service's condition does not say this yet.
pub(super) fn is_news(service: &SharedService, verdict: &Verdict) -> bool {
    let before = service.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
    find(before, KIND).is_none_or(|c| c.reason != verdict.reason || c.message != verdict.message)
}

/// What came of writing it down.
#[derive(Clone, Copy, Debug)]
pub(super) struct Recorded {
    /// Whether there is nothing left to write.
    pub is_done: bool,
    /// What the condition says.
    pub healthy: Option<bool>,
}

const OVER: Recorded = Recorded { is_done: true, healthy: None };

/// Brings the condition `Healthy` up to date. If others wrote the service at the same time
/// it is tried again on what they wrote, because what was found is about the service and not about its status.
pub(super) async fn record(
    name: &ObjectRef<SharedService>,
    look: &Look,
    streak: &Streak,
    outcome: Option<&Outcome>,
    context: &Context,
) -> Recorded {
    let api: Api<SharedService> = Api::all(context.client.clone());
    for _ in 0..TRIES {
        let Some(service) = context.stores.services.get(name) else { return OVER };
        // It may be asked elsewhere by now, and that is another look.
        let Some(verdict) = verdict(&service, streak, outcome).filter(|_| Look::at(&service).is_same_place(look)) else {
            return OVER;
        };
        let done = Recorded { is_done: true, healthy: verdict.holds };
        let Some(status) = changed(&service, &verdict, context) else { return done };
        let written = context.write_status(&api, &*service, service.status.as_ref(), status, |s, status| s.status = Some(status));
        match written.await {
            Ok(_) => {
                tracing::info!(service = name.name, reason = verdict.reason, said = verdict.message, "health changed");
                return done;
            }
            Err(error) if error.is_conflict() => tokio::time::sleep(PAUSE).await,
            Err(error) => {
                tracing::warn!(service = name.name, %error, "what a probe found could not be written; tried again");
                break;
            }
        }
    }
    Recorded { is_done: false, healthy: None }
}

fn verdict(service: &SharedService, streak: &Streak, outcome: Option<&Outcome>) -> Option<Verdict> {
    let before = service.status.as_ref()?;
    match outcome {
        Some(outcome) => Some(judge(find(&before.conditions, KIND), streak, outcome)),
        None => not_probed(service),
    }
}

/// The status with what was found; `None` if it says so already.
fn changed(service: &SharedService, verdict: &Verdict, context: &Context) -> Option<SharedServiceStatus> {
    let before = service.status.clone()?;
    let conditions = with(&before.conditions, verdict, service.metadata.generation, context.now())?;
    Some(SharedServiceStatus { conditions, ..before })
}
