//! Which class has which resource.

use std::collections::BTreeMap;

use super::{Control, ProcessingClass};
use crate::names::resource_key;

/// A controlled resource with the class that has it.
#[derive(Clone, Copy, Debug)]
pub struct Controlled<'a> {
    /// The class's name.
    pub class: &'a str,
    /// How the resource shows up.
    pub control: &'a Control,
}

impl Controlled<'_> {
    /// The key of the resource in a grant: `<resource>.<group>`.
    pub fn key(&self) -> String {
        resource_key(&self.control.group, &self.control.resource)
    }
}

/// Every controlled resource, each once: of two classes that name the same one the first by name has it.
pub fn controlled(classes: &BTreeMap<String, ProcessingClass>) -> Vec<Controlled<'_>> {
    let mut seen = BTreeMap::new();
    for (class, spec) in classes {
        for control in &spec.spec.controls {
            seen.entry((&control.group, &control.resource)).or_insert(Controlled { class, control });
        }
    }
    seen.into_values().collect()
}

/// The class that has a resource, if one has it.
pub fn class_of<'a>(group: &str, resource: &str, classes: &'a BTreeMap<String, ProcessingClass>) -> Option<&'a str> {
    let names_it = |class: &ProcessingClass| class.spec.controls.iter().any(|c| c.group == group && c.resource == resource);
    classes.iter().find(|(_, class)| names_it(class)).map(|(name, _)| name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_first_class_by_name_has_a_resource() {
        let class = |name: &str| {
            let spec = json!({"displayName": "X", "dimensions": [{"name": "units"}],
                "controls": [{"group": "k", "resource": "pools", "version": "v1", "perReplica": {"units": "1"}}],
                "approval": {"quorum": [{"group": "g", "count": 1}]}});
            (name.to_owned(), ProcessingClass::new(name, serde_json::from_value(spec).expect("valid")))
        };
        let classes = BTreeMap::from([class("strict"), class("weak")]);
        let all = controlled(&classes);
        assert_eq!(all.iter().map(|c| (c.class, c.key())).collect::<Vec<_>>(), [("strict", "pools.k".to_owned())]);
        assert_eq!(class_of("k", "pools", &classes), Some("strict"));
        assert_eq!(class_of("k", "others", &classes), None);
    }
}
