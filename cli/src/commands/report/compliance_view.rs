//! How the rules are kept, as tables and charts.

use govcloud_crds::{
    agency::{DigitizationStatus, Enforcement},
    finding::FindingRule,
};

use super::{
    capacity_view::whose,
    chart::{Bar, Chart, Tone, counted as in_words},
    compliance::{AgencyRecord, Compliance, Interruption, Late, LatePermit},
    sheet::{Cell, Figure, Part, Sheet},
};

/// The report as tables and charts.
pub fn part(report: &Compliance) -> Part {
    let of = |matters: &dyn Fn(&AgencyRecord) -> bool| report.agencies.iter().filter(|agency| matters(agency)).count();
    let mut figures = Vec::new();
    let known = report.agencies.iter().all(|agency| agency.open_findings.is_some());
    if known {
        let open = of(&|agency| agency.open() > 0 && !agency.agency.is_empty());
        figures.push(Figure::new(open, "agency has open findings", "agencies have open findings"));
    }
    figures.push(Figure::new(
        of(&is_lenient),
        "agency is not held to its permits yet",
        "agencies are not held to their permits yet",
    ));
    if let Some(permits) = &report.permits {
        let overdue = permits.iter().filter(|permit| permit.late == Late::Overdue).count();
        figures.push(Figure::new(overdue, "request waits longer than it should", "requests wait longer than they should"));
    }
    if counted(&report.agencies) {
        let late = of(&|agency| behind(agency) > 0);
        figures.push(Figure::new(
            late,
            "agency is behind with mandatory services",
            "agencies are behind with mandatory services",
        ));
    }
    if report.agencies.iter().any(|agency| agency.automation.is_some()) {
        let late = of(&|agency| agency.automation.as_ref().is_some_and(|duty| !duty.on_track));
        figures.push(Figure::new(late, "agency is behind with automation", "agencies are behind with automation"));
    }
    let mut sheets = vec![agencies_sheet(&report.agencies)];
    sheets.extend(counted(&report.agencies).then(|| duties_sheet(&report.agencies)));
    sheets.extend(automation_sheet(&report.agencies));
    sheets.extend(known.then(|| findings_sheet(&report.agencies)));
    sheets.extend(report.permits.as_deref().map(permits_sheet));
    sheets.extend(report.interruptions.as_deref().map(interruptions_sheet));
    Part { heading: "Compliance", figures, sheets }
}

fn is_lenient(agency: &AgencyRecord) -> bool {
    agency.enforcement.is_some_and(|enforcement| enforcement != Enforcement::Deny)
}

/// Whether mandatory services are counted here. Where they are not, nothing is said about them.
fn counted(agencies: &[AgencyRecord]) -> bool {
    agencies.iter().any(|agency| agency.obligations.is_some())
}

/// How many mandatory services an agency does not use yet.
fn missing(agency: &AgencyRecord) -> usize {
    agency.obligations.as_ref().and_then(|o| usize::try_from(o.due).ok()).unwrap_or_default()
}

/// How many of those it should use by now.
fn behind(agency: &AgencyRecord) -> usize {
    agency.obligations.as_ref().and_then(|o| usize::try_from(o.behind).ok()).unwrap_or_default()
}

/// One row per agency and mandatory service that it does not use.
fn duties_sheet(agencies: &[AgencyRecord]) -> Sheet {
    let rows = agencies.iter().flat_map(|agency| {
        let missing = agency.obligations.iter().flat_map(|o| &o.missing);
        missing
            .map(|one| vec![Cell::from(whose(&agency.agency)), (&one.service).into(), (&one.due_by).into(), (&one.plan).into()])
    });
    Sheet {
        key: "obligation",
        heading: "Mandatory services that are not used",
        note: "Due by: who does not use it when that day ends, in UTC, is behind. An agency claims one with: govcloud service claim SERVICE --plan PLAN --project NAME",
        empty: "Every agency uses what it must.",
        columns: vec!["agency", "service", "due_by", "plan"],
        rows: rows.collect(),
        charts: Vec::new(),
    }
}

