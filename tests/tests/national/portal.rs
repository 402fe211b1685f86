//! The three regimes, and the one portal of the nation.

use govcloud_tests::{eventually, fixtures::request};
use serde_json::json;

use super::stage::{GRID_ADMIN, LAND_ADMIN, LAND_REQUESTER, Stage};

/// Each security regime is answered for by another body.
pub async fn each_regime_has_its_authority(stage: &Stage) {
    for (agency, authority) in [
        ("citizen-desk", "Information Technology Organization"),
        ("land-agency", "Strategic Management Center"),
        ("power-grid", "Passive Defense Organization"),
    ] {
        let found = stage.get("agency", "", agency).await;
        assert_eq!(found["status"]["responsibleAuthority"], authority, "{found}");
    }
}

/// An agency that would build its own portal is sent to the national one, at the terminal and by the assessment.
pub async fn a_second_one_is_a_duplicate(stage: &Stage) {
    stage.says(LAND_ADMIN, "land-agency", "service search citizens portal", 0, &["services-window  yes"]).await;
    let target =
        json!({"group": "apps", "resource": "deployments", "name": "portal", "replicas": 2, "perReplica": {"portals": "1"}});
    let asked = request("land-agency", "own-portal", "requester@land", "e-land", "service-portal", &[target]);
    stage.cloud.apply_json(LAND_REQUESTER, &asked).await.succeeds();
    let judged = eventually("the request is assessed", || async {
        let permit = stage.get("processingpermit", "agency-land-agency", "own-portal").await;
        if permit["status"]["assessment"]["result"].is_string() { Ok(permit) } else { Err(permit["status"].to_string()) }
    })
    .await;
    assert_eq!(judged["status"]["assessment"]["result"], "Duplicate", "{}", judged["status"]["assessment"]);
    let explained = ["services-window"];
    stage.says(LAND_REQUESTER, "land-agency", "permit explain own-portal", 0, &explained).await;
    // What they have instead, at once.
    let bound = "Bound. Secret services-window-binding";
    let line = "service claim services-window --plan agency --project e-land --timeout 80s";
    stage.says(LAND_ADMIN, "land-agency", line, 0, &[bound, "SERVICE_BINDING_ROOT", "10.32.0.0/24:443"]).await;
    let line = "service claim services-window --plan agency --project control --timeout 80s";
    stage.says(GRID_ADMIN, "power-grid", line, 0, &[bound]).await;
}
