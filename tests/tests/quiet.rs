//! Second run of every reconciler changes nothing: zero writes in the API server's audit log.

use std::collections::BTreeMap;

use govcloud_tests::{
    Cloud, Setup, audit_log, eventually,
    fixtures::{deployment, permit, request},
    people,
};
use serde_json::{Value, json};

const OPERATOR: &str = "system:serviceaccount:govcloud-system:govcloud-operator";
const HOME: &str = "agency-tax-administration";
const CONTROLLERS: [&str; 11] =
    ["cloud", "agency", "entitlement", "project", "pool", "quota", "class", "permit", "service", "claim", "scanner"];

#[tokio::test(flavor = "multi_thread")]
async fn a_second_run_of_every_reconciler_changes_nothing() {
    let cloud = Cloud::start(Setup::Government).await;
    fill(&cloud).await;
    until_quiet(&cloud).await;
    cloud.kill_operator().await;
    let before = audit_log(&cloud).len();
    cloud.start_operator().await;
    until_every_controller_ran(&cloud).await;
    until_quiet(&cloud).await;
    let writes: Vec<_> =
        audit_log(&cloud).drain(before..).filter(is_a_write_of_the_operator).map(|event| describe(&event)).collect();
    assert!(writes.is_empty(), "the restarted operator wrote:\n{}", writes.join("\n"));
}

/// Something of everything: projects, an active permit, a denied and a returned one, one that brings a gated quota, one
/// that cannot be assessed, a claim that is bound and one that is not, and something that is found.
async fn fill(cloud: &Cloud) {
    let namespace = cloud.project("tax-administration", people::TAX_ADMIN, "analytics", "20").await;
    cloud.project("customs", people::CUSTOMS_ADMIN, "declarations", "10").await;
    let kafka = |name: &str| permit("tax-administration", name, "requester@tax", "analytics", &[(name, 3, "1Ti")]);
    cloud.permit(people::TAX_REQUESTER, &kafka("active")).await;
    let gpus =
        json!({"group": "apps", "resource": "deployments", "name": "training", "replicas": 2, "perReplica": {"gpus": "1"}});
    cloud
        .permit(
            people::TAX_REQUESTER,
            &request("tax-administration", "gpus", "requester@tax", "analytics", "gpu-training", &[gpus]),
        )
        .await;
    for (name, verdict) in [("denied", "Deny"), ("returned", "Return")] {
        cloud.apply_json(people::TAX_REQUESTER, &kafka(name)).await.succeeds();
        cloud.review(people::REVIEWER_1, HOME, name, "ministry:reviewers", verdict).await.succeeds();
    }
    let mut unknown = kafka("unknown");
    unknown["spec"]["processingClass"] = json!("teleportation");
    cloud.apply_json(people::TAX_REQUESTER, &unknown).await.succeeds();
    for (name, plan) in [("bound", "standard"), ("rejected", "gigantic")] {
        let claim = json!({
            "apiVersion": "govcloud.dev/v1alpha1", "kind": "ServiceClaim", "metadata": {"namespace": namespace, "name": name},
            "spec": {"sharedService": "national-streaming", "plan": plan},
        });
        cloud.apply_json(people::TAX_ADMIN, &claim).await.succeeds();
    }
    cloud.wait_for("serviceclaim", &namespace, "bound", "Ready").await;
    let mut listener = deployment(&namespace, "listener", "web", 1);
    listener["spec"]["template"]["spec"]["containers"][0]["ports"] = json!([{"containerPort": 5432}]);
    cloud.apply_json(people::ADMIN, &listener).await.succeeds();
    eventually("the listener is found", || async {
        let found = cloud.json(people::ADMIN, &["get", "processingfindings", "-n", HOME, "-o", "json"]).await;
        if found["items"][0]["status"]["lastSeen"].is_string() { Ok(()) } else { Err(found.to_string()) }
    })
    .await;
}

/// Reconciles so far, by controller and whatever their outcome; and passes of the scanner.
async fn reconciles(cloud: &Cloud) -> BTreeMap<String, u64> {
    let answer = reqwest::get(format!("http://{}/metrics", cloud.operator_address)).await.expect("metrics");
    let text = answer.text().await.expect("text");
    let mut counts = BTreeMap::new();
    let passes = text.lines().find_map(|line| line.strip_prefix("govcloud_scan_seconds_count ")?.parse().ok());
    if let Some(passes) = passes.filter(|passes| *passes > 0) {
        counts.insert("scanner".to_owned(), passes);
    }
    for line in text.lines().filter_map(|line| line.strip_prefix("govcloud_reconciles_total{controller=\"")) {
        let (controller, rest) = line.split_once('"').expect("a label");
        let count: u64 = rest.rsplit(' ').next().and_then(|n| n.parse().ok()).expect("a number");
        *counts.entry(controller.to_owned()).or_default() += count;
    }
    counts
}

async fn until_every_controller_ran(cloud: &Cloud) {
    eventually("every controller reconciled", || async {
        let counts = reconciles(cloud).await;
        let idle: Vec<_> = CONTROLLERS.iter().filter(|c| !counts.contains_key(**c)).collect();
        if idle.is_empty() { Ok(()) } else { Err(format!("{idle:?} did not")) }
    })
    .await;
    cloud.enforced().await;
}

/// How many looks in a row, 50 ms apart, must find the same count: longer than a retry after a conflict takes.
const SAME: u32 = 40;

/// Waits until nothing is reconciled any more.
async fn until_quiet(cloud: &Cloud) {
    let seen = tokio::sync::Mutex::new((BTreeMap::new(), 0));
    eventually("the controllers are quiet", || async {
        let counts = reconciles(cloud).await;
        let mut seen = seen.lock().await;
        let same = if seen.0 == counts { seen.1 + 1 } else { 0 };
        *seen = (counts, same);
        if same >= SAME { Ok(()) } else { Err(format!("{:?} for {same} looks", seen.0)) }
    })
    .await;
}

/// The probe of the admission policies is a dry run, which writes nothing.
fn is_a_write_of_the_operator(event: &Value) -> bool {
    let dry_run = event["requestURI"].as_str().is_some_and(|uri| uri.contains("dryRun=All"));
    // A question in the form of a creation; nothing of it is stored.
    let asks_who_it_is = event["objectRef"]["resource"] == "selfsubjectreviews";
    event["user"]["username"] == OPERATOR && !dry_run && !asks_who_it_is
}

fn describe(event: &Value) -> String {
    let (object, code) = (&event["objectRef"], &event["responseStatus"]["code"]);
    format!("{} {} → {code}", event["verb"], object)
}
