//! A share of a pool as bars: one line per resource.

use std::{collections::BTreeSet, fmt::Write as _};

use govcloud_crds::{AgencyQuota, Quantity};

use crate::output::text::{WIDTH, plain, plain_number};

/// How many cells a bar has at least and at most.
const CELLS: (usize, usize) = (10, 32);
/// A longer name has a line to itself.
const LONGEST_KEY: usize = 24;
const INDENT: usize = 2;
/// Between columns.
const GAP: usize = 2;

/// What there is of one resource, and who has it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Line {
    pub(super) key: String,
    pub(super) used: Quantity,
    /// Given to projects, used or not.
    pub(super) given: Quantity,
    pub(super) lent: Quantity,
    pub(super) borrowed: Quantity,
    pub(super) guaranteed: Quantity,
    /// What the pool gave of the guarantee.
    pub(super) share: Quantity,
}

/// A sign in a bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Sign {
    Used,
    Given,
    Lent,
    Free,
    Withheld,
    Borrowed,
    End,
    Nothing,
}

impl Sign {
    fn char(self) -> char {
        match self {
            Self::Used => '█',
            Self::Given => '▒',
            Self::Lent => '»',
            Self::Free => '·',
            Self::Withheld => 'x',
            Self::Borrowed => '│',
            Self::End => '!',
            Self::Nothing => ' ',
        }
    }

    fn meaning(self) -> &'static str {
        match self {
            Self::Used => "used",
            Self::Given => "given, not used",
            Self::Lent => "lent",
            Self::Free => "free",
            Self::Withheld => "not given by the pool",
            Self::Borrowed => "borrowed from here on",
            Self::End => "the budget ends here",
            Self::Nothing => "",
        }
    }
}

impl Line {
    /// What it may give: its share, and what it borrowed.
    pub(super) fn budget(&self) -> Quantity {
        self.share.saturating_add(self.borrowed)
    }

    /// What it gave to projects and lent; of what is used without having been given, that.
    pub(super) fn taken(&self) -> Quantity {
        self.given.max(self.used).saturating_add(self.lent)
    }

    /// What is promised and borrowed; a promise that was lowered counts until the pool has it back.
    fn promised(&self) -> Quantity {
        self.guaranteed.max(self.share).saturating_add(self.borrowed)
    }

    /// What the whole bar stands for.
    fn whole(&self) -> Quantity {
        self.promised().max(self.taken())
    }

    fn free(&self) -> Quantity {
        self.budget().saturating_sub(self.taken())
    }

    fn parts(&self) -> [(Sign, Quantity); 5] {
        let withheld = self.whole().saturating_sub(self.taken()).saturating_sub(self.free());
        [
            (Sign::Used, self.used),
            (Sign::Given, self.given.saturating_sub(self.used)),
            (Sign::Lent, self.lent),
            (Sign::Free, self.free()),
            (Sign::Withheld, withheld),
        ]
    }

    /// Where the bar passes something: the borrowed part, the end of the budget.
    fn marks(&self) -> Vec<(Sign, Quantity)> {
        let borrowed = (!self.borrowed.is_zero_or_less()).then_some((Sign::Borrowed, self.share));
        let end = (self.taken() > self.budget()).then_some((Sign::End, self.budget()));
        borrowed.into_iter().chain(end).collect()
    }

    /// The signs of the bar: so many cells, and the marks between them.
    fn signs(&self, cells: usize) -> Vec<Sign> {
        if self.whole().is_zero_or_less() {
            return vec![Sign::Nothing; cells];
        }
        let counts = shares_of(cells, &self.parts().map(|(_, amount)| amount.as_f64()));
        let parts = self.parts().into_iter().zip(counts);
        let mut signs: Vec<_> = parts.flat_map(|((sign, _), count)| std::iter::repeat_n(sign, count)).collect();
        for (mark, at) in self.marks().into_iter().rev() {
            let before = (0..cells).filter(|cell| at.as_f64() / self.whole().as_f64() * as_f64(cells) >= as_f64(*cell) + 0.5);
            signs.insert(before.count(), mark);
        }
        signs
    }
}

