//! A ProcessingPermit that was written before: `govcloud permit request -f`, `govcloud permit attach -f`.

use std::{collections::BTreeSet, path::Path, slice};

use govcloud_crds::{
    ProcessingPermit,
    common::Period,
    names,
    permit::{Intent, Target, validate::EMERGENCY_HOURS},
};
use kube::CustomResourceExt as _;
use serde_json::{Value, json};

use super::{evidence, request::RequestArgs};
use crate::{
    error::{CliError, Result},
    manifests::{self, Manifest},
};

const API_VERSION: &str = "govcloud.dev/v1alpha1";

/// Stands in for who asks, until that is known.
const NOBODY: &str = "";

/// Reads the requests of a file, of which there is at least one.
pub fn read(path: &Path) -> Result<Vec<ProcessingPermit>> {
    let manifests = manifests::read(&[path.to_owned()], false)?;
    if manifests.is_empty() {
        return of(&manifests).map(|one| vec![one]);
    }
    manifests.iter().map(|one| of(slice::from_ref(one))).collect()
}

/// The one request of manifests; clear words for everything else.
pub fn of(manifests: &[Manifest]) -> Result<ProcessingPermit> {
    let [one] = manifests else {
        return Err(CliError::usage(format!("one ProcessingPermit is needed, and there are {} objects", manifests.len()))
            .hint("Each request has a file of its own"));
    };
    let (kind, version) =
        (one.object["kind"].as_str().unwrap_or_default(), one.object["apiVersion"].as_str().unwrap_or_default());
    if kind != "ProcessingPermit" {
        return Err(CliError::usage(format!("{}: this is a {kind}, and -f takes a ProcessingPermit", one.source))
            .hint("To ask for the objects of ordinary manifests: govcloud permit request --from FILE"));
    }
    if version != API_VERSION {
        return Err(CliError::usage(format!("{}: apiVersion {version} is not known", one.source))
            .hint(format!("Write apiVersion: {API_VERSION}")));
    }
    was_not_sent(one)?;
    known_fields(one)?;
    let mut object = one.object.clone();
    if object["metadata"].is_null() {
        object["metadata"] = json!({});
    }
    if let Some(spec) = object["spec"].as_object_mut() {
        spec.entry("requestedBy").or_insert_with(|| json!(NOBODY));
    }
    serde_json::from_value(object).map_err(|error| {
        CliError::usage(format!("{}: {error}", one.source))
            .hint("What a request has: kubectl explain processingpermit.spec")
            .caused_by(error)
    })
}

/// What the API server gave is no request any more.
fn was_not_sent(one: &Manifest) -> Result<()> {
    let sent = one.object.get("status").is_some_and(|s| !s.is_null()) || one.object["metadata"].get("uid").is_some();
    if !sent {
        return Ok(());
    }
    Err(CliError::usage(format!("{}: this request was sent already, and cannot be changed or sent again", one.source))
        .hint("Make a new one of it: remove status and, of metadata, all but the name")
        .hint("Or refer to it: govcloud permit renew, amend, answer or appeal"))
}

/// The API server drops a field that it does not know without a word that anybody reads, and with a typing error the request would ask for
/// something else.
fn known_fields(one: &Manifest) -> Result<()> {
    let known = spec_fields();
    let Some(spec) = one.object["spec"].as_object() else {
        return Err(CliError::usage(format!("{}: the request has no spec", one.source)));
    };
    let Some(unknown) = spec.keys().find(|key| !known.contains(*key)) else { return Ok(()) };
    let all: Vec<_> = known.iter().map(String::as_str).collect();
    Err(CliError::usage(format!("{}: a request has no field spec.{unknown}", one.source))
        .hint(format!("There are: {}", all.join(", "))))
}

/// The fields that the definition of a request has.
fn spec_fields() -> BTreeSet<String> {
    let definition = serde_json::to_value(ProcessingPermit::crd()).unwrap_or_default();
    let spec = &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"];
    spec.as_object().map(|fields| fields.keys().cloned().collect()).unwrap_or_default()
}

/// The request with what the flags name in the place of what it says, and with who asks.
pub fn overridden(
    mut permit: ProcessingPermit,
    args: &RequestArgs,
    agency: &str,
    user: &str,
    wanted: Option<(String, Vec<Target>)>,
) -> Result<ProcessingPermit> {
    requested_by(&mut permit, user)?;
    let spec = &mut permit.spec;
    if let Some((class, targets)) = wanted {
        (spec.processing_class, spec.targets) = (class, targets);
    }
    if args.emergency {
        (spec.intent, spec.duration) = (Intent::Emergency, Period::hours(EMERGENCY_HOURS));
    }
    set(&mut spec.processing_class, args.class.as_ref());
    set(&mut spec.project, args.project.as_ref());
    set(&mut spec.justification, args.justification.as_ref());
    set(&mut spec.duration, args.duration.as_ref());
    set(&mut spec.data_classification, args.needs.classification.as_ref());
    spec.prior = args.prior.clone().or(spec.prior.take());
    spec.legal_basis = args.legal_basis.clone().or(spec.legal_basis.take());
    set_list(&mut spec.interfaces, &args.needs.interface);
    set_list(&mut spec.zones, &args.needs.zone);
    set_list(&mut spec.alternatives, &args.reject);
    spec.evidence = evidence::with(std::mem::take(&mut spec.evidence), &args.attach)?;
    let first = spec.targets.first().map(|target| target.name.clone());
    let name = args.name.clone().or(permit.metadata.name.take()).or(first);
    permit.metadata.name = name;
    permit.metadata.namespace = Some(names::home_namespace(agency));
    Ok(permit)
}

fn requested_by(permit: &mut ProcessingPermit, user: &str) -> Result<()> {
    let written = std::mem::replace(&mut permit.spec.requested_by, user.to_owned());
    if written == NOBODY || written == user {
        return Ok(());
    }
    Err(CliError::usage(format!("the request says that {written} asks, and you are {user}"))
        .hint("Nobody asks in another's name; leave spec.requestedBy out, and it is filled in"))
}

fn set<T: Clone>(field: &mut T, flag: Option<&T>) {
    if let Some(flag) = flag {
        field.clone_from(flag);
    }
}

fn set_list<T: Clone>(field: &mut Vec<T>, flag: &[T]) {
    if !flag.is_empty() {
        *field = flag.to_vec();
    }
}

/// The request as a value, for `permit attach`.
pub fn value(path: &Path) -> Result<(ProcessingPermit, Value)> {
    let manifests = manifests::read(&[path.to_owned()], false)?;
    let permit = of(&manifests)?;
    Ok((permit, manifests.into_iter().next().map(|one| one.object).unwrap_or_default()))
}
