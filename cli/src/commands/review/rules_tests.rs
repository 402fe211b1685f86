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
    let wish = Wish { override_duplicate, ..Wish::new(caller, ReviewVerdict::Approve, "It is needed.") };
    plan(case, &wish, testing::now())
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
    let verdict = |case: &Case, verdict| said(plan(case, &Wish::new(&reviewer(&[MINISTRY]), verdict, "No."), testing::now()));
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
        let caller = reviewer(&[MINISTRY, "security:smc", "other"]);
        let wish = Wish { group: Some(group), ..Wish::new(&caller, ReviewVerdict::Approve, "Yes.") };
        said(plan(&case("Unique", &json!({}), &[]), &wish, testing::now()))
    };
    insta::assert_snapshot!("review_chosen", ["security:smc", "other", "security:ito"].map(chosen).join("\n"));
}

const ALL: [ReviewVerdict; 6] = [
    ReviewVerdict::Approve,
    ReviewVerdict::Deny,
    ReviewVerdict::Return,
    ReviewVerdict::Suspend,
    ReviewVerdict::Resume,
    ReviewVerdict::Revoke,
];

/// Approved by both, and active for a year.
pub fn active(more: &[PermitReview]) -> Case {
    let mut reviews: Vec<_> = [(MINISTRY, "reviewer-2@ministry"), ("security:smc", "officer@smc")]
        .map(|(group, who)| review("tax-lake", who, group, "Approve", "Yes."))
        .to_vec();
    reviews.extend(more.iter().cloned());
    let lives = json!({"phase": "Active", "validFrom": "2026-10-20T00:00:00Z", "notAfter": "2027-10-20T00:00:00Z"});
    case("Unique", &lives, &reviews)
}

/// An emergency; approved by one, if so.
pub fn emergency(approved: bool) -> Case {
    let one = review("tax-lake", "reviewer-2@ministry", MINISTRY, "Approve", "The old one burnt.");
    let mut case = case("Unique", &json!({}), if approved { std::slice::from_ref(&one) } else { &[] });
    case.permit.spec.intent = Intent::Emergency;
    case.permit.spec.duration = govcloud_crds::common::Period::hours(72);
    case
}

/// An appeal against what `decider` decided.
pub fn appeal(decider: &str) -> Case {
    let mut case = case("Unique", &json!({}), &[]);
    case.permit.spec.intent = Intent::Appeal;
    case.permit.spec.prior = Some("tax-old".into());
    let policy = case.permit.status.as_mut().and_then(|status| status.policy.as_mut()).expect("a policy");
    let prior = json!({"name": "tax-old", "uid": "uid-tax-old", "number": "GC-2026-000007", "deciders": [decider]});
    policy.prior = serde_json::from_value(prior).expect("valid");
    case
}

fn each(case: &Case, caller: &Caller) -> String {
    let one = |verdict| format!("{verdict}: {}", said(plan(case, &Wish::new(caller, verdict, "So it is."), testing::now())));
    ALL.map(one).join("\n")
}

#[test]
fn in_each_phase_some_verdicts_count_and_the_others_say_what_would() {
    let stopped = review("tax-lake", "reviewer-2@ministry", MINISTRY, "Suspend", "Wait.");
    let mut later = stopped.clone();
    later.metadata.creation_timestamp = Some(Time("2026-11-01T08:00:00Z".parse().expect("valid")));
    insta::assert_snapshot!("verdicts_under_review", each(&case("Unique", &json!({}), &[]), &reviewer(&[MINISTRY])));
    insta::assert_snapshot!("verdicts_active", each(&active(&[]), &reviewer(&[MINISTRY])));
    insta::assert_snapshot!("verdicts_active_security", each(&active(&[]), &reviewer(&["security:smc"])));
    insta::assert_snapshot!("verdicts_suspended", each(&active(&[later]), &reviewer(&[MINISTRY])));
    let back = review("tax-lake", "reviewer-2@ministry", MINISTRY, "Return", "Which zone?");
    insta::assert_snapshot!("verdicts_returned", each(&case("Unique", &json!({}), &[back]), &reviewer(&[MINISTRY])));
    let over = case("Unique", &json!({"phase": "Withdrawn"}), &[]);
    insta::assert_snapshot!("verdicts_over", each(&over, &reviewer(&[MINISTRY])));
}

