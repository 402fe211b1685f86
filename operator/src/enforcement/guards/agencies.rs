//! What separates and limits an agency's namespaces.

use govcloud_crds::names::{ANNOTATION_OWNER_UID, ANNOTATION_REGISTRIES, LABEL_AGENCY, LABEL_HOME, LABEL_PROJECT, SEPARATOR};
use serde_json::json;

use super::{CLEANERS, agency_namespaces, is, list, literal, namespace_goes, ours, projects};
use crate::enforcement::policy::{Check, Policy, Rule, Scope};

/// Who may write the status of a ResourceQuota beside the operator: the API server's own admission, and the controller.
const QUOTA_KEEPERS: [&str; 2] = ["system:apiserver", "system:serviceaccount:kube-system:resourcequota-controller"];

/// An address that a Service names for itself takes the traffic of whoever has it, all over the cluster.
pub(super) fn services() -> Policy {
    Policy::new(
        "govcloud-guard-services",
        Scope::Namespaces(projects()),
        vec![Rule::version("", "v1", ["services"], &["CREATE", "UPDATE"])],
        vec![Check::fixed(
            "!has(object.spec.externalIPs) || object.spec.externalIPs.size() == 0",
            "a Service in a project has no externalIPs, because they would take traffic that is meant for others; use type LoadBalancer or an Ingress",
        )],
    )
}

/// An agency's home holds paperwork; workloads belong in a project.
pub(super) fn home_runs_nothing() -> Policy {
    let rules =
        [("", vec!["pods", "replicationcontrollers", "persistentvolumeclaims"]), ("apps", vec!["*"]), ("batch", vec!["*"])];
    Policy::new(
        "govcloud-guard-home",
        Scope::Namespaces(vec![json!({"key": LABEL_HOME, "operator": "Exists"})]),
        rules.into_iter().map(|(group, resources)| Rule::any_version(group, resources, &["CREATE"])).collect(),
        vec![Check::fixed(
            "false",
            "an agency's home namespace holds its paperwork and runs nothing; use a project: govcloud project create NAME",
        )],
    )
}

/// What is claimed in a home is bound in each of the agency's projects, so only the operator claims there, by entitlement.
pub(super) fn home_claims(operator: &str) -> Policy {
    let cleaning = format!("(request.operation == 'DELETE' && {})", namespace_goes());
    Policy::new(
        "govcloud-guard-home-claims",
        Scope::Namespaces(vec![json!({"key": LABEL_HOME, "operator": "Exists"})]),
        vec![ours(&["serviceclaims"], &["CREATE", "UPDATE", "DELETE"])],
        vec![Check::fixed(
            format!("{} || {cleaning}", is(operator)),
            "claims in an agency's home are made and withdrawn by the operator, for services that the agency has without asking; claim another in a project: govcloud service claim SERVICE --project NAME",
        )],
    )
}

/// Agencies' namespaces come, change and go through the operator; nobody else puts our labels on a namespace.
pub(super) fn namespaces(operator: &str) -> Policy {
    let operator = is(operator);
    let ours_by_name = format!("object.metadata.name.startsWith('agency-') || object.metadata.name.contains('{SEPARATOR}')");
    // One of such a name that was there before us is nobody's, and may be deleted.
    let made_by_us = format!("has(oldObject.metadata.labels) && {} in oldObject.metadata.labels", literal(LABEL_AGENCY));
    let is_ours = format!("(request.operation == 'DELETE' ? ({made_by_us}) : ({ours_by_name}))");
    Policy::new(
        "govcloud-guard-namespaces",
        Scope::Everywhere,
        vec![
            Rule::version("", "v1", ["namespaces"], &["CREATE", "UPDATE", "DELETE"]),
            Rule::version("", "v1", ["namespaces/status", "namespaces/finalize"], &["UPDATE"]),
        ],
        vec![
            Check::fixed(
                format!("{operator} || request.operation == 'UPDATE' || !{is_ours}"),
                "namespaces named agency-* or *--* are made and removed by the operator; create or delete the Agency or the Project instead",
            ),
            Check::fixed(
                format!("{operator} || request.operation == 'DELETE' || {}", marks_stay(&ours_by_name)),
                "the labels govcloud.dev/*, the owner and the registries of a namespace, and the Pod Security labels of an agency's, are set by the operator; change the Agency or the Project instead",
            ),
        ],
    )
}