/// One row per agency that must automate services; none where no agency must.
fn automation_sheet(agencies: &[AgencyRecord]) -> Option<Sheet> {
    let duties: Vec<_> = agencies.iter().filter_map(|agency| Some((agency, agency.automation.as_ref()?))).collect();
    let amount = |number: i32| usize::try_from(number).unwrap_or_default();
    let row = |(agency, duty): &(&AgencyRecord, &DigitizationStatus)| {
        vec![
            whose(&agency.agency).into(),
            amount(duty.automated_this_year).into(),
            amount(duty.target_this_year).into(),
            amount(duty.target_this_year - duty.automated_this_year).into(),
            Some(duty.on_track).into(),
        ]
    };
    (!duties.is_empty()).then(|| Sheet {
        key: "automation",
        heading: "Services automated this year",
        note: "A fifth of an agency's services is due each year, less if fewer were left. On track: at least the part that the past months of the year make up.",
        empty: "No agency must automate services.",
        columns: vec!["agency", "automated", "due_this_year", "still_to_automate", "on_track"],
        rows: duties.iter().map(row).collect(),
        charts: vec![automation_chart(&duties)],
    })
}

fn automation_chart(duties: &[(&AgencyRecord, &DigitizationStatus)]) -> Chart {
    let amount = |number: i32| usize::try_from(number).unwrap_or_default();
    let bars = duties.iter().map(|(agency, duty)| {
        let done = amount(duty.automated_this_year);
        bar(agency, &[done, amount(duty.target_this_year - duty.automated_this_year)], &["automated", "to do"])
    });
    let title = "Services automated this year, by agency".to_owned();
    Chart { title, series: vec![("automated", Tone::Fine), ("to do", Tone::Rest)], bars: bars.collect(), full: None }
}

/// The columns of [`agency_row`]; the last only where mandatory services are counted.
const AGENCY_COLUMNS: [&str; 11] = [
    "agency",
    "name",
    "regime",
    "enforcement",
    "cordoned",
    "open_findings",
    "acknowledged",
    "active_permits",
    "ended_permits",
    "automation",
    "mandatory_services_missing",
];

fn agency_row(agency: &AgencyRecord) -> Vec<Cell> {
    vec![
        whose(&agency.agency).into(),
        (&agency.display_name).into(),
        agency.regime.map(|regime| regime.to_string()).into(),
        agency.enforcement.map(Enforcement::as_str).into(),
        agency.cordoned.into(),
        agency.open_findings.as_ref().map(|_| agency.open()).into(),
        agency.acknowledged_findings.into(),
        agency.active_permits.into(),
        agency.ended_permits.into(),
        automation(agency).into(),
        agency.obligations.as_ref().map(|_| missing(agency)).into(),
    ]
}

fn agencies_sheet(agencies: &[AgencyRecord]) -> Sheet {
    let width = if counted(agencies) { AGENCY_COLUMNS.len() } else { AGENCY_COLUMNS.len() - 1 };
    let row = |agency: &AgencyRecord| agency_row(agency).into_iter().take(width).collect();
    Sheet {
        key: "agency",
        heading: "Agencies",
        note: "Enforcement: with Warn or Audit, infrastructure runs without a permit. Automation: services automated this year, of a fifth of all.",
        empty: "There are no agencies.",
        columns: AGENCY_COLUMNS[..width].to_vec(),
        rows: agencies.iter().map(row).collect(),
        charts: [findings_chart(agencies), obligations_chart(agencies)].into_iter().flatten().collect(),
    }
}

/// `9 of 10, behind`.
fn automation(agency: &AgencyRecord) -> Option<String> {
    let duty = agency.automation.as_ref()?;
    let behind = if duty.on_track { "" } else { ", behind" };
    Some(format!("{} of {}{behind}", duty.automated_this_year, duty.target_this_year))
}

