//! The catalogue and the samples of its kinds, as files.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use govcloud_crds::{
    ProcessingClass, Resources,
    class::{Control, measure::Size},
};
use serde::Deserialize;
use serde_json::{Value, json};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Where the samples are.
pub fn folder() -> PathBuf {
    root().join("crds/tests/catalogue")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every class of the chart by name.
pub fn catalogue() -> BTreeMap<String, ProcessingClass> {
    let files = fs::read_dir(root().join("charts/govcloud/classes")).expect("the catalogue");
    let classes = files.flat_map(|file| {
        let path = file.expect("a file").path();
        let classes: Vec<ProcessingClass> =
            serde_yaml::from_multiple(&read(&path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        classes
    });
    let mut all = BTreeMap::new();
    for class in classes {
        let name = class.metadata.name.clone().expect("a name");
        assert!(all.insert(name.clone(), class).is_none(), "{name} is there twice");
    }
    all
}

/// Objects of one kind.
#[derive(Deserialize)]
pub struct Samples {
    /// The kind.
    pub kind: String,
    /// The least that the definition takes first, then more.
    pub samples: Vec<Sample>,
}

/// One object, and how large it is.
#[derive(Deserialize)]
pub struct Sample {
    replicas: i64,
    per: Resources,
    #[serde(default)]
    annotations: Value,
    spec: Option<Value>,
    #[serde(default)]
    status: Value,
}

impl Sample {
    /// How large it is.
    pub fn size(&self) -> Size {
        Size { replicas: self.replicas, per_replica: self.per.clone() }
    }
}

impl Samples {
    /// Where the samples of a resource are.
    pub fn file_name(control: &Control) -> String {
        format!("{}_{}.yaml", control.group, control.resource)
    }

    /// The samples of a resource.
    pub fn of(control: &Control) -> Self {
        let path = folder().join(Self::file_name(control));
        serde_yaml::from_str(&read(&path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// The object of a sample, in the version that the class reads.
    pub fn object(&self, control: &Control, sample: usize) -> Value {
        let Sample { annotations, spec, status, .. } = &self.samples[sample];
        let mut object = json!({
            "apiVersion": format!("{}/{}", control.group, control.version), "kind": self.kind,
            "metadata": {"name": format!("sample-{sample}")},
        });
        if annotations.is_object() {
            object["metadata"]["annotations"] = annotations.clone();
        }
        if let Some(spec) = spec {
            object["spec"] = spec.clone();
        }
        if status.is_object() {
            object["status"] = status.clone();
        }
        object
    }
}
