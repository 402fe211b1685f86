//! `govcloud permit withdraw`.

use clap::Args;
use govcloud_crds::{ProcessingPermit, permit::Phase};
use kube::{
    Api, ResourceExt as _,
    api::{Patch, PatchParams},
};
use serde_json::json;

use super::{
    find::{find, title},
    next::fitting,
};
use crate::{
    confirm::confirm,
    context::{Context, FIELD_MANAGER},
    error::{CliError, Result},
    exit::Exit,
};

/// `govcloud permit withdraw`.
#[derive(Clone, Debug, Args)]
pub struct WithdrawArgs {
    /// The permit's name, or its number such as GC-2026-000042
    pub permit: String,
    /// Do not ask for confirmation
    #[arg(short, long)]
    pub yes: bool,
}

/// Runs `govcloud permit withdraw`.
pub async fn run(ctx: &Context, args: &WithdrawArgs) -> Result<Exit> {
    let permit = find(ctx, &args.permit).await?;
    if permit.spec.withdrawn {
        ctx.out.object(&permit, || format!("{} was withdrawn already.\n", title(&permit)))?;
        return Ok(Exit::Ok);
    }
    withdrawable(&permit)?;
    confirm(&question(&permit), args.yes)?;
    let api: Api<ProcessingPermit> = ctx.namespaced(&permit.namespace().unwrap_or_default());
    // The uid makes sure that it is the permit that was looked at, and no later one of the same name.
    let patch = json!({"metadata": {"uid": permit.uid()}, "spec": {"withdrawn": true}});
    let params = PatchParams { field_manager: Some(FIELD_MANAGER.into()), ..PatchParams::default() };
    let withdrawn = api.patch(&permit.name_any(), &params, &Patch::Merge(patch)).await?;
    ctx.out.object(&withdrawn, || {
        format!("{} is withdrawn. This cannot be undone; a new request starts anew: govcloud permit request\n", title(&permit))
    })?;
    Ok(Exit::Ok)
}

fn phase(permit: &ProcessingPermit) -> Phase {
    permit.status.as_ref().map(|s| s.phase).unwrap_or_default()
}

fn withdrawable(permit: &ProcessingPermit) -> Result<()> {
    let phase = phase(permit);
    if phase.is_over() {
        let error = CliError::failure(format!("{} is over already ({phase}); there is nothing to withdraw", title(permit)));
        return Err(fitting(permit).into_iter().fold(error, CliError::hint));
    }
    Ok(())
}

fn question(permit: &ProcessingPermit) -> String {
    let title = title(permit);
    match phase(permit) {
        Phase::Active | Phase::Suspended => {
            format!("{title} is {}. Giving it up closes its slots, and what runs must drain. Withdraw it?", phase(permit))
        }
        Phase::Returned => format!(
            "Withdraw {title}? This cannot be undone. An answer would keep its place in the queue: govcloud permit answer {}",
            permit.name_any()
        ),
        Phase::UnderReview => {
            format!("Withdraw {title}? This cannot be undone, and a new request stands at the end of the queue.")
        }
        _ => format!("Withdraw {title}? This cannot be undone."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::permit::list::tests::{permit, permits};

    #[test]
    fn what_it_means_is_said_before() {
        let asked: Vec<_> = permits().iter().map(question).collect();
        insta::assert_snapshot!("withdraw_questions", asked.join("\n"));
        let over = permit("tax-lake", "GC-2026-000042", "Unique", &json!({"phase": "Denied"}));
        assert!(withdrawable(&over).expect_err("over").to_string().contains("Denied"));
    }
}
