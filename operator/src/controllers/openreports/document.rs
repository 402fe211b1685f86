//! Findings as OpenReports Reports: pure functions, so that the same findings give the same reports.

use std::collections::BTreeMap;

use govcloud_crds::{
    ProcessingFinding,
    class::recognise::WORKLOADS,
    finding::{FindingRule, ObjectReference},
};
use jiff::Timestamp;
use kube::ResourceExt;
use serde_json::{Value, json};

use crate::{enforcement::Served, managed::labels};

/// The API of OpenReports.
pub const GROUP: &str = "openreports.io";
/// Its version, with the group.
pub const API_VERSION: &str = "openreports.io/v1alpha1";
/// Plural resource name.
pub const PLURAL: &str = "reports";
/// Kind.
pub const KIND: &str = "Report";
/// The one Report of a namespace that the operator makes.
pub const NAME: &str = "govcloud-findings";
/// What the operator calls itself there.
const SOURCE: &str = "govcloud";
/// A report of more results would be larger than an object may be; the summary counts all.
const MOST_RESULTS: usize = 400;

/// The Reports that there are to be, by namespace: where the object is, or where its finding is kept if it is in none.
pub fn reports<'a>(
    findings: impl IntoIterator<Item = &'a ProcessingFinding>,
    served: &Served,
    now: Timestamp,
) -> BTreeMap<String, Value> {
    let mut by_namespace: BTreeMap<String, Vec<&ProcessingFinding>> = BTreeMap::new();
    for finding in findings {
        by_namespace.entry(place(finding)).or_default().push(finding);
    }
    let one = |(namespace, findings): (String, Vec<&ProcessingFinding>)| {
        let report = report(&namespace, findings, served, now);
        (namespace, report)
    };
    by_namespace.into_iter().map(one).collect()
}

fn place(finding: &ProcessingFinding) -> String {
    let of_object = &finding.spec.object.namespace;
    if of_object.is_empty() { finding.namespace().unwrap_or_default() } else { of_object.clone() }
}

fn report(namespace: &str, mut findings: Vec<&ProcessingFinding>, served: &Served, now: Timestamp) -> Value {
    findings.sort_by_key(|finding| (&finding.spec.object, finding.spec.rule));
    let count = |result: &str| findings.iter().filter(|finding| outcome(finding, now) == result).count();
    let results: Vec<_> = findings.iter().take(MOST_RESULTS).map(|finding| result(finding, served, now)).collect();
    json!({
        "apiVersion": API_VERSION, "kind": KIND,
        "metadata": {"namespace": namespace, "name": NAME, "labels": labels()},
        "source": SOURCE,
        "configuration": {"limits": {"maxResults": MOST_RESULTS}},
        "scope": {"apiVersion": "v1", "kind": "Namespace", "name": namespace},
        "summary": {"pass": 0, "fail": count("fail"), "warn": count("warn"), "error": 0, "skip": count("skip")},
        "results": results,
    })
}

/// What a reviewer acknowledged is skipped until the day on which it counts again.
fn outcome(finding: &ProcessingFinding, now: Timestamp) -> &'static str {
    if finding.is_acknowledged(now) {
        return "skip";
    }
    match finding.spec.rule {
        FindingRule::Unpermitted | FindingRule::ExceedsPermit | FindingRule::Expired => "fail",
        FindingRule::Duplicate
        | FindingRule::Idle
        | FindingRule::Unclassified
        | FindingRule::Suspicious
        | FindingRule::Obligation => "warn",
    }
}

fn severity(rule: FindingRule) -> &'static str {
    match rule {
        FindingRule::Unpermitted | FindingRule::ExceedsPermit | FindingRule::Expired => "high",
        FindingRule::Duplicate | FindingRule::Suspicious | FindingRule::Obligation => "medium",
        FindingRule::Idle | FindingRule::Unclassified => "low",
    }
}

fn result(finding: &ProcessingFinding, served: &Served, now: Timestamp) -> Value {
    let spec = &finding.spec;
    let mut result = json!({
        "source": SOURCE, "policy": "processing-infrastructure", "rule": spec.rule.to_string(), "result": outcome(finding, now),
        "severity": severity(spec.rule), "scored": true, "message": spec.message, "resources": [resource(&spec.object, served)],
        "properties": properties(finding),
    });
    if let Some(class) = &spec.processing_class {
        result["category"] = json!(class);
    }
    if let Some(first_seen) = finding.status.as_ref().and_then(|status| status.first_seen.as_ref()) {
        result["timestamp"] = json!({"seconds": first_seen.0.as_second(), "nanos": 0});
    }
    result
}

/// Nothing of it changes with the clock: a report is written again only when something happened.
fn properties(finding: &ProcessingFinding) -> Value {
    let spec = &finding.spec;
    let word = spec.acknowledgement.as_ref();
    let said = [
        ("finding", Some(format!("{}/{}", finding.namespace().unwrap_or_default(), finding.name_any()))),
        ("takes", (!spec.capacity.is_empty()).then(|| spec.capacity.to_string())),
        ("alternatives", (!spec.alternatives.is_empty()).then(|| spec.alternatives.join(", "))),
        ("acknowledgedBy", word.map(|word| word.by.clone())),
        ("acknowledgedUntil", word.map(|word| word.until.0.to_string())),
        ("acknowledgedBecause", word.map(|word| word.reason.clone())),
    ];
    said.into_iter()
        .filter_map(|(key, value)| Some((key.to_owned(), Value::String(value?))))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

fn resource(object: &ObjectReference, served: &Served) -> Value {
    let mut reference = json!({"name": object.name});
    if !object.namespace.is_empty() {
        reference["namespace"] = json!(object.namespace);
    }
    if let Some((version, kind)) = kind_of(object, served) {
        let group = &object.group;
        reference["apiVersion"] = json!(if group.is_empty() { version } else { format!("{group}/{version}") });
        reference["kind"] = json!(kind);
    }
    reference
}

/// Kinds of the core group, which is not among what is served.
const OF_THE_CORE: [(&str, &str); 2] = [("persistentvolumeclaims", "PersistentVolumeClaim"), ("secrets", "Secret")];

/// Version and kind of an object, as far as they are known.
pub fn kind_of(object: &ObjectReference, served: &Served) -> Option<(String, String)> {
    if let Some(workload) = WORKLOADS.iter().find(|w| w.group == object.group && w.resource == object.resource) {
        return Some((workload.version.to_owned(), workload.kind.to_owned()));
    }
    if object.group.is_empty() {
        let (_, kind) = OF_THE_CORE.into_iter().find(|(resource, _)| *resource == object.resource)?;
        return Some(("v1".to_owned(), kind.to_owned()));
    }
    let known = served.get(&object.group, &object.resource)?;
    Some((known.versions.first()?.clone(), known.kind.clone()))
}

/// When an acknowledgement ends next, from which moment its finding counts again.
pub fn next_end<'a>(findings: impl IntoIterator<Item = &'a ProcessingFinding>, now: Timestamp) -> Option<Timestamp> {
    let ends = findings.into_iter().filter_map(|finding| Some(finding.spec.acknowledgement.as_ref()?.until.0));
    ends.filter(|end| *end > now).min()
}

#[cfg(test)]
#[path = "document_tests.rs"]
mod tests;
