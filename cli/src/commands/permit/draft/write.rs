//! Requests of what runs already, as a file to fill in and to send.

use std::{collections::BTreeSet, fmt::Write as _};

use govcloud_crds::{
    ProcessingPermit, Resources,
    common::Classification,
    names::home_namespace,
    permit::{ProcessingPermitSpec, Target, demand},
};
use jiff::Timestamp;
use kube::ResourceExt as _;
use serde_json::{Value, json};

use super::rules::Drafted;
use crate::{
    commands::permit::check::Needs,
    error::{CliError, Result},
    output::text::{amounts, count, day, plain},
};

/// A permit names at most this many objects.
const MOST_TARGETS: usize = 16;
/// Names of permits have at most 63 characters; a number may have to follow.
const LONGEST_NAME: usize = 58;

/// What the caller said of the requests.
#[derive(Clone, Debug)]
pub struct Asking {
    /// The agency.
    pub agency: String,
    /// Why; empty if it is to be filled in.
    pub justification: String,
    /// What it must be like.
    pub needs: Needs,
    /// The most sensitive data it holds; unless somebody says, the most that the agency may have.
    pub classification: Classification,
}

/// One request per project and class, or several where one cannot name everything. `permits` have their names already.
pub fn requests(drafts: &[Drafted], permits: &[ProcessingPermit], asking: &Asking) -> Vec<ProcessingPermit> {
    let mut taken: BTreeSet<String> = permits.iter().map(kube::ResourceExt::name_any).collect();
    let mut all = Vec::new();
    for draft in drafts {
        for (class, targets) in &draft.classes {
            for targets in targets.chunks(MOST_TARGETS) {
                let name = free_name(&format!("{}-{class}", draft.place.project), &mut taken);
                all.push(request(&name, class, &draft.place.project, targets, asking));
            }
        }
    }
    all
}

fn free_name(wanted: &str, taken: &mut BTreeSet<String>) -> String {
    let stem: String = wanted.chars().take(LONGEST_NAME).collect();
    let stem = stem.trim_end_matches(['-', '.']);
    let mut name = stem.to_owned();
    let mut number = 2;
    while !taken.insert(name.clone()) {
        name = format!("{stem}-{number}");
        number += 1;
    }
    name
}

fn request(name: &str, class: &str, project: &str, targets: &[Target], asking: &Asking) -> ProcessingPermit {
    let spec = ProcessingPermitSpec {
        requested_by: String::new(),
        intent: govcloud_crds::permit::Intent::New,
        prior: None,
        processing_class: class.to_owned(),
        project: project.to_owned(),
        targets: targets.to_vec(),
        interfaces: asking.needs.interface.clone(),
        data_classification: asking.classification,
        zones: asking.needs.zone.clone(),
        duration: govcloud_crds::common::Period::hours(8760),
        justification: asking.justification.clone(),
        legal_basis: None,
        alternatives: Vec::new(),
        evidence: Vec::new(),
        sharing_offer: Resources::default(),
        withdrawn: false,
    };
    let mut permit = ProcessingPermit::new(name, spec);
    permit.metadata.namespace = Some(home_namespace(&asking.agency));
    permit
}

/// All of it as one file: what to do, what is in no request, and the requests.
pub fn document(requests: &[ProcessingPermit], drafts: &[Drafted], asking: &Asking, now: Timestamp) -> Result<String> {
    let mut text = String::new();
    let _ = writeln!(text, "# What runs at {} without a permit, drafted on {} (UTC). Nothing was sent.", asking.agency, day(now));
    let _ = writeln!(text, "# {}", summary(requests, drafts));
    if !requests.is_empty() {
        text += "# Fill in what is marked so, and send it as a requester of the agency:\n";
        text += "#   govcloud permit request -f FILE\n";
        text += "# With kubectl (kubectl create -f FILE) each needs spec.requestedBy too: your user name, as govcloud whoami says it.\n";
    }
    for draft in drafts {
        text += &left_out(draft);
    }
    for request in requests {
        text += "---\n";
        text += &one(request, asking).map_err(|error| CliError::failure(format!("the draft cannot be written: {error}")))?;
    }
    Ok(text)
}

