use super::*;
use crate::capacity::Who;
use rstest::rstest;
use serde_json::{Value, json};

const CPU: &str = "requests.cpu";
const GPU: &str = "requests.nvidia.com/gpu";

fn read<T: serde::de::DeserializeOwned>(kind: &str, name: &str, spec: Value, status: Value) -> T {
    let metadata = json!({"name": name, "uid": format!("uid-{name}"), "namespace": "agency-tax"});
    let object =
        json!({"apiVersion": "govcloud.dev/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec, "status": status});
    serde_json::from_value(object).expect("valid")
}

fn project(asked: Value) -> Project {
    let spec = json!({"purpose": "A test", "pool": "national", "quota": asked});
    read("Project", "analytics", spec, json!({"namespace": "tax--analytics", "namespaceUid": "u"}))
}

fn quota(guaranteed: Value, limits: (u32, u32), status: Value) -> AgencyQuota {
    let (borrow, lend) = limits;
    let spec = json!({"agency": "tax", "pool": "national", "guaranteed": guaranteed,
        "borrowingLimit": {CPU: borrow.to_string()}, "lendingLimit": {CPU: lend.to_string()}});
    read("AgencyQuota", "tax", spec, status)
}

fn cpu(units: u32) -> Value {
    json!({CPU: units.to_string()})
}

fn entry(holder: &str, units: u32, to: Option<u32>) -> Value {
    let phase = if to.is_some() { "Shrinking" } else { "Settled" };
    let mut entry = json!({"namespace": format!("tax--{holder}"), "quota": holder, "uid": "u", "hard": cpu(units), "phase": phase, "operation": 1});
    if let Some(to) = to {
        entry["loweringTo"] = cpu(to);
    }
    entry
}

/// What the agency's quota of 200 looks like: its share, what its projects have, what it lent and borrowed.
fn status(share: u32, allocations: Value, loans: Value, borrowed: u32) -> Value {
    let borrowings = if borrowed > 0 { json!([{"quota": "customs", "hard": cpu(borrowed), "operation": 1}]) } else { json!([]) };
    json!({"share": {"hard": cpu(share), "operation": 1}, "allocations": allocations, "loans": loans, "borrowings": borrowings})
}

fn resources(amounts: Value) -> Resources {
    serde_json::from_value(amounts).expect("valid")
}

fn situation<'a>(project: &'a Project, granted: &'a Resources, quota: &'a AgencyQuota) -> Situation<'a> {
    Situation {
        project,
        granted,
        used: None,
        quota: Seen::There(quota),
        pool: Seen::Unreadable,
        peers: None,
        gated: [(GPU.to_owned(), vec!["gpu-training".to_owned()])].into(),
        permitted: Resources::default(),
    }
}

fn names(shortfall: &Shortfall) -> Vec<String> {
    let name = |reason: &Reason| serde_json::to_value(reason).expect("data")["type"].as_str().unwrap_or_default().to_owned();
    shortfall.reasons.iter().map(name).collect()
}

#[rstest]
#[case::plain(190, 180, (0, 0), status(200, json!([entry("analytics", 180, None), entry("reports", 20, None)]), json!([]), 0), &["HeldByOthers"],
    "Asked for 190 requests.cpu; the agency's budget leaves 180. Reduce another project, or ask a cloud operator for a larger share.")]
#[case::alone_too_much(300, 200, (0, 0), status(200, json!([entry("analytics", 200, None)]), json!([]), 0), &["BudgetTooSmall"],
    "Asked for 300 requests.cpu; the agency's budget leaves 200. Reduce another project, or ask a cloud operator for a larger share.")]
#[case::pool_gave_less(190, 80, (0, 0), status(80, json!([entry("analytics", 80, None)]), json!([]), 0), &["PoolGaveLess"],
    "Asked for 190 requests.cpu; the agency's budget leaves 80. Pool national gave the agency 80 of the 200 that it is promised. Reduce another project, or ask a cloud operator to add capacity to the pool.")]
#[case::before_the_first_look(190, 80, (0, 0), json!({"allocations": [entry("analytics", 80, None), entry("reports", 120, None)]}), &["HeldByOthers"],
    "Asked for 190 requests.cpu; the agency's budget leaves 80. Reduce another project, or ask a cloud operator for a larger share.")]
#[case::lent(190, 150, (0, 50), status(200, json!([entry("analytics", 150, None)]), json!([entry("customs", 50, Some(10))]), 0), &["LentOut"],
    "Asked for 190 requests.cpu; the agency's budget leaves 150. Lent to others: customs 50 (coming down to 10). It comes back as its use there ends. Wait, reduce another project, or ask a cloud operator for a larger share.")]
