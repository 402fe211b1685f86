//! Who has it, from when, and where.

use govcloud_controlplane::Persona;
use govcloud_tests::{Cloud, eventually, people};
use serde_json::json;

use super::steps::{BORDER, HOME, condition, entitled, offer, until, until_bound, until_in};

/// Leads the post, an agency that is opened meanwhile.
pub const POST_ADMIN: &str = "post-admin";

pub async fn every_agency_has_it_and_a_new_one_at_once(cloud: &Cloud) {
    offer(cloud, "identity", &entitled("5s")).await;
    offer(cloud, "window", &entitled("720h")).await;
    for agency in ["ito", "tax-administration", "customs"] {
        until_bound(cloud, agency, "identity").await;
    }
    let admin = Persona::new(POST_ADMIN, "admin@post").in_groups(["post:admins"]);
    cloud.plane.issue(&admin).expect("a credential");
    let post = json!({
        "apiVersion": "govcloud.dev/v1alpha1", "kind": "Agency", "metadata": {"name": "post"},
        "spec": {"displayName": "Post", "securityRegime": "NonInfrastructure", "members": {"admins": [{"kind": "Group", "name": "post:admins"}]}},
    });
    cloud.apply_json(people::CLOUD_OPERATOR, &post).await.succeeds();
    let claim = until_bound(cloud, "post", "identity").await;
    assert_eq!(claim["spec"]["purpose"], "Given by entitlement, without being asked for.");
    assert_eq!(condition(&claim, "Entitled")["message"], "Post has it without asking, in all of its projects.");
    assert_eq!(claim["metadata"]["labels"]["govcloud.dev/entitled"], "true");
    eventually("its people see it", || async {
        let seen = cloud.json(POST_ADMIN, &["get", "serviceclaims", "-n", "agency-post", "-o", "json"]).await;
        if seen["items"].as_array().map(Vec::len) == Some(2) { Ok(()) } else { Err(seen.to_string()) }
    })
    .await;
    until(cloud, "ssvc", "", "identity", "serves four", |s| s["status"]["claims"] == 4).await;
    // A project without any quota has it as well.
    let project = json!({"apiVersion": "govcloud.dev/v1alpha1", "kind": "Project", "metadata": {"namespace": "agency-post", "name": "letters"},
        "spec": {"purpose": "Letters", "pool": "national", "quota": {"requests.cpu": "1"}}});
    cloud.apply_json(POST_ADMIN, &project).await.succeeds();
    until_in(cloud, POST_ADMIN, "post--letters", "identity").await;
    // Not to agencies that the rule does not select.
    let base = json!({
        "apiVersion": "govcloud.dev/v1alpha1", "kind": "Agency", "metadata": {"name": "grid"},
        "spec": {"displayName": "Grid", "securityRegime": "CriticalInfrastructure"},
    });
    cloud.apply_json(people::CLOUD_OPERATOR, &base).await.succeeds();
    cloud.wait_for("agency", "", "grid", "Ready").await;
    let none = cloud.json(people::ADMIN, &["get", "serviceclaims", "-n", "agency-grid", "-o", "json"]).await;
    assert_eq!(none["items"].as_array().map(Vec::len), Some(0), "{none}");
}

pub async fn a_new_project_has_it_at_once(cloud: &Cloud) {
    let border = cloud.project("customs", people::CUSTOMS_ADMIN, "border", "10").await;
    until_in(cloud, people::CUSTOMS_DEVELOPER, &border, "identity").await;
    let said = cloud.kubectl(people::TAX_ADMIN, &["get", "secret", "identity-binding", "-n", &border]).await;
    said.refused_with("orbidden");
    // What is altered or taken away by hand is put right.
    cloud.kubectl(people::ADMIN, &["delete", "secret", "identity-binding", "-n", BORDER]).await.succeeds();
    until_in(cloud, people::CUSTOMS_DEVELOPER, &border, "identity").await;
    let claim = until_bound(cloud, "customs", "identity").await;
    assert_eq!(claim["status"]["binding"]["name"], "identity-binding");
    let ready = condition(&claim, "Ready")["message"].clone();
    assert!(ready.as_str().is_some_and(|said| said.contains("in every project of the agency and in those to come")), "{ready}");
}

pub async fn a_secret_of_a_developer_stays_and_is_said(cloud: &Cloud) {
    cloud.kill_operator().await;
    cloud.kubectl(people::CUSTOMS_DEVELOPER, &["delete", "secret", "identity-binding", "-n", BORDER]).await.succeeds();
    let own = ["create", "secret", "generic", "identity-binding", "--from-literal=mine=1", "-n", BORDER];
    cloud.kubectl(people::CUSTOMS_DEVELOPER, &own).await.succeeds();
    cloud.start_operator().await;
    let taken = |claim: &serde_json::Value| condition(claim, "Ready")["reason"] == "SecretExists";
    let claim = until(cloud, "claim", HOME, "identity", "says what is in the way", taken).await;
    let message = condition(&claim, "Ready")["message"].to_string();
    assert!(message.contains("In customs--border there is a Secret identity-binding already"), "{message}");
    let kept = cloud.json(people::CUSTOMS_DEVELOPER, &["get", "secret", "identity-binding", "-n", BORDER, "-o", "json"]).await;
    assert_eq!(kept["data"], json!({"mine": "MQ=="}), "it stays as it is");
    // Another project is served all the same.
    let lab = cloud.project("customs", people::CUSTOMS_ADMIN, "lab", "5").await;
    until_in(cloud, people::CUSTOMS_DEVELOPER, &lab, "identity").await;
    cloud.kubectl(people::CUSTOMS_DEVELOPER, &["delete", "secret", "identity-binding", "-n", BORDER]).await.succeeds();
    until_in(cloud, people::CUSTOMS_DEVELOPER, BORDER, "identity").await;
    until(cloud, "claim", HOME, "identity", "is ready", |claim| condition(claim, "Ready")["status"] == "True").await;
}
