//! Who may write requests, reviews, permits, grants and findings.

use govcloud_crds::names::{FINALIZER, GROUP};

use super::{CLEANERS, is, list, literal, namespace_goes, ours};
use crate::enforcement::policy::{Check, Policy, Rule, Scope};

/// CEL: whether something is written where an agency's paperwork is.
const IN_A_HOME: &str = "request.namespace.startsWith('agency-')";

/// A request carries the name of the person who made it, and is made where it can be decided and stays on record.
pub(super) fn requests() -> Policy {
    Policy::new(
        "govcloud-guard-requests",
        Scope::Everywhere,
        vec![ours(&["processingpermits"], &["CREATE"])],
        vec![
            Check::explained(
                "object.spec.requestedBy == request.userInfo.username",
                "'spec.requestedBy must be your own user name, ' + request.userInfo.username + ', not ' + object.spec.requestedBy",
            ),
            Check::fixed(
                IN_A_HOME,
                "a request is made in its agency's home namespace: kubectl -n agency-NAME, or govcloud --agency NAME",
            ),
        ],
    )
}

/// CEL: whether the caller is a member of the agency in whose home something is written.
fn member() -> String {
    format!(
        "authorizer.group({}).resource('processingpermits').namespace(object.metadata.namespace).check('member').allowed()",
        literal(GROUP)
    )
}

/// A review carries the name and the group of the person who gave it, who is no member of the agency; it stays for good.
pub(super) fn reviews() -> Policy {
    let member = member();
    let creating = "request.operation != 'CREATE'";
    let vanishing = format!("request.operation != 'DELETE' || !{IN_A_HOME} || ({})", namespace_goes());
    Policy::new(
        "govcloud-guard-reviews",
        Scope::Everywhere,
        vec![ours(&["permitreviews"], &["CREATE", "UPDATE", "DELETE"])],
        vec![
            Check::explained(
                format!("{creating} || object.spec.reviewer == request.userInfo.username"),
                "'spec.reviewer must be your own user name, ' + request.userInfo.username + ', not ' + object.spec.reviewer",
            ),
            Check::explained(
                format!("{creating} || (has(request.userInfo.groups) && object.spec.group in request.userInfo.groups)"),
                "'spec.group must be a group that you are in; you are not in ' + object.spec.group",
            ),
            Check::fixed(
                format!("{creating} || !{member}"),
                "nobody reviews a request of their own agency; somebody who is no member of it, and whose rights do not include all of it, must do it",
            ),
            Check::fixed(
                format!("{creating} || {IN_A_HOME}"),
                "a review is given where the request is, in the agency's home namespace: kubectl -n agency-NAME, or govcloud --agency NAME",
            ),
            Check::fixed(
                "request.operation != 'UPDATE' || object.spec == oldObject.spec",
                "a review cannot be changed; give another one",
            ),
            Check::fixed(vanishing, "a review is never deleted: it is what a decision rests on"),
        ],
    )
}

/// A permit is never deleted, only withdrawn: it is the record, and what keeps an ended workload's slot closed.
pub(super) fn permits_stay() -> Policy {
    Policy::new(
        "govcloud-guard-permits",
        Scope::Everywhere,
        vec![ours(&["processingpermits"], &["DELETE"])],
        vec![Check::fixed(
            format!("!{IN_A_HOME} || ({})", namespace_goes()),
            "a permit is never deleted: it is the record of what was asked for and decided. Take it back instead: govcloud permit withdraw NAME",
        )],
    )
}

/// An Agency and a Project go only after what was made for them: without its finalizer a namespace with open slots would
/// live on, in no ledger and out of everybody's reach. A share and a pool go only when nobody uses anything of them.
pub(super) fn cleanup_first(operator: &str) -> Policy {
    let (cleanup, operator) = (literal(FINALIZER), is(operator));
    let has = |object: &str| format!("(has({object}.metadata.finalizers) && {cleanup} in {object}.metadata.finalizers)");
    Policy::new(
        "govcloud-guard-cleanup",
        Scope::Everywhere,
        vec![ours(&["agencies", "agencyquotas", "capacitypools", "projects"], &["UPDATE"])],
        vec![Check::fixed(
            format!("{operator} || !{} || {}", has("oldObject"), has("object")),
            "the operator removes its finalizer when the namespace is gone, or nothing of the share is in use; until then the object stays. Delete the object and wait; its conditions say what it waits for. If nothing happens, is the operator running?",
        )],
    )
}

