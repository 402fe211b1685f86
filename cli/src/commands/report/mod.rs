//! `govcloud report`: who runs what, what is duplicated, and who keeps the rules; as a table, data, or a page to print.

#![allow(clippy::struct_field_names, reason = "fields are named as the JSON has them")]

mod capacity;
mod capacity_view;
mod chart;
mod compliance;
mod compliance_view;
mod csv;
mod duplicates;
mod duplicates_view;
mod gather;
mod html;
mod sheet;
mod text;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde::Serialize;

use self::{
    capacity::Capacity,
    compliance::Compliance,
    duplicates::Duplicates,
    gather::{Gathered, Source},
    sheet::{Document, Part},
};
use crate::{
    context::Context,
    error::Result,
    exit::Exit,
    output::{Format, file},
};

/// `govcloud report`.
#[derive(Clone, Debug, Subcommand)]
pub enum ReportCommand {
    /// What a shared service offers too, and what moving there would free
    Duplicates(ReportArgs),
    /// Who runs what, and what shared services and pools have left
    Capacity(ReportArgs),
    /// How the rules are kept: findings, permits that ended or wait too long, enforcement, duties
    Compliance(ReportArgs),
    /// All three in one
    All(ReportArgs),
}

/// Where a report goes.
#[derive(Clone, Debug, Default, Args)]
pub struct ReportArgs {
    /// Write it into this file instead of the standard output; its ending, such as .html or .csv, says how unless -o does
    #[arg(long, visible_alias = "out", value_name = "FILE")]
    pub output_file: Option<PathBuf>,
    /// Replace the file if it is there
    #[arg(long, requires = "output_file")]
    pub force: bool,
}

impl ReportArgs {
    fn format(&self, asked: Format) -> Format {
        let ending = self.output_file.as_deref().and_then(Path::extension).and_then(|end| end.to_str()).unwrap_or_default();
        match (asked, ending.to_ascii_lowercase().as_str()) {
            (Format::Table, "html" | "htm") => Format::Html,
            (Format::Table, "csv") => Format::Csv,
            (Format::Table, "json") => Format::Json,
            (Format::Table, "yaml" | "yml") => Format::Yaml,
            _ => asked,
        }
    }
}

/// Which report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Which {
    Duplicates,
    Capacity,
    Compliance,
    All,
}

impl Which {
    fn has(self, part: Self) -> bool {
        self == part || self == Self::All
    }

    fn title(self) -> &'static str {
        match self {
            Self::Duplicates => "Duplicates",
            Self::Capacity => "Capacity",
            Self::Compliance => "Compliance",
            Self::All => "Processing infrastructure",
        }
    }

    /// What it is made of, so that nothing is asked for that it does not show.
    fn sources(self) -> Vec<Source> {
        Source::ALL.into_iter().filter(|source| self == Self::All || source.is_for(self)).collect()
    }
}

/// A report as data: what `-o json` prints. Its fields are only ever added to.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    /// When it was made, in UTC.
    generated_at: Timestamp,
    /// The API server that was asked.
    cluster: String,
    /// The only agency that it is about; missing if it is about all.
    #[serde(skip_serializing_if = "Option::is_none")]
    agency: Option<String>,
    /// What it lacks because the caller may not read it, each in a sentence.
    not_included: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    duplicates: Option<Duplicates>,
    #[serde(skip_serializing_if = "Option::is_none")]
    capacity: Option<Capacity>,
    #[serde(skip_serializing_if = "Option::is_none")]
    compliance: Option<Compliance>,
}

/// Runs `govcloud report`.
pub async fn run(ctx: &Context, command: ReportCommand) -> Result<Exit> {
    let (which, args) = match command {
        ReportCommand::Duplicates(args) => (Which::Duplicates, args),
        ReportCommand::Capacity(args) => (Which::Capacity, args),
        ReportCommand::Compliance(args) => (Which::Compliance, args),
        ReportCommand::All(args) => (Which::All, args),
    };
    let gathered = gather::gather(ctx, &which.sources()).await?;
    let report = report(which, &gathered, &ctx.place.server, ctx.now);
    let text = match args.format(ctx.out.format) {
        Format::Html => html::render(&document(which, &report))?,
        Format::Csv => csv::render(&document(which, &report), ctx.out.headers)?,
        Format::Table | Format::Wide => text::render(&document(which, &report), ctx.out.headers),
        other => crate::output::objects::data(other, &report)?.unwrap_or_default() + "\n",
    };
    match &args.output_file {
        Some(path) => {
            file::write(path, &text, args.force)?;
            ctx.out.note(&format!("The report is in {}.", path.display()));
        }
        None => ctx.out.text(&text)?,
    }
    Ok(Exit::Ok)
}

/// What was gathered as a report.
fn report(which: Which, gathered: &Gathered, cluster: &str, now: Timestamp) -> Report {
    Report {
        generated_at: now,
        cluster: cluster.to_owned(),
        agency: gathered.agency.clone(),
        not_included: gathered.not_included(),
        duplicates: which.has(Which::Duplicates).then(|| duplicates::duplicates(gathered, now)),
        capacity: which.has(Which::Capacity).then(|| capacity::capacity(gathered)),
        compliance: which.has(Which::Compliance).then(|| compliance::compliance(gathered, now)),
    }
}

/// A report as tables and charts.
fn document(which: Which, report: &Report) -> Document {
    let mut parts: Vec<Part> = Vec::new();
    parts.extend(report.capacity.as_ref().map(capacity_view::part));
    parts.extend(report.duplicates.as_ref().map(duplicates_view::part));
    parts.extend(report.compliance.as_ref().map(compliance_view::part));
    Document {
        title: which.title().to_owned(),
        about: report.agency.clone().unwrap_or_else(|| "all agencies".to_owned()),
        cluster: report.cluster.clone(),
        generated_at: report.generated_at,
        not_included: report.not_included.clone(),
        parts,
    }
}

#[cfg(test)]
mod tests;
