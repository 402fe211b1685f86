//! `govcloud permit approve`, `deny` and `revoke`.

use clap::Args;
use govcloud_crds::{
    PermitReview,
    permit::{Phase, ReviewVerdict},
};
use kube::{Api, ResourceExt as _, api::PostParams};

use super::{
    find::{self, Case},
    review_rules::{Plan, Refusal, Wish, needed, plan},
    show::assessment_in_words,
};
use crate::{
    confirm::confirm,
    context::{Context, FIELD_MANAGER},
    error::{CliError, Kind, Result},
    exit::Exit,
    output::text::{amounts, plain},
};

/// What every review takes.
#[derive(Clone, Debug, Args)]
pub struct ReviewArgs {
    /// The permit's name, or its number such as GC-2026-000042
    pub permit: String,
    /// Why; it is kept with the permit
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    pub reason: String,
    /// The group in which you review [default: one of yours that is missing]
    #[arg(long, value_name = "GROUP")]
    pub group: Option<String>,
    /// Do not ask for confirmation
    #[arg(short, long)]
    pub yes: bool,
}

/// `govcloud permit approve`.
#[derive(Clone, Debug, Args)]
pub struct ApproveArgs {
    /// What every review takes.
    #[command(flatten)]
    pub review: ReviewArgs,
    /// Approve although a shared service would do; the reason says why
    #[arg(long)]
    pub override_duplicate: bool,
}

fn reason(text: &str) -> Result<String, String> {
    let length = text.trim().chars().count();
    if (3..=4000).contains(&length) {
        Ok(text.trim().to_owned())
    } else {
        Err("give a reason of 3 to 4000 characters; the agency will read it".into())
    }
}

/// Gives a review, unless it would not count.
pub async fn run(ctx: &Context, verdict: ReviewVerdict, args: &ReviewArgs, override_duplicate: bool) -> Result<Exit> {
    let case = find::case(ctx, &args.permit).await?;
    let caller = ctx.caller().await?;
    let wish = Wish { caller, verdict, reason: &args.reason, group: args.group.as_deref(), override_duplicate };
    let plan = plan(&case, &wish, ctx.now).map_err(refused)?;
    if !args.yes {
        ctx.out.note(&summary(&case, &plan));
    }
    confirm(&format!("{verdict} {}?", case.title()), args.yes)?;
    let created = create(ctx, &case, &plan).await?;
    ctx.out.object(&created, || done(&case, &plan))?;
    Ok(Exit::Ok)
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

/// What is about to be decided, in a few lines.
fn summary(case: &Case, plan: &Plan) -> String {
    let (spec, review) = (&case.permit.spec, &plan.review.spec);
    let agency = case.agency.as_ref().map_or_else(|| case.agency_name(), |a| a.spec.display_name.clone());
    let demand = govcloud_crds::permit::demand(&spec.targets);
    let assessment = case
        .permit
        .status
        .as_ref()
        .and_then(|s| s.assessment.as_ref())
        .map_or_else(String::new, |a| format!("{}\n", assessment_in_words(a)));
    plain(&format!(
        "{agency} asks for {} of class {} for {}, in project {}.\nThey say: \"{}\"\n{assessment}You {} it as {} for {}: \"{}\"",
        amounts(&demand),
        spec.processing_class,
        spec.duration,
        spec.project,
        spec.justification.trim(),
        review.verdict.to_string().to_lowercase(),
        review.reviewer,
        review.group,
        review.reason,
    ))
}

/// What the review did, and what is still missing.
fn done(case: &Case, plan: &Plan) -> String {
    let (review, after) = (&plan.review.spec, &plan.after);
    let title = case.title();
    let who = format!("by {} for {}", review.reviewer, review.group);
    let what = match review.verdict {
        ReviewVerdict::Approve if after.missing.is_empty() => {
            format!(
                "{title} approved {who}. That was the last approval that was missing; it becomes active as soon as its targets are free."
            )
        }
        ReviewVerdict::Approve => format!("{title} approved {who}. Still missing: {}.", needed(&after.missing)),
        ReviewVerdict::Revoke if after.phase == Phase::Revoked => {
            format!("{title} revoked {who}. What runs must drain; nothing new of it starts.")
        }
        ReviewVerdict::Revoke => {
            format!("Revoking {title} was asked for {who}. It takes effect when as many have asked as must approve.")
        }
        ReviewVerdict::Deny => format!("{title} denied {who}."),
        other => format!("{title}: {other} {who}."),
    };
    plain(&format!("{what}\nSee it: govcloud permit show {title}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        commands::{
            permit::review_rules::tests::{case, review},
            testing,
        },
        context::Caller,
    };
    use serde_json::json;

    #[test]
    fn a_reason_is_more_than_a_shrug() {
        assert!(reason("no").is_err() && reason("   ").is_err());
        assert_eq!(reason(" It is needed. "), Ok("It is needed.".into()));
    }

    #[test]
    fn the_reviewer_sees_what_they_decide_and_what_it_did() {
        let caller = Caller { user: "reviewer-1@ministry".into(), groups: vec!["ministry:reviewers".into()] };
        let text = |case: &Case, verdict, override_duplicate| {
            let wish = Wish { caller: &caller, verdict, reason: "It is needed.", group: None, override_duplicate };
            let plan = plan(case, &wish, testing::now()).expect("counts");
            format!("{}\n---\n{}", summary(case, &plan), done(case, &plan))
        };
        insta::assert_snapshot!("review_done_first", text(&case("Unique", &json!({}), &[]), ReviewVerdict::Approve, false));
        let security = review("tax-lake", "officer@smc", "security:smc", "Approve", "Yes.");
        insta::assert_snapshot!(
            "review_done_last",
            text(&case("Unique", &json!({}), &[security]), ReviewVerdict::Approve, false)
        );
        insta::assert_snapshot!("review_done_deny", text(&case("Duplicate", &json!({}), &[]), ReviewVerdict::Deny, false));
        insta::assert_snapshot!(
            "review_refused",
            refused(
                plan(
                    &case("Duplicate", &json!({}), &[]),
                    &Wish {
                        caller: &caller,
                        verdict: ReviewVerdict::Approve,
                        reason: "Yes.",
                        group: None,
                        override_duplicate: false
                    },
                    testing::now()
                )
                .expect_err("refused")
            )
            .render(false)
        );
    }
}
