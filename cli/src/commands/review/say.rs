//! In which of their groups a caller has a say.

use govcloud_crds::{
    class::Quorum,
    permit::{
        ReviewVerdict,
        effective::{Effective, Policy},
    },
};

use super::rules::{Refusal, Wish, is_duplicate, needed, refuse};
use crate::{commands::permit::find::Case, context::Caller};

/// The group in which the review counts: the one they chose, or the first that they are in and that is missing.
pub fn group(case: &Case, wish: &Wish<'_>, policy: &Policy, before: &Effective) -> Result<String, Refusal> {
    let say = who_has_a_say(case, wish.verdict, policy, before);
    let mine = match wish.group {
        Some(chosen) => vec![chosen_group(chosen, wish.caller, &say)?],
        None => say.iter().map(|q| q.group.clone()).filter(|group| wish.caller.groups.contains(group)).collect(),
    };
    let Some(first) = mine.first() else { return no_say(case, wish, policy, &say) };
    already_said(case, wish, before)?;
    if wish.verdict != ReviewVerdict::Approve {
        return Ok(first.clone());
    }
    let still = still_missing(before);
    match mine.iter().find(|group| still.iter().any(|q| q.group == **group)) {
        Some(group) => Ok(group.clone()),
        None => refuse(format!("{} has approved already", mine.join(", ")), &[format!("it still waits for {}", needed(still))]),
    }
}

/// Whose approval is missing: before it is decided, or of an emergency afterwards.
pub fn still_missing(state: &Effective) -> &[Quorum] {
    if state.missing.is_empty() { &state.afterwards } else { &state.missing }
}

fn who_has_a_say(case: &Case, verdict: ReviewVerdict, policy: &Policy, before: &Effective) -> Vec<Quorum> {
    match verdict {
        ReviewVerdict::Approve if before.afterwards.is_empty() => policy.to_approve(is_duplicate(case)),
        // Only as many as approve for the class take a permit back.
        ReviewVerdict::Revoke => policy.pinned.approval.quorum.clone(),
        _ => policy.in_full(is_duplicate(case)),
    }
}

fn no_say(case: &Case, wish: &Wish<'_>, policy: &Policy, say: &[Quorum]) -> Result<String, Refusal> {
    let groups = &wish.caller.groups;
    let who = if groups.is_empty() { "you are in no group".to_owned() } else { format!("you are in {}", groups.join(", ")) };
    let mut instead = vec![format!("it is for {}", names(say))];
    if wish.verdict == ReviewVerdict::Revoke && groups.iter().any(|group| policy.has_say(group)) {
        instead.push(format!("you can stop it meanwhile: govcloud review suspend {} --reason \"…\"", case.title()));
        return refuse(format!("taking it back is not for your group: {who}"), &instead);
    }
    instead.push("see who you are here: govcloud whoami".to_owned());
    refuse(format!("you have no say in this request: {who}"), &instead)
}

fn chosen_group(chosen: &str, caller: &Caller, say: &[Quorum]) -> Result<String, Refusal> {
    if !caller.groups.iter().any(|g| g == chosen) {
        return refuse(format!("you are not in the group {chosen}"), &[format!("you are in {}", caller.groups.join(", "))]);
    }
    if !say.iter().any(|q| q.group == chosen) {
        return refuse(format!("{chosen} has no say in this request"), &[format!("it is for {}", names(say))]);
    }
    Ok(chosen.to_owned())
}

/// One person counts once, for and against; stopping and going on can be said again and again.
fn already_said(case: &Case, wish: &Wish<'_>, before: &Effective) -> Result<(), Refusal> {
    let what = match wish.verdict {
        ReviewVerdict::Approve => "approved",
        ReviewVerdict::Revoke => "revoked",
        _ => return Ok(()),
    };
    let same = before.reviews.iter().any(|r| r.counted && r.verdict == wish.verdict && r.reviewer == wish.caller.user);
    if !same {
        return Ok(());
    }
    let still = still_missing(before);
    let waits = if still.is_empty() { "other reviewers".to_owned() } else { needed(still) };
    refuse(
        format!("you {what} it already, and one person counts once"),
        &[format!("it waits for {waits}: govcloud review show {}", case.title())],
    )
}

fn names(quorum: &[Quorum]) -> String {
    quorum.iter().map(|q| q.group.as_str()).collect::<Vec<_>>().join(", ")
}
