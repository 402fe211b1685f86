//! Kubernetes quantities with exact arithmetic.
//!
//! `kube_quantity` parses and adds, but cannot multiply, panics on overflow and does not print what the API server
//! prints; a ledger needs all three, so the type is our own. Checked in tests against `kube-cel`'s reader.

use std::{borrow::Cow, cmp::Ordering, fmt, ops::Add, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// One unit in the fixed-point representation: a billionth, the smallest suffix (`n`) that Kubernetes knows.
const UNIT: i128 = 1_000_000_000;
/// The API server caps quantities here (2^63 − 1), and so do we.
const MAX: i128 = i64::MAX as i128 * UNIT;

/// An exact Kubernetes quantity such as `500m`, `20` or `3Ti`.
///
/// Stored in billionths and never larger than 2^63 − 1, as in the API server; arithmetic saturates there instead of
/// wrapping. Two quantities are equal when they mean the same amount, however they were written.
#[derive(Clone, Copy, Debug, Default)]
pub struct Quantity {
    nanos: i128,
    binary: bool,
}

/// A text that is not a Kubernetes quantity.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a quantity; write a number with an optional unit, such as 500m, 20 or 3Ti")]
pub struct ParseQuantityError(String);

impl Quantity {
    /// Nothing.
    pub const ZERO: Self = Self { nanos: 0, binary: false };

    /// A whole number of units.
    pub fn from_units(units: i64) -> Self {
        Self { nanos: i128::from(units) * UNIT, binary: false }
    }

    /// Whether this is zero or less.
    pub fn is_zero_or_less(&self) -> bool {
        self.nanos <= 0
    }

    /// The sum, at most the largest quantity.
    #[must_use]
    pub fn saturating_add(self, other: Self) -> Self {
        self.with(self.nanos.saturating_add(other.nanos), other)
    }

    /// The difference; zero where `other` is larger, because capacity is never negative.
    #[must_use]
    pub fn saturating_sub(self, other: Self) -> Self {
        self.with(self.nanos.saturating_sub(other.nanos).max(0), other)
    }

    /// This amount `times` over, at most the largest quantity.
    #[must_use]
    pub fn times(self, times: i64) -> Self {
        self.with(self.nanos.saturating_mul(i128::from(times)), self)
    }

    /// The smallest whole number of `parts` that together reach this amount; `None` if a part is zero and this is not.
    ///
    /// ```
    /// use govcloud_crds::Quantity;
    /// let (demand, part): (Quantity, Quantity) = ("7".parse().unwrap(), "3".parse().unwrap());
    /// assert_eq!(demand.divide_up(part), Some(3));
    /// ```
    pub fn divide_up(self, part: Self) -> Option<i64> {
        if self.nanos <= 0 {
            return Some(0);
        }
        if part.nanos <= 0 {
            return None;
        }
        i64::try_from(self.nanos.saturating_add(part.nanos - 1) / part.nanos).ok()
    }

    /// How many whole units it is.
    pub fn whole(self) -> i64 {
        i64::try_from(self.nanos / UNIT).unwrap_or(i64::MAX).max(0)
    }

    /// One of so many equal parts, rounded down: to whole units, or to thousandths where it is less than one.
    ///
    /// ```
    /// use govcloud_crds::Quantity;
    /// let quantity = |text: &str| text.parse::<Quantity>().unwrap();
    /// assert_eq!(quantity("3Ti").part_of(3), quantity("1Ti"));
    /// assert_eq!(quantity("7").part_of(2), quantity("3"));
    /// assert_eq!(quantity("1").part_of(3), quantity("333m"));
    /// ```
    #[must_use]
    pub fn part_of(self, parts: i64) -> Self {
        const MILLI: i128 = UNIT / 1000;
        let part = self.nanos.max(0) / i128::from(parts.max(1));
        let step = if part >= UNIT { UNIT } else { MILLI };
        Self { nanos: part - part % step, ..self }
    }

    /// As a floating-point number, for metrics and bars only.
    #[allow(clippy::cast_precision_loss)] // a gauge has a float's precision anyway
    pub fn as_f64(self) -> f64 {
        self.nanos as f64 / UNIT as f64
    }

    fn with(self, nanos: i128, other: Self) -> Self {
        Self { nanos: nanos.clamp(-MAX, MAX), binary: self.binary || other.binary }
    }
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.nanos == other.nanos
    }
}

