//! Requests that refer to others, and those that need fewer reviewers: renewals, amendments, answers, appeals, emergencies,
//! and what a class's rule approves, with the real operator.

#[path = "succession/alone.rs"]
mod alone;
#[path = "succession/answers.rs"]
mod answers;
#[path = "lifecycle/steps.rs"]
mod steps;
#[path = "succession/takeovers.rs"]
mod takeovers;

use govcloud_tests::{Cloud, Setup, people};
use serde_json::{Value, json};

/// A request that refers to another one, for the same node pool.
fn referring(name: &str, intent: &str, prior: &str, target: &str, replicas: i64) -> Value {
    let mut request = steps::request_for(name, target);
    request["spec"]["intent"] = json!(intent);
    request["spec"]["prior"] = json!(prior);
    request["spec"]["targets"][0]["replicas"] = json!(replicas);
    request
}

#[tokio::test(flavor = "multi_thread")]
async fn what_refers_to_another_permit_takes_its_place() {
    let cloud = Cloud::start(Setup::Government).await;
    cloud.project("tax-administration", people::TAX_ADMIN, "analytics", "20").await;
    tokio::join!(
        takeovers::a_renewal_takes_the_slot_over_in_one_write(&cloud),
        takeovers::less_is_granted_at_once_and_more_is_reviewed(&cloud),
        takeovers::what_was_stopped_is_not_begun_again_by_a_renewal(&cloud),
        answers::an_answer_keeps_the_place_in_the_queue(&cloud),
        answers::an_appeal_is_decided_by_others(&cloud),
        answers::what_does_not_fit_its_prior_is_told_so(&cloud),
        alone::an_emergency_needs_one_and_is_looked_at_afterwards(&cloud),
    );
    alone::a_class_may_approve_what_is_small(&cloud).await;
    alone::a_rule_that_cannot_be_read_is_said_and_changes_nothing(&cloud).await;
    alone::a_late_review_is_escalated_and_decides_nothing(&cloud).await;
}
