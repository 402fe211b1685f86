//! What holds when something goes wrong: a class that cannot be measured, a quota that the API server refuses, names that
//! are used again, amounts that nobody means. Each mistake stays where it was made, says what it is, and can be mended.
//!
//! Checks that share a cloud have agencies of their own, so they run at the same time.

#[path = "hardening/agencies.rs"]
mod agencies;
#[path = "hardening/claims.rs"]
mod claims;
#[path = "hardening/classes.rs"]
mod classes;
#[path = "hardening/projects.rs"]
mod projects;
#[path = "hardening/quantities.rs"]
mod quantities;
#[path = "hardening/steps.rs"]
mod steps;

use govcloud_tests::{Cloud, Setup};

#[tokio::test(flavor = "multi_thread")]
async fn a_class_that_breaks_hurts_nobody_else() {
    let cloud = Cloud::start(Setup::Government).await;
    classes::prepare(&cloud).await;
    classes::a_class_that_breaks_is_closed_until_it_is_mended(&cloud).await;
    classes::a_refused_policy_keeps_no_other_from_being_repaired(&cloud).await;
    classes::a_class_may_measure_by_literals(&cloud).await;
    classes::replicas_are_a_whole_number_or_nothing_grows(&cloud).await;
    classes::a_server_that_does_not_answer_holds_up_no_repair(&cloud).await;
    classes::a_resource_belongs_to_the_first_class_that_names_it(&cloud).await;
    steps::nothing_panicked(&cloud).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_and_leftovers_do_no_harm() {
    let cloud = Cloud::start(Setup::Government).await;
    tokio::join!(
        projects::an_invalid_quota_limits_rights_all_the_same(&cloud),
        projects::the_pool_of_a_project_cannot_be_changed(&cloud),
        projects::a_default_limit_below_our_default_request_lowers_the_request(&cloud),
        projects::a_project_made_again_inherits_no_permit(&cloud),
        quantities::what_is_negative_is_refused(&cloud),
        quantities::what_is_enormous_is_only_a_large_number(&cloud),
        quantities::a_second_share_serves_nobody(&cloud),
        claims::a_secret_of_the_developer_is_never_touched(&cloud),
        agencies::an_agency_opened_again_takes_over_its_paperwork(&cloud),
        agencies::who_joins_the_agency_later_undoes_no_approval(&cloud),
        agencies::images_come_from_the_registries_of_the_agency(&cloud),
    );
    steps::nothing_panicked(&cloud).await;
}
