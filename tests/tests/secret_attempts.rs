//! Attempts to reach another tenant's Secret through claims and services. None succeeds, and each is told why.

use govcloud_tests::{
    Cloud, Setup,
    claims::{claim, condition, get, until, until_reason},
    eventually,
    people::{ADMIN, CLOUD_OPERATOR, CUSTOMS_ADMIN, CUSTOMS_DEVELOPER, TAX_ADMIN, TAX_DEVELOPER},
    provisioner::Provisioner,
};
use serde_json::{Value, json};

const TAX: &str = "tax-administration--filing";
const CUSTOMS: &str = "customs--border";
/// What nobody but tax may see; in base64.
const WORD: &str = "dGhlIHRheCBmaWxlcw==";

fn secret(namespace: &str, name: &str, label: Option<&str>) -> Value {
    let labels = label.map(|label| json!({"govcloud.dev/bindable": label})).unwrap_or(json!({}));
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"namespace": namespace, "name": name, "labels": labels},
        "data": {"password": WORD, "token": WORD}})
}

fn service(name: &str, provider: &str, binding: Value) -> Value {
    let mut spec = json!({"displayName": "A service", "provider": provider, "processingClass": "message-broker",
        "plans": [{"name": "small", "capacity": {"brokers": "1"}}], "capacity": {"brokers": "9"}, "binding": binding});
    spec["binding"]["type"] = json!("kafka");
    json!({"apiVersion": "govcloud.dev/v1alpha1", "kind": "SharedService", "metadata": {"name": name}, "spec": spec})
}

fn from(namespace: &str, name: &str) -> Value {
    json!({"credentialsFrom": {"namespace": namespace, "name": name}})
}

