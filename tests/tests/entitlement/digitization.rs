//! The yearly duty to automate services.

use govcloud_operator::clock;
use govcloud_tests::{Cloud, people};
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::steps::{change, condition, until, until_measured};

pub async fn an_agency_is_told_how_many_services_to_automate(cloud: &Cloud) {
    let today = clock::now().to_zoned(TimeZone::UTC).date();
    let duty = |automated: i32| {
        let automated = json!([{"year": today.year() - 1, "services": 5}, {"year": today.year(), "services": automated}]);
        json!({"spec": {"digitization": {"services": 50, "automated": automated}}})
    };
    let reason = |reason: &'static str| move |agency: &Value| condition(agency, "DigitizationOnTrack")["reason"] == reason;
    change(cloud, "agency/tax-administration", &duty(10)).await;
    let done = until(cloud, "agency", "", "tax-administration", "has done it", reason("TargetReached")).await;
    assert_eq!(done["status"]["digitization"], json!({"automatedThisYear": 10, "targetThisYear": 10, "onTrack": true}));
    until_measured(
        cloud,
        &[r#"govcloud_digitization_agencies{state="on_track"} 1"#, r#"govcloud_digitization_agencies{state="behind"} 0"#],
    )
    .await;
    change(cloud, "agency/tax-administration", &duty(0)).await;
    // Nothing is asked before February.
    let (expected, behind) = if today.month() == 1 { ("OnTrack", 0) } else { ("Behind", 1) };
    let agency = until(cloud, "agency", "", "tax-administration", expected, reason(expected)).await;
    let message = condition(&agency, "DigitizationOnTrack")["message"].to_string();
    assert!(message.contains(&format!("10 more by {}-12-31", today.year())), "{message}");
    until_measured(cloud, &[&format!("govcloud_digitization_agencies{{state=\"behind\"}} {behind}")]).await;
    let shown = cloud.govcloud(people::TAX_ADMIN, &["--agency", "tax-administration", "agency", "show"]).await.succeeds();
    assert!(
        shown.contains("0 of 10 services automated this year") && shown.contains("10 more by the end of the year"),
        "{shown}"
    );
}
