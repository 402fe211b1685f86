//! What `govcloud review queue` says.

use std::fmt::Write as _;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::{
    queue::{Entry, Queue},
    rules::needed,
    words::amounts_in_words,
};
use crate::output::{
    Output, Table,
    text::{age, count, day},
};

/// The tables, or what is said when nothing waits; `all` is the queue before only the caller's part was taken.
pub fn render(shown: &Queue, all: &Queue, only_mine: bool, out: Output, now: Timestamp) -> String {
    let (wide, headers) = (out.wide(), out.headers);
    if shown.waiting.is_empty() && shown.afterwards.is_empty() {
        return nothing(all, only_mine);
    }
    let mut text = String::new();
    if !shown.waiting.is_empty() {
        text += &waiting(&shown.waiting, wide, now).render(headers);
        if headers && let Some(first) = shown.waiting.first() {
            let _ = writeln!(text, "Read one: govcloud review show {}", first.number);
        }
    }
    if shown.afterwards.is_empty() {
        return text;
    }
    if headers {
        text += if text.is_empty() { "" } else { "\n" };
        text += "Emergencies that one reviewer approved, and others must still look at:\n";
    }
    text + &afterwards(&shown.afterwards, now).render(headers)
}

fn nothing(all: &Queue, only_mine: bool) -> String {
    let others = all.waiting.len() + all.afterwards.len();
    match (only_mine, others) {
        (true, 1..) => {
            let (wait, for_) = if others == 1 { ("waits", "it") } else { ("wait", "them") };
            format!(
                "Nothing waits for you. {} {wait} for others; see {for_}: govcloud review queue\nWhich groups you are in: govcloud whoami\n",
                count(others, "request")
            )
        }
        _ => "Nothing waits for a review.\nWhat was decided: govcloud permit list --all-agencies\n".to_owned(),
    }
}

fn waiting(entries: &[Entry], wide: bool, now: Timestamp) -> Table {
    let mut headers = vec!["NUMBER", "AGENCY", "WHAT", "ASSESSMENT", "WAITS", "DUE"];
    if wide {
        headers.extend(["KIND", "STILL NEEDED", "YOURS"]);
    }
    let mut table = Table::new(&headers, "");
    for entry in entries {
        let mut row = vec![
            entry.number.clone(),
            entry.agency.clone(),
            what(entry),
            entry.assessment.map(|result| result.to_string()).unwrap_or_default(),
            waits(entry, now),
            due(entry, now),
        ];
        if wide {
            row.extend([entry_kind(entry), needed(&entry.missing), if entry.mine { "yes" } else { "no" }.to_owned()]);
        }
        table.row(row);
    }
    table
}

fn entry_kind(entry: &Entry) -> String {
    format!("{:?}", entry.intent)
}

fn afterwards(entries: &[Entry], now: Timestamp) -> Table {
    let mut table = Table::new(&["NUMBER", "AGENCY", "WHAT", "IS", "APPROVED", "STILL TO LOOK AT IT"], "");
    for entry in entries {
        table.row(vec![
            entry.number.clone(),
            entry.agency.clone(),
            what(entry),
            entry.phase.to_string(),
            format!("{} ago", waits(entry, now)),
            needed(&entry.missing),
        ]);
    }
    table
}

/// `16 GPUs (GPU training)`.
fn what(entry: &Entry) -> String {
    format!("{} ({})", amounts_in_words(&entry.demand), entry.class_name)
}

fn waits(entry: &Entry, now: Timestamp) -> String {
    entry.since.map(|since| age(Some(&Time(since)), now)).unwrap_or_default()
}

/// `in 9d`, or for how long it is overdue; far away as a date.
fn due(entry: &Entry, now: Timestamp) -> String {
    let Some(due) = entry.due else { return String::new() };
    if entry.overdue {
        return format!("OVERDUE by {}", age(Some(&Time(due)), now));
    }
    let left = age(Some(&Time(now)), due);
    if due.duration_since(now).as_hours() > 24 * 90 { day(due) } else { format!("in {left}") }
}
