//! `govcloud service change`: another plan of the same service.

use std::time::Duration;

use clap::Args;
use govcloud_crds::{
    ServiceClaim, SharedService,
    conditions::find,
    service::{Plan, rules::current_service},
};
use kube::{
    Api, ResourceExt as _,
    api::{Patch, PatchParams},
};
use serde_json::json;

use super::{
    claimed::{find_claim, held_plan, held_up},
    standing::Standing,
};
use crate::{
    commands::parse,
    confirm::confirm,
    context::{Context, FIELD_MANAGER},
    error::{CliError, Kind, Result},
    exit::Exit,
    output::text::{amounts, plain},
    progress::Progress,
    watch::{Step, Waited, until},
};

/// `govcloud service change`.
#[derive(Clone, Debug, Args)]
pub struct ChangeArgs {
    /// The claim
    pub claim: String,
    /// The plan that it is to have
    #[arg(long, value_name = "PLAN")]
    pub plan: String,
    /// Its project
    #[arg(long, value_name = "PROJECT")]
    pub project: String,
    /// Do not ask for confirmation
    #[arg(short, long)]
    pub yes: bool,
    /// Do not wait until the plan is in force
    #[arg(long)]
    pub no_wait: bool,
    /// How long to wait until the plan is in force
    #[arg(long, default_value = "1m", value_parser = parse::wait, value_name = "DURATION")]
    pub timeout: Duration,
}

/// Runs `govcloud service change`.
pub async fn run(ctx: &Context, args: &ChangeArgs) -> Result<Exit> {
    let (api, claim) = find_claim(ctx, &args.project, &args.claim).await?;
    let service: SharedService = Api::all(ctx.client.clone()).get(current_service(&claim)).await?;
    if claim.spec.plan == args.plan {
        ctx.out.object(&claim, || format!("{} asks for plan {} already.\n", claim.name_any(), args.plan))?;
        return Ok(Exit::Ok);
    }
    let plan = allowed(&claim, &service, &args.plan, &Standing::gather(ctx).await?)?;
    ctx.out.note(&beforehand(&claim, &service, plan));
    confirm(&format!("Change {} to plan {}?", claim.name_any(), plan.name), args.yes)?;
    let patch =
        json!({"metadata": {"uid": claim.uid(), "resourceVersion": claim.resource_version()}, "spec": {"plan": plan.name}});
    let params = PatchParams { field_manager: Some(FIELD_MANAGER.into()), ..PatchParams::default() };
    let written = api.patch(&claim.name_any(), &params, &Patch::Merge(patch)).await?;
    if args.no_wait {
        ctx.out
            .object(&written, || format!("Asked for. See what it has: govcloud service claims --project {}\n", args.project))?;
        return Ok(Exit::Ok);
    }
    let (generation, expected) = (written.metadata.generation, has_room(&claim, &service, plan));
    let judge = async |claim: Option<ServiceClaim>| step(claim, generation, expected);
    match until(api, &claim.name_any(), Some(args.timeout), Progress::new(ctx.out), judge).await? {
        Waited::Done(claim) => {
            let (exit, text) = ending(&claim);
            ctx.out.object(&*claim, || text)?;
            Ok(exit)
        }
        Waited::TimedOut(last) => Err(timed_out(&claim, &last)),
    }
}

/// The plan, if the agency may have it.
fn allowed<'a>(claim: &ServiceClaim, service: &'a SharedService, plan: &str, standing: &Standing) -> Result<&'a Plan> {
    let show = format!("See what it offers, and to whom: govcloud service show {}", service.name_any());
    if let Some(drain) = &service.spec.drain {
        return Err(CliError::new(
            Kind::Denied,
            format!("{} ends on {}, and plans are changed no more", service.name_any(), drain.by),
        )
        .hint(show));
    }
    // What it asks for is judged as if it were new: what it holds already says nothing about another plan.
    let mut wanted = ServiceClaim::new(&claim.name_any(), claim.spec.clone());
    plan.clone_into(&mut wanted.spec.plan);
    wanted.spec.shared_service = service.name_any();
    let verdict = standing.verdict(&wanted, service);
    match (service.spec.plan(plan), verdict.holds) {
        (Some(plan), holds) if holds != Some(false) || standing.agency.is_none() => Ok(plan),
        _ => Err(CliError::new(Kind::Denied, plain(&verdict.message)).hint(show)),
    }
}

