//! A report as CSV: one table, whose first column says what a row is.

use csv::Writer;

use super::sheet::{Cell, Document, Sheet};
use crate::error::{CliError, Result};

/// What a spreadsheet takes for the beginning of a formula, in letters of either width.
const BEGINS_A_FORMULA: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];

/// The report as CSV. Every row has every column of every table; those of other tables are empty. Amounts are plain numbers.
pub fn render(document: &Document, headers: bool) -> Result<String> {
    let sheets: Vec<_> = document.parts.iter().flat_map(|part| &part.sheets).collect();
    let mut columns: Vec<&str> = Vec::new();
    for column in sheets.iter().flat_map(|sheet| &sheet.columns) {
        if !columns.contains(column) {
            columns.push(column);
        }
    }
    let mut writer = Writer::from_writer(Vec::new());
    let first = if headers { writer.write_record(header(&columns)) } else { Ok(()) };
    let written = first.and_then(|()| write(&mut writer, &sheets, &columns, &document.not_included));
    let failed = |error: &dyn std::error::Error| CliError::failure(format!("the report cannot be written as CSV: {error}"));
    written.map_err(|error| failed(&error))?;
    let bytes = writer.into_inner().map_err(|error| failed(&error))?;
    String::from_utf8(bytes).map_err(|error| failed(&error))
}

fn header<'a>(columns: &'a [&'a str]) -> impl Iterator<Item = &'a str> {
    std::iter::once("row").chain(columns.iter().copied()).chain(["not_included"])
}

fn write(writer: &mut Writer<Vec<u8>>, sheets: &[&Sheet], columns: &[&str], missing: &[String]) -> csv::Result<()> {
    for sheet in sheets {
        for row in &sheet.rows {
            let cell = |column: &&str| {
                let place = sheet.columns.iter().position(|known| known == column);
                place.and_then(|place| row.get(place)).map(in_cell).unwrap_or_default()
            };
            let cells = columns.iter().map(cell);
            writer.write_record(std::iter::once(sheet.key.to_owned()).chain(cells).chain([String::new()]))?;
        }
    }
    for line in missing {
        let empty = columns.iter().map(|_| String::new());
        writer.write_record(std::iter::once("missing".to_owned()).chain(empty).chain([harmless(line)]))?;
    }
    Ok(())
}

fn in_cell(cell: &Cell) -> String {
    match cell {
        Cell::Text(text) => harmless(text),
        number => number.for_programs(),
    }
}

/// Text that no spreadsheet takes for a formula: who opens a report must not run what somebody wrote into a name.
fn harmless(text: &str) -> String {
    let begins = text.trim_start_matches(|c: char| c.is_whitespace() || c.is_control()).starts_with(BEGINS_A_FORMULA);
    // A tab or a line break at the beginning is enough for some.
    if begins || text.starts_with(['\t', '\r', '\n']) { format!("'{text}") } else { text.to_owned() }
}

#[cfg(test)]
#[path = "csv_tests.rs"]
mod tests;
