//! What is claimed in a home reaches every project of the agency, so nobody writes there by hand.

use govcloud_tests::{
    Cloud,
    people::{ADMIN, CLOUD_OPERATOR, CUSTOMS_ADMIN, CUSTOMS_DEVELOPER, CUSTOMS_REQUESTER, REVIEWER_1},
    remedy::{Attack, Remedy, hold, repaired, spring, trap},
};
use serde_json::{Value, json};

use super::steps::{BORDER, HOME, until, until_gone};

fn claim() -> Value {
    json!({
        "apiVersion": "govcloud.dev/v1alpha1", "kind": "ServiceClaim",
        "metadata": {"namespace": HOME, "name": "mine", "labels": {"govcloud.dev/entitled": "true", "app.kubernetes.io/managed-by": "govcloud"}},
        "spec": {"sharedService": "national-streaming", "plan": "large"},
    })
}

pub async fn nobody_else_writes_a_claim_in_a_home(cloud: &Cloud) {
    for who in [CUSTOMS_ADMIN, CUSTOMS_REQUESTER, CUSTOMS_DEVELOPER, REVIEWER_1] {
        Attack::create(who, &claim()).is_refused(cloud, "orbidden").await;
        Attack::patch(who, "claim/identity -n agency-customs", &json!({"spec": {"plan": "other"}}))
            .is_refused(cloud, "orbidden")
            .await;
        Attack::kubectl(who, "delete claim/identity -n agency-customs").is_refused(cloud, "orbidden").await;
    }
    Attack::kubectl(CLOUD_OPERATOR, "delete claim/identity -n agency-customs").is_refused(cloud, "orbidden").await;
    let guard = "govcloud-guard-home-claims";
    let by_operator = "are made and withdrawn by the operator";
    Attack::kubectl(ADMIN, "delete claim/identity -n agency-customs").is_refused(cloud, by_operator).await;
    let changed = Attack::patch(ADMIN, "claim/identity -n agency-customs", &json!({"spec": {"rotation": 7}}));
    changed.is_refused(cloud, by_operator).await;
    let traps = [trap("a claim made in a home", Attack::create(ADMIN, &claim()), by_operator, Remedy::Bindings(guard))];
    hold(cloud, &traps).await;
    spring(cloud, &traps).await;
    repaired(cloud, &traps).await;
}

/// An agency's people may put any labels on a claim in their project; it stays one of that project.
pub async fn labels_make_no_entitlement(cloud: &Cloud) {
    let mut forged = claim();
    (forged["metadata"]["namespace"], forged["metadata"]["name"]) = (json!(BORDER), json!("forged"));
    forged["spec"]["plan"] = json!("standard");
    cloud.create_json(CUSTOMS_ADMIN, &forged).await.succeeds();
    until(cloud, "claim", BORDER, "forged", "is bound", |claim| claim["status"]["phase"] == "Bound").await;
    let secret = cloud.json(CUSTOMS_DEVELOPER, &["get", "secret", "forged-binding", "-n", BORDER, "-o", "json"]).await;
    assert_eq!(secret["metadata"]["ownerReferences"][0]["name"], "forged", "{secret}");
    assert_eq!(secret["metadata"]["labels"]["govcloud.dev/claim"], Value::Null, "{secret}");
    cloud.kubectl(ADMIN, &["get", "networkpolicy", "govcloud-forged", "-n", BORDER]).await.succeeds();
    cloud.kubectl(CUSTOMS_ADMIN, &["delete", "claim", "forged", "-n", BORDER]).await.succeeds();
    until_gone(cloud, "secret", BORDER, "forged-binding").await;
}
