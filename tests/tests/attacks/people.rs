//! Who they are: forged names and groups, borrowed identities, and rights that somebody gives themselves.

use govcloud_tests::people::*;
use serde_json::{Value, json};

use crate::{
    attempt::{Attempt, Control, Layer::*, Theme, refused},
    call::Call,
    stage::*,
};

pub fn theme(stage: &Stage) -> Theme {
    let own = stage.review(HOME, "asked", ("reviewer-1@ministry", MINISTRY), "Approve");
    Theme {
        title: "Who they are",
        controls: vec![
            Control { name: "A requester asks", call: Call::create(CUSTOMS_REQUESTER, &ask("new", "requester@customs")) },
            Control { name: "A reviewer approves", call: Call::create(REVIEWER_1, &own) },
        ],
        attempts: [requesters(), reviewers(stage), all_rights(stage), borrowed(stage), rights()].concat(),
    }
}

fn requesters() -> Vec<Attempt> {
    let request = |who, name: &str| Call::create(who, &ask("new", name));
    let not_theirs = r#"cannot create resource "processingpermits""#;
    vec![
        refused("A developer asks for a permit", request(CUSTOMS_DEVELOPER, "developer@customs"), Rbac, not_theirs),
        refused("A requester asks in another agency's home", request(TAX_REQUESTER, "requester@tax"), Rbac, not_theirs),
        refused(
            "A ServiceAccount of a project asks for a permit",
            request(ACCOUNT, "system:serviceaccount:customs--lab:default"),
            Rbac,
            not_theirs,
        ),
        refused(
            "A requester asks in the name of their agency's admin",
            request(CUSTOMS_REQUESTER, "admin@customs"),
            Guards,
            "must be your own user name, requester@customs, not admin@customs",
        ),
        refused(
            "The cluster's administrator asks in a requester's name",
            request(ADMIN, "requester@customs"),
            Guards,
            "must be your own user name",
        ),
    ]
}

fn reviewers(stage: &Stage) -> Vec<Attempt> {
    let approve = |who, user, group| Call::create(who, &stage.review(HOME, "asked", (user, group), "Approve"));
    let not_theirs = r#"cannot create resource "permitreviews""#;
    vec![
        refused(
            "A requester approves their own request",
            approve(CUSTOMS_REQUESTER, "requester@customs", "customs:staff"),
            Rbac,
            not_theirs,
        ),
        refused(
            "A cloud operator approves a request",
            approve(CLOUD_OPERATOR, "operator@ito", "govcloud:cloud-operators"),
            Rbac,
            not_theirs,
        ),
        refused("An auditor approves a request", approve(AUDITOR, "auditor@court", "govcloud:auditors"), Rbac, not_theirs),
        refused(
            "A reviewer approves in a colleague's name",
            approve(REVIEWER_1, "reviewer-2@ministry", MINISTRY),
            Guards,
            "spec.reviewer must be your own user name",
        ),
        refused(
            "A reviewer approves for an authority that they are not of",
            approve(REVIEWER_1, "reviewer-1@ministry", SMC),
            Guards,
            "spec.group must be a group that you are in",
        ),
        refused(
            "A reviewer who works at the agency approves its request",
            approve(BOTH, "both@customs", MINISTRY),
            Guards,
            "nobody reviews a request of their own agency",
        ),
    ]
}

fn all_rights(stage: &Stage) -> Vec<Attempt> {
    let approve = |who, user, group| Call::create(who, &stage.review(HOME, "asked", (user, group), "Approve"));
    let active = json!({"status": {"phase": "Active"}});
    let slots = json!({"spec": {"resources": {"kafkas.kafka.strimzi.io": []}}});
    let grant = ours(LAB, "processinggrants", "slots");
    vec![
        refused(
            "The cluster's administrator approves, because they may do everything",
            approve(ADMIN, "admin", "system:masters"),
            Guards,
            "whose rights do not include all of it",
        ),
        refused(
            "A reviewer with a role of `*` verbs approves",
            approve(EVERYTHING, "everything@ministry", MINISTRY),
            Guards,
            "whose rights do not include all of it",
        ),
        refused(
            "A reviewer with a role of `*` verbs makes a permit active",
            Call::merge(EVERYTHING, format!("{}/status", permit_at("asked")), &active),
            Guards,
            "the status is written by the operator alone",
        ),
        refused(
            "A reviewer with a role of `*` verbs opens a slot",
            Call::merge(EVERYTHING, grant, &slots),
            Guards,
            "compiled from permits by the operator alone",
        ),
    ]
}

