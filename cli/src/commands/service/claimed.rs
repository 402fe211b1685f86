//! Claims that are there: finding them, and what they wait for.

use govcloud_crds::{
    Project, ServiceClaim,
    conditions::find,
    names::{agency_of_home, home_namespace, project_namespace, split_project_namespace},
    service::{ServiceClaimStatus, rules::is_entitled},
};
use kube::{Api, ResourceExt as _};

use crate::{
    context::Context,
    error::{CliError, Kind, Result},
    output::text::plain,
};

/// What a claim needs to be served, in the order in which it is decided.
const STEPS: [&str; 6] = ["Eligible", "Consented", "CapacityReserved", "Provisioned", "PlanInForce", "Ready"];

/// A claim of a project of the caller's agency.
pub async fn find_claim(ctx: &Context, project: &str, name: &str) -> Result<(Api<ServiceClaim>, ServiceClaim)> {
    let agency = ctx.agency().await?;
    let namespace = project_namespace(agency, project);
    let api: Api<ServiceClaim> = ctx.namespaced(&namespace);
    let found = api.get(name).await.map_err(CliError::from);
    match found {
        Ok(claim) => Ok((api, claim)),
        Err(error) if matches!(error.kind(), Kind::NotFound | Kind::Forbidden) => {
            Err(missing(error, ctx, agency, project, name).await)
        }
        Err(error) => Err(error),
    }
}

/// Whether the claim, the project or the right is missing.
async fn missing(error: CliError, ctx: &Context, agency: &str, project: &str, name: &str) -> CliError {
    let home = home_namespace(agency);
    let given: Result<ServiceClaim> = ctx.namespaced::<ServiceClaim>(&home).get(name).await.map_err(CliError::from);
    if given.is_ok_and(|claim| is_entitled(&claim)) {
        return CliError::failure(format!(
            "{agency} has {name} without asking, in all its projects; it is no claim of {project}"
        ))
        .hint("It comes and goes with the rule of the service: govcloud service claims");
    }
    let projects: Api<Project> = ctx.namespaced(&home);
    match projects.get(project).await.map_err(CliError::from) {
        Err(no_project) if no_project.kind() == Kind::NotFound => no_project,
        _ if error.kind() == Kind::NotFound => CliError::new(Kind::NotFound, format!("{project} has no claim {name}"))
            .hint(format!("See what it has: govcloud service claims --project {project}")),
        _ => error,
    }
}

/// The project of a claim; none for one that the agency has without asking.
pub fn project_of(claim: &ServiceClaim) -> Option<String> {
    let namespace = claim.namespace().unwrap_or_default();
    if agency_of_home(&namespace).is_some() {
        return None;
    }
    Some(split_project_namespace(&namespace).map_or(namespace.clone(), |(_, project)| project.to_owned()))
}

/// The plan that it holds, or that it asks for while it holds none.
pub fn held_plan(claim: &ServiceClaim) -> &str {
    claim.status.as_ref().and_then(|s| s.plan.as_deref()).unwrap_or(&claim.spec.plan)
}

/// The first thing that is not as it should be, in the operator's words.
pub fn held_up(status: &ServiceClaimStatus) -> Option<String> {
    let open = STEPS.iter().filter_map(|kind| find(&status.conditions, kind)).find(|c| c.status != "True");
    open.map(|c| plain(&c.message))
}

/// What its holder should know although it is served.
pub fn warnings(status: &ServiceClaimStatus) -> Vec<String> {
    let draining = find(&status.conditions, "Draining").filter(|c| c.status == "True");
    let entitled = find(&status.conditions, "Entitled").filter(|c| c.status == "False");
    draining.into_iter().chain(entitled).map(|c| plain(&c.message)).collect()
}
