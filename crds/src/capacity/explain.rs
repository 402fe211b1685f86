//! Why a project has less quota than it asks for: a chain of short rules, read from top to bottom.
//!
//! The same answer feeds the Project's condition and `govcloud quota explain`. It is made from what the asker may read; what
//! is not readable is left out, never guessed.

use std::collections::{BTreeMap, BTreeSet};

use kube::ResourceExt;
use serde::Serialize;

use super::{AgencyQuota, AgencyQuotaStatus, Aliases, Allocation, AllocationPhase, CapacityPool};
use super::{
    explain_help::{Help, help},
    explain_reason::{Holder, Reason},
};
use crate::{
    Project, Quantity, Resources,
    names::{agency_of_home, project_namespace, split_project_namespace},
};

/// An object that was looked for.
#[derive(Clone, Copy, Debug, Default)]
pub enum Seen<T> {
    /// It was read.
    There(T),
    /// There is none.
    Missing,
    /// It may be there; whoever asks may not read it.
    #[default]
    Unreadable,
}

impl<T> Seen<T> {
    /// The object, if it was read.
    pub fn there(self) -> Option<T> {
        match self {
            Self::There(object) => Some(object),
            Self::Missing | Self::Unreadable => None,
        }
    }
}

/// What [`why`] judges.
#[derive(Clone, Debug)]
pub struct Situation<'a> {
    /// The project.
    pub project: &'a Project,
    /// What it has: its ResourceQuota's amounts.
    pub granted: &'a Resources,
    /// What is in use in its namespace, if that is known.
    pub used: Option<&'a Resources>,
    /// Its agency's quota in its pool; of several the oldest, from which the projects are served.
    pub quota: Seen<&'a AgencyQuota>,
    /// Its pool.
    pub pool: Seen<&'a CapacityPool>,
    /// The other quotas of the pool; `None` if they cannot be read.
    pub peers: Option<Vec<&'a AgencyQuota>>,
    /// The quota keys that only permits bring, each with the ProcessingClasses that gate it.
    pub gated: BTreeMap<String, Vec<String>>,
    /// What the project's permits bring, under quota keys.
    pub permitted: Resources,
}

/// What a project has of one quota key, and why it is not more.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Shortfall {
    /// The key, as in a ResourceQuota.
    pub key: String,
    /// What the project and its permits ask for.
    pub asked: Quantity,
    /// What it has of that.
    pub given: Quantity,
    /// Why it is not more; what decides comes first. Never empty.
    pub reasons: Vec<Reason>,
    /// What would help, the most likely first.
    pub help: Vec<Help>,
}

impl Shortfall {
    /// Whether something was asked for and not given. If not, nobody asked, and this only says why it is nothing.
    pub fn is_less(&self) -> bool {
        self.asked > self.given
    }
}

/// Why a project has no more: one entry per key of which it has less than it asks for, then those of which it has nothing
/// because it does not ask, each in the order of the keys.
pub fn why(situation: &Situation<'_>) -> Vec<Shortfall> {
    let asked = situation.asked();
    let less = asked.0.keys().filter(|key| asked.get(key) > situation.granted.get(key));
    let less = less.map(|key| situation.shortfall(key, asked.get(key), situation.reasons(key, asked.get(key))));
    let nothing = situation.not_asked(&asked).into_iter().map(|key| {
        let reason = match situation.gated.get(&key) {
            Some(classes) => Reason::NeedsPermit { classes: classes.clone(), brought: Quantity::ZERO },
            None => Reason::NotAsked,
        };
        situation.shortfall(&key, Quantity::ZERO, vec![reason])
    });
    less.chain(nothing).collect()
}

impl<'a> Situation<'a> {
    /// What the project asks for (`cpu` under `requests.cpu`, which counts the same), and of what permits bring whatever is
    /// more.
    pub fn asked(&self) -> Resources {
        Aliases::default().canonical(&self.project.spec.quota).largest(&self.permitted)
    }

