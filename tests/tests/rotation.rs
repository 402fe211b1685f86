//! Credentials that change while somebody watches: every state of the bound Secret that anybody ever sees is one whole set.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use futures::StreamExt;
use govcloud_tests::{
    Cloud, Setup,
    claims::{claim, rotate, until, until_provisioned},
    eventually,
    people::{ADMIN, CLOUD_OPERATOR, CUSTOMS_ADMIN},
    provisioner::{Provisioner, service, token},
};
use k8s_openapi::api::core::v1::Secret;
use kube::{
    Api,
    api::{Patch, PatchParams},
    runtime::watcher::{self, Event, watcher},
};
use serde_json::{Value, json};

const PLACE: &str = "customs--border";
const ROTATIONS: i64 = 100;

/// Every state of a Secret that a watch showed, and when.
struct Watched {
    seen: Arc<Mutex<Vec<(Instant, Secret)>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Watched {
    async fn start(cloud: &Cloud, name: &str) -> Self {
        let api: Api<Secret> = Api::namespaced(cloud.client(ADMIN).await, PLACE);
        let config = watcher::Config::default().fields(&format!("metadata.name={name}"));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let writing = seen.clone();
        let task = tokio::spawn(async move {
            let mut events = watcher(api, config).boxed();
            while let Some(event) = events.next().await {
                if let Ok(Event::Apply(secret) | Event::InitApply(secret)) = event {
                    writing.lock().unwrap_or_else(PoisonError::into_inner).push((Instant::now(), secret));
                }
            }
        });
        Self { seen, task }
    }

    fn seen(&self) -> Vec<(Instant, Secret)> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until the Secret has the credentials of this generation; when it had.
    async fn until(&self, generation: &str) -> Instant {
        eventually(&format!("the Secret is of generation {generation}"), || async {
            let seen = self.seen();
            let found = seen.iter().find(|(_, secret)| entry(secret, "generation") == generation).map(|(at, _)| *at);
            found.ok_or_else(|| format!("{} states", seen.len()))
        })
        .await
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn entry(secret: &Secret, key: &str) -> String {
    let value = secret.data.as_ref().and_then(|data| data.get(key)).map(|value| value.0.clone());
    String::from_utf8(value.unwrap_or_default()).expect("a text")
}

/// A provider's Secret, of which every entry says its generation.
fn provided(generation: i64) -> Value {
    let long = "x".repeat(2000);
    json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {"namespace": "shared-streaming", "name": "turning", "labels": {"govcloud.dev/bindable": "true"}},
        "stringData": {"generation": generation.to_string(), "username": format!("user-{generation}"), "password": format!("word-{generation}"),
            "certificate": format!("{long}-{generation}")},
    })
}

fn shared(credentials: &str) -> Value {
    json!({
        "apiVersion": "govcloud.dev/v1alpha1", "kind": "SharedService", "metadata": {"name": "turning"},
        "spec": {"displayName": "A service", "provider": "ito", "processingClass": "message-broker",
            "plans": [{"name": "small", "capacity": {"brokers": "1"}}], "capacity": {"brokers": "9"},
            "binding": {"type": "kafka", "credentialsFrom": {"namespace": "shared-streaming", "name": credentials}}},
    })
}

fn print(what: &str, mut times: Vec<Duration>) {
    times.sort();
    let at = |share: usize| times[(times.len() * share / 100).min(times.len() - 1)];
    println!("{what}: {} times, p50 {:?}, p99 {:?}, longest {:?}", times.len(), at(50), at(99), at(100));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_state_of_a_bound_secret_is_one_whole_set() {
    let cloud = Cloud::start(Setup::Government).await;
    cloud.project("customs", CUSTOMS_ADMIN, "border", "1").await;
    copied_to_all(&cloud).await;
    made_for_one(&cloud).await;
}

async fn copied_to_all(cloud: &Cloud) {
    cloud.apply_json(ADMIN, &provided(0)).await.succeeds();
    cloud.apply_json(CLOUD_OPERATOR, &shared("turning")).await.succeeds();
    let watched = Watched::start(cloud, "turning-binding").await;
    cloud.apply_json(CUSTOMS_ADMIN, &claim(PLACE, "turning", "turning", "small")).await.succeeds();
    watched.until("0").await;
    let source: Api<Secret> = Api::namespaced(cloud.client(ADMIN).await, "shared-streaming");
    let mut times = Vec::new();
    for generation in 1..=ROTATIONS {
        let started = Instant::now();
        source.patch("turning", &PatchParams::default(), &Patch::Merge(provided(generation))).await.expect("written");
        times.push(watched.until(&generation.to_string()).await.duration_since(started));
    }
    print("Copied credentials, from the provider's write to the bound Secret", times);
    let seen = watched.seen();
    assert!(seen.len() > 100, "each is seen");
    for (_, secret) in &seen {
        let of = entry(secret, "generation");
        assert_eq!(entry(secret, "username"), format!("user-{of}"));
        assert_eq!(entry(secret, "password"), format!("word-{of}"));
        assert!(entry(secret, "certificate").ends_with(&format!("x-{of}")));
        assert_eq!(entry(secret, "type"), "kafka");
    }
    // What is written faster than it is copied arrives in the end too, and nothing between is half of each.
    for generation in 101..=130 {
        source.patch("turning", &PatchParams::default(), &Patch::Merge(provided(generation))).await.expect("written");
    }
    watched.until("130").await;
    for (_, secret) in watched.seen() {
        assert_eq!(entry(&secret, "password"), format!("word-{}", entry(&secret, "generation")));
    }
}

async fn made_for_one(cloud: &Cloud) {
    let provisioner = Provisioner::start(None).await;
    cloud.apply_json(ADMIN, &token("made", &provisioner)).await.succeeds();
    cloud.apply_json(CLOUD_OPERATOR, &service("made", &provisioner, "10s", 2)).await.succeeds();
    let watched = Watched::start(cloud, "made-binding").await;
    cloud.apply_json(CUSTOMS_ADMIN, &claim(PLACE, "made", "made", "small")).await.succeeds();
    let claim = until_provisioned(cloud, (PLACE, "made"), 0).await;
    let uid = claim["metadata"]["uid"].as_str().expect("a uid").to_owned();
    let mut times = Vec::new();
    for rotation in 1..=10 {
        let started = Instant::now();
        rotate(cloud, CUSTOMS_ADMIN, (PLACE, "made"), rotation).await;
        times.push(watched.until(&rotation.to_string()).await.duration_since(started));
        until_provisioned(cloud, (PLACE, "made"), rotation).await;
        assert_eq!(provisioner.live(&uid), [i32::try_from(rotation).expect("small")], "only the new ones are left");
    }
    print("Credentials of one's own, from the claim's write to the bound Secret", times);
    // Numbers may be left out.
    rotate(cloud, CUSTOMS_ADMIN, (PLACE, "made"), 50).await;
    until_provisioned(cloud, (PLACE, "made"), 50).await;
    assert_eq!(provisioner.live(&uid), [50]);
    for (_, secret) in watched.seen() {
        let of = entry(&secret, "generation");
        assert!(entry(&secret, "username").ends_with(&format!("_{of}")), "{of}");
        let record = secret.metadata.annotations.as_ref().and_then(|all| all.get("govcloud.dev/provisioned")).expect("a record");
        assert!(record.contains(&format!("\"rotation\":{of},")), "{record}");
    }
    assert_eq!(provisioner.most_made(), 1);
    until(cloud, (PLACE, "made"), "it is bound", |claim| claim["status"]["phase"] == "Bound").await;
}
