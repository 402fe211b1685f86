use serde_json::{Value, json};

use super::{gather::Source, *};
use crate::commands::testing;
use govcloud_crds::{Agency, AgencyQuota, CapacityPool, GovernmentCloud, ProcessingClass, ProcessingFinding, ProcessingPermit};
use kube::ResourceExt as _;

/// A finding about something in a project of an agency, or outside every one of them.
pub fn finding(rule: &str, agency: &str, name: &str, capacity: Value, more: Value) -> ProcessingFinding {
    let (home, namespace) = match agency {
        "" => ("govcloud-system".to_owned(), "default".to_owned()),
        agency => (format!("agency-{agency}"), format!("{agency}--analytics")),
    };
    let mut spec = json!({
        "rule": rule, "processingClass": "message-broker", "capacity": capacity, "message": "Runs without a permit.",
        "object": {"group": "kafka.strimzi.io", "resource": "kafkanodepools", "namespace": namespace, "name": name},
    });
    for (key, value) in more.as_object().into_iter().flatten() {
        spec[key] = value.clone();
    }
    let status = json!({"firstSeen": "2026-10-13T08:00:00Z", "lastSeen": "2026-11-23T07:00:00Z"});
    testing::object("ProcessingFinding", &home, &format!("{rule}-{name}").to_lowercase(), spec, status)
}

/// A permit for brokers with this status.
pub fn permit(agency: &str, name: &str, brokers: u32, status: Value) -> ProcessingPermit {
    let target = json!({"group": "kafka.strimzi.io", "resource": "kafkanodepools", "name": name, "replicas": brokers,
        "perReplica": {"brokers": "1", "storage": "1Ti"}});
    let spec = json!({"requestedBy": "r", "processingClass": "message-broker", "project": "analytics", "targets": [target],
        "justification": "It is needed."});
    testing::object("ProcessingPermit", &format!("agency-{agency}"), name, spec, status)
}

/// An assessment that says that there is room for all of it.
pub fn duplicate() -> Value {
    json!({"result": "Duplicate", "assessedAt": "2026-10-14T08:00:00Z",
        "offers": [{"offer": "national-streaming/large", "result": "Fits", "predicates": []},
            {"offer": "regional-events/shared", "result": "Mismatch", "predicates": []}]})
}

/// The rules that a permit is judged by.
pub fn policy() -> Value {
    json!({"class": "message-broker", "generation": 1, "approval": {"quorum": [{"group": "g", "count": 1}]}})
}

pub fn class(name: &str, display_name: &str) -> (String, ProcessingClass) {
    let spec = json!({"displayName": display_name, "dimensions": [{"name": "brokers"}, {"name": "storage"}],
        "approval": {"quorum": [{"group": "g", "count": 1}]}});
    (name.to_owned(), testing::object("ProcessingClass", "", name, spec, Value::Null))
}

fn agencies() -> Vec<Agency> {
    let mut customs = testing::agency();
    customs.metadata.name = Some("customs".to_owned());
    customs.spec.display_name = "Customs <Border & Trade>".to_owned();
    customs.spec.enforcement = govcloud_crds::agency::Enforcement::Audit;
    customs.status = None;
    vec![customs, testing::agency()]
}

fn findings() -> Vec<ProcessingFinding> {
    let three = || json!({"brokers": "3", "storage": "3Ti"});
    let instead = json!({"alternatives": ["national-streaming/large"]});
    let word = json!({"by": "reviewer-1@ministry", "reason": "Moves in March.", "until": "2027-03-31T00:00:00Z"});
    let known = json!({"alternatives": ["national-streaming/large", "other/one"], "acknowledgement": word});
    vec![
        finding("Unpermitted", "customs", "border", three(), json!({})),
        finding("Duplicate", "customs", "border", three(), instead),
        finding("Expired", "tax-administration", "old", json!({"brokers": "1"}), known.clone()),
        finding("Duplicate", "tax-administration", "old", json!({"brokers": "1"}), known),
        finding("Unpermitted", "tax-administration", "odd", json!({}), json!({})),
        finding("Idle", "customs", "declarations", json!({"brokers": "2", "storage": "2Ti"}), json!({})),
        finding("Unpermitted", "", "outside", json!({"brokers": "2"}), json!({})),
        finding("Unclassified", "", "lakes", json!({}), json!({"processingClass": null})),
    ]
}

