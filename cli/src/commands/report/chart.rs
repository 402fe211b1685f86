//! Horizontal bars, computed here and drawn by the page's template.

/// How wide the bars can be, in the units of the drawing.
const WIDTH: f64 = 190.0;
/// Where bars begin; names stand left of it.
const LEFT: f64 = 190.0;
/// From one bar to the next.
const STEP: f64 = 26.0;
/// Room for the words after a bar.
const RIGHT: f64 = 260.0;
/// Longer names are cut; the table has them in full.
const LONGEST_NAME: usize = 24;

/// What a part of a bar means, which decides its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// In order.
    Fine,
    /// To be looked at.
    Bad,
    /// What is left.
    Rest,
}

impl Tone {
    /// The style of the page that colours it.
    pub fn style(self) -> &'static str {
        match self {
            Self::Fine => "fine",
            Self::Bad => "bad",
            Self::Rest => "rest",
        }
    }
}

/// Bars of one unit; each consists of one part per series.
#[derive(Clone, Debug, PartialEq)]
pub struct Chart {
    /// What it shows.
    pub title: String,
    /// What the parts of a bar are.
    pub series: Vec<(&'static str, Tone)>,
    /// The bars.
    pub bars: Vec<Bar>,
    /// What a full bar is; the longest one if it is `None`.
    pub full: Option<f64>,
}

/// One bar.
#[derive(Clone, Debug, PartialEq)]
pub struct Bar {
    /// Whose it is.
    pub name: String,
    /// How long each part is.
    pub parts: Vec<f64>,
    /// What it says in words.
    pub says: String,
}

/// A part of a bar as it is drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct Drawn {
    /// What it means.
    pub tone: Tone,
    /// Where it begins.
    pub x: String,
    /// How wide it is.
    pub width: String,
    /// What it is, for who points at it.
    pub tip: String,
}

/// A chart as it is drawn, in the units of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct Drawing {
    /// How wide it is.
    pub width: String,
    /// How high it is.
    pub height: String,
    /// Where names end.
    pub left: String,
    /// Where bars begin.
    pub axis: String,
    /// Its lines.
    pub lines: Vec<Line>,
}

/// A line of the drawing.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// The name, cut if it is long.
    pub name: String,
    /// Where its text stands.
    pub text_y: String,
    /// Where its bar stands.
    pub y: String,
    /// Its parts.
    pub parts: Vec<Drawn>,
    /// Where the words after it stand.
    pub says_x: String,
    /// The words after it.
    pub says: String,
}

impl Chart {
    /// All of it in words, for who cannot see it.
    pub fn in_words(&self) -> String {
        let bars: Vec<_> = self.bars.iter().map(|bar| format!("{}: {}", bar.name, bar.says)).collect();
        bars.join("; ")
    }

    /// How it is drawn.
    pub fn drawing(&self) -> Drawing {
        Drawing {
            width: length(LEFT + WIDTH + RIGHT),
            height: length(self.bars.iter().map(|_| STEP).sum::<f64>() + 6.0),
            left: length(LEFT - 10.0),
            axis: length(LEFT),
            lines: self.lines(),
        }
    }

    fn lines(&self) -> Vec<Line> {
        let sum = |bar: &Bar| bar.parts.iter().copied().map(sane).sum::<f64>();
        let longest = self.bars.iter().map(sum).fold(0.0, f64::max);
        let full = self.full.unwrap_or(longest).max(longest);
        let scale = if full > 0.0 { WIDTH / full } else { 0.0 };
        let mut top = 0.0;
        let mut lines = Vec::new();
        for bar in &self.bars {
            lines.push(self.line(bar, top, scale));
            top += STEP;
        }
        lines
    }

    fn line(&self, bar: &Bar, top: f64, scale: f64) -> Line {
        let (mut x, mut parts) = (LEFT, Vec::new());
        for ((name, tone), part) in self.series.iter().zip(&bar.parts) {
            let width = sane(*part) * scale;
            if width > 0.0 {
                let tip = format!("{}, {name}: {}", bar.name, bar.says);
                parts.push(Drawn { tone: *tone, x: length(x), width: length(width), tip });
            }
            x += width;
        }
        let name = match bar.name.char_indices().nth(LONGEST_NAME) {
            Some((end, _)) => format!("{}…", &bar.name[..end]),
            None => bar.name.clone(),
        };
        Line { name, text_y: length(top + 17.0), y: length(top + 4.0), parts, says_x: length(x + 8.0), says: bar.says.clone() }
    }
}

/// `2 open, 1 acknowledged`, without what there is none of.
pub fn counted(counts: &[usize], words: &[&str]) -> String {
    let some = counts.iter().zip(words).filter(|(count, _)| **count > 0);
    some.map(|(count, word)| format!("{count} {word}")).collect::<Vec<_>>().join(", ")
}

/// What cannot be drawn is nothing.
fn sane(part: f64) -> f64 {
    if part.is_finite() { part.max(0.0) } else { 0.0 }
}

/// With one decimal, so that the same report gives the same bytes.
fn length(number: f64) -> String {
    format!("{number:.1}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(parts: &[&[f64]], full: Option<f64>) -> Chart {
        let bars = parts.iter().map(|parts| Bar { name: "tax".into(), parts: parts.to_vec(), says: "so much".into() }).collect();
        Chart { title: "T".into(), series: vec![("permitted", Tone::Fine), ("not permitted", Tone::Bad)], bars, full }
    }

    fn widths(chart: &Chart) -> Vec<Vec<String>> {
        chart.lines().iter().map(|line| line.parts.iter().map(|part| part.width.clone()).collect()).collect()
    }

    #[test]
    fn the_longest_bar_is_as_wide_as_there_is_room() {
        assert_eq!(widths(&chart(&[&[3.0, 1.0], &[2.0, 0.0]], None)), [vec!["142.5", "47.5"], vec!["95.0"]]);
        assert_eq!(widths(&chart(&[&[25.0, 25.0]], Some(100.0))), [["47.5", "47.5"]]);
    }

    #[test]
    fn what_cannot_be_drawn_is_not() {
        assert_eq!(widths(&chart(&[&[0.0, 0.0], &[f64::NAN, -1.0], &[f64::INFINITY]], None)), [[""; 0], [], []]);
        assert!(chart(&[], None).lines().is_empty());
        assert_eq!(widths(&chart(&[&[200.0]], Some(100.0))), [["190.0"]], "never beyond its room");
    }

    #[test]
    fn parts_stand_one_after_the_other_and_words_after_them() {
        let line = chart(&[&[3.0, 1.0]], None).lines().remove(0);
        assert_eq!((line.parts[0].x.as_str(), line.parts[1].x.as_str(), line.says_x.as_str()), ("190.0", "332.5", "388.0"));
        assert_eq!(chart(&[&[1.0]], None).in_words(), "tax: so much");
    }

    #[test]
    fn what_there_is_none_of_is_not_said() {
        assert_eq!(counted(&[2, 0, 1], &["found", "approved", "waiting"]), "2 found, 1 waiting");
        assert_eq!(counted(&[0], &["found"]), "");
    }

    #[test]
    fn a_long_name_is_cut_between_two_letters() {
        let mut chart = chart(&[&[1.0]], None);
        chart.bars[0].name = "ü".repeat(40);
        assert_eq!(chart.lines()[0].name, format!("{}…", "ü".repeat(24)));
    }
}
