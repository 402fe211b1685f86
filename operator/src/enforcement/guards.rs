//! Layer 3: param-free policies that keep the paperwork honest.
//!
//! They say who may write what: requests and reviews carry their writer's name, statuses and grants are the operator's
//! alone, an agency's namespaces and what the operator put into them change only through the operator, and the kinds
//! themselves do not vanish by a slip. They hold for cluster administrators too; who may change admission policies can
//! switch them off, which the operator repairs and keeps on record.

use govcloud_crds::names::{
    ANNOTATION_CONFIRM_DELETION, ANNOTATION_OWNER_UID, GROUP, LABEL_AGENCY, LABEL_HOME, LABEL_PROJECT, SEPARATOR, VERSION,
};
use serde_json::{Value, json};

use super::{
    cel::{list, literal},
    policy::{Check, Policy, Rule, Scope},
};

/// Controllers of the cluster that clean up after a namespace or an owner is deleted.
const CLEANERS: [&str; 2] =
    ["system:serviceaccount:kube-system:namespace-controller", "system:serviceaccount:kube-system:generic-garbage-collector"];
/// Who may write the status of a ResourceQuota beside the operator: the API server's own admission, and the controller.
const QUOTA_KEEPERS: [&str; 2] = ["system:apiserver", "system:serviceaccount:kube-system:resourcequota-controller"];

/// All guards. `operator` is the user name of the operator's account.
pub fn policies(operator: &str, gated_keys: &[String]) -> Vec<Policy> {
    let guards = Guards { operator: format!("request.userInfo.username == {}", literal(operator)) };
    vec![
        requests(),
        reviews(),
        permits_stay(),
        guards.statuses(),
        guards.grants(),
        guards.findings(),
        paper_owners(),
        guards.namespaces(),
        definitions(),
        rules_stay(),
        guards.managed(),
        guards.quota_status(),
        home_runs_nothing(),
        guards.agency_roles(),
        devices(gated_keys),
    ]
}

