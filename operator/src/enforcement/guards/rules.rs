//! The rules themselves: the kinds, the classes, the national picture, and the roles that are made from them.

use govcloud_crds::names::{ANNOTATION_CONFIRM_DELETION, GROUP, VERSION};

use super::{is, literal, ours};
use crate::enforcement::{
    policy::{Check, Policy, Rule, Scope},
    roles::SCANNER_ROLE,
};

/// CEL: whether the object that is being deleted says, by its own name in an annotation, that this is meant.
pub(super) fn confirmed() -> String {
    let confirm = literal(ANNOTATION_CONFIRM_DELETION);
    format!(
        "has(oldObject.metadata.annotations) && {confirm} in oldObject.metadata.annotations && oldObject.metadata.annotations[{confirm}] == oldObject.metadata.name"
    )
}

/// The rules themselves are not deleted by a slip: without its class a kind is no processing infrastructure any more.
pub(super) fn rules_stay() -> Policy {
    let how = literal(&format!(" {ANNOTATION_CONFIRM_DELETION}="));
    Policy::new(
        "govcloud-guard-rules",
        Scope::Everywhere,
        vec![ours(&["governmentclouds", "processingclasses"], &["DELETE"])],
        vec![Check::explained(
            confirmed(),
            format!(
                "'deleting this ends what it rules: nothing holds its resources to a permit any more. If that is meant: kubectl annotate ' + request.resource.resource + ' ' + oldObject.metadata.name + {how} + oldObject.metadata.name"
            ),
        )],
    )
}

/// Our definitions are not deleted, and not switched off, by a slip.
pub(super) fn definitions() -> Policy {
    let name = "(request.operation == 'DELETE' ? oldObject : object)";
    let is_ours = format!("{name}.spec.group == {}", literal(GROUP));
    let confirmed = confirmed();
    Policy::new(
        "govcloud-guard-definitions",
        Scope::Everywhere,
        vec![Rule::any_version("apiextensions.k8s.io", ["customresourcedefinitions"], &["UPDATE", "DELETE"])],
        vec![
            Check::explained(
                format!("request.operation != 'DELETE' || !({is_ours}) || ({confirmed})"),
                format!(
                    "'deleting this definition deletes every object of it, permits and reviews included. If that is meant: kubectl annotate crd ' + oldObject.metadata.name + {} + oldObject.metadata.name",
                    literal(&format!(" {ANNOTATION_CONFIRM_DELETION}="))
                ),
            ),
            Check::fixed(
                format!(
                    "request.operation != 'UPDATE' || !({is_ours}) || object.spec.versions.exists(v, v.name == '{VERSION}' && v.served)"
                ),
                "version v1alpha1 of this definition must stay served: without it no permit could be read",
            ),
        ],
    )
}

/// The operator may give agencies rights that it lacks, in named roles alone; so these must never hold more than an
/// agency may have, whoever writes them.
pub(super) fn agency_roles(operator: &str) -> Policy {
    let agency = "object.metadata.name.startsWith('govcloud:agency-') || object.metadata.name.startsWith('govcloud:project-')";
    let forbidden_verbs = "['*', 'escalate', 'bind', 'impersonate']";
    let forbidden_groups = "['*', 'rbac.authorization.k8s.io', 'admissionregistration.k8s.io', 'apiextensions.k8s.io', 'apiregistration.k8s.io', 'certificates.k8s.io']";
    let harmless = format!(
        "(!has(r.verbs) || r.verbs.all(v, !(v in {forbidden_verbs}))) && (!has(r.apiGroups) || r.apiGroups.all(g, !(g in {forbidden_groups}))) && (!has(r.resources) || r.resources.all(x, !x.contains('*'))) && !has(r.nonResourceURLs)"
    );
    let scanner = format!("object.metadata.name == {}", literal(SCANNER_ROLE));
    // Secrets are in the core group, which no class may name.
    let only_sees = "has(r.apiGroups) && r.apiGroups.all(g, g != '') && r.verbs.all(v, v in ['list', 'watch'])";
    Policy::new(
        "govcloud-guard-roles",
        Scope::Everywhere,
        vec![Rule::any_version("rbac.authorization.k8s.io", ["clusterroles"], &["CREATE", "UPDATE"])],
        vec![
            Check::fixed(
                format!("!({agency}) || {}", is(operator)),
                "the roles govcloud:agency-* and govcloud:project-* are generated from the ProcessingClasses by the operator alone",
            ),
            Check::fixed(
                format!(
                    "!({agency}) || ((!has(object.rules) || object.rules == null || object.rules.all(r, {harmless})) && !has(object.aggregationRule))"
                ),
                "an agency's role holds no wildcards, no escalate, bind or impersonate, and nothing about RBAC, admission or definitions",
            ),
            Check::fixed(
                format!("!({scanner}) || {}", is(operator)),
                "the role govcloud:scanner is generated from the ProcessingClasses by the operator alone",
            ),
            Check::fixed(
                format!(
                    "!({scanner}) || ((!has(object.rules) || object.rules == null || object.rules.all(r, {harmless} && {only_sees})) && !has(object.aggregationRule))"
                ),
                "the role govcloud:scanner lists and watches kinds that classes name, and nothing of the core group",
            ),
        ],
    )
}
