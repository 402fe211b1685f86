//! `govcloud service rotate`.

use std::time::Duration;

use clap::Args;
use govcloud_crds::{
    ServiceClaim, SharedService,
    service::{ClaimPhase, rules::current_service},
};
use kube::{
    Api, ResourceExt as _,
    api::{Patch, PatchParams},
};
use serde_json::json;

use super::claimed::{find_claim, held_up};
use crate::{
    commands::parse,
    context::{Context, FIELD_MANAGER},
    error::{CliError, Kind, Result},
    exit::Exit,
    progress::Progress,
    watch::{Step, Waited, until},
};

/// `govcloud service rotate`.
#[derive(Clone, Debug, Args)]
pub struct RotateArgs {
    /// The claim
    pub claim: String,
    /// Its project
    #[arg(long, value_name = "PROJECT")]
    pub project: String,
    /// Do not wait until the Secret has the new ones
    #[arg(long)]
    pub no_wait: bool,
    /// How long to wait until the Secret has the new ones
    #[arg(long, default_value = "1m", value_parser = parse::wait, value_name = "DURATION")]
    pub timeout: Duration,
}

/// Runs `govcloud service rotate`.
pub async fn run(ctx: &Context, args: &RotateArgs) -> Result<Exit> {
    let (api, claim) = find_claim(ctx, &args.project, &args.claim).await?;
    let service: SharedService = Api::all(ctx.client.clone()).get(current_service(&claim)).await?;
    rotatable(&claim, &service)?;
    let wanted = claim.spec.rotation + 1;
    let patch =
        json!({"metadata": {"uid": claim.uid(), "resourceVersion": claim.resource_version()}, "spec": {"rotation": wanted}});
    let params = PatchParams { field_manager: Some(FIELD_MANAGER.into()), ..PatchParams::default() };
    let written = api.patch(&claim.name_any(), &params, &Patch::Merge(patch)).await?;
    if args.no_wait {
        ctx.out.object(&written, || {
            format!("Asked for. See when they are there: govcloud service claims --project {}\n", args.project)
        })?;
        return Ok(Exit::Ok);
    }
    let judge = async |claim: Option<ServiceClaim>| step(claim, wanted);
    match until(api, &claim.name_any(), Some(args.timeout), Progress::new(ctx.out), judge).await? {
        Waited::Done(claim) => {
            ctx.out.object(&*claim, || done(&claim))?;
            Ok(Exit::Ok)
        }
        Waited::TimedOut(last) => Err(timed_out(&claim, &last)),
    }
}

/// Only what a provisioner makes for this claim can be made anew.
fn rotatable(claim: &ServiceClaim, service: &SharedService) -> Result<()> {
    let (name, serves) = (claim.name_any(), service.name_any());
    if service.spec.binding.provisioner.is_none() {
        let message = match service.spec.binding.credentials_from {
            Some(_) => {
                format!("{serves} hands out the same credentials to all who claim it, so {name} cannot have new ones alone")
            }
            None => format!("{serves} hands out no credentials, so there is nothing to rotate"),
        };
        let hint = format!("Ask {}; when the provider changes them, the Secret follows by itself", service.spec.provider);
        return Err(CliError::usage(message).hint(hint));
    }
    let status = claim.status.clone().unwrap_or_default();
    if status.phase != ClaimPhase::Bound {
        let why = held_up(&status).map(|why| format!(": {why}")).unwrap_or_default();
        return Err(CliError::failure(format!("{name} is not bound, so it has no credentials to rotate{why}"))
            .hint(format!("See where it stands: govcloud service claims; and what it needs: govcloud service show {serves}")));
    }
    Ok(())
}

fn step(claim: Option<ServiceClaim>, wanted: i32) -> Result<Step<Box<ServiceClaim>>> {
    let gone =
        || CliError::new(Kind::NotFound, "the claim was deleted meanwhile").hint("See what there is: govcloud service claims");
    let claim = claim.ok_or_else(gone)?;
    let status = claim.status.clone().unwrap_or_default();
    if status.rotation.is_some_and(|rotation| rotation >= wanted) {
        return Ok(Step::Done(Box::new(claim)));
    }
    Ok(Step::Waiting(held_up(&status).unwrap_or_else(|| "the provisioner makes new credentials".into())))
}

fn done(claim: &ServiceClaim) -> String {
    let status = claim.status.clone().unwrap_or_default();
    let secret = status.binding.map(|b| b.name).unwrap_or_default();
    format!(
        "Rotated. Secret {secret} in {} has set {} of the credentials; those before it are revoked.\nMounted files follow within a minute or so; what reads them only at its start must be restarted.\n",
        claim.namespace().unwrap_or_default(),
        status.rotation.unwrap_or(claim.spec.rotation)
    )
}

fn timed_out(claim: &ServiceClaim, last: &str) -> CliError {
    let last = if last.is_empty() { "the operator has not looked at it yet" } else { last };
    CliError::failure(format!("new credentials of {} are asked for, and not there yet: {last}", claim.name_any()))
        .hint("The Secret keeps the old ones until then, and nothing has to be repeated")
        .hint("See how it goes on: govcloud service claims")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::testing::{self, condition};
    use serde_json::Value;

    fn bound(rotation: i32) -> ServiceClaim {
        testing::claim("events", "large", json!({"phase": "Bound", "rotation": rotation, "binding": {"name": "events-binding"}}))
    }

    #[test]
    fn only_what_was_made_for_the_claim_is_rotated() {
        let with = |binding: Value| testing::changed(&testing::streaming(), &json!({"binding": binding}), &json!({}));
        let own = with(json!({"type": "kafka", "provisioner": {"url": "https://p.gov.internal"}}));
        let same =
            with(json!({"type": "kafka", "credentialsFrom": {"namespace": "shared-streaming", "name": "agency-credentials"}}));
        let waits = json!({"phase": "Pending", "conditions": [condition("CapacityReserved", "False", "NoCapacity", "There is no room.")]});
        assert!(rotatable(&bound(1), &own).is_ok());
        let refused = [(bound(1), &same), (bound(1), &testing::streaming()), (testing::claim("events", "large", waits), &own)];
        let said = refused.map(|(claim, service)| rotatable(&claim, service).expect_err("refused").render(false));
        insta::assert_snapshot!("rotate_refused", said.join("\n"));
    }

    #[test]
    fn it_is_done_when_the_secret_has_them() {
        assert!(matches!(step(Some(bound(1)), 2), Ok(Step::Waiting(_))));
        assert!(matches!(step(Some(bound(2)), 2), Ok(Step::Done(_))));
        assert!(step(None, 2).is_err());
        let said = [done(&bound(2)), timed_out(&bound(1), "").render(false)];
        insta::assert_snapshot!("rotate", said.join("\n"));
    }
}
