//! `govcloud quota`.

use std::fmt::Write as _;

use clap::Subcommand;
use govcloud_crds::{AgencyQuota, Quantity};
use kube::{Api, ResourceExt as _};

use crate::{
    context::Context,
    error::{CliError, Kind, Result},
    exit::Exit,
    output::{
        Paint,
        text::{condition_lines, plain},
    },
};

const BAR: usize = 24;

/// `govcloud quota`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Used,
    Allocated,
    Free,
}

/// `govcloud quota`.
#[derive(Clone, Debug, Subcommand)]
pub enum QuotaCommand {
    /// Show what an agency is promised, what its projects were given, and what they use
    Show {
        /// The agency [default: yours]
        agency: Option<String>,
    },
}

/// Runs `govcloud quota`.
pub async fn run(ctx: &Context, command: QuotaCommand) -> Result<Exit> {
    let QuotaCommand::Show { agency } = command;
    let agency = match agency {
        Some(agency) => agency,
        None => ctx.agency().await?.to_owned(),
    };
    let quotas = quotas_of(ctx, &agency).await?;
    if ctx.out.for_people() {
        let shown: Vec<_> = quotas.iter().map(|quota| render(quota, ctx.out.paint)).collect();
        ctx.out.text(&shown.join("\n"))?;
    } else {
        ctx.out.list(&quotas, Default::default)?;
    }
    Ok(Exit::Ok)
}

/// The shares of an agency. Who may not list them reads the one of the agency's name.
async fn quotas_of(ctx: &Context, agency: &str) -> Result<Vec<AgencyQuota>> {
    let api: Api<AgencyQuota> = Api::all(ctx.client.clone());
    let quotas = match ctx.list(api.clone()).await {
        Ok(all) => all.into_iter().filter(|quota| quota.spec.agency == agency).collect(),
        Err(error) if error.kind() == Kind::Forbidden => match api.get(agency).await {
            Ok(quota) => vec![quota],
            Err(kube::Error::Api(status)) if status.is_not_found() => vec![],
            Err(error) => return Err(error.into()),
        },
        Err(error) => return Err(error),
    };
    if quotas.is_empty() {
        return Err(CliError::new(Kind::NotFound, format!("{agency} has no share of any pool"))
            .hint("Cloud operators give shares: an AgencyQuota, created with kubectl"));
    }
    Ok(quotas)
}

fn render(quota: &AgencyQuota, paint: Paint) -> String {
    let (spec, status) = (&quota.spec, quota.status.clone().unwrap_or_default());
    let mut text = format!("{} in pool {}\n", paint.strong(&spec.agency), spec.pool);
    if quota.name_any() != spec.agency {
        text = format!("{} ({})\n", text.trim_end(), quota.name_any());
    }
    let width = spec.guaranteed.0.keys().map(|key| key.chars().count()).max().unwrap_or(0);
    for (key, guaranteed) in &spec.guaranteed.0 {
        let (used, allocated) = (status.used.get(key), status.allocated.get(key));
        let free = guaranteed.saturating_sub(allocated);
        let bar = bar(used, allocated, *guaranteed);
        let _ = writeln!(text, "  {:width$}  {bar}  {used} used, {allocated} given out, {free} free of {guaranteed}", plain(key));
    }
    for (what, amounts) in [("borrowed from others", &status.borrowed), ("lent to others", &status.lent)] {
        let there: govcloud_crds::Resources =
            amounts.0.iter().filter(|(_, a)| !a.is_zero_or_less()).map(|(k, a)| (k.clone(), *a)).collect();
        if !there.is_empty() {
            let _ = writeln!(text, "  {what}: {there}");
        }
    }
    if !status.allocations.is_empty() {
        text += "Given to:\n";
        let width = status.allocations.iter().map(|a| a.namespace.chars().count()).max().unwrap_or(0);
        for allocation in &status.allocations {
            let _ = writeln!(text, "  {:width$}  {}  ({:?})", plain(&allocation.namespace), allocation.hard, allocation.phase);
        }
    }
    text += &condition_lines(&status.conditions, paint);
    text + "█ used  ▒ given out  · free\n"
}

/// `███▒▒▒▒···`; whatever is more than nothing shows.
fn bar(used: Quantity, allocated: Quantity, guaranteed: Quantity) -> String {
    let total = guaranteed.max(allocated).as_f64();
    let share = |amount: Quantity| if total > 0.0 { amount.as_f64() / total } else { 0.0 };
    let filled = |amount: Quantity| (1..=BAR).filter(|cell| share(amount) * as_f64(BAR) > as_f64(*cell - 1)).count();
    let (used, allocated) = (filled(used), filled(allocated));
    let part = |cell: usize| match cell {
        cell if cell < used => Part::Used,
        cell if cell < allocated => Part::Allocated,
        _ => Part::Free,
    };
    let sign = |part| match part {
        Part::Used => '█',
        Part::Allocated => '▒',
        Part::Free => '·',
    };
    (0..BAR).map(|cell| sign(part(cell))).collect()
}

fn as_f64(cells: usize) -> f64 {
    u32::try_from(cells).map_or(f64::MAX, f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::testing;
    use rstest::rstest;
    use serde_json::json;

    #[rstest]
    #[case("0", "0", "200", "························")]
    #[case("1", "20", "200", "█▒▒·····················")]
    #[case("200", "200", "200", "████████████████████████")]
    #[case("10", "300", "200", "█▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒")]
    #[case("0", "0", "0", "························")]
    fn bars(#[case] used: &str, #[case] allocated: &str, #[case] guaranteed: &str, #[case] expected: &str) {
        let quantity = |text: &str| text.parse::<Quantity>().expect("valid");
        assert_eq!(bar(quantity(used), quantity(allocated), quantity(guaranteed)), expected);
    }

    #[test]
    fn a_share() {
        let spec = json!({"agency": "tax-administration", "pool": "national", "guaranteed": {"requests.cpu": "200", "requests.memory": "800Gi", "requests.nvidia.com/gpu": "8"}});
        let status = json!({
            "allocated": {"requests.cpu": "60", "requests.memory": "64Gi"}, "used": {"requests.cpu": "3500m"}, "lent": {"requests.cpu": "50", "requests.memory": "0"},
            "allocations": [{"namespace": "tax-administration--analytics", "uid": "u", "hard": {"requests.cpu": "60", "requests.memory": "64Gi"}, "phase": "Settled", "operation": 7}],
            "conditions": [testing::condition("Ready", "True", "Ready", "The ledger is in order.")],
        });
        let quota = testing::object("AgencyQuota", "", "tax-administration", spec, status);
        insta::assert_snapshot!("quota", render(&quota, Paint::default()));
    }
}
