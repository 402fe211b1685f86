//! The signature of a notice, as Standard Webhooks has it: <https://www.standardwebhooks.com>.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use thiserror::Error;

/// What Standard Webhooks writes before a key in base64.
const PREFIX: &[u8] = b"whsec_";
/// A key of fewer bytes can be guessed; Standard Webhooks asks for as many.
const SHORTEST: usize = 24;

/// A key that notices are signed with. It cannot be printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(Vec<u8>);

/// Why a key cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum KeyError {
    /// The Secret, or its `key`, is not there.
    #[error("there is no key \"key\" in Secret {0}")]
    Missing(String),
    /// What follows `whsec_` is no base64.
    #[error("what follows whsec_ is no base64")]
    Encoding,
    /// It can be guessed.
    #[error("it has {0} bytes, and {SHORTEST} are needed: openssl rand -base64 32")]
    Short(usize),
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

impl Key {
    /// The key in a Secret's value: `whsec_` and base64, as Standard Webhooks writes it, or else the bytes as they are. White
    /// space around it does not belong to it, because files end with a new line.
    pub fn read(value: &[u8]) -> Result<Self, KeyError> {
        let value = value.trim_ascii();
        let key = match value.strip_prefix(PREFIX) {
            Some(encoded) => BASE64.decode(encoded).map_err(|_| KeyError::Encoding)?,
            None => value.to_vec(),
        };
        if key.len() < SHORTEST { Err(KeyError::Short(key.len())) } else { Ok(Self(key)) }
    }

    /// The header `webhook-signature` of a message: `v1,` and the HMAC-SHA256 of `<id>.<timestamp>.<body>` in base64. The
    /// timestamp is that of the attempt, in seconds since 1970.
    pub fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).unwrap_or_else(|_| unreachable!("HMAC takes keys of any length"));
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(body);
        format!("v1,{}", BASE64.encode(mac.finalize().into_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use standardwebhooks::Webhook;

    use super::*;

    /// The example of the published libraries.
    #[test]
    fn the_published_example_is_signed_as_published() {
        let key = Key::read(b"whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD").expect("a key");
        let body = br#"{"email":"test@example.com","username":"test_user"}"#;
        let signature = key.sign("msg_27UH4WbU6Z5A5EzD8u03UvzRbpk", 1_649_367_553, body);
        assert_eq!(signature, "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=");
    }

    #[test]
    fn the_published_library_signs_the_same() {
        let plain = b"a key of more than twenty-four bytes";
        let library = Webhook::from_bytes(plain.to_vec()).expect("a key");
        let body = "{\"message\":\"مجوز صادر شد\"}".as_bytes();
        let expected = library.sign("7c0e.3", 1_700_000_000, body).expect("a signature");
        assert_eq!(Key::read(plain).expect("a key").sign("7c0e.3", 1_700_000_000, body), expected);
    }

    #[rstest]
    #[case(b"short", KeyError::Short(5))]
    #[case(b"", KeyError::Short(0))]
    #[case(b"whsec_AAAA", KeyError::Short(3))]
    #[case(b"whsec_not base64", KeyError::Encoding)]
    fn what_is_no_key_is_refused(#[case] value: &[u8], #[case] why: KeyError) {
        assert_eq!(Key::read(value), Err(why));
    }

    #[test]
    fn the_new_line_at_the_end_of_a_file_is_not_the_keys() {
        let key = b"a key of more than twenty-four bytes";
        assert_eq!(Key::read(key), Key::read(&[&key[..], b"\n"].concat()));
    }

    #[test]
    fn a_key_is_never_printed() {
        let key = Key::read(b"a key of more than twenty-four bytes").expect("a key");
        assert_eq!(format!("{key:?}"), "Key(…)");
    }
}
