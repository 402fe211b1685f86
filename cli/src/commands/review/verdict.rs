//! `govcloud review approve`, `deny`, `return`, `suspend`, `resume` and `revoke`.

use clap::Args;
use govcloud_crds::{
    PermitReview,
    permit::{Phase, ReviewVerdict, review::NarrowTarget},
};
use kube::{Api, ResourceExt as _, api::PostParams};

use super::{
    narrow::narrow,
    rules::{Plan, Refusal, Wish, needed, plan},
    words::{agency_name, amounts_in_words, period_in_words, size_in_words},
};
use crate::{
    commands::permit::{
        find::{self, Case},
        objects::{label, lines},
        show::assessment_in_words,
    },
    confirm::confirm,
    context::{Context, FIELD_MANAGER},
    error::{CliError, Kind, Result},
    exit::Exit,
    output::text::plain,
};

/// What a review takes.
#[derive(Clone, Debug, Args)]
pub struct ReviewArgs {
    /// The permit's number such as GC-2026-000042, or its name
    pub permit: String,
    /// Why; it is kept with the permit, and the agency reads it
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    pub reason: String,
    /// The group in which you review [default: one of yours that is missing]
    #[arg(long, value_name = "GROUP")]
    pub group: Option<String>,
    /// Do not ask for confirmation
    #[arg(short, long)]
    pub yes: bool,
}

impl ReviewArgs {
    /// With what is said.
    pub fn says(self, verdict: ReviewVerdict) -> Given {
        let Self { permit, reason, group, yes } = self;
        Given { verdict, permit, reason: Some(reason), group, yes, override_duplicate: None, narrow: Vec::new() }
    }
}

/// `govcloud review approve`.
#[derive(Clone, Debug, Args)]
pub struct ApproveArgs {
    /// The permit's number such as GC-2026-000042, or its name
    pub permit: String,
    /// Why; it is kept with the permit, and the agency reads it
    // Not required here: who cannot approve at all is told that first.
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    pub reason: Option<String>,
    /// Approve although a shared service would do; say why, here or with --reason
    #[arg(long, value_name = "TEXT", num_args = 0..=1, default_missing_value = "", value_parser = override_reason)]
    pub override_duplicate: Option<String>,
    /// Allow less than was asked for, such as broker=2,storage=500Gi; repeatable
    #[arg(long, value_name = "NAME=REPLICAS[,DIMENSION=QUANTITY]...", value_parser = narrow)]
    pub narrow: Vec<NarrowTarget>,
    /// The group in which you review [default: one of yours that is missing]
    #[arg(long, value_name = "GROUP")]
    pub group: Option<String>,
    /// Do not ask for confirmation
    #[arg(short, long)]
    pub yes: bool,
}

/// What was given on the command line.
#[derive(Clone, Debug)]
pub struct Given {
    verdict: ReviewVerdict,
    permit: String,
    reason: Option<String>,
    group: Option<String>,
    yes: bool,
    /// The reason for overriding, empty if it stands in `reason`.
    override_duplicate: Option<String>,
    narrow: Vec<NarrowTarget>,
}

impl From<ApproveArgs> for Given {
    fn from(args: ApproveArgs) -> Self {
        let ApproveArgs { permit, reason, override_duplicate, narrow, group, yes } = args;
        Self { verdict: ReviewVerdict::Approve, permit, reason, group, yes, override_duplicate, narrow }
    }
}

impl Given {
    /// The one reason, wherever it was given; empty if it was not.
    fn reason(&self) -> Result<&str> {
        let of_override = self.override_duplicate.as_deref().filter(|text| !text.is_empty());
        match (self.reason.as_deref(), of_override) {
            (Some(_), Some(_)) => Err(CliError::usage("two reasons were given, and a review keeps one")
                .hint("Write all of it in one: --override-duplicate \"…\"")),
            (one, other) => Ok(one.or(other).unwrap_or_default()),
        }
    }
}

fn reason(text: &str) -> Result<String, String> {
    let length = text.trim().chars().count();
    if (3..=4000).contains(&length) {
        Ok(text.trim().to_owned())
    } else {
        Err("give a reason of 3 to 4000 characters; the agency will read it".into())
    }
}

fn override_reason(text: &str) -> Result<String, String> {
    if text.is_empty() { Ok(String::new()) } else { reason(text) }
}

/// Gives a review, unless it would not count.
pub async fn run(ctx: &Context, given: &Given) -> Result<Exit> {
    let reason = given.reason()?;
    let case = find::case(ctx, &given.permit).await?;
    let wish = Wish {
        caller: ctx.caller().await?,
        verdict: given.verdict,
        reason,
        group: given.group.as_deref(),
        override_duplicate: given.override_duplicate.is_some(),
        narrow: &given.narrow,
    };
    let plan = plan(&case, &wish, ctx.now).map_err(refused)?;
    if reason.is_empty() {
        return Err(no_reason(&case));
    }
    if !given.yes {
        ctx.out.note(&summary(&case, &plan));
    }
    confirm(&format!("{} {}?", given.verdict, case.title()), given.yes)?;
    let created = create(ctx, &case, &plan).await?;
    ctx.out.object(&created, || done(&case, &plan))?;
    Ok(Exit::Ok)
}

