//! `govcloud service claim`.

use std::{
    io::{self, BufRead as _, IsTerminal as _, Write as _},
    time::Duration,
};

use clap::Args;
use govcloud_crds::{
    Project, ServiceClaim, SharedService,
    names::{home_namespace, project_namespace},
    service::ServiceClaimSpec,
};
use kube::{Api, ResourceExt as _, api::PostParams};

use super::{
    claim_view::{ending, step, timed_out},
    fit::{Fit, judge},
    standing::Standing,
};
use crate::{
    commands::parse,
    context::{Context, FIELD_MANAGER},
    error::{CliError, Kind, Result},
    exit::Exit,
    output::text::plain,
    progress::Progress,
    watch::{Waited, until},
};

/// A claim's Secret is named after it, so that it can be no longer than this.
const LONGEST_NAME: usize = 55;

/// `govcloud service claim`.
#[derive(Clone, Debug, Args)]
pub struct ClaimArgs {
    /// The service
    pub service: String,
    /// The plan
    #[arg(long, value_name = "PLAN")]
    pub plan: String,
    /// The project that uses it
    #[arg(long, value_name = "PROJECT")]
    pub project: String,
    /// The claim's name [default: that of the service]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// What the service, and the data behind it, is used for; kept on record
    #[arg(long, default_value = "", value_name = "TEXT")]
    pub purpose: String,
    /// Do not wait until it is bound
    #[arg(long)]
    pub no_wait: bool,
    /// How long to wait until it is bound
    #[arg(long, default_value = "1m", value_parser = parse::wait, value_name = "DURATION")]
    pub timeout: Duration,
}

/// Runs `govcloud service claim`.
pub async fn run(ctx: &Context, args: ClaimArgs) -> Result<Exit> {
    let agency = ctx.agency().await?;
    let namespace = project_namespace(agency, &args.project);
    let service: SharedService = Api::all(ctx.client.clone()).get(&args.service).await?;
    let standing = Standing::gather(ctx).await?;
    let mut claim = claim(&args);
    if service.spec.requires_purpose && claim.spec.purpose.trim().is_empty() {
        claim.spec.purpose = ask_purpose(&service)?;
    }
    allowed(&claim, &service, &standing)?;
    if let Some(word) = before(&service, &args.plan, &standing) {
        ctx.out.note(&word);
    }
    let api: Api<ServiceClaim> = ctx.namespaced(&namespace);
    let made = match make(&api, &claim).await {
        Err(error) if matches!(error.kind(), Kind::Forbidden | Kind::NotFound) => {
            return Err(no_project_or(error, ctx, agency, &args.project).await);
        }
        made => made?,
    };
    if args.no_wait {
        ctx.out.object(&made, || {
            format!(
                "Claimed as {}. See what becomes of it: govcloud service claims --project {}\n",
                made.name_any(),
                args.project
            )
        })?;
        return Ok(Exit::Ok);
    }
    let judge = async |claim: Option<ServiceClaim>| Ok(step(claim));
    match until(api, &made.name_any(), Some(args.timeout), Progress::new(ctx.out), judge).await? {
        Waited::Done(claim) => {
            let (exit, text) = ending(&claim, &service, ctx.out.paint);
            ctx.out.object(&*claim, || text)?;
            Ok(exit)
        }
        Waited::TimedOut(last) => Err(timed_out(&made.name_any(), &namespace, &last)),
    }
}

fn claim(args: &ClaimArgs) -> ServiceClaim {
    let name = args
        .name
        .clone()
        .unwrap_or_else(|| args.service.chars().take(LONGEST_NAME).collect::<String>().trim_end_matches('-').to_owned());
    ServiceClaim::new(
        &name,
        ServiceClaimSpec {
            shared_service: args.service.clone(),
            plan: args.plan.clone(),
            purpose: args.purpose.clone(),
            rotation: 0,
        },
    )
}

/// Asks at the terminal what the data is for.
fn ask_purpose(service: &SharedService) -> Result<String> {
    let missing = || {
        CliError::usage(format!("{} gives data for a purpose, and none is named", service.name_any()))
            .hint("Say what the data is used for; it stays on record: --purpose TEXT")
    };
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Err(missing());
    }
    write!(io::stderr(), "What is {} used for? It stays on record: ", service.name_any())?;
    io::stderr().flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    let answer = answer.trim().to_owned();
    if answer.is_empty() { Err(missing()) } else { Ok(answer) }
}

/// Refuses here what the operator would reject, with the operator's own words.
fn allowed(claim: &ServiceClaim, service: &SharedService, standing: &Standing) -> Result<()> {
    let verdict = standing.verdict(claim, service);
    let about_the_agency = ["NoAgency", "NotEligible", "NotLicensed"].contains(&verdict.reason);
    // Who cannot be read here can still be known to the operator.
    if verdict.holds != Some(false) || (standing.agency.is_none() && about_the_agency) {
        return Ok(());
    }
    let name = service.name_any();
    let error = CliError::new(Kind::Denied, plain(&verdict.message));
    Err(match (verdict.reason, &service.spec.requires_licence) {
        ("NotLicensed", Some(class)) => error.hint(format!("Ask for the licence: govcloud permit request --class {class} …")),
        _ => error.hint(format!("See what it offers, and to whom: govcloud service show {name}")),
    })
}

