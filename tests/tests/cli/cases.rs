//! Each command, who runs it, how it ends and what it says.

use govcloud_tests::people::{
    ADMIN, AUDITOR, CLOUD_OPERATOR, CUSTOMS_DEVELOPER, REVIEWER_1, TAX_ADMIN, TAX_DEVELOPER, TAX_REQUESTER,
};

use super::setting::{Setting, broker};

/// Who, the command line, the exit code, and words of the standard output or error.
type Case = (&'static str, &'static str, i32, &'static str);

const PERMITS: [Case; 20] = [
    (TAX_REQUESTER, "-n agency-tax-administration permit list", 0, "NUMBER"),
    (TAX_REQUESTER, "-n agency-tax-administration permit list --no-headers --phase denied", 0, "refused"),
    (TAX_REQUESTER, "-n tax-administration--analytics permit list -o wide", 0, "REQUESTED BY"),
    (TAX_REQUESTER, "permit list", 2, "--agency NAME"),
    (TAX_REQUESTER, "permit list -A", 6, "leave --all-agencies out"),
    (TAX_REQUESTER, "--agency customs permit list", 6, "you may not list processingpermits in agency-customs"),
    (TAX_REQUESTER, "--agency tax-administration permit list --phase waiting", 2, "it is one of Pending"),
    (AUDITOR, "permit ls -A", 0, "tax-administration"),
    (TAX_REQUESTER, "--agency tax-administration permit show events", 0, "Active until"),
    (TAX_REQUESTER, "--agency tax-administration permit show {number}", 0, "asked by  requester@tax"),
    (REVIEWER_1, "permit show {number}", 0, "kafkanodepools.kafka.strimzi.io/events"),
    (TAX_REQUESTER, "--agency tax-administration permit explain refused", 0, "Denied"),
    (TAX_REQUESTER, "--agency tax-administration permit show nothing", 1, "there is no permit nothing"),
    (TAX_REQUESTER, "--agency tax-administration permit show GC-1999-000001", 1, "there is no permit GC-1999-000001"),
    (TAX_REQUESTER, "--agency tax-administration permit watch events", 0, "is active until"),
    (TAX_REQUESTER, "--agency tax-administration permit watch refused", 5, "was denied"),
    (TAX_REQUESTER, "--agency tax-administration permit withdraw refused --yes", 1, "is over already (Denied)"),
    (REVIEWER_1, "permit withdraw {number} --yes", 6, "you may not patch processingpermits"),
    (TAX_DEVELOPER, "--agency tax-administration permit withdraw events --yes", 6, "you may not patch processingpermits"),
    (
        TAX_ADMIN,
        "--agency tax-administration permit approve events --reason=ItIsNeeded --yes",
        1,
        "nobody reviews a request of their own agency",
    ),
];

const CHECKS: [Case; 10] = [
    (TAX_REQUESTER, "--agency tax-administration permit check -f {folder}/broker.json", 3, "DUPLICATE"),
    (
        TAX_REQUESTER,
        "--agency tax-administration permit check -f {folder}",
        3,
        "1 object needs a permit (class message-broker), 1 does not",
    ),
    (TAX_REQUESTER, "--agency tax-administration permit check -f {folder} --zone shiraz", 0, "UNIQUE"),
    (TAX_REQUESTER, "--agency tax-administration permit check -f {folder}/broker.json --interface kafka=>=4", 0, "UNIQUE"),
    (TAX_REQUESTER, "--agency tax-administration permit check -f -", 3, "DUPLICATE"),
    (TAX_REQUESTER, "permit check -f {folder}/web.json", 0, "The one object needs no permit."),
    (TAX_REQUESTER, "permit check -f {folder}/nothing.json", 2, "nothing.json"),
    (TAX_REQUESTER, "permit check -f {folder} --class teleportation", 2, "there is no processing class teleportation"),
    (TAX_REQUESTER, "permit check -f {folder}", 2, "--agency NAME"),
    (TAX_REQUESTER, "permit check", 2, "--filename"),
];

const REQUESTS: [Case; 13] = [
    (
        TAX_REQUESTER,
        "--agency tax-administration permit request --from - --project analytics --justification=FilingSeason --zone shiraz --dry-run",
        0,
        "Would ask for permit broker of class message-broker",
    ),
    (
        TAX_REQUESTER,
        "--agency tax-administration permit request --from - --project analytics --justification=FilingSeason --dry-run=server",
        0,
        "the API server would take it",
    ),
    (
        TAX_REQUESTER,
        "--agency tax-administration permit request --from - --project analytics --justification=short --dry-run=server",
        2,
        "spec.justification",
    ),
    (
        TAX_DEVELOPER,
        "--agency tax-administration permit request --from - --project analytics --justification=FilingSeason",
        6,
        "Permits are requested by an agency's admins and requesters",
    ),
    (
        TAX_REQUESTER,
        "--agency tax-administration permit request --from - --project nowhere --justification=FilingSeason",
        2,
        "nowhere",
    ),
    (
        TAX_REQUESTER,
        "--agency tax-administration permit request spare --from - --project analytics --justification=FilingSeason --zone shiraz",
        0,
        "Follow it: govcloud permit watch spare",
    ),
    (
        TAX_REQUESTER,
        "--agency tax-administration permit request spare --from - --project analytics --justification=FilingSeason",
        1,
        "there is a permit spare already",
    ),
    (
        TAX_REQUESTER,
        "--agency tax-administration permit request more --target kafka.strimzi.io/kafkanodepools/more=1,brokers=1 --project analytics --justification=FilingSeason -o name",
        0,
        "processingpermit.govcloud.dev/more",
    ),
    (TAX_REQUESTER, "--agency tax-administration permit withdraw spare", 2, "--yes"),
    (TAX_REQUESTER, "--agency tax-administration permit withdraw spare --yes", 0, "is withdrawn. This cannot be undone"),
    (TAX_REQUESTER, "--agency tax-administration permit withdraw spare", 0, "was withdrawn already"),
    (TAX_REQUESTER, "--agency tax-administration permit watch spare", 5, "Withdrawn"),
    (TAX_REQUESTER, "--agency tax-administration permit list -o name", 0, "processingpermit.govcloud.dev/spare"),
];

const PLACES: [Case; 22] = [
    (AUDITOR, "agency list", 0, "Strategic Management Center"),
    (AUDITOR, "agency list -o wide", 0, "National Tax Administration"),
    (TAX_ADMIN, "agency list", 6, "you may not list agencies"),
    (TAX_ADMIN, "-n agency-tax-administration agency list", 0, "Only your own agency"),
    (TAX_ADMIN, "-n agency-tax-administration agency show", 0, "authority     Strategic Management Center"),
    (TAX_ADMIN, "agency show customs", 6, "An agency is seen by its own members"),
    (AUDITOR, "agency show atlantis", 1, "atlantis"),
    (TAX_ADMIN, "--agency tax-administration project list", 0, "tax-administration--analytics"),
    (AUDITOR, "project list -A -o wide", 0, "PURPOSE"),
    (
        TAX_ADMIN,
        "--agency tax-administration project create audits --purpose=Audits --quota requests.cpu=2",
        0,
        "Ready. Namespace tax-administration--audits, quota 2 requests.cpu",
    ),
    (TAX_ADMIN, "--agency tax-administration project create audits --purpose=Audits", 1, "already exists"),
    (TAX_ADMIN, "--agency tax-administration project create Audits --purpose=Audits", 2, "Audits"),
    (
        TAX_DEVELOPER,
        "--agency tax-administration project create mine --purpose=Mine",
        6,
        "Projects are created by an agency's admins",
    ),
    (TAX_ADMIN, "--agency tax-administration quota show", 0, "of 200"),
    (TAX_ADMIN, "--agency tax-administration quota explain audits", 0, "has all that it asks for"),
    (TAX_ADMIN, "--agency tax-administration quota explain atlantis", 1, "there is no project atlantis"),
    (TAX_ADMIN, "quota explain customs--border", 6, "you may not get projects"),
    (TAX_ADMIN, "quota show customs", 6, "you may not get agencyquotas"),
    (AUDITOR, "quota show ito", 1, "ito has no share of any pool"),
    (AUDITOR, "--agency tax-administration quota show", 0, "tax-administration--audits"),
    (TAX_ADMIN, "-n tax-administration--audits project list -o name", 0, "project.govcloud.dev/audits"),
    (TAX_ADMIN, "-n tax-administration--audits quota show -o name", 0, "agencyquota.govcloud.dev/tax-administration"),
];

const SERVICES: [Case; 31] = [
    (TAX_ADMIN, "service list", 0, "national-streaming"),
    (TAX_ADMIN, "service list -o wide", 0, "standard large"),
    (TAX_ADMIN, "--agency tax-administration service search KAFKA gsb", 0, "yes"),
    (TAX_ADMIN, "service search kafka", 0, "cannot be told without your agency"),
    (TAX_ADMIN, "service search teleportation", 0, "No service mentions teleportation"),
    (TAX_ADMIN, "--agency tax-administration service show national-streaming", 0, "6 brokers, 10Ti  yes"),
    (TAX_ADMIN, "service show nothing", 1, "nothing"),
    (
        TAX_ADMIN,
        "--agency tax-administration service claim national-streaming --plan gigantic --project analytics",
        5,
        "has no plan gigantic",
    ),
    (
        TAX_ADMIN,
        "--agency tax-administration service claim national-streaming --plan standard --project nowhere",
        1,
        "govcloud project create nowhere",
    ),
    (
        TAX_REQUESTER,
        "--agency tax-administration service claim national-streaming --plan standard --project analytics",
        6,
        "you may not create serviceclaims",
    ),
    (
        TAX_ADMIN,
        "--agency tax-administration service claim national-streaming --plan standard --project analytics --timeout 80s",
        0,
        "Bound. Secret",
    ),
    (
        TAX_ADMIN,
        "--agency tax-administration service claim national-streaming --plan large --project analytics",
        1,
        "there is a claim national-streaming already",
    ),
    (TAX_ADMIN, "--agency tax-administration service claims", 0, "national-streaming-binding"),
    (TAX_REQUESTER, "--agency tax-administration service claims --project nowhere", 1, "there is no project nowhere"),
    (CUSTOMS_DEVELOPER, "--agency tax-administration service claims", 6, "agency-tax-administration"),
    (TAX_ADMIN, "--agency tax-administration service claims --project analytics -o json", 0, "\"kind\": \"ServiceClaim\""),
    (
        TAX_ADMIN,
        "--agency tax-administration service change national-streaming --plan large --project analytics",
        2,
        "There is room for it.",
    ),
    (
        TAX_ADMIN,
        "--agency tax-administration service change national-streaming --plan large --project analytics --yes --timeout 80s",
        0,
        "national-streaming has plan large now.",
    ),
    (
        TAX_ADMIN,
        "--agency tax-administration service change national-streaming --plan large --project analytics --yes -o name",
        0,
        "serviceclaim.govcloud.dev/national-streaming",
    ),
    (
        TAX_ADMIN,
        "--agency tax-administration service change nothing --plan large --project analytics",
        1,
        "analytics has no claim nothing",
    ),
    (
        TAX_ADMIN,
        "--agency tax-administration service rotate national-streaming --project analytics",
        2,
        "hands out the same credentials to all",
    ),
    (
        TAX_REQUESTER,
        "--agency tax-administration service release national-streaming --project analytics --yes",
        6,
        "serviceclaims",
    ),
    (TAX_ADMIN, "--agency tax-administration service release national-streaming --project analytics", 2, "With it goes:"),
    (
        TAX_ADMIN,
        "--agency tax-administration service release national-streaming --project analytics --yes -o yaml",
        0,
        "kind: ServiceClaim",
    ),
    (TAX_ADMIN, "--agency tax-administration service draft -f -", 2, "this is a KafkaNodePool, and no SharedService"),
    (TAX_ADMIN, "--agency tax-administration service publish national-streaming --yes", 0, "is published already"),
    (TAX_ADMIN, "service drain national-streaming --by 2099-12-31 --yes", 6, ""),
    (CLOUD_OPERATOR, "service drain national-streaming --by soon", 2, "write a day such as 2027-03-20"),
    (CLOUD_OPERATOR, "service drain national-streaming --by 2099-12-31", 2, "takes no new claims from now on"),
    (TAX_ADMIN, "--agency tax-administration service requests", 0, "Nobody asks for what you share."),
    (
        TAX_ADMIN,
        "--agency tax-administration service consent national-streaming events --yes",
        1,
        "is no spare capacity that your agency shares",
    ),
];

const SELVES: [Case; 14] = [
    (TAX_REQUESTER, "-n agency-tax-administration whoami", 0, "agency tax-administration (requester)"),
    (TAX_REQUESTER, "whoami", 0, "no agency"),
    (TAX_REQUESTER, "--agency customs whoami", 0, "not readable for you"),
    (TAX_REQUESTER, "whoami -o name", 2, "this has no name to print"),
    ("", "--context reviewer-1 whoami", 0, "reviewer-1@ministry"),
    ("", "whoami --context nobody", 2, "the kubeconfig has no context nobody"),
    ("", "whoami --kubeconfig {folder}/none", 2, "--kubeconfig"),
    (
        ADMIN,
        "whoami --as requester@tax --as-group tax:staff --agency tax-administration",
        0,
        "requester@tax   agency tax-administration (requester)",
    ),
    (TAX_REQUESTER, "whoami --as admin@tax", 6, "impersonate"),
    (CUSTOMS_DEVELOPER, "--as requester@tax --agency tax-administration permit list", 6, "impersonate"),
    ("", "completion bash", 0, "withdraw"),
    ("", "--help", 0, "130  interrupted"),
    ("", "permit lst", 2, "list"),
    ("", "--version", 0, "govcloud "),
];

/// Every command ends with the documented exit code, and says what it should.
pub async fn each_person_gets_an_answer(setting: &Setting) {
    let mut wrong = Vec::new();
    let all: [&[Case]; 6] = [&PERMITS, &CHECKS, &REQUESTS, &PLACES, &SERVICES, &SELVES];
    for (who, line, code, words) in all.into_iter().flatten() {
        let said = setting.govcloud(who, line, &broker()).await;
        let words_said = said.out.contains(words) || said.err.contains(words);
        if said.code != *code || !words_said {
            wrong.push(format!("{who}$ govcloud {line}\nnot {code} with {words:?}, but {}: {}{}", said.code, said.out, said.err));
        }
        let to_the_right_place = if *code == 0 { !said.out.is_empty() } else { !said.err.is_empty() || *code == 3 || *code == 5 };
        if !to_the_right_place || said.err.contains("panicked") {
            wrong.push(format!("{who}$ govcloud {line}: {said:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} commands:\n{}", wrong.len(), wrong.join("\n"));
}

/// `kubectl govcloud` is the same program, and calls itself so.
/// What the API server refused stands in its audit log, whoever was refused.
pub async fn what_was_refused_is_in_the_audit_log(setting: &Setting) {
    let refused =
        setting.cloud.kubectl(TAX_DEVELOPER, &["apply", "-f", &setting.folder().join("broker.json").to_string_lossy()]).await;
    refused.refused_with("no permit names");
    let log = setting.cloud.plane.audit_log().display().to_string();
    let said = setting.govcloud("", &format!("denials {log} --agency tax-administration -o wide"), "").await.succeeds();
    let row = said.lines().find(|line| line.contains("developer@tax") && line.contains("no permit names kafkanodepools/"));
    assert!(row.is_some_and(|row| row.contains("kafkanodepools/") && row.contains("tax-administration--analytics")), "{said}");
    let none = setting.govcloud("", &format!("denials {log} --agency nobody"), "").await.succeeds();
    assert!(none.contains("Nothing was refused"), "{none}");
    let wrong = setting.govcloud("", "denials {folder}/web.json", "").await;
    assert_eq!((wrong.code, wrong.err.contains("is no audit log")), (2, true), "{wrong:?}");
}

pub async fn kubectl_finds_the_plugin(setting: &Setting) {
    let said = setting.kubectl("govcloud whoami --context tax-requester -n agency-tax-administration").await.succeeds();
    assert!(said.contains("requester@tax   agency tax-administration (requester)   cloud national"), "{said}");
    let said = setting.kubectl("govcloud permit list --help").await.succeeds();
    assert!(said.contains("kubectl govcloud permit list"), "{said}");
    let denied = setting.kubectl("govcloud permit show nothing --context tax-requester --agency tax-administration").await;
    assert_eq!(denied.code, 1, "{denied:?}");
}
