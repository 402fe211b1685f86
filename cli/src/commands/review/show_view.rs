//! What `govcloud review show` says: sentences for somebody who decides, and need not know Kubernetes.

use std::fmt::Write as _;

use govcloud_crds::{
    class::Quorum,
    permit::{
        Assessment, AssessmentResult, Intent, OfferAssessment, OfferResult, Phase, ReviewVerdict, Truth, effective::is_late,
    },
};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::{
    facts::{Change, Facts, Needed, Refers, Said, best_offer, service_and_plan},
    words::{amounts_in_words, period_in_words, size_in_words},
};
use crate::{
    commands::permit::objects::{label, lines},
    output::{
        Paint,
        text::{WIDTH, age, count, day, hanging, ordinal, plain, wrapped},
    },
};

/// The request in words.
pub fn render(facts: &Facts, paint: Paint, now: Timestamp) -> String {
    let mut text = head(facts, paint, now);
    text += &paragraph(&asks(facts));
    let rows: Vec<_> = facts.asked.iter().map(|target| (label(target), size_in_words(target))).collect();
    text += &lines(&rows);
    if let Some(refers) = &facts.refers_to {
        text += &refers_in_words(facts.intent, refers);
    }
    text += &offers(facts, paint);
    text += &they_say(facts);
    text += &asked_by(facts);
    text += &reviews(&facts.reviews);
    text += &narrowed(facts);
    text += &needed(facts);
    text + &next(facts)
}

fn paragraph(text: &str) -> String {
    format!("{}\n", wrapped(text, WIDTH))
}

fn head(facts: &Facts, paint: Paint, now: Timestamp) -> String {
    let mut text = format!("{}  {}", paint.strong(&facts.number), facts.phase);
    if let Some(position) = facts.position {
        let _ = write!(text, ", {} in the queue", ordinal(position));
    }
    if let Some(due) = facts.due {
        let late = paint.bad(&format!("OVERDUE by {}", age(Some(&Time(due)), now)));
        let _ = if is_late(due, now) { write!(text, ", {late}") } else { write!(text, ", decision due {}", day(due)) };
    }
    text + "\n"
}

fn asks(facts: &Facts) -> String {
    let (amount, class) = (amounts_in_words(&facts.demand), &facts.class_name);
    let urgent = if facts.intent == Intent::Emergency { ", at once, as an emergency," } else { "" };
    let zones = if facts.zones.is_empty() { String::new() } else { format!(", in zone {}", facts.zones.join(" and ")) };
    format!(
        "{} asks{urgent} to run its own {class}: {amount} for {}{zones}, in its project {}, with data up to {}.",
        facts.agency_name,
        period_in_words(&facts.duration),
        facts.project,
        facts.data,
    )
}

fn refers_in_words(intent: Intent, refers: &Refers) -> String {
    let number = &refers.number;
    let is = refers.phase.map_or("is not there any more".to_owned(), |phase| format!("is {phase}"));
    let what = match intent {
        Intent::Renewal => format!("It would go on after {number}, which {is}."),
        Intent::Amendment => format!("It would take the place of {number}, which {is}."),
        Intent::Appeal => format!("It appeals against the decision on {number}, which {is}."),
        Intent::New | Intent::Emergency => {
            format!("It answers what {number} was returned for, and keeps its place in the queue.")
        }
    };
    let mut text = paragraph(&what);
    if let Some(decision) = &refers.decision {
        let said = format!("Decided there on {}: {}, \"{}\"", day(decision.at.0), decision.verdict, decision.reason.trim());
        text += &paragraph(&said);
    }
    if intent == Intent::Appeal && !refers.deciders.is_empty() {
        let who = refers.deciders.join(", ");
        text += &paragraph(&format!("It was decided there by {who}; they do not decide this appeal."));
    }
    let changed: Vec<_> = refers.changes.iter().filter(|change| change.before != change.after).collect();
    if changed.is_empty() && !refers.changes.is_empty() {
        return text + "The sizes are the same as there.\n";
    }
    if changed.is_empty() {
        return text;
    }
    let rows: Vec<_> = changed.into_iter().map(change_row).collect();
    text + &format!("What changes, from what was granted there:\n{}", lines(&rows))
}

fn change_row(change: &Change) -> (String, String) {
    let name = change.after.as_ref().or(change.before.as_ref()).map(label).unwrap_or_default();
    let size = |target: &Option<_>| target.as_ref().map_or("nothing".to_owned(), size_in_words);
    (name, format!("{} → {}", size(&change.before), size(&change.after)))
}

