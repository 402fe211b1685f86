//! `govcloud review queue`.

use std::collections::BTreeMap;

use clap::Args;
use govcloud_crds::{
    Agency, PermitReview, ProcessingPermit, Resources,
    class::Quorum,
    names,
    permit::{
        AssessmentResult, Intent, Phase, ReviewVerdict, demand,
        effective::{Effective, due_by, is_late},
    },
};
use jiff::Timestamp;
use kube::{Api, Resource, ResourceExt as _, core::NamespaceResourceScope};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    queue_view,
    rules::{Wish, plan},
    say::still_missing,
    words::{Classes, class_name},
};
use crate::{
    commands::permit::find::Case,
    context::{Caller, Context, if_readable},
    error::{Kind, Result},
    exit::Exit,
    output::Format,
};

/// `govcloud review queue`.
#[derive(Clone, Debug, Args)]
pub struct QueueArgs {
    /// Only what waits for you: for one of your groups, and that you may review
    #[arg(long)]
    pub mine: bool,
}

/// What waits for reviewers.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Queue {
    /// Requests that wait for a decision, the oldest first.
    pub waiting: Vec<Entry>,
    /// Emergencies that were approved by one, and that others must still look at.
    pub afterwards: Vec<Entry>,
}

/// One request that waits.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// Its number, or its name while it has none.
    pub number: String,
    /// Its name.
    pub name: String,
    /// The agency that asks.
    pub agency: String,
    /// What sort of request it is.
    pub intent: Intent,
    /// The class of what is asked for.
    pub class: String,
    /// That class as people know it.
    pub class_name: String,
    /// How much is asked for.
    pub demand: Resources,
    /// Whether a shared service offers it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assessment: Option<AssessmentResult>,
    /// What it is now.
    pub phase: Phase,
    /// Its place in the queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<i32>,
    /// Since when it waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// When a decision is due.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due: Option<Timestamp>,
    /// Whether that time is over.
    pub overdue: bool,
    /// Whose review is missing.
    pub missing: Vec<Quorum>,
    /// Whether the caller's review is among those that are missing, and would count.
    pub mine: bool,
}

/// Runs `govcloud review queue`.
pub async fn run(ctx: &Context, args: &QueueArgs) -> Result<Exit> {
    let cases = cases(ctx).await?;
    let classes = if_readable(ctx.classes().await)?;
    let all = queue(&cases, &classes, ctx.caller().await?, ctx.now);
    let shown = if args.mine { all.clone().only_mine() } else { all.clone() };
    if ctx.out.format == Format::Name {
        let numbers: Vec<_> = shown.waiting.iter().chain(&shown.afterwards).map(|entry| entry.number.as_str()).collect();
        ctx.out.text(&numbers.join("\n"))?;
        return Ok(Exit::Ok);
    }
    ctx.out.data(&shown, || queue_view::render(&shown, &all, args.mine, ctx.out, ctx.now))?;
    Ok(Exit::Ok)
}

/// Every request that may wait, with everything that decides whether it does.
async fn cases(ctx: &Context) -> Result<Vec<Case>> {
    let permits: Vec<ProcessingPermit> = list(ctx).await.map_err(|error| match error.kind() {
        Kind::Forbidden => error
            .hint("The queue is for reviewers. Your agency's own requests: govcloud permit list --phase UnderReview")
            .hint("See who you are here: govcloud whoami"),
        _ => error,
    })?;
    let reviews: Vec<PermitReview> = list(ctx).await?;
    let agencies: Option<Vec<Agency>> = if_readable(ctx.list(Api::all(ctx.client.clone())).await)?;
    let agencies: BTreeMap<_, _> = agencies.unwrap_or_default().into_iter().map(|agency| (agency.name_any(), agency)).collect();
    let case = |permit: ProcessingPermit| {
        let is_of_it = |r: &&PermitReview| r.namespace() == permit.namespace() && r.spec.permit.name == permit.name_any();
        let reviews = reviews.iter().filter(is_of_it).cloned().collect();
        let agency = agencies.get(&crate::commands::permit::find::agency_name(&permit)).cloned();
        Case { permit, reviews, agency }
    };
    Ok(permits.into_iter().filter(may_wait).map(case).collect())
}

async fn list<K>(ctx: &Context) -> Result<Vec<K>>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + std::fmt::Debug + DeserializeOwned,
{
    match ctx.named_agency() {
        Some(agency) => ctx.list(ctx.namespaced(&names::home_namespace(agency))).await,
        None => ctx.list(Api::all(ctx.client.clone())).await,
    }
}

/// A cloud has many permits that are over; nobody waits for these, except for emergencies.
fn may_wait(permit: &ProcessingPermit) -> bool {
    let phase = permit.status.as_ref().map(|status| status.phase).unwrap_or_default();
    phase == Phase::UnderReview || permit.spec.intent == Intent::Emergency
}

/// What waits at `now`, in the order of the queue, as `caller` sees it.
pub fn queue(cases: &[Case], classes: &Classes, caller: &Caller, now: Timestamp) -> Queue {
    let mut queue = Queue::default();
    for case in cases {
        let state = case.effective(now);
        let entry = || entry(case, &state, classes, caller, now);
        if state.phase == Phase::UnderReview {
            queue.waiting.push(entry());
        } else if !state.afterwards.is_empty() {
            queue.afterwards.push(entry());
        }
    }
    let order = |entry: &Entry| (entry.position.unwrap_or(i32::MAX), entry.since, entry.number.clone());
    queue.waiting.sort_by_key(order);
    queue.afterwards.sort_by_key(|entry| (entry.since, entry.number.clone()));
    queue
}

fn entry(case: &Case, state: &Effective, classes: &Classes, caller: &Caller, now: Timestamp) -> Entry {
    let (spec, status) = (&case.permit.spec, case.permit.status.clone().unwrap_or_default());
    let created = case.permit.metadata.creation_timestamp.as_ref().map(|time| time.0);
    let queued = status.policy.as_ref().and_then(|policy| policy.queued_since.as_ref()).map(|time| time.0);
    let approved = state.decision.as_ref().map(|decision| decision.at.0);
    let due = due_by(&case.permit).filter(|_| state.decision.is_none());
    // The rules answer whether it would count; which reason is given is asked later.
    let wish = Wish { override_duplicate: true, ..Wish::new(caller, ReviewVerdict::Approve, "") };
    Entry {
        number: case.title(),
        name: case.permit.name_any(),
        agency: case.agency_name(),
        intent: spec.intent,
        class: spec.processing_class.clone(),
        class_name: class_name(classes, &spec.processing_class),
        demand: demand(&state.targets),
        assessment: status.assessment.map(|assessment| assessment.result),
        phase: state.phase,
        position: status.queue.filter(|_| state.decision.is_none()).map(|queue| queue.position),
        since: approved.or(queued).or(created),
        due,
        overdue: due.is_some_and(|due| is_late(due, now)),
        missing: still_missing(state).to_vec(),
        mine: plan(case, &wish, now).is_ok(),
    }
}

impl Queue {
    /// What waits for the caller.
    #[must_use]
    pub fn only_mine(mut self) -> Self {
        self.waiting.retain(|entry| entry.mine);
        self.afterwards.retain(|entry| entry.mine);
        self
    }
}

#[cfg(test)]
#[path = "queue_tests.rs"]
mod tests;
