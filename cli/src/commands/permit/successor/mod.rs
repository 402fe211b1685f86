//! Requests that refer to a permit: `govcloud permit renew`, `amend`, `answer` and `appeal`.

mod draft;
mod sizes;
mod words;

use std::path::PathBuf;

use clap::Args;
use govcloud_crds::{
    ProcessingPermit,
    common::Period,
    permit::{Alternative, Intent, Target},
};
use kube::ResourceExt as _;

use super::{
    check::Needs,
    evidence::{self, Attachment},
    find::{Case, case},
    submit::{self, DryRun, Surroundings},
};
use crate::{
    commands::parse::{self, NamedSize},
    confirm::confirm,
    context::Context,
    error::Result,
    exit::Exit,
};

/// What every request that refers to a permit takes.
#[derive(Clone, Debug, Args)]
pub struct SuccessorArgs {
    /// The permit that it refers to: its name, or its number such as GC-2026-000042
    pub permit: String,
    /// The new request's name [default: PERMIT-renewal, -amendment, -answer or -appeal]
    pub name: Option<String>,
    /// Why the agency needs it, in at least 10 characters
    #[arg(long, value_name = "TEXT")]
    pub justification: String,
    /// How long it is needed, such as 8760h or 365d [default: as before]
    #[arg(long, value_parser = parse::period, value_name = "DURATION")]
    pub duration: Option<Period>,
    /// A document that supports it, and where it can be had; only its name and digest are sent; repeatable
    #[arg(long, value_parser = evidence::attachment, value_name = "FILE[=URI]")]
    pub attach: Vec<Attachment>,
    /// Only show what would be asked for (client), or let the API server check it (server)
    #[arg(long, value_enum, default_value_t, num_args = 0..=1, default_missing_value = "client", require_equals = true)]
    pub dry_run: DryRun,
    /// Do not ask for confirmation
    #[arg(short, long)]
    pub yes: bool,
}

/// Other sizes than before; what is not named stays as it is.
#[derive(Clone, Debug, Default, Args)]
pub struct SizeArgs {
    /// Another size of one of its objects, such as broker=4 or broker=4,storage=2Ti; repeatable
    #[arg(long, value_parser = parse::named_size, value_name = "NAME=REPLICAS[,DIM=QTY]...")]
    pub size: Vec<NamedSize>,
    /// The same with group and resource, where a name alone is not clear; repeatable
    #[arg(long, value_parser = parse::target, value_name = "GROUP/RESOURCE/NAME=REPLICAS[,DIM=QTY]...")]
    pub target: Vec<Target>,
    /// Manifests that have its objects in their new sizes: a file, a folder, or -; repeatable
    #[arg(long, value_name = "FILE|DIR|-", conflicts_with_all = ["size", "target"])]
    pub from: Vec<PathBuf>,
    /// Look into the folders below folders too
    #[arg(short = 'R', long)]
    pub recursive: bool,
}

/// `govcloud permit renew` and `appeal`: the same once more.
#[derive(Clone, Debug, Args)]
pub struct AgainArgs {
    /// What every request that refers to a permit takes.
    #[command(flatten)]
    pub common: SuccessorArgs,
}

/// `govcloud permit amend`.
#[derive(Clone, Debug, Args)]
pub struct AmendArgs {
    /// What every request that refers to a permit takes.
    #[command(flatten)]
    pub common: SuccessorArgs,
    /// Other sizes than before.
    #[command(flatten)]
    pub sizes: SizeArgs,
}

/// `govcloud permit answer`.
#[derive(Clone, Debug, Args)]
pub struct AnswerArgs {
    /// What every request that refers to a permit takes.
    #[command(flatten)]
    pub common: SuccessorArgs,
    /// Other sizes than before.
    #[command(flatten)]
    pub sizes: SizeArgs,
    /// What it must be like, where that is to be put right.
    #[command(flatten)]
    pub needs: Needs,
    /// The law it rests on [default: as before]
    #[arg(long, value_name = "TEXT")]
    pub legal_basis: Option<String>,
    /// A shared service that was considered, and why it does not do, in the place of those named before; repeatable
    #[arg(long, value_parser = parse::alternative, value_name = "SERVICE=WHY")]
    pub reject: Vec<Alternative>,
}

