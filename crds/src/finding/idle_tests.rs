use std::collections::BTreeMap;

use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::{
    class::measure::Size,
    finding::{
        ObjectReference,
        observed::{Generic, What},
    },
};

const WINDOW: i64 = 1000;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_000_000 + seconds).expect("in range")
}

fn observed(uid: &str, owner: Option<&str>, age: i64, is_classified: bool) -> Observed {
    let classified = Classified { class: "broker".into(), by_image: false, size: Ok(Size::default()) };
    Observed {
        object: ObjectReference {
            group: "k".into(),
            resource: "pools".into(),
            namespace: "t--a".into(),
            name: format!("of-{uid}"),
        },
        uid: uid.to_owned(),
        owner: owner.map(str::to_owned),
        created: Some(at(-age)),
        cluster: None,
        release: None,
        what: if is_classified { What::Classified(classified) } else { What::Generic(Generic::default()) },
    }
}

fn pod(name: &str, owner: Option<&str>, age: i64) -> Part {
    Part {
        namespace: "t--a".to_owned(),
        name: name.to_owned(),
        uid: format!("uid-{name}"),
        owner: owner.map(str::to_owned),
        cluster: None,
        pod: Some(Requests {
            created: Some(at(-age)),
            cpu: Quantity::from_units(2),
            memory: Quantity::from_units(1000),
            devices: false,
        }),
    }
}

/// A pod that used so many seconds, and was seen for so many.
fn used(cpu_seconds: f64, seen_seconds: f64) -> Use {
    Use { cpu_seconds, seen_seconds, memory: Some(250.0) }
}

fn answer(pods: &[(&str, Use)]) -> Answer {
    let pods: BTreeMap<_, _> = pods.iter().map(|(name, used)| (("t--a".to_owned(), (*name).to_owned()), *used)).collect();
    Answer { until: at(0), window: SignedDuration::from_secs(WINDOW), step: SignedDuration::from_secs(10), pods }
}

fn usage(objects: &[Observed], parts: &[Part], answer: &Answer) -> Usage {
    Used::new(answer, &Owners::new(objects), parts).of(&objects[0])
}

fn idle_at(threshold: i32, usage: Usage) -> Option<bool> {
    match usage {
        Usage::Known(share) => share.is_idle(threshold),
        Usage::Young => Some(false),
        Usage::Unknown => None,
    }
}

fn with_devices(mut pod: Part) -> Part {
    pod.pod.as_mut().expect("a pod").devices = true;
    pod
}

fn without_requests(mut pod: Part) -> Part {
    pod.pod.as_mut().expect("a pod").cpu = Quantity::ZERO;
    pod
}

/// One object `o`, 5000 seconds old unless it says so, whose pod requests 2 CPU: 2000 seconds of the window are all of it.
#[rstest]
#[case::idle(5000, &[pod("p", Some("o"), 5000)], &[("p", used(99.0, 1000.0))], Some(true))]
#[case::at_the_threshold(5000, &[pod("p", Some("o"), 5000)], &[("p", used(100.0, 1000.0))], Some(false))]
#[case::busy(5000, &[pod("p", Some("o"), 5000)], &[("p", used(1500.0, 1000.0))], Some(false))]
#[case::young(999, &[pod("p", Some("o"), 999)], &[("p", used(0.0, 1000.0))], Some(false))]
#[case::no_pod(5000, &[], &[], None)]
#[case::pod_without_samples(5000, &[pod("p", Some("o"), 5000), pod("q", Some("o"), 5000)], &[("p", used(0.0, 1000.0))], None)]
#[case::not_seen_long_enough(5000, &[pod("p", Some("o"), 5000)], &[("p", used(0.0, 870.0))], None)]
#[case::a_young_pod_is_seen_for_its_life(5000, &[pod("p", Some("o"), 100)], &[("p", used(0.0, 90.0))], Some(true))]
#[case::no_requests(5000, &[without_requests(pod("p", Some("o"), 5000))], &[("p", used(0.0, 1000.0))], None)]
#[case::devices(5000, &[with_devices(pod("p", Some("o"), 5000))], &[("p", used(0.0, 1000.0))], None)]
#[case::a_pod_that_is_gone_may_have_been_its_own(5000, &[pod("p", Some("o"), 5000)], &[("p", used(0.0, 1000.0)), ("gone", used(500.0, 100.0))], None)]
#[case::also_with_one_that_is_gone_it_is_idle(5000, &[pod("p", Some("o"), 5000)], &[("p", used(50.0, 1000.0)), ("gone", used(40.0, 100.0))], Some(true))]
#[case::whose_a_pod_is_nobody_knows(5000, &[pod("p", Some("o"), 5000), pod("q", Some("unseen"), 5000)], &[("p", used(0.0, 1000.0)), ("q", used(500.0, 1000.0))], None)]
#[case::a_neighbour_is_busy(5000, &[pod("p", Some("o"), 5000), pod("q", None, 5000)], &[("p", used(0.0, 1000.0)), ("q", used(500.0, 1000.0))], Some(true))]
fn what_is_idle(#[case] age: i64, #[case] parts: &[Part], #[case] pods: &[(&str, Use)], #[case] expected: Option<bool>) {
    let found = usage(&[observed("o", None, age, true)], parts, &answer(pods));
    assert_eq!(idle_at(5, found), expected, "{found:?}");
}

