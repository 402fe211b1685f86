//! Ways that are too long for a search, written down.

use rstest::rstest;
use stateright::Model;

use super::{COMPETE, Protocol, Step, Without, cluster::A};

const LEADER: usize = 0;
const FORMER: usize = 1;
const LEDGER: [Step; 2] = [Step::PlanLedger { operator: LEADER, agency: 0 }, Step::Arrive { operator: LEADER }];
const FOLLOW: [Step; 1] = [Step::Follow { namespace: 0 }];

/// An operator sees all there is; `wishes` too.
fn see(operator: usize, wishes: bool) -> Vec<Step> {
    let ledgers = (0..A).map(|agency| Step::SeeLedger { operator, agency });
    let wishes = wishes.then_some(Step::SeeWanted { operator });
    ledgers.chain([Step::SeeQuotas { operator }]).chain(wishes).collect()
}

fn quota(operator: usize) -> Vec<Step> {
    vec![Step::PlanQuota { operator, namespace: 0 }, Step::Arrive { operator }]
}

/// The first namespace gets what there is, both operators know it, it wants nothing any more, and the ledger takes back.
fn taken_back() -> Vec<Step> {
    let given = [&LEDGER[..], &see(LEADER, true), &see(FORMER, true), &quota(LEADER), &FOLLOW].concat();
    let back = [&[Step::Change { namespace: 0, wanted: 0 }][..], &see(LEADER, true), &LEDGER, &see(LEADER, true)].concat();
    [given, back].concat()
}

/// A former leader lowers what was given on by the ledger that it remembers, and raises it by the same ledger.
fn by_an_older_ledger() -> Vec<Step> {
    let given_on = [&quota(LEADER)[..], &FOLLOW, &see(LEADER, true), &LEDGER].concat();
    let late = [&[Step::SeeQuotas { operator: FORMER }][..], &quota(FORMER)].concat();
    [taken_back(), given_on, late.clone(), late].concat()
}

/// A former leader that knows the ledger, but not that nothing is wanted any more, raises what is being taken back.
fn by_an_older_wish() -> Vec<Step> {
    let lowered = [&quota(LEADER)[..], &FOLLOW, &see(FORMER, false)].concat();
    let raised = [&quota(FORMER)[..1], &see(LEADER, true), &LEDGER, &quota(FORMER)[1..]].concat();
    [taken_back(), lowered, raised].concat()
}

/// Whoever plans nothing on the way goes on to the next step.
#[rstest]
#[case(Without::NumbersThatOnlyRise, by_an_older_ledger())]
#[case(Without::NoRaiseByAnOlderLedger, by_an_older_ledger())]
#[case(Without::NoRaiseWhileShrinking, by_an_older_wish())]
fn on_a_long_way_a_precaution_is_needed(#[case] without: Without, #[case] way: Vec<Step>) {
    let last = |without| {
        let protocol = Protocol { without, wanted: COMPETE, changes: 1, former_leader: 20, narrow: true };
        let first = protocol.init_states().remove(0);
        let last = way.iter().fold(first, |state, step| protocol.next_state(&state, step.clone()).unwrap_or(state));
        assert_eq!(last.cluster.entry(1).map(|entry| entry.hard), Some(1), "the other namespace has it");
        last.cluster.quotas[0].spec
    };
    assert_eq!((last(without), last(Without::Nothing)), (1, 0));
}
