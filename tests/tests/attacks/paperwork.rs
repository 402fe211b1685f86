//! The record: requests, statuses, reviews and grants that somebody edits, deletes, ties to something or slips in.

use govcloud_tests::people::*;
use serde_json::{Value, json};

use crate::{
    attempt::{Attempt, Control, Layer::*, Sight, Theme, refused, without_effect},
    call::{Call, Patch},
    stage::*,
};

pub fn theme(stage: &Stage) -> Theme {
    let withdraw = json!({"spec": {"withdrawn": true}});
    Theme {
        title: "The record",
        controls: vec![Control {
            name: "A requester takes a request back",
            call: Call::merge(CUSTOMS_REQUESTER, permit_at("asked"), &withdraw),
        }],
        attempts: [requests(stage), statuses(stage), ties(stage), deletions(stage), reviews(stage), grants(), dry_runs(stage)]
            .concat(),
    }
}

fn requests(stage: &Stage) -> Vec<Attempt> {
    let asked = permit_at("asked");
    let change = json!({"spec": {"justification": "Something else altogether."}});
    let grow = json!([{"op": "replace", "path": "/spec/targets/0/replicas", "value": 300}]);
    let mut applied = ask("asked", "requester@customs");
    applied["spec"]["targets"][0]["name"] = json!("other");
    let unchanged = "a request cannot be changed once it is made";
    let patch = |patch, change: &Value| Call::patch(CUSTOMS_REQUESTER, patch, asked.clone(), change);
    vec![
        refused("A request gets another reason, by a merge patch", patch(Patch::Merge, &change), Schema, unchanged),
        refused("A request grows, by a JSON patch", patch(Patch::Json, &grow), Schema, unchanged),
        refused(
            "A request gets another target, by server-side apply with force",
            Call::apply(CUSTOMS_REQUESTER, &applied),
            Schema,
            unchanged,
        ),
        refused(
            "A request is changed by a strategic merge patch",
            patch(Patch::Strategic, &change),
            ApiServer,
            "the body of the request was in an unknown format",
        ),
        refused(
            "A request that was taken back is replaced by one that was not",
            Call::put(CUSTOMS_REQUESTER, WITHDRAWN_PATH, &stage.changed(WITHDRAWN_PATH, "/spec/withdrawn", json!(false))),
            Schema,
            "a withdrawn request stays withdrawn",
        ),
        refused(
            "A second request takes the name of a denied one",
            Call::create(CUSTOMS_REQUESTER, &ask("denied", "requester@customs")),
            ApiServer,
            "already exists",
        ),
    ]
}

fn statuses(stage: &Stage) -> Vec<Attempt> {
    let active = json!({"status": {"phase": "Active", "validFrom": "2026-01-01T00:00:00Z", "notAfter": "2099-01-01T00:00:00Z"}});
    let status = |name: &str| format!("{}/status", permit_at(name));
    let mut applied = ask("asked", "requester@customs");
    applied["status"] = active["status"].clone();
    let mut arriving = ask("arriving", "requester@customs");
    arriving["status"] = active["status"].clone();
    let operator = "the status is written by the operator alone";
    let of_arriving = Sight {
        path: permit_at("arriving"),
        look: |p| json!([p["status"]["phase"], p["status"]["validFrom"]]),
        is: json!(["UnderReview", null]),
    };
    vec![
        refused(
            "A requester makes their permit active",
            Call::merge(CUSTOMS_REQUESTER, status("asked"), &active),
            Rbac,
            r#"cannot patch resource "processingpermits/status""#,
        ),
        refused(
            "A reviewer makes a permit active without a review",
            Call::merge(REVIEWER_1, status("asked"), &active),
            Rbac,
            r#"cannot patch resource "processingpermits/status""#,
        ),
        refused(
            "The cluster's administrator makes a permit active, by server-side apply with force",
            Call::patch(ADMIN, Patch::Apply, status("asked"), &applied),
            Guards,
            operator,
        ),
        refused(
            "The cluster's administrator replaces the status of a permit that was taken back",
            Call::put(ADMIN, status("withdrawn"), &stage.changed(WITHDRAWN_PATH, "/status/phase", json!("Active"))),
            Guards,
            operator,
        ),
        without_effect(
            "A request arrives with a status that says it is active",
            vec![Call::create(CUSTOMS_REQUESTER, &arriving).really()],
            ApiServer,
            of_arriving,
        ),
    ]
}

fn ties(stage: &Stage) -> Vec<Attempt> {
    let owners = json!({"metadata": {"ownerReferences": [{"apiVersion": "v1", "kind": "ConfigMap", "name": "a", "uid": "b"}]}});
    let held = json!({"metadata": {"finalizers": ["example.com/keep"]}});
    let mut review = stage.review(HOME, "asked", ("reviewer-1@ministry", MINISTRY), "Approve");
    review["metadata"]["ownerReferences"] = owners["metadata"]["ownerReferences"].clone();
    vec![
        refused(
            "A permit belongs to an object whose deletion would delete it",
            Call::merge(CUSTOMS_REQUESTER, permit_at("broker"), &owners),
            Guards,
            "have no owner references",
        ),
        refused(
            "A review belongs to an object whose deletion would delete it",
            Call::create(REVIEWER_1, &review),
            Guards,
            "have no owner references",
        ),
        refused(
            "A permit holds its agency's home open by a finalizer",
            Call::merge(CUSTOMS_REQUESTER, permit_at("broker"), &held),
            Guards,
            "have no finalizers of others",
        ),
        refused(
            "A project is freed of its finalizer, to leave its namespace and slots behind",
            Call::merge(CUSTOMS_ADMIN, ours(HOME, "projects", "lab"), &json!({"metadata": {"finalizers": null}})),
            Guards,
            "the operator removes its finalizer when the namespace is gone",
        ),
    ]
}

