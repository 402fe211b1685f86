//! What one agency does not need another uses, until it is needed.

use govcloud_tests::{Cloud, eventually, ledger_watch, objects, people};
use kube::api::PostParams;
use serde_json::{Value, json};

use super::steps::{self, CPU, get, until_enforced, until_reason};

const OWNER: &str = "forestry";
const BORROWER: &str = "fisheries";
const POOL: &str = "region";
const NETS: &str = "fisheries--nets";
const WOODS: &str = "forestry--woods";

/// One agency has 100 cpus and lends at most 60; the other has none and borrows at most 50.
pub async fn what_one_does_not_need_another_uses_until_it_is_needed(cloud: &Cloud) {
    steps::pool(cloud, POOL, "100").await;
    for (agency, amounts) in [(OWNER, ["100", "60", "0"]), (BORROWER, ["0", "0", "50"])] {
        steps::open(cloud, agency).await;
        steps::share(cloud, agency, POOL, amounts, &json!({})).await;
    }
    let watches = [
        ledger_watch::LedgerWatch::start(cloud.client(people::ADMIN).await, OWNER, OWNER).await,
        ledger_watch::LedgerWatch::start(cloud.client(people::ADMIN).await, BORROWER, BORROWER).await,
    ];
    steps::project(cloud, OWNER, POOL, "woods", &json!({CPU: "10", "requests.memory": "16Gi"})).await;
    steps::project(cloud, BORROWER, POOL, "nets", &json!({CPU: "90", "requests.memory": "16Gi"})).await;
    until_enforced(cloud, WOODS, CPU, "10").await;
    until_enforced(cloud, NETS, CPU, "50").await;
    for pod in 1..=4 {
        steps::start(cloud, NETS, &format!("net-{pod}"), "10").await.succeeds();
    }
    figures_are_shown(cloud).await;
    it_is_needed_back(cloud).await;
    for watch in watches {
        let report = ledger_watch::replay(&watch.history().await, CPU);
        assert!(report.wrong.is_empty(), "{:#?}", report.wrong);
    }
}

async fn it_is_needed_back(cloud: &Cloud) {
    steps::project(cloud, OWNER, POOL, "woods", &json!({CPU: "100", "requests.memory": "16Gi"})).await;
    until_enforced(cloud, WOODS, CPU, "60").await;
    until_enforced(cloud, NETS, CPU, "0").await;
    let waits = until_reason(cloud, ("agencyquota", "", OWNER), "Lending", "WaitsForBorrower").await;
    assert!(waits.contains("40 requests.cpu from fisheries, in use in fisheries--nets"), "{waits}");
    let gives = until_reason(cloud, ("agencyquota", "", BORROWER), "Borrowing", "GivingBack").await;
    assert!(gives.contains("To be given back: 40 requests.cpu to forestry"), "{gives}");
    let refused = steps::start(cloud, NETS, "net-5", "1").await;
    assert!(!refused.ok && refused.err.contains("exceeded quota"), "{}", refused.err);
    let pods = cloud.json(people::ADMIN, &["get", "pods", "-n", NETS, "-o", "json"]).await;
    assert_eq!(pods["items"].as_array().map(Vec::len), Some(4), "nothing that runs is stopped");
    for (pod, left) in [("net-1", "70"), ("net-2", "80"), ("net-3", "90"), ("net-4", "100")] {
        steps::end(cloud, NETS, pod).await;
        until_enforced(cloud, WOODS, CPU, left).await;
    }
    eventually("nothing is lent any more", || async {
        let owner = get(cloud, "agencyquota", "", OWNER).await;
        let lent = owner["status"]["lent"].clone();
        if lent[CPU].is_null() || lent[CPU] == "0" { Ok(()) } else { Err(owner["status"].to_string()) }
    })
    .await;
    let text = metrics(cloud).await.expect("metrics");
    let counted = text.lines().find_map(|line| line.strip_prefix("govcloud_quota_recounts_total ")).expect("recounts");
    assert_ne!(counted, "0", "what is in use is counted at the API server before it is given on");
}

async fn metrics(cloud: &Cloud) -> Result<String, reqwest::Error> {
    reqwest::get(format!("http://{}/metrics", cloud.operator_address)).await?.text().await
}

/// The metrics, and what the borrower's people are told.
async fn figures_are_shown(cloud: &Cloud) {
    eventually("the figures are in the metrics", || async {
        let text = metrics(cloud).await.map_err(|error| error.to_string())?;
        let has = |line: &str| text.lines().any(|l| l == line);
        let expected = [
            r#"govcloud_quota_guaranteed{agency="forestry",pool="region",resource="requests.cpu"} 100.0"#,
            r#"govcloud_quota_allocated{agency="fisheries",pool="region",resource="requests.cpu"} 50.0"#,
            r#"govcloud_quota_used{agency="fisheries",pool="region",resource="requests.cpu"} 40.0"#,
            r#"govcloud_quota_borrowed{agency="fisheries",pool="region",resource="requests.cpu"} 50.0"#,
            r#"govcloud_quota_lent{agency="forestry",pool="region",resource="requests.cpu"} 50.0"#,
        ];
        let missing: Vec<_> = expected.into_iter().filter(|line| !has(line)).collect();
        let quotas: Vec<_> = text.lines().filter(|line| line.contains("_quota_")).collect();
        if missing.is_empty() { Ok(()) } else { Err(format!("{missing:?} in\n{}", quotas.join("\n"))) }
    })
    .await;
    let explained = cloud.govcloud(people::CUSTOMS_ADMIN, &["quota", "explain", NETS]).await;
    assert_eq!(explained.code, 5, "{}", explained.err);
    assert!(explained.out.contains("Why no more requests.cpu"), "{}", explained.out);
    let shown = cloud.govcloud(people::CLOUD_OPERATOR, &["quota", "show", OWNER]).await.succeeds();
    assert!(shown.contains("LENT") && shown.contains("50 requests.cpu to fisheries"), "{shown}");
}

