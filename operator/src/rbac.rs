//! What the operator itself may do: the tables from which its ClusterRole and its Role are generated into the chart.
//!
//! It is not a cluster administrator. It gives agencies rights that it lacks only through the named roles of
//! [`DELEGATED_ROLES`], and a guard keeps those harmless.

use govcloud_crds::names::{GROUP, MANAGED_BY, OPERATOR_SERVICE_ACCOUNT};
use serde_json::{Value, json};

use crate::{
    enforcement::roles::{DELEGATED_ROLES, SCANNER_ROLE},
    leader::LEASE,
};

/// Helm fills it in: the operator runs wherever the chart is installed, and whoever installs it makes the namespace.
const NAMESPACE: &str = "{{ .Release.Namespace }}";
const WATCH: &[&str] = &["get", "list", "watch"];
/// For objects that the operator creates by server-side apply and replaces whole.
const OWN: &[&str] = &["get", "list", "watch", "create", "update", "patch", "delete"];

/// Group, resources and verbs of everything the operator does.
const TABLE: &[(&str, &[&str], &[&str])] = &[
    (GROUP, &["agencies", "agencyquotas", "capacitypools", "projects"], &["get", "list", "watch", "patch"]),
    (GROUP, &["governmentclouds", "permitreviews", "processingclasses", "processingpermits"], WATCH),
    // What agencies share under their permits.
    (GROUP, &["sharedservices"], &["get", "list", "watch", "create", "patch", "delete"]),
    (
        GROUP,
        &[
            "agencies/status",
            "agencyquotas/status",
            "capacitypools/status",
            "governmentclouds/status",
            "processingclasses/status",
            "processingfindings/status",
            "processingpermits/status",
            "projects/status",
            "serviceclaims/status",
            "sharedservices/status",
        ],
        &["update"],
    ),
    // Those that agencies have by entitlement, in their homes.
    (GROUP, &["serviceclaims"], &["get", "list", "watch", "create", "patch", "delete"]),
    // Owning objects that block their owner's deletion asks for this right on the owner.
    (GROUP, &["serviceclaims/finalizers"], &["update"]),
    (GROUP, &["processinggrants"], OWN),
    (GROUP, &["processingfindings"], &["get", "list", "watch", "create", "update", "delete"]),
    ("", &["namespaces"], OWN),
    ("", &["limitranges", "resourcequotas", "secrets"], OWN),
    ("", &["nodes"], WATCH),
    // What is really in use is counted before an amount is given on; and what runs is held against the permits.
    ("", &["persistentvolumeclaims", "pods", "replicationcontrollers"], &["list", "watch"]),
    ("apps", &["daemonsets", "deployments", "replicasets", "statefulsets"], &["list", "watch"]),
    ("batch", &["cronjobs", "jobs"], &["list", "watch"]),
    ("networking.k8s.io", &["networkpolicies"], OWN),
    ("rbac.authorization.k8s.io", &["clusterrolebindings", "clusterroles", "rolebindings"], OWN),
    (
        "admissionregistration.k8s.io",
        &[
            "mutatingadmissionpolicies",
            "mutatingadmissionpolicybindings",
            "validatingadmissionpolicies",
            "validatingadmissionpolicybindings",
        ],
        OWN,
    ),
    ("resource.k8s.io", &["deviceclasses"], WATCH),
    ("apiextensions.k8s.io", &["customresourcedefinitions"], WATCH),
    // Findings are exported as reports where the cluster serves that kind.
    ("openreports.io", &["reports"], &["list", "watch", "create", "update", "delete"]),
    ("events.k8s.io", &["events"], &["create", "patch"]),
];

