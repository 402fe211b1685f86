//! What `kubectl describe` says of a permit as it goes.

use govcloud_tests::{Cloud, eventually, fixtures::permit, people::CUSTOMS_REQUESTER};
use serde_json::json;

/// A permit in force, and one that a shared service would make needless.
pub async fn a_permit_reads_well(cloud: &Cloud) {
    let asked = |name: &str| permit("customs", name, "requester@customs", "lab", &[(name, 3, "1Ti")]);
    cloud.permit(CUSTOMS_REQUESTER, &asked("in-force")).await;
    let mut needless = asked("needless");
    (needless["spec"]["zones"], needless["spec"]["interfaces"]) =
        (json!(["tehran-1"]), json!([{"name": "kafka", "version": ">=3.9"}]));
    cloud.apply_json(CUSTOMS_REQUESTER, &needless).await.succeeds();
    let active = ["Phase: Active", "Number: GC-", "Not After: 20", "What it names may run", "is Active. Until"];
    is_described(cloud, "in-force", &active).await;
    let waits = "is UnderReview. Still needed: 2 of ministry:reviewers";
    let advice = ["Phase: UnderReview", "Number: GC-", "Reason: Duplicate", "govcloud service claim national-streaming", waits];
    is_described(cloud, "needless", &advice).await;
}

/// Its conditions carry messages, and all of these words are there, as the requester sees it.
async fn is_described(cloud: &Cloud, permit: &str, words: &[&str]) {
    let said = eventually(&format!("{permit} is described"), || async {
        let said = cloud.kubectl(CUSTOMS_REQUESTER, &["describe", "permit", permit, "-n", "agency-customs"]).await;
        let plain = said.out.split_whitespace().collect::<Vec<_>>().join(" ");
        let missing: Vec<_> = words.iter().filter(|word| !plain.contains(**word)).collect();
        if said.ok && missing.is_empty() { Ok(said.out) } else { Err(format!("{missing:?} in {said:?}")) }
    })
    .await;
    let events = said.split("Events:").nth(1).unwrap_or_default();
    assert!(events.contains("govcloud") && !events.contains("<none>"), "{said}");
    let empty: Vec<_> = said.lines().filter(|line| line.trim() == "Message:").collect();
    assert!(said.contains("Message:") && empty.is_empty(), "{said}");
}
