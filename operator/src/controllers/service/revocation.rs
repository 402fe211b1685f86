//! Claims that are over, and whose credentials a provisioner revokes.
//!
//! A provisioner may answer slowly or not at all, and the ledger does not wait for it: each revocation is a task of its own,
//! and what became of it is noted here until the ledger shows it. A process that starts asks again; whoever was asked before
//! confirms it.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, Mutex},
    time::Duration,
};

use govcloud_crds::{
    SharedService,
    conditions::Verdict,
    service::{Reservation, rules::confirm_revoked},
};
use jiff::Timestamp;
use kube::{ResourceExt, runtime::reflector::ObjectRef};

use super::lock;
use crate::{context::Context, provision};

/// How many revocations of one service are under way at a time.
const AT_ONCE: usize = 16;
const FIRST_RETRY: Duration = Duration::from_secs(1);
const LAST_RETRY: Duration = Duration::from_mins(2);

/// Where the revocation of a claim's credentials is.
#[derive(Clone, Debug)]
enum State {
    Running,
    Done,
    Failed { why: Verdict, failures: u32, again: Timestamp },
}

/// Revocations by service and claim.
#[derive(Debug, Default)]
pub struct Revocations(Mutex<HashMap<String, HashMap<String, State>>>);

impl Revocations {
    /// A service's ledger without what was confirmed since it was written. What the ledger has no more is forgotten.
    pub fn confirmed(&self, service: &SharedService) -> Vec<Reservation> {
        let mut ledger = service.reservations().to_vec();
        let mut all = lock(&self.0);
        let Entry::Occupied(mut its) = all.entry(service.name_any()) else { return ledger };
        its.get_mut().retain(|uid, _| service.reservation(uid).is_some_and(|r| r.revoking));
        for (uid, _) in its.get().iter().filter(|(_, state)| matches!(state, State::Done)) {
            ledger = confirm_revoked(&ledger, uid);
        }
        if its.get().is_empty() {
            its.remove();
        }
        ledger
    }

    /// What a service says of its revocations; `None` if there are none.
    pub fn verdict(&self, service: &SharedService, ledger: &[Reservation]) -> Option<Verdict> {
        const KIND: &str = "Revoked";
        let count = ledger.iter().filter(|r| r.revoking).count();
        let all = lock(&self.0);
        let failed = all.get(&service.name_any()).into_iter().flat_map(HashMap::values).find_map(|state| match state {
            State::Failed { why, .. } => Some(why.clone()),
            _ => None,
        });
        let what = if count == 1 { "1 claim is over, and its".to_owned() } else { format!("{count} claims are over, and their") };
        let message = format!("{what} credentials are to be revoked. The capacity is given on when that is confirmed.");
        (count > 0).then(|| match failed {
            Some(why) => Verdict::no(KIND, why.reason, format!("{message} {}", why.message)),
            None => Verdict::unknown(KIND, "Revoking", message),
        })
    }

    /// Starts what the ledger asks for and is not under way; when to look again at what failed.
    ///
    /// Only what the stored ledger says is revoked: what it does not say yet could still be taken back.
    pub fn start(service: &Arc<SharedService>, context: &Arc<Context>) -> Option<Timestamp> {
        let over: Vec<_> = service.reservations().iter().filter(|r| r.revoking).map(|r| r.uid.clone()).collect();
        if over.is_empty() {
            return None;
        }
        let mut all = lock(&context.revocations.0);
        let its = all.entry(service.name_any()).or_default();
        let mut running = its.values().filter(|state| matches!(state, State::Running)).count();
        for uid in over {
            let failures = match its.get(&uid) {
                None => 0,
                Some(State::Failed { failures, again, .. }) if *again <= context.now() => *failures,
                Some(_) => continue,
            };
            if running < AT_ONCE {
                running += 1;
                its.insert(uid.clone(), State::Running);
                tokio::spawn(revoke(service.clone(), uid, failures, context.clone()));
            }
        }
        let again = |state: &State| if let State::Failed { again, .. } = state { Some(*again) } else { None };
        its.values().filter_map(again).min()
    }
}

async fn revoke(service: Arc<SharedService>, uid: String, failures: u32, context: Arc<Context>) {
    let state = match provision::revoke(&service, &uid, &context).await {
        Ok(()) => State::Done,
        Err(why) => {
            let wait = FIRST_RETRY.saturating_mul(1 << failures.min(12)).min(LAST_RETRY);
            tracing::warn!(
                service = service.name_any(),
                uid,
                reason = why.reason,
                "credentials are not revoked; tried again later"
            );
            State::Failed { why, failures: failures + 1, again: context.now() + wait }
        }
    };
    lock(&context.revocations.0).entry(service.name_any()).or_default().insert(uid, state);
    let _ = context.queues.service.send(ObjectRef::from_obj(&*service));
}
