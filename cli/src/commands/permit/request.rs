//! `govcloud permit request`.

use std::{collections::BTreeMap, path::PathBuf};

use clap::Args;
use govcloud_crds::{
    ProcessingClass, ProcessingPermit,
    common::Period,
    names,
    permit::{
        Alternative, Intent, ProcessingPermitSpec, Target,
        validate::{EMERGENCY_HOURS, is_of_class},
    },
};

use super::{
    check::{CheckedObject, Needs, Report, known_class, sort},
    evidence::{self, Attachment},
    request_file,
    submit::{self, DryRun, Surroundings},
};
use crate::{
    commands::parse,
    context::Context,
    error::{CliError, Result},
    exit::Exit,
    manifests::{self, plurals::Plurals},
};

/// `govcloud permit request`.
#[derive(Clone, Debug, Args)]
#[command(group = clap::ArgGroup::new("what").required(true).multiple(true).args(["from", "target", "filename"]))]
pub struct RequestArgs {
    /// The permit's name [default: that of the first object]
    pub name: Option<String>,
    /// Manifests that hold the objects: a file, a folder, or -; repeatable
    #[arg(long, value_name = "FILE|DIR|-", conflicts_with = "target")]
    pub from: Vec<PathBuf>,
    /// Look into the folders below folders too
    #[arg(short = 'R', long)]
    pub recursive: bool,
    /// An object, such as kafka.strimzi.io/kafkanodepools/broker=3,brokers=1,storage=1Ti; repeatable
    #[arg(long, value_parser = parse::target, value_name = "GROUP/RESOURCE/NAME=REPLICAS[,DIM=QTY]...")]
    pub target: Vec<Target>,
    /// ProcessingPermits that were written before, or - for the standard input; other flags override what they say
    #[arg(short, long, value_name = "FILE|-")]
    pub filename: Option<PathBuf>,
    /// The project in which it will run
    #[arg(long, value_name = "PROJECT", required_unless_present = "filename")]
    pub project: Option<String>,
    /// The class [default: that of the objects]
    #[arg(long, value_name = "CLASS")]
    pub class: Option<String>,
    /// Why the agency needs it, in at least 10 characters
    #[arg(long, value_name = "TEXT", required_unless_present = "filename")]
    pub justification: Option<String>,
    /// How long it is needed, such as 8760h or 365d [default: 8760h; in an emergency 72h]
    #[arg(long, value_parser = parse::period, value_name = "DURATION")]
    pub duration: Option<Period>,
    /// What it must be like.
    #[command(flatten)]
    pub needs: Needs,
    /// The law it rests on
    #[arg(long, value_name = "TEXT")]
    pub legal_basis: Option<String>,
    /// A shared service that was considered, and why it does not do; repeatable
    #[arg(long, value_parser = parse::alternative, value_name = "SERVICE=WHY")]
    pub reject: Vec<Alternative>,
    /// A document that supports it, and where it can be had; only its name and digest are sent; repeatable
    #[arg(long, value_parser = evidence::attachment, value_name = "FILE[=URI]")]
    pub attach: Vec<Attachment>,
    /// The returned request that this one answers; govcloud permit answer takes its contents over
    #[arg(long, value_name = "PERMIT")]
    pub prior: Option<String>,
    /// It cannot wait: at most 72 hours, one reviewer approves, and the others look at it afterwards
    #[arg(long, conflicts_with = "prior")]
    pub emergency: bool,
    /// Only show what would be asked for (client), or let the API server check it (server)
    #[arg(long, value_enum, default_value_t, num_args = 0..=1, default_missing_value = "client", require_equals = true)]
    pub dry_run: DryRun,
}

