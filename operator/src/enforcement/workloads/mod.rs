//! Layer 1 for ordinary workloads that run processing software: two stages, so that a plain pod pays for neither.
//!
//! *Stage one* reads no parameter: the images of all classes are one literal pattern, and a workload that matches must
//! carry the label `govcloud.dev/processing`. *Stage two* selects that label and looks for the slot. `/scale` has a policy
//! of its own, because a Scale carries no labels and no images; so have the accounts of other operators, whose pods pass
//! if the object they belong to has a slot.

mod grace;
mod images;
mod large;
mod scale;
pub(super) mod shape;

use std::collections::{BTreeMap, BTreeSet};

use govcloud_crds::{
    ProcessingClass,
    class::{
        compute::{COMPUTE, Threshold},
        controlled::{Controlled, controlled},
        recognise::WORKLOADS,
    },
    names::{LABEL_PROCESSING, LABEL_PROJECT},
};
use serde_json::json;

use super::{
    Served,
    cel::{HAS_CONTROLLER, SAME_SPEC, list, literal, sentence},
    policy::{Check, Policy, Reads, Rule, Scope},
    slots::{LASTS, no_orphans, not_ended, owner_has_slot},
};

use images::Images;
use shape::{overlaps, pod_of, replicas_of};

/// The cluster's own controllers, which make what a workload describes. An exact list: others run in kube-system too.
pub const WORKLOAD_CONTROLLERS: [&str; 7] = [
    "system:serviceaccount:kube-system:replicaset-controller",
    "system:serviceaccount:kube-system:deployment-controller",
    "system:serviceaccount:kube-system:statefulset-controller",
    "system:serviceaccount:kube-system:daemon-set-controller",
    "system:serviceaccount:kube-system:job-controller",
    "system:serviceaccount:kube-system:cronjob-controller",
    "system:serviceaccount:kube-system:replication-controller",
];

const WHAT_TO_DO: &str = "What would fit instead, and how to ask: govcloud permit check -f FILE";

/// All policies over ordinary workloads; none but those over `/scale` if no class knows images and no threshold is set.
pub fn policies(
    classes: &BTreeMap<String, ProcessingClass>,
    thresholds: &[Threshold],
    served: &Served,
    exempt: &[String],
) -> Vec<Policy> {
    let images = Images::of(classes, thresholds);
    let all = controlled(classes);
    let mut policies = vec![scale::scale(&all), scale::scale_closed(&all, exempt)];
    policies.retain(|p| !p.rules.is_empty());
    if let Some(images) = images {
        policies.extend([label(&images, exempt), slots(&images), orphans(&images, exempt), grace::given(&images)]);
        policies.extend(other_operators(&images, &all, served));
        policies.extend(large::claims(thresholds));
    }
    policies
}

