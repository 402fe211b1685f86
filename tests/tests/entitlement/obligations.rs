//! What agencies must use.

use govcloud_tests::{Cloud, eventually, people};
use serde_json::{Value, json};

use super::steps::{BORDER, HOME, change, condition, entitled, offer, until, until_measured};

async fn due_by(cloud: &Cloud, day: &str) {
    change(cloud, "ssvc/exchange", &json!({"spec": {"obligation": {"dueBy": day}}})).await;
}

async fn until_customs(cloud: &Cloud, reason: &str) -> Value {
    let is = |agency: &Value| condition(agency, "ObligationsMet")["reason"] == reason;
    until(cloud, "agency", "", "customs", reason, is).await
}

async fn findings(cloud: &Cloud, who: &str) -> Vec<Value> {
    let all = cloud.json(who, &["get", "processingfindings", "-n", HOME, "-o", "json"]).await;
    let of_it = |finding: &Value| finding["spec"]["rule"] == "Obligation" && finding["status"]["lastSeen"].is_string();
    all["items"].as_array().into_iter().flatten().filter(|f| of_it(f)).cloned().collect()
}

async fn until_found(cloud: &Cloud, count: usize) -> Vec<Value> {
    eventually(&format!("{count} findings"), || async {
        let found = findings(cloud, people::CUSTOMS_ADMIN).await;
        if found.len() == count { Ok(found) } else { Err(format!("{found:?}\n{}", cloud.operator_log())) }
    })
    .await
}

pub async fn a_mandatory_service_is_not_yet_used_then_missed_then_used(cloud: &Cloud) {
    cloud.project("customs", people::CUSTOMS_ADMIN, "border", "10").await;
    let obligation = |day: &str| json!({"obligation": {"dueBy": day, "matchAgencies": {"agencyTypes": ["Government"]}}});
    offer(cloud, "exchange", &obligation("2099-12-31")).await;
    let customs = until_customs(cloud, "NotYetUsed").await;
    assert_eq!(
        condition(&customs, "ObligationsMet")["message"],
        "It does not use yet: exchange (due by 2099-12-31). Claim it in a project: govcloud service claim exchange --plan standard --project NAME"
    );
    assert_eq!((&customs["status"]["obligations"]["due"], &customs["status"]["obligations"]["behind"]), (&json!(1), &json!(0)));
    // Its provider uses it anyway.
    until_measured(cloud, &[r#"govcloud_obligations{service="exchange",state="due"} 2"#]).await;
    let impossible = json!({"spec": {"obligation": {"dueBy": "2027-02-31"}}}).to_string();
    let said = cloud.kubectl(people::CLOUD_OPERATOR, &["patch", "ssvc/exchange", "--type=merge", "-p", &impossible]).await;
    said.refused_with("give a day of the calendar");
    assert!(findings(cloud, people::CUSTOMS_ADMIN).await.is_empty());
    due_by(cloud, "2020-01-31").await;
    let behind = until_customs(cloud, "Behind").await;
    assert_eq!(
        behind["status"]["obligations"]["missing"],
        json!([{"service": "exchange", "plan": "standard", "dueBy": "2020-01-31"}])
    );
    let found = until_found(cloud, 1).await;
    assert_eq!(
        found[0]["spec"]["message"],
        "Customs must use The national exchange and does not; it was due by 2020-01-31. Claim it in a project: govcloud service claim exchange --plan standard --project NAME"
    );
    until_measured(
        cloud,
        &[r#"govcloud_obligations{service="exchange",state="behind"} 2"#, r#"govcloud_findings{rule="Obligation"} 2"#],
    )
    .await;
    people_see_it(cloud, &found[0]).await;
    cloud.kill_operator().await;
    claim(cloud).await;
    cloud.start_operator().await;
    until_customs(cloud, "Met").await;
    until_found(cloud, 0).await;
    until_measured(
        cloud,
        &[
            r#"govcloud_obligations{service="exchange",state="met"} 1"#,
            r#"govcloud_obligations{service="exchange",state="behind"} 1"#,
        ],
    )
    .await;
    cloud.kubectl(people::CUSTOMS_ADMIN, &["delete", "claim", "exchange", "-n", BORDER]).await.succeeds();
    until_customs(cloud, "Behind").await;
    until_found(cloud, 1).await;
    claim(cloud).await;
    until_customs(cloud, "Met").await;
}

/// As the message says.
async fn claim(cloud: &Cloud) {
    let claim = json!({"apiVersion": "govcloud.dev/v1alpha1", "kind": "ServiceClaim", "metadata": {"namespace": BORDER, "name": "exchange"},
        "spec": {"sharedService": "exchange", "plan": "standard"}});
    cloud.apply_json(people::CUSTOMS_ADMIN, &claim).await.succeeds();
}

async fn people_see_it(cloud: &Cloud, finding: &Value) {
    let shown = cloud.govcloud(people::CUSTOMS_ADMIN, &["--agency", "customs", "agency", "show"]).await.succeeds();
    assert!(shown.contains("exchange (was due by 2020-01-31)"), "{shown}");
    let report = cloud.govcloud(people::AUDITOR, &["report", "compliance"]).await.succeeds();
    assert!(report.contains("2 agencies are behind with mandatory services"), "{report}");
    let name = finding["metadata"]["name"].as_str().expect("a name");
    let word = ["finding", "acknowledge", name, "--reason", "They move in March.", "--until", "2099-01-01"];
    cloud.govcloud(people::CUSTOMS_ADMIN, &[&["--agency", "customs"][..], &word[..]].concat()).await.refused_with("");
    cloud.govcloud(people::REVIEWER_1, &word).await.succeeds();
    let now = findings(cloud, people::REVIEWER_1).await;
    assert_eq!(now[0]["spec"]["acknowledgement"]["by"], "reviewer-1@ministry");
}

pub async fn a_service_that_an_agency_has_without_asking_is_used(cloud: &Cloud) {
    let mut both = entitled("720h");
    both["obligation"] = json!({"dueBy": "2020-01-31"});
    offer(cloud, "identity", &both).await;
    until_measured(
        cloud,
        &[
            r#"govcloud_obligations{service="identity",state="met"} 2"#,
            r#"govcloud_obligations{service="identity",state="behind"} 0"#,
        ],
    )
    .await;
    let customs = until_customs(cloud, "Met").await;
    assert_eq!(customs["status"]["obligations"]["met"], 2, "{}", customs["status"]);
}

pub async fn one_that_ends_obliges_nobody(cloud: &Cloud) {
    change(cloud, "ssvc/exchange", &json!({"spec": {"drain": {"by": "2099-12-31"}}})).await;
    until(cloud, "agency", "", "tax-administration", "must use one only", |agency| {
        agency["status"]["obligations"] == json!({"met": 1, "due": 0, "behind": 0})
    })
    .await;
    cloud.kubectl(people::CLOUD_OPERATOR, &["delete", "ssvc", "identity", "exchange"]).await.succeeds();
    let nothing = |agency: &Value| agency["status"]["obligations"].is_null() && condition(agency, "ObligationsMet").is_null();
    until(cloud, "agency", "", "tax-administration", "must use nothing", nothing).await;
}
