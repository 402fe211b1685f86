//! The canary: a policy that refuses one request, by which the operator sees that the API server has taken note of all.

use k8s_openapi::{api::core::v1::ConfigMap, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use serde_json::{Value, json};

use super::policy::{Check, Policy, Rule, Scope};

const SAYS: &str = "the Government Cloud's policies are enforced";

/// The canary policy for manifests with this fingerprint, as manifests.
pub fn canary(digest: &str, operator_namespace: &str) -> Vec<Value> {
    let scope =
        Scope::Namespaces(vec![json!({"key": "kubernetes.io/metadata.name", "operator": "In", "values": [operator_namespace]})]);
    let refused = format!("object.metadata.name != '{}'", name(digest));
    let check = Check::fixed(refused, SAYS);
    Policy::new("govcloud-probe", scope, vec![Rule::version("", "v1", ["configmaps"], &["CREATE"])], vec![check]).manifests()
}

fn name(digest: &str) -> String {
    format!("govcloud-probe-{digest}")
}

/// The request that the canary refuses; it is only ever sent as a dry run.
pub fn request(digest: &str) -> ConfigMap {
    ConfigMap { metadata: ObjectMeta { name: Some(name(digest)), ..ObjectMeta::default() }, ..ConfigMap::default() }
}

/// Whether an answer is the canary's refusal.
pub fn is_refusal(message: &str) -> bool {
    message.contains(SAYS)
}
