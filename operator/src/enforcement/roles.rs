//! Layer 0: the roles of agencies, generated from the ProcessingClasses.
//!
//! They list exactly the kinds that an agency may touch. A kind that nobody classified is simply not there, so an agency
//! cannot create it; that holds also while the operator is down.

use std::collections::BTreeMap;

use govcloud_crds::{
    ProcessingClass,
    class::controlled::controlled,
    names::{GROUP, LABEL_MANAGED_BY, MANAGED_BY},
};
use serde_json::{Value, json};

const READ: [&str; 3] = ["get", "list", "watch"];
const WRITE: [&str; 7] = ["get", "list", "watch", "create", "update", "patch", "delete"];
/// Files a request and withdraws it; nothing deletes one.
const FILE: [&str; 6] = ["get", "list", "watch", "create", "update", "patch"];
/// The virtual verb by which admission knows an agency's people.
const MEMBER: &str = "member";
/// The virtual verb by which admission knows those who may publish services.
pub const PUBLISH: &str = "publish";
/// The virtual verb, on services in an agency's home, by which admission knows its admins: they draft services of their agency,
/// and agree to claims of what it shares. It is theirs alone: those who run the cloud may make projects, and must not agree.
pub const PROVIDE: &str = "provide";

/// The ClusterRoles that the operator may hand out although it lacks some of their rights.
pub const DELEGATED_ROLES: [&str; 9] = [
    "govcloud:agency-admin",
    "govcloud:agency-requester",
    "govcloud:agency-developer",
    "govcloud:agency-viewer",
    "govcloud:project-admin",
    "govcloud:project-developer",
    "govcloud:project-viewer",
    "govcloud:agency-catalogue",
    "govcloud:agency-provider",
];

/// The ClusterRole by which the operator itself reads the kinds that classes name. It may write it although it lacks these
/// rights; the guard on roles keeps it to that.
pub const SCANNER_ROLE: &str = "govcloud:scanner";

/// What the scanner reads beyond what the operator always may: the kinds of the classes, and nothing but to see them.
pub fn scanner_role(classes: &BTreeMap<String, ProcessingClass>) -> Value {
    role(SCANNER_ROLE, classified(classes, &["list", "watch"]))
}

/// The ClusterRoles of agencies: four in the home namespace, three in project namespaces, two for the catalogue.
pub fn cluster_roles(classes: &BTreeMap<String, ProcessingClass>) -> Vec<Value> {
    vec![
        role("govcloud:agency-admin", [home(&FILE, &WRITE), vec![rule(GROUP, &["sharedservices"], &[PROVIDE])]].concat()),
        role("govcloud:agency-requester", home(&FILE, &READ)),
        role("govcloud:agency-developer", home(&READ, &READ)),
        role("govcloud:agency-viewer", home(&READ, &READ)),
        role("govcloud:project-admin", [claims(&WRITE), workloads(&READ), vec![secrets_of_bindings()]].concat()),
        role("govcloud:project-developer", [claims(&WRITE), workloads(&WRITE), at_work(), classified(classes, &WRITE)].concat()),
        role("govcloud:project-viewer", [claims(&READ), workloads(&READ), classified(classes, &READ)].concat()),
        role(
            "govcloud:agency-catalogue",
            vec![rule(GROUP, &["capacitypools", "governmentclouds", "processingclasses", "sharedservices"], &READ)],
        ),
        // Which ones, and what of them, is what the guard says.
        role("govcloud:agency-provider", vec![rule(GROUP, &["sharedservices"], &["create", "update", "patch", "delete"])]),
    ]
}

fn role(name: &str, rules: Vec<Value>) -> Value {
    json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": name, "labels": {LABEL_MANAGED_BY: MANAGED_BY}}, "rules": rules})
}

fn rule<S: AsRef<str>>(group: &str, resources: &[S], verbs: &[&str]) -> Value {
    let resources: Vec<_> = resources.iter().map(AsRef::as_ref).collect();
    json!({"apiGroups": [group], "resources": resources, "verbs": verbs})
}

fn home(permits: &[&str], projects: &[&str]) -> Vec<Value> {
    vec![
        rule(GROUP, &["processingpermits"], permits),
        rule(GROUP, &["processingpermits"], &[MEMBER]),
        rule(GROUP, &["projects"], projects),
        rule(GROUP, &["permitreviews", "processingfindings", "serviceclaims"], &READ),
        rule("", &["events"], &READ),
    ]
}

fn claims(verbs: &[&str]) -> Vec<Value> {
    vec![rule(GROUP, &["serviceclaims"], verbs), rule(GROUP, &["processinggrants"], &READ)]
}

/// Ordinary workloads. Pods and ReplicaSets are never updated by people: their controllers do that.
fn workloads(verbs: &[&str]) -> Vec<Value> {
    let pods: Vec<_> = verbs.iter().copied().filter(|v| !["update", "patch"].contains(v)).collect();
    let mut rules = vec![
        rule("", &["pods"], &pods),
        rule("", &["configmaps", "persistentvolumeclaims", "serviceaccounts", "services"], verbs),
        rule("", &["events", "limitranges", "pods/log", "resourcequotas"], &READ),
        rule("apps", &["daemonsets", "deployments", "statefulsets"], verbs),
        rule("apps", &["controllerrevisions", "replicasets"], &READ),
        rule("autoscaling", &["horizontalpodautoscalers"], verbs),
        rule("batch", &["cronjobs", "jobs"], verbs),
        rule("discovery.k8s.io", &["endpointslices"], &READ),
        rule("networking.k8s.io", &["ingresses"], verbs),
        rule("networking.k8s.io", &["networkpolicies"], &READ),
        rule("policy", &["poddisruptionbudgets"], verbs),
        rule("resource.k8s.io", &["resourceclaims", "resourceclaimtemplates"], verbs),
    ];
    if verbs.contains(&"update") {
        rules.push(rule("apps", &["deployments/scale", "statefulsets/scale"], &["get", "update", "patch"]));
    }
    rules
}

