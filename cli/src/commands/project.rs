//! `govcloud project`.

use std::fmt::Write as _;
use std::time::Duration;

use clap::{Args, Subcommand};
use govcloud_crds::{
    Project, Quantity, Resources,
    conditions::{find, is_true},
    names,
    project::ProjectSpec,
};
use jiff::Timestamp;
use kube::{Api, ResourceExt as _, api::PostParams};

use crate::{
    commands::parse,
    context::{Context, FIELD_MANAGER, agency_of_namespace},
    error::{CliError, Result},
    exit::Exit,
    output::{
        Table,
        text::{age, condition_status, plain},
    },
    progress::Progress,
    watch::{self, Step, Waited},
};

/// `govcloud project`.
#[derive(Clone, Debug, Subcommand)]
pub enum ProjectCommand {
    /// List an agency's projects
    #[command(visible_alias = "ls")]
    List {
        /// The projects of all agencies
        #[arg(short = 'A', long)]
        all_agencies: bool,
    },
    /// Create a project: a namespace with a quota
    Create(CreateArgs),
}

/// `govcloud project create`.
#[derive(Clone, Debug, Args)]
pub struct CreateArgs {
    /// The project's name; the namespace becomes AGENCY--NAME
    pub name: String,
    /// What the project is for
    #[arg(long, value_name = "TEXT")]
    pub purpose: String,
    /// The CapacityPool that its quota comes from
    #[arg(long, default_value = "national", value_name = "POOL")]
    pub pool: String,
    /// Quota to ask for, such as requests.cpu=20; repeatable
    #[arg(long, value_parser = parse::amount, value_name = "KEY=QUANTITY")]
    pub quota: Vec<(String, Quantity)>,
    /// Do not wait until it is ready
    #[arg(long)]
    pub no_wait: bool,
    /// How long to wait until it is ready
    #[arg(long, default_value = "1m", value_parser = parse::wait, value_name = "DURATION")]
    pub timeout: Duration,
}

/// Runs `govcloud project`.
pub async fn run(ctx: &Context, command: ProjectCommand) -> Result<Exit> {
    match command {
        ProjectCommand::List { all_agencies } => {
            let api = if all_agencies { Api::all(ctx.client.clone()) } else { ctx.namespaced(&ctx.home().await?) };
            let projects: Vec<Project> = ctx.list(api).await?;
            ctx.out.list(&projects, || table(&projects, all_agencies, ctx.out.wide(), ctx.now))?;
            Ok(Exit::Ok)
        }
        ProjectCommand::Create(args) => Box::pin(create(ctx, args)).await,
    }
}

async fn create(ctx: &Context, args: CreateArgs) -> Result<Exit> {
    let agency = ctx.agency().await?;
    let api: Api<Project> = ctx.namespaced(&names::home_namespace(agency));
    let project = Project::new(&args.name, spec(&args));
    let params = PostParams { field_manager: Some(FIELD_MANAGER.into()), ..PostParams::default() };
    let created = api.create(&params, &project).await?;
    if args.no_wait {
        ctx.out.object(&created, || {
            format!("Asked for. Its namespace will be {}.\n", names::project_namespace(agency, &args.name))
        })?;
        return Ok(Exit::Ok);
    }
    let judge = async |project: Option<Project>| judge(project.as_ref());
    match watch::until(api, &args.name, Some(args.timeout), Progress::new(ctx.out), judge).await? {
        Waited::Done(project) => ctx.out.object(&*project, || created_text(&project))?,
        Waited::TimedOut(what) => return Err(not_ready(&args.name, &what)),
    }
    Ok(Exit::Ok)
}

fn spec(args: &CreateArgs) -> ProjectSpec {
    let quota: Resources = args.quota.iter().cloned().collect();
    ProjectSpec { purpose: args.purpose.clone(), pool: args.pool.clone(), quota, limits: None }
}

fn not_ready(name: &str, what: &str) -> CliError {
    let what = if what.is_empty() { "the operator has not looked at it yet" } else { what };
    CliError::failure(format!("project {name} is made, but not ready: {what}"))
        .hint("See how it goes on: govcloud project list")
        .hint("Wait longer next time: --timeout 5m")
}

