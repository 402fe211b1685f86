//! `govcloud permit verify`.

use std::{
    fs::File,
    path::{Path, PathBuf},
};

use clap::Args;
use govcloud_crds::{ProcessingPermit, permit::Evidence};
use serde::Serialize;

use super::{evidence::sha256, find::find, submit::named};
use crate::{
    context::Context,
    error::{CliError, Result},
    exit::Exit,
    output::{Paint, Table, text::plain},
};

/// `govcloud permit verify`.
#[derive(Clone, Debug, Args)]
pub struct VerifyArgs {
    /// The permit's name, or its number such as GC-2026-000042
    pub permit: String,
    /// The documents; without any, what the permit names is listed
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
}

/// How a document compares with what a permit names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Verdict {
    /// It is the document that was named.
    Matches,
    /// One of its name was named, and that is another one.
    Differs,
    /// None of its name or contents was named.
    NotAttached,
}

/// A document and how it compares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Compared {
    /// The file.
    pub file: String,
    /// The SHA-256 of its bytes.
    pub sha256: String,
    /// How it compares.
    pub verdict: Verdict,
    /// What the permit names under that name, or with these contents.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attached: Option<Evidence>,
}

/// Runs `govcloud permit verify`.
pub async fn run(ctx: &Context, args: &VerifyArgs) -> Result<Exit> {
    let permit = find(ctx, &args.permit).await?;
    if args.files.is_empty() {
        ctx.out.data(&permit.spec.evidence, || listed(&permit, ctx.out.headers))?;
        return Ok(Exit::Ok);
    }
    let compared = args.files.iter().map(|file| compare(&permit.spec.evidence, file)).collect::<Result<Vec<_>>>()?;
    ctx.out.data(&compared, || render(&permit, &compared, ctx.out.paint))?;
    Ok(exit(&compared))
}

/// Only what was named may pass.
fn exit(compared: &[Compared]) -> Exit {
    if compared.iter().all(|one| one.verdict == Verdict::Matches) { Exit::Ok } else { Exit::Denied }
}

fn compare(attached: &[Evidence], file: &Path) -> Result<Compared> {
    let shown = file.display().to_string();
    let sha256 = File::open(file)
        .and_then(sha256)
        .map_err(|error| CliError::usage(format!("cannot read the document {shown}: {error}")).caused_by(error))?;
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let same = attached.iter().filter(|one| one.sha256 == sha256).max_by_key(|one| one.name == name);
    let (verdict, found) = match (same, attached.iter().find(|one| one.name == name)) {
        (Some(same), _) => (Verdict::Matches, Some(same)),
        (None, Some(other)) => (Verdict::Differs, Some(other)),
        (None, None) => (Verdict::NotAttached, None),
    };
    Ok(Compared { file: shown, sha256, verdict, attached: found.cloned() })
}

fn listed(permit: &ProcessingPermit, headers: bool) -> String {
    let mut table = Table::new(&["DOCUMENT", "SHA-256", "WHERE"], format!("{} names no documents.", named(permit)));
    for document in &permit.spec.evidence {
        table.row(vec![document.name.clone(), document.sha256.clone(), document.uri.clone().unwrap_or_default()]);
    }
    table.render(headers)
}

fn render(permit: &ProcessingPermit, compared: &[Compared], paint: Paint) -> String {
    let permit = plain(&named(permit));
    let line = |one: &Compared| {
        let (file, attached) = (plain(&one.file), one.attached.as_ref());
        let name = attached.map(|attached| plain(&attached.name)).unwrap_or_default();
        match one.verdict {
            Verdict::Matches => {
                let as_name = if file.ends_with(&name) { String::new() } else { format!(", as {name}") };
                format!("{} {file} is what {permit} names{as_name}\n", paint.good("✓"))
            }
            Verdict::Differs => {
                let digest = attached.map(|attached| plain(&attached.sha256)).unwrap_or_default();
                let head = format!("{} {file} is another document than {permit} names under {name}", paint.bad("✗"));
                format!("{head}\n    SHA-256 of the file  {}\n    SHA-256 named        {digest}\n", one.sha256)
            }
            Verdict::NotAttached => format!("{} {file} is none of the documents that {permit} names\n", paint.bad("✗")),
        }
    };
    let all: String = compared.iter().map(line).collect();
    let hint = format!("What {permit} names: leave the files out\n");
    if exit(compared) == Exit::Ok { all } else { all + &hint }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::permit::list::tests::permits;
    use std::fs;

    #[test]
    fn documents_are_compared_by_their_digests() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::write(&path, text).expect("writes");
            path
        };
        let mut permit = permits().remove(0);
        let named = |name: &str, text: &str| Evidence {
            name: name.into(),
            sha256: sha256(text.as_bytes()).expect("reads"),
            uri: Some(format!("https://archive.example/{name}")),
        };
        permit.spec.evidence = vec![named("plan.pdf", "the plan"), named("map.pdf", "the map")];
        let files =
            [write("plan.pdf", "the plan"), write("karte.pdf", "the map"), write("map.pdf", "x"), write("other.pdf", "y")];
        let compared: Vec<_> = files.iter().map(|file| compare(&permit.spec.evidence, file).expect("reads")).collect();
        let verdicts: Vec<_> = compared.iter().map(|one| one.verdict).collect();
        assert_eq!(verdicts, [Verdict::Matches, Verdict::Matches, Verdict::Differs, Verdict::NotAttached]);
        assert_eq!((exit(&compared), exit(&compared[..2])), (Exit::Denied, Exit::Ok));
        let text = render(&permit, &compared, Paint::default()).replace(&folder.path().display().to_string(), "FOLDER");
        insta::assert_snapshot!("verify", text);
        insta::assert_snapshot!("verify_listed", listed(&permit, true));
        permit.spec.evidence.clear();
        insta::assert_snapshot!("verify_none", listed(&permit, true));
    }
}
