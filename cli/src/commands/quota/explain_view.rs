//! How `govcloud quota explain` reads.

use std::fmt::Write as _;

use govcloud_crds::capacity::{Help, Who};

use super::explain::{Line, Report};
use crate::output::{
    Paint, Table,
    text::{WIDTH, hanging, plain_number, wrapped},
};

/// The whole explanation.
pub(super) fn render(report: &Report, paint: Paint) -> String {
    let Report { project, agency, namespace, pool, .. } = report;
    let is_less = report.resources.iter().any(|line| line.asked > line.given);
    let verdict = match (report.granted, is_less) {
        (true, _) => paint.good("has all that it asks for"),
        (false, true) => paint.attention("has less than it asks for"),
        (false, false) => paint.attention("does not have its quota yet"),
    };
    let mut text = format!("{} of {agency} {verdict}.\nNamespace {namespace}, pool {pool}.\n", paint.strong(project));
    if let Some(said) = &report.said {
        let _ = writeln!(text, "{}", wrapped(said, WIDTH));
    }
    text += "\n";
    let (asked, notes): (Vec<_>, Vec<_>) = report.resources.iter().partition(|line| !line.asked.is_zero_or_less());
    text += &table(&asked);
    let less: Vec<_> = asked.into_iter().filter(|line| line.asked > line.given).collect();
    for alike in less.chunk_by(|one, next| one.reasons == next.reasons && one.help == next.help) {
        text += &because(alike, &report.can);
    }
    text += &not_asked(&notes);
    // Who has all needs nothing that is not readable.
    if is_less && !report.unreadable.is_empty() {
        let who = "Cloud operators and the ministry see everything.";
        let what = format!("Not readable for you: {}. {who}", report.unreadable.join(", "));
        let _ = writeln!(text, "\n{}", wrapped(&what, WIDTH));
    }
    text
}

fn table(lines: &[&Line]) -> String {
    let mut table =
        Table::new(&["RESOURCE", "ASKED", "GIVEN", "LESS"], "It asks for nothing: spec.quota of the Project is empty.");
    for line in lines {
        let missing = line.asked.saturating_sub(line.given);
        let missing = if missing.is_zero_or_less() { String::new() } else { plain_number(missing) };
        table.row(vec![line.key.clone(), plain_number(line.asked), plain_number(line.given), missing]);
    }
    table.render(true)
}

/// Why there is no more of some keys, which is the same for all of them.
fn because(alike: &[&Line], can: &[Who]) -> String {
    let keys: Vec<_> = alike.iter().map(|line| line.key.as_str()).collect();
    let Some(line) = alike.first() else { return String::new() };
    let mut text = format!("\n{}\n", wrapped(&format!("Why no more {}:", keys.join(", ")), WIDTH));
    for reason in &line.reasons {
        text += &hanging("  -", 4, &reason.to_string());
    }
    if !line.help.is_empty() {
        text += "What would help:\n";
    }
    for help in &line.help {
        text += &helping(help, can);
    }
    text
}

fn helping(help: &Help, can: &[Who]) -> String {
    let what = match who(help.who, can) {
        Some(who) => format!("{who} can {}", help.what),
        None => help.what.clone(),
    };
    let mut text = hanging("  -", 4, &what);
    if let Some(command) = &help.command {
        // A command is copied, so it stays on one line.
        let _ = writeln!(text, "      {command}");
    }
    text
}

/// Who can do it; nobody needs to where waiting is all.
fn who(who: Who, can: &[Who]) -> Option<&'static str> {
    if can.contains(&who) {
        return Some("you");
    }
    match who {
        Who::Nobody => None,
        Who::ProjectDeveloper => Some("a developer of the agency"),
        Who::AgencyAdmin => Some("an admin of the agency"),
        Who::AgencyRequester => Some("an admin or requester of the agency"),
        Who::CloudOperator => Some("a cloud operator"),
    }
}

/// What the share has and the project does not ask for: a line for each, for it is seldom meant.
fn not_asked(notes: &[&Line]) -> String {
    if notes.is_empty() {
        return String::new();
    }
    let mut text = "\nNot asked for, so it is 0:\n".to_owned();
    for note in notes {
        let help = note.help.iter().map(|help| help.what.as_str()).collect::<Vec<_>>().join(", or ");
        text += &hanging("  -", 4, &format!("{}: {help}", note.key));
    }
    text
}
