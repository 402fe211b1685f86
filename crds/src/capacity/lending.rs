//! Who lends to whom: a deterministic plan that every operator computes alike from the quotas of a pool.
//!
//! The plan is a wish. What is really lent stands in the lender's ledger, under the same rules as everything that it gives.

use kube::ResourceExt;

use super::{AgencyQuota, Demand, Entry};
use crate::Resources;

/// What all projects of an agency ask of its ledger: their wishes, and what those that are being deleted still have.
pub fn requested(projects: &[Demand], ledger: &[Entry]) -> Resources {
    let of = |demand: &Demand| {
        if !demand.leaving {
            return demand.whole.iter().fold(demand.wanted.clone(), |sum, whole| sum.plus(whole));
        }
        let entry = ledger.iter().find(|entry| entry.uid == demand.uid);
        entry.map_or(&demand.shown, |entry| &entry.hard).clone()
    };
    projects.iter().map(of).fold(Resources::default(), |sum, next| sum.plus(&next)).without_zeros()
}

/// A quota's part in a pool's lending.
struct Party<'a> {
    quota: &'a AgencyQuota,
    /// What it may lend yet.
    surplus: Resources,
    /// What it may borrow yet.
    deficit: Resources,
}

impl<'a> Party<'a> {
    fn of(quota: &'a AgencyQuota) -> Self {
        let status = quota.status.clone().unwrap_or_default();
        // What it still holds and is promised no longer is neither lent nor counted on.
        let share = status.share.unwrap_or_default().hard.capped_by(&quota.spec.guaranteed);
        let (mut surplus, mut deficit) = (Resources::default(), Resources::default());
        if quota.metadata.deletion_timestamp.is_none() {
            surplus = quota.spec.lending_limit.capped_by(&share.minus(&status.requested));
            deficit = quota.spec.borrowing_limit.capped_by(&status.requested.minus(&share));
        }
        Self { quota, surplus, deficit }
    }
}

/// What `lender` should lend to each quota of its pool, by the borrower's name. `pool` has all quotas of the pool, oldest
/// first, `lender` among them with its newest status.
///
/// A lender lends what it was given and its projects do not ask for, up to its `lendingLimit`; a borrower borrows what its
/// projects ask for beyond its share, up to its `borrowingLimit`. Loans that are there stay as far as both still hold; then
/// the oldest borrower is served first, by the oldest lender first.
pub fn loans_of(lender: &str, pool: &[&AgencyQuota]) -> Vec<(String, Resources)> {
    let mut parties: Vec<_> = pool.iter().map(|quota| Party::of(quota)).collect();
    let mut planned: Vec<(String, Resources)> = Vec::new();
    let mut lend = |parties: &mut Vec<Party<'_>>, from: usize, to: usize, at_most: &Resources| {
        let amount = at_most.capped_by(&parties[to].deficit).capped_by(&parties[from].surplus).without_zeros();
        if amount.is_empty() {
            return;
        }
        parties[from].surplus = parties[from].surplus.minus(&amount);
        parties[to].deficit = parties[to].deficit.minus(&amount);
        if parties[from].quota.name_any() == lender {
            planned.push((parties[to].quota.name_any(), amount));
        }
    };
    for (from, to, hard) in current(pool) {
        if pool[to].status.as_ref().is_none_or(|status| status.share.is_none()) {
            // Its status was lost; until it says what it asks for, it keeps what it has.
            parties[to].deficit = parties[to].deficit.plus(&hard);
        }
        lend(&mut parties, from, to, &hard);
    }
    for to in 0..pool.len() {
        for from in (0..pool.len()).filter(|from| *from != to) {
            let wanted = parties[to].deficit.clone();
            lend(&mut parties, from, to, &wanted);
        }
    }
    merged(planned)
}

/// The loans that there are: lender, borrower, amount.
fn current(pool: &[&AgencyQuota]) -> Vec<(usize, usize, Resources)> {
    let place = |name: &str, uid: &str| {
        pool.iter().position(|quota| quota.name_any() == name && quota.metadata.uid.as_deref() == Some(uid))
    };
    let loans = pool.iter().enumerate().flat_map(|(from, quota)| {
        let loans = quota.status.as_ref().map(|s| s.loans.as_slice()).unwrap_or_default();
        loans.iter().map(move |loan| (from, loan))
    });
    loans.filter_map(|(from, loan)| Some((from, place(&loan.quota, &loan.uid)?, loan.hard.clone()))).collect()
}

