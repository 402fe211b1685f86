//! `govcloud service claims`.

use clap::Args;
use govcloud_crds::{
    Project, ServiceClaim, names,
    service::rules::{current_service, is_entitled},
};
use jiff::Timestamp;
use kube::ResourceExt as _;

use super::claimed::{held_plan, held_up, project_of, warnings};
use crate::{
    context::{Context, if_readable},
    error::Result,
    exit::Exit,
    output::{
        Table,
        text::{age, day},
    },
};

/// `govcloud service claims`.
#[derive(Clone, Debug, Args)]
pub struct ClaimsArgs {
    /// Only those of this project, and those that the agency has without asking
    #[arg(long, value_name = "PROJECT")]
    pub project: Option<String>,
}

/// Runs `govcloud service claims`.
pub async fn run(ctx: &Context, args: &ClaimsArgs) -> Result<Exit> {
    let agency = ctx.agency().await?;
    let home = names::home_namespace(agency);
    // Whoever may not read claims in the home has none there to see.
    let mut claims: Vec<ServiceClaim> = if_readable(ctx.list(ctx.namespaced(&home)).await)?.unwrap_or_default();
    for project in projects(ctx, &home, args.project.as_deref()).await? {
        claims.extend(ctx.list::<ServiceClaim>(ctx.namespaced(&names::project_namespace(agency, &project))).await?);
    }
    ctx.out.list(&claims, || table(&claims, ctx.out.wide(), ctx.now))?;
    Ok(Exit::Ok)
}

/// The project that is asked for, which must be there, or all.
async fn projects(ctx: &Context, home: &str, only: Option<&str>) -> Result<Vec<String>> {
    if let Some(only) = only {
        let project: Project = ctx.namespaced(home).get(only).await?;
        return Ok(vec![project.name_any()]);
    }
    let all: Vec<Project> = ctx.list(ctx.namespaced(home)).await?;
    Ok(all.iter().filter(|p| p.status.as_ref().is_some_and(|s| s.namespace.is_some())).map(kube::ResourceExt::name_any).collect())
}

fn table(claims: &[ServiceClaim], wide: bool, now: Timestamp) -> Table {
    let mut headers = vec!["PROJECT", "CLAIM", "SERVICE", "PLAN", "PHASE", "SECRET", "TO KNOW"];
    if wide {
        headers.extend(["ROTATION", "PURPOSE", "AGE"]);
    }
    let mut table = Table::new(&headers, "Nothing is claimed. Find a service: govcloud service search WORDS");
    for claim in claims {
        let status = claim.status.clone().unwrap_or_default();
        let mut row = vec![
            project_of(claim).unwrap_or_else(|| "(all)".to_owned()),
            claim.name_any(),
            service(claim),
            plan(claim),
            format!("{:?}", status.phase),
            status.binding.as_ref().map(|b| b.name.clone()).unwrap_or_default(),
            to_know(claim),
        ];
        if wide {
            row.extend([claim.spec.rotation.to_string(), claim.spec.purpose.clone()]);
            row.push(age(claim.metadata.creation_timestamp.as_ref(), now));
        }
        table.row(row);
    }
    table
}

/// `streaming-2 (was national-streaming)` if it was moved.
fn service(claim: &ServiceClaim) -> String {
    let (named, serves) = (&claim.spec.shared_service, current_service(claim));
    if named == serves { named.clone() } else { format!("{serves} (was {named})") }
}

/// `standard (asks for large)` while the plan that it asks for has no room.
fn plan(claim: &ServiceClaim) -> String {
    let (asked, held) = (&claim.spec.plan, held_plan(claim));
    if asked == held { asked.clone() } else { format!("{held} (asks for {asked})") }
}

fn to_know(claim: &ServiceClaim) -> String {
    let status = claim.status.clone().unwrap_or_default();
    let mut all = Vec::new();
    if is_entitled(claim) {
        all.push("yours without asking".to_owned());
    }
    if let Some(withdrawn) = &status.withdrawn_after {
        all.push(format!("withdrawn on {}", day(withdrawn.0)));
    }
    all.extend(warnings(&status));
    all.extend(held_up(&status));
    if status.conditions.is_empty() {
        all.push("the operator has not looked at it yet".to_owned());
    }
    all.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::testing::{self, claim, condition};
    use serde_json::{Value, json};

    fn bound(more: &[Value]) -> Value {
        let all = [&[condition("Ready", "True", "Bound", "It is there.")], more].concat();
        json!({"phase": "Bound", "binding": {"name": "events-binding"}, "conditions": all})
    }

    #[test]
    fn each_says_where_it_stands() {
        let entitled: ServiceClaim = {
            let mut given = testing::claim(
                "identity-verification",
                "standard",
                bound(&[condition("Entitled", "False", "NotSelected", "The service is for others now.")]),
            );
            given.metadata.namespace = Some("agency-tax-administration".into());
            given.metadata.labels =
                serde_json::from_value(json!({"govcloud.dev/entitled": "true", "app.kubernetes.io/managed-by": "govcloud"}))
                    .expect("labels");
            given.spec.shared_service = "identity-verification".into();
            given.status.as_mut().expect("there").withdrawn_after =
                serde_json::from_value(json!("2026-12-23T08:00:00Z")).expect("a time");
            given
        };
        let mut waits = bound(&[condition("PlanInForce", "False", "NoCapacity", "Plan large has no room.")]);
        waits["plan"] = "standard".into();
        let mut moved = bound(&[condition("Draining", "True", "Moved", "It is served by streaming-2 now.")]);
        moved["servedBy"] = "streaming-2".into();
        let all = [
            entitled,
            claim("events", "standard", bound(&[])),
            claim("larger", "large", waits),
            claim("moved", "standard", moved),
            claim(
                "asked",
                "standard",
                json!({"phase": "Pending", "conditions": [
                condition("Eligible", "True", "Eligible", "Yes."), condition("Consented", "False", "WaitsForConsent", "Customs was asked.")]}),
            ),
            claim("new", "standard", Value::Null),
        ];
        insta::assert_snapshot!("claims", table(&all, false, testing::now()).render(true));
        insta::assert_snapshot!("claims_wide", table(&all[1..2], true, testing::now()).render(true));
        insta::assert_snapshot!("claims_none", table(&[], false, testing::now()).render(true));
    }
}