#[test]
fn an_emergency_is_approved_by_one_and_looked_at_by_the_others() {
    let as_one = |case: &Case, user: &str, group: &str| {
        let caller = Caller { user: user.into(), groups: vec![group.into()] };
        approve(case, &caller, false).map(|plan| (plan.after.phase, needed(&plan.after.afterwards))).map_err(|r| r.why)
    };
    let first = as_one(&emergency(false), "reviewer-1@ministry", MINISTRY);
    assert_eq!(first, Ok((Phase::Approved, "1 of security:smc".into())));
    let (approved, later) = (emergency(true), as_one(&emergency(true), "officer@smc", "security:smc"));
    assert_eq!(later, Ok((Phase::Approved, String::new())));
    let again = as_one(&approved, "reviewer-2@ministry", MINISTRY);
    assert_eq!(again, Err("you approved it already, and one person counts once".into()));
    let other = as_one(&approved, "reviewer-1@ministry", MINISTRY);
    assert_eq!(other, Err("ministry:reviewers has approved already".into()));
}

#[test]
fn nobody_decides_an_appeal_against_their_own_decision() {
    let caller = reviewer(&[MINISTRY]);
    insta::assert_snapshot!("review_appeal_own", said(approve(&appeal("reviewer-1@ministry"), &caller, false)));
    assert!(approve(&appeal("reviewer-2@ministry"), &caller, false).is_ok());
}

#[rstest]
#[case::smaller("lake=2,storage=50Ti")]
#[case::the_same("lake=4")]
#[case::unknown("pond=2")]
#[case::more_replicas("lake=5")]
#[case::more_of_it("lake=2,storage=200Ti")]
#[case::other_dimension("lake=2,brokers=1")]
#[case::twice("lake=2 lake=3")]
fn less_can_be_allowed_and_never_more(#[case] sizes: &str) {
    let narrow: Vec<_> = sizes.split(' ').map(|size| crate::commands::review::narrow::narrow(size).expect("reads")).collect();
    let caller = reviewer(&[MINISTRY]);
    let wish = Wish { narrow: &narrow, ..Wish::new(&caller, ReviewVerdict::Approve, "Less will do.") };
    let planned = plan(&case("Unique", &json!({}), &[]), &wish, testing::now());
    let left = planned
        .as_ref()
        .map(|plan| format!("; leaves {} of {}", plan.after.targets[0].replicas, plan.after.targets[0].per_replica));
    let left = left.unwrap_or_default();
    insta::assert_snapshot!(format!("narrow_{}", sizes.replace([' ', '=', ','], "_")), format!("{}{left}", said(planned)));
}

#[test]
fn what_another_reviewer_made_smaller_stays_so_and_an_emergency_is_not_made_smaller_afterwards() {
    let mut earlier = review("tax-lake", "officer@smc", "security:smc", "Approve", "Less.");
    earlier.spec.narrow = serde_json::from_value(json!({"targets": [{"name": "lake", "replicas": 2}]})).expect("valid");
    let narrow = [crate::commands::review::narrow::narrow("lake=3").expect("reads")];
    let caller = reviewer(&[MINISTRY]);
    let wish = Wish { narrow: &narrow, ..Wish::new(&caller, ReviewVerdict::Approve, "Less will do.") };
    insta::assert_snapshot!("narrow_after_another", said(plan(&case("Unique", &json!({}), &[earlier]), &wish, testing::now())));
    let caller = Caller { user: "officer@smc".into(), groups: vec!["security:smc".into()] };
    let wish = Wish { caller: &caller, ..wish };
    insta::assert_snapshot!("narrow_emergency", said(plan(&emergency(true), &wish, testing::now())));
}