/// What is to be other than before.
#[derive(Clone, Debug)]
pub struct Wish {
    /// What sort of request it is.
    pub intent: Intent,
    /// What all of them take.
    pub common: SuccessorArgs,
    /// Other sizes.
    pub sizes: SizeArgs,
    /// Other needs.
    pub needs: Needs,
    /// Another law.
    pub legal_basis: Option<String>,
    /// Other shared services that do not do.
    pub reject: Vec<Alternative>,
}

impl Wish {
    fn of(intent: Intent, common: SuccessorArgs, sizes: SizeArgs) -> Self {
        Self { intent, common, sizes, needs: Needs::default(), legal_basis: None, reject: Vec::new() }
    }
}

/// Runs `govcloud permit renew`.
pub async fn renew(ctx: &Context, args: AgainArgs) -> Result<Exit> {
    run(ctx, Wish::of(Intent::Renewal, args.common, SizeArgs::default())).await
}

/// Runs `govcloud permit amend`.
pub async fn amend(ctx: &Context, args: AmendArgs) -> Result<Exit> {
    run(ctx, Wish::of(Intent::Amendment, args.common, args.sizes)).await
}

/// Runs `govcloud permit answer`.
pub async fn answer(ctx: &Context, args: AnswerArgs) -> Result<Exit> {
    let AnswerArgs { common, sizes, needs, legal_basis, reject } = args;
    run(ctx, Wish { intent: Intent::New, common, sizes, needs, legal_basis, reject }).await
}

/// Runs `govcloud permit appeal`.
pub async fn appeal(ctx: &Context, args: AgainArgs) -> Result<Exit> {
    run(ctx, Wish::of(Intent::Appeal, args.common, SizeArgs::default())).await
}

async fn run(ctx: &Context, wish: Wish) -> Result<Exit> {
    let before = case(ctx, &wish.common.permit).await?;
    let classes = ctx.classes().await?;
    let asked = ctx.caller().await?.user.clone();
    let mut spec = draft::spec(&before.permit, &wish, &asked)?;
    let class = spec.processing_class.clone();
    let home = before.permit.namespace().unwrap_or_default();
    let mut permit = ProcessingPermit::new("", spec.clone());
    permit.metadata.namespace = Some(home.clone());
    // Whether anything of this sort is possible at all is said before what is wrong with the sizes.
    let around = Surroundings::of(ctx, &permit, classes).await?;
    around.in_order(&permit)?;
    let measured = match wish.sizes.from.as_slice() {
        [] => Vec::new(),
        from => super::request::measured(ctx, from, wish.sizes.recursive, Some(&class), &around.classes).await?.1,
    };
    spec.targets = sizes::changed(&spec.targets, &wish.sizes, &measured, &before.title())?;
    permit.spec = spec;
    let taken: Vec<ProcessingPermit> = ctx.list(ctx.namespaced(&home)).await?;
    permit.metadata.name = Some(draft::name(&before.permit, &wish, &taken));
    submit_it(ctx, &wish, &before, &around, &permit).await
}

async fn submit_it(ctx: &Context, wish: &Wish, before: &Case, around: &Surroundings, permit: &ProcessingPermit) -> Result<Exit> {
    around.in_order(permit)?;
    draft::changes_something(permit, &before.permit)?;
    for said in submit::unnamed_dimensions(permit, &around.classes) {
        ctx.out.note(&said);
    }
    ctx.out.note(&words::preface(before, permit, around.classes.get(&permit.spec.processing_class), ctx.now));
    if wish.common.dry_run == DryRun::None {
        confirm(&words::question(permit, &before.title()), wish.common.yes)?;
    }
    submit::send(ctx, permit, wish.common.dry_run).await
}

#[cfg(test)]
mod tests;
