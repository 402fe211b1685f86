//! The traps of "Guards": who may write what, also if they are the cluster's administrator.
//!
//! Played through as in `slots.rs`: refused, then each remedy out by itself and its attack passes, then all of it repaired.

#[path = "guards/catalogue.rs"]
mod catalogue;
#[path = "guards/traps.rs"]
mod traps;
#[path = "guards/work.rs"]
mod work;

use govcloud_controlplane::Persona;
use govcloud_tests::{
    Cloud, Setup, eventually,
    fixtures::{deployment, permit, pod},
    people::{
        ADMIN, CLOUD_OPERATOR, CUSTOMS_ADMIN, CUSTOMS_DEVELOPER, CUSTOMS_REQUESTER, OPERATOR, REVIEWER_1, REVIEWER_2,
        TAX_REQUESTER,
    },
    remedy::{Attack, edit, hold, on_record, repaired, spring},
};
use serde_json::json;

use traps::{Asked, request};
use work::{device, privileged};

const LAB: &str = "customs--lab";
const HOME: &str = "agency-customs";
/// Works at customs, and is in the ministry's group of reviewers.
const BOTH: &str = "both";

#[tokio::test]
async fn the_traps_of_guards() {
    let cloud = Cloud::start(Setup::Government).await;
    prepare(&cloud).await;
    let asked = Asked::of(&cloud).await;
    catalogue::an_agency_drafts_its_own_services(&cloud).await;
    catalogue::a_provisioned_service_serves_a_claim(&cloud).await;
    let mut traps = traps::all(&cloud, &asked).await;
    traps.extend(catalogue::traps(&shared(&cloud).await));
    people_have_no_way_around_by_their_roles(&cloud).await;
    the_name_label_of_a_namespace_cannot_be_forged(&cloud).await;
    a_member_reviews_nothing_while_the_agency_is_cordoned(&cloud, &asked).await;
    a_namespace_that_was_there_before_us_may_go(&cloud).await;
    a_rule_whose_end_is_meant_may_go(&cloud).await;
    work::an_operator_gives_rights_to_its_own_workloads_alone(&cloud).await;
    hold(&cloud, &traps).await;
    spring(&cloud, &traps).await;
    the_pod_security_label_is_what_refuses_privileged_pods(&cloud).await;
    the_gated_quota_is_what_refuses_gpus(&cloud).await;
    repaired(&cloud, &traps).await;
    Attack::create(CUSTOMS_DEVELOPER, &privileged()).is_refused(&cloud, "violates PodSecurity").await;
    Attack::create(CUSTOMS_DEVELOPER, &device("nvidia.com/gpu")).is_refused(&cloud, "exceeded quota").await;
    an_acknowledgement_carries_its_writers_name(&cloud).await;
    catalogue::it_goes_when_that_is_meant(&cloud).await;
    a_binding_that_hides_from_the_operator_is_put_right(&cloud).await;
    projects_and_agencies_go(&cloud).await;
}

async fn prepare(cloud: &Cloud) {
    let both = Persona::new(BOTH, "both@customs").in_groups(["customs:developers", "ministry:reviewers"]);
    cloud.plane.issue(&both).expect("a credential");
    cloud.project("customs", CUSTOMS_ADMIN, "lab", "20").await;
    let mut events = permit("customs", "events", "requester@customs", "lab", &[("broker", 3, "1Ti")]);
    events["spec"]["sharingOffer"] = json!({"brokers": "1"});
    cloud.permit(CUSTOMS_REQUESTER, &events).await;
    cloud.apply_json(CUSTOMS_REQUESTER, &request("asked", "requester@customs")).await.succeeds();
}

