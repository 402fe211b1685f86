//! A letter as one HTML file that needs nothing else.

use askama::Template;

use super::document::{Block, Letter};
use crate::error::{CliError, Result};

#[derive(Template)]
#[template(path = "letter.html")]
struct Page<'a> {
    letter: &'a Letter,
}

/// The letter as HTML. The template escapes every text.
pub fn render(letter: &Letter) -> Result<String> {
    let page = Page { letter };
    page.render().map_err(|error| CliError::failure(format!("the letter cannot be written: {error}")).caused_by(error))
}
