//! What is found about which object: tables, and the laws that hold for all.

use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};

use super::*;
use crate::finding::observed::What;

const NOW: &str = "2026-11-23T08:00:00Z";

fn now() -> Timestamp {
    NOW.parse().expect("valid")
}

fn agency() -> Agency {
    let spec = json!({"displayName": "Tax", "securityRegime": "InfrastructureArea", "dataClassification": "Restricted"});
    Agency::new("tax", serde_json::from_value(spec).expect("valid"))
}

fn classes() -> BTreeMap<String, ProcessingClass> {
    let spec = json!({"displayName": "Broker", "dimensions": [{"name": "brokers"}], "approval": {"quorum": [{"group": "g", "count": 1}]}});
    [("broker".to_owned(), ProcessingClass::new("broker", serde_json::from_value(spec).expect("valid")))].into()
}

fn service() -> SharedService {
    let spec = json!({
        "displayName": "Streaming", "provider": "ito", "processingClass": "broker", "dataClassification": "Restricted",
        "plans": [{"name": "large", "channel": "GSB", "capacity": {"brokers": 6}}], "capacity": {"brokers": 60}, "binding": {"type": "kafka"},
    });
    let counted = Some(crate::service::SharedServiceStatus::default());
    SharedService { status: counted, ..SharedService::new("national-streaming", serde_json::from_value(spec).expect("valid")) }
}

/// A permit for pools/old of 3 brokers.
fn permit(name: &str, phase: &str, change: Value) -> ProcessingPermit {
    let mut status = json!({
        "phase": phase, "number": format!("GC-{name}"), "namespaceUid": "here", "validFrom": "2026-01-01T00:00:00Z", "notAfter": "2027-01-01T00:00:00Z",
        "policy": {"class": "broker", "generation": 1, "approval": {"quorum": [], "grace": "720h"}},
    });
    for (key, value) in change.as_object().expect("an object") {
        status[key] = value.clone();
    }
    serde_json::from_value(json!({
        "apiVersion": "govcloud.dev/v1alpha1", "kind": "ProcessingPermit", "metadata": {"name": name, "uid": name},
        "spec": {"requestedBy": "r", "processingClass": "broker", "project": "a", "justification": "It is needed.",
            "targets": [{"group": "k", "resource": "pools", "name": "old", "replicas": 3, "perReplica": {"brokers": "1"}}]},
        "status": status,
    }))
    .expect("valid")
}

fn pool(replicas: i64, brokers: i64) -> Observed {
    let per_replica = [("brokers".to_owned(), crate::Quantity::from_units(brokers))].into_iter().collect();
    let size = Ok(Size { replicas, per_replica });
    Observed {
        object: ObjectReference { group: "k".into(), resource: "pools".into(), namespace: "tax--a".into(), name: "old".into() },
        uid: "u".into(),
        owner: None,
        created: None,
        cluster: None,
        release: None,
        what: What::Classified(Classified { class: "broker".into(), by_image: false, size }),
    }
}

fn judged(one: &Observed, permits: &[ProcessingPermit], services: &[SharedService]) -> Vec<ProcessingFindingSpec> {
    let (agency, classes) = (agency(), classes());
    let project = Project { agency: &agency, family: "customs", name: "a", namespace_uid: "here", permits };
    judge(one, Place::Project(project), &Catalogue { services, kept: &[], classes: &classes }, now())
}

fn rules(found: &[ProcessingFindingSpec]) -> Vec<FindingRule> {
    found.iter().map(|f| f.rule).collect()
}

use FindingRule::{Duplicate, ExceedsPermit, Expired, Unpermitted};

#[rstest]
#[case::none(pool(3, 1), vec![], &[Unpermitted])]
#[case::active(pool(3, 1), vec![permit("1", "Active", json!({}))], &[])]
#[case::smaller(pool(1, 1), vec![permit("1", "Active", json!({}))], &[])]
#[case::more_replicas(pool(4, 1), vec![permit("1", "Active", json!({}))], &[ExceedsPermit])]
#[case::larger_replicas(pool(1, 2), vec![permit("1", "Active", json!({}))], &[ExceedsPermit])]
#[case::of_another_class(pool(1, 1), vec![{ let mut p = permit("1", "Active", json!({})); p.spec.processing_class = "other".into(); p }], &[Unpermitted])]
#[case::of_a_namespace_before(pool(1, 1), vec![permit("1", "Active", json!({"namespaceUid": "before"}))], &[Unpermitted])]
#[case::asked(pool(1, 1), vec![permit("1", "UnderReview", json!({"validFrom": null, "namespaceUid": null}))], &[Unpermitted])]
#[case::suspended(pool(3, 1), vec![permit("1", "Suspended", json!({}))], &[])]
#[case::suspended_and_larger(pool(4, 1), vec![permit("1", "Suspended", json!({}))], &[ExceedsPermit])]
#[case::expired(pool(3, 1), vec![permit("1", "Expired", json!({}))], &[Expired])]
#[case::revoked(pool(3, 1), vec![permit("1", "Revoked", json!({}))], &[Expired])]
#[case::denied(pool(3, 1), vec![permit("1", "Denied", json!({"validFrom": null}))], &[Unpermitted])]
#[case::ended_before(pool(3, 1), vec![permit("1", "Expired", json!({"namespaceUid": "before"}))], &[Unpermitted])]
#[case::renewed(pool(3, 1), vec![permit("1", "Expired", json!({})), permit("2", "Active", json!({}))], &[])]
#[case::scaled_to_nothing(pool(0, 1), vec![], &[])]
fn an_object_is_held_against_the_permits_of_its_project(
    #[case] one: Observed,
    #[case] permits: Vec<ProcessingPermit>,
    #[case] expected: &[FindingRule],
) {
    assert_eq!(rules(&judged(&one, &permits, &[])), expected);
    let duplicates = rules(&judged(&one, &permits, &[service()])).contains(&Duplicate);
    assert_eq!(duplicates, expected.iter().any(|rule| [Unpermitted, Expired].contains(rule)));
}