/// In any version; there is only one of each. A rule that names versions has the controller manager check the types of every
/// expression for each kind, again after each change: for these expressions a hundred seconds of computing instead of a few.
fn rules(operations: &[&'static str]) -> Vec<Rule> {
    WORKLOADS
        .iter()
        .map(|w| {
            let is_pod = w.kind == "Pod" && operations.contains(&"UPDATE");
            let more = is_pod.then_some(["pods/ephemeralcontainers", "pods/resize"]);
            Rule::any_version(w.group, [w.resource].into_iter().chain(more.into_iter().flatten()), operations)
        })
        .collect()
}

/// CEL: whether `object` carries the label.
fn labelled(object: &str) -> String {
    format!("has({object}.metadata.labels) && {} in {object}.metadata.labels", literal(LABEL_PROCESSING))
}

fn was_labelled() -> String {
    format!("request.operation == 'UPDATE' && {}", labelled("oldObject"))
}

fn variables(images: &Images) -> Vec<(String, String)> {
    let own = format!("request.userInfo.username in {}", list(WORKLOAD_CONTROLLERS));
    let variable = |name: &str, cel: String| (name.to_owned(), cel);
    vec![
        variable("pod", pod_of("object")),
        variable("software", images.run_by("variables.pod")),
        variable("oldPod", pod_of("oldObject")),
        variable("workers", replicas_of("object")),
        variable("workersBefore", replicas_of("oldObject")),
        variable("perPod", images.large.per_pod("object", "variables.pod")),
        variable("perPodBefore", images.large.per_pod("oldObject", "variables.oldPod")),
        variable("large", images.large.above("variables.perPod", "variables.workers")),
        variable("runs", "variables.software || variables.large".to_owned()),
        variable("what", images.large.what()),
        variable("found", images.found_in("pod")),
        variable("foundBefore", images.found_in("oldPod")),
        variable("kept", images.kept()),
        variable("grows", format!("!variables.kept || (!({SAME_SPEC}) && variables.workers > variables.workersBefore)")),
        variable("labelled", labelled("object")),
        variable("wasLabelled", was_labelled()),
        variable(
            "byCluster",
            format!(
                "{own} && {HAS_CONTROLLER} && (request.operation == 'CREATE' || ({}))",
                HAS_CONTROLLER.replace("object.", "oldObject.")
            ),
        ),
        // With or without an owner: what these accounts may run is for the policy over other operators to say, and to explain.
        variable("byOperator", format!("request.userInfo.username in {}", list(&images.accounts))),
    ]
}

/// CEL: whether a workload is looked at closely, which most are not: it runs what a class knows, is large, or was labelled. What the
/// cluster's own controllers make of a workload passes every check of stage one, because the workload itself was looked at: it is
/// not even held against the images, which is most of what a pod of a Deployment would cost.
fn in_question(images: &Images) -> String {
    let made = format!("request.operation == 'CREATE' && request.userInfo.username in {}", list(WORKLOAD_CONTROLLERS));
    let by_cluster = format!("{made} && {HAS_CONTROLLER}");
    let large = images.large.above("perPod", &replicas_of("object"));
    let runs = format!("{} || [{}].exists(perPod, {large})", images.run_by("pod"), images.large.per_pod("object", "pod"));
    format!("!({by_cluster}) && (({}) || [{}].exists(pod, {runs}))", was_labelled(), pod_of("object"))
}

/// Stage one: what runs processing software says so on its label, and runs in a project.
fn label(images: &Images, exempt: &[String]) -> Policy {
    let in_project =
        format!("has(namespaceObject.metadata.labels) && {} in namespaceObject.metadata.labels", literal(LABEL_PROJECT));
    let subject = "object.kind + ' ' + (has(object.metadata.name) ? object.metadata.name : '')";
    let about = |words: &str| sentence(subject, words);
    let about_it = |words: &str| sentence(&format!("{subject} + variables.what"), words);
    // What ran before, and does not grow, is left alone: also if its class is younger than it is.
    let free = "!variables.runs || !variables.grows || variables.byCluster";
    let checks = vec![
        // First, because it is what a plain workload pays for: two labels.
        Check::explained(
            "!variables.wasLabelled || variables.labelled || variables.byCluster",
            about(&format!(
                " keeps the label {LABEL_PROCESSING}, which holds it to its permit, for as long as it lives: what it ran before could be started again. Delete it and create it without the label"
            )),
        ),
        Check::explained(
            format!("{free} || {in_project}"),
            about_it(&format!(", which runs only in an agency's project that has a permit. {WHAT_TO_DO}")),
        ),
        Check::explained(
            format!("{free} || variables.byOperator || variables.labelled"),
            about_it(&format!(", so it needs the label {LABEL_PROCESSING} and a permit that names it. {WHAT_TO_DO}")),
        ),
        grace::described(subject),
    ];
    Policy {
        conditions: vec![("in-question", in_question(images))],
        variables: variables(images),
        ..Policy::new("govcloud-workloads", Scope::AllBut(exempt.to_vec()), rules(&["CREATE", "UPDATE"]), checks)
    }
}

const SLOTS: &str = "has(params.spec.resources) && variables.key in params.spec.resources ? params.spec.resources[variables.key].filter(s, s.name == variables.name) : []";
/// CEL of the key of the request's resource in a grant.
const KEY: &str = "request.resource.resource + '.' + (request.resource.group == '' ? 'core' : request.resource.group)";

/// Stage two: what carries the label and grows needs a slot. It does not ask what the workload runs now: a StatefulSet with
/// a partition and a paused Deployment go on starting pods from what they ran before.
fn slots(images: &Images) -> Policy {
    let overlaps = format!("{} && (request.operation == 'CREATE' || !{})", overlaps("object"), overlaps("oldObject"));
    let more = [
        ("key", KEY.to_owned()),
        ("name", "object.metadata.name".to_owned()),
        ("slots", SLOTS.to_owned()),
        ("overlaps", overlaps),
    ];
    let variables = variables(images).into_iter().chain(more.map(|(name, cel)| (name.to_owned(), cel))).collect();
    Policy {
        variables,
        reads: Reads::Grant,
        object_labels: vec![json!({"key": LABEL_PROCESSING, "operator": "Exists"})],
        ..Policy::new("govcloud-workload-slots", Scope::Projects, rules(&["CREATE", "UPDATE"]), slot_checks(images))
    }
}

/// What must hold of a workload that grows.
fn slot_checks(images: &Images) -> Vec<Check> {
    let free = "!variables.grows || variables.byCluster";
    let what = "object.kind + ' ' + object.metadata.name";
    vec![
        Check::explained(
            format!("{free} || variables.slots.size() > 0"),
            sentence(&format!("'no permit names ' + {what}"), &format!(". {WHAT_TO_DO}")),
        ),
        not_ended(free, what),
        Check::explained(format!("{free} || variables.slots.exists(s, variables.workers <= s.replicas)"), too_many(what)),
        Check::explained(
            format!("{free} || variables.slots.exists(s, {})", images.of_class_of_slot()),
            sentence(
                &format!(
                    "'permit ' + variables.slots[0].permit + ' is for class ' + variables.slots[0].class + ', and ' + {what}"
                ),
                &format!(" runs something else too. {WHAT_TO_DO}"),
            ),
        ),
        Check::explained(
            format!(
                "{free} || !variables.large || variables.software || variables.slots.exists(s, s.class == {})",
                literal(COMPUTE)
            ),
            sentence(
                &format!(
                    "'permit ' + variables.slots[0].permit + ' is for class ' + variables.slots[0].class + ', and ' + {what} + variables.what"
                ),
                &format!(": it needs one of class {COMPUTE}. {WHAT_TO_DO}"),
            ),
        ),
        Check::explained(
            format!("{free} || variables.slots.exists(s, {})", images.enough_in_slot()),
            sentence(
                &format!(
                    "'permit ' + variables.slots[0].permit + (variables.slots[0].class == {} ? ' allows less' : ' allows fewer containers') + ' per replica of ' + {what}",
                    literal(COMPUTE)
                ),
                &format!(" than this. {WHAT_TO_DO}"),
            ),
        ),
        Check::explained(
            "!variables.overlaps || variables.byCluster",
            sentence(
                what,
                " could run more at a time than its permit names: give a Deployment a maxSurge of at most 25%, and a CronJob concurrencyPolicy: Forbid or Replace",
            ),
        ),
    ]
}

fn too_many(what: &str) -> String {
    let allows =
        "'permit ' + variables.slots[0].permit + ' allows at most ' + string(variables.slots[0].replicas) + ' replicas of '";
    sentence(&format!("{allows} + {what}"), &format!(". {WHAT_TO_DO}"))
}

/// What other operators make for a permitted object: it passes if its controlling owner has a slot.
///
/// What all of the check's parts ask is in variables: an expression has at most 100 000 characters.
fn other_operators(images: &Images, all: &[Controlled<'_>], served: &Served) -> Option<Policy> {
    if images.accounts.is_empty() {
        return None;
    }
    let classes: BTreeSet<&str> = all.iter().map(|c| c.class).collect();
    let only = |class: &str| format!("only_{}", classes.iter().position(|name| *name == class).unwrap_or_default());
    let owners: Vec<_> = all
        .iter()
        .filter(|c| !c.control.controllers.is_empty())
        .map(|c| {
            let owner = format!("{} || {}", owner_has_slot(c, served), by_way_of_its_own(c, &only(c.class)));
            format!("(request.userInfo.username in {} && ({owner}))", list(&c.control.controllers))
        })
        .collect();
    let check = Check::explained(
        format!("!variables.runs || !variables.grows || variables.labelled || {}", owners.join(" || ")),
        "request.userInfo.username + ' may run processing software only for an object that a permit names, as its controlling owner'",
    );
    let conditions = vec![("other-operators", format!("request.userInfo.username in {}", list(&images.accounts)))];
    let mut variables = variables(images);
    variables.push(("ofItsOwn".to_owned(), owner_of_no_class(all)));
    variables.extend(classes.iter().map(|class| (only(class), images.only_of(class))));
    let rules = rules(&["CREATE", "UPDATE"]);
    Some(Policy {
        variables,
        conditions,
        reads: Reads::Grant,
        ..Policy::new("govcloud-operators", Scope::Projects, rules, vec![check])
    })
}

/// CEL: whether the controlling owner is of an operator's own API group that no class controls anything of, such as Strimzi's
/// StrimziPodSet between the node pool and its pods.
fn owner_of_no_class(all: &[Controlled<'_>]) -> String {
    let groups: BTreeSet<_> = all.iter().map(|c| c.control.group.as_str()).collect();
    format!(
        "{HAS_CONTROLLER} && object.metadata.ownerReferences.exists(o, has(o.controller) && o.controller && o.apiVersion.split('/')[0].contains('.') && !(o.apiVersion.split('/')[0] in {}))",
        list(groups)
    )
}

/// CEL: whether the controlling owner is of such a group, the namespace has a slot of what the account runs, and nothing of
/// another class runs. Who stands above such an owner cannot be seen here; that the account is the operator's own can.
fn by_way_of_its_own(controlled: &Controlled<'_>, only: &str) -> String {
    let key = literal(&controlled.key());
    format!(
        "(variables.ofItsOwn && has(params.spec.resources) && {key} in params.spec.resources && params.spec.resources[{key}].exists(s, {LASTS}) && variables.{only})"
    )
}

/// Refuses to orphan the pods of a workload that is processing infrastructure.
///
/// By the label or by the images: a Job that a CronJob made carries no label, and its pods run on without it. The condition
/// is almost always false, so a plain deletion pays for no more than that.
fn orphans(images: &Images, exempt: &[String]) -> Policy {
    let rules = WORKLOADS.iter().map(|w| Rule::version(w.group, w.version, [w.resource], &["DELETE", "UPDATE"])).collect();
    let check = no_orphans();
    let conditions = vec![("orphans", format!("!({})", check.expression))];
    let variables = vec![
        ("pod".to_owned(), format!("request.operation == 'DELETE' ? {} : {}", pod_of("oldObject"), pod_of("object"))),
        (
            "labelled".to_owned(),
            format!("has(oldObject.metadata.labels) && {} in oldObject.metadata.labels", literal(LABEL_PROCESSING)),
        ),
    ];
    let checks = vec![Check {
        expression: format!("!(variables.labelled || {})", images.run_by("variables.pod")),
        message: check.message,
    }];
    Policy { conditions, variables, ..Policy::new("govcloud-workload-orphans", Scope::AllBut(exempt.to_vec()), rules, checks) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(name: &str, images: &[&str]) -> (String, ProcessingClass) {
        let spec = json!({"displayName": "B", "dimensions": [{"name": "units"}], "workloads": {"images": images, "countsAs": "units"},
            "approval": {"quorum": [{"group": "g", "count": 1}]}});
        (name.to_owned(), ProcessingClass::new(name, serde_json::from_value(spec).expect("valid")))
    }

    fn made(classes: &[(String, ProcessingClass)]) -> BTreeMap<String, Policy> {
        let classes = classes.iter().cloned().collect();
        policies(&classes, &[], &Served::default(), &[]).into_iter().map(|p| (p.name.clone(), p)).collect()
    }

    #[test]
    fn a_plain_workload_is_looked_up_in_no_grant() {
        // But for the policy over other operators, whose condition is read only after the grant.
        for policy in made(&[class("a", &["kafka"])])
            .values()
            .filter(|p| p.reads == Reads::Grant && p.name != "govcloud-scale" && p.conditions.is_empty())
        {
            assert!(!policy.object_labels.is_empty(), "{}", policy.name);
        }
    }

    #[test]
    fn without_images_only_scale_is_left() {
        assert_eq!(made(&[]).into_keys().collect::<Vec<_>>(), ["govcloud-scale"]);
    }

    #[test]
    fn what_carries_the_label_is_held_to_its_slot_whatever_it_runs_now() {
        let policies = made(&[class("a", &["kafka"])]);
        let stage_two = &policies["govcloud-workload-slots"];
        assert!(stage_two.checks.iter().all(|check| !check.expression.contains("variables.runs")));
    }

    #[test]
    fn each_class_counts_for_itself() {
        let policies = made(&[class("a", &["kafka"]), class("b", &["spark"])]);
        let kept = policies["govcloud-workloads"].variables.iter().find(|(name, _)| name == "kept").map(|(_, cel)| cel.clone());
        assert_eq!(kept.expect("the variable").matches("variables.foundBefore.map").count(), 2);
    }

    #[test]
    fn everything_that_runs_containers_is_looked_at() {
        let policies = made(&[class("a", &["kafka"])]);
        let resources: Vec<_> = policies["govcloud-workloads"].rules.iter().flat_map(|r| r.resources.clone()).collect();
        assert!(WORKLOADS.iter().all(|w| resources.iter().any(|r| r == w.resource)), "{resources:?}");
        for of_a_pod in ["pods/ephemeralcontainers", "pods/resize"] {
            assert!(resources.contains(&of_a_pod.to_owned()), "{of_a_pod}");
        }
    }
}