async fn secrets(cloud: &Cloud, namespace: &str) -> String {
    cloud.kubectl(ADMIN, &["get", "secrets", "-n", namespace, "-o", "yaml"]).await.succeeds()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_tenant_reaches_the_secret_of_another() {
    let cloud = Cloud::start(Setup::Government).await;
    cloud.project("tax-administration", TAX_ADMIN, "filing", "1").await;
    cloud.project("customs", CUSTOMS_ADMIN, "border", "1").await;
    cloud.apply_json(TAX_DEVELOPER, &secret(TAX, "filing", Some("true"))).await.succeeds();
    through_a_service(&cloud).await;
    through_a_token(&cloud).await;
    through_a_draft(&cloud).await;
    after_the_label_is_gone(&cloud).await;
    through_a_claim(&cloud).await;
    by_forgery(&cloud).await;
    by_reading(&cloud).await;
    assert!(!secrets(&cloud, CUSTOMS).await.contains(WORD), "customs has it");
    let objects = ["get", "serviceclaims,sharedservices,events", "-A", "-o", "yaml"];
    let said = cloud.kubectl(ADMIN, &objects).await.succeeds();
    assert!(!said.contains("the tax files"), "somebody said it");
}

/// A cloud operator may be talked into anything; where the Secret is decides.
async fn through_a_service(cloud: &Cloud) {
    for (namespace, name, label) in [
        ("shared-streaming", "unlabelled", None),
        ("shared-streaming", "labelled-false", Some("false")),
        ("kube-system", "of-the-cluster", Some("true")),
        ("agency-tax-administration", "at-home", Some("true")),
        ("default", "anywhere", Some("true")),
    ] {
        cloud.apply_json(ADMIN, &secret(namespace, name, label)).await.succeeds();
    }
    let table = [
        ("another-tenants", "ito", from(TAX, "filing"), "may not use Secret"),
        ("as-customs", "customs", from(TAX, "filing"), "may not use Secret"),
        ("at-home", "ito", from("agency-tax-administration", "at-home"), "may not use Secret"),
        ("of-the-cluster", "ito", from("kube-system", "of-the-cluster"), "may not use Secret"),
        ("anywhere", "ito", from("default", "anywhere"), "may not use Secret"),
        ("unlabelled", "ito", from("shared-streaming", "unlabelled"), "does not carry the label"),
        ("labelled-false", "ito", from("shared-streaming", "labelled-false"), "does not carry the label"),
        ("missing", "ito", from("shared-streaming", "missing"), "is not there"),
    ];
    for (name, provider, binding, words) in table {
        cloud.apply_json(CLOUD_OPERATOR, &service(name, provider, binding)).await.succeeds();
        cloud.apply_json(CUSTOMS_ADMIN, &claim(CUSTOMS, name, name, "small")).await.succeeds();
        let claim = until_reason(cloud, (CUSTOMS, name), "Ready", "NoCredentials").await;
        let message = condition(&claim, "Ready")["message"].to_string();
        assert!(message.contains(words), "{name}: {message}");
        assert!(claim["status"]["binding"].is_null(), "{name}");
        let said = cloud.kubectl(ADMIN, &["get", "secret", &format!("{name}-binding"), "-n", CUSTOMS]).await;
        said.refused_with("not found");
    }
}

/// Nor is it sent to anybody as a token.
async fn through_a_token(cloud: &Cloud) {
    let provisioner = Provisioner::start(None).await;
    for (name, namespace, of) in [("token-of-tax", TAX, "filing"), ("token-unlabelled", "shared-streaming", "unlabelled")] {
        let binding = json!({"provisioner": {"url": provisioner.url(), "tokenFrom": {"namespace": namespace, "name": of}}});
        cloud.apply_json(CLOUD_OPERATOR, &service(name, "customs", binding)).await.succeeds();
        cloud.apply_json(CUSTOMS_ADMIN, &claim(CUSTOMS, name, name, "small")).await.succeeds();
        until_reason(cloud, (CUSTOMS, name), "Provisioned", "NoToken").await;
    }
    assert!(provisioner.calls().is_empty(), "it was called");
}

/// A draft is inert, also if what it names would be allowed.
async fn through_a_draft(cloud: &Cloud) {
    for (name, binding) in [("draft-of-tax", from(TAX, "filing")), ("draft", from("shared-streaming", "agency-credentials"))] {
        let mut draft = service(name, "customs", binding);
        draft["spec"]["stage"] = json!("Draft");
        cloud.apply_json(CLOUD_OPERATOR, &draft).await.succeeds();
        cloud.apply_json(CUSTOMS_ADMIN, &claim(CUSTOMS, name, name, "small")).await.succeeds();
        let claim = until_reason(cloud, (CUSTOMS, name), "Eligible", "Draft").await;
        assert_eq!((&claim["status"]["phase"], &claim["status"]["binding"]), (&json!("Rejected"), &Value::Null));
    }
}

/// What its provider does not hand on any more is not copied any more.
async fn after_the_label_is_gone(cloud: &Cloud) {
    let mut handed = secret("shared-streaming", "handed", Some("true"));
    handed["data"] = json!({"password": "Zmlyc3Q="});
    cloud.apply_json(ADMIN, &handed).await.succeeds();
    cloud.apply_json(CLOUD_OPERATOR, &service("handed", "ito", from("shared-streaming", "handed"))).await.succeeds();
    cloud.apply_json(CUSTOMS_ADMIN, &claim(CUSTOMS, "handed", "handed", "small")).await.succeeds();
    until_reason(cloud, (CUSTOMS, "handed"), "Ready", "Bound").await;
    cloud.kubectl(ADMIN, &["label", "secret", "handed", "-n", "shared-streaming", "govcloud.dev/bindable-"]).await.succeeds();
    until_reason(cloud, (CUSTOMS, "handed"), "Ready", "NoCredentials").await;
    let unlabelled = secret("shared-streaming", "handed", None);
    cloud.apply_json(ADMIN, &unlabelled).await.succeeds();
    // A claim made now was looked at after the change.
    cloud.apply_json(CUSTOMS_ADMIN, &claim(CUSTOMS, "handed-later", "handed", "small")).await.succeeds();
    until_reason(cloud, (CUSTOMS, "handed-later"), "Ready", "NoCredentials").await;
    let bound = cloud.json(ADMIN, &["get", "secret", "handed-binding", "-n", CUSTOMS, "-o", "json"]).await;
    assert_eq!(bound["data"]["password"], "Zmlyc3Q=", "what was handed on stays, and nothing new comes");
}

async fn through_a_claim(cloud: &Cloud) {
    // A name that makes its Secret one that is there.
    let own = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"namespace": TAX, "name": "filed-binding"}, "data": {"password": WORD}});
    cloud.apply_json(TAX_DEVELOPER, &own).await.succeeds();
    cloud.apply_json(TAX_ADMIN, &claim(TAX, "filed", "national-streaming", "standard")).await.succeeds();
    until_reason(cloud, (TAX, "filed"), "Ready", "SecretExists").await;
    let kept = cloud.json(ADMIN, &["get", "secret", "filed-binding", "-n", TAX, "-o", "json"]).await;
    assert_eq!(kept["data"], json!({"password": WORD}));
    // Another service under a claim that has its place already.
    let arguments =
        ["patch", "claim", "handed", "-n", CUSTOMS, "--type=merge", "-p", r#"{"spec":{"sharedService":"another-tenants"}}"#];
    cloud.kubectl(CUSTOMS_ADMIN, &arguments).await.refused_with("the service of a claim cannot be changed");
    // A status that says that it was moved there.
    let moved = json!({"status": {"servedBy": "another-tenants", "phase": "Bound"}}).to_string();
    let arguments = ["patch", "claim", "handed", "-n", CUSTOMS, "--subresource=status", "--type=merge", "-p", &moved];
    let said = cloud.kubectl(CUSTOMS_ADMIN, &arguments).await;
    assert!(!said.ok, "customs wrote a status: {}", said.out);
    // In another agency's project.
    let said = cloud.apply_json(CUSTOMS_ADMIN, &claim(TAX, "stolen", "national-streaming", "standard")).await;
    said.refused_with("forbidden");
}

