//! The laws of the assessment, on random instances; and a brute-force oracle that must agree with it.
//!
//! `docs/adr/0020-demand-of-a-year.md` says which of them carry the promise that slicing a request changes nothing.

#[path = "assessment/oracle.rs"]
mod oracle;
#[path = "assessment/world.rs"]
mod world;

use govcloud_crds::{
    Quantity, Resources, SharedService,
    permit::{
        Assessment, AssessmentResult, OfferResult, Truth,
        assess::assess,
        certificate::{Evidence, verify},
        keeping::Kept,
    },
};
use oracle::Fit;
use proptest::prelude::*;
use world::{Instance, NOW, Register, Rng, classes, judged, tally, with_request};

/// Every offer that is said to fit does, by a verifier that shares no rule with the assessor; and of no other one could it be said.
fn certified(instance: &Instance, assessment: &Assessment) -> Result<(), String> {
    let (services, kept, classes) = (instance.catalogue(), instance.kept(), classes());
    with_request(instance, |request| {
        let evidence = Evidence { request, services: &services, kept: &kept, classes: &classes };
        for offer in &assessment.offers {
            if offer.result == OfferResult::Fits {
                verify(offer, evidence).map_err(|why| format!("{}: {why}", offer.offer))?;
                continue;
            }
            for claims in 1..=16 {
                let mut forged = offer.clone();
                (forged.result, forged.claims, forged.packing) = (OfferResult::Fits, Some(claims), assessment.demand.clone());
                if verify(&forged, evidence).is_ok() {
                    return Err(format!("{} would do with {claims} claims: {offer:?}", offer.offer));
                }
            }
        }
        Ok(())
    })
}

/// What is said of each offer, without the names of things.
fn nameless(assessment: &Assessment) -> Vec<(OfferResult, Option<i32>, Vec<Truth>)> {
    let of = |o: &govcloud_crds::permit::OfferAssessment| (o.result, o.claims, o.predicates.iter().map(|p| p.result).collect());
    let mut all: Vec<_> = assessment.offers.iter().map(of).collect();
    all.sort_by_key(|said| format!("{said:?}"));
    all
}

fn renamed(mut services: Vec<SharedService>, mut kept: Vec<Kept>) -> (Vec<SharedService>, Vec<Kept>) {
    // The first becomes the last in the alphabet.
    let new = |name: &str| format!("z{}", 9 - name.trim_start_matches('s').parse::<i32>().expect("a number"));
    for service in &mut services {
        service.metadata.name = service.metadata.name.as_deref().map(new);
        service.spec.display_name = "Another name".into();
    }
    for kept in &mut kept {
        kept.service = new(&kept.service);
        kept.family = format!("new-{}", kept.family);
    }
    (services, kept)
}