    /// The agency, by the project's home namespace.
    pub fn agency(&self) -> &'a str {
        self.project.metadata.namespace.as_deref().and_then(agency_of_home).unwrap_or_default()
    }

    /// The project's namespace.
    pub fn namespace(&self) -> String {
        project_namespace(self.agency(), &self.project.name_any())
    }

    /// The project's entry in the agency's ledger.
    pub fn allocation(&self) -> Option<&'a Allocation> {
        let uid = self.project.status.as_ref().and_then(|status| status.namespace_uid.as_deref());
        let namespace = self.namespace();
        self.status()?.allocations.iter().find(|entry| entry.namespace == namespace && Some(entry.uid.as_str()) == uid)
    }

    pub(super) fn status(&self) -> Option<&'a AgencyQuotaStatus> {
        self.quota.there()?.status.as_ref()
    }

    /// Keys that the agency's share has, and of which the project neither asks for any nor has any.
    fn not_asked(&self, asked: &Resources) -> BTreeSet<String> {
        let share = self.quota.there().map(|quota| Aliases::default().canonical(&quota.spec.guaranteed).without_zeros());
        let share = share.unwrap_or_default();
        let is_open = |key: &String| asked.get(key).is_zero_or_less() && self.granted.get(key).is_zero_or_less();
        share.0.into_keys().filter(is_open).collect()
    }

    fn shortfall(&self, key: &str, asked: Quantity, reasons: Vec<Reason>) -> Shortfall {
        let help = help(self, key, &reasons);
        Shortfall { key: key.to_owned(), asked, given: self.granted.get(key), reasons, help }
    }

    fn reasons(&self, key: &str, asked: Quantity) -> Vec<Reason> {
        if let Some(alone) = self.without_ledger() {
            return vec![alone];
        }
        let gated = self.needs_permit(key, asked);
        if gated.is_some() && self.granted.get(key) >= self.permitted.get(key) {
            return gated.into_iter().collect();
        }
        let (quota, entry) = match (self.quota.there(), self.allocation()) {
            (None, _) => return gated.into_iter().chain([Reason::ShareUnreadable]).collect(),
            (Some(_), None) => return gated.into_iter().chain([Reason::Pending]).collect(),
            (Some(quota), Some(entry)) => (quota, entry),
        };
        if let Some(alone) = in_time(entry, key, asked) {
            return gated.into_iter().chain([alone]).collect();
        }
        let budget = Budget::of(quota, key);
        let mut reasons: Vec<_> = gated.into_iter().collect();
        reasons.extend(self.promise(&budget, asked));
        reasons.extend(self.ledger(&budget));
        reasons.extend(self.borrowing(&budget));
        reasons.extend(self.own(entry, key));
        if reasons.is_empty() { vec![Reason::BudgetTooSmall { promised: budget.promised }] } else { reasons }
    }

    /// What decides before any ledger is looked at.
    fn without_ledger(&self) -> Option<Reason> {
        let pool = self.project.spec.pool.clone();
        if self.project.metadata.deletion_timestamp.is_some() {
            return Some(Reason::Leaving);
        }
        match (self.pool, self.quota) {
            (Seen::Missing, _) => Some(Reason::NoSuchPool { pool }),
            (_, Seen::Missing) => Some(Reason::NoShare { pool }),
            _ => None,
        }
    }

    fn needs_permit(&self, key: &str, asked: Quantity) -> Option<Reason> {
        let classes = self.gated.get(key)?;
        let brought = self.permitted.get(key);
        (asked > brought).then(|| Reason::NeedsPermit { classes: classes.clone(), brought })
    }

    /// What the agency is promised, and what the pool made of it.
    fn promise(&self, budget: &Budget<'_>, asked: Quantity) -> Vec<Reason> {
        let (pool, promised) = (self.project.spec.pool.clone(), budget.promised);
        if promised.is_zero_or_less() {
            return vec![Reason::NotPromised { pool }];
        }
        let mut reasons = Vec::new();
        if let Some(given) = budget.share.filter(|given| *given < promised) {
            let on_its_way = self.pool_has(budget) > given;
            reasons.push(Reason::PoolGaveLess { pool, given, promised, on_its_way });
        }
        if asked > promised {
            reasons.push(Reason::BudgetTooSmall { promised });
        }
        reasons
    }

    /// What the pool's ledger has for the agency.
    fn pool_has(&self, budget: &Budget<'_>) -> Quantity {
        let shares = self.pool.there().and_then(|pool| pool.status.as_ref()).map(|status| status.shares.as_slice());
        let mine = shares.unwrap_or_default().iter().find(|share| share.quota == budget.quota.name_any());
        mine.map(|share| share.hard.get(budget.key)).unwrap_or_default()
    }

    /// Where the agency's budget is.
    fn ledger(&self, budget: &Budget<'_>) -> Vec<Reason> {
        let mut reasons = Vec::new();
        if budget.given > budget.holds {
            reasons.push(Reason::GivenTooMuch { given: budget.given, holds: budget.holds });
        }
        let namespace = self.namespace();
        let project = |namespace: &str| split_project_namespace(namespace).map_or(namespace, |(_, project)| project).to_owned();
        let others = budget.status.allocations.iter().filter(|entry| entry.namespace != namespace);
        let others = others.map(|entry| (project(&entry.namespace), &entry.hard, entry.lowering_to.as_ref()));
        let holders = holders_of(budget.key, others);
        let loans = budget.status.loans.iter().map(|loan| (loan.quota.clone(), &loan.hard, loan.lowering_to.as_ref()));
        let borrowers = holders_of(budget.key, loans);
        reasons.extend((!holders.is_empty()).then_some(Reason::HeldByOthers { holders }));
        reasons.extend((!borrowers.is_empty()).then_some(Reason::LentOut { borrowers }));
        reasons
    }

    /// What others lend.
    fn borrowing(&self, budget: &Budget<'_>) -> Vec<Reason> {
        let (me, limit, borrowed) = (budget.quota.name_any(), budget.quota.spec.borrowing_limit.get(budget.key), budget.borrowed);
        let loans = self.peers.iter().flatten().flat_map(|peer| {
            let loans = peer.status.as_ref().map(|status| status.loans.as_slice()).unwrap_or_default();
            loans.iter().map(|loan| (peer.name_any(), loan))
        });
        let mine = loans.filter(|(_, loan)| loan.quota == me && loan.phase == AllocationPhase::Shrinking);
        let lenders = holders_of(budget.key, mine.map(|(lender, loan)| (lender, &loan.hard, loan.lowering_to.as_ref())));
        let lenders: Vec<_> = lenders.into_iter().filter(|lender| lender.lowering_to.is_some()).collect();
        let mut reasons: Vec<_> = (!lenders.is_empty()).then_some(Reason::TakenBack { lenders }).into_iter().collect();
        if !limit.is_zero_or_less() {
            let is_reached = borrowed >= limit;
            reasons.push(if is_reached {
                Reason::BorrowingLimit { borrowed, limit }
            } else {
                Reason::NobodyLends { borrowed, limit }
            });
        }
        reasons
    }

    /// What the project itself still holds.
    fn own(&self, entry: &Allocation, key: &str) -> Vec<Reason> {
        let given = self.granted.get(key);
        let mut reasons = Vec::new();
        let to = entry.lowering_to.as_ref().map(|to| to.get(key)).filter(|to| *to < entry.hard.get(key));
        if let Some(to) = to {
            reasons.push(Reason::Shrinking { has: entry.hard.get(key), to });
        }
        if let Some(used) = self.used.map(|used| used.get(key)).filter(|used| *used > given) {
            reasons.push(Reason::UsesMore { used });
        }
        reasons
    }
}

