//! Claims whose Secret is somebody else's.

use govcloud_tests::{
    Cloud, eventually,
    people::{ADMIN, CUSTOMS_ADMIN, CUSTOMS_DEVELOPER},
};
use serde_json::{Value, json};

use super::steps::{self, condition, delete, get, until, until_denied};

const PLACE: &str = "libraries--books";

fn claim(name: &str, service: &str) -> Value {
    json!({
        "apiVersion": "govcloud.dev/v1alpha1", "kind": "ServiceClaim", "metadata": {"namespace": PLACE, "name": name},
        "spec": {"sharedService": service, "plan": "standard", "purpose": "A test"},
    })
}

/// A Secret of the name that the claim's binding would have, made by the developer.
async fn own_secret(cloud: &Cloud, claim: &str) -> Value {
    let name = format!("{claim}-binding");
    cloud
        .kubectl(CUSTOMS_DEVELOPER, &["create", "secret", "generic", &name, "-n", PLACE, "--from-literal=mine=yes"])
        .await
        .succeeds();
    get(cloud, "secret", PLACE, &name).await
}

/// What is not the claim's own is neither overwritten nor deleted, and says what is in the way.
pub async fn a_secret_of_the_developer_is_never_touched(cloud: &Cloud) {
    steps::open(cloud, "libraries").await;
    cloud.project("libraries", CUSTOMS_ADMIN, "books", "1").await;
    a_claim_waits_until_the_name_is_free(cloud).await;
    a_secret_that_was_made_immutable_is_made_anew(cloud).await;
    for (name, service, condition, reason) in
        [("waiting", "national-streaming", "Ready", "SecretExists"), ("rejected", "nowhere", "Eligible", "NoSuchService")]
    {
        let before = own_secret(cloud, name).await;
        cloud.apply_json(CUSTOMS_ADMIN, &claim(name, service)).await.succeeds();
        until_denied(cloud, ("claim", PLACE, name), condition, reason).await;
        delete(cloud, CUSTOMS_ADMIN, "claim", PLACE, name).await;
        // The service has taken note of the deletion, so all that follows from it was done.
        until(cloud, ("ssvc", "", "national-streaming"), "one claim is left", |service| service["status"]["claims"] == 1).await;
        assert_eq!(get(cloud, "secret", PLACE, &format!("{name}-binding")).await, before);
    }
}

async fn a_claim_waits_until_the_name_is_free(cloud: &Cloud) {
    let before = own_secret(cloud, "events").await;
    cloud.apply_json(CUSTOMS_ADMIN, &claim("events", "national-streaming")).await.succeeds();
    let events = ("claim", PLACE, "events");
    let waiting = until_denied(cloud, events, "Ready", "SecretExists").await;
    let message = condition(&waiting, "Ready")["message"].to_string();
    assert!(message.contains("Secret events-binding already") && message.contains("Rename or delete it"), "{message}");
    assert_eq!(waiting["status"]["phase"], "Pending");
    assert!(waiting["status"]["binding"].is_null(), "{waiting}");
    assert_eq!(get(cloud, "secret", PLACE, "events-binding").await, before);

    delete(cloud, CUSTOMS_DEVELOPER, "secret", PLACE, "events-binding").await;
    until(cloud, events, "it is bound", |claim| claim["status"]["phase"] == "Bound").await;
    let secret = get(cloud, "secret", PLACE, "events-binding").await;
    assert_eq!((&secret["type"], &secret["data"]["mine"]), (&json!("servicebinding.io/kafka"), &Value::Null), "{secret}");
    eventually("the way to it is open", || async {
        let said = cloud.kubectl(ADMIN, &["get", "networkpolicy", "govcloud-events", "-n", PLACE]).await;
        if said.ok { Ok(()) } else { Err(said.err) }
    })
    .await;
}

/// Also if it lost the label by which the operator watches it.
async fn a_secret_that_was_made_immutable_is_made_anew(cloud: &Cloud) {
    let hidden = json!({"immutable": true, "metadata": {"labels": {"app.kubernetes.io/managed-by": null}}}).to_string();
    let patch = ["patch", "secret", "events-binding", "-n", PLACE, "--type=merge", "-p", &hidden];
    cloud.kubectl(CUSTOMS_DEVELOPER, &patch).await.succeeds();
    until(cloud, ("secret", PLACE, "events-binding"), "it is made anew", |secret| {
        secret["immutable"].is_null() && secret["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "govcloud"
    })
    .await;
    until(cloud, ("claim", PLACE, "events"), "it is bound", |claim| claim["status"]["phase"] == "Bound").await;
}
