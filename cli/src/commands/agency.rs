//! `govcloud agency`.

use clap::Subcommand;
use govcloud_crds::{
    Agency,
    agency::{DigitizationStatus, Members, MissingService, Obligations},
    common::{Member, MemberKind},
};
use jiff::{Timestamp, tz::TimeZone};
use kube::{Api, ResourceExt as _};

use crate::{
    context::Context,
    error::{Kind, Result},
    exit::Exit,
    output::{
        Paint, Table,
        text::{age, condition_lines, condition_status, fields, plain},
    },
};

/// `govcloud agency`.
#[derive(Clone, Debug, Subcommand)]
pub enum AgencyCommand {
    /// List the agencies that you may see
    #[command(visible_alias = "ls")]
    List,
    /// Show one agency: who it is, who belongs to it, where it stands with its duties
    Show {
        /// The agency [default: yours]
        name: Option<String>,
    },
}

/// Runs `govcloud agency`.
pub async fn run(ctx: &Context, command: AgencyCommand) -> Result<Exit> {
    match command {
        AgencyCommand::List => {
            let agencies = visible(ctx).await?;
            ctx.out.list(&agencies, || table(&agencies, ctx.out.wide(), ctx.now))?;
        }
        AgencyCommand::Show { name } => {
            let name = match name {
                Some(name) => name,
                None => ctx.agency().await?.to_owned(),
            };
            let agency = ctx.read_agency(&name).await?;
            ctx.out.object(&agency, || render(&agency, ctx.now, ctx.out.paint))?;
        }
    }
    Ok(Exit::Ok)
}

/// All agencies, or the caller's own if they may not see all.
async fn visible(ctx: &Context) -> Result<Vec<Agency>> {
    match (ctx.list(Api::all(ctx.client.clone())).await, ctx.named_agency()) {
        (Err(error), Some(own)) if error.kind() == Kind::Forbidden => {
            let agency = ctx.read_agency(own).await?;
            ctx.out.note("Only your own agency: cloud operators and the ministry see all.");
            Ok(vec![agency])
        }
        (agencies, _) => agencies,
    }
}

fn table(agencies: &[Agency], wide: bool, now: Timestamp) -> Table {
    let mut headers = vec!["NAME", "TYPE", "REGIME", "AUTHORITY", "PROJECTS", "READY", "AGE"];
    if wide {
        headers.extend(["PARENT", "DATA", "ENFORCEMENT", "CORDONED", "DISPLAY NAME"]);
    }
    let mut table = Table::new(&headers, "There are no agencies yet. Cloud operators create them with kubectl.");
    for agency in agencies {
        let (spec, status) = (&agency.spec, agency.status.clone().unwrap_or_default());
        let mut row = vec![
            agency.name_any(),
            spec.agency_type.to_string(),
            spec.security_regime.to_string(),
            status.responsible_authority.unwrap_or_default(),
            status.projects.to_string(),
            condition_status(&status.conditions, "Ready"),
            age(agency.metadata.creation_timestamp.as_ref(), now),
        ];
        if wide {
            let cordoned = if spec.cordoned { "yes" } else { "no" };
            let parent = spec.parent.clone().unwrap_or_default();
            let enforcement = spec.enforcement.as_str().to_owned();
            row.extend([parent, spec.data_classification.to_string(), enforcement, cordoned.into(), spec.display_name.clone()]);
        }
        table.row(row);
    }
    table
}

fn render(agency: &Agency, now: Timestamp, paint: Paint) -> String {
    let (spec, status) = (&agency.spec, agency.status.clone().unwrap_or_default());
    let Members { admins, requesters, developers, viewers } = &spec.members;
    let cordoned = if spec.cordoned { "nothing new starts; what runs keeps running" } else { "" };
    let digitization = status.digitization.as_ref().map(automation).unwrap_or_default();
    let obligations = status.obligations.as_ref().map(|o| mandatory(o, now)).unwrap_or_default();
    let head = format!("{}  {}\n", paint.strong(&agency.name_any()), plain(&spec.display_name));
    let facts = fields(&[
        ("type", spec.agency_type.to_string()),
        ("parent", spec.parent.clone().unwrap_or_default()),
        ("regime", spec.security_regime.to_string()),
        ("authority", status.responsible_authority.unwrap_or_default()),
        ("data", format!("up to {}", spec.data_classification)),
        ("home", status.home_namespace.unwrap_or_else(|| "not there yet".into())),
        ("projects", status.projects.to_string()),
        ("enforcement", spec.enforcement.as_str().to_owned()),
        ("cordoned", cordoned.to_owned()),
        ("digitization", digitization),
        ("obligations", obligations),
        ("admins", people(admins)),
        ("requesters", people(requesters)),
        ("developers", people(developers)),
        ("viewers", people(viewers)),
    ]);
    head + &facts + &condition_lines(&status.conditions, paint)
}

/// `9 of 10 services automated this year, behind; 1 more by the end of the year`.
fn automation(duty: &DigitizationStatus) -> String {
    let track = if duty.on_track { "on track" } else { "behind" };
    let more = duty.target_this_year - duty.automated_this_year;
    let more = if more > 0 { format!("; {more} more by the end of the year") } else { String::new() };
    format!("{} of {} services automated this year, {track}{more}", duty.automated_this_year, duty.target_this_year)
}

/// Which mandatory services it does not use, those first that it should by now.
fn mandatory(obligations: &Obligations, now: Timestamp) -> String {
    let today = now.to_zoned(TimeZone::UTC).date().to_string();
    let mut missing: Vec<_> = obligations.missing.iter().collect();
    missing.sort_by_key(|one| (&one.due_by, &one.service));
    let one = |one: &&MissingService| {
        let is_behind = one.due_by < today;
        format!("{} ({} {})", one.service, if is_behind { "was due by" } else { "due by" }, one.due_by)
    };
    let which = missing.iter().map(one).collect::<Vec<_>>().join(", ");
    let which = if which.is_empty() { which } else { format!(": {which}") };
    format!("{} mandatory services in use, {} not yet{which}", obligations.met, obligations.due)
}

fn people(members: &[Member]) -> String {
    let name = |m: &Member| if m.kind == MemberKind::Group { format!("group {}", m.name) } else { m.name.clone() };
    members.iter().map(name).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::testing;

    #[test]
    fn a_table_and_one_in_full() {
        let all = [testing::agency()];
        insta::assert_snapshot!("agencies", table(&all, false, testing::now()).render(true));
        insta::assert_snapshot!("agencies_wide", table(&all, true, testing::now()).render(true));
        insta::assert_snapshot!("agency", render(&all[0], testing::now(), Paint::default()));
        insta::assert_snapshot!("agencies_none", table(&[], false, testing::now()).render(true));
    }
}
