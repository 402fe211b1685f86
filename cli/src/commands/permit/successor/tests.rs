//! Requests that refer to a permit: what they ask for, what is said before, and what is refused.

use clap::Parser as _;
use rstest::rstest;
use serde_json::{Value, json};

use super::*;
use crate::{
    args::{Cli, ClusterCommand, Command},
    commands::{
        permit::{PermitCommand, check::tests::classes},
        review::rules::tests::review,
        testing,
    },
};
use govcloud_crds::Project;

fn wish(line: &[&str]) -> Wish {
    let line = ["govcloud", "permit"].iter().chain(line).chain(&["--justification", "Filing season needs it."]);
    let Command::OnCluster(ClusterCommand::Permit(command)) = Cli::try_parse_from(line).expect("parses").command else {
        panic!("no permit command")
    };
    match command {
        PermitCommand::Renew(args) => Wish::of(Intent::Renewal, args.common, SizeArgs::default()),
        PermitCommand::Appeal(args) => Wish::of(Intent::Appeal, args.common, SizeArgs::default()),
        PermitCommand::Amend(args) => Wish::of(Intent::Amendment, args.common, args.sizes),
        PermitCommand::Answer(args) => {
            let AnswerArgs { common, sizes, needs, legal_basis, reject } = *args;
            Wish { intent: Intent::New, common, sizes, needs, legal_basis, reject }
        }
        other => panic!("refers to nothing: {other:?}"),
    }
}

fn pool(name: &str, replicas: i32, storage: &str) -> Value {
    json!({"group": "kafka.strimzi.io", "resource": "kafkanodepools", "name": name, "replicas": replicas, "perReplica": {"brokers": "1", "storage": storage}})
}

/// Two node pools, of which one was granted smaller than it was asked for.
fn prior(phase: &str, more: Value) -> ProcessingPermit {
    let spec = json!({
        "requestedBy": "requester@tax", "processingClass": "message-broker", "project": "analytics", "zones": ["tehran-1"],
        "targets": [pool("broker", 5, "1Ti"), pool("controller", 3, "20Gi")], "justification": "Filing season needs it.",
        "legalBasis": "Act 12", "alternatives": [{"sharedService": "national-streaming", "rejectedBecause": "Too slow."}],
        "evidence": [{"name": "plan.pdf", "sha256": "a".repeat(64)}],
    });
    let mut status = json!({
        "phase": phase, "number": "GC-2026-000042", "digest": "a".repeat(64),
        "granted": [pool("broker", 3, "1Ti"), pool("controller", 3, "20Gi")],
        "policy": {"class": "message-broker", "generation": 1, "approval": {"quorum": [{"group": "ministry:reviewers", "count": 1}]}},
        "assessment": {"result": "Unique", "assessedAt": "2026-10-13T08:00:00Z", "demand": {"brokers": "8"}, "offers": []},
    });
    for (key, value) in more.as_object().into_iter().flatten() {
        status[key] = value.clone();
    }
    testing::object("ProcessingPermit", "agency-tax-administration", "tax-events", spec, status)
}

fn active() -> ProcessingPermit {
    prior("Active", json!({"validFrom": "2026-01-10T00:00:00Z", "notAfter": "2027-01-10T00:00:00Z"}))
}

fn around(prior: &ProcessingPermit) -> Surroundings {
    let project: Project = testing::object(
        "Project",
        "agency-tax-administration",
        "analytics",
        json!({"purpose": "x", "pool": "national"}),
        Value::Null,
    );
    Surroundings { agency: testing::agency(), project: Some(project), prior: Some(prior.clone()), classes: classes() }
}

fn asked(prior: &ProcessingPermit, wish: &Wish) -> Result<ProcessingPermit> {
    let mut spec = draft::spec(prior, wish, "requester@tax")?;
    spec.targets = sizes::changed(&spec.targets, &wish.sizes, &[], "GC-2026-000042")?;
    let mut permit = ProcessingPermit::new(&draft::name(prior, wish, &[]), spec);
    permit.metadata.namespace = prior.namespace();
    around(prior).in_order(&permit)?;
    draft::changes_something(&permit, prior)?;
    Ok(permit)
}

