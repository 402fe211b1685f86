//! `govcloud service show`.

use std::fmt::Write as _;

use govcloud_crds::{
    Agency, SharedService,
    service::{
        Access,
        rules::{describe_eligibility, ineligible},
    },
};
use kube::{Api, ResourceExt as _};

use crate::{
    context::Context,
    error::Result,
    exit::Exit,
    output::{
        Paint, Table,
        text::{amounts, condition_lines, fields, plain},
    },
};

/// Runs `govcloud service show`.
pub async fn run(ctx: &Context, name: &str) -> Result<Exit> {
    let service: SharedService = Api::all(ctx.client.clone()).get(name).await?;
    let agency = match ctx.agency_if_known().await {
        Ok(Some(agency)) => ctx.agency_if_readable(agency).await?,
        _ => None,
    };
    ctx.out.object(&service, || render(&service, agency.as_ref(), ctx.out.paint))?;
    Ok(Exit::Ok)
}

fn render(service: &SharedService, agency: Option<&Agency>, paint: Paint) -> String {
    let (spec, status) = (&service.spec, service.status.clone().unwrap_or_default());
    let access = match (&spec.access, &spec.entitlement) {
        (Access::Entitled, Some(entitlement)) => format!("given without asking, as plan {}", entitlement.plan),
        _ => "on request".to_owned(),
    };
    let obligation = spec.obligation.as_ref().map_or_else(String::new, |o| format!("must be used from {}", o.due_by));
    let head = format!("{}  {}\n", paint.strong(&service.name_any()), plain(&spec.display_name));
    let facts = fields(&[
        ("class", spec.processing_class.clone()),
        ("provider", spec.provider.clone()),
        ("speaks", spec.interfaces.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")),
        ("zones", spec.zones.join(", ")),
        ("data", format!("up to {}", spec.data_classification)),
        ("for", describe_eligibility(spec)),
        ("access", access),
        ("duty", obligation),
        ("free", format!("{} of {}", amounts(&service.available()), amounts(&spec.capacity))),
        ("claims", status.claims.to_string()),
    ]);
    let mut text = head + &facts + &plans(service, agency).render(true) + &condition_lines(&status.conditions, paint);
    let _ = writeln!(text, "Claim it: govcloud service claim {} --plan PLAN --project PROJECT", service.name_any());
    text
}

fn plans(service: &SharedService, agency: Option<&Agency>) -> Table {
    let mut table = Table::new(&["PLAN", "CHANNEL", "ONE CLAIM TAKES", "FOR YOU"], "It has no plans.");
    for plan in &service.spec.plans {
        let room = plan.capacity.fits_in(&service.available());
        let for_you = match agency.map(|agency| ineligible(agency, service, plan)) {
            None => "?".to_owned(),
            Some(Some(why)) => format!("no: {why}"),
            Some(None) if !room => "no room at present".to_owned(),
            Some(None) => "yes".to_owned(),
        };
        table.row(vec![plan.name.clone(), plan.channel.to_string(), amounts(&plan.capacity), for_you]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::testing;

    #[test]
    fn a_service_and_what_it_means_for_the_caller() {
        insta::assert_snapshot!("service", render(&testing::streaming(), Some(&testing::agency()), Paint::default()));
        insta::assert_snapshot!("service_not_eligible", render(&testing::regional(), Some(&testing::agency()), Paint::default()));
        insta::assert_snapshot!("service_no_agency", render(&testing::regional(), None, Paint::default()));
    }
}
