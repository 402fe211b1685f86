//! Replaces the subject of a certificate.
//!
//! Kubernetes reads a user's groups from the organizations in the subject, one attribute each,
//! but rcgen keeps only one attribute per type. So the subject is written here, put into the
//! certificate that rcgen made, and the certificate is signed again.

use rcgen::SigningKey;

use crate::error::Error;

const BIT_STRING: u8 = 0x03;
const OBJECT_ID: u8 = 0x06;
const UTF8: u8 = 0x0c;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;

/// 2.5.4.3
const COMMON_NAME: [u8; 3] = [0x55, 0x04, 0x03];
/// 2.5.4.10
const ORGANIZATION: [u8; 3] = [0x55, 0x04, 0x0a];

/// The subject's place among the fields to be signed: version, serial number, algorithm, issuer
/// and validity come first.
const SUBJECT: usize = 5;

/// The same certificate with another subject, in DER.
pub(crate) fn with_subject(certificate: &[u8], user: &str, groups: &[String], key: &impl SigningKey) -> Result<Vec<u8>, Error> {
    let unexpected = || Error::Certificate("unexpected structure".to_owned());
    let (outer, _) = content(certificate).ok_or_else(unexpected)?;
    let parts = elements(outer).ok_or_else(unexpected)?;
    let [to_be_signed, algorithm, _signature] = parts[..] else {
        return Err(unexpected());
    };
    let (fields, _) = content(to_be_signed).ok_or_else(unexpected)?;
    let mut fields = elements(fields).ok_or_else(unexpected)?;
    let subject = subject(user, groups);
    *fields.get_mut(SUBJECT).ok_or_else(unexpected)? = &subject;
    let to_be_signed = element(SEQUENCE, &fields.concat());
    // A bit string starts with the number of unused bits.
    let signature = [&[0], key.sign(&to_be_signed)?.as_slice()].concat();
    let signature = element(BIT_STRING, &signature);
    Ok(element(SEQUENCE, &[&to_be_signed, algorithm, &signature].concat()))
}

fn subject(user: &str, groups: &[String]) -> Vec<u8> {
    let attribute = |id: &[u8], value: &str| {
        let pair = [element(OBJECT_ID, id), element(UTF8, value.as_bytes())].concat();
        element(SET, &element(SEQUENCE, &pair))
    };
    let mut names: Vec<u8> = groups.iter().flat_map(|group| attribute(&ORGANIZATION, group)).collect();
    names.extend(attribute(&COMMON_NAME, user));
    element(SEQUENCE, &names)
}

/// Tag, length, content.
fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag];
    let length = content.len().to_be_bytes();
    let significant = &length[content.len().leading_zeros() as usize / 8..];
    match significant {
        [] => bytes.push(0),
        [short] if *short < 0x80 => bytes.push(*short),
        long => {
            // At most eight bytes of length, so this cannot be cut short.
            bytes.push(0x80 | u8::try_from(long.len()).unwrap_or_default());
            bytes.extend_from_slice(long);
        }
    }
    bytes.extend_from_slice(content);
    bytes
}

/// The content of the first element, and what follows the element.
fn content(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&first, rest) = bytes.get(1..)?.split_first()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let (length, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
        (length.iter().fold(0, |sum, byte| (sum << 8) | usize::from(*byte)), rest)
    };
    rest.split_at_checked(length)
}

/// All elements one after another, each with its tag and length.
fn elements(mut bytes: &[u8]) -> Option<Vec<&[u8]>> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let (_, rest) = content(bytes)?;
        found.push(&bytes[..bytes.len() - rest.len()]);
        bytes = rest;
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(0, &[SET, 0])]
    #[case(127, &[SET, 127])]
    #[case(128, &[SET, 0x81, 128])]
    #[case(300, &[SET, 0x82, 1, 44])]
    fn lengths_are_written_and_read(#[case] length: usize, #[case] header: &[u8]) {
        let body = vec![7; length];
        let encoded = element(SET, &body);
        assert_eq!(encoded, [header, &body].concat());
        let two = [encoded.as_slice(), &[1, 1, 0]].concat();
        assert_eq!(content(&two), Some((body.as_slice(), &[1, 1, 0][..])));
        assert_eq!(elements(&two), Some(vec![encoded.as_slice(), &[1, 1, 0]]));
    }

    #[test]
    fn damaged_bytes_are_not_read() {
        assert_eq!(content(&[SET, 5, 1]), None);
        assert_eq!(content(&[SET, 0x82, 1]), None);
        assert_eq!(elements(&[SET]), None);
    }
}