fn said(prior: &ProcessingPermit, line: &[&str], reviews: &[govcloud_crds::PermitReview]) -> String {
    let permit = asked(prior, &wish(line)).expect("in order");
    let mut prior = prior.clone();
    let row = |review: &govcloud_crds::PermitReview| {
        let spec = &review.spec;
        json!({"name": review.name_any(), "reviewer": spec.reviewer, "group": spec.group, "verdict": spec.verdict, "counted": true})
    };
    let rows: Vec<_> = reviews.iter().map(row).collect();
    prior.status.as_mut().expect("a status").reviews = serde_json::from_value(json!(rows)).expect("rows");
    let case = Case { permit: prior, reviews: reviews.to_vec(), agency: Some(testing::agency()) };
    let preface = words::preface(&case, &permit, classes().get("message-broker"), testing::now());
    let done = submit::render(&permit, "tax-administration", DryRun::None);
    format!("{preface}{}\n\n{done}", words::question(&permit, "GC-2026-000042"))
}

fn verdict(who: &str, verdict: &str, reason: &str) -> govcloud_crds::PermitReview {
    review("tax-events", who, "ministry:reviewers", verdict, reason)
}

#[test]
fn what_stays_the_same_is_taken_over() {
    let renewal = asked(&active(), &wish(&["renew", "tax-events"])).expect("in order").spec;
    assert_eq!((renewal.intent, renewal.prior.as_deref()), (Intent::Renewal, Some("tax-events")));
    assert_eq!((renewal.targets[0].replicas, renewal.legal_basis.as_deref()), (3, Some("Act 12")));
    assert_eq!((renewal.zones.len(), renewal.alternatives.len(), renewal.evidence.len()), (1, 1, 0));
    let returned = prior("Returned", json!({}));
    let answer = asked(&returned, &wish(&["answer", "tax-events", "--zone", "tehran-2", "--duration", "30d"])).expect("in order");
    assert_eq!((answer.spec.intent, answer.spec.targets[0].replicas, answer.spec.evidence.len()), (Intent::New, 5, 1));
    assert_eq!((answer.spec.zones.as_slice(), answer.spec.duration.to_string().as_str()), (&["tehran-2".to_owned()][..], "30 d"));
}

#[test]
fn a_renewal_says_until_when_the_present_one_lasts() {
    insta::assert_snapshot!("renew_active", said(&active(), &["renew", "tax-events"], &[]));
    let over =
        json!({"validFrom": "2025-11-10T00:00:00Z", "notAfter": "2026-11-10T00:00:00Z", "endedAt": "2026-11-10T00:00:00Z"});
    insta::assert_snapshot!("renew_expired", said(&prior("Expired", over), &["renew", "tax-events", "again"], &[]));
}

#[rstest]
#[case::less("less", &["amend", "tax-events", "--size", "broker=2"])]
#[case::less_and_shorter("less_and_shorter", &["amend", "tax-events", "--size", "broker=2,storage=500Gi", "--duration", "10d"])]
#[case::longer("longer", &["amend", "tax-events", "--size", "broker=2", "--duration", "364d"])]
#[case::more("more", &["amend", "tax-events", "--target", "kafka.strimzi.io/kafkanodepools/broker=6,storage=2Ti"])]
fn an_amendment_says_what_it_changes(#[case] name: &str, #[case] line: &[&str]) {
    insta::assert_snapshot!(format!("amend_{name}"), said(&active(), line, &[]));
}