/// Whether a project is ready, is never going to be, or what it waits for.
fn judge(project: Option<&Project>) -> Result<Step<Box<Project>>> {
    let Some(project) = project else { return Ok(Step::Waiting("the project".into())) };
    let status = project.status.clone().unwrap_or_default();
    if is_true(&status.conditions, "Ready") {
        return Ok(Step::Done(Box::new(project.clone())));
    }
    if let Some(conflict) = status.conditions.iter().find(|c| c.reason == "NamespaceConflict" && c.status == "False") {
        return Err(CliError::failure(plain(&conflict.message)).hint("Choose another name for the project"));
    }
    let waiting = ["NamespaceReady", "QuotaGranted", "Ready"].iter().filter_map(|kind| find(&status.conditions, kind));
    let first = waiting.into_iter().find(|c| c.status != "True");
    Ok(Step::Waiting(first.map_or_else(|| "waiting for the operator".into(), |c| format!("{}: {}", c.type_, c.message))))
}

fn created_text(project: &Project) -> String {
    let status = project.status.clone().unwrap_or_default();
    let namespace = status.namespace.unwrap_or_default();
    let mut text = format!("Ready. Namespace {namespace}");
    if !project.spec.quota.is_empty() {
        let _ = write!(text, ", quota {}", status.granted);
    }
    text += ".\n";
    if let Some(less) = find(&status.conditions, "QuotaGranted").filter(|c| c.status == "False") {
        let _ = writeln!(text, "Less than asked for: {}", plain(&less.message));
        let _ = writeln!(text, "See why, and what would help: govcloud quota explain {}", project.name_any());
    }
    text + &format!("Work in it: kubectl config set-context --current --namespace {namespace}\n")
}

fn table(projects: &[Project], with_agency: bool, wide: bool, now: Timestamp) -> Table {
    let mut headers = vec!["NAME", "NAMESPACE", "READY", "QUOTA", "AGE"];
    if with_agency {
        headers.insert(0, "AGENCY");
    }
    if wide {
        headers.extend(["POOL", "GRANTED", "PURPOSE"]);
    }
    let mut table = Table::new(&headers, "There are no projects. Create one: govcloud project create NAME --purpose TEXT");
    for project in projects {
        let status = project.status.clone().unwrap_or_default();
        let quota = find(&status.conditions, "QuotaGranted").map(|c| c.reason.clone()).unwrap_or_default();
        let mut row = vec![
            project.name_any(),
            status.namespace.unwrap_or_default(),
            condition_status(&status.conditions, "Ready"),
            quota,
            age(project.metadata.creation_timestamp.as_ref(), now),
        ];
        if with_agency {
            let namespace = project.namespace().unwrap_or_default();
            row.insert(0, agency_of_namespace(&namespace).unwrap_or(&namespace).to_owned());
        }
        if wide {
            row.extend([project.spec.pool.clone(), status.granted.to_string(), project.spec.purpose.clone()]);
        }
        table.row(row);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::testing;
    use serde_json::{Value, json};

    fn project(status: Value) -> Project {
        testing::object(
            "Project",
            "agency-tax-administration",
            "analytics",
            json!({"purpose": "Fraud analytics", "pool": "national", "quota": {"requests.cpu": "20"}}),
            status,
        )
    }

    fn ready() -> Project {
        project(json!({"namespace": "tax-administration--analytics", "granted": {"requests.cpu": "12"}, "conditions": [
            testing::condition("Ready", "True", "Ready", "It is there."),
            testing::condition("QuotaGranted", "False", "ExceedsAgencyBudget", "8 requests.cpu are missing from the agency's budget."),
        ]}))
    }

    #[test]
    fn tables() {
        insta::assert_snapshot!("projects", table(&[ready(), project(json!({}))], false, false, testing::now()).render(true));
        insta::assert_snapshot!("projects_wide", table(&[ready()], true, true, testing::now()).render(true));
        insta::assert_snapshot!("projects_none", table(&[], false, false, testing::now()).render(true));
    }

    #[test]
    fn waiting_ends_when_it_is_ready_and_says_what_is_missing() {
        let Step::Done(done) = judge(Some(&ready())).expect("no error") else { panic!("ready") };
        insta::assert_snapshot!("project_created", created_text(&done));
        assert_eq!(judge(Some(&project(json!({})))).expect("no error"), Step::Waiting("waiting for the operator".into()));
        let conflict = project(
            json!({"conditions": [testing::condition("NamespaceReady", "False", "NamespaceConflict", "The namespace is somebody else's.")]}),
        );
        insta::assert_snapshot!("project_conflict", judge(Some(&conflict)).expect_err("never").render(false));
        let waiting = project(
            json!({"conditions": [testing::condition("NamespaceReady", "False", "Creating", "The namespace is being made.")]}),
        );
        insta::assert_snapshot!(
            "project_not_ready",
            match judge(Some(&waiting)).expect("no error") {
                Step::Waiting(what) => not_ready("analytics", &what).render(false),
                Step::Done(_) => panic!("not ready"),
            }
        );
    }
}
