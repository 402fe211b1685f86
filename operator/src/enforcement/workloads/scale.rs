//! `/scale`, whose object is a Scale: it carries no labels and no images.

use govcloud_crds::{
    class::{
        controlled::Controlled,
        recognise::{WORKLOADS, WorkloadKind},
    },
    names::resource_key,
};

use super::{KEY, SLOTS, WHAT_TO_DO};
use crate::enforcement::{
    cel::{list, literal},
    policy::{Check, Policy, Reads, Rule, Scope},
};

/// `/scale` in projects: a controlled resource needs its slot to grow; an ordinary workload is held to a slot if it has one.
pub(super) fn scale(all: &[Controlled<'_>]) -> Policy {
    let raw = WORKLOADS
        .iter()
        .filter(|w| is_scalable(w))
        .map(|w| Rule::version(w.group, w.version, [scale_of(w.resource)], &["UPDATE"]));
    let rules: Vec<_> = scaled(all).chain(raw).collect();
    let classified = list(all.iter().map(|c| resource_key(&c.control.group, &c.control.resource)));
    let variables = vec![
        ("key".into(), KEY.into()),
        ("name".into(), "request.name".into()),
        ("replicas".into(), replicas_in_scale("object")),
        ("grows".into(), format!("variables.replicas > {}", replicas_in_scale("oldObject"))),
        ("slots".into(), SLOTS.into()),
    ];
    let checks = vec![
        Check::explained(
            format!("!variables.grows || variables.slots.size() > 0 || !(variables.key in {classified})"),
            format!(
                "'no permit names ' + request.resource.resource + '/' + request.name + {}",
                literal(&format!(". {WHAT_TO_DO}"))
            ),
        ),
        // An autoscaler that a developer points at one would raise it again and again, past the slot of the Deployment above.
        Check::explained(
            "!variables.grows || variables.slots.size() > 0 || request.resource.resource != 'replicasets'",
            "'replicasets/' + request.name + ' is scaled by its Deployment; scale that, or point the autoscaler at it'",
        ),
        Check::explained(
            "!variables.grows || variables.slots.size() == 0 || variables.slots.exists(s, variables.replicas <= s.replicas)",
            "'permit ' + variables.slots[0].permit + ' allows at most ' + string(variables.slots[0].replicas) + ' replicas of ' + request.resource.resource + '/' + request.name + ', not ' + string(variables.replicas) + (variables.slots[0].replicas == 0 ? ': it has ended' : '')",
        ),
    ];
    Policy { variables, reads: Reads::Grant, ..Policy::new("govcloud-scale", Scope::Projects, rules, checks) }
}

/// `/scale` outside projects: a controlled resource does not grow.
pub(super) fn scale_closed(all: &[Controlled<'_>], exempt: &[String]) -> Policy {
    let check = Check::explained(
        format!("{} <= {}", replicas_in_scale("object"), replicas_in_scale("oldObject")),
        literal("processing infrastructure grows only in an agency's project that has a permit"),
    );
    Policy::new("govcloud-scale-closed", Scope::NonProjectsBut(exempt.to_vec()), scaled(all).collect(), vec![check])
}

fn scaled<'a>(all: &'a [Controlled<'_>]) -> impl Iterator<Item = Rule> + 'a {
    all.iter().map(|c| Rule::any_version(&c.control.group, [scale_of(&c.control.resource)], &["UPDATE"]))
}

fn scale_of(resource: &str) -> String {
    format!("{resource}/scale")
}

fn replicas_in_scale(object: &str) -> String {
    format!("(has({object}.spec.replicas) ? {object}.spec.replicas : 0)")
}

fn is_scalable(workload: &WorkloadKind) -> bool {
    workload.replicas == Some("spec.replicas")
}