/// Somebody empties statuses, which are the ledgers, while the operator is down.
pub async fn ledgers_that_are_lost_are_rebuilt_and_nobody_notices(cloud: &Cloud) {
    steps::project(cloud, OWNER, POOL, "woods", &json!({CPU: "30", "requests.memory": "16Gi"})).await;
    until_enforced(cloud, NETS, CPU, "50").await;
    let watch = ledger_watch::LedgerWatch::start(cloud.client(people::ADMIN).await, BORROWER, BORROWER).await;
    for lost in [&[BORROWER, POOL][..], &[OWNER]] {
        lose(cloud, lost).await;
        for agency in [OWNER, BORROWER] {
            cloud.wait_for("agencyquota", "", agency, "Ready").await;
        }
        until_reason(cloud, ("agencyquota", "", OWNER), "Lending", "Lent").await;
        until_reason(cloud, ("agencyquota", "", BORROWER), "Borrowing", "Borrowed").await;
        until_reason(cloud, ("capacitypool", "", POOL), "Ready", "Counted").await;
    }
    until_enforced(cloud, NETS, CPU, "50").await;
    let events = watch.history().await.events.into_iter();
    let quotas = events.filter(|event| event.namespace == NETS && event.kind == ledger_watch::Kind::Quota);
    let amounts: Vec<Value> = quotas.filter_map(|event| event.object).map(|quota| quota["spec"]["hard"][CPU].clone()).collect();
    assert!(amounts.iter().all(|amount| amount == "50"), "{amounts:?}");
}

async fn lose(cloud: &Cloud, lost: &[&str]) {
    cloud.kill_operator().await;
    let client = cloud.client(people::OPERATOR).await; // nobody else may
    for name in lost {
        let (kind, plural) = if *name == POOL { ("CapacityPool", "capacitypools") } else { ("AgencyQuota", "agencyquotas") };
        let api = objects::ours(&client, kind, plural);
        let mut object = api.get(name).await.expect("it is there");
        object.data.as_object_mut().expect("fields").remove("status");
        api.replace_status(name, &PostParams::default(), &object).await.expect("the status is emptied");
    }
    cloud.start_operator().await;
}

/// A limit that is taken out of the spec is none: the loan comes back, and is there again with the limit.
pub async fn a_limit_that_is_taken_away_ends_the_loan(cloud: &Cloud) {
    for (limit, lent) in [(Value::Null, "0"), (json!({CPU: "60"}), "50")] {
        let patch = json!({"spec": {"lendingLimit": limit}}).to_string();
        cloud.kubectl(people::CLOUD_OPERATOR, &["patch", "agencyquota", OWNER, "--type=merge", "-p", &patch]).await.succeeds();
        until_enforced(cloud, NETS, CPU, lent).await;
        eventually("both sides know it", || async {
            let (owner, borrower) = (get(cloud, "agencyquota", "", OWNER).await, get(cloud, "agencyquota", "", BORROWER).await);
            let amount = |quota: &Value, field: &str| quota["status"][field][CPU].as_str().unwrap_or("0").to_owned();
            let both = [amount(&owner, "lent"), amount(&borrower, "borrowed")];
            if both.iter().all(|amount| amount == lent) { Ok(()) } else { Err(format!("{both:?}")) }
        })
        .await;
    }
}

/// A cloud operator deletes the lender's share: it stays until its own projects and its borrowers use nothing of it.
pub async fn a_share_that_is_deleted_goes_when_nothing_is_used_any_more(cloud: &Cloud) {
    steps::start(cloud, NETS, "net-6", "10").await.succeeds();
    steps::start(cloud, WOODS, "tree", "5").await.succeeds();
    cloud.kubectl(people::CLOUD_OPERATOR, &["delete", "agencyquota", OWNER, "--wait=false"]).await.succeeds();
    until_enforced(cloud, WOODS, CPU, "0").await;
    until_enforced(cloud, NETS, CPU, "0").await;
    let message = eventually("it says who is waited for", || async {
        let found = get(cloud, "agencyquota", "", OWNER).await;
        let ready = steps::condition(&found, "Ready");
        let message = ready["message"].as_str().unwrap_or_default().to_owned();
        let is_so = ready["reason"] == "Deleting" && message.contains("fisheries borrowed 10 requests.cpu");
        if is_so { Ok(message) } else { Err(found["status"].to_string()) }
    })
    .await;
    assert!(message.contains("forestry--woods (5 requests.cpu"), "{message}");
    let patch = ["patch", "agencyquota", OWNER, "--type=merge", "-p", r#"{"metadata":{"finalizers":null}}"#];
    let forced = cloud.kubectl(people::CLOUD_OPERATOR, &patch).await;
    assert!(!forced.ok && forced.err.contains("the operator removes its finalizer"), "{}", forced.err);
    steps::end(cloud, NETS, "net-6").await;
    steps::end(cloud, WOODS, "tree").await;
    eventually("the share is gone", || async {
        let found = get(cloud, "agencyquota", "", OWNER).await;
        if found.is_null() { Ok(()) } else { Err(found["status"].to_string()) }
    })
    .await;
    until_reason(cloud, ("project", "agency-forestry", "woods"), "QuotaGranted", "NoQuota").await;
}