/// How much there is.
pub fn summary(requests: &[ProcessingPermit], drafts: &[Drafted]) -> String {
    let objects: usize = requests.iter().map(|request| request.spec.targets.len()).sum();
    let left_out: usize = drafts.iter().map(|draft| draft.left_out.len()).sum();
    let unread = if drafts.iter().any(|draft| !draft.unread.is_empty()) { " Not every kind could be looked at." } else { "" };
    if requests.is_empty() && left_out == 0 {
        return format!("Nothing was seen that needs a permit.{unread}");
    }
    format!(
        "{} for {}; {} left out.{unread}",
        count(requests.len(), "request"),
        count(objects, "object"),
        count(left_out, "object")
    )
}

fn left_out(draft: &Drafted) -> String {
    let mut text = String::new();
    let namespace = &draft.place.namespace;
    if !draft.left_out.is_empty() {
        let _ = writeln!(text, "#\n# Left out in {namespace}:");
    }
    for one in &draft.left_out {
        let _ = writeln!(text, "#   {}: {}", comment(&one.object), comment(&one.why));
    }
    if !draft.unread.is_empty() {
        let _ = writeln!(text, "#\n# Not looked at in {namespace}, because you may not list it:");
        let _ = writeln!(text, "#   {}", comment(&draft.unread.join(", ")));
    }
    text
}

/// Text of others stays within its comment.
fn comment(text: &str) -> String {
    let breaks = |c: char| matches!(c, '\n' | '\u{2028}' | '\u{2029}' | '\u{85}' | '\u{feff}');
    plain(text).replace(breaks, " ")
}

fn one(request: &ProcessingPermit, asking: &Asking) -> Result<String, serde_yaml::ser_error::Error> {
    let spec = &request.spec;
    let mut text = format!("# {}, together {}\n", count(spec.targets.len(), "object"), amounts(&demand(&spec.targets)));
    let identity = json!({"name": request.name_any(), "namespace": request.namespace()});
    text += &serde_yaml::to_string(
        &json!({"apiVersion": "govcloud.dev/v1alpha1", "kind": "ProcessingPermit", "metadata": identity}),
    )?;
    text += "spec:\n";
    for (field, said, value) in fields(spec, asking) {
        for line in said.lines() {
            let _ = writeln!(text, "  # {line}");
        }
        for line in serde_yaml::to_string(&json!({field: value}))?.lines() {
            let _ = writeln!(text, "  {line}");
        }
    }
    Ok(text)
}

/// The fields in the order in which a person fills them in, and what to know of each.
fn fields(spec: &ProcessingPermitSpec, asking: &Asking) -> Vec<(&'static str, &'static str, Value)> {
    let why = "Fill in: why the agency needs it and no shared service does, in at least 10 characters.";
    let data = "Fill in: the most sensitive data that it holds. This is the most that the agency may have.";
    let interfaces = "Fill in, if it must speak a protocol: [{name: kafka, version: \">=3.7\"}]. A service that speaks others is no alternative.";
    let zones = "Fill in, if it must stand in certain zones; empty means any.";
    let unless = |said: bool, words: &'static str| if said { "" } else { words };
    vec![
        ("justification", unless(!spec.justification.is_empty(), why), json!(spec.justification)),
        ("dataClassification", unless(asking.needs.classification.is_some(), data), json!(spec.data_classification)),
        ("interfaces", unless(!spec.interfaces.is_empty(), interfaces), json!(spec.interfaces)),
        ("zones", unless(!spec.zones.is_empty(), zones), json!(spec.zones)),
        ("duration", "How long, from the day it becomes active.", json!(spec.duration)),
        ("processingClass", "", json!(spec.processing_class)),
        ("project", "", json!(spec.project)),
        ("targets", "At most this large; as they are now. A permit allows no more.", json!(spec.targets)),
    ]
}
