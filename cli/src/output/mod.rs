//! What a command prints: tables for people, objects for scripts.

pub mod file;
pub mod objects;
pub mod table;
pub mod text;

use std::io::{self, IsTerminal as _, Write as _};

use clap::ValueEnum;
use kube::Resource;
use serde::Serialize;

use crate::{args::GlobalArgs, error::Result};

pub use table::Table;
pub use text::Paint;

/// How to print.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    #[default]
    Table,
    /// For people, with more columns
    Wide,
    /// The Kubernetes objects as JSON
    Json,
    /// The Kubernetes objects as YAML
    Yaml,
    /// Only kind and name
    Name,
    /// One table for spreadsheets; of reports only
    Csv,
    /// One page with charts; of reports only
    Html,
}

impl Format {
    /// Whether only reports are printed so.
    pub fn is_of_reports(self) -> bool {
        matches!(self, Self::Csv | Self::Html)
    }
}

/// How and where a command prints.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    /// How to print.
    pub format: Format,
    /// Whether tables have a header line.
    pub headers: bool,
    /// Whether to colour what goes to the standard output.
    pub paint: Paint,
    /// Whether a person watches the standard error, and so a spinner makes sense.
    pub interactive: bool,
}

impl Output {
    /// What the global flags and the terminal ask for.
    pub fn new(global: &GlobalArgs) -> Self {
        let plain =
            std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty()) || std::env::var_os("TERM").is_some_and(|v| v == "dumb");
        Self {
            format: global.output,
            headers: !global.no_headers,
            paint: Paint::new(!plain && io::stdout().is_terminal()),
            interactive: io::stderr().is_terminal() && !plain_terminal(),
        }
    }

    /// Whether to print for people.
    pub fn for_people(&self) -> bool {
        matches!(self.format, Format::Table | Format::Wide)
    }

    /// Whether more columns are asked for.
    pub fn wide(&self) -> bool {
        self.format == Format::Wide
    }

    /// Prints text, with a line break at its end.
    pub fn text(&self, text: &str) -> Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        if !text.is_empty() && !text.ends_with('\n') {
            out.write_all(b"\n")?;
        }
        out.flush()?;
        Ok(())
    }

    /// Says something beside the output, on the standard error.
    pub fn note(&self, text: &str) {
        // If nobody reads the standard error, there is nobody to tell.
        let _ = writeln!(io::stderr(), "{}", text.trim_end());
    }

    /// Prints a table.
    pub fn table(&self, table: &Table) -> Result<()> {
        self.text(&table.render(self.headers))
    }

    /// Prints one object: as `human` says it, or as the object itself.
    pub fn object<K: Resource<DynamicType = ()> + Serialize + Clone>(
        &self,
        object: &K,
        human: impl FnOnce() -> String,
    ) -> Result<()> {
        match objects::one(self.format, object)? {
            Some(text) => self.text(&text),
            None => self.text(&human()),
        }
    }

    /// Prints several objects: as the table, or as a List.
    pub fn list<K: Resource<DynamicType = ()> + Serialize + Clone>(
        &self,
        items: &[K],
        human: impl FnOnce() -> Table,
    ) -> Result<()> {
        match objects::list(self.format, items)? {
            Some(text) => self.text(&text),
            None => self.table(&human()),
        }
    }

    /// Prints something that is no Kubernetes object.
    pub fn data<T: Serialize>(&self, data: &T, human: impl FnOnce() -> String) -> Result<()> {
        match objects::data(self.format, data)? {
            Some(text) => self.text(&text),
            None => self.text(&human()),
        }
    }
}

fn plain_terminal() -> bool {
    std::env::var_os("TERM").is_some_and(|v| v == "dumb")
}
