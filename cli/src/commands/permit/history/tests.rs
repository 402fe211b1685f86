//! What happened, in order.

use serde_json::{Value, json};

use super::*;
use crate::commands::{permit::list::tests::permit, review::rules::tests::review, testing};

fn change(sequence: i64, what: &str, phase: &str, at: &str, message: &str) -> Value {
    json!({"sequence": sequence, "what": what, "phase": phase, "at": at, "message": message})
}

fn before() -> ProcessingPermit {
    let history = [
        change(
            3,
            "UnderReview",
            "UnderReview",
            "2026-10-13T08:00:00Z",
            "GC-2026-000041 is UnderReview. Still needed: 1 of security:smc.",
        ),
        change(
            4,
            "Returned",
            "Returned",
            "2026-10-13T08:00:00Z",
            "GC-2026-000041 is Returned. More information is needed: Which zone is meant?",
        ),
        change(
            5,
            "Superseded",
            "Superseded",
            "2026-10-21T10:00:00Z",
            "GC-2026-000041 is Superseded. GC-2026-000042 took its place.",
        ),
    ];
    let row = json!({"name": "tax-lake-officer-smc", "reviewer": "officer@smc", "group": "security:smc", "verdict": "Return", "counted": true});
    permit(
        "tax-lake",
        "GC-2026-000041",
        "Unique",
        &json!({"phase": "Superseded", "supersededBy": "GC-2026-000042", "history": history, "reviews": [row]}),
    )
}

fn after() -> ProcessingPermit {
    let history = [
        change(
            1,
            "UnderReview",
            "UnderReview",
            "2026-10-21T10:00:00Z",
            "GC-2026-000042 is UnderReview. Still needed: 1 of security:smc.",
        ),
        change(
            2,
            "Overdue",
            "UnderReview",
            "2026-11-20T10:00:00Z",
            "A decision was due on 2026-11-20 10:00 UTC. Nothing is decided by time; ask the ministry.",
        ),
    ];
    let mut after = permit("tax-lake-answer", "GC-2026-000042", "Unique", &json!({"history": history}));
    after.spec.prior = Some("tax-lake".into());
    after.metadata.creation_timestamp = Some(Time("2026-10-21T09:59:00Z".parse().expect("valid")));
    let policy = after.status.as_mut().and_then(|status| status.policy.as_mut()).expect("pinned");
    policy.prior = serde_json::from_value(json!({"name": "tax-lake", "uid": "uid-tax-lake"})).expect("valid");
    after
}

fn told(asked: &ProcessingPermit, permits: Vec<ProcessingPermit>) -> History {
    let mut late = review("tax-lake-answer", "requester@tax", "ministry:reviewers", "Approve", "I need it.");
    late.metadata.creation_timestamp = Some(Time("2026-10-22T09:59:00Z".parse().expect("valid")));
    let reviews = [review("tax-lake", "officer@smc", "security:smc", "Return", "Which zone is meant?"), late];
    history(asked, permits, &reviews, Some(&testing::agency()), testing::now())
}

#[test]
fn the_chain_is_told_from_its_first_request_on() {
    let other = permit("tax-other", "GC-2026-000043", "Unique", &json!({}));
    let all = vec![after(), other.clone(), before()];
    insta::assert_snapshot!("history", render(&told(&after(), all.clone()), Paint::default()));
    insta::assert_snapshot!("history_json", serde_json::to_string_pretty(&told(&before(), all.clone())).expect("JSON"));
    insta::assert_snapshot!("history_alone", render(&told(&other, all), Paint::default()));
}

#[test]
fn a_later_permit_of_the_same_name_is_none_of_the_chain() {
    let mut again = before();
    again.metadata.uid = Some("another".into());
    let chain = chain::of(&after(), vec![again, after()]);
    assert_eq!(chain.iter().map(kube::ResourceExt::name_any).collect::<Vec<_>>(), ["tax-lake-answer"]);
}

#[test]
fn permits_that_name_each_other_do_not_turn_for_ever() {
    let (mut one, mut two) = (after(), after());
    one.metadata.name = Some("tax-lake".into());
    one.spec.prior = Some("tax-lake-answer".into());
    for p in [&mut one, &mut two] {
        p.status = None;
    }
    two.metadata.uid = Some("two".into());
    assert_eq!(chain::of(&two, vec![one, two.clone()]).len(), 2);
}
