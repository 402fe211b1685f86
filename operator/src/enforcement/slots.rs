//! Layer 1 for controlled resources: the two policies of each, and the two that all of them share.
//!
//! *Slots* (with the grant as parameter) binds in project namespaces: creation and growth need a slot that names the
//! object, has not ended, and is large enough. *Closed* binds everywhere else: no creation, no growth. Both measure with
//! the version that the class names, and the API server converts other versions to it; `versions` refuses what it could
//! not convert. An update that does not grow is always admitted, so finalizers can be removed whatever happens.

use std::collections::{BTreeMap, BTreeSet};

use govcloud_crds::{
    ProcessingClass,
    class::{
        Control,
        controlled::{Controlled, controlled},
    },
};

use super::{
    Served,
    cel::{SAME_SPEC, as_quantity, list, literal, of_old},
    policy::{Check, Policy, Reads, Rule, Scope},
};

const SLOTS: &str = "govcloud-slots";
const CLOSED: &str = "govcloud-closed";
const WHAT_TO_DO: &str = "What would fit instead, and how to ask: govcloud permit check -f FILE";

fn rules(controlled: &Controlled<'_>) -> Vec<Rule> {
    let control = controlled.control;
    vec![Rule::version(&control.group, &control.version, [&control.resource], &["CREATE", "UPDATE"])]
}

/// All policies over controlled resources. Those of the classes in `broken` are closed for everything but what leaves the
/// spec as it is, because nothing says whether a change of it is growth.
pub fn policies(
    classes: &BTreeMap<String, ProcessingClass>,
    broken: &BTreeSet<String>,
    served: &Served,
    exempt: &[String],
) -> Vec<Policy> {
    let all = controlled(classes);
    let of_one = |c: &Controlled<'_>| {
        if broken.contains(c.class) { unmeasured(c, exempt) } else { [slots(c, &all, served), closed(c, exempt)] }
    };
    let mut policies: Vec<_> = all.iter().flat_map(of_one).collect();
    if !all.is_empty() {
        policies.push(versions(&all, served, exempt));
        policies.push(orphans(&all, exempt));
    }
    policies
}

/// The size of the object and of the one before, by the class's expressions.
fn measures(control: &Control) -> Vec<(String, String)> {
    let mut variables =
        vec![("replicas".to_owned(), control.replicas.clone()), ("oldReplicas".to_owned(), of_old(&control.replicas))];
    for (dimension, expression) in &control.per_replica {
        let quantity = as_quantity(expression);
        variables.push((format!("now_{dimension}"), quantity.clone()));
        variables.push((format!("old_{dimension}"), of_old(&quantity)));
    }
    variables.push(("grows".to_owned(), grows(control)));
    variables
}

/// Replicas are a whole number: a text would be equal on both sides of an update, and nothing would ever grow.
fn counted(controlled: &Controlled<'_>) -> Check {
    let message = format!(
        "class {} does not give a whole number of replicas for {}, so it cannot be held against a permit; the ministry mends the class",
        controlled.class, controlled.control.resource
    );
    Check::fixed(format!("(request.operation == 'UPDATE' && {SAME_SPEC}) || type(dyn(variables.replicas)) == int"), &message)
}

fn grows(control: &Control) -> String {
    let larger = control.per_replica.keys().map(|d| format!("variables.now_{d}.isGreaterThan(variables.old_{d})"));
    let parts: Vec<_> = std::iter::once("variables.replicas > variables.oldReplicas".to_owned()).chain(larger).collect();
    format!("request.operation == 'CREATE' || (!({SAME_SPEC}) && ({}))", parts.join(" || "))
}

