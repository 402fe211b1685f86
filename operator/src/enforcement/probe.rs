//! The canary: a policy that refuses one request, by which the operator sees that the API server has taken note of all.

use k8s_openapi::{api::core::v1::ConfigMap, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use serde_json::{Value, json};

use super::policy::{Check, Policy, Rule, Scope};

const SAYS: &str = "the Government Cloud's policies are enforced";

/// The canary's name.
pub const NAME: &str = "govcloud-probe";

/// The canary policy with this token, as manifests.
pub fn canary(token: &str, operator_namespace: &str) -> Vec<Value> {
    let scope =
        Scope::Namespaces(vec![json!({"key": "kubernetes.io/metadata.name", "operator": "In", "values": [operator_namespace]})]);
    let refused = format!("object.metadata.name != '{}'", name(token));
    let check = Check::fixed(refused, SAYS);
    Policy::new(NAME, scope, vec![Rule::version("", "v1", ["configmaps"], &["CREATE"])], vec![check]).manifests()
}

fn name(token: &str) -> String {
    format!("{NAME}-{token}")
}

/// The token of a canary as the cluster has it.
pub fn token(policy: &Value) -> Option<String> {
    let expression = policy.pointer("/spec/validations/0/expression")?.as_str()?;
    let token = expression.strip_prefix(&format!("object.metadata.name != '{NAME}-"))?.strip_suffix('\'')?;
    // Whatever else somebody wrote there is not ours, and may be no name at all.
    token.chars().all(|c| c.is_ascii_hexdigit() && !c.is_ascii_uppercase() || c == '-').then(|| token.to_owned())
}

/// The request that the canary refuses; it is only ever sent as a dry run.
pub fn request(token: &str) -> ConfigMap {
    ConfigMap { metadata: ObjectMeta { name: Some(name(token)), ..ObjectMeta::default() }, ..ConfigMap::default() }
}

/// Whether an answer is the canary's refusal.
pub fn is_refusal(message: &str) -> bool {
    message.contains(SAYS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_read_back_from_the_policy() {
        assert_eq!(token(&canary("abc-1", "system")[0]).as_deref(), Some("abc-1"));
        assert_eq!(token(&json!({"spec": {"validations": [{"expression": "true"}]}})), None);
        assert_eq!(token(&canary("abc-Bad_", "system")[0]), None);
    }
}
