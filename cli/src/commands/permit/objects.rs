//! The objects of a request, for people.

use govcloud_crds::{class::measure::Size, permit::Target};

use crate::output::text::{plain, size};

/// `  kafkanodepools.kafka.strimzi.io/broker   3 × (1 broker, 1Ti)`, one line each.
pub fn target_lines(targets: &[Target]) -> String {
    let rows: Vec<_> = targets.iter().map(|t| (label(t), size_in_words(t))).collect();
    lines(&rows)
}

/// Pairs of an object and what is said about it, aligned.
pub fn lines(rows: &[(String, String)]) -> String {
    let width = rows.iter().map(|(label, _)| label.chars().count()).max().unwrap_or(0);
    rows.iter().map(|(label, said)| format!("  {:width$}   {}\n", plain(label), plain(said))).collect::<Vec<_>>().concat()
}

/// Such as `kafkanodepools.kafka.strimzi.io/broker`.
pub fn label(target: &Target) -> String {
    format!("{}/{}", target.resource_key(), target.name)
}

/// `3 × (1 broker, 1Ti)`.
pub fn size_in_words(target: &Target) -> String {
    size(&Size { replicas: i64::from(target.replicas), per_replica: target.per_replica.clone() })
}
