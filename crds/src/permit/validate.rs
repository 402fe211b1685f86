//! What must be in order before a request can be assessed: a chain of rules, the first that objects wins.

use std::collections::BTreeMap;

use kube::ResourceExt;

use crate::{
    Agency, ProcessingClass, ProcessingPermit, Project,
    class::{compute::COMPUTE, controlled::class_of},
    common::Period,
    permit::{
        Intent, Phase, Target,
        succession::{same_objects, within_prior},
    },
};

/// How many hours an emergency permit lasts at most.
pub const EMERGENCY_HOURS: u32 = 72;

/// What the rules look at.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The request.
    pub permit: &'a ProcessingPermit,
    /// The agency that asks.
    pub agency: Option<&'a Agency>,
    /// The project in which it will run.
    pub project: Option<&'a Project>,
    /// The permit that it refers to, if it refers to one and that is there.
    pub prior: Option<&'a ProcessingPermit>,
    /// All classes by name; among them the one that it claims.
    pub classes: &'a BTreeMap<String, ProcessingClass>,
}

impl<'a> Subject<'a> {
    fn class(&self) -> Option<&'a ProcessingClass> {
        self.classes.get(&self.permit.spec.processing_class)
    }
}

/// Why a request cannot be assessed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Objection {
    /// One CamelCase word for programs.
    pub reason: &'static str,
    /// What is wrong and what to do.
    pub message: String,
}

type Rule = fn(Subject<'_>) -> Option<Objection>;

const RULES: [Rule; 8] = [agency, project, class, targets, dimensions, classification, duration, prior];

/// The first objection to a request, or `None` if it can be assessed.
pub fn objection(subject: Subject<'_>) -> Option<Objection> {
    RULES.iter().find_map(|rule| rule(subject))
}

#[expect(clippy::unnecessary_wraps, reason = "each rule ends with it, and a rule gives an Option")]
fn object(reason: &'static str, message: impl Into<String>) -> Option<Objection> {
    Some(Objection { reason, message: message.into() })
}

fn agency(subject: Subject<'_>) -> Option<Objection> {
    match subject.agency {
        None => object("NoAgency", "This namespace is no agency's home; make the request in agency-<name>."),
        Some(agency) if agency.spec.cordoned => object(
            "AgencyCordoned",
            format!("{} is cordoned: nothing new starts for it. Ask your cloud operator.", agency.spec.display_name),
        ),
        Some(_) => None,
    }
}

fn project(subject: Subject<'_>) -> Option<Objection> {
    let name = &subject.permit.spec.project;
    match subject.project {
        None => object("NoSuchProject", format!("There is no project {name}. Create it first: govcloud project create {name}")),
        Some(_) => None,
    }
}

fn class(subject: Subject<'_>) -> Option<Objection> {
    let name = &subject.permit.spec.processing_class;
    match subject.class() {
        None => object(
            "NoSuchClass",
            format!("There is no processing class {name}. See what there is: kubectl get processingclasses"),
        ),
        Some(_) => None,
    }
}

fn targets(subject: Subject<'_>) -> Option<Objection> {
    let class = subject.class()?;
    let targets = &subject.permit.spec.targets;
    if let Some(target) = targets.iter().find(|t| !is_of_class(t, class)) {
        let key = target.resource_key();
        return object(
            "WrongClass",
            format!(
                "{key} is not a resource of class {}. Let govcloud permit request --from FILE fill in the class.",
                subject.permit.spec.processing_class
            ),
        );
    }
    if let Some(target) = targets.iter().find(|t| t.group == "apps" && t.resource == "daemonsets") {
        let why =
            "runs on as many nodes as there are, so it has no size that a permit could name; use a Deployment or a StatefulSet.";
        return object("Unbounded", format!("daemonsets/{} {why}", target.name));
    }
    if let Some((target, of)) = targets.iter().find_map(|t| Some((t, other_class(t, subject)?))) {
        return object("WrongClass", format!("{} is a resource of class {of}; ask for that class.", target.resource_key()));
    }
    let twice = targets.iter().enumerate().find(|(i, t)| targets[..*i].iter().any(|other| other.is_same_object(t)));
    let (_, target) = twice?;
    object("TargetTwice", format!("{}/{} is named twice; name each object once.", target.resource, target.name))
}

/// The class that has the target's resource, if that is another one than the request claims: a resource that two classes
/// name is judged by the rules of the one that admission measures it by.
fn other_class<'a>(target: &Target, subject: Subject<'a>) -> Option<&'a str> {
    class_of(&target.group, &target.resource, subject.classes).filter(|of| *of != subject.permit.spec.processing_class)
}

