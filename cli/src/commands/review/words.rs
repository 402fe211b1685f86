//! How the ministry's commands speak of what is asked for.

use std::collections::BTreeMap;

use govcloud_crds::{
    ProcessingClass, Resources,
    common::Period,
    permit::{Intent, Target},
};

use crate::{
    commands::permit::find::Case,
    output::text::{amounts, count},
};

/// The classes by name, or `None` if the caller may not read them.
pub type Classes = Option<BTreeMap<String, ProcessingClass>>;

/// The class as people know it; its name if it cannot be read.
pub fn class_name(classes: &Classes, name: &str) -> String {
    let class = classes.as_ref().and_then(|classes| classes.get(name));
    class.map_or_else(|| name.to_owned(), |class| class.spec.display_name.clone())
}

/// The agency as people know it; its name if it cannot be read.
pub fn agency_name(case: &Case) -> String {
    case.agency.as_ref().map_or_else(|| case.agency_name(), |agency| agency.spec.display_name.clone())
}

/// `16 GPUs`, `6 brokers, 3.06Ti`.
pub fn amounts_in_words(resources: &Resources) -> String {
    let spoken = |word: &str| match word {
        "gpu" | "gpu," | "gpus" | "gpus," | "cpu" | "cpu," | "cpus" | "cpus," => {
            let letters = word[..3].to_uppercase();
            format!("{letters}{}", &word[3..])
        }
        other => other.to_owned(),
    };
    amounts(resources).split(' ').map(spoken).collect::<Vec<_>>().join(" ")
}

/// `3 × (1 broker, 1Ti)`.
pub fn size_in_words(target: &Target) -> String {
    format!("{} × ({})", target.replicas, amounts_in_words(&target.per_replica))
}

/// `1 year`, `90 days`, `36 hours`.
pub fn period_in_words(period: &Period) -> String {
    let hours = usize::try_from(period.duration().as_hours()).unwrap_or_default();
    match (hours / 24, hours % 24) {
        (days, 0) if days >= 365 && days % 365 == 0 => count(days / 365, "year"),
        (days, 0) if days > 3 => count(days, "day"),
        _ if hours > 0 => count(hours, "hour"),
        _ => period.to_string(),
    }
}

/// `an amendment`; an answer to a return is a new request that refers to one.
pub fn intent_in_words(intent: Intent, refers: bool) -> &'static str {
    match intent {
        Intent::New if refers => "an answer",
        Intent::New => "a new request",
        Intent::Renewal => "a renewal",
        Intent::Amendment => "an amendment",
        Intent::Appeal => "an appeal",
        Intent::Emergency => "an emergency",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("8760h", "1 year")]
    #[case("17520h", "2 years")]
    #[case("720h", "30 days")]
    #[case("72h", "72 hours")]
    #[case("36h", "36 hours")]
    #[case("30m", "30m")]
    fn periods(#[case] period: &str, #[case] text: &str) {
        assert_eq!(period_in_words(&Period::from(period)), text);
    }

    #[rstest]
    #[case(&[("gpus", "16")], "16 GPUs")]
    #[case(&[("gpus", "1"), ("storage", "1Ti")], "1 GPU, 1Ti")]
    #[case(&[("brokers", "6")], "6 brokers")]
    fn devices_are_called_what_people_call_them(#[case] pairs: &[(&str, &str)], #[case] text: &str) {
        let resources = pairs.iter().map(|(k, v)| ((*k).to_owned(), v.parse().expect("valid"))).collect();
        assert_eq!(amounts_in_words(&resources), text);
    }
}
