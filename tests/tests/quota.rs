//! Pools, shares, loans and the quota that permits bring, on a real API server with its own quota controller.

#[path = "quota/in_force.rs"]
mod in_force;
#[path = "quota/lending.rs"]
mod lending;
#[path = "quota/permits.rs"]
mod permits;
#[path = "quota/pools.rs"]
mod pools;
#[path = "quota/steps.rs"]
mod steps;

use govcloud_tests::{Cloud, Setup};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_promised_holds() {
    let cloud = Cloud::start(Setup::Government).await;
    lending::what_one_does_not_need_another_uses_until_it_is_needed(&cloud).await;
    lending::ledgers_that_are_lost_are_rebuilt_and_nobody_notices(&cloud).await;
    lending::a_limit_that_is_taken_away_ends_the_loan(&cloud).await;
    lending::a_share_that_is_deleted_goes_when_nothing_is_used_any_more(&cloud).await;
    pools::a_pool_gives_what_it_has_and_takes_nothing_back_by_itself(&cloud).await;
    pools::what_the_share_limits_and_a_project_does_not_ask_for_it_has_none_of(&cloud).await;
    permits::a_permit_waits_until_its_gated_quota_is_there(&cloud).await;
    in_force::nothing_starts_before_the_quota_counts(&cloud).await;
}