/// Permits and reviews belong to no other object, or deleting that would delete them. And nobody holds an agency's home
/// open, which a purge must end, by a finalizer of their own.
pub(super) fn owners() -> Policy {
    let known = list(["foregroundDeletion", "orphan", FINALIZER]);
    let kept = "(request.operation == 'UPDATE' && has(oldObject.metadata.finalizers) && f in oldObject.metadata.finalizers)";
    Policy::new(
        "govcloud-guard-owners",
        Scope::Everywhere,
        vec![ours(&["processingpermits", "permitreviews", "projects"], &["CREATE", "UPDATE"])],
        vec![
            Check::fixed(
                "request.resource.resource == 'projects' || !has(object.metadata.ownerReferences) || object.metadata.ownerReferences.size() == 0",
                "permits and reviews have no owner references, because deleting the owner would delete them",
            ),
            Check::fixed(
                format!("!has(object.metadata.finalizers) || object.metadata.finalizers.all(f, f in {known} || {kept})"),
                "projects, permits and reviews have no finalizers of others, because these would keep an agency's namespace from ever ending",
            ),
        ],
    )
}

/// Statuses are the operator's word.
pub(super) fn statuses(operator: &str) -> Policy {
    Policy::new(
        "govcloud-guard-status",
        Scope::Everywhere,
        vec![Rule::any_version(GROUP, ["*/status"], &["UPDATE"])],
        vec![Check::fixed(is(operator), "the status is written by the operator alone; change the spec, or give a review")],
    )
}

/// Grants are the operator's word.
pub(super) fn grants(operator: &str) -> Policy {
    let cleaning = format!("(request.operation == 'DELETE' && {})", namespace_goes());
    Policy::new(
        "govcloud-guard-grants",
        Scope::Everywhere,
        vec![ours(&["processinggrants"], &["CREATE", "UPDATE", "DELETE"])],
        vec![Check::fixed(
            format!("{} || {cleaning}", is(operator)),
            "grants are compiled from permits by the operator alone; request a permit: govcloud permit request --from FILE",
        )],
    )
}

/// Findings are the operator's word, but for the acknowledgement, which carries its writer's name.
pub(super) fn findings(operator: &str) -> Policy {
    let fields = ["rule", "object", "message"].map(|f| format!("object.spec.{f} == oldObject.spec.{f}"));
    let optional = ["processingClass", "capacity", "alternatives"].map(|f| {
        format!(
            "has(object.spec.{f}) == has(oldObject.spec.{f}) && (!has(object.spec.{f}) || object.spec.{f} == oldObject.spec.{f})"
        )
    });
    let only_acknowledged = fields.into_iter().chain(optional).collect::<Vec<_>>().join(" && ");
    let cleaning = format!("(request.operation == 'DELETE' && request.userInfo.username in {})", list(CLEANERS));
    let same_word = "has(object.spec.acknowledgement) == has(oldObject.spec.acknowledgement) && (!has(object.spec.acknowledgement) || object.spec.acknowledgement == oldObject.spec.acknowledgement)";
    let member = member();
    Policy::new(
        "govcloud-guard-findings",
        Scope::Everywhere,
        vec![ours(&["processingfindings"], &["CREATE", "UPDATE", "DELETE"])],
        vec![
            Check::fixed(
                format!("{} || {cleaning} || (request.operation == 'UPDATE' && {only_acknowledged})", is(operator)),
                "findings are written by the operator alone; a reviewer may set spec.acknowledgement",
            ),
            Check::fixed(
                "request.operation != 'UPDATE' || !has(object.spec.acknowledgement) || (has(oldObject.spec.acknowledgement) && object.spec.acknowledgement == oldObject.spec.acknowledgement) || object.spec.acknowledgement.by == request.userInfo.username",
                "spec.acknowledgement.by must be your own user name",
            ),
            Check::fixed(
                format!("request.operation != 'UPDATE' || ({same_word}) || !({IN_A_HOME}) || !{member}"),
                "nobody acknowledges what was found about their own agency; a reviewer who is no member of it must do it",
            ),
        ],
    )
}
