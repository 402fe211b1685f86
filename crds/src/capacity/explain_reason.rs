//! What [`why`](super::why) answers, as data and in words.

use std::fmt;

use serde::Serialize;

use super::explain::Shortfall;
use crate::Quantity;

/// Who holds some of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Holder {
    /// The project, or the AgencyQuota.
    pub name: String,
    /// How much.
    pub amount: Quantity,
    /// What it comes down to, if it is being lowered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lowering_to: Option<Quantity>,
}

/// Why a project has no more of a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all_fields = "camelCase")]
pub enum Reason {
    /// The project's pool is not there.
    NoSuchPool {
        /// Its name.
        pool: String,
    },
    /// The agency has no share of the project's pool.
    NoShare {
        /// The pool.
        pool: String,
    },
    /// The project is being deleted.
    Leaving,
    /// Permits bring this key, and they bring less than is asked for.
    NeedsPermit {
        /// The ProcessingClasses whose permits bring it.
        classes: Vec<String>,
        /// What the project's permits bring.
        brought: Quantity,
    },
    /// The agency's share cannot be read.
    ShareUnreadable,
    /// The agency's ledger has no entry for the project yet.
    Pending,
    /// The agency is promised none of it.
    NotPromised {
        /// The pool.
        pool: String,
    },
    /// The pool gave the agency less than it is promised.
    PoolGaveLess {
        /// The pool.
        pool: String,
        /// What it gave.
        given: Quantity,
        /// What is promised.
        promised: Quantity,
        /// Whether the pool's ledger has more for the agency already.
        on_its_way: bool,
    },
    /// The project alone asks for more than the agency is promised.
    BudgetTooSmall {
        /// What is promised.
        promised: Quantity,
    },
    /// The agency holds less by now than its projects were given.
    GivenTooMuch {
        /// What was given to projects and lent.
        given: Quantity,
        /// What the agency holds.
        holds: Quantity,
    },
    /// Other projects of the agency hold it.
    HeldByOthers {
        /// The projects, the largest holder first.
        holders: Vec<Holder>,
    },
    /// It is lent out. Lenders take back what their own projects ask for, as its use ends.
    LentOut {
        /// The borrowing quotas.
        borrowers: Vec<Holder>,
    },
    /// Others take back what the agency borrowed.
    TakenBack {
        /// The lending quotas.
        lenders: Vec<Holder>,
    },
    /// The agency borrows as much as it may.
    BorrowingLimit {
        /// What it borrows.
        borrowed: Quantity,
        /// What it may borrow.
        limit: Quantity,
    },
    /// The agency may borrow more than others lend.
    NobodyLends {
        /// What it borrows.
        borrowed: Quantity,
        /// What it may borrow.
        limit: Quantity,
    },
    /// The project is being lowered; its former amount is kept for it until its use ends.
    Shrinking {
        /// What is kept for it.
        has: Quantity,
        /// What it comes down to.
        to: Quantity,
    },
    /// The ledger has it for the project, which is not raised while any amount of it is being lowered.
    NotRaised {
        /// The key that is being lowered.
        lowered: String,
        /// What is kept of that.
        has: Quantity,
        /// What that comes down to.
        to: Quantity,
    },
    /// More is in use than the project has.
    UsesMore {
        /// What is in use.
        used: Quantity,
    },
    /// The ledger gave it; the ResourceQuota follows in a moment.
    OnItsWay,
    /// The agency's share has it, and the project does not ask for it.
    NotAsked,
}

impl Reason {
    /// Whether the reason says all by itself: the budget has no part in it.
    fn is_alone(&self) -> bool {
        use Reason::{Leaving, NeedsPermit, NoShare, NoSuchPool, NotAsked, NotRaised, OnItsWay, Pending, ShareUnreadable};
        matches!(
            self,
            NoSuchPool { .. }
                | NoShare { .. }
                | Leaving
                | NeedsPermit { .. }
                | ShareUnreadable
                | Pending
                | NotRaised { .. }
                | OnItsWay
                | NotAsked
        )
    }

    /// Whether it belongs into one short message: what is out of the ordinary, and does not change with every project.
    fn is_notable(&self) -> bool {
        use Reason::{GivenTooMuch, LentOut, NotPromised, PoolGaveLess, Shrinking, TakenBack};
        matches!(
            self,
            NotPromised { .. } | PoolGaveLess { .. } | GivenTooMuch { .. } | LentOut { .. } | TakenBack { .. } | Shrinking { .. }
        )
    }
}

impl fmt::Display for Reason {
    /// One sentence, such as `Pool national gave the agency 80 of the 200 that it is promised.`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchPool { pool } => write!(f, "There is no CapacityPool {pool}."),
            Self::NoShare { pool } => write!(f, "The agency has no share of pool {pool}, so nothing can run."),
            Self::Leaving => f.write_str("The project is being deleted, so it is given nothing more."),
            Self::NeedsPermit { classes, brought } => {
                write!(f, "Only a permit brings it (class {}); the project's permits bring {brought}.", classes.join(" or "))
            }
            Self::ShareUnreadable => f.write_str("What the agency's share leaves cannot be told: you may not read it."),
            Self::Pending => f.write_str("The agency's ledger takes note of the project in a moment."),
            Self::OnItsWay => f.write_str("The agency's ledger has given it; the project's quota follows in a moment."),
            Self::NotRaised { lowered, has, to } => {
                write!(f, "Nothing of the project is raised while its {lowered} comes down from {has} to {to}, as its use ends.")
            }
            Self::NotAsked => f.write_str("The agency's share has it, and the project does not ask for it."),
            _ => self.budget(f),
        }
    }
}