/// Whether a target can be of a class: a resource that it controls, or a workload if it knows images or is about size alone.
pub fn is_of_class(target: &Target, class: &ProcessingClass) -> bool {
    let controlled = class.spec.controls.iter().any(|c| c.group == target.group && c.resource == target.resource);
    let workload = crate::class::recognise::WORKLOADS.iter().any(|w| w.group == target.group && w.resource == target.resource);
    controlled || (workload && (class.spec.workloads.is_some() || class.name_any() == COMPUTE))
}

fn dimensions(subject: Subject<'_>) -> Option<Objection> {
    let class = subject.class()?;
    let known = |name: &String| class.spec.dimensions.iter().any(|d| d.name == *name);
    let unknown = subject.permit.spec.targets.iter().flat_map(|t| t.per_replica.0.keys()).find(|name| !known(name))?;
    let names: Vec<_> = class.spec.dimensions.iter().map(|d| d.name.as_str()).collect();
    object(
        "UnknownDimension",
        format!("{unknown} is no dimension of class {}; it has {}.", subject.permit.spec.processing_class, names.join(", ")),
    )
}

fn classification(subject: Subject<'_>) -> Option<Objection> {
    let (asked, ceiling) = (subject.permit.spec.data_classification, subject.agency?.spec.data_classification);
    if asked <= ceiling {
        return None;
    }
    object("ClassificationTooHigh", format!("The request is for {asked} data, and the agency may process data up to {ceiling}."))
}

fn duration(subject: Subject<'_>) -> Option<Objection> {
    let spec = &subject.permit.spec;
    let (asked, most) = (&spec.duration, &subject.class()?.spec.approval.max_duration);
    if asked.duration().is_zero() {
        return object("NoDuration", "The duration is zero; say how long it is needed, such as 8760h.");
    }
    if spec.intent == Intent::Emergency && asked.duration() > Period::hours(EMERGENCY_HOURS).duration() {
        let most = format!("an emergency permit lasts at most {EMERGENCY_HOURS}h. Ask for the rest as a New request.");
        return object("TooLong", format!("Asked for {asked}; {most}"));
    }
    if asked.duration() <= most.duration() {
        return None;
    }
    object("TooLong", format!("Asked for {asked}; a permit of class {} lasts at most {most}.", spec.processing_class))
}

/// What a request refers to must be there, be in the phase that the intent is about, and be about the same objects.
fn prior(subject: Subject<'_>) -> Option<Objection> {
    let spec = &subject.permit.spec;
    let Some(name) = &spec.prior else { return None };
    if spec.intent == Intent::Emergency {
        return object("PriorNotNeeded", "An emergency refers to no other permit; leave prior out.");
    }
    let Some(prior) = subject.prior else {
        return object(
            "NoSuchPrior",
            format!("There is no permit {name} in this namespace to refer to. See them: govcloud permit list"),
        );
    };
    prior_phase(spec.intent, prior).or_else(|| prior_matches(subject, prior))
}

fn prior_phase(intent: Intent, prior: &ProcessingPermit) -> Option<Objection> {
    let phase = prior.status.as_ref().map(|status| status.phase).unwrap_or_default();
    let (fits, must): (&[Phase], _) = match intent {
        Intent::Renewal => (&[Phase::Active, Phase::Expired], "a renewal is for one that is Active, or Expired"),
        Intent::Amendment => (&[Phase::Active], "an amendment is for one that is Active"),
        Intent::Appeal => (&[Phase::Denied, Phase::Revoked], "an appeal is against one that was Denied or Revoked"),
        Intent::New | Intent::Emergency => (
            &[Phase::Returned],
            "a New request refers only to one that was Returned; leave prior out, or set intent to what it is",
        ),
    };
    if fits.contains(&phase) {
        return None;
    }
    object("PriorPhase", format!("{} is {phase}, and {must}.", title(prior)))
}

fn prior_matches(subject: Subject<'_>, prior: &ProcessingPermit) -> Option<Objection> {
    let (spec, before) = (&subject.permit.spec, &prior.spec);
    let asked_for = prior.status.as_ref().and_then(|status| status.policy.as_ref()?.project_uid.as_ref());
    let same_project = asked_for.is_none() || asked_for == subject.project.and_then(|project| project.metadata.uid.as_ref());
    let same = (&spec.processing_class, &spec.project) == (&before.processing_class, &before.project) && same_project;
    if !same || !same_objects(&spec.targets, &before.targets) {
        let what = "name the same objects, in the same project and class, as it does, or make a New request without prior";
        return object("PriorDiffers", format!("It refers to {}: {what}.", title(prior)));
    }
    if spec.intent == Intent::Renewal && !within_prior(&spec.targets, prior) {
        let what = "is larger than what it renews; ask for an Amendment";
        return object("RenewalGrows", format!("It {what} of {}.", title(prior)));
    }
    None
}