#[test]
fn an_answer_shows_the_question_and_an_appeal_who_decided() {
    let question = [verdict("reviewer-1@ministry", "Return", "Which zone is meant, and why so many brokers?")];
    let line = ["answer", "tax-events", "--zone", "tehran-2", "--size", "broker=4"];
    insta::assert_snapshot!("answer", said(&prior("Returned", json!({})), &line, &question));
    let denied = [verdict("reviewer-1@ministry", "Deny", "The national platform will do.")];
    insta::assert_snapshot!("appeal", said(&prior("Denied", json!({})), &["appeal", "tax-events"], &denied));
    let reason = "A shared service offers the same, and this class denies duplicates.";
    let by_rule = prior(
        "Denied",
        json!({
            "assessment": {"result": "Duplicate", "assessedAt": "2026-10-13T08:00:00Z", "demand": {"brokers": "8"}, "offers": []},
            "policy": {"class": "message-broker", "generation": 1, "approval": {"quorum": [{"group": "ministry:reviewers", "count": 1}], "onDuplicate": "Deny"}},
            "decision": {"verdict": "Deny", "at": "2026-10-13T08:00:00Z", "reason": reason},
        }),
    );
    insta::assert_snapshot!("appeal_by_rule", said(&by_rule, &["appeal", "tax-events"], &[]));
}

#[test]
fn what_does_not_fit_the_phase_says_what_does() {
    let mut all = String::new();
    for phase in govcloud_crds::permit::Phase::ALL {
        for line in [["renew", "tax-events"], ["amend", "tax-events"], ["answer", "tax-events"], ["appeal", "tax-events"]] {
            let mut wish = wish(&line);
            wish.sizes.size = if line[0] == "amend" { vec![parse::named_size("broker=2").expect("reads")] } else { vec![] };
            let prior = prior(&phase.to_string(), json!({"supersededBy": "GC-2026-000050"}));
            if let Err(refused) = asked(&prior, &wish) {
                all += &refused.render(false);
            }
        }
    }
    insta::assert_snapshot!("successor_phases", all);
}

#[rstest]
#[case::nothing("nothing", &["amend", "tax-events"])]
#[case::unknown_object("unknown_object", &["amend", "tax-events", "--size", "other=2"])]
#[case::unknown_target("unknown_target", &["amend", "tax-events", "--target", "kafka.strimzi.io/kafkanodepools/other=2"])]
#[case::dimension("dimension", &["amend", "tax-events", "--size", "broker=2,gpus=1"])]
#[case::too_long("too_long", &["renew", "tax-events", "--duration", "9000h"])]
fn what_cannot_be_asked_for(#[case] name: &str, #[case] line: &[&str]) {
    let refused = asked(&active(), &wish(line)).expect_err("refused");
    insta::assert_snapshot!(format!("successor_{name}"), refused.render(false));
}

#[rstest]
#[case("events", &[], "events-renewal")]
#[case("events", &["events-renewal"], "events-renewal-2")]
#[case("events-renewal", &["events-renewal"], "events-renewal-2")]
#[case("events-renewal-2", &["events-renewal", "events-renewal-2"], "events-renewal-3")]
#[case("events-2", &[], "events-2-renewal")]
#[case("a23456789-b23456789-c23456789-d23456789-e23456789-f23456789-g23", &[], "a23456789-b23456789-c23456789-d23456789-e23456789-f2345-renewal")]
#[case("renewal", &[], "renewal-renewal")]
fn names_are_short_and_new(#[case] before: &str, #[case] taken: &[&str], #[case] name: &str) {
    let with_name = |name: &str| {
        let mut permit = active();
        permit.metadata.name = Some(name.to_owned());
        permit
    };
    let others: Vec<_> = taken.iter().map(|name| with_name(name)).collect();
    let made = draft::name(&with_name(before), &wish(&["renew", "x"]), &others);
    assert_eq!((made.as_str(), made.len() <= 63), (name, true));
    assert_eq!(draft::name(&active(), &wish(&["renew", "x", "chosen"]), &others), "chosen");
}

#[test]
fn manifests_give_the_new_sizes() {
    let read = |text: &str| parse::target(text).expect("reads");
    let before = active().status.expect("a status").granted;
    let measured = [read("kafka.strimzi.io/kafkanodepools/controller=5,brokers=1,storage=10Gi")];
    let after = sizes::changed(&before, &SizeArgs::default(), &measured, "GC-1").expect("in order");
    assert_eq!((after[0].replicas, after[1].replicas), (3, 5));
    let others = [read("kafka.strimzi.io/kafkanodepools/others=5")];
    assert!(sizes::changed(&before, &SizeArgs::default(), &others, "GC-1").is_err());
}
