//! [`super`] in small cases and at random.

use super::*;
use crate::Quantity;
use proptest::prelude::*;

fn cpu(units: i64) -> Resources {
    [("requests.cpu".to_owned(), Quantity::from_units(units))].into_iter().collect()
}

fn demand(namespace: &str, wanted: i64, shown: i64) -> Demand {
    Demand { holder: namespace.into(), uid: namespace.into(), wanted: cpu(wanted), shown: cpu(shown), ..Demand::default() }
}

/// The same demand, once its ResourceQuota was written for this operation.
fn for_operation(demand: Demand, operation: i64) -> Demand {
    Demand { operation, ..demand }
}

fn hard(ledger: &[Entry]) -> Vec<i64> {
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
    assert_eq!((waiting[0].phase, waiting[0].operation), (AllocationPhase::Shrinking, 2));
    let spec_only = allocate(&cpu(30), &waiting, &[for_operation(demand("a", 5, 20), 2), demand("b", 30, 10)]);
    assert_eq!(spec_only, waiting);
    let released = allocate(&cpu(30), &waiting, &[for_operation(demand("a", 5, 5), 2), demand("b", 30, 10)]);
    assert_eq!(hard(&released), [5, 25]);
    assert_eq!((released[0].phase, released[0].operation), (AllocationPhase::Settled, 2));
}

#[test]
fn a_raise_that_never_arrived_is_taken_back_only_after_the_quota_was_written() {
    let before = allocate(&cpu(30), &[], &[demand("a", 20, 0)]);
    let shrinking = allocate(&cpu(30), &before, &[demand("a", 5, 5), demand("b", 30, 0)]);
    assert_eq!(hard(&shrinking), [20, 10], "the quota shows no more, but 20 may be on its way");
    let written = allocate(&cpu(30), &shrinking, &[for_operation(demand("a", 5, 5), 2), demand("b", 30, 10)]);
    assert_eq!(hard(&written), [5, 25]);
}

#[test]
fn a_ledger_that_was_lost_is_rebuilt_from_what_the_quotas_show() {
    let found = [for_operation(demand("a", 25, 20), 7), for_operation(demand("b", 25, 10), 3)];
    let ledger = allocate(&cpu(30), &[], &found);
    assert_eq!(hard(&ledger), [20, 10]);
    assert_eq!((ledger[0].operation, ledger[1].operation), (8, 4), "a number is not given twice");
}

#[test]
fn what_shrinks_is_not_raised() {
    let shrinking = allocate(&cpu(30), &allocate(&cpu(30), &[], &[demand("a", 20, 0)]), &[demand("a", 5, 20)]);
    assert_eq!(release(&cpu(20), shrinking.first(), Some(Live { hard: &cpu(5), operation: 1 })).hard, cpu(5));
    assert_eq!(release(&cpu(5), shrinking.first(), Some(Live { hard: &cpu(20), operation: 1 })).hard, cpu(5));
    assert_eq!(
        release(&cpu(20), shrinking.first(), None).hard,
        cpu(5),
        "a quota that is missing is made as small as it is to be"
    );
}

#[test]
fn what_was_written_for_a_later_operation_is_not_raised() {
    let remembered = allocate(&cpu(30), &[], &[demand("a", 20, 0)]);
    let by = |operation| release(&cpu(20), remembered.first(), Some(Live { hard: &cpu(5), operation }));
    assert_eq!(by(1), Released { hard: cpu(20), operation: 1 });
    assert_eq!(by(2), Released { hard: cpu(5), operation: 2 }, "the number does not go back");
}

#[test]
fn a_rebuilt_ledger_catches_up_with_the_number_of_a_holder() {
    let rebuilt = allocate(&cpu(30), &[], &[for_operation(demand("a", 20, 10), 4)]);
    assert_eq!((hard(&rebuilt), rebuilt[0].operation), (vec![20], 5));
    let caught_up = allocate(&cpu(30), &rebuilt, &[for_operation(demand("a", 20, 10), 6)]);
    assert_eq!((hard(&caught_up), caught_up[0].operation), (vec![20], 7), "else it would never be raised");
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
    assert_eq!(release(&cpu(40), ledger.first(), None).hard, cpu(30));
    assert_eq!(release(&cpu(7), ledger.first(), None).hard, cpu(7));
    assert_eq!(release(&cpu(7), None, None).hard, cpu(0));
}

