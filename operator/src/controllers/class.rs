//! ProcessingClass: whether it is enforced, and how many permits it has.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError},
};

use govcloud_crds::{
    ProcessingClass,
    class::{Control, ProcessingClassStatus, controlled::controlled},
    conditions::{Verdict, conditions, find},
    permit::{Phase, auto_approve_error},
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{Api, ResourceExt, runtime::controller::Action};

use super::enforcement::{EnforcementState, served_of};
use crate::{context::Context, error::Error, scanner::Standing};

/// Reports what the enforcement controller did with the class.
pub async fn reconcile(class: Arc<ProcessingClass>, context: Arc<Context>) -> Result<Action, Error> {
    let enforcement = context.enforcement.lock().unwrap_or_else(PoisonError::into_inner).clone();
    if !enforcement.is_known() {
        return Ok(Action::await_change()); // the end of the first pass asks for all classes
    }
    let classes = context.stores.classes_by_name();
    let name = class.name_any();
    let (served, cluster_scoped) = served_of(&name, &classes, &enforcement.served);
    let enforced = unusable(&class, &classes, cluster_scoped).unwrap_or_else(|| enforced(&class, served, &enforcement));
    let ready = Verdict { kind: "Ready", ..enforced.clone() };
    let mut verdicts = vec![ready, enforced];
    verdicts.extend(auto_approve(&class));
    let before = class.status.clone().unwrap_or_default();
    verdicts.extend(scanned(&class, &context, &before.conditions));
    let active = context
        .stores
        .permits
        .state_filter(|p| p.spec.processing_class == name && p.status.as_ref().is_some_and(|s| s.phase == Phase::Active));
    let status = ProcessingClassStatus {
        observed_generation: class.metadata.generation,
        controlled_resources: i32::try_from(served).unwrap_or(i32::MAX),
        permits: i32::try_from(active.len()).unwrap_or(i32::MAX),
        conditions: conditions(&before.conditions, &verdicts, class.metadata.generation, context.now()),
    };
    let api: Api<ProcessingClass> = Api::all(context.client.clone());
    context.write_status(&api, &*class, class.status.as_ref(), status, |object, status| object.status = Some(status)).await?;
    Ok(Action::await_change())
}

/// Why a class could not be enforced even if its policies are in place.
fn unusable(
    class: &ProcessingClass,
    classes: &BTreeMap<String, ProcessingClass>,
    cluster_scoped: Option<String>,
) -> Option<Verdict> {
    let name = class.name_any();
    let has = |mine: &Control| controlled(classes).iter().any(|c| c.class == name && c.control == mine);
    if let Some(taken) = class.spec.controls.iter().find(|mine| !has(mine)) {
        let message =
            format!("{}.{} belongs to another class already; a resource belongs to one class only.", taken.resource, taken.group);
        return Some(Verdict::no("Enforced", "ResourceTaken", message));
    }
    let resource = cluster_scoped?;
    let message = format!("{resource} are not in a namespace, so no project's permit can name them.");
    Some(Verdict::no("Enforced", "ClusterScoped", message))
}

fn enforced(class: &ProcessingClass, served: usize, enforcement: &EnforcementState) -> Verdict {
    const KIND: &str = "Enforced";
    let name = class.name_any();
    if let Some(why) = enforcement.broken.get(&name) {
        return Verdict::no(
            KIND,
            "InvalidExpression",
            format!("{why}. Until it is mended, its resources are closed: no permit can admit them."),
        );
    }
    if enforcement.enforced.is_none() || enforcement.classes.get(&name) != class.metadata.generation.as_ref() {
        let why = enforcement
            .trouble
            .clone()
            .unwrap_or_else(|| "The API server was not yet seen to enforce this generation.".to_owned());
        return Verdict::unknown(KIND, "NotProven", why);
    }
    let all = class.spec.controls.len();
    if served < all {
        let message = format!(
            "{served} of its {all} resources are served by this cluster; the others are closed and will be measured as soon as they are served."
        );
        return Verdict { holds: Some(served > 0 || class.spec.workloads.is_some()), ..Verdict::no(KIND, "NotServed", message) };
    }
    Verdict::yes(KIND, "Enforced", "The API server was seen to enforce it.")
}

/// Whether the scanner sees the objects of the class's resources; nothing of a class that has none that are served. Until
/// the scanner knows, the class says what it said before.
fn scanned(class: &ProcessingClass, context: &Context, before: &[Condition]) -> Option<Verdict> {
    const KIND: &str = "Scanned";
    let not_readable = |why: String| Verdict::no(KIND, "NotReadable", why);
    let watched = || Verdict::yes(KIND, "Watched", "The scanner sees every object of its resources.");
    let standing =
        |control: &Control| Some((control.resource.clone(), context.scanner.standing(&control.group, &control.resource)?));
    let all: Vec<_> = class.spec.controls.iter().filter_map(standing).collect();
    if !context.scanner.is_known() || all.iter().any(|(_, standing)| *standing == Standing::Pending) {
        let said = find(before, KIND)?;
        return Some(if said.status == "True" { watched() } else { not_readable(said.message.clone()) });
    }
    let failing = all.iter().find_map(|(resource, standing)| match standing {
        Standing::Failing(why) => Some(format!("{resource} cannot be read, so nothing is found about them: {why}")),
        Standing::Pending | Standing::Filled => None,
    });
    (!all.is_empty()).then(|| failing.map_or_else(watched, not_readable))
}

/// Whether the class's rule for approvals without a person can be asked.
fn auto_approve(class: &ProcessingClass) -> Option<Verdict> {
    const KIND: &str = "AutoApprove";
    let expression = &class.spec.approval.auto_approve;
    if expression.is_empty() {
        return None;
    }
    Some(match auto_approve_error(expression) {
        Some(error) => {
            Verdict::no(KIND, "InvalidExpression", format!("{error}. Until it is mended, people approve every request."))
        }
        None => Verdict::yes(
            KIND,
            "Asked",
            "Each new request is held against the rule; what it approves needs no reviewer of the class.",
        ),
    })
}
