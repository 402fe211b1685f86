//! A ValidatingAdmissionPolicy with its bindings, built so that nothing is left to the API server's defaults.
//!
//! Every default is written out: what the operator reads back then equals what it wrote, and any difference is a change
//! by somebody else.

use govcloud_crds::{
    agency::Enforcement,
    names::{API_VERSION, GRANT_NAME, LABEL_ENFORCEMENT, LABEL_MANAGED_BY, LABEL_PROJECT, MANAGED_BY},
};
use serde_json::{Value, json};

/// A resource rule: which operations on which resources a policy looks at.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// API groups.
    pub groups: Vec<String>,
    /// Versions, or `*`.
    pub versions: Vec<String>,
    /// Plural resource names, `<resource>/<subresource>` included.
    pub resources: Vec<String>,
    /// `CREATE`, `UPDATE`, `DELETE`.
    pub operations: Vec<&'static str>,
}

impl Rule {
    /// Any version of some resources of one group.
    pub fn any_version<S: Into<String>>(
        group: &str,
        resources: impl IntoIterator<Item = S>,
        operations: &[&'static str],
    ) -> Self {
        Self::version(group, "*", resources, operations)
    }

    /// One version of some resources of one group.
    pub fn version<S: Into<String>>(
        group: &str,
        version: &str,
        resources: impl IntoIterator<Item = S>,
        operations: &[&'static str],
    ) -> Self {
        Self {
            groups: vec![group.to_owned()],
            versions: vec![version.to_owned()],
            resources: resources.into_iter().map(Into::into).collect(),
            operations: operations.to_vec(),
        }
    }

    fn to_json(&self) -> Value {
        json!({"apiGroups": self.groups, "apiVersions": self.versions, "resources": self.resources, "operations": self.operations, "scope": "*"})
    }

    fn only(&self, operation: &'static str) -> Option<Self> {
        self.operations.contains(&operation).then(|| Self { operations: vec![operation], ..self.clone() })
    }
}

/// One check of a policy.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    /// CEL that must be true.
    pub expression: String,
    /// CEL that gives the message.
    pub message: String,
}

impl Check {
    /// A check with a fixed message.
    pub fn fixed(expression: impl Into<String>, message: &str) -> Self {
        Self { expression: expression.into(), message: super::cel::literal(message) }
    }

    /// A check whose message is CEL.
    pub fn explained(expression: impl Into<String>, message: impl Into<String>) -> Self {
        Self { expression: expression.into(), message: message.into() }
    }
}

/// Where a policy binds.
#[derive(Clone, Debug, PartialEq)]
pub enum Scope {
    /// Everywhere, cluster-scoped objects included.
    Everywhere,
    /// In namespaces that match these label expressions.
    Namespaces(Vec<Value>),
    /// In project namespaces, as each agency's `enforcement` says.
    Projects,
    /// In all namespaces but these, as each agency's `enforcement` says.
    AllBut(Vec<String>),
    /// In namespaces that are no projects, and are not these.
    NonProjectsBut(Vec<String>),
}

/// A policy and where it binds.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// Its name, and its bindings' prefix.
    pub name: String,
    /// What it looks at.
    pub rules: Vec<Rule>,
    /// Labels that the object must have.
    pub object_labels: Vec<Value>,
    /// Name and CEL of conditions under which it applies at all.
    pub conditions: Vec<(&'static str, String)>,
    /// Name and CEL of variables.
    pub variables: Vec<(String, String)>,
    /// What must hold.
    pub checks: Vec<Check>,
    /// Where it binds.
    pub scope: Scope,
    /// What it reads of the namespace besides the request.
    pub reads: Reads,
}

/// What a policy reads of the namespace besides the request: its parameter. Where that is missing, nothing is created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reads {
    /// Nothing.
    Nothing,
    /// The namespace's grant.
    Grant,
    /// The ResourceQuota that the operator keeps there. By its label and not by its name: a name that the API server's own
    /// cache does not show is looked up past the cache, but Kubernetes' admission of quotas looks at the cache alone.
    Quota,
}

