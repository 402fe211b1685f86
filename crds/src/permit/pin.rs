//! The rules that a request is judged by, as they are when it is submitted: kept with it for good.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;
use kube_cel::{
    KubeCelExt,
    cel::{Context, Program, Value as Cel},
};
use serde_json::{Value, json};

use super::{
    Assessment, AssessmentResult, Automatic, Intent, PinnedPolicy, PinnedPrior, ProcessingPermit, Waiver,
    succession::asks_for_no_more,
};
use crate::{Agency, GovernmentCloud, ProcessingClass, Project, class::measure::to_cel};

/// What a request is submitted under.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances<'a> {
    /// Its class.
    pub class: &'a ProcessingClass,
    /// Who answers for which security regime.
    pub cloud: &'a GovernmentCloud,
    /// The agency that asks.
    pub agency: &'a Agency,
    /// The project in which it will run.
    pub project: Option<&'a Project>,
    /// The permit that it refers to.
    pub prior: Option<&'a ProcessingPermit>,
}

/// The rules that a request is judged by from now on.
pub fn pin(permit: &ProcessingPermit, assessment: &Assessment, under: Circumstances<'_>) -> PinnedPolicy {
    let (automatic, automatic_error) = match decrease(permit, under.prior) {
        Some(decrease) => (Some(decrease), None),
        None => by_rule(permit, assessment, under),
    };
    PinnedPolicy {
        class: under.class.name_any(),
        generation: under.class.metadata.generation.unwrap_or_default(),
        approval: under.class.spec.approval.clone(),
        project_uid: under.project.and_then(|project| project.metadata.uid.clone()),
        regime_reviewers: under.cloud.spec.regime_reviewers(under.agency.spec.security_regime).map(str::to_owned),
        prior: under.prior.and_then(pinned),
        queued_since: queued_since(permit, under.prior),
        automatic,
        automatic_error,
    }
}

fn pinned(prior: &ProcessingPermit) -> Option<PinnedPrior> {
    let status = prior.status.clone().unwrap_or_default();
    let mut deciders: Vec<_> = status.reviews.into_iter().filter(|r| r.counted).map(|r| r.reviewer).collect();
    if prior.spec.intent == Intent::Appeal {
        deciders.extend(status.policy.and_then(|policy| policy.prior).into_iter().flat_map(|before| before.deciders));
    }
    deciders.sort();
    deciders.dedup();
    Some(PinnedPrior { name: prior.name_any(), uid: prior.metadata.uid.clone()?, number: status.number, deciders })
}

/// Since when it stands in the queue: an answer keeps the place of what it answers.
fn queued_since(permit: &ProcessingPermit, prior: Option<&ProcessingPermit>) -> Option<Time> {
    let answered = prior.filter(|_| permit.spec.intent == Intent::New);
    let since = |p: &ProcessingPermit| {
        let pinned = p.status.as_ref().and_then(|status| status.policy.as_ref()?.queued_since.clone());
        pinned.or_else(|| p.metadata.creation_timestamp.clone())
    };
    answered.and_then(since).or_else(|| permit.metadata.creation_timestamp.clone())
}

/// An amendment that asks for nothing but less of what is active is granted at once, until the end that was granted before.
fn decrease(permit: &ProcessingPermit, prior: Option<&ProcessingPermit>) -> Option<Automatic> {
    let prior = prior.filter(|prior| permit.spec.intent == Intent::Amendment && asks_for_no_more(permit, prior))?;
    let status = prior.status.as_ref()?;
    let number = status.number.clone().unwrap_or_else(|| prior.name_any());
    let reason = format!("It asks for no more than {number} allows, and ends no later.");
    Some(Automatic { waives: Waiver::Everything, reason, not_after: Some(status.not_after.clone()?) })
}

/// What the class's rule says of a request; what is offered elsewhere, is appealed or is an emergency is for people.
fn by_rule(permit: &ProcessingPermit, assessment: &Assessment, under: Circumstances<'_>) -> (Option<Automatic>, Option<String>) {
    let expression = &under.class.spec.approval.auto_approve;
    let for_people = matches!(permit.spec.intent, Intent::Appeal | Intent::Emergency);
    if expression.is_empty() || for_people || assessment.result == AssessmentResult::Duplicate {
        return (None, None);
    }
    match evaluate(expression, permit, assessment, under.agency) {
        Ok(true) => {
            let reason = format!("Approved by the rule of class {}: {expression}", under.class.name_any());
            (Some(Automatic { waives: Waiver::ClassQuorum, reason, not_after: None }), None)
        }
        Ok(false) => (None, None),
        Err(why) => (None, Some(why)),
    }
}