impl Eq for Quantity {}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Quantity {
    fn cmp(&self, other: &Self) -> Ordering {
        self.nanos.cmp(&other.nanos)
    }
}

impl Add for Quantity {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        self.saturating_add(other)
    }
}

impl std::iter::Sum for Quantity {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::ZERO, Self::saturating_add)
    }
}

const BINARY: [(&str, u32); 6] = [("Ki", 10), ("Mi", 20), ("Gi", 30), ("Ti", 40), ("Pi", 50), ("Ei", 60)];
/// Decimal suffixes and their exponents of ten, relative to a billionth.
const DECIMAL: [(&str, u32); 10] =
    [("n", 0), ("u", 3), ("m", 6), ("", 9), ("k", 12), ("M", 15), ("G", 18), ("T", 21), ("P", 24), ("E", 27)];

impl FromStr for Quantity {
    type Err = ParseQuantityError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text).ok_or_else(|| ParseQuantityError(text.chars().take(64).collect()))
    }
}

fn parse(text: &str) -> Option<Quantity> {
    let (negative, rest) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
    let (number, suffix) = rest.split_at(end);
    let (multiplier, binary) = multiplier(suffix)?;
    let magnitude = scale(number, multiplier)?.min(MAX);
    Some(Quantity { nanos: if negative { -magnitude } else { magnitude }, binary })
}

/// The suffix as a number of billionths (or a divisor of them), and whether it is a binary one.
fn multiplier(suffix: &str) -> Option<(Scale, bool)> {
    if let Some((_, bits)) = BINARY.iter().find(|(s, _)| *s == suffix) {
        return Some((Scale::Times(UNIT << bits), true));
    }
    if let Some((_, exponent)) = DECIMAL.iter().find(|(s, _)| *s == suffix) {
        return Some((Scale::Times(10_i128.pow(*exponent)), false));
    }
    let exponent: i32 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
    let power = u32::try_from(exponent.saturating_add(9));
    Some((
        match power {
            Ok(power) => Scale::Times(10_i128.checked_pow(power).unwrap_or(MAX)),
            Err(_) => Scale::BelowUnit,
        },
        false,
    ))
}

#[derive(Clone, Copy)]
enum Scale {
    Times(i128),
    /// Smaller than a billionth; rounds up to one, as in the API server.
    BelowUnit,
}

/// `number × multiplier`, rounded up to a billionth.
fn scale(number: &str, by: Scale) -> Option<i128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') || number.len() > 40 {
        return None;
    }
    let digits = |text: &str| if text.is_empty() { Some(0_i128) } else { text.parse::<i128>().ok() };
    let Scale::Times(multiplier) = by else {
        return Some(i128::from(digits(whole)? > 0 || digits(fraction)? > 0));
    };
    let whole = digits(whole)?.saturating_mul(multiplier);
    let precision = fraction.len().min(18);
    let divisor = 10_i128.pow(u32::try_from(precision).ok()?);
    let part = digits(&fraction[..precision])?.saturating_mul(multiplier);
    Some(whole.saturating_add(part.saturating_add(divisor - 1) / divisor))
}

impl fmt::Display for Quantity {
    /// The canonical form: the largest unit that leaves a whole number, in the family the quantity was written in.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.nanos == 0 {
            return f.write_str("0");
        }
        if self.binary && self.nanos % UNIT == 0 {
            let units = self.nanos / UNIT;
            let fitting = BINARY.iter().rev().find(|(_, bits)| units % (1_i128 << bits) == 0);
            return match fitting {
                Some((suffix, bits)) => write!(f, "{}{suffix}", units >> bits),
                None => write!(f, "{units}"),
            };
        }
        for (suffix, exponent) in DECIMAL.iter().rev() {
            let unit = 10_i128.pow(*exponent);
            if self.nanos % unit == 0 {
                return write!(f, "{}{suffix}", self.nanos / unit);
            }
        }
        write!(f, "{}n", self.nanos)
    }
}