fn title(permit: &ProcessingPermit) -> String {
    permit.status.as_ref().and_then(|status| status.number.clone()).unwrap_or_else(|| permit.name_any())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::{Value, json};

    fn request(change: Value) -> ProcessingPermit {
        let mut spec = json!({
            "requestedBy": "r", "processingClass": "broker", "project": "a", "justification": "It is needed.",
            "targets": [{"group": "k", "resource": "pools", "name": "one"}],
        });
        for (key, value) in change.as_object().expect("an object") {
            spec[key] = value.clone();
        }
        ProcessingPermit::new("p", serde_json::from_value(spec).expect("valid"))
    }

    fn class() -> ProcessingClass {
        let spec = json!({
            "displayName": "Broker", "dimensions": [{"name": "brokers"}],
            "controls": [{"group": "k", "resource": "pools", "version": "v1", "perReplica": {"brokers": "1"}}],
            "approval": {"quorum": [{"group": "g", "count": 1}]},
        });
        ProcessingClass::new("broker", serde_json::from_value(spec).expect("valid"))
    }

    #[rstest]
    #[case(json!({}), None)]
    #[case(json!({"intent": "Renewal", "prior": "q"}), Some("NoSuchPrior"))]
    #[case(json!({"intent": "Emergency", "prior": "q", "duration": "1h"}), Some("PriorNotNeeded"))]
    #[case(json!({"intent": "Emergency", "duration": "73h"}), Some("TooLong"))]
    #[case(json!({"intent": "Emergency", "duration": "72h"}), None)]
    #[case(json!({"targets": [{"group": "k", "resource": "other", "name": "one"}]}), Some("WrongClass"))]
    #[case(json!({"targets": [{"group": "apps", "resource": "deployments", "name": "one"}]}), Some("WrongClass"))]
    #[case(json!({"targets": [{"group": "k", "resource": "pools", "name": "a"}, {"group": "k", "resource": "pools", "name": "a"}]}), Some("TargetTwice"))]
    #[case(json!({"targets": [{"group": "k", "resource": "pools", "name": "a", "perReplica": {"gpus": 1}}]}), Some("UnknownDimension"))]
    #[case(json!({"dataClassification": "Secret"}), Some("ClassificationTooHigh"))]
    #[case(json!({"duration": "9000h"}), Some("TooLong"))]
    #[case(json!({"duration": "0h"}), Some("NoDuration"))]
    fn the_first_objection_is_named(#[case] change: Value, #[case] reason: Option<&str>) {
        let agency = Agency::new(
            "t",
            serde_json::from_value(json!({"displayName": "T", "securityRegime": "NonInfrastructure"})).expect("valid"),
        );
        let project = Project::new("a", serde_json::from_value(json!({"purpose": "x", "pool": "n"})).expect("valid"));
        let (permit, classes) = (request(change), BTreeMap::from([("broker".to_owned(), class())]));
        let subject = Subject { permit: &permit, agency: Some(&agency), project: Some(&project), prior: None, classes: &classes };
        assert_eq!(objection(subject).map(|o| o.reason), reason);
    }

    #[test]
    fn nobody_chooses_the_class_with_the_easier_rules() {
        let agency = Agency::new(
            "t",
            serde_json::from_value(json!({"displayName": "T", "securityRegime": "NonInfrastructure"})).expect("valid"),
        );
        let project = Project::new("a", serde_json::from_value(json!({"purpose": "x", "pool": "n"})).expect("valid"));
        let (permit, classes) = (request(json!({})), BTreeMap::from([("broker", class()), ("a-stricter-one", class())]));
        let classes = classes.into_iter().map(|(name, class)| (name.to_owned(), class)).collect();
        let found = objection(Subject {
            permit: &permit,
            agency: Some(&agency),
            project: Some(&project),
            prior: None,
            classes: &classes,
        });
        assert_eq!(found.expect("an objection").message, "pools.k is a resource of class a-stricter-one; ask for that class.");
    }

    #[test]
    fn what_is_missing_is_said() {
        let permit = request(json!({}));
        let subject = Subject { permit: &permit, agency: None, project: None, prior: None, classes: &BTreeMap::new() };
        assert_eq!(objection(subject).map(|o| o.reason), Some("NoAgency"));
    }
}
