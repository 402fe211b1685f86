//! Amounts by name: quota keys (`requests.cpu`) or the dimensions of a class (`brokers`).

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Quantity;

/// Amounts by name; a name that is missing means zero.
///
/// Used for quotas (keys as in a ResourceQuota) and for capacity in the dimensions of a ProcessingClass.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(extend("maxProperties" = 64))]
pub struct Resources(pub BTreeMap<String, Quantity>);

impl Resources {
    /// Whether nothing is named at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The amount under `key`, zero if it is not named.
    pub fn get(&self, key: &str) -> Quantity {
        self.0.get(key).copied().unwrap_or_default()
    }

    /// Key by key: the sum.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        self.zip(other, Quantity::saturating_add)
    }

    /// Key by key: what is left after taking `other` away, never below zero.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Self {
        self.zip(other, Quantity::saturating_sub)
    }

    /// Key by key: the larger of both.
    #[must_use]
    pub fn largest(&self, other: &Self) -> Self {
        self.zip(other, Quantity::max)
    }

    /// Every amount `times` over.
    #[must_use]
    pub fn times(&self, times: i64) -> Self {
        self.0.iter().map(|(key, amount)| (key.clone(), amount.times(times))).collect()
    }

    /// The keys of `self`, each cut down to what `other` has of it.
    #[must_use]
    pub fn capped_by(&self, other: &Self) -> Self {
        self.0.iter().map(|(key, amount)| (key.clone(), (*amount).min(other.get(key)))).collect()
    }

    /// The same without the names that have nothing.
    #[must_use]
    pub fn without_zeros(mut self) -> Self {
        self.0.retain(|_, amount| !amount.is_zero_or_less());
        self
    }

    /// The first key under which `self` is more than `other`, or `None` if all of it fits.
    pub fn exceeds<'a>(&'a self, other: &Self) -> Option<&'a str> {
        self.0.iter().find(|(key, amount)| **amount > other.get(key)).map(|(key, _)| key.as_str())
    }

    /// Whether every amount of `self` is at most that of `other`.
    pub fn fits_in(&self, other: &Self) -> bool {
        self.exceeds(other).is_none()
    }

    fn zip(&self, other: &Self, f: impl Fn(Quantity, Quantity) -> Quantity) -> Self {
        self.0.keys().chain(other.0.keys()).map(|key| (key.clone(), f(self.get(key), other.get(key)))).collect()
    }
}

impl FromIterator<(String, Quantity)> for Resources {
    fn from_iter<I: IntoIterator<Item = (String, Quantity)>>(iter: I) -> Self {
        Self(iter.into_iter().collect())
    }
}

impl<'a> std::iter::Sum<&'a Resources> for Resources {
    fn sum<I: Iterator<Item = &'a Resources>>(iter: I) -> Self {
        iter.fold(Resources::default(), |sum, next| sum.plus(next))
    }
}

impl std::fmt::Display for Resources {
    /// `6 brokers, 3Ti storage`, in the order of the names.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_empty() {
            return f.write_str("nothing");
        }
        for (i, (key, amount)) in self.0.iter().enumerate() {
            let comma = if i == 0 { "" } else { ", " };
            write!(f, "{comma}{amount} {key}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resources(pairs: &[(&str, &str)]) -> Resources {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), v.parse().expect(v))).collect()
    }

    #[test]
    fn a_missing_key_is_zero() {
        let some = resources(&[("cpu", "2")]);
        assert!(resources(&[]).fits_in(&some));
        assert_eq!(some.exceeds(&resources(&[])), Some("cpu"));
        assert!(resources(&[("gpu", "0")]).fits_in(&some));
    }

    #[test]
    fn arithmetic_goes_key_by_key() {
        let sum = resources(&[("cpu", "500m")]).plus(&resources(&[("cpu", "1500m"), ("memory", "1Gi")]));
        assert_eq!(sum, resources(&[("cpu", "2"), ("memory", "1Gi")]));
        assert_eq!(sum.minus(&resources(&[("cpu", "5")])), resources(&[("cpu", "0"), ("memory", "1Gi")]));
        assert_eq!(
            sum.largest(&resources(&[("cpu", "5"), ("gpu", "1")])),
            resources(&[("cpu", "5"), ("gpu", "1"), ("memory", "1Gi")])
        );
        assert_eq!(resources(&[("storage", "1Ti")]).times(3), resources(&[("storage", "3Ti")]));
    }

    #[test]
    fn reads_well() {
        assert_eq!(resources(&[("brokers", "6"), ("storage", "3Ti")]).to_string(), "6 brokers, 3Ti storage");
    }
}
