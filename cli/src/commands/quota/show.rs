//! `govcloud quota show`.

use std::{collections::BTreeMap, fmt::Write as _};

use govcloud_crds::{
    AgencyQuota, Resources,
    capacity::{Allocation, AllocationPhase, Share},
};
use kube::ResourceExt as _;

use super::{bars, in_use, quotas};
use crate::{
    context::Context,
    error::{CliError, Kind, Result},
    exit::Exit,
    output::{
        Paint,
        text::{WIDTH, condition_lines, hanging, plain, plain_number, quota_amounts, wrapped},
    },
};

/// Where the amounts of a project stand; a longer name has a line to itself.
const LONGEST_NAME: usize = 34;

/// What is in use in namespaces, by name; `None` where that cannot be read.
type InUse = BTreeMap<String, Option<Resources>>;

/// Runs `govcloud quota show`.
pub(super) async fn run(ctx: &Context, agency: Option<String>) -> Result<Exit> {
    let agency = match agency {
        Some(agency) => agency,
        None => ctx.agency().await?.to_owned(),
    };
    let shares = shares_of(ctx, &agency).await?;
    if !ctx.out.for_people() {
        ctx.out.list(&shares, Default::default)?;
        return Ok(Exit::Ok);
    }
    let mut shown = Vec::new();
    for quota in &shares {
        shown.push(render(quota, &holding_up(ctx, quota).await?, ctx.out.paint));
    }
    ctx.out.text(&shown.join("\n"))?;
    Ok(Exit::Ok)
}

/// The shares of an agency that the caller may read.
async fn shares_of(ctx: &Context, agency: &str) -> Result<Vec<AgencyQuota>> {
    let quotas = quotas(ctx, agency).await?;
    let shares: Vec<_> = quotas.readable.into_iter().filter(|quota| quota.spec.agency == agency).collect();
    if !shares.is_empty() {
        return Ok(shares);
    }
    if !quotas.all {
        // The API server says it in its own words: not there, or not for the caller.
        let api: kube::Api<AgencyQuota> = kube::Api::all(ctx.client.clone());
        if let Err(error) = api.get(agency).await.map_err(CliError::from)
            && error.kind() != Kind::NotFound
        {
            return Err(error);
        }
    }
    Err(CliError::new(Kind::NotFound, format!("{agency} has no share of any pool"))
        .hint("Cloud operators give shares: an AgencyQuota, created with kubectl"))
}

/// What is in use in the projects that are being lowered.
async fn holding_up(ctx: &Context, quota: &AgencyQuota) -> Result<InUse> {
    let mut all = InUse::new();
    for allocation in quota.status.iter().flat_map(|status| &status.allocations).filter(|a| a.lowering_to.is_some()) {
        all.insert(allocation.namespace.clone(), in_use(ctx, &allocation.namespace).await?);
    }
    Ok(all)
}

fn render(quota: &AgencyQuota, in_use: &InUse, paint: Paint) -> String {
    let (spec, status) = (&quota.spec, quota.status.clone().unwrap_or_default());
    let mut text = format!("{} in pool {}", paint.strong(&plain(&spec.agency)), plain(&spec.pool));
    if quota.name_any() != spec.agency {
        let _ = write!(text, " (AgencyQuota {})", quota.name_any());
    }
    text += "\n";
    let lines = bars::lines(quota);
    if lines.is_empty() {
        text += &hanging("", 2, "Nothing is promised to it; a cloud operator sets spec.guaranteed of the AgencyQuota.");
    } else {
        text += &bars::render(&lines);
    }
    if quota.status.is_none() {
        text += &hanging("", 2, "The operator has not looked at it yet; the figures are what is promised.");
    }
    text += &remarks(&lines, &spec.pool);
    text += &loans("Lent", &status.loans);
    text += &borrowings(&status);
    text += &projects(&status.allocations, in_use);
    let mut conditions = status.conditions;
    let widest = conditions.iter().map(|c| c.type_.chars().count()).max().unwrap_or(0);
    for condition in &mut conditions {
        let beside = widest + condition.reason.chars().count() + 8;
        condition.message = wrapped(&condition.message, WIDTH.saturating_sub(beside));
    }
    text + &condition_lines(&conditions, paint)
}