/// `cells` divided as the amounts are; whatever is more than nothing has at least one.
fn shares_of(cells: usize, amounts: &[f64; 5]) -> [usize; 5] {
    let total: f64 = amounts.iter().sum();
    let exact = amounts.map(|amount| amount / total * as_f64(cells));
    let mut counts = exact.map(|exact| (0..cells).filter(|cell| exact > as_f64(*cell) + 1.0).count());
    for (count, amount) in counts.iter_mut().zip(amounts) {
        *count = (*count).max(usize::from(*amount > 0.0));
    }
    // Rounded down, so that what is left goes where most is missing; or back from where most is too much.
    while counts.iter().sum::<usize>() < cells {
        counts[most(exact, counts, |exact, count| exact - count)] += 1;
    }
    while counts.iter().sum::<usize>() > cells {
        counts[most(exact, counts, |exact, count| if count > 1.0 { count - exact } else { f64::MIN })] -= 1;
    }
    counts
}

fn most(exact: [f64; 5], counts: [usize; 5], of: impl Fn(f64, f64) -> f64) -> usize {
    let worth = |at: usize| of(exact[at], as_f64(counts[at]));
    (0..5).max_by(|one, other| worth(*one).total_cmp(&worth(*other))).unwrap_or_default()
}

fn as_f64(cells: usize) -> f64 {
    u32::try_from(cells).map_or(f64::MAX, f64::from)
}

/// The resources of a share: all that is promised, and whatever else is given, used, borrowed or lent.
pub(super) fn lines(quota: &AgencyQuota) -> Vec<Line> {
    let status = quota.status.clone().unwrap_or_default();
    let guaranteed = &quota.spec.guaranteed;
    let share = status.share.as_ref().map_or(guaranteed, |share| &share.hard);
    let others = [&status.used, &status.allocated, &status.borrowed, &status.lent];
    let there = others.into_iter().flat_map(|amounts| amounts.0.iter().filter(|(_, amount)| !amount.is_zero_or_less()));
    let keys: BTreeSet<_> = guaranteed.0.keys().chain(there.map(|(key, _)| key)).collect();
    let line = |key: &String| Line {
        key: plain(key),
        used: status.used.get(key),
        given: status.allocated.get(key),
        lent: status.lent.get(key),
        borrowed: status.borrowed.get(key),
        guaranteed: guaranteed.get(key),
        share: share.get(key),
    };
    keys.into_iter().map(line).collect()
}

/// A column of amounts.
struct Column {
    heading: &'static str,
    cells: Vec<String>,
}

impl Column {
    fn width(&self) -> usize {
        self.cells.iter().map(|cell| cell.chars().count()).chain([self.heading.len()]).max().unwrap_or(0)
    }
}

fn columns(lines: &[Line]) -> Vec<Column> {
    let column = |heading, of: &dyn Fn(&Line) -> String| Column { heading, cells: lines.iter().map(of).collect() };
    let mut columns = vec![column("USED", &|l| plain_number(l.used)), column("GIVEN", &|l| plain_number(l.given))];
    if lines.iter().any(|line| !line.lent.is_zero_or_less()) {
        columns.push(column("LENT", &|l| plain_number(l.lent)));
    }
    if lines.iter().any(|line| !line.borrowed.is_zero_or_less()) {
        columns.push(column("BORROWED", &|l| plain_number(l.borrowed)));
    }
    columns.push(column("FREE", &|l| format!("{} of {}", plain_number(l.free()), plain_number(l.promised()))));
    columns
}

/// One text of each column, beside each other.
fn beside<'a>(columns: &'a [Column], text: impl Fn(&'a Column) -> &'a str) -> String {
    let cell = |column: &'a Column| format!("{:GAP$}{:>width$}", "", text(column), width = column.width());
    columns.iter().map(cell).collect::<Vec<_>>().concat()
}

