use super::*;
use crate::{
    commands::testing,
    output::{Paint, text::WIDTH},
};
use rstest::rstest;
use serde_json::{Value, json};

const GPU: &str = "requests.nvidia.com/gpu";

fn project(asked: Value, granted: Value, reason: &str) -> Project {
    let condition = testing::condition(
        "QuotaGranted",
        "False",
        reason,
        "spec.hard.pods: must be a whole number. Change the project's quota or limits.",
    );
    let status =
        json!({"namespace": "tax-administration--analytics", "namespaceUid": "u", "granted": granted, "conditions": [condition]});
    let spec = json!({"purpose": "Fraud analytics", "pool": "national", "quota": asked});
    testing::object("Project", "agency-tax-administration", "analytics", spec, status)
}

fn quota(status: Value) -> AgencyQuota {
    let spec = json!({"agency": "tax-administration", "pool": "national", "guaranteed": {"requests.cpu": "200", "requests.memory": "800Gi", GPU: "8"}});
    testing::object("AgencyQuota", "", "tax-administration", spec, status)
}

fn pool() -> CapacityPool {
    let amounts = json!({"requests.cpu": "4000", "requests.memory": "16Ti"});
    testing::object(
        "CapacityPool",
        "",
        "national",
        json!({"zones": ["tehran-1"], "capacity": amounts}),
        json!({"capacity": amounts, "available": amounts}),
    )
}

fn classes() -> BTreeMap<String, ProcessingClass> {
    let spec = json!({"displayName": "G", "dimensions": [{"name": "gpus"}], "gatedQuota": {"gpus": GPU}, "approval": {"quorum": [{"group": "g", "count": 1}]}});
    [("gpu-training".to_owned(), ProcessingClass::new("gpu-training", serde_json::from_value(spec).expect("valid")))].into()
}

/// What an admin of the agency can read.
fn gathered(project: Project, status: Value) -> Gathered {
    Gathered {
        agency: "tax-administration".into(),
        project,
        quota: Seen::There(quota(status)),
        pool: Seen::There(pool()),
        peers: None,
        classes: Some(classes()),
        permits: Some(Vec::new()),
        used: None,
    }
}

fn entry(project: &str, hard: Value, to: Value) -> Value {
    let phase = if to.is_null() { "Settled" } else { "Shrinking" };
    json!({"namespace": format!("tax-administration--{project}"), "uid": "u", "hard": hard, "phase": phase, "operation": 1, "loweringTo": to})
}

/// A share that other projects hold and others borrow.
fn busy() -> Value {
    json!({"share": {"hard": {"requests.cpu": "200", "requests.memory": "500Gi", GPU: "8"}, "operation": 1},
        "allocations": [
            entry("analytics", json!({"requests.cpu": "120", "requests.memory": "300Gi"}), Value::Null),
            entry("reports", json!({"requests.cpu": "20", "requests.memory": "200Gi"}), Value::Null),
            entry("archive", json!({"requests.cpu": "10"}), json!({"requests.cpu": "5"})),
        ],
        "loans": [{"quota": "customs", "uid": "u", "hard": {"requests.cpu": "50"}, "phase": "Shrinking", "operation": 3, "loweringTo": {"requests.cpu": "10"}}]})
}

fn asks_for_more() -> Gathered {
    let asked = json!({"requests.cpu": "190", "requests.memory": "400Gi", GPU: "4"});
    gathered(project(asked, json!({"requests.cpu": "120", "requests.memory": "300Gi"}), "ExceedsAgencyBudget"), busy())
}

fn has_all() -> Gathered {
    let asked = json!({"requests.cpu": "3500m"});
    let status = json!({"allocations": [entry("analytics", asked.clone(), Value::Null)]});
    gathered(project(asked.clone(), asked, "Granted"), status)
}

fn shrinks() -> Gathered {
    let status = json!({"share": {"hard": {"requests.cpu": "100"}, "operation": 1},
        "allocations": [entry("analytics", json!({"requests.cpu": "150"}), json!({"requests.cpu": "100"}))]});
    let project = project(json!({"requests.cpu": "150"}), json!({"requests.cpu": "100"}), "ExceedsAgencyBudget");
    Gathered {
        used: Some([("requests.cpu".to_owned(), Quantity::from_units(130))].into_iter().collect()),
        ..gathered(project, status)
    }
}

fn stranger() -> Gathered {
    let (quota, pool, classes, permits) = (Seen::Unreadable, Seen::Unreadable, None, None);
    Gathered { quota, pool, classes, permits, ..asks_for_more() }
}

fn no_share() -> Gathered {
    Gathered { quota: Seen::Missing, ..asks_for_more() }
}

fn refused() -> Gathered {
    gathered(project(json!({"pods": "5"}), json!({"pods": "5"}), "Invalid"), Value::Null)
}

#[rstest]
#[case::less("less", asks_for_more(), &[Who::AgencyAdmin, Who::AgencyRequester], false)]
#[case::less_operator("less_operator", asks_for_more(), &[Who::CloudOperator], false)]
#[case::all("all", has_all(), &[], true)]
#[case::shrinks("shrinks", shrinks(), &[Who::ProjectDeveloper], false)]
#[case::stranger("stranger", stranger(), &[], false)]
#[case::no_share("no_share", no_share(), &[], false)]
#[case::refused("refused", refused(), &[], false)]
fn it_is_said_what_decides_and_who_can_help(
    #[case] name: &str,
    #[case] gathered: Gathered,
    #[case] can: &[Who],
    #[case] granted: bool,
) {
    let report = Report { can: can.to_vec(), ..report(&gathered) };
    assert_eq!(report.granted, granted);
    let text = render(&report, Paint::default());
    let is_command = |line: &&str| line.starts_with("      ");
    assert!(text.lines().filter(|line| !is_command(line)).all(|line| line.chars().count() <= WIDTH), "{text}");
    insta::assert_snapshot!(format!("explain_{name}"), text);
}

#[test]
fn programs_get_reasons_and_words() {
    let report = serde_json::to_value(report(&shrinks())).expect("data");
    let line = &report["resources"][0];
    assert_eq!((&report["granted"], &line["reasons"][0]["type"]), (&json!(false), &json!("PoolGaveLess")));
    assert!(
        line["message"]
            .as_str()
            .is_some_and(|text| text.starts_with("Asked for 150 requests.cpu; the agency's budget leaves 100"))
    );
    assert_eq!(line["help"][0]["who"], "CloudOperator");
}

#[test]
fn a_change_that_the_operator_has_not_seen_is_not_granted() {
    let mut gathered = has_all();
    gathered.project.metadata.generation = Some(2);
    assert!(!report(&gathered).granted);
    assert!(report(&gathered).said.is_some_and(|said| said.contains("has not looked")));
}
