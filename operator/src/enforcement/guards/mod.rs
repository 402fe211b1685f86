//! Layer 3: param-free policies that keep the paperwork honest.
//!
//! They say who may write what: requests and reviews carry their writer's name, statuses and grants are the operator's
//! alone, an agency's namespaces and what the operator put into them change only through the operator, and the kinds
//! themselves do not vanish by a slip. They hold for cluster administrators too; who may change admission policies can
//! switch them off, which the operator repairs and keeps on record.

mod agencies;
mod devices;
mod paperwork;
mod quota;
mod registries;
mod rules;
mod services;

use govcloud_crds::{
    capacity::Aliases,
    names::{GROUP, LABEL_AGENCY, LABEL_PROJECT, VERSION},
};
use serde_json::{Value, json};

use super::{
    cel::{list, literal},
    policy::{Policy, Rule},
};

/// Controllers of the cluster that clean up after a namespace or an owner is deleted.
const CLEANERS: [&str; 2] =
    ["system:serviceaccount:kube-system:namespace-controller", "system:serviceaccount:kube-system:generic-garbage-collector"];

/// All guards. `operator` is the user name of the operator's account, `controllers` those of the operators that classes
/// name; `gated_keys` are the quota keys of devices that classes gate, `aliases` what else these devices are called.
pub fn policies(operator: &str, gated_keys: &[String], aliases: &Aliases, controllers: &[String]) -> Vec<Policy> {
    let all = [
        paperwork::requests(),
        paperwork::reviews(),
        paperwork::permits_stay(),
        paperwork::statuses(operator),
        paperwork::grants(operator),
        paperwork::findings(operator),
        paperwork::owners(),
        paperwork::cleanup_first(operator),
        agencies::namespaces(operator),
        rules::definitions(),
        rules::rules_stay(),
        agencies::managed(operator, controllers),
        agencies::quota_status(operator),
        agencies::home_runs_nothing(),
        agencies::home_claims(operator),
        rules::agency_roles(operator),
        devices::pods(gated_keys, aliases),
        devices::claims(gated_keys, aliases),
        agencies::services(),
        services::catalogue(operator),
        services::consents(),
        quota::in_force(),
        registries::listed(),
    ];
    all.into_iter().map(Policy::at_first_glance).collect()
}

fn ours(resources: &[&str], operations: &[&'static str]) -> Rule {
    Rule::version(GROUP, VERSION, resources.iter().copied(), operations)
}

/// CEL: whether the operator asks.
fn is(operator: &str) -> String {
    format!("request.userInfo.username == {}", literal(operator))
}

/// CEL: whether the cluster removes an object because its namespace goes.
fn namespace_goes() -> String {
    format!("request.userInfo.username in {} && has(namespaceObject.metadata.deletionTimestamp)", list(CLEANERS))
}

fn agency_namespaces() -> Vec<Value> {
    vec![json!({"key": LABEL_AGENCY, "operator": "Exists"})]
}

fn projects() -> Vec<Value> {
    vec![json!({"key": LABEL_PROJECT, "operator": "Exists"})]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::enforcement::policy::Reads;

    fn guarded(resource: &str, operation: &'static str) -> Vec<String> {
        let operator = "system:serviceaccount:govcloud-system:govcloud-operator";
        let all = policies(operator, &["requests.nvidia.com/gpu".into()], &Aliases::default(), &[]);
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
        let all = policies("operator", &[], &Aliases::default(), &[]);
        assert!(all.iter().all(|p| p.reads != Reads::Grant && p.name.starts_with("govcloud-guard-")));
    }
}
