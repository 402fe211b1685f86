//! `govcloud permit check`.

use std::{collections::BTreeMap, path::PathBuf};

use clap::Args;
use govcloud_crds::{
    ProcessingClass, Quantity, Resources,
    class::{
        compute::{Threshold, above},
        measure::Size,
        recognise::recognise,
    },
    common::{Classification, Interface},
    permit::{
        Assessment, AssessmentResult,
        assess::{Request, assess},
    },
};
use jiff::Timestamp;
use serde::Serialize;

use super::{
    catalogue::{AgencyView, Catalogue},
    check_view::{Advice, render},
};
use crate::{
    commands::parse,
    context::Context,
    error::{CliError, Result},
    exit::Exit,
    manifests::{self, Manifest, plurals::Plurals},
    output::Output,
};

/// `govcloud permit check`.
#[derive(Clone, Debug, Args)]
pub struct CheckArgs {
    /// Manifests: a file, a folder, or - for the standard input; repeatable
    #[arg(short, long, required = true, value_name = "FILE|DIR|-")]
    pub filename: Vec<PathBuf>,
    /// Look into the folders below folders too
    #[arg(short = 'R', long)]
    pub recursive: bool,
    /// The project in which it will run
    #[arg(long, value_name = "PROJECT")]
    pub project: Option<String>,
    /// Look only at objects of this class
    #[arg(long, value_name = "CLASS")]
    pub class: Option<String>,
    /// Read the catalogue from the manifests in this folder and those below it, and ask no cluster: SharedServices,
    /// ProcessingClasses, Agencies, and permits if there are any
    #[arg(long, value_name = "DIR")]
    pub catalogue: Option<PathBuf>,
    /// What it must be like.
    #[command(flatten)]
    pub needs: Needs,
}

/// What infrastructure must be like; a shared service that is not is no alternative.
#[derive(Clone, Debug, Default, Args)]
pub struct Needs {
    /// A protocol it must speak, such as kafka or kafka=>=3.7; repeatable
    #[arg(long, value_parser = parse::interface, value_name = "NAME[=VERSION]")]
    pub interface: Vec<Interface>,
    /// A zone it must stand in; repeatable
    #[arg(long, value_name = "ZONE")]
    pub zone: Vec<String>,
    /// The most sensitive data it will hold: Public, Internal, Restricted or Secret [default: Internal]
    #[arg(long, value_parser = parse::classification, value_name = "LEVEL")]
    pub classification: Option<Classification>,
}

impl Needs {
    /// The flags that say the same, each with a space before it.
    pub fn flags(&self) -> String {
        let interface = |i: &Interface| {
            let version = if i.version.is_empty() { String::new() } else { format!("={}", i.version) };
            format!(" --interface '{}{version}'", i.name)
        };
        let interfaces = self.interface.iter().map(interface);
        let zones = self.zone.iter().map(|zone| format!(" --zone {zone}"));
        let classification = self.classification.iter().map(|level| format!(" --classification {level}"));
        interfaces.chain(zones).chain(classification).collect()
    }
}

/// What `permit check -o json` prints.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Always true: the operator decides on the request itself.
    pub preliminary: bool,
    /// The agency it was checked for; missing if nothing needs a permit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agency: Option<String>,
    /// What needs a permit, by class.
    pub classes: Vec<ClassReport>,
    /// How many objects need none.
    pub unaffected: usize,
    /// Classes of objects that were left out by `--class`.
    pub left_out: Vec<String>,
}

/// The objects of one class.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClassReport {
    /// The class.
    pub class: String,
    /// Its objects.
    pub objects: Vec<CheckedObject>,
    /// What they take together, in the class's dimensions.
    pub demand: Resources,
    /// Whether a shared service would do; missing if an object could not be measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assessment: Option<Assessment>,
}

