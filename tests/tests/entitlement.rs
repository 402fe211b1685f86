//! What agencies have without asking, what they must use, and what they must automate: on a real control plane, each persona
//! with a credential of its own.

#[path = "entitlement/attempts.rs"]
mod attempts;
#[path = "entitlement/digitization.rs"]
mod digitization;
#[path = "entitlement/given.rs"]
mod given;
#[path = "entitlement/obligations.rs"]
mod obligations;
#[path = "entitlement/provisioned.rs"]
mod provisioned;
#[path = "entitlement/steps.rs"]
mod steps;
#[path = "entitlement/withdrawn.rs"]
mod withdrawn;

use govcloud_tests::{Cloud, Setup};

#[tokio::test(flavor = "multi_thread")]
async fn agencies_have_a_service_without_asking_until_they_were_warned() {
    let cloud = Cloud::start(Setup::Government).await;
    given::every_agency_has_it_and_a_new_one_at_once(&cloud).await;
    given::a_new_project_has_it_at_once(&cloud).await;
    attempts::labels_make_no_entitlement(&cloud).await;
    attempts::nobody_else_writes_a_claim_in_a_home(&cloud).await;
    given::a_secret_of_a_developer_stays_and_is_said(&cloud).await;
    withdrawn::selected_again_in_time_it_stays(&cloud).await;
    withdrawn::after_the_warning_it_goes_also_if_the_operator_was_away(&cloud).await;
    withdrawn::a_closed_agency_holds_no_place(&cloud).await;
    withdrawn::a_service_that_is_gone_leaves_nothing(&cloud).await;
    provisioned::each_agency_has_credentials_of_its_own_in_all_its_projects_until_the_end(&cloud).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn agencies_are_told_what_they_must_do() {
    let cloud = Cloud::start(Setup::Government).await;
    obligations::a_mandatory_service_is_not_yet_used_then_missed_then_used(&cloud).await;
    obligations::a_service_that_an_agency_has_without_asking_is_used(&cloud).await;
    obligations::one_that_ends_obliges_nobody(&cloud).await;
    digitization::an_agency_is_told_how_many_services_to_automate(&cloud).await;
}
