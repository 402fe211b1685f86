//! `govcloud service release`.

use clap::Args;
use govcloud_crds::{ServiceClaim, SharedService, service::rules::current_service};
use kube::{
    Api, ResourceExt as _,
    api::{DeleteParams, Preconditions},
};

use super::claimed::{find_claim, held_plan};
use crate::{
    confirm::confirm,
    context::{Context, if_readable},
    error::{CliError, Result},
    exit::Exit,
    output::text::{amounts, count},
};

/// `govcloud service release`.
#[derive(Clone, Debug, Args)]
pub struct ReleaseArgs {
    /// The claim
    pub claim: String,
    /// Its project
    #[arg(long, value_name = "PROJECT")]
    pub project: String,
    /// Do not ask for confirmation
    #[arg(short, long)]
    pub yes: bool,
}

/// Runs `govcloud service release`.
pub async fn run(ctx: &Context, args: &ReleaseArgs) -> Result<Exit> {
    let (api, claim) = find_claim(ctx, &args.project, &args.claim).await?;
    let services: Api<SharedService> = Api::all(ctx.client.clone());
    let service = if_readable(services.get(current_service(&claim)).await.map_err(CliError::from))?;
    if !args.yes {
        ctx.out.note(&lost(&claim, service.as_ref()));
    }
    confirm(&format!("Release {}?", claim.name_any()), args.yes)?;
    // The uid makes sure that it is the claim that was looked at, and no later one of the same name.
    let preconditions = Preconditions { uid: claim.uid(), resource_version: None };
    let params = DeleteParams { preconditions: Some(preconditions), ..DeleteParams::default() };
    api.delete(&claim.name_any(), &params).await?;
    ctx.out.object(&claim, || released(&claim, service.as_ref()))?;
    Ok(Exit::Ok)
}

/// What goes with it.
fn lost(claim: &ServiceClaim, service: Option<&SharedService>) -> String {
    let (name, serves) = (claim.name_any(), current_service(claim));
    let status = claim.status.clone().unwrap_or_default();
    let Some(binding) = status.binding else {
        return format!(
            "{name} asks for plan {} of {serves} and has nothing of it yet; its place in the queue is lost.",
            claim.spec.plan
        );
    };
    let plan = service.and_then(|s| s.spec.plan(held_plan(claim)));
    let capacity = plan.map(|plan| format!(" ({})", amounts(&plan.capacity))).unwrap_or_default();
    let mut lines = vec![
        format!("{name} holds plan {}{capacity} of {serves}. With it goes:", held_plan(claim)),
        format!("  - Secret {}: pods that mount it do not start again; change them first", binding.name),
        "  - the way through the network to the service".to_owned(),
    ];
    if service.is_some_and(|s| s.spec.binding.provisioner.is_some()) {
        lines.push("  - its credentials: they are revoked, also where they were copied to".to_owned());
    }
    let waiting = service.and_then(|s| s.status.as_ref()).map_or(0, |s| usize::try_from(s.waiting).unwrap_or(0));
    lines.push(match waiting {
        0 => "  - the capacity; others may claim it".to_owned(),
        some => format!(
            "  - the capacity; {} for it",
            if some == 1 { "1 claim waits".to_owned() } else { format!("{} wait", count(some, "claim")) }
        ),
    });
    lines.join("\n")
}

fn released(claim: &ServiceClaim, service: Option<&SharedService>) -> String {
    let revoked = service.is_some_and(|s| s.spec.binding.provisioner.is_some());
    let revoked = if revoked { " Its credentials are being revoked." } else { "" };
    format!("Released {} of {}.{revoked}\n", claim.name_any(), current_service(claim))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::testing;
    use serde_json::{Value, json};

    #[test]
    fn what_is_lost_is_said_before() {
        let claim =
            testing::claim("events", "large", json!({"phase": "Bound", "plan": "large", "binding": {"name": "events-binding"}}));
        let plain = testing::streaming();
        let binding = json!({"binding": {"type": "kafka", "provisioner": {"url": "https://p.gov.internal"}}});
        let own = testing::changed(&plain, &binding, &json!({"waiting": 3}));
        let one = testing::changed(&plain, &json!({}), &json!({"waiting": 1}));
        let said = [
            lost(&claim, Some(&plain)),
            lost(&claim, Some(&own)),
            lost(&claim, Some(&one)),
            lost(&claim, None),
            lost(&testing::claim("events", "large", Value::Null), Some(&plain)),
            released(&claim, Some(&plain)),
            released(&claim, Some(&own)),
        ];
        insta::assert_snapshot!("release", said.join("\n\n"));
    }
}
