//! What is announced of a permit's changes, as CloudEvents 1.0 in the structured JSON mode, and what is still to be announced.
//!
//! A notice says what was so at the change, and nothing that came later: sent twice, it says the same twice.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;
use serde::Serialize;

use super::{Change, Decision, Intent, Phase, ProcessingPermit};
use crate::names::agency_of_home;

/// What the type of every notice begins with; after it comes what happened, in lower case.
pub const TYPE_PREFIX: &str = "dev.govcloud.permit.";

/// The media type of a notice.
pub const CONTENT_TYPE: &str = "application/cloudevents+json; charset=utf-8";

/// One change of a permit, as a CloudEvent.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Notice {
    /// The version of CloudEvents.
    pub specversion: &'static str,
    /// `<permit uid>.<sequence>`: the same however often it is sent.
    pub id: String,
    /// `/govcloud.dev/agencies/<agency>`.
    pub source: String,
    /// Such as `dev.govcloud.permit.active`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The permit's number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// When it happened.
    pub time: Time,
    /// The media type of `data`.
    pub datacontenttype: &'static str,
    /// What happened to which permit.
    pub data: NoticeData,
}

/// What happened to which permit.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NoticeData {
    /// The permit's number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// The permit's name.
    pub name: String,
    /// The home namespace of its agency.
    pub namespace: String,
    /// Its agency.
    pub agency: String,
    /// The project it is for.
    pub project: String,
    /// Its ProcessingClass.
    pub processing_class: String,
    /// What sort of request it is.
    pub intent: Intent,
    /// What it was from then on.
    pub phase: Phase,
    /// What happened.
    pub what: String,
    /// In words for the agency.
    pub message: String,
    /// What was decided, once it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision: Option<Decision>,
    /// Since when it is active, once it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid_from: Option<Time>,
    /// When it ends, once it is active.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_after: Option<Time>,
    /// Counts the changes of this permit from 1.
    pub sequence: i64,
}

/// The notice of one change.
pub fn notice(permit: &ProcessingPermit, change: &Change) -> Notice {
    let namespace = permit.namespace().unwrap_or_default();
    let agency = agency_of_home(&namespace).unwrap_or_default().to_owned();
    let status = permit.status.as_ref();
    let number = status.and_then(|status| status.number.clone());
    // The status may have gone on since; what it says of later than the change does not belong here.
    let decided = status.filter(|_| !matches!(change.phase, Phase::Pending | Phase::UnderReview));
    let lived = decided.filter(|_| !matches!(change.phase, Phase::Approved | Phase::Returned | Phase::Denied));
    Notice {
        specversion: "1.0",
        id: format!("{}.{}", permit.uid().unwrap_or_default(), change.sequence),
        source: format!("/govcloud.dev/agencies/{agency}"),
        kind: format!("{TYPE_PREFIX}{}", change.what.to_lowercase()),
        subject: number.clone(),
        time: change.at.clone(),
        datacontenttype: "application/json",
        data: NoticeData {
            number,
            name: permit.name_any(),
            namespace,
            agency,
            project: permit.spec.project.clone(),
            processing_class: permit.spec.processing_class.clone(),
            intent: permit.spec.intent,
            phase: change.phase,
            what: change.what.clone(),
            message: change.message.clone(),
            decision: decided.and_then(|status| status.decision.clone()),
            valid_from: lived.and_then(|status| status.valid_from.clone()),
            not_after: lived.and_then(|status| status.not_after.clone()),
            sequence: change.sequence,
        },
    }
}

