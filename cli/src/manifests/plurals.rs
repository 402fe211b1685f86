//! The plural resource names of kinds, which only the cluster knows.

use std::collections::{BTreeMap, BTreeSet};

use govcloud_crds::{ProcessingClass, class::recognise::group_version};
use kube::{Client, discovery, error::DiscoveryError};
use serde_json::Value;

use crate::{error::Result, manifests::Manifest};

/// Plural resource names by group and kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plurals(BTreeMap<(String, String), String>);

impl Plurals {
    /// The plural resource name of an object's kind, if the cluster serves it.
    pub fn of(&self, object: &Value) -> Option<&str> {
        let (group, _) = group_version(object)?;
        let kind = object.get("kind")?.as_str()?;
        self.0.get(&(group.to_owned(), kind.to_owned())).map(String::as_str)
    }

    /// Asks the cluster once for each group that a manifest uses and a class controls. A group that is not served leaves
    /// its kinds out; their resources are then guessed from the kind.
    pub async fn discover(client: &Client, manifests: &[Manifest], classes: &BTreeMap<String, ProcessingClass>) -> Result<Self> {
        let mut all = BTreeMap::new();
        for group in wanted(manifests, classes) {
            match discovery::group(client, &group).await {
                Ok(found) => {
                    let resources = found.versions().flat_map(|version| found.versioned_resources(version));
                    all.extend(resources.map(|(resource, _)| ((group.clone(), resource.kind), resource.plural)));
                }
                Err(kube::Error::Discovery(DiscoveryError::MissingApiGroup(_) | DiscoveryError::EmptyApiGroup(_))) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Self(all))
    }
}

fn wanted(manifests: &[Manifest], classes: &BTreeMap<String, ProcessingClass>) -> BTreeSet<String> {
    let controlled: BTreeSet<&str> = classes.values().flat_map(|c| &c.spec.controls).map(|c| c.group.as_str()).collect();
    let groups = manifests.iter().filter_map(|m| group_version(&m.object)).map(|(group, _)| group);
    groups.filter(|group| controlled.contains(group)).map(str::to_owned).collect()
}
