//! A minimal document of each kind gets the documented defaults.

use govcloud_tests::{Cloud, people};
use serde_json::{Value, json};

use super::minimal;

/// Kind, field and the default that the contract gives it.
fn table() -> Vec<(&'static str, &'static str, Value)> {
    vec![
        ("GovernmentCloud", "/spec/regimeReviewFrom", json!("InfrastructureArea")),
        ("GovernmentCloud", "/spec/permitNumberPrefix", json!("GC")),
        ("Agency", "/spec/type", json!("Government")),
        ("Agency", "/spec/dataClassification", json!("Internal")),
        ("Agency", "/spec/isolation/network", json!("Isolated")),
        ("Agency", "/spec/isolation/podSecurity", json!("restricted")),
        ("Agency", "/spec/enforcement", json!("Deny")),
        ("Agency", "/spec/cordoned", json!(false)),
        ("Agency", "/spec/members/admins", json!([])),
        ("SharedService", "/spec/dataClassification", json!("Internal")),
        ("SharedService", "/spec/access", json!("OnRequest")),
        ("SharedService", "/spec/plans/0/channel", json!("Direct")),
        ("SharedService", "/spec/eligibility", json!({})),
        ("SharedService", "/spec/health/interval", json!("30s")),
        ("ProcessingClass", "/spec/controls/0/replicas", json!("1")),
        ("ProcessingClass", "/spec/approval/onDuplicate", json!("Review")),
        ("ProcessingClass", "/spec/approval/maxDuration", json!("8760h")),
        ("ProcessingClass", "/spec/approval/reviewWithin", json!("720h")),
        ("ProcessingClass", "/spec/approval/grace", json!("720h")),
        ("ProcessingPermit", "/spec/intent", json!("New")),
        ("ProcessingPermit", "/spec/dataClassification", json!("Internal")),
        ("ProcessingPermit", "/spec/duration", json!("8760h")),
        ("ProcessingPermit", "/spec/withdrawn", json!(false)),
        ("ProcessingPermit", "/spec/targets/0/group", json!("")),
        ("ProcessingPermit", "/spec/targets/0/replicas", json!(1)),
        ("PermitReview", "/spec/overrideDuplicate", json!(false)),
        ("ProcessingGrant", "/spec/resources", json!({})),
        ("ProcessingFinding", "/spec/object/group", json!("")),
    ]
}

/// Fields that stay away if nobody gives them: what they mean then is in their description.
const ABSENT: [(&str, &str); 9] = [
    ("Project", "/spec/quota"),
    ("Project", "/spec/limits"),
    ("AgencyQuota", "/spec/borrowingLimit"),
    ("AgencyQuota", "/spec/lendingLimit"),
    ("CapacityPool", "/spec/nodeSelector"),
    ("ServiceClaim", "/spec/purpose"),
    ("ProcessingClass", "/spec/approval/autoApprove"),
    ("ProcessingPermit", "/spec/zones"),
    ("SharedService", "/spec/entitlement"),
];

/// Creates the smallest document of each kind without keeping it, and looks at what the API server made of it.
pub async fn a_minimal_document_gets_the_documented_defaults(cloud: &Cloud) {
    let mut wrong = Vec::new();
    for document in minimal::all() {
        let kind = document["kind"].as_str().unwrap_or_default().to_owned();
        let made = match cloud.attempt(people::ADMIN, &document).await {
            Ok(made) => made,
            Err(said) => {
                wrong.push(format!("{kind}: {said}"));
                continue;
            }
        };
        let at = |pointer: &str| made.pointer(pointer).cloned().unwrap_or_default();
        wrong.extend(
            table()
                .into_iter()
                .filter(|(k, pointer, value)| *k == kind && at(pointer) != *value)
                .map(|(_, p, v)| format!("{kind}{p}: {} instead of {v}", at(p))),
        );
        wrong.extend(
            ABSENT
                .iter()
                .filter(|(k, pointer)| *k == kind && !at(pointer).is_null())
                .map(|(_, p)| format!("{kind}{p}: {}", at(p))),
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
