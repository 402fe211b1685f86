//! The arithmetic of ledgers: a pool's shares, an agency's allocations and loans.
//!
//! Two inequalities hold in every ledger that [`allocate`] returns: the entries sum up to at most the budget unless they
//! already did not, and no entry is below what its holder still shows. A reduction is therefore released by evidence, never
//! by time.
//!
//! The evidence must also rule out that a raise is still on its way to the holder, from an operator that was paused after it
//! had read the ledger. So a reduction is a step of its own: the entry is `Shrinking` under a new operation number; the
//! holder is written with that number, whether its amounts change or not, so that whatever is on its way to the former
//! version is refused; and only a holder that carries the number releases anything. While an entry shrinks, its holder is
//! never raised. `tests/ledger_model.rs` goes through every order of these steps.
//!
//! The holder of an allocation is a namespace's ResourceQuota; that of a share or a loan is an agency's AgencyQuota.

use super::{Allocation, AllocationPhase, Share};
use crate::Resources;

/// What one holder was given: an [`Allocation`] or a [`Share`], as the arithmetic sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The name of the namespace or the AgencyQuota.
    pub holder: String,
    /// Its uid.
    pub uid: String,
    /// What it may hold.
    pub hard: Resources,
    /// Whether it is known to follow.
    pub phase: AllocationPhase,
    /// Counts what the holder was to be written for.
    pub operation: i64,
    /// While it shrinks: what it comes down to.
    pub lowering_to: Option<Resources>,
}

/// What one holder asks of a ledger, and what it shows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Demand {
    /// The name of the namespace or the AgencyQuota.
    pub holder: String,
    /// Its uid.
    pub uid: String,
    /// What it asks for; nothing once it is being deleted.
    pub wanted: Resources,
    /// Beyond it, what is of use only as a whole, each for itself, in this order: what approved permits wait for.
    pub whole: Vec<Resources>,
    /// Key by key the largest of what the holder says, what is enforced, and what is in use.
    pub shown: Resources,
    /// What is in use.
    pub used: Resources,
    /// The operation of the ledger that the holder was last written for; 0 if none.
    pub operation: i64,
    /// Whether it is being deleted: it keeps all it has until it is gone, because its ResourceQuota may go before its pods
    /// do.
    pub leaving: bool,
}

impl Demand {
    /// Whether the holder was written for the reduction that an entry stands for.
    pub fn confirms(&self, entry: &Entry) -> bool {
        entry.phase == AllocationPhase::Shrinking && self.operation >= entry.operation
    }

    /// All that it asks for.
    pub fn everything(&self) -> Resources {
        self.whole.iter().fold(self.wanted.clone(), |sum, whole| sum.plus(whole))
    }
}

/// The ledger after `demands` (oldest first) were served from `budget`, given the ledger `before`.
///
/// An entry whose holder is in no demand any more is dropped: whoever asks has made sure that the holder is gone, and with it
/// all it used. A holder without an entry gets at least what it shows: so a ledger that was lost is rebuilt.
pub fn allocate(budget: &Resources, before: &[Entry], demands: &[Demand]) -> Vec<Entry> {
    let floors: Vec<Resources> = demands.iter().map(|demand| floor(demand, entry(before, demand))).collect();
    let mut left = budget.minus(&floors.iter().sum());
    demands
        .iter()
        .zip(&floors)
        .map(|(demand, floor)| {
            let (hard, granted) = raise(demand, floor, &mut left);
            updated(demand, hard, &granted, entry(before, demand))
        })
        .collect()
}

/// What a holder gets from what is `left`, and which of its wishes that serves: what can be served in part, then each
/// whole that fits.
fn raise(demand: &Demand, floor: &Resources, left: &mut Resources) -> (Resources, Resources) {
    let mut granted = demand.wanted.clone();
    let mut more = granted.minus(floor).capped_by(left);
    for whole in &demand.whole {
        let with_it = granted.plus(whole);
        let needs = with_it.minus(&floor.plus(&more));
        if more.plus(&needs).fits_in(left) {
            more = more.plus(&needs);
            granted = with_it;
        }
    }
    *left = left.minus(&more);
    (floor.plus(&more), granted)
}

fn entry<'a>(before: &'a [Entry], demand: &Demand) -> Option<&'a Entry> {
    before.iter().find(|entry| entry.holder == demand.holder && entry.uid == demand.uid)
}

/// What the holder keeps whatever happens: what it has; once a reduction is confirmed, of it what it still wants and what it
/// shows. What it shows beyond the entry was seen before the entry was reduced, and counts only where there is no entry.
fn floor(demand: &Demand, current: Option<&Entry>) -> Resources {
    let Some(entry) = current else { return demand.shown.clone() };
    if demand.leaving || !demand.confirms(entry) {
        return entry.hard.clone();
    }
    entry.hard.capped_by(&demand.everything().largest(&demand.shown))
}

fn updated(demand: &Demand, hard: Resources, granted: &Resources, before: Option<&Entry>) -> Entry {
    let hard = hard.without_zeros(); // nothing is what every key has that is not named
    let phase = if !hard.fits_in(granted) {
        AllocationPhase::Shrinking
    } else if hard.fits_in(&demand.shown) {
        AllocationPhase::Settled
    } else {
        AllocationPhase::Growing
    };
    let operation = match before {
        // A holder whose number is ahead of a rebuilt ledger's would never be raised by it.
        Some(before) if continues(before, phase, &hard) && demand.operation <= before.operation => before.operation,
        Some(before) => before.operation.max(demand.operation) + 1,
        None => demand.operation + 1,
    };
    let lowering_to = (phase == AllocationPhase::Shrinking).then(|| hard.capped_by(granted).without_zeros());
    Entry { holder: demand.holder.clone(), uid: demand.uid.clone(), hard, phase, operation, lowering_to }
}