impl Reads {
    fn kind(self) -> Option<Value> {
        match self {
            Self::Nothing => None,
            Self::Grant => Some(json!({"apiVersion": API_VERSION, "kind": "ProcessingGrant"})),
            Self::Quota => Some(json!({"apiVersion": "v1", "kind": "ResourceQuota"})),
        }
    }

    /// Where it is found, and what happens where it is not.
    fn found(self, without: &str) -> Option<Value> {
        match self {
            Self::Nothing => None,
            Self::Grant => Some(json!({"name": GRANT_NAME, "parameterNotFoundAction": without})),
            Self::Quota => {
                let selector = json!({"matchLabels": {LABEL_MANAGED_BY: MANAGED_BY}});
                Some(json!({"selector": selector, "parameterNotFoundAction": without}))
            }
        }
    }
}

impl Policy {
    /// A policy without parameters, variables and conditions.
    pub fn new(name: impl Into<String>, scope: Scope, rules: Vec<Rule>, checks: Vec<Check>) -> Self {
        Self {
            name: name.into(),
            rules,
            object_labels: Vec::new(),
            conditions: Vec::new(),
            variables: Vec::new(),
            checks,
            scope,
            reads: Reads::Nothing,
        }
    }

    /// The same policy, which the API server leaves at the first thing that it evaluates if every check holds.
    ///
    /// It evaluates the messages of all checks whether they hold or not, so a policy that says no rarely costs twice what it
    /// must. A condition knows neither the variables nor the namespace: a policy that reads those stays as it is.
    #[must_use]
    pub fn at_first_glance(mut self) -> Self {
        let reads_more = |check: &Check| check.expression.contains("namespaceObject") || check.expression == "false";
        if self.variables.is_empty() && self.reads == Reads::Nothing && !self.checks.iter().any(reads_more) {
            let all: Vec<_> = self.checks.iter().map(|check| format!("({})", check.expression)).collect();
            self.conditions.push(("in-question", format!("!({})", all.join(" && "))));
        }
        self
    }

    /// The policy and its bindings as manifests.
    pub fn manifests(&self) -> Vec<Value> {
        let mut all = vec![self.policy()];
        all.extend(self.bindings());
        all
    }

    fn policy(&self) -> Value {
        let variables: Vec<_> =
            self.variables.iter().map(|(name, expression)| json!({"name": name, "expression": expression})).collect();
        let conditions: Vec<_> =
            self.conditions.iter().map(|(name, expression)| json!({"name": name, "expression": expression})).collect();
        let validations: Vec<_> = self
            .checks
            .iter()
            .map(|c| json!({"expression": c.expression, "messageExpression": c.message, "message": "refused by the Government Cloud", "reason": "Forbidden"}))
            .collect();
        let mut spec = json!({
            "failurePolicy": "Fail",
            "matchConstraints": matches(&self.rules, &json!({}), &self.object_labels),
            "matchConditions": conditions,
            "variables": variables,
            "validations": validations,
        });
        if let Some(kind) = self.reads.kind() {
            spec["paramKind"] = kind;
        }
        json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy", "metadata": metadata(&self.name), "spec": spec})
    }

    fn bindings(&self) -> Vec<Value> {
        self.scope
            .selectors()
            .into_iter()
            .flat_map(|(suffix, action, namespaces)| self.binding(suffix, action, &namespaces))
            .collect()
    }

    /// A policy that reads something needs two bindings: creation without it is refused, but an update is admitted, because
    /// a namespace that is being deleted has lost its grant and quota while finalizers are still to be removed.
    fn binding(&self, suffix: &str, action: &str, namespaces: &Value) -> Vec<Value> {
        if self.reads == Reads::Nothing {
            return vec![self.one_binding(&format!("{}{suffix}", self.name), action, &self.rules, namespaces, None)];
        }
        [("CREATE", "Deny", "-create"), ("UPDATE", "Allow", "-update")]
            .into_iter()
            .filter_map(|(operation, without, part)| {
                let rules: Vec<_> = self.rules.iter().filter_map(|r| r.only(operation)).collect();
                let name = format!("{}{part}{suffix}", self.name);
                (!rules.is_empty()).then(|| self.one_binding(&name, action, &rules, namespaces, Some(without)))
            })
            .collect()
    }