impl Serialize for Quantity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Raw {
            Integer(i64),
            Float(f64),
            Text(String),
        }
        match Raw::deserialize(deserializer)? {
            Raw::Integer(units) => Ok(Self::from_units(units)),
            Raw::Float(number) => number.to_string().parse().map_err(de::Error::custom),
            Raw::Text(text) => text.parse().map_err(de::Error::custom),
        }
    }
}

impl JsonSchema for Quantity {
    fn schema_name() -> Cow<'static, str> {
        "Quantity".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "x-kubernetes-int-or-string": true,
            "minimum": 0,
            "maxLength": 40,
            "pattern": r"^\+?([0-9]+(\.[0-9]*)?|\.[0-9]+)((([KMGTPE]i)|[numkMGTPE])|([eE][+-]?[0-9]{1,2}))?$",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    fn quantity(text: &str) -> Quantity {
        text.parse().expect(text)
    }

    #[rstest]
    #[case("1000m", "1")]
    #[case("0.5", "500m")]
    #[case("1.5Gi", "1536Mi")]
    #[case("1024Gi", "1Ti")]
    #[case("1099511627776", "1099511627776")]
    #[case("3e3", "3k")]
    #[case("1500", "1500")]
    #[case("2000", "2k")]
    #[case("0Gi", "0")]
    #[case(".5", "500m")]
    #[case("-2", "-2")]
    #[case("100e-3", "100m")]
    #[case("0.0000000001", "1n")]
    #[case("9E", "9E")]
    #[case("10000E", "9223372036854775807")]
    #[case("0.99e29", "9223372036854775807")]
    #[case("1e2147483647", "9223372036854775807")]
    #[case("1e-2147483648", "1n")]
    fn prints_as_the_api_server_does(#[case] written: &str, #[case] canonical: &str) {
        assert_eq!(quantity(written).to_string(), canonical);
    }

    #[rstest]
    #[case("")]
    #[case("ten")]
    #[case("1 Gi")]
    #[case("1gi")]
    #[case("1.2.3")]
    #[case("--1")]
    #[case("Gi")]
    #[case("1e")]
    fn refuses_what_is_not_a_quantity(#[case] text: &str) {
        assert!(text.parse::<Quantity>().is_err(), "{text:?}");
    }

    #[test]
    fn equal_amounts_are_equal_however_written() {
        assert_eq!(quantity("1Ti"), quantity("1099511627776"));
        assert!(quantity("512m") < quantity("512Mi"));
    }

    #[rstest]
    #[case("7", "3", Some(3))]
    #[case("6", "3", Some(2))]
    #[case("0", "0", Some(0))]
    #[case("1", "0", None)]
    fn divides_up(#[case] demand: &str, #[case] part: &str, #[case] parts: Option<i64>) {
        assert_eq!(quantity(demand).divide_up(quantity(part)), parts);
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_back(number in 0_i64..1 << 40, suffix in prop::sample::select(vec!["", "m", "k", "M", "G", "Ki", "Mi", "Gi"])) {
            let one = quantity(&format!("{number}{suffix}"));
            prop_assert_eq!(quantity(&one.to_string()), one);
        }

        #[test]
        fn agrees_with_the_reader_that_cel_uses(number in 0_i64..1 << 30, suffix in prop::sample::select(vec!["", "k", "M", "G", "Ki", "Mi", "Gi"])) {
            use kube_cel::{KubeCelExt, cel::{Context, Program, Value}};
            let text = format!("{number}{suffix}");
            let program = Program::compile(&format!("quantity('{text}').asInteger()")).expect("compiles");
            let value = program.execute(&Context::default().with_all()).expect("evaluates");
            let Value::Int(units) = value else { panic!("{value:?}") };
            prop_assert_eq!(Quantity::from_units(units), quantity(&text));
        }

        #[test]
        fn adding_and_taking_away_leaves_the_same(a in 0_i64..1 << 40, b in 0_i64..1 << 40) {
            let (a, b) = (Quantity::from_units(a), Quantity::from_units(b));
            prop_assert_eq!((a + b).saturating_sub(b), a);
        }
    }
}