#[case::held_and_lent(190, 100, (0, 50), status(200, json!([entry("analytics", 100, None), entry("reports", 50, None)]), json!([entry("customs", 50, None)]), 0), &["HeldByOthers", "LentOut"],
    "Asked for 190 requests.cpu; the agency's budget leaves 100. Lent to others: customs 50. It comes back as its use there ends. Wait, reduce another project, or ask a cloud operator for a larger share.")]
#[case::limit_reached(300, 230, (30, 0), status(200, json!([entry("analytics", 230, None)]), json!([]), 30), &["BudgetTooSmall", "BorrowingLimit"],
    "Asked for 300 requests.cpu; the agency's budget leaves 230. Reduce another project, or ask a cloud operator for a larger share.")]
#[case::nobody_lends(300, 210, (30, 0), status(200, json!([entry("analytics", 210, None)]), json!([]), 10), &["BudgetTooSmall", "NobodyLends"],
    "Asked for 300 requests.cpu; the agency's budget leaves 210. Reduce another project, or ask a cloud operator for a larger share.")]
#[case::curbed(150, 100, (0, 0), status(100, json!([entry("analytics", 150, Some(100))]), json!([]), 0), &["PoolGaveLess", "GivenTooMuch", "Shrinking"],
    "Asked for 150 requests.cpu; the agency's budget leaves 100. Pool national gave the agency 100 of the 200 that it is promised. The agency gave out 150 and holds 100 by now; nothing running is stopped, and nothing is given until that is even. The project comes down from 150 to 100 as its use ends; nothing running is stopped. Reduce another project, or ask a cloud operator to add capacity to the pool.")]
#[case::asks_again_while_lowered(40, 20, (0, 0), status(200, json!([entry("analytics", 60, Some(40))]), json!([]), 0), &["NotRaised"],
    "Asked for 40 requests.cpu; it has 20. Nothing of the project is raised while its requests.cpu comes down from 60 to 40, as its use ends. Wait, or end what runs there.")]
#[case::on_its_way(40, 20, (0, 0), status(200, json!([entry("analytics", 40, None)]), json!([]), 0), &["OnItsWay"],
    "Asked for 40 requests.cpu; it has 20. The agency's ledger has given it; the project's quota follows in a moment.")]
#[case::pending(40, 0, (0, 0), status(200, json!([]), json!([]), 0), &["Pending"],
    "Asked for 40 requests.cpu; it has 0. The agency's ledger takes note of the project in a moment.")]
fn what_decides_comes_first(
    #[case] asked: u32,
    #[case] given: u32,
    #[case] limits: (u32, u32),
    #[case] status: Value,
    #[case] reasons: &[&str],
    #[case] message: &str,
) {
    let (project, granted, quota) = (project(cpu(asked)), resources(cpu(given)), quota(cpu(200), limits, status));
    let shortfalls = why(&situation(&project, &granted, &quota));
    assert_eq!(shortfalls.iter().map(|s| s.key.as_str()).collect::<Vec<_>>(), [CPU]);
    assert_eq!(names(&shortfalls[0]), reasons);
    assert_eq!(shortfalls[0].message(), message);
}

#[rstest]
#[case::no_share(
    Seen::Missing,
    Seen::Unreadable,
    "The agency has no share of pool national, so nothing can run. A cloud operator creates an AgencyQuota."
)]
#[case::no_pool(
    Seen::Missing,
    Seen::Missing,
    "There is no CapacityPool national. A cloud operator creates it, or make the project in another pool."
)]
#[case::unreadable(
    Seen::Unreadable,
    Seen::Unreadable,
    "Asked for 40 requests.cpu; it has 0. What the agency's share leaves cannot be told: you may not read it."
)]
fn what_is_not_there_or_not_readable_is_said(
    #[case] quota: Seen<&AgencyQuota>,
    #[case] pool: Seen<&CapacityPool>,
    #[case] message: &str,
) {
    let (project, granted, any) = (project(cpu(40)), Resources::default(), self::quota(cpu(0), (0, 0), Value::Null));
    let situation = Situation { quota, pool, ..situation(&project, &granted, &any) };
    assert_eq!(why(&situation)[0].message(), message);
}

#[rstest]
#[case::none(0, 0, &["NeedsPermit"])]
#[case::some(4, 4, &["NeedsPermit"])]
#[case::budget_too(4, 2, &["NeedsPermit", "HeldByOthers"])]
#[case::budget_alone(8, 2, &["HeldByOthers"])]
fn devices_come_with_permits(#[case] permitted: u32, #[case] given: u32, #[case] reasons: &[&str]) {
    let gpus = |units: u32| json!({GPU: units.to_string()});
    let allocations = json!([{"namespace": "tax--analytics", "uid": "u", "hard": gpus(given), "phase": "Settled", "operation": 1},
        {"namespace": "tax--ml", "uid": "v", "hard": gpus(6), "phase": "Settled", "operation": 1}]);
    let status = json!({"share": {"hard": gpus(8), "operation": 1}, "allocations": allocations});
    let (project, granted, quota) = (project(gpus(8)), resources(gpus(given)), quota(gpus(8), (0, 0), status));
    let situation = Situation { permitted: resources(gpus(permitted)), ..situation(&project, &granted, &quota) };
    let shortfall = &why(&situation)[0];
    assert_eq!(names(shortfall), reasons);
    assert_eq!(shortfall.help[0].who == Who::AgencyRequester, reasons[0] == "NeedsPermit");
}

