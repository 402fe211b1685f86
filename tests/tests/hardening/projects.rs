//! Projects whose quota is wrong, and projects of a name that was there before.

use govcloud_tests::{
    Cloud, eventually,
    fixtures::{node_pool, permit, pod},
    people::{ADMIN, CLOUD_OPERATOR, CUSTOMS_ADMIN, CUSTOMS_DEVELOPER, CUSTOMS_REQUESTER},
    remedy::Attack,
};
use serde_json::{Value, json};

use super::steps::{self, condition, delete, get, home, until, until_denied};

/// The rest of a project is made as if the quota were in order: who may do what does not wait for it, and nothing runs.
pub async fn an_invalid_quota_limits_rights_all_the_same(cloud: &Cloud) {
    const AGENCY: &str = "statistics";
    const NAMESPACE: &str = "statistics--odd";
    steps::open(cloud, AGENCY).await;
    cloud.apply_json(CUSTOMS_ADMIN, &steps::project(AGENCY, "odd", &json!({"requests.cpu": "1", "foo": "1"}))).await.succeeds();
    let home = home(AGENCY);
    let odd = ("project", home.as_str(), "odd");
    let project = until_denied(cloud, odd, "QuotaGranted", "Invalid").await;
    let message = condition(&project, "QuotaGranted")["message"].to_string();
    assert!(message.contains("foo") && message.contains("must be a standard resource type"), "{message}");
    assert!(message.contains("Change the project's quota or limits"), "{message}");

    until_allowed(cloud, NAMESPACE, true).await;
    Attack::create(CUSTOMS_DEVELOPER, &pod(NAMESPACE, "web", "nginx:1")).is_refused(cloud, "exceeded quota: govcloud").await;
    let mut dismissed = steps::agency(AGENCY);
    dismissed["spec"]["members"]["developers"] = json!([]);
    cloud.apply_json(CLOUD_OPERATOR, &dismissed).await.succeeds();
    until_allowed(cloud, NAMESPACE, false).await;
    assert_eq!(condition(&get(cloud, odd.0, odd.1, odd.2).await, "QuotaGranted")["reason"], "Invalid");
    cloud.apply_json(CLOUD_OPERATOR, &steps::agency(AGENCY)).await.succeeds();
    until_allowed(cloud, NAMESPACE, true).await;

    let mended = json!({"requests.cpu": "1", "requests.memory": "1Gi"});
    cloud.apply_json(CUSTOMS_ADMIN, &steps::project(AGENCY, "odd", &mended)).await.succeeds();
    cloud.wait_for("project", &home, "odd", "QuotaGranted").await;
    Attack::create(CUSTOMS_DEVELOPER, &pod(NAMESPACE, "web", "nginx:1")).passes(cloud, "its quota has room").await;
    a_mistake_in_one_key_holds_back_no_other(cloud, AGENCY).await;
}

/// Waits until the developers may make pods, or may not.
async fn until_allowed(cloud: &Cloud, namespace: &str, allowed: bool) {
    eventually(&format!("developers may make pods in {namespace}: {allowed}"), || async {
        let said = cloud.kubectl(CUSTOMS_DEVELOPER, &["auth", "can-i", "create", "pods", "-n", namespace]).await;
        if said.out.trim() == if allowed { "yes" } else { "no" } { Ok(()) } else { Err(format!("{said:?}")) }
    })
    .await;
}

async fn a_mistake_in_one_key_holds_back_no_other(cloud: &Cloud, agency: &str) {
    let broken = json!({"requests.cpu": "2", "requests.memory": "1Gi", "foo": "1"});
    cloud.apply_json(CUSTOMS_ADMIN, &steps::project(agency, "odd", &broken)).await.succeeds();
    until_denied(cloud, ("project", &home(agency), "odd"), "QuotaGranted", "Invalid").await;
    // The ledger is raised first, and the mistake is known before that.
    let place = format!("{agency}--odd");
    let raised = |quota: &Value| quota["spec"]["hard"]["requests.cpu"] == "2";
    let quota = until(cloud, ("resourcequota", &place, "govcloud"), "the valid key is raised", raised).await;
    let hard = &quota["spec"]["hard"];
    assert_eq!((&hard["requests.cpu"], &hard["pods"], &hard["foo"]), (&json!("2"), &Value::Null, &Value::Null), "{quota}");
}