fn evaluate(expression: &str, permit: &ProcessingPermit, assessment: &Assessment, agency: &Agency) -> Result<bool, String> {
    let program = Program::compile(expression).map_err(|error| error.to_string())?;
    let mut context = Context::default().with_all();
    let facts = [("permit", json!(permit.spec)), ("assessment", json!(assessment)), ("agency", json!(agency.spec))];
    for (name, fact) in facts {
        context.add_variable_from_value(name, to_cel(&fact));
    }
    match program.execute(&context).map_err(|error| error.to_string())? {
        Cel::Bool(approves) => Ok(approves),
        other => Err(format!("it gives a {:?} where true or false is needed", other.type_of())),
    }
}

/// What is wrong with a class's rule for approvals without a person, with its line and column; `None` if it can be asked.
pub fn auto_approve_error(expression: &str) -> Option<String> {
    const KNOWN: [&str; 3] = ["permit", "assessment", "agency"];
    if expression.is_empty() {
        return None;
    }
    let program = match Program::compile(expression) {
        Ok(program) => program,
        Err(error) => return Some(error.to_string().trim().to_owned()),
    };
    let references = program.references();
    let unknown = |name: &&str| !KNOWN.contains(name) && !is_bound(expression, name);
    if let Some(name) = references.variables().into_iter().find(unknown).map(str::to_owned) {
        let at = position(expression, &name).map(|(line, column)| format!(" (line {line}, column {column})")).unwrap_or_default();
        return Some(format!("it reads {name}{at}; there is permit (its spec), assessment and agency (its spec)"));
    }
    // What gives no truth value for whatever it reads is found without a request.
    let mut context = Context::default().with_all();
    for name in KNOWN {
        context.add_variable_from_value(name, to_cel(&Value::Object(serde_json::Map::new())));
    }
    match program.execute(&context) {
        Ok(Cel::Bool(_)) | Err(_) => None,
        Ok(other) => Some(format!("it gives a {:?} where true or false is needed", other.type_of())),
    }
}

/// Whether a name is the variable of a macro such as `all(t, …)`, or one that the parser made for it.
fn is_bound(expression: &str, name: &str) -> bool {
    let dense: String = expression.split_whitespace().collect();
    !name.starts_with(|c: char| c.is_alphabetic()) || dense.contains(&format!("({name},"))
}

/// Line and column, from 1, of a word.
fn position(text: &str, word: &str) -> Option<(usize, usize)> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let whole = |(at, _): &(usize, &str)| {
        let (before, after) = (text[..*at].chars().next_back(), text[at + word.len()..].chars().next());
        !before.is_some_and(|c| is_part(c) || c == '.') && !after.is_some_and(is_part)
    };
    let (at, _) = text.match_indices(word).find(whole)?;
    let line = text[..at].matches('\n').count() + 1;
    Some((line, text[..at].chars().rev().take_while(|c| *c != '\n').count() + 1))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::nothing("", None)]
    #[case::a_macro("permit.targets.all(t, t.replicas <= 1) && agency.dataClassification != 'Secret'", None)]
    #[case::not_all_have_it("assessment.result == 'Unique'", None)]
    #[case::no_cel("permit.targets.all(t, ", Some("1:"))]
    #[case::another_name("permit.duration == '1h' &&\n  request.user == 'me'", Some("it reads request (line 2, column 3)"))]
    #[case::part_of_a_word("permit.request == 'x' && request == 1", Some("it reads request (line 1, column 26)"))]
    #[case::no_truth_value("'yes'", Some("where true or false is needed"))]
    fn what_is_wrong_with_a_rule_is_said(#[case] expression: &str, #[case] said: Option<&str>) {
        let error = auto_approve_error(expression);
        assert_eq!(error.is_some(), said.is_some(), "{error:?}");
        assert!(said.is_none_or(|said| error.as_ref().is_some_and(|error| error.contains(said))), "{error:?}");
    }
}
