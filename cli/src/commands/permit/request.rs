//! `govcloud permit request`.

use std::{collections::BTreeMap, path::PathBuf};

use clap::{Args, ValueEnum};
use govcloud_crds::{
    Agency, ProcessingClass, ProcessingPermit, Project,
    common::Period,
    names,
    permit::{
        Alternative, ProcessingPermitSpec, Target,
        validate::{Subject, is_of_class, objection},
    },
};
use kube::{Api, ResourceExt as _, api::PostParams};

use super::{
    check::{CheckedObject, Needs, Report, known_class, sort},
    objects::{label, target_lines},
};
use crate::{
    commands::parse,
    context::{Context, FIELD_MANAGER, if_readable},
    error::{CliError, Kind, Result},
    exit::Exit,
    manifests::{self, plurals::Plurals},
    output::text::plain,
};

/// `govcloud permit request`.
#[derive(Clone, Debug, Args)]
#[command(group = clap::ArgGroup::new("what").required(true).multiple(false).args(["from", "target"]))]
pub struct RequestArgs {
    /// The permit's name [default: that of the first object]
    pub name: Option<String>,
    /// Manifests that hold the objects: a file, a folder, or -; repeatable
    #[arg(long, value_name = "FILE|DIR|-")]
    pub from: Vec<PathBuf>,
    /// Look into the folders below folders too
    #[arg(short = 'R', long)]
    pub recursive: bool,
    /// An object, such as kafka.strimzi.io/kafkanodepools/broker=3,brokers=1,storage=1Ti; repeatable
    #[arg(long, value_parser = parse::target, value_name = "GROUP/RESOURCE/NAME=REPLICAS[,DIM=QTY]...")]
    pub target: Vec<Target>,
    /// The project in which it will run
    #[arg(long, value_name = "PROJECT")]
    pub project: String,
    /// The class [default: that of the objects]
    #[arg(long, value_name = "CLASS")]
    pub class: Option<String>,
    /// Why the agency needs it, in at least 10 characters
    #[arg(long, value_name = "TEXT")]
    pub justification: String,
    /// How long it is needed, such as 8760h or 365d
    #[arg(long, default_value = "8760h", value_parser = parse::period, value_name = "DURATION")]
    pub duration: Period,
    /// What it must be like.
    #[command(flatten)]
    pub needs: Needs,
    /// The law it rests on
    #[arg(long, value_name = "TEXT")]
    pub legal_basis: Option<String>,
    /// A shared service that was considered, and why it does not do; repeatable
    #[arg(long, value_parser = parse::alternative, value_name = "SERVICE=WHY")]
    pub reject: Vec<Alternative>,
    /// The returned request that this one answers
    #[arg(long, value_name = "PERMIT")]
    pub prior: Option<String>,
    /// Only show what would be asked for (client), or let the API server check it (server)
    #[arg(long, value_enum, default_value_t, num_args = 0..=1, default_missing_value = "client", require_equals = true)]
    pub dry_run: DryRun,
}

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

/// Runs `govcloud permit request`.
pub async fn run(ctx: &Context, args: RequestArgs) -> Result<Exit> {
    let classes = ctx.classes().await?;
    known_class(args.class.as_deref(), &classes)?;
    let (class, targets) = wanted(ctx, &args, &classes).await?;
    let agency_name = ctx.agency().await?.to_owned();
    let agency = ctx.read_agency(&agency_name).await?;
    let caller = ctx.caller().await?;
    let permit = permit(&args, &agency_name, &caller.user, class, targets);
    let project: Api<Project> = ctx.namespaced(&names::home_namespace(&agency_name));
    let project = if_readable(project.get(&args.project).await.map_err(CliError::from))?;
    in_order(&permit, &agency, project.as_ref(), &classes)?;
    for unnamed in unnamed_dimensions(&permit, &classes) {
        ctx.out.note(&unnamed);
    }
    if args.dry_run == DryRun::Client {
        ctx.out.object(&permit, || render(&permit, &agency_name, args.dry_run))?;
        return Ok(Exit::Ok);
    }
    let params = PostParams { dry_run: args.dry_run == DryRun::Server, field_manager: Some(FIELD_MANAGER.into()) };
    let created = ctx
        .namespaced(&names::home_namespace(&agency_name))
        .create(&params, &permit)
        .await
        .map_err(|e| taken(e.into(), &permit))?;
    ctx.out.object(&created, || render(&created, &agency_name, args.dry_run))?;
    Ok(Exit::Ok)
}