/// What was given from one pool would be given again from the other.
pub async fn the_pool_of_a_project_cannot_be_changed(cloud: &Cloud) {
    steps::open(cloud, "railways").await;
    cloud.project("railways", CUSTOMS_ADMIN, "tracks", "1").await;
    let change = json!({"spec": {"pool": "another"}}).to_string();
    cloud
        .kubectl(CUSTOMS_ADMIN, &["patch", "project", "tracks", "-n", "agency-railways", "--type=merge", "-p", &change])
        .await
        .refused_with("create another Project in the other pool");
}

/// A default request above the default limit would make every plain pod invalid.
pub async fn a_default_limit_below_our_default_request_lowers_the_request(cloud: &Cloud) {
    steps::open(cloud, "weather").await;
    let mut small = steps::project("weather", "small", &json!({"requests.cpu": "1", "requests.memory": "1Gi"}));
    small["spec"]["limits"] = json!({"default": {"cpu": "50m"}});
    cloud.apply_json(CUSTOMS_ADMIN, &small).await.succeeds();
    cloud.wait_for("project", "agency-weather", "small", "QuotaGranted").await;
    let range = get(cloud, "limitrange", "weather--small", "govcloud").await;
    let item = &range["spec"]["limits"][0];
    assert_eq!((&item["defaultRequest"]["cpu"], &item["default"]["cpu"]), (&json!("50m"), &json!("50m")), "{range}");
    assert_eq!(item["defaultRequest"]["memory"], "128Mi", "{range}");
    Attack::create(CUSTOMS_DEVELOPER, &pod("weather--small", "web", "nginx:1")).passes(cloud, "a plain pod starts").await;
}

/// A project of the same name is another project.
pub async fn a_project_made_again_inherits_no_permit(cloud: &Cloud) {
    const HOME: &str = "agency-harbours";
    const LAB: &str = "harbours--lab";
    let pool = |replicas| Attack::create(CUSTOMS_DEVELOPER, &node_pool(LAB, "broker", replicas, "1Ti"));
    let asked = |name: &str| permit("harbours", name, "requester@customs", "lab", &[("broker", 3, "1Ti")]);
    steps::open(cloud, "harbours").await;
    cloud.project("harbours", CUSTOMS_ADMIN, "lab", "10").await;
    cloud.permit(CUSTOMS_REQUESTER, &asked("old")).await;
    pool(3).passes(cloud, "it is in force").await;

    delete(cloud, CUSTOMS_ADMIN, "project", HOME, "lab").await;
    until_denied(cloud, ("permit", HOME, "old"), "Ready", "ProjectGone").await;
    cloud.project("harbours", CUSTOMS_ADMIN, "lab", "10").await;
    pool(3).is_refused(cloud, "no permit names kafkanodepools/broker").await;
    assert_eq!(steps::slot(cloud, LAB, "broker").await, Value::Null);

    cloud.permit(CUSTOMS_REQUESTER, &asked("new")).await;
    let new = get(cloud, "permit", HOME, "new").await;
    assert_eq!(steps::slot(cloud, LAB, "broker").await["permit"], new["status"]["number"]);
    pool(3).passes(cloud, "the new permit is in force").await;
    let old =
        until(cloud, ("permit", HOME, "old"), "it opens nothing", |p| condition(p, "Ready")["reason"] == "ProjectGone").await;
    let message = condition(&old, "Ready")["message"].to_string();
    assert!(message.contains("Request a new permit"), "{message}");
    let left = cloud.kubectl(ADMIN, &["get", "permit", "-n", HOME, "-o", "name"]).await.succeeds();
    assert_eq!(left.lines().count(), 2, "{left}");
}