#[test]
fn what_the_share_has_and_nobody_asked_for_is_a_note() {
    let guaranteed = json!({CPU: "200", GPU: "8", "requests.memory": "1Gi", "requests.storage": "0"});
    let quota = quota(guaranteed, (0, 0), status(200, json!([entry("analytics", 40, None)]), json!([]), 0));
    let (project, granted) = (project(cpu(40)), resources(cpu(40)));
    let notes = why(&situation(&project, &granted, &quota));
    let said: Vec<_> = notes.iter().map(Shortfall::message).collect();
    assert!(notes.iter().all(|note| !note.is_less()));
    assert_eq!(
        said,
        [
            "requests.memory is 0. The agency's share has it, and the project does not ask for it. Name requests.memory in the project's spec.quota.",
            "requests.nvidia.com/gpu is 0. Only a permit brings it (class gpu-training); the project's permits bring 0. Ask for a permit: govcloud permit request.",
        ]
    );
}

#[test]
fn a_key_that_the_share_does_not_name_is_not_promised() {
    let quota = quota(cpu(200), (0, 0), status(200, json!([entry("analytics", 40, None)]), json!([]), 0));
    let (project, granted) = (project(json!({CPU: "40", "requests.storage": "1Ti"})), resources(cpu(40)));
    let shortfall = &why(&situation(&project, &granted, &quota))[0];
    assert_eq!(names(shortfall), ["NotPromised"]);
    assert_eq!(
        shortfall.message(),
        "Asked for 1Ti requests.storage; the agency's budget leaves 0. The agency's share of pool national has none of it. Ask a cloud operator for a share of it."
    );
}

#[test]
fn a_project_that_is_being_deleted_is_given_nothing() {
    let quota = quota(cpu(200), (0, 0), Value::Null);
    let (mut project, granted) = (project(cpu(40)), Resources::default());
    project.metadata.deletion_timestamp = serde_json::from_value(json!("2026-01-01T00:00:00Z")).expect("a time");
    assert_eq!(names(&why(&situation(&project, &granted, &quota))[0]), ["Leaving"]);
}

#[test]
fn the_pool_and_its_other_quotas_say_more_where_they_can_be_read() {
    let ours = quota(cpu(200), (100, 0), status(100, json!([entry("analytics", 130, Some(110))]), json!([]), 30));
    let mut lender = quota(cpu(100), (0, 30), status(100, json!([]), json!([entry("tax", 30, Some(10))]), 0));
    lender.metadata.name = Some("customs".into());
    let pool = |given| {
        let shares = json!([{"quota": "tax", "uid": "uid-tax", "hard": cpu(given), "phase": "Settled", "operation": 2}]);
        let status = json!({"capacity": cpu(150), "available": cpu(0), "shares": shares});
        read::<CapacityPool>("CapacityPool", "national", json!({"zones": ["z"], "capacity": cpu(150)}), status)
    };
    let (project, granted, used) = (project(cpu(190)), resources(cpu(110)), resources(cpu(125)));
    let in_pool = |pool: CapacityPool| {
        let (pool, peers) = (Seen::There(&pool), Some(vec![&lender]));
        why(&Situation { pool, peers, used: Some(&used), ..situation(&project, &granted, &ours) }).remove(0)
    };
    let all = in_pool(pool(100));
    assert_eq!(names(&all), ["PoolGaveLess", "TakenBack", "NobodyLends", "Shrinking", "UsesMore"]);
    let said: Vec<_> = all.reasons.iter().map(ToString::to_string).collect();
    assert_eq!(said[1], "Lenders take back what the agency borrowed: customs 30 (coming down to 10).");
    assert_eq!(all.help[0].command.as_deref(), Some("kubectl edit capacitypool national"));
    assert!(all.help.iter().any(|help| help.what.contains("nothing left to promise")), "{:?}", all.help);
    assert!(in_pool(pool(150)).message().contains("more is on its way"));
}

#[test]
fn what_was_granted_in_full_needs_no_explanation() {
    let quota = quota(cpu(200), (0, 0), status(200, json!([entry("analytics", 40, None)]), json!([]), 0));
    let (project, granted) = (project(cpu(40)), resources(cpu(40)));
    assert_eq!(why(&situation(&project, &granted, &quota)), []);
}
