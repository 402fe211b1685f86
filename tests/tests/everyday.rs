//! What people do every day: the examples in their order, ordinary workloads wherever they run, enforcement that is only
//! announced, and what an attacker would try from there. With and without the operator.

#[path = "everyday/attacks.rs"]
mod attacks;
#[path = "everyday/descriptions.rs"]
mod descriptions;
#[path = "everyday/enforcement.rs"]
mod enforcement;
#[path = "everyday/examples.rs"]
mod examples;
#[path = "everyday/process.rs"]
mod process;
#[path = "everyday/workloads.rs"]
mod workloads;

use govcloud_tests::{
    Cloud, Setup,
    people::{CUSTOMS_ADMIN, TAX_ADMIN},
};

#[tokio::test(flavor = "multi_thread")]
async fn everyday_work_goes_on_and_attacks_do_not() {
    let cloud = Cloud::start(Setup::Bare).await;
    cloud.start_operator().await;
    examples::apply_in_their_order(&cloud).await;
    process::says_how_it_is(&cloud).await;
    process::runs_as_its_own_account_alone(&cloud).await;
    cloud.project("customs", CUSTOMS_ADMIN, "lab", "20").await;
    cloud.project("tax-administration", TAX_ADMIN, "everyday", "20").await;
    workloads::run_as_without_us(&cloud, "with").await;
    enforcement::is_announced_before_it_binds(&cloud).await;
    descriptions::a_permit_reads_well(&cloud).await;
    attacks::with_what_is_there(&cloud).await;
    process::ends_when_it_is_asked_to(&cloud).await;
    workloads::run_as_without_us(&cloud, "without").await;
    cloud.start_operator().await;
    cloud.enforced().await;
    attacks::with_decisions(&cloud).await;
}