/// What to know before it is claimed, although it can be.
fn before(service: &SharedService, plan: &str, standing: &Standing) -> Option<String> {
    let name = service.name_any();
    let said = judge(service, service.spec.plan(plan)?, standing);
    match said.fit {
        Fit::Given => Some(format!(
            "You have {name} without asking, in all your projects; a claim is a second one: govcloud service claims"
        )),
        Fit::IfAgreed => {
            Some(format!("{name} is spare capacity of {}, which is asked now, and agrees or does not.", service.spec.provider))
        }
        Fit::No => Some(format!("Of {name}: {}.", said.why)),
        Fit::Yes | Fit::Unknown => None,
    }
}

/// Makes the claim; the same claim made before is taken up again.
async fn make(api: &Api<ServiceClaim>, claim: &ServiceClaim) -> Result<ServiceClaim> {
    let params = PostParams { field_manager: Some(FIELD_MANAGER.into()), ..PostParams::default() };
    match api.create(&params, claim).await.map_err(CliError::from) {
        Err(error) if error.kind() == Kind::AlreadyExists => {
            let there = api.get(&claim.name_any()).await?;
            if same(&there, claim) { Ok(there) } else { Err(other_claim(&there)) }
        }
        made => made,
    }
}

/// Nobody may do anything in a namespace that is not there; say that, if it is the reason.
async fn no_project_or(error: CliError, ctx: &Context, agency: &str, project: &str) -> CliError {
    let api: Api<Project> = ctx.namespaced(&home_namespace(agency));
    match api.get(project).await.map_err(CliError::from) {
        Err(missing) if missing.kind() == Kind::NotFound => {
            missing.hint(format!("Or create it: govcloud project create {project} --purpose TEXT"))
        }
        _ => error,
    }
}

fn same(there: &ServiceClaim, claim: &ServiceClaim) -> bool {
    there.spec.shared_service == claim.spec.shared_service && there.spec.plan == claim.spec.plan
}

fn other_claim(there: &ServiceClaim) -> CliError {
    let (name, spec) = (there.name_any(), &there.spec);
    CliError::new(
        Kind::AlreadyExists,
        format!("there is a claim {name} already, of {} with plan {}", spec.shared_service, spec.plan),
    )
    .hint("Give this one another name: --name NAME")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::testing::{self, standing};
    use rstest::rstest;
    use serde_json::{Value, json};

    fn changed(spec: &Value) -> SharedService {
        testing::changed(&testing::streaming(), spec, &json!({}))
    }

    fn args(service: &str, plan: &str) -> ClaimArgs {
        let (service, plan) = (service.to_owned(), plan.to_owned());
        ClaimArgs {
            service,
            plan,
            project: "analytics".into(),
            name: None,
            purpose: String::new(),
            no_wait: false,
            timeout: Duration::ZERO,
        }
    }

    #[test]
    fn the_name_is_the_services_as_far_as_it_fits() {
        assert_eq!(claim(&args("national-streaming", "large")).name_any(), "national-streaming");
        let long = format!("{}-{}", "a".repeat(54), "b".repeat(8));
        assert_eq!(claim(&args(&long, "large")).name_any(), "a".repeat(54));
    }

    #[rstest]
    #[case::fits("fits", "large", testing::streaming(), true)]
    #[case::no_plan("no_plan", "huge", testing::streaming(), true)]
    #[case::not_eligible("not_eligible", "shared", testing::regional(), true)]
    #[case::licence("licence", "large", changed(&json!({"requiresLicence": "operator-licence"})), true)]
    #[case::licence_unknown("licence_unknown", "large", changed(&json!({"requiresLicence": "operator-licence"})), false)]
    #[case::licensed("licensed", "large", changed(&json!({"requiresLicence": "message-broker"})), true)]
    #[case::purpose("purpose", "large", changed(&json!({"requiresPurpose": true})), true)]
    #[case::draft("draft", "large", changed(&json!({"stage": "Draft"})), true)]
    #[case::ends("ends", "large", changed(&json!({"drain": {"by": "2027-03-20", "moveTo": "streaming-2"}})), true)]
    #[case::agency_unknown("agency_unknown", "shared", testing::regional(), false)]
    fn what_would_be_rejected_is_not_claimed(
        #[case] name: &str,
        #[case] plan: &str,
        #[case] service: SharedService,
        #[case] known: bool,
    ) {
        let standing = if known { standing() } else { Standing { agency: None, permits: None, ..standing() } };
        let verdict = allowed(&claim(&args(&service.name_any(), plan)), &service, &standing);
        insta::assert_snapshot!(format!("claim_{name}"), verdict.map_or_else(|e| e.render(false), |()| "allowed".into()));
    }

    #[test]
    fn what_to_know_is_said_before() {
        let given = json!({"access": "Entitled", "entitlement": {"plan": "large"}});
        let unhealthy = [testing::condition("Healthy", "False", "Unreachable", "It does not answer.")];
        let unhealthy = testing::changed(&testing::streaming(), &json!({}), &json!({"conditions": unhealthy}));
        let all = [changed(&given), changed(&json!({"sharing": {"permit": "GC-2026-000042"}})), unhealthy];
        let said = all.map(|service| before(&service, "large", &standing()).expect("something"));
        assert_eq!(before(&testing::streaming(), "large", &standing()), None);
        insta::assert_snapshot!("claim_before", said.join("\n"));
        insta::assert_snapshot!("claim_no_purpose", ask_purpose(&testing::streaming()).expect_err("no terminal").render(false));
    }

    #[test]
    fn another_claim_of_that_name_is_not_touched() {
        let (one, other) = (claim(&args("national-streaming", "large")), claim(&args("national-streaming", "standard")));
        assert!(same(&one, &one) && !same(&one, &other));
        insta::assert_snapshot!("claim_other", other_claim(&one).render(false));
    }
}