fn slots(controlled: &Controlled<'_>, all: &[Controlled<'_>], served: &Served) -> Policy {
    let (control, key) = (controlled.control, controlled.key());
    let mut variables = measures(control);
    variables.push(("slots".to_owned(), slots_named(&key, controlled.class)));
    variables.push(("byController".to_owned(), by_controller(controlled.class, all, served)));
    let what = format!("{} + object.metadata.name", literal(&format!("{}/", control.resource)));
    let free = "!variables.grows || variables.byController";
    let mut checks = vec![
        counted(controlled),
        Check::explained(
            format!("{free} || variables.slots.size() > 0"),
            format!("'no permit names ' + {what} + ' in ' + object.metadata.namespace + {}", literal(&format!(". {WHAT_TO_DO}"))),
        ),
        not_ended(free, &what),
        Check::explained(
            format!("{free} || variables.slots.exists(s, variables.replicas <= s.replicas)"),
            format!(
                "'permit ' + variables.slots[0].permit + ' allows at most ' + string(variables.slots[0].replicas) + ' replicas of ' + {what} + ', not ' + string(variables.replicas) + {}",
                literal(&format!(". {WHAT_TO_DO}"))
            ),
        ),
    ];
    checks.extend(control.per_replica.keys().map(|dimension| fits(free, dimension, &what)));
    Policy { variables, reads: Reads::Grant, ..Policy::new(format!("{SLOTS}.{key}"), Scope::Projects, rules(controlled), checks) }
}

/// The slots of the namespace's grant that name the object, of permits for the class that has the resource.
fn slots_named(key: &str, class: &str) -> String {
    let (key, class) = (literal(key), literal(class));
    format!(
        "has(params.spec.resources) && {key} in params.spec.resources ? params.spec.resources[{key}].filter(s, s.name == object.metadata.name && s.class == {class}) : []"
    )
}

/// CEL: whether the slot `s` had not ended when the object was created.
///
/// The clock of admission: the server stamps the creation time before it asks, so a forged one does not help. An update has
/// no such clock; there the operator, which removes the slot, is what ends a permit.
pub(super) const LASTS: &str = "timestamp(s.notAfter) > timestamp(object.metadata.creationTimestamp)";

/// A slot that has ended lets nothing be created.
pub(super) fn not_ended(free: &str, what: &str) -> Check {
    Check::explained(
        format!("{free} || request.operation != 'CREATE' || variables.slots.exists(s, {LASTS})"),
        format!(
            "'permit ' + variables.slots[0].permit + ' for ' + {what} + ' ended on ' + string(variables.slots[0].notAfter) + '. Ask for a new one: govcloud permit request --from FILE'"
        ),
    )
}

fn fits(free: &str, dimension: &str, what: &str) -> Check {
    let dim = literal(dimension);
    let allowed = format!("(has(s.perReplica) && {dim} in s.perReplica ? quantity(string(s.perReplica[{dim}])) : quantity('0'))");
    Check::explained(
        format!("{free} || variables.slots.exists(s, !variables.now_{dimension}.isGreaterThan({allowed}))"),
        format!(
            "'permit ' + variables.slots[0].permit + ' allows less {dimension} per replica of ' + {what} + ' than this. {WHAT_TO_DO}'"
        ),
    )
}

/// Whether one of the class's controllers makes the object, for an owner that has a slot.
fn by_controller(class: &str, all: &[Controlled<'_>], served: &Served) -> String {
    let of_class: Vec<_> = all.iter().filter(|c| c.class == class).collect();
    let accounts: Vec<_> = of_class.iter().flat_map(|c| &c.control.controllers).collect();
    if accounts.is_empty() {
        return "false".to_owned();
    }
    let owners: Vec<_> = of_class.iter().map(|c| owner_has_slot(c, served)).collect();
    format!("request.userInfo.username in {} && ({})", list(accounts), owners.join(" || "))
}

/// Whether the controlling owner is a controlled object that a slot names.
pub(super) fn owner_has_slot(controlled: &Controlled<'_>, served: &Served) -> String {
    let (key, class) = (literal(&controlled.key()), literal(controlled.class));
    let group = literal(&format!("{}/", controlled.control.group));
    let kind = served.kind(&controlled.control.group, &controlled.control.resource);
    let of_kind = kind.map(|k| format!(" && o.kind == {}", literal(k))).unwrap_or_default();
    format!(
        "(has(object.metadata.ownerReferences) && has(params.spec.resources) && {key} in params.spec.resources && object.metadata.ownerReferences.exists(o, has(o.controller) && o.controller && o.apiVersion.startsWith({group}){of_kind} && params.spec.resources[{key}].exists(s, s.name == o.name && s.class == {class} && {LASTS})))"
    )
}

fn closed(controlled: &Controlled<'_>, exempt: &[String]) -> Policy {
    let (control, class) = (controlled.control, controlled.class);
    let message = format!(
        "{} are processing infrastructure (class {class}) and run only in an agency's project that has a permit. {WHAT_TO_DO}",
        control.resource
    );
    let checks = vec![counted(controlled), Check::fixed("!variables.grows", &message)];
    let scope = Scope::NonProjectsBut(exempt.to_vec());
    Policy {
        variables: measures(control),
        ..Policy::new(format!("{CLOSED}.{}", controlled.key()), scope, rules(controlled), checks)
    }
}

/// The two policies of a resource whose class cannot measure it, under the names that they have otherwise.
fn unmeasured(controlled: &Controlled<'_>, exempt: &[String]) -> [Policy; 2] {
    let message = format!(
        "class {} cannot measure {} at present, so nothing of it may start or change its spec; the ministry mends the class; why: kubectl describe processingclass {}",
        controlled.class, controlled.control.resource, controlled.class
    );
    let check = || vec![Check::fixed(format!("request.operation == 'UPDATE' && {SAME_SPEC}"), &message)];
    [(SLOTS, Scope::Projects), (CLOSED, Scope::NonProjectsBut(exempt.to_vec()))]
        .map(|(kind, scope)| Policy::new(format!("{kind}.{}", controlled.key()), scope, rules(controlled), check()))
}

/// The class that a policy of a controlled resource was made for.
pub fn class_of_policy<'a>(policy: &str, classes: &'a BTreeMap<String, ProcessingClass>) -> Option<&'a str> {
    let key = [SLOTS, CLOSED].iter().find_map(|kind| policy.strip_prefix(kind)?.strip_prefix('.'))?;
    controlled(classes).into_iter().find(|c| c.key() == key).map(|c| c.class)
}

