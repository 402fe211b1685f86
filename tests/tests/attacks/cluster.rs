//! What the rule stands on: namespaces and their labels, quotas, definitions, classes, policies.

use govcloud_tests::{
    fixtures::{deployment, node_pool},
    people::*,
};
use serde_json::{Value, json};

use crate::{
    attempt::{Attempt, Control, Layer::*, Theme, refused},
    call::{Call, Patch},
    stage::*,
};

pub fn theme(stage: &Stage) -> Theme {
    let plain = json!({"metadata": {"labels": {"team": "a"}}});
    let share = json!({"spec": {"guaranteed": {"requests.cpu": "101"}}});
    Theme {
        title: "What the rule stands on",
        controls: vec![
            Control { name: "A label that means nothing", call: Call::merge(ADMIN, NAMESPACE_PATH, &plain) },
            Control { name: "A larger share", call: Call::merge(CLOUD_OPERATOR, quota_at("customs"), &share) },
        ],
        attempts: [labels(stage), namespaces(), quotas(), definitions(), rules(), places()].concat(),
    }
}

fn quota_at(name: &str) -> String {
    format!("/apis/govcloud.dev/v1alpha1/agencyquotas/{name}")
}

fn labels(stage: &Stage) -> Vec<Attempt> {
    let audit = json!({"metadata": {"labels": {"govcloud.dev/enforcement": "Audit"}}});
    let owner = json!({"metadata": {"annotations": {"govcloud.dev/owner-uid": "another"}}});
    let secure = json!({"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "privileged"}}});
    let mine = json!({"metadata": {"labels": {"govcloud.dev/project": "lab", "govcloud.dev/agency": "customs"}}});
    let mut finalized = stage.live[NAMESPACE_PATH].clone();
    finalized["metadata"]["labels"]["govcloud.dev/enforcement"] = json!("Audit");
    finalized["metadata"]["resourceVersion"] = Value::Null; // whatever else becomes of it meanwhile
    let operator = "change the Agency or the Project instead";
    let part = |part: &str| format!("{NAMESPACE_PATH}{part}");
    let labelled = |name, call| refused(name, call, Guards, operator);
    vec![
        refused(
            "A developer switches enforcement off in their project",
            Call::merge(CUSTOMS_DEVELOPER, NAMESPACE_PATH, &audit),
            Rbac,
            r#"cannot patch resource "namespaces""#,
        ),
        labelled(
            "The cluster's administrator switches enforcement off by a label, by a strategic merge patch",
            Call::patch(ADMIN, Patch::Strategic, NAMESPACE_PATH, &audit),
        ),
        labelled("The same through /status", Call::merge(ADMIN, part("/status"), &audit)),
        labelled("The same through /finalize", Call::put(ADMIN, part("/finalize"), &finalized)),
        labelled("A project's namespace is passed to another owner", Call::merge(ADMIN, NAMESPACE_PATH, &owner)),
        labelled("A project's namespace gets privileged pods", Call::merge(ADMIN, NAMESPACE_PATH, &secure)),
        labelled(
            "A namespace of somebody else's becomes a project by its labels",
            Call::merge(ADMIN, "/api/v1/namespaces/default", &mine),
        ),
    ]
}

fn namespaces() -> Vec<Attempt> {
    let namespace = |name: &str| json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
    let by_hand = "create or delete the Agency or the Project instead";
    let none = json!({});
    vec![
        refused(
            "An agency's admin makes a namespace",
            Call::create(CUSTOMS_ADMIN, &namespace("customs--more")),
            Rbac,
            r#"cannot create resource "namespaces""#,
        ),
        refused(
            "The cluster's administrator makes a namespace that looks like a project",
            Call::create(ADMIN, &namespace("customs--more")),
            Guards,
            by_hand,
        ),
        refused(
            "The cluster's administrator deletes a project's namespace, to make it again",
            Call::delete(ADMIN, NAMESPACE_PATH, &none),
            Guards,
            by_hand,
        ),
        refused(
            "The cluster's administrator deletes an agency's home, and with it every permit",
            Call::delete(ADMIN, "/api/v1/namespaces/agency-customs", &none),
            Guards,
            by_hand,
        ),
    ]
}

fn quotas() -> Vec<Attempt> {
    let quota = format!("{NAMESPACE_PATH}/resourcequotas/govcloud");
    let gpus = json!({"spec": {"hard": {"requests.nvidia.com/gpu": "8"}}});
    let used = json!({"status": {"hard": {"requests.nvidia.com/gpu": "8"}}});
    let more = json!({"spec": {"guaranteed": {"requests.nvidia.com/gpu": "8"}}});
    let ledger = json!({"status": {"allocated": {"requests.cpu": "0"}}});
    vec![
        refused(
            "A developer raises the quota of their project",
            Call::merge(CUSTOMS_DEVELOPER, quota.clone(), &gpus),
            Rbac,
            r#"cannot patch resource "resourcequotas""#,
        ),
        refused(
            "The cluster's administrator gives a project GPUs by its quota",
            Call::merge(ADMIN, quota.clone(), &gpus),
            Guards,
            "are set by the operator; change the Agency, its AgencyQuota, or the Project instead",
        ),
        refused(
            "The cluster's administrator raises what the quota enforces, in its status",
            Call::merge(ADMIN, format!("{quota}/status"), &used),
            Guards,
            "written by the cluster alone",
        ),
        refused(
            "An agency's admin raises the agency's share",
            Call::merge(CUSTOMS_ADMIN, quota_at("customs"), &more),
            Rbac,
            r#"cannot patch resource "agencyquotas""#,
        ),
        refused(
            "The cluster's administrator forges the agency's ledger",
            Call::merge(ADMIN, format!("{}/status", quota_at("customs")), &ledger),
            Guards,
            "the status is written by the operator alone",
        ),
    ]
}

fn definitions() -> Vec<Attempt> {
    let crd = |name: &str| format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}.govcloud.dev");
    let unserved = json!([{"op": "replace", "path": "/spec/versions/0/served", "value": false}]);
    let binding = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings/govcloud-scale-update";
    let none = json!({});
    vec![
        refused(
            "The definition of reviews is switched off with served: false",
            Call::patch(ADMIN, Patch::Json, crd("permitreviews"), &unserved),
            Guards,
            "must stay served",
        ),
        refused(
            "The definition of grants is switched off with served: false",
            Call::patch(ADMIN, Patch::Json, crd("processinggrants"), &unserved),
            Guards,
            "must stay served",
        ),
        refused(
            "The definition of permits is deleted, and every permit with it",
            Call::delete(ADMIN, crd("processingpermits"), &none),
            Guards,
            "deleting this definition deletes every object of it",
        ),
        refused(
            "A cloud operator changes a definition",
            Call::patch(CLOUD_OPERATOR, Patch::Json, crd("processingpermits"), &unserved),
            Rbac,
            r#"cannot patch resource "customresourcedefinitions""#,
        ),
        refused(
            "A reviewer unbinds an admission policy",
            Call::delete(REVIEWER_1, binding, &none),
            Rbac,
            r#"cannot delete resource "validatingadmissionpolicybindings""#,
        ),
    ]
}

fn rules() -> Vec<Attempt> {
    let class = "/apis/govcloud.dev/v1alpha1/processingclasses/message-broker";
    let cloud = "/apis/govcloud.dev/v1alpha1/governmentclouds/national";
    let lax = json!({"spec": {"approval": {"quorum": [{"group": "customs:staff", "count": 1}]}}});
    let exempt = json!({"spec": {"exemptNamespaces": [LAB]}});
    let everybody = json!({"spec": {"members": {"admins": [{"kind": "Group", "name": "system:authenticated"}]}}});
    let none = json!({});
    vec![
        refused(
            "An agency's admin names their own staff as reviewers",
            Call::merge(CUSTOMS_ADMIN, class, &lax),
            Rbac,
            r#"cannot patch resource "processingclasses""#,
        ),
        refused(
            "A reviewer deletes a class, so that its kinds need no permit",
            Call::delete(REVIEWER_1, class, &none),
            Guards,
            "deleting this ends what it rules",
        ),
        refused(
            "A cloud operator deletes the GovernmentCloud",
            Call::delete(CLOUD_OPERATOR, cloud, &none),
            Guards,
            "ends what it rules",
        ),
        refused(
            "A cloud operator exempts a project's namespace",
            Call::merge(CLOUD_OPERATOR, cloud, &exempt),
            Schema,
            "cannot be exempt",
        ),
        refused(
            "A cloud operator makes everybody an agency's admin",
            Call::merge(CLOUD_OPERATOR, "/apis/govcloud.dev/v1alpha1/agencies/customs", &everybody),
            Schema,
            "must not begin with system:",
        ),
    ]
}

fn places() -> Vec<Attempt> {
    let open = json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"namespace": LAB, "name": "open"},
        "spec": {"podSelector": {}, "egress": [{}], "policyTypes": ["Egress"]},
    });
    vec![
        refused(
            "The cluster's administrator opens a project's network",
            Call::create(ADMIN, &open),
            Guards,
            "networkpolicies in an agency's namespaces are set by the operator",
        ),
        refused(
            "Something runs where the paperwork is",
            Call::create(ADMIN, &deployment(HOME, "web", "nginx:1", 1)),
            Guards,
            "holds its paperwork and runs nothing",
        ),
        refused(
            "Infrastructure runs where the paperwork is",
            Call::create(ADMIN, &node_pool(HOME, "broker", 1, "1Gi")),
            Slots,
            "run only in an agency's project that has a permit",
        ),
        refused(
            "Infrastructure runs outside every agency",
            Call::create(ADMIN, &node_pool("default", "broker", 1, "1Gi")),
            Slots,
            "run only in an agency's project that has a permit",
        ),
    ]
}
