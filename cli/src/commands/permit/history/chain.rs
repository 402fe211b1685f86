//! The permits that a permit refers to, and those that refer to it.

use std::collections::BTreeSet;

use govcloud_crds::ProcessingPermit;
use kube::ResourceExt as _;

/// Whether `later` refers to `earlier`: by name, and by uid where that was pinned. Another permit of the same name, made after the first was
/// gone, is none of them.
fn refers(later: &ProcessingPermit, earlier: &ProcessingPermit) -> bool {
    let by_name = later.spec.prior.as_deref() == Some(earlier.name_any().as_str());
    by_name && later.prior_uid().is_none_or(|uid| earlier.metadata.uid.as_deref() == Some(uid))
}

/// All of a permit's chain, the oldest first: what it refers to, what that refers to, and whatever refers to it or to one that does.
pub fn of(permit: &ProcessingPermit, permits: Vec<ProcessingPermit>) -> Vec<ProcessingPermit> {
    let uid = |p: &ProcessingPermit| p.metadata.uid.clone().unwrap_or_default();
    let mut found = BTreeSet::from([uid(permit)]);
    let mut earlier = permit;
    while let Some(prior) = permits.iter().find(|p| refers(earlier, p)).filter(|p| !found.contains(&uid(p))) {
        found.insert(uid(prior));
        earlier = prior;
    }
    let mut last = vec![permit];
    while let Some(one) = last.pop() {
        for next in permits.iter().filter(|p| refers(p, one)) {
            if found.insert(uid(next)) {
                last.push(next);
            }
        }
    }
    let mut chain: Vec<_> = permits.into_iter().filter(|p| found.contains(&uid(p))).collect();
    if chain.is_empty() {
        chain.push(permit.clone());
    }
    chain.sort_by_key(|p| (p.metadata.creation_timestamp.as_ref().map(|t| t.0), p.name_any()));
    chain
}
