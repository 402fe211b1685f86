//! Amounts that nobody means, and shares that are given twice.

use govcloud_tests::{
    Cloud,
    fixtures::{node_pool, permit},
    people::{ADMIN, CLOUD_OPERATOR, CUSTOMS_ADMIN, CUSTOMS_DEVELOPER, CUSTOMS_REQUESTER, REVIEWER_1},
    remedy::Attack,
};
use serde_json::{Value, json};

use super::steps::{self, condition, get, until, until_denied};

/// Large, and still a number that everybody can count.
const ORDINARY: &str = "1E";

/// Less than nothing would make room for somebody else.
pub async fn what_is_negative_is_refused(cloud: &Cloud) {
    for less in [json!(-1), json!("-1"), json!("-1m"), json!("-0.5Gi")] {
        let share = steps::share("negative", "customs", "national", &less);
        refused(&cloud.attempt(CLOUD_OPERATOR, &share).await, "spec.guaranteed.requests.cpu", &less);
        let mut asked = permit("customs", "negative", "requester@customs", "lab", &[("negative", 1, "1Gi")]);
        asked["spec"]["targets"][0]["perReplica"]["brokers"] = less.clone();
        refused(&cloud.attempt(CUSTOMS_REQUESTER, &asked).await, "spec.targets[0].perReplica.brokers", &less);
    }
}

#[track_caller]
fn refused(answer: &Result<Value, String>, field: &str, amount: &Value) {
    match answer {
        Ok(made) => panic!("{amount} was not refused: {made}"),
        Err(said) => assert!(said.contains(field), "{amount} was refused, but not at {field}: {said}"),
    }
}

/// What is more than can be counted is counted as the most that can, and the operator goes on.
pub async fn what_is_enormous_is_only_a_large_number(cloud: &Cloud) {
    steps::open(cloud, "astronomy").await;
    cloud.project("astronomy", CUSTOMS_ADMIN, "sky", "1").await;
    for (i, amount) in ["1e99", "0.99e29", "9223372036854775808", ORDINARY].into_iter().enumerate() {
        let name = format!("huge-{i}");
        enormous_share(cloud, &name, amount).await;
        enormous_quota(cloud, &name, amount).await;
        enormous_permit(cloud, &name, amount).await;
    }
    steps::nothing_panicked(cloud).await;
}

/// Applies it; whether the API server took it. To refuse an absurd amount is as good as to count it.
async fn taken(cloud: &Cloud, who: &str, manifest: &Value, amount: &str) -> bool {
    let said = cloud.apply_json(who, manifest).await;
    assert!(said.ok || (amount != ORDINARY && said.err.contains("Invalid value")), "{amount}: {}", said.err);
    said.ok
}

/// A pool of its own, so that the national one is not promised to anybody else.
async fn enormous_share(cloud: &Cloud, name: &str, amount: &str) {
    let pool = json!({
        "apiVersion": "govcloud.dev/v1alpha1", "kind": "CapacityPool", "metadata": {"name": name},
        "spec": {"zones": ["tehran-1"], "capacity": {"requests.cpu": amount}},
    });
    let share = steps::share(name, "astronomy", name, &json!(amount));
    if taken(cloud, CLOUD_OPERATOR, &pool, amount).await && taken(cloud, CLOUD_OPERATOR, &share, amount).await {
        until(cloud, ("agencyquota", "", name), "it is judged", |quota| condition(quota, "Ready").is_object()).await;
        until(cloud, ("capacitypool", "", name), "it is counted", |pool| !pool["status"]["guaranteed"].is_null()).await;
    }
}

/// The agency's budget is what it is, whatever a project asks for.
async fn enormous_quota(cloud: &Cloud, name: &str, amount: &str) {
    let asked = steps::project("astronomy", name, &json!({"requests.cpu": "1", "requests.memory": amount}));
    if taken(cloud, CUSTOMS_ADMIN, &asked, amount).await {
        until_denied(cloud, ("project", "agency-astronomy", name), "QuotaGranted", "ExceedsAgencyBudget").await;
    }
}

/// Reviewers may grant it, and admission can still read the slot.
async fn enormous_permit(cloud: &Cloud, name: &str, amount: &str) {
    let mut asked = permit("astronomy", name, "requester@customs", "sky", &[(name, 1000, "1Gi")]);
    asked["spec"]["targets"][0]["perReplica"]["brokers"] = json!(amount);
    if !taken(cloud, CUSTOMS_REQUESTER, &asked, amount).await {
        return;
    }
    cloud.review(REVIEWER_1, "agency-astronomy", name, "ministry:reviewers", "Approve").await.succeeds();
    let permit = cloud.wait_for("processingpermit", "agency-astronomy", name, "Ready").await;
    assert!(permit["status"]["decision"]["capacity"]["brokers"].is_string(), "{permit}");
    let pool = |replicas| Attack::create(CUSTOMS_DEVELOPER, &node_pool("astronomy--sky", name, replicas, "1Gi"));
    pool(1000).passes(cloud, "it is what the permit names").await;
    pool(1001).is_refused(cloud, "allows at most 1000 replicas").await;
}

/// Two shares of the same pool would be spent twice.
pub async fn a_second_share_serves_nobody(cloud: &Cloud) {
    let home = steps::home("forestry");
    steps::open(cloud, "forestry").await;
    cloud.project("forestry", CUSTOMS_ADMIN, "first", "30").await;
    cloud.apply_json(CLOUD_OPERATOR, &steps::share("forestry-more", "forestry", "national", &json!("40"))).await.succeeds();
    let more = until_denied(cloud, ("agencyquota", "", "forestry-more"), "Ready", "SecondShare").await;
    let message = condition(&more, "Ready")["message"].to_string();
    assert!(message.contains("forestry is the agency's share of this pool already"), "{message}");

    let quota = json!({"requests.cpu": "30", "requests.memory": "1Gi"});
    cloud.apply_json(CUSTOMS_ADMIN, &steps::project("forestry", "second", &quota)).await.succeeds();
    let second = until_denied(cloud, ("project", &home, "second"), "QuotaGranted", "ExceedsAgencyBudget").await;
    assert_eq!(second["status"]["granted"]["requests.cpu"], "10", "{second}");
    let hard = cloud.json(ADMIN, &["get", "resourcequota", "-A", "-l", "govcloud.dev/agency=forestry", "-o", "json"]).await;
    let cpus = hard["items"].as_array().into_iter().flatten().filter_map(|q| q["spec"]["hard"]["requests.cpu"].as_str());
    let mut cpus: Vec<_> = cpus.collect();
    cpus.sort_unstable();
    assert_eq!(cpus, ["10", "30"]);
    let more = get(cloud, "agencyquota", "", "forestry-more").await;
    assert!(more["status"]["allocations"].as_array().is_none_or(Vec::is_empty), "{more}");
    assert_eq!(condition(&more, "Ready")["reason"], "SecondShare");
}
