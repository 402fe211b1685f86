//! A seeded year of a state: 300 agencies, 60 shared services and 5,000 requests, among them duplicates in disguise.
//!
//! Precision must be 1: nobody is refused what they need. Recall is printed with the reason of each miss.
//! `docs/results/assessment.md` has the figures and the command.

#[allow(dead_code, reason = "the small instances of the other test are in it too")]
#[path = "assessment/world.rs"]
mod world;

use std::collections::BTreeMap;

use govcloud_crds::{
    Agency, ProcessingClass, ProcessingPermit, Project, SharedService,
    agency::family,
    permit::{
        Assessment, AssessmentResult, Truth,
        assess::{Request, assess},
        certificate::{Evidence, verify},
        keeping::{Kept, kept, plan_sizes},
        validate::{Subject, objection},
        year::granted_in_year,
    },
};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;
use serde_json::{Value, json};
use world::Rng;

const AGENCIES: usize = 300;
const SERVICES: usize = 60;
const REQUESTS: usize = 5_000;
/// Classes with the protocol of their offers; the first covers the second.
const CLASSES: [(&str, &str); 6] = [
    ("streaming", "kafka"),
    ("broker", "kafka"),
    ("lake", "s3"),
    ("database", "postgresql"),
    ("gpu", "slurm"),
    ("search", "opensearch"),
];
const REGIMES: [&str; 3] = ["NonInfrastructure", "InfrastructureArea", "CriticalInfrastructure"];

/// What a request is, whatever it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Truly {
    Duplicate,
    Sliced,
    ByRelatives,
    Relabelled,
    OtherProtocol,
    TooSecret,
    Elsewhere,
    TooLarge,
}

impl Truly {
    fn is_duplicate(self) -> bool {
        matches!(self, Self::Duplicate | Self::Sliced | Self::ByRelatives | Self::Relabelled)
    }
}

struct Nation {
    rng: Rng,
    now: Timestamp,
    agencies: BTreeMap<String, Agency>,
    services: Vec<SharedService>,
    classes: BTreeMap<String, ProcessingClass>,
    /// What was filed, by family.
    filed: BTreeMap<String, Vec<ProcessingPermit>>,
    /// The duplicates of the last weeks.
    kept: Vec<ProcessingPermit>,
    number: usize,
}

/// What came of a request.
enum Outcome {
    Refused(&'static str),
    Assessed(Box<Assessment>),
}

fn of<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).expect("valid")
}

fn agency_name(number: usize) -> String {
    format!("agency-of-{number}")
}

impl Nation {
    fn new(seed: u64) -> Self {
        let mut rng = Rng(seed);
        let agencies = (0..AGENCIES).map(|i| {
            let parent = (i >= 30).then(|| agency_name(rng.below(i as u64 / 3 + 1)));
            let spec = json!({"displayName": format!("Agency {i}"), "parent": parent, "securityRegime": REGIMES[rng.below(3)], "dataClassification": "Secret"});
            (agency_name(i), Agency::new(&agency_name(i), of(spec)))
        });
        let agencies = agencies.collect();
        let services = (0..SERVICES).map(|i| service(i, &mut rng)).collect();
        let classes = CLASSES.iter().map(|(name, _)| ((*name).to_owned(), class(name))).collect();
        let now = "2026-01-01T00:00:00Z".parse().expect("a time");
        Self { rng, now, agencies, services, classes, filed: BTreeMap::new(), kept: Vec::new(), number: 0 }
    }

    fn family(&self, agency: &str) -> String {
        family(agency, |name| self.agencies.get(name)?.spec.parent.clone())
    }

    fn kept_now(&self) -> Vec<Kept> {
        let sizes = plan_sizes(&self.services);
        let plan_of = |service: &str, plan: &str| sizes.get(&(service.to_owned(), plan.to_owned())).cloned();
        let agency = |p: &ProcessingPermit| p.namespace().and_then(|n| n.strip_prefix("agency-").map(str::to_owned));
        kept(&self.kept, |_| false, |p| Some(self.family(&agency(p)?)), plan_of, self.now)
    }

