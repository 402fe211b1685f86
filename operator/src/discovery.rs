//! What the cluster serves of the resources that classes name.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use govcloud_crds::ProcessingClass;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::APIResourceList;
use kube::{Client, core::discovery::v2::APIResourceDiscovery};

use crate::{
    enforcement::{Served, ServedResource, mutation},
    error::Error,
};

/// How long a group's server may take to answer. Enforcement waits for it, and the client would try again for minutes.
const PATIENCE: Duration = Duration::from_secs(2);

/// Every resource of the groups that `classes` name and of admission's own, with all versions it is served in.
///
/// What a version's server does not answer about, because it is an extension that is down, stays as it was known `last`.
pub async fn served(client: &Client, classes: &BTreeMap<String, ProcessingClass>, last: &Served) -> Result<Served, Error> {
    let of_classes = classes.values().flat_map(|c| &c.spec.controls).map(|c| c.group.as_str());
    let wanted: BTreeSet<_> = of_classes.chain([mutation::RESOURCE.0]).collect();
    let read = |what: &str| {
        let what = what.to_owned();
        move |source: kube::Error| Error::Read { what, source: Box::new(source) }
    };
    let mut served: BTreeMap<(String, String), ServedResource> = BTreeMap::new();
    let groups = client.list_api_groups().await.map_err(read("the API groups"))?;
    for group in groups.groups.iter().filter(|g| wanted.contains(g.name.as_str())) {
        for version in &group.versions {
            let Some(resources) = resources(client, &version.group_version).await else {
                add_as_before(&mut served, last, &group.name, &version.version);
                continue;
            };
            for resource in resources.resources.into_iter().filter(|r| !r.name.contains('/')) {
                let entry = served.entry((group.name.clone(), resource.name)).or_default();
                entry.versions.push(version.version.clone());
                (entry.kind, entry.namespaced) = (resource.kind, resource.namespaced);
            }
        }
    }
    Ok(Served(served))
}

/// Every resource outside the core group that can be listed and watched, in one request. What a version's server does not
/// answer about stays as it was known `last`.
pub async fn everything(client: &Client, last: &Served) -> Result<Served, Error> {
    let read = |source: kube::Error| Error::Read { what: "what the cluster serves".to_owned(), source: Box::new(source) };
    let groups = client.list_api_groups_aggregated().await.map_err(read)?;
    let mut served = BTreeMap::new();
    for group in groups.items {
        let name = group.metadata.and_then(|metadata| metadata.name).unwrap_or_default();
        for version in group.versions {
            let number = version.version.unwrap_or_default();
            if version.freshness.as_deref() == Some("Stale") {
                add_as_before(&mut served, last, &name, &number);
                continue;
            }
            for resource in version.resources.into_iter().filter(can_be_watched) {
                let entry: &mut ServedResource = served.entry((name.clone(), resource.resource.unwrap_or_default())).or_default();
                entry.versions.push(number.clone());
                entry.kind = resource.response_kind.and_then(|kind| kind.kind).unwrap_or_default();
                entry.namespaced = resource.scope.as_deref() == Some("Namespaced");
            }
        }
    }
    Ok(Served(served))
}

fn can_be_watched(resource: &APIResourceDiscovery) -> bool {
    ["list", "watch"].into_iter().all(|verb| resource.verbs.iter().any(|v| v == verb))
}

/// Whether the cluster serves a resource in this version of its group, such as `apps/v1`.
pub async fn serves(client: &Client, group_version: &str, plural: &str) -> Result<bool, kube::Error> {
    match client.list_api_group_resources(group_version).await {
        Ok(known) => Ok(known.resources.iter().any(|resource| resource.name == plural)),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(false),
        Err(error) => Err(error),
    }
}

/// What a version of a group serves, or `None` if its server does not answer.
async fn resources(client: &Client, version: &str) -> Option<APIResourceList> {
    let trouble = match tokio::time::timeout(PATIENCE, client.list_api_group_resources(version)).await {
        Ok(Ok(resources)) => return Some(resources),
        Ok(Err(error)) => error.to_string(),
        Err(_) => "no answer in time".to_owned(),
    };
    tracing::warn!(error = trouble, version, "not known what is served; taken as before");
    None
}

/// Adds the resources that were served in this version when it was last known.
fn add_as_before(served: &mut BTreeMap<(String, String), ServedResource>, last: &Served, group: &str, version: &str) {
    let known = last.0.iter().filter(|((of, _), resource)| of == group && resource.versions.iter().any(|v| v == version));
    for (key, resource) in known {
        let entry = served.entry(key.clone()).or_default();
        entry.versions.push(version.to_owned());
        (entry.kind, entry.namespaced) = (resource.kind.clone(), resource.namespaced);
    }
}
