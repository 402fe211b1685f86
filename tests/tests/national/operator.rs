//! The private sector: a service operator reaches the PGSB while it has its licence, and never the GSB.

use govcloud_tests::{
    eventually,
    fixtures::{deployment, example},
    people::REVIEWER_1,
};
use serde_json::json;

use super::stage::{DESK_ADMIN, DESK_DEVELOPER, DESK_REQUESTER, LAND_ADMIN, PARCEL_ADMIN, Stage, claim};

const DESK: &str = "citizen-desk";
const COUNTER: &str = "citizen-desk--counter";
const GSB: &str = "service claim national-exchange --plan gsb --timeout 80s";
const PGSB: &str = "service claim national-exchange-private --plan pgsb --timeout 80s";

/// Neither at the terminal nor past it.
pub async fn the_private_sector_is_not_on_the_gsb(stage: &Stage) {
    for (who, agency, project) in [(DESK_ADMIN, DESK, "counter"), (PARCEL_ADMIN, "parcel-startup", "maps")] {
        let only = ["for Government agencies only"];
        stage.says(who, agency, &format!("{GSB} --project {project}"), 5, &only).await;
        let line = "service search information exchange";
        stage
            .says(
                who,
                agency,
                line,
                0,
                &["for Government agencies only", "needs a licence: an active permit of class operator-licence"],
            )
            .await;
        let namespace = format!("{agency}--{project}");
        stage.cloud.apply_json(who, &claim(&namespace, "past-the-terminal", "national-exchange", "gsb", "")).await.succeeds();
        stage.until(&namespace, "past-the-terminal", "Rejected", "NotEligible").await;
        let given_back = "service release past-the-terminal --yes";
        stage.says(who, agency, &format!("{given_back} --project {project}"), 0, &["Released past-the-terminal"]).await;
    }
    // And the government is not on the PGSB.
    stage.says(LAND_ADMIN, "land-agency", &format!("{PGSB} --project e-land"), 5, &["ServiceOperator, Partner"]).await;
    stage
        .says(LAND_ADMIN, "land-agency", &format!("{GSB} --project e-land"), 0, &["Bound. Secret national-exchange-binding"])
        .await;
}

/// The licence is a permit, decided by the ministry like any other.
pub async fn with_a_licence_a_service_operator_reaches_the_pgsb(stage: &Stage) {
    let line = format!("{PGSB} --project counter");
    stage
        .says(
            DESK_ADMIN,
            DESK,
            &line,
            5,
            &["no active permit of class operator-licence", "permit request --class operator-licence"],
        )
        .await;
    stage.cloud.apply_json(DESK_ADMIN, &claim(COUNTER, "too-early", "national-exchange-private", "pgsb", "")).await.succeeds();
    stage.until(COUNTER, "too-early", "Rejected", "NotLicensed").await;
    stage.cloud.apply(DESK_REQUESTER, &example("07-national/8-operator-licence.yaml")).await.succeeds();
    stage.cloud.review(REVIEWER_1, "agency-citizen-desk", "operator-licence", "ministry:reviewers", "Approve").await.succeeds();
    stage.cloud.wait_for("processingpermit", "agency-citizen-desk", "operator-licence", "Ready").await;
    // Whoever asked before is served now, and nothing has to be repeated.
    stage.until(COUNTER, "too-early", "Bound", "Bound").await;
    stage.says(DESK_ADMIN, DESK, &line, 0, &["Bound. Secret national-exchange-private-binding", "10.31.0.0/24:443"]).await;
    stage.says(DESK_ADMIN, DESK, "service release too-early --project counter --yes", 0, &["Released"]).await;
    // The licence is for a gateway, and that may run.
    let mut gateway = deployment(COUNTER, "gateway", "registry.example/operator-gateway:1", 2);
    gateway["metadata"]["labels"] = json!({"govcloud.dev/processing": "operator-licence"});
    gateway["spec"]["template"]["metadata"]["labels"]["govcloud.dev/processing"] = json!("operator-licence");
    stage.cloud.attempt(DESK_DEVELOPER, &gateway).await.expect("the permit names it");
    stage.says(PARCEL_ADMIN, "parcel-startup", &format!("{PGSB} --project maps"), 5, &["licence"]).await;
}

/// Revoked, the licence takes the claim with it: no Secret, and no way through the network.
pub async fn and_loses_it_with_the_licence(stage: &Stage) {
    let revoke = "review revoke operator-licence --reason ContractEnded --yes";
    stage.says(REVIEWER_1, DESK, revoke, 0, &["revoked by"]).await;
    let withdrawn = stage.until(COUNTER, "national-exchange-private", "Rejected", "NotLicensed").await;
    assert!(withdrawn["status"]["binding"].is_null(), "{}", withdrawn["status"]);
    stage.until_gone("secret", COUNTER, "national-exchange-private-binding").await;
    stage.until_gone("networkpolicy", COUNTER, "govcloud-national-exchange-private").await;
    stage.says(DESK_ADMIN, DESK, "service claims", 0, &["Rejected", "no active permit of class operator-licence"]).await;
    nobody_is_served(stage).await;
}

/// Nobody revokes it; its time is over.
pub async fn and_when_a_licence_expires(stage: &Stage) {
    stage.cloud.apply_json(DESK_ADMIN, &claim(COUNTER, "season", "national-exchange-private", "pgsb", "")).await.succeeds();
    stage.until(COUNTER, "season", "Rejected", "NotLicensed").await;
    let short = example("07-national/8-operator-licence.yaml")
        .replace("name: operator-licence}", "name: season-licence}")
        .replace("duration: 8760h", "duration: 10s");
    stage.cloud.apply(DESK_REQUESTER, &short).await.succeeds();
    stage.cloud.review(REVIEWER_1, "agency-citizen-desk", "season-licence", "ministry:reviewers", "Approve").await.succeeds();
    // What was served in between is told when it is withdrawn, however late one looks.
    let selector = "--field-selector=involvedObject.name=season,reason=Withdrawn";
    eventually("it is told that the claim is withdrawn", || async {
        let events = stage.cloud.json(DESK_ADMIN, &["get", "events", "-n", COUNTER, selector, "-o", "json"]).await;
        let told = events["items"].as_array().is_some_and(|all| !all.is_empty());
        if told { Ok(()) } else { Err(stage.get("serviceclaim", COUNTER, "season").await["status"].to_string()) }
    })
    .await;
    let permit = stage.get("processingpermit", "agency-citizen-desk", "season-licence").await;
    assert_eq!(permit["status"]["phase"], "Expired", "{}", permit["status"]);
    stage.until(COUNTER, "season", "Rejected", "NotLicensed").await;
    stage.until_gone("secret", COUNTER, "season-binding").await;
    stage.until_gone("networkpolicy", COUNTER, "govcloud-season").await;
    nobody_is_served(stage).await;
}

async fn nobody_is_served(stage: &Stage) {
    eventually("the place is free again", || async {
        let service = stage.get("sharedservice", "", "national-exchange-private").await;
        if service["status"]["claims"] == 0 { Ok(()) } else { Err(service["status"].to_string()) }
    })
    .await;
}
