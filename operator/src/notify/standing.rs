//! How the announcements stand, as the GovernmentCloud's conditions say it.

use std::collections::BTreeMap;

use govcloud_crds::{
    GovernmentCloud, ProcessingPermit,
    conditions::{Verdict, is_true},
    permit::notice::due,
};
use kube::runtime::reflector::{ObjectRef, Store};

use super::error::NotifyError;

/// Which permits' notices are not delivered although they were tried, and why.
#[derive(Debug, Default)]
pub struct Standing(BTreeMap<String, Failure>);

/// Why a permit's next notice was not delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Failure {
    reason: &'static str,
    said: String,
}

impl Standing {
    /// Notes why a permit's next notice was not delivered.
    pub fn failed(&mut self, permit: &ObjectRef<ProcessingPermit>, error: &NotifyError) {
        let failure = Failure { reason: error.reason(), said: error.to_string() };
        self.0.insert(permit.to_string(), failure);
    }

    /// Notes that nothing of a permit failed; whether that is new.
    pub fn succeeded(&mut self, permit: &ObjectRef<ProcessingPermit>) -> bool {
        self.0.remove(&permit.to_string()).is_some()
    }

    /// Where notices go, what is due, and why it is; nothing if nobody is to be told.
    pub fn verdicts(&self, cloud: &GovernmentCloud, due: usize) -> Vec<Verdict> {
        let Some(to) = &cloud.spec.notifications else { return Vec::new() };
        let signed = match &to.secret_ref {
            Some(secret) => {
                Verdict::yes(SIGNED, "Signed", format!("With the key in Secret {}/{}.", secret.namespace, secret.name))
            }
            None => Verdict::no(
                SIGNED,
                "NoSecret",
                "Notices are sent without a signature, so their receiver cannot know who sent them. Set spec.notifications.secretRef.",
            ),
        };
        vec![self.notified(cloud, due), signed]
    }

    fn notified(&self, cloud: &GovernmentCloud, due: usize) -> Verdict {
        let before = cloud.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
        match self.0.values().next() {
            Some(failure) if due > 0 => {
                let changes = if due == 1 { "1 change is".to_owned() } else { format!("{due} changes are") };
                let message = format!("{changes} still to be announced: {}. It is tried again.", failure.said);
                Verdict::no(NOTIFIED, failure.reason, message)
            }
            // What is on its way for the first time is no news; after a restart it is not known yet.
            _ if due == 0 || is_true(before, NOTIFIED) => Verdict::yes(NOTIFIED, "Delivered", "Nothing that is due failed."),
            _ => Verdict::unknown(NOTIFIED, "Delivering", "Changes are still to be announced; they are on their way."),
        }
    }
}

const NOTIFIED: &str = "Notified";
const SIGNED: &str = "NotificationsSigned";

/// How many changes are still to be announced; none if nobody is to be told.
pub fn all_due(cloud: &GovernmentCloud, permits: &Store<ProcessingPermit>) -> usize {
    if cloud.spec.notifications.is_none() {
        return 0;
    }
    permits.state().iter().map(|permit| due(permit).count()).sum()
}

#[cfg(test)]
mod tests {
    use reqwest::StatusCode;
    use serde_json::json;

    use super::*;

    fn cloud(notifications: serde_json::Value, notified: Option<&str>) -> GovernmentCloud {
        let authority = json!({"name": "a", "reviewers": "security:a"});
        let conditions: Vec<_> = notified
            .iter()
            .map(|status| {
                json!({"type": NOTIFIED, "status": status, "reason": "Test", "message": "", "lastTransitionTime": "2026-11-23T10:00:00Z"})
            })
            .collect();
        serde_json::from_value(json!({
            "apiVersion": "govcloud.dev/v1alpha1", "kind": "GovernmentCloud", "metadata": {"name": "national"},
            "spec": {"authorities": {"NonInfrastructure": authority, "InfrastructureArea": authority, "CriticalInfrastructure": authority},
                "notifications": notifications},
            "status": {"conditions": conditions},
        }))
        .expect("a cloud")
    }

    fn shown(standing: &Standing, cloud: &GovernmentCloud, due: usize) -> Vec<(&'static str, Option<bool>, &'static str)> {
        standing.verdicts(cloud, due).into_iter().map(|v| (v.kind, v.holds, v.reason)).collect()
    }

    fn refused() -> Standing {
        let mut standing = Standing::default();
        let error = NotifyError::Answered { status: StatusCode::GONE, retry_after: None };
        standing.failed(&ObjectRef::new("events").within("agency-tax"), &error);
        standing
    }

    #[test]
    fn nothing_is_said_where_nobody_is_told() {
        assert!(refused().verdicts(&cloud(json!(null), None), 3).is_empty());
    }

    #[test]
    fn what_the_receiver_answered_is_said_and_for_how_many() {
        let cloud = cloud(json!({"url": "https://user:word@events.example/?token=t"}), Some("True"));
        let verdict = refused().verdicts(&cloud, 3).remove(0);
        assert_eq!((verdict.kind, verdict.holds, verdict.reason), (NOTIFIED, Some(false), "Refused"));
        assert_eq!(verdict.message, "3 changes are still to be announced: the receiver answered 410 Gone. It is tried again.");
    }

    #[test]
    fn it_holds_as_long_as_nothing_failed_and_is_unknown_after_a_restart() {
        let to = json!({"url": "https://events.example", "secretRef": {"namespace": "govcloud-system", "name": "hook"}});
        let standing = Standing::default();
        let signed = (SIGNED, Some(true), "Signed");
        let notified = |before, due| shown(&standing, &cloud(to.clone(), before), due);
        assert_eq!(notified(None, 0), [(NOTIFIED, Some(true), "Delivered"), signed]);
        assert_eq!(notified(Some("True"), 2), [(NOTIFIED, Some(true), "Delivered"), signed]);
        assert_eq!(notified(Some("False"), 2), [(NOTIFIED, None, "Delivering"), signed]);
    }

    #[test]
    fn without_a_secret_it_says_that_nothing_is_signed() {
        let cloud = cloud(json!({"url": "https://events.example"}), None);
        assert_eq!(shown(&Standing::default(), &cloud, 0)[1], (SIGNED, Some(false), "NoSecret"));
    }
}
