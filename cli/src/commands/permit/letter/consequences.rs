//! What follows from a decision: until when it holds, what the agency must do, and how it can object.

use govcloud_crds::permit::{Phase, ReviewVerdict, warning::drains_until};

use super::document::{Block, minute};
use crate::commands::{
    permit::find::Case,
    review::{
        facts::{Facts, Said},
        show_view::people,
        words::period_in_words,
    },
};

/// From when until when the permit holds, and what interrupted or ended it.
pub fn validity(case: &Case, facts: &Facts) -> Vec<Block> {
    if facts.decision.as_ref().is_none_or(|decision| decision.verdict != ReviewVerdict::Approve) {
        return Vec::new();
    }
    let status = case.permit.status.clone().unwrap_or_default();
    let mut blocks = Vec::new();
    match (status.valid_from, status.not_after) {
        (Some(from), Some(end)) => {
            blocks
                .push(Block::Fields(vec![("Valid from".to_owned(), minute(from.0)), ("Valid until".to_owned(), minute(end.0))]));
        }
        _ if facts.phase.is_over() => blocks.push(Block::Text("It never came into force.".into())),
        _ => blocks.push(Block::Text(format!(
            "It is not in force yet. It becomes active as soon as its place is free, and then lasts {}.",
            period_in_words(&facts.duration)
        ))),
    }
    if let Some(now) = since_then(case, facts) {
        blocks.push(Block::Text(now));
    }
    blocks
}

fn since_then(case: &Case, facts: &Facts) -> Option<String> {
    let status = case.permit.status.clone().unwrap_or_default();
    let ended = status.ended_at.map_or_else(String::new, |at| format!(" on {}", minute(at.0)));
    let said = match facts.phase {
        Phase::Suspended => format!(
            "It is suspended{}. Nothing of it may start or grow until a reviewer lets it go on.",
            last(facts, ReviewVerdict::Suspend)
        ),
        Phase::Revoked => format!("It was revoked{ended}{}.", last(facts, ReviewVerdict::Revoke)),
        Phase::Expired => format!("Its time was over{ended}."),
        Phase::Withdrawn => format!("The agency gave it up{ended}."),
        Phase::Superseded => {
            let by = status.superseded_by.map_or_else(String::new, |by| format!(" by {by}"));
            format!("It was taken over{by}{ended}.")
        }
        _ => return None,
    };
    Some(said)
}

/// Who said it last, and why: ` by reviewer-1@ministry: "…"`.
fn last(facts: &Facts, verdict: ReviewVerdict) -> String {
    let is_it = |said: &&Said| said.verdict == verdict && said.does_not_count.is_none();
    let said = facts.reviews.iter().rev().find(is_it);
    said.map_or_else(String::new, |said| format!(" by {}: “{}”", said.reviewer, said.reason.trim().trim_end_matches('.')))
}

/// What the agency must do.
pub fn duties(case: &Case, facts: &Facts) -> Vec<Block> {
    let Some(decision) = &facts.decision else { return Vec::new() };
    let text = match (decision.verdict, facts.phase) {
        (ReviewVerdict::Return, _) => {
            "Answer with a new request that refers to this one and says what was missing; it keeps this one's place in the queue. Until then nothing of it may run.".to_owned()
        }
        (ReviewVerdict::Approve, phase) if phase.is_over() => drains(case),
        (ReviewVerdict::Approve, _) => format!(
            "Run no more than the objects above, under the names above, in project {}. Ask for a renewal before the end, and for an amendment before anything grows. What it needs no longer it gives up.{}",
            facts.project,
            if facts.needed.missing.is_empty() {
                String::new()
            } else {
                format!(" It was approved as an emergency; it is still to be looked at by {}.", people(&facts.needed.missing))
            }
        ),
        _ => {
            "Nothing of it may run. Use a shared service, or ask again if the circumstances change.".to_owned()
        }
    };
    vec![Block::Text(text)]
}

fn drains(case: &Case) -> String {
    let until = drains_until(&case.permit)
        .map_or_else(String::new, |until| format!(" What runs must be gone by {}; nobody else deletes it.", minute(until)));
    format!("Nothing new of it may start.{until}")
}

/// Whether and how the agency can object.
pub fn appeal(facts: &Facts) -> Vec<Block> {
    let denied = facts.decision.as_ref().is_some_and(|decision| decision.verdict == ReviewVerdict::Deny);
    if !denied && facts.phase != Phase::Revoked {
        return Vec::new();
    }
    let deciders: Vec<_> =
        facts.reviews.iter().filter(|said| said.does_not_count.is_none()).map(|said| said.reviewer.as_str()).collect();
    let others = if deciders.is_empty() {
        "people decide it".to_owned()
    } else {
        format!("it is decided by reviewers other than {}", unique(deciders).join(", "))
    };
    vec![
        Block::Text(format!(
            "The agency may appeal. An appeal is a new request of the agency for the same objects, of the kind Appeal, that names {} as the one it refers to and says why the decision is wrong; {others}.",
            facts.name
        )),
        Block::Fields(vec![("How".to_owned(), format!("govcloud permit appeal {} --justification \"…\"", facts.name))]),
    ]
}

fn unique(mut names: Vec<&str>) -> Vec<&str> {
    names.sort_unstable();
    names.dedup();
    names
}
