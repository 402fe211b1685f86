//! Who runs what, and what is left, as tables and charts.

use std::collections::BTreeSet;

use govcloud_crds::{Quantity, Resources};

use super::{
    capacity::{Capacity, ClassCapacity, Plan, Pool, Running, Service, Share},
    chart::{Bar, Chart, Tone},
    sheet::{Cell, Figure, Part, Sheet},
};
use crate::output::text::plain_number;

/// The report as tables and charts.
pub fn part(report: &Capacity) -> Part {
    let of = |matters: &dyn Fn(&Running) -> bool| {
        let rows = report.running.iter().filter(|row| matters(row) && !row.agency.is_empty());
        rows.map(|row| &row.agency).collect::<BTreeSet<_>>().len()
    };
    let mut figures =
        vec![Figure::new(of(&|_| true), "agency has processing infrastructure", "agencies have processing infrastructure")];
    if report.running.iter().all(|row| row.unpermitted.is_some()) {
        let without = of(&Running::is_without);
        figures.push(Figure::new(without, "agency runs some without a permit", "agencies run some without a permit"));
    }
    if let Some(services) = &report.services {
        figures.push(Figure::new(services.len(), "shared service", "shared services"));
    }
    let mut sheets = vec![running_sheet(&report.running)];
    sheets.extend(report.classes.as_deref().map(classes_sheet));
    sheets.extend(report.services.as_deref().map(plans_sheet));
    sheets.extend(report.pools.as_deref().map(pools_sheet));
    sheets.extend(report.quotas.as_deref().map(quotas_sheet));
    Part { heading: "Capacity", figures, sheets }
}

/// The names of `all`, in order.
pub fn names<'a>(all: impl IntoIterator<Item = &'a Resources>) -> BTreeSet<&'a String> {
    all.into_iter().flat_map(|resources| resources.0.keys()).collect()
}

/// The agency, or words for none.
pub fn whose(agency: &str) -> &str {
    if agency.is_empty() { "(no agency)" } else { agency }
}

fn running_sheet(running: &[Running]) -> Sheet {
    let mut rows = Vec::new();
    for row in running {
        let begin: [Cell; 2] = [(&row.class).into(), whose(&row.agency).into()];
        let of = |amounts: &Option<Resources>, dimension: &str| Cell::from(amounts.as_ref().map(|a| a.get(dimension)));
        let dimensions = names(row.amounts());
        for dimension in &dimensions {
            let [permitted, unpermitted, idle] =
                [&row.permitted, &row.unpermitted, &row.idle].map(|amounts| of(amounts, dimension));
            let amounts = [(*dimension).into(), permitted, unpermitted, idle];
            rows.push([&begin[..], &amounts, &[row.unmeasured.into()]].concat());
        }
        if dimensions.is_empty() {
            rows.push(
                [&begin[..], &[Cell::Nothing, Cell::Nothing, Cell::Nothing, Cell::Nothing], &[row.unmeasured.into()]].concat(),
            );
        }
    }
    Sheet {
        key: "running",
        heading: "Who runs what",
        note: "Permitted: what active and suspended permits allow. Not permitted: what was found without a permit, or after its end. Idle: what of both was found not to be used. Unmeasured: objects whose size cannot be told.",
        empty: "Nobody runs anything of a class, as far as permits and findings say.",
        columns: vec!["class", "agency", "dimension", "permitted", "not_permitted", "idle", "unmeasured"],
        rows,
        charts: running_charts(running),
    }
}

/// One chart per class and dimension: amounts of different things have no common measure.
fn running_charts(running: &[Running]) -> Vec<Chart> {
    let classes: BTreeSet<_> = running.iter().map(|row| (&row.class, &row.class_name)).collect();
    let mut charts = Vec::new();
    for (class, name) in classes {
        let rows: Vec<_> = running.iter().filter(|row| row.class == *class).collect();
        for dimension in names(rows.iter().flat_map(|row| row.amounts())) {
            let bars: Vec<_> = rows.iter().filter_map(|row| running_bar(row, dimension)).collect();
            let series = vec![("permitted", Tone::Fine), ("not permitted", Tone::Bad)];
            charts.push(Chart { title: format!("{name}: {dimension}"), series, bars, full: None });
        }
    }
    charts.retain(|chart| !chart.bars.is_empty());
    charts
}