fn taken(error: CliError, permit: &ProcessingPermit) -> CliError {
    if error.kind() != Kind::AlreadyExists {
        return error;
    }
    let name = permit.name_any();
    CliError::new(Kind::AlreadyExists, format!("there is a permit {name} already"))
        .hint(format!("Look at it: govcloud permit show {name}"))
        .hint("Or give this request another name: govcloud permit request NAME …")
}

/// The class and the objects, from manifests or as they were named.
async fn wanted(ctx: &Context, args: &RequestArgs, classes: &BTreeMap<String, ProcessingClass>) -> Result<(String, Vec<Target>)> {
    if !args.target.is_empty() {
        return Ok((class_of_targets(&args.target, args.class.as_deref(), classes)?, args.target.clone()));
    }
    let manifests = manifests::read(&args.from, args.recursive)?;
    let plurals = Plurals::discover(&ctx.client, &manifests, classes).await?;
    let report = sort(&manifests, &plurals, classes, args.class.as_deref());
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

fn permit(args: &RequestArgs, agency: &str, user: &str, class: String, targets: Vec<Target>) -> ProcessingPermit {
    let name = args.name.clone().unwrap_or_else(|| targets.first().map(|t| t.name.clone()).unwrap_or_default());
    let spec = ProcessingPermitSpec {
        requested_by: user.to_owned(),
        intent: govcloud_crds::permit::Intent::New,
        prior: args.prior.clone(),
        processing_class: class,
        project: args.project.clone(),
        targets,
        interfaces: args.needs.interface.clone(),
        data_classification: args.needs.classification.unwrap_or_default(),
        zones: args.needs.zone.clone(),
        duration: args.duration.clone(),
        justification: args.justification.clone(),
        legal_basis: args.legal_basis.clone(),
        alternatives: args.reject.clone(),
        evidence: Vec::new(),
        sharing_offer: govcloud_crds::Resources::default(),
        withdrawn: false,
    };
    let mut permit = ProcessingPermit::new(&name, spec);
    permit.metadata.namespace = Some(names::home_namespace(agency));
    permit
}

/// Refuses here what the operator could not assess, with the operator's own words.
fn in_order(
    permit: &ProcessingPermit,
    agency: &Agency,
    project: Option<&Project>,
    classes: &BTreeMap<String, ProcessingClass>,
) -> Result<()> {
    match objection(Subject { permit, agency: Some(agency), project, prior: None, classes }) {
        Some(objection) => Err(CliError::usage(plain(&objection.message))),
        None => Ok(()),
    }
}

/// A dimension that is not named is zero, and an object that takes any of it does not fit; people should know.
fn unnamed_dimensions(permit: &ProcessingPermit, classes: &BTreeMap<String, ProcessingClass>) -> Vec<String> {
    let Some(class) = classes.get(&permit.spec.processing_class) else { return Vec::new() };
    let missing = |target: &Target| -> Vec<_> {
        class
            .spec
            .dimensions
            .iter()
            .map(|d| d.name.as_str())
            .filter(|name| !target.per_replica.0.contains_key(*name))
            .map(str::to_owned)
            .collect()
    };
    let unnamed = permit.spec.targets.iter().map(|target| (target, missing(target))).filter(|(_, names)| !names.is_empty());
    unnamed
        .map(|(target, names)| format!("note: {} gets no {}, because you named none", label(target), names.join(" and no ")))
        .collect()
}

/// What was asked for, in words, and what to do next.
fn render(permit: &ProcessingPermit, agency: &str, dry_run: DryRun) -> String {
    let (spec, name) = (&permit.spec, permit.name_any());
    let head = match dry_run {
        DryRun::None => "Asked for",
        DryRun::Client => "Would ask for",
        DryRun::Server => "Would ask, and the API server would take it, for",
    };
    let mut text = format!(
        "{head} permit {name} of class {} in project {}, for {} from the day it becomes active:\n",
        spec.processing_class, spec.project, spec.duration
    );
    text += &target_lines(&spec.targets);
    let mut needs = vec![format!("{} data", spec.data_classification)];
    needs.extend(spec.interfaces.iter().map(ToString::to_string));
    needs.extend(spec.zones.iter().map(|zone| format!("in {zone}")));
    text += &plain(&format!("  {}\n", needs.join(", ")));
    text += &plain(&format!("Asked by {} for {agency}.\n", spec.requested_by));
    text + &match dry_run {
        DryRun::None => format!("Follow it: govcloud permit watch {name}\n"),
        _ => "Nothing was asked for. Leave --dry-run out to ask.\n".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        args::{Cli, ClusterCommand, Command},
        commands::{
            permit::{PermitCommand, check::tests::classes},
            testing,
        },
    };
    use clap::Parser as _;
    use rstest::rstest;

    fn args(more: &[&str]) -> RequestArgs {
        let line = ["govcloud", "permit", "request", "--project", "analytics", "--justification", "Filing season needs it."];
        let cli = Cli::try_parse_from(line.iter().chain(more)).expect("parses");
        match cli.command {
            Command::OnCluster(ClusterCommand::Permit(PermitCommand::Request(args))) => *args,
            other => panic!("not a request: {other:?}"),
        }
    }

    fn project() -> Project {
        testing::object(
            "Project",
            "agency-tax-administration",
            "analytics",
            serde_json::json!({"purpose": "x", "pool": "national"}),
            serde_json::Value::Null,
        )
    }

    const BROKER: &str = "kafka.strimzi.io/kafkanodepools/broker=3,brokers=1,storage=1Ti";

    fn asked(more: &[&str]) -> Result<ProcessingPermit> {
        let args = args(more);
        let class = class_of_targets(&args.target, args.class.as_deref(), &classes())?;
        let permit = permit(&args, "tax-administration", "requester@tax", class, args.target.clone());
        in_order(&permit, &testing::agency(), Some(&project()), &classes())?;
        Ok(permit)
    }

    #[test]
    fn what_was_asked_for_is_said_in_words() {
        let more = [
            "--target",
            BROKER,
            "--interface",
            "kafka=>=3.7",
            "--zone",
            "tehran-1",
            "--classification",
            "restricted",
            "--reject",
            "national-streaming=too slow",
        ];
        let permit = asked(&more).expect("in order");
        assert_eq!((permit.name_any().as_str(), permit.spec.alternatives.len()), ("broker", 1));
        insta::assert_snapshot!("request", render(&permit, "tax-administration", DryRun::None));
        insta::assert_snapshot!("request_dry", render(&permit, "tax-administration", DryRun::Client));
    }

    #[rstest]
    #[case::wrong_class("wrong_class", &["--target", "apps/deployments/x=1", "--class", "gpu-training"])]
    #[case::no_class("no_class", &["--target", "example.org/things/x=1"])]
    #[case::dimension("dimension", &["--target", "kafka.strimzi.io/kafkanodepools/b=1,gpus=1"])]
    #[case::too_long("too_long", &["--target", BROKER, "--duration", "9000h"])]
    #[case::too_secret("too_secret", &["--target", BROKER, "--classification", "Secret"])]
    #[case::twice("twice", &["--target", BROKER, "--target", BROKER])]
    fn what_the_operator_would_refuse_is_refused_here(#[case] name: &str, #[case] more: &[&str]) {
        insta::assert_snapshot!(format!("request_{name}"), asked(more).expect_err("refused").render(false));
    }

    #[rstest]
    #[case::several(
        "several",
        "apiVersion: kubeflow.org/v1\nkind: PyTorchJob\nmetadata: {name: t}\nspec: {gpus: 1}\n---\napiVersion: kafka.strimzi.io/v1\nkind: KafkaNodePool\nmetadata: {name: b}\nspec: {replicas: 1, storage: {size: 1Gi}}"
    )]
    #[case::none("none", "apiVersion: v1\nkind: Secret")]
    #[case::zero(
        "zero",
        "apiVersion: kafka.strimzi.io/v1\nkind: KafkaNodePool\nmetadata: {name: b}\nspec: {replicas: 0, storage: {size: 1Gi}}"
    )]
    #[case::unmeasured(
        "unmeasured",
        "apiVersion: kafka.strimzi.io/v1\nkind: KafkaNodePool\nmetadata: {name: b}\nspec: {replicas: 1}"
    )]
    fn manifests_that_cannot_be_asked_for(#[case] name: &str, #[case] text: &str) {
        let manifests = crate::manifests::parse("f.yaml", text).expect("reads");
        let report = sort(&manifests, &Plurals::default(), &classes(), None);
        insta::assert_snapshot!(format!("request_{name}"), of_manifests(&report).expect_err("refused").render(false));
    }

    #[test]
    fn dimensions_that_are_not_named_are_said_to_be_none() {
        let notes = |target| unnamed_dimensions(&asked(&["--target", target]).expect("in order"), &classes());
        assert_eq!(notes(BROKER), Vec::<String>::new());
        assert_eq!(
            notes("kafka.strimzi.io/kafkanodepools/b=1"),
            ["note: kafkanodepools.kafka.strimzi.io/b gets no brokers and no storage, because you named none"]
        );
    }

    #[test]
    fn dry_run_is_kubectls() {
        assert_eq!(args(&["--target", BROKER]).dry_run, DryRun::None);
        assert_eq!(args(&["--target", BROKER, "--dry-run"]).dry_run, DryRun::Client);
        assert_eq!(args(&["--target", BROKER, "--dry-run=server"]).dry_run, DryRun::Server);
    }
}