/// What a developer needs at work, and a viewer must not have.
fn at_work() -> Vec<Value> {
    vec![
        rule("", &["secrets"], &WRITE),
        rule("", &["pods/attach", "pods/exec", "pods/portforward"], &["create", "get"]),
        rule("", &["pods/ephemeralcontainers"], &["get", "update", "patch"]),
        rule("", &["pods/eviction"], &["create"]),
    ]
}

fn secrets_of_bindings() -> Value {
    rule("", &["secrets"], &READ)
}

/// Every classified kind, with its `/scale` where people may write.
fn classified(classes: &BTreeMap<String, ProcessingClass>, verbs: &[&str]) -> Vec<Value> {
    let mut by_group: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for one in controlled(classes) {
        by_group.entry(&one.control.group).or_default().push(one.control.resource.clone());
    }
    let mut rules = Vec::new();
    for (group, resources) in by_group {
        rules.push(rule(group, &resources, verbs));
        if verbs.contains(&"update") {
            let scales: Vec<_> = resources.iter().map(|r| format!("{r}/scale")).collect();
            rules.push(rule(group, &scales, &["get", "update", "patch"]));
        }
    }
    rules
}

/// The roles of one agency's people beyond its namespaces: its own Agency and quotas by name, which the operator itself
/// may read, so no right to escalate is needed.
pub fn own_record(agency: &str, quotas: &[String]) -> Value {
    let mut own = rule(GROUP, &["agencies"], &READ);
    own["resourceNames"] = json!([agency]);
    let mut rules = vec![own];
    if !quotas.is_empty() {
        let mut shares = rule(GROUP, &["agencyquotas"], &READ);
        shares["resourceNames"] = json!(quotas);
        rules.push(shares);
    }
    role(&format!("govcloud:record:{agency}"), rules)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classes() -> BTreeMap<String, ProcessingClass> {
        let spec = json!({"displayName": "B", "dimensions": [{"name": "brokers"}],
            "controls": [{"group": "kafka.strimzi.io", "resource": "kafkanodepools", "version": "v1", "perReplica": {"brokers": "1"}}],
            "approval": {"quorum": [{"group": "g", "count": 1}]}});
        [("broker".to_owned(), ProcessingClass::new("broker", serde_json::from_value(spec).expect("valid")))].into()
    }

    #[test]
    fn only_what_a_class_names_is_in_a_developers_role() {
        let text =
            |classes: &BTreeMap<String, ProcessingClass>| serde_json::to_string(&cluster_roles(classes)).expect("serializes");
        assert!(text(&classes()).contains("kafkanodepools/scale"));
        assert!(!text(&BTreeMap::new()).contains("kafka"));
    }

    #[test]
    fn no_role_of_an_agency_holds_a_wildcard_or_a_way_up() {
        for role in cluster_roles(&classes()) {
            let rules = role["rules"].to_string();
            for forbidden in ["*", "escalate", "bind\"", "impersonate", "rbac.", "admissionregistration", "apiextensions"] {
                assert!(!rules.contains(forbidden), "{forbidden} in {role}");
            }
        }
    }

    #[test]
    fn the_scanner_sees_what_a_class_names_and_does_nothing_to_it() {
        let rules = scanner_role(&classes())["rules"].clone();
        assert_eq!(
            rules,
            json!([{"apiGroups": ["kafka.strimzi.io"], "resources": ["kafkanodepools"], "verbs": ["list", "watch"]}])
        );
        assert_eq!(scanner_role(&BTreeMap::new())["rules"], json!([]));
    }

    #[test]
    fn every_home_role_carries_the_member_verb() {
        let members = cluster_roles(&classes()).iter().filter(|r| r.to_string().contains(MEMBER)).count();
        assert_eq!(members, 4);
    }

    #[test]
    fn only_an_admin_speaks_for_an_agency_and_nobody_of_an_agency_publishes() {
        let roles = cluster_roles(&classes());
        let with = |verb: &str| {
            let holders = roles.iter().filter(|r| r["rules"].to_string().contains(&format!("\"{verb}\"")));
            holders.map(|r| r["metadata"]["name"].as_str().unwrap_or_default().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(with(PROVIDE), ["govcloud:agency-admin"]);
        assert!(with(PUBLISH).is_empty());
    }

    #[test]
    fn nobody_updates_pods_or_replica_sets() {
        for role in cluster_roles(&classes()) {
            for rule in role["rules"].as_array().expect("rules") {
                let resources = rule["resources"].to_string();
                if resources.contains("\"pods\"") || resources.contains("replicasets") {
                    assert!(!rule["verbs"].to_string().contains("update"), "{rule}");
                }
            }
        }
    }
}