/// What it would duplicate, or why it would not.
fn offers(facts: &Facts, paint: Paint) -> String {
    let Some(assessment) = &facts.assessment else { return "It was not compared with the shared services yet.\n".to_owned() };
    match (assessment.result, best_offer(assessment)) {
        (AssessmentResult::Duplicate, Some(offer)) => {
            let head = paint.attention("It would duplicate what is there.");
            format!("{head}\n{}", offer_in_words(offer, "has room for all of it"))
        }
        (AssessmentResult::Overlaps, Some(offer)) => {
            let head = paint.attention("It may duplicate what is there.");
            let part = offer.result == OfferResult::Partly;
            let how = if part { "has room for part of it" } else { "might do, but something is not known" };
            format!("{head}\n{}", offer_in_words(offer, how))
        }
        _ => unique(facts, assessment),
    }
}

fn offer_in_words(offer: &OfferAssessment, how: &str) -> String {
    let (service, plan) = service_and_plan(offer);
    let mut text = hanging(" ", 2, &format!("{service} (plan {plan}) {how}:"));
    for predicate in &offer.predicates {
        let said = match (predicate.name.as_str(), predicate.result) {
            // Of what fits, these say nothing that a reviewer would weigh.
            ("Class" | "Health", Truth::True) => continue,
            ("Interface", Truth::True) if predicate.message.starts_with("no interface") => continue,
            ("Data", Truth::True) => format!("it may hold such data ({})", predicate.message),
            ("Zone", Truth::True) if predicate.message.starts_with("any") => "no zone was asked for".to_owned(),
            ("Zone", Truth::True) => format!("it stands in the same zone ({})", predicate.message),
            ("Capacity", Truth::True) => format!("it would take {}", predicate.message),
            _ => predicate.message.clone(),
        };
        let mark = match predicate.result {
            Truth::True => "✓",
            Truth::False => "✗",
            Truth::Unknown => "?",
        };
        text += &hanging(&format!("    {mark}"), 6, &said);
    }
    text
}

fn unique(facts: &Facts, assessment: &Assessment) -> String {
    let of_class = |o: &&OfferAssessment| o.predicates.iter().any(|p| p.name == "Class" && p.result == Truth::True);
    let near: Vec<_> = assessment.offers.iter().filter(of_class).collect();
    if near.is_empty() {
        let class = &facts.class_name;
        return paragraph(&format!("It duplicates nothing: no shared service offers {class}."));
    }
    let offers = count(near.len(), "offer");
    let mut text = paragraph(&format!("It duplicates nothing. Of this class, {offers} would not do:"));
    for offer in near.iter().take(3) {
        let (service, plan) = service_and_plan(offer);
        let against: Vec<_> = offer.predicates.iter().filter(|p| p.result == Truth::False).map(|p| p.message.as_str()).collect();
        text += &hanging(" ", 2, &format!("{service} (plan {plan}): {}", against.join("; ")));
    }
    text
}

fn they_say(facts: &Facts) -> String {
    let mut text = hanging("They say:", 10, &format!("\"{}\"", facts.justification.trim()));
    if let Some(law) = &facts.legal_basis {
        text += &hanging("By law:", 10, law);
    }
    if !facts.sharing_offer.is_empty() {
        text += &hanging("They would share:", 18, &amounts_in_words(&facts.sharing_offer));
    }
    for alternative in &facts.rejected {
        text += &hanging(
            "Considered and rejected:",
            25,
            &format!("{}, because: \"{}\"", alternative.shared_service, alternative.rejected_because.trim()),
        );
    }
    if facts.rejected.is_empty() {
        text += "They considered no shared service.\n";
    }
    if !facts.evidence.is_empty() {
        text += "Documents, to be compared with sha256sum FILE:\n";
    }
    for document in &facts.evidence {
        let place = document.uri.as_ref().map_or_else(String::new, |uri| format!(", at {uri}"));
        let _ = writeln!(text, "  {}{}\n    {}", plain(&document.name), plain(&place), document.sha256);
    }
    text
}

fn asked_by(facts: &Facts) -> String {
    let when = facts.requested_at.map_or_else(String::new, |at| format!(" on {}", day(at)));
    let (year, agency) = (&facts.last_year, &facts.agency_name);
    let before = match year.asked {
        0 => format!("{agency} asked for nothing else of this class in the last year."),
        n => {
            let (asked, sum) = (count(n, "other permit"), amounts_in_words(&year.demand));
            let runs = match year.running {
                0 => "none of them is in force".to_owned(),
                1 => format!("1 is in force, with {}", amounts_in_words(&year.holds)),
                n => format!("{n} are in force, with {}", amounts_in_words(&year.holds)),
            };
            format!("In the last year {agency} asked for {asked} of this class, {sum} in all; {runs}.")
        }
    };
    paragraph(&format!("Asked by {}{when}. {before}", facts.requested_by))
}