/// The service that shares under the permit of customs, once it is there.
async fn shared(cloud: &Cloud) -> String {
    eventually("what is shared is in the catalogue", || async {
        let permit = cloud.json(ADMIN, &["get", "permit", "events", "-n", HOME, "-o", "json"]).await;
        permit["status"]["sharing"]["service"].as_str().map(str::to_owned).ok_or_else(|| permit["status"].to_string())
    })
    .await
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

/// Its name is like ours, and nobody but the operator could make it now; it bears no label of ours.
async fn a_namespace_that_was_there_before_us_may_go(cloud: &Cloud) {
    for name in ["agency-before-us", "before--us"] {
        cloud.kubectl(OPERATOR, &["create", "namespace", name]).await.succeeds();
        Attack::kubectl(ADMIN, &format!("label namespace {name} govcloud.dev/agency=customs"))
            .is_refused(cloud, "change the Agency or the Project instead")
            .await;
        cloud.kubectl(ADMIN, &["delete", "namespace", name, "--wait=true", "--timeout=80s"]).await.succeeds();
    }
}

/// The annotation says by name that it is meant; another's name does not.
async fn a_rule_whose_end_is_meant_may_go(cloud: &Cloud) {
    let (slip, meant) = ("kubectl annotate processingclasses gpu-training", "govcloud.dev/confirm-deletion");
    let delete = Attack::kubectl(ADMIN, "delete processingclass gpu-training");
    delete.is_refused(cloud, slip).await;
    for (value, goes) in [("batch", false), ("gpu-training", true)] {
        let said = format!("{meant}={value}");
        cloud.kubectl(ADMIN, &["annotate", "processingclass", "gpu-training", &said, "--overwrite"]).await.succeeds();
        if goes { delete.passes(cloud, "it is confirmed").await } else { delete.is_refused(cloud, slip).await }
    }
    cloud.kubectl(ADMIN, &["annotate", "processingclass", "gpu-training", &format!("{meant}-")]).await.succeeds();
    delete.is_refused(cloud, slip).await;
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
    let found = &format!("processingfinding/{} -n agency-customs", a_finding(cloud).await);
    Attack::patch(REVIEWER_1, found, &by("reviewer-2@ministry")).is_refused(cloud, "must be your own user name").await;
    Attack::patch(REVIEWER_1, found, &json!({"spec": {"message": "Nothing."}}))
        .is_refused(cloud, "a reviewer may set spec.acknowledgement")
        .await;
    Attack::patch(BOTH, found, &by("both@customs")).is_refused(cloud, "found about their own agency").await;
    Attack::patch(REVIEWER_2, found, &by("reviewer-2@ministry")).passes(cloud, "one's own acknowledgement").await;
}

/// Something that listens where a database does; the name of what the scanner finds about it.
async fn a_finding(cloud: &Cloud) -> String {
    let mut pod = pod(LAB, "listener", "web");
    pod["spec"]["containers"][0]["ports"] = json!([{"containerPort": 5432}]);
    cloud.create_json(CUSTOMS_DEVELOPER, &pod).await.succeeds();
    eventually("the listener is found", || async {
        let all = cloud.json(ADMIN, &["get", "processingfindings", "-n", HOME, "-o", "json"]).await;
        let found = all["items"].as_array().into_iter().flatten().find(|f| f["spec"]["object"]["name"] == "listener");
        found.and_then(|f| f["metadata"]["name"].as_str()).map(str::to_owned).ok_or_else(|| all.to_string())
    })
    .await
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
    eventually("the interruption is shown", || async {
        let national = cloud.json(ADMIN, &["get", "governmentcloud", "national", "-o", "json"]).await;
        let conditions = national["status"]["conditions"].as_array().cloned().unwrap_or_default();
        let shown =
            |c: &serde_json::Value| c["type"] == "EnforcementIntact" && c["status"] == "False" && c["reason"] == "Interrupted";
        if conditions.iter().any(shown) { Ok(()) } else { Err(national["status"].to_string()) }
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
    eventually("two permits and a review are left", || async {
        let left = cloud.kubectl(ADMIN, &["get", "permit,review", "-n", HOME, "-o", "name"]).await;
        if left.ok && left.out.lines().count() == 3 { Ok(()) } else { Err(format!("{left:?}")) }
    })
    .await;

    let purged = permit("tax-administration", "asked", "requester@tax", "none", &[("more", 1, "1Gi")]);
    cloud.apply_json(TAX_REQUESTER, &purged).await.succeeds();
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
