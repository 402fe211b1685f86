//! What is said before a request that refers to a permit is made.

use govcloud_crds::{
    ProcessingClass, ProcessingPermit,
    permit::{
        CountedReview, Intent, Phase, ReviewVerdict,
        effective::{Effective, granted_targets},
        succession::{asks_for_no_more, within_prior},
        warning::drains_until,
    },
};
use jiff::Timestamp;
use kube::ResourceExt as _;

use super::sizes::differences;
use crate::{
    commands::permit::{
        find::Case,
        objects::lines,
        submit::{in_words, named},
    },
    output::text::{day, plain},
};

/// What the request changes and what comes of it.
pub fn preface(before: &Case, permit: &ProcessingPermit, class: Option<&ProcessingClass>, now: Timestamp) -> String {
    let text = match permit.spec.intent {
        Intent::Renewal => renewal(&before.permit, permit, now),
        Intent::Amendment => amendment(&before.permit, permit, class, now),
        Intent::Appeal => appeal(before, now),
        Intent::New | Intent::Emergency => answer(before, permit, now),
    };
    plain(&text)
}

/// What is asked before it is sent.
pub fn question(permit: &ProcessingPermit, prior: &str) -> String {
    format!("Send {} as {}?", in_words(permit.spec.intent, prior), permit.name_any())
}

fn renewal(prior: &ProcessingPermit, permit: &ProcessingPermit, now: Timestamp) -> String {
    let (title, status) = (named(prior), prior.status.clone().unwrap_or_default());
    let ends = status.not_after.map(|time| time.0);
    let present = match (status.phase, ends) {
        (Phase::Expired, Some(end)) => format!("{title} expired on {}.{}", day(end), draining(prior, now)),
        (phase, Some(end)) => format!("{title} is {phase} until {}.", day(end)),
        (phase, None) => format!("{title} is {phase}."),
    };
    let left = if ends.is_some_and(|end| end > now) { "; what is left of it then is not added" } else { "" };
    format!(
        "{present}\nThe renewal takes over at once when it is approved, and lasts {} from that day{left}.\n",
        permit.spec.duration
    )
}

fn draining(prior: &ProcessingPermit, now: Timestamp) -> String {
    match drains_until(prior) {
        Some(until) if until > now => format!(" What runs of it may drain until {}.", day(until)),
        Some(until) => format!(" What ran of it had to be gone by {}.", day(until)),
        None => String::new(),
    }
}

fn amendment(prior: &ProcessingPermit, permit: &ProcessingPermit, class: Option<&ProcessingClass>, now: Timestamp) -> String {
    let title = named(prior);
    let mut text = format!("Of {title} this changes:\n");
    text += &lines(&differences(&granted_targets(prior), &permit.spec.targets));
    let ends = prior.status.as_ref().and_then(|status| status.not_after.as_ref()).map(|time| time.0);
    let asked = permit.spec.duration.after(now);
    let Some(end) = ends.filter(|_| asks_for_no_more(permit, prior)) else {
        return text + &needs_review(prior, permit, class);
    };
    let until = day(asked.min(end));
    text += "It asks for no more than now, so it is granted at once, without reviewers, until ";
    if asked < end {
        return format!("{text}{until} instead of {}.\n", day(end));
    }
    let later = if asked > end && permit.spec.duration != prior.spec.duration {
        format!("For a later end ask for a renewal: govcloud permit renew {}\n", prior.name_any())
    } else {
        String::new()
    };
    format!("{text}{until}: the day on which the present one ends.\n{later}")
}

fn needs_review(prior: &ProcessingPermit, permit: &ProcessingPermit, class: Option<&ProcessingClass>) -> String {
    let what = if within_prior(&permit.spec.targets, prior) { "something else" } else { "more" };
    let quorum = class.map(|class| class.spec.approval.quorum.as_slice()).unwrap_or_default();
    let who: Vec<_> = quorum.iter().map(|q| format!("{} of {}", q.count, q.group)).collect();
    let by = if who.is_empty() { String::new() } else { format!(" by {}", who.join(" and ")) };
    format!(
        "It asks for {what} than now, so it needs a review{by}. Until then the present one holds; then this one lasts {} from that day.\n",
        permit.spec.duration
    )
}

fn answer(before: &Case, permit: &ProcessingPermit, now: Timestamp) -> String {
    let effective = before.effective(now);
    let asked = said_by(before, &effective, |verdict| verdict == ReviewVerdict::Return);
    let mut text = format!("{} was returned:\n", named(&before.permit));
    text += &if asked.is_empty() { reason(&effective) } else { asked };
    let sizes = differences(&before.permit.spec.targets, &permit.spec.targets);
    if permit.spec.targets != before.permit.spec.targets {
        text += "The answer asks for:\n";
        text += &lines(&sizes);
    }
    text + &format!("The answer takes its place: {} is Superseded then, and its place in the queue is kept.\n", before.title())
}

fn appeal(before: &Case, now: Timestamp) -> String {
    let effective = before.effective(now);
    let against = |verdict| matches!(verdict, ReviewVerdict::Deny | ReviewVerdict::Revoke);
    let said = said_by(before, &effective, against);
    let phase = effective.phase;
    let mut text = format!("{} was {phase}:\n", named(&before.permit));
    if said.is_empty() {
        text += &reason(&effective);
        return text + "No person decided that; the appeal is decided by people.\n";
    }
    text += &said;
    let mut deciders: Vec<_> = effective.reviews.iter().filter(|r| r.counted).map(|r| r.reviewer.as_str()).collect();
    deciders.sort_unstable();
    deciders.dedup();
    text + &format!("Others decide the appeal, and none of these: {}.\n", deciders.join(", "))
}

/// `  officer@smc (security:smc), 2026-11-20: "Which zone is meant?"`, one line for each review that counts.
fn said_by(case: &Case, effective: &Effective, wanted: impl Fn(ReviewVerdict) -> bool) -> String {
    let line = |row: &CountedReview| {
        let review = case.reviews.iter().find(|review| review.name_any() == row.name);
        let on = review.and_then(|review| review.metadata.creation_timestamp.as_ref()).map(|time| day(time.0));
        let on = on.map_or_else(String::new, |on| format!(", {on}"));
        let why = review.map_or_else(String::new, |review| format!(": \"{}\"", review.spec.reason.trim()));
        format!("  {} ({}){on}{why}\n", row.reviewer, row.group)
    };
    effective.reviews.iter().filter(|row| row.counted && wanted(row.verdict)).map(line).collect()
}

fn reason(effective: &Effective) -> String {
    effective.decision.as_ref().map_or_else(String::new, |decision| format!("  \"{}\"\n", decision.reason))
}