/// Whether the ledger has all of it for the project, and only its ResourceQuota does not say so yet. While any amount of it
/// is being lowered, none is raised.
fn in_time(entry: &Allocation, key: &str, asked: Quantity) -> Option<Reason> {
    let Some(to) = &entry.lowering_to else {
        return (entry.hard.get(key) >= asked).then_some(Reason::OnItsWay);
    };
    if to.get(key) < asked {
        return None;
    }
    let lowered = if to.get(key) < entry.hard.get(key) { Some(key) } else { entry.hard.exceeds(to) };
    let lowered = lowered.unwrap_or(key);
    Some(Reason::NotRaised { lowered: lowered.to_owned(), has: entry.hard.get(lowered), to: to.get(lowered) })
}

/// Those who hold some of a key, the largest first.
fn holders_of<'a>(key: &str, all: impl Iterator<Item = (String, &'a Resources, Option<&'a Resources>)>) -> Vec<Holder> {
    let holder = |(name, hard, to): (String, &Resources, Option<&Resources>)| {
        let amount = hard.get(key);
        let lowering_to = to.map(|to| to.get(key)).filter(|to| *to < amount);
        Holder { name, amount, lowering_to }
    };
    let mut holders: Vec<_> = all.map(holder).filter(|holder| !holder.amount.is_zero_or_less()).collect();
    holders.sort_by(|one, other| other.amount.cmp(&one.amount).then_with(|| one.name.cmp(&other.name)));
    holders
}

/// What an agency's quota has of one key.
struct Budget<'a> {
    quota: &'a AgencyQuota,
    status: AgencyQuotaStatus,
    key: &'a str,
    promised: Quantity,
    /// What the pool gave; `None` before the operator looked at it.
    share: Option<Quantity>,
    borrowed: Quantity,
    /// What it may give: its share and what it borrowed.
    holds: Quantity,
    /// What it gave to projects and lent.
    given: Quantity,
}

impl<'a> Budget<'a> {
    fn of(quota: &'a AgencyQuota, key: &'a str) -> Self {
        let status = quota.status.clone().unwrap_or_default();
        let promised = Aliases::default().canonical(&quota.spec.guaranteed).get(key);
        let share = status.share.as_ref().map(|share| share.hard.get(key));
        let borrowed: Quantity = status.borrowings.iter().map(|b| b.hard.get(key)).sum();
        let given = status.allocations.iter().map(|a| a.hard.get(key)).chain(status.loans.iter().map(|l| l.hard.get(key))).sum();
        let holds = share.unwrap_or(promised) + borrowed;
        Self { quota, status, key, promised, share, borrowed, holds, given }
    }
}

#[cfg(test)]
#[path = "explain_tests.rs"]
mod tests;
