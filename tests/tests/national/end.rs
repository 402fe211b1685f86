//! Plans change, and services end.

use govcloud_tests::{eventually, people::CLOUD_OPERATOR};
use serde_json::{Value, json};

use super::stage::{LAND_ADMIN, Stage};

const LAND: &str = "land-agency";
const E_LAND: &str = "land-agency--e-land";

/// The Secret stays where it is; what is given back is there for others.
pub async fn a_claim_changes_its_plan_and_is_released(stage: &Stage) {
    let change = "service change national-exchange --project e-land --timeout 80s";
    stage.says(LAND_ADMIN, LAND, &format!("{change} --plan gsb-10"), 2, &["Plan gsb-10 takes 10 endpoints", "--yes"]).await;
    stage.says(LAND_ADMIN, LAND, &format!("{change} --plan pgsb --yes"), 5, &["has no plan pgsb"]).await;
    stage.says(LAND_ADMIN, LAND, &format!("{change} --plan gsb-10 --yes"), 0, &["has plan gsb-10 now"]).await;
    stage.says(LAND_ADMIN, LAND, &format!("{change} --plan gsb-10 --yes"), 0, &["asks for plan gsb-10 already"]).await;
    let claim = stage.get("serviceclaim", E_LAND, "national-exchange").await;
    assert_eq!(
        (&claim["status"]["plan"], &claim["status"]["binding"]["name"]),
        (&json!("gsb-10"), &json!("national-exchange-binding"))
    );
    let rotate = "service rotate national-exchange --project e-land";
    stage.says(LAND_ADMIN, LAND, rotate, 2, &["hands out no credentials"]).await;
    let release = "service release services-window --project e-land";
    stage.says(LAND_ADMIN, LAND, release, 2, &["With it goes:", "services-window-binding", "--yes"]).await;
    stage.says(LAND_ADMIN, LAND, &format!("{release} --yes"), 0, &["Released services-window"]).await;
    stage.until_gone("secret", E_LAND, "services-window-binding").await;
    stage.says(LAND_ADMIN, LAND, &format!("{release} --yes"), 1, &["e-land has no claim services-window"]).await;
}

/// The claim keeps its name and its Secret, and is served by the other.
pub async fn a_service_ends_and_hands_its_claims_on(stage: &Stage) {
    let mut successor = stage.get("sharedservice", "", "company-register").await;
    successor["metadata"] = json!({"name": "company-register-2"});
    successor["status"] = Value::Null;
    successor["spec"]["binding"]["values"]["uri"] = json!("https://companies-2.gov.internal");
    stage.cloud.apply_json(CLOUD_OPERATOR, &successor).await.succeeds();
    stage.cloud.wait_for("sharedservice", "", "company-register-2", "Ready").await;
    let drain = "service drain company-register --by 2099-12-31 --move-to company-register-2";
    stage.says(LAND_ADMIN, LAND, &format!("{drain} --yes"), 6, &[]).await;
    stage.says(CLOUD_OPERATOR, "ito", &format!("{drain}x --yes"), 1, &["there is no shared service company-register-2x"]).await;
    stage.says(CLOUD_OPERATOR, "ito", "service drain company-register --by 2020-01-01 --yes", 2, &["has passed"]).await;
    stage.says(CLOUD_OPERATOR, "ito", drain, 2, &["1 claim is warned", "Each moves to company-register-2", "--yes"]).await;
    stage.says(CLOUD_OPERATOR, "ito", &format!("{drain} --yes"), 0, &["it ends on 2099-12-31"]).await;
    eventually("the claim moved", || async {
        let claim = stage.get("serviceclaim", E_LAND, "company-register").await;
        let moved = claim["status"]["servedBy"] == "company-register-2" && claim["status"]["phase"] == "Bound";
        if moved { Ok(()) } else { Err(claim["status"].to_string()) }
    })
    .await;
    stage.says(LAND_ADMIN, LAND, "service claims", 0, &["company-register-2 (was company-register)"]).await;
    stage.says(LAND_ADMIN, LAND, "service search companies", 0, &["ends on 2099-12-31; claim company-register-2"]).await;
    stage
        .says(CLOUD_OPERATOR, "ito", "service drain company-register --cancel --yes", 0, &["it goes on, and takes claims"])
        .await;
}