#[test]
fn what_runs_without_a_permit_is_told_where_to_go() {
    let found = judged(&pool(3, 1), &[], &[service()]);
    assert_eq!(found[0].message, "Runs without a permit. Request one, or move to national-streaming (plan large fits).");
    assert_eq!(found[0].alternatives, ["national-streaming/large"]);
    assert_eq!((found[0].capacity.to_string(), found[0].processing_class.as_deref()), ("3 brokers".into(), Some("broker")));
    assert_eq!(
        found[1].message,
        "national-streaming (plan large) has room for all of it. Move there: govcloud service claim national-streaming --plan large --project a"
    );
}

#[rstest]
#[case::unpermitted(pool(3, 1), vec![], "Runs without a permit. Request one.")]
#[case::asked(pool(3, 1), vec![permit("1", "UnderReview", json!({"validFrom": null}))], "Runs without a permit. GC-1 asks for one and is UnderReview. Wait for it.")]
#[case::exceeds(pool(5, 2), vec![permit("1", "Active", json!({}))], "Takes more than permit GC-1 allows: 5 replicas instead of 3, 2 brokers per replica instead of 1. Make it smaller, or ask for more: govcloud permit amend GC-1")]
#[case::expired(pool(3, 1), vec![permit("1", "Expired", json!({"endedAt": "2026-11-01T00:00:00Z"}))], "Its permit GC-1 is Expired since 2026-11-01. Remove what runs by 2026-12-01, renew it: govcloud permit renew GC-1.")]
#[case::the_last_that_ended(pool(3, 1), vec![permit("1", "Revoked", json!({"endedAt": "2026-11-01T00:00:00Z"})), permit("2", "Expired", json!({"endedAt": "2026-10-01T00:00:00Z"}))], "Its permit GC-1 is Revoked since 2026-11-01. Remove what runs by 2026-12-01, appeal: govcloud permit appeal GC-1.")]
fn messages_say_what_to_do(#[case] one: Observed, #[case] permits: Vec<ProcessingPermit>, #[case] message: &str) {
    assert_eq!(judged(&one, &permits, &[])[0].message, message);
}

#[test]
fn what_cannot_be_measured_is_found_and_held_against_no_offer() {
    let error = crate::class::measure::MeasureError { what: "brokers".into(), why: "no such key".into(), expression: "x".into() };
    let mut one = pool(3, 1);
    one.what = What::Classified(Classified { class: "broker".into(), by_image: false, size: Err(error) });
    assert_eq!(rules(&judged(&one, &[], &[service()])), [Unpermitted]);
    let found = judged(&one, &[permit("1", "Active", json!({}))], &[service()]);
    assert_eq!(rules(&found), [ExceedsPermit]);
    assert!(found[0].message.contains("no such key"), "{}", found[0].message);
}

#[test]
fn outside_of_projects_nothing_is_permitted() {
    let classes = classes();
    let mut one = pool(3, 1);
    one.object.namespace = "default".into();
    let found = judge(&one, Place::Elsewhere, &Catalogue { services: &[service()], kept: &[], classes: &classes }, now());
    assert_eq!(rules(&found), [Unpermitted]);
    assert!(found[0].message.contains("outside every project (in default)"));
}

prop_compose! {
    fn any_permit()(
        name in "[1-4]", phase in 0..Phase::ALL.len(), was_active in any::<bool>(), here in any::<bool>(), ended in 1..28_u8,
    ) -> ProcessingPermit {
        permit(&name, &Phase::ALL[phase].to_string(), json!({
            "validFrom": was_active.then_some("2026-01-01T00:00:00Z"), "namespaceUid": if here { "here" } else { "before" },
            "endedAt": format!("2026-10-{ended:02}T00:00:00Z"),
        }))
    }
}

proptest! {
    /// At most one word about its permit, a duplicate only of what has none, and the same whatever the order of the permits.
    #[test]
    fn one_object_has_one_standing(mut permits in prop::collection::vec(any_permit(), 0..5), replicas in 1..6_i64) {
        permits.sort_by_key(ResourceExt::name_any);
        permits.dedup_by_key(|p| p.name_any());
        let found = judged(&pool(replicas, 1), &permits, &[service()]);
        let standing: Vec<_> = rules(&found).into_iter().filter(|rule| *rule != Duplicate).collect();
        prop_assert!(standing.len() <= 1);
        prop_assert_eq!(rules(&found).contains(&Duplicate), matches!(standing[..], [Unpermitted | Expired]));
        let here = |p: &ProcessingPermit| p.status.as_ref().is_some_and(|s| s.namespace_uid.as_deref() == Some("here"));
        let lives = permits.iter().any(|p| phase(p) == Phase::Active && here(p));
        prop_assert!(!lives || standing.is_empty() || standing == [ExceedsPermit]);
        permits.reverse();
        prop_assert_eq!(judged(&pool(replicas, 1), &permits, &[service()]), found);
    }
}
