//! What a reviewer reads before and after they decide.

use serde_json::json;

use super::*;
use crate::{
    commands::{
        review::rules::tests::{active, case, emergency, review},
        testing,
    },
    context::Caller,
};

fn caller() -> Caller {
    Caller { user: "reviewer-1@ministry".into(), groups: vec!["ministry:reviewers".into()] }
}

fn text(case: &Case, wish: &Wish<'_>) -> String {
    let plan = plan(case, wish, testing::now()).expect("counts");
    format!("{}\n---\n{}", summary(case, &plan), done(case, &plan))
}

#[test]
fn a_reason_is_more_than_a_shrug() {
    assert!(reason("no").is_err() && reason("   ").is_err());
    assert_eq!(reason(" It is needed. "), Ok("It is needed.".into()));
    assert_eq!((override_reason(""), override_reason("no").is_err()), (Ok(String::new()), true));
}

#[test]
fn there_is_one_reason_wherever_it_is_given() {
    let given = |reason: Option<&str>, override_duplicate: Option<&str>| {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let args = ApproveArgs {
            permit: "x".into(),
            reason: owned(reason),
            override_duplicate: owned(override_duplicate),
            narrow: vec![],
            group: None,
            yes: true,
        };
        Given::from(args).reason().map(str::to_owned).map_err(|error| error.render(false))
    };
    assert_eq!(given(Some("one"), None), Ok("one".into()));
    assert_eq!(given(Some("one"), Some("")), Ok("one".into()));
    assert_eq!(given(None, Some("two")), Ok("two".into()));
    assert_eq!(given(None, Some("")), Ok(String::new()));
    insta::assert_snapshot!("review_two_reasons", given(Some("one"), Some("two")).expect_err("two"));
    insta::assert_snapshot!("review_no_reason", no_reason(&case("Unique", &json!({}), &[])).render(false));
}

#[test]
fn the_reviewer_sees_what_they_decide_and_what_it_did() {
    let (caller, waiting) = (caller(), case("Unique", &json!({}), &[]));
    let wish = |verdict| Wish::new(&caller, verdict, "It is needed.");
    insta::assert_snapshot!("review_done_first", text(&waiting, &wish(ReviewVerdict::Approve)));
    let security = review("tax-lake", "officer@smc", "security:smc", "Approve", "Yes.");
    let last = case("Unique", &json!({}), &[security]);
    insta::assert_snapshot!("review_done_last", text(&last, &wish(ReviewVerdict::Approve)));
    insta::assert_snapshot!("review_done_deny", text(&case("Duplicate", &json!({}), &[]), &wish(ReviewVerdict::Deny)));
    insta::assert_snapshot!("review_done_return", text(&waiting, &wish(ReviewVerdict::Return)));
    let narrow = [narrow("lake=2,storage=50Ti").expect("reads")];
    let less = Wish { narrow: &narrow, ..wish(ReviewVerdict::Approve) };
    insta::assert_snapshot!("review_done_narrow", text(&waiting, &less));
    insta::assert_snapshot!("review_done_suspend", text(&active(&[]), &wish(ReviewVerdict::Suspend)));
    insta::assert_snapshot!("review_done_revoke", text(&active(&[]), &wish(ReviewVerdict::Revoke)));
    let mut stopped = review("tax-lake", "reviewer-2@ministry", "ministry:reviewers", "Suspend", "Wait.");
    stopped.metadata.name = Some("tax-lake-z".into());
    insta::assert_snapshot!("review_done_resume", text(&active(&[stopped]), &wish(ReviewVerdict::Resume)));
}

#[test]
fn an_emergency_says_who_looks_at_it_afterwards() {
    let ministry = caller();
    let first = Wish::new(&ministry, ReviewVerdict::Approve, "The old one burnt.");
    insta::assert_snapshot!("review_done_emergency", text(&emergency(false), &first));
    let smc = Caller { user: "officer@smc".into(), groups: vec!["security:smc".into()] };
    let later = Wish::new(&smc, ReviewVerdict::Approve, "It had to be.");
    insta::assert_snapshot!("review_done_afterwards", text(&emergency(true), &later));
}

#[test]
fn what_would_not_count_says_why() {
    let caller = caller();
    let wish = Wish::new(&caller, ReviewVerdict::Approve, "Yes.");
    let refusal = plan(&case("Duplicate", &json!({}), &[]), &wish, testing::now()).expect_err("refused");
    insta::assert_snapshot!("review_refused", refused(refusal).render(false));
}
