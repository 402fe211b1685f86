//! Agencies that come again, and people who join them late.

use govcloud_tests::{
    Cloud,
    fixtures::{deployment, node_pool, permit, pod},
    people::{ADMIN, CLOUD_OPERATOR, CUSTOMS_ADMIN, CUSTOMS_DEVELOPER, CUSTOMS_REQUESTER, REVIEWER_2},
    remedy::Attack,
};
use serde_json::{Value, json};

use super::steps::{self, condition, delete, get, until, until_denied};

/// The record of what was asked for and decided outlives the agency, and is its own again when it is opened again.
pub async fn an_agency_opened_again_takes_over_its_paperwork(cloud: &Cloud) {
    const HOME: &str = "agency-fisheries";
    let asked = |name: &str| permit("fisheries", name, "requester@customs", "lab", &[("broker", 3, "1Ti")]);
    steps::open(cloud, "fisheries").await;
    cloud.project("fisheries", CUSTOMS_ADMIN, "lab", "10").await;
    cloud.permit(CUSTOMS_REQUESTER, &asked("old")).await;
    let (home, old) = (get(cloud, "namespace", "", HOME).await, get(cloud, "permit", HOME, "old").await);
    delete(cloud, CUSTOMS_ADMIN, "project", HOME, "lab").await;
    delete(cloud, CLOUD_OPERATOR, "agency", "", "fisheries").await;
    let left = get(cloud, "namespace", "", HOME).await;
    assert_eq!(left["metadata"]["uid"], home["metadata"]["uid"], "the home stays with the paperwork");
    assert!(left["metadata"]["deletionTimestamp"].is_null(), "{left}");
    cloud.apply_json(CUSTOMS_REQUESTER, &asked("meanwhile")).await.refused_with("orbidden");

    steps::open(cloud, "fisheries").await;
    let agency = get(cloud, "agency", "", "fisheries").await;
    let taken = get(cloud, "namespace", "", HOME).await;
    assert_eq!(taken["metadata"]["annotations"]["govcloud.dev/owner-uid"], agency["metadata"]["uid"], "{taken}");
    assert_eq!(taken["metadata"]["uid"], home["metadata"]["uid"]);
    let kept = until_denied(cloud, ("permit", HOME, "old"), "Ready", "ProjectGone").await;
    assert_eq!(kept["metadata"]["uid"], old["metadata"]["uid"]);
    assert_eq!(kept["status"]["number"], old["status"]["number"]);

    cloud.project("fisheries", CUSTOMS_ADMIN, "lab", "10").await;
    cloud.permit(CUSTOMS_REQUESTER, &asked("new")).await;
    Attack::create(CUSTOMS_DEVELOPER, &node_pool("fisheries--lab", "broker", 3, "1Ti"))
        .passes(cloud, "a new permit is in force")
        .await;
}