/// CEL: whether what marks a namespace as ours stays as it is: our labels, the Pod Security labels of an agency's, the
/// registries that its images may come from, and the owner's uid, without which the operator takes the namespace for somebody
/// else's, and slots in it would stay open.
fn marks_stay(ours_by_name: &str) -> String {
    let guarded = format!("k.startsWith('govcloud.dev/') || (({ours_by_name}) && k.startsWith('pod-security.kubernetes.io/'))");
    let labels = |object: &str| {
        format!(
            "(has({object}.metadata.labels) ? {object}.metadata.labels.map(k, {guarded}, k + '=' + {object}.metadata.labels[k]) : [])"
        )
    };
    let same = |a: &str, b: &str| format!("{}.all(l, l in {})", labels(a), labels(b));
    let value = |object: &str, key: &str| {
        let key = literal(key);
        format!(
            "(has({object}.metadata.annotations) && {key} in {object}.metadata.annotations ? {object}.metadata.annotations[{key}] : '')"
        )
    };
    let kept = [ANNOTATION_OWNER_UID, ANNOTATION_REGISTRIES]
        .map(|key| format!("{} == {}", value("object", key), value("oldObject", key)))
        .join(" && ");
    format!(
        "(request.operation == 'CREATE' ? {}.size() == 0 : ({} && {} && {kept}))",
        labels("object"),
        same("object", "oldObject"),
        same("oldObject", "object"),
    )
}

/// CEL: whether an operator that a class names writes what its own workloads need: in a project, for accounts and not for
/// people, under a name that is none of ours. RBAC keeps it from giving rights that it lacks.
fn of_a_controller(controllers: &[String]) -> String {
    let project = literal(LABEL_PROJECT);
    format!(
        "(request.operation != 'DELETE' && request.userInfo.username in {} && request.resource.resource in ['roles', 'rolebindings', 'networkpolicies'] && !object.metadata.name.startsWith('govcloud') && has(namespaceObject.metadata.labels) && {project} in namespaceObject.metadata.labels && (request.resource.resource != 'rolebindings' || !has(object.subjects) || object.subjects.all(s, s.kind == 'ServiceAccount')))",
        list(controllers)
    )
}

/// CEL: whether what is deleted was not made by the operator, but left behind by another, or was there before.
const LEFT_BEHIND: &str = "(request.operation == 'DELETE' && !oldObject.metadata.name.startsWith('govcloud'))";

/// What separates and limits an agency's namespaces changes through the operator.
pub(super) fn managed(operator: &str, controllers: &[String]) -> Policy {
    let cleaning = format!("(request.operation == 'DELETE' && request.userInfo.username in {})", list(CLEANERS));
    let rules = [
        ("", vec!["resourcequotas", "limitranges"]),
        ("networking.k8s.io", vec!["networkpolicies"]),
        ("rbac.authorization.k8s.io", vec!["roles", "rolebindings"]),
    ];
    Policy::new(
        "govcloud-guard-managed",
        Scope::Namespaces(agency_namespaces()),
        rules
            .into_iter()
            .map(|(group, resources)| Rule::any_version(group, resources, &["CREATE", "UPDATE", "DELETE"]))
            .collect(),
        vec![Check::explained(
            format!("{} || {cleaning} || {LEFT_BEHIND} || {}", is(operator), of_a_controller(controllers)),
            "request.resource.resource + ' in an agency\\'s namespaces are set by the operator; change the Agency, its AgencyQuota, or the Project instead'",
        )],
    )
}

/// The used and enforced amounts of a quota are the cluster's word.
pub(super) fn quota_status(operator: &str) -> Policy {
    Policy::new(
        "govcloud-guard-quota-status",
        Scope::Namespaces(agency_namespaces()),
        vec![Rule::version("", "v1", ["resourcequotas/status"], &["UPDATE"])],
        vec![Check::fixed(
            format!("{} || request.userInfo.username in {}", is(operator), list(QUOTA_KEEPERS)),
            "the status of a quota is written by the cluster alone; it is what the agency's ledger rests on",
        )],
    )
}
