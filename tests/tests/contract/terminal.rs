//! What kubectl shows of the kinds: columns that answer the first question, and descriptions that read well.

use govcloud_tests::{Cloud, people};

use super::minimal;

/// Kind, short name and the columns of `kubectl get`.
const COLUMNS: [(&str, &str, &str); 12] = [
    ("GovernmentCloud", "gov", "NAME AGENCIES ACTIVE PERMITS WAITING FINDINGS ENFORCED AGE"),
    ("Agency", "agency", "NAME TYPE AUTHORITY PROJECTS ENFORCEMENT READY AGE"),
    ("Project", "proj", "NAME NAMESPACE READY QUOTA AGE"),
    ("CapacityPool", "pool", "NAME CPU FREE CPU MEMORY FREE MEMORY OVERSUBSCRIBED AGE"),
    ("AgencyQuota", "aquota", "NAME AGENCY CPU USED CPU ALLOCATED CPU BORROWED CPU LENT CPU READY AGE"),
    ("SharedService", "ssvc", "NAME CLASS PROVIDER ACCESS CLAIMS READY EXHAUSTED AGE"),
    ("ServiceClaim", "claim", "NAME SERVICE PLAN PHASE SECRET AGE"),
    ("ProcessingClass", "pclass", "NAME DISPLAY NAME PARENT RESOURCES PERMITS ENFORCED AGE"),
    ("ProcessingPermit", "permit", "NAME NUMBER PHASE CLASS PROJECT ASSESSMENT EXPIRES AGE"),
    ("PermitReview", "review", "NAME PERMIT VERDICT REVIEWER GROUP AGE"),
    ("ProcessingGrant", "slots", "NAME AGE"),
    ("ProcessingFinding", "finding", "NAME RULE OBJECT IN CLASS FOR MESSAGE"),
];

/// One object of each kind, looked at with kubectl.
pub async fn what_kubectl_shows_reads_well(cloud: &Cloud) {
    for document in minimal::all() {
        cloud.apply_json(people::ADMIN, &document).await.succeeds();
    }
    every_kind_has_its_columns(cloud).await;
    the_category_lists_every_kind(cloud).await;
    a_description_is_there_and_plain(cloud).await;
    a_permit_is_described(cloud).await;
    for document in minimal::all() {
        let (kind, name) = (
            document["kind"].as_str().unwrap_or_default().to_lowercase(),
            document["metadata"]["name"].as_str().unwrap_or_default(),
        );
        cloud
            .kubectl(people::ADMIN, &["delete", &format!("{kind}.govcloud.dev"), name, "-n", minimal::NAMESPACE])
            .await
            .succeeds();
    }
}

async fn every_kind_has_its_columns(cloud: &Cloud) {
    for (kind, short, columns) in COLUMNS {
        let table = cloud.kubectl(people::ADMIN, &["get", short, "-n", minimal::NAMESPACE]).await.succeeds();
        let header = table.lines().next().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(header, columns, "{kind}");
    }
    let wide = cloud.kubectl(people::ADMIN, &["get", "permit", "-n", minimal::NAMESPACE, "-o", "wide"]).await.succeeds();
    assert!(wide.contains("REQUESTED BY") && wide.contains("requester@tax"), "{wide}");
}

async fn the_category_lists_every_kind(cloud: &Cloud) {
    let listed = cloud.kubectl(people::ADMIN, &["get", "govcloud", "-A"]).await.succeeds();
    let missing: Vec<_> =
        COLUMNS.iter().filter(|(kind, ..)| !listed.contains(&format!("{}.govcloud.dev/", kind.to_lowercase()))).collect();
    assert!(missing.is_empty(), "{missing:?} in {listed}");
}

/// `kubectl explain` of every kind, all the way down: a sentence at the top, and no marks of the language it was written in.
async fn a_description_is_there_and_plain(cloud: &Cloud) {
    for (kind, ..) in COLUMNS {
        let resource = kind.to_lowercase();
        let mut levels = vec![resource.clone(), format!("{resource}.spec")];
        if !["ProcessingGrant", "PermitReview"].contains(&kind) {
            levels.push(format!("{resource}.status"));
        }
        for level in levels {
            let said = cloud.kubectl(people::ADMIN, &["explain", &level]).await.succeeds();
            assert!(!said.contains("<empty>") && !said.contains("<no description>"), "{level}: {said}");
            assert!(!said.contains('`') && !said.contains("::") && !said.contains("Option"), "{level}: {said}");
        }
    }
    let said = cloud.kubectl(people::ADMIN, &["explain", "processingpermit.spec"]).await.succeeds();
    for sentence in [
        "An agency's request for named processing infrastructure",
        "Why the agency needs it.",
        "enum: Public, Internal, Restricted, Secret",
        "-required-",
    ] {
        assert!(said.contains(sentence), "{sentence} in {said}");
    }
}

async fn a_permit_is_described(cloud: &Cloud) {
    let said = cloud.kubectl(people::ADMIN, &["describe", "permit", "minimal", "-n", minimal::NAMESPACE]).await.succeeds();
    for line in [
        "Requested By:",
        "Processing Class:",
        "Justification:",
        "Data Classification:  Internal",
        "Duration:             8760h",
        "Events:",
    ] {
        assert!(said.contains(line), "{line} in {said}");
    }
}
