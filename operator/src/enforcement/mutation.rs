//! A MutatingAdmissionPolicy with its binding, built as [`super::policy`] builds those that refuse: every default is written
//! out, so that any difference is a change by somebody else.

use serde_json::{Value, json};

use super::policy::{Rule, matches, metadata};

/// The resource under which a cluster serves such policies in the version that is written; from Kubernetes 1.36.
pub const RESOURCE: (&str, &str, &str) = ("admissionregistration.k8s.io", "mutatingadmissionpolicies", "v1");

/// What admission writes into objects before anything is checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Mutation {
    /// Its name, and its binding's.
    pub name: String,
    /// What it changes.
    pub rules: Vec<Rule>,
    /// Labels of the namespaces in which it applies.
    pub namespaces: Vec<Value>,
    /// Name and CEL of conditions under which it applies at all.
    pub conditions: Vec<(&'static str, String)>,
    /// Name and CEL of variables.
    pub variables: Vec<(&'static str, String)>,
    /// CEL of a list of `JSONPatch`.
    pub patch: String,
}

impl Mutation {
    /// The policy and its binding as manifests.
    pub fn manifests(&self) -> Vec<Value> {
        vec![self.policy(), self.binding()]
    }

    fn policy(&self) -> Value {
        let named = |pairs: &[(&'static str, String)]| {
            pairs.iter().map(|(name, expression)| json!({"name": name, "expression": expression})).collect::<Vec<_>>()
        };
        json!({
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingAdmissionPolicy", "metadata": metadata(&self.name),
            "spec": {
                "failurePolicy": "Fail",
                // Others may take out again what was written; it is then written once more.
                "reinvocationPolicy": "IfNeeded",
                "matchConstraints": matches(&self.rules, &json!({}), &[]),
                "matchConditions": named(&self.conditions),
                "variables": named(&self.variables),
                "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": self.patch}}],
            },
        })
    }

    fn binding(&self) -> Value {
        let matches = matches(&self.rules, &json!({"matchExpressions": self.namespaces}), &[]);
        json!({
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingAdmissionPolicyBinding", "metadata": metadata(&self.name),
            "spec": {"policyName": self.name, "matchResources": matches},
        })
    }
}
