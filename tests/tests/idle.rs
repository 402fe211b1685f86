//! What is not used, on the real control plane with a real Prometheus, which scrapes what kubelets would say.

#[path = "scanner/stage.rs"]
#[allow(dead_code, reason = "it is the stage of another test, of which this one needs a part")]
mod stage;

use axum::http::StatusCode;
use govcloud_tests::{
    Cloud, Setup, eventually,
    fixtures::{deployment, example, pod},
    kubelet::Kubelet,
    people::{ADMIN, CLOUD_OPERATOR, CUSTOMS_ADMIN},
    prometheus::Prometheus,
    receiver::{Answer, Receiver},
};
use serde_json::{Value, json};
use stage::{BORDER, finding, limits};

const KAFKA: &str = "quay.io/apache/kafka:4.0";

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_used_is_found_and_what_is_not_known_is_not() {
    let mut stage = Stage::set().await;
    // Nothing is kept for an hour yet.
    stage.look(&json!({"url": stage.prometheus.url(), "window": "1h", "every": "1s"})).await;
    // It is looked at once a minute of the window: in the first minute there may be nothing at all.
    eventually("it is said that too little is kept", || async {
        let condition = stage.condition("NoData").await;
        let message = condition["message"].as_str().unwrap_or_default();
        if message.contains("% of the window only; wait, or make it shorter") { Ok(()) } else { Err(message.to_owned()) }
    })
    .await;
    idle(&stage.cloud, &[]).await;

    stage.look(&json!({"url": stage.prometheus.url(), "window": "20s", "every": "1s"})).await;
    stage.condition("Known").await;
    idle(&stage.cloud, &["clusters/register", "deployments/unused"]).await;
    let unused = finding(&stage.cloud, "Idle", "unused").await;
    assert_eq!(
        unused["spec"]["message"],
        "In the last 20s it used at most 1 % of the 2 CPU that its 2 pods request, and in the mean at most 50 % of the memory; \
         below 5 % counts as idle. Make it smaller, or remove it, or move to national-streaming (plan large fits)."
    );
    assert_eq!(unused["spec"]["capacity"], json!({"brokers": "2"}));

    stage.kubelet.uses("unused", 0.8);
    idle(&stage.cloud, &["clusters/register"]).await;
    while_nothing_is_known(&mut stage).await;

    stage.look(&Value::Null).await;
    idle(&stage.cloud, &[]).await;
    eventually("there is no condition any more", || async {
        let conditions = stage.conditions().await;
        if conditions.iter().any(|c| c["type"] == "Utilisation") { Err(format!("{conditions:?}")) } else { Ok(()) }
    })
    .await;
}

/// Whatever happens to Prometheus: what was found stays, as long as the object is there.
async fn while_nothing_is_known(stage: &mut Stage) {
    stage.prometheus.down().await;
    stage.condition("Unreachable").await;
    // A pass that takes something away takes nothing else.
    stage.cloud.kubectl(ADMIN, &["delete", "deployment", "unused", "-n", BORDER]).await.succeeds();
    stage::findings(&stage.cloud, |found| !found.iter().any(|line| line.contains("deployments/unused"))).await;
    idle(&stage.cloud, &["clusters/register"]).await;
    let before = finding(&stage.cloud, "Idle", "register").await;

    // Another server, that knows nothing of this API; and the token goes to it, as soon as there is one.
    let liar = json!({"url": stage.liar.url(""), "window": "20s", "every": "1s", "tokenFrom": {"name": "prometheus"}});
    stage.look(&liar).await;
    let condition = stage.condition("NoToken").await;
    let message = condition["message"].as_str().unwrap_or_default();
    assert!(message.contains("there is no Secret govcloud-system/prometheus with a key token"), "{message}");
    assert!(stage.liar.received().is_empty(), "nothing is asked without the token");
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"namespace": "govcloud-system", "name": "prometheus"}, "stringData": {"token": "hush-hush\n"}});
    stage.cloud.apply_json(ADMIN, &secret).await.succeeds();
    stage.condition("BadAnswer").await;
    let received = stage.liar.received();
    assert_eq!(received[0].headers["authorization"], "Bearer hush-hush");
    assert_eq!(received[0].path, "/api/v1/query");
    for answer in [Answer::Redirect, Answer::With(StatusCode::FORBIDDEN)] {
        stage.liar.answer(answer);
        stage.condition("Refused").await;
    }
    assert!(stage.liar.received().iter().all(|received| received.path != "/elsewhere"), "the token went elsewhere");
    assert!(!stage.cloud.operator_log().contains("hush"), "{}", stage.cloud.operator_log());

    stage.cloud.kill_operator().await;
    stage.cloud.start_operator().await;
    stage.condition("Refused").await;
    let after = finding(&stage.cloud, "Idle", "register").await;
    assert_eq!(before["metadata"]["resourceVersion"], after["metadata"]["resourceVersion"]);
    stage.cloud.kubectl(ADMIN, &["delete", "clusters.postgresql.cnpg.io", "register", "-n", BORDER]).await.succeeds();
    idle(&stage.cloud, &[]).await;
}

struct Stage {
    cloud: Cloud,
    kubelet: Kubelet,
    prometheus: Prometheus,
    liar: Receiver,
}

