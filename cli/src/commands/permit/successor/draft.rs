//! The request that refers to a permit: what it takes from it, and its name.

use govcloud_crds::{
    ProcessingPermit,
    permit::{Intent, ProcessingPermitSpec, effective::granted_targets},
};
use kube::ResourceExt as _;

use super::Wish;
use crate::{
    commands::permit::{evidence, submit::named},
    error::{CliError, Result},
};

/// How long a permit's name may be.
const LONGEST_NAME: usize = 63;

/// The request before its sizes are changed. A renewal and an amendment start from what was granted; an answer and an appeal from what was
/// asked for, with the documents of then.
pub fn spec(prior: &ProcessingPermit, wish: &Wish, user: &str) -> Result<ProcessingPermitSpec> {
    let (before, common) = (&prior.spec, &wish.common);
    let goes_on = matches!(wish.intent, Intent::Renewal | Intent::Amendment);
    let documents = if goes_on { Vec::new() } else { before.evidence.clone() };
    let or_before = |new: &Vec<_>, old: &Vec<_>| if new.is_empty() { old.clone() } else { new.clone() };
    Ok(ProcessingPermitSpec {
        requested_by: user.to_owned(),
        intent: wish.intent,
        prior: Some(prior.name_any()),
        targets: if goes_on { granted_targets(prior) } else { before.targets.clone() },
        interfaces: if wish.needs.interface.is_empty() { before.interfaces.clone() } else { wish.needs.interface.clone() },
        data_classification: wish.needs.classification.unwrap_or(before.data_classification),
        zones: or_before(&wish.needs.zone, &before.zones),
        duration: common.duration.clone().unwrap_or_else(|| before.duration.clone()),
        justification: common.justification.clone(),
        legal_basis: wish.legal_basis.clone().or_else(|| before.legal_basis.clone()),
        alternatives: if wish.reject.is_empty() { before.alternatives.clone() } else { wish.reject.clone() },
        evidence: evidence::with(documents, &common.attach)?,
        withdrawn: false,
        ..before.clone()
    })
}

/// What a name ends with.
fn suffix(intent: Intent) -> &'static str {
    match intent {
        Intent::Renewal => "renewal",
        Intent::Amendment => "amendment",
        Intent::Appeal => "appeal",
        Intent::New | Intent::Emergency => "answer",
    }
}

/// The name that was chosen; otherwise that of the permit with what the request is, and a number if that is taken. The renewal of a renewal
/// is `x-renewal-2` and not `x-renewal-renewal`.
pub fn name(prior: &ProcessingPermit, wish: &Wish, others: &[ProcessingPermit]) -> String {
    if let Some(chosen) = &wish.common.name {
        return chosen.clone();
    }
    let (before, suffix) = (prior.name_any(), suffix(wish.intent));
    let numbered = |number: usize| {
        let end = if number == 1 { format!("-{suffix}") } else { format!("-{suffix}-{number}") };
        let room = LONGEST_NAME.saturating_sub(end.len());
        let stem: String = stem(&before, suffix).chars().take(room).collect();
        format!("{}{end}", stem.trim_end_matches(['-', '.']))
    };
    let taken = |name: &String| others.iter().any(|other| other.name_any() == *name);
    (1..=others.len() + 1).map(numbered).find(|name| !taken(name)).unwrap_or_default()
}

/// The name without what an earlier request of the same sort put at its end.
fn stem<'a>(name: &'a str, suffix: &str) -> &'a str {
    let unnumbered = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let unnumbered = unnumbered.strip_suffix('-').filter(|_| unnumbered.len() < name.len()).unwrap_or(name);
    let stem = |name: &'a str| name.strip_suffix(suffix)?.strip_suffix('-').filter(|stem| !stem.is_empty());
    stem(unnumbered).or_else(|| stem(name)).unwrap_or(name)
}

/// An amendment that asks for what is there already is a mistake.
pub fn changes_something(permit: &ProcessingPermit, prior: &ProcessingPermit) -> Result<()> {
    let sizes = permit.spec.targets == granted_targets(prior);
    let same = sizes && permit.spec.duration == prior.spec.duration && permit.spec.evidence.is_empty();
    if permit.spec.intent != Intent::Amendment || !same {
        return Ok(());
    }
    Err(CliError::usage(format!("this would change nothing of {}", named(prior)))
        .hint("Say what is to be other than now: --size NAME=REPLICAS[,DIM=QTY], --from MANIFESTS or --duration")
        .hint(format!("The same for longer is a renewal: govcloud permit renew {}", prior.name_any())))
}
