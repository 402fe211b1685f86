//! The arithmetic of pools and ledgers.
//!
//! Two inequalities hold in every ledger that [`allocate`] returns: the allocations sum up to at most the budget unless
//! they already did not, and no allocation is below what its ResourceQuota still shows. A reduction is therefore
//! released by evidence, never by time.

use super::{AgencyQuota, Allocation, AllocationPhase};
use crate::Resources;

/// What one project namespace asks of its agency's ledger, and what its ResourceQuota shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Demand {
    /// The project namespace.
    pub namespace: String,
    /// Its uid.
    pub uid: String,
    /// What it asks for; nothing once the project is being deleted.
    pub wanted: Resources,
    /// Key by key the largest of the ResourceQuota's `spec.hard`, `status.hard` and `status.used`.
    pub shown: Resources,
    /// Whether the project is being deleted: it keeps all it has until its namespace is gone, because its ResourceQuota
    /// may go before its pods do.
    pub leaving: bool,
}

/// The ledger after `demands` (oldest project first) were served from `budget`, given the ledger `before`.
///
/// An entry whose namespace is in no demand any more is dropped: its namespace is gone, and with it all it used.
pub fn allocate(budget: &Resources, before: &[Allocation], demands: &[Demand]) -> Vec<Allocation> {
    let floors: Vec<Resources> = demands.iter().map(|demand| floor(demand, entry(before, demand))).collect();
    let mut left = budget.minus(&floors.iter().sum());
    demands
        .iter()
        .zip(&floors)
        .map(|(demand, floor)| {
            let raise = demand.wanted.minus(floor).capped_by(&left);
            left = left.minus(&raise);
            allocation(demand, floor.plus(&raise), entry(before, demand))
        })
        .collect()
}

fn entry<'a>(before: &'a [Allocation], demand: &Demand) -> Option<&'a Allocation> {
    before.iter().find(|a| a.namespace == demand.namespace && a.uid == demand.uid)
}

/// What the namespace keeps whatever happens: what it has as far as it still wants it, and what its ResourceQuota shows.
fn floor(demand: &Demand, current: Option<&Allocation>) -> Resources {
    let has = current.map(|a| a.hard.clone()).unwrap_or_default();
    let still = |key: &str| if demand.leaving { has.get(key) } else { demand.wanted.get(key).min(has.get(key)) };
    let keys = has.0.keys().chain(demand.shown.0.keys());
    keys.map(|key| (key.clone(), still(key).max(demand.shown.get(key)))).collect()
}

fn allocation(demand: &Demand, mut hard: Resources, before: Option<&Allocation>) -> Allocation {
    hard.0.retain(|_, amount| !amount.is_zero_or_less()); // nothing is what every key has that is not named
    let phase = if !hard.fits_in(&demand.wanted) {
        AllocationPhase::Shrinking
    } else if hard.fits_in(&demand.shown) {
        AllocationPhase::Settled
    } else {
        AllocationPhase::Growing
    };
    let operation = match before {
        Some(before) if before.hard == hard => before.operation,
        Some(before) => before.operation + 1,
        None => 1,
    };
    Allocation { namespace: demand.namespace.clone(), uid: demand.uid.clone(), hard, phase, operation }
}

/// The sum of a ledger's allocations.
pub fn allocated(ledger: &[Allocation]) -> Resources {
    ledger.iter().map(|a| &a.hard).sum()
}

/// What the ResourceQuota of a namespace may be: what it wants, as far as the ledger gave it.
pub fn release(wanted: &Resources, allocation: Option<&Allocation>) -> Resources {
    wanted.capped_by(&allocation.map(|a| a.hard.clone()).unwrap_or_default())
}

