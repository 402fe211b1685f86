//! What an agency's ledger means, in words for cloud operators and the agency.

use govcloud_crds::{
    AgencyQuota, Resources,
    capacity::{AgencyQuotaStatus, Aliases, AllocationPhase, Share, guaranteed},
    conditions::Verdict,
};
use kube::{ResourceExt, runtime::reflector::ObjectRef};

use super::quotas_of;
use crate::stores::Stores;

/// Ready, WithinPool, Overcommitted; Lending and Borrowing where there is any.
pub(super) fn of(
    quota: &AgencyQuota,
    decided: &AgencyQuotaStatus,
    second_to: Option<&AgencyQuota>,
    aliases: &Aliases,
    stores: &Stores,
) -> Vec<Verdict> {
    let within = within_pool(quota, decided, aliases, stores);
    let ready = ready(quota, decided, second_to, &within, stores);
    let lending = lending(decided, stores);
    let borrowing = borrowing(quota, decided, stores);
    [ready, within, overcommitted(decided)].into_iter().chain(lending).chain(borrowing).collect()
}

fn ready(
    quota: &AgencyQuota,
    decided: &AgencyQuotaStatus,
    second_to: Option<&AgencyQuota>,
    within: &Verdict,
    stores: &Stores,
) -> Verdict {
    const KIND: &str = "Ready";
    if let Some(first) = second_to {
        let message = format!(
            "{} is the agency's share of this pool already; nothing is served from a second one. Raise that one and delete this.",
            first.name_any()
        );
        return Verdict::no(KIND, "SecondShare", message);
    }
    if quota.metadata.deletion_timestamp.is_some() {
        return Verdict::no(KIND, "Deleting", deleting(decided));
    }
    if stores.agencies.get(&ObjectRef::new(&quota.spec.agency)).is_none() {
        return Verdict::no(KIND, "NoSuchAgency", format!("There is no agency {}.", quota.spec.agency));
    }
    match within.holds {
        Some(true) => Verdict::yes(KIND, "Serving", "Projects are served from this share."),
        _ => Verdict { kind: KIND, ..within.clone() },
    }
}

fn deleting(decided: &AgencyQuotaStatus) -> String {
    let namespaces = decided.allocations.iter().filter(|a| !a.hard.is_empty()).map(|a| format!("{} ({})", a.namespace, a.hard));
    let borrowers = decided.loans.iter().filter(|l| !l.hard.is_empty()).map(|l| format!("{} borrowed {}", l.quota, l.hard));
    let waits: Vec<_> = namespaces.chain(borrowers).collect();
    if waits.is_empty() {
        return "It goes in a moment.".to_owned();
    }
    format!(
        "Nothing new starts in the agency's projects of this pool, and nothing that runs is stopped. It goes when nobody uses anything of it any more: {}.",
        waits.join("; ")
    )
}

fn within_pool(quota: &AgencyQuota, decided: &AgencyQuotaStatus, aliases: &Aliases, stores: &Stores) -> Verdict {
    const KIND: &str = "WithinPool";
    let Some(pool) = stores.pools.get(&ObjectRef::new(&quota.spec.pool)) else {
        return Verdict::no(KIND, "NoSuchPool", format!("There is no CapacityPool {}; nothing more is given.", quota.spec.pool));
    };
    let share = decided.share();
    let all = quotas_of(&quota.spec.pool, stores);
    let all: Vec<_> = all.iter().map(|quota| aliases.of_quota(quota)).collect();
    let promised = guaranteed(&quota.spec.pool, all.iter().map(|quota| &**quota));
    let status = aliases.of_pool(&pool).status.unwrap_or_default();
    let entry = status.shares.iter().find(|share| Some(&share.uid) == quota.uid().as_ref());
    // Until the pool counted this promise, and gave what it has for it, there is nothing to complain about.
    let is_due = |key: &str| {
        let is_counted = status.guaranteed.0.contains_key(key) && status.guaranteed.get(key) != promised.get(key);
        is_counted || entry.is_none_or(|entry| entry.hard.get(key) > share.get(key))
    };
    match quota.spec.guaranteed.exceeds(&share) {
        None => Verdict::yes(KIND, "Covered", "The pool covers the guarantee."),
        Some(key) if is_due(key) => Verdict::unknown(KIND, "Pending", "The pool takes note of it in a moment."),
        Some(key) => {
            let has = status.capacity.get(key);
            let message = format!(
                "Of {} {key} that it is promised it was given {}: the pool has {has} and promised {}. Add capacity, or lower a guarantee.",
                quota.spec.guaranteed.get(key),
                share.get(key),
                promised.get(key),
            );
            Verdict::no(KIND, "PoolExhausted", message)
        }
    }
}

