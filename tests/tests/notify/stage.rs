//! A cloud that announces to a receiver, and what is asked of both.

use govcloud_tests::{
    Cloud, Setup, eventually,
    fixtures::permit,
    people,
    receiver::{Received, Receiver},
};
use serde_json::{Value, json};
use standardwebhooks::Webhook;

/// The home of the agency whose permits are announced.
pub const HOME: &str = "agency-customs";
const PROJECT: &str = "border";
/// What notices are signed with.
pub const KEY: &str = "whsec_bm90aWNlcyBvZiB0aGUgZ292ZXJubWVudCBjbG91ZA==";

/// A cloud, and a receiver that the operator trusts.
pub struct Stage {
    pub cloud: Cloud,
    pub receiver: Receiver,
}

impl Stage {
    /// A cloud with a project; nobody is told of anything yet.
    pub async fn set() -> Self {
        let mut cloud = Cloud::start(Setup::Bare).await;
        let receiver = Receiver::start(cloud.plane.dir()).await;
        cloud.operator_arguments = vec!["--ca-file".into(), receiver.ca_file()];
        cloud.start_operator().await;
        cloud.govern().await;
        cloud.project("customs", people::CUSTOMS_ADMIN, PROJECT, "10").await;
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"namespace": "govcloud-system", "name": "hook"}, "stringData": {"key": KEY},
        });
        cloud.apply_json(people::ADMIN, &secret).await.succeeds();
        Self { cloud, receiver }
    }

    /// From now on the receiver is told, under a path, with notices signed by the key in a Secret.
    pub async fn announce(&self, path: &str, secret: Option<&str>) {
        let secret = secret.map(|name| json!({"namespace": "govcloud-system", "name": name}));
        let change = json!({"spec": {"notifications": {"url": self.receiver.url(path), "secretRef": secret}}}).to_string();
        let command = ["patch", "governmentcloud", "national", "--type", "merge", "-p", &change];
        self.cloud.kubectl(people::CLOUD_OPERATOR, &command).await.succeeds();
        self.condition("NotificationsSigned", |condition| condition["observedGeneration"].is_i64()).await;
    }

    /// A permit of customs, requested and approved; returns when its slots are open.
    pub async fn active(&self, name: &str) {
        self.cloud.permit(people::CUSTOMS_REQUESTER, &request(name)).await;
    }

    /// The agency takes a permit back; returns when nothing is left to do about that.
    pub async fn withdrawn(&self, name: &str) {
        let patch = ["patch", "processingpermit", name, "-n", HOME, "--type", "merge", "-p", r#"{"spec":{"withdrawn":true}}"#];
        self.cloud.kubectl(people::CUSTOMS_REQUESTER, &patch).await.succeeds();
        eventually("the permit is withdrawn", || async {
            let status = self.permit(name).await["status"].clone();
            let ready = condition(&status, "Ready");
            if ready["reason"] == "Withdrawn" { Ok(()) } else { Err(status.to_string()) }
        })
        .await;
    }

    /// A permit as it is.
    pub async fn permit(&self, name: &str) -> Value {
        self.cloud.json(people::ADMIN, &["get", "processingpermit", name, "-n", HOME, "-o", "json"]).await
    }

    /// Waits until everything that happened to a permit is recorded as delivered; the permit.
    pub async fn told(&self, name: &str) -> Value {
        eventually(&format!("everything of {name} was announced"), || async {
            let permit = self.permit(name).await;
            let status = &permit["status"];
            let last = status["history"].as_array().and_then(|history| history.last()).map(|last| last["sequence"].clone());
            if last.is_some() && last.as_ref() == status.get("notified") {
                Ok(permit)
            } else {
                Err(format!("{status}\n{}", self.cloud.operator_log()))
            }
        })
        .await
    }

    /// Waits until a condition of the GovernmentCloud is about its newest generation, and as wanted.
    pub async fn condition(&self, kind: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        eventually(&format!("the condition {kind}"), || async {
            let cloud = self.cloud.json(people::ADMIN, &["get", "governmentcloud", "national", "-o", "json"]).await;
            let found = condition(&cloud["status"], kind);
            let is_current = found["observedGeneration"] == cloud["metadata"]["generation"];
            if is_current && wanted(&found) { Ok(found) } else { Err(cloud["status"].to_string()) }
        })
        .await
    }

    /// Waits until the receiver was sent as much as is wanted.
    pub async fn received(&self, what: &str, wanted: impl Fn(&[Received]) -> bool) -> Vec<Received> {
        eventually(what, || async {
            let received = self.receiver.received();
            if wanted(&received) { Ok(received) } else { Err(format!("{received:?}\n{}", self.cloud.operator_log())) }
        })
        .await
    }

    /// Panics unless what the receiver took of a permit is all that happened after `sequence`, in that order; what was sent
    /// again counts once, and must be the same, byte by byte.
    #[track_caller]
    pub fn all_taken(&self, permit: &Value, sequence: i64) {
        let uid = permit["metadata"]["uid"].as_str().expect("a uid");
        let mut first: Vec<Received> = Vec::new();
        for taken in self.receiver.taken().into_iter().filter(|taken| taken.id().starts_with(uid)) {
            match first.iter().find(|known| known.id() == taken.id()) {
                Some(known) => assert_eq!(known.body, taken.body, "one id, two contents"),
                None => first.push(taken),
            }
        }
        let got: Vec<_> = first.iter().map(|taken| said(&taken.event()["data"])).collect();
        let history = permit["status"]["history"].as_array().expect("a history");
        let happened: Vec<_> = history.iter().map(said).filter(|(number, ..)| *number > sequence).collect();
        assert_eq!(got, happened);
        for taken in &first {
            let event = taken.event();
            assert_eq!(event["id"], format!("{uid}.{}", event["data"]["sequence"]));
            assert_eq!(event["subject"], permit["status"]["number"]);
            assert_eq!(event["source"], "/govcloud.dev/agencies/customs");
        }
    }

    /// Panics if the key is anywhere where people look.
    pub async fn key_is_nowhere(&self) {
        let log = std::fs::read_to_string(self.cloud.plane.dir().join("operator.log")).expect("a log");
        let objects = ["get", "governmentclouds,processingpermits,events", "-A", "-o", "yaml"];
        let objects = self.cloud.kubectl(people::ADMIN, &objects).await.succeeds();
        let bare = KEY.trim_start_matches("whsec_");
        assert!(!log.contains(bare) && !objects.contains(bare), "the key is in the log or in an object");
    }
}

fn request(name: &str) -> Value {
    permit("customs", name, "requester@customs", PROJECT, &[(name, 1, "1Ti")])
}

fn said(change: &Value) -> (i64, String, String, String) {
    let text = |field: &str| change[field].as_str().unwrap_or_default().to_owned();
    (change["sequence"].as_i64().unwrap_or_default(), text("what"), text("phase"), text("message"))
}

fn condition(status: &Value, kind: &str) -> Value {
    let conditions = status["conditions"].as_array().cloned().unwrap_or_default();
    conditions.into_iter().find(|condition| condition["type"] == kind).unwrap_or_default()
}

/// Panics unless the published library signs what arrived in the same way.
#[track_caller]
pub fn is_signed(received: &Received) {
    let header = |name: &str| received.headers[name].to_str().expect("a header").to_owned();
    assert_eq!(header("webhook-id"), received.id());
    let timestamp = header("webhook-timestamp").parse().expect("a time");
    let library = Webhook::new(KEY).expect("a key");
    let expected = library.sign(&received.id(), timestamp, &received.body).expect("a signature");
    assert_eq!(header("webhook-signature"), expected);
    assert_eq!(header("content-type"), "application/cloudevents+json; charset=utf-8");
}
