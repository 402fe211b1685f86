//! Tests of what an agency shares.

use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};

use super::*;

fn agency() -> Agency {
    let spec = json!({"displayName": "Customs", "securityRegime": "NonInfrastructure"});
    Agency::new("customs", serde_json::from_value(spec).expect("valid"))
}

fn permit(offer: &Value, granted: &Value, status: Value) -> ProcessingPermit {
    let target =
        json!({"group": "kafka.strimzi.io", "resource": "kafkanodepools", "name": "a", "replicas": 1, "perReplica": granted});
    let mut permit = json!({
        "apiVersion": "govcloud.dev/v1alpha1", "kind": "ProcessingPermit", "metadata": {"namespace": "agency-customs", "name": "events"},
        "spec": {"requestedBy": "r", "processingClass": "message-broker", "project": "border", "targets": [target], "zones": ["shiraz"],
            "interfaces": [{"name": "kafka", "version": ">=3.7"}], "dataClassification": "Internal", "justification": "Needed there.",
            "sharingOffer": offer},
        "status": {"phase": "Active", "number": "GC-2026-000007", "granted": [target], "notAfter": "2027-11-29T12:00:00Z"},
    });
    let fields = permit["status"].as_object_mut().expect("a map");
    fields.extend(status.as_object().cloned().unwrap_or_default());
    serde_json::from_value(permit).expect("a permit")
}

fn opened(offer_of: &Value, granted: &Value) -> Option<SharedServiceSpec> {
    match offer(&permit(offer_of, granted, json!({})), &agency(), Some("brokers")) {
        Offer::Open(spec) => Some(*spec),
        _ => None,
    }
}

fn said(spec: &SharedServiceSpec) -> Vec<String> {
    spec.plans.iter().map(|plan| format!("{}: {}", plan.name, plan.capacity)).collect()
}

#[rstest]
#[case::all_of_it(json!({"brokers": 3, "storage": "3Ti"}), &["all: 3 brokers, 3Ti storage", "part: 1 brokers, 1Ti storage"])]
#[case::more_than_was_granted(json!({"brokers": 9, "storage": "9Ti"}), &["all: 6 brokers, 6Ti storage", "part: 1 brokers, 1Ti storage"])]
#[case::one_unit(json!({"brokers": 1, "storage": "1Ti"}), &["all: 1 brokers, 1Ti storage"])]
#[case::half_a_unit(json!({"brokers": "1500m"}), &["all: 1500m brokers"])]
#[case::without_the_first_dimension(json!({"storage": "3Ti"}), &["all: 3Ti storage"])]
#[case::what_the_class_does_not_count(json!({"brokers": 2, "gpus": 8}), &["all: 2 brokers", "part: 1 brokers"])]
#[case::an_uneven_share(json!({"brokers": 2, "storage": "3"}), &["all: 2 brokers, 3 storage", "part: 1 brokers, 1 storage"])]
#[case::too_little_for_each(json!({"brokers": 3, "storage": "2m"}), &["all: 3 brokers, 2m storage"])]
fn the_plans_take_what_is_offered(#[case] offered: Value, #[case] plans: &[&str]) {
    let spec = opened(&offered, &json!({"brokers": 6, "storage": "6Ti"})).expect("it shares");
    assert_eq!(said(&spec), plans);
}

#[rstest]
#[case::nothing(json!({}))]
#[case::zero(json!({"brokers": 0}))]
#[case::what_was_not_granted(json!({"gpus": 4}))]
fn no_offer_is_no_service(#[case] offered: Value) {
    assert_eq!(opened(&offered, &json!({"brokers": 6})), None);
}

