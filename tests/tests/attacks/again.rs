//! What was deleted and is made again under the same name.

use govcloud_tests::{
    Cloud, eventually,
    fixtures::permit,
    people::{ADMIN, CLOUD_OPERATOR, CUSTOMS_ADMIN, CUSTOMS_REQUESTER, TAX_ADMIN},
};
use serde_json::json;

use crate::stage::HOME;

/// A project of customs with an active permit, and with a request that waits. Both are of the former project.
pub async fn project(cloud: &Cloud) {
    let of = |name: &str| permit("customs", name, "requester@customs", "passing", &[(name, 1, "1Gi")]);
    cloud.project("customs", CUSTOMS_ADMIN, "passing", "1").await;
    cloud.permit(CUSTOMS_REQUESTER, &of("passed")).await;
    cloud.apply_json(CUSTOMS_REQUESTER, &of("later")).await.succeeds();
    cloud.wait_for("permit", HOME, "later", "Assessed").await;
    gone(cloud, CUSTOMS_ADMIN, "project", "passing", HOME).await;
    cloud.project("customs", CUSTOMS_ADMIN, "passing", "1").await;
}

/// An agency with a project and an active permit, which is closed and opened again for other people.
pub async fn agency(cloud: &Cloud) {
    open(cloud, "customs").await;
    cloud.project("bureau", CUSTOMS_ADMIN, "desk", "1").await;
    cloud.permit(CUSTOMS_ADMIN, &permit("bureau", "old", "admin@customs", "desk", &[("old", 1, "1Gi")])).await;
    gone(cloud, CUSTOMS_ADMIN, "project", "desk", "agency-bureau").await;
    gone(cloud, CLOUD_OPERATOR, "agency", "bureau", "").await;
    open(cloud, "tax").await;
    cloud.project("bureau", TAX_ADMIN, "desk", "1").await;
}

/// Opens the agency for these people.
async fn open(cloud: &Cloud, people: &str) {
    let members = |role: &str| json!([{"kind": "Group", "name": format!("{people}:{role}")}]);
    let agency = json!({
        "apiVersion": "govcloud.dev/v1alpha1", "kind": "Agency", "metadata": {"name": "bureau"},
        "spec": {"displayName": "Bureau", "securityRegime": "NonInfrastructure", "dataClassification": "Restricted",
            "members": {"admins": members("admins"), "developers": members("developers")}},
    });
    let quota = json!({
        "apiVersion": "govcloud.dev/v1alpha1", "kind": "AgencyQuota", "metadata": {"name": "bureau"},
        "spec": {"agency": "bureau", "pool": "national",
            "guaranteed": {"requests.cpu": "4", "requests.memory": "32Gi", "requests.storage": "200Gi"}},
    });
    for manifest in [agency, quota] {
        cloud.apply_json(CLOUD_OPERATOR, &manifest).await.succeeds();
    }
    cloud.wait_for("agency", "", "bureau", "Ready").await;
}

/// Deletes an object and waits until it is gone.
async fn gone(cloud: &Cloud, who: &str, kind: &str, name: &str, namespace: &str) {
    cloud.kubectl(who, &["delete", kind, name, "-n", namespace, "--wait=false"]).await.succeeds();
    eventually(&format!("{kind} {name} is gone"), || async {
        let left = cloud.json(ADMIN, &["get", kind, name, "-n", namespace, "-o", "json"]).await;
        if left.is_null() { Ok(()) } else { Err(left["status"].to_string()) }
    })
    .await;
}
