//! The attacks: what each guard refuses, and the guard that refuses it.

use govcloud_tests::{
    Cloud,
    fixtures::permit,
    people::{ADMIN, CLOUD_OPERATOR, CUSTOMS_REQUESTER, REVIEWER_1},
    remedy::{Attack, Remedy, Trap, trap},
};
use serde_json::{Value, json};

use super::{BOTH, HOME, LAB, work};

const NAMESPACES: &str = "govcloud-guard-namespaces";
const REVIEWS: &str = "govcloud-guard-reviews";

/// All of them, in an order in which no remedy that is out lets a later attack pass.
pub async fn all(cloud: &Cloud, asked: &Asked) -> Vec<Trap> {
    [
        namespaces(cloud).await,
        by_hand(),
        definitions(),
        rules(),
        reviews(asked),
        records(asked),
        requests(),
        words_of_the_operator(),
        work::managed(),
        work::roles(),
        work::pods(),
    ]
    .concat()
}

/// A request for one more Kafka node pool.
pub fn request(name: &str, requester: &str) -> Value {
    permit("customs", name, requester, "lab", &[("more", 3, "1Ti")])
}

/// A request that waits, and a review that was given.
pub struct Asked {
    review: Value,
    given: String,
}

impl Asked {
    pub async fn of(cloud: &Cloud) -> Self {
        let review = cloud.review_of(HOME, "asked", "reviewer-1@ministry", "ministry:reviewers", "Approve").await;
        let all = cloud.json(ADMIN, &["get", "permitreviews", "-n", HOME, "-o", "json"]).await;
        Self { review, given: all["items"][0]["metadata"]["name"].as_str().expect("a review").to_owned() }
    }

    pub fn review(&self, who: &'static str, reviewer: &str, group: &str) -> Attack {
        let mut review = self.review.clone();
        (review["spec"]["reviewer"], review["spec"]["group"]) = (json!(reviewer), json!(group));
        Attack::create(who, &review)
    }

    fn elsewhere(&self, namespace: &str) -> Attack {
        let mut review = self.review.clone();
        review["metadata"]["namespace"] = json!(namespace);
        Attack::create(REVIEWER_1, &review)
    }

    fn given(&self, change: &Value) -> Attack {
        Attack::patch(ADMIN, &format!("permitreview/{} -n {HOME}", self.given), change)
    }
}

