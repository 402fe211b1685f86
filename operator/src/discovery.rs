//! What the cluster serves of the resources that classes name.

use std::collections::{BTreeMap, BTreeSet};

use govcloud_crds::ProcessingClass;
use kube::Client;

use crate::{
    enforcement::{Served, ServedResource},
    error::Error,
};

/// Every resource of the groups that `classes` name, with all versions it is served in.
///
/// What a group's server does not answer about, because it is an extension that is down, stays as it was known `last`.
pub async fn served(client: &Client, classes: &BTreeMap<String, ProcessingClass>, last: &Served) -> Result<Served, Error> {
    let wanted: BTreeSet<_> = classes.values().flat_map(|c| &c.spec.controls).map(|c| c.group.as_str()).collect();
    let read = |what: &str| {
        let what = what.to_owned();
        move |source: kube::Error| Error::Read { what, source: Box::new(source) }
    };
    let mut served: BTreeMap<(String, String), ServedResource> = BTreeMap::new();
    let groups = client.list_api_groups().await.map_err(read("the API groups"))?;
    for group in groups.groups.iter().filter(|g| wanted.contains(g.name.as_str())) {
        for version in &group.versions {
            let resources = match client.list_api_group_resources(&version.group_version).await {
                Ok(resources) => resources,
                Err(error) => {
                    tracing::warn!(%error, version = version.group_version, "not known what is served; taken as before");
                    let of_group = last.0.iter().filter(|((known, _), _)| *known == group.name);
                    served.extend(of_group.map(|(key, resource)| (key.clone(), resource.clone())));
                    break;
                }
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