/// What comes of it.
fn beforehand(claim: &ServiceClaim, service: &SharedService, plan: &Plan) -> String {
    let held = service.spec.plan(held_plan(claim));
    let holds = held.map(|p| p.capacity.clone()).unwrap_or_default();
    let more = plan.capacity.minus(&holds);
    let less = holds.minus(&plan.capacity).without_zeros();
    let kept = service.status.as_ref().map(|s| s.kept.clone()).unwrap_or_default();
    let free = service.available();
    let mut lines = vec![
        format!("{} has plan {} ({}) of {}.", claim.name_any(), held_plan(claim), amounts(&holds), service.name_any()),
        format!(
            "Plan {} takes {}. {}",
            plan.name,
            amounts(&plan.capacity),
            if !more.fits_in(&free) {
                format!(
                    "There is no room for it at present ({} free), so the claim keeps plan {} and has {} when there is.",
                    amounts(&free),
                    held_plan(claim),
                    plan.name
                )
            } else if more.fits_in(&free.minus(&kept)) {
                "There is room for it.".to_owned()
            } else {
                "What is free is kept for agencies that were sent here; unless yours is one, it waits.".to_owned()
            }
        ),
    ];
    if !less.is_empty() {
        lines.push(format!(
            "{} go back, and others may claim them: use no more than the new plan has before you change.",
            amounts(&less)
        ));
    }
    if held.is_some_and(|held| held.channel != plan.channel) {
        lines.push(format!(
            "It is reached over {} instead of {}.",
            plan.channel,
            held.map(|h| h.channel.to_string()).unwrap_or_default()
        ));
    }
    lines.push("The Secret keeps its name, and nothing is interrupted.".to_owned());
    lines.join("\n")
}

/// Whether it can be expected to be given at once.
fn has_room(claim: &ServiceClaim, service: &SharedService, plan: &Plan) -> bool {
    let holds = service.spec.plan(held_plan(claim)).map(|p| p.capacity.clone()).unwrap_or_default();
    plan.capacity.minus(&holds).fits_in(&service.available())
}

/// While room is `expected`, that there is none is said only until the service's ledger takes note.
fn step(claim: Option<ServiceClaim>, generation: Option<i64>, expected: bool) -> Result<Step<Box<ServiceClaim>>> {
    let gone =
        || CliError::new(Kind::NotFound, "the claim was deleted meanwhile").hint("See what there is: govcloud service claims");
    let claim = claim.ok_or_else(gone)?;
    let status = claim.status.clone().unwrap_or_default();
    let looked_at = status.observed_generation >= generation;
    let in_force = find(&status.conditions, "PlanInForce").filter(|c| c.status == "False");
    let waits = in_force.is_some_and(|c| !expected || c.reason != "NoRoom");
    let refused = find(&status.conditions, "Eligible").is_some_and(|c| c.status == "False");
    if looked_at && (held_plan(&claim) == claim.spec.plan || waits || refused) {
        return Ok(Step::Done(Box::new(claim)));
    }
    Ok(Step::Waiting(held_up(&status).unwrap_or_else(|| "waiting for the operator".into())))
}

fn ending(claim: &ServiceClaim) -> (Exit, String) {
    let status = claim.status.clone().unwrap_or_default();
    let (name, plan) = (claim.name_any(), &claim.spec.plan);
    match held_up(&status) {
        None => (Exit::Ok, format!("{name} has plan {plan} now.\n")),
        Some(why) => (
            Exit::Denied,
            format!(
                "{name} keeps plan {}. {why}\nIt stays asked for: govcloud service claims. Or ask for less: govcloud service show {}\n",
                held_plan(claim),
                current_service(claim)
            ),
        ),
    }
}

