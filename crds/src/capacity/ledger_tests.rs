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
