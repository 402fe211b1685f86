//! A letter as plain text, 80 columns wide.

use std::fmt::Write as _;

use super::document::{Block, Letter};
use crate::output::{
    Table,
    text::{WIDTH, hanging, plain, wrapped},
};

/// How wide a table may be before its rows are written below each other.
const TABLE_WIDTH: usize = 110;

/// The letter as text.
pub fn render(letter: &Letter) -> String {
    let mut text = format!("GOVERNMENT CLOUD\n\n{}\n{}\n\n", plain(&letter.title), "=".repeat(letter.title.chars().count()));
    text += &fields(&letter.head);
    for (index, section) in letter.sections.iter().enumerate() {
        let heading = format!("{}. {}", index + 1, section.heading);
        let _ = write!(text, "\n{heading}\n{}\n", "-".repeat(heading.chars().count()));
        text += &section.blocks.iter().map(block).collect::<Vec<_>>().join("\n");
    }
    format!("{text}\n{}\n", wrapped(&letter.closing, WIDTH))
}

fn block(block: &Block) -> String {
    match block {
        Block::Text(said) => format!("{}\n", wrapped(said, WIDTH)),
        Block::Quote(said) => format!("  | {}\n", wrapped(said, WIDTH - 4).replace('\n', "\n  | ")),
        Block::Fields(pairs) => fields(pairs),
        Block::Table { header, rows } => table(header, rows),
    }
}

fn fields(pairs: &[(String, String)]) -> String {
    let width = pairs.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    pairs.iter().map(|(name, value)| hanging(&format!("{name}:"), width + 3, value)).collect()
}

/// A table; if it is too wide for a page, its rows one below the other.
fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let mut table = Table::new(header, "");
    for row in rows {
        table.row(row.clone());
    }
    let text = table.render(true);
    if text.lines().all(|line| line.chars().count() <= TABLE_WIDTH) {
        return text;
    }
    let one = |row: &Vec<String>| {
        let pairs: Vec<_> = header.iter().zip(row).map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        fields(&pairs)
    };
    rows.iter().map(one).collect::<Vec<_>>().join("\n")
}