fn timed_out(claim: &ServiceClaim, last: &str) -> CliError {
    let last = if last.is_empty() { "the operator has not looked at it yet" } else { last };
    CliError::failure(format!("the plan of {} is asked for, and not in force yet: {last}", claim.name_any()))
        .hint("It keeps what it has until then. See how it goes on: govcloud service claims")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::testing::{self, condition, standing};
    use serde_json::Value;

    fn held(asked: &str, plan: &str, conditions: &[Value]) -> ServiceClaim {
        let status = json!({"phase": "Bound", "plan": plan, "binding": {"name": "events-binding"}, "observedGeneration": 2, "conditions": conditions});
        testing::claim("events", asked, status)
    }

    #[test]
    fn what_comes_of_it_is_said_before() {
        let service = testing::streaming();
        let plans = json!({"plans": [{"name": "standard", "channel": "GSB", "capacity": {"brokers": "1"}}, {"name": "large", "capacity": {"brokers": "6"}}]});
        let channels = testing::changed(&service, &plans, &json!({}));
        let full = testing::changed(&service, &json!({}), &json!({"allocated": {"brokers": "57"}}));
        let kept = testing::changed(&service, &json!({}), &json!({"kept": {"brokers": "38"}}));
        let cases = [
            ("standard", "large", &service),
            ("large", "standard", &service),
            ("standard", "large", &full),
            ("standard", "large", &kept),
            ("standard", "large", &channels),
        ];
        let said =
            cases.map(|(has, asks, service)| beforehand(&held(has, has, &[]), service, service.spec.plan(asks).expect("a plan")));
        insta::assert_snapshot!("change_before", said.join("\n\n"));
    }

    #[test]
    fn what_would_be_refused_is_not_asked_for() {
        let claim = held("standard", "standard", &[]);
        let ends = testing::changed(&testing::streaming(), &json!({"drain": {"by": "2027-03-20"}}), &json!({}));
        let other = json!({"plans": [{"name": "standard"}, {"name": "private", "channel": "PGSB"}]});
        let other = testing::changed(&testing::streaming(), &other, &json!({}));
        assert_eq!(allowed(&claim, &testing::streaming(), "large", &standing()).expect("allowed").name, "large");
        let cases = [(testing::streaming(), "huge"), (ends, "large"), (other, "private")];
        let said = cases.map(|(service, plan)| allowed(&claim, &service, plan, &standing()).expect_err("refused").render(false));
        insta::assert_snapshot!("change_refused", said.join("\n"));
    }

    #[test]
    fn it_ends_with_the_plan_or_with_a_reason() {
        let waits = condition("PlanInForce", "False", "NoRoom", "Plan large has no room at present.");
        let said = [held("large", "large", &[]), held("large", "standard", std::slice::from_ref(&waits))].map(|claim| {
            let (exit, text) = ending(&claim);
            format!("{exit:?}: {text}")
        });
        insta::assert_snapshot!("change_endings", said.join("\n"));
        assert!(matches!(step(Some(held("large", "standard", std::slice::from_ref(&waits))), Some(2), false), Ok(Step::Done(_))));
        assert!(matches!(
            step(Some(held("large", "standard", std::slice::from_ref(&waits))), Some(2), true),
            Ok(Step::Waiting(_))
        ));
        assert!(matches!(step(Some(held("large", "standard", &[waits])), Some(3), false), Ok(Step::Waiting(_))));
        assert!(matches!(step(Some(held("large", "standard", &[])), Some(2), false), Ok(Step::Waiting(_))));
        assert!(matches!(step(Some(held("large", "large", &[])), Some(2), false), Ok(Step::Done(_))));
    }
}