async fn namespaces(cloud: &Cloud) -> Vec<Trap> {
    let audit = json!({"metadata": {"labels": {"govcloud.dev/enforcement": "Audit"}}});
    let mut finalized = cloud.json(ADMIN, &["get", "namespace", LAB, "-o", "json"]).await;
    finalized["metadata"]["labels"]["govcloud.dev/enforcement"] = json!("Audit");
    finalized["metadata"]["resourceVersion"] = Value::Null; // whatever else becomes of it meanwhile
    let owner = json!({"metadata": {"annotations": {"govcloud.dev/owner-uid": "another"}}});
    let set = "change the Agency or the Project instead";
    let text = |from: &str, to: &str| Remedy::text(NAMESPACES, from, to);
    vec![
        trap(
            "labels through finalize",
            Attack::replace_at(ADMIN, "/api/v1/namespaces/customs--lab/finalize", &finalized),
            set,
            text(r#""namespaces/finalize""#, r#""namespaces/a""#),
        ),
        trap(
            "labels through status",
            Attack::patch(ADMIN, "--subresource=status namespace/customs--lab", &audit),
            set,
            text(r#""namespaces/status""#, r#""namespaces/b""#),
        ),
        trap(
            "a namespace's owner",
            Attack::patch(ADMIN, "namespace/customs--lab", &owner),
            set,
            text("'govcloud.dev/owner-uid' in", "'another' in"),
        ),
        trap(
            "labels",
            Attack::patch(ADMIN, "namespace/customs--lab", &audit),
            set,
            Remedy::check(NAMESPACES, "are set by the operator"),
        ),
    ]
}

/// They come and go through the operator.
fn by_hand() -> Vec<Trap> {
    let by_hand = "create or delete the Agency or the Project instead";
    let text = |from: &str, to: &str| Remedy::text(NAMESPACES, from, to);
    vec![
        trap(
            "a project deleted by hand",
            Attack::kubectl(ADMIN, "delete namespace customs--lab"),
            by_hand,
            text("'govcloud.dev/agency' in oldObject.metadata.labels", "'govcloud.dev/home' in oldObject.metadata.labels"),
        ),
        trap(
            "a home deleted by hand",
            Attack::kubectl(ADMIN, "delete namespace agency-customs"),
            by_hand,
            text("request.operation == 'UPDATE' || !(", "request.operation != 'CREATE' || !("),
        ),
        trap(
            "a project made by hand",
            Attack::kubectl(ADMIN, "create namespace a--b"),
            by_hand,
            text(" || object.metadata.name.contains('--')))", "))"),
        ),
        trap(
            "a home made by hand",
            Attack::kubectl(ADMIN, "create namespace agency-x"),
            by_hand,
            text(": (object.metadata.name.startsWith('agency-')", ": (false"),
        ),
    ]
}

fn definitions() -> Vec<Trap> {
    let guard = "govcloud-guard-definitions";
    let unserved = r#"patch crd/processingpermits.govcloud.dev --type=json -p=[{"op":"replace","path":"/spec/versions/0/served","value":false}]"#;
    vec![
        trap(
            "a definition is switched off",
            Attack::kubectl(ADMIN, unserved),
            "must stay served",
            Remedy::check(guard, "must stay served"),
        ),
        trap(
            "a definition is deleted",
            Attack::kubectl(ADMIN, "delete crd/permitreviews.govcloud.dev"),
            "kubectl annotate crd permitreviews.govcloud.dev",
            Remedy::Bindings(guard),
        ),
    ]
}

/// The rules themselves are not deleted by a slip.
fn rules() -> Vec<Trap> {
    let guard = "govcloud-guard-rules";
    vec![
        trap(
            "the government is deleted",
            Attack::kubectl(ADMIN, "delete governmentcloud national"),
            "kubectl annotate governmentclouds national govcloud.dev/confirm-deletion=national",
            Remedy::text(guard, r#""governmentclouds""#, r#""governments""#),
        ),
        trap(
            "a class is deleted",
            Attack::kubectl(ADMIN, "delete processingclass message-broker"),
            "kubectl annotate processingclasses message-broker govcloud.dev/confirm-deletion=message-broker",
            Remedy::Bindings(guard),
        ),
    ]
}

fn reviews(asked: &Asked) -> Vec<Trap> {
    let check = |message| Remedy::check(REVIEWS, message);
    vec![
        trap(
            "another's name",
            asked.review(REVIEWER_1, "reviewer-2@ministry", "ministry:reviewers"),
            "must be your own user name",
            check("must be your own"),
        ),
        trap(
            "a group that one is not in",
            asked.review(REVIEWER_1, "reviewer-1@ministry", "security:smc"),
            "must be a group that you are in",
            check("must be a group"),
        ),
        trap(
            "all rights make nobody a reviewer",
            asked.review(ADMIN, "admin", "system:masters"),
            "whose rights do not include all of it",
            Remedy::text(
                REVIEWS,
                ".check('member').allowed()",
                ".check('member').allowed() || request.userInfo.username == 'admin'",
            ),
        ),
        trap(
            "a member of the agency",
            asked.review(BOTH, "both@customs", "ministry:reviewers"),
            "nobody reviews a request of their own agency",
            check("nobody reviews"),
        ),
    ]
}

/// What a decision rests on.
fn records(asked: &Asked) -> Vec<Trap> {
    let owners = json!({"metadata": {"ownerReferences": [{"apiVersion": "v1", "kind": "ConfigMap", "name": "a", "uid": "b"}]}});
    let held = json!({"metadata": {"finalizers": ["example.com/keep"]}});
    let check = |message| Remedy::check(REVIEWS, message);
    let unchanged = "a review cannot be changed; give another one";
    let edit =
        Remedy::All(vec![check("a review cannot be changed"), Remedy::Schema("permitreviews.govcloud.dev", "cannot be changed")]);
    vec![
        trap("a review is edited", asked.given(&json!({"spec": {"verdict": "Deny"}})), unchanged, edit),
        trap(
            "a review is deleted",
            Attack::kubectl(ADMIN, &format!("delete permitreview/{} -n {HOME}", asked.given)),
            "is never deleted",
            check("is never deleted"),
        ),
        trap(
            "a review belongs to something",
            asked.given(&owners),
            "have no owner references",
            Remedy::text("govcloud-guard-owners", r#""permitreviews""#, r#""reviews""#),
        ),
        trap(
            "a permit belongs to something",
            Attack::patch(CUSTOMS_REQUESTER, "permit/asked -n agency-customs", &owners),
            "have no owner references",
            Remedy::check("govcloud-guard-owners", "have no owner references"),
        ),
        trap(
            "a permit holds its home open",
            Attack::patch(CUSTOMS_REQUESTER, "permit/asked -n agency-customs", &held),
            "have no finalizers of others",
            Remedy::check("govcloud-guard-owners", "have no finalizers of others"),
        ),
        trap(
            "a review is given where it stays for good and decides nothing",
            asked.elsewhere("default"),
            "in the agency's home namespace",
            check("a review is given where the request is"),
        ),
    ]
}

fn requests() -> Vec<Trap> {
    let mut lost = request("lost", "admin");
    lost["metadata"]["namespace"] = json!("default");
    let changed = json!({"spec": {"justification": "Something else altogether."}});
    vec![
        trap(
            "a request in another's name",
            Attack::create(CUSTOMS_REQUESTER, &request("forged", "admin@customs")),
            "must be your own user name",
            Remedy::check("govcloud-guard-requests", "must be your own user name"),
        ),
        trap(
            "a request outside its agency's home",
            Attack::create(ADMIN, &lost),
            "is made in its agency's home namespace",
            Remedy::check("govcloud-guard-requests", "home namespace"),
        ),
        trap(
            "a request is changed",
            Attack::patch(CUSTOMS_REQUESTER, "permit/asked -n agency-customs", &changed),
            "withdraw it and make a new one",
            Remedy::Schema("processingpermits.govcloud.dev", "cannot be changed"),
        ),
        trap(
            "a permit is deleted",
            Attack::kubectl(ADMIN, "delete permit/events -n agency-customs"),
            "govcloud permit withdraw",
            Remedy::Bindings("govcloud-guard-permits"),
        ),
        trap(
            "the cluster's own identities as members",
            Attack::patch(
                CLOUD_OPERATOR,
                "agency/customs",
                &json!({"spec": {"members": {"admins": [{"kind": "Group", "name": "system:authenticated"}]}}}),
            ),
            "name the person or group as your identity provider does",
            Remedy::Schema("agencies.govcloud.dev", "must not begin with system:"),
        ),
    ]
}

/// What only the operator may find.
pub fn finding() -> Value {
    let object = json!({"resource": "pods", "namespace": LAB, "name": "web"});
    json!({
        "apiVersion": "govcloud.dev/v1alpha1", "kind": "ProcessingFinding", "metadata": {"namespace": HOME, "name": "found"},
        "spec": {"rule": "Suspicious", "object": object, "message": "Somebody says so."},
    })
}

fn words_of_the_operator() -> Vec<Trap> {
    let active = json!({"status": {"phase": "Active"}});
    let slots = json!({"spec": {"resources": {"kafkas.kafka.strimzi.io": [{"name": "k", "permit": "GC-1", "class": "message-broker", "replicas": 1, "notAfter": "2099-01-01T00:00:00Z"}]}}});
    let used = json!({"status": {"hard": {"requests.cpu": "999"}}});
    vec![
        trap(
            "a status",
            Attack::patch(ADMIN, "--subresource=status permit/asked -n agency-customs", &active),
            "change the spec, or give a review",
            Remedy::Bindings("govcloud-guard-status"),
        ),
        trap(
            "a grant",
            Attack::patch(ADMIN, "slots/slots -n customs--lab", &slots),
            "request a permit: govcloud permit request",
            Remedy::Bindings("govcloud-guard-grants"),
        ),
        trap(
            "a finding",
            Attack::create(ADMIN, &finding()),
            "a reviewer may set spec.acknowledgement",
            Remedy::Bindings("govcloud-guard-findings"),
        ),
        trap(
            "the status of a quota",
            Attack::patch(ADMIN, "--subresource=status resourcequota/govcloud -n customs--lab", &used),
            "written by the cluster alone",
            Remedy::Bindings("govcloud-guard-quota-status"),
        ),
    ]
}