    fn one_binding(&self, name: &str, action: &str, rules: &[Rule], namespaces: &Value, without: Option<&str>) -> Value {
        let mut spec = json!({
            "policyName": self.name,
            "validationActions": [action],
            "matchResources": matches(rules, namespaces, &self.object_labels),
        });
        if let Some(found) = without.and_then(|without| self.reads.found(without)) {
            spec["paramRef"] = found;
        }
        json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding", "metadata": metadata(name), "spec": spec})
    }
}

/// What a policy or binding looks at, defaults included.
pub(super) fn matches(rules: &[Rule], namespaces: &Value, object_labels: &[Value]) -> Value {
    let rules: Vec<_> = rules.iter().map(Rule::to_json).collect();
    let objects = if object_labels.is_empty() { json!({}) } else { json!({"matchExpressions": object_labels}) };
    json!({"matchPolicy": "Equivalent", "namespaceSelector": namespaces, "objectSelector": objects, "resourceRules": rules})
}

pub(super) fn metadata(name: &str) -> Value {
    json!({"name": name, "labels": {LABEL_MANAGED_BY: MANAGED_BY}})
}

impl Scope {
    /// Suffix of the binding, action and namespace selector of each binding.
    fn selectors(&self) -> Vec<(&'static str, &'static str, Value)> {
        let not_named = |names: &[String]| json!({"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": names});
        let project = |operator: &str| json!({"key": LABEL_PROJECT, "operator": operator});
        match self {
            Self::Everywhere => vec![("", "Deny", json!({}))],
            Self::Namespaces(expressions) => vec![("", "Deny", json!({"matchExpressions": expressions}))],
            Self::NonProjectsBut(names) => {
                vec![("", "Deny", json!({"matchExpressions": [project("DoesNotExist"), not_named(names)]}))]
            }
            Self::Projects => by_enforcement(&[project("Exists")]),
            Self::AllBut(names) => by_enforcement(&[not_named(names)]),
        }
    }
}

fn by_enforcement(expressions: &[Value]) -> Vec<(&'static str, &'static str, Value)> {
    let select = |operator: &str, values: &[&str]| {
        let mut all = expressions.to_vec();
        all.push(json!({"key": LABEL_ENFORCEMENT, "operator": operator, "values": values}));
        json!({"matchExpressions": all})
    };
    Enforcement::ALL
        .into_iter()
        .map(|enforcement| match enforcement {
            Enforcement::Deny => ("", "Deny", select("NotIn", &["Warn", "Audit"])),
            Enforcement::Warn => ("-warn", "Warn", select("In", &["Warn"])),
            Enforcement::Audit => ("-audit", "Audit", select("In", &["Audit"])),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(reads: Reads, scope: Scope) -> Policy {
        let rules = vec![Rule::any_version("g", ["things"], &["CREATE", "UPDATE"])];
        Policy { reads, ..Policy::new("p", scope, rules, vec![Check::fixed("true", "x")]) }
    }

    #[test]
    fn a_policy_with_a_grant_is_closed_for_creation_and_open_for_updates_without_one() {
        let manifests = policy(Reads::Grant, Scope::Projects).manifests();
        let action = |name: &str| {
            manifests.iter().find(|m| m["metadata"]["name"] == name).expect(name)["spec"]["paramRef"]["parameterNotFoundAction"]
                .clone()
        };
        assert_eq!(action("p-create"), "Deny");
        assert_eq!(action("p-update"), "Allow");
        assert_eq!(manifests.len(), 1 + 2 * 3);
    }

    #[test]
    fn everything_is_managed_and_named() {
        for manifest in policy(Reads::Nothing, Scope::AllBut(vec!["kube-system".into()])).manifests() {
            assert_eq!(manifest["metadata"]["labels"][LABEL_MANAGED_BY], MANAGED_BY);
        }
    }
}