fn permits() -> Vec<ProcessingPermit> {
    let number = |n: u32| format!("GC-2026-{n:06}");
    let ended = json!({"phase": "Expired", "number": number(3), "policy": policy(), "validFrom": "2025-10-01T00:00:00Z",
        "endedAt": "2026-11-20T00:00:00Z"});
    let decision = json!({"verdict": "Approve", "at": "2026-10-20T08:00:00Z", "reason": "The filing season, until spring."});
    vec![
        permit("customs", "declarations", 2, json!({"phase": "Active", "number": number(1)})),
        permit(
            "tax-administration",
            "events",
            3,
            json!({"phase": "Active", "number": number(2), "assessment": duplicate(), "decision": decision}),
        ),
        permit("tax-administration", "lapsed", 3, ended),
        permit(
            "customs",
            "more",
            6,
            json!({"phase": "UnderReview", "number": number(4), "assessment": duplicate(), "policy": policy()}),
        ),
        permit("customs", "refused", 9, json!({"phase": "Denied", "number": number(5), "assessment": duplicate()})),
    ]
}

fn cloud() -> GovernmentCloud {
    let authority = json!({"name": "a", "reviewers": "security:a"});
    let spec = json!({"authorities": {"NonInfrastructure": authority, "InfrastructureArea": authority, "CriticalInfrastructure": authority}});
    let status = json!({"interruptions": [{"object": "ValidatingAdmissionPolicy/govcloud-slots", "what": "Deleted",
        "found": "2026-11-01T10:00:00Z", "repaired": "2026-11-01T10:00:01Z"}]});
    testing::object("GovernmentCloud", "", "national", spec, status)
}

/// A nation of two agencies, as an auditor sees it.
pub fn national() -> Gathered {
    let mut streaming = testing::streaming();
    streaming.status.as_mut().expect("has one").kept =
        [("brokers".to_owned(), "6".parse().expect("valid"))].into_iter().collect();
    let capacity = json!({"requests.cpu": "4000", "requests.memory": "16Ti"});
    let pool: CapacityPool = testing::object(
        "CapacityPool",
        "",
        "national",
        json!({"zones": ["tehran-1"], "capacity": capacity}),
        json!({"capacity": capacity, "guaranteed": {"requests.cpu": "300"}}),
    );
    let quota: AgencyQuota = testing::object(
        "AgencyQuota",
        "",
        "tax-administration",
        json!({"agency": "tax-administration", "pool": "national", "guaranteed": {"requests.cpu": "200"}}),
        json!({"allocated": {"requests.cpu": "150"}, "used": {"requests.cpu": "3500m"}, "lent": {"requests.cpu": "50"}}),
    );
    Gathered {
        agency: None,
        permits: Some(permits()),
        findings: Some(findings()),
        agencies: Some(agencies()),
        services: Some(vec![streaming, testing::regional()]),
        pools: Some(vec![pool]),
        quotas: Some(vec![quota]),
        cloud: Some(cloud()),
        classes: Some([class("message-broker", "Message broker")].into_iter().collect()),
        missing: Vec::new(),
    }
}

fn all(gathered: &Gathered) -> Report {
    report(Which::All, gathered, "https://127.0.0.1:6443", testing::now())
}

#[test]
fn a_terminal_shows_all_of_it() {
    insta::assert_snapshot!("report_table", text::render(&document(Which::All, &all(&national())), true));
}

#[test]
fn the_data_keep_their_shape() {
    insta::assert_snapshot!("report_json", serde_json::to_string_pretty(&all(&national())).expect("JSON"));
}