fn running_bar(row: &Running, dimension: &str) -> Option<Bar> {
    let of = |amounts: &Option<Resources>| amounts.as_ref().map(|a| a.get(dimension)).unwrap_or_default();
    let parts = [(of(&row.permitted), "permitted"), (of(&row.unpermitted), "not permitted")];
    let some = parts.iter().filter(|(amount, _)| !amount.is_zero_or_less());
    let says: Vec<_> = some.map(|(amount, what)| format!("{} {what}", plain_number(*amount))).collect();
    let parts = parts.iter().map(|(amount, _)| amount.as_f64()).collect();
    (!says.is_empty()).then(|| Bar { name: whose(&row.agency).to_owned(), parts, says: says.join(", ") })
}

fn classes_sheet(classes: &[ClassCapacity]) -> Sheet {
    let mut rows = Vec::new();
    let mut bars = Vec::new();
    for class in classes {
        for dimension in class.has.capacity.0.keys() {
            let of = |resources: &Resources| resources.get(dimension);
            let has = [&class.has.capacity, &class.has.reserved, &class.has.kept, &class.has.spare].map(of);
            let mut row: Vec<Cell> = vec![(&class.class).into(), dimension.into()];
            row.extend(has.map(Cell::from));
            rows.push(row);
            let share = |amount: Quantity| 100.0 * amount.as_f64() / has[0].as_f64();
            bars.push(Bar {
                name: format!("{}: {dimension}", class.class_name),
                parts: has[1..].iter().map(|amount| share(*amount)).collect(),
                says: format!("{} of {} spare", plain_number(has[3]), plain_number(has[0])),
            });
        }
    }
    let series = vec![("reserved", Tone::Fine), ("kept", Tone::Bad), ("spare", Tone::Rest)];
    let chart = Chart { title: "Capacity of shared services, each bar all of it".to_owned(), series, bars, full: Some(100.0) };
    Sheet {
        key: "class",
        heading: "What shared services have left",
        note: "Reserved: held by claims. Kept: for agencies that were sent there instead of getting a permit. Spare: anybody can have it.",
        empty: "There are no shared services.",
        columns: vec!["class", "dimension", "capacity", "reserved", "kept", "spare"],
        rows,
        charts: if classes.is_empty() { Vec::new() } else { vec![chart] },
    }
}

fn plans_sheet(services: &[Service]) -> Sheet {
    let row = |service: &Service, plan: &Plan| {
        vec![
            (&service.service).into(),
            (&service.class).into(),
            (&service.provider).into(),
            service.claims.into(),
            (&plan.plan).into(),
            (&plan.per_claim).into(),
            plan.fits.and_then(|fits| usize::try_from(fits).ok()).into(),
            (&service.has.spare).into(),
        ]
    };
    Sheet {
        key: "plan",
        heading: "Shared services and their plans",
        note: "Fits: how many more claims of the plan the spare capacity holds, if nothing else is claimed.",
        empty: "There are no shared services.",
        columns: vec!["service", "class", "provider", "claims", "plan", "per_claim", "fits", "service_spare"],
        rows: services.iter().flat_map(|service| service.plans.iter().map(move |plan| row(service, plan))).collect(),
        charts: Vec::new(),
    }
}

fn pools_sheet(pools: &[Pool]) -> Sheet {
    let rows = pools.iter().flat_map(|pool| {
        names([&pool.capacity, &pool.promised]).into_iter().map(|key| {
            let amounts = [&pool.capacity, &pool.promised, &pool.spare].map(|r| Cell::from(r.get(key)));
            [vec![Cell::from(&pool.pool), key.into()], amounts.to_vec()].concat()
        })
    });
    Sheet {
        key: "pool",
        heading: "Pools of the Government Cloud",
        note: "Promised: guaranteed to agencies.",
        empty: "There are no pools.",
        columns: vec!["pool", "resource", "capacity", "promised", "spare"],
        rows: rows.collect(),
        charts: Vec::new(),
    }
}

fn quotas_sheet(quotas: &[Share]) -> Sheet {
    let rows = quotas.iter().flat_map(|share| {
        let of_each = [&share.promised, &share.given, &share.used, &share.borrowed, &share.lent];
        names(of_each).into_iter().map(move |key| {
            let amounts = of_each.map(|r| Cell::from(r.get(key)));
            [vec![Cell::from(&share.agency), (&share.pool).into(), key.into()], amounts.to_vec()].concat()
        })
    });
    Sheet {
        key: "quota",
        heading: "Agencies' shares of pools",
        note: "Given: to the agency's projects. Used: by what runs in them.",
        empty: "No agency has a share of a pool.",
        columns: vec!["agency", "pool", "resource", "promised", "given", "used", "borrowed", "lent"],
        rows: rows.collect(),
        charts: Vec::new(),
    }
}
