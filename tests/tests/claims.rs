//! The life of claims on a real control plane: more of them than there are places, plans that change, services that end,
//! and rights that are lost.

#[path = "claims/burst.rs"]
mod burst;
#[path = "claims/ending.rs"]
mod ending;
#[path = "claims/ledger.rs"]
mod ledger;
#[path = "claims/rights.rs"]
mod rights;
#[path = "claims/steps.rs"]
mod steps;

use govcloud_tests::{Cloud, Setup, people};

#[tokio::test(flavor = "multi_thread")]
async fn of_five_hundred_claims_for_a_hundred_places_a_hundred_are_bound() {
    let cloud = Cloud::start(Setup::Government).await;
    cloud.project("tax-administration", people::TAX_ADMIN, "analytics", "4").await;
    burst::a_hundred_places_go_round(&cloud).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_keeps_what_it_holds_until_it_ends() {
    let cloud = Cloud::start(Setup::Government).await;
    cloud.project("tax-administration", people::TAX_ADMIN, "analytics", "20").await;
    tokio::join!(
        rights::a_plan_is_changed_when_the_other_one_fits(&cloud),
        rights::a_draft_cannot_be_claimed(&cloud),
        rights::data_is_given_for_a_purpose(&cloud),
        rights::a_service_hands_on_no_secret_of_another_agency(&cloud),
        rights::claims_end_with_the_licence(&cloud),
        ending::claims_move_as_the_next_service_has_room(&cloud),
        ending::what_is_left_is_released_on_the_day(&cloud),
    );
}