    /// Files a request; each duplicate is checked by the verifier, and then denied.
    fn file(&mut self, agency_name: &str, spec: &Value) -> Outcome {
        (self.now, self.number) = (self.now + SignedDuration::from_mins(105), self.number + 1);
        let name = format!("r{}", self.number);
        let mut permit = ProcessingPermit::new(&name, of(spec.clone()));
        (permit.metadata.uid, permit.metadata.namespace) = (Some(name), Some(format!("agency-{agency_name}")));
        let project = Project::new("a", of(json!({"purpose": "x", "pool": "n"})));
        let agency = &self.agencies[agency_name];
        let subject =
            Subject { permit: &permit, agency: Some(agency), project: Some(&project), prior: None, classes: &self.classes };
        if let Some(objection) = objection(subject) {
            return Outcome::Refused(objection.reason);
        }
        let family = self.family(agency_name);
        let granted =
            granted_in_year(self.filed.get(&family).into_iter().flatten(), &permit.spec.processing_class, None, self.now);
        let request = Request::of(&permit.spec, agency).with_history(family.clone(), granted);
        let kept = self.kept_now();
        let assessment = assess(&request, &self.services, &kept, &self.classes, self.now);
        if assessment.result == AssessmentResult::Duplicate {
            let evidence = Evidence { request: &request, services: &self.services, kept: &kept, classes: &self.classes };
            assert_eq!(verify(&assessment.offers[0], evidence), Ok(()), "{:?}", assessment.offers[0]);
        }
        let duplicate = assessment.result == AssessmentResult::Duplicate;
        let phase = if duplicate { "Denied" } else { "Active" };
        permit.status =
            Some(of(json!({"phase": phase, "assessment": assessment, "validFrom": (!duplicate).then_some(Time(self.now))})));
        let now = self.now;
        self.kept.retain(|p| p.kept_offer().and_then(|o| o.reserved_until.as_ref()).is_some_and(|until| until.0 > now));
        if duplicate {
            self.kept.push(permit);
        } else {
            self.filed.entry(family).or_default().push(permit);
        }
        Outcome::Assessed(Box::new(assessment))
    }

    /// A request for what an offer has, of an agency that may claim it.
    fn planted(&mut self) -> (String, Value, String) {
        loop {
            let agency = agency_name(self.rng.below(AGENCIES as u64));
            let service = &self.services[self.rng.below(SERVICES as u64)];
            let eligible = &service.spec.eligibility.security_regimes;
            if !eligible.is_empty() && !eligible.contains(&self.agencies[&agency].spec.security_regime) {
                continue;
            }
            // An offer of the parent class covers a request of the one below it.
            let class = if service.spec.processing_class == "streaming" { "broker" } else { &service.spec.processing_class };
            let protocol = CLASSES.iter().find(|(name, _)| *name == class).expect("known").1;
            let units = self.rng.within(1, 6);
            let mut spec = request(class, protocol, units, self.number);
            spec["zones"] = json!(service.spec.zones.first().into_iter().collect::<Vec<_>>());
            return (agency, spec, service.name_any());
        }
    }

    fn relative(&mut self, agency: &str) -> String {
        let family = self.family(agency);
        let names: Vec<_> = self.agencies.keys().filter(|name| self.family(name) == family).cloned().collect();
        names[self.rng.below(names.len() as u64)].clone()
    }
}

fn service(i: usize, rng: &mut Rng) -> SharedService {
    let (class, protocol) = CLASSES[i % CLASSES.len()];
    let regimes: Vec<_> = REGIMES.iter().filter(|_| rng.below(4) == 0).collect();
    let zones: Vec<_> = ["north", "south", "east"].iter().filter(|_| rng.below(2) == 0).collect();
    let spec = json!({
        "displayName": format!("Service {i}"), "provider": "ito", "processingClass": class,
        "interfaces": [{"name": protocol, "version": if rng.below(12) == 0 { "latest" } else { "3.9" }}],
        "zones": zones,
        "dataClassification": "Restricted", "eligibility": {"securityRegimes": regimes},
        "plans": [{"name": "small", "capacity": {"units": 2}}, {"name": "large", "capacity": {"units": 8}}],
        "capacity": {"units": rng.within(8, 60)}, "binding": {"type": protocol},
    });
    let mut service = SharedService::new(&format!("service-{i}"), of(spec));
    service.metadata.generation = Some(2);
    let stale = rng.below(15) == 0;
    service.status =
        Some(of(json!({"observedGeneration": if stale { 1 } else { 2 }, "allocated": {"units": rng.within(0, 40)}})));
    service
}

fn class(name: &str) -> ProcessingClass {
    let parent = (name == "broker").then_some("streaming");
    let controls = json!([{"group": name, "resource": format!("{name}s"), "version": "v1", "perReplica": {"units": "1"}}]);
    let approval = json!({"quorum": [{"group": "g", "count": 1}]});
    let spec = json!({"displayName": name, "parent": parent, "dimensions": [{"name": "units"}], "controls": controls, "approval": approval});
    ProcessingClass::new(name, of(spec))
}

fn request(class: &str, protocol: &str, units: i64, number: usize) -> Value {
    json!({
        "requestedBy": "r", "processingClass": class, "project": "a", "justification": "It is needed.",
        "interfaces": [{"name": protocol, "version": ">=3.7"}], "dataClassification": "Internal",
        "targets": [{"group": class, "resource": format!("{class}s"), "name": format!("its-own-{number}"), "replicas": units, "perReplica": {"units": 1}}],
    })
}

