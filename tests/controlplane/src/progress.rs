//! Shows that a long build is alive.

use std::collections::VecDeque;
use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// How often a plain line is printed when nobody watches a terminal.
const PLAIN_INTERVAL: Duration = Duration::from_secs(30);

/// How many lines of output an error quotes.
const TAIL_LINES: usize = 40;

/// What a line of `go build -v` says.
#[derive(Debug, PartialEq, Eq)]
enum Line<'a> {
    /// A module is being downloaded.
    Downloading(&'a str),
    /// A package is being compiled.
    Compiling(&'a str),
    /// Anything else: most likely a message about something that is wrong.
    Other,
}

fn read(line: &str) -> Line<'_> {
    if let Some(module) = line.strip_prefix("go: downloading ") {
        return Line::Downloading(module);
    }
    let path = |c: char| c.is_ascii_alphanumeric() || "./-_~+".contains(c);
    if !line.is_empty() && line.chars().all(path) { Line::Compiling(line) } else { Line::Other }
}

/// Counts what happened, and shows it in a way that suits the reader.
#[derive(Debug)]
pub(crate) struct Progress {
    /// `None` if standard error is not a terminal.
    spinner: Option<ProgressBar>,
    started: Instant,
    last_plain: Instant,
    counts: Counts,
}

#[derive(Debug, Default)]
struct Counts {
    downloaded: usize,
    compiled: usize,
    current: String,
}

impl Counts {
    fn line(&mut self, line: &str) {
        match read(line) {
            Line::Downloading(module) => {
                self.downloaded += 1;
                self.current = format!("downloading {module}");
            }
            Line::Compiling(package) => {
                self.compiled += 1;
                self.current = format!("compiling {package}");
            }
            Line::Other => {}
        }
    }

    fn message(&self) -> String {
        if self.current.is_empty() {
            // Go prints nothing for what its cache already holds.
            return "checking what Go already has".to_owned();
        }
        let Self { downloaded, compiled, current } = self;
        format!("{downloaded} modules, {compiled} packages: {current}")
    }
}

impl Progress {
    /// Starts the clock.
    pub(crate) fn start() -> Self {
        let now = Instant::now();
        let spinner = std::io::stderr().is_terminal().then(spinner);
        let progress = Self { spinner, started: now, last_plain: now, counts: Counts::default() };
        progress.show();
        progress
    }

    /// Takes in a line of Go's output.
    pub(crate) fn line(&mut self, line: &str) {
        self.counts.line(line);
        self.tick();
    }

    /// Shows the present state, if it is time to.
    pub(crate) fn tick(&mut self) {
        if self.spinner.is_none() {
            if self.last_plain.elapsed() < PLAIN_INTERVAL {
                return;
            }
            self.last_plain = Instant::now();
        }
        self.show();
    }

    fn show(&self) {
        match &self.spinner {
            Some(spinner) => spinner.set_message(self.counts.message()),
            None => eprintln!("[{}s] {}", self.started.elapsed().as_secs(), self.counts.message()),
        }
    }

    /// Leaves a clean line behind.
    pub(crate) fn finish(self) {
        if let Some(spinner) = self.spinner {
            spinner.finish_and_clear();
        }
    }
}

fn spinner() -> ProgressBar {
    let spinner = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} {wide_msg}") {
        spinner.set_style(style);
    }
    spinner.enable_steady_tick(Duration::from_millis(120));
    spinner
}

/// The last lines that may explain a failure.
#[derive(Debug, Default)]
pub(crate) struct Tail {
    lines: VecDeque<String>,
}

impl Tail {
    /// Takes in a line. Names of packages say nothing about a failure, and there are so many
    /// that they would push out the message that does.
    pub(crate) fn push(&mut self, line: &str) {
        if read(line) != Line::Other {
            return;
        }
        if self.lines.len() == TAIL_LINES {
            self.lines.pop_front();
        }
        self.lines.push_back(line.to_owned());
    }

    /// The lines, the oldest first.
    pub(crate) fn text(self) -> String {
        if self.lines.is_empty() {
            return "(no message; it may have been killed, e.g. for lack of memory)".to_owned();
        }
        Vec::from(self.lines).join("\n")
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("go: downloading k8s.io/api v0.37.2", Line::Downloading("k8s.io/api v0.37.2"))]
    #[case("k8s.io/api/core/v1", Line::Compiling("k8s.io/api/core/v1"))]
    #[case("internal/goarch", Line::Compiling("internal/goarch"))]
    #[case("# k8s.io/api/core/v1", Line::Other)]
    #[case("x/y.go:1:2: undefined: z", Line::Other)]
    #[case("go: errors parsing go.mod:", Line::Other)]
    fn lines_are_told_apart(#[case] line: &str, #[case] expected: Line<'_>) {
        assert_eq!(read(line), expected);
    }

    #[test]
    fn counts_and_names_what_happens() {
        let mut counts = Counts::default();
        assert_eq!(counts.message(), "checking what Go already has");
        for line in ["go: downloading a v1", "a/b", "# a/c", "a/c"] {
            counts.line(line);
        }
        assert_eq!(counts.message(), "1 modules, 2 packages: compiling a/c");
    }

    #[test]
    fn the_tail_keeps_the_last_messages_only() {
        let mut tail = Tail::default();
        for n in 0..50 {
            tail.push(&format!("error: {n}"));
            tail.push("some/package");
        }
        let text = tail.text();
        assert_eq!(text.lines().count(), TAIL_LINES);
        assert!(text.starts_with("error: 10\n"));
        assert!(text.ends_with("error: 49"));
    }
}
