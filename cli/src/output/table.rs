//! Tables in kubectl's look.

use comfy_table::{ContentArrangement, presets};

use super::text::plain;

/// A table: headers and rows of equal length.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    headers: Vec<String>,
    rows: Vec<Vec<String>>,
    empty: String,
}

impl Table {
    /// A table with these headers, and what to say when it has no rows.
    pub fn new(headers: &[&str], empty: impl Into<String>) -> Self {
        Self { headers: headers.iter().map(|h| (*h).to_owned()).collect(), rows: Vec::new(), empty: empty.into() }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// The table as text: two spaces between columns, no borders. Without rows, what is said then.
    pub fn render(&self, with_headers: bool) -> String {
        if self.rows.is_empty() {
            return format!("{}\n", self.empty);
        }
        let mut table = comfy_table::Table::new();
        table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
        if with_headers {
            table.set_header(&self.headers);
        }
        for row in &self.rows {
            table.add_row(row.iter().map(|cell| cell_text(cell)));
        }
        for column in table.column_iter_mut() {
            column.set_padding((0, 2));
        }
        table.trim_fmt() + "\n"
    }
}

/// A cell holds one line, and `-` where there is nothing, so that columns can be counted by scripts.
fn cell_text(text: &str) -> String {
    let text = plain(text).replace('\n', " ");
    if text.is_empty() { "-".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_two_spaces_apart() {
        let mut table = Table::new(&["NAME", "WHAT"], "none");
        table.row(vec!["a".into(), "two\nlines".into()]);
        table.row(vec!["وزارت".into(), String::new()]);
        assert_eq!(table.render(true), "NAME   WHAT\na      two lines\nوزارت  -\n");
        assert_eq!(table.render(false), "a      two lines\nوزارت  -\n");
    }

    #[test]
    fn nothing_is_said_in_words() {
        assert_eq!(Table::new(&["NAME"], "There is none.").render(true), "There is none.\n");
    }

    #[test]
    fn nobody_moves_the_cursor_through_a_cell() {
        let mut table = Table::new(&["NAME"], "");
        table.row(vec!["a\u{1b}[2Jb".into()]);
        assert_eq!(table.render(false), "a[2Jb\n");
    }
}
