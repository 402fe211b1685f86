//! Duplicates as tables and charts.

use std::collections::BTreeMap;

use govcloud_crds::Quantity;

use super::{
    capacity_view::{names, whose},
    chart::{Bar, Chart, Tone, counted},
    duplicates::{Duplicates, Found, Freed, Offer, Requested},
    sheet::{Cell, Figure, Part, Sheet},
};
use crate::output::text::plain_number;

/// The report as tables and charts.
pub fn part(report: &Duplicates) -> Part {
    let mut figures = Vec::new();
    if let Some(found) = &report.found {
        figures.push(Figure::new(found.len(), "duplicate runs without a permit", "duplicates run without a permit"));
    }
    if let Some(requested) = &report.requested {
        let waiting = requested.iter().filter(|request| request.phase.is_waiting()).count();
        let approved = requested.len() - waiting;
        figures.push(Figure::new(approved, "was approved all the same", "were approved all the same"));
        figures.push(Figure::new(waiting, "is asked for and waits", "are asked for and wait"));
    }
    let mut sheets = Vec::new();
    let requested = report.requested.as_deref().unwrap_or_default();
    sheets.extend(report.found.as_deref().map(|found| found_sheet(found, requested)));
    sheets.extend(report.requested.as_deref().map(requested_sheet));
    sheets.extend(report.freed.as_deref().map(freed_sheet));
    sheets.extend(report.offers.as_deref().map(offers_sheet));
    Part { heading: "Duplicates", figures, sheets }
}

fn found_sheet(found: &[Found], requested: &[Requested]) -> Sheet {
    let row = |one: &Found| {
        vec![
            whose(&one.agency).into(),
            (&one.project).into(),
            (&one.class).into(),
            (&one.object).into(),
            (&one.capacity).into(),
            one.alternatives.join(", ").as_str().into(),
            one.since.into(),
            one.acknowledged.into(),
        ]
    };
    let chart = by_agency(found, requested);
    Sheet {
        key: "found",
        heading: "What runs without a permit and is a duplicate",
        note: "Instead: offers that have room for all of it, the best first.",
        empty: "Nothing was found that a shared service offers too.",
        columns: vec!["agency", "project", "class", "object", "takes", "instead", "since", "acknowledged"],
        rows: found.iter().map(row).collect(),
        charts: if chart.bars.is_empty() { Vec::new() } else { vec![chart] },
    }
}

/// How many duplicates each agency has, or asks for.
fn by_agency(found: &[Found], requested: &[Requested]) -> Chart {
    let mut counts: BTreeMap<&str, [usize; 3]> = BTreeMap::new();
    for one in found {
        counts.entry(&one.agency).or_default()[0] += 1;
    }
    for one in requested {
        counts.entry(&one.agency).or_default()[if one.phase.is_waiting() { 2 } else { 1 }] += 1;
    }
    let bar = |(agency, counts): (&str, [usize; 3])| Bar {
        name: whose(agency).to_owned(),
        parts: counts.iter().map(|count| f64::from(u32::try_from(*count).unwrap_or(u32::MAX))).collect(),
        says: counted(&counts, &["found", "approved", "waiting"]),
    };
    Chart {
        title: "Duplicates by agency".to_owned(),
        series: vec![("found", Tone::Bad), ("approved", Tone::Fine), ("waiting", Tone::Rest)],
        bars: counts.into_iter().map(bar).collect(),
        full: None,
    }
}

fn requested_sheet(requested: &[Requested]) -> Sheet {
    let row = |one: &Requested| {
        vec![
            (&one.agency).into(),
            (&one.project).into(),
            (&one.class).into(),
            (&one.number).into(),
            (&one.name).into(),
            one.phase.to_string().into(),
            (&one.capacity).into(),
            one.alternatives.join(", ").as_str().into(),
            (&one.reason).into(),
        ]
    };
    Sheet {
        key: "requested",
        heading: "Requests that the assessment calls duplicates",
        note: "Those that wait, and those that were approved all the same, with the reason.",
        empty: "No request that waits or holds is a duplicate.",
        columns: vec!["agency", "project", "class", "number", "name", "phase", "takes", "instead", "reason"],
        rows: requested.iter().map(row).collect(),
        charts: Vec::new(),
    }
}

fn freed_sheet(freed: &[Freed]) -> Sheet {
    let (mut rows, mut bars) = (Vec::new(), Vec::new());
    for class in freed {
        let dimensions = names([&class.freed]);
        for dimension in &dimensions {
            let (free, all) = (class.freed.get(dimension), class.running.get(dimension));
            rows.push(vec![(&class.class).into(), (*dimension).into(), free.into(), all.into(), class.unmeasured.into()]);
            bars.push(bar(&format!("{}: {dimension}", class.class_name), free, all));
        }
        if dimensions.is_empty() {
            rows.push(vec![(&class.class).into(), Cell::Nothing, Cell::Nothing, Cell::Nothing, class.unmeasured.into()]);
        }
    }
    let title = "What consolidation would free, each bar all that runs".to_owned();
    let chart = Chart { title, series: vec![("would be free", Tone::Fine), ("would stay", Tone::Rest)], bars, full: Some(100.0) };
    Sheet {
        key: "freed",
        heading: "What consolidation would free",
        note: "The sum of what runs and is a duplicate, without and with a permit. Unmeasured: duplicates whose size cannot be told.",
        empty: "Nothing: no duplicate runs.",
        columns: vec!["class", "dimension", "freed", "running", "unmeasured"],
        rows,
        charts: if chart.bars.is_empty() { Vec::new() } else { vec![chart] },
    }
}

fn bar(name: &str, free: Quantity, all: Quantity) -> Bar {
    let percent = |amount: Quantity| 100.0 * amount.as_f64() / all.as_f64();
    Bar {
        name: name.to_owned(),
        parts: vec![percent(free), percent(all.saturating_sub(free))],
        says: format!("{} of {}", plain_number(free), plain_number(all)),
    }
}

fn offers_sheet(offers: &[Offer]) -> Sheet {
    let row = |one: &Offer| {
        vec![
            (&one.offer).into(),
            one.duplicates.into(),
            (&one.demand).into(),
            one.spare.as_ref().into(),
            one.fits_together.map(|fits| if fits { "yes" } else { "no, each alone" }).into(),
        ]
    };
    Sheet {
        key: "offer",
        heading: "Where it would move",
        note: "Each duplicate to the first offer that has room for it; together they may need more than is spare.",
        empty: "Nothing has to move.",
        columns: vec!["offer", "duplicates", "take", "service_spare", "fit_together"],
        rows: offers.iter().map(row).collect(),
        charts: Vec::new(),
    }
}