/// An object that needs a permit.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckedObject {
    /// API group.
    pub group: String,
    /// Plural resource name.
    pub resource: String,
    /// Name.
    pub name: String,
    /// The file it stands in.
    pub source: String,
    /// The declared maximum of replicas; missing if it could not be measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i64>,
    /// What one replica takes, in the class's dimensions.
    pub per_replica: Resources,
    /// Why it could not be measured, and what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl CheckedObject {
    /// Such as `kafkanodepools.kafka.strimzi.io/broker`.
    pub fn label(&self) -> String {
        format!("{}/{}", govcloud_crds::names::resource_key(&self.group, &self.resource), self.name)
    }

    /// How large it is; `None` if it could not be measured.
    pub fn size(&self) -> Option<Size> {
        Some(Size { replicas: self.replicas?, per_replica: self.per_replica.clone() })
    }
}

/// Runs `govcloud permit check` against the catalogue of the cluster.
pub async fn run(ctx: &Context, args: CheckArgs) -> Result<Exit> {
    let manifests = manifests::read(&args.filename, args.recursive)?;
    let classes = ctx.classes().await?;
    let plurals = Plurals::discover(&ctx.client, &manifests, &classes).await?;
    known_class(args.class.as_deref(), &classes)?;
    let mut report = sort(&manifests, &plurals, &classes, &ctx.thresholds().await?, args.class.as_deref());
    if !report.classes.is_empty() {
        let catalogue = Catalogue::of_cluster(ctx, classes).await?;
        judge(&mut report, &catalogue.of_agency(ctx.agency().await?)?, &args.needs, ctx.now);
    }
    print(ctx.out, &report, args)
}

/// Runs `govcloud permit check --catalogue DIR`, without a cluster.
pub fn run_offline(out: Output, agency: Option<&str>, args: CheckArgs, now: Timestamp) -> Result<Exit> {
    let folder = args.catalogue.clone().unwrap_or_default();
    let catalogue = Catalogue::of_folder(&folder)?;
    let manifests = manifests::read(&args.filename, args.recursive)?;
    known_class(args.class.as_deref(), &catalogue.classes)?;
    let mut report = sort(&manifests, &Plurals::default(), &catalogue.classes, &catalogue.thresholds, args.class.as_deref());
    if !report.classes.is_empty() {
        let agency = agency.map(str::to_owned).or_else(|| catalogue.only_agency()).ok_or_else(|| {
            CliError::usage("it is not clear for which agency you ask").hint("Name one of the catalogue: --agency NAME")
        })?;
        judge(&mut report, &catalogue.of_agency(&agency)?, &args.needs, now);
    }
    print(out, &report, args)
}

fn print(out: Output, report: &Report, args: CheckArgs) -> Result<Exit> {
    let advice = Advice { from: args.filename, recursive: args.recursive, project: args.project, needs: args.needs };
    out.data(report, || render(report, &advice, out.paint))?;
    Ok(exit(report))
}

/// A class that is named must be there.
pub fn known_class(class: Option<&str>, classes: &BTreeMap<String, ProcessingClass>) -> Result<()> {
    match class {
        Some(name) if !classes.contains_key(name) => {
            let all: Vec<_> = classes.keys().map(String::as_str).collect();
            Err(CliError::usage(format!("there is no processing class {name}")).hint(format!("There are: {}", all.join(", "))))
        }
        _ => Ok(()),
    }
}

