//! What of it needs a permit and has none: pure functions of what was seen, and of the agency's permits.

use std::collections::BTreeMap;

use govcloud_crds::{
    ProcessingPermit, Resources,
    class::measure::Size,
    finding::{
        observed::{Classified, Observed},
        owners::Owners,
    },
    grant::compile,
    names::resource_key,
    permit::{Phase, Target, effective::granted_targets},
};
use kube::ResourceExt as _;

use crate::commands::permit::check::in_units;

/// A project and its namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The project.
    pub project: String,
    /// Its namespace.
    pub namespace: String,
    /// That namespace's uid.
    pub namespace_uid: String,
}

/// What runs in a project.
#[derive(Clone, Debug, PartialEq)]
pub struct Drafted {
    /// Where.
    pub place: Place,
    /// What needs a permit and has none, by class, in the order of names.
    pub classes: BTreeMap<String, Vec<Target>>,
    /// What is of a class and in no draft, and why.
    pub left_out: Vec<LeftOut>,
    /// Kinds that were not looked at.
    pub unread: Vec<String>,
}

/// Something that is in no draft.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LeftOut {
    /// Such as `kafkanodepools.kafka.strimzi.io/broker`.
    pub object: String,
    /// Why, and what to do.
    pub why: String,
}

/// What of it needs a permit and has none: of one class if it is named. What belongs to something that is of a class itself is counted there.
pub fn drafted(place: &Place, seen: &[Observed], permits: &[ProcessingPermit], only: Option<&str>) -> Drafted {
    let owners = Owners::new(seen);
    let mut classes: BTreeMap<String, Vec<Target>> = BTreeMap::new();
    let mut left_out = Vec::new();
    for one in seen {
        let Some(classified) = one.classified().filter(|_| owners.counted_at(one).is_none()) else { continue };
        if only.is_some_and(|class| class != classified.class) {
            continue;
        }
        match target(one, classified, place, permits) {
            Ok(target) => classes.entry(classified.class.clone()).or_default().push(target),
            Err(why) => left_out.push(LeftOut { object: label(one), why }),
        }
    }
    for targets in classes.values_mut() {
        targets.sort_by(|a, b| (&a.group, &a.resource, &a.name).cmp(&(&b.group, &b.resource, &b.name)));
    }
    left_out.sort();
    Drafted { place: place.clone(), classes, left_out, unread: Vec::new() }
}

fn label(one: &Observed) -> String {
    format!("{}/{}", resource_key(&one.object.group, &one.object.resource), one.object.name)
}

/// The object at its present size, or why nothing is asked for.
fn target(one: &Observed, classified: &Classified, place: &Place, permits: &[ProcessingPermit]) -> Result<Target, String> {
    let size = classified.size.as_ref().map_err(|error| {
        format!("it cannot be measured: {error}; name it and its size yourself: govcloud permit request --target")
    });
    if let Some(standing) = standing(one, size.clone().ok(), place, permits) {
        return Err(standing);
    }
    let size = size?;
    let replicas = match i32::try_from(size.replicas) {
        Ok(replicas) if replicas > 0 => replicas,
        Ok(_) => return Err("it has no replicas now; ask for the most that it will ever have, if it is to run".to_owned()),
        Err(_) => return Err(format!("{} replicas are more than a permit can name", size.replicas)),
    };
    Ok(Target {
        group: one.object.group.clone(),
        resource: one.object.resource.clone(),
        name: one.object.name.clone(),
        replicas,
        per_replica: in_units(&size.per_replica),
    })
}

/// What permits say of it already.
fn standing(one: &Observed, size: Option<&Size>, place: &Place, permits: &[ProcessingPermit]) -> Option<String> {
    let grant = compile(&place.project, &place.namespace_uid, permits);
    let slots = grant.resources.get(&resource_key(&one.object.group, &one.object.resource)).into_iter().flatten();
    if let Some(slot) = slots.into_iter().find(|slot| slot.name == one.object.name && slot.replicas > 0) {
        let allows =
            |size: &Size| size.replicas <= i64::from(slot.replicas) && without_none(&size.per_replica).fits_in(&slot.per_replica);
        let number = &slot.permit;
        return Some(match size {
            Some(size) if !allows(size) => {
                format!("larger than permit {number} allows; ask for more: govcloud permit amend {number}")
            }
            _ => format!("permitted by {number}"),
        });
    }
    let asks = |permit: &&ProcessingPermit| {
        let phase = phase(permit);
        let open = phase.is_waiting() || matches!(phase, Phase::Approved | Phase::Suspended);
        open && permit.spec.project == place.project && granted_targets(permit).iter().any(|target| is_it(target, one))
    };
    let permit = permits.iter().filter(asks).min_by_key(|permit| (number(permit), permit.name_any()))?;
    Some(format!("asked for by {}, which is {}", number(permit), phase(permit)))
}

fn without_none(resources: &Resources) -> Resources {
    resources.clone().without_zeros()
}

fn is_it(target: &Target, one: &Observed) -> bool {
    (&target.group, &target.resource, &target.name) == (&one.object.group, &one.object.resource, &one.object.name)
}

fn phase(permit: &ProcessingPermit) -> Phase {
    permit.status.as_ref().map(|status| status.phase).unwrap_or_default()
}

fn number(permit: &ProcessingPermit) -> String {
    permit.status.as_ref().and_then(|status| status.number.clone()).unwrap_or_else(|| permit.name_any())
}