fn borrowed(stage: &Stage) -> Vec<Attempt> {
    let approve = |who, user, group| Call::create(who, &stage.review(HOME, "asked", (user, group), "Approve"));
    let act = |who, user| Call::merge(who, permit_at("asked"), &json!({"metadata": {"labels": {"a": "b"}}})).acting_as(user, &[]);
    let token = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}});
    let as_account = "cannot impersonate";
    vec![
        refused(
            "A developer acts as a reviewer",
            approve(CUSTOMS_DEVELOPER, "reviewer-1@ministry", MINISTRY).acting_as("reviewer-1@ministry", &[]),
            Rbac,
            "cannot impersonate",
        ),
        refused(
            "A requester puts themselves into the ministry's group",
            approve(CUSTOMS_REQUESTER, "requester@customs", MINISTRY).acting_as("requester@customs", &[MINISTRY]),
            Rbac,
            "cannot impersonate",
        ),
        refused(
            "A reviewer acts as the operator",
            act(REVIEWER_1, "system:serviceaccount:govcloud-system:govcloud-operator"),
            Rbac,
            as_account,
        ),
        refused(
            "A developer acts as the cluster's controller of Deployments",
            act(CUSTOMS_DEVELOPER, "system:serviceaccount:kube-system:deployment-controller"),
            Rbac,
            as_account,
        ),
        refused(
            "Somebody who may act as anybody approves as a reviewer who works at the agency",
            approve(ADMIN, "both@customs", MINISTRY).acting_as("both@customs", &["customs:developers", MINISTRY]),
            Guards,
            "nobody reviews a request of their own agency",
        ),
        refused(
            "A developer has a token made for an account of the project",
            Call::post(CUSTOMS_DEVELOPER, "/api/v1/namespaces/customs--lab/serviceaccounts/default/token", token.to_string()),
            Rbac,
            r#"cannot create resource "serviceaccounts/token""#,
        ),
    ]
}

fn binding(namespace: Option<&str>, subject: &Value) -> Value {
    let kind = if namespace.is_some() { "RoleBinding" } else { "ClusterRoleBinding" };
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": {"namespace": namespace, "name": "attempt"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}, "subjects": [subject],
    })
}

fn rights() -> Vec<Attempt> {
    let people = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "customs:admins"});
    let operator = json!({"kind": "ServiceAccount", "namespace": "govcloud-system", "name": "govcloud-operator"});
    let all = json!({"rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]});
    let role = "/apis/rbac.authorization.k8s.io/v1/clusterroles/govcloud:agency-admin";
    vec![
        refused(
            "An agency's admin makes their people administrators of a project",
            Call::create(CUSTOMS_ADMIN, &binding(Some(LAB), &people)),
            Rbac,
            r#"cannot create resource "rolebindings""#,
        ),
        refused(
            "An agency's admin makes their people administrators of the paperwork",
            Call::create(CUSTOMS_ADMIN, &binding(Some(HOME), &people)),
            Rbac,
            r#"cannot create resource "rolebindings""#,
        ),
        refused(
            "The cluster's administrator makes an agency's people administrators of a project",
            Call::create(ADMIN, &binding(Some(LAB), &people)),
            Guards,
            "rolebindings in an agency's namespaces are set by the operator",
        ),
        refused(
            "The operator's account makes itself the cluster's administrator",
            Call::create(OPERATOR, &binding(None, &operator)),
            Rbac,
            "is attempting to grant RBAC permissions not currently held",
        ),
        refused(
            "The operator's account gives an agency's role all rights",
            Call::merge(OPERATOR, role, &all),
            Guards,
            "an agency's role holds no wildcards",
        ),
        refused(
            "The cluster's administrator gives an agency's role all rights",
            Call::merge(ADMIN, role, &all),
            Guards,
            "generated from the ProcessingClasses by the operator alone",
        ),
    ]
}
