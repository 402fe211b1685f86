//! `govcloud permit watch`.

use std::time::Duration;

use clap::Args;
use govcloud_crds::{
    ProcessingPermit,
    conditions::find as condition,
    permit::{Phase, ReviewVerdict, effective::Effective},
};
use kube::{Api, ResourceExt as _};

use super::{
    find::{self, Case},
    next::can_do,
    show::phase,
};
use crate::{
    commands::{parse, review::rules::needed},
    context::Context,
    error::{CliError, Kind, Result},
    exit::Exit,
    output::{
        Paint,
        text::{day, ordinal, plain},
    },
    progress::Progress,
    watch::{Step, Waited, until},
};

/// `govcloud permit watch`.
#[derive(Clone, Debug, Args)]
pub struct WatchArgs {
    /// The permit's name, or its number such as GC-2026-000042
    pub permit: String,
    /// Give up after this long, such as 90s or 10m [default: never]
    #[arg(long, value_parser = parse::wait, value_name = "DURATION")]
    pub timeout: Option<Duration>,
}

/// Runs `govcloud permit watch`.
pub async fn run(ctx: &Context, args: WatchArgs) -> Result<Exit> {
    let found = find::find(ctx, &args.permit).await?;
    let (name, namespace) = (found.name_any(), found.namespace().unwrap_or_default());
    let agency = ctx.agency_if_readable(&find::agency_name(&found)).await?;
    let api: Api<ProcessingPermit> = ctx.namespaced(&namespace);
    let judge = async |permit: Option<ProcessingPermit>| {
        let Some(permit) = permit else { return Err(CliError::new(Kind::Denied, format!("permit {name} was deleted"))) };
        let reviews = ctx.list(ctx.namespaced(&namespace)).await?;
        let case = Case { permit, reviews, agency: agency.clone() };
        let effective = case.effective(crate::clock::now());
        Ok(step(case, &effective))
    };
    match until(api, &name, args.timeout, Progress::new(ctx.out), judge).await? {
        Waited::Done(case) => {
            let (exit, text) = ending(&case, ctx.out.paint, ctx.now);
            ctx.out.object(&case.permit, || text)?;
            Ok(exit)
        }
        Waited::TimedOut(last) => Err(CliError::failure(format!("{name} is not decided yet. {last}"))
            .hint(format!("Wait longer: govcloud permit watch {name} --timeout 1h"))),
    }
}

/// Whether there is still something to wait for.
fn step(case: Case, effective: &Effective) -> Step<Box<Case>> {
    match settled(&case, effective) {
        Some(_) => Step::Done(Box::new(case)),
        None => Step::Waiting(waiting_for(&case, effective)),
    }
}

/// What a permit has become, if nothing is left to wait for. An end shows in the request and its reviews before the
/// operator records it; that the slots are open, only the operator can say.
fn settled(case: &Case, effective: &Effective) -> Option<Phase> {
    let recorded = case.permit.status.as_ref().map(|s| s.phase).unwrap_or_default();
    let waits = |phase| matches!(phase, Phase::Pending | Phase::UnderReview | Phase::Approved);
    let ended = effective.phase.is_over() || effective.phase == Phase::Returned;
    Some(if ended { phase(case, effective) } else { recorded }).filter(|phase| !waits(*phase))
}

/// What a permit waits for, in one line.
fn waiting_for(case: &Case, effective: &Effective) -> String {
    let status = case.permit.status.clone().unwrap_or_default();
    let because = |kind: &str| condition(&status.conditions, kind).filter(|c| c.status != "True").map(|c| plain(&c.message));
    let (title, phase) = (case.title(), effective.phase);
    match phase {
        Phase::UnderReview => {
            let queue = status
                .queue
                .map_or_else(String::new, |q| format!("; {} in the queue, due {}", ordinal(q.position), day(q.due_by.0)));
            format!("{title} is under review: waits for {}{queue}", needed(&effective.missing))
        }
        Phase::Approved => {
            // Before the operator counted the last review, the conditions speak of the time before it.
            let is_said = status.phase == Phase::Approved;
            let why = ["CapacityReserved", "Active", "Ready"].into_iter().filter(|_| is_said).find_map(because);
            format!("{title} is approved: {}", why.unwrap_or_else(|| "waits for the operator to open its slots".into()))
        }
        _ => format!(
            "{title} waits to be assessed: {}",
            because("Assessed").unwrap_or_else(|| "the operator has not looked at it yet".into())
        ),
    }
}