fn reviews(all: &[Said]) -> String {
    if all.is_empty() {
        return "Nobody reviewed it yet.\n".to_owned();
    }
    let mut text = "Reviews:\n".to_owned();
    for said in all {
        let when = said.at.map_or_else(String::new, |at| format!(" on {}", day(at)));
        let counts = said.does_not_count.as_ref().map_or_else(String::new, |why| format!(" This does not count: {why}."));
        let line = format!(
            "{}{when}: {} as {}. \"{}\"{counts}",
            said.reviewer,
            verdict_in_words(said.verdict),
            said.group,
            said.reason.trim()
        );
        text += &hanging("  -", 4, &line);
    }
    text
}

/// `approved it`.
pub fn verdict_in_words(verdict: ReviewVerdict) -> &'static str {
    match verdict {
        ReviewVerdict::Approve => "approved it",
        ReviewVerdict::Deny => "denied it",
        ReviewVerdict::Return => "returned it",
        ReviewVerdict::Suspend => "suspended it",
        ReviewVerdict::Resume => "let it go on",
        ReviewVerdict::Revoke => "revoked it",
    }
}

fn narrowed(facts: &Facts) -> String {
    let pairs = facts.asked.iter().zip(&facts.allowed).filter(|(asked, allowed)| asked != allowed);
    let rows: Vec<_> =
        pairs.map(|(asked, left)| (label(left), format!("{} of {}", size_in_words(left), size_in_words(asked)))).collect();
    if rows.is_empty() { String::new() } else { format!("Reviewers allowed less than was asked for:\n{}", lines(&rows)) }
}

fn needed(facts: &Facts) -> String {
    let (needed, decided) = (&facts.needed, facts.decision.is_some());
    let mut text = String::new();
    if facts.assessment.is_none() {
        return text;
    }
    if let Some(decision) = &facts.decision {
        let said = format!("Decided on {}: {}. \"{}\"", day(decision.at.0), decision.verdict, decision.reason.trim());
        text += &paragraph(&said);
    }
    if let Some(automatic) = &needed.automatic {
        text += &paragraph(&format!("Fewer reviewers are needed than usual. {automatic}"));
    }
    if !decided {
        text += &paragraph(&format!("To approve: {}.", to_approve(needed, facts.intent)));
    }
    if facts.intent == Intent::Emergency {
        let whole = people(&needed.afterwards);
        let rest = match (decided, needed.missing.is_empty()) {
            (true, true) => "Everybody who approves in ordinary times has looked at it.".to_owned(),
            (true, false) => format!("Still to look at it afterwards: {}.", people(&needed.missing)),
            _ => format!(
                "It is an emergency: one reviewer suffices, and it ends after 72 hours at most. Afterwards it must be looked at by {whole}, the one who approved included."
            ),
        };
        text += &paragraph(&rest);
    }
    text
}

fn to_approve(needed: &Needed, intent: Intent) -> String {
    let extra = needed.override_duplicate && intent != Intent::Emergency && needed.automatic.is_none();
    let note = |(index, quorum): (usize, &Quorum)| {
        let note = match needed.security_group.as_ref() {
            Some(group) if *group == quorum.group => " (because of the agency's security regime)",
            _ if extra && index == 0 => " (one more than usual, because it duplicates)",
            _ => "",
        };
        format!("{}{note}", persons(quorum))
    };
    let mut text = joined(needed.in_all.iter().enumerate().map(note).collect());
    if needed.override_duplicate {
        text += ", each with a reason for the override";
    }
    if needed.missing != needed.in_all {
        let _ = write!(text, "; still missing: {}", people(&needed.missing));
    }
    text
}

/// `2 reviewers of ministry:reviewers and 1 reviewer of security:smc`.
pub fn people(quorum: &[Quorum]) -> String {
    joined(quorum.iter().map(persons).collect())
}

fn persons(quorum: &Quorum) -> String {
    format!("{} of {}", count(usize::try_from(quorum.count).unwrap_or_default(), "reviewer"), quorum.group)
}

fn joined(all: Vec<String>) -> String {
    if all.is_empty() { "nobody".to_owned() } else { all.join(" and ") }
}

fn next(facts: &Facts) -> String {
    if let Some(why) = &facts.nothing_to_say {
        let waits = matches!(facts.phase, Phase::UnderReview | Phase::Pending);
        let head = if waits { "Nothing that you say would count: " } else { "Nothing is left to say for you: " };
        return paragraph(&format!("{head}{why}."));
    }
    let narrow = facts.next.iter().any(|command| command.contains(" approve ")) && facts.decision.is_none();
    let mut text = "You can:\n".to_owned();
    for command in &facts.next {
        let _ = writeln!(text, "  {command}");
    }
    if let (true, Some(first)) = (narrow, facts.asked.first()) {
        let _ = writeln!(
            text,
            "  Allow less than asked: approve with --narrow {}={}",
            plain(&first.name),
            (first.replicas / 2).max(1)
        );
    }
    text
}
