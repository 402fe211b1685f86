//! Small random instances in plain numbers, and the product's objects that they stand for.

use std::collections::BTreeMap;

use govcloud_crds::{
    Agency, ProcessingClass, ProcessingPermit, Resources, SharedService,
    permit::{
        Assessment, AssessmentResult,
        assess::{Request, assess},
        keeping::{Kept, asked_again, kept, plan_sizes},
        year::granted_in_year,
    },
};
use jiff::Timestamp;
use kube::ResourceExt;
use serde_json::{Value, json};

pub const CLASSES: [&str; 3] = ["streaming", "broker", "lake"];
pub const PROTOCOLS: [&str; 2] = ["kafka", "amqp"];
pub const VERSIONS: [&str; 4] = ["3.9", "3.6", "4", "odd"];
pub const NEEDS: [&str; 4] = ["", ">=3.7", ">=4", "the latest"];
pub const LEVELS: [&str; 4] = ["Public", "Internal", "Restricted", "Secret"];
pub const REGIMES: [&str; 3] = ["NonInfrastructure", "InfrastructureArea", "CriticalInfrastructure"];
pub const TYPES: [&str; 3] = ["Government", "ServiceOperator", "Partner"];
pub const ZONES: [&str; 2] = ["north", "south"];
pub const CHANNELS: [&str; 3] = ["Direct", "GSB", "PGSB"];
pub const NOW: Timestamp = Timestamp::UNIX_EPOCH;

/// A generator of random numbers that is the same everywhere and for ever (SplitMix64).
#[derive(Clone, Debug)]
pub struct Rng(pub u64);

impl Rng {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `n`.
    pub fn below(&mut self, n: u64) -> usize {
        usize::try_from(self.next() % n).expect("small")
    }

    pub fn within(&mut self, from: i64, to: i64) -> i64 {
        from + i64::try_from(self.below(u64::try_from(to - from + 1).expect("in order"))).expect("small")
    }

    /// `usual` nine times of ten.
    pub fn mostly(&mut self, usual: usize, n: u64) -> usize {
        if self.below(10) == 0 { self.below(n) } else { usual }
    }
}

/// Brokers and storage; `None` is not said.
pub type Size = [Option<i64>; 2];
const DIMENSIONS: [&str; 2] = ["brokers", "storage"];

#[derive(Clone, Debug)]
pub struct Plan {
    pub channel: usize,
    pub size: Size,
}

#[derive(Clone, Debug)]
pub struct Service {
    pub class: usize,
    pub protocol: usize,
    pub version: usize,
    pub level: usize,
    /// As bits; none means every one.
    pub regimes: usize,
    pub types: usize,
    pub zones: usize,
    /// 0 is counted, 1 was changed since, 2 was never counted.
    pub freshness: usize,
    /// 0 is well, 1 does not answer, 2 is not ready.
    pub trouble: usize,
    pub capacity: [i64; 2],
    pub allocated: [i64; 2],
    pub plans: Vec<Plan>,
}

#[derive(Clone, Debug)]
pub struct Ask {
    pub class: usize,
    /// A protocol and what is needed of it.
    pub interface: Option<(usize, usize)>,
    pub level: usize,
    pub zones: usize,
    pub regime: usize,
    pub agency_type: usize,
    pub demand: [i64; 2],
}

/// What is kept: of which service and plan, for the asking family or another one, for how many brokers.
#[derive(Clone, Debug)]
pub struct Keep {
    pub service: usize,
    pub plan: usize,
    pub own: bool,
    pub brokers: i64,
}

#[derive(Clone, Debug)]
pub struct Instance {
    pub services: Vec<Service>,
    pub ask: Ask,
    pub kept: Vec<Keep>,
}

impl Instance {
    pub fn random(seed: u64) -> Self {
        let rng = &mut Rng(seed);
        let services: Vec<_> = (0..rng.within(0, 4)).map(|_| service(rng)).collect();
        let kept = if services.is_empty() { 0 } else { rng.within(0, 3) };
        let kept = (0..kept).map(|_| keep(rng, &services)).collect();
        Self { services, ask: ask(rng), kept }
    }

    pub fn kept(&self) -> Vec<Kept> {
        self.kept.iter().filter_map(|keep| self.one_kept(keep)).collect()
    }

    /// How many claims of its plan hold what is kept; `None` if none do.
    pub fn claims_of(&self, keep: &Keep) -> Option<i64> {
        let brokers = self.services[keep.service].plans[keep.plan].size[0]?;
        (1..=keep.brokers).find(|n| n * brokers >= keep.brokers)
    }

