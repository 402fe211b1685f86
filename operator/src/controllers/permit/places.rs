//! Places in the queue of the requests under review.
//!
//! When one request is decided, everybody behind it moves up. So the order is made once for all, at most once a second, and
//! only those are reconciled who see another place than they have. What people see may lag behind for a moment; it comes to
//! rest right, because every change of a permit asks for the order once more.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use govcloud_crds::{ProcessingPermit, permit::Phase};
use jiff::Timestamp;
use kube::runtime::reflector::ObjectRef;
use tokio_util::sync::CancellationToken;

use crate::context::Context;

/// How long an order holds at least.
const HOLDS: Duration = Duration::from_secs(1);

/// Since when somebody waits; among those of the same second their uid decides.
type Rank = (Option<Timestamp>, Option<String>);

/// The requests under review, the one that has waited longest first.
#[derive(Debug, Default)]
pub struct Places(RwLock<Vec<Rank>>);

impl Places {
    /// The place of a request, whether it is among them already or not; 1 is next.
    pub fn of(&self, permit: &ProcessingPermit) -> i32 {
        let mine = rank(permit);
        let ahead = self.0.read().unwrap_or_else(PoisonError::into_inner).partition_point(|other| *other < mine);
        i32::try_from(ahead).unwrap_or(i32::MAX - 1) + 1
    }

    /// Puts those who wait in order; who of them sees another place than they have.
    pub fn arrange(&self, permits: &[Arc<ProcessingPermit>]) -> Vec<ObjectRef<ProcessingPermit>> {
        let waiting: Vec<_> = permits.iter().filter(|permit| waits(permit)).collect();
        let mut order: Vec<_> = waiting.iter().map(|permit| rank(permit)).collect();
        order.sort_unstable();
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = order;
        let sees = |permit: &ProcessingPermit| Some(permit.status.as_ref()?.queue.as_ref()?.position);
        let moved = waiting.into_iter().filter(|permit| sees(permit).is_some_and(|place| place != self.of(permit)));
        moved.map(|permit| ObjectRef::from_obj(&**permit)).collect()
    }
}

/// Keeps the order as the permits change, until `stop`.
pub async fn run(context: Arc<Context>, stop: CancellationToken) {
    let asked = context.queues.places.clone();
    loop {
        tokio::select! {
            () = asked.notified() => {}
            () = stop.cancelled() => return,
        }
        for permit in context.places.arrange(&context.stores.permits.state()) {
            let _ = context.queues.permit.send(permit); // a closed queue means that the process is ending
        }
        tokio::select! {
            () = tokio::time::sleep(HOLDS) => {}
            () = stop.cancelled() => return,
        }
    }
}

/// Whether a request has a place. One that nobody has looked at yet has, too: else everybody behind it would move, one place
/// at a time, while a crowd of requests is worked off.
fn waits(permit: &ProcessingPermit) -> bool {
    let Some(status) = &permit.status else { return true };
    let is_new = status.phase == Phase::Pending && !permit.spec.withdrawn && status.conditions.is_empty();
    is_new || status.phase == Phase::UnderReview
}

/// An answer keeps the place of what it answers.
fn rank(permit: &ProcessingPermit) -> Rank {
    let since = permit.status.as_ref().and_then(|status| status.policy.as_ref()?.queued_since.clone());
    let since = since.or_else(|| permit.metadata.creation_timestamp.clone());
    (since.map(|time| time.0), permit.metadata.uid.clone())
}

#[cfg(test)]
mod tests {
    use kube::ResourceExt;
    use serde_json::json;

    use super::*;

    fn permit(name: &str, created: &str, phase: &str, sees: i32) -> Arc<ProcessingPermit> {
        let mut status = json!({"phase": phase});
        if phase == "UnderReview" {
            status["queue"] = json!({"position": sees, "dueBy": "2026-02-01T00:00:00Z"});
        }
        let permit = json!({
            "apiVersion": "govcloud.dev/v1alpha1", "kind": "ProcessingPermit",
            "metadata": {"namespace": "agency-a", "name": name, "uid": name, "creationTimestamp": created},
            "spec": {"requestedBy": "r", "processingClass": "broker", "project": "a", "justification": "It is needed.", "targets": []},
            "status": status,
        });
        Arc::new(serde_json::from_value(permit).expect("valid"))
    }

    const DAYS: [&str; 4] = ["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z", "2026-01-04T00:00:00Z"];

    const PLACES: [i32; 4] = [1, 2, 3, 4];

    #[test]
    fn who_sees_another_place_is_reconciled_and_nobody_else() {
        let places = Places::default();
        let mut permits: Vec<_> = (0..4).map(|n| permit(&format!("p{n}"), DAYS[n], "UnderReview", PLACES[n])).collect();
        assert!(places.arrange(&permits).is_empty());
        permits[1] = permit("p1", DAYS[1], "Denied", 0);
        let moved: Vec<_> = places.arrange(&permits).into_iter().map(|permit| permit.name).collect();
        assert_eq!(moved, ["p2", "p3"]);
        assert_eq!([0, 2, 3].map(|n: usize| places.of(&permits[n])), [1, 2, 3]);
    }

    #[test]
    fn who_is_not_looked_at_yet_has_a_place_and_who_waits_for_the_agency_has_none() {
        let (places, mut new) = (Places::default(), (*permit("p0", DAYS[0], "Pending", 0)).clone());
        let later = permit("p1", DAYS[1], "UnderReview", 2);
        assert!(places.arrange(&[Arc::new(new.clone()), later.clone()]).is_empty(), "it stands behind one that is new");
        let objection = json!([{"type": "Assessed", "status": "False", "reason": "NoSuchProject", "message": "", "lastTransitionTime": DAYS[0]}]);
        new.status.as_mut().expect("has one").conditions = serde_json::from_value(objection).expect("valid");
        assert_eq!(places.arrange(&[Arc::new(new), later]).len(), 1, "it moves up");
    }

    #[test]
    fn those_of_one_second_have_places_of_their_own() {
        let places = Places::default();
        let permits: Vec<_> = ["b", "a", "c"].map(|name| permit(name, DAYS[0], "UnderReview", 1)).to_vec();
        places.arrange(&permits);
        let mut seen: Vec<_> = permits.iter().map(|permit| (places.of(permit), permit.name_any())).collect();
        seen.sort();
        assert_eq!(seen, [(1, "a".to_owned()), (2, "b".to_owned()), (3, "c".to_owned())]);
    }

    #[test]
    fn who_comes_stands_behind_until_they_are_among_them_and_an_answer_keeps_its_place() {
        let places = Places::default();
        let mut permits: Vec<_> = (1..3).map(|n| permit(&format!("p{n}"), DAYS[n], "UnderReview", PLACES[n - 1])).collect();
        places.arrange(&permits);
        let mut answer = (*permit("answer", DAYS[3], "UnderReview", 3)).clone();
        assert_eq!(places.of(&answer), 3);
        let policy = json!({"class": "broker", "generation": 1, "approval": {"quorum": []}, "queuedSince": DAYS[0]});
        answer.status.as_mut().expect("has one").policy = Some(serde_json::from_value(policy).expect("valid"));
        permits.push(Arc::new(answer));
        assert_eq!(places.arrange(&permits).len(), 3, "it is first, and the others move back");
        assert_eq!(permits.iter().map(|permit| places.of(permit)).collect::<Vec<_>>(), [2, 3, 1]);
    }
}
