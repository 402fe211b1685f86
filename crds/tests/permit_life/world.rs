//! The product's functions, put together as the operator does.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use govcloud_crds::{
    Agency, GovernmentCloud, PermitReview, ProcessingClass, ProcessingPermit, Project,
    grant::compile,
    permit::{
        AssessmentResult, Circumstances, Intent, Phase, ReviewVerdict, Waiver,
        activation::{activate, holder, waits_for_prior},
        effective::{Policy, effective, kept},
        pin,
        succession::successor,
        validate::{Subject, objection},
    },
};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;
use serde_json::json;

use crate::steps::{GROUPS, LONGEST, OBJECTS, PEOPLE, REQUESTER, Step, of_late};

pub const SMALL: &str = "permit.targets.all(t, t.replicas == 1)";
const NAMESPACE_UID: &str = "namespace";

pub struct World {
    now: Timestamp,
    class: ProcessingClass,
    cloud: GovernmentCloud,
    agency: Agency,
    project: Project,
    permits: Vec<ProcessingPermit>,
    duplicates: BTreeSet<usize>,
    reviews: Vec<PermitReview>,
    before: Vec<Phase>,
}

impl World {
    pub fn new() -> Self {
        let authority = json!({"name": "Security", "reviewers": "security"});
        let authorities =
            json!({"NonInfrastructure": authority, "InfrastructureArea": authority, "CriticalInfrastructure": authority});
        let agency = json!({
            "displayName": "Tax", "securityRegime": "InfrastructureArea", "members": {"admins": [{"kind": "User", "name": PEOPLE[1]}]},
        });
        let class = json!({
            "displayName": "Broker", "dimensions": [{"name": "brokers"}],
            "controls": [{"group": "k", "resource": "pools", "version": "v1", "perReplica": {"brokers": "1"}}],
            "approval": {"quorum": [{"group": GROUPS[0], "count": 1}], "maxDuration": format!("{LONGEST}h")},
        });
        let mut project = Project::new("a", of(&json!({"purpose": "A test", "pool": "national"})));
        project.metadata.uid = Some("project".into());
        Self {
            now: Timestamp::from_second(0).expect("in range"),
            class: ProcessingClass::new("broker", of(&class)),
            cloud: GovernmentCloud::new("national", of(&json!({"authorities": authorities}))),
            agency: Agency::new("tax", of(&agency)),
            project,
            permits: Vec::new(),
            duplicates: BTreeSet::new(),
            reviews: Vec::new(),
            before: Vec::new(),
        }
    }

    /// People do something.
    pub fn take(&mut self, step: &Step) {
        self.before = self.phases();
        match step {
            Step::Request { .. } => self.request(step),
            Step::Review { .. } => self.review(step),
            Step::Withdraw { ago } => {
                let number = of_late(self.permits.len(), *ago);
                if let Some(permit) = self.permits.get_mut(number) {
                    permit.spec.withdrawn = true;
                }
            }
            Step::Clock { hours } => self.now += SignedDuration::from_hours(*hours),
            Step::Policy { count, denies_duplicates, approves_small } => {
                let approval = &mut self.class.spec.approval;
                approval.quorum[0].count = *count;
                approval.on_duplicate = of(&json!(if *denies_duplicates { "Deny" } else { "Review" }));
                approval.auto_approve = if *approves_small { SMALL.to_owned() } else { String::new() };
            }
        }
    }

    fn request(&mut self, step: &Step) {
        let Step::Request { intent, prior, object, replicas, hours, duplicate, internal } = step else { return };
        let number = self.permits.len();
        let prior = prior.map(|ago| format!("p{}", of_late(number, ago)));
        let target = json!({"group": "k", "resource": "pools", "name": OBJECTS[*object], "replicas": replicas, "perReplica": {"brokers": "1"}});
        let name = format!("p{number}");
        let permit = json!({
            "apiVersion": "govcloud.dev/v1alpha1", "kind": "ProcessingPermit",
            "metadata": {"name": name, "namespace": "agency-tax", "uid": format!("uid-{name}"), "creationTimestamp": self.now},
            "spec": {"requestedBy": PEOPLE[REQUESTER], "intent": intent, "prior": prior, "processingClass": "broker", "project": "a",
                     "targets": [target], "dataClassification": if *internal { "Internal" } else { "Public" }, "duration": format!("{hours}h"), "justification": "It is needed."},
            "status": {"number": format!("GC-{number}"), "digest": digest(&name)},
        });
        if *duplicate {
            self.duplicates.insert(number);
        }
        self.permits.push(of(&permit));
    }