fn overcommitted(decided: &AgencyQuotaStatus) -> Verdict {
    const KIND: &str = "Overcommitted";
    let budget = decided.budget();
    if let Some(key) = decided.allocated.exceeds(&budget) {
        let message = format!(
            "Projects hold more {key} than the budget: {} of {}. Nothing new starts until less is in use; nothing that runs is stopped.",
            decided.allocated.get(key),
            budget.get(key)
        );
        return Verdict::yes(KIND, "OverBudget", message);
    }
    Verdict::no(KIND, "WithinBudget", "What projects hold is within the budget.")
}

/// Loans that are asked back, and from whom.
fn lending(decided: &AgencyQuotaStatus, stores: &Stores) -> Option<Verdict> {
    const KIND: &str = "Lending";
    let loans: Vec<_> = decided.loans.iter().filter(|loan| !loan.hard.is_empty()).collect();
    if loans.is_empty() {
        return None;
    }
    let lent = |loan: &&Share| format!("{} to {}", loan.hard, loan.quota);
    let all = loans.iter().map(lent).collect::<Vec<_>>().join("; ");
    let back: Vec<_> =
        loans.iter().filter(|loan| loan.phase == AllocationPhase::Shrinking).map(|l| waited_for(l, stores)).collect();
    if back.is_empty() {
        return Some(Verdict::yes(KIND, "Lent", format!("Lent: {all}.")));
    }
    let message =
        format!("Lent: {all}. Asked back: {}. What is freed comes back at once; nothing that runs is stopped.", back.join("; "));
    Some(Verdict::yes(KIND, "WaitsForBorrower", message))
}

/// `12 requests.cpu from customs, in use in customs--ml`.
fn waited_for(loan: &Share, stores: &Stores) -> String {
    let back = loan.hard.minus(&loan.lowering_to.clone().unwrap_or_default()).without_zeros();
    let borrower = stores.quotas.get(&ObjectRef::new(&loan.quota)).and_then(|quota| quota.status.clone()).unwrap_or_default();
    let shrinking = borrower.allocations.iter().filter(|a| a.phase == AllocationPhase::Shrinking).map(|a| a.namespace.as_str());
    let places: Vec<_> = shrinking.collect();
    if places.is_empty() {
        return format!("{back} from {}", loan.quota);
    }
    format!("{back} from {}, in use in {}", loan.quota, places.join(", "))
}

/// What is borrowed, what of it is asked back, and what more would be borrowed if there were any.
fn borrowing(quota: &AgencyQuota, decided: &AgencyQuotaStatus, stores: &Stores) -> Option<Verdict> {
    const KIND: &str = "Borrowing";
    let held: Vec<_> = decided.borrowings.iter().filter(|borrowing| !borrowing.hard.is_empty()).collect();
    let short = decided
        .requested
        .minus(&decided.budget())
        .capped_by(&quota.spec.borrowing_limit.minus(&decided.borrowed))
        .without_zeros();
    if held.is_empty() && short.is_empty() {
        return None;
    }
    let all: Vec<_> = held.iter().map(|b| format!("{} of {}", b.hard, b.quota)).collect();
    let holds = if all.is_empty() { "Nothing is borrowed.".to_owned() } else { format!("Borrowed: {}.", all.join("; ")) };
    let back: Vec<_> = held.iter().filter_map(|b| asked_back(quota, &b.quota, stores)).collect();
    Some(if !back.is_empty() {
        let message = format!(
            "{holds} To be given back: {}. Nothing new starts on it and nothing that runs is stopped; what ends goes back.",
            back.join("; ")
        );
        Verdict::yes(KIND, "GivingBack", message)
    } else if short.is_empty() {
        Verdict::yes(KIND, "Borrowed", holds)
    } else {
        Verdict::no(
            KIND,
            "NothingToBorrow",
            format!("{holds} {short} more would be borrowed, but no other agency of the pool lends it."),
        )
    })
}

fn asked_back(quota: &AgencyQuota, lender: &str, stores: &Stores) -> Option<String> {
    let status = stores.quotas.get(&ObjectRef::new(lender))?.status.clone()?;
    let loan = status.loans.into_iter().find(|loan| Some(&loan.uid) == quota.uid().as_ref())?;
    let back: Resources = loan.hard.minus(&loan.lowering_to?).without_zeros();
    (!back.is_empty()).then(|| format!("{back} to {lender}"))
}
