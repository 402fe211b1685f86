//! Making a request: what every command that makes one has in common.

use std::collections::BTreeMap;

use clap::ValueEnum;
use govcloud_crds::{
    Agency, ProcessingClass, ProcessingPermit, Project, names,
    permit::{
        Intent, Target,
        validate::{Objection, Subject, objection},
    },
};
use kube::{Api, ResourceExt as _, api::PostParams};

use super::{
    find::{agency_name, title},
    next::fitting,
    objects::{label, target_lines},
};
use crate::{
    context::{Context, FIELD_MANAGER, if_readable},
    error::{CliError, Kind, Result},
    exit::Exit,
    output::text::plain,
};

/// Whether a request is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum DryRun {
    /// It is made
    #[default]
    None,
    /// Nothing is sent
    Client,
    /// The API server checks it and keeps nothing
    Server,
}

/// What a request is held against before it is sent.
pub struct Surroundings {
    /// The agency that asks.
    pub agency: Agency,
    /// Its project, if it is there.
    pub project: Option<Project>,
    /// The permit that the request refers to, if it is there.
    pub prior: Option<ProcessingPermit>,
    /// All classes by name.
    pub classes: BTreeMap<String, ProcessingClass>,
}

impl Surroundings {
    /// Reads them for a request.
    pub async fn of(ctx: &Context, permit: &ProcessingPermit, classes: BTreeMap<String, ProcessingClass>) -> Result<Self> {
        let home = permit.namespace().unwrap_or_default();
        let projects: Api<Project> = ctx.namespaced(&home);
        let permits: Api<ProcessingPermit> = ctx.namespaced(&home);
        let prior = match &permit.spec.prior {
            Some(name) => if_readable(permits.get(name).await.map_err(CliError::from))?,
            None => None,
        };
        Ok(Self {
            agency: ctx.read_agency(&agency_name(permit)).await?,
            project: if_readable(projects.get(&permit.spec.project).await.map_err(CliError::from))?,
            prior,
            classes,
        })
    }

    /// Refuses here what the operator could not assess, with the operator's own words, and says what fits instead.
    pub fn in_order(&self, permit: &ProcessingPermit) -> Result<()> {
        let (agency, project, prior) = (Some(&self.agency), self.project.as_ref(), self.prior.as_ref());
        let found = objection(Subject { permit, agency, project, prior, classes: &self.classes });
        found.map_or(Ok(()), |found| Err(refusal(&found, permit, prior)))
    }
}

fn refusal(found: &Objection, permit: &ProcessingPermit, prior: Option<&ProcessingPermit>) -> CliError {
    let error = CliError::usage(plain(&found.message));
    match (found.reason, prior) {
        ("PriorPhase", Some(prior)) => fitting(prior).into_iter().fold(error, CliError::hint),
        ("PriorDiffers", Some(_)) if permit.spec.intent != Intent::New => {
            error.hint("Ask for something else on its own: govcloud permit request --help")
        }
        ("RenewalGrows", Some(prior)) => error
            .hint(format!("Ask for more: govcloud permit amend {} --size NAME=REPLICAS --justification \"…\"", prior.name_any())),
        _ => error,
    }
}

/// Makes the request, or does as if.
pub async fn send(ctx: &Context, permit: &ProcessingPermit, dry_run: DryRun) -> Result<Exit> {
    let agency = agency_name(permit);
    if dry_run == DryRun::Client {
        ctx.out.object(permit, || render(permit, &agency, dry_run))?;
        return Ok(Exit::Ok);
    }
    let params = PostParams { dry_run: dry_run == DryRun::Server, field_manager: Some(FIELD_MANAGER.into()) };
    let api: Api<ProcessingPermit> = ctx.namespaced(&names::home_namespace(&agency));
    let created = api.create(&params, permit).await.map_err(|e| taken(e.into(), permit))?;
    ctx.out.object(&created, || render(&created, &agency, dry_run))?;
    Ok(Exit::Ok)
}

