//! What is stored, in small numbers, and what the product's arithmetic makes of it.

use std::{cell::RefCell, collections::HashMap};

use govcloud_crds::{
    AgencyQuota, CapacityPool, Quantity, Resources,
    capacity::{
        AgencyQuotaSpec, AgencyQuotaStatus, Allocation, AllocationPhase, Borrowing, CapacityPoolSpec, CapacityPoolStatus, Demand,
        Entry as Given, Held, Live, Observed, Share, decide, release,
    },
};

/// How many namespaces and agencies there are, and whose namespace each is.
pub const N: usize = 3;
pub const A: usize = 2;
pub const AGENCY_OF: [usize; N] = [0, 0, 1];
/// What each agency was given by the pool: all of it is the first one's, which lends all it does not need; the second lives
/// on what it borrows.
pub const SHARE: [i64; A] = [1, 0];
/// Whose ResourceQuota is also in use, which goes up only by admission and down at any time.
pub const IN_USE: usize = 2;
const KEY: &str = "requests.cpu";
const PHASES: [AllocationPhase; 3] = [AllocationPhase::Settled, AllocationPhase::Growing, AllocationPhase::Shrinking];

/// An entry of a ledger: for a namespace, or for the agency that borrows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Entry {
    pub holder: usize,
    pub hard: i64,
    phase: u8,
    pub operation: i64,
    to: Option<i64>,
}

/// What an agency says that it holds: of its pool, or of a lender.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Record {
    pub hard: i64,
    pub operation: i64,
}

/// An agency's AgencyQuota.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Ledger {
    pub version: u32,
    pub requested: i64,
    pub share: Record,
    pub allocations: Vec<Entry>,
    pub loans: Vec<Entry>,
    pub borrowed: Option<Record>,
}

/// A namespace's ResourceQuota; version 0 is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Quota {
    pub version: u32,
    pub spec: i64,
    pub status: i64,
    pub used: i64,
    pub operation: i64,
}

/// What is stored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Cluster {
    pub wanted: [i64; N],
    pub ledgers: [Ledger; A],
    pub quotas: [Quota; N],
}

pub fn units(amount: i64) -> Resources {
    [(KEY.to_owned(), Quantity::from_units(amount))].into_iter().collect()
}

pub fn amount(resources: &Resources) -> i64 {
    resources.get(KEY).divide_up(Quantity::from_units(1)).unwrap_or_default()
}

fn namespace(holder: usize) -> String {
    format!("namespace-{holder}")
}

fn agency(holder: usize) -> String {
    format!("agency-{holder}")
}

impl Entry {
    fn of(holder: usize, given: &Given) -> Self {
        let (phase, to) = (given.phase as u8, given.lowering_to.as_ref().map(amount));
        Self { holder, hard: amount(&given.hard), phase, operation: given.operation, to }
    }

    /// The same as if it did not shrink.
    pub fn grown(&self) -> Self {
        Self { phase: AllocationPhase::Growing as u8, to: None, ..*self }
    }

    pub fn given(&self, name: String) -> Given {
        let phase = PHASES.into_iter().find(|phase| *phase as u8 == self.phase).unwrap_or(AllocationPhase::Settled);
        let (hard, lowering_to) = (units(self.hard), self.to.map(units));
        Given { uid: name.clone(), holder: name, hard, phase, operation: self.operation, lowering_to }
    }
}

impl Cluster {
    /// All want what they want, the pool gave its shares, and nobody has anything yet.
    pub fn new(wanted: [i64; N]) -> Self {
        let ledger =
            |agency: usize| Ledger { version: 1, share: Record { hard: SHARE[agency], operation: 1 }, ..Ledger::default() };
        Self { wanted, ledgers: std::array::from_fn(ledger), ..Self::default() }
    }

    pub fn entry(&self, namespace: usize) -> Option<&Entry> {
        self.ledgers[AGENCY_OF[namespace]].allocations.iter().find(|entry| entry.holder == namespace)
    }
}

impl Ledger {
    fn status(&self, lender: usize) -> AgencyQuotaStatus {
        let share = Held { hard: units(self.share.hard), operation: self.share.operation };
        let borrowing =
            |record: Record| Borrowing { quota: agency(lender), hard: units(record.hard), operation: record.operation };
        AgencyQuotaStatus {
            share: Some(share),
            requested: units(self.requested),
            allocations: self.allocations.iter().map(|e| Allocation::from(e.given(namespace(e.holder)))).collect(),
            loans: self.loans.iter().map(|e| Share::from(e.given(agency(e.holder)))).collect(),
            borrowings: self.borrowed.into_iter().map(borrowing).collect(),
            ..AgencyQuotaStatus::default()
        }
    }