#[test]
fn a_pod_is_counted_at_the_topmost_owner_over_what_is_kept_of_it_in_any_way() {
    let set = Part { pod: None, uid: "set".to_owned(), ..pod("set", Some("d"), 0) };
    let objects = [observed("o", None, 5000, true), observed("d", Some("o"), 5000, true), observed("other", None, 5000, true)];
    let parts = [set, pod("p", Some("set"), 5000)];
    let answer = answer(&[("p", used(200.0, 1000.0))]);
    let owners = Owners::new(&objects);
    let counted = Used::new(&answer, &owners, &parts);
    let Usage::Known(share) = counted.of(&objects[0]) else { panic!("{:?}", counted.of(&objects[0])) };
    assert_eq!((share.cpu, share.memory, share.pods), (0.1, Some(0.25), 1));
    assert_eq!(counted.of(&objects[2]), Usage::Unknown);
}

#[test]
fn the_message_says_share_window_and_what_to_do() {
    let one = observed("o", None, 5000, true);
    let classified = one.classified().expect("of a class");
    let catalogue = Catalogue { services: &[], kept: &[], classes: &BTreeMap::new() };
    let share = Share { cpu: 0.0121, at_least: 0.0, memory: Some(0.41), requested: Quantity::from_units(6), pods: 3 };
    let found = idle(&one, classified, &share, (5, "7 d"), (None, &catalogue), at(0));
    assert_eq!(
        found.message,
        "In the last 7 d it used at most 2 % of the 6 CPU that its 3 pods request, and in the mean at most 50 % of the memory; below 5 % counts as idle. Make it smaller, or remove it."
    );
    assert_eq!((found.rule, found.processing_class.as_deref()), (FindingRule::Idle, Some("broker")));
    let share = Share { cpu: 0.0, memory: None, pods: 1, ..share };
    let found = idle(&one, classified, &share, (5, "30m"), (None, &catalogue), at(0));
    assert!(
        found.message.starts_with("In the last 30m it used at most 1 % of the 6 CPU that its pod requests; below"),
        "{}",
        found.message
    );
}

#[rstest]
#[case(0.0, 1, 1)]
#[case(0.01, 1, 1)]
#[case(0.0101, 1, 2)]
#[case(0.3, 10, 30)]
#[case(0.31, 10, 40)]
#[case(f64::INFINITY, 1, 1_000_000_000)]
fn percent_are_rounded_up(#[case] share: f64, #[case] to: i64, #[case] expected: i64) {
    assert_eq!(rounded_up(share, to), expected);
}

proptest! {
    /// Whatever pods came and went, and whoever they truly belonged to: what is called idle used less than the threshold, and what
    /// is called used did not.
    #[test]
    fn what_was_used_is_never_called_idle(
        pods in prop::collection::vec((0..400_u32, any::<bool>(), prop::option::of(any::<bool>())), 1..8),
    ) {
        // Each: what it used; whether it is gone; whose it truly is: the object's, another's, or (if it is there) unknown.
        let (mut parts, mut answered, mut of_it, mut requested) = (Vec::new(), Vec::new(), 0.0, 0.0);
        let names: Vec<_> = (0..pods.len()).map(|i| format!("p{i}")).collect();
        for ((cpu, is_gone, whose), name) in pods.iter().zip(&names) {
            answered.push((name.as_str(), used(f64::from(*cpu), 1000.0)));
            let is_its_own = whose.unwrap_or(true);
            if is_its_own {
                of_it += f64::from(*cpu);
            }
            if !is_gone {
                let owner = match whose { Some(true) => Some("o"), Some(false) => None, None => Some("unseen") };
                if *whose == Some(true) {
                    requested += 2.0;
                }
                parts.push(pod(name, owner, 5000));
            }
        }
        let found = usage(&[observed("o", None, 5000, true)], &parts, &answer(&answered));
        #[allow(clippy::cast_precision_loss, reason = "a thousand")]
        let share = of_it / (requested * WINDOW as f64);
        match idle_at(5, found) {
            Some(true) => prop_assert!(share < 0.05, "{share}: {found:?}"),
            Some(false) => prop_assert!(share >= 0.05, "{share}: {found:?}"),
            None => {}
        }
    }
}
