//! [`ProcessingGrant`]: the active permits of a project namespace, compiled for admission.

mod compile;

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Resources;

pub use compile::{belongs_to, compile};

/// The active permits of a project namespace, compiled for the admission policies. Written by the operator alone; one
/// per project namespace, named `slots`.
#[derive(CustomResource, KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "govcloud.dev",
    version = "v1alpha1",
    kind = "ProcessingGrant",
    namespaced,
    shortname = "slots",
    category = "govcloud",
    derive = "PartialEq",
    doc = "The active permits of a project namespace, compiled for admission. Written by the operator alone; named slots.",
    printcolumn(name = "Resources", type_ = "string", json_path = ".spec.resources", priority = 1),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("self.metadata.name == 'slots'").message("there is one grant per project namespace, and its name is slots")
)]
pub struct ProcessingGrantSpec {
    /// Slots by `<resource>.<group>`, `core` for the core group.
    #[serde(default)]
    #[schemars(extend("maxProperties" = 256))]
    pub resources: BTreeMap<String, Vec<Slot>>,
}

/// Permission for one named object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Slot {
    /// The object's name.
    pub name: String,
    /// The number of the permit.
    pub permit: String,
    /// The class of the permit.
    pub class: String,
    /// At most this many replicas. 0 closes the slot: a permit that ended, kept so that `/scale` stays refused.
    pub replicas: i32,
    /// At most this much per replica.
    #[serde(default)]
    pub per_replica: Resources,
    /// Objects created at or after this moment are refused.
    pub not_after: Time,
}