    fn one_kept(&self, keep: &Keep) -> Option<Kept> {
        let plan = &self.services[keep.service].plans[keep.plan];
        Some(Kept {
            service: name(keep.service),
            plan: format!("p{}", keep.plan),
            family: if keep.own { "family".into() } else { "others".into() },
            demand: resources([Some(keep.brokers), None]),
            capacity: resources(plan.size).times(self.claims_of(keep)?),
            since: NOW,
            until: Timestamp::MAX,
        })
    }

    pub fn catalogue(&self) -> Vec<SharedService> {
        self.services.iter().enumerate().map(|(i, service)| object(&name(i), service)).collect()
    }
}

fn service(rng: &mut Rng) -> Service {
    let capacity = [rng.within(0, 14), rng.within(0, 14)];
    let plan = |rng: &mut Rng| Plan { channel: rng.mostly(0, 3), size: [said(rng), said(rng)] };
    Service {
        class: rng.mostly(0, 3),
        protocol: rng.mostly(0, 2),
        version: rng.mostly(0, 4),
        level: rng.mostly(2, 4),
        regimes: rng.mostly(0, 8),
        types: rng.mostly(0, 8),
        zones: rng.mostly(3, 4),
        freshness: rng.mostly(0, 3),
        trouble: rng.mostly(0, 3),
        capacity,
        allocated: [rng.within(0, 3), rng.within(0, 3)],
        plans: (0..rng.within(1, 2)).map(|_| plan(rng)).collect(),
    }
}

fn said(rng: &mut Rng) -> Option<i64> {
    (rng.below(12) != 0).then(|| rng.within(0, 5))
}

fn ask(rng: &mut Rng) -> Ask {
    Ask {
        class: rng.mostly(1, 3),
        interface: (rng.below(3) != 0).then(|| (rng.mostly(0, 2), rng.mostly(1, 4))),
        level: rng.mostly(1, 4),
        zones: rng.mostly(1, 4),
        regime: rng.below(3),
        agency_type: rng.mostly(0, 3),
        demand: [rng.within(0, 12), rng.within(0, 12)],
    }
}

fn keep(rng: &mut Rng, services: &[Service]) -> Keep {
    let service = rng.below(services.len() as u64);
    let plan = rng.below(services[service].plans.len() as u64);
    Keep { service, plan, own: rng.below(2) == 0, brokers: rng.within(1, 4) }
}

pub fn name(service: usize) -> String {
    format!("s{service}")
}

pub fn resources(size: Size) -> Resources {
    let said = DIMENSIONS.iter().zip(size).filter_map(|(dimension, amount)| Some(((*dimension).to_owned(), json!(amount?))));
    of(Value::Object(said.collect()))
}

fn of<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).expect("valid")
}

fn picked(names: &[&str], bits: usize) -> Vec<String> {
    names.iter().enumerate().filter(|(i, _)| bits & (1 << i) != 0).map(|(_, name)| (*name).to_owned()).collect()
}