    /// A review of something that is not assessed yet could not have been given: there is no digest to pin.
    fn review(&mut self, step: &Step) {
        let Step::Review { ago, who, group, verdict, overrides } = step else { return };
        let permit = of_late(self.permits.len(), *ago);
        let name = format!("p{permit}");
        let assessed = self.permits.get(permit).is_some_and(|p| p.status.as_ref().is_some_and(|s| s.assessment.is_some()));
        if !assessed {
            return;
        }
        let review = json!({
            "apiVersion": "govcloud.dev/v1alpha1", "kind": "PermitReview",
            "metadata": {"name": format!("r{:04}", self.reviews.len()), "namespace": "agency-tax", "creationTimestamp": self.now},
            "spec": {"permit": {"name": name, "uid": format!("uid-{name}"), "digest": digest(&name)}, "reviewer": PEOPLE[*who],
                     "group": GROUPS[*group], "verdict": verdict, "reason": "because", "overrideDuplicate": overrides},
        });
        self.reviews.push(of(&review));
    }

    /// The operator looks at all permits until nothing changes any more.
    pub fn look(&mut self) {
        for _ in 0..10 {
            let before = self.permits.clone();
            (0..self.permits.len()).for_each(|number| self.look_at(number));
            if before == self.permits {
                return;
            }
        }
        panic!("the operator never comes to rest:\n{self}");
    }

    /// The operator looks at one permit, as its reconciler does.
    pub fn look_at(&mut self, number: usize) {
        let Some(mut permit) = self.permits.get(number).cloned() else { return };
        self.assess(number, &mut permit);
        let next = successor(&permit, &self.permits);
        let status = permit.status.as_mut().expect("has one");
        status.superseded_by = status.superseded_by.take().or(next);
        let policy = Policy::of(&permit, Some(&self.agency));
        let mut state = effective(&permit, &self.reviews, policy.as_ref(), self.now);
        if state.phase == Phase::Approved && self.may_start(&permit) {
            activate(&mut permit, Some(NAMESPACE_UID.to_owned()), self.now);
            permit.status.as_mut().expect("has one").granted.clone_from(&state.targets);
            state = effective(&permit, &self.reviews, policy.as_ref(), self.now);
        }
        let status = permit.status.as_mut().expect("has one");
        if state.phase.is_over() && status.ended_at.is_none() {
            status.ended_at = Some(Time(state.ended_at.unwrap_or(self.now)));
        }
        (status.phase, status.reviews, status.decision) = (state.phase, kept(state.reviews), state.decision);
        self.permits[number] = permit;
    }

    fn assess(&self, number: usize, permit: &mut ProcessingPermit) {
        let is_new = permit.status.as_ref().is_some_and(|status| status.assessment.is_none());
        if !is_new || permit.spec.withdrawn {
            return;
        }
        let prior = permit.spec.prior.as_ref().and_then(|name| self.permits.iter().find(|p| p.name_any() == *name));
        let classes = BTreeMap::from([("broker".to_owned(), self.class.clone())]);
        let subject = Subject { permit, agency: Some(&self.agency), project: Some(&self.project), prior, classes: &classes };
        if objection(subject).is_some() {
            return;
        }
        let result = if self.duplicates.contains(&number) { "Duplicate" } else { "Unique" };
        let assessment = of(&json!({"result": result, "assessedAt": self.now}));
        let under =
            Circumstances { class: &self.class, cloud: &self.cloud, agency: &self.agency, project: Some(&self.project), prior };
        let policy = pin(permit, &assessment, under);
        let status = permit.status.as_mut().expect("has one");
        (status.policy, status.assessment) = (Some(policy), Some(assessment));
    }

    fn may_start(&self, permit: &ProcessingPermit) -> bool {
        let prior = self.permits.iter().find(|p| p.metadata.uid.as_deref() == permit.prior_uid());
        let stopped = prior.is_some_and(|prior| {
            let policy = Policy::of(prior, Some(&self.agency));
            waits_for_prior(permit, effective(prior, &self.reviews, policy.as_ref(), self.now).phase)
        });
        !stopped && holder(permit, &permit.spec.targets, &self.permits, |_| false).is_none()
    }

