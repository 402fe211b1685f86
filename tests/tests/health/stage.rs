//! A cloud whose operator trusts one server of health and not another, and what is asked of them.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use govcloud_tests::{Cloud, Setup, eventually, fixtures::permit, people, receiver::Receiver};
use serde_json::{Value, json};
use tokio::{io::AsyncReadExt, net::TcpListener, task::JoinHandle};

const HOME: &str = "agency-customs";

pub struct Stage {
    pub cloud: Cloud,
    /// A server that the operator trusts.
    pub receiver: Receiver,
    /// One that it does not.
    pub stranger: Receiver,
}

impl Stage {
    pub async fn set() -> Self {
        let mut cloud = Cloud::start(Setup::Bare).await;
        let receiver = Receiver::start(cloud.plane.dir()).await;
        let elsewhere = cloud.plane.dir().join("stranger");
        std::fs::create_dir(&elsewhere).expect("a folder");
        let stranger = Receiver::start(&elsewhere).await;
        cloud.operator_arguments = vec!["--ca-file".into(), receiver.ca_file()];
        cloud.start_operator().await;
        cloud.govern().await;
        cloud.project("customs", people::CUSTOMS_ADMIN, "border", "10").await;
        Self { cloud, receiver, stranger }
    }

    /// A service with such a `health`.
    pub async fn service(&self, name: &str, health: Option<Value>) {
        self.apply(&manifest(name, health)).await;
    }

    pub async fn apply(&self, manifest: &Value) {
        self.cloud.apply_json(people::CLOUD_OPERATOR, manifest).await.succeeds();
    }

    pub async fn delete(&self, name: &str) {
        self.cloud.kubectl(people::CLOUD_OPERATOR, &["delete", "ssvc", name]).await.succeeds();
    }

    /// Waits until a service's condition `Healthy` says this.
    pub async fn healthy(&self, name: &str, status: &str, reason: &str, words: &str) {
        eventually(&format!("{name}: {status}, {reason}"), || async {
            let service = self.cloud.json(people::ADMIN, &["get", "ssvc", name, "-o", "json"]).await;
            let conditions = service["status"]["conditions"].as_array().cloned().unwrap_or_default();
            let found = conditions.into_iter().find(|c| c["type"] == "Healthy").unwrap_or_default();
            let said = found["message"].as_str().unwrap_or_default();
            let is_so = found["status"] == status && found["reason"] == reason && said.contains(words);
            if is_so { Ok(()) } else { Err(format!("{}\n{}", service["status"], self.cloud.operator_log())) }
        })
        .await;
    }

    /// How often a path was asked for.
    pub fn asked(&self, path: &str) -> usize {
        self.receiver.received().iter().filter(|received| received.path == path).count()
    }

    pub async fn until_asked(&self, path: &str, times: usize) {
        eventually(&format!("{path} is asked for {times} times"), || async {
            let asked = self.asked(path);
            if asked >= times { Ok(()) } else { Err(format!("{asked} times")) }
        })
        .await;
    }

    /// What the assessment of a new request says of the service `sound`.
    pub async fn offer_to(&self, name: &str) -> Value {
        let request = permit("customs", name, "requester@customs", "border", &[(name, 1, "100Gi")]);
        self.cloud.apply_json(people::CUSTOMS_REQUESTER, &request).await.succeeds();
        eventually("the request is assessed", || async {
            let found = self.cloud.json(people::ADMIN, &["get", "permit", name, "-n", HOME, "-o", "json"]).await;
            let offers = found["status"]["assessment"]["offers"].as_array().cloned().unwrap_or_default();
            offers.into_iter().find(|offer| offer["offer"] == "sound/one").ok_or_else(|| found["status"].to_string())
        })
        .await
    }

    /// Waits until the metrics have a text, or have it no more.
    pub async fn figures(&self, text: &str, there: bool) {
        eventually(&format!("{text} in the metrics: {there}"), || async {
            let answer = reqwest::get(format!("http://{}/metrics", self.cloud.operator_address)).await.expect("metrics");
            let found = answer.text().await.expect("text");
            if found.contains(text) == there {
                return Ok(());
            }
            Err(found.lines().filter(|line| line.contains("_service_")).collect::<Vec<_>>().join("\n"))
        })
        .await;
    }
}

pub fn health(url: &str) -> Value {
    json!({"url": url, "interval": "5s"})
}

pub fn manifest(name: &str, health: Option<Value>) -> Value {
    // Only one of them is where the requests of the test ask for it.
    let zone = if name == "sound" { "shiraz" } else { "tabriz" };
    let mut manifest = json!({
        "apiVersion": "govcloud.dev/v1alpha1", "kind": "SharedService", "metadata": {"name": name},
        "spec": {
            "displayName": name, "provider": "ito", "processingClass": "message-broker", "zones": [zone], "stage": "Published",
            "plans": [{"name": "one", "capacity": {"brokers": "1", "storage": "1Ti"}}], "capacity": {"brokers": "9", "storage": "9Ti"},
            "dataClassification": "Secret", "binding": {"type": "kafka"},
        },
    });
    if let Some(health) = health {
        manifest["spec"]["health"] = health;
    }
    manifest
}

/// An address at which nobody listens.
pub fn nobodys_address() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port")
}

/// A server that answers nobody, and counts who is there at the same time.
pub struct Crowd {
    address: SocketAddr,
    most: Arc<AtomicUsize>,
    server: JoinHandle<()>,
}

impl Crowd {
    pub async fn gather() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (there, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let seen = most.clone();
        let server = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                seen.fetch_max(there.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                let there = there.clone();
                tokio::spawn(async move {
                    let mut said = [0; 1024];
                    while stream.read(&mut said).await.is_ok_and(|read| read > 0) {}
                    there.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self { address, most, server }
    }

    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// How many were there at the same time at most.
    pub fn most(&self) -> usize {
        self.most.load(Ordering::SeqCst)
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.server.abort();
    }
}
