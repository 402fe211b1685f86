//! Data is a national asset: given for a purpose, by the agency that has it, also to the private sector.

use govcloud_tests::{
    fixtures::root,
    people::{CLOUD_OPERATOR, CUSTOMS_ADMIN},
};

use super::stage::{DESK_ADMIN, GRID_ADMIN, LAND_ADMIN, PARCEL_ADMIN, Stage, claim};

const E_LAND: &str = "land-agency--e-land";

/// Who does not say what for gets nothing, at the terminal and past it.
pub async fn is_given_for_a_purpose(stage: &Stage) {
    let line = "service claim company-register --plan queries --project e-land --timeout 80s";
    stage.says(LAND_ADMIN, "land-agency", "service search companies", 0, &["company-register", "needs a purpose"]).await;
    stage.says(LAND_ADMIN, "land-agency", line, 2, &["--purpose TEXT"]).await;
    stage.cloud.apply_json(LAND_ADMIN, &claim(E_LAND, "aimless", "company-register", "queries", "")).await.succeeds();
    stage.until(E_LAND, "aimless", "Rejected", "PurposeMissing").await;
    stage.says(LAND_ADMIN, "land-agency", &format!("{line} --purpose WhoOwnsTheCompanyThatOwnsAParcel"), 0, &["Bound."]).await;
    stage.says(LAND_ADMIN, "land-agency", "service claims -o wide", 0, &["WhoOwnsTheCompany", "names none"]).await;
    stage.says(LAND_ADMIN, "land-agency", "service release aimless --project e-land --yes", 0, &["Released"]).await;
    let line = "service claim land-management --plan queries --project control --purpose RoutesOfLines --timeout 80s";
    stage.says(GRID_ADMIN, "power-grid", line, 0, &["Bound. Secret land-management-binding"]).await;
}

/// Its admin drafts it, nobody else sees it; a cloud operator publishes it; a company claims it.
pub async fn an_agency_publishes_a_web_service(stage: &Stage) {
    let draft = format!("service draft -f {}", root().join("examples/07-national/6-land-web-service.yaml").display());
    let lookups = "service claim parcel-lookup --plan lookups --project maps --timeout 80s";
    stage.says(PARCEL_ADMIN, "parcel-startup", &draft, 2, &["its provider is land-agency, and you act for parcel-startup"]).await;
    stage.says(LAND_ADMIN, "land-agency", &format!("{draft} --dry-run"), 0, &["Would draft parcel-lookup"]).await;
    stage.says(LAND_ADMIN, "land-agency", &draft, 0, &["Drafted: parcel-lookup", "govcloud service publish parcel-lookup"]).await;
    stage.says(LAND_ADMIN, "land-agency", &draft, 0, &["Changed the draft"]).await;
    stage.says(LAND_ADMIN, "land-agency", "service list", 0, &["parcel-lookup", "Draft"]).await;
    stage.says(PARCEL_ADMIN, "parcel-startup", "service search lookup", 0, &["No service mentions lookup"]).await;
    stage.says(PARCEL_ADMIN, "parcel-startup", lookups, 5, &["is a draft that land-agency still works on"]).await;
    stage.says(LAND_ADMIN, "land-agency", "service publish parcel-lookup --yes", 6, &[]).await;
    let operator = stage.cloud.govcloud(CLOUD_OPERATOR, &["service", "search", "lookup"]).await;
    assert!(operator.out.contains("parcel-lookup"), "{operator:?}");
    stage.says(CLOUD_OPERATOR, "ito", "service publish parcel-lookup", 2, &["plan lookups  PGSB", "--yes"]).await;
    stage.says(CLOUD_OPERATOR, "ito", "service publish parcel-lookup --yes", 0, &["Published."]).await;
    stage.cloud.wait_for("sharedservice", "", "parcel-lookup", "Ready").await;
    stage.says(LAND_ADMIN, "land-agency", &draft, 1, &["It is published, and agencies rely on it"]).await;
    stage.says(PARCEL_ADMIN, "parcel-startup", "service search lookup", 0, &["parcel-lookup  yes"]).await;
    stage.says(PARCEL_ADMIN, "parcel-startup", lookups, 0, &["Bound. Secret parcel-lookup-binding"]).await;
    let line = "service claim parcel-lookup --plan lookups --project counter --timeout 80s";
    stage.says(DESK_ADMIN, "citizen-desk", line, 0, &["Bound."]).await;
    let line = "service claim parcel-lookup --plan lookups --project any";
    stage.says(CUSTOMS_ADMIN, "customs", line, 5, &["for ServiceOperator, Partner agencies only"]).await;
}

/// Streaming and accelerators are pooled: what one has claimed is not there for the next.
pub async fn accelerators_are_pooled(stage: &Stage) {
    let line = "service claim national-streaming --plan standard --project e-land --timeout 80s";
    stage.says(LAND_ADMIN, "land-agency", line, 0, &["1 broker, 500Gi reserved", "10.20.0.0/24:9093"]).await;
    let line = "service claim national-gpu --plan reserved-16 --timeout 80s";
    for name in ["one", "two", "three"] {
        stage.says(LAND_ADMIN, "land-agency", &format!("{line} --project e-land --name {name}"), 0, &["16 gpus reserved"]).await;
    }
    let full = ["No room at present", "govcloud service claims"];
    stage.says(PARCEL_ADMIN, "parcel-startup", &format!("{line} --project maps"), 5, &full).await;
    stage
        .says(LAND_ADMIN, "land-agency", "service release two --project e-land --yes", 0, &["Released two of national-gpu"])
        .await;
    stage.until("parcel-startup--maps", "national-gpu", "Bound", "Bound").await;
}