impl Reason {
    /// The sentences about what the agency's budget is, and who has it.
    fn budget(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotPromised { pool } => write!(f, "The agency's share of pool {pool} has none of it."),
            Self::PoolGaveLess { pool, given, promised, on_its_way } => {
                let rest = if *on_its_way { "; more is on its way" } else { "" };
                write!(f, "Pool {pool} gave the agency {given} of the {promised} that it is promised{rest}.")
            }
            Self::BudgetTooSmall { promised } => write!(f, "The agency is promised {promised} for all its projects."),
            Self::GivenTooMuch { given, holds } => write!(
                f,
                "The agency gave out {given} and holds {holds} by now; nothing running is stopped, and nothing is given until that is even."
            ),
            Self::HeldByOthers { holders } => write!(f, "Other projects of the agency hold it: {}.", list(holders)),
            Self::LentOut { borrowers } => {
                write!(f, "Lent to others: {}. It comes back as its use there ends.", list(borrowers))
            }
            Self::TakenBack { lenders } => write!(f, "Lenders take back what the agency borrowed: {}.", list(lenders)),
            Self::BorrowingLimit { borrowed, limit } => {
                write!(f, "The agency borrows {borrowed} already, and may borrow {limit} at most.")
            }
            Self::NobodyLends { borrowed, limit } => {
                write!(f, "The agency borrows {borrowed} and may borrow {limit}; nobody lends more now.")
            }
            Self::Shrinking { has, to } => {
                write!(f, "The project comes down from {has} to {to} as its use ends; nothing running is stopped.")
            }
            Self::UsesMore { used } => write!(f, "It uses {used}, more than it is given, so nothing new can start."),
            _ => Ok(()),
        }
    }
}

/// `reports 20, archive 5 (coming down to 2)`.
fn list(holders: &[Holder]) -> String {
    let one = |holder: &Holder| match holder.lowering_to {
        Some(to) => format!("{} {} (coming down to {to})", holder.name, holder.amount),
        None => format!("{} {}", holder.name, holder.amount),
    };
    holders.iter().map(one).collect::<Vec<_>>().join(", ")
}

impl Shortfall {
    /// One or two sentences for a condition or a person: what was asked for, what there is, why, and what to do.
    ///
    /// It says nothing that changes whenever another project does, so that a condition stays as it is.
    pub fn message(&self) -> String {
        let Self { key, asked, given, reasons, .. } = self;
        match reasons.first() {
            Some(Reason::NoShare { .. } | Reason::NoSuchPool { .. }) => {
                format!("{} {}", reasons[0], self.what_to_do())
            }
            Some(reason) if reason.is_alone() && self.is_less() => {
                format!("Asked for {asked} {key}; it has {given}. {reason}{}", self.advice())
            }
            Some(reason) if reason.is_alone() => format!("{key} is 0. {reason}{}", self.advice()),
            _ => {
                let notable: Vec<_> = reasons.iter().filter(|r| r.is_notable()).map(|reason| format!(" {reason}")).collect();
                let notable = notable.concat();
                format!("Asked for {asked} {key}; the agency's budget leaves {given}.{notable}{}", self.advice())
            }
        }
    }

    fn advice(&self) -> String {
        let what = self.what_to_do();
        if what.is_empty() { what } else { format!(" {what}") }
    }

    /// What to do, in one sentence; nothing where waiting is all.
    fn what_to_do(&self) -> String {
        let key = &self.key;
        let waits = |reason: &Reason| matches!(reason, Reason::LentOut { .. } | Reason::Shrinking { .. });
        match self.reasons.first() {
            Some(Reason::NoSuchPool { .. }) => "A cloud operator creates it, or make the project in another pool.".to_owned(),
            Some(Reason::NoShare { .. }) => "A cloud operator creates an AgencyQuota.".to_owned(),
            Some(Reason::NeedsPermit { .. }) => "Ask for a permit: govcloud permit request.".to_owned(),
            Some(Reason::NotAsked) => format!("Name {key} in the project's spec.quota."),
            Some(Reason::NotPromised { .. }) => "Ask a cloud operator for a share of it.".to_owned(),
            Some(Reason::Shrinking { .. } | Reason::NotRaised { .. }) => "Wait, or end what runs there.".to_owned(),
            Some(Reason::PoolGaveLess { on_its_way: true, .. }) => "Wait a moment.".to_owned(),
            Some(Reason::PoolGaveLess { .. }) => {
                "Reduce another project, or ask a cloud operator to add capacity to the pool.".to_owned()
            }
            Some(reason) if reason.is_alone() => String::new(),
            _ if self.reasons.iter().any(waits) => {
                "Wait, reduce another project, or ask a cloud operator for a larger share.".to_owned()
            }
            _ => "Reduce another project, or ask a cloud operator for a larger share.".to_owned(),
        }
    }
}
