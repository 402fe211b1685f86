//! `govcloud permit explain`: why a permit is in its phase, what is missing, and who can act.

pub mod lines;

use std::fmt::Write as _;

use govcloud_crds::{
    class::Quorum,
    permit::{
        Intent, Phase, Queue,
        effective::{Effective, is_late},
        warning::drains_until,
    },
};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt as _;
use serde::Serialize;

use super::{
    find::{Case, case},
    next::{Action, YOU, actions},
    submit::in_words,
};
use crate::{
    context::Context,
    error::Result,
    exit::Exit,
    output::{
        Paint,
        text::{day, ordinal, plain},
    },
};

use lines::Line;

/// What `govcloud permit explain -o json` prints.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// Its number, once it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// Its name.
    pub name: String,
    /// The agency that asks.
    pub agency: String,
    /// What sort of request it is.
    pub intent: Intent,
    /// The permit that it refers to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prior: Option<String>,
    /// What it is now, as the rules say.
    pub phase: Phase,
    /// Whether the operator has recorded another phase, and will catch up.
    pub lagging: bool,
    /// Its place among the requests that wait, and when a decision is due.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue: Option<Queue>,
    /// When it ends or ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_after: Option<Time>,
    /// Until when what it allowed may drain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drains_until: Option<Time>,
    /// The permit that took its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub superseded_by: Option<String>,
    /// What was done and what is missing.
    pub lines: Vec<Line>,
    /// Approvals that are missing, by group.
    pub missing: Vec<Quorum>,
    /// Who can do something about it; what it waits for comes first.
    pub actions: Vec<Action>,
}

/// Runs `govcloud permit explain`.
pub async fn run(ctx: &Context, wanted: &str) -> Result<Exit> {
    let explanation = explain(&case(ctx, wanted).await?, ctx.now);
    ctx.out.data(&explanation, || render(&explanation, ctx.now, ctx.out.paint))?;
    Ok(Exit::Ok)
}

/// Where a permit stands at `now`.
pub fn explain(case: &Case, now: Timestamp) -> Explanation {
    let (effective, permit) = (case.effective(now), &case.permit);
    let status = permit.status.clone().unwrap_or_default();
    let phase = effective.phase;
    Explanation {
        number: status.number.clone(),
        name: permit.name_any(),
        agency: case.agency_name(),
        intent: permit.spec.intent,
        prior: permit.spec.prior.clone(),
        phase,
        lagging: permit.status.is_some() && status.phase != phase,
        queue: status.queue.filter(|_| phase == Phase::UnderReview),
        not_after: status.not_after,
        drains_until: drains_until(permit).map(Time),
        superseded_by: status.superseded_by,
        lines: lines::lines(case, &effective),
        actions: actions_of(case, &effective),
        missing: effective.missing,
    }
}

/// Before the operator has caught up, its conditions speak of another phase, and only the phase itself says what can be done.
fn actions_of(case: &Case, effective: &Effective) -> Vec<Action> {
    let mut permit = case.permit.clone();
    if let Some(status) = permit.status.as_mut().filter(|status| status.phase != effective.phase) {
        status.conditions.clear();
    }
    actions(&permit, effective)
}

/// The first line: number, name, phase, and when that ends.
pub fn head(of: &Explanation, now: Timestamp, paint: Paint) -> String {
    let number = of.number.as_deref().unwrap_or("no number yet");
    let sort = match (of.intent, &of.prior) {
        (Intent::New, None) => String::new(),
        (intent, prior) => format!(", {}", in_words(intent, prior.as_deref().unwrap_or_default())),
    };
    format!("{number}  {}  {}{}{}\n", paint.strong(&plain(&of.name)), coloured(of.phase, paint), when(of, now), plain(&sort))
}

fn coloured(phase: Phase, paint: Paint) -> String {
    match phase {
        Phase::Active => paint.good(&phase.to_string()),
        Phase::Denied | Phase::Revoked | Phase::Expired | Phase::Suspended => paint.bad(&phase.to_string()),
        _ => paint.attention(&phase.to_string()),
    }
}

fn when(of: &Explanation, now: Timestamp) -> String {
    let end = of.not_after.as_ref().map(|end| day(end.0));
    let drains = of.drains_until.as_ref().filter(|until| until.0 > now).map(|until| day(until.0));
    match (of.phase, &of.queue, end) {
        (Phase::UnderReview, Some(queue), _) => {
            let (due, late) = (day(queue.due_by.0), is_late(queue.due_by.0, now));
            let was = if late { "was due" } else { "due" };
            format!(", {} in the queue, decision {was} {due}", ordinal(queue.position))
        }
        (Phase::Active | Phase::Suspended, _, Some(end)) => format!(" until {end}"),
        (Phase::Expired, _, Some(end)) => {
            format!(" on {end}{}", drains.map_or_else(String::new, |until| format!(", drains until {until}")))
        }
        (Phase::Superseded, ..) => of.superseded_by.as_ref().map_or_else(String::new, |by| format!(" by {by}")),
        (phase, ..) if phase.is_over() => drains.map_or_else(String::new, |until| format!(", drains until {until}")),
        _ => String::new(),
    }
}

fn render(of: &Explanation, now: Timestamp, paint: Paint) -> String {
    let mut text = head(of, now, paint);
    text += &lines::render(&of.lines, paint);
    if of.lagging {
        text += "The operator has not caught up yet.\n";
    }
    text + &who_can_act(of)
}

/// Whether the reader has to do anything, then everybody who can.
fn who_can_act(of: &Explanation) -> String {
    let (own, others): (Vec<_>, Vec<_>) = of.actions.iter().partition(|action| action.who == YOU);
    let waits: Vec<_> = others.iter().filter(|action| action.needed).map(|action| action.who.as_str()).collect();
    let mut text = String::new();
    if own.iter().any(|action| action.needed) {
        text += "To do for you:\n";
    } else {
        let why = if waits.is_empty() { String::new() } else { format!("; it waits for {}", waits.join(" and ")) };
        let _ = writeln!(text, "Nothing to do for you{why}.");
    }
    let width = of.actions.iter().map(|action| action.who.chars().count()).max().unwrap_or(0);
    for action in &of.actions {
        let must = if action.needed && action.who == YOU { "→" } else { " " };
        let _ = writeln!(text, "{must} {:width$}  {}", plain(&action.who), plain(&action.in_words()));
    }
    text
}

#[cfg(test)]
mod tests;
