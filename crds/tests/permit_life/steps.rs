//! What can happen to permits.

use govcloud_crds::permit::{Intent, ReviewVerdict};
use proptest::{prelude::*, sample::select};

/// Everybody who may try to review; the first asks for permits, the second is of the agency.
pub const PEOPLE: [&str; 6] = ["requester", "insider", "anna", "bahram", "cyrus", "officer"];
pub const REQUESTER: usize = 0;
pub const INSIDER: usize = 1;
/// The groups in which people review; nobody asked for the last one.
pub const GROUPS: [&str; 3] = ["ministry", "security", "strangers"];
/// The names of the objects that are asked for.
pub const OBJECTS: [&str; 2] = ["one", "two"];
/// The longest that the class allows, in hours.
pub const LONGEST: u32 = 200;

/// One thing that happens. Permits are named by how many were asked for since: 0 is the latest, so that what happens is
/// mostly about the same few.
#[derive(Clone, Debug)]
pub enum Step {
    Request { intent: Intent, prior: Option<usize>, object: usize, replicas: i32, hours: u32, duplicate: bool, internal: bool },
    Review { ago: usize, who: usize, group: usize, verdict: ReviewVerdict, overrides: bool },
    Withdraw { ago: usize },
    Clock { hours: i64 },
    Policy { count: i32, denies_duplicates: bool, approves_small: bool },
}

/// The permit that was asked for so many permits ago, of so many.
pub fn of_late(permits: usize, ago: usize) -> usize {
    permits.wrapping_sub(ago + 1) // none has the number that this gives where there is none
}

/// Up to so many things one after the other; what everybody decides together is several of them, or few permits would ever
/// live.
pub fn steps(most: usize) -> impl Strategy<Value = Vec<Step>> {
    let verdicts = vec![ReviewVerdict::Approve, ReviewVerdict::Approve, ReviewVerdict::Deny, ReviewVerdict::Revoke];
    let together = (0..2_usize, select(verdicts)).prop_map(|(ago, verdict)| {
        let by = |who, group| Step::Review { ago, who, group, verdict, overrides: true };
        vec![by(2, 0), by(3, 0), by(5, 1)]
    });
    let some = prop_oneof![3 => step().prop_map(|step| vec![step]), 1 => together];
    proptest::collection::vec(some, 1..most).prop_map(|all| all.concat())
}

fn step() -> impl Strategy<Value = Step> {
    let intents = vec![Intent::New, Intent::New, Intent::Renewal, Intent::Amendment, Intent::Appeal, Intent::Emergency];
    let prior = proptest::option::weighted(0.2, 0..2_usize);
    let request = (
        select(intents),
        prior,
        0..5_usize,
        select(vec![0, 0, 0, 1]),
        1..3_i32,
        select(vec![48_u32, 72, 150, 200, 200, 201]),
        0..6_u8,
        0..4_u8,
    );
    let request = request.prop_map(|(intent, prior, refers, object, replicas, hours, duplicate, internal)| {
        let needs = !matches!(intent, Intent::New | Intent::Emergency);
        let prior = if needs { Some(refers) } else { prior };
        Step::Request { intent, prior, object, replicas, hours, duplicate: duplicate == 0, internal: internal > 0 }
    });
    let verdicts = [
        [ReviewVerdict::Approve; 16].to_vec(),
        vec![ReviewVerdict::Deny, ReviewVerdict::Return, ReviewVerdict::Suspend, ReviewVerdict::Resume],
        vec![ReviewVerdict::Revoke; 3],
    ]
    .concat();
    let groups = vec![0, 0, 0, 0, 1, 1, 1, 1, 2];
    let people = vec![REQUESTER, INSIDER, 2, 2, 3, 3, 4, 4, 5, 5];
    let review = (0..3_usize, select(people), select(groups), select(verdicts), any::<bool>())
        .prop_map(|(ago, who, group, verdict, overrides)| Step::Review { ago, who, group, verdict, overrides });
    prop_oneof![
        4 => request,
        8 => review,
        1 => (0..3_usize).prop_map(|ago| Step::Withdraw { ago }),
        2 => select(vec![1_i64, 20, 60]).prop_map(|hours| Step::Clock { hours }),
        1 => (1..3_i32, any::<bool>(), any::<bool>())
            .prop_map(|(count, denies_duplicates, approves_small)| Step::Policy { count, denies_duplicates, approves_small }),
    ]
}
