//! `govcloud` at a terminal: the real binary against a real API server, as the people who use it.

#[path = "cli/agency.rs"]
mod agency;
#[path = "cli/cases.rs"]
mod cases;
#[path = "cli/formats.rs"]
mod formats;
#[path = "cli/ministry.rs"]
mod ministry;
#[path = "cli/reports.rs"]
mod reports;
#[path = "cli/setting.rs"]
mod setting;

use setting::Setting;

#[tokio::test(flavor = "multi_thread")]
async fn every_command_answers_with_its_exit_code() {
    let setting = Setting::prepare().await;
    formats::objects_are_printed_as_kubectl_does(&setting).await;
    cases::each_person_gets_an_answer(&setting).await;
    cases::kubectl_finds_the_plugin(&setting).await;
    cases::what_was_refused_is_in_the_audit_log(&setting).await;
    reports::tell_what_runs(&setting).await;
    agency::permits_go_their_way(&setting).await;
    ministry::decides_at_a_terminal(&setting).await;
}
