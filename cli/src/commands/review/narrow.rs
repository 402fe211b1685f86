//! `--narrow`: approving less than was asked for.

use govcloud_crds::{
    Quantity,
    permit::{Target, effective::Effective, review::NarrowTarget},
};

use super::rules::{Refusal, Wish, refuse};
use crate::commands::{parse::amount, permit::find::Case};

/// `NAME=REPLICAS[,DIMENSION=QUANTITY]...`, such as `broker=2,storage=500Gi`.
pub fn narrow(text: &str) -> Result<NarrowTarget, String> {
    const FORM: &str = "write NAME=REPLICAS[,DIMENSION=QUANTITY]..., such as broker=2,storage=500Gi";
    let (name, size) = text.split_once('=').filter(|(name, _)| !name.is_empty()).ok_or(FORM)?;
    let mut size = size.split(',');
    let replicas = size.next().unwrap_or_default();
    let replicas: i32 =
        replicas.parse().ok().filter(|r| *r > 0).ok_or_else(|| format!("{replicas:?} is no number of replicas; {FORM}"))?;
    let per_replica = size.map(amount).collect::<Result<Vec<_>, _>>()?;
    if let Some((dimension, _)) = per_replica.iter().find(|(_, amount)| *amount < Quantity::default()) {
        return Err(format!("{dimension} cannot be less than nothing; {FORM}"));
    }
    Ok(NarrowTarget { name: name.to_owned(), replicas: Some(replicas), per_replica: per_replica.into_iter().collect() })
}

/// What is wider than asked would be ignored without a word, so it is not sent.
pub fn check(case: &Case, wish: &Wish<'_>, before: &Effective) -> Result<(), Refusal> {
    if wish.narrow.is_empty() {
        return Ok(());
    }
    if before.decision.is_some() {
        let without = format!("leave --narrow out: govcloud review approve {} --reason \"…\"", case.title());
        return refuse("it runs already as it was approved, and looking at it afterwards makes nothing smaller", &[without]);
    }
    let mut seen = Vec::new();
    for one in wish.narrow {
        if seen.contains(&&one.name) {
            return refuse(format!("--narrow names {} twice", one.name), &["give each target one size".to_owned()]);
        }
        seen.push(&one.name);
        check_one(one, &case.permit.spec.targets, &before.targets)?;
    }
    Ok(())
}

fn check_one(one: &NarrowTarget, asked: &[Target], left: &[Target]) -> Result<(), Refusal> {
    let of_name = |targets: &[Target]| targets.iter().filter(|t| t.name == one.name).cloned().collect::<Vec<_>>();
    let (asked_for, left) = (of_name(asked), of_name(left));
    if asked_for.is_empty() {
        let names: Vec<_> = asked.iter().map(|t| t.name.as_str()).collect();
        return refuse(format!("it asks for nothing named {}", one.name), &[format!("it asks for {}", names.join(", "))]);
    }
    let unknown = one.per_replica.0.keys().find(|dimension| !asked_for.iter().any(|t| t.per_replica.0.contains_key(*dimension)));
    if let Some(dimension) = unknown {
        let known: Vec<_> = asked_for.iter().flat_map(|t| t.per_replica.0.keys()).map(String::as_str).collect();
        return refuse(format!("{} asks for no {dimension}", one.name), &[format!("it asks for {}", known.join(", "))]);
    }
    if let Some(wider) = wider(one, &asked_for) {
        let ignored = "what is wider than asked would be ignored; give a smaller size, or leave it out".to_owned();
        return refuse(format!("--narrow would allow more than was asked for: {wider}"), &[ignored]);
    }
    if let Some(wider) = wider(one, &left) {
        let ignored = "the smaller size holds; give one that is smaller still, or leave it out".to_owned();
        return refuse(format!("another reviewer allowed less already: {wider}"), &[ignored]);
    }
    Ok(())
}

/// What `one` allows beyond every one of `targets`, if anything.
fn wider(one: &NarrowTarget, targets: &[Target]) -> Option<String> {
    let most = targets.iter().map(|t| t.replicas).max().unwrap_or_default();
    if let Some(replicas) = one.replicas.filter(|replicas| *replicas > most) {
        return Some(format!("{replicas} replicas of {}, which has {most}", one.name));
    }
    let largest = |dimension: &str| targets.iter().map(|t| t.per_replica.get(dimension)).max().unwrap_or_default();
    let beyond = one.per_replica.0.iter().find(|(dimension, amount)| **amount > largest(dimension));
    beyond
        .map(|(dimension, amount)| format!("{amount} {dimension} per replica of {}, which has {}", one.name, largest(dimension)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("broker")]
    #[case("=2")]
    #[case("broker=")]
    #[case("broker=0")]
    #[case("broker=two")]
    #[case("broker=2,storage")]
    #[case("broker=2,storage=-1")]
    fn what_cannot_be_read(#[case] text: &str) {
        assert!(narrow(text).is_err());
    }

    #[test]
    fn a_smaller_size_is_read() {
        let read = narrow("broker=2,storage=500Gi").expect("reads");
        assert_eq!(
            (read.name.as_str(), read.replicas, read.per_replica.to_string().as_str()),
            ("broker", Some(2), "500Gi storage")
        );
    }
}