impl Stage {
    /// A cloud in which infrastructure ran before its class: a Deployment that does nothing, one that works, one of which nothing is
    /// known, a database of an operator that does nothing, and what is of no class.
    async fn set() -> Self {
        let mut cloud = Cloud::start(Setup::Bare).await;
        let folder = cloud.plane.dir().join("prometheus");
        let kubelet = Kubelet::start(cloud.client(ADMIN).await, BORDER).await;
        let prometheus = Prometheus::start(&folder, &kubelet.address).await;
        let liar = Receiver::start(cloud.plane.dir()).await;
        let authorities = [Prometheus::ca_file(&folder), liar.ca_file().into()].map(|file| std::fs::read(file).expect("a file"));
        let both = folder.join("both.pem");
        std::fs::write(&both, authorities.concat()).expect("a file");
        cloud.operator_arguments = vec!["--ca-file".to_owned(), both.to_string_lossy().into_owned()];
        for (prefix, cores) in [("unused", 0.001), ("busy", 0.5), ("register", 0.001), ("web", 0.001)] {
            kubelet.uses(prefix, cores);
        }
        cloud.start_operator().await;
        for file in ["01-government-cloud.yaml", "02-agencies.yaml", "03-capacity.yaml"] {
            cloud.apply(CLOUD_OPERATOR, &example(file)).await.succeeds();
        }
        cloud.wait_for("governmentcloud", "", "national", "EnforcementIntact").await;
        cloud.wait_for("agency", "", "customs", "Ready").await;
        cloud.project("customs", CUSTOMS_ADMIN, "border", "20").await;
        for (name, image, replicas) in
            [("unused", KAFKA, 2), ("busy", KAFKA, 1), ("silent", KAFKA, 1), ("web", "registry.gov.internal/web:1", 1)]
        {
            let mut one = deployment(BORDER, name, image, replicas);
            one["spec"]["template"]["spec"]["containers"][0]["resources"] = requests();
            started(&cloud, &one).await;
        }
        a_database(&cloud).await;
        cloud.govern().await;
        Self { cloud, kubelet, prometheus, liar }
    }

    /// From where it is known how much is used.
    async fn look(&self, utilisation: &Value) {
        let patch = json!({"spec": {"utilisation": null}}).to_string();
        let line = ["patch", "governmentcloud", "national", "--type=merge", "-p"];
        if utilisation.is_null() {
            self.cloud.kubectl(CLOUD_OPERATOR, &[&line[..], &[&patch]].concat()).await.succeeds();
            return;
        }
        let patch = json!([{"op": "add", "path": "/spec/utilisation", "value": utilisation}]).to_string();
        let line = ["patch", "governmentcloud", "national", "--type=json", "-p", &patch];
        self.cloud.kubectl(CLOUD_OPERATOR, &line).await.succeeds();
    }

    async fn conditions(&self) -> Vec<Value> {
        let cloud = self.cloud.json(ADMIN, &["get", "governmentcloud", "national", "-o", "json"]).await;
        cloud["status"]["conditions"].as_array().cloned().unwrap_or_default()
    }

    /// Waits for a reason of the condition about it.
    async fn condition(&self, reason: &str) -> Value {
        eventually(&format!("Utilisation is {reason}"), || async {
            let conditions = self.conditions().await;
            let found = conditions.iter().find(|c| c["type"] == "Utilisation");
            found.filter(|c| c["reason"] == reason).cloned().ok_or_else(|| format!("{found:?}\n{}", self.cloud.operator_log()))
        })
        .await
    }
}

/// One CPU and 64 MiB, half of which the kubelet says to be in use.
fn requests() -> Value {
    let mut requests = limits("1");
    for list in ["requests", "limits"] {
        requests[list]["memory"] = json!("64Mi");
    }
    requests
}

/// A cluster of CloudNativePG with a pod, as its operator would make it.
async fn a_database(cloud: &Cloud) {
    let cluster = json!({
        "apiVersion": "postgresql.cnpg.io/v1", "kind": "Cluster", "metadata": {"namespace": BORDER, "name": "register"},
        "spec": {"instances": 1, "storage": {"size": "1Gi"}},
    });
    cloud.apply_json(ADMIN, &cluster).await.succeeds();
    let made = cloud.json(ADMIN, &["get", "clusters.postgresql.cnpg.io", "register", "-n", BORDER, "-o", "json"]).await;
    let mut instance = pod(BORDER, "register-1", "ghcr.io/cloudnative-pg/postgresql:17");
    instance["metadata"]["ownerReferences"] = json!([{"apiVersion": "postgresql.cnpg.io/v1", "kind": "Cluster", "name": "register",
        "uid": made["metadata"]["uid"], "controller": true}]);
    instance["spec"]["containers"][0]["resources"] = requests();
    started(cloud, &instance).await;
}

/// Admission starts no pod before it has seen the pool, which is a moment younger.
async fn started(cloud: &Cloud, object: &Value) {
    eventually("admission lets it start", || async {
        let said = cloud.apply_json(ADMIN, object).await;
        if said.ok { Ok(()) } else { Err(said.err) }
    })
    .await;
}

/// Waits until these are idle, and no others.
async fn idle(cloud: &Cloud, expected: &[&str]) {
    let line = |what: &&str| format!("Idle {what} in {BORDER} at agency-customs");
    let expected: Vec<_> = expected.iter().map(line).collect();
    stage::findings(cloud, |found| found.iter().filter(|line| line.starts_with("Idle")).eq(&expected)).await;
}
