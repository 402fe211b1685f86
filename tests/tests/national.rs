//! The national examples as one story on the real control plane, each step by the person whose work it is: the platforms of
//! the state, agencies of the three types and the three security regimes, and what becomes of their claims.

#[path = "national/data.rs"]
mod data;
#[path = "national/end.rs"]
mod end;
#[path = "national/given.rs"]
mod given;
#[path = "national/operator.rs"]
mod operator;
#[path = "national/portal.rs"]
mod portal;
#[path = "national/stage.rs"]
mod stage;

use stage::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn agencies_use_what_the_nation_has() {
    let stage = Stage::set().await;
    stage.everything_is_ready().await;
    portal::each_regime_has_its_authority(&stage).await;
    portal::a_second_one_is_a_duplicate(&stage).await;
    given::what_an_agency_is_entitled_to_is_there_without_a_claim(&stage).await;
    operator::the_private_sector_is_not_on_the_gsb(&stage).await;
    operator::with_a_licence_a_service_operator_reaches_the_pgsb(&stage).await;
    data::is_given_for_a_purpose(&stage).await;
    data::an_agency_publishes_a_web_service(&stage).await;
    data::accelerators_are_pooled(&stage).await;
    end::a_claim_changes_its_plan_and_is_released(&stage).await;
    end::a_service_ends_and_hands_its_claims_on(&stage).await;
    given::who_is_not_connected_is_behind(&stage).await;
    operator::and_loses_it_with_the_licence(&stage).await;
    operator::and_when_a_licence_expires(&stage).await;
}