#[test]
fn it_says_what_the_permit_says_and_whom_to_ask() {
    let spec = opened(&json!({"brokers": 2}), &json!({"brokers": 6})).expect("it shares");
    assert_eq!(
        (spec.provider.as_str(), &*spec.processing_class, spec.zones),
        ("customs", "message-broker", vec!["shiraz".to_owned()])
    );
    assert_eq!(spec.interfaces[0].to_string(), "kafka 3.7");
    assert_eq!(spec.data_classification, crate::common::Classification::Internal);
    assert_eq!(spec.sharing, Some(Sharing { permit: "GC-2026-000007".into() }));
    assert_eq!(spec.binding.values["contact"], "Customs");
    assert_eq!(spec.binding.values["permit"], "GC-2026-000007");
}

#[rstest]
#[case(">=3.7", "3.7")]
#[case("^3.7.1", "3.7.1")]
#[case("= 3", "3")]
#[case("", "")]
#[case(">=3.7, <4", ">=3.7, <4")]
#[case("<4", "<4")]
fn a_requirement_becomes_the_least_that_meets_it(#[case] asked: &str, #[case] version: &str) {
    let asked = Interface { name: "kafka".into(), version: asked.into() };
    assert_eq!(at_least(&asked).version, version);
}

fn policy(grace: &str) -> Value {
    json!({"class": "message-broker", "generation": 1, "approval": {"quorum": [{"group": "g", "count": 1}], "grace": grace}})
}

#[rstest]
#[case::before_it_is_active("Approved", json!({}), Offer::Nothing)]
#[case::suspended("Suspended", json!({}), Offer::Closing(Drain { by: "2027-11-29".into(), move_to: None }))]
#[case::expired("Expired", json!({"validFrom": "2026-11-29T12:00:00Z", "endedAt": "2027-11-29T12:00:00Z"}), Offer::Closing(Drain { by: "2027-12-29".into(), move_to: None }))]
#[case::withdrawn("Withdrawn", json!({"validFrom": "2026-11-29T12:00:00Z", "endedAt": "2026-12-01T12:00:00Z"}), Offer::Closing(Drain { by: "2026-12-31".into(), move_to: None }))]
#[case::never_active("Withdrawn", json!({}), Offer::Nothing)]
#[case::taken_over("Superseded", json!({"validFrom": "2026-11-29T12:00:00Z", "endedAt": "2026-12-01T12:00:00Z", "supersededBy": "GC-2026-000008"}),
    Offer::Closing(Drain { by: "2026-12-31".into(), move_to: Some("shared-gc-2026-000008".into()) }))]
fn what_ends_drains(#[case] phase: &str, #[case] status: Value, #[case] expected: Offer) {
    let mut all = json!({"phase": phase, "policy": policy("720h")});
    all.as_object_mut().expect("a map").extend(status.as_object().cloned().unwrap_or_default());
    let permit = permit(&json!({"brokers": 2}), &json!({"brokers": 6}), all);
    assert_eq!(offer(&permit, &agency(), Some("brokers")), expected);
}

fn claim(name: &str, namespace: &str, second: i64) -> ServiceClaim {
    let object = json!({
        "apiVersion": "govcloud.dev/v1alpha1", "kind": "ServiceClaim",
        "metadata": {"namespace": namespace, "name": name, "uid": name, "creationTimestamp": Timestamp::from_second(second).expect("in range")},
        "spec": {"sharedService": "shared-gc-2026-000007", "plan": "all", "purpose": "Events"},
    });
    serde_json::from_value(object).expect("a claim")
}

