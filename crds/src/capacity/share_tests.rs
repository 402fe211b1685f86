//! Small national stories: a pool, two agencies, their projects; every object follows the rules' decisions by and by.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{super::AllocationPhase, *};
use crate::Quantity;

const KEY: &str = "requests.cpu";

fn cpu(units: i64) -> Resources {
    [(KEY.to_owned(), Quantity::from_units(units))].into_iter().collect()
}

fn units(amounts: &Resources) -> i64 {
    amounts.get(KEY).divide_up(Quantity::from_units(1)).expect("finite")
}

fn pool(capacity: Value) -> CapacityPool {
    let manifest = json!({
        "apiVersion": "govcloud.dev/v1alpha1", "kind": "CapacityPool", "metadata": {"name": "p"},
        "spec": {"zones": ["z"], "capacity": capacity},
    });
    serde_json::from_value(manifest).expect("a pool")
}

/// A quota with so much guaranteed, to borrow and to lend.
fn quota(name: &str, guaranteed: i64, borrow: i64, lend: i64) -> AgencyQuota {
    let amount = |units: i64| json!({KEY: units.to_string()});
    let manifest = json!({
        "apiVersion": "govcloud.dev/v1alpha1", "kind": "AgencyQuota", "metadata": {"name": name, "uid": name},
        "spec": {"agency": name, "pool": "p", "guaranteed": amount(guaranteed), "borrowingLimit": amount(borrow), "lendingLimit": amount(lend)},
    });
    serde_json::from_value(manifest).expect("a quota")
}

/// A pool, its quotas, and one project of each: what it wants, what its ResourceQuota says and for which operation, its use.
#[derive(Clone, Debug, PartialEq)]
struct Nation {
    pool: CapacityPool,
    quotas: Vec<AgencyQuota>,
    wants: Vec<i64>,
    hard: Vec<(i64, i64)>,
    used: Vec<i64>,
}

impl Nation {
    fn new(capacity: i64, quotas: Vec<AgencyQuota>, wants: &[i64]) -> Self {
        let nobody = vec![0; quotas.len()];
        let hard = vec![(0, 0); quotas.len()];
        Self { pool: pool(json!({KEY: capacity.to_string()})), quotas, wants: wants.to_vec(), hard, used: nobody }
    }

    fn demand(&self, of: usize) -> Demand {
        let (hard, operation) = self.hard[of];
        let holder = format!("{}--project", self.quotas[of].name_any());
        let (wanted, shown, used) = (cpu(self.wants[of]), cpu(hard.max(self.used[of])), cpu(self.used[of]));
        Demand { uid: holder.clone(), holder, wanted, shown, used, operation, ..Demand::default() }
    }

    fn decide_pool(&mut self) {
        let capacity = self.pool.spec.capacity.clone().unwrap_or_default();
        self.pool.status = Some(decide_pool(&self.pool, capacity, &self.quotas, |_| false, vec![]));
    }

    fn decide(&mut self, of: usize) {
        let peers = self.quotas.iter().enumerate().filter(|(i, _)| *i != of).map(|(_, peer)| peer).collect();
        let observed =
            Observed { quota: &self.quotas[of], pool: Some(&self.pool), peers, projects: vec![self.demand(of)], leaving: vec![] };
        let decided = decide(&observed);
        self.quotas[of].status = Some(decided);
    }

    /// The ResourceQuota follows the ledger.
    fn release(&mut self, of: usize) {
        let entry = self.status(of).allocations.first().map(Entry::from);
        let live = cpu(self.hard[of].0);
        let live = Live { hard: &live, operation: self.hard[of].1 };
        let given = release(&cpu(self.wants[of]), entry.as_ref(), Some(live));
        self.hard[of] = (units(&given.hard), given.operation);
    }

    /// Everybody decides in turn, until nobody has anything to change. A loan may go back in many small steps.
    fn settle(mut self) -> Self {
        const ROUNDS: usize = 1000;
        for _ in 0..ROUNDS {
            let before = self.clone();
            self.decide_pool();
            for of in 0..self.quotas.len() {
                self.decide(of);
                self.release(of);
            }
            if self == before {
                return self;
            }
        }
        panic!("it does not come to rest in {ROUNDS} rounds: {self:?}");
    }

    /// The ledger of a quota is lost, or that of the pool.
    fn lose(mut self, whose: Option<usize>) -> Self {
        match whose {
            Some(of) => self.quotas[of].status = None,
            None => self.pool.status = None,
        }
        self
    }

    fn status(&self, of: usize) -> AgencyQuotaStatus {
        self.quotas[of].status.clone().unwrap_or_default()
    }

    fn enforced(&self) -> Vec<i64> {
        self.hard.iter().map(|(hard, _)| *hard).collect()
    }

