//! Random lives of permits: requests, reviews, clock jumps, changes of the class's rules, and an operator that is not always
//! there. The product's own functions are held against a simple reference, and every state against what must never be.

#[path = "permit_life/reference.rs"]
mod reference;
#[path = "permit_life/steps.rs"]
mod steps;
#[path = "permit_life/world.rs"]
mod world;

use proptest::prelude::*;
use reference::Reference;
use steps::{Step, steps};
use world::World;

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// With an operator that looks after every step, each permit is at each moment what the reference says.
    #[test]
    fn every_permit_is_what_a_simple_reference_says(steps in steps(60)) {
        let (mut world, mut reference) = (World::new(), Reference::default());
        for (at, step) in steps.iter().enumerate() {
            world.take(step);
            world.look();
            reference.take(step);
            let (is, should): (Vec<_>, Vec<_>) = (world.phases(), reference.phases());
            prop_assert_eq!(is, should, "after step {} of {:?}\n{}", at, steps, world);
        }
    }

    /// With an operator that looks now and then, at some permits and not at others, nothing happens that must never.
    #[test]
    fn what_must_never_be_never_is(steps in steps(80), looks in proptest::collection::vec(any::<u8>(), 80)) {
        let mut world = World::new();
        for (step, looks) in steps.iter().zip(looks) {
            world.take(step);
            match looks % 4 {
                0 => world.look(),
                1 => world.look_at(usize::from(looks / 4)),
                _ => {}
            }
            let wrong = world.wrong();
            prop_assert!(wrong.is_empty(), "{:?}\n{:?}\n{}", wrong, steps, world);
        }
    }
}

/// Every kind of end and every sort of request comes up in what is tried, or the tests above would show nothing.
#[test]
fn the_random_lives_reach_every_phase() {
    use govcloud_crds::permit::{Intent, Phase};
    use proptest::{strategy::ValueTree, test_runner::TestRunner};

    let (mut runner, mut phases, mut active) = (TestRunner::deterministic(), Vec::new(), Vec::new());
    for _ in 0..400 {
        let steps: Vec<Step> = steps(80).new_tree(&mut runner).expect("steps").current();
        let mut world = World::new();
        for step in &steps {
            world.take(step);
            world.look();
            phases.extend(world.phases());
            active.extend(world.intents_in(Phase::Active));
        }
    }
    for phase in Phase::ALL {
        assert!(phases.contains(&phase), "{phase} never came up");
    }
    for intent in [Intent::New, Intent::Renewal, Intent::Amendment, Intent::Appeal, Intent::Emergency] {
        assert!(active.contains(&intent), "no {intent:?} became active");
    }
}
