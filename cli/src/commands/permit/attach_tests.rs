//! Documents that are named in a request before it is sent.

use super::*;
use crate::commands::permit::list::tests::permit;

const REQUEST: &str = "# Asked for the filing season.
apiVersion: govcloud.dev/v1alpha1
kind: ProcessingPermit
metadata:
  name: lake # short
spec:
    # It is urgent.
    project: analytics
    processingClass: object-storage
    justification: Filing season needs it.
    targets: [{group: minio.min.io, resource: tenants, name: lake}]
";

fn plan() -> Evidence {
    Evidence { name: "plan.pdf".into(), sha256: "a".repeat(64), uri: Some("https://archive.example/plan.pdf".into()) }
}

fn attached(text: &str, evidence: &[Evidence]) -> String {
    let manifests = manifests::parse("lake.yaml", text).expect("reads");
    let permit = request_file::of(&manifests).expect("a request");
    changed(text, &manifests[0].object, &permit.spec.evidence, evidence).expect("writes")
}

#[test]
fn what_people_wrote_stays_as_they_wrote_it() {
    let once = attached(REQUEST, &[plan()]);
    insta::assert_snapshot!("attach_first", once);
    let map = Evidence { name: "map: 1.pdf".into(), sha256: "b".repeat(64), uri: None };
    insta::assert_snapshot!("attach_second", attached(&once, &[plan(), map]));
    let json = r#"{"apiVersion": "govcloud.dev/v1alpha1", "kind": "ProcessingPermit", "spec": {"project": "a", "processingClass": "b", "justification": "It is needed.", "targets": []}}"#;
    insta::assert_snapshot!("attach_json", attached(json, &[plan()]));
}

#[test]
fn a_sent_request_says_what_can_be_done_instead() {
    let said = |phase: &str| {
        let permit = permit("tax-lake", "GC-2026-000042", "Unique", &json!({"phase": phase, "supersededBy": "GC-2026-000050"}));
        already_sent(&permit).render(false)
    };
    let all: Vec<_> = Phase::ALL.iter().map(|phase| said(&phase.to_string())).collect();
    insta::assert_snapshot!("attach_sent", all.join(""));
}

#[test]
fn one_uri_is_for_one_document() {
    let args = |documents: &[&str]| AttachArgs {
        filename: None,
        documents: documents.iter().map(|text| evidence::attachment(text).expect("reads")).collect(),
        uri: Some("https://x.example".into()),
        in_place: false,
    };
    assert_eq!(documents(&args(&["a.pdf"])).expect("one")[0].uri.as_deref(), Some("https://x.example"));
    assert!(documents(&args(&["a.pdf", "b.pdf"])).expect_err("two").to_string().contains("for one document"));
}
