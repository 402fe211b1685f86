//! Attacks on what separates and limits an agency's namespaces, and by what runs in them.

use govcloud_tests::{
    Cloud,
    fixtures::{deployment, pod},
    people::{ADMIN, CUSTOMS_DEVELOPER, STRIMZI},
    remedy::{Attack, Remedy, Trap, trap},
};
use serde_json::{Value, json};

use super::{HOME, LAB};

const PODS: &str = "govcloud-guard-pods";
const OWNED: &str = "are set by the operator; change the Agency, its AgencyQuota, or the Project instead";

pub fn managed() -> Vec<Trap> {
    let object = |api_version: &str, kind: &str, rest: Value| {
        let mut object = json!({"apiVersion": api_version, "kind": kind, "metadata": {"namespace": LAB, "name": "mine"}});
        object.as_object_mut().expect("a map").extend(rest.as_object().cloned().unwrap_or_default());
        Attack::create(ADMIN, &object)
    };
    let network = json!({"spec": {"podSelector": {}, "egress": [{}], "policyTypes": ["Egress"]}});
    let binding = json!({"roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}, "subjects": []});
    let rule = |name: &'static str, attack: Attack, resource: &str| {
        trap(name, attack, OWNED, Remedy::text("govcloud-guard-managed", format!(r#""{resource}""#), r#""nothing""#))
    };
    vec![
        rule("a network policy", object("networking.k8s.io/v1", "NetworkPolicy", network), "networkpolicies"),
        rule("a role binding", object("rbac.authorization.k8s.io/v1", "RoleBinding", binding), "rolebindings"),
        rule("a limit range", object("v1", "LimitRange", json!({"spec": {"limits": []}})), "limitranges"),
        trap(
            "a project that leaves its namespace behind",
            Attack::patch(ADMIN, "project/lab -n agency-customs", &json!({"metadata": {"finalizers": null}})),
            "the operator removes its finalizer when the namespace is gone",
            Remedy::Bindings("govcloud-guard-cleanup"),
        ),
        rule("a quota", Attack::kubectl(ADMIN, "delete resourcequota/govcloud -n customs--lab"), "resourcequotas"),
    ]
}

pub fn roles() -> Vec<Trap> {
    let all = json!({"rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*", "escalate"]}]});
    let grow = || Attack::patch(ADMIN, "clusterrole/govcloud:agency-admin", &all);
    let operator = "system:serviceaccount:govcloud-system:govcloud-operator";
    let guard = "govcloud-guard-roles";
    vec![
        trap(
            "the operator itself gives agencies all rights",
            grow().impersonating(operator),
            "holds no wildcards",
            Remedy::check(guard, "holds no wildcards"),
        ),
        trap("an agency's role", grow(), "generated from the ProcessingClasses by the operator alone", Remedy::Bindings(guard)),
    ]
}

/// A pod that asks for one of a device.
pub fn device(key: &str) -> Value {
    let mut pod = pod(LAB, "gpu", "nginx:1");
    pod["spec"]["containers"][0]["resources"] = json!({"limits": {key: "1"}});
    pod
}

/// A pod that its namespace does not allow.
pub fn privileged() -> Value {
    let mut pod = pod(LAB, "root", "nginx:1");
    // The API server of these tests admits no `privileged: true` at all; this is what Pod Security alone refuses.
    pod["spec"]["hostPID"] = json!(true);
    pod["spec"]["containers"][0]["securityContext"]["capabilities"]["add"] = json!(["SYS_ADMIN"]);
    pod
}

pub fn pods() -> Vec<Trap> {
    let mut first_of_all = pod(LAB, "first", "nginx:1");
    first_of_all["spec"]["priorityClassName"] = json!("system-node-critical");
    let greedy = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"namespace": LAB, "name": "greedy"},
        "spec": {"ports": [{"port": 9093}], "externalIPs": ["10.20.0.5"]},
    });
    let unknown = "devices need a permit: govcloud permit check";
    let known = "k in ['nvidia.com/gpu']";
    let as_known = |key: &str| Remedy::text(PODS, known, format!("k in ['nvidia.com/gpu'] || k == '{key}'"));
    vec![
        trap(
            "a device's other name",
            Attack::create(CUSTOMS_DEVELOPER, &device("nvidia.com/mig-1g.5gb")),
            unknown,
            as_known("nvidia.com/mig-1g.5gb"),
        ),
        trap(
            "another maker's device",
            Attack::create(CUSTOMS_DEVELOPER, &device("amd.com/gpu")),
            unknown,
            Remedy::check(PODS, "no processing class knows"),
        ),
        trap(
            "a pod that drives the cluster's own off a node",
            Attack::create(CUSTOMS_DEVELOPER, &first_of_all),
            "the priority classes system-* are the cluster's own",
            Remedy::check(PODS, "the priority classes system-*"),
        ),
        trap(
            "a Service that takes others' traffic",
            Attack::create(CUSTOMS_DEVELOPER, &greedy),
            "has no externalIPs",
            Remedy::Bindings("govcloud-guard-services"),
        ),
        trap(
            "a home runs nothing",
            Attack::create(ADMIN, &deployment(HOME, "web", "nginx:1", 1)),
            "use a project: govcloud project create",
            Remedy::Bindings("govcloud-guard-home"),
        ),
    ]
}

/// What an operator that a class names may write by RBAC, as Helm charts give it.
const RIGHTS: &str = r#"
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: strimzi-writes}
rules: [{apiGroups: [rbac.authorization.k8s.io], resources: [roles, rolebindings], verbs: ["*"]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: strimzi-writes}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: strimzi-writes}
subjects: [{kind: ServiceAccount, namespace: strimzi, name: strimzi-cluster-operator}]
"#;

/// It gives rights to its own workloads, not to people, and not where the paperwork is; and what it leaves can be deleted.
pub async fn an_operator_gives_rights_to_its_own_workloads_alone(cloud: &Cloud) {
    cloud.apply(ADMIN, RIGHTS).await.succeeds();
    let role = |namespace: &str| json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"namespace": namespace, "name": "left"}, "rules": []});
    let binding = |subject: Value| {
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"namespace": LAB, "name": "left"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "left"}, "subjects": [subject],
        })
    };
    Attack::create(STRIMZI, &role(LAB)).passes(cloud, "its own workloads need a role").await;
    Attack::create(STRIMZI, &role(HOME)).is_refused(cloud, OWNED).await;
    cloud.create_json(STRIMZI, &role(LAB)).await.succeeds();
    let account = json!({"kind": "ServiceAccount", "namespace": LAB, "name": "broker"});
    let person = json!({"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "developer@customs"});
    Attack::create(STRIMZI, &binding(account)).passes(cloud, "its own workloads have accounts").await;
    Attack::create(STRIMZI, &binding(person)).is_refused(cloud, OWNED).await;
    cloud.kubectl(ADMIN, &["delete", "role", "left", "-n", LAB]).await.succeeds();
}
