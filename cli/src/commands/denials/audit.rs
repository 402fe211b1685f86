//! The API server's audit log: one JSON object per line. What the Government Cloud refused, or would have refused, is read
//! from it; the metadata level suffices.

use jiff::Timestamp;
use serde::Deserialize;

/// What the API server puts before the reason that a policy gives.
const DENIED: &str = "denied request: ";
/// Where it keeps what a policy in mode Audit found.
const FOUND: &str = "validation.policy.admission.k8s.io/validation_failure";
/// How our admission policies and our quotas are called.
const OURS: &str = "govcloud";

/// A request that was refused, or admitted although it should not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// When.
    pub at: Timestamp,
    /// Whose request.
    pub who: String,
    /// `create`, `update`, `patch`, `delete`.
    pub verb: String,
    /// The resource, with its subresource.
    pub resource: String,
    /// The object's name, as far as it is known.
    pub name: String,
    /// Its namespace; empty for a cluster-scoped one.
    pub namespace: String,
    /// The policy or quota that refused it.
    pub rule: String,
    /// What the caller was told.
    pub why: String,
    /// False if the agency's enforcement only audits, and the request was admitted.
    pub refused: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    #[serde(default)]
    stage: String,
    request_received_timestamp: Timestamp,
    #[serde(default)]
    verb: String,
    #[serde(default)]
    user: User,
    impersonated_user: Option<User>,
    object_ref: Option<Object>,
    response_status: Option<Answer>,
    #[serde(default)]
    annotations: std::collections::BTreeMap<String, String>,
}

