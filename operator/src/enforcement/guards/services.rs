//! Who may write what of the catalogue: drafts, what is published, and consents.

use govcloud_crds::names::{ANNOTATION_CONFIRM_DELETION, GROUP};

use super::{is, literal, ours, rules::confirmed};
use crate::enforcement::{
    policy::{Check, Policy, Scope},
    roles::{PROVIDE, PUBLISH},
};

/// CEL: whether the caller may publish services: people who run the cloud, and whoever holds all rights.
fn publisher() -> String {
    format!("authorizer.group({}).resource('sharedservices').check('{PUBLISH}').allowed()", literal(GROUP))
}

/// CEL: whether the caller is an admin of the agency that provides a service.
fn provides() -> String {
    format!(
        "authorizer.group({}).resource('sharedservices').namespace('agency-' + (request.operation == 'DELETE' ? oldObject : object).spec.provider).check('{PROVIDE}').allowed()",
        literal(GROUP)
    )
}

/// Asking who may do what is dear, and an expression may cost no more than two such questions: each is a variable, which is
/// evaluated once, and only if it matters.
fn questions() -> Vec<(String, String)> {
    vec![("publishes".to_owned(), publisher()), ("provides".to_owned(), provides())]
}

/// CEL: whether a draft was one before and stays one, of nobody's spare capacity, and of the same agency.
fn a_draft() -> String {
    let draft = |object: &str| format!("({object}.spec.stage == 'Draft' && !has({object}.spec.sharing))");
    format!(
        "(request.operation == 'CREATE' || {}) && (request.operation == 'DELETE' || {}) && (request.operation != 'UPDATE' || object.spec.provider == oldObject.spec.provider)",
        draft("oldObject"),
        draft("object")
    )
}

/// CEL: whether nothing changes but the consents. Whatever a later version adds to the spec is held the same way.
fn only_consents() -> String {
    let metadata = ["labels", "annotations", "finalizers", "ownerReferences"]
        .map(|f| format!("(has(object.metadata.{f}) ? dyn(object.metadata.{f}) : dyn(null)) == (has(oldObject.metadata.{f}) ? dyn(oldObject.metadata.{f}) : dyn(null))"))
        .join(" && ");
    format!(
        "(dyn(object.spec).all(f, f == 'consents' || (f in dyn(oldObject.spec) && dyn(object.spec)[f] == dyn(oldObject.spec)[f])) && dyn(oldObject.spec).all(f, f == 'consents' || f in dyn(object.spec)) && {metadata})"
    )
}

/// An agency's admins write drafts of what their own agency provides; publishing, and changing what is published, is for
/// those who run the cloud.
pub(super) fn catalogue(operator: &str) -> Policy {
    let operator = is(operator);
    let agrees = format!("request.operation == 'UPDATE' && has(oldObject.spec.sharing) && {}", only_consents());
    let variables = [questions(), vec![("drafts".to_owned(), a_draft()), ("agrees".to_owned(), agrees)]].concat();
    let kept = "(request.operation == 'UPDATE' && has(oldObject.spec.sharing) && object.spec.sharing == oldObject.spec.sharing)";
    let policy = Policy::new(
        "govcloud-guard-catalogue",
        Scope::Everywhere,
        vec![ours(&["sharedservices"], &["CREATE", "UPDATE", "DELETE"])],
        vec![
            Check::fixed(
                format!("{operator} || variables.publishes || ((variables.drafts || variables.agrees) && variables.provides)"),
                "an agency's admins write drafts of services that their own agency provides (spec.provider, and stage: Draft), and the consents of what it shares. A cloud operator publishes a draft, and changes or deletes what is published: ask them",
            ),
            Check::fixed(
                format!("request.operation == 'DELETE' || !has(object.spec.sharing) || {operator} || {kept}"),
                "spec.sharing is written by the operator alone: an agency shares by the sharingOffer of its permit",
            ),
            Check::fixed(
                format!(
                    "request.operation != 'CREATE' || {operator} || !object.metadata.name.matches('^shared-[a-z0-9]+-[0-9]{{4}}-[0-9]+$')"
                ),
                "names such as shared-gc-2026-000042 are for what agencies share under their permits; choose another",
            ),
            still_gives_credentials(),
        ],
    );
    Policy { variables, ..policy }
}

/// With a service goes the ledger of whose credentials are still to be ended; its provisioner would never be asked.
fn still_gives_credentials() -> Check {
    let has_given = "has(oldObject.spec.binding.provisioner) && has(oldObject.status) && has(oldObject.status.reservations) && oldObject.status.reservations.size() > 0";
    let how = literal(&format!(" {ANNOTATION_CONFIRM_DELETION}="));
    Check::explained(
        format!("request.operation != 'DELETE' || !({has_given}) || ({})", confirmed()),
        format!(
            "'its provisioner would never be asked to end the credentials of the claims that it still lists. End the service first, and delete it when it lists none: govcloud service drain ' + oldObject.metadata.name + ' --by YYYY-MM-DD. If these credentials may live on: kubectl annotate sharedservice ' + oldObject.metadata.name + {how} + oldObject.metadata.name"
        ),
    )
}

/// Whoever shares capacity says who may use it, in their own name; nobody does it for them, those who run the cloud included.
pub(super) fn consents() -> Policy {
    let before = "(request.operation == 'UPDATE' && has(oldObject.spec.consents) ? oldObject.spec.consents.map(c, c.claim + ' ' + c.by) : [])";
    let new = "(has(object.spec.consents) ? object.spec.consents : []).filter(c, !((c.claim + ' ' + c.by) in variables.before))"
        .to_owned();
    let none = "variables.added.size() == 0";
    let variables = [questions(), vec![("before".to_owned(), before.to_owned()), ("added".to_owned(), new)]].concat();
    let policy = Policy::new(
        "govcloud-guard-consents",
        Scope::Everywhere,
        vec![ours(&["sharedservices"], &["CREATE", "UPDATE"])],
        vec![
            Check::fixed(
                format!("{none} || variables.added.all(c, c.by == request.userInfo.username)"),
                "a consent carries your own user name: spec.consents[].by",
            ),
            Check::fixed(
                format!("{none} || (has(object.spec.sharing) && variables.provides && !variables.publishes)"),
                "admins of the agency that shares its capacity agree to a claim; nobody agrees in their place, also not those who run the cloud",
            ),
        ],
    );
    Policy { variables, ..policy }
}
