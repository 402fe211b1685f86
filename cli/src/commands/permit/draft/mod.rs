//! `govcloud permit draft`: requests for what runs already.

mod look;
mod rules;
mod write;

use std::path::PathBuf;

use clap::Args;
use govcloud_crds::{Agency, ProcessingPermit, Project, common::Classification, names};
use kube::ResourceExt as _;

use self::rules::Drafted;
use super::check::{Needs, known_class};
use crate::{
    context::Context,
    error::{CliError, Kind, Result},
    exit::Exit,
    output::{Format, file},
};

/// `govcloud permit draft`.
#[derive(Clone, Debug, Args)]
pub struct DraftArgs {
    /// The project [default: all of the agency]
    #[arg(long, value_name = "PROJECT")]
    pub project: Option<String>,
    /// Only what is of this class
    #[arg(long, value_name = "CLASS")]
    pub class: Option<String>,
    /// Why the agency needs it, in at least 10 characters; else it is to be filled in
    #[arg(long, value_name = "TEXT")]
    pub justification: Option<String>,
    /// What it must be like.
    #[command(flatten)]
    pub needs: Needs,
    /// Write it into this file instead of the standard output
    #[arg(long, visible_alias = "out", value_name = "FILE")]
    pub output_file: Option<PathBuf>,
    /// Replace the file if it is there
    #[arg(long, requires = "output_file")]
    pub force: bool,
}

/// Runs `govcloud permit draft`.
pub async fn run(ctx: &Context, args: &DraftArgs) -> Result<Exit> {
    let (agency, classes) = (ctx.agency().await?, ctx.classes().await?);
    known_class(args.class.as_deref(), &classes)?;
    let home = names::home_namespace(agency);
    let permits: Vec<ProcessingPermit> = ctx.list(ctx.namespaced(&home)).await?;
    let projects = projects(ctx, &home, args.project.as_deref()).await?;
    let kinds = look::kinds(&ctx.client, &classes).await?;
    let ceiling = ctx.agency_if_readable(agency).await?.map(|agency: Agency| agency.spec.data_classification);
    let asking = write::Asking {
        agency: agency.to_owned(),
        justification: args.justification.clone().unwrap_or_default(),
        needs: args.needs.clone(),
        classification: args.needs.classification.or(ceiling).unwrap_or(Classification::Internal),
    };
    let thresholds = ctx.thresholds().await?;
    let mut drafts = Vec::new();
    for project in &projects {
        let seen = look::at(ctx, &kinds, &project.namespace, &classes, &thresholds).await?;
        let draft = rules::drafted(project, &seen.objects, &permits, args.class.as_deref());
        drafts.push(Drafted { unread: seen.unread, ..draft });
    }
    if !drafts.is_empty() && drafts.iter().all(|draft| draft.unread.len() == kinds.len()) {
        return Err(CliError::new(Kind::Forbidden, format!("you may not see what runs in the projects of {agency}"))
            .hint("Its developers, requesters and viewers may, and cloud operators: let one of them draft it"));
    }
    print(ctx, args, &write::requests(&drafts, &permits, &asking), &drafts, &asking)
}

fn print(
    ctx: &Context,
    args: &DraftArgs,
    requests: &[ProcessingPermit],
    drafts: &[Drafted],
    asking: &write::Asking,
) -> Result<Exit> {
    if args.output_file.is_none() && !matches!(ctx.out.format, Format::Table | Format::Wide) {
        ctx.out.list(requests, Default::default)?;
        return Ok(Exit::Ok);
    }
    let text = write::document(requests, drafts, asking, ctx.now)?;
    match &args.output_file {
        None => ctx.out.text(&text)?,
        Some(path) => {
            file::write(path, &text, args.force)?;
            ctx.out.note(&write::summary(requests, drafts));
            ctx.out.note(&format!("It is in {}; nothing was sent.", path.display()));
        }
    }
    Ok(Exit::Ok)
}

/// The projects that have their namespaces.
async fn projects(ctx: &Context, home: &str, only: Option<&str>) -> Result<Vec<rules::Place>> {
    let mut all: Vec<Project> = ctx.list(ctx.namespaced(home)).await?;
    if let Some(name) = only {
        all.retain(|project| project.name_any() == name);
        if all.is_empty() {
            return Err(CliError::new(Kind::NotFound, format!("there is no project {name}"))
                .hint("See what there is: govcloud project list"));
        }
    }
    let place = |project: &Project| {
        let status = project.status.as_ref()?;
        Some(rules::Place {
            project: project.name_any(),
            namespace: status.namespace.clone()?,
            namespace_uid: status.namespace_uid.clone()?,
        })
    };
    let ready: Vec<_> = all.iter().filter_map(place).collect();
    if only.is_some() && ready.is_empty() {
        return Err(CliError::failure("the project has no namespace yet, so nothing runs there")
            .hint("See what it waits for: govcloud project list"));
    }
    Ok(ready)
}

#[cfg(test)]
mod tests;
