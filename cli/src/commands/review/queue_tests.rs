//! The queue as each reviewer sees it.

use serde_json::json;

use super::*;
use crate::{
    commands::{
        permit::list::tests::permit,
        review::rules::tests::{emergency, review},
        testing,
    },
    output::{Format, Output, Paint},
};

fn cases() -> Vec<Case> {
    let waits = |name: &str, number: &str, result: &str, position: i32, since: &str, within: &str| {
        let approval = json!({"quorum": [{"group": "ministry:reviewers", "count": 1}], "reviewWithin": within});
        let more = json!({
            "queue": {"position": position, "dueBy": "2026-12-23T08:00:00Z"},
            "policy": {"class": "object-storage", "generation": 1, "approval": approval, "regimeReviewers": "security:smc", "queuedSince": since},
        });
        Case { permit: permit(name, number, result, &more), reviews: vec![], agency: Some(testing::agency()) }
    };
    let mut second = waits("tax-docs", "GC-2026-000051", "Unique", 2, "2026-11-11T08:00:00Z", "1200h");
    second.reviews = vec![review("tax-docs", "reviewer-1@ministry", "ministry:reviewers", "Approve", "Yes.")];
    let mut burnt = emergency(true);
    burnt.permit.metadata.name = Some("tax-lake".into());
    let mut over = waits("tax-over", "GC-2026-000001", "Unique", 9, "2026-11-11T08:00:00Z", "720h");
    over.permit.status.as_mut().expect("a status").phase = Phase::Denied;
    vec![second, burnt, waits("tax-old", "GC-2026-000039", "Duplicate", 1, "2026-10-13T08:00:00Z", "720h"), over]
}

fn shown(user: &str, groups: &[&str], mine: bool, format: Format) -> String {
    let caller = Caller { user: user.into(), groups: groups.iter().map(|g| (*g).to_owned()).collect() };
    let all = queue(&cases(), &None, &caller, testing::now());
    let some = if mine { all.clone().only_mine() } else { all.clone() };
    let out = Output { format, headers: true, paint: Paint::default(), interactive: false };
    queue_view::render(&some, &all, mine, out, testing::now())
}

#[test]
fn the_oldest_is_first_and_emergencies_stand_apart() {
    let ministry = ["ministry:reviewers"];
    insta::assert_snapshot!("queue", shown("reviewer-1@ministry", &ministry, false, Format::Table));
    insta::assert_snapshot!("queue_wide", shown("reviewer-1@ministry", &ministry, false, Format::Wide));
    insta::assert_snapshot!("queue_mine", shown("reviewer-1@ministry", &ministry, true, Format::Table));
    insta::assert_snapshot!("queue_security", shown("officer@smc", &["security:smc"], true, Format::Table));
    insta::assert_snapshot!("queue_not_mine", shown("nobody", &[], true, Format::Table));
}

#[test]
fn an_empty_queue_says_so() {
    let out = Output { format: Format::Table, headers: true, paint: Paint::default(), interactive: false };
    let empty = Queue::default();
    insta::assert_snapshot!("queue_empty", queue_view::render(&empty, &empty, true, out, testing::now()));
}

#[test]
fn scripts_read_the_same() {
    let caller = Caller { user: "reviewer-1@ministry".into(), groups: vec!["ministry:reviewers".into()] };
    let queue = serde_json::to_value(queue(&cases(), &None, &caller, testing::now())).expect("JSON");
    let first = &queue["waiting"][0];
    assert_eq!((&first["number"], &first["overdue"], &first["mine"]), (&"GC-2026-000039".into(), &true.into(), &true.into()));
    assert_eq!(queue["waiting"].as_array().map(Vec::len), Some(2));
    assert_eq!(queue["afterwards"][0]["missing"], json!([{"group": "security:smc", "count": 1}]));
}