fn merged(planned: Vec<(String, Resources)>) -> Vec<(String, Resources)> {
    let mut all: Vec<(String, Resources)> = Vec::new();
    for (to, amount) in planned {
        match all.iter_mut().find(|(name, _)| *name == to) {
            Some((_, sum)) => *sum = sum.plus(&amount),
            None => all.push((to, amount)),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    /// A quota with so much of one resource: share, what its projects ask for, what it may borrow and lend.
    fn quota(name: &str, share: u32, requested: u32, borrow: u32, lend: u32) -> AgencyQuota {
        let amount = |units: u32| json!({"requests.cpu": units.to_string()});
        serde_json::from_value(json!({
            "apiVersion": "govcloud.dev/v1alpha1", "kind": "AgencyQuota", "metadata": {"name": name, "uid": name},
            "spec": {"agency": name, "pool": "p", "guaranteed": amount(share), "borrowingLimit": amount(borrow), "lendingLimit": amount(lend)},
            "status": {"share": {"hard": amount(share), "operation": 1}, "requested": amount(requested)},
        }))
        .expect("valid")
    }

    fn with_loan(mut quota: AgencyQuota, to: &str, units: u32) -> AgencyQuota {
        let loan =
            json!({"quota": to, "uid": to, "hard": {"requests.cpu": units.to_string()}, "phase": "Settled", "operation": 1});
        quota.status.get_or_insert_default().loans.push(serde_json::from_value(loan).expect("valid"));
        quota
    }

    fn plan(lender: &str, pool: &[AgencyQuota]) -> Vec<(String, String)> {
        let all: Vec<_> = pool.iter().collect();
        loans_of(lender, &all).into_iter().map(|(to, amount)| (to, amount.get("requests.cpu").to_string())).collect()
    }

    #[test]
    fn what_nobody_asks_for_goes_to_who_asks_for_more_within_both_limits() {
        let pool = [quota("a", 100, 30, 0, 50), quota("b", 20, 90, 60, 0)];
        assert_eq!(plan("a", &pool), [("b".into(), "50".into())]);
        assert_eq!(plan("b", &pool), []);
        assert_eq!(plan("a", &[quota("a", 100, 30, 0, 50), quota("b", 20, 90, 10, 0)]), [("b".into(), "10".into())]);
        assert_eq!(plan("a", &[quota("a", 100, 95, 0, 50), quota("b", 20, 90, 60, 0)]), [("b".into(), "5".into())]);
    }

    #[test]
    fn nothing_is_lent_without_a_limit_or_to_who_asks_for_nothing_more() {
        assert_eq!(plan("a", &[quota("a", 100, 0, 0, 0), quota("b", 20, 90, 60, 0)]), []);
        assert_eq!(plan("a", &[quota("a", 100, 0, 0, 50), quota("b", 20, 90, 0, 0)]), []);
        assert_eq!(plan("a", &[quota("a", 100, 0, 0, 50), quota("b", 20, 20, 60, 0)]), []);
    }

    #[test]
    fn a_loan_stays_where_it_is_until_its_lender_needs_it() {
        let borrowers = [quota("b", 0, 40, 40, 0), quota("c", 0, 40, 40, 0)];
        let pool = |asked| {
            let lender = with_loan(quota("a", 100, asked, 0, 40), "c", 40);
            [vec![lender], borrowers.to_vec()].concat()
        };
        assert_eq!(plan("a", &pool(0)), [("c".into(), "40".into())], "the older borrower b does not take it away");
        assert_eq!(plan("a", &pool(70)), [("c".into(), "30".into())]);
        assert_eq!(plan("a", &pool(100)), []);
    }

    #[test]
    fn a_borrower_whose_status_was_lost_keeps_its_loan() {
        let mut borrower = quota("b", 0, 40, 40, 0);
        borrower.status = None;
        assert_eq!(plan("a", &[with_loan(quota("a", 100, 0, 0, 60), "b", 40), borrower]), [("b".into(), "40".into())]);
    }

    #[test]
    fn several_lenders_serve_one_borrower_and_none_serves_twice() {
        let pool = [quota("a", 10, 0, 0, 10), quota("b", 10, 0, 0, 10), quota("c", 0, 15, 100, 0), quota("d", 0, 15, 100, 0)];
        assert_eq!(plan("a", &pool), [("c".into(), "10".into())]);
        assert_eq!(plan("b", &pool), [("c".into(), "5".into()), ("d".into(), "5".into())]);
    }

    #[test]
    fn a_quota_that_is_being_deleted_neither_lends_nor_borrows() {
        let mut leaving = quota("a", 100, 0, 0, 50);
        leaving.metadata.deletion_timestamp = serde_json::from_value(json!("2026-01-01T00:00:00Z")).expect("a time");
        assert_eq!(plan("a", &[leaving.clone(), quota("b", 0, 50, 50, 0)]), []);
    }

    proptest! {
        #[test]
        fn no_limit_is_ever_passed(parties in prop::collection::vec((0_u32..100, 0_u32..200, 0_u32..50, 0_u32..50), 1..6)) {
            let pool: Vec<_> = parties.iter().enumerate().map(|(i, (s, r, b, l))| quota(&i.to_string(), *s, *r, *b, *l)).collect();
            let mut borrowed = vec![0_u32; pool.len()];
            for (lender, (share, asked, _, limit)) in parties.iter().enumerate() {
                let loans = plan(&lender.to_string(), &pool);
                let lent: u32 = loans.iter().map(|(_, units)| units.parse::<u32>().expect("whole")).sum();
                prop_assert!(lent <= (*limit).min(share.saturating_sub(*asked)));
                for (to, units) in loans {
                    borrowed[to.parse::<usize>().expect("a number")] += units.parse::<u32>().expect("whole");
                }
            }
            for (borrowed, (share, asked, limit, _)) in borrowed.into_iter().zip(&parties) {
                prop_assert!(borrowed <= (*limit).min(asked.saturating_sub(*share)));
            }
        }
    }
}
