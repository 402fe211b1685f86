//! The traps of "Guards": who may write what, also if they are the cluster's administrator.
//!
//! Played through as in `slots.rs`: refused, then each remedy out by itself and its attack passes, then all of it repaired.

use govcloud_controlplane::Persona;
use govcloud_tests::{
    Cloud, Setup, eventually,
    fixtures::{deployment, permit, pod},
    people::{ADMIN, CLOUD_OPERATOR, CUSTOMS_ADMIN, CUSTOMS_DEVELOPER, CUSTOMS_REQUESTER, REVIEWER_1, REVIEWER_2},
    remedy::{Attack, Remedy, Trap, edit, hold, on_record, repaired, spring, trap},
};
use serde_json::{Value, json};

const LAB: &str = "customs--lab";
const HOME: &str = "agency-customs";
/// Works at customs, and is in the ministry's group of reviewers.
const BOTH: &str = "both";
const NAMESPACES: &str = "govcloud-guard-namespaces";
const REVIEWS: &str = "govcloud-guard-reviews";
const OWNED: &str = "are set by the operator; change the Agency, its AgencyQuota, or the Project instead";

#[tokio::test]
async fn the_traps_of_guards() {
    let cloud = Cloud::start(Setup::Government).await;
    prepare(&cloud).await;
    let asked = Asked::of(&cloud).await;
    let traps = [
        namespaces(&cloud).await,
        definitions(),
        reviews(&asked),
        requests(),
        words_of_the_operator(),
        managed(),
        roles(),
        pods(),
    ]
    .concat();
    people_have_no_way_around_by_their_roles(&cloud).await;
    the_name_label_of_a_namespace_cannot_be_forged(&cloud).await;
    a_member_reviews_nothing_while_the_agency_is_cordoned(&cloud, &asked).await;
    hold(&cloud, &traps).await;
    spring(&cloud, &traps).await;
    the_pod_security_label_is_what_refuses_privileged_pods(&cloud).await;
    the_gated_quota_is_what_refuses_gpus(&cloud).await;
    let finding = cloud.create_json(ADMIN, &finding()).await;
    finding.succeeds();
    repaired(&cloud, &traps).await;
    Attack::create(CUSTOMS_DEVELOPER, &privileged()).is_refused(&cloud, "violates PodSecurity").await;
    Attack::create(CUSTOMS_DEVELOPER, &device("nvidia.com/gpu")).is_refused(&cloud, "exceeded quota").await;
    an_acknowledgement_carries_its_writers_name(&cloud).await;
    a_binding_that_hides_from_the_operator_is_put_right(&cloud).await;
    projects_and_agencies_go(&cloud).await;
}

async fn prepare(cloud: &Cloud) {
    let both = Persona::new(BOTH, "both@customs").in_groups(["customs:developers", "ministry:reviewers"]);
    cloud.plane.issue(&both).expect("a credential");
    cloud.project("customs", CUSTOMS_ADMIN, "lab", "20").await;
    cloud.permit(CUSTOMS_REQUESTER, &permit("customs", "events", "requester@customs", "lab", &[("broker", 3, "1Ti")])).await;
    cloud.apply_json(CUSTOMS_REQUESTER, &request("asked", "requester@customs")).await.succeeds();
}

fn request(name: &str, requester: &str) -> Value {
    permit("customs", name, requester, "lab", &[("more", 3, "1Ti")])
}

/// A request that waits, and a review that was given.
struct Asked {
    review: Value,
    given: String,
}

impl Asked {
    async fn of(cloud: &Cloud) -> Self {
        let review = cloud.review_of(HOME, "asked", "reviewer-1@ministry", "ministry:reviewers", "Approve").await;
        let all = cloud.json(ADMIN, &["get", "permitreviews", "-n", HOME, "-o", "json"]).await;
        Self { review, given: all["items"][0]["metadata"]["name"].as_str().expect("a review").to_owned() }
    }