/// The changes that are still to be announced, the oldest first.
pub fn due(permit: &ProcessingPermit) -> impl Iterator<Item = &Change> {
    let status = permit.status.as_ref();
    let notified = status.and_then(|status| status.notified).unwrap_or_default();
    status.into_iter().flat_map(|status| &status.history).filter(move |change| change.sequence > notified)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn permit(notified: Option<i64>) -> ProcessingPermit {
        let change = |sequence: i64, what: &str| json!({"sequence": sequence, "what": what, "phase": what, "at": format!("2026-11-23T10:00:0{sequence}Z"), "message": format!("It is {what}.")});
        serde_json::from_value(json!({
            "apiVersion": "govcloud.dev/v1alpha1", "kind": "ProcessingPermit",
            "metadata": {"namespace": "agency-tax", "name": "events", "uid": "7c0e"},
            "spec": {"requestedBy": "requester@tax", "processingClass": "message-broker", "project": "analytics",
                "targets": [{"resource": "kafkanodepools", "name": "broker"}], "justification": "Needed where no zone reaches."},
            "status": {"phase": "Active", "number": "GC-2026-000042", "notified": notified,
                "decision": {"verdict": "Approve", "at": "2026-11-23T10:00:02Z", "capacity": {"brokers": "3"}, "reason": "Nothing fits."},
                "validFrom": "2026-11-23T10:00:03Z", "notAfter": "2027-11-23T10:00:03Z",
                "history": [change(1, "UnderReview"), change(2, "Approved"), change(3, "Active")]},
        }))
        .expect("a permit")
    }

    fn sent(permit: &ProcessingPermit, sequence: i64) -> Value {
        let history = &permit.status.as_ref().expect("a status").history;
        let change = history.iter().find(|change| change.sequence == sequence).expect("it happened");
        serde_json::to_value(notice(permit, change)).expect("JSON")
    }

    #[test]
    fn a_notice_is_a_cloud_event() {
        let permit = permit(None);
        let last = permit.status.as_ref().and_then(|status| status.history.last()).expect("a change");
        insta::assert_snapshot!(serde_json::to_string_pretty(&notice(&permit, last)).expect("JSON"), @r#"
        {
          "specversion": "1.0",
          "id": "7c0e.3",
          "source": "/govcloud.dev/agencies/tax",
          "type": "dev.govcloud.permit.active",
          "subject": "GC-2026-000042",
          "time": "2026-11-23T10:00:03Z",
          "datacontenttype": "application/json",
          "data": {
            "number": "GC-2026-000042",
            "name": "events",
            "namespace": "agency-tax",
            "agency": "tax",
            "project": "analytics",
            "processingClass": "message-broker",
            "intent": "New",
            "phase": "Active",
            "what": "Active",
            "message": "It is Active.",
            "decision": {
              "verdict": "Approve",
              "at": "2026-11-23T10:00:02Z",
              "capacity": {
                "brokers": "3"
              },
              "reason": "Nothing fits."
            },
            "validFrom": "2026-11-23T10:00:03Z",
            "notAfter": "2027-11-23T10:00:03Z",
            "sequence": 3
          }
        }
        "#);
    }

    #[test]
    fn what_came_later_is_not_in_it() {
        let data = |sequence| sent(&permit(None), sequence)["data"].clone();
        let has = |data: &Value| ["decision", "validFrom", "notAfter"].map(|field| data.get(field).is_some());
        assert_eq!(has(&data(1)), [false, false, false]);
        assert_eq!(has(&data(2)), [true, false, false]);
        assert_eq!(has(&data(3)), [true, true, true]);
    }

    #[test]
    fn what_has_no_number_yet_has_no_subject() {
        let mut permit = permit(None);
        permit.status.as_mut().expect("a status").number = None;
        assert_eq!(sent(&permit, 1).get("subject"), None);
    }

    #[test]
    fn due_is_what_came_after_the_last_that_was_delivered() {
        let sequences = |notified| due(&permit(notified)).map(|change| change.sequence).collect::<Vec<_>>();
        assert_eq!(sequences(None), [1, 2, 3]);
        assert_eq!(sequences(Some(2)), [3]);
        assert_eq!(sequences(Some(3)), [0_i64; 0]);
    }
}
