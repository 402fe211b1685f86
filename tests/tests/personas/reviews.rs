//! A review that admission takes and that has no say is recorded, with the reason why it does not count.

use govcloud_tests::{Cloud, eventually, people};
use serde_json::Value;

use crate::{HOME, ITO_REVIEWER, request};

/// The authority for another security regime may say what it likes.
pub async fn a_reviewer_without_a_say_does_not_count(cloud: &Cloud) {
    cloud.apply_json(people::TAX_REQUESTER, &request("regime", "requester@tax")).await.succeeds();
    let review = cloud.review_of(HOME, "regime", "reviewer@ito", "security:ito", "Approve").await;
    cloud.create_json(ITO_REVIEWER, &review).await.succeeds();
    let reviews = reviews(cloud, 1).await;
    assert_eq!(reviews[0]["counted"], false, "{reviews}");
    assert_eq!(reviews[0]["because"], "security:ito has no say in this request");
    let phase =
        cloud.json(people::ADMIN, &["get", "permit", "regime", "-n", HOME, "-o", "json"]).await["status"]["phase"].clone();
    assert_eq!(phase, "UnderReview");
}

/// Those who have a say decide, whatever was said before.
pub async fn a_review_that_is_counted_decides(cloud: &Cloud) {
    cloud.review(people::REVIEWER_1, HOME, "regime", "ministry:reviewers", "Approve").await.succeeds();
    cloud.review(people::SECURITY_REVIEWER, HOME, "regime", "security:smc", "Approve").await.succeeds();
    let reviews = reviews(cloud, 3).await;
    // Two reviews of the same second stand in the order of their names, so the reviewer says which is which.
    let counted: Vec<_> =
        reviews.as_array().into_iter().flatten().filter(|r| r["counted"] == true).map(|r| r["reviewer"].to_string()).collect();
    assert_eq!(counted.len(), 2, "{reviews}");
    assert!(!counted.iter().any(|reviewer| reviewer.contains("ito")), "{reviews}");
    cloud.wait_for("processingpermit", HOME, "regime", "Ready").await;
}

async fn reviews(cloud: &Cloud, count: usize) -> Value {
    eventually("the reviews are counted", || async {
        let permit = cloud.json(people::ADMIN, &["get", "permit", "regime", "-n", HOME, "-o", "json"]).await;
        let reviews = permit["status"]["reviews"].clone();
        if reviews.as_array().is_some_and(|r| r.len() == count) { Ok(reviews) } else { Err(permit["status"].to_string()) }
    })
    .await
}