    fn review(&self, who: &'static str, reviewer: &str, group: &str) -> Attack {
        let mut review = self.review.clone();
        (review["spec"]["reviewer"], review["spec"]["group"]) = (json!(reviewer), json!(group));
        Attack::create(who, &review)
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
    let by_hand = "create or delete the Agency or the Project instead";
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
        trap(
            "a home deleted by hand",
            Attack::kubectl(ADMIN, "delete namespace agency-customs"),
            by_hand,
            text("request.operation == 'UPDATE' || ![", "request.operation != 'CREATE' || !["),
        ),
        trap(
            "a project made by hand",
            Attack::kubectl(ADMIN, "create namespace a--b"),
            by_hand,
            text("|| n.contains('--'))", ")"),
        ),
        trap(
            "a home made by hand",
            Attack::kubectl(ADMIN, "create namespace agency-x"),
            by_hand,
            text("n.startsWith('agency-')", "n == ''"),
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

fn reviews(asked: &Asked) -> Vec<Trap> {
    let owners = json!({"metadata": {"ownerReferences": [{"apiVersion": "v1", "kind": "ConfigMap", "name": "a", "uid": "b"}]}});
    let check = |message| Remedy::check(REVIEWS, message);
    let unchanged = "a review cannot be changed; give another one";
    let edit =
        Remedy::All(vec![check("a review cannot be changed"), Remedy::Schema("permitreviews.govcloud.dev", "cannot be changed")]);
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
            Remedy::Bindings("govcloud-guard-owners"),
        ),
    ]
}

fn requests() -> Vec<Trap> {
    let changed = json!({"spec": {"justification": "Something else altogether."}});
    vec![
        trap(
            "a request in another's name",
            Attack::create(CUSTOMS_REQUESTER, &request("forged", "admin@customs")),
            "must be your own user name",
            Remedy::Bindings("govcloud-guard-requests"),
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

fn finding() -> Value {
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

fn managed() -> Vec<Trap> {
    let object = |api_version: &str, kind: &str, rest: Value| {
        let mut object = json!({"apiVersion": api_version, "kind": kind, "metadata": {"namespace": LAB, "name": "mine"}});
        object.as_object_mut().expect("a map").extend(rest.as_object().cloned().unwrap_or_default());
        Attack::create(ADMIN, &object)
    };
    let network = json!({"spec": {"podSelector": {}, "egress": [{}], "policyTypes": ["Egress"]}});
    let binding = json!({"roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}, "subjects": []});
    let rule = |name: &'static str, attack: Attack, resource: &str| {
        trap(name, attack, OWNED, Remedy::text("govcloud-guard-managed", format!(r#""{resource}""#), r#""nothing""#))
    };
    vec![
        rule("a network policy", object("networking.k8s.io/v1", "NetworkPolicy", network), "networkpolicies"),
        rule("a role binding", object("rbac.authorization.k8s.io/v1", "RoleBinding", binding), "rolebindings"),
        rule("a limit range", object("v1", "LimitRange", json!({"spec": {"limits": []}})), "limitranges"),
        rule("a quota", Attack::kubectl(ADMIN, "delete resourcequota/govcloud -n customs--lab"), "resourcequotas"),
    ]
}

fn roles() -> Vec<Trap> {
    let all = json!({"rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*", "escalate"]}]});
    let grow = || Attack::patch(ADMIN, "clusterrole/govcloud:agency-admin", &all);
    let operator = "system:serviceaccount:govcloud-system:govcloud-operator";
    let guard = "govcloud-guard-roles";
    vec![
        trap(
            "the operator itself gives agencies all rights",
            grow().impersonating(operator),
            "holds no wildcards",
            Remedy::check(guard, "holds no wildcards"),
        ),
        trap("an agency's role", grow(), "generated from the ProcessingClasses by the operator alone", Remedy::Bindings(guard)),
    ]
}

fn device(key: &str) -> Value {
    let mut pod = pod(LAB, "gpu", "nginx:1");
    pod["spec"]["containers"][0]["resources"] = json!({"limits": {key: "1"}});
    pod
}

fn privileged() -> Value {
    let mut pod = pod(LAB, "root", "nginx:1");
    // The API server of these tests admits no `privileged: true` at all; this is what Pod Security alone refuses.
    pod["spec"]["hostPID"] = json!(true);
    pod["spec"]["containers"][0]["securityContext"]["capabilities"]["add"] = json!(["SYS_ADMIN"]);
    pod
}

fn pods() -> Vec<Trap> {
    let unknown = "devices need a permit: govcloud permit check";
    let known = "k in ['nvidia.com/gpu']";
    let as_known = |key: &str| Remedy::text("govcloud-guard-devices", known, format!("k in ['nvidia.com/gpu'] || k == '{key}'"));
    vec![
        trap(
            "a device's other name",
            Attack::create(CUSTOMS_DEVELOPER, &device("nvidia.com/mig-1g.5gb")),
            unknown,
            as_known("nvidia.com/mig-1g.5gb"),
        ),
        trap(
            "another maker's device",
            Attack::create(CUSTOMS_DEVELOPER, &device("amd.com/gpu")),
            unknown,
            Remedy::Bindings("govcloud-guard-devices"),
        ),
        trap(
            "a home runs nothing",
            Attack::create(ADMIN, &deployment(HOME, "web", "nginx:1", 1)),
            "use a project: govcloud project create",
            Remedy::Bindings("govcloud-guard-home"),
        ),
    ]
}

/// Layer 0: what is not in a role is not there, whatever admission says.
async fn people_have_no_way_around_by_their_roles(cloud: &Cloud) {
    let attacks = [
        (CUSTOMS_ADMIN, "create rolebinding mine --clusterrole=cluster-admin --user=admin@customs -n customs--lab"),
        (CUSTOMS_ADMIN, "delete permit/events -n agency-customs"),
        (CUSTOMS_ADMIN, "delete permitreviews --all -n agency-customs"),
        (CUSTOMS_ADMIN, "label agency/customs a=b"),
        (CUSTOMS_ADMIN, "label namespace/customs--lab a=b"),
        (CUSTOMS_DEVELOPER, "delete slots/slots -n customs--lab"),
        (CUSTOMS_DEVELOPER, "delete resourcequota/govcloud -n customs--lab"),
        (CUSTOMS_DEVELOPER, "delete validatingadmissionpolicybinding/govcloud-scale-update"),
        (CUSTOMS_DEVELOPER, "create role mine --verb=get --resource=pods -n customs--lab"),
        (REVIEWER_1, "label permit/events a=b -n agency-customs"),
    ];
    for (who, words) in attacks {
        Attack::kubectl(who, words).is_refused(cloud, "orbidden").await;
    }
    let project = json!({"apiVersion": "govcloud.dev/v1alpha1", "kind": "Project", "metadata": {"namespace": HOME, "name": "b--c"}, "spec": {"purpose": "A trick", "pool": "national"}});
    Attack::create(CUSTOMS_ADMIN, &project).is_refused(cloud, "choose a shorter or simpler name").await;
}

/// Exemptions go by the label that the API server keeps; it puts its own value back.
async fn the_name_label_of_a_namespace_cannot_be_forged(cloud: &Cloud) {
    let forge = ["label", "namespace", LAB, "kubernetes.io/metadata.name=kube-system", "--overwrite"];
    cloud.kubectl(ADMIN, &forge).await;
    let found = cloud.json(ADMIN, &["get", "namespace", LAB, "-o", "json"]).await;
    assert_eq!(found["metadata"]["labels"]["kubernetes.io/metadata.name"], LAB);
}

async fn a_member_reviews_nothing_while_the_agency_is_cordoned(cloud: &Cloud, asked: &Asked) {
    let cordon = |cordoned: bool| json!({"spec": {"cordoned": cordoned}}).to_string();
    cloud.kubectl(CLOUD_OPERATOR, &["patch", "agency/customs", "--type=merge", "-p", &cordon(true)]).await.succeeds();
    cloud.wait_for("agency", "", "customs", "Ready").await;
    Attack::create(CUSTOMS_DEVELOPER, &pod(LAB, "web", "nginx:1")).is_refused(cloud, "orbidden").await;
    asked
        .review(BOTH, "both@customs", "ministry:reviewers")
        .is_refused(cloud, "nobody reviews a request of their own agency")
        .await;
    cloud.kubectl(CLOUD_OPERATOR, &["patch", "agency/customs", "--type=merge", "-p", &cordon(false)]).await.succeeds();
    Attack::create(CUSTOMS_DEVELOPER, &pod(LAB, "web", "nginx:1")).passes(cloud, "the agency is free again").await;
}

/// The guard of the label is out already.
async fn the_pod_security_label_is_what_refuses_privileged_pods(cloud: &Cloud) {
    let attack = Attack::create(CUSTOMS_DEVELOPER, &privileged());
    attack.is_refused(cloud, "violates PodSecurity").await;
    cloud
        .kubectl(ADMIN, &["label", "namespace", LAB, "pod-security.kubernetes.io/enforce=privileged", "--overwrite"])
        .await
        .succeeds();
    attack.passes(cloud, "without the label").await;
}

/// The guards of the quota are out already.
async fn the_gated_quota_is_what_refuses_gpus(cloud: &Cloud) {
    let attack = Attack::create(CUSTOMS_DEVELOPER, &device("nvidia.com/gpu"));
    attack.is_refused(cloud, "exceeded quota").await;
    let ungated = json!({"spec": {"hard": {"requests.nvidia.com/gpu": null}}}).to_string();
    cloud.kubectl(ADMIN, &["patch", "resourcequota/govcloud", "-n", LAB, "--type=merge", "-p", &ungated]).await.succeeds();
    attack.passes(cloud, "without the key").await;
}

async fn an_acknowledgement_carries_its_writers_name(cloud: &Cloud) {
    let by = |name: &str| json!({"spec": {"acknowledgement": {"by": name, "reason": "It is known.", "until": "2099-01-01T00:00:00Z"}}});
    let found = "processingfinding/found -n agency-customs";
    Attack::patch(REVIEWER_1, found, &by("reviewer-2@ministry")).is_refused(cloud, "must be your own user name").await;
    Attack::patch(REVIEWER_1, found, &json!({"spec": {"message": "Nothing."}}))
        .is_refused(cloud, "a reviewer may set spec.acknowledgement")
        .await;
    Attack::patch(REVIEWER_2, found, &by("reviewer-2@ministry")).passes(cloud, "one's own acknowledgement").await;
}

/// It loses the label that the operator watches, and gains an exception.
async fn a_binding_that_hides_from_the_operator_is_put_right(cloud: &Cloud) {
    let (kind, name) = ("validatingadmissionpolicybinding", "govcloud-guard-home");
    edit(cloud, kind, name, |binding| {
        binding["metadata"]["labels"] = json!({});
        binding["spec"]["matchResources"]["excludeResourceRules"] =
            json!([{"apiGroups": ["apps"], "apiVersions": ["*"], "resources": ["*"], "operations": ["*"]}]);
    })
    .await;
    eventually("the exception is gone", || async {
        let live = cloud.json(ADMIN, &["get", kind, name, "-o", "json"]).await;
        let whole = live["spec"]["matchResources"]["excludeResourceRules"].is_null() && live["metadata"]["labels"].is_object();
        if whole { Ok(()) } else { Err(live.to_string()) }
    })
    .await;
    Attack::create(ADMIN, &deployment(HOME, "web", "nginx:1", 1)).is_refused(cloud, "runs nothing").await;
    on_record(cloud).await;
}

/// A project takes its namespace along; an agency leaves its paperwork, unless it has none or a purge is confirmed.
async fn projects_and_agencies_go(cloud: &Cloud) {
    let delete = |kind: &'static str, name: &'static str, namespace: &'static str| async move {
        cloud.kubectl(ADMIN, &["delete", kind, name, "-n", namespace, "--wait=true", "--timeout=80s"]).await.succeeds();
    };
    let there = |namespace: &'static str| async move { cloud.kubectl(ADMIN, &["get", "namespace", namespace]).await.ok };
    delete("project", "lab", HOME).await;
    assert!(!there(LAB).await, "the namespace goes before its project");

    delete("agency", "customs", "").await;
    assert!(there(HOME).await, "permits and reviews stay");
    let left = cloud.json(ADMIN, &["get", "permits,permitreviews", "-n", HOME, "-o", "json"]).await;
    assert_eq!(left["items"].as_array().map(Vec::len), Some(3));

    let purged = permit("tax-administration", "asked", "requester@tax", "none", &[("more", 1, "1Gi")]);
    cloud.apply_json(govcloud_tests::people::TAX_REQUESTER, &purged).await.succeeds();
    cloud
        .kubectl(
            CLOUD_OPERATOR,
            &["annotate", "agency", "tax-administration", "govcloud.dev/confirm-deletion=tax-administration"],
        )
        .await
        .succeeds();
    delete("agency", "tax-administration", "").await;
    delete("agency", "ito", "").await;
    for home in ["agency-tax-administration", "agency-ito"] {
        eventually("the home is gone", || async { if there(home).await { Err("it is there".to_owned()) } else { Ok(()) } }).await;
    }
}
