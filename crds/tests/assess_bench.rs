//! How long one assessment takes against 1,000 services and 10,000 permits, beside a bare pass over the same data.
//!
//! `cargo test --release -p govcloud-crds --test assess_bench -- --ignored --nocapture`

#[allow(dead_code, reason = "the small instances of the other test are in it too")]
#[path = "assessment/world.rs"]
mod world;

use std::{collections::BTreeMap, hint::black_box, time::Duration};

use govcloud_crds::{
    ProcessingPermit, SharedService,
    permit::{
        assess::{Request, assess},
        keeping::{kept, plan_sizes},
        year::granted_in_year,
    },
};
use serde_json::json;
use world::{CLASSES, Instance, NOW, Rng, agency, classes};

const SERVICES: usize = 1_000;
const PERMITS: usize = 10_000;
const FAMILIES: usize = 30;
const RUNS: usize = 2_000;

fn catalogue() -> Vec<SharedService> {
    let instances = (0..).map(Instance::random).flat_map(|instance| instance.catalogue());
    let number = |(i, mut service): (usize, SharedService)| {
        service.metadata.name = Some(format!("service-{i}"));
        // What is rare elsewhere is all of one class here: the worst case is judged in full.
        service.spec.processing_class = CLASSES[usize::from(i % 2 == 0)].into();
        service.spec.capacity = world::resources([Some(60), Some(60)]);
        service
    };
    instances.take(SERVICES).enumerate().map(number).collect()
}

/// Permits by family; one of ten is a duplicate for which something is kept.
fn permits(services: &[SharedService]) -> BTreeMap<usize, Vec<ProcessingPermit>> {
    let (mut all, rng) = (BTreeMap::<_, Vec<_>>::new(), &mut Rng(7));
    for i in 0..PERMITS {
        let ask = Instance::random(rng.next()).ask;
        let mut permit = world::permit(&format!("p{i}"), "asking", &ask);
        permit.spec.processing_class = "broker".into();
        let offer = json!({"offer": format!("service-{}/p0", rng.below(services.len() as u64)), "result": "Fits", "predicates": [], "claims": 1, "reservedUntil": "1970-01-10T00:00:00Z"});
        let (phase, result) = if i % 10 == 0 { ("UnderReview", "Duplicate") } else { ("Active", "Unique") };
        let assessment = json!({"result": result, "assessedAt": NOW, "demand": {"brokers": 1}, "offers": [offer]});
        permit.status = serde_json::from_value(json!({"phase": phase, "assessment": assessment})).expect("valid");
        all.entry(i % FAMILIES).or_default().push(permit);
    }
    all
}

fn timed(mut f: impl FnMut(usize)) -> Vec<Duration> {
    let mut times: Vec<_> = (0..RUNS)
        .map(|run| {
            let start = std::time::Instant::now();
            f(run);
            start.elapsed()
        })
        .collect();
    times.sort();
    times
}

fn print(what: &str, times: &[Duration]) {
    println!("{what}: p50 {:?}, p99 {:?}, largest {:?}", times[RUNS / 2], times[RUNS * 99 / 100], times[RUNS - 1]);
}

#[test]
#[ignore = "a benchmark; it prints and asserts nothing about time"]
fn one_assessment() {
    let services = catalogue();
    let (permits, sizes, classes) = (permits(&services), plan_sizes(&services), classes());
    let duplicates: Vec<_> = permits.values().flatten().filter(|p| p.kept_offer().is_some()).collect();
    let plan_of = |service: &str, plan: &str| sizes.get(&(service.to_owned(), plan.to_owned())).cloned();
    let asks: Vec<_> = (0..RUNS).map(|i| Instance::random(i as u64).ask).collect();
    let whole = |run: usize| {
        let ask = &asks[run];
        let (agency, permit) = (agency("asking", ask), world::permit("q", "asking", ask));
        let granted = granted_in_year(&permits[&(run % FAMILIES)], &permit.spec.processing_class, None, NOW);
        let family = |_: &ProcessingPermit| Some("root".to_owned());
        let kept = kept(duplicates.iter().copied(), |_| false, family, plan_of, NOW);
        let request = Request::of(&permit.spec, &agency).with_history("asking".into(), granted);
        black_box(assess(&request, &services, &kept, &classes, NOW));
    };
    let bare = |run: usize| {
        let asked = CLASSES[asks[run].class];
        let offered = services.iter().filter(|s| s.spec.processing_class == asked).count();
        let granted = permits.values().flatten().filter(|p| p.spec.processing_class == asked).count();
        black_box(offered + granted);
    };
    println!("{SERVICES} services, {PERMITS} permits in {FAMILIES} families, {} of them with something kept", duplicates.len());
    print("bare pass that compares the class", &timed(bare));
    print("assessment with the year and what is kept", &timed(whole));
}