    fn of(status: &AgencyQuotaStatus, version: u32) -> Self {
        let number = |name: &str| name.rsplit('-').next().and_then(|digit| digit.parse().ok()).unwrap_or_default();
        let share = status.share.clone().unwrap_or_default();
        let record = |borrowing: &Borrowing| Record { hard: amount(&borrowing.hard), operation: borrowing.operation };
        Self {
            version,
            requested: amount(&status.requested),
            share: Record { hard: amount(&share.hard), operation: share.operation },
            allocations: status.allocations.iter().map(|a| Entry::of(number(&a.namespace), &a.into())).collect(),
            loans: status.loans.iter().map(|loan| Entry::of(number(&loan.quota), &loan.into())).collect(),
            borrowed: status.borrowings.first().map(record),
        }
    }
}

fn quota(number: usize, ledger: &Ledger) -> AgencyQuota {
    let spec = AgencyQuotaSpec {
        agency: agency(number),
        pool: "pool".into(),
        guaranteed: units(SHARE[number]),
        borrowing_limit: units(1),
        lending_limit: units(1),
    };
    let mut quota = AgencyQuota::new(&agency(number), spec);
    quota.metadata.uid = Some(agency(number));
    quota.status = Some(ledger.status(1 - number));
    quota
}

fn pool() -> CapacityPool {
    let spec = CapacityPoolSpec { zones: vec![], capacity: Some(units(SHARE.iter().sum())), node_selector: None };
    let mut pool = CapacityPool::new("pool", spec);
    let share = |number: usize| {
        let (name, hard) = (agency(number), units(SHARE[number]));
        Share { uid: name.clone(), quota: name, hard, phase: AllocationPhase::Settled, operation: 1, lowering_to: None }
    };
    pool.status = Some(CapacityPoolStatus { shares: (0..A).map(share).collect(), ..CapacityPoolStatus::default() });
    pool
}

/// What one namespace asks, as the model's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ask {
    pub namespace: usize,
    pub wanted: i64,
    pub shown: i64,
    pub used: i64,
    pub operation: i64,
}

/// The product's decision for an agency's ledger, beside the other agency's.
pub fn decided(number: usize, ledger: &Ledger, other: &Ledger, asks: &[Ask]) -> Ledger {
    type Known = HashMap<(usize, Ledger, Ledger, Vec<Ask>), Ledger>;
    thread_local!(static KNOWN: RefCell<Known> = RefCell::default());
    let (own, peer) = (Ledger { version: 0, ..ledger.clone() }, Ledger { version: 0, ..other.clone() });
    let key = (number, own, peer, asks.to_vec());
    if let Some(known) = KNOWN.with_borrow(|known| known.get(&key).cloned()) {
        return known;
    }
    let (me, peer, pool) = (quota(number, ledger), quota(1 - number, other), pool());
    let projects = asks.iter().map(demand).collect();
    let status = decide(&Observed { quota: &me, pool: Some(&pool), peers: vec![&peer], projects, leaving: vec![] });
    let decision = Ledger::of(&status, 0);
    KNOWN.with_borrow_mut(|known| known.insert(key, decision.clone()));
    decision
}

fn demand(ask: &Ask) -> Demand {
    Demand {
        holder: namespace(ask.namespace),
        uid: namespace(ask.namespace),
        wanted: units(ask.wanted),
        shown: units(ask.shown),
        used: units(ask.used),
        operation: ask.operation,
        ..Demand::default()
    }
}

/// The product's decision for a ResourceQuota: how much of what is wanted is released, and for which operation.
pub fn released(wanted: i64, entry: Option<&Entry>, live: Option<Quota>) -> (i64, i64) {
    let given = entry.map(|entry| entry.given(namespace(entry.holder)));
    let (hard, operation) = (units(live.map_or(0, |live| live.spec)), live.map_or(0, |live| live.operation));
    let released = release(&units(wanted), given.as_ref(), live.map(|_| Live { hard: &hard, operation }));
    (amount(&released.hard), released.operation)
}