#[derive(Default)]
struct Score {
    asked: usize,
    caught: usize,
    missed: BTreeMap<String, usize>,
}

/// Why what was planted was not found, by the predicates that were not true of the offer that it was made from.
fn why(assessment: &Assessment, service: &str) -> String {
    let of_it = assessment.offers.iter().find(|o| o.offer.starts_with(&format!("{service}/")));
    let failed = of_it.into_iter().flat_map(|o| &o.predicates).filter(|p| p.result != Truth::True);
    let names: Vec<_> = failed.map(|p| format!("{} {:?}", p.name, p.result)).collect();
    format!("{}: {}", assessment.result, names.join(", "))
}

#[test]
fn nobody_is_refused_wrongly_and_misses_are_explained() {
    let mut nation = Nation::new(2026);
    let (mut scores, mut wrong): (BTreeMap<Truly, Score>, Vec<String>) = (BTreeMap::new(), Vec::new());
    while nation.number < REQUESTS {
        let (agency, mut spec, service) = nation.planted();
        let (truly, parts) = disguise(&mut nation, &mut spec);
        for part in 0..parts {
            let asking = if truly == Truly::ByRelatives { nation.relative(&agency) } else { agency.clone() };
            let regime = |name: &str| nation.agencies[name].spec.security_regime;
            let asking = if regime(&asking) == regime(&agency) { asking } else { agency.clone() };
            spec["targets"][0]["name"] = json!(format!("{}-{part}", nation.number));
            let outcome = nation.file(&asking, &spec);
            let score = scores.entry(truly).or_default();
            score.asked += 1;
            let caught = match &outcome {
                Outcome::Refused(reason) => truly == Truly::Relabelled && *reason == "WrongClass",
                Outcome::Assessed(assessment) => assessment.result == AssessmentResult::Duplicate,
            };
            score.caught += usize::from(caught);
            match outcome {
                Outcome::Refused(reason) if !caught => wrong.push(format!("{truly:?} refused: {reason}")),
                Outcome::Assessed(assessment) if caught && !truly.is_duplicate() => {
                    wrong.push(format!("{truly:?}: {:?}", assessment.offers[0]));
                }
                Outcome::Assessed(assessment) if !caught && truly.is_duplicate() => {
                    *score.missed.entry(why(&assessment, &service)).or_default() += 1;
                }
                _ => {}
            }
        }
    }
    report(&scores, &wrong);
    assert!(wrong.is_empty(), "{} wrong refusals, such as {}", wrong.len(), wrong[0]);
    assert!(
        scores.iter().filter(|(truly, _)| truly.is_duplicate()).all(|(_, score)| score.caught > 100),
        "all disguises come up"
    );
}

/// What a planted request is turned into, and in how many requests it comes.
fn disguise(nation: &mut Nation, spec: &mut Value) -> (Truly, usize) {
    match nation.rng.below(10) {
        0 | 1 => (Truly::Duplicate, 1),
        2 => (slice(spec, Truly::Sliced), 4),
        3 => (slice(spec, Truly::ByRelatives), 4),
        4 => {
            // The class that is claimed has no such offers; the targets are what they are.
            let claimed = if spec["processingClass"] == "search" { "gpu" } else { "search" };
            spec["processingClass"] = json!(claimed);
            (Truly::Relabelled, 1)
        }
        5 | 6 => {
            spec["interfaces"] = json!([{"name": "mqtt"}]);
            (Truly::OtherProtocol, 1)
        }
        7 => {
            spec["dataClassification"] = json!("Secret");
            (Truly::TooSecret, 1)
        }
        8 => {
            spec["zones"] = json!(["an-island"]);
            (Truly::Elsewhere, 1)
        }
        _ => {
            spec["targets"][0]["replicas"] = json!(1000);
            (Truly::TooLarge, 1)
        }
    }
}

fn slice(spec: &mut Value, truly: Truly) -> Truly {
    spec["targets"][0]["replicas"] = json!(1);
    truly
}

fn report(scores: &BTreeMap<Truly, Score>, wrong: &[String]) {
    let sum = |f: fn(&Score) -> usize| scores.iter().filter(|(t, _)| t.is_duplicate()).map(|(_, s)| f(s)).sum::<usize>();
    let (caught, planted) = (sum(|s| s.caught), sum(|s| s.asked));
    println!("precision {}/{}, recall {caught}/{planted}", caught, caught + wrong.len());
    for (truly, score) in scores {
        println!("{truly:?}: {} asked, {} called a duplicate or refused for their class", score.asked, score.caught);
        for (why, times) in &score.missed {
            println!("    missed {times} times: {why}");
        }
    }
}
