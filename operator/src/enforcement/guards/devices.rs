//! Which devices the pods and claims of a project may ask for: those whose quota key a class gates, under any of their names.

use govcloud_crds::capacity::Aliases;

use super::{list, literal, projects};
use crate::enforcement::policy::{Check, Policy, Rule, Scope};

const ASK: &str = "devices need a permit: govcloud permit check -f FILE";
/// Kubernetes charges a claim with this annotation to a pod instead of the quota, as far as the pod was charged already.
const CHARGED_TO_A_POD: &str = "resource.kubernetes.io/extended-resource-claim";
/// Who makes such claims.
const SCHEDULER: &str = "system:kube-scheduler";

/// A container asks for no device whose quota key is not known to be gated: `example.com/gpu` is refused, however it is
/// called, unless a class gates it, and then its quota decides. And no agency's pod drives the cluster's own off a node, or
/// takes a place on a node without the scheduler.
pub(super) fn pods(gated_keys: &[String], aliases: &Aliases) -> Policy {
    let known = list(aliases.names_in_containers(gated_keys));
    let keys = |field: &str| {
        format!("(has(dyn(c.resources).{field}) ? dyn(c.resources).{field}.all(k, !k.contains('/') || k in {known}) : true)")
    };
    let fine = |list: &str| {
        format!(
            "(!has(object.spec.{list}) || object.spec.{list}.all(c, !has(c.resources) || ({} && {})))",
            keys("requests"),
            keys("limits")
        )
    };
    let all = format!("{} && {}", fine("containers"), fine("initContainers"));
    Policy::new(
        "govcloud-guard-pods",
        Scope::Namespaces(projects()),
        vec![Rule::version("", "v1", ["pods", "pods/resize"], &["CREATE", "UPDATE"])],
        vec![
            Check::fixed(
                format!("(request.operation == 'UPDATE' && dyn(object.spec) == dyn(oldObject.spec)) || ({all})"),
                &format!("this pod asks for a device that no processing class knows; {ASK}"),
            ),
            Check::fixed(
                "request.operation == 'UPDATE' || !has(object.spec.priorityClassName) || !object.spec.priorityClassName.startsWith('system-')",
                "the priority classes system-* are the cluster's own; leave priorityClassName out, or name another",
            ),
            Check::fixed(
                "request.operation == 'UPDATE' || !has(object.spec.nodeName) || object.spec.nodeName == ''",
                "a pod in a project names no spec.nodeName, because that takes a place on a node past the scheduler; leave it out, and write a nodeSelector to narrow the choice",
            ),
        ],
    )
}

/// CEL: the classes that a request `r` of a claim may be served from, whatever the version of the API. In `v1` and `v1beta2`
/// it is exactly one class, or the first available of several; in older versions the request names its class itself.
const CLASSES: &str = "((has(r.exactly) ? [dyn(r.exactly.deviceClassName)] : []) + (has(r.firstAvailable) ? r.firstAvailable.map(s, dyn(s.deviceClassName)) : []) + (has(r.deviceClassName) && r.deviceClassName != '' ? [dyn(r.deviceClassName)] : []))";
/// CEL: whether a request `r` does not look at devices as their administrator.
const PLAIN: &str =
    "(!has(r.adminAccess) || !r.adminAccess) && (!has(r.exactly) || !has(r.exactly.adminAccess) || !r.exactly.adminAccess)";

/// A claim asks only for classes of devices that a gated quota key counts; then the project's quota decides. It looks at no
/// device as its administrator, and nobody but the scheduler has a claim charged to a pod.
///
/// In any version: a rule for one that is not served would match nothing. A request whose shape is not known names no class,
/// and is refused.
pub(super) fn claims(gated_keys: &[String], aliases: &Aliases) -> Policy {
    let known = list(aliases.classes_under(gated_keys));
    let each = |check: &str| format!("variables.unchanged || variables.requests.all(r, {check})");
    let checks = vec![
        Check::fixed(
            each(&format!("{CLASSES}.size() > 0 && {CLASSES}.all(c, c in {known})")),
            &format!("this claim asks for a class of devices that no processing class knows; {ASK}"),
        ),
        Check::fixed(
            each(PLAIN),
            "a claim in a project has no adminAccess, because that opens devices that are in use by others; leave it out",
        ),
        Check::fixed(
            charged_by_the_scheduler(),
            "the annotation resource.kubernetes.io/extended-resource-claim is the scheduler's, because such a claim is not charged to the quota; leave it out",
        ),
    ];
    let resources = ["resourceclaims", "resourceclaimtemplates"];
    let rule = Rule::any_version("resource.k8s.io", resources, &["CREATE", "UPDATE"]);
    let variables = [
        ("unchanged", "request.operation == 'UPDATE' && dyn(object.spec) == dyn(oldObject.spec)"),
        ("claim", "request.resource.resource == 'resourceclaims' ? dyn(object.spec) : dyn(object.spec).spec"),
        (
            "requests",
            "has(variables.claim.devices) && has(variables.claim.devices.requests) ? variables.claim.devices.requests : []",
        ),
    ];
    Policy {
        variables: variables.into_iter().map(|(name, cel)| (name.to_owned(), cel.to_owned())).collect(),
        ..Policy::new("govcloud-guard-devices", Scope::Namespaces(projects()), vec![rule], checks)
    }
}

/// CEL: whether the mark of a claim that is charged to a pod is missing, the scheduler's, or as it was.
fn charged_by_the_scheduler() -> String {
    let mark = literal(CHARGED_TO_A_POD);
    let marked = |object: &str| {
        let annotations = format!("{object}.metadata.annotations");
        format!("(has({annotations}) && {mark} in {annotations} ? {annotations}[{mark}] : '')")
    };
    let (now, before, scheduler) = (marked("object"), marked("oldObject"), literal(SCHEDULER));
    format!("{now} == '' || request.userInfo.username == {scheduler} || (request.operation == 'UPDATE' && {now} == {before})")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gated() -> Vec<String> {
        vec!["requests.nvidia.com/gpu".into(), "limits.other".into()]
    }

    #[test]
    fn only_gated_devices_are_known() {
        let check = &pods(&gated(), &Aliases::default()).checks[0];
        assert!(check.expression.contains("k in ['nvidia.com/gpu']"), "{}", check.expression);
        let check = &claims(&gated(), &Aliases::default()).checks[0];
        assert!(check.expression.contains("c in []"), "{}", check.expression);
    }

    #[test]
    fn a_device_is_known_by_all_its_names() {
        let aliases = Aliases::new([("gpu", Some("nvidia.com/gpu")), ("fpga", None)]);
        let check = &pods(&gated(), &aliases).checks[0];
        assert!(
            check.expression.contains("k in ['deviceclass.resource.kubernetes.io/gpu', 'nvidia.com/gpu']"),
            "{}",
            check.expression
        );
        let check = &claims(&gated(), &aliases).checks[0];
        assert!(check.expression.contains("c in ['gpu']"), "{}", check.expression);
    }
}
