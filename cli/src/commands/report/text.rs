//! A report as text for a terminal.

use std::fmt::Write as _;

use super::sheet::{Document, Sheet};
use crate::output::{Table, text::plain};

/// The report as text: the figures, then each table under its heading.
pub fn render(document: &Document, headers: bool) -> String {
    let mut text = format!("{} of {}, {}\n", document.title, plain(&document.about), document.day());
    for missing in &document.not_included {
        let _ = writeln!(text, "Not included: {}", plain(missing));
    }
    for part in &document.parts {
        let figures: Vec<_> = part.figures.iter().map(|figure| format!("{} {}", figure.number, figure.label)).collect();
        let _ = writeln!(text, "\n{}: {}.", part.heading, figures.join(", "));
        for sheet in &part.sheets {
            let _ = write!(text, "\n{}\n{}", sheet.heading, table(sheet).render(headers));
        }
    }
    text
}

fn table(sheet: &Sheet) -> Table {
    let headers: Vec<_> = sheet.columns.iter().map(|column| column.replace('_', " ").to_uppercase()).collect();
    let headers: Vec<_> = headers.iter().map(String::as_str).collect();
    let mut table = Table::new(&headers, sheet.empty);
    for row in &sheet.rows {
        table.row(row.iter().map(super::sheet::Cell::for_people).collect());
    }
    table
}
