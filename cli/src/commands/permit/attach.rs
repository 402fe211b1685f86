//! `govcloud permit attach`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::Args;
use govcloud_crds::{
    ProcessingPermit,
    permit::{Evidence, Phase},
};
use kube::ResourceExt as _;
use serde_json::{Value, json};

use super::{
    evidence::{self, Attachment},
    find::find,
    next::fitting,
    request_file,
    submit::named,
};
use crate::{
    context::Context,
    error::{CliError, Result},
    exit::Exit,
    manifests,
};

/// `govcloud permit attach`.
#[derive(Clone, Debug, Args)]
pub struct AttachArgs {
    /// The request that is not sent yet: a ProcessingPermit
    #[arg(short, long, value_name = "FILE")]
    pub filename: Option<PathBuf>,
    /// The documents, each with where it can be had
    #[arg(required = true, value_parser = evidence::attachment, value_name = "DOCUMENT[=URI]")]
    pub documents: Vec<Attachment>,
    /// Where the document can be had, if it is one
    #[arg(long, value_name = "URI")]
    pub uri: Option<String>,
    /// Change the file, instead of printing it
    #[arg(long, requires = "filename")]
    pub in_place: bool,
}

/// Runs `govcloud permit attach`.
pub async fn run(ctx: &Context, args: &AttachArgs) -> Result<Exit> {
    let Some(file) = &args.filename else { return Err(not_to_a_sent_one(ctx, args).await) };
    let documents = documents(args)?;
    let (permit, object) = request_file::value(file)?;
    let evidence = evidence::with(permit.spec.evidence.clone(), &documents)?;
    let text = fs::read_to_string(file).map_err(|error| unwritten(file, error))?;
    let changed = changed(&text, &object, &permit.spec.evidence, &evidence)?;
    if !args.in_place {
        ctx.out.text(&changed)?;
        return Ok(Exit::Ok);
    }
    fs::write(file, changed).map_err(|error| unwritten(file, error))?;
    ctx.out.note(&said(file, &evidence));
    Ok(Exit::Ok)
}

fn unwritten(file: &Path, error: std::io::Error) -> CliError {
    CliError::failure(format!("cannot change {}: {error}", file.display())).caused_by(error)
}

fn said(file: &Path, evidence: &[Evidence]) -> String {
    let names: Vec<_> = evidence.iter().map(|one| one.name.as_str()).collect();
    let file = file.display();
    format!("{file} names {} now. Send it: govcloud permit request -f {file}", names.join(", "))
}

fn documents(args: &AttachArgs) -> Result<Vec<Attachment>> {
    let mut documents = args.documents.clone();
    match (documents.as_mut_slice(), &args.uri) {
        (_, None) => {}
        ([one], Some(uri)) => one.uri = Some(uri.clone()),
        _ => {
            return Err(CliError::usage("--uri is for one document, and there are several")
                .hint("Say it for each: DOCUMENT=URI DOCUMENT=URI"));
        }
    }
    Ok(documents)
}

/// Without a file the first word was meant as a permit; if it is one, what can be done instead depends on its phase.
async fn not_to_a_sent_one(ctx: &Context, args: &AttachArgs) -> CliError {
    let wanted = args.documents.first().map(|one| one.file.display().to_string()).unwrap_or_default();
    match find(ctx, &wanted).await {
        Ok(permit) => already_sent(&permit),
        Err(_) => CliError::usage("to which request?")
            .hint("To one that is not sent yet: govcloud permit attach -f REQUEST.yaml DOCUMENT…")
            .hint("Or attach at once: govcloud permit request --attach DOCUMENT …"),
    }
}

fn already_sent(permit: &ProcessingPermit) -> CliError {
    let name = permit.name_any();
    let phase = permit.status.as_ref().map(|status| status.phase).unwrap_or_default();
    let error =
        CliError::usage(format!("{} was sent already, and a request cannot be changed: reviewers pinned it", named(permit)));
    let successor = |verb: &str| format!("govcloud permit {verb} {name} --attach DOCUMENT --justification \"…\"");
    match phase {
        Phase::Returned => error.hint(format!("Answer with the document: {}", successor("answer"))),
        Phase::Active => error.hint(format!("Amend it with the document: {}", successor("amend"))),
        Phase::Denied | Phase::Revoked => error.hint(format!("Appeal with the document: {}", successor("appeal"))),
        Phase::Expired => error.hint(format!("Renew it with the document: {}", successor("renew"))),
        Phase::Pending | Phase::UnderReview => error
            .hint(format!("Take it back (govcloud permit withdraw {name}), and ask anew with --attach"))
            .hint("Or wait: a reviewer who needs the document returns it, and the answer can have it"),
        Phase::Approved | Phase::Suspended | Phase::Withdrawn | Phase::Superseded => {
            fitting(permit).into_iter().fold(error, CliError::hint)
        }
    }
}

/// The text of the request with other evidence. What people wrote stays as they wrote it, comments and all, where the change can be made by
/// adding lines; otherwise it is written anew.
fn changed(text: &str, object: &Value, before: &[Evidence], evidence: &[Evidence]) -> Result<String> {
    let mut wanted = object.clone();
    wanted["spec"]["evidence"] = json!(evidence);
    let reads_as = |text: &str| manifests::parse("the request", text).is_ok_and(|all| all.len() == 1 && all[0].object == wanted);
    if before.is_empty()
        && let Some(added) = added(text, evidence).filter(|added| reads_as(added))
    {
        return Ok(added);
    }
    let unprintable = |error: &dyn std::fmt::Display| CliError::failure(format!("the request cannot be written: {error}"));
    if text.trim_start().starts_with('{') {
        return serde_json::to_string_pretty(&wanted).map(|text| text + "\n").map_err(|error| unprintable(&error));
    }
    serde_yaml::to_string(&wanted).map_err(|error| unprintable(&error))
}

/// The YAML with the evidence right below `spec:`, indented as what stands there is.
fn added(text: &str, evidence: &[Evidence]) -> Option<String> {
    let start = text.lines().position(|line| line.trim_end() == "spec:")?;
    let first = text.lines().skip(start + 1).find(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#'))?;
    let indent = " ".repeat(first.len() - first.trim_start().len());
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let mut new = vec![format!("{indent}evidence:")];
    for one in evidence {
        new.push(format!("{indent}- name: {}", json!(one.name)));
        new.push(format!("{indent}  sha256: {}", json!(one.sha256)));
        new.extend(one.uri.iter().map(|uri| format!("{indent}  uri: {}", json!(uri))));
    }
    lines.splice(start + 1..=start, new);
    Some(lines.join("\n") + "\n")
}

#[cfg(test)]
#[path = "attach_tests.rs"]
mod tests;
