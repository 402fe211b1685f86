//! What each persona must be able to do; without it, a refusal elsewhere may have a silly reason.

use govcloud_tests::{
    Cloud,
    fixtures::{deployment, pod},
    people::*,
};
use serde_json::Value;

use super::manifests::{self, Setting};
use crate::{HOME, PROJECT, request};

/// Who sends what; nothing of it is kept.
fn writes(setting: &Setting) -> Vec<(&'static str, &'static str, Value)> {
    vec![
        (TAX_ADMIN, "a project", manifests::project()),
        (TAX_ADMIN, "a request", request("attempt", "admin@tax")),
        (TAX_ADMIN, "a claim", manifests::claim(PROJECT)),
        (TAX_REQUESTER, "a request", request("attempt", "requester@tax")),
        (TAX_DEVELOPER, "a claim", manifests::claim(PROJECT)),
        (TAX_DEVELOPER, "a deployment", deployment(PROJECT, "attempt", "nginx", 1)),
        (TAX_DEVELOPER, "a pod", pod(PROJECT, "attempt", "nginx")),
        (REVIEWER_1, "a review", setting.review.clone()),
        (REVIEWER_1, "a class", manifests::class()),
        (CLOUD_OPERATOR, "an agency", manifests::agency()),
        (CLOUD_OPERATOR, "a quota", manifests::quota()),
    ]
}

/// Who may run which kubectl command.
const READS: [(&str, &[&str]); 19] = [
    (TAX_ADMIN, &["get", "permit", "-n", HOME]),
    (TAX_ADMIN, &["get", "agency", "tax-administration"]),
    (TAX_ADMIN, &["get", "aquota", "tax-administration"]),
    (TAX_ADMIN, &["get", "resourcequotas", "-n", PROJECT]),
    (TAX_REQUESTER, &["get", "permit", "-n", HOME]),
    (TAX_REQUESTER, &["get", "permitreviews", "-n", HOME]),
    (TAX_REQUESTER, &["get", "sharedservices"]),
    (TAX_REQUESTER, &["get", "processingclasses"]),
    (TAX_DEVELOPER, &["get", "permit", "-n", HOME]),
    (TAX_DEVELOPER, &["get", "slots", "-n", PROJECT]),
    (TAX_DEVELOPER, &["get", "networkpolicies", "-n", PROJECT]),
    (REVIEWER_1, &["get", "permit", "-A"]),
    (SECURITY_REVIEWER, &["get", "permit", "-A"]),
    (CLOUD_OPERATOR, &["get", "govcloud", "-A"]),
    (CLOUD_OPERATOR, &["get", "pods", "-A"]),
    (CLOUD_OPERATOR, &["get", "deployments.apps,cronjobs.batch,replicationcontrollers", "-A"]),
    (CLOUD_OPERATOR, &["get", "kafkanodepools.kafka.strimzi.io", "-A"]),
    (AUDITOR, &["get", "govcloud", "-A"]),
    (AUDITOR, &["get", "permitreviews", "-A"]),
];

/// Tries all of it.
pub async fn everybody_can_do_their_own_job(cloud: &Cloud, setting: &Setting) {
    let mut wrong = Vec::new();
    for (who, what, manifest) in writes(setting) {
        if let Err(said) = cloud.attempt(who, &manifest).await {
            wrong.push(format!("{who} cannot create {what}: {said}"));
        }
    }
    for (who, command) in READS {
        let said = cloud.kubectl(who, command).await;
        if !said.ok {
            wrong.push(format!("{who} cannot {}: {}", command.join(" "), said.err));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