/// Which objects need a permit, by class, and how large they are.
pub fn sort(
    manifests: &[Manifest],
    plurals: &Plurals,
    classes: &BTreeMap<String, ProcessingClass>,
    thresholds: &[Threshold],
    only: Option<&str>,
) -> Report {
    let mut by_class: BTreeMap<String, Vec<CheckedObject>> = BTreeMap::new();
    let (mut unaffected, mut left_out) = (0, Vec::new());
    for manifest in manifests {
        let found = recognise(&manifest.object, plurals.of(&manifest.object), classes);
        match found.or_else(|| above(&manifest.object, thresholds)) {
            None => unaffected += 1,
            Some(found) if only.is_some_and(|class| class != found.class) => left_out.push(found.class),
            Some(found) => {
                let objects = by_class.entry(found.class.clone()).or_default();
                objects.push(checked(&manifest.source, found));
            }
        }
    }
    let class = |(class, objects): (String, Vec<CheckedObject>)| {
        let demand =
            objects.iter().filter_map(CheckedObject::size).fold(Resources::default(), |sum, size| sum.plus(&size.total()));
        ClassReport { class, objects, demand, assessment: None }
    };
    left_out.sort();
    Report { preliminary: true, agency: None, classes: by_class.into_iter().map(class).collect(), unaffected, left_out }
}

fn checked(source: &str, found: govcloud_crds::class::recognise::Recognised) -> CheckedObject {
    let nameless =
        found.name.is_empty().then(|| "it has no metadata.name, and a permit names its objects; give it one".to_owned());
    let (size, unmeasured) = match found.size {
        Ok(size) => (Some(size), None),
        Err(error) => (
            None,
            Some(format!(
                "{error}; correct the manifest, or name the object and its size yourself: govcloud permit request --target"
            )),
        ),
    };
    CheckedObject {
        group: found.group,
        resource: found.resource,
        name: found.name,
        source: source.to_owned(),
        replicas: size.as_ref().map(|s| s.replicas),
        per_replica: size.map(|s| in_units(&s.per_replica)).unwrap_or_default(),
        error: nameless.or(unmeasured),
    }
}

/// An expression that gives an integer leaves no unit. Whole mebibytes are bytes, and are written as such: `1Ti`, not
/// `1099511627776`; the amount is the same.
pub fn in_units(resources: &Resources) -> Resources {
    let (Ok(mebibyte), Ok(binary)) = ("1Mi".parse::<Quantity>(), "0Ki".parse::<Quantity>()) else { return resources.clone() };
    let is_bytes =
        |amount: Quantity| amount >= mebibyte && amount.divide_up(mebibyte).is_some_and(|n| mebibyte.times(n) == amount);
    let written = |amount: Quantity| if is_bytes(amount) { amount + binary } else { amount };
    resources.0.iter().map(|(dimension, amount)| (dimension.clone(), written(*amount))).collect()
}

/// Holds every class whose objects all could be measured against the catalogue.
fn judge(report: &mut Report, view: &AgencyView<'_>, needs: &Needs, now: Timestamp) {
    report.agency.clone_from(&view.agency.metadata.name);
    for class in report.classes.iter_mut().filter(|c| c.objects.iter().all(|o| o.error.is_none())) {
        let request = Request {
            agency: view.agency,
            family: view.family.clone(),
            class: &class.class,
            demand: class.demand.clone(),
            granted: view.granted(&class.class, now),
            interfaces: &needs.interface,
            classification: needs.classification.unwrap_or_default(),
            zones: &needs.zone,
        };
        let mut assessment = assess(&request, view.services, &view.kept(now), view.classes, now);
        // Nothing is kept for who only asks.
        for offer in &mut assessment.offers {
            offer.reserved_until = None;
        }
        class.assessment = Some(assessment);
    }
}

/// What a script needs to know: an object that could not be measured, else the worst verdict.
fn exit(report: &Report) -> Exit {
    let results = || report.classes.iter().map(|c| c.assessment.as_ref().map(|a| a.result));
    if results().any(|r| r.is_none()) {
        return Exit::Failure;
    }
    match results().flatten().max() {
        Some(AssessmentResult::Duplicate) => Exit::Duplicate,
        Some(AssessmentResult::Overlaps) => Exit::Overlaps,
        Some(AssessmentResult::Unique) | None => Exit::Ok,
    }
}

#[cfg(test)]
#[path = "check_tests.rs"]
pub mod tests;
