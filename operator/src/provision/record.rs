//! What a binding's Secret says of where its entries come from.
//!
//! Credentials are kept nowhere but in the Secret. So that nobody has to ask the provisioner again whether what is there is
//! still what it made, the Secret records for which key it was made and of which entries it consists, with a digest.

use std::{collections::BTreeMap, fmt::Write as _};

use k8s_openapi::{ByteString, api::core::v1::Secret};
use kube::ResourceExt;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::answer::Entries;
use govcloud_crds::names::ANNOTATION_PROVISIONED;

/// For what credentials were made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// The service.
    pub service: String,
    /// The claim's uid.
    pub claim: String,
    /// Their number.
    pub rotation: i32,
    /// The plan that the claim held then.
    pub plan: String,
}

/// Credentials, and for what they were made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provisioned {
    /// For what.
    pub made: Made,
    /// The credentials.
    pub entries: Entries,
}

#[derive(Serialize, Deserialize)]
struct Record {
    #[serde(flatten)]
    made: Made,
    entries: Vec<String>,
    digest: String,
}

impl Provisioned {
    /// What the Secret's annotation [`ANNOTATION_PROVISIONED`] says.
    pub fn record(&self) -> String {
        let entries = self.entries.0.keys().cloned().collect();
        let record = Record { made: self.made.clone(), entries, digest: digest(&self.made, &self.entries.0) };
        serde_json::to_string(&record).unwrap_or_default() // of texts and numbers JSON can always be made
    }

    /// What a Secret holds; `None` if that is not what a provisioner made, because it was altered or is something else.
    pub fn read(secret: &Secret) -> Option<Self> {
        let record: Record = serde_json::from_str(secret.annotations().get(ANNOTATION_PROVISIONED)?).ok()?;
        let data = secret.data.as_ref()?;
        let entries: Option<BTreeMap<_, _>> =
            record.entries.iter().map(|key| data.get(key).map(|value| (key.clone(), value.clone()))).collect();
        let entries = entries?;
        (digest(&record.made, &entries) == record.digest).then_some(Self { made: record.made, entries: Entries(entries) })
    }
}

/// Each part with its length before it, so that no two contents look alike.
fn digest(made: &Made, entries: &BTreeMap<String, ByteString>) -> String {
    let mut hash = Sha256::new();
    let mut add = |part: &[u8]| {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    };
    for part in [&made.service, &made.claim, &made.rotation.to_string(), &made.plan] {
        add(part.as_bytes());
    }
    for (key, value) in entries {
        add(key.as_bytes());
        add(&value.0);
    }
    hash.finalize().iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}"); // a String takes everything
        text
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    fn provisioned() -> Provisioned {
        let made = Made { service: "postgres".into(), claim: "u-1".into(), rotation: 3, plan: "small".into() };
        let entry = |key: &str, value: &str| (key.to_owned(), ByteString(value.as_bytes().to_vec()));
        Provisioned { made, entries: Entries([entry("username", "u"), entry("password", "p")].into_iter().collect()) }
    }

    fn secret(change: impl FnOnce(&mut Value)) -> Secret {
        let entries = provisioned().entries.0;
        let mut secret = json!({"metadata": {"annotations": {ANNOTATION_PROVISIONED: provisioned().record()}}, "data": entries});
        secret["data"]["type"] = json!("cG9zdGdyZXM=");
        change(&mut secret);
        serde_json::from_value(secret).expect("a Secret")
    }

    #[test]
    fn what_was_recorded_is_read_beside_the_services_own_entries() {
        assert_eq!(Provisioned::read(&secret(|_| ())), Some(provisioned()));
    }

    #[rstest]
    #[case::another_value(|s: &mut Value| s["data"]["password"] = json!("eA=="))]
    #[case::one_missing(|s: &mut Value| s["data"]["password"] = Value::Null)]
    #[case::all_missing(|s: &mut Value| s["data"] = Value::Null)]
    #[case::no_record(|s: &mut Value| s["metadata"] = json!({}))]
    #[case::no_json(|s: &mut Value| s["metadata"]["annotations"][ANNOTATION_PROVISIONED] = json!("{"))]
    #[case::another_number(|s: &mut Value| {
        let record = provisioned().record().replace("\"rotation\":3", "\"rotation\":4");
        s["metadata"]["annotations"][ANNOTATION_PROVISIONED] = json!(record);
    })]
    #[case::another_claim(|s: &mut Value| {
        let record = provisioned().record().replace("u-1", "u-2");
        s["metadata"]["annotations"][ANNOTATION_PROVISIONED] = json!(record);
    })]
    fn what_was_altered_is_not_believed(#[case] change: fn(&mut Value)) {
        assert_eq!(
            Provisioned::read(&secret(|s| {
                change(s);
                if let Some(data) = s["data"].as_object_mut() {
                    data.retain(|_, v| !v.is_null());
                }
            })),
            None
        );
    }

    #[test]
    fn the_record_says_nothing_of_the_values() {
        let record = Provisioned {
            entries: Entries([("password".to_owned(), ByteString(b"secret-word".to_vec()))].into()),
            ..provisioned()
        }
        .record();
        assert!(record.contains("password") && !record.contains("secret-word"), "{record}");
    }
}
