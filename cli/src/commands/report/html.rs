//! A report as one HTML page that needs nothing else.

use askama::Template;

use super::sheet::Document;
use crate::error::{CliError, Result};

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    document: &'a Document,
}

/// The report as HTML. The template escapes every text; the page has no script, and asks nobody for anything.
pub fn render(document: &Document) -> Result<String> {
    let page = Page { document };
    page.render().map_err(|error| CliError::failure(format!("the report cannot be written: {error}")).caused_by(error))
}
