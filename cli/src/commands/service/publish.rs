//! `govcloud service publish`: a draft becomes part of the catalogue.

use std::fmt::Write as _;

use clap::Args;
use govcloud_crds::{Agency, SharedService, conditions::is_true, service::Stage};
use kube::{
    Api, ResourceExt as _,
    api::{Patch, PatchParams},
};
use serde_json::json;

use super::check::{Problem, problems};
use crate::{
    confirm::confirm,
    context::{Context, FIELD_MANAGER},
    error::{CliError, Result},
    exit::Exit,
    output::text::{amounts, plain},
};

/// `govcloud service publish`.
#[derive(Clone, Debug, Args)]
pub struct PublishArgs {
    /// The service
    pub name: String,
    /// Do not ask for confirmation
    #[arg(short, long)]
    pub yes: bool,
}

/// Runs `govcloud service publish`.
pub async fn run(ctx: &Context, args: &PublishArgs) -> Result<Exit> {
    let api: Api<SharedService> = Api::all(ctx.client.clone());
    let service = api.get(&args.name).await?;
    if service.spec.stage == Stage::Published {
        ctx.out.object(&service, || format!("{} is published already.\n", args.name))?;
        return Ok(Exit::Ok);
    }
    let provider = ctx.agency_if_readable(&service.spec.provider).await?;
    publishable(&service, provider.as_ref(), &problems(&service, &ctx.classes().await?))?;
    ctx.out.note(&beforehand(&service));
    confirm(&format!("Publish {}?", args.name), args.yes)?;
    // The version makes sure that it is the draft that was looked at.
    let patch = json!({"metadata": {"resourceVersion": service.resource_version()}, "spec": {"stage": "Published"}});
    let params = PatchParams { field_manager: Some(FIELD_MANAGER.into()), ..PatchParams::default() };
    let written = api.patch(&args.name, &params, &Patch::Merge(patch)).await?;
    ctx.out.object(&written, || {
        format!(
            "Published. Agencies find it: govcloud service show {0}. To end it one day: govcloud service drain {0} --by DAY\n",
            args.name
        )
    })?;
    Ok(Exit::Ok)
}

fn publishable(service: &SharedService, provider: Option<&Agency>, problems: &[Problem]) -> Result<()> {
    let mut wrong: Vec<_> = problems.iter().map(ToString::to_string).collect();
    match provider {
        None => wrong.push(format!("its provider, {}, is no agency here, or you may not read it", service.spec.provider)),
        Some(agency) if !is_true(&agency.status.clone().unwrap_or_default().conditions, "Ready") => {
            wrong.push(format!("its provider, {}, is not ready: govcloud agency show {0}", service.spec.provider));
        }
        Some(_) => {}
    }
    if wrong.is_empty() {
        return Ok(());
    }
    let name = service.name_any();
    Err(CliError::failure(format!("{name} is not published, because it would not work:\n- {}", wrong.join("\n- ")))
        .hint("Its provider mends it, and drafts it again: govcloud service draft -f FILE"))
}

/// What agencies will see.
fn beforehand(service: &SharedService) -> String {
    let spec = &service.spec;
    let mut text = format!(
        "{} ({}) of {}, class {}.\n",
        service.name_any(),
        plain(&spec.display_name),
        spec.provider,
        spec.processing_class
    );
    for plan in &spec.plans {
        let _ =
            writeln!(text, "  plan {}  {}, {} of {}", plan.name, plan.channel, amounts(&plan.capacity), amounts(&spec.capacity));
    }
    text + "Once published it stays published, because agencies rely on it; it then counts in assessments too."
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::testing;
    use std::collections::BTreeMap;

    #[test]
    fn what_would_not_work_is_not_published() {
        let service = testing::streaming();
        let classes = super::super::check::tests::classes();
        assert!(publishable(&service, Some(&testing::agency()), &problems(&service, &classes)).is_ok());
        let mut unready = testing::agency();
        unready.status = None;
        let wrong = [(Some(&unready), BTreeMap::default()), (None, classes)];
        let said = wrong.map(|(provider, classes)| {
            publishable(&service, provider, &problems(&service, &classes)).expect_err("refused").render(false)
        });
        insta::assert_snapshot!("publish_refused", said.join("\n"));
        insta::assert_snapshot!("publish", beforehand(&service));
    }
}