#[test]
fn the_page_keeps_its_bytes_and_needs_nothing_else() {
    let page = html::render(&document(Which::All, &all(&national()))).expect("renders");
    assert_eq!(page, html::render(&document(Which::All, &all(&national()))).expect("renders"));
    for foreign in ["<script", "<link", "<img", "@import", "url(", "http-equiv=\"refresh\""] {
        assert!(!page.contains(foreign), "{foreign}");
    }
    // The one address is the cluster's, as text.
    assert_eq!(page.matches("https://").count(), 1);
    insta::assert_snapshot!("report_html", page);
}

#[test]
fn what_others_wrote_is_text_on_the_page() {
    let mut gathered = national();
    let hostile = "</title><script>alert(1)</script>\" onload='x' <b>&amp;";
    gathered.agencies.as_mut().expect("has some")[0].spec.display_name = hostile.to_owned();
    gathered.permits.as_mut().expect("has some")[1]
        .status
        .as_mut()
        .expect("has one")
        .decision
        .as_mut()
        .expect("has one")
        .reason = hostile.to_owned();
    gathered.classes = Some([class("message-broker", hostile)].into_iter().collect());
    gathered.agency = Some(hostile.to_owned());
    let page = html::render(&document(Which::All, &all(&gathered))).expect("renders");
    assert!(
        !page.contains("<script") && !page.contains("<b>") && !page.contains("' <b") && !page.contains("\" onload"),
        "{page}"
    );
    assert!(page.contains("&#60;script&#62;"), "it is there as text");
}

#[test]
fn who_may_see_little_gets_a_report_of_that() {
    let own = Gathered {
        agency: Some("customs".to_owned()),
        permits: Some(permits().into_iter().filter(|p| p.namespace().as_deref() == Some("agency-customs")).collect()),
        missing: Source::ALL.into_iter().filter(|source| *source != Source::Permits).collect(),
        ..Gathered::default()
    };
    insta::assert_snapshot!("report_own", text::render(&document(Which::All, &all(&own)), true));
    let data = serde_json::to_value(all(&own)).expect("JSON");
    assert_eq!((data["duplicates"].get("found"), data["capacity"].get("pools")), (None, None), "unknown is not the same as none");
    assert_eq!(data["notIncluded"].as_array().map(Vec::len), Some(7));
}

#[test]
fn nothing_at_all_is_said_in_words() {
    let nothing = Gathered {
        permits: Some(vec![]),
        findings: Some(vec![]),
        agencies: Some(vec![]),
        services: Some(vec![]),
        pools: Some(vec![]),
        quotas: Some(vec![]),
        ..Gathered::default()
    };
    insta::assert_snapshot!("report_nothing", text::render(&document(Which::All, &all(&nothing)), true));
    assert!(!html::render(&document(Which::All, &all(&nothing))).expect("renders").contains("<svg"));
}

#[test]
fn the_order_of_what_was_read_does_not_matter() {
    let mut turned = national();
    turned.permits.as_mut().expect("some").reverse();
    turned.findings.as_mut().expect("some").reverse();
    turned.agencies.as_mut().expect("some").reverse();
    let page = |gathered: &Gathered| html::render(&document(Which::All, &all(gathered))).expect("renders");
    assert_eq!(page(&turned), page(&national()));
}

#[test]
fn the_ending_of_the_file_says_how_unless_a_flag_does() {
    let args = |file: &str| ReportArgs { output_file: Some(file.into()), force: false };
    assert_eq!(args("a.HTML").format(Format::Table), Format::Html);
    assert_eq!(args("a.csv").format(Format::Table), Format::Csv);
    assert_eq!(args("a.csv").format(Format::Json), Format::Json);
    assert_eq!(args("a.txt").format(Format::Table), Format::Table);
    assert_eq!(ReportArgs::default().format(Format::Html), Format::Html);
}
