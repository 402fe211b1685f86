//! `govcloud service list`.

use govcloud_crds::{
    SharedService,
    conditions::{find, is_true},
    service::{Access, Stage},
};
use jiff::Timestamp;
use kube::ResourceExt as _;

use super::standing::Standing;
use crate::{
    context::Context,
    error::Result,
    exit::Exit,
    output::{
        Table,
        text::{age, amounts},
    },
};

/// Runs `govcloud service list`.
pub async fn run(ctx: &Context) -> Result<Exit> {
    let mut services = ctx.services().await?;
    if services.iter().any(|service| service.spec.stage == Stage::Draft) {
        let standing = Standing::gather(ctx).await?;
        services.retain(|service| standing.sees(service));
    }
    ctx.out.list(&services, || table(&services, ctx.out.wide(), ctx.now))?;
    Ok(Exit::Ok)
}

fn table(services: &[SharedService], wide: bool, now: Timestamp) -> Table {
    let mut headers = vec!["NAME", "CLASS", "PROVIDER", "ACCESS", "NEEDS", "FREE", "CLAIMS", "STATE", "AGE"];
    if wide {
        headers.extend(["WAITING", "PLANS", "ZONES", "DATA", "MUST BE USED", "DISPLAY NAME"]);
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
            needs(service),
            amounts(&service.available()),
            status.claims.to_string(),
            state(service),
            age(service.metadata.creation_timestamp.as_ref(), now),
        ];
        if wide {
            let plans: Vec<_> = spec.plans.iter().map(|p| p.name.as_str()).collect();
            row.extend([status.waiting.to_string(), plans.join(" "), spec.zones.join(" "), spec.data_classification.to_string()]);
            row.extend([
                spec.obligation.as_ref().map(|o| format!("from {}", o.due_by)).unwrap_or_default(),
                spec.display_name.clone(),
            ]);
        }
        table.row(row);
    }
    table
}

/// What a claim of it takes beside room.
fn needs(service: &SharedService) -> String {
    let spec = &service.spec;
    let all =
        [(spec.requires_licence.is_some(), "licence"), (spec.requires_purpose, "purpose"), (spec.sharing.is_some(), "consent")];
    all.into_iter().filter_map(|(is, what)| is.then_some(what)).collect::<Vec<_>>().join(" ")
}

/// What it is now, in a word or two: what matters most to who would claim it.
fn state(service: &SharedService) -> String {
    let conditions = service.status.as_ref().map(|s| s.conditions.as_slice()).unwrap_or_default();
    match (&service.spec.drain, find(conditions, "Ready").map(|c| c.status.as_str())) {
        _ if service.spec.stage == Stage::Draft => "Draft".to_owned(),
        (Some(drain), _) => format!("Ends {}", drain.by),
        _ if service.metadata.deletion_timestamp.is_some() => "Deleting".to_owned(),
        _ if service.is_unhealthy() => "Unhealthy".to_owned(),
        _ if is_true(conditions, "Exhausted") => "Full".to_owned(),
        (_, Some("True")) => "Ready".to_owned(),
        (_, Some(_)) => "NotReady".to_owned(),
        (_, None) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::testing::{self, condition};
    use rstest::rstest;
    use serde_json::{Value, json};

    #[test]
    fn tables() {
        let all = [testing::streaming(), testing::regional()];
        insta::assert_snapshot!("services", table(&all, false, testing::now()).render(true));
        insta::assert_snapshot!("services_wide", table(&all, true, testing::now()).render(true));
        insta::assert_snapshot!("services_none", table(&[], false, testing::now()).render(true));
    }

    #[rstest]
    #[case(json!({}), json!({}), "", "Ready")]
    #[case(json!({"stage": "Draft"}), json!({}), "", "Draft")]
    #[case(json!({"drain": {"by": "2027-03-20"}}), json!({}), "", "Ends 2027-03-20")]
    #[case(json!({}), json!({"conditions": [condition("Healthy", "False", "Unreachable", "x")]}), "", "Unhealthy")]
    #[case(json!({}), json!({"conditions": [condition("Ready", "True", "Ready", "x"), condition("Exhausted", "True", "Exhausted", "x")]}), "", "Full")]
    #[case(json!({}), json!({"conditions": [condition("Ready", "False", "NoSuchClass", "x")]}), "", "NotReady")]
    #[case(json!({}), json!({"conditions": []}), "", "")]
    #[case(json!({"requiresLicence": "x", "requiresPurpose": true, "sharing": {"permit": "GC-1"}}), json!({}), "licence purpose consent", "Ready")]
    fn one_word_says_what_it_is(#[case] spec: Value, #[case] status: Value, #[case] need: &str, #[case] word: &str) {
        let service = testing::changed(&testing::streaming(), &spec, &status);
        assert_eq!((needs(&service).as_str(), state(&service).as_str()), (need, word));
    }
}