#[derive(Default, Deserialize)]
struct User {
    #[serde(default)]
    username: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Object {
    resource: String,
    subresource: String,
    namespace: String,
    name: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Answer {
    code: i64,
    message: String,
}

#[derive(Deserialize)]
struct Failure {
    message: String,
    policy: String,
}

/// The denials that one line of the log tells of; an error if it is no event of an audit log.
pub fn denials(line: &str) -> Result<Vec<Denial>, serde_json::Error> {
    let event: Event = serde_json::from_str(line)?;
    if event.stage != "ResponseComplete" {
        return Ok(Vec::new());
    }
    let answer = event.response_status.as_ref().map(|answer| answer.message.as_str()).unwrap_or_default();
    let is_refused = event.response_status.as_ref().is_some_and(|answer| answer.code >= 400);
    if is_refused {
        let found = by_policy(answer).or_else(|| by_quota(answer));
        return Ok(found.map(|(rule, why)| event.denial(rule, why, true)).into_iter().collect());
    }
    let failures = event.annotations.get(FOUND).and_then(|found| serde_json::from_str::<Vec<Failure>>(found).ok());
    let ours = failures.into_iter().flatten().filter(|failure| failure.policy.starts_with(OURS));
    Ok(ours.map(|failure| event.denial(&failure.policy, &failure.message, false)).collect())
}

impl Event {
    fn denial(&self, rule: &str, why: &str, refused: bool) -> Denial {
        let nothing = Object::default();
        let object = self.object_ref.as_ref().unwrap_or(&nothing);
        let slash = if object.subresource.is_empty() { "" } else { "/" };
        // A creation names its object in the request's body, which this level does not keep; the answer names it, too.
        let answer = self.response_status.as_ref().map(|answer| answer.message.as_str()).unwrap_or_default();
        let name = if object.name.is_empty() { quoted(answer).unwrap_or_default() } else { &object.name };
        Denial {
            at: self.request_received_timestamp,
            who: self.impersonated_user.as_ref().unwrap_or(&self.user).username.clone(),
            verb: self.verb.clone(),
            resource: format!("{}{slash}{}", object.resource, object.subresource),
            name: name.to_owned(),
            namespace: object.namespace.clone(),
            rule: rule.to_owned(),
            why: why.to_owned(),
            refused,
        }
    }
}

/// The first text in quotation marks.
fn quoted(message: &str) -> Option<&str> {
    Some(message.split_once('"')?.1.split_once('"')?.0)
}

/// The policy of ours that refused, and why.
fn by_policy(message: &str) -> Option<(&str, &str)> {
    let (before, why) = message.split_once(DENIED)?;
    let (_, policy) = before.split_once("ValidatingAdmissionPolicy '")?;
    let (policy, _) = policy.split_once('\'')?;
    policy.starts_with(OURS).then_some((policy, why))
}

/// The quota of ours that was exceeded, and by how much.
fn by_quota(message: &str) -> Option<(&str, &str)> {
    let at = message.find("exceeded quota: ")?;
    let why = &message[at..];
    let quota = why.trim_start_matches("exceeded quota: ").split(',').next()?;
    (quota == OURS).then_some((quota, why))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    fn event(code: i64, message: &str, more: &Value) -> String {
        let mut event = json!({
            "kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "Metadata", "stage": "ResponseComplete", "verb": "create",
            "user": {"username": "developer@customs"}, "requestReceivedTimestamp": "2026-11-20T08:00:00.123456Z",
            "objectRef": {"resource": "kafkanodepools", "namespace": "customs--lab", "apiGroup": "kafka.strimzi.io"},
            "responseStatus": {"code": code, "message": message},
        });
        for (key, value) in more.as_object().into_iter().flatten() {
            event[key] = value.clone();
        }
        event.to_string()
    }

    const REFUSED: &str = "kafkanodepools.kafka.strimzi.io \"broker\" is forbidden: ValidatingAdmissionPolicy 'govcloud-slots-kafka' with binding 'govcloud-slots-kafka' denied request: no permit names kafkanodepools/broker";

    #[test]
    fn a_refusal_names_who_what_and_why() {
        let found = denials(&event(422, REFUSED, &json!({}))).expect("an event");
        let expected = Denial {
            at: "2026-11-20T08:00:00.123456Z".parse().expect("a time"),
            who: "developer@customs".into(),
            verb: "create".into(),
            resource: "kafkanodepools".into(),
            name: "broker".into(),
            namespace: "customs--lab".into(),
            rule: "govcloud-slots-kafka".into(),
            why: "no permit names kafkanodepools/broker".into(),
            refused: true,
        };
        assert_eq!(found, [expected]);
    }

    #[rstest]
    #[case::a_plain_answer(201, "", json!({}), 0)]
    #[case::before_the_answer(422, REFUSED, json!({"stage": "RequestReceived"}), 0)]
    #[case::somebody_elses_policy(422, "pods \"x\" is forbidden: ValidatingAdmissionPolicy 'others' with binding 'o' denied request: no", json!({}), 0)]
    #[case::rbac(403, "pods is forbidden: User \"x\" cannot list resource \"pods\"", json!({}), 0)]
    #[case::quota(403, "pods \"x\" is forbidden: exceeded quota: govcloud, requested: requests.cpu=9, used: requests.cpu=0, limited: requests.cpu=8", json!({}), 1)]
    #[case::another_quota(403, "pods \"x\" is forbidden: exceeded quota: theirs, requested: pods=1, used: pods=1, limited: pods=1", json!({}), 0)]
    #[case::audited(201, "", json!({"annotations": {"validation.policy.admission.k8s.io/validation_failure": "[{\"message\":\"no permit names it\",\"policy\":\"govcloud-workload-slots\",\"binding\":\"b\",\"expressionIndex\":0,\"validationActions\":[\"Audit\"]}]"}}), 1)]
    fn what_is_a_denial(#[case] code: i64, #[case] message: &str, #[case] more: Value, #[case] found: usize) {
        assert_eq!(denials(&event(code, message, &more)).expect("an event").len(), found);
    }

    #[test]
    fn the_person_behind_an_impersonation_does_not_matter_but_who_it_was_for() {
        let more = json!({"impersonatedUser": {"username": "someone@tax"}, "objectRef": {"resource": "deployments", "subresource": "scale", "name": "web", "namespace": "tax--lab"}});
        let found = denials(&event(422, REFUSED, &more)).expect("an event");
        assert_eq!(
            (found[0].who.as_str(), found[0].resource.as_str(), found[0].name.as_str()),
            ("someone@tax", "deployments/scale", "web")
        );
    }

    #[test]
    fn what_is_no_event_is_an_error() {
        assert!(denials("I1120 08:00:00 starting").is_err() && denials("{}").is_err());
    }
}