/// A demand in up to five parts that make it up.
fn sliced(demand: [i64; 2], rng: &mut Rng) -> Vec<[i64; 2]> {
    let mut left = demand;
    let mut parts: Vec<[i64; 2]> = (0..4)
        .map(|_| {
            let part = left.map(|amount| rng.within(0, amount));
            left = [left[0] - part[0], left[1] - part[1]];
            part
        })
        .collect();
    parts.push(left);
    parts.retain(|part| *part != [0, 0]);
    parts
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, max_global_rejects: 1_000_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn it_is_deterministic_and_the_order_of_offers_does_not_matter(seed: u64) {
        let instance = Instance::random(seed);
        let (mut services, mut kept) = (instance.catalogue(), instance.kept());
        let first = judged(&instance);
        prop_assert_eq!(&judged(&instance), &first);
        services.reverse();
        kept.reverse();
        let again = with_request(&instance, |request| assess(request, &services, &kept, &classes(), NOW));
        prop_assert_eq!(again, first);
    }

    #[test]
    fn names_do_not_matter(seed: u64) {
        let instance = Instance::random(seed);
        let first = judged(&instance);
        let (services, kept) = renamed(instance.catalogue(), instance.kept());
        let (mut agency, mut permit) = (world::agency("other", &instance.ask), world::permit("q", "other", &instance.ask));
        (agency.spec.display_name, permit.spec.targets[0].name) = ("Other".into(), "other".into());
        let request = govcloud_crds::permit::assess::Request::of(&permit.spec, &agency).with_history("new-family".into(), Resources::default());
        let again = assess(&request, &services, &kept, &classes(), NOW);
        prop_assert_eq!((again.result, nameless(&again)), (first.result, nameless(&first)));
    }

    /// The slices are asked for one after the other, by relatives in turn, and all wait: none of them is unique if the whole
    /// is a duplicate, and in the end the year says what the whole was.
    #[test]
    fn splitting_never_turns_duplicate_into_unique(seed: u64) {
        let mut instance = Instance::random(seed);
        instance.kept.clear();
        let catalogue = instance.catalogue();
        let parts = sliced(instance.ask.demand, &mut Rng(!seed));
        prop_assume!(judged(&instance).result == AssessmentResult::Duplicate && !parts.is_empty());
        let families = ["one", "two", "three"].map(|agency| (agency.to_owned(), "root".to_owned()));
        let mut register = Register { families: families.into(), ..Register::default() };
        let mut last = None;
        for (i, part) in parts.iter().enumerate() {
            let ask = world::Ask { demand: *part, ..instance.ask.clone() };
            let assessment = register.file(["one", "two", "three"][i % 3], &ask, &catalogue);
            prop_assert_ne!(assessment.result, AssessmentResult::Unique, "slice {} of {:?}: {:#?}", i, parts, assessment.offers);
            last = Some(assessment);
        }
        prop_assert_eq!(last.expect("a slice").year_demand, world::resources(instance.ask.demand.map(Some)));
    }

    #[test]
    fn more_spare_never_turns_duplicate_into_unique(seed: u64, more in prop::array::uniform2(0_i64..9), at: usize) {
        let instance = Instance::random(seed);
        prop_assume!(judged(&instance).result == AssessmentResult::Duplicate);
        let mut larger = instance.clone();
        let at = at % larger.services.len();
        let capacity = &mut larger.services[at].capacity;
        *capacity = [capacity[0] + more[0], capacity[1] + more[1]];
        prop_assert_eq!(judged(&larger).result, AssessmentResult::Duplicate);
    }

    /// Nor anything else: what is unique is so because of what it is, or because nothing is free.
    #[test]
    fn more_demand_never_turns_unique_into_duplicate(seed: u64, more in prop::array::uniform2(0_i64..9)) {
        let mut instance = Instance::random(seed);
        prop_assume!(judged(&instance).result == AssessmentResult::Unique);
        let demand = &mut instance.ask.demand;
        *demand = [demand[0] + more[0], demand[1] + more[1]];
        prop_assert_eq!(judged(&instance).result, AssessmentResult::Unique);
    }

    /// Who was granted much is judged like who was granted nothing; what they were granted is said.
    #[test]
    fn what_was_granted_excuses_nothing(seed: u64, granted in 0_i64..1000) {
        let instance = Instance::random(seed);
        let before: Resources = [("brokers".to_owned(), Quantity::from_units(granted))].into_iter().collect();
        let (services, kept) = (instance.catalogue(), instance.kept());
        let after = with_request(&instance, |request| {
            let request = request.clone().with_history("family".into(), before.clone());
            assess(&request, &services, &kept, &classes(), NOW)
        });
        let first = judged(&instance);
        prop_assert_eq!((after.result, &after.offers), (first.result, &first.offers));
        prop_assert_eq!(after.year_demand, first.demand.plus(&before));
    }

    #[test]
    fn every_certificate_verifies_and_no_other_would(seed: u64) {
        let instance = Instance::random(seed);
        prop_assert_eq!(certified(&instance, &judged(&instance)), Ok(()));
    }

    /// Agencies that ask at the same time are not sent to the same room: what is kept for all fits into what is free.
    #[test]
    fn no_room_is_offered_twice(seed: u64) {
        let instance = Instance::random(seed);
        let (catalogue, mut register, rng) = (instance.catalogue(), Register::default(), &mut Rng(!seed));
        for _ in 0..6 {
            let ask = world::Ask { demand: [rng.within(0, 6), rng.within(0, 6)], ..instance.ask.clone() };
            register.file(["a", "b", "c"][rng.below(3)], &ask, &catalogue);
        }
        let kept = register.kept(&catalogue);
        for service in &catalogue {
            let name = service.metadata.name.clone().expect("named");
            let sum: Resources = kept.iter().filter(|k| k.service == name).map(|k| &k.capacity).sum();
            prop_assert!(sum.fits_in(&service.available()), "{} kept of {} at {}: {:?}", sum, service.available(), name, kept);
        }
    }
}

/// On ten thousand small instances the oracle says the same. A duplicate that the oracle does not see is a wrong refusal.
#[test]
fn a_brute_force_oracle_agrees() {
    let (mut results, mut missed, mut wrong) = (Vec::new(), Vec::new(), Vec::new());
    for seed in 0..10_000 {
        let instance = Instance::random(seed);
        let result = judged(&instance).result;
        let should = match oracle::best(&instance) {
            Fit::Whole => AssessmentResult::Duplicate,
            Fit::Unsure => AssessmentResult::Overlaps,
            Fit::Mismatch => AssessmentResult::Unique,
        };
        match result.cmp(&should) {
            std::cmp::Ordering::Equal => {}
            std::cmp::Ordering::Less => missed.push((seed, result, should)),
            std::cmp::Ordering::Greater => wrong.push((seed, result, should)),
        }
        results.push(result);
    }
    let [unique, overlaps, duplicates] = tally(&results);
    println!(
        "10000 instances: {unique} unique, {overlaps} overlap, {duplicates} duplicates; {} missed: {missed:?}",
        missed.len()
    );
    assert!(wrong.is_empty(), "wrong refusals: {wrong:?}");
    assert!(missed.is_empty(), "missed: {missed:?}");
    assert!([unique, overlaps, duplicates].iter().all(|count| *count > 500), "each of them must come up often");
}
