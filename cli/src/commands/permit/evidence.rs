//! Documents that support a request. They are kept elsewhere; a permit knows them by their digests.

use std::{
    fs::File,
    io::{self, Read},
    path::PathBuf,
};

use govcloud_crds::permit::Evidence;
use sha2::{Digest as _, Sha256};

use crate::error::{CliError, Result};

/// How many documents a request can name.
pub const MOST: usize = 16;

/// A document on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// The file.
    pub file: PathBuf,
    /// Where others can have it.
    pub uri: Option<String>,
}

/// `FILE`, or `FILE=URI`.
pub fn attachment(text: &str) -> Result<Attachment, String> {
    let (file, uri) = match text.split_once('=') {
        Some((file, uri)) => (file, Some(uri.to_owned())),
        None => (text, None),
    };
    if file.is_empty() || uri.as_ref().is_some_and(String::is_empty) {
        return Err("write FILE, or FILE=URI, such as plan.pdf=https://archive.example/plan.pdf".into());
    }
    Ok(Attachment { file: file.into(), uri })
}

/// SHA-256 of all that can be read, in lower-case hexadecimal. It is never in memory as a whole.
pub fn sha256(mut document: impl Read) -> io::Result<String> {
    let mut hasher = Sha256::new();
    let mut part = vec![0; 1 << 16];
    loop {
        match document.read(&mut part) {
            Ok(0) => break,
            Ok(length) => hasher.update(&part[..length]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat())
}

/// What a request says of a document.
pub fn evidence(attachment: &Attachment) -> Result<Evidence> {
    let shown = attachment.file.display();
    let unreadable = |error: io::Error| {
        CliError::usage(format!("cannot read the document {shown}: {error}"))
            .hint("A document is one file; nothing was asked for")
            .caused_by(error)
    };
    let Some(name) = attachment.file.file_name() else {
        return Err(CliError::usage(format!("{shown} has no file name, and a permit knows its documents by name")));
    };
    let sha256 = File::open(&attachment.file).and_then(sha256).map_err(unreadable)?;
    Ok(Evidence { name: name.to_string_lossy().into_owned(), sha256, uri: attachment.uri.clone() })
}

/// The documents of a request with those that are attached; one of the same name takes the place of the older.
pub fn with(before: Vec<Evidence>, attachments: &[Attachment]) -> Result<Vec<Evidence>> {
    let new = attachments.iter().map(evidence).collect::<Result<Vec<_>>>()?;
    let twice = new.iter().enumerate().find(|(i, one)| new[..*i].iter().any(|other| other.name == one.name));
    if let Some((_, twice)) = twice {
        return Err(CliError::usage(format!("two of the documents are called {}", twice.name))
            .hint("A permit knows its documents by their file names; rename one of them"));
    }
    let mut all: Vec<_> = before.into_iter().filter(|old| !new.iter().any(|one| one.name == old.name)).collect();
    all.extend(new);
    if all.len() > MOST {
        return Err(CliError::usage(format!("a request names at most {MOST} documents, and these are {}", all.len()))
            .hint("Put several into one file, such as a ZIP archive or a PDF"));
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use std::fs;

    /// As sha256sum has it.
    const OF_ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[rstest]
    #[case("plan.pdf", "plan.pdf", None)]
    #[case("a/plan.pdf=https://x.example/?a=b", "a/plan.pdf", Some("https://x.example/?a=b"))]
    fn documents_on_the_command_line(#[case] text: &str, #[case] file: &str, #[case] uri: Option<&str>) {
        assert_eq!(attachment(text), Ok(Attachment { file: file.into(), uri: uri.map(str::to_owned) }));
        assert!(attachment("").is_err() && attachment("plan.pdf=").is_err() && attachment("=x").is_err());
    }

    #[test]
    fn a_document_is_read_in_parts() {
        assert_eq!(sha256("abc".as_bytes()).expect("reads"), OF_ABC);
        assert_eq!(sha256("a".as_bytes().chain("bc".as_bytes())).expect("reads"), OF_ABC);
        let long = vec![7; 200_000];
        assert_eq!(sha256(&long[..]).expect("reads").len(), 64);
    }

    #[test]
    fn the_newer_document_of_a_name_takes_the_place_of_the_older() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("plan.pdf");
        fs::write(&file, "abc").expect("writes");
        let old = |name: &str| Evidence { name: name.into(), sha256: "0".repeat(64), uri: None };
        let one = Attachment { file: file.clone(), uri: None };
        let all = with(vec![old("plan.pdf"), old("map.pdf")], std::slice::from_ref(&one)).expect("in order");
        assert_eq!(all.iter().map(|e| e.name.as_str()).collect::<Vec<_>>(), ["map.pdf", "plan.pdf"]);
        assert_eq!(all[1].sha256, OF_ABC);
        let twice = with(vec![], &[one.clone(), one.clone()]).expect_err("twice").render(false);
        assert_eq!(
            twice,
            "error: two of the documents are called plan.pdf\n  A permit knows its documents by their file names; rename one of them\n"
        );
        let many = (0..16).map(|i| old(&format!("{i}.pdf"))).collect();
        assert!(with(many, &[one]).expect_err("too many").to_string().contains("at most 16"));
        let gone = Attachment { file: folder.path().join("gone.pdf"), uri: None };
        assert!(with(vec![], &[gone]).expect_err("not there").to_string().contains("cannot read the document"));
    }
}
