//! Why a permit is where it is, for every phase.

use rstest::rstest;
use serde_json::{Value, json};

use super::*;
use crate::commands::{
    review::rules::tests::{case, review},
    testing::{self, condition},
};

fn explained(case: &Case) -> String {
    render(&explain(case, testing::now()), testing::now(), Paint::default())
}

fn reviews(verdicts: &[(&str, &str, &str, &str)]) -> Vec<govcloud_crds::PermitReview> {
    verdicts.iter().map(|(who, group, verdict, reason)| review("tax-lake", who, group, verdict, reason)).collect()
}

const MINISTRY: (&str, &str, &str, &str) =
    ("reviewer-1@ministry", "ministry:reviewers", "Approve", "No shared lake in tehran-2 before 2028.");
const SMC: (&str, &str, &str, &str) = ("officer@smc", "security:smc", "Approve", "Its zone is safe.");

fn lived(phase: &str, conditions: &[Value]) -> Value {
    json!({"phase": phase, "validFrom": "2026-10-20T00:00:00Z", "notAfter": "2027-10-20T00:00:00Z", "queue": null, "conditions": conditions})
}

/// The same with its reviews on record as counted, as they are of a permit that is over.
fn recorded(mut case: Case) -> Case {
    let row = |review: &govcloud_crds::PermitReview| {
        let spec = &review.spec;
        json!({"name": review.name_any(), "reviewer": spec.reviewer, "group": spec.group, "verdict": spec.verdict, "counted": true})
    };
    let rows = case.reviews.iter().map(row).collect::<Vec<_>>();
    let status = case.permit.status.as_mut().expect("a status");
    status.reviews = serde_json::from_value(json!(rows)).expect("rows");
    case
}

#[test]
fn the_story() {
    let insider = ("requester@tax", "ministry:reviewers", "Approve", "I need it.");
    insta::assert_snapshot!("explain_under_review", explained(&case("Unique", &json!({}), &reviews(&[MINISTRY, insider]))));
}

#[test]
fn requests_that_are_not_decided() {
    let none = json!({"phase": "Pending", "assessment": null, "policy": null, "queue": null});
    let objection =
        condition("Assessed", "False", "NoSuchProject", "There is no project x. Create it first: govcloud project create x");
    let mut objected = none.clone();
    objected["conditions"] = json!([objection]);
    let overdue = condition(
        "Overdue",
        "True",
        "ReviewLate",
        "A decision was due on 2026-11-12. Nothing is decided by time; ask the ministry.",
    );
    let late = json!({"queue": {"position": 1, "dueBy": "2026-11-12T08:00:00Z"}, "conditions": [overdue]});
    let returned = ("officer@smc", "security:smc", "Return", "Which zone is meant?");
    let all = [
        case("Unique", &none, &[]),
        case("Unique", &objected, &[]),
        case("Duplicate", &late, &[]),
        case("Unique", &json!({"phase": "Returned", "queue": null}), &reviews(&[MINISTRY, returned])),
    ];
    insta::assert_snapshot!("explain_undecided", all.iter().map(explained).collect::<Vec<_>>().join("\n"));
}

#[rstest]
#[case("AwaitsQuota", "It brings 4 requests.cpu, and of the agency's share 1 is free.")]
#[case("TargetTaken", "tenants/lake is held by permit GC-2026-000001; it must end, or be withdrawn, first.")]
#[case("ProjectNotReady", "Project analytics is not ready.")]
#[case("PriorSuspended", "GC-2026-000001 is suspended; this takes over when that is resumed.")]
#[case("PriorRevoked", "GC-2026-000001 was revoked, and nothing takes over from it.")]
#[case("AgencyCordoned", "The agency is cordoned: nothing new starts for it.")]
fn what_an_approved_one_waits_for(#[case] reason: &str, #[case] message: &str) {
    let waits = condition("CapacityReserved", "False", reason, message);
    let status = json!({"phase": "Approved", "queue": null, "conditions": [waits]});
    let text = explained(&case("Unique", &status, &reviews(&[MINISTRY, SMC])));
    insta::assert_snapshot!(format!("explain_approved_{reason}"), text);
}

