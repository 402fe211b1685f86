use serde_json::json;

use super::{super::tests::*, *};
use crate::commands::testing::now;

fn report(gathered: &Gathered) -> Duplicates {
    duplicates(gathered, now())
}

#[test]
fn only_requests_that_wait_or_hold_are_there() {
    let requested = report(&national()).requested.expect("some");
    let all: Vec<_> = requested.iter().map(|r| (r.name.as_str(), r.phase, r.alternatives.len())).collect();
    assert_eq!(all, [("more", Phase::UnderReview, 1), ("events", Phase::Active, 1)], "and only offers that fit");
    assert_eq!(requested[1].reason, "The filing season, until spring.");
}

#[test]
fn what_waits_frees_nothing() {
    let freed = &report(&national()).freed.expect("known")[0];
    // 3 and 1 brokers found, 3 of the active permit; not the 6 that are asked for.
    assert_eq!(freed.freed.to_string(), "7 brokers, 6Ti storage");
    assert_eq!(freed.running.get("brokers").to_string(), "11", "permitted 2 + 3, found 3 + 1 + 2");
    assert_eq!(freed.class_name, "Message broker");
}

#[test]
fn what_fits_alone_may_not_fit_together() {
    let offers = report(&national()).offers.expect("known");
    assert_eq!((offers[0].duplicates, offers[0].fits_together), (3, Some(true)));
    let mut full = national();
    let status = full.services.as_mut().expect("some")[0].status.as_mut().expect("has one");
    status.allocated = [("brokers".to_owned(), "50".parse().expect("valid"))].into_iter().collect();
    assert_eq!(report(&full).offers.expect("known")[0].fits_together, Some(false), "10 are left, and 6 of them kept");
    full.services = None;
    assert_eq!(
        (report(&full).offers.expect("known")[0].fits_together, report(&full).offers.expect("known")[0].spare.is_none()),
        (None, true)
    );
}

#[test]
fn what_cannot_be_measured_is_counted_and_adds_nothing() {
    let mut gathered = national();
    gathered.findings = Some(vec![finding("Duplicate", "customs", "odd", json!({}), json!({}))]);
    gathered.permits = Some(vec![]);
    let report = report(&gathered);
    let freed = &report.freed.expect("known")[0];
    assert_eq!((freed.unmeasured, freed.freed.is_empty(), report.offers.expect("known").len()), (1, true, 0));
}

#[test]
fn a_word_of_a_reviewer_is_shown_and_hides_nothing() {
    let found = report(&national()).found.expect("some");
    assert_eq!(
        found.iter().map(|f| (f.agency.as_str(), f.acknowledged)).collect::<Vec<_>>(),
        [("customs", false), ("tax-administration", true)]
    );
    assert_eq!((found[0].project.as_str(), found[0].object.as_str()), ("analytics", "kafkanodepools.kafka.strimzi.io/border"));
}

#[test]
fn half_of_it_is_not_summed_up() {
    let mut gathered = national();
    gathered.findings = None;
    assert_eq!((report(&gathered).freed, report(&gathered).offers), (None, None));
}
