//! An agency shares spare capacity of its permit: the catalogue offers it, others ask, and the agency agrees or does not.

#[path = "sharing/stage.rs"]
mod stage;

use govcloud_tests::{
    Cloud, Setup,
    people::{ADMIN, AUDITOR, CLOUD_OPERATOR, CUSTOMS_ADMIN, CUSTOMS_REQUESTER, OPERATOR, TAX_ADMIN, TAX_REQUESTER},
};
use serde_json::json;

use stage::{BORDER, Stage};

#[tokio::test(flavor = "multi_thread")]
async fn what_an_agency_shares_is_used_when_it_agrees() {
    let cloud = Cloud::start(Setup::Government).await;
    let stage = Stage::set(cloud).await;
    the_catalogue_offers_it(&stage).await;
    nobody_is_served_before_the_agency_agreed(&stage).await;
    only_the_agency_agrees(&stage).await;
    who_asks_is_known_at_home_only(&stage).await;
    an_assessment_offers_it_to_others(&stage).await;
    a_consent_is_taken_back(&stage).await;
    it_ends_with_the_permit(&stage).await;
}

async fn the_catalogue_offers_it(stage: &Stage) {
    let service = stage.service().await;
    let spec = &service["spec"];
    assert_eq!(
        (&spec["provider"], &spec["processingClass"], &spec["zones"]),
        (&json!("customs"), &json!("message-broker"), &json!(["shiraz"]))
    );
    assert_eq!(spec["capacity"], json!({"brokers": "2", "storage": "2Ti"}), "what was offered and not granted is not there");
    let plans: Vec<_> = spec["plans"].as_array().into_iter().flatten().map(|plan| plan["name"].clone()).collect();
    assert_eq!(plans, ["all", "part"]);
    assert_eq!(service["metadata"]["labels"]["app.kubernetes.io/managed-by"], "govcloud");
}

async fn nobody_is_served_before_the_agency_agreed(stage: &Stage) {
    stage.claim("spare").await;
    stage.claim_says("spare", "Consented", "False").await;
    assert_ne!(stage.get("claim", "spare", stage::ANALYTICS).await["status"]["phase"], "Bound");
    assert_eq!(stage.service().await["status"]["claims"], 0);
}

/// In its own name, to claims of exactly this service, and nothing else of it.
async fn only_the_agency_agrees(stage: &Stage) {
    let uid = stage.uid("spare").await;
    let consent = |by: &str| json!({"spec": {"consents": [{"claim": uid, "by": by}]}});
    for (who, by, words) in [
        // Two guards refuse this, each for a reason of its own, and the API server says one of them.
        (TAX_ADMIN, "admin@tax", "'govcloud-guard-c"),
        (CLOUD_OPERATOR, "operator@ito", "nobody agrees in their place"),
        (ADMIN, "admin", "nobody agrees in their place"),
        (OPERATOR, "system:serviceaccount:govcloud-system:govcloud-operator", "nobody agrees in their place"),
        (CUSTOMS_REQUESTER, "requester@customs", "orbidden"),
        (CUSTOMS_ADMIN, "another@customs", "a consent carries your own user name"),
    ] {
        stage.refused(who, &consent(by), words).await;
    }
    let drafts = "A cloud operator publishes a draft";
    stage.refused(CUSTOMS_ADMIN, &json!({"spec": {"capacity": {"brokers": "9"}}}), drafts).await;
    stage.refused(CUSTOMS_ADMIN, &json!({"spec": {"eligibility": {"agencyTypes": ["Government"]}}}), drafts).await;
    stage.refused(CUSTOMS_ADMIN, &json!({"metadata": {"labels": {"a": "b"}}}), drafts).await;
    let both = json!({"spec": {"consents": [{"claim": uid, "by": "admin@customs"}], "description": "Mine."}});
    stage.refused(CUSTOMS_ADMIN, &both, drafts).await;
    stage
        .refused(CLOUD_OPERATOR, &json!({"spec": {"sharing": {"permit": "GC-2026-999999"}}}), "written by the operator alone")
        .await;
    stage.patch(CUSTOMS_ADMIN, &consent("admin@customs")).await;
    stage.claim_says("spare", "Ready", "True").await;
    let secret = stage.get("secret", "spare-binding", stage::ANALYTICS).await;
    assert_eq!(secret["type"], "servicebinding.io/shared-capacity", "{secret}");
}

async fn who_asks_is_known_at_home_only(stage: &Stage) {
    let request = stage.request_shown("spare", true).await;
    assert_eq!(
        (&request["agency"], &request["project"], &request["plan"]),
        (&json!("tax-administration"), &json!("analytics"), &json!("part"))
    );
    let home = ["get", "permit", "events", "-n", "agency-customs"];
    for (who, may) in [(CUSTOMS_REQUESTER, true), (AUDITOR, true), (TAX_ADMIN, false), (TAX_REQUESTER, false)] {
        assert_eq!(stage.cloud.kubectl(who, &home).await.ok, may, "{who}");
    }
    // What everybody may read says whose claims they are nowhere.
    let seen = stage.cloud.kubectl(TAX_ADMIN, &["get", "ssvc", &stage.name, "-o", "json"]).await.succeeds();
    assert!(!seen.contains("tax-administration") && !seen.contains("analytics"), "{seen}");
}

async fn an_assessment_offers_it_to_others(stage: &Stage) {
    let offers = stage.offers_to_land().await;
    let offer = offers.iter().find(|offer| offer["offer"] == format!("{}/part", stage.name)).expect("it is offered");
    assert_eq!(offer["result"], "Fits", "{offer}");
}

async fn a_consent_is_taken_back(stage: &Stage) {
    let uid = stage.uid("spare").await;
    stage.patch(CUSTOMS_ADMIN, &json!({"spec": {"consents": []}})).await;
    stage.claim_says("spare", "Ready", "False").await;
    stage.request_shown("spare", false).await;
    stage.patch(CUSTOMS_ADMIN, &json!({"spec": {"consents": [{"claim": uid, "by": "admin@customs"}]}})).await;
    stage.claim_says("spare", "Ready", "True").await;
}

/// Those who use it are warned and have the time that the agency itself has; with the last of them the service goes.
async fn it_ends_with_the_permit(stage: &Stage) {
    stage.withdraw().await;
    stage.claim_says("spare", "Draining", "True").await;
    let service = stage.service().await;
    assert!(service["spec"]["drain"]["by"].is_string(), "{service}");
    assert_eq!(service["spec"]["consents"].as_array().map(Vec::len), Some(1), "the operator took a consent away");
    assert_eq!(stage.get("claim", "spare", stage::ANALYTICS).await["status"]["phase"], "Bound");
    stage.cloud.kubectl(TAX_ADMIN, &["delete", "claim", "spare", "-n", stage::ANALYTICS]).await.succeeds();
    stage.gone().await;
    assert!(stage.cloud.kubectl(ADMIN, &["get", "namespace", BORDER]).await.ok);
}
