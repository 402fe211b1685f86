//! Definitions that look like processing infrastructure and are of no class.
//!
//! It is the definition that is judged, not its objects: an agency cannot create objects of a kind that nobody classified, because
//! its roles do not list it, and the scanner needs no right to read them.

use serde_json::Value;

use super::{FindingRule, ObjectReference, ProcessingFindingSpec, rules::found};

/// Words for how many nodes something has.
const REPLICAS: [&str; 14] = [
    "replicas",
    "instances",
    "size",
    "count",
    "members",
    "nodes",
    "servers",
    "brokers",
    "workers",
    "shards",
    "nodecount",
    "replicacount",
    "clustersize",
    "parallelism",
];
/// Words that by themselves say what one node takes.
const TAKES: [&str; 5] =
    ["podtemplate", "podtemplatespec", "volumeclaimtemplate", "volumeclaimtemplates", "volumeclaimtemplatespec"];
/// How deep below `spec` a definition is looked at: far enough for a list of pools with templates.
const DEPTH: usize = 8;

/// Why a definition looks like processing infrastructure: fields of its `spec`, the first of each sort.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signs {
    /// The field that says how many nodes there are.
    pub replicas: String,
    /// The field that says what one takes.
    pub takes: String,
}

/// The signs in a CustomResourceDefinition, or `None` if it does not look like processing infrastructure. The version that is
/// stored speaks for all.
pub fn signs(definition: &Value) -> Option<Signs> {
    let versions = definition.get("spec")?.get("versions")?.as_array()?;
    let stored = versions.iter().find(|version| version.get("storage").and_then(Value::as_bool) == Some(true))?;
    let spec = stored.get("schema")?.get("openAPIV3Schema")?.get("properties")?.get("spec")?;
    let mut search = Search::default();
    search.look(spec, "spec", 0);
    Some(Signs { replicas: search.replicas?, takes: search.takes? })
}

#[derive(Default)]
struct Search {
    replicas: Option<String>,
    takes: Option<String>,
}

impl Search {
    fn look(&mut self, schema: &Value, path: &str, depth: usize) {
        if depth > DEPTH || (self.replicas.is_some() && self.takes.is_some()) {
            return;
        }
        for (name, field) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            let (word, path) = (name.to_lowercase(), format!("{path}.{name}"));
            if self.replicas.is_none() && is_number(field) && (REPLICAS.contains(&word.as_str()) || word.ends_with("replicas")) {
                self.replicas = Some(path.clone());
            }
            if self.takes.is_none() && takes(&word, field) {
                self.takes = Some(path.clone());
            }
            self.look(field, &path, depth + 1);
        }
        for inside in ["items", "additionalProperties"] {
            if let Some(field) = schema.get(inside).filter(|field| field.is_object()) {
                self.look(field, path, depth + 1);
            }
        }
    }
}

fn is_number(field: &Value) -> bool {
    field.get("type").and_then(Value::as_str) == Some("integer")
}

/// Resources have requests or limits, a template describes containers, and storage has a size.
fn takes(word: &str, field: &Value) -> bool {
    let has = |name: &str| field.get("properties").is_some_and(|fields| fields.get(name).is_some());
    match word {
        "resources" => has("requests") || has("limits"),
        "storage" => has("size") || has("volumeClaimTemplate"),
        "template" => field.pointer("/properties/spec/properties/containers").is_some(),
        word => TAKES.contains(&word),
    }
}

/// The finding about a definition that has `signs`.
pub fn unclassified(definition: &str, signs: &Signs) -> ProcessingFindingSpec {
    let object = ObjectReference {
        group: "apiextensions.k8s.io".to_owned(),
        resource: "customresourcedefinitions".to_owned(),
        namespace: String::new(),
        name: definition.to_owned(),
    };
    let message = format!(
        "Looks like processing infrastructure ({} says how many, {} what one takes), and no class knows it. Classify it (kubectl edit processingclass), or acknowledge that it is none.",
        signs.replicas, signs.takes
    );
    found(FindingRule::Unclassified, &object, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    fn definition(spec: Value) -> Value {
        json!({"spec": {"versions": [{"name": "v1", "storage": false},
            {"name": "v2", "storage": true, "schema": {"openAPIV3Schema": {"properties": {"spec": {"properties": spec}}}}}]}})
    }

    fn resources() -> Value {
        json!({"type": "object", "properties": {"requests": {}, "limits": {}}})
    }

    #[rstest]
    #[case::plain(json!({"replicas": {"type": "integer"}, "resources": resources()}), Some(("spec.replicas", "spec.resources")))]
    #[case::pools(json!({"pools": {"type": "array", "items": {"properties": {"servers": {"type": "integer"}, "volumeClaimTemplate": {}}}}}), Some(("spec.pools.servers", "spec.pools.volumeClaimTemplate")))]
    #[case::by_name(json!({"groups": {"additionalProperties": {"properties": {"minReplicas": {"type": "integer"}, "storage": {"properties": {"size": {}}}}}}}), Some(("spec.groups.minReplicas", "spec.groups.storage")))]
    #[case::template(json!({"size": {"type": "integer"}, "template": {"properties": {"spec": {"properties": {"containers": {}}}}}}), Some(("spec.size", "spec.template")))]
    #[case::a_text(json!({"size": {"type": "string"}, "resources": resources()}), None)]
    #[case::one_node(json!({"resources": resources()}), None)]
    #[case::nothing_to_take(json!({"replicas": {"type": "integer"}}), None)]
    #[case::other_resources(json!({"replicas": {"type": "integer"}, "resources": {"type": "array"}}), None)]
    #[case::unrelated(json!({"secretName": {"type": "string"}}), None)]
    fn signs_are_numbers_of_nodes_and_what_one_takes(#[case] spec: Value, #[case] expected: Option<(&str, &str)>) {
        let found = signs(&definition(spec));
        assert_eq!(found.as_ref().map(|s| (s.replicas.as_str(), s.takes.as_str())), expected);
    }

    #[test]
    fn what_has_no_schema_shows_no_signs() {
        assert_eq!(signs(&json!({"spec": {"versions": [{"storage": true}]}})), None);
        assert_eq!(signs(&json!({})), None);
    }
}
