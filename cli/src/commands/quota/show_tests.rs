use super::*;
use crate::commands::testing;
use rstest::rstest;
use serde_json::{Value, json};

fn quota(status: Value) -> AgencyQuota {
    let spec = json!({"agency": "tax-administration", "pool": "national", "borrowingLimit": {"requests.cpu": "100"}, "lendingLimit": {"requests.memory": "400Gi"},
        "guaranteed": {"requests.cpu": "200", "requests.memory": "800Gi", "requests.nvidia.com/gpu": "8", "requests.storage": "0"}});
    testing::object("AgencyQuota", "", "tax-administration", spec, status)
}

fn held(cpu: &str) -> Value {
    json!({"hard": {"requests.cpu": cpu, "requests.memory": "800Gi", "requests.nvidia.com/gpu": "8"}, "operation": 3})
}

fn given(project: &str, cpu: &str, to: Option<&str>) -> Value {
    let mut entry = json!({"namespace": format!("tax-administration--{project}"), "uid": "u", "operation": 7, "phase": "Settled",
        "hard": {"requests.cpu": cpu, "requests.memory": "64Gi", "requests.storage": "500Gi"}});
    if let Some(to) = to {
        entry["phase"] = "Shrinking".into();
        entry["loweringTo"] = json!({"requests.cpu": to, "requests.memory": "64Gi", "requests.storage": "500Gi"});
    }
    entry
}

fn conditions() -> Value {
    json!([
        testing::condition("Ready", "True", "Serving", "Projects are served from this share."),
        testing::condition(
            "Overcommitted",
            "False",
            "WithinBudget",
            "What projects hold is within the budget, and that is said here in more words than fit into one line."
        ),
    ])
}

fn lending() -> Value {
    json!({"share": held("200"), "allocations": [given("analytics", "60", None)], "conditions": conditions(),
    "allocated": {"requests.cpu": "60", "requests.memory": "64Gi"}, "used": {"requests.cpu": "3500m", "requests.memory": "12Gi"},
    "lent": {"requests.memory": "300Gi"},
    "loans": [
        {"quota": "customs", "uid": "u", "hard": {"requests.memory": "200Gi"}, "phase": "Settled", "operation": 1},
        {"quota": "land-registry", "uid": "u", "hard": {"requests.memory": "100Gi"}, "phase": "Shrinking", "operation": 2, "loweringTo": {"requests.memory": "20Gi"}},
    ]})
}

fn borrowing() -> Value {
    json!({"share": held("200"), "allocations": [given("analytics", "200", None), given("reports", "40", None)],
        "allocated": {"requests.cpu": "240", "requests.memory": "128Gi"}, "used": {"requests.cpu": "180", "requests.memory": "12Gi"},
        "borrowed": {"requests.cpu": "50"}, "borrowings": [{"quota": "customs", "hard": {"requests.cpu": "50"}, "operation": 1}]})
}

fn reclaiming() -> Value {
    json!({"share": held("200"), "allocations": [given("analytics", "200", None), given("reports", "40", Some("10")), given("archive", "10", Some("5"))],
        "allocated": {"requests.cpu": "250", "requests.memory": "192Gi"}, "used": {"requests.cpu": "220", "requests.memory": "12Gi"},
        "borrowed": {"requests.cpu": "20"}, "borrowings": [{"quota": "customs", "hard": {"requests.cpu": "20"}, "operation": 1}]})
}

fn pool_exhausted() -> Value {
    json!({"share": held("80"), "allocations": [given("analytics", "60", None)],
        "allocated": {"requests.cpu": "60", "requests.memory": "64Gi"}, "used": {"requests.cpu": "3500m"}})
}

fn nothing_in_use() -> InUse {
    InUse::new()
}

fn some_in_use() -> InUse {
    let used = |cpu: &str| Some([("requests.cpu".to_owned(), cpu.parse().expect("valid"))].into_iter().collect());
    [("tax-administration--reports".to_owned(), used("35")), ("tax-administration--archive".to_owned(), used("2"))].into()
}

#[rstest]
#[case::not_looked_at("not_looked_at", Value::Null, nothing_in_use())]
#[case::empty("empty", json!({"share": held("200")}), nothing_in_use())]
#[case::lending("lending", lending(), nothing_in_use())]
#[case::borrowing("borrowing", borrowing(), nothing_in_use())]
#[case::reclaiming("reclaiming", reclaiming(), some_in_use())]
#[case::reclaiming_unreadable("reclaiming_unreadable", reclaiming(), nothing_in_use())]
#[case::pool_exhausted("pool_exhausted", pool_exhausted(), nothing_in_use())]
fn a_share_reads_well_in_80_columns(#[case] name: &str, #[case] status: Value, #[case] in_use: InUse) {
    let text = render(&quota(status), &in_use, Paint::default());
    assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
    insta::assert_snapshot!(format!("quota_{name}"), text);
}

#[test]
fn a_share_of_nothing_says_so() {
    let spec = json!({"agency": "customs", "pool": "national", "guaranteed": {}});
    let quota = testing::object("AgencyQuota", "", "customs-south", spec, json!({"share": {"hard": {}, "operation": 1}}));
    insta::assert_snapshot!("quota_nothing", render(&quota, &nothing_in_use(), Paint::default()));
}
