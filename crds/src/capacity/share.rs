//! What an agency's quota and its pool decide: the same ledger arithmetic, one level above the other.
//!
//! A pool gives shares to quotas; a quota gives what it holds (its share, and what it borrowed) to namespaces and, as loans,
//! to other quotas. What a quota holds it writes into its own status, as a namespace's ResourceQuota does for a namespace:
//! it takes up what it was given, and gives back what is asked back as soon as it has no need of it. In every revision of a
//! quota's status what it gave is within what it holds, because both are written at once.

use std::borrow::Borrow;

use kube::ResourceExt;

use super::{
    AgencyQuota, AgencyQuotaStatus, Borrowing, CapacityPool, CapacityPoolStatus, Demand, Entry, Held, Live, Share, allocate,
    curb, loans_of, release, requested, total,
};
use crate::{Resources, common::age};

/// What a quota's decision is made from.
#[derive(Clone, Debug)]
pub struct Observed<'a> {
    /// The quota, in the version that the decision is going to be written over.
    pub quota: &'a AgencyQuota,
    /// Its pool.
    pub pool: Option<&'a CapacityPool>,
    /// The other quotas of the pool, oldest first.
    pub peers: Vec<&'a AgencyQuota>,
    /// What its projects ask for, oldest first; of a namespace that its ledger has and nobody asks for any more, that it is
    /// leaving.
    pub projects: Vec<Demand>,
    /// Borrowers that its ledger has and that are in no pool any more, as leaving.
    pub leaving: Vec<Demand>,
}

/// Where a quota's capacity comes from, and what it does about it.
struct Source {
    /// The lending quota; none for the pool.
    lender: Option<String>,
    /// What is held now.
    held: Resources,
    /// What will be held, if the quota's ledger allows.
    target: Resources,
    operation: i64,
}

/// The ledger of a quota: everything of its status but use, conditions and generation.
pub fn decide(observed: &Observed<'_>) -> AgencyQuotaStatus {
    let before = observed.quota.status.clone().unwrap_or_default();
    let entries: Vec<Entry> = before.allocations.iter().map(Entry::from).chain(before.loans.iter().map(Entry::from)).collect();
    let mut demands = observed.projects.clone();
    if observed.quota.metadata.deletion_timestamp.is_some() {
        demands.iter_mut().for_each(ask_for_nothing);
    }
    let asked = requested(&demands, &entries);
    let mut sources = sources(observed, &before, &demands, &entries);
    demands.extend(loans(observed, &sources, &asked));
    demands.extend(observed.leaving.iter().cloned());
    let budget = sources.iter().map(|source| &source.target).sum();
    let ledger = allocate(&budget, &entries, &curb(&budget, &entries, demands));
    hold(&mut sources, &total(&ledger));
    status(observed, sources, asked, ledger)
}

fn ask_for_nothing(demand: &mut Demand) {
    demand.wanted = demand.wanted.capped_by(&Resources::default());
    demand.whole.clear();
}

fn sources(observed: &Observed<'_>, before: &AgencyQuotaStatus, demands: &[Demand], entries: &[Entry]) -> Vec<Source> {
    let given = observed.pool.and_then(|pool| share_for(observed.quota, pool.status.as_ref().map(|s| s.shares.as_slice())));
    // Without a record (its status was lost, or is older than shares) it holds what it gave: of loans that lenders have for it
    // first, the rest of its pool.
    let mut unknown = if before.share.is_none() { has(observed, demands, entries) } else { Resources::default() };
    let mut borrowed = Vec::new();
    for peer in &observed.peers {
        let name = peer.name_any();
        let loan = share_for(observed.quota, peer.status.as_ref().map(|s| s.loans.as_slice()));
        let mut record = before.borrowings.iter().find(|borrowing| borrowing.quota == name).cloned().unwrap_or_default();
        if let Some(loan) = loan.filter(|_| before.share.is_none()) {
            record.hard = record.hard.largest(&loan.hard.capped_by(&unknown));
            unknown = unknown.minus(&record.hard);
        }
        if loan.is_some() || !record.hard.is_empty() {
            borrowed.push(source(Some(name), record.hard, record.operation, loan));
        }
    }
    // A lender that is gone lends nothing.
    for record in before.borrowings.iter().filter(|b| !b.hard.is_empty()) {
        if !observed.peers.iter().any(|peer| peer.name_any() == record.quota) {
            let (lender, held) = (Some(record.quota.clone()), record.hard.clone());
            borrowed.push(Source { lender, held, target: Resources::default(), operation: record.operation });
        }
    }
    let held = before.share.clone().unwrap_or(Held { hard: unknown, operation: 0 });
    let mut share = source(None, held.hard, held.operation, given);
    if observed.pool.is_none() && observed.quota.metadata.deletion_timestamp.is_some() {
        share.target = Resources::default(); // nobody is left to give it back to
    }
    [share].into_iter().chain(borrowed).collect()
}