    /// What every committed state obeys: nobody gave more than it holds, and holds more than it was given.
    fn check(&self) -> Result<(), String> {
        let shares: Resources = self.pool.status.iter().flat_map(|s| &s.shares).map(|share| &share.hard).sum();
        if !shares.fits_in(&self.pool.spec.capacity.clone().unwrap_or_default()) {
            return Err(format!("shares of {shares}"));
        }
        for (of, quota) in self.quotas.iter().enumerate() {
            let status = self.status(of);
            let held = status.share.clone().unwrap_or_default().hard.plus(&status.borrowed);
            if !status.allocated.plus(&status.lent).fits_in(&held) {
                return Err(format!("{} gave more than it holds: {status:?}", quota.name_any()));
            }
            if self.hard[of].0.max(self.used[of]) > units(&status.allocated) {
                return Err(format!("{} has {:?} of {status:?}", quota.name_any(), self.hard[of]));
            }
            for borrowing in &status.borrowings {
                let lender = self.quotas.iter().position(|q| q.name_any() == borrowing.quota).map(|i| self.status(i));
                let loan = lender.and_then(|lender| lender.loans.into_iter().find(|loan| loan.quota == quota.name_any()));
                if !borrowing.hard.fits_in(&loan.map(|loan| loan.hard).unwrap_or_default()) {
                    return Err(format!("{} borrowed what nobody lent: {borrowing:?}", quota.name_any()));
                }
            }
        }
        Ok(())
    }
}

#[test]
fn a_pool_gives_no_more_than_it_has_and_takes_nothing_away_when_it_shrinks() {
    let mut nation = Nation::new(100, vec![quota("a", 80, 0, 0), quota("b", 50, 0, 0)], &[80, 50]).settle();
    assert_eq!(nation.enforced(), [80, 20]);
    nation.pool.spec.capacity = Some(cpu(60));
    let mut nation = nation.settle();
    assert_eq!(nation.enforced(), [80, 20]);
    nation.quotas[0].spec.guaranteed = cpu(10);
    let nation = nation.settle();
    assert_eq!(nation.enforced(), [10, 50], "what the first has no right to any more the second gets");
    let status = nation.pool.status.expect("a status");
    assert_eq!((units(&status.guaranteed), units(&status.available)), (60, 0));
}

#[test]
fn a_lower_guarantee_stops_growth_and_what_runs_goes_on() {
    let mut nation = Nation::new(100, vec![quota("a", 80, 0, 0)], &[80]).settle();
    nation.used[0] = 70;
    nation.quotas[0].spec.guaranteed = cpu(30);
    let mut nation = nation.settle();
    assert_eq!(nation.enforced(), [30], "below the use: nothing new starts");
    let status = nation.status(0);
    assert_eq!((units(&status.allocated), status.allocations[0].phase), (70, AllocationPhase::Shrinking));
    assert_eq!(units(&status.share.expect("a share").hard), 70, "what is in use is not given to others");
    nation.used[0] = 20;
    let nation = nation.settle();
    assert_eq!((nation.enforced(), units(&nation.status(0).allocated)), (vec![30], 30));
}

#[test]
fn what_one_does_not_need_another_borrows_and_gives_back_as_its_use_ends() {
    let mut nation = Nation::new(100, vec![quota("a", 100, 0, 60), quota("b", 0, 50, 0)], &[10, 90]).settle();
    assert_eq!(nation.enforced(), [10, 50], "as far as the borrowing limit goes");
    nation.used[1] = 40;
    nation.wants[0] = 100;
    let mut nation = nation.settle();
    assert_eq!(nation.enforced(), [60, 0], "what is free goes back at once; nothing new starts at the borrower");
    assert_eq!((units(&nation.status(1).borrowed), units(&nation.status(0).lent)), (40, 40));
    nation.used[1] = 15;
    let mut nation = nation.settle();
    assert_eq!(nation.enforced(), [85, 0]);
    nation.used[1] = 0;
    let nation = nation.settle();
    assert_eq!(nation.enforced(), [100, 0]);
    assert!(nation.status(1).borrowings.iter().all(|b| b.hard.is_empty()) && nation.status(0).lent.is_empty());
}

#[test]
fn a_quota_that_is_deleted_waits_for_its_projects_and_its_borrowers() {
    let mut nation = Nation::new(100, vec![quota("a", 100, 0, 60), quota("b", 0, 50, 0)], &[10, 90]).settle();
    nation.used = vec![5, 20];
    nation.quotas[0].metadata.deletion_timestamp = serde_json::from_value(json!("2026-01-01T00:00:00Z")).expect("a time");
    let mut nation = nation.settle();
    assert_eq!(nation.enforced(), [0, 0]);
    assert_eq!((units(&nation.status(0).allocated), units(&nation.status(0).lent)), (5, 20));
    nation.used = vec![0, 0];
    let nation = nation.settle();
    let status = nation.status(0);
    assert!(status.allocated.is_empty() && status.lent.is_empty() && status.share.expect("a share").hard.is_empty());
}

