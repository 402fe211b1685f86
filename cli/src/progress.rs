//! Saying what is being waited for: a spinner for a person, plain lines for a log.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::output::{Output, text::plain};

/// What is being waited for, on the standard error.
#[derive(Debug)]
pub struct Progress {
    out: Output,
    bar: Option<ProgressBar>,
    last: String,
}

impl Progress {
    /// Nothing is said until there is something to say.
    pub fn new(out: Output) -> Self {
        Self { out, bar: None, last: String::new() }
    }

    /// Says what is being waited for now; saying the same again prints nothing.
    pub fn say(&mut self, text: &str) {
        let text = plain(text).replace('\n', " ");
        if text == self.last {
            return;
        }
        if self.out.interactive {
            self.bar.get_or_insert_with(spinner).set_message(text.clone());
        } else {
            self.out.note(&text);
        }
        self.last = text;
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn spinner() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}  {elapsed:.dim}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}