/// The entry of a quota among shares or loans.
fn share_for<'a>(quota: &AgencyQuota, entries: Option<&'a [Share]>) -> Option<&'a Share> {
    let is_its = |share: &&Share| share.quota == quota.name_any() && Some(&share.uid) == quota.metadata.uid.as_ref();
    entries.unwrap_or_default().iter().find(is_its)
}

/// Takes up what was given. Where the giver's ledger knows nothing (it was lost) all stays as it is.
fn source(lender: Option<String>, held: Resources, operation: i64, given: Option<&Share>) -> Source {
    let Some(given) = given.map(Entry::from) else {
        return Source { lender, target: held.clone(), held, operation };
    };
    let released = release(&given.hard, Some(&given), Some(Live { hard: &held, operation }));
    Source { lender, held, target: released.hard, operation: released.operation }
}

/// What its holders have, entry or not: namespaces, and borrowers.
fn has(observed: &Observed<'_>, demands: &[Demand], entries: &[Entry]) -> Resources {
    let of = |holder: &str, uid: &str, shown: Option<&Resources>| {
        let entry = entries.iter().find(|entry| entry.holder == holder && entry.uid == uid);
        entry.map(|entry| &entry.hard).or(shown).cloned().unwrap_or_default()
    };
    let projects = demands.iter().map(|demand| of(&demand.holder, &demand.uid, Some(&demand.shown)));
    let borrowers = observed.peers.iter().map(|peer| {
        let records = peer.status.as_ref().map(|status| status.borrowings.as_slice()).unwrap_or_default();
        let record = records.iter().find(|record| record.quota == observed.quota.name_any());
        of(&peer.name_any(), &peer.uid().unwrap_or_default(), record.map(|record| &record.hard))
    });
    projects.chain(borrowers).fold(Resources::default(), |sum, next| sum.plus(&next))
}

/// What other quotas are to be lent, and what they hold of it.
fn loans(observed: &Observed<'_>, sources: &[Source], asked: &Resources) -> Vec<Demand> {
    let me = this_one(observed, sources, asked);
    let mut pool: Vec<&AgencyQuota> = observed.peers.iter().copied().chain([&me]).collect();
    pool.sort_by_key(|quota| age(*quota));
    let planned = loans_of(&me.name_any(), &pool);
    let entries = me.status.as_ref().map(|s| s.loans.as_slice()).unwrap_or_default();
    let borrower = |peer: &&AgencyQuota| {
        let (name, uid) = (peer.name_any(), peer.uid().unwrap_or_default());
        let record = peer.status.as_ref().and_then(|s| s.borrowings.iter().find(|b| b.quota == me.name_any())).cloned();
        let wanted = planned.iter().find(|(to, _)| *to == name).map(|(_, amount)| amount.clone());
        let has_entry = entries.iter().any(|loan| loan.quota == name && loan.uid == uid && !loan.hard.is_empty());
        let holds = record.as_ref().is_some_and(|record| !record.hard.is_empty());
        let record = record.unwrap_or_default();
        (wanted.is_some() || has_entry || holds).then(|| Demand {
            holder: name,
            uid,
            wanted: wanted.unwrap_or_default(),
            shown: record.hard,
            operation: record.operation,
            ..Demand::default()
        })
    };
    observed.peers.iter().filter_map(borrower).collect()
}

/// The quota as its peers will see it after this decision.
fn this_one(observed: &Observed<'_>, sources: &[Source], asked: &Resources) -> AgencyQuota {
    let mut me = observed.quota.clone();
    let status = me.status.get_or_insert_default();
    status.requested = asked.clone();
    let share = sources.iter().find(|source| source.lender.is_none());
    status.share = share.map(|source| Held { hard: source.target.clone(), operation: source.operation });
    me
}

/// What is given away cannot be given back: so much is kept, of the own share first.
fn hold(sources: &mut [Source], given: &Resources) {
    let mut short = given.minus(&sources.iter().map(|source| &source.target).sum());
    for source in sources {
        let back = short.capped_by(&source.held.minus(&source.target));
        short = short.minus(&back);
        source.target = source.target.plus(&back).without_zeros();
    }
}

