//! The Helm charts: what they render to, whom they refuse, and what they do to a real API server.

#[path = "charts/installed.rs"]
mod installed;
#[path = "charts/monitoring.rs"]
mod monitoring;
#[path = "charts/objects.rs"]
mod objects;
#[path = "charts/values.rs"]
mod values;

use govcloud_tests::{
    Cloud, Setup,
    fixtures::root,
    helm::{self, Helm, chart},
};

/// Values with which everything is rendered.
fn everything() -> [String; 2] {
    ["-f".to_owned(), root().join("tests/tests/charts/everything.yaml").to_string_lossy().into_owned()]
}

#[tokio::test]
async fn lint_finds_nothing() {
    let everything = everything();
    let [flag, file] = everything.each_ref().map(String::as_str);
    for arguments in [vec!["govcloud-crds"], vec!["govcloud"], vec!["govcloud", flag, file]] {
        let (name, more) = arguments.split_first().expect("a chart");
        let said = Helm::alone().run(&[&["lint", "--strict", &chart(name)], more].concat()).await.succeeds();
        assert!(said.contains("0 chart(s) failed") && !said.contains("[WARNING]"), "{said}");
    }
}

#[tokio::test]
async fn the_plain_manifests_are_up_to_date() {
    for (name, text) in helm::plain().await {
        let committed = std::fs::read_to_string(root().join("charts/plain").join(name)).unwrap_or_default();
        assert!(committed == text, "{name} is out of date; run: cargo run -p govcloud-tests --bin govcloud-chartgen");
    }
}

#[tokio::test]
async fn values_do_what_they_say_and_bad_ones_are_refused() {
    values::the_schema_refuses().await;
    values::the_groups_of_people_are_those_of_the_values().await;
    values::the_image_is_named_by_tag_or_digest().await;
    values::what_is_switched_off_is_not_there().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn alerts_and_the_dashboard_ask_for_what_there_is() {
    monitoring::every_metric_exists().await;
    monitoring::every_alert_has_a_runbook().await;
    monitoring::prometheus_understands_every_query().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_server_accepts_what_is_rendered() {
    let cloud = Cloud::start(Setup::Empty).await;
    objects::definitions(&cloud).await;
    objects::of_the_operator(&cloud).await;
    objects::the_pods_need_no_privilege(&cloud).await;
    objects::the_classes_are_those_of_the_catalogue().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_installed_is_upgraded_and_leaves_the_records() {
    let cloud = Cloud::start(Setup::Empty).await;
    let helm = Helm::of(&cloud);
    installed::both_charts(&cloud, &helm).await;
    installed::a_second_one_is_refused(&cloud, &helm).await;
    installed::with_everything(&cloud, &helm).await;
    installed::removed_but_for_the_records(&cloud, &helm).await;
    installed::in_another_namespace(&cloud, &helm).await;
    installed::over_the_plain_manifests(&cloud, &helm).await;
}
