//! What becomes of requests, claims and quotas, with the real operator: every way a permit can go, and what people are
//! told on the way.

#[path = "lifecycle/claims.rs"]
mod claims;
#[path = "lifecycle/decisions.rs"]
mod decisions;
#[path = "lifecycle/objections.rs"]
mod objections;
#[path = "lifecycle/queue.rs"]
mod queue;
#[path = "lifecycle/quotas.rs"]
mod quotas;
#[path = "lifecycle/steps.rs"]
mod steps;
#[path = "lifecycle/targets.rs"]
mod targets;

use govcloud_tests::{Cloud, Setup, people};

#[tokio::test(flavor = "multi_thread")]
async fn every_request_comes_to_its_end() {
    let cloud = Cloud::start(Setup::Government).await;
    cloud.project("tax-administration", people::TAX_ADMIN, "analytics", "20").await;
    tokio::join!(
        decisions::a_denied_request_says_why(&cloud),
        decisions::a_returned_request_says_what_to_do(&cloud),
        decisions::a_duplicate_needs_an_override_and_one_more_reviewer(&cloud),
        decisions::what_a_reviewer_narrows_is_what_the_slot_allows(&cloud),
        decisions::a_suspended_permit_rests_and_resumes(&cloud),
        decisions::a_revoked_permit_closes_its_slot(&cloud),
        objections::a_request_that_cannot_be_assessed_says_what_to_do(&cloud),
        targets::a_target_has_one_permit_at_a_time(&cloud),
        targets::a_permit_that_is_given_up_closes_its_slot(&cloud),
        targets::a_permit_ends_by_itself(&cloud),
    );
    objections::and_it_is_not_tried_again_and_again(&cloud).await;
    queue::everybody_who_waits_has_the_place_of_their_age(&cloud).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn claims_and_quotas_are_served_as_far_as_there_is_room() {
    let cloud = Cloud::start(Setup::Government).await;
    cloud.project("tax-administration", people::TAX_ADMIN, "analytics", "20").await;
    claims::a_bound_claim_yields_a_secret(&cloud).await;
    claims::an_agency_that_is_not_eligible_is_told_why(&cloud).await;
    claims::who_waits_is_served_when_another_gives_back(&cloud).await;
    quotas::a_project_gets_what_the_budget_leaves(&cloud).await;
    quotas::a_gated_key_appears_with_a_permit_and_goes_with_it(&cloud).await;
    quotas::a_namespace_that_was_there_is_a_conflict(&cloud).await;
}