fn ours(resources: &[&str], operations: &[&'static str]) -> Rule {
    Rule::version(GROUP, VERSION, resources.iter().copied(), operations)
}

/// A request carries the name of the person who made it.
fn requests() -> Policy {
    Policy::new(
        "govcloud-guard-requests",
        Scope::Everywhere,
        vec![ours(&["processingpermits"], &["CREATE"])],
        vec![Check::explained(
            "object.spec.requestedBy == request.userInfo.username",
            "'spec.requestedBy must be your own user name, ' + request.userInfo.username + ', not ' + object.spec.requestedBy",
        )],
    )
}

/// A review carries the name and the group of the person who gave it, who is no member of the agency; it stays for good.
fn reviews() -> Policy {
    let member = format!(
        "authorizer.group({}).resource('processingpermits').namespace(object.metadata.namespace).check('member').allowed()",
        literal(GROUP)
    );
    let creating = "request.operation != 'CREATE'";
    let vanishing = format!(
        "request.operation != 'DELETE' || (request.userInfo.username in {} && has(namespaceObject.metadata.deletionTimestamp))",
        list(CLEANERS)
    );
    Policy::new(
        "govcloud-guard-reviews",
        Scope::Everywhere,
        vec![ours(&["permitreviews"], &["CREATE", "UPDATE", "DELETE"])],
        vec![
            Check::explained(
                format!("{creating} || object.spec.reviewer == request.userInfo.username"),
                "'spec.reviewer must be your own user name, ' + request.userInfo.username + ', not ' + object.spec.reviewer",
            ),
            Check::explained(
                format!("{creating} || (has(request.userInfo.groups) && object.spec.group in request.userInfo.groups)"),
                "'spec.group must be a group that you are in; you are not in ' + object.spec.group",
            ),
            Check::fixed(
                format!("{creating} || !{member}"),
                "nobody reviews a request of their own agency; somebody who is no member of it, and whose rights do not include all of it, must do it",
            ),
            Check::fixed(
                "request.operation != 'UPDATE' || object.spec == oldObject.spec",
                "a review cannot be changed; give another one",
            ),
            Check::fixed(vanishing, "a review is never deleted: it is what a decision rests on"),
        ],
    )
}

/// A permit is never deleted, only withdrawn: it is the record, and what keeps an ended workload's slot closed.
fn permits_stay() -> Policy {
    let vanishing = format!("request.userInfo.username in {} && has(namespaceObject.metadata.deletionTimestamp)", list(CLEANERS));
    Policy::new(
        "govcloud-guard-permits",
        Scope::Everywhere,
        vec![ours(&["processingpermits"], &["DELETE"])],
        vec![Check::fixed(
            vanishing,
            "a permit is never deleted: it is the record of what was asked for and decided. Take it back instead: govcloud permit withdraw NAME",
        )],
    )
}

/// Permits and reviews belong to no other object, or deleting that would delete them.
fn paper_owners() -> Policy {
    Policy::new(
        "govcloud-guard-owners",
        Scope::Everywhere,
        vec![ours(&["processingpermits", "permitreviews"], &["CREATE", "UPDATE"])],
        vec![Check::fixed(
            "!has(object.metadata.ownerReferences) || object.metadata.ownerReferences.size() == 0",
            "permits and reviews have no owner references, because deleting the owner would delete them",
        )],
    )
}

/// A container asks for no device whose quota key is not known to be gated: `example.com/gpu` is refused, however it is
/// called, unless a class gates it, and then its quota decides.
fn devices(gated_keys: &[String]) -> Policy {
    let known = list(gated_keys.iter().filter_map(|key| key.strip_prefix("requests.")));
    let keys =
        |field: &str| format!("(has(c.resources.{field}) ? c.resources.{field}.all(k, !k.contains('/') || k in {known}) : true)");
    let fine = |list: &str| {
        format!(
            "(!has(object.spec.{list}) || object.spec.{list}.all(c, !has(c.resources) || ({} && {})))",
            keys("requests"),
            keys("limits")
        )
    };
    let all = format!("{} && {}", fine("containers"), fine("initContainers"));
    Policy::new(
        "govcloud-guard-devices",
        Scope::Namespaces(vec![json!({"key": LABEL_PROJECT, "operator": "Exists"})]),
        vec![Rule::version("", "v1", ["pods", "pods/resize"], &["CREATE", "UPDATE"])],
        vec![Check::fixed(
            format!("(request.operation == 'UPDATE' && dyn(object.spec) == dyn(oldObject.spec)) || ({all})"),
            "this pod asks for a device that no processing class knows; devices need a permit: govcloud permit check -f FILE",
        )],
    )
}

/// An agency's home holds paperwork; workloads belong in a project.
fn home_runs_nothing() -> Policy {
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

/// CEL: whether the object that is being deleted says, by its own name in an annotation, that this is meant.
fn confirmed() -> String {
    let confirm = literal(ANNOTATION_CONFIRM_DELETION);
    format!(
        "has(oldObject.metadata.annotations) && {confirm} in oldObject.metadata.annotations && oldObject.metadata.annotations[{confirm}] == oldObject.metadata.name"
    )
}

/// The rules themselves are not deleted by a slip: without its class a kind is no processing infrastructure any more.
fn rules_stay() -> Policy {
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
fn definitions() -> Policy {
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

struct Guards {
    /// CEL: whether the operator asks.
    operator: String,
}

impl Guards {
    /// Statuses are the operator's word.
    fn statuses(&self) -> Policy {
        Policy::new(
            "govcloud-guard-status",
            Scope::Everywhere,
            vec![Rule::any_version(GROUP, ["*/status"], &["UPDATE"])],
            vec![Check::fixed(
                self.operator.clone(),
                "the status is written by the operator alone; change the spec, or give a review",
            )],
        )
    }

    /// Grants are the operator's word.
    fn grants(&self) -> Policy {
        let cleaning = format!(
            "(request.operation == 'DELETE' && request.userInfo.username in {} && has(namespaceObject.metadata.deletionTimestamp))",
            list(CLEANERS)
        );
        Policy::new(
            "govcloud-guard-grants",
            Scope::Everywhere,
            vec![ours(&["processinggrants"], &["CREATE", "UPDATE", "DELETE"])],
            vec![Check::fixed(
                format!("{} || {cleaning}", self.operator),
                "grants are compiled from permits by the operator alone; request a permit: govcloud permit request --from FILE",
            )],
        )
    }

    /// Findings are the operator's word, but for the acknowledgement, which carries its writer's name.
    fn findings(&self) -> Policy {
        let fields = ["rule", "object", "message"].map(|f| format!("object.spec.{f} == oldObject.spec.{f}"));
        let optional = ["processingClass", "capacity", "alternatives"].map(|f| {
            format!("has(object.spec.{f}) == has(oldObject.spec.{f}) && (!has(object.spec.{f}) || object.spec.{f} == oldObject.spec.{f})")
        });
        let only_acknowledged = fields.into_iter().chain(optional).collect::<Vec<_>>().join(" && ");
        let cleaning = format!("(request.operation == 'DELETE' && request.userInfo.username in {})", list(CLEANERS));
        Policy::new(
            "govcloud-guard-findings",
            Scope::Everywhere,
            vec![ours(&["processingfindings"], &["CREATE", "UPDATE", "DELETE"])],
            vec![
                Check::fixed(
                    format!("{} || {cleaning} || (request.operation == 'UPDATE' && {only_acknowledged})", self.operator),
                    "findings are written by the operator alone; a reviewer may set spec.acknowledgement",
                ),
                Check::fixed(
                    "request.operation != 'UPDATE' || !has(object.spec.acknowledgement) || (has(oldObject.spec.acknowledgement) && object.spec.acknowledgement == oldObject.spec.acknowledgement) || object.spec.acknowledgement.by == request.userInfo.username",
                    "spec.acknowledgement.by must be your own user name",
                ),
            ],
        )
    }

    /// Agencies' namespaces come, change and go through the operator; nobody else puts our labels on a namespace.
    fn namespaces(&self) -> Policy {
        let ours_by_name = format!("object.metadata.name.startsWith('agency-') || object.metadata.name.contains('{SEPARATOR}')");
        // One of such a name that was there before us is nobody's, and may be deleted.
        let made_by_us = format!("has(oldObject.metadata.labels) && {} in oldObject.metadata.labels", literal(LABEL_AGENCY));
        let is_ours = format!("(request.operation == 'DELETE' ? ({made_by_us}) : ({ours_by_name}))");
        let labels = |object: &str, ours: &str| {
            format!(
                "(has({object}.metadata.labels) ? {object}.metadata.labels.map(k, {ours}, k + '=' + {object}.metadata.labels[k]) : [])"
            )
        };
        let guarded = "k.startsWith('govcloud.dev/') || ((object.metadata.name.startsWith('agency-') || object.metadata.name.contains('--')) && k.startsWith('pod-security.kubernetes.io/'))";
        let same = |a: &str, b: &str| format!("{}.all(l, l in {})", labels(a, guarded), labels(b, guarded));
        let owner = |object: &str| {
            let uid = literal(ANNOTATION_OWNER_UID);
            format!(
                "(has({object}.metadata.annotations) && {uid} in {object}.metadata.annotations ? {object}.metadata.annotations[{uid}] : '')"
            )
        };
        // Without the owner's uid the operator takes the namespace for somebody else's, and slots in it would stay open.
        let unchanged = format!(
            "({} && {} && {} == {})",
            same("object", "oldObject"),
            same("oldObject", "object"),
            owner("object"),
            owner("oldObject")
        );
        Policy::new(
            "govcloud-guard-namespaces",
            Scope::Everywhere,
            vec![
                Rule::version("", "v1", ["namespaces"], &["CREATE", "UPDATE", "DELETE"]),
                Rule::version("", "v1", ["namespaces/status", "namespaces/finalize"], &["UPDATE"]),
            ],
            vec![
                Check::fixed(
                    format!("{} || request.operation == 'UPDATE' || !{is_ours}", self.operator),
                    "namespaces named agency-* or *--* are made and removed by the operator; create or delete the Agency or the Project instead",
                ),
                Check::fixed(
                    format!(
                        "{} || request.operation == 'DELETE' || (request.operation == 'CREATE' ? {}.size() == 0 : {unchanged})",
                        self.operator,
                        labels("object", guarded)
                    ),
                    "the labels govcloud.dev/* and the owner of a namespace, and the Pod Security labels of an agency's, are set by the operator; change the Agency or the Project instead",
                ),
            ],
        )
    }

    /// What separates and limits an agency's namespaces changes through the operator.
    fn managed(&self) -> Policy {
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
                format!("{} || {cleaning}", self.operator),
                "request.resource.resource + ' in an agency\\'s namespaces are set by the operator; change the Agency, its AgencyQuota, or the Project instead'",
            )],
        )
    }

    /// The used and enforced amounts of a quota are the cluster's word.
    fn quota_status(&self) -> Policy {
        Policy::new(
            "govcloud-guard-quota-status",
            Scope::Namespaces(agency_namespaces()),
            vec![Rule::version("", "v1", ["resourcequotas/status"], &["UPDATE"])],
            vec![Check::fixed(
                format!("{} || request.userInfo.username in {}", self.operator, list(QUOTA_KEEPERS)),
                "the status of a quota is written by the cluster alone; it is what the agency's ledger rests on",
            )],
        )
    }

    /// The operator may give agencies rights that it lacks, in named roles alone; so these must never hold more than an
    /// agency may have, whoever writes them.
    fn agency_roles(&self) -> Policy {
        let agency =
            "object.metadata.name.startsWith('govcloud:agency-') || object.metadata.name.startsWith('govcloud:project-')";
        let forbidden_verbs = "['*', 'escalate', 'bind', 'impersonate']";
        let forbidden_groups = "['*', 'rbac.authorization.k8s.io', 'admissionregistration.k8s.io', 'apiextensions.k8s.io', 'apiregistration.k8s.io', 'certificates.k8s.io']";
        let harmless = format!(
            "(!has(r.verbs) || r.verbs.all(v, !(v in {forbidden_verbs}))) && (!has(r.apiGroups) || r.apiGroups.all(g, !(g in {forbidden_groups}))) && (!has(r.resources) || r.resources.all(x, !x.contains('*'))) && !has(r.nonResourceURLs)"
        );
        Policy::new(
            "govcloud-guard-roles",
            Scope::Everywhere,
            vec![Rule::any_version("rbac.authorization.k8s.io", ["clusterroles"], &["CREATE", "UPDATE"])],
            vec![
                Check::fixed(
                    format!("!({agency}) || {}", self.operator),
                    "the roles govcloud:agency-* and govcloud:project-* are generated from the ProcessingClasses by the operator alone",
                ),
                Check::fixed(
                    format!(
                        "!({agency}) || ((!has(object.rules) || object.rules == null || object.rules.all(r, {harmless})) && !has(object.aggregationRule))"
                    ),
                    "an agency's role holds no wildcards, no escalate, bind or impersonate, and nothing about RBAC, admission or definitions",
                ),
            ],
        )
    }
}

fn agency_namespaces() -> Vec<Value> {
    vec![json!({"key": LABEL_AGENCY, "operator": "Exists"})]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guarded(resource: &str, operation: &'static str) -> Vec<String> {
        let all = policies("system:serviceaccount:govcloud-system:govcloud-operator", &["requests.nvidia.com/gpu".into()]);
        let guards = all
            .into_iter()
            .filter(|p| p.rules.iter().any(|r| r.resources.iter().any(|x| x == resource) && r.operations.contains(&operation)));
        guards.map(|p| p.name).collect()
    }

    #[test]
    fn what_a_decision_rests_on_cannot_be_deleted() {
        assert_eq!(guarded("processingpermits", "DELETE"), ["govcloud-guard-permits"]);
        assert_eq!(guarded("permitreviews", "DELETE"), ["govcloud-guard-reviews"]);
    }

    #[test]
    fn every_way_to_a_namespaces_labels_is_guarded() {
        for resource in ["namespaces", "namespaces/status", "namespaces/finalize"] {
            assert_eq!(guarded(resource, "UPDATE"), ["govcloud-guard-namespaces"], "{resource}");
        }
    }

    #[test]
    fn a_guard_never_waits_for_a_grant() {
        assert!(policies("operator", &[]).iter().all(|p| !p.reads_grant && p.name.starts_with("govcloud-guard-")));
    }

    #[test]
    fn only_gated_devices_are_known() {
        let check = &devices(&["requests.nvidia.com/gpu".into(), "limits.other".into()]).checks[0];
        assert!(check.expression.contains("k in ['nvidia.com/gpu']"), "{}", check.expression);
    }
}
