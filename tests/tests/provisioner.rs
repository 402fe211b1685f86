//! A provisioner that answers slowly, twice, wrongly, elsewhere or not at all: no credentials twice, none anywhere but in the
//! Secret, and the claim says what is wrong.

use axum::http::{Method, StatusCode};
use govcloud_tests::{
    Cloud, Gate, OperatorProcess, Setup,
    claims::{claim, condition, get, rotate, until_provisioned, until_reason},
    eventually,
    people::{ADMIN, CLOUD_OPERATOR, CUSTOMS_ADMIN, CUSTOMS_DEVELOPER},
    provisioner::{Behaviour, Provisioner, service, token},
};
use serde_json::{Value, json};

const PLACE: &str = "customs--border";

struct Stage {
    cloud: Cloud,
    provisioner: Provisioner,
}

impl Stage {
    async fn set() -> Self {
        let provisioner = Provisioner::start(None).await;
        let cloud = Cloud::start(Setup::Government).await;
        cloud.project("customs", CUSTOMS_ADMIN, "border", "1").await;
        let stage = Self { cloud, provisioner };
        stage.offer("database", &stage.provisioner, "1s").await;
        stage
    }

    async fn offer(&self, name: &str, provisioner: &Provisioner, timeout: &str) {
        self.cloud.apply_json(ADMIN, &token(name, provisioner)).await.succeeds();
        self.cloud.apply_json(CLOUD_OPERATOR, &service(name, provisioner, timeout, 40)).await.succeeds();
    }

    async fn claim(&self, name: &str, service: &str) {
        self.cloud.apply_json(CUSTOMS_ADMIN, &claim(PLACE, name, service, "small")).await.succeeds();
    }

    /// The Secret with the token is written anew: whoever refused is asked again at once.
    async fn mended(&self) {
        let mut token = token("database", &self.provisioner);
        token["metadata"]["annotations"] = json!({"mended": govcloud_operator::clock::now().to_string()});
        self.cloud.apply_json(ADMIN, &token).await.succeeds();
    }

    async fn secret(&self, claim: &str) -> Value {
        self.cloud.json(CUSTOMS_DEVELOPER, &["get", "secret", &format!("{claim}-binding"), "-n", PLACE, "-o", "json"]).await
    }