/// Runs `govcloud permit request`.
pub async fn run(ctx: &Context, args: RequestArgs) -> Result<Exit> {
    let classes = ctx.classes().await?;
    known_class(args.class.as_deref(), &classes)?;
    let written = args.filename.as_deref().map(request_file::read).transpose()?.unwrap_or_default();
    one_name_for_one(&args, written.len())?;
    let wanted = wanted(ctx, &args, &classes).await?;
    let user = &ctx.caller().await?.user;
    let mut permits = Vec::new();
    if written.is_empty() {
        permits.push(permit(&args, &agency(ctx, None).await?, user, wanted)?);
    } else {
        for written in written {
            let agency = agency(ctx, Some(&written)).await?;
            permits.push(request_file::overridden(written, &args, &agency, user, wanted.clone())?);
        }
    }
    // All of them are looked at before the first is sent.
    for permit in &permits {
        Surroundings::of(ctx, permit, classes.clone()).await?.in_order(permit)?;
    }
    let mut exit = Exit::Ok;
    for (sent, permit) in permits.iter().enumerate() {
        for unnamed in submit::unnamed_dimensions(permit, &classes) {
            ctx.out.note(&unnamed);
        }
        exit = submit::send(ctx, permit, args.dry_run)
            .await
            .map_err(|error| some_were_sent(error, &permits[..sent], args.dry_run))?;
    }
    Ok(exit)
}

/// Who sends the file again must know what of it is there already.
fn some_were_sent(error: CliError, sent: &[ProcessingPermit], dry_run: DryRun) -> CliError {
    if sent.is_empty() || dry_run != DryRun::None {
        return error;
    }
    let names: Vec<_> = sent.iter().map(kube::ResourceExt::name_any).collect();
    error.hint(format!("Sent before it: {}; take them out of the file before you send it again", names.join(", ")))
}

/// What is said of one request cannot be meant of several.
fn one_name_for_one(args: &RequestArgs, written: usize) -> Result<()> {
    let of_one =
        args.name.is_some() || args.class.is_some() || args.prior.is_some() || !args.target.is_empty() || !args.from.is_empty();
    if written > 1 && of_one {
        return Err(CliError::usage(format!(
            "the file holds {written} requests, and NAME, --class, --prior, --target and --from are of one"
        ))
        .hint("Write them into the file, or give each request a file of its own"));
    }
    Ok(())
}

/// The agency that asks: as the flags say, or in whose home the manifest is meant to stand.
async fn agency(ctx: &Context, written: Option<&ProcessingPermit>) -> Result<String> {
    let home = written.and_then(|permit| permit.metadata.namespace.as_deref());
    let of_manifest = home.and_then(names::agency_of_home);
    match (home, of_manifest, ctx.named_agency()) {
        (Some(home), None, _) => Err(CliError::usage(format!("the manifest is for namespace {home}, which is no agency's home"))
            .hint("A request is made in the agency's home: leave metadata.namespace out, or write agency-NAME")),
        (_, Some(agency), None) => Ok(agency.to_owned()),
        (_, Some(agency), Some(named)) if agency != named => {
            Err(CliError::usage(format!("the manifest is for agency {agency}, and you act for {named}"))
                .hint(format!("Act for it: --agency {agency}")))
        }
        _ => Ok(ctx.agency().await?.to_owned()),
    }
}

/// The class and the objects, from manifests or as they were named; `None` if a ProcessingPermit says it all.
async fn wanted(
    ctx: &Context,
    args: &RequestArgs,
    classes: &BTreeMap<String, ProcessingClass>,
) -> Result<Option<(String, Vec<Target>)>> {
    if !args.target.is_empty() {
        return Ok(Some((class_of_targets(&args.target, args.class.as_deref(), classes)?, args.target.clone())));
    }
    if args.from.is_empty() {
        return Ok(None);
    }
    measured(ctx, &args.from, args.recursive, args.class.as_deref(), classes).await.map(Some)
}

/// The objects of manifests and their class, or the one class that is meant.
pub async fn measured(
    ctx: &Context,
    from: &[PathBuf],
    recursive: bool,
    class: Option<&str>,
    classes: &BTreeMap<String, ProcessingClass>,
) -> Result<(String, Vec<Target>)> {
    let manifests = manifests::read(from, recursive)?;
    let plurals = Plurals::discover(&ctx.client, &manifests, classes).await?;
    let report = sort(&manifests, &plurals, classes, &ctx.thresholds().await?, class);
    if !report.left_out.is_empty() {
        ctx.out.note("Objects of other classes are left out; each class needs a request of its own.");
    }
    of_manifests(&report)
}