fn no_reason(case: &Case) -> CliError {
    CliError::usage("a decision needs a reason; it is kept with the permit, and the agency reads it")
        .hint(format!("Say why: govcloud review approve {} --reason \"…\"", case.title()))
}

fn refused(refusal: Refusal) -> CliError {
    let error = CliError::new(Kind::Failure, format!("this would not count: {}", plain(&refusal.why)));
    refusal.instead.into_iter().fold(error, |error, hint| error.hint(plain(&hint)))
}

async fn create(ctx: &Context, case: &Case, plan: &Plan) -> Result<PermitReview> {
    let mut review = plan.review.clone();
    review.metadata.name = None;
    review.metadata.creation_timestamp = None;
    review.metadata.generate_name = Some(format!("{}-", case.permit.name_any()));
    let api: Api<PermitReview> = ctx.namespaced(&case.permit.namespace().unwrap_or_default());
    let params = PostParams { field_manager: Some(FIELD_MANAGER.into()), ..PostParams::default() };
    Ok(api.create(&params, &review).await?)
}

/// What is about to be said, in a few lines.
fn summary(case: &Case, plan: &Plan) -> String {
    let (spec, review) = (&case.permit.spec, &plan.review.spec);
    let demand = govcloud_crds::permit::demand(&spec.targets);
    let assessment = case
        .permit
        .status
        .as_ref()
        .and_then(|s| s.assessment.as_ref())
        .map_or_else(String::new, |a| format!("{}\n", assessment_in_words(a)));
    plain(&format!(
        "{} asks for {} of class {} for {}, in project {}.\nThey say: \"{}\"\n{assessment}{}You {} it as {} for {}: \"{}\"",
        agency_name(case),
        amounts_in_words(&demand),
        spec.processing_class,
        period_in_words(&spec.duration),
        spec.project,
        spec.justification.trim(),
        narrowed(case, plan),
        review.verdict.to_string().to_lowercase(),
        review.reviewer,
        review.group,
        review.reason,
    ))
}

/// What of the targets becomes smaller by this review.
fn narrowed(case: &Case, plan: &Plan) -> String {
    if plan.review.spec.narrow.is_none() {
        return String::new();
    }
    let pairs = case.permit.spec.targets.iter().zip(&plan.after.targets).filter(|(asked, allowed)| asked != allowed);
    let rows: Vec<_> = pairs
        .map(|(asked, allowed)| (label(allowed), format!("{} of {}", size_in_words(allowed), size_in_words(asked))))
        .collect();
    if rows.is_empty() { String::new() } else { format!("Less is allowed than was asked for:\n{}", lines(&rows)) }
}

/// What the review did, and what is still missing.
fn done(case: &Case, plan: &Plan) -> String {
    let (review, after, title) = (&plan.review.spec, &plan.after, case.title());
    let who = format!("by {} for {}", review.reviewer, review.group);
    let what = match review.verdict {
        ReviewVerdict::Approve => approved(&title, &who, plan),
        ReviewVerdict::Revoke if after.phase == Phase::Revoked => {
            format!("{title} revoked {who}. What runs must drain; nothing new of it starts.")
        }
        ReviewVerdict::Revoke => {
            format!("Revoking {title} was asked for {who}. It takes effect when as many have asked as must approve.")
        }
        ReviewVerdict::Deny => {
            format!("{title} denied {who}. The agency is told why, and may appeal; you do not decide that appeal.")
        }
        ReviewVerdict::Return => format!(
            "{title} returned {who}. The agency reads what you need to know; its answer is a request of its own, and keeps this one's place in the queue."
        ),
        ReviewVerdict::Suspend => format!(
            "{title} suspended {who}. Nothing of it starts or grows any more; what runs goes on.\nLet it go on: govcloud review resume {title} --reason \"…\""
        ),
        ReviewVerdict::Resume => format!("{title} resumed {who}. Its slots open again in a moment."),
    };
    plain(&format!("{what}\n{}See it: govcloud review show {title}\n", narrowed(case, plan)))
}

fn approved(title: &str, who: &str, plan: &Plan) -> String {
    if plan.before.decision.is_some() {
        let still = &plan.after.afterwards;
        let left = if still.is_empty() {
            "Everybody has looked at it now.".to_owned()
        } else {
            format!("Still to look at it: {}.", needed(still))
        };
        return format!("{title}, an emergency, was looked at afterwards {who}, and is in order. {left}");
    }
    if !plan.after.missing.is_empty() {
        return format!("{title} approved {who}. Still missing: {}.", needed(&plan.after.missing));
    }
    let later = if plan.after.afterwards.is_empty() {
        String::new()
    } else {
        format!(" It is an emergency; still to look at it afterwards: {}.", needed(&plan.after.afterwards))
    };
    format!(
        "{title} approved {who}. That was the last approval that was missing; it becomes active as soon as its targets are free.{later}"
    )
}

#[cfg(test)]
#[path = "verdict_tests.rs"]
mod tests;
