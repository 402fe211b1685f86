//! What a provisioner answers, and what of it is believed.

use std::{collections::BTreeMap, fmt};

use k8s_openapi::ByteString;
use serde::Deserialize;

use super::error::ProvisionError;

/// How large an answer may be.
pub const LARGEST: usize = 64 * 1024;
const MOST_ENTRIES: usize = 32;
const LONGEST_KEY: usize = 253;

/// Entries for a binding's Secret. They cannot be printed.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Entries(pub BTreeMap<String, ByteString>);

impl fmt::Debug for Entries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Entries({} of them)", self.0.len())
    }
}

#[derive(Deserialize)]
struct Answer {
    credentials: BTreeMap<String, String>,
}

/// The credentials in an answer's body. What is wrong is said without anything of what it says.
pub fn credentials(body: &[u8]) -> Result<Entries, ProvisionError> {
    let bad = |why: &str| Err(ProvisionError::BadAnswer(why.to_owned()));
    let Ok(answer) = serde_json::from_slice::<Answer>(body) else {
        return bad("it is not JSON of the form {\"credentials\": {\"username\": \"…\", …}} in which every value is a text");
    };
    let entries = answer.credentials;
    if entries.is_empty() {
        return bad("it has no credentials");
    }
    if entries.len() > MOST_ENTRIES {
        return bad(&format!("it has {} entries, and a binding takes {MOST_ENTRIES}", entries.len()));
    }
    if entries.contains_key("type") || entries.contains_key("provider") {
        return bad("type and provider are the service's to say, and it answered one of them");
    }
    if !entries.keys().all(|key| is_key(key)) {
        return bad(
            "the name of an entry consists of up to 253 letters, digits, dots, dashes and underscores, and one of its does not",
        );
    }
    Ok(Entries(entries.into_iter().map(|(key, value)| (key, ByteString(value.into_bytes()))).collect()))
}

/// What a Secret admits as a key. It becomes the name of a file.
fn is_key(key: &str) -> bool {
    let is_character = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    (1..=LONGEST_KEY).contains(&key.len()) && key.chars().all(is_character) && key != "." && !key.starts_with("..")
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_it_answers_is_taken_as_it_is() {
        let body = json!({"credentials": {"username": "u", "password": " p\n", "ca.crt": ""}, "more": [1]}).to_string();
        let entries = credentials(body.as_bytes()).expect("credentials");
        assert_eq!(entries.0["password"].0, b" p\n");
        assert_eq!(entries.0.len(), 3);
    }

    #[rstest]
    #[case::nothing("")]
    #[case::no_json("secret-word")]
    #[case::a_list(r#"["secret-word"]"#)]
    #[case::elsewhere(r#"{"username": "secret-word"}"#)]
    #[case::nested(r#"{"credentials": {"user": {"name": "secret-word"}}}"#)]
    #[case::numbers(r#"{"credentials": {"port": 5432, "password": "secret-word"}}"#)]
    #[case::null(r#"{"credentials": null}"#)]
    #[case::empty(r#"{"credentials": {}}"#)]
    #[case::the_type(r#"{"credentials": {"type": "secret-word"}}"#)]
    #[case::the_provider(r#"{"credentials": {"provider": "secret-word", "a": "b"}}"#)]
    #[case::a_path(r#"{"credentials": {"../secret-word": "x"}}"#)]
    #[case::a_folder(r#"{"credentials": {"a/secret-word": "x"}}"#)]
    #[case::two_dots(r#"{"credentials": {"..data": "secret-word"}}"#)]
    #[case::one_dot(r#"{"credentials": {".": "secret-word"}}"#)]
    #[case::no_name(r#"{"credentials": {"": "secret-word"}}"#)]
    #[case::a_new_line("{\"credentials\": {\"a\\nb\": \"secret-word\"}}")]
    #[case::cut_off(r#"{"credentials": {"password": "secret-word"#)]
    fn what_is_no_credentials_is_refused_and_not_repeated(#[case] body: &str) {
        let error = credentials(body.as_bytes()).expect_err("refused");
        assert_eq!(error.reason(), "BadAnswer");
        assert!(!error.to_string().contains("secret-word"), "{error}");
    }

    #[test]
    fn as_many_entries_as_a_binding_takes_and_no_more() {
        let body =
            |n: usize| json!({"credentials": (0..n).map(|i| (format!("k{i}"), "v")).collect::<BTreeMap<_, _>>()}).to_string();
        assert!(credentials(body(32).as_bytes()).is_ok());
        assert!(credentials(body(33).as_bytes()).is_err());
        let long = |n: usize| json!({"credentials": {"k".repeat(n): "v"}}).to_string();
        assert!(credentials(long(253).as_bytes()).is_ok());
        assert!(credentials(long(254).as_bytes()).is_err());
    }

    #[test]
    fn entries_are_never_printed() {
        let entries = credentials(br#"{"credentials": {"password": "secret-word"}}"#).expect("credentials");
        assert_eq!(format!("{entries:?}"), "Entries(1 of them)");
    }
}