#[test]
fn ledgers_that_were_lost_are_rebuilt_from_what_their_holders_show() {
    let nation = Nation::new(100, vec![quota("a", 100, 0, 60), quota("b", 0, 50, 0)], &[10, 90]).settle();
    let expected = nation.enforced();
    let mut lost = nation.clone();
    lost.pool.status = None;
    assert_eq!(lost.settle().enforced(), expected);
    for of in 0..2 {
        let mut lost = nation.clone();
        lost.quotas[of].status = None;
        lost.decide(of);
        assert_eq!(units(&lost.status(of).allocated), expected[of], "before anything else follows");
        lost.release(of);
        assert_eq!(lost.enforced(), expected);
        assert_eq!(lost.settle().enforced(), expected);
    }
}

#[test]
fn a_pool_limits_what_nodes_have_and_not_how_many_objects_there_are() {
    let mut other = quota("a", 1, 0, 0);
    other.spec.guaranteed =
        serde_json::from_value(json!({KEY: "1", "pods": "50", "requests.nvidia.com/gpu": "8", "requests.storage": "1Ti"}))
            .expect("amounts");
    other.status = Some(AgencyQuotaStatus { share: Some(Held::default()), ..AgencyQuotaStatus::default() });
    let given = |pool: &CapacityPool, capacity| {
        let status = decide_pool(pool, capacity, &[&other], |_| false, vec![]);
        (status.shares[0].hard.to_string(), status.guaranteed.to_string())
    };
    let declared = pool(json!({KEY: "4"}));
    assert_eq!(
        given(&declared, cpu(4)),
        ("50 pods, 1 requests.cpu".into(), "1 requests.cpu, 8 requests.nvidia.com/gpu, 1Ti requests.storage".into())
    );
    let mut measured = declared;
    measured.spec.capacity = None;
    assert_eq!(given(&measured, cpu(4)).0, "50 pods, 1 requests.cpu, 1Ti requests.storage", "nodes say nothing about storage");
}

proptest! {
    /// Whoever decides when, and whatever people wish and use: every state in between is within what there is.
    #[test]
    fn no_state_in_between_gives_more_than_there_is(
        limits in prop::collection::vec((0_i64..60, 0_i64..40, 0_i64..40), 3),
        steps in prop::collection::vec((0_usize..3, 0_u8..6, 0_i64..90), 1..80),
    ) {
        let quotas = limits.iter().enumerate().map(|(i, (g, b, l))| quota(&i.to_string(), *g, *b, *l)).collect();
        let mut nation = Nation::new(100, quotas, &[50, 50, 50]);
        for (of, step, amount) in steps {
            match step {
                0 => nation.wants[of] = amount,
                1 => nation.used[of] = amount.min(nation.hard[of].0.max(nation.used[of])),
                2 => nation.quotas[of].spec.guaranteed = cpu(amount),
                3 => nation.decide_pool(),
                4 => nation.decide(of),
                _ => nation.release(of),
            }
            prop_assert_eq!(nation.check(), Ok(()));
        }
        let settled = nation.settle();
        prop_assert_eq!(settled.check(), Ok(()));
    }

    /// Whichever one ledger is lost at whatever moment: what namespaces may use stays within what there is.
    #[test]
    fn no_lost_ledger_gives_more_than_there_is(
        limits in prop::collection::vec((0_i64..60, 0_i64..40, 0_i64..40), 3),
        steps in prop::collection::vec((0_usize..3, 0_u8..7, 0_i64..90), 1..80),
    ) {
        let quotas = limits.iter().enumerate().map(|(i, (g, b, l))| quota(&i.to_string(), *g, *b, *l)).collect();
        let mut nation = Nation::new(100, quotas, &[50, 50, 50]).settle();
        for (of, step, amount) in steps {
            match step {
                0 => nation.wants[of] = amount,
                1 => nation.used[of] = amount.min(nation.hard[of].0.max(nation.used[of])),
                2 => nation.decide_pool(),
                3 => nation.decide(of),
                4 => nation.release(of),
                _ => nation = nation.settle().lose(if step == 5 { Some(of) } else { None }),
            }
            let all: i64 = nation.hard.iter().zip(&nation.used).map(|((hard, _), used)| *hard.max(used)).sum();
            prop_assert!(all <= 100, "{} of 100: {:?}", all, nation);
        }
    }
}
