//! Looks at what runs in a project, as the scanner does.

use std::collections::{BTreeMap, BTreeSet};

use govcloud_crds::{
    ProcessingClass,
    class::{
        compute::{Threshold, above},
        controlled::controlled,
        recognise::WORKLOADS,
    },
    finding::observed::{Classified, Observed, What},
    names::resource_key,
};
use kube::{
    Api, Client,
    api::{ApiResource, DynamicObject, GroupVersionKind, ListParams},
    discovery,
    error::DiscoveryError,
};
use serde_json::{Value, json};

use crate::{
    context::Context,
    error::{CliError, Kind, Result},
};

/// What was seen in a project.
#[derive(Debug, Default)]
pub struct Seen {
    /// What of it takes capacity.
    pub objects: Vec<Observed>,
    /// Kinds that the caller may not list there.
    pub unread: Vec<String>,
}

/// Every kind to look at: ordinary workloads, and what classes control as far as the cluster serves it.
pub async fn kinds(client: &Client, classes: &BTreeMap<String, ProcessingClass>) -> Result<Vec<ApiResource>> {
    let kind = |group: &str, version: &str, kind: &str, plural: &str| {
        ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, kind), plural)
    };
    let mut all: Vec<_> = WORKLOADS.iter().map(|w| kind(w.group, w.version, w.kind, w.resource)).collect();
    let controlled = controlled(classes);
    let groups: BTreeSet<&str> = controlled.iter().map(|one| one.control.group.as_str()).collect();
    for group in groups {
        let found = match discovery::group(client, group).await {
            Ok(found) => found,
            Err(kube::Error::Discovery(DiscoveryError::MissingApiGroup(_) | DiscoveryError::EmptyApiGroup(_))) => continue,
            Err(error) => return Err(error.into()),
        };
        for control in controlled.iter().map(|one| one.control).filter(|control| control.group == group) {
            let served = found.versions().flat_map(|version| found.versioned_resources(version).into_iter());
            let of_it: Vec<_> = served.map(|(resource, _)| resource).filter(|r| r.plural == control.resource).collect();
            // Without the version that the class reads, objects are still found, and not measured.
            all.extend(of_it.iter().find(|r| r.version == control.version).or(of_it.first()).cloned());
        }
    }
    Ok(all)
}

/// What of these kinds is in a namespace.
pub async fn at(
    ctx: &Context,
    kinds: &[ApiResource],
    namespace: &str,
    classes: &BTreeMap<String, ProcessingClass>,
    thresholds: &[Threshold],
) -> Result<Seen> {
    let mut seen = Seen::default();
    for kind in kinds {
        let api: Api<DynamicObject> = Api::namespaced_with(ctx.client.clone(), namespace, kind);
        match api.list(&ListParams::default()).await.map_err(CliError::from) {
            Ok(list) => {
                let objects = list.items.into_iter().map(|object| whole(object, kind));
                seen.objects.extend(objects.filter_map(|object| observed(&object, &kind.plural, classes, thresholds)));
            }
            Err(error) if matches!(error.kind(), Kind::Forbidden | Kind::NotFound) => {
                seen.unread.push(resource_key(&kind.group, &kind.plural));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(seen)
}

/// Lists of the cluster's own kinds leave out what each object is.
fn whole(object: DynamicObject, kind: &ApiResource) -> Value {
    let mut object = serde_json::to_value(&object).unwrap_or_default();
    object["apiVersion"] = json!(kind.api_version);
    object["kind"] = json!(kind.kind);
    object
}

/// What the scanner keeps of an object; and what is processing infrastructure by its size alone.
pub fn observed(
    object: &Value,
    resource: &str,
    classes: &BTreeMap<String, ProcessingClass>,
    thresholds: &[Threshold],
) -> Option<Observed> {
    let kept = Observed::of(object, resource, classes)?;
    if kept.classified().is_some() {
        return Some(kept);
    }
    match above(object, thresholds) {
        Some(found) => {
            let what = What::Classified(Classified { class: found.class, by_image: true, size: found.size });
            Some(Observed { what, ..kept })
        }
        None => Some(kept),
    }
}
