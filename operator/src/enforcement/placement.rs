//! Pods of a project run on the nodes of the project's pool, and on no others.
//!
//! A measured pool is the nodes with its labels. For each there is a mutating policy that writes these labels into the
//! `nodeSelector` of every new pod, and a validating one that refuses pods without them: where the first is missing, or the
//! cluster is too old to have such policies, people are told what to write, and nothing runs elsewhere. Both bind by the
//! namespace's label [`LABEL_POOL`], so they hold while the operator is stopped. A declared pool has no nodes.

use std::collections::BTreeMap;

use govcloud_crds::{
    CapacityPool,
    names::{LABEL_POOL, LABEL_PROJECT, pool_label},
};
use serde_json::{Value, json};

use super::{
    Served,
    cel::literal,
    mutation::{self, Mutation},
    policy::{Check, Policy, Rule, Scope},
};

/// The labels of each measured pool's nodes, by the pool's name.
type Nodes<'a> = BTreeMap<&'a str, &'a BTreeMap<String, String>>;

/// Everything about where pods run, as manifests; what writes only if the cluster `served` it.
pub fn manifests(pools: &BTreeMap<String, CapacityPool>, served: &Served) -> Vec<Value> {
    let measured = measured(pools);
    let refusing = measured.iter().map(|(pool, labels)| checks(pool, labels)).chain([known(pools, &measured)]);
    let mut all: Vec<_> = refusing.flat_map(|policy| policy.manifests()).collect();
    if can_write(served) {
        all.extend(measured.iter().flat_map(|(pool, labels)| writing(pool, labels).manifests()));
    }
    all
}

/// Whether the cluster serves policies that write.
pub fn can_write(served: &Served) -> bool {
    let (group, resource, version) = mutation::RESOURCE;
    served.versions(group, resource).iter().any(|v| v == version)
}

fn measured(pools: &BTreeMap<String, CapacityPool>) -> Nodes<'_> {
    pools.iter().filter_map(|(name, pool)| Some((pool_label(name)?, pool.spec.node_labels()?))).collect()
}