fn object(name: &str, service: &Service) -> SharedService {
    let plan = |(i, plan): (usize, &Plan)| json!({"name": format!("p{i}"), "channel": CHANNELS[plan.channel], "capacity": resources(plan.size)});
    let spec = json!({
        "displayName": "A service", "provider": "ito", "processingClass": CLASSES[service.class],
        "interfaces": [{"name": PROTOCOLS[service.protocol], "version": VERSIONS[service.version]}],
        "zones": picked(&ZONES, service.zones), "dataClassification": LEVELS[service.level],
        "eligibility": {"agencyTypes": picked(&TYPES, service.types), "securityRegimes": picked(&REGIMES, service.regimes)},
        "plans": service.plans.iter().enumerate().map(plan).collect::<Vec<_>>(),
        "capacity": resources(service.capacity.map(Some)), "binding": {"type": "kafka"},
    });
    let mut object = SharedService::new(name, of(spec));
    object.metadata.generation = Some(2);
    let condition = |kind: &str| json!([{"type": kind, "status": "False", "reason": "Trouble", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"}]);
    let conditions = [json!([]), condition("Healthy"), condition("Ready")][service.trouble].clone();
    let status = json!({"observedGeneration": 2 - service.freshness, "allocated": resources(service.allocated.map(Some)), "conditions": conditions});
    object.status = (service.freshness != 2).then(|| of(status));
    object
}

pub fn classes() -> BTreeMap<String, ProcessingClass> {
    let class = |(name, parent): (&str, Option<&str>)| {
        let spec = json!({"displayName": name, "parent": parent, "dimensions": [{"name": "brokers"}, {"name": "storage"}],
                          "approval": {"quorum": [{"group": "g", "count": 1}]}});
        (name.to_owned(), ProcessingClass::new(name, of(spec)))
    };
    [("streaming", None), ("broker", Some("streaming")), ("lake", None)].map(class).into()
}

pub fn agency(name: &str, ask: &Ask) -> Agency {
    Agency::new(name, of(json!({"displayName": name, "type": TYPES[ask.agency_type], "securityRegime": REGIMES[ask.regime]})))
}

/// The permit that asks for it, as it comes in.
pub fn permit(name: &str, agency: &str, ask: &Ask) -> ProcessingPermit {
    let interface = |(protocol, need): (usize, usize)| json!({"name": PROTOCOLS[protocol], "version": NEEDS[need]});
    let mut permit: ProcessingPermit = of(json!({
        "apiVersion": "govcloud.dev/v1alpha1", "kind": "ProcessingPermit",
        "metadata": {"name": name, "uid": name, "namespace": format!("agency-{agency}")},
        "spec": {"requestedBy": "r", "processingClass": CLASSES[ask.class], "project": "a", "justification": "It is needed.",
                 "dataClassification": LEVELS[ask.level], "zones": picked(&ZONES, ask.zones),
                 "interfaces": ask.interface.map(interface).into_iter().collect::<Vec<_>>(),
                 "targets": [{"group": "k", "resource": "pools", "name": name}]},
    }));
    permit.spec.targets[0].per_replica = resources(ask.demand.map(Some));
    permit
}

/// Assesses an instance, for an agency of `family`.
pub fn judged(instance: &Instance) -> Assessment {
    with_request(instance, |request| assess(request, &instance.catalogue(), &instance.kept(), &classes(), NOW))
}

/// The request of an instance.
pub fn with_request<T>(instance: &Instance, f: impl FnOnce(&Request<'_>) -> T) -> T {
    let (agency, permit) = (agency("asking", &instance.ask), permit("p", "asking", &instance.ask));
    f(&Request::of(&permit.spec, &agency).with_history("family".into(), Resources::default()))
}

/// What a sequence of requests comes to: each is assessed, then waits for reviewers, beside all before it.
#[derive(Default)]
pub struct Register {
    pub permits: Vec<ProcessingPermit>,
    /// The family of each agency.
    pub families: BTreeMap<String, String>,
}

impl Register {
    /// What is kept because of the requests so far.
    pub fn kept(&self, catalogue: &[SharedService]) -> Vec<Kept> {
        let (again, sizes) = (asked_again(&self.permits), plan_sizes(catalogue));
        let is_over = |p: &ProcessingPermit| p.metadata.uid.as_ref().is_some_and(|uid| again.contains(uid));
        let plan = |service: &str, plan: &str| sizes.get(&(service.to_owned(), plan.to_owned())).cloned();
        kept(&self.permits, is_over, |p| Some(self.family(&agency_of(p))), plan, NOW)
    }

    fn family(&self, agency: &str) -> String {
        self.families.get(agency).cloned().unwrap_or_else(|| agency.to_owned())
    }

    /// Files a request of an agency.
    pub fn file(&mut self, agency_name: &str, ask: &Ask, catalogue: &[SharedService]) -> Assessment {
        let name = format!("p{}", self.permits.len());
        let (agency, mut permit) = (agency(agency_name, ask), permit(&name, agency_name, ask));
        let family = self.family(agency_name);
        let relatives = self.permits.iter().filter(|p| self.family(&agency_of(p)) == family);
        let granted = granted_in_year(relatives, CLASSES[ask.class], Some(&permit), NOW);
        let request = Request::of(&permit.spec, &agency).with_history(family, granted);
        let assessment = assess(&request, catalogue, &self.kept(catalogue), &classes(), NOW);
        permit.status = Some(of(json!({"phase": "UnderReview", "assessment": assessment})));
        self.permits.push(permit);
        assessment
    }
}

fn agency_of(permit: &ProcessingPermit) -> String {
    permit.namespace().and_then(|n| n.strip_prefix("agency-").map(str::to_owned)).unwrap_or_default()
}

/// How often each result came up.
pub fn tally(results: &[AssessmentResult]) -> [usize; 3] {
    [AssessmentResult::Unique, AssessmentResult::Overlaps, AssessmentResult::Duplicate]
        .map(|result| results.iter().filter(|r| **r == result).count())
}
