//! `govcloud denials`: what was refused lately, to whom, and why.

mod audit;

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, BufRead, BufReader},
    path::PathBuf,
    time::Duration,
};

use clap::Args;
use govcloud_crds::names::home_namespace;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde::Serialize;

use self::audit::Denial;
use crate::{
    args::GlobalArgs,
    clock,
    commands::parse,
    error::{CliError, Result},
    exit::Exit,
    output::{Output, Table, text::age},
};

const EMPTY: &str = "Nothing was refused, as far as these logs go.";

/// `govcloud denials`.
#[derive(Clone, Debug, Args)]
pub struct DenialsArgs {
    /// Audit logs of the API server, or - for the standard input; repeatable
    #[arg(required = true, value_name = "FILE|-")]
    pub logs: Vec<PathBuf>,
    /// Only what was refused in the last days or hours, such as 7d or 24h [default: all]
    #[arg(long, value_parser = parse::wait, value_name = "DURATION")]
    pub since: Option<Duration>,
}

/// The same request, however often it was refused for the same reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    who: String,
    verb: String,
    resource: String,
    name: String,
    namespace: String,
    rule: String,
    why: String,
    /// False if the agency's enforcement only audits: it was admitted.
    refused: bool,
    times: usize,
    first: Timestamp,
    last: Timestamp,
}

/// Runs `govcloud denials`.
pub fn run(args: &DenialsArgs, global: &GlobalArgs) -> Result<Exit> {
    let (out, now) = (Output::new(global), clock::now());
    let mut found = Found::default();
    for log in &args.logs {
        if log.as_os_str() == "-" {
            found.read(io::stdin().lock(), "the standard input")?;
        } else {
            let name = log.display().to_string();
            let file = File::open(log).map_err(|error| {
                CliError::usage(format!("cannot read {name}: {error}"))
                    .hint("The API server writes it where its --audit-log-path says; logs that went elsewhere can be piped: … | govcloud denials -")
            })?;
            found.read(BufReader::new(file), &name)?;
        }
    }
    if found.unreadable > 0 {
        out.note(&format!("note: {} lines are no events of an audit log, and were left out", found.unreadable));
    }
    let since = args.since.and_then(|since| now.checked_sub(since).ok());
    let rows = summed(found.denials, since, global.agency.as_deref());
    out.data(&rows, || table(&rows, out.wide(), now).render(out.headers))?;
    Ok(Exit::Ok)
}

#[derive(Default)]
struct Found {
    denials: Vec<Denial>,
    unreadable: usize,
}

impl Found {
    /// Reads a log. A line that was cut off is left out; a file without any event is not what was meant.
    fn read(&mut self, log: impl BufRead, name: &str) -> Result<()> {
        let (mut events, mut unreadable) = (0_usize, 0_usize);
        for line in log.lines() {
            let line = line.map_err(|error| CliError::failure(format!("cannot read {name}: {error}")))?;
            match audit::denials(&line) {
                Ok(denials) => {
                    events += 1;
                    self.denials.extend(denials);
                }
                Err(_) if line.trim().is_empty() => {}
                Err(_) => unreadable += 1,
            }
        }
        self.unreadable += unreadable;
        if events == 0 && unreadable > 0 {
            let hint =
                "An audit log has one JSON object per line, of kind Event and group audit.k8s.io; the level Metadata suffices.";
            return Err(CliError::usage(format!("{name} is no audit log of a Kubernetes API server")).hint(hint));
        }
        Ok(())
    }
}