#[test]
fn permits_that_live() {
    let quiet = [
        condition("Ready", "True", "Enforced", "What it names may run, and nothing else may in its place."),
        condition("Expiring", "False", "NotSoon", "It ends on 2027-10-20 00:00 UTC."),
    ];
    let soon = [condition(
        "Expiring",
        "True",
        "Within30Days",
        "It ends on 2026-12-10. Renew it in time: govcloud permit renew tax-lake",
    )];
    let gone = [condition("Ready", "False", "ProjectGone", "The project that it was given for is gone. Request a new permit.")];
    let stopped = [condition("Suspended", "True", "Suspended", "A reviewer suspended it: nothing of it may start or grow.")];
    let approved = [MINISTRY, SMC];
    let mut suspended = reviews(&approved);
    suspended.push(review("tax-lake", "reviewer-2@ministry", "ministry:reviewers", "Suspend", "It is under attack."));
    let all = [
        case("Unique", &lived("Active", &quiet), &reviews(&approved)),
        case("Unique", &lived("Active", &soon), &reviews(&approved)),
        case("Unique", &lived("Active", &gone), &reviews(&approved)),
        recorded(case("Unique", &lived("Suspended", &stopped), &suspended)),
    ];
    insta::assert_snapshot!("explain_alive", all.iter().map(explained).collect::<Vec<_>>().join("\n"));
}

#[test]
fn an_emergency_is_looked_at_afterwards() {
    let later = condition(
        "Compliant",
        "False",
        "ReviewAfterwards",
        "It was approved by one in an emergency. Still to look at it: 1 of security:smc.",
    );
    let mut one = case("Unique", &lived("Active", &[later]), &reviews(&[MINISTRY]));
    one.permit.spec.intent = Intent::Emergency;
    insta::assert_snapshot!("explain_emergency", explained(&one));
}

#[test]
fn permits_that_are_over() {
    let draining =
        condition("Draining", "True", "Grace", "Nothing new of it starts; what runs must be gone by 2026-12-20 00:00 UTC.");
    let over = |phase: &str, conditions: &[Value]| {
        let mut status = lived(phase, conditions);
        status["endedAt"] = json!("2026-11-20T00:00:00Z");
        status["decision"] = json!({"verdict": "Approve", "at": "2026-10-14T00:00:00Z", "reason": "It is needed."});
        status
    };
    let deny = ("officer@smc", "security:smc", "Deny", "Not there.");
    let mut superseded = over("Superseded", &[]);
    superseded["supersededBy"] = json!("GC-2026-000050");
    let mut revoked = reviews(&[MINISTRY, SMC]);
    revoked.push(review("tax-lake", "reviewer-2@ministry", "ministry:reviewers", "Revoke", "It was used for something else."));
    let all = [
        case("Unique", &json!({"phase": "Denied", "queue": null}), &reviews(&[deny])),
        case("Unique", &over("Revoked", std::slice::from_ref(&draining)), &revoked),
        case("Unique", &over("Expired", &[draining]), &reviews(&[MINISTRY, SMC])),
        case("Unique", &over("Withdrawn", &[]), &reviews(&[MINISTRY])),
        case("Unique", &superseded, &reviews(&[MINISTRY, SMC])),
    ];
    let all = all.map(recorded);
    insta::assert_snapshot!("explain_over", all.iter().map(explained).collect::<Vec<_>>().join("\n"));
}

#[test]
fn what_needs_fewer_reviewers_says_why() {
    let approval = json!({"quorum": [{"group": "ministry:reviewers", "count": 1}]});
    let automatic =
        json!({"waives": "Everything", "reason": "It asks for no more than GC-2026-000042 allows, and ends no later."});
    let policy = json!({"class": "object-storage", "generation": 1, "approval": approval, "automatic": automatic});
    let mut status = lived("Active", &[]);
    status["policy"] = policy;
    let mut one = case("Unique", &status, &[]);
    (one.permit.spec.intent, one.permit.spec.prior) = (Intent::Amendment, Some("tax-lake-before".into()));
    insta::assert_snapshot!("explain_by_rule", explained(&one));
    let json = serde_json::to_string_pretty(&explain(&one, testing::now())).expect("JSON");
    insta::assert_snapshot!("explain_json", json);
}

#[test]
fn before_the_operator_has_caught_up_its_conditions_are_not_repeated() {
    let waits = condition("Ready", "False", "WaitsForReview", "Still needed: 1 of security:smc.");
    insta::assert_snapshot!(
        "explain_lagging",
        explained(&case("Unique", &json!({"conditions": [waits]}), &reviews(&[MINISTRY, SMC])))
    );
}