fn deletions(stage: &Stage) -> Vec<Attempt> {
    let orphaning = json!({"propagationPolicy": "Orphan", "gracePeriodSeconds": 0});
    let none = json!({});
    vec![
        refused(
            "A requester deletes a denied request, to ask again under its name",
            Call::delete(CUSTOMS_REQUESTER, permit_at("denied"), &none),
            Rbac,
            r#"cannot delete resource "processingpermits""#,
        ),
        refused(
            "The cluster's administrator deletes a permit",
            Call::delete(ADMIN, permit_at("broker"), &orphaning),
            Guards,
            "a permit is never deleted",
        ),
        refused(
            "The cluster's administrator deletes all permits of an agency at once",
            Call::delete(ADMIN, all_of(HOME, "processingpermits"), &none),
            Guards,
            "a permit is never deleted",
        ),
        refused(
            "The cluster's administrator deletes a review",
            Call::delete(ADMIN, ours(HOME, "permitreviews", &stage.given), &none),
            Guards,
            "a review is never deleted",
        ),
        refused(
            "The cluster's administrator deletes all reviews of an agency at once",
            Call::delete(ADMIN, all_of(HOME, "permitreviews"), &none),
            Guards,
            "a review is never deleted",
        ),
    ]
}

fn reviews(stage: &Stage) -> Vec<Attempt> {
    let given = ours(HOME, "permitreviews", &stage.given);
    let approve = json!([{"op": "replace", "path": "/spec/verdict", "value": "Approve"}]);
    let own = || stage.review(HOME, "asked", ("reviewer-1@ministry", MINISTRY), "Approve");
    let (mut elsewhere, mut invented) = (own(), own());
    elsewhere["metadata"]["namespace"] = json!("default");
    invented["spec"]["verdict"] = json!("Activate");
    vec![
        refused(
            "A reviewer changes the verdict that they gave",
            Call::patch(REVIEWER_2, Patch::Json, given.clone(), &approve),
            Rbac,
            r#"cannot patch resource "permitreviews""#,
        ),
        refused(
            "The cluster's administrator changes a verdict",
            Call::patch(ADMIN, Patch::Json, given, &approve),
            Schema,
            "a review cannot be changed; give another one",
        ),
        refused(
            "A review is given in a namespace that is no agency's",
            Call::create(REVIEWER_1, &elsewhere),
            Guards,
            "a review is given where the request is",
        ),
        refused("A review has a verdict of its own invention", Call::create(REVIEWER_1, &invented), Schema, "Unsupported value"),
    ]
}

fn grants() -> Vec<Attempt> {
    let slot =
        json!({"name": "other", "permit": "GC-1", "class": "message-broker", "replicas": 9, "notAfter": "2099-01-01T00:00:00Z"});
    let grant = |name: &str| {
        json!({
            "apiVersion": "govcloud.dev/v1alpha1", "kind": "ProcessingGrant", "metadata": {"namespace": LAB, "name": name},
            "spec": {"resources": {"kafkanodepools.kafka.strimzi.io": [slot]}},
        })
    };
    let path = ours(LAB, "processinggrants", "slots");
    let operator = "grants are compiled from permits by the operator alone";
    let finding = json!({
        "apiVersion": "govcloud.dev/v1alpha1", "kind": "ProcessingFinding", "metadata": {"namespace": HOME, "name": "found"},
        "spec": {"rule": "Suspicious", "object": {"resource": "pods", "namespace": LAB, "name": "web"}, "message": "Somebody says so."},
    });
    vec![
        refused(
            "A developer opens a slot for themselves",
            Call::apply(CUSTOMS_DEVELOPER, &grant("slots")),
            Rbac,
            r#"cannot patch resource "processinggrants""#,
        ),
        refused(
            "The cluster's administrator opens a slot, by server-side apply with force",
            Call::apply(ADMIN, &grant("slots")),
            Guards,
            operator,
        ),
        refused(
            "The cluster's administrator adds a second grant",
            Call::create(ADMIN, &grant("more")),
            Schema,
            "its name is slots",
        ),
        refused(
            "The cluster's administrator deletes the grant, and with it the slots that are closed",
            Call::delete(ADMIN, path, &json!({})),
            Guards,
            operator,
        ),
        refused(
            "The cluster's administrator makes up a finding",
            Call::create(ADMIN, &finding),
            Guards,
            "findings are written by the operator alone",
        ),
    ]
}

/// Whatever a dry run is told, nothing of it is there, and nothing is counted.
fn dry_runs(stage: &Stage) -> Vec<Attempt> {
    let approve = stage.review(HOME, "asked", ("reviewer-1@ministry", MINISTRY), "Approve");
    let nothing = |path: String, look| Sight { path, look, is: Value::Null };
    vec![
        without_effect(
            "A dry run of a request takes a number or a name",
            vec![Call::create(CUSTOMS_REQUESTER, &ask("rehearsed", "requester@customs"))],
            ApiServer,
            nothing(permit_at("rehearsed"), Value::clone),
        ),
        without_effect(
            "A dry run of an approval counts",
            vec![Call::create(REVIEWER_1, &approve)],
            ApiServer,
            nothing(permit_at("asked"), |p| p["status"]["reviews"].clone()),
        ),
    ]
}