/// One row for what is the same; the latest first.
fn summed(denials: Vec<Denial>, since: Option<Timestamp>, agency: Option<&str>) -> Vec<Row> {
    let is_theirs = |denial: &Denial| {
        agency.is_none_or(|agency| {
            denial.namespace == home_namespace(agency) || denial.namespace.starts_with(&format!("{agency}--"))
        })
    };
    let mut rows: BTreeMap<_, Row> = BTreeMap::new();
    for denial in denials.into_iter().filter(|d| since.is_none_or(|since| d.at >= since)).filter(is_theirs) {
        let key = (
            denial.who.clone(),
            denial.verb.clone(),
            denial.resource.clone(),
            denial.namespace.clone(),
            denial.name.clone(),
            denial.why.clone(),
            denial.refused,
        );
        let row = rows.entry(key).or_insert_with(|| Row {
            who: denial.who,
            verb: denial.verb,
            resource: denial.resource,
            name: denial.name,
            namespace: denial.namespace,
            rule: denial.rule,
            why: denial.why,
            refused: denial.refused,
            times: 0,
            first: denial.at,
            last: denial.at,
        });
        row.times += 1;
        row.first = row.first.min(denial.at);
        row.last = row.last.max(denial.at);
    }
    let mut rows: Vec<_> = rows.into_values().collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.last)); // stable, so what is of the same moment stays in order
    rows
}

fn table(rows: &[Row], wide: bool, now: Timestamp) -> Table {
    let mut headers = vec!["LAST", "TIMES", "WHO", "WHAT", "IN", "WHY"];
    if wide {
        headers.extend(["FIRST", "RULE"]);
    }
    let mut table = Table::new(&headers, EMPTY);
    for row in rows {
        let ago = |at: Timestamp| age(Some(&Time(at)), now);
        let name = if row.name.is_empty() { String::new() } else { format!("/{}", row.name) };
        let admitted = if row.refused { "" } else { "(admitted, because this agency is only audited) " };
        let mut cells = vec![
            ago(row.last),
            row.times.to_string(),
            row.who.clone(),
            format!("{} {}{name}", row.verb, row.resource),
            row.namespace.clone(),
            format!("{admitted}{}", row.why),
        ];
        if wide {
            cells.extend([ago(row.first), row.rule.clone()]);
        }
        table.row(cells);
    }
    table
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::commands::testing;

    fn denial(at: &str, who: &str, namespace: &str, refused: bool) -> Denial {
        Denial {
            at: at.parse().expect("a time"),
            who: who.into(),
            verb: "create".into(),
            resource: "kafkanodepools".into(),
            name: "broker".into(),
            namespace: namespace.into(),
            rule: "govcloud-slots".into(),
            why: "no permit names kafkanodepools/broker".into(),
            refused,
        }
    }

    fn some() -> Vec<Denial> {
        vec![
            denial("2026-11-01T00:00:00Z", "developer@customs", "customs--lab", true),
            denial("2026-11-02T00:00:00Z", "developer@customs", "customs--lab", true),
            denial("2026-11-03T00:00:00Z", "developer@tax", "tax--lab", false),
        ]
    }

    #[test]
    fn tables() {
        let rows = summed(some(), None, None);
        insta::assert_snapshot!("denials", table(&rows, false, testing::now()).render(true));
        insta::assert_snapshot!("denials_wide", table(&rows, true, testing::now()).render(true));
        insta::assert_snapshot!("denials_none", table(&[], false, testing::now()).render(true));
    }

    #[rstest]
    #[case::all(None, None, 2)]
    #[case::lately(Some("2026-11-03T00:00:00Z"), None, 1)]
    #[case::of_an_agency(None, Some("customs"), 1)]
    #[case::of_nobody(None, Some("cust"), 0)]
    fn what_is_shown(#[case] since: Option<&str>, #[case] agency: Option<&str>, #[case] rows: usize) {
        assert_eq!(summed(some(), since.map(|s| s.parse().expect("a time")), agency).len(), rows);
    }

    #[test]
    fn a_line_that_was_cut_off_is_left_out_and_another_file_is_an_error() {
        let event = r#"{"stage":"ResponseStarted","requestReceivedTimestamp":"2026-11-20T08:00:00.123456Z"}"#;
        let mut found = Found::default();
        found.read(format!("{event}\n\n{{\"stage\":").as_bytes(), "a.log").expect("a log");
        assert_eq!(found.unreadable, 1);
        let error = Found::default().read("hello\n".as_bytes(), "b.log").expect_err("no log");
        insta::assert_snapshot!("denials_no_log", error.render(false));
    }
}