fn taken(error: CliError, permit: &ProcessingPermit) -> CliError {
    if error.kind() != Kind::AlreadyExists {
        return error;
    }
    let name = permit.name_any();
    let (command, of) = match permit.spec.intent {
        Intent::Renewal => ("renew", permit.spec.prior.as_deref()),
        Intent::Amendment => ("amend", permit.spec.prior.as_deref()),
        Intent::Appeal => ("appeal", permit.spec.prior.as_deref()),
        Intent::New | Intent::Emergency => ("request", None),
    };
    let of = of.map_or_else(String::new, |prior| format!(" {prior}"));
    CliError::new(Kind::AlreadyExists, format!("there is a permit {name} already"))
        .hint(format!("Look at it: govcloud permit show {name}"))
        .hint(format!("Or give this request another name: govcloud permit {command}{of} NAME …"))
}

/// A dimension that is not named is zero, and an object that takes any of it does not fit; people should know.
pub fn unnamed_dimensions(permit: &ProcessingPermit, classes: &BTreeMap<String, ProcessingClass>) -> Vec<String> {
    let Some(class) = classes.get(&permit.spec.processing_class) else { return Vec::new() };
    let missing = |target: &Target| -> Vec<_> {
        let all = class.spec.dimensions.iter().map(|d| d.name.as_str());
        all.filter(|name| !target.per_replica.0.contains_key(*name)).map(str::to_owned).collect()
    };
    let unnamed = permit.spec.targets.iter().map(|target| (target, missing(target))).filter(|(_, names)| !names.is_empty());
    unnamed
        .map(|(target, names)| format!("note: {} gets no {}, because you named none", label(target), names.join(" and no ")))
        .collect()
}

/// What was asked for, in words, and what to do next.
pub fn render(permit: &ProcessingPermit, agency: &str, dry_run: DryRun) -> String {
    let (spec, name) = (&permit.spec, permit.name_any());
    let head = match dry_run {
        DryRun::None => "Asked for",
        DryRun::Client => "Would ask for",
        DryRun::Server => "Would ask, and the API server would take it, for",
    };
    // An amendment that asks for less ends with the permit before it.
    let at_most = if spec.intent == Intent::Amendment { "at most " } else { "" };
    let mut text = format!(
        "{head} permit {name} of class {} in project {}, for {at_most}{} from the day it becomes active:\n",
        spec.processing_class, spec.project, spec.duration
    );
    text += &target_lines(&spec.targets);
    let mut needs = vec![format!("{} data", spec.data_classification)];
    needs.extend(spec.interfaces.iter().map(ToString::to_string));
    needs.extend(spec.zones.iter().map(|zone| format!("in {zone}")));
    text += &plain(&format!("  {}\n", needs.join(", ")));
    text += &refers_to(permit);
    for document in &spec.evidence {
        text += &plain(&format!("  document {}, SHA-256 {}\n", document.name, document.sha256));
    }
    text += &plain(&format!("Asked by {} for {agency}.\n", spec.requested_by));
    text + &match dry_run {
        DryRun::None => format!("Follow it: govcloud permit watch {name}\n"),
        _ => "Nothing was asked for. Leave --dry-run out to ask.\n".to_owned(),
    }
}

/// What sort of request it is, if it is no ordinary one.
fn refers_to(permit: &ProcessingPermit) -> String {
    let said = match (permit.spec.intent, &permit.spec.prior) {
        (Intent::Emergency, _) => "an emergency: one reviewer approves, and the others look at it afterwards".to_owned(),
        (Intent::New, None) => return String::new(),
        (intent, prior) => in_words(intent, prior.as_deref().unwrap_or_default()),
    };
    plain(&format!("  {said}\n"))
}

/// `a renewal of tax-lake`.
pub fn in_words(intent: Intent, prior: &str) -> String {
    match intent {
        Intent::Renewal => format!("a renewal of {prior}"),
        Intent::Amendment => format!("an amendment of {prior}"),
        Intent::Appeal => format!("an appeal against the decision on {prior}"),
        Intent::New => format!("the answer to {prior}"),
        Intent::Emergency => "an emergency".to_owned(),
    }
}

/// The name and, if it has one, the number: `tax-lake (GC-2026-000042)`.
pub fn named(permit: &ProcessingPermit) -> String {
    let (name, title) = (permit.name_any(), title(permit));
    if name == title { name } else { format!("{name} ({title})") }
}
