//! Who can do what about a project that has less quota than it asks for.

use kube::ResourceExt;
use serde::Serialize;

use super::{
    AgencyQuota,
    explain::Situation,
    explain_reason::{Holder, Reason},
};
use crate::names::home_namespace;

/// Who can do something about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Who {
    /// Nobody needs to: it comes by itself.
    Nobody,
    /// Who works in the project's namespace.
    ProjectDeveloper,
    /// Who may write the agency's projects.
    AgencyAdmin,
    /// Who may ask for permits for the agency.
    AgencyRequester,
    /// Who may write quotas and pools.
    CloudOperator,
}

/// Something that would help.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Help {
    /// Who can do it.
    pub who: Who,
    /// What to do, as a request without a full stop.
    pub what: String,
    /// The command that does it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
}

impl Help {
    fn new(who: Who, what: impl Into<String>, command: impl Into<String>) -> Self {
        Self { who, what: what.into(), command: Some(command.into()) }
    }

    fn wait(what: impl Into<String>) -> Self {
        Self { who: Who::Nobody, what: what.into(), command: None }
    }
}

/// What would help against all the reasons of one key, each thing once.
pub(super) fn help(situation: &Situation<'_>, key: &str, reasons: &[Reason]) -> Vec<Help> {
    let mut all: Vec<Help> = Vec::new();
    for next in reasons.iter().flat_map(|reason| against(situation, key, reason)) {
        if !all.contains(&next) {
            all.push(next);
        }
    }
    let is_budget = |reason: &Reason| {
        use Reason::{BorrowingLimit, BudgetTooSmall, GivenTooMuch, HeldByOthers, LentOut, NobodyLends, NotPromised};
        matches!(
            reason,
            HeldByOthers { .. }
                | BudgetTooSmall { .. }
                | GivenTooMuch { .. }
                | LentOut { .. }
                | BorrowingLimit { .. }
                | NobodyLends { .. }
                | NotPromised { .. }
        )
    };
    if reasons.iter().any(is_budget) {
        all.extend(larger_share(situation, key));
    }
    all
}

fn against(situation: &Situation<'_>, key: &str, reason: &Reason) -> Vec<Help> {
    let project = situation.project.name_any();
    match reason {
        Reason::NoSuchPool { pool } => vec![
            Help::new(Who::CloudOperator, format!("create the CapacityPool {pool}"), "kubectl create -f FILE"),
            Help::new(
                Who::AgencyAdmin,
                "make the project in a pool that is there; its pool cannot be changed",
                "kubectl get capacitypools",
            ),
        ],
        Reason::NoShare { pool } => {
            let what =
                format!("create an AgencyQuota with spec.agency {}, spec.pool {pool} and spec.guaranteed", situation.agency());
            vec![Help::new(Who::CloudOperator, what, "kubectl create -f FILE")]
        }
        Reason::NeedsPermit { classes, .. } => classes.iter().map(|class| permit(&project, class)).collect(),
        Reason::Pending | Reason::OnItsWay => vec![Help::wait("wait a moment; the operator is about to do it")],
        Reason::LentOut { .. } => vec![Help::wait("wait; it comes back as the borrowers' use ends")],
        Reason::PoolGaveLess { on_its_way: true, .. } => vec![Help::wait("wait a moment; the rest is on its way")],
        Reason::PoolGaveLess { pool, .. } => vec![capacity(situation, pool, key)],
        Reason::HeldByOthers { holders } => holders.first().map(|first| lower(situation, first, key)).into_iter().collect(),
        Reason::Shrinking { .. } | Reason::NotRaised { .. } | Reason::UsesMore { .. } => vec![Help::new(
            Who::ProjectDeveloper,
            "end what is not needed there; what is kept for it is free then",
            format!("kubectl get pods -n {}", situation.namespace()),
        )],
        Reason::NotAsked => {
            vec![Help::new(Who::AgencyAdmin, format!("ask for it: spec.quota.{key} of the Project"), edit(situation, &project))]
        }
        _ => Vec::new(),
    }
}

fn permit(project: &str, class: &str) -> Help {
    Help::new(
        Who::AgencyRequester,
        format!("ask for a permit of class {class}"),
        format!("govcloud permit request --project {project} --class {class} --from FILE --justification TEXT"),
    )
}

fn capacity(situation: &Situation<'_>, pool: &str, key: &str) -> Help {
    let is_measured = situation.pool.there().is_some_and(|pool| pool.spec.node_selector.is_some());
    let what = if is_measured {
        "add nodes that the pool selects, or promise other agencies less".to_owned()
    } else {
        format!("add capacity to the pool (spec.capacity.{key}), or promise other agencies less")
    };
    Help::new(Who::CloudOperator, what, format!("kubectl edit capacitypool {pool}"))
}

fn lower(situation: &Situation<'_>, first: &Holder, key: &str) -> Help {
    let what = format!("ask for less than {} in {}, or in another project: spec.quota.{key}", first.amount, first.name);
    Help::new(Who::AgencyAdmin, what, edit(situation, &first.name))
}

fn edit(situation: &Situation<'_>, project: &str) -> String {
    format!("kubectl edit project {project} -n {}", home_namespace(situation.agency()))
}

/// A larger guarantee or a higher limit, as the quota and its pool allow.
fn larger_share(situation: &Situation<'_>, key: &str) -> Vec<Help> {
    let Some(quota) = situation.quota.there() else { return Vec::new() };
    let command = format!("kubectl edit agencyquota {}", quota.name_any());
    let pool = situation.pool.there().and_then(|pool| pool.status.as_ref());
    let left = pool.filter(|status| status.capacity.0.contains_key(key)).map(|status| status.available.get(key));
    let left = match left {
        Some(left) if left.is_zero_or_less() => "; the pool has nothing left to promise, so add capacity first".to_owned(),
        Some(left) => format!("; the pool has {left} left to promise"),
        None => String::new(),
    };
    let promise = format!("promise the agency more (spec.guaranteed.{key}){left}");
    let mut help = vec![Help::new(Who::CloudOperator, promise, command.clone())];
    let loans = situation.status().map(|status| status.loans.as_slice()).unwrap_or_default();
    // What it lends comes back first; it borrows nothing meanwhile.
    if loans.iter().all(|loan| loan.hard.get(key).is_zero_or_less()) {
        help.push(Help::new(Who::CloudOperator, borrow(situation, key), command));
    }
    help
}

fn borrow(situation: &Situation<'_>, key: &str) -> String {
    let lends = |peer: &&AgencyQuota| !peer.spec.lending_limit.get(key).is_zero_or_less();
    let nobody_lends = situation.peers.as_ref().is_some_and(|peers| !peers.iter().any(lends));
    let but = if nobody_lends { "; no agency of the pool lends any yet (spec.lendingLimit)" } else { "" };
    format!("let the agency borrow more of what others lend (spec.borrowingLimit.{key}){but}")
}