/// Group, resources, names and verbs. No names are all names.
type NamedRule = (&'static str, &'static [&'static str], &'static [&'static str], &'static [&'static str]);

/// What the operator does in its own namespace alone.
const AT_HOME: &[NamedRule] = &[
    // The canary that proves enforcement; it is sent as a dry run.
    ("", &["configmaps"], &[], &["create"]),
    // RBAC cannot tie a creation to a name: the name is not in what it is asked.
    ("coordination.k8s.io", &["leases"], &[], &["create"]),
    ("coordination.k8s.io", &["leases"], &[LEASE], &["get", "update"]),
];

/// The operator's ServiceAccount, roles, and bindings, as manifests.
pub fn manifests() -> Vec<Value> {
    let mut rules: Vec<_> = TABLE
        .iter()
        .map(|(group, resources, verbs)| json!({"apiGroups": [group], "resources": resources, "verbs": verbs}))
        .collect();
    rules.push(json!({"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["clusterroles"], "resourceNames": DELEGATED_ROLES, "verbs": ["bind", "escalate"]}));
    // What it reads of classified kinds follows the classes; a guard keeps that role to reading them.
    rules.push(json!({"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["clusterroles"], "resourceNames": [SCANNER_ROLE], "verbs": ["escalate"]}));
    let account = json!([{"kind": "ServiceAccount", "name": OPERATOR_SERVICE_ACCOUNT, "namespace": NAMESPACE}]);
    let at_home: Vec<_> = AT_HOME.iter().map(at_home).collect();
    vec![
        namespaced("v1", "ServiceAccount", &json!({})),
        json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "govcloud-operator", "labels": labels()}, "rules": rules}),
        json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "govcloud-operator", "labels": labels()},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "govcloud-operator"}, "subjects": account}),
        json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": SCANNER_ROLE, "labels": labels()},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": SCANNER_ROLE}, "subjects": account}),
        namespaced("rbac.authorization.k8s.io/v1", "Role", &json!({"rules": at_home})),
        namespaced(
            "rbac.authorization.k8s.io/v1",
            "RoleBinding",
            &json!({
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": OPERATOR_SERVICE_ACCOUNT}, "subjects": account}),
        ),
    ]
}

fn at_home((group, resources, names, verbs): &NamedRule) -> Value {
    let mut rule = json!({"apiGroups": [group], "resources": resources, "verbs": verbs});
    if !names.is_empty() {
        rule["resourceNames"] = json!(names);
    }
    rule
}

/// Not `managed-by: govcloud`, which the operator would take for its own work.
fn labels() -> Value {
    json!({"app.kubernetes.io/name": "govcloud", "app.kubernetes.io/part-of": MANAGED_BY})
}

fn namespaced(api_version: &str, kind: &str, rest: &Value) -> Value {
    let mut manifest = json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": OPERATOR_SERVICE_ACCOUNT, "namespace": NAMESPACE, "labels": labels()}});
    for (key, value) in rest.as_object().into_iter().flatten() {
        manifest[key] = value.clone();
    }
    manifest
}

/// The manifests as one YAML text, as it is committed in the chart.
pub fn document() -> Result<String, serde_yaml::ser_error::Error> {
    let documents = manifests().iter().map(serde_yaml::to_string).collect::<Result<Vec<_>, _>>()?;
    Ok(format!("# Generated by govcloud-rbacgen from operator/src/rbac.rs; do not edit.\n{}", documents.join("---\n")))
}

#[cfg(test)]
mod tests {
    use govcloud_crds::names::LABEL_MANAGED_BY;

    use super::*;

    #[test]
    fn the_committed_role_is_up_to_date() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../charts/govcloud/templates/operator-rbac.yaml");
        let committed = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            committed == document().expect("serializes"),
            "out of date; run: cargo run -p govcloud-operator --bin govcloud-rbacgen"
        );
    }

    #[test]
    fn there_is_no_wildcard_and_no_label_of_its_own_work() {
        let all = serde_json::to_string(&manifests()).expect("serializes");
        assert!(!all.contains('*'));
        assert!(!all.contains(&format!("{LABEL_MANAGED_BY}\":\"{MANAGED_BY}")));
    }
}