    /// Panics if anything secret is where people look.
    async fn nothing_leaked(&self) {
        let log = std::fs::read_to_string(self.cloud.plane.dir().join("operator.log")).expect("a log");
        let objects = ["get", "sharedservices,serviceclaims,events", "-A", "-o", "yaml"];
        let objects = self.cloud.kubectl(ADMIN, &objects).await.succeeds();
        let metrics = reqwest::get(format!("http://{}/metrics", self.cloud.operator_address)).await.expect("metrics");
        let metrics = metrics.text().await.expect("a text");
        let words = self.provisioner.words().into_iter().chain(["leaked-word".to_owned()]);
        for word in words {
            let places = [("the log", &log), ("an object", &objects), ("the metrics", &metrics)];
            for (place, text) in places {
                assert!(!text.contains(&word), "a secret word is in {place}");
            }
        }
        assert!(metrics.contains("govcloud_provisioner_calls_total{service=\"database\""), "{metrics}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_misbehaves_is_named_and_nothing_is_made_twice() {
    let mut stage = Stage::set().await;
    each_misbehaviour_has_its_reason(&stage).await;
    nobody_listens(&mut stage).await;
    nobody_goes_where_it_sends(&stage).await;
    without_a_token_it_is_not_called(&stage).await;
    assert_eq!(stage.provisioner.most_made(), 1, "for one number one set is made, however often it is asked");
    stage.nothing_leaked().await;
    what_was_altered_is_put_right(&stage).await;
    an_old_set_ends_only_when_that_is_confirmed(&stage).await;
    assert_eq!(stage.provisioner.most_made(), 1);
    stage.nothing_leaked().await;
}

async fn each_misbehaviour_has_its_reason(stage: &Stage) {
    let says = |text: &str| Behaviour::Says(text.to_owned());
    let many: serde_json::Map<_, _> = (0..33).map(|i| (format!("leaked-word-{i}"), json!("x"))).collect();
    let table = [
        ("slow", Behaviour::Silent, "TimedOut", "within 1s"),
        ("failing", Behaviour::Status(StatusCode::INTERNAL_SERVER_ERROR), "ProvisionerFails", "500"),
        ("busy", Behaviour::Status(StatusCode::TOO_MANY_REQUESTS), "ProvisionerFails", "429"),
        ("empty", Behaviour::Status(StatusCode::NO_CONTENT), "BadAnswer", "204"),
        ("page", says("<html>leaked-word</html>"), "BadAnswer", "JSON"),
        ("cut-off", says(r#"{"credentials": {"password": "leaked-word"#), "BadAnswer", "JSON"),
        ("path", says(r#"{"credentials": {"../leaked-word": "leaked-word"}}"#), "BadAnswer", "name of an entry"),
        ("type", says(r#"{"credentials": {"type": "leaked-word", "password": "x"}}"#), "BadAnswer", "type and provider"),
        ("many", says(&json!({"credentials": many}).to_string()), "BadAnswer", "33 entries"),
        ("endless", Behaviour::Endless, "BadAnswer", "64 KiB"),
    ];
    for (name, behaviour, reason, words) in table {
        stage.provisioner.behave(behaviour);
        stage.claim(name, "database").await;
        let claim = until_reason(&stage.cloud, (PLACE, name), "Provisioned", reason).await;
        let message = condition(&claim, "Provisioned")["message"].as_str().unwrap_or_default().to_owned();
        assert!(message.contains(words) && message.contains("tell ito"), "{name}: {message}");
        assert_eq!(condition(&claim, "Ready")["reason"], reason, "{name}");
        assert_eq!(claim["status"]["phase"], "Pending", "{name}");
        assert!(stage.secret(name).await.is_null(), "{name} has a Secret");
        stage.provisioner.behave(Behaviour::Well);
        until_provisioned(&stage.cloud, (PLACE, name), 0).await;
    }
    let calls = stage.provisioner.calls();
    for call in calls.iter().filter(|call| call.method == Method::PUT) {
        let told: Value = serde_json::from_slice(&call.body).expect("JSON");
        let key = call.headers["idempotency-key"].to_str().expect("a text").to_owned();
        let (uid, number) = key.split_once('/').expect("a uid and a number");
        assert_eq!(call.path, format!("/v1/claims/{uid}/credentials/{number}"));
        assert_eq!((&told["service"], &told["plan"], &told["agency"]), (&json!("database"), &json!("small"), &json!("customs")));
        assert_eq!((&told["project"], &told["purpose"]), (&json!("border"), &json!("A test")));
    }
}

async fn nobody_listens(stage: &mut Stage) {
    stage.provisioner.down().await;
    stage.claim("down", "database").await;
    until_reason(&stage.cloud, (PLACE, "down"), "Provisioned", "Unreachable").await;
    stage.provisioner.up().await;
    until_provisioned(&stage.cloud, (PLACE, "down"), 0).await;
}

async fn nobody_goes_where_it_sends(stage: &Stage) {
    let elsewhere = Provisioner::start(None).await;
    let table = [
        ("moved", Behaviour::Redirects(format!("{}/claims", elsewhere.url()))),
        ("forbidden", Behaviour::Status(StatusCode::FORBIDDEN)),
        ("gone", Behaviour::Status(StatusCode::GONE)),
    ];
    for (name, behaviour) in table {
        stage.provisioner.behave(behaviour);
        stage.claim(name, "database").await;
        until_reason(&stage.cloud, (PLACE, name), "Provisioned", "Refused").await;
        stage.provisioner.behave(Behaviour::Well);
        stage.mended().await;
        until_provisioned(&stage.cloud, (PLACE, name), 0).await;
    }
    assert!(elsewhere.calls().is_empty(), "a redirection was followed");
}

async fn without_a_token_it_is_not_called(stage: &Stage) {
    let label = |value: &'static str| {
        let arguments = ["label", "secret", "database-token", "-n", "shared-streaming", "--overwrite", value];
        async move { stage.cloud.kubectl(ADMIN, &arguments).await.succeeds() }
    };
    label("govcloud.dev/bindable-").await;
    // The operator knows that the label is gone when a claim of the service says so.
    let before = stage.provisioner.calls().len();
    eventually("the token cannot be had", || async {
        stage.claim("tokenless", "database").await;
        let claim = get(&stage.cloud, PLACE, "tokenless").await;
        let provisioned = condition(&claim, "Provisioned");
        if provisioned["reason"] == "NoToken" { Ok(()) } else { Err(provisioned.to_string()) }
    })
    .await;
    let called = stage.provisioner.calls().len() - before;
    label("govcloud.dev/bindable=true").await;
    let claim = until_provisioned(&stage.cloud, (PLACE, "tokenless"), 0).await;
    assert_eq!(called, 0, "{claim}");
}

/// By asking for the same again, which makes nothing new.
async fn what_was_altered_is_put_right(stage: &Stage) {
    let before = stage.secret("slow").await;
    let patch = json!({"data": {"password": "eA==", "more": "eA=="}}).to_string();
    let arguments = ["patch", "secret", "slow-binding", "-n", PLACE, "--type=merge", "-p", &patch];
    stage.cloud.kubectl(CUSTOMS_DEVELOPER, &arguments).await.succeeds();
    eventually("the Secret is as it was", || async {
        let now = stage.secret("slow").await;
        if now["data"] == before["data"] { Ok(()) } else { Err(now["metadata"].to_string()) }
    })
    .await;
}

/// Until then the claim says so, and no restart forgets it.
async fn an_old_set_ends_only_when_that_is_confirmed(stage: &Stage) {
    let place = (PLACE, "failing");
    let claim = get(&stage.cloud, PLACE, place.1).await;
    let uid = claim["metadata"]["uid"].as_str().expect("a uid").to_owned();
    stage.provisioner.behave(Behaviour::Says("no".to_owned()));
    rotate(&stage.cloud, CUSTOMS_ADMIN, place, 1).await;
    let waiting = until_reason(&stage.cloud, place, "Provisioned", "BadAnswer").await;
    assert_eq!((&waiting["status"]["phase"], &waiting["status"]["rotation"]), (&json!("Bound"), &json!(0)), "the old set serves");
    assert_eq!(stage.secret(place.1).await["data"]["generation"], "MA==");
    stage.provisioner.behave(Behaviour::Well);
    until_provisioned(&stage.cloud, place, 1).await;
    assert_eq!(stage.provisioner.live(&uid), [1]);
    stage.provisioner.behave(Behaviour::Keeps(StatusCode::ACCEPTED));
    rotate(&stage.cloud, CUSTOMS_ADMIN, place, 2).await;
    let waiting = until_reason(&stage.cloud, place, "Provisioned", "ProvisionerFails").await;
    let message = condition(&waiting, "Provisioned")["message"].to_string();
    assert!(message.contains("the old ones are still to be ended") && message.contains("202"), "{message}");
    assert_eq!((&waiting["status"]["phase"], &waiting["status"]["rotation"]), (&json!("Bound"), &json!(1)));
    assert_eq!(stage.secret(place.1).await["data"]["generation"], "Mg==", "the new ones are there before the old ones end");
    assert_eq!(stage.provisioner.live(&uid), [1, 2]);
    stage.cloud.kill_operator().await;
    stage.provisioner.behave(Behaviour::Well);
    stage.cloud.start_operator().await;
    until_provisioned(&stage.cloud, place, 2).await;
    assert_eq!(stage.provisioner.live(&uid), [2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_does_not_answer_holds_up_only_its_own_claims() {
    let stage = Stage::set().await;
    let silent = Provisioner::start(None).await;
    silent.behave(Behaviour::Silent);
    stage.offer("silent", &silent, "60s").await;
    let names: Vec<_> = (0..30).map(|i| format!("waits-{i}")).collect();
    for name in &names {
        stage.claim(name, "silent").await;
    }
    eventually("as many calls are under way as may be", || async {
        let calls = silent.calls().len();
        if calls >= 8 { Ok(()) } else { Err(calls.to_string()) }
    })
    .await;
    for i in 0..3 {
        let name = format!("served-{i}");
        stage.claim(&name, "database").await;
        until_provisioned(&stage.cloud, (PLACE, &name), 0).await;
    }
    assert_eq!(silent.calls().len(), 8, "more calls of one service are under way than may be");
    silent.behave(Behaviour::Well);
    for name in &names {
        until_provisioned(&stage.cloud, (PLACE, name), 0).await;
    }
    assert_eq!((silent.most_made(), silent.calls().len()), (1, 30), "each was asked for once");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_that_is_killed_between_the_answer_and_the_secret_makes_nothing_twice() {
    let stage = Stage::set().await;
    stage.cloud.kill_operator().await;
    let gate = Gate::open(&stage.cloud, "gated").await;
    let gated = OperatorProcess::start(&stage.cloud, "gated", Some(gate.kubeconfig())).await;
    let write = gate.hold(Method::PATCH, "/secrets/events-binding");
    stage.claim("events", "database").await;
    let write = write.caught().await;
    assert_eq!(stage.provisioner.most_made(), 1);
    gated.kill().await;
    assert!(stage.secret("events").await.is_null());
    stage.cloud.start_operator().await;
    let claim = until_provisioned(&stage.cloud, (PLACE, "events"), 0).await;
    let uid = claim["metadata"]["uid"].as_str().expect("a uid");
    assert_eq!((stage.provisioner.most_made(), stage.provisioner.live(uid)), (1, vec![0]));
    stage.nothing_leaked().await;
    drop(write); // it went with the operator that sent it
}
