use serde_json::json;

use super::{super::tests::*, *};
use rstest::rstest;

fn resources(pairs: &[(&str, &str)]) -> Resources {
    pairs.iter().map(|(key, amount)| ((*key).to_owned(), amount.parse().expect("valid"))).collect()
}

#[allow(clippy::unnecessary_wraps, reason = "what is compared with it may be missing")]
fn some(pairs: &[(&str, &str)]) -> Option<Resources> {
    Some(resources(pairs))
}

#[test]
fn what_runs_is_what_permits_allow_and_what_was_found() {
    let rows = running(&national());
    let row = |agency: &str| rows.iter().find(|row| row.agency == agency).expect("is there");
    assert_eq!(row("customs").permitted, some(&[("brokers", "2"), ("storage", "2Ti")]));
    assert_eq!(
        row("customs").unpermitted,
        some(&[("brokers", "3"), ("storage", "3Ti")]),
        "a Duplicate beside it is the same object"
    );
    assert_eq!((row("tax-administration").unmeasured, row("customs").unmeasured), (Some(1), Some(0)));
    assert_eq!(row("").unpermitted, some(&[("brokers", "2")]));
    assert_eq!(row("customs").idle, some(&[("brokers", "2"), ("storage", "2Ti")]));
    assert_eq!(row("tax-administration").idle, None);
    assert_eq!(rows.len(), 3, "what is of no class is no capacity");
}

#[test]
fn what_another_permit_took_over_counts_once() {
    let status = |prior: Option<&str>| {
        let prior = prior.map(|uid| json!({"name": "events", "uid": uid, "digest": "d", "phase": "Active"}));
        let mut policy = policy();
        policy["prior"] = prior.into();
        json!({"phase": "Active", "validFrom": "2026-01-01T00:00:00Z", "policy": policy})
    };
    let former = permit("customs", "events", 3, status(None));
    let mut renewal = permit("customs", "again", 2, status(Some("uid-events")));
    renewal.spec.intent = govcloud_crds::permit::Intent::Renewal;
    let both = [former, renewal];
    assert_eq!(holding(&both).iter().map(|p| p.name_any()).collect::<Vec<_>>(), ["again"]);
}

#[rstest]
#[case(&[("brokers", "7"), ("storage", "100Ti")], &[("brokers", "3")], Some(2))]
#[case(&[("brokers", "6"), ("storage", "1Ti")], &[("brokers", "3"), ("storage", "1Ti")], Some(1))]
#[case(&[("brokers", "2")], &[("brokers", "3")], Some(0))]
#[case(&[], &[("brokers", "1")], Some(0))]
#[case(&[("brokers", "2")], &[], None)]
#[case(&[("brokers", "2")], &[("brokers", "0")], None)]
fn a_plan_fits_as_often_as_all_of_it_does(
    #[case] room: &[(&str, &str)],
    #[case] plan: &[(&str, &str)],
    #[case] times: Option<i64>,
) {
    assert_eq!(fits(&resources(room), &resources(plan)), times);
}

#[test]
fn what_is_kept_for_somebody_is_not_spare() {
    let report = capacity(&national());
    let service = &report.services.expect("some")[0];
    assert_eq!(
        (service.has.kept.get("brokers").to_string(), service.has.spare.get("brokers").to_string()),
        ("6".into(), "34".into())
    );
    let class = &report.classes.expect("some")[0];
    assert_eq!(class.has.capacity.get("brokers").to_string(), "62", "both services");
}