/// Refuses versions that the API server cannot convert to the one that is measured.
///
/// A rule for a version that is not served matches nothing, so this policy lists, as literals, which versions were
/// measurable when it was made; anything else is refused unless its spec stays as it is.
fn versions(all: &[Controlled<'_>], served: &Served, exempt: &[String]) -> Policy {
    let entries: Vec<_> = all.iter().map(|c| format!("{}: {}", literal(&c.key()), list(measurable(c, served)))).collect();
    let known = format!("{{{}}}", entries.join(", "));
    let check = Check::explained(
        format!(
            "request.requestKind.version in {known}[request.resource.resource + '.' + request.resource.group] || (request.operation == 'UPDATE' && {SAME_SPEC})"
        ),
        "'version ' + request.requestKind.version + ' of ' + request.resource.resource + ' cannot be measured in this cluster, so it cannot be held against a permit. Write it in a version that the API server serves beside the one its ProcessingClass names'",
    );
    let rules = all.iter().map(|c| Rule::any_version(&c.control.group, [&c.control.resource], &["CREATE", "UPDATE"])).collect();
    Policy::new("govcloud-versions", Scope::AllBut(exempt.to_vec()), rules, vec![check])
}

/// The versions in which an object can be measured: all that are served if the class's own is, else only that one.
fn measurable(controlled: &Controlled<'_>, served: &Served) -> Vec<String> {
    let control = controlled.control;
    let versions = served.versions(&control.group, &control.resource);
    if versions.contains(&control.version) { versions.to_vec() } else { vec![control.version.clone()] }
}

/// Refuses to orphan the children of a controlled object: they would live on under a slot that is free again.
fn orphans(all: &[Controlled<'_>], exempt: &[String]) -> Policy {
    let rules = all.iter().map(|c| Rule::any_version(&c.control.group, [&c.control.resource], &["DELETE", "UPDATE"])).collect();
    Policy::new("govcloud-orphans", Scope::AllBut(exempt.to_vec()), rules, vec![no_orphans()])
}

/// The three ways of orphaning: two options of a deletion, and the finalizer that stands for them.
pub(super) fn no_orphans() -> Check {
    Check::fixed(
        "request.operation == 'DELETE' ? (!has(request.options) || request.options == null || ((!has(request.options.propagationPolicy) || request.options.propagationPolicy != 'Orphan') && (!has(request.options.orphanDependents) || !request.options.orphanDependents))) : (!has(object.metadata.finalizers) || !('orphan' in object.metadata.finalizers))",
        "processing infrastructure cannot be deleted without what it runs, because that would go on without a permit. Delete it without --cascade=orphan",
    )
}
