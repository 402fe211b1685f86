//! `govcloud permit letter`: a decision as a document to file.

mod consequences;
mod document;
mod html;
mod text;

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use kube::ResourceExt as _;

use super::find::{self, Case};
use crate::{
    commands::review::facts::facts,
    context::{Context, if_readable},
    error::{CliError, Result},
    exit::Exit,
    output::file,
};

/// How a letter is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LetterFormat {
    /// One file to print or to file
    Html,
    /// Plain text
    Text,
}

/// `govcloud permit letter`.
#[derive(Clone, Debug, Args)]
pub struct LetterArgs {
    /// The permit's number such as GC-2026-000042, or its name
    pub permit: String,
    /// How to write it [default: html for a file named *.html, text otherwise]
    #[arg(long, value_enum)]
    pub format: Option<LetterFormat>,
    /// Write it into this file instead of the standard output
    #[arg(long, value_name = "FILE")]
    pub output_file: Option<PathBuf>,
    /// Replace the file if it is there
    #[arg(long, requires = "output_file")]
    pub force: bool,
    /// Write it although nothing is decided yet
    #[arg(long)]
    pub draft: bool,
}

impl LetterArgs {
    fn format(&self) -> LetterFormat {
        let is_html = |file: &Path| file.extension().is_some_and(|end| end.eq_ignore_ascii_case("html"));
        let of_file = self.output_file.as_deref().filter(|file| is_html(file)).map(|_| LetterFormat::Html);
        self.format.or(of_file).unwrap_or(LetterFormat::Text)
    }
}

/// Runs `govcloud permit letter`.
pub async fn run(ctx: &Context, args: &LetterArgs) -> Result<Exit> {
    let case = find::case(ctx, &args.permit).await?;
    decided(&case, args.draft, ctx.now)?;
    let others = ctx.list(ctx.namespaced(&case.permit.namespace().unwrap_or_default())).await?;
    let classes = if_readable(ctx.classes().await)?;
    let facts = facts(&case, &others, &classes, ctx.caller().await?, ctx.now);
    let letter = document::letter(&case, &facts, &ctx.place.server, ctx.now);
    let written = match args.format() {
        LetterFormat::Html => html::render(&letter)?,
        LetterFormat::Text => text::render(&letter),
    };
    match &args.output_file {
        Some(path) => {
            file::write(path, &written, args.force)?;
            ctx.out.note(&format!("The letter of {} is in {}.", case.title(), path.display()));
        }
        None if ctx.out.for_people() => ctx.out.text(&written)?,
        None => ctx.out.data(&letter, String::new)?,
    }
    Ok(Exit::Ok)
}

/// There is no letter of what is not decided, unless somebody wants to see how it would look.
fn decided(case: &Case, draft: bool, now: jiff::Timestamp) -> Result<()> {
    let state = case.effective(now);
    if draft || state.decision.is_some() {
        return Ok(());
    }
    Err(CliError::failure(format!("nothing is decided yet: {} is {}", case.title(), state.phase))
        .hint(format!("Wait for the decision: govcloud permit watch {}", case.permit.name_any()))
        .hint("Or write what there is, marked as a draft: --draft"))
}

#[cfg(test)]
mod tests;