/// What the bars cannot say in full.
fn remarks(lines: &[bars::Line], pool: &str) -> String {
    let mut text = String::new();
    for line in lines {
        let key = &line.key;
        if line.share < line.guaranteed {
            let (gave, promised) = (plain_number(line.share), plain_number(line.guaranteed));
            text += &hanging("", 2, &format!("{key}: pool {} gave {gave} of {promised} promised.", plain(pool)));
        }
        if line.taken() > line.budget() {
            let (taken, budget) = (plain_number(line.taken()), plain_number(line.budget()));
            let more = "Nothing running is stopped; nothing more is given until use has ended or the budget is larger.";
            text += &hanging("", 2, &format!("{key}: {taken} is given out or lent, of a budget of {budget}. {more}"));
        }
    }
    text
}

fn loans(heading: &str, loans: &[Share]) -> String {
    let mut text = String::new();
    for loan in loans.iter().filter(|loan| !loan.hard.is_empty()) {
        let mut line = format!("{} to {}", quota_amounts(&loan.hard), loan.quota);
        if let Some(to) = comes_down_to(&loan.hard, loan.lowering_to.as_ref()) {
            let _ = write!(line, "; coming back as its use there ends, down to {}", quota_amounts(&to));
        }
        text += &hanging("", 2, &line);
    }
    if text.is_empty() { text } else { format!("{heading}:\n{text}") }
}

fn borrowings(status: &govcloud_crds::capacity::AgencyQuotaStatus) -> String {
    let there = status.borrowings.iter().filter(|borrowing| !borrowing.hard.is_empty());
    let line = |b: &govcloud_crds::capacity::Borrowing| hanging("", 2, &format!("{} from {}", quota_amounts(&b.hard), b.quota));
    let text: String = there.map(line).collect();
    if text.is_empty() { text } else { format!("Borrowed:\n{text}") }
}

fn projects(allocations: &[Allocation], in_use: &InUse) -> String {
    if allocations.is_empty() {
        return "Given to no project yet.\n".to_owned();
    }
    let names = allocations.iter().map(|a| a.namespace.chars().count()).filter(|width| *width <= LONGEST_NAME);
    let indent = 2 + names.max().unwrap_or(0) + 2;
    let mut text = "Given to:\n".to_owned();
    for allocation in allocations {
        let growing = if allocation.phase == AllocationPhase::Growing { "; being raised" } else { "" };
        let amounts = format!("{}{growing}", quota_amounts(&allocation.hard));
        text += &hanging(&format!("  {}", plain(&allocation.namespace)), indent, &amounts);
        if let Some(to) = comes_down_to(&allocation.hard, allocation.lowering_to.as_ref()) {
            let used = in_use.get(&allocation.namespace).and_then(Option::as_ref);
            text += &hanging("", indent, &shrinking(&to, used));
        }
    }
    text
}

/// What of it is being lowered, and to what.
fn comes_down_to(hard: &Resources, to: Option<&Resources>) -> Option<Resources> {
    let to = to?;
    let lowered = hard.0.iter().filter(|(key, amount)| to.get(key) < **amount);
    Some(lowered.map(|(key, _)| (key.clone(), to.get(key))).collect::<Resources>()).filter(|lowered| !lowered.is_empty())
}

/// What a project comes down to, and what holds it up.
fn shrinking(to: &Resources, used: Option<&Resources>) -> String {
    let down = format!("comes down to {}", quota_amounts(to));
    let Some(used) = used else { return format!("{down} as its use ends; nothing running is stopped") };
    let over: Resources =
        to.0.iter().filter(|(key, to)| used.get(key) > **to).map(|(key, _)| (key.clone(), used.get(key))).collect();
    if over.is_empty() {
        return format!("{down} in a moment: nothing there uses more");
    }
    format!("{down}; held up by what runs there, which uses {} and is not stopped", quota_amounts(&over))
}

#[cfg(test)]
#[path = "show_tests.rs"]
mod tests;