/// Pods when they are made, and what DaemonSets say of theirs: the controller makes one for every node that the template
/// fits, and those for others' nodes would wait for ever.
fn rules(pods: &[&'static str]) -> Vec<Rule> {
    vec![Rule::version("", "v1", ["pods"], pods), Rule::version("apps", "v1", ["daemonsets"], &["CREATE", "UPDATE"])]
}

/// CEL: what a pod's spec is, in a pod or in a template.
fn pod(object: &str) -> String {
    format!("request.resource.resource == 'pods' ? dyn({object}.spec) : dyn({object}.spec).template.spec")
}

fn bound_to(pool: &str) -> Vec<Value> {
    vec![json!({"key": LABEL_PROJECT, "operator": "Exists"}), json!({"key": LABEL_POOL, "operator": "In", "values": [pool]})]
}

fn name(pool: &str) -> String {
    format!("govcloud-place-{pool}")
}

/// CEL of a map.
fn map(labels: &BTreeMap<String, String>) -> String {
    let entries: Vec<_> = labels.iter().map(|(key, value)| format!("{}: {}", literal(key), literal(value))).collect();
    format!("{{{}}}", entries.join(", "))
}

/// Writes the labels that are missing. One that is there with another value stays, and is refused afterwards: a pod that
/// asks for other nodes is told so, and is not moved in silence.
fn writing(pool: &str, labels: &BTreeMap<String, String>) -> Mutation {
    let add = "JSONPatch{op: 'add', path: variables.path + '/nodeSelector";
    Mutation {
        name: name(pool),
        rules: rules(&["CREATE"]),
        namespaces: bound_to(pool),
        // A DaemonSet from before the pool was measured is not rolled out again because somebody labels it.
        conditions: vec![("changed", "request.operation == 'CREATE' || dyn(object.spec) != dyn(oldObject.spec)".to_owned())],
        variables: vec![
            ("labels", map(labels)),
            ("pod", pod("object")),
            ("path", "request.resource.resource == 'pods' ? '/spec' : '/spec/template/spec'".to_owned()),
        ],
        patch: format!(
            "has(variables.pod.nodeSelector) ? variables.labels.filter(k, !(k in variables.pod.nodeSelector)).map(k, {add}/' + jsonpatch.escapeKey(k), value: variables.labels[k]}}) : [{add}', value: variables.labels}}]"
        ),
    }
}

/// Refuses what asks for other nodes. What leaves the selector as it was passes, or pods from before the rule could lose no
/// finalizer; a gated pod may change its own until it is scheduled, and is looked at then.
fn checks(pool: &str, labels: &BTreeMap<String, String>) -> Policy {
    let has = |of: &str| format!("has(variables.{of}.nodeSelector)");
    let selector = |of: &str| format!("variables.{of}.nodeSelector");
    let (new, old) = (has("pod"), has("old"));
    let unchanged =
        format!("(request.operation == 'UPDATE' && {new} == {old} && (!{new} || {} == {}))", selector("pod"), selector("old"));
    let carries = format!(
        "({new} && variables.labels.all(k, k in {selector} && {selector}[k] == variables.labels[k]))",
        selector = selector("pod")
    );
    let wanted: Vec<_> = labels.iter().map(|(key, value)| format!("{key}: {}", quoted(value))).collect();
    let message = format!(
        "pods of this project run on the nodes of its pool {pool} alone: the nodeSelector of a pod's spec must say {{{}}}, and nothing else of these labels. Write that; the Government Cloud adds what is left out where Kubernetes is 1.36 or newer",
        wanted.join(", ")
    );
    let policy = Policy::new(
        name(pool),
        Scope::Namespaces(bound_to(pool)),
        rules(&["CREATE", "UPDATE"]),
        vec![Check::fixed(format!("{unchanged} || {carries}"), &message)],
    );
    let was = format!("request.operation == 'UPDATE' ? ({}) : dyn({{}})", pod("oldObject"));
    let variables = [("labels", map(labels)), ("pod", pod("object")), ("old", was)];
    Policy { variables: variables.into_iter().map(|(name, cel)| (name.to_owned(), cel)).collect(), ..policy }
}

/// A value as YAML takes it for a text.
fn quoted(value: &str) -> String {
    format!("\"{value}\"")
}

/// Where the pool is not there, it is not known where pods may run: none are made. So deleting a pool, or losing the
/// namespace's label, opens no other nodes.
fn known(pools: &BTreeMap<String, CapacityPool>, measured: &Nodes<'_>) -> Policy {
    let placed = |(name, pool): (&'_ String, &'_ CapacityPool)| -> Option<String> {
        let known = pool.spec.node_selector.is_none() || measured.contains_key(name.as_str());
        pool_label(name).filter(|_| known).map(str::to_owned)
    };
    let names: Vec<_> = pools.iter().filter_map(placed).collect();
    let mut namespaces = vec![json!({"key": LABEL_PROJECT, "operator": "Exists"})];
    if !names.is_empty() {
        namespaces.push(json!({"key": LABEL_POOL, "operator": "NotIn", "values": names}));
    }
    let message = format!(
        "the CapacityPool of this project is not there, or selects its nodes by more than matchLabels, so it is not known where pods may run. A cloud operator creates or mends it. Pools that are there: {}",
        if names.is_empty() { "none".to_owned() } else { names.join(", ") }
    );
    Policy::new(
        "govcloud-place",
        Scope::Namespaces(namespaces),
        vec![Rule::version("", "v1", ["pods"], &["CREATE"])],
        vec![Check::fixed("false", &message)],
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::enforcement::ServedResource;

    fn pools(specs: &[(&str, Value)]) -> BTreeMap<String, CapacityPool> {
        let pool = |(name, spec): &(&str, Value)| {
            let mut spec = spec.clone();
            spec["zones"] = json!(["tehran-1"]);
            ((*name).to_owned(), CapacityPool::new(name, serde_json::from_value(spec).expect("valid")))
        };
        specs.iter().map(pool).collect()
    }

    fn some() -> BTreeMap<String, CapacityPool> {
        pools(&[
            ("declared", json!({"capacity": {"requests.cpu": "1"}})),
            ("gpu", json!({"nodeSelector": {"matchLabels": {"example.com/pool": "it's"}}})),
            ("old", json!({"nodeSelector": {"matchExpressions": [{"key": "pool", "operator": "Exists"}]}})),
        ])
    }

    fn serving() -> Served {
        let (group, resource, version) = mutation::RESOURCE;
        let served = ServedResource { versions: vec![version.to_owned()], ..ServedResource::default() };
        Served([((group.to_owned(), resource.to_owned()), served)].into())
    }

    fn of_kind<'a>(manifests: &'a [Value], kind: &str) -> Vec<&'a Value> {
        manifests.iter().filter(|m| m["kind"] == kind).collect()
    }

    #[test]
    fn each_measured_pool_has_a_policy_that_writes_and_one_that_refuses() {
        let all = manifests(&some(), &serving());
        let [writes] = of_kind(&all, "MutatingAdmissionPolicy")[..] else { panic!("{all:?}") };
        assert_eq!(writes["metadata"]["name"], "govcloud-place-gpu");
        assert_eq!(writes["spec"]["variables"][0]["expression"], r"{'example.com/pool': 'it\'s'}");
        let names: Vec<_> = of_kind(&all, "ValidatingAdmissionPolicy").iter().map(|m| &m["metadata"]["name"]).collect();
        assert_eq!(names, ["govcloud-place-gpu", "govcloud-place"]);
        for binding in of_kind(&all, "MutatingAdmissionPolicyBinding") {
            let namespaces = &binding["spec"]["matchResources"]["namespaceSelector"]["matchExpressions"];
            assert_eq!(namespaces[1], json!({"key": LABEL_POOL, "operator": "In", "values": ["gpu"]}));
        }
    }

    #[test]
    fn a_cluster_that_serves_no_such_policies_is_told_what_to_write() {
        let all = manifests(&some(), &Served::default());
        assert!(of_kind(&all, "MutatingAdmissionPolicy").is_empty());
        assert!(
            all[0]["spec"]["validations"][0]["messageExpression"].as_str().expect("a text").contains("example.com/pool: \"it")
        );
    }

    #[test]
    fn nothing_runs_where_the_pool_is_not_known() {
        let selector = |pools: &BTreeMap<String, CapacityPool>| {
            let all = manifests(pools, &Served::default());
            let binding = all.iter().rfind(|m| m["kind"] == "ValidatingAdmissionPolicyBinding").expect("a binding").clone();
            binding["spec"]["matchResources"]["namespaceSelector"]["matchExpressions"].clone()
        };
        assert_eq!(selector(&some())[1], json!({"key": LABEL_POOL, "operator": "NotIn", "values": ["declared", "gpu"]}));
        assert_eq!(selector(&BTreeMap::new()).as_array().map(Vec::len), Some(1));
    }
}
