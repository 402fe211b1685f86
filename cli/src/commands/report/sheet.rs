//! A report as tables and charts, before it is written in any format.

use govcloud_crds::{Quantity, Resources};
use jiff::Timestamp;

use super::chart::Chart;
use crate::output::text::{amounts, day, plain_number};

/// A report as tables and charts.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// What it is about.
    pub title: String,
    /// Whom it is about.
    pub about: String,
    /// Which cluster was asked.
    pub cluster: String,
    /// When it was made.
    pub generated_at: Timestamp,
    /// What it lacks, each in a sentence.
    pub not_included: Vec<String>,
    /// One per report.
    pub parts: Vec<Part>,
}

impl Document {
    /// The day on which it was made, in UTC.
    pub fn day(&self) -> String {
        day(self.generated_at)
    }
}

/// One of the reports.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// Its heading.
    pub heading: &'static str,
    /// The few figures to begin with.
    pub figures: Vec<Figure>,
    /// Its tables.
    pub sheets: Vec<Sheet>,
}

/// A number that is read first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figure {
    /// The number.
    pub number: usize,
    /// What it counts.
    pub label: &'static str,
}

impl Figure {
    /// So many of something: what one is called, and several.
    pub fn new(number: usize, one: &'static str, several: &'static str) -> Self {
        Self { number, label: if number == 1 { one } else { several } }
    }
}

/// A table, and the charts that draw it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sheet {
    /// What its rows are, as the first column of CSV says it.
    pub key: &'static str,
    /// Its heading.
    pub heading: &'static str,
    /// What to know when reading it.
    pub note: &'static str,
    /// What is said if it has no rows.
    pub empty: &'static str,
    /// The names of its columns, as CSV has them: stable, in lower case.
    pub columns: Vec<&'static str>,
    /// Its rows, each as long as `columns`.
    pub rows: Vec<Vec<Cell>>,
    /// What draws it; the table says the same.
    pub charts: Vec<Chart>,
}

impl Sheet {
    /// The columns as people read them, and whether numbers stand in them.
    pub fn titles(&self) -> Vec<(String, bool)> {
        let has_numbers = |place: usize| self.rows.iter().any(|row| row.get(place).is_some_and(Cell::is_number));
        let title = |name: &str| {
            let words = name.replace('_', " ");
            words[..1].to_uppercase() + &words[1..]
        };
        self.columns.iter().enumerate().map(|(place, name)| (title(name), has_numbers(place))).collect()
    }
}

/// A value, which each format writes in its own way.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Nothing.
    Nothing,
    /// Words.
    Text(String),
    /// How many.
    Count(usize),
    /// An amount of one thing.
    Amount(Quantity),
    /// Amounts of several things.
    Amounts(Resources),
    /// A moment.
    Time(Timestamp),
    /// Yes or no.
    Truth(bool),
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        if text.is_empty() { Self::Nothing } else { Self::Text(text.to_owned()) }
    }
}

impl From<&String> for Cell {
    fn from(text: &String) -> Self {
        text.as_str().into()
    }
}

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Nothing, Into::into)
    }
}

macro_rules! cells {
    ($($from:ty: $cell:ident),*) => { $( impl From<$from> for Cell { fn from(value: $from) -> Self { Self::$cell(value) } } )* };
}
cells!(String: Text, usize: Count, Quantity: Amount, Timestamp: Time, bool: Truth);

impl From<&Resources> for Cell {
    fn from(amounts: &Resources) -> Self {
        if amounts.is_empty() { Self::Nothing } else { Self::Amounts(amounts.clone()) }
    }
}

impl Cell {
    /// For people: `3Ti`, `2026-12-23`.
    pub fn for_people(&self) -> String {
        match self {
            Self::Nothing => String::new(),
            Self::Text(text) => text.clone(),
            Self::Count(number) => number.to_string(),
            Self::Amount(amount) => plain_number(*amount),
            Self::Amounts(all) => amounts(all),
            Self::Time(moment) => day(*moment),
            Self::Truth(is) => if *is { "yes" } else { "no" }.to_owned(),
        }
    }

    /// For programs: plain numbers, bytes as bytes; whole moments in UTC.
    pub fn for_programs(&self) -> String {
        match self {
            Self::Amount(amount) => number(*amount),
            Self::Amounts(all) => {
                let each = all.0.iter().map(|(key, amount)| format!("{key}={}", number(*amount)));
                each.collect::<Vec<_>>().join(" ")
            }
            Self::Time(moment) => moment.to_string(),
            Self::Truth(is) => is.to_string(),
            _ => self.for_people(),
        }
    }

    /// Whether it is a moment, which is not broken into lines.
    pub fn is_time(&self) -> bool {
        matches!(self, Self::Time(_))
    }

    /// Whether it is a number, which stands at the right of its column.
    pub fn is_number(&self) -> bool {
        matches!(self, Self::Count(_) | Self::Amount(_))
    }
}

/// `1099511627776` for 1Ti, `0.5` for 500m: exact for whole numbers.
fn number(amount: Quantity) -> String {
    let whole = amount.divide_up(Quantity::from_units(1)).filter(|units| Quantity::from_units(*units) == amount);
    whole.map_or_else(|| amount.as_f64().to_string(), |units| units.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("1Ti", "1Ti", "1099511627776")]
    #[case("500m", "0.5", "0.5")]
    #[case("0", "0", "0")]
    #[case("4k", "4000", "4000")]
    fn amounts_are_plain_numbers_for_programs(#[case] amount: &str, #[case] people: &str, #[case] programs: &str) {
        let cell = Cell::Amount(amount.parse().expect("valid"));
        assert_eq!((cell.for_people().as_str(), cell.for_programs().as_str()), (people, programs));
    }

    #[test]
    fn nothing_is_nothing_everywhere() {
        for cell in [Cell::from(""), Cell::from(&Resources::default()), Cell::from(None::<usize>)] {
            assert_eq!((cell.for_people(), cell.for_programs()), (String::new(), String::new()));
        }
    }

    #[test]
    fn several_amounts_stay_in_one_cell() {
        let all: Resources =
            [("brokers", "3"), ("storage", "3Ti")].map(|(k, v)| (k.to_owned(), v.parse().expect(v))).into_iter().collect();
        let cell = Cell::from(&all);
        assert_eq!((cell.for_people(), cell.for_programs()), ("3 brokers, 3Ti".into(), "brokers=3 storage=3298534883328".into()));
    }
}