#[test]
fn those_who_wait_are_shown_first_and_the_oldest_of_them() {
    let mut spec = opened(&json!({"brokers": 2}), &json!({"brokers": 6})).expect("it shares");
    spec.consents = vec![super::super::Consent { claim: "agreed".into(), by: "admin@customs".into() }];
    let service = SharedService::new("shared-gc-2026-000007", spec);
    let mut leaving = claim("leaving", "tax--a", 0);
    leaving.metadata.deletion_timestamp = leaving.metadata.creation_timestamp.clone();
    let claims = [
        claim("late", "tax--a", 9),
        claim("agreed", "tax--a", 1),
        claim("early", "land--b", 2),
        claim("home", "agency-tax", 1),
        leaving,
    ];
    let status = requests(&service, &claims);
    let shown: Vec<_> = status.requests.iter().map(|r| (r.name.as_str(), &*r.agency, &*r.project, r.agreed)).collect();
    assert_eq!(shown, [("early", "land", "b", false), ("late", "tax", "a", false), ("agreed", "tax", "a", true)]);
    let names = |asked: Vec<&SharingRequest>| asked.iter().map(|r| r.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(newly_asked(None, &status)), ["early", "late"], "nobody is told of what is agreed to");
    let before = requests(&service, &claims[1..3]);
    assert_eq!(names(newly_asked(Some(&before), &status)), ["late"], "and of each once");
    assert_eq!(
        in_words("shared-gc-2026-000007", &status.requests[0]),
        "land asks for plan all of shared-gc-2026-000007 in its project b, by claim early for: Events. It waits for your consent: govcloud service requests"
    );
}

#[test]
fn consents_of_claims_that_are_gone_go_with_the_next_answer() {
    let consent = |claim: &str| super::super::Consent { claim: claim.into(), by: "admin@customs".into() };
    let consents = [consent("gone"), consent("there"), consent("answered")];
    let service = SharedService::new("s", opened(&json!({"brokers": 2}), &json!({"brokers": 6})).expect("it shares"));
    let kept = |claims: Vec<ServiceClaim>| {
        let left = consents_to_keep(&consents, &requests(&service, &claims), "answered");
        left.into_iter().map(|consent| consent.claim.clone()).collect::<Vec<_>>()
    };
    assert_eq!(kept(vec![claim("there", "tax--a", 1), claim("answered", "tax--a", 2)]), ["there"]);
    let many = (0..64).map(|number| claim(&format!("waits-{number}"), "tax--a", number)).collect();
    assert_eq!(kept(many), ["gone", "there"], "some that are there may not be shown");
}

#[test]
fn a_service_goes_when_it_has_taken_note_of_its_end_and_serves_nobody() {
    let spec = opened(&json!({"brokers": 2}), &json!({"brokers": 6})).expect("it shares");
    let mut service = SharedService::new("s", spec);
    service.metadata.generation = Some(2);
    service.status = Some(serde_json::from_value(json!({"observedGeneration": 2})).expect("valid"));
    assert!(!is_over(&service), "it does not end");
    service.spec.drain = Some(Drain { by: "2027-01-01".into(), move_to: None });
    assert!(is_over(&service));
    service.metadata.generation = Some(3);
    assert!(!is_over(&service), "a claim may have been served meanwhile");
    service.status = Some(
        serde_json::from_value(json!({"observedGeneration": 3, "reservations": [{"uid": "u", "capacity": {}}]})).expect("valid"),
    );
    assert!(!is_over(&service));
}

proptest! {
    /// Sharing never widens: no more than was offered, no more than was granted, and the parts together no more than all.
    #[test]
    fn nobody_gets_more_than_was_offered_and_granted(
        offered in (0..9_i64, 0..5_000_i64), granted in (0..9_i64, 0..5_000_i64),
    ) {
        let amounts = |(brokers, storage): (i64, i64)| json!({"brokers": brokers, "storage": format!("{storage}m")});
        let (offered, granted) = (amounts(offered), amounts(granted));
        let resources = |value: &Value| serde_json::from_value::<Resources>(value.clone()).expect("valid");
        let Some(spec) = opened(&offered, &granted) else { return Ok(()) };
        prop_assert!(spec.capacity.fits_in(&resources(&offered)) && spec.capacity.fits_in(&resources(&granted)));
        for plan in &spec.plans {
            prop_assert!(plan.capacity.fits_in(&spec.capacity));
            let brokers = spec.capacity.get("brokers").whole();
            prop_assert!(plan.name != PLAN_PART || plan.capacity.times(brokers).fits_in(&spec.capacity));
        }
    }
}