/// A Secret of one's own that says it belongs to another agency's claim is not filled with what that claim has.
async fn by_forgery(cloud: &Cloud) {
    cloud.apply_json(TAX_ADMIN, &claim(TAX, "events", "national-streaming", "standard")).await.succeeds();
    let theirs = until_reason(cloud, (TAX, "events"), "Ready", "Bound").await;
    let uid = &theirs["metadata"]["uid"];
    let owner = json!([{"apiVersion": "govcloud.dev/v1alpha1", "kind": "ServiceClaim", "name": "events", "uid": uid, "controller": true}]);
    let record =
        json!({"service": "national-streaming", "claim": uid, "rotation": 0, "plan": "standard", "entries": [], "digest": ""});
    let forged = json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {"namespace": CUSTOMS, "name": "events-binding", "ownerReferences": owner,
            "labels": {"govcloud.dev/claim": uid, "govcloud.dev/agency": "customs", "govcloud.dev/project": "border"},
            "annotations": {"govcloud.dev/provisioned": record.to_string()}},
        "data": {"mine": "eWVz"},
    });
    let made = cloud.apply_json(CUSTOMS_DEVELOPER, &forged).await;
    cloud.apply_json(CUSTOMS_ADMIN, &claim(CUSTOMS, "events", "national-streaming", "standard")).await.succeeds();
    if made.ok {
        // The garbage collector may take it away, because its owner is not there; then the claim's own comes.
        until(cloud, (CUSTOMS, "events"), "it is looked at", |claim| {
            let reason = condition(claim, "Ready")["reason"].clone();
            reason == "SecretExists" || reason == "Bound"
        })
        .await;
    }
    let secret = cloud.json(ADMIN, &["get", "secret", "events-binding", "-n", TAX, "-o", "json"]).await;
    assert_eq!(secret["metadata"]["ownerReferences"][0]["uid"], *uid, "that of tax is its own");
    // With one's own claim as owner it is only one's own Secret, which is given what the claim has.
    eventually("customs' claim is bound or in its own way", || async {
        let claim = get(cloud, CUSTOMS, "events").await;
        let reason = condition(&claim, "Ready")["reason"].clone();
        if reason == "SecretExists" || reason == "Bound" { Ok(()) } else { Err(claim["status"].to_string()) }
    })
    .await;
}

async fn by_reading(cloud: &Cloud) {
    for (persona, namespace, name) in [
        (CUSTOMS_DEVELOPER, TAX, "filing"),
        (CUSTOMS_ADMIN, TAX, "events-binding"),
        (CUSTOMS_DEVELOPER, "shared-streaming", "agency-credentials"),
        (TAX_ADMIN, "shared-streaming", "agency-credentials"),
        (TAX_DEVELOPER, "agency-tax-administration", "at-home"),
        (CUSTOMS_DEVELOPER, "govcloud-system", "any"),
    ] {
        cloud.kubectl(persona, &["get", "secret", name, "-n", namespace]).await.refused_with("forbidden");
        cloud.kubectl(persona, &["get", "secrets", "-n", namespace, "--watch"]).await.refused_with("forbidden");
    }
}