proptest! {
    /// From any history of wishes, whatever the quotas show of what was released: the sum stays within the budget.
    #[test]
    fn never_above_the_budget(steps in prop::collection::vec((0_usize..4, 0_i64..50, any::<bool>()), 1..60)) {
        let budget = cpu(60);
        let (mut wanted, mut shown, mut operations, mut ledger) = ([0_i64; 4], [0_i64; 4], [0_i64; 4], Vec::new());
        for (who, wish, follows) in steps {
            wanted[who] = wish;
            let demands: Vec<_> = (0..4).map(|i| for_operation(demand(&i.to_string(), wanted[i], shown[i]), operations[i])).collect();
            ledger = allocate(&budget, &ledger, &demands);
            prop_assert!(total(&ledger).fits_in(&budget));
            if follows {
                for (i, given) in hard(&ledger).into_iter().enumerate() {
                    (shown[i], operations[i]) = (given.min(wanted[i]), ledger[i].operation);
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

/// An amount as people write it, from nothing to more than any nation has, in any unit.
fn amount() -> impl Strategy<Value = Quantity> {
    let units = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
    let number = prop_oneof![Just(0_u64), 1_u64..10, 1_u64..100_000, Just(u64::MAX / 2)];
    (number, prop::sample::select(units.to_vec()))
        .prop_map(|(number, unit)| format!("{number}{unit}").parse().expect("a quantity"))
}

/// Some keys with amounts; others are missing.
fn resources() -> impl Strategy<Value = Resources> {
    let key = prop::sample::select(vec!["requests.cpu", "requests.memory", "requests.nvidia.com/gpu", "pods"]);
    prop::collection::btree_map(key.prop_map(str::to_owned), amount(), 0..4).prop_map(Resources)
}

fn any_demand(holder: usize) -> impl Strategy<Value = Demand> {
    let parts = (resources(), prop::collection::vec(resources(), 0..3), resources(), 0_i64..4, any::<bool>());
    parts.prop_map(move |(wanted, whole, shown, operation, leaving)| Demand {
        holder: holder.to_string(),
        uid: holder.to_string(),
        used: shown.clone(),
        wanted,
        whole,
        shown,
        operation,
        leaving,
    })
}

fn any_demands() -> impl Strategy<Value = Vec<Demand>> {
    (any_demand(0), any_demand(1), any_demand(2)).prop_map(|(a, b, c)| vec![a, b, c])
}

proptest! {
    /// Whatever the units, however much or little, whichever keys are missing on whichever side.
    #[test]
    fn any_amounts_under_any_keys_stay_within_the_budget(budget in resources(), first in any_demands(), then in any_demands()) {
        let none: Vec<Demand> = first.iter().map(|d| Demand { shown: Resources::default(), used: Resources::default(), ..d.clone() }).collect();
        let before = allocate(&budget, &[], &none);
        prop_assert!(total(&before).fits_in(&budget), "{} of {}", total(&before), budget);
        let after = allocate(&budget, &before, &curb(&budget, &before, then.clone()));
        prop_assert!(total(&after).fits_in(&budget), "{} of {}", total(&after), budget);
        for (entry, demand) in after.iter().zip(&then) {
            let live = Live { hard: &demand.shown, operation: demand.operation };
            let released = release(&demand.wanted, Some(entry), Some(live));
            prop_assert!(released.hard.fits_in(&entry.hard) && released.hard.fits_in(&demand.wanted));
            prop_assert!(released.operation >= demand.operation);
        }
    }

    /// A budget that is too small by now: what is asked of each is no more than it wished, and comes down to the budget where
    /// nobody leaves.
    #[test]
    fn what_is_too_much_is_taken_back(budget in resources(), less in resources(), mut demands in any_demands()) {
        for demand in &mut demands {
            (demand.leaving, demand.whole) = (false, Vec::new());
        }
        let before = allocate(&budget, &[], &demands.iter().map(|d| Demand { shown: Resources::default(), ..d.clone() }).collect::<Vec<_>>());
        let curbed = curb(&less, &before, demands.clone());
        let kept: Resources = curbed.iter().zip(&before).map(|(demand, entry)| entry.hard.capped_by(&demand.wanted)).fold(Resources::default(), |sum, next| sum.plus(&next));
        prop_assert!(kept.fits_in(&less), "{} of {}", kept, less);
        prop_assert!(curbed.iter().zip(&demands).all(|(curbed, demand)| curbed.wanted.fits_in(&demand.wanted)));
    }

    #[test]
    fn sums_and_differences_go_together(a in resources(), b in resources()) {
        prop_assert!(a.fits_in(&a.plus(&b)) && b.fits_in(&a.plus(&b)));
        prop_assert!(a.minus(&b).fits_in(&a) && a.capped_by(&b).fits_in(&b) && a.capped_by(&b).fits_in(&a));
        prop_assert_eq!(a.minus(&b).plus(&a.capped_by(&b)).without_zeros(), a.clone().without_zeros());
        prop_assert_eq!(a.fits_in(&b), a.minus(&b).without_zeros().is_empty());
        prop_assert!(a.plus(&b).minus(&b).fits_in(&a), "a sum beyond what can be counted is the most that can");
    }
}
