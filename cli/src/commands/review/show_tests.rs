//! A request as a reviewer reads it.

use govcloud_crds::{
    ProcessingPermit,
    permit::{Evidence, Intent},
};
use serde_json::json;

use super::*;
use crate::{
    commands::{
        permit::{find::Case, list::tests::permit},
        review::{
            facts::Facts,
            rules::tests::{active, appeal, case, emergency, review},
        },
        testing,
    },
    context::Caller,
    output::Paint,
};

fn of(case: &Case, others: &[ProcessingPermit], user: &str, groups: &[&str]) -> Facts {
    let caller = Caller { user: user.into(), groups: groups.iter().map(|g| (*g).to_owned()).collect() };
    facts(case, others, &None, &caller, testing::now())
}

fn shown(name: &str, case: &Case, others: &[ProcessingPermit]) {
    let facts = of(case, others, "reviewer-1@ministry", &["ministry:reviewers"]);
    insta::assert_snapshot!(format!("show_{name}"), show_view::render(&facts, Paint::default(), testing::now()));
}

fn before() -> ProcessingPermit {
    let lives = json!({"phase": "Active", "validFrom": "2026-10-20T00:00:00Z", "notAfter": "2027-10-20T00:00:00Z",
        "granted": [{"group": "storage", "resource": "buckets", "name": "lake", "replicas": 2, "perReplica": {"storage": "100Ti"}}],
        "decision": {"verdict": "Approve", "at": "2026-10-19T00:00:00Z", "reason": "It is needed."}});
    permit("tax-old", "GC-2026-000007", "Unique", &lives)
}

#[test]
fn a_duplicate_is_shown_beside_what_is_there() {
    let mut duplicate = case("Duplicate", &json!({}), &[]);
    let spec = &mut duplicate.permit.spec;
    spec.alternatives =
        serde_json::from_value(json!([{"sharedService": "national-lake", "rejectedBecause": "Queueing takes days."}]))
            .expect("valid");
    spec.evidence =
        vec![Evidence { name: "study.pdf".into(), sha256: "c".repeat(64), uri: Some("https://tax/study.pdf".into()) }];
    spec.legal_basis = Some("Tax code, article 12".into());
    shown("duplicate", &duplicate, &[before(), duplicate.permit.clone()]);
}

#[test]
fn what_nobody_offers_and_who_reviewed_it() {
    let yes = review("tax-lake", "officer@smc", "security:smc", "Approve", "It is safe.");
    let own = review("tax-lake", "requester@tax", "ministry:reviewers", "Approve", "I need it.");
    shown("unique", &case("Unique", &json!({}), &[yes, own]), &[]);
    shown("active", &active(&[]), &[]);
    let unassessed = case("Unique", &json!({"policy": null, "assessment": null, "queue": null, "phase": "Pending"}), &[]);
    shown("unassessed", &unassessed, &[]);
}

#[test]
fn an_emergency_says_what_one_reviewer_can_do() {
    shown("emergency", &emergency(false), &[]);
    shown("emergency_afterwards", &emergency(true), &[]);
}

#[test]
fn what_it_refers_to_and_what_changes() {
    let mut larger = appeal("reviewer-2@ministry");
    larger.permit.spec.intent = Intent::Amendment;
    shown("amendment", &larger, &[before()]);
    let mut denied = before();
    let status = denied.status.as_mut().expect("a status");
    status.phase = govcloud_crds::permit::Phase::Denied;
    status.granted.clear();
    status.decision =
        serde_json::from_value(json!({"verdict": "Deny", "at": "2026-10-19T00:00:00Z", "reason": "Not needed."})).expect("valid");
    shown("appeal", &appeal("reviewer-1@ministry"), &[denied]);
    shown(
        "renewal_of_what_is_gone",
        &{
            let mut case = appeal("reviewer-2@ministry");
            case.permit.spec.intent = Intent::Renewal;
            case
        },
        &[],
    );
}

#[test]
fn scripts_read_the_same() {
    let facts = of(&case("Duplicate", &json!({}), &[]), &[before()], "officer@smc", &["security:smc"]);
    let json = serde_json::to_value(facts).expect("JSON");
    assert_eq!((&json["lastYear"]["asked"], &json["needed"]["overrideDuplicate"]), (&1.into(), &true.into()), "{json}");
    assert_eq!(json["next"][0], "govcloud review approve GC-2026-000042 --override-duplicate \"…\"");
}
