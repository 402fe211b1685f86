//! What agencies are given without asking, and what they must use.

use govcloud_tests::{
    eventually,
    people::{ADMIN, CLOUD_OPERATOR},
};
use serde_json::json;

use super::stage::{DESK_ADMIN, LAND_ADMIN, Stage};

const IDENTITY: &str = "identity-verification";

/// Every agency of the government has it in every project, and nobody asked; the private sector has not.
pub async fn what_an_agency_is_entitled_to_is_there_without_a_claim(stage: &Stage) {
    for (agency, project) in [("land-agency", "e-land"), ("power-grid", "control")] {
        let given = stage.until(&format!("agency-{agency}"), IDENTITY, "Bound", "Bound").await;
        assert_eq!(given["metadata"]["labels"]["govcloud.dev/entitled"], "true", "{}", given["metadata"]);
        let namespace = format!("{agency}--{project}");
        eventually(&format!("{namespace} has the Secret"), || async {
            let secret = stage.get("secret", &namespace, "identity-verification-binding").await;
            if secret["type"] == "servicebinding.io/rest" { Ok(()) } else { Err(secret.to_string()) }
        })
        .await;
    }
    stage.says(LAND_ADMIN, "land-agency", "service claims", 0, &["(all)", "yours without asking"]).await;
    stage.says(LAND_ADMIN, "land-agency", "service search civil register", 0, &["identity-verification  given"]).await;
    let release = "service release identity-verification --project e-land --yes";
    stage.says(LAND_ADMIN, "land-agency", release, 1, &["without asking, in all its projects"]).await;
    let none = stage.cloud.kubectl(ADMIN, &["get", "serviceclaim", IDENTITY, "-n", "agency-citizen-desk"]).await;
    assert!(none.err.contains("NotFound"), "{none:?}");
    let line = "service claim identity-verification --plan private --project counter --timeout 80s";
    stage.says(DESK_ADMIN, "citizen-desk", line, 0, &["Bound."]).await;
}

/// The land agency is connected to the exchange; the power grid is not, and the day will come.
pub async fn who_is_not_connected_is_behind(stage: &Stage) {
    let duties = async |agency: &str, met: i64, due: i64, behind: i64| {
        eventually(&format!("{agency} has {met} duties met, {due} due and {behind} behind"), || async {
            let found = stage.get("agency", "", agency).await;
            let duties = &found["status"]["obligations"];
            let is = duties["met"] == met && duties["due"] == due && duties["behind"].as_i64().unwrap_or(0) == behind;
            if is { Ok(()) } else { Err(found["status"].to_string()) }
        })
        .await;
    };
    duties("land-agency", 2, 0, 0).await;
    duties("power-grid", 1, 1, 0).await;
    let past = json!({"apiVersion": "govcloud.dev/v1alpha1", "kind": "SharedService", "metadata": {"name": "national-exchange"},
        "spec": {"obligation": {"dueBy": "2020-03-20"}}});
    let patch = past.to_string();
    let arguments = ["patch", "sharedservice", "national-exchange", "--type", "merge", "-p", &patch];
    stage.cloud.kubectl(CLOUD_OPERATOR, &arguments).await.succeeds();
    duties("power-grid", 1, 1, 1).await;
    duties("land-agency", 2, 0, 0).await;
}
