//! Agencies that do not use what they must: findings in their homes, and figures.

use std::collections::BTreeMap;

use govcloud_crds::{
    agency::digitization_status,
    finding::ProcessingFindingSpec,
    names::home_namespace,
    service::obligation::{DutyState, finding, finding_name},
};
use kube::{ResourceExt, runtime::reflector::ObjectRef};

use crate::{
    context::Context,
    controllers::duties::{duties_of, obliging},
};

/// Findings about agencies that are behind, by where they are kept and their name. Shows the figures on the way.
pub(super) fn found(context: &Context) -> Vec<((String, String), ProcessingFindingSpec)> {
    let services = obliging(context);
    let mut found = Vec::new();
    let mut figures: BTreeMap<(String, DutyState), i64> = BTreeMap::new();
    for service in &services {
        figures.extend(DutyState::ALL.map(|state| ((service.name_any(), state), 0)));
    }
    let (mut on_track, mut behind) = (0, 0);
    for agency in context.stores.agencies.state() {
        let home = home_namespace(&agency.name_any());
        let lives =
            context.stores.namespaces.get(&ObjectRef::new(&home)).is_some_and(|n| n.metadata.deletion_timestamp.is_none());
        for duty in duties_of(&agency, &services, context) {
            *figures.entry((duty.service.name_any(), duty.state)).or_default() += 1;
            let spec = finding(&agency, &duty).filter(|_| lives);
            found.extend(spec.map(|spec| ((home.clone(), finding_name(&home, &spec)), spec)));
        }
        if let Some(duty) = &agency.spec.digitization {
            let is = digitization_status(duty, context.now()).on_track;
            *(if is { &mut on_track } else { &mut behind }) += 1;
        }
    }
    context.metrics.duties.show(&figures);
    context.metrics.duties.digitization(on_track, behind);
    found
}