/// A review is judged when it is given; nobody can undo a decision by taking the reviewer into the agency.
pub async fn who_joins_the_agency_later_undoes_no_approval(cloud: &Cloud) {
    const HOME: &str = "agency-post";
    let events = ("permit", HOME, "events");
    steps::open(cloud, "post").await;
    cloud.project("post", CUSTOMS_ADMIN, "lab", "10").await;
    cloud.permit(CUSTOMS_REQUESTER, &permit("post", "events", "requester@customs", "lab", &[("broker", 3, "1Ti")])).await;
    let mut grown = steps::agency("post");
    grown["spec"]["members"]["viewers"] = json!([{"kind": "User", "name": "reviewer-1@ministry"}]);
    cloud.apply_json(CLOUD_OPERATOR, &grown).await.succeeds();
    cloud.wait_for("agency", "", "post", "Ready").await;

    // Another review makes the operator judge the permit once more, as the agency is now.
    cloud.review(REVIEWER_2, HOME, "events", "ministry:reviewers", "Approve").await.succeeds();
    let judged = |permit: &serde_json::Value| permit["status"]["reviews"].as_array().is_some_and(|r| r.len() == 2);
    let permit = until(cloud, events, "the second review is judged", judged).await;
    let counted = |reviewer: &str| {
        let rows = permit["status"]["reviews"].as_array().into_iter().flatten();
        rows.filter(|row| row["reviewer"] == reviewer).map(|row| row["counted"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(counted("reviewer-1@ministry"), [json!(true)], "{permit}");
    assert_eq!(counted("reviewer-2@ministry"), [json!(false)], "{permit}");
    assert_eq!((&permit["status"]["phase"], &condition(&permit, "Ready")["status"]), (&json!("Active"), &json!("True")));
    Attack::create(CUSTOMS_DEVELOPER, &node_pool("post--lab", "broker", 3, "1Ti")).passes(cloud, "it is in force").await;
    let rows = cloud.kubectl(ADMIN, &["get", "review", "-n", HOME, "-o", "name"]).await.succeeds();
    assert_eq!(rows.lines().count(), 2, "{rows}");
}

/// A list of registries binds from the first moment of a project, whatever kind of workload names the image; what runs
/// already may change in every other way.
pub async fn images_come_from_the_registries_of_the_agency(cloud: &Cloud) {
    const LAB: &str = "mint--lab";
    steps::open(cloud, "mint").await;
    cloud.project("mint", CUSTOMS_ADMIN, "lab", "10").await;
    cloud.apply_json(CUSTOMS_DEVELOPER, &deployment(LAB, "before", "docker.io/mint/site:1", 1)).await.succeeds();
    listed(cloud, &json!(["registry.gov.internal/mint"])).await;

    let refused = "comes from no registry that this agency may use, which are: registry.gov.internal/mint";
    let try_pod = |image: &str| Attack::create(CUSTOMS_DEVELOPER, &pod(LAB, "one", image));
    try_pod("nginx:1.29").is_refused(cloud, refused).await;
    try_pod("registry.gov.internal/mints/app:1").is_refused(cloud, refused).await;
    try_pod("registry.gov.internal/mint/app:1").passes(cloud, "the registry is listed").await;
    let mut aside = pod(LAB, "two", "registry.gov.internal/mint/app:1");
    aside["spec"]["initContainers"] = json!([aside["spec"]["containers"][0].clone()]);
    aside["spec"]["initContainers"][0]["name"] = json!("first");
    aside["spec"]["initContainers"][0]["image"] = json!("ghcr.io/mint/tool:1");
    Attack::create(CUSTOMS_DEVELOPER, &aside).is_refused(cloud, "the image ghcr.io/mint/tool:1").await;
    Attack::create(CUSTOMS_DEVELOPER, &deployment(LAB, "new", "ghcr.io/mint/site:2", 1)).is_refused(cloud, refused).await;

    let more = json!({"metadata": {"labels": {"team": "web"}}, "spec": {"replicas": 0}});
    Attack::patch(CUSTOMS_DEVELOPER, "deployment/before -n mint--lab", &more).passes(cloud, "it was there before").await;
    let other = json!({"spec": {"template": {"spec": {"containers": [{"name": "main", "image": "docker.io/mint/site:2"}]}}}});
    let other = format!("patch deployment/before -n mint--lab --type=strategic -p {}", other.to_string().replace(' ', ""));
    Attack::kubectl(CUSTOMS_DEVELOPER, &other).is_refused(cloud, "the image docker.io/mint/site:2").await;

    let change = json!({"metadata": {"annotations": {"govcloud.dev/registries": ""}}});
    Attack::patch(ADMIN, "namespace mint--lab", &change).is_refused(cloud, "the owner and the registries of a namespace").await;
    listed(cloud, &json!([])).await;
    try_pod("nginx:1.29").passes(cloud, "an empty list means any").await;
    let mut wrong = steps::agency("mint");
    wrong["spec"]["isolation"] = json!({"registries": ["https://registry.gov.internal/"]});
    cloud.apply_json(CLOUD_OPERATOR, &wrong).await.refused_with("without https://");
}

/// Sets the agency's list, and waits until its project's namespace shows it.
async fn listed(cloud: &Cloud, registries: &Value) {
    let mut agency = steps::agency("mint");
    agency["spec"]["isolation"] = json!({"registries": registries});
    cloud.apply_json(CLOUD_OPERATOR, &agency).await.succeeds();
    let list = registries.as_array().expect("a list").iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" ");
    let shows = |namespace: &Value| namespace["metadata"]["annotations"]["govcloud.dev/registries"] == list;
    until(cloud, ("namespace", "", "mint--lab"), "the list is on the namespace", shows).await;
}
