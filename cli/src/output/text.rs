//! Words and numbers for people.

use govcloud_crds::{Quantity, Resources, class::measure::Size};
use jiff::{Timestamp, tz::TimeZone};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

/// Colours, if the terminal shows them; what is said never depends on them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Paint {
    on: bool,
}

impl Paint {
    /// Colours or none.
    pub fn new(on: bool) -> Self {
        Self { on }
    }

    /// Good news.
    pub fn good(self, text: &str) -> String {
        self.wrap("32", text)
    }

    /// Something to look at.
    pub fn attention(self, text: &str) -> String {
        self.wrap("33", text)
    }

    /// Bad news.
    pub fn bad(self, text: &str) -> String {
        self.wrap("31", text)
    }

    /// What matters most.
    pub fn strong(self, text: &str) -> String {
        self.wrap("1", text)
    }

    fn wrap(self, code: &str, text: &str) -> String {
        if self.on { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

/// Text that others wrote, without characters that would control the reader's terminal.
pub fn plain(text: &str) -> String {
    let reorders = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().filter(|c| *c == '\n' || !(c.is_control() || reorders(*c))).collect()
}

/// The same with every line but the first indented.
pub fn indented(text: &str, indent: usize) -> String {
    plain(text).trim_end().replace('\n', &format!("\n{}", " ".repeat(indent)))
}

/// `1 object`, `2 objects`.
pub fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// `3 brokers, 1Ti`: amounts in the dimensions of a class. Bytes speak for themselves if there is one such dimension.
pub fn amounts(resources: &Resources) -> String {
    let written: Vec<_> = resources.0.iter().map(|(name, amount)| (name, amount_text(*amount))).collect();
    let bytes = written.iter().filter(|(_, amount)| amount.ends_with('i')).count();
    let parts: Vec<_> = written
        .iter()
        .map(|(name, amount)| match name.strip_suffix('s') {
            _ if amount.ends_with('i') && bytes == 1 => amount.clone(),
            Some(one) if amount == "1" => format!("1 {one}"),
            _ => format!("{amount} {name}"),
        })
        .collect();
    if parts.is_empty() { "nothing".to_owned() } else { parts.join(", ") }
}

const BINARY_UNITS: [&str; 6] = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];

/// `3.06Ti` rather than `3132Gi`: bytes in the largest unit of which there is at least one, with two decimals at most.
pub fn amount_text(amount: Quantity) -> String {
    let exact = amount.to_string();
    let unit = exact.get(exact.len().saturating_sub(2)..).and_then(|suffix| BINARY_UNITS.iter().position(|u| *u == suffix));
    let Some(mut unit) = unit else { return exact };
    let mut number: f64 = exact[..exact.len() - 2].parse().unwrap_or_default();
    while number >= 1024.0 && unit + 1 < BINARY_UNITS.len() {
        number /= 1024.0;
        unit += 1;
    }
    let number = format!("{number:.2}");
    format!("{}{}", number.trim_end_matches('0').trim_end_matches('.'), BINARY_UNITS[unit])
}

/// Holds two words together where [`wrapped`] breaks lines.
const TOGETHER: char = '\u{a0}';

/// `3.5 requests.cpu, 64Gi requests.memory`: amounts under the keys of a ResourceQuota, for [`wrapped`] or [`hanging`].
pub fn quota_amounts(resources: &Resources) -> String {
    let one = |(key, amount): (&String, &Quantity)| format!("{}{TOGETHER}{}", plain_number(*amount), plain(key));
    let all: Vec<_> = resources.0.iter().map(one).collect();
    if all.is_empty() { "nothing".to_owned() } else { all.join(", ") }
}

/// `3.5` rather than `3500m`, `4000` rather than `4k`; bytes as [`amount_text`] has them.
pub fn plain_number(amount: Quantity) -> String {
    let exact = amount.to_string();
    let whole = |digits: &str, factor: i64| Some(digits.parse::<i64>().ok()?.checked_mul(factor)?.to_string());
    if let Some(thousandths) = exact.strip_suffix('m').and_then(|digits| digits.parse::<i64>().ok()) {
        let text = format!("{}.{:03}", thousandths / 1000, thousandths % 1000);
        return text.trim_end_matches('0').to_owned();
    }
    exact.strip_suffix('k').and_then(|digits| whole(digits, 1000)).unwrap_or_else(|| amount_text(amount))
}

/// The width for which longer texts are broken into lines.
pub const WIDTH: usize = 80;

/// The text in lines of at most `width` characters, broken at spaces only.
pub fn wrapped(text: &str, width: usize) -> String {
    let mut lines: Vec<String> = Vec::new();
    for paragraph in plain(text).lines() {
        let mut line = String::new();
        for word in paragraph.split(' ').filter(|word| !word.is_empty()) {
            if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width {
                lines.push(std::mem::take(&mut line));
            }
            line += if line.is_empty() { "" } else { " " };
            line += word;
        }
        lines.push(line);
    }
    lines.join("\n").replace(TOGETHER, " ")
}

/// `label` and, from column `indent` on, the text in lines that end before [`WIDTH`]; ends with a line break. A label that is
/// too long has a line to itself.
pub fn hanging(label: &str, indent: usize, text: &str) -> String {
    let lines = wrapped(text, WIDTH.saturating_sub(indent)).replace('\n', &format!("\n{:indent$}", ""));
    if label.chars().count() < indent { format!("{label:indent$}{lines}\n") } else { format!("{label}\n{:indent$}{lines}\n", "") }
}

/// `3 × (1 broker, 1Ti)`.
pub fn size(size: &Size) -> String {
    format!("{} × ({})", size.replicas, amounts(&size.per_replica))
}

/// How long ago something was, as kubectl writes it: `41d`, `3h`, `12m`, `5s`.
pub fn age(since: Option<&Time>, now: Timestamp) -> String {
    let Some(since) = since else { return "<unknown>".to_owned() };
    let seconds = now.duration_since(since.0).as_secs().max(0);
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match seconds {
        0..120 => format!("{seconds}s"),
        120..7_200 => format!("{minutes}m"),
        7_200..172_800 => format!("{hours}h"),
        172_800..63_072_000 => format!("{days}d"),
        _ => format!("{}y", days / 365),
    }
}

/// The day of a moment, such as `2026-12-23`, in UTC.
pub fn day(moment: Timestamp) -> String {
    moment.to_zoned(TimeZone::UTC).date().to_string()
}

/// `1st`, `2nd`, `3rd`, `4th`, `11th`.
pub fn ordinal(number: i32) -> String {
    let suffix = match (number % 100, number % 10) {
        (11..=13, _) => "th",
        (_, 1) => "st",
        (_, 2) => "nd",
        (_, 3) => "rd",
        _ => "th",
    };
    format!("{number}{suffix}")
}

/// The status of a condition, such as `True`.
pub fn condition_status(conditions: &[Condition], kind: &str) -> String {
    govcloud_crds::conditions::find(conditions, kind).map(|c| c.status.clone()).unwrap_or_default()
}

/// Conditions that name a trouble: with these, False is the good news.
const TROUBLES: [&str; 6] = ["Draining", "Duplicate", "Exhausted", "Overcommitted", "Overdue", "Oversubscribed"];

/// Conditions as lines: `  ✓ Ready  Enough of it is there.`
pub fn condition_lines(conditions: &[Condition], paint: Paint) -> String {
    let width = conditions.iter().map(|c| c.type_.chars().count()).max().unwrap_or(0);
    let line = |c: &Condition| {
        let mark = match c.status.as_str() {
            "True" | "False" if (c.status == "True") != TROUBLES.contains(&c.type_.as_str()) => paint.good("✓"),
            "True" | "False" => paint.attention("✗"),
            _ => "…".to_owned(),
        };
        format!("  {mark} {:width$}  {}: {}\n", plain(&c.type_), plain(&c.reason), indented(&c.message, width + 6))
    };
    conditions.iter().map(line).collect()
}

/// Pairs as aligned lines; pairs without a value are left out.
pub fn fields(pairs: &[(&str, String)]) -> String {
    let there: Vec<_> = pairs.iter().filter(|(_, value)| !value.is_empty()).collect();
    let width = there.iter().map(|(label, _)| label.chars().count()).max().unwrap_or(0);
    there.iter().map(|(label, value)| format!("  {label:width$}  {}\n", indented(value, width + 4))).collect::<Vec<_>>().concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn resources(pairs: &[(&str, &str)]) -> Resources {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), v.parse().expect(v))).collect()
    }

    #[rstest]
    #[case(&[("brokers", "1"), ("storage", "1Ti")], "1 broker, 1Ti")]
    #[case(&[("brokers", "6"), ("storage", "3132Gi")], "6 brokers, 3.06Ti")]
    #[case(&[("storage", "1536Mi")], "1.5Gi")]
    #[case(&[("storage", "10Gi")], "10Gi")]
    #[case(&[("memory", "1Gi"), ("storage", "1Ti")], "1Gi memory, 1Ti storage")]
    #[case(&[], "nothing")]
    fn amounts_read_well(#[case] pairs: &[(&str, &str)], #[case] text: &str) {
        assert_eq!(amounts(&resources(pairs)), text);
    }

    #[rstest]
    #[case("3500m", "3.5")]
    #[case("1m", "0.001")]
    #[case("4000", "4000")]
    #[case("4k", "4000")]
    #[case("3132Gi", "3.06Ti")]
    #[case("9E", "9E")]
    fn numbers_are_plain(#[case] exact: &str, #[case] text: &str) {
        assert_eq!(plain_number(exact.parse().expect("valid")), text);
    }

    #[test]
    fn long_text_is_broken_at_spaces_and_stands_below_itself() {
        assert_eq!(wrapped("one two three\nfour", 8), "one two\nthree\nfour");
        assert_eq!(wrapped("a-word-that-is-too-long for it", 8), "a-word-that-is-too-long\nfor it");
        let text = hanging("  -", 4, &"word ".repeat(20));
        assert!(text.starts_with("  - word") && text.contains("\n    word") && text.lines().all(|line| line.len() <= WIDTH));
        assert_eq!(hanging("a long label", 4, "text"), "a long label\n    text\n");
    }

    #[rstest]
    #[case(5, "5s")]
    #[case(119, "119s")]
    #[case(600, "10m")]
    #[case(3 * 3600, "3h")]
    #[case(41 * 86_400, "41d")]
    #[case(-5, "0s")]
    #[case(800 * 86_400, "2y")]
    fn ages(#[case] seconds: i64, #[case] text: &str) {
        let now = Timestamp::from_second(seconds).expect("in range");
        assert_eq!(age(Some(&Time(Timestamp::UNIX_EPOCH)), now), text);
    }

    #[rstest]
    #[case(1, "1st")]
    #[case(4, "4th")]
    #[case(11, "11th")]
    #[case(22, "22nd")]
    fn ordinals(#[case] number: i32, #[case] text: &str) {
        assert_eq!(ordinal(number), text);
    }

    #[test]
    fn text_of_others_cannot_control_the_terminal() {
        assert_eq!(plain("a\u{1b}[31mb\r\u{202e}c\nd"), "a[31mbc\nd");
    }

    #[test]
    fn colours_only_where_they_are_shown() {
        assert_eq!(Paint::default().good("yes"), "yes");
        assert_eq!(Paint::new(true).good("yes"), "\u{1b}[32myes\u{1b}[0m");
    }
}
