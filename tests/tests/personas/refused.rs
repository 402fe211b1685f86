//! What each persona must not be able to do, and the words with which it is refused.

use govcloud_tests::{
    Cloud,
    fixtures::{deployment, node_pool, pod},
    people::*,
};
use serde_json::{Value, json};

use super::manifests::{self, Setting};
use crate::{ACCOUNT, HOME, PROJECT, STRANGER, TURNCOAT, request};

/// RBAC's word.
const FORBIDDEN: &str = "forbidden";
const CUSTOMS: &str = "customs--declarations";
const CUSTOMS_HOME: &str = "agency-customs";

type Write = (&'static str, &'static str, Value, &'static str);
type Command = (&'static str, &'static str, &'static str);

fn by_the_agency(setting: &Setting) -> Vec<Write> {
    let mut elsewhere = request("attempt", "requester@tax");
    elsewhere["metadata"]["namespace"] = json!(CUSTOMS_HOME);
    vec![
        (TAX_DEVELOPER, "a request", request("attempt", "developer@tax"), FORBIDDEN),
        (TAX_DEVELOPER, "a project", manifests::project(), FORBIDDEN),
        (TAX_DEVELOPER, "a pod of customs", pod(CUSTOMS, "attempt", "nginx"), FORBIDDEN),
        (TAX_DEVELOPER, "infrastructure without a permit", node_pool(PROJECT, "attempt", 1, "1Gi"), "no permit names"),
        (TAX_DEVELOPER, "a claim of customs", manifests::claim(CUSTOMS), FORBIDDEN),
        (TAX_DEVELOPER, "a workload at home", deployment(HOME, "attempt", "nginx", 1), FORBIDDEN),
        (TAX_REQUESTER, "a project", manifests::project(), FORBIDDEN),
        (TAX_REQUESTER, "a workload", deployment(PROJECT, "attempt", "nginx", 1), FORBIDDEN),
        (TAX_REQUESTER, "a claim", manifests::claim(PROJECT), FORBIDDEN),
        (TAX_REQUESTER, "a request of customs", elsewhere, FORBIDDEN),
        (
            TAX_REQUESTER,
            "a request in another's name",
            request("attempt", "admin@tax"),
            "spec.requestedBy must be your own user name",
        ),
        (TAX_REQUESTER, "a review of their own request", setting.requesters_review.clone(), FORBIDDEN),
        (TAX_ADMIN, "a quota", manifests::quota(), FORBIDDEN),
        (TAX_ADMIN, "an agency", manifests::agency(), FORBIDDEN),
        (TAX_ADMIN, "a class", manifests::class(), FORBIDDEN),
        (TAX_ADMIN, "a workload", deployment(PROJECT, "attempt", "nginx", 1), FORBIDDEN),
        (TAX_ADMIN, "rights at home", manifests::role_binding(HOME), FORBIDDEN),
        (TAX_ADMIN, "rights in a project", manifests::role_binding(PROJECT), FORBIDDEN),
        (TAX_ADMIN, "a network policy", manifests::network_policy(), FORBIDDEN),
        (TAX_ADMIN, "a resource quota", manifests::resource_quota(), FORBIDDEN),
        (TAX_ADMIN, "a grant", manifests::grant(), FORBIDDEN),
        (TAX_ADMIN, "a namespace", manifests::namespace("tax-administration--more"), FORBIDDEN),
        (
            TURNCOAT,
            "a review of their agency's request",
            setting.own_review.clone(),
            "nobody reviews a request of their own agency",
        ),
    ]
}

fn by_the_ministry_and_the_cloud(setting: &Setting) -> Vec<Write> {
    vec![
        (REVIEWER_1, "a request", request("attempt", "reviewer-1@ministry"), FORBIDDEN),
        (
            REVIEWER_1,
            "a review in another's name",
            setting.review_with("reviewer", "reviewer-2@ministry"),
            "spec.reviewer must be your own user name",
        ),
        (
            REVIEWER_1,
            "a review in another group",
            setting.review_with("group", "security:smc"),
            "spec.group must be a group that you are in",
        ),
        (REVIEWER_1, "a grant", manifests::grant(), FORBIDDEN),
        (REVIEWER_1, "an agency", manifests::agency(), FORBIDDEN),
        (SECURITY_REVIEWER, "a class", manifests::class(), FORBIDDEN),
        (SECURITY_REVIEWER, "a request", request("attempt", "reviewer@smc"), FORBIDDEN),
        (CLOUD_OPERATOR, "a review", setting.review_with("reviewer", "operator@ito"), FORBIDDEN),
        (CLOUD_OPERATOR, "a request", request("attempt", "operator@ito"), FORBIDDEN),
        (CLOUD_OPERATOR, "a grant", manifests::grant(), FORBIDDEN),
        (CLOUD_OPERATOR, "a class", manifests::class(), FORBIDDEN),
        (CLOUD_OPERATOR, "rights", manifests::role_binding(PROJECT), FORBIDDEN),
        (CLOUD_OPERATOR, "infrastructure", node_pool(PROJECT, "attempt", 1, "1Gi"), FORBIDDEN),
        (CLOUD_OPERATOR, "a policy", manifests::policy(), FORBIDDEN),
        (AUDITOR, "an agency", manifests::agency(), FORBIDDEN),
        (AUDITOR, "a class", manifests::class(), FORBIDDEN),
        (AUDITOR, "a request", request("attempt", "auditor@court"), FORBIDDEN),
        (AUDITOR, "a review", setting.review_with("reviewer", "auditor@court"), FORBIDDEN),
        (AUDITOR, "a workload", pod(PROJECT, "attempt", "nginx"), FORBIDDEN),
        (ADMIN, "a grant", manifests::grant(), "compiled from permits by the operator alone"),
        (ADMIN, "a namespace", manifests::namespace("tax-administration--more"), "made and removed by the operator"),
        (ADMIN, "a network policy", manifests::network_policy(), "are set by the operator"),
    ]
}

fn by_strangers(setting: &Setting) -> Vec<Write> {
    vec![
        (ACCOUNT, "a pod", pod(PROJECT, "attempt", "nginx"), FORBIDDEN),
        (ACCOUNT, "a request", request("attempt", "system:serviceaccount:tax-administration--analytics:default"), FORBIDDEN),
        (ACCOUNT, "infrastructure", node_pool(PROJECT, "attempt", 1, "1Gi"), FORBIDDEN),
        (ACCOUNT, "a grant", manifests::grant(), FORBIDDEN),
        (ACCOUNT, "rights", manifests::role_binding(PROJECT), FORBIDDEN),
        (ACCOUNT, "a claim", manifests::claim(PROJECT), FORBIDDEN),
        (STRANGER, "an agency", manifests::agency(), FORBIDDEN),
        (STRANGER, "a request", request("attempt", "stranger@nowhere"), FORBIDDEN),
        (STRANGER, "a review", setting.review_with("reviewer", "stranger@nowhere"), FORBIDDEN),
    ]
}

/// Commands that change or read what is there; names in angle brackets are filled in.
const COMMANDS: [Command; 30] = [
    (TAX_REQUESTER, "get permit -n <CUSTOMS_HOME>", FORBIDDEN),
    (TAX_REQUESTER, "get permit -A", FORBIDDEN),
    (TAX_REQUESTER, "delete permit open -n <HOME>", FORBIDDEN),
    (TAX_REQUESTER, "get agency customs", FORBIDDEN),
    (TAX_ADMIN, r#"patch agency tax-administration --type=merge -p {"spec":{"securityRegime":"NonInfrastructure"}}"#, FORBIDDEN),
    (TAX_ADMIN, r#"patch aquota tax-administration --type=merge -p {"spec":{"guaranteed":{"requests.cpu":"9999"}}}"#, FORBIDDEN),
    (TAX_ADMIN, r#"patch permit open -n <HOME> --subresource=status --type=merge -p {"status":{"phase":"Active"}}"#, FORBIDDEN),
    (
        TAX_ADMIN,
        r#"patch permit open -n <HOME> --type=merge -p {"spec":{"zones":["tehran-1"]}}"#,
        "a request cannot be changed once it is made",
    ),
    (TAX_ADMIN, r#"patch slots slots -n <PROJECT> --type=merge -p {"spec":{"resources":{}}}"#, FORBIDDEN),
    (TAX_ADMIN, "delete networkpolicies --all -n <PROJECT>", FORBIDDEN),
    (TAX_ADMIN, "label namespace <PROJECT> govcloud.dev/enforcement=Audit --overwrite", FORBIDDEN),
    (TAX_ADMIN, "get permit -n <HOME> --as=reviewer-1@ministry", FORBIDDEN),
    (TAX_DEVELOPER, "get permit -n <CUSTOMS_HOME> --as=requester@customs", FORBIDDEN),
    (TAX_DEVELOPER, "get secrets -n <CUSTOMS>", FORBIDDEN),
    (TAX_DEVELOPER, "get secrets -n shared-streaming", FORBIDDEN),
    (REVIEWER_1, r#"patch pclass message-broker --subresource=status --type=merge -p {"status":{"permits":9}}"#, FORBIDDEN),
    (REVIEWER_1, r#"patch permit open -n <HOME> --subresource=status --type=merge -p {"status":{"phase":"Active"}}"#, FORBIDDEN),
    (REVIEWER_1, r#"patch permit open -n <HOME> --type=merge -p {"spec":{"withdrawn":true}}"#, FORBIDDEN),
    (CLOUD_OPERATOR, r#"patch permit open -n <HOME> --type=merge -p {"spec":{"withdrawn":true}}"#, FORBIDDEN),
    (
        CLOUD_OPERATOR,
        r#"patch permit open -n <HOME> --subresource=status --type=merge -p {"status":{"phase":"Active"}}"#,
        FORBIDDEN,
    ),
    (CLOUD_OPERATOR, r#"patch slots slots -n <PROJECT> --type=merge -p {"spec":{"resources":{}}}"#, FORBIDDEN),
    (CLOUD_OPERATOR, "delete permit open -n <HOME>", FORBIDDEN),
    (CLOUD_OPERATOR, r#"patch gov national --subresource=status --type=merge -p {"status":{"agencies":0}}"#, FORBIDDEN),
    (AUDITOR, "delete permit open -n <HOME>", FORBIDDEN),
    (AUDITOR, "get secrets -n <PROJECT>", FORBIDDEN),
    (
        ADMIN,
        r#"patch permit open -n <HOME> --subresource=status --type=merge -p {"status":{"phase":"Active"}}"#,
        "the status is written by the operator alone",
    ),
    (ACCOUNT, "get permit -n <HOME>", FORBIDDEN),
    (ACCOUNT, "get secrets -n <PROJECT>", FORBIDDEN),
    (STRANGER, "get govcloud -A", FORBIDDEN),
    (STRANGER, "get namespaces", FORBIDDEN),
];

fn commands(setting: &Setting) -> Vec<(&'static str, Vec<String>, &'static str)> {
    let names = [("<CUSTOMS>", CUSTOMS), ("<CUSTOMS_HOME>", CUSTOMS_HOME), ("<HOME>", HOME), ("<PROJECT>", PROJECT)];
    let filled = |word: &str| names.iter().fold(word.to_owned(), |word, (name, value)| word.replace(name, value));
    let owned = |(who, command, said): Command| (who, command.split(' ').map(filled).collect(), said);
    let change = |who, said| {
        let patch = r#"{"spec":{"verdict":"Approve"}}"#;
        let command =
            ["patch", "permitreview", &setting.given, "-n", HOME, "--type=merge", "-p", patch].map(str::to_owned).to_vec();
        (who, command, said)
    };
    let removal = |who, said| (who, ["delete", "permitreview", &setting.given, "-n", HOME].map(str::to_owned).to_vec(), said);
    let reviews = [
        change(REVIEWER_1, FORBIDDEN),
        change(REVIEWER_2, FORBIDDEN),
        removal(REVIEWER_2, FORBIDDEN),
        change(ADMIN, "a review cannot be changed"),
        removal(ADMIN, "a review is never deleted"),
    ];
    COMMANDS.into_iter().map(owned).chain(reviews).collect()
}

/// Tries all of it, and somebody without any credential too.
pub async fn and_nobody_can_do_anothers(cloud: &Cloud, setting: &Setting) {
    let mut wrong = Vec::new();
    let writes: Vec<_> =
        [by_the_agency(setting), by_the_ministry_and_the_cloud(setting), by_strangers(setting)].into_iter().flatten().collect();
    for (who, what, manifest, expected) in &writes {
        match cloud.attempt(who, manifest).await {
            Ok(_) => wrong.push(format!("{who} could create {what}")),
            Err(said) if !said.contains(expected) => wrong.push(format!("{who}, {what}: not {expected:?} but {said}")),
            Err(_) => {}
        }
    }
    for (who, command, expected) in &commands(setting) {
        let said = cloud.kubectl(who, &command.iter().map(String::as_str).collect::<Vec<_>>()).await;
        let words = command.join(" ");
        if said.ok {
            wrong.push(format!("{who} could {words}: {}", said.out));
        } else if !said.err.contains(expected) {
            wrong.push(format!("{who}, {words}: not {expected:?} but {}", said.err));
        }
    }
    wrong.extend(without_a_credential(cloud).await);
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), writes.len() + commands(setting).len() + 1, wrong.join("\n"));
}

async fn without_a_credential(cloud: &Cloud) -> Option<String> {
    let client = reqwest::Client::builder().danger_accept_invalid_certs(true).build().expect("a client");
    let address = format!("{}/apis/govcloud.dev/v1alpha1/processingpermits", cloud.plane.api_url());
    let status = client.get(address).send().await.expect("an answer").status();
    (status != 401 && status != 403).then(|| format!("without a credential: {status}"))
}