fn findings_chart(agencies: &[AgencyRecord]) -> Option<Chart> {
    let with = agencies.iter().filter(|agency| agency.open() + agency.acknowledged_findings.unwrap_or_default() > 0);
    let bars: Vec<_> = with
        .map(|agency| bar(agency, &[agency.open(), agency.acknowledged_findings.unwrap_or_default()], &["open", "acknowledged"]))
        .collect();
    let title = "Findings by agency".to_owned();
    (!bars.is_empty()).then(|| Chart { title, series: vec![("open", Tone::Bad), ("acknowledged", Tone::Rest)], bars, full: None })
}

fn obligations_chart(agencies: &[AgencyRecord]) -> Option<Chart> {
    let with = agencies.iter().filter_map(|agency| {
        let met = usize::try_from(agency.obligations.as_ref()?.met).ok()?;
        let late = behind(agency);
        Some(bar(agency, &[late, missing(agency).saturating_sub(late), met], &["behind", "not yet", "in use"]))
    });
    let bars: Vec<_> = with.collect();
    let title = "Mandatory services by agency".to_owned();
    (!bars.is_empty()).then(|| Chart {
        title,
        series: vec![("behind", Tone::Bad), ("not yet", Tone::Rest), ("in use", Tone::Fine)],
        bars,
        full: None,
    })
}

fn bar(agency: &AgencyRecord, counts: &[usize], words: &[&str]) -> Bar {
    Bar {
        name: whose(&agency.agency).to_owned(),
        parts: counts.iter().map(|count| f64::from(u32::try_from(*count).unwrap_or(u32::MAX))).collect(),
        says: in_words(counts, words),
    }
}

/// One row per agency and rule.
fn findings_sheet(agencies: &[AgencyRecord]) -> Sheet {
    let rows = agencies.iter().flat_map(|agency| {
        let of_rule = move |rule: FindingRule| Some((rule, *agency.open_findings.as_ref()?.get(&rule.to_string())?));
        let known = FindingRule::ALL.into_iter().filter_map(of_rule);
        known.map(|(rule, number)| vec![Cell::from(whose(&agency.agency)), rule.to_string().into(), number.into()])
    });
    Sheet {
        key: "finding",
        heading: "Open findings by rule",
        note: "Without those that a reviewer acknowledged. Each in full: govcloud finding list --all-agencies",
        empty: "There are no open findings.",
        columns: vec!["agency", "rule", "open"],
        rows: rows.collect(),
        charts: Vec::new(),
    }
}

fn permits_sheet(permits: &[LatePermit]) -> Sheet {
    let row = |one: &LatePermit| {
        vec![
            (&one.agency).into(),
            (&one.number).into(),
            (&one.name).into(),
            (&one.class).into(),
            one.phase.to_string().into(),
            one.late.to_string().into(),
            one.since.into(),
            one.drains_until.into(),
            (&one.capacity).into(),
        ]
    };
    Sheet {
        key: "permit",
        heading: "Permits that ended, and requests that wait too long",
        note: "Draining: it ended, and what it allowed may run a while yet. Ended: it must be gone. Overdue: a decision was due.",
        empty: "None: nothing ended without a successor, and nobody waits too long.",
        columns: vec!["agency", "number", "name", "class", "phase", "late", "since", "drains_until", "takes"],
        rows: permits.iter().map(row).collect(),
        charts: Vec::new(),
    }
}

fn interruptions_sheet(interruptions: &[Interruption]) -> Sheet {
    let row = |one: &Interruption| {
        vec![(&one.object).into(), (&one.what).into(), one.found.to_string().into(), one.repaired.to_string().into()]
    };
    Sheet {
        key: "interruption",
        heading: "Interruptions of enforcement",
        note: "What was taken out of the rules, and when it was put back. The last 20 are kept.",
        empty: "None is on record.",
        columns: vec!["object", "what", "found", "repaired"],
        rows: interruptions.iter().map(row).collect(),
        charts: Vec::new(),
    }
}
