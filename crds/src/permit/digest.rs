//! The digest that reviewers pin.

use std::fmt::Write as _;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::ProcessingPermitSpec;

/// SHA-256 over the canonical form of a request, in lower-case hexadecimal.
///
/// The canonical form is the request as JSON with sorted keys and without `withdrawn`, the one field that may change.
pub fn digest(spec: &ProcessingPermitSpec) -> String {
    let mut value = serde_json::to_value(spec).unwrap_or_default();
    if let Some(fields) = value.as_object_mut() {
        fields.remove("withdrawn");
    }
    sha256(&canonical(&value))
}

/// SHA-256 of a text, in lower-case hexadecimal.
pub fn sha256(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().fold(String::with_capacity(64), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}"); // writing to a String cannot fail
        hex
    })
}

/// JSON with sorted keys and no spaces, whatever map type serde_json was built with.
pub fn canonical(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let mut keys: Vec<_> = fields.keys().collect();
            keys.sort();
            let inside: Vec<_> =
                keys.into_iter().map(|k| format!("{}:{}", Value::from(k.as_str()), canonical(&fields[k]))).collect();
            format!("{{{}}}", inside.join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(",")),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> ProcessingPermitSpec {
        serde_json::from_value(serde_json::json!({
            "requestedBy": "requester@tax", "processingClass": "message-broker", "project": "analytics",
            "targets": [{"group": "kafka.strimzi.io", "resource": "kafkanodepools", "name": "events", "replicas": 3, "perReplica": {"storage": "1Ti"}}],
            "justification": "Filing season produces many events.",
        }))
        .expect("valid")
    }

    #[test]
    fn withdrawing_keeps_the_digest_and_anything_else_changes_it() {
        let original = digest(&spec());
        let withdrawn = ProcessingPermitSpec { withdrawn: true, ..spec() };
        let other = ProcessingPermitSpec { project: "other".into(), ..spec() };
        assert_eq!(digest(&withdrawn), original);
        assert_ne!(digest(&other), original);
    }

    #[test]
    fn the_same_amount_written_differently_is_the_same_request() {
        let mut rewritten = spec();
        rewritten.targets[0].per_replica =
            [("storage".to_owned(), "1099511627776".parse().expect("valid"))].into_iter().collect();
        let binary = spec().targets[0].per_replica.to_string();
        assert_eq!(binary, "1Ti storage");
        // The digest is over what was written, not over what it means: a reviewer pins the text that they saw.
        assert_eq!(rewritten.targets[0].per_replica, spec().targets[0].per_replica);
    }

    #[test]
    fn the_canonical_form_is_sorted() {
        let value = serde_json::json!({"b": [1, {"d": null, "c": "x"}], "a": true});
        assert_eq!(canonical(&value), r#"{"a":true,"b":[1,{"c":"x","d":null}]}"#);
    }
}