/// How it ended: the exit code, and what to do now.
fn ending(case: &Case, paint: Paint, now: jiff::Timestamp) -> (Exit, String) {
    let effective = case.effective(now);
    let phase = settled(case, &effective).unwrap_or(effective.phase);
    let (title, spec) = (case.title(), &case.permit.spec);
    let status = case.permit.status.as_ref();
    let end = status.and_then(|s| s.not_after.as_ref()).map_or_else(String::new, |t| format!(" until {}", day(t.0)));
    if phase == Phase::Active {
        let place = format!("{}--{}", case.agency_name(), spec.project);
        return (Exit::Ok, format!("{} {title} is active{end}. Its targets may run in {place}.\n", paint.good("✓")));
    }
    let why = effective.decision.as_ref().map_or_else(String::new, |d| format!(" \"{}\"", plain(&d.reason)));
    let said = match phase {
        Phase::Denied => {
            let class = &spec.processing_class;
            format!("{} {title} was denied.{why}\nWhat there is instead: govcloud service search {class}\n", paint.bad("✗"))
        }
        Phase::Returned => format!("{} {title} was returned.{why}\n", paint.attention("✗")),
        Phase::Suspended => {
            format!("{} {title} is suspended{end}.{}\n", paint.bad("✗"), suspended_because(case, &effective))
        }
        Phase::Superseded => format!("{} {title} is over: another one took its place.\n", paint.attention("✗")),
        other => {
            format!("{} {title} is over: {other}.{why}\nSee it in full: govcloud permit show {title}\n", paint.bad("✗"))
        }
    };
    (Exit::Denied, said + &can_do(&case.permit, phase))
}

fn suspended_because(case: &Case, effective: &Effective) -> String {
    let last = effective.reviews.iter().rfind(|row| row.counted && row.verdict == ReviewVerdict::Suspend);
    let review = last.and_then(|row| case.reviews.iter().find(|review| review.name_any() == row.name));
    review.map_or_else(String::new, |review| format!(" \"{}\"", plain(&review.spec.reason)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::{
        review::rules::tests::{case, review},
        testing,
    };
    use serde_json::{Value, json};

    fn said(case: Case) -> String {
        let effective = case.effective(testing::now());
        match step(case, &effective) {
            Step::Waiting(what) => what,
            Step::Done(case) => {
                let (exit, text) = ending(&case, Paint::default(), testing::now());
                format!("{exit:?}: {text}")
            }
        }
    }

    fn approvals() -> Vec<govcloud_crds::PermitReview> {
        [("ministry:reviewers", "r@m"), ("security:smc", "o@s")]
            .map(|(g, who)| review("tax-lake", who, g, "Approve", "It is needed."))
            .to_vec()
    }

    #[test]
    fn what_is_waited_for_is_named_and_how_it_ended() {
        let waiting = [testing::condition("Active", "False", "TargetTaken", "tenants/lake is named by GC-2026-000001.")];
        let active = json!({"phase": "Active", "validFrom": "2026-10-20T00:00:00Z", "notAfter": "2027-10-20T00:00:00Z"});
        let pending = json!({"assessment": null, "policy": null, "conditions": [testing::condition("Assessed", "False", "NoSuchProject", "There is no project x.")]});
        let deny = |verdict| vec![review("tax-lake", "r@m", "ministry:reviewers", verdict, "Which zone?")];
        let all: [(&Value, Vec<_>); 8] = [
            (&pending, vec![]),
            (&json!({}), vec![]),
            (&json!({"conditions": waiting}), approvals()),
            (&active, approvals()),
            (&active, vec![]),
            (&json!({}), deny("Deny")),
            (&json!({}), deny("Return")),
            (&json!({"phase": "Superseded"}), approvals()),
        ];
        let said: Vec<_> = all.into_iter().map(|(status, reviews)| said(case("Unique", status, &reviews))).collect();
        insta::assert_snapshot!("permit_watch", said.join("\n"));
    }
}
