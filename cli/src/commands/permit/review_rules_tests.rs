//! Reviews that would count, and those that would not.

use rstest::rstest;
use serde_json::{Value, json};

use super::*;
use crate::commands::{permit::list::tests::permit, testing};

/// A review that pins the permit of that name.
pub fn review(permit: &str, who: &str, group: &str, verdict: &str, reason: &str) -> PermitReview {
    let digest = "a".repeat(64);
    let spec = json!({"permit": {"name": permit, "uid": format!("uid-{permit}"), "digest": digest}, "reviewer": who, "group": group, "verdict": verdict, "reason": reason});
    testing::object(
        "PermitReview",
        "agency-tax-administration",
        &format!("{permit}-{}", who.replace(['@', ':'], "-")),
        spec,
        Value::Null,
    )
}

/// The request of the story with an assessment and reviews.
pub fn case(result: &str, more: &Value, reviews: &[PermitReview]) -> Case {
    Case {
        permit: permit("tax-lake", "GC-2026-000042", result, more),
        reviews: reviews.to_vec(),
        agency: Some(testing::agency()),
    }
}

fn reviewer(groups: &[&str]) -> Caller {
    Caller { user: "reviewer-1@ministry".into(), groups: groups.iter().map(|g| (*g).to_owned()).collect() }
}

const MINISTRY: &str = "ministry:reviewers";

fn approve(case: &Case, caller: &Caller, override_duplicate: bool) -> Result<Plan, Refusal> {
    plan(
        case,
        &Wish { caller, verdict: ReviewVerdict::Approve, reason: "It is needed.", group: None, override_duplicate },
        testing::now(),
    )
}

fn said(result: Result<Plan, Refusal>) -> String {
    match result {
        Ok(plan) => {
            format!("counts in {}; {:?}, missing: {}", plan.review.spec.group, plan.after.phase, needed(&plan.after.missing))
        }
        Err(refusal) => format!("{}\n  {}", refusal.why, refusal.instead.join("\n  ")),
    }
}

#[rstest]
#[case::counts("counts", "Unique", &[MINISTRY], false)]
#[case::in_the_group_that_is_missing("security", "Unique", &["security:smc"], false)]
#[case::wrong_group("wrong_group", "Unique", &["security:ito"], false)]
#[case::no_group("no_group", "Unique", &[], false)]
#[case::duplicate("duplicate", "Duplicate", &[MINISTRY], false)]
#[case::overridden("overridden", "Duplicate", &[MINISTRY], true)]
#[case::insider("insider", "Unique", &[MINISTRY, "tax:admins"], false)]
fn approvals(#[case] name: &str, #[case] result: &str, #[case] groups: &[&str], #[case] override_duplicate: bool) {
    let said = said(approve(&case(result, &json!({}), &[]), &reviewer(groups), override_duplicate));
    insta::assert_snapshot!(format!("review_{name}"), said);
}

#[test]
fn nobody_approves_twice_or_what_they_asked_for() {
    let mine = review("tax-lake", "reviewer-1@ministry", MINISTRY, "Approve", "It is needed.");
    insta::assert_snapshot!(
        "review_twice",
        said(approve(&case("Unique", &json!({}), std::slice::from_ref(&mine)), &reviewer(&[MINISTRY]), false))
    );
    let other = Caller { user: "reviewer-2@ministry".into(), ..reviewer(&[MINISTRY]) };
    insta::assert_snapshot!("review_group_done", said(approve(&case("Unique", &json!({}), &[mine]), &other, false)));
    let own = Caller { user: "requester@tax".into(), groups: vec![MINISTRY.into()] };
    insta::assert_snapshot!("review_own", said(approve(&case("Unique", &json!({}), &[]), &own, false)));
}

#[test]
fn each_verdict_has_its_time() {
    let verdict = |case: &Case, verdict| {
        said(plan(
            case,
            &Wish { caller: &reviewer(&[MINISTRY]), verdict, reason: "No.", group: None, override_duplicate: false },
            testing::now(),
        ))
    };
    let waiting = case("Unique", &json!({}), &[]);
    insta::assert_snapshot!("review_deny", verdict(&waiting, ReviewVerdict::Deny));
    insta::assert_snapshot!("review_revoke_early", verdict(&waiting, ReviewVerdict::Revoke));
    let approvals = [(MINISTRY, "reviewer-2@ministry"), ("security:smc", "officer@smc")]
        .map(|(g, who)| review("tax-lake", who, g, "Approve", "Yes."));
    let active = case(
        "Unique",
        &json!({"phase": "Active", "validFrom": "2026-10-20T00:00:00Z", "notAfter": "2027-10-20T00:00:00Z"}),
        &approvals,
    );
    insta::assert_snapshot!("review_revoke", verdict(&active, ReviewVerdict::Revoke));
    insta::assert_snapshot!("review_approve_late", verdict(&active, ReviewVerdict::Approve));
    let unassessed = case("Unique", &json!({"policy": null}), &[]);
    insta::assert_snapshot!("review_unassessed", verdict(&unassessed, ReviewVerdict::Approve));
}

#[test]
fn a_group_can_be_chosen_if_one_is_in_it() {
    let chosen = |group| {
        let wish = Wish {
            caller: &reviewer(&[MINISTRY, "security:smc", "other"]),
            verdict: ReviewVerdict::Approve,
            reason: "Yes.",
            group: Some(group),
            override_duplicate: false,
        };
        said(plan(&case("Unique", &json!({}), &[]), &wish, testing::now()))
    };
    insta::assert_snapshot!("review_chosen", ["security:smc", "other", "security:ito"].map(chosen).join("\n"));
}