fn status(observed: &Observed<'_>, sources: Vec<Source>, requested: Resources, ledger: Vec<Entry>) -> AgencyQuotaStatus {
    let is_project =
        |entry: &Entry| observed.projects.iter().any(|demand| demand.uid == entry.uid && demand.holder == entry.holder);
    let (projects, loans): (Vec<_>, Vec<_>) = ledger.into_iter().partition(is_project);
    let mut status =
        AgencyQuotaStatus { requested, allocated: total(&projects), lent: total(&loans), ..AgencyQuotaStatus::default() };
    for Source { lender, target: hard, operation, .. } in sources {
        match lender {
            None => status.share = Some(Held { hard, operation }),
            Some(quota) => status.borrowings.push(Borrowing { quota, hard, operation }),
        }
    }
    status.borrowed = status.borrowings.iter().map(|borrowing| &borrowing.hard).sum();
    status.allocations = projects.into_iter().map(Into::into).collect();
    status.loans = loans.into_iter().map(Into::into).collect();
    status
}

/// What a pool has promised to agencies.
pub fn guaranteed<'a>(pool: &str, quotas: impl IntoIterator<Item = &'a AgencyQuota>) -> Resources {
    quotas.into_iter().filter(|quota| quota.spec.pool == pool).map(|quota| &quota.spec.guaranteed).sum()
}

/// Whether a pool's figures limit a key: what they name, and whatever else is a thing that nodes have. A pool that is measured
/// says nothing about storage behind claims and devices behind device classes; no pool limits how many objects there are.
fn is_counted(pool: &CapacityPool, capacity: &Resources, key: &str) -> bool {
    let declared = pool.spec.capacity.is_some();
    let of_nodes = ["requests.cpu", "requests.memory", "requests.ephemeral-storage"].contains(&key)
        || (key.starts_with("requests.") && (key.contains('/') || key.starts_with("requests.hugepages-")));
    capacity.0.contains_key(key) || of_nodes || (declared && key == "requests.storage")
}

/// The ledger and the sums of a pool: everything of its status but conditions and generation. `quotas` are all of the
/// pool's, oldest first; `idle` says which get nothing (a second one of an agency); `leaving` are entries whose quota is
/// not known and may be there.
pub fn decide_pool<Q: Borrow<AgencyQuota>>(
    pool: &CapacityPool,
    capacity: Resources,
    quotas: &[Q],
    idle: impl Fn(&AgencyQuota) -> bool,
    leaving: Vec<Demand>,
) -> CapacityPoolStatus {
    let before: Vec<Entry> = pool.status.iter().flat_map(|status| &status.shares).map(Entry::from).collect();
    let wanted = |quota: &AgencyQuota| {
        if idle(quota) || quota.metadata.deletion_timestamp.is_some() {
            Resources::default()
        } else {
            quota.spec.guaranteed.clone()
        }
    };
    let mut demands: Vec<Demand> = quotas.iter().map(|quota| share_demand(quota.borrow(), wanted(quota.borrow()))).collect();
    demands.extend(leaving);
    let asked = demands.iter().map(|demand| &demand.wanted).sum::<Resources>().plus(&total(&before));
    let mut budget = capacity.clone();
    budget.0.extend(asked.0.into_iter().filter(|(key, _)| !is_counted(pool, &capacity, key)));
    // Until every quota has said what it holds, nobody gets more: one whose status was lost may hold anything.
    if quotas.iter().any(|quota| quota.borrow().status.as_ref().is_none_or(|status| status.share.is_none())) {
        budget = Resources::default();
    }
    let shares = allocate(&budget, &before, &demands).into_iter().map(Into::into).collect();
    let mut promised = guaranteed(&pool.name_any(), quotas.iter().map(Borrow::borrow));
    promised.0.retain(|key, _| is_counted(pool, &capacity, key));
    CapacityPoolStatus {
        available: capacity.minus(&promised),
        guaranteed: promised,
        capacity,
        shares,
        ..CapacityPoolStatus::default()
    }
}

fn share_demand(quota: &AgencyQuota, wanted: Resources) -> Demand {
    let share = quota.status.as_ref().and_then(|status| status.share.clone()).unwrap_or_default();
    Demand {
        holder: quota.name_any(),
        uid: quota.uid().unwrap_or_default(),
        wanted,
        shown: share.hard,
        operation: share.operation,
        ..Demand::default()
    }
}

#[cfg(test)]
#[path = "share_tests.rs"]
mod tests;