/// The lines as a table with bars, and a legend of the signs in it.
pub(super) fn render(lines: &[Line]) -> String {
    let columns = columns(lines);
    let keys = lines.iter().map(|line| line.key.chars().count()).filter(|width| *width <= LONGEST_KEY);
    let key_width = keys.chain(["RESOURCE".len()]).max().unwrap_or(0);
    let marks = lines.iter().map(|line| line.marks().len()).max().unwrap_or(0);
    let headings = beside(&columns, |column| column.heading);
    let cells = WIDTH.saturating_sub(INDENT + key_width + GAP + marks + headings.chars().count()).clamp(CELLS.0, CELLS.1);
    let width = cells + marks;
    let mut text = format!("  {:key_width$}  {:width$}{headings}\n", "RESOURCE", "");
    let mut seen = BTreeSet::new();
    for (row, line) in lines.iter().enumerate() {
        let signs = line.signs(cells);
        seen.extend(signs.iter().copied());
        let bar: String = signs.into_iter().map(Sign::char).collect();
        let amounts = beside(&columns, |column| &column.cells[row]);
        let has_own_line = line.key.chars().count() > key_width;
        let (above, key) = if has_own_line { (format!("  {}\n", line.key), "") } else { (String::new(), line.key.as_str()) };
        let _ = writeln!(text, "{above}  {key:key_width$}  {bar:width$}{amounts}");
    }
    text + &legend(&seen)
}

/// What the signs mean, in as many lines as it takes.
fn legend(seen: &BTreeSet<Sign>) -> String {
    let mut lines: Vec<String> = Vec::new();
    for sign in seen.iter().filter(|sign| **sign != Sign::Nothing) {
        let entry = format!("{} {}", sign.char(), sign.meaning());
        match lines.last_mut().filter(|line| INDENT + line.chars().count() + 3 + entry.chars().count() <= WIDTH) {
            Some(line) => *line = format!("{line}   {entry}"),
            None => lines.push(entry),
        }
    }
    lines.iter().map(|line| format!("  {line}\n")).collect::<Vec<_>>().concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    /// Used, given, lent, borrowed, guaranteed, share.
    fn line(amounts: [&str; 6]) -> Line {
        let [used, given, lent, borrowed, guaranteed, share] = amounts.map(|text| text.parse().expect("valid"));
        Line { key: "requests.cpu".into(), used, given, lent, borrowed, guaranteed, share }
    }

    #[rstest]
    #[case::unused(["0", "0", "0", "0", "200", "200"], "····················")]
    #[case::little_shows(["1m", "1", "1", "0", "200", "200"], "█▒»·················")]
    #[case::all_used(["200", "200", "0", "0", "200", "200"], "████████████████████")]
    #[case::half(["50", "100", "0", "0", "200", "200"], "█████▒▒▒▒▒··········")]
    #[case::lent(["50", "100", "50", "0", "200", "200"], "█████▒▒▒▒▒»»»»»·····")]
    #[case::withheld(["50", "80", "0", "0", "200", "80"], "█████▒▒▒xxxxxxxxxxxx")]
    #[case::borrowed(["50", "250", "0", "50", "200", "200"], "████▒▒▒▒▒▒▒▒▒▒▒▒│▒▒▒▒")]
    #[case::over(["50", "200", "0", "0", "100", "100"], "█████▒▒▒▒▒!▒▒▒▒▒▒▒▒▒▒")]
    #[case::over_what_was_given(["50", "100", "0", "0", "200", "80"], "█████▒▒▒!▒▒xxxxxxxxxx")]
    #[case::taken_back(["50", "250", "0", "20", "200", "200"], "████▒▒▒▒▒▒▒▒▒▒▒▒│▒▒!▒▒")]
    #[case::used_without_being_given(["50", "0", "0", "0", "100", "100"], "██████████··········")]
    #[case::nothing(["0", "0", "0", "0", "0", "0"], "                    ")]
    fn bars(#[case] amounts: [&str; 6], #[case] expected: &str) {
        let bar: String = line(amounts).signs(20).into_iter().map(Sign::char).collect();
        assert_eq!(bar, expected);
    }

    #[test]
    fn the_widest_table_fits_a_terminal() {
        let all = Line { key: "requests.nvidia.com/gpu".into(), ..line(["35500m", "1500", "1500", "1500", "2000", "1900"]) };
        let long = Line { key: "gpu.deviceclass.resource.kubernetes.io/devices".into(), ..all.clone() };
        let text = render(&[line(["0", "0", "0", "0", "0", "0"]), all, long]);
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
        insta::assert_snapshot!("bars_widest", text);
    }
}
