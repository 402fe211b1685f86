//! What a project was given of what it asks for, in words.

use std::fmt::Write as _;

use govcloud_crds::{
    AgencyQuota, Project, Resources,
    capacity::{Reason, Seen, Shortfall, Situation, why},
    conditions::Verdict,
};
use kube::{ResourceExt, runtime::reflector::ObjectRef};

use super::quota::Keys;
use crate::{controllers::capacity::quotas_of, stores::Stores};

const KIND: &str = "QuotaGranted";

/// A project's amounts, under canonical keys.
pub(super) struct Amounts<'a> {
    /// What it and its permits ask for.
    pub(super) wanted: Resources,
    /// What its ResourceQuota says.
    pub(super) granted: &'a Resources,
    /// What is in use.
    pub(super) used: Resources,
}

/// The condition `QuotaGranted`.
pub(super) fn of(
    project: &Project,
    ledger: Option<&AgencyQuota>,
    amounts: &Amounts<'_>,
    keys: &Keys,
    stores: &Stores,
) -> Verdict {
    let Some(ledger) = ledger else {
        let pool = &project.spec.pool;
        let message =
            format!("The agency has no share of pool {pool}, so nothing can run. A cloud operator creates an AgencyQuota.");
        return Verdict::no(KIND, "NoQuota", message);
    };
    let (ledger, pool) = (keys.aliases.of_quota(ledger), stores.pools.get(&ObjectRef::new(&project.spec.pool)));
    let quotas = quotas_of(&project.spec.pool, stores);
    let mut project = project.clone();
    project.spec.quota = keys.aliases.canonical(&project.spec.quota);
    let mut permitted = amounts.wanted.clone();
    permitted.0.retain(|key, _| keys.gated.contains_key(key));
    let all = why(&Situation {
        project: &project,
        granted: amounts.granted,
        used: Some(&amounts.used),
        quota: Seen::There(&ledger),
        pool: pool.as_deref().map_or(Seen::Missing, Seen::There),
        peers: Some(quotas.iter().map(|quota| &**quota).filter(|peer| peer.uid() != ledger.uid()).collect()),
        gated: keys.gated.clone(),
        permitted,
    });
    match all.iter().find(|shortfall| shortfall.is_less()) {
        Some(less) => Verdict::no(KIND, reason(less), less.message()),
        None => Verdict::yes(KIND, "Granted", granted(&all, amounts)),
    }
}

fn reason(less: &Shortfall) -> &'static str {
    match less.reasons.first() {
        Some(Reason::NeedsPermit { .. }) => "NeedsPermit",
        Some(Reason::NoSuchPool { .. }) => "NoSuchPool",
        Some(Reason::OnItsWay | Reason::NotRaised { .. } | Reason::Pending) => "InProgress",
        _ => "ExceedsAgencyBudget",
    }
}

/// All that was asked for, and what nobody may have expected.
fn granted(all: &[Shortfall], amounts: &Amounts<'_>) -> String {
    let mut message = "All that was asked for.".to_owned();
    let unasked = all.iter().filter(|one| one.reasons.contains(&Reason::NotAsked)).map(|one| one.key.as_str());
    let unasked: Vec<_> = unasked.collect();
    if !unasked.is_empty() {
        let _ = write!(
            message,
            " Nothing of {}, which the agency's share limits and the project does not ask for.",
            unasked.join(", ")
        );
    }
    let limited: Resources =
        amounts.used.0.iter().filter(|(key, _)| amounts.granted.0.contains_key(*key)).map(|(k, a)| (k.clone(), *a)).collect();
    if let Some(key) = limited.exceeds(amounts.granted) {
        let _ = write!(
            message,
            " {} {key} are in use: nothing more of it starts until that is less; nothing that runs is stopped.",
            amounts.used.get(key)
        );
    }
    message
}
