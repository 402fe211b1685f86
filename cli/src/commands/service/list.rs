//! `govcloud service list`.

use govcloud_crds::{SharedService, service::Access};
use jiff::Timestamp;
use kube::ResourceExt as _;

use crate::{
    context::Context,
    error::Result,
    exit::Exit,
    output::{
        Table,
        text::{age, amounts, condition_status},
    },
};

/// Runs `govcloud service list`.
pub async fn run(ctx: &Context) -> Result<Exit> {
    let services = ctx.services().await?;
    ctx.out.list(&services, || table(&services, ctx.out.wide(), ctx.now))?;
    Ok(Exit::Ok)
}

fn table(services: &[SharedService], wide: bool, now: Timestamp) -> Table {
    let mut headers = vec!["NAME", "CLASS", "PROVIDER", "ACCESS", "FREE", "CLAIMS", "READY", "AGE"];
    if wide {
        headers.extend(["PLANS", "ZONES", "DATA", "DISPLAY NAME"]);
    }
    let mut table = Table::new(&headers, "The catalogue is empty. Cloud operators add services with kubectl.");
    for service in services {
        let (spec, status) = (&service.spec, service.status.clone().unwrap_or_default());
        let access = if spec.access == Access::Entitled { "Entitled" } else { "OnRequest" };
        let mut row = vec![
            service.name_any(),
            spec.processing_class.clone(),
            spec.provider.clone(),
            access.to_owned(),
            amounts(&service.available()),
            status.claims.to_string(),
            condition_status(&status.conditions, "Ready"),
            age(service.metadata.creation_timestamp.as_ref(), now),
        ];
        if wide {
            let plans: Vec<_> = spec.plans.iter().map(|p| p.name.as_str()).collect();
            row.extend([plans.join(" "), spec.zones.join(" "), spec.data_classification.to_string(), spec.display_name.clone()]);
        }
        table.row(row);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::testing;

    #[test]
    fn tables() {
        let all = [testing::streaming(), testing::regional()];
        insta::assert_snapshot!("services", table(&all, false, testing::now()).render(true));
        insta::assert_snapshot!("services_wide", table(&all, true, testing::now()).render(true));
        insta::assert_snapshot!("services_none", table(&[], false, testing::now()).render(true));
    }
}