    pub fn phases(&self) -> Vec<Phase> {
        self.permits.iter().map(|p| p.status.as_ref().expect("has one").phase).collect()
    }

    pub fn intents_in(&self, phase: Phase) -> Vec<Intent> {
        let in_phase = self.permits.iter().filter(|p| p.status.as_ref().is_some_and(|s| s.phase == phase));
        in_phase.map(|p| p.spec.intent).collect()
    }

    /// What is, and must never be.
    pub fn wrong(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        for (was, is) in self.before.iter().zip(self.phases()) {
            if !was.leads_to(is) {
                wrong.push(format!("no step leads from {was} to {is}"));
            }
        }
        wrong.extend(self.permits.iter().filter_map(|permit| self.lives_wrongly(permit)));
        for (resource, slots) in compile("a", NAMESPACE_UID, &self.permits).resources {
            let names: BTreeSet<_> = slots.iter().map(|slot| &slot.name).collect();
            if names.len() != slots.len() {
                wrong.push(format!("two slots for one object of {resource}: {slots:?}"));
            }
        }
        wrong
    }

    fn lives_wrongly(&self, permit: &ProcessingPermit) -> Option<String> {
        let (name, status) = (permit.name_any(), permit.status.as_ref()?);
        let (from, ends) = (status.valid_from.as_ref()?.0, status.not_after.as_ref()?.0);
        let policy = status.policy.as_ref()?;
        if ends > permit.spec.duration.after(from) {
            return Some(format!("{name} lasts longer than was asked for"));
        }
        let state = effective(permit, &self.reviews, Policy::of(permit, Some(&self.agency)).as_ref(), self.now);
        if self.now >= ends && matches!(state.phase, Phase::Active | Phase::Suspended) {
            return Some(format!("{name} lives beyond its end"));
        }
        // Counted here once more, from the reviews alone: distinct persons who are neither the requester nor of the agency.
        let mut persons: BTreeMap<&str, &str> = BTreeMap::new();
        let theirs = self.reviews.iter().filter(|r| r.spec.permit.name == name && r.spec.verdict == ReviewVerdict::Approve);
        let barred = |who: &String| {
            let decided = permit.spec.intent == Intent::Appeal && policy.prior.iter().any(|prior| prior.deciders.contains(who));
            [PEOPLE[0], PEOPLE[1]].contains(&who.as_str()) || decided
        };
        let duplicate = status.assessment.as_ref().is_some_and(|assessment| assessment.result == AssessmentResult::Duplicate);
        let has_say = |r: &&PermitReview| r.spec.group != GROUPS[2] && (r.spec.override_duplicate || !duplicate);
        for review in theirs.filter(has_say).filter(|r| !barred(&r.spec.reviewer)) {
            persons.entry(&review.spec.reviewer).or_insert(&review.spec.group);
        }
        let of_group = |group: &str| persons.values().filter(|g| **g == group).count();
        let all = usize::try_from(policy.approval.quorum[0].count).expect("small");
        let (ministry, security) = match policy.automatic.as_ref().map(|automatic| automatic.waives) {
            Some(Waiver::Everything) => (0, 0),
            Some(Waiver::ClassQuorum) => (0, 1),
            None if permit.spec.intent == Intent::Emergency => (1, 0),
            None => (all, 1),
        };
        let missing = of_group(GROUPS[0]) < ministry || of_group(GROUPS[1]) < security;
        missing.then(|| format!("{name} started with {persons:?}"))
    }
}

fn digest(name: &str) -> String {
    govcloud_crds::permit::digest::sha256(name)
}

fn of<T: serde::de::DeserializeOwned>(value: &serde_json::Value) -> T {
    serde_json::from_value(value.clone()).expect("valid")
}

impl fmt::Display for World {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for permit in &self.permits {
            let status = permit.status.as_ref().expect("has one");
            writeln!(
                out,
                "{} {:?} of {:?}: {} {:?}",
                permit.name_any(),
                permit.spec.intent,
                permit.spec.prior,
                status.phase,
                status.reviews
            )?;
        }
        Ok(())
    }
}