/// The one class of manifests and its objects.
fn of_manifests(report: &Report) -> Result<(String, Vec<Target>)> {
    match report.classes.as_slice() {
        [] => Err(CliError::usage("nothing in the manifests needs a permit")
            .hint("See how they are read: govcloud permit check -f FILE")),
        [one] => Ok((one.class.clone(), one.objects.iter().map(target).collect::<Result<_>>()?)),
        several => {
            let listed: Vec<_> = several
                .iter()
                .map(|c| format!("{}: {}", c.class, c.objects.iter().map(CheckedObject::label).collect::<Vec<_>>().join(", ")))
                .collect();
            Err(CliError::usage(format!("the manifests hold objects of several classes\n{}", listed.join("\n")))
                .hint(format!("Ask for one class at a time: --class {}", several[0].class)))
        }
    }
}

fn target(object: &CheckedObject) -> Result<Target> {
    let label = object.label();
    let wrong = |why: String| CliError::usage(format!("{label} ({}): {why}", object.source));
    let size = match (&object.error, object.size()) {
        (None, Some(size)) => size,
        (error, _) => return Err(wrong(error.clone().unwrap_or_default())),
    };
    let replicas = i32::try_from(size.replicas).ok().filter(|r| *r > 0);
    let replicas = replicas.ok_or_else(|| {
        wrong(format!("it has {} replicas", size.replicas))
            .hint("A permit is for the largest number it will ever have; write that into the manifest, or use --target")
    })?;
    Ok(Target {
        group: object.group.clone(),
        resource: object.resource.clone(),
        name: object.name.clone(),
        replicas,
        per_replica: size.per_replica,
    })
}

/// The class that objects named on the command line can be of.
fn class_of_targets(targets: &[Target], class: Option<&str>, classes: &BTreeMap<String, ProcessingClass>) -> Result<String> {
    if let Some(class) = class {
        return Ok(class.to_owned());
    }
    let possible: Vec<_> =
        classes.iter().filter(|(_, class)| targets.iter().all(|t| is_of_class(t, class))).map(|(name, _)| name.clone()).collect();
    match possible.as_slice() {
        [one] => Ok(one.clone()),
        [] => Err(CliError::usage("no processing class has all of these resources")
            .hint("See what the classes control: kubectl get processingclasses -o yaml")),
        several => Err(CliError::usage(format!("these resources can be of several classes: {}", several.join(", ")))
            .hint("Say which: --class CLASS")),
    }
}

/// The request that the flags make.
fn permit(args: &RequestArgs, agency: &str, user: &str, wanted: Option<(String, Vec<Target>)>) -> Result<ProcessingPermit> {
    let (class, targets) = wanted.unwrap_or_default();
    let name = args.name.clone().unwrap_or_else(|| targets.first().map(|t| t.name.clone()).unwrap_or_default());
    let usual = if args.emergency { Period::hours(EMERGENCY_HOURS) } else { Period::hours(8760) };
    let spec = ProcessingPermitSpec {
        requested_by: user.to_owned(),
        intent: if args.emergency { Intent::Emergency } else { Intent::New },
        prior: args.prior.clone(),
        processing_class: class,
        project: args.project.clone().unwrap_or_default(),
        targets,
        interfaces: args.needs.interface.clone(),
        data_classification: args.needs.classification.unwrap_or_default(),
        zones: args.needs.zone.clone(),
        duration: args.duration.clone().unwrap_or(usual),
        justification: args.justification.clone().unwrap_or_default(),
        legal_basis: args.legal_basis.clone(),
        alternatives: args.reject.clone(),
        evidence: evidence::with(Vec::new(), &args.attach)?,
        sharing_offer: govcloud_crds::Resources::default(),
        withdrawn: false,
    };
    let mut permit = ProcessingPermit::new(&name, spec);
    permit.metadata.namespace = Some(names::home_namespace(agency));
    Ok(permit)
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