/// Whether an entry still stands for the same operation: nothing was added to it, and no reduction begins.
fn continues(before: &Entry, phase: AllocationPhase, hard: &Resources) -> bool {
    let begins = phase == AllocationPhase::Shrinking && before.phase != AllocationPhase::Shrinking;
    !begins && hard.fits_in(&before.hard)
}

/// `demands` with less wanted where all together would keep more than `budget`: what nobody uses is taken back first, then
/// what is in use, which stops growth and frees as the use ends; the last in the list gives first. Nothing is taken from
/// holders that leave anyway.
pub fn curb(budget: &Resources, before: &[Entry], mut demands: Vec<Demand>) -> Vec<Demand> {
    let mut keeps: Vec<_> = demands.iter().map(|demand| keeps(demand, entry(before, demand))).collect();
    let excess = keeps.iter().sum::<Resources>().minus(budget).without_zeros();
    if excess.is_empty() {
        return demands;
    }
    let mut left = excess.clone();
    for in_use_too in [false, true] {
        for (demand, keep) in demands.iter().zip(&mut keeps).rev().filter(|(demand, _)| !demand.leaving) {
            let spare = if in_use_too { keep.clone() } else { keep.minus(&demand.used) };
            let taken = spare.capped_by(&left);
            left = left.minus(&taken);
            *keep = keep.minus(&taken);
        }
    }
    for (demand, keep) in demands.iter_mut().zip(&keeps) {
        demand.whole.retain(|whole| whole.0.keys().all(|key| !excess.0.contains_key(key)));
        for (key, amount) in demand.wanted.0.iter_mut().filter(|(key, _)| excess.0.contains_key(*key)) {
            *amount = (*amount).min(keep.get(key));
        }
    }
    demands
}

/// What a holder is going to have if nobody takes anything from it.
fn keeps(demand: &Demand, current: Option<&Entry>) -> Resources {
    let has = current.map_or(&demand.shown, |entry| &entry.hard);
    if demand.leaving { has.clone() } else { has.capped_by(&demand.everything()) }
}

/// The sum of a ledger's entries.
pub fn total<'a>(ledger: impl IntoIterator<Item = &'a Entry>) -> Resources {
    ledger.into_iter().map(|entry| &entry.hard).sum()
}

/// What a holder says of itself now.
#[derive(Clone, Copy, Debug)]
pub struct Live<'a> {
    /// What it may use or give, by its own account.
    pub hard: &'a Resources,
    /// The operation of the ledger that it was last written for; 0 if none.
    pub operation: i64,
}

/// What a holder may be written as.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Released {
    /// What it may use or give.
    pub hard: Resources,
    /// The operation of the ledger that it is written for; it never goes back.
    pub operation: i64,
}

/// What a holder may be: what it wants, as far as the ledger gave it; while its entry shrinks, no more than it is, and what
/// it comes down to. `live` is what it says now, if it is there.
///
/// Where the ledger has no entry for a holder that is there, the ledger was lost: the holder keeps what it has, from which the
/// ledger is rebuilt.
///
/// A holder that was written for a later operation than the entry's is not raised: whoever asks remembers the ledger as it
/// was before a reduction, which may be over. With that, and because it is written over no other version than the one that
/// was seen, a holder is raised safely by a ledger that is merely remembered: of any reduction that the ledger has begun
/// since, the holder does not carry the number yet, so nothing of it was given on.
pub fn release(wanted: &Resources, entry: Option<&Entry>, live: Option<Live<'_>>) -> Released {
    let was = live.map_or(0, |live| live.operation);
    let Some(entry) = entry else {
        let nothing = Resources::default();
        let hard = wanted.capped_by(live.map_or(&nothing, |live| live.hard));
        return Released { hard, operation: was };
    };
    let given = wanted.capped_by(&entry.hard);
    let given = entry.lowering_to.iter().fold(given, |given, to| given.capped_by(to));
    let hard = match live {
        Some(live) if entry.phase == AllocationPhase::Shrinking || was > entry.operation => given.capped_by(live.hard),
        _ => given,
    };
    Released { hard, operation: entry.operation.max(was) }
}

impl From<&Allocation> for Entry {
    fn from(allocation: &Allocation) -> Self {
        let Allocation { namespace, uid, hard, phase, operation, lowering_to } = allocation.clone();
        Self { holder: namespace, uid, hard, phase, operation, lowering_to }
    }
}

impl From<Entry> for Allocation {
    fn from(entry: Entry) -> Self {
        let Entry { holder, uid, hard, phase, operation, lowering_to } = entry;
        Self { namespace: holder, uid, hard, phase, operation, lowering_to }
    }
}

impl From<&Share> for Entry {
    fn from(share: &Share) -> Self {
        let Share { quota, uid, hard, phase, operation, lowering_to } = share.clone();
        Self { holder: quota, uid, hard, phase, operation, lowering_to }
    }
}

impl From<Entry> for Share {
    fn from(entry: Entry) -> Self {
        let Entry { holder, uid, hard, phase, operation, lowering_to } = entry;
        Self { quota: holder, uid, hard, phase, operation, lowering_to }
    }
}

#[cfg(test)]
#[path = "ledger_tests.rs"]
mod tests;
