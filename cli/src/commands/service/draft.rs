//! `govcloud service draft`: an agency's own service, before it is in the catalogue.

use std::path::PathBuf;

use clap::Args;
use govcloud_crds::{SharedService, service::Stage};
use kube::{Api, ResourceExt as _, api::PostParams};
use serde_json::{Value, json};

use super::check::{Problem, problems};
use crate::{
    context::{Context, FIELD_MANAGER},
    error::{CliError, Kind, Result},
    exit::Exit,
    manifests,
    output::text::count,
};

/// `govcloud service draft`.
#[derive(Clone, Debug, Args)]
pub struct DraftArgs {
    /// The SharedService as YAML or JSON; - is the standard input
    #[arg(short, long, value_name = "FILE")]
    pub filename: PathBuf,
    /// Check it and say what would be drafted, without doing it
    #[arg(long)]
    pub dry_run: bool,
}

/// Runs `govcloud service draft`.
pub async fn run(ctx: &Context, args: &DraftArgs) -> Result<Exit> {
    let agency = ctx.agency().await?;
    let service = read(args, agency)?;
    refuse(&service, &problems(&service, &ctx.classes().await?))?;
    if args.dry_run {
        ctx.out.object(&service, || format!("Would draft {}. Nothing was written.\n", service.name_any()))?;
        return Ok(Exit::Ok);
    }
    let api: Api<SharedService> = Api::all(ctx.client.clone());
    let params = PostParams { field_manager: Some(FIELD_MANAGER.into()), ..PostParams::default() };
    let (written, is_new) = match api.get_opt(&service.name_any()).await? {
        None => (api.create(&params, &service).await?, true),
        Some(there) => {
            own_draft(&there, agency)?;
            // The version makes sure that nobody's work of meanwhile is lost, a publication in particular.
            let mut changed = service;
            changed.metadata.resource_version = there.resource_version();
            (api.replace(&there.name_any(), &params, &changed).await?, false)
        }
    };
    ctx.out.object(&written, || drafted(&written, is_new))?;
    Ok(Exit::Ok)
}

/// The one service of the file, as a draft of the agency.
fn read(args: &DraftArgs, agency: &str) -> Result<SharedService> {
    let mut all = manifests::read(std::slice::from_ref(&args.filename), false)?;
    let manifest = match (all.pop(), all.len()) {
        (Some(one), 0) => one,
        (None, _) => {
            return Err(
                CliError::usage(format!("{} holds nothing", args.filename.display())).hint("Write a SharedService into it")
            );
        }
        (_, more) => {
            return Err(CliError::usage(format!("this holds {}; draft one service at a time", count(more + 1, "object"))));
        }
    };
    draft_of(manifest.object, &manifest.source, agency)
}

fn draft_of(mut object: Value, source: &str, agency: &str) -> Result<SharedService> {
    let kind = object["kind"].as_str().unwrap_or_default().to_owned();
    if kind != "SharedService" {
        return Err(CliError::usage(format!("{source}: this is a {kind}, and no SharedService"))
            .hint("See one: kubectl explain sharedservice.spec"));
    }
    let spec = &mut object["spec"];
    if spec["provider"].is_null() {
        spec["provider"] = agency.into();
    }
    if spec["stage"] == "Published" {
        return Err(CliError::usage("a cloud operator publishes it; leave stage out, or write Draft")
            .hint("Draft it first, and then ask them: govcloud service publish NAME"));
    }
    spec["stage"] = json!("Draft");
    object.as_object_mut().map(|fields| fields.remove("status"));
    let service: SharedService = serde_json::from_value(object).map_err(|error| {
        CliError::usage(format!("{source}: {error}"))
            .hint("See what belongs there: kubectl explain sharedservice.spec")
            .caused_by(error)
    })?;
    if service.name_any().is_empty() {
        return Err(CliError::usage(format!("{source}: the service has no name")).hint("Give it one: metadata.name"));
    }
    if service.spec.provider != agency {
        return Err(CliError::usage(format!("its provider is {}, and you act for {agency}", service.spec.provider))
            .hint("Leave provider out, or act for that agency: --agency NAME"));
    }
    Ok(service)
}

/// What was published is the catalogue's, and what others draft is theirs.
fn own_draft(there: &SharedService, agency: &str) -> Result<()> {
    let (name, spec) = (there.name_any(), &there.spec);
    if spec.stage == Stage::Draft && spec.provider == agency {
        return Ok(());
    }
    let error = CliError::new(Kind::AlreadyExists, format!("there is a service {name} of {} already", spec.provider));
    Err(if spec.provider == agency {
        error.hint("It is published, and agencies rely on it; a cloud operator changes it: kubectl edit sharedservice")
    } else {
        error.hint("Give yours another name")
    })
}

fn refuse(service: &SharedService, problems: &[Problem]) -> Result<()> {
    if problems.is_empty() {
        return Ok(());
    }
    let lines: Vec<_> = problems.iter().map(|p| format!("- {p}")).collect();
    Err(CliError::usage(format!("{} would not work:\n{}", service.name_any(), lines.join("\n")))
        .hint("Nothing was written. Mend the file, and repeat the command"))
}

fn drafted(service: &SharedService, is_new: bool) -> String {
    let name = service.name_any();
    let done = if is_new { "Drafted" } else { "Changed the draft" };
    format!(
        "{done}: {name} of class {}. Only {} and cloud operators see it, and nobody can claim it yet.\nChange it: edit the file and repeat the command. When it is right, ask a cloud operator: govcloud service publish {name}\n",
        service.spec.processing_class, service.spec.provider
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::testing;

    fn manifest(changes: &Value) -> Value {
        let mut object = json!({"apiVersion": "govcloud.dev/v1alpha1", "kind": "SharedService", "metadata": {"name": "tax-status"}, "spec": {
            "displayName": "Tax status of companies", "processingClass": "reference-data", "plans": [{"name": "queries", "channel": "PGSB"}],
            "capacity": {}, "binding": {"type": "rest"}}});
        for (field, value) in changes.as_object().into_iter().flatten() {
            object["spec"][field] = value.clone();
        }
        object
    }

    #[test]
    fn a_draft_is_the_callers_and_is_not_published() {
        let draft = draft_of(manifest(&json!({})), "file", "tax-administration").expect("a draft");
        assert_eq!((draft.spec.stage, draft.spec.provider.as_str()), (Stage::Draft, "tax-administration"));
        let mut nameless = manifest(&json!({}));
        nameless["metadata"] = json!({});
        let refused = [
            manifest(&json!({"stage": "Published"})),
            manifest(&json!({"provider": "customs"})),
            manifest(&json!({"plans": "many"})),
            json!({"kind": "Deployment"}),
            nameless,
        ];
        let said = refused.map(|object| draft_of(object, "file", "tax-administration").expect_err("refused").render(false));
        insta::assert_snapshot!("draft_refused", said.join("\n"));
        insta::assert_snapshot!("draft", [drafted(&draft, true), drafted(&draft, false)].join("\n"));
    }

    #[test]
    fn only_a_draft_of_ones_own_is_changed() {
        let with = |stage: &str, provider: &str| {
            testing::changed(&testing::streaming(), &json!({"stage": stage, "provider": provider}), &json!({}))
        };
        assert!(own_draft(&with("Draft", "tax-administration"), "tax-administration").is_ok());
        let refused = [with("Published", "tax-administration"), with("Draft", "customs")];
        let said = refused.map(|service| own_draft(&service, "tax-administration").expect_err("refused").render(false));
        insta::assert_snapshot!("draft_not_own", said.join("\n"));
    }
}
