//! The scanner on the real control plane: what was there before its class, what outlived its permit, and what hides.

#[path = "scanner/stage.rs"]
mod stage;

use govcloud_operator::clock;
use govcloud_tests::{
    Cloud, Setup, eventually,
    fixtures::{deployment, permit},
    people::{ADMIN, CUSTOMS_ADMIN, CUSTOMS_REQUESTER, REVIEWER_1, REVIEWER_2},
};
use jiff::ToSpan;
use serde_json::{Value, json};

use stage::{BORDER, HOME, a_definition, a_release, finding, findings, limits};

#[tokio::test(flavor = "multi_thread")]
async fn what_was_there_before_its_class_is_found_until_it_has_a_permit() {
    let cloud = stage::before_any_class().await;
    cloud.govern().await;
    let unpermitted = "Unpermitted kafkanodepools/old in customs--border at agency-customs";
    findings(&cloud, |found| {
        let expected = [
            "Duplicate deployments/by-hand in customs--border at agency-customs",
            "Duplicate kafkanodepools/large in customs--border at agency-customs",
            "Duplicate kafkanodepools/old in customs--border at agency-customs",
            "Unpermitted deployments/by-hand in customs--border at agency-customs",
            "Unpermitted kafkanodepools/large in customs--border at agency-customs",
            unpermitted,
            "Unpermitted kafkanodepools/outside in default at govcloud-system",
        ];
        found.iter().map(String::as_str).eq(expected)
    })
    .await;
    let old = finding(&cloud, "Unpermitted", "old").await;
    assert_eq!(old["spec"]["message"], "Runs without a permit. Request one, or move to national-streaming (plan large fits).");
    assert_eq!(old["spec"]["capacity"], json!({"brokers": "3", "storage": "3298534883328"}));
    assert_eq!(old["spec"]["alternatives"][0], "national-streaming/large");
    the_picture(&cloud, json!({"Unpermitted": 4, "Duplicate": 3})).await;
    told(&cloud, "Unpermitted").await;
    reviewers_acknowledge(&cloud).await;
    let target = [("old", 3, "1Ti"), ("large", 3, "1Ti")];
    cloud.permit(CUSTOMS_REQUESTER, &permit("customs", "events", "requester@customs", "border", &target)).await;
    findings(&cloud, |found| {
        let of_pools: Vec<_> = found.iter().filter(|f| f.contains("kafkanodepools") && f.contains(BORDER)).collect();
        of_pools == ["ExceedsPermit kafkanodepools/large in customs--border at agency-customs"]
    })
    .await;
    cloud
        .kubectl(
            CUSTOMS_REQUESTER,
            &["patch", "permit", "events", "-n", HOME, "--type=merge", "-p", r#"{"spec":{"withdrawn":true}}"#],
        )
        .await
        .succeeds();
    findings(&cloud, |found| found.iter().any(|f| f.starts_with("Expired kafkanodepools/old"))).await;
    while_the_operator_is_away(&cloud).await;
    a_kind_that_goes_takes_its_findings_along(&cloud).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_hides_is_suspicious_and_what_nobody_classified_is_found() {
    let cloud = Cloud::start(Setup::Government).await;
    cloud.project("customs", CUSTOMS_ADMIN, "border", "20").await;
    let mut listener = deployment(BORDER, "listener", "web", 1);
    listener["spec"]["template"]["spec"]["containers"][0]["ports"] = json!([{"containerPort": 5432}]);
    // One of this size is admitted. It is the sum that is above the thresholds.
    let greedy = ["greedy-1", "greedy-2"].map(|name| {
        let mut greedy = deployment(BORDER, name, "web", 40);
        greedy["spec"]["template"]["spec"]["containers"][0]["resources"] = limits("1");
        greedy
    });
    let [one, other] = greedy;
    for object in [listener, one, other, a_release("filing-kafka"), a_release("web"), a_definition()] {
        cloud.apply_json(ADMIN, &object).await.succeeds();
    }
    let expected = [
        "Suspicious deployments/listener in customs--border at agency-customs",
        "Suspicious projects/border in agency-customs at agency-customs",
        "Suspicious secrets/sh.helm.release.v1.filing-kafka in customs--border at agency-customs",
        "Unclassified customresourcedefinitions/lakes.data.example in  at govcloud-system",
    ];
    findings(&cloud, |found| found.iter().map(String::as_str).eq(expected)).await;
    for what in [
        &["delete", "deployment", "listener", "greedy-1", "greedy-2", "-n", BORDER][..],
        &["delete", "secret", "-l", "owner=helm", "-n", BORDER],
        &["delete", "crd", "lakes.data.example"],
    ] {
        cloud.kubectl(ADMIN, what).await.succeeds();
    }
    findings(&cloud, <[String]>::is_empty).await;
}

/// What reviewers say holds until its end, survives what the operator writes, and is theirs alone to say.
async fn reviewers_acknowledge(cloud: &Cloud) {
    let outside = finding(cloud, "Unpermitted", "outside").await;
    let name = outside["metadata"]["name"].as_str().expect("a name");
    let by_hand = finding(cloud, "Unpermitted", "by-hand").await["metadata"]["name"].as_str().expect("a name").to_owned();
    let own = ["--agency", "customs", "finding", "acknowledge", &by_hand, "--reason", "We need it.", "--until", "2099-01-01"];
    let said = cloud.govcloud(CUSTOMS_ADMIN, &own).await;
    assert!(said.err.contains("only reviewers acknowledge findings"), "{said:?}");
    acknowledge(cloud, name, "2099-01-01").await;
    the_picture(cloud, json!({"Unpermitted": 3, "Duplicate": 3})).await;
    let other =
        json!({"spec": {"acknowledgement": {"by": "reviewer-1@ministry", "reason": "Not I.", "until": "2099-01-01T00:00:00Z"}}});
    let other = other.to_string();
    let patch = ["patch", "processingfinding", name, "-n", "govcloud-system", "--type=merge", "-p", &other];
    let said = cloud.kubectl(REVIEWER_2, &patch).await;
    assert!(said.err.contains("must be your own user name"), "{said:?}");
    // The object grows, so the operator writes the finding, and the word stays.
    let grow = json!({"spec": {"replicas": 1}}).to_string();
    cloud.kubectl(ADMIN, &["patch", "kafkanodepool", "outside", "-n", "default", "--type=merge", "-p", &grow]).await.succeeds();
    eventually("the finding says what it takes now", || async {
        let now = finding(cloud, "Unpermitted", "outside").await;
        let is_so = now["spec"]["capacity"]["brokers"] == "1" && now["spec"]["acknowledgement"]["by"] == "reviewer-1@ministry";
        if is_so && now["status"]["firstSeen"] == outside["status"]["firstSeen"] { Ok(()) } else { Err(now.to_string()) }
    })
    .await;
    acknowledge(cloud, name, &(clock::now() + 3.seconds()).to_string()).await;
    the_picture(cloud, json!({"Unpermitted": 4, "Duplicate": 3})).await;
}

async fn acknowledge(cloud: &Cloud, finding: &str, until: &str) {
    let line = ["finding", "acknowledge", finding, "--reason", "It moves in March.", "--until", until];
    cloud.govcloud(REVIEWER_1, &line).await.succeeds();
}

async fn the_picture(cloud: &Cloud, expected: Value) {
    eventually("the national picture counts them", || async {
        let status = cloud.json(ADMIN, &["get", "governmentcloud", "national", "-o", "json"]).await["status"].clone();
        let counts = |(rule, count): (&String, &Value)| status["findings"][rule] == *count;
        let all_count = expected.as_object().is_some_and(|expected| expected.iter().all(counts));
        if all_count { Ok(()) } else { Err(status["findings"].to_string()) }
    })
    .await;
}

/// The people of a project read what was found in its events.
async fn told(cloud: &Cloud, rule: &str) {
    eventually("the project was told", || async {
        let events = cloud.json(CUSTOMS_ADMIN, &["get", "events", "-n", HOME, "-o", "json"]).await;
        let of_it = |e: &Value| e["reason"] == rule && e["involvedObject"]["name"] == "border";
        if events["items"].as_array().into_iter().flatten().any(of_it) { Ok(()) } else { Err(events.to_string()) }
    })
    .await;
}

/// What has lost its reason meanwhile is removed, and nothing else is written.
async fn while_the_operator_is_away(cloud: &Cloud) {
    cloud.kill_operator().await;
    let before = finding(cloud, "Expired", "old").await;
    cloud.kubectl(ADMIN, &["delete", "kafkanodepool", "outside", "-n", "default"]).await.succeeds();
    cloud.start_operator().await;
    findings(cloud, |found| !found.iter().any(|f| f.contains("outside"))).await;
    let after = finding(cloud, "Expired", "old").await;
    assert_eq!(before["metadata"]["resourceVersion"], after["metadata"]["resourceVersion"]);
}

async fn a_kind_that_goes_takes_its_findings_along(cloud: &Cloud) {
    cloud.kubectl(ADMIN, &["delete", "crd", "kafkanodepools.kafka.strimzi.io"]).await.succeeds();
    findings(cloud, |found| !found.is_empty() && !found.iter().any(|f| f.contains("kafkanodepools"))).await;
}