/// What a pool has promised to agencies.
pub fn guaranteed<'a>(pool: &str, quotas: impl IntoIterator<Item = &'a AgencyQuota>) -> Resources {
    quotas.into_iter().filter(|quota| quota.spec.pool == pool).map(|quota| &quota.spec.guaranteed).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Quantity;
    use proptest::prelude::*;

    fn cpu(units: i64) -> Resources {
        [("requests.cpu".to_owned(), Quantity::from_units(units))].into_iter().collect()
    }

    fn demand(namespace: &str, wanted: i64, shown: i64) -> Demand {
        Demand { namespace: namespace.into(), uid: namespace.into(), wanted: cpu(wanted), shown: cpu(shown), leaving: false }
    }

    fn hard(ledger: &[Allocation]) -> Vec<i64> {
        ledger.iter().map(|a| a.hard.get("requests.cpu").divide_up(Quantity::from_units(1)).expect("finite")).collect()
    }

    #[test]
    fn the_budget_is_given_oldest_first_and_no_further() {
        let ledger = allocate(&cpu(30), &[], &[demand("a", 20, 0), demand("b", 20, 0), demand("c", 5, 0)]);
        assert_eq!(hard(&ledger), [20, 10, 0]);
    }

    #[test]
    fn who_has_keeps_it_when_an_older_one_asks_for_more() {
        let before = allocate(&cpu(30), &[], &[demand("a", 10, 0), demand("b", 20, 0)]);
        assert_eq!(hard(&allocate(&cpu(30), &before, &[demand("a", 30, 10), demand("b", 20, 20)])), [10, 20]);
    }

    #[test]
    fn a_reduction_is_released_only_when_the_quota_shows_it() {
        let before = allocate(&cpu(30), &[], &[demand("a", 20, 0), demand("b", 10, 0)]);
        let waiting = allocate(&cpu(30), &before, &[demand("a", 5, 20), demand("b", 30, 10)]);
        assert_eq!(hard(&waiting), [20, 10]);
        assert_eq!(waiting[0].phase, AllocationPhase::Shrinking);
        let released = allocate(&cpu(30), &waiting, &[demand("a", 5, 5), demand("b", 30, 10)]);
        assert_eq!(hard(&released), [5, 25]);
        assert_eq!(released[0].phase, AllocationPhase::Settled);
    }

    #[test]
    fn a_project_that_goes_keeps_what_it_has_until_its_namespace_is_gone() {
        let before = allocate(&cpu(30), &[], &[demand("a", 30, 0)]);
        let going = Demand { leaving: true, ..demand("a", 0, 0) };
        let meanwhile = allocate(&cpu(30), &before, &[going, demand("b", 10, 0)]);
        assert_eq!(hard(&meanwhile), [30, 0]);
        assert_eq!(hard(&allocate(&cpu(30), &meanwhile, &[demand("b", 10, 0)])), [10]);
    }

    #[test]
    fn a_namespace_of_the_same_name_is_not_the_same_one() {
        let before = allocate(&cpu(30), &[], &[demand("a", 30, 0)]);
        let mut again = demand("a", 10, 0);
        again.uid = "other".into();
        assert_eq!(hard(&allocate(&cpu(30), &before, &[again])), [10]);
    }

    #[test]
    fn a_smaller_budget_takes_nothing_away() {
        let before = allocate(&cpu(30), &[], &[demand("a", 30, 0)]);
        assert_eq!(hard(&allocate(&cpu(10), &before, &[demand("a", 30, 30), demand("b", 5, 0)])), [30, 0]);
    }

    #[test]
    fn the_released_quota_never_exceeds_the_ledger_or_the_wish() {
        let ledger = allocate(&cpu(30), &[], &[demand("a", 40, 0)]);
        assert_eq!(release(&cpu(40), ledger.first()), cpu(30));
        assert_eq!(release(&cpu(7), ledger.first()), cpu(7));
        assert_eq!(release(&cpu(7), None), cpu(0));
    }

    proptest! {
        /// From any history of wishes, whatever the quotas show of what was released: the sum stays within the budget.
        #[test]
        fn never_above_the_budget(steps in prop::collection::vec((0_usize..4, 0_i64..50, any::<bool>()), 1..60)) {
            let budget = cpu(60);
            let (mut wanted, mut shown, mut ledger) = ([0_i64; 4], [0_i64; 4], Vec::new());
            for (who, wish, follows) in steps {
                wanted[who] = wish;
                let demands: Vec<_> = (0..4).map(|i| demand(&i.to_string(), wanted[i], shown[i])).collect();
                ledger = allocate(&budget, &ledger, &demands);
                prop_assert!(allocated(&ledger).fits_in(&budget));
                if follows {
                    for (i, given) in hard(&ledger).into_iter().enumerate() {
                        shown[i] = given.min(wanted[i]);
                    }
                }
            }
        }

        #[test]
        fn a_second_run_changes_nothing(wishes in prop::collection::vec(0_i64..50, 4)) {
            let demands: Vec<_> = wishes.iter().enumerate().map(|(i, w)| demand(&i.to_string(), *w, 0)).collect();
            let once = allocate(&cpu(60), &[], &demands);
            prop_assert_eq!(allocate(&cpu(60), &once, &demands), once);
        }
    }
}
