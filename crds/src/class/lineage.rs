//! The tree of classes: an offer of a class covers requests of every class below it.

use std::collections::BTreeMap;

use crate::ProcessingClass;

/// Whether an offer of class `offered` covers a request of class `requested`: the same, or one of its ancestors.
///
/// A cycle among the parents ends the search; it covers nothing beyond what was seen.
pub fn covers(offered: &str, requested: &str, classes: &BTreeMap<String, ProcessingClass>) -> bool {
    chain(requested, classes).contains(&offered)
}

/// A class and those above it, nearest first; each once, also where the parents form a cycle.
pub fn chain<'a>(class: &'a str, classes: &'a BTreeMap<String, ProcessingClass>) -> Vec<&'a str> {
    let mut seen = Vec::new();
    let mut next = Some(class);
    while let Some(class) = next.filter(|class| !seen.contains(class)) {
        seen.push(class);
        next = classes.get(class).and_then(|c| c.spec.parent.as_deref());
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(name: &str, parent: Option<&str>) -> (String, ProcessingClass) {
        let spec = serde_json::json!({
            "displayName": name, "parent": parent, "dimensions": [{"name": "units"}],
            "approval": {"quorum": [{"group": "ministry:reviewers", "count": 1}]},
        });
        (name.to_owned(), ProcessingClass::new(name, serde_json::from_value(spec).expect("valid")))
    }

    #[test]
    fn an_ancestor_covers_and_a_descendant_does_not() {
        let classes = BTreeMap::from([
            class("kafka", Some("message-broker")),
            class("message-broker", Some("streaming")),
            class("streaming", None),
        ]);
        assert!(covers("streaming", "kafka", &classes));
        assert!(covers("kafka", "kafka", &classes));
        assert!(!covers("kafka", "streaming", &classes));
        assert!(!covers("object-storage", "kafka", &classes));
    }

    #[test]
    fn a_cycle_ends() {
        let classes = BTreeMap::from([class("a", Some("b")), class("b", Some("a"))]);
        assert!(covers("b", "a", &classes));
        assert!(!covers("c", "a", &classes));
    }
}
