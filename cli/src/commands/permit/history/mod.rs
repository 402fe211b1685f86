//! `govcloud permit history`: what happened to a permit, to those before it and to those after it.

mod chain;

use std::fmt::Write as _;

use govcloud_crds::{
    Agency, PermitReview, ProcessingPermit,
    permit::{Change, CountedReview, Intent, Phase, ReviewVerdict},
};
use jiff::{Timestamp, tz::TimeZone};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt as _;
use serde::Serialize;

use super::{
    find::{Case, agency_name, find},
    submit::in_words,
};
use crate::{
    context::Context,
    error::Result,
    exit::Exit,
    output::{
        Paint,
        text::{hanging, plain},
    },
};

/// What `govcloud permit history -o json` prints: the permits of a chain, the oldest first.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct History {
    /// The permits.
    pub permits: Vec<Member>,
}

/// A permit of the chain.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Member {
    /// Its number, once it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// Its name.
    pub name: String,
    /// What sort of request it is.
    pub intent: Intent,
    /// The permit that it refers to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prior: Option<String>,
    /// What it is now.
    pub phase: Phase,
    /// Whether it is the one that was asked about.
    pub asked: bool,
    /// How many of its earliest changes are not kept any more.
    pub forgotten: i64,
    /// What happened to it, the oldest first.
    pub events: Vec<Event>,
}

/// Something that happened to a permit.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// When; missing if somebody removed the review.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Time>,
    /// `Requested`, the phase that it came into, a verdict, or what people were told of, such as `Overdue`.
    pub what: String,
    /// In words.
    pub message: String,
    /// Of a review: who gave it, in which group, and whether it counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub review: Option<CountedReview>,
}

/// Runs `govcloud permit history`.
pub async fn run(ctx: &Context, wanted: &str) -> Result<Exit> {
    let permit = find(ctx, wanted).await?;
    let home = permit.namespace().unwrap_or_default();
    let agency = ctx.agency_if_readable(&agency_name(&permit)).await?;
    let (permits, reviews) = (ctx.list(ctx.namespaced(&home)).await?, ctx.list(ctx.namespaced(&home)).await?);
    let history = history(&permit, permits, &reviews, agency.as_ref(), ctx.now);
    ctx.out.data(&history, || render(&history, ctx.out.paint))?;
    Ok(Exit::Ok)
}

/// The chain of a permit, and what happened to each of it.
fn history(
    permit: &ProcessingPermit,
    permits: Vec<ProcessingPermit>,
    reviews: &[PermitReview],
    agency: Option<&Agency>,
    now: Timestamp,
) -> History {
    let member = |one: ProcessingPermit| {
        let asked = one.metadata.uid == permit.metadata.uid;
        let case = Case { permit: one, reviews: reviews.to_vec(), agency: agency.cloned() };
        member(&case, asked, now)
    };
    History { permits: chain::of(permit, permits).into_iter().map(member).collect() }
}

fn member(case: &Case, asked: bool, now: Timestamp) -> Member {
    let (spec, status) = (&case.permit.spec, case.permit.status.clone().unwrap_or_default());
    let effective = case.effective(now);
    let mut events = vec![requested(&case.permit)];
    events.extend(status.history.iter().map(|change| changed(change, status.number.as_deref())));
    events.extend(effective.reviews.iter().map(|row| reviewed(case, row)));
    // What comes in the same second happened because of the review, which therefore stands before it.
    events.sort_by_key(|event| (event.at.as_ref().map_or(Timestamp::MAX, |at| at.0), rank(event)));
    Member {
        number: status.number,
        name: case.permit.name_any(),
        intent: spec.intent,
        prior: spec.prior.clone(),
        phase: effective.phase,
        asked,
        forgotten: status.history.first().map_or(0, |first| first.sequence - 1),
        events,
    }
}

const REQUESTED: &str = "Requested";

fn rank(event: &Event) -> u8 {
    match (&event.review, event.what.as_str()) {
        (_, REQUESTED) => 0,
        (Some(_), _) => 1,
        (None, _) => 2,
    }
}

fn requested(permit: &ProcessingPermit) -> Event {
    let spec = &permit.spec;
    let message = format!("by {}, for {}: \"{}\"", spec.requested_by, spec.duration, spec.justification.trim());
    Event { at: permit.metadata.creation_timestamp.clone(), what: REQUESTED.into(), message, review: None }
}

/// The message without the number and the phase, which stand before it.
fn changed(change: &Change, number: Option<&str>) -> Event {
    let known = format!("{} is {}. ", number.unwrap_or_default(), change.phase);
    let message = change.message.strip_prefix(&known).unwrap_or(&change.message).to_owned();
    Event { at: Some(change.at.clone()), what: change.what.clone(), message, review: None }
}

fn reviewed(case: &Case, row: &CountedReview) -> Event {
    let review = case.reviews.iter().find(|review| review.name_any() == row.name);
    let why = review.map_or_else(|| " (the review itself is gone)".to_owned(), |r| format!(": \"{}\"", r.spec.reason.trim()));
    let because = row.because.as_deref().unwrap_or("it is out of order");
    let counts = if row.counted { String::new() } else { format!(" Does not count: {because}.") };
    Event {
        at: review.and_then(|review| review.metadata.creation_timestamp.clone()),
        what: row.verdict.to_string(),
        message: format!("by {} ({}){why}{counts}", row.reviewer, row.group),
        review: Some(row.clone()),
    }
}

/// Where the texts of events begin.
const INDENT: usize = 33;

fn render(history: &History, paint: Paint) -> String {
    let several = history.permits.len() > 1;
    let one = |member: &Member| {
        let mut text = head(member, several, paint);
        if member.forgotten > 0 {
            let _ = writeln!(text, "  {} earlier changes are not kept any more.", member.forgotten);
        }
        text + &member.events.iter().map(|event| line(event, paint)).collect::<String>()
    };
    let all: Vec<_> = history.permits.iter().map(one).collect();
    all.join("\n") + "Times are in UTC.\n"
}

fn head(member: &Member, several: bool, paint: Paint) -> String {
    let number = member.number.as_deref().unwrap_or("no number yet");
    let sort = match (member.intent, &member.prior) {
        (Intent::New, None) => String::new(),
        (intent, prior) => format!(", {}", in_words(intent, prior.as_deref().unwrap_or_default())),
    };
    let asked = if several && member.asked { "   (this one)" } else { "" };
    format!("{number}  {}  {}{}{asked}\n", paint.strong(&plain(&member.name)), member.phase, plain(&sort))
}

fn line(event: &Event, paint: Paint) -> String {
    let at = event.at.as_ref().map_or_else(String::new, |at| at.0.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M").to_string());
    let what = plain(&event.what);
    let text = hanging(&format!("  {at:16}  {what:<10}"), INDENT, &event.message);
    match &event.review {
        Some(review) if !review.counted => paint.attention(&text),
        Some(review) if matches!(review.verdict, ReviewVerdict::Deny | ReviewVerdict::Revoke) => {
            text.replacen(&what, &paint.bad(&what), 1)
        }
        _ => text,
    }
}

#[cfg(test)]
mod tests;
