//! What is larger than one workload may be needs a permit, whatever it runs: images can be renamed, what the scheduler is
//! asked for cannot.

use govcloud_tests::{
    Cloud, Setup, eventually,
    fixtures::{deployment, example, pod, request},
    people::{ADMIN, CUSTOMS_ADMIN, CUSTOMS_DEVELOPER, CUSTOMS_REQUESTER, REVIEWER_1},
    remedy::Attack,
};
use serde_json::{Value, json};

const LAB: &str = "customs--lab";
const TOO_LARGE: &str = "asks for more than one workload may (requests.cpu 64, requests.memory 256Gi, requests.storage 10Ti)";

/// A Deployment of something that no class knows, of which each pod asks for so many processors.
fn large(name: &str, replicas: i64, cpu: &str) -> Value {
    let mut deployment = deployment(LAB, name, "registry.gov.internal/innocent:1", replicas);
    deployment["spec"]["template"]["spec"]["containers"][0]["resources"] = json!({"requests": {"cpu": cpu}});
    deployment
}

fn labelled(mut object: Value) -> Value {
    object["metadata"]["labels"] = json!({"govcloud.dev/processing": "true"});
    object
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_larger_than_the_thresholds_needs_a_permit_of_class_compute() {
    let cloud = Cloud::start(Setup::Government).await;
    cloud.project("customs", CUSTOMS_ADMIN, "lab", "10").await;
    until_thresholds(&cloud, "NoComputeClass").await;
    what_is_too_large_is_refused(&cloud).await;
    claims_are_no_larger_than_a_workload_may_be(&cloud).await;
    what_grows_beyond_is_refused(&cloud).await;

    cloud.apply(REVIEWER_1, &example("04-classes/compute.yaml")).await.succeeds();
    until_thresholds(&cloud, "Enforced").await;
    let target = json!({"group": "apps", "resource": "deployments", "name": "big", "replicas": 5, "perReplica": {"cores": "16", "memory": "1Gi"}});
    let asked = request("customs", "big", "requester@customs", "lab", "compute", &[target]);
    cloud.permit(CUSTOMS_REQUESTER, &asked).await;
    a_permit_names_its_size(&cloud).await;
}

async fn until_thresholds(cloud: &Cloud, reason: &str) {
    eventually(reason, || async {
        let national = cloud.json(ADMIN, &["get", "governmentcloud", "national", "-o", "json"]).await;
        let conditions = national["status"]["conditions"].as_array().cloned().unwrap_or_default();
        let is = |c: &Value| c["type"] == "ThresholdsInForce" && c["reason"] == reason;
        if conditions.iter().any(is) { Ok(()) } else { Err(format!("{conditions:?}")) }
    })
    .await;
}

async fn what_is_too_large_is_refused(cloud: &Cloud) {
    let create = |object: &Value| Attack::create(CUSTOMS_DEVELOPER, object);
    create(&large("big", 4, "16")).passes(cloud, "as much as the threshold is not above it").await;
    create(&large("big", 5, "16")).is_refused(cloud, TOO_LARGE).await;
    create(&labelled(large("big", 5, "16"))).is_refused(cloud, "no permit names Deployment big").await;

    let with = |change: &dyn Fn(&mut Value)| {
        let mut pod = pod(LAB, "one", "registry.gov.internal/innocent:1");
        change(&mut pod["spec"]);
        create(&pod)
    };
    let by_limit = |spec: &mut Value| spec["containers"][0]["resources"] = json!({"limits": {"cpu": "65"}});
    with(&by_limit).is_refused(cloud, TOO_LARGE).await;
    let memory = |spec: &mut Value| spec["containers"][0]["resources"] = json!({"requests": {"memory": "300Gi"}});
    with(&memory).is_refused(cloud, TOO_LARGE).await;
    let of_the_pod = |spec: &mut Value| spec["resources"] = json!({"requests": {"cpu": "65"}});
    with(&of_the_pod).is_refused(cloud, TOO_LARGE).await;
    let at_first = |spec: &mut Value| {
        spec["initContainers"] = json!([spec["containers"][0].clone()]);
        spec["initContainers"][0]["name"] = json!("first");
        spec["initContainers"][0]["resources"] = json!({"requests": {"cpu": "65"}});
    };
    with(&at_first).is_refused(cloud, TOO_LARGE).await;

    let mut outside = large("big", 5, "16");
    outside["metadata"]["namespace"] = json!("default");
    Attack::create(ADMIN, &outside).is_refused(cloud, "which runs only in an agency's project").await;
}

async fn claims_are_no_larger_than_a_workload_may_be(cloud: &Cloud) {
    let spec = |size: &str| json!({"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}});
    let claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"namespace": LAB, "name": "lake"}, "spec": spec("11Ti")});
    Attack::create(CUSTOMS_DEVELOPER, &claim).is_refused(cloud, "the claim lake asks for more than one workload may").await;

    let mut set = deployment(LAB, "lake", "registry.gov.internal/innocent:1", 3);
    set["kind"] = json!("StatefulSet");
    set["spec"]["serviceName"] = json!("lake");
    set["spec"]["volumeClaimTemplates"] = json!([{"metadata": {"name": "data"}, "spec": spec("3Ti")}]);
    Attack::create(CUSTOMS_DEVELOPER, &set).passes(cloud, "nine are not above ten").await;
    set["spec"]["replicas"] = json!(4);
    Attack::create(CUSTOMS_DEVELOPER, &set).is_refused(cloud, TOO_LARGE).await;
}

async fn what_grows_beyond_is_refused(cloud: &Cloud) {
    cloud.apply_json(CUSTOMS_DEVELOPER, &large("grows", 4, "16")).await.succeeds();
    let change = |change: Value| Attack::patch(CUSTOMS_DEVELOPER, &format!("deployment/grows -n {LAB}"), &change);
    change(json!({"spec": {"replicas": 5}})).is_refused(cloud, TOO_LARGE).await;
    change(json!({"metadata": {"labels": {"team": "x"}}})).passes(cloud, "nothing grows").await;
    change(json!({"spec": {"replicas": 3}})).passes(cloud, "it shrinks").await;

    let mut small = pod(LAB, "small", "registry.gov.internal/innocent:1");
    small["spec"]["containers"][0]["resources"] = json!({"requests": {"cpu": "1"}});
    cloud.create_json(CUSTOMS_DEVELOPER, &small).await.succeeds();
    let path = format!("/api/v1/namespaces/{LAB}/pods/small/resize");
    let mut live = cloud.json(ADMIN, &["get", "pod", "small", "-n", LAB, "-o", "json"]).await;
    live["spec"]["containers"][0]["resources"]["requests"]["cpu"] = json!("65");
    live["spec"]["containers"][0]["resources"]["limits"]["cpu"] = json!("65");
    Attack::replace_at(ADMIN, &path, &live).is_refused(cloud, TOO_LARGE).await;
}

async fn a_permit_names_its_size(cloud: &Cloud) {
    let create = |object: &Value| Attack::create(CUSTOMS_DEVELOPER, object);
    create(&labelled(large("big", 5, "16"))).passes(cloud, "a permit names it").await;
    create(&large("big", 5, "16")).is_refused(cloud, "needs the label govcloud.dev/processing").await;
    create(&labelled(large("big", 6, "16"))).is_refused(cloud, "allows at most 5 replicas of Deployment big").await;
    create(&labelled(large("big", 5, "17"))).is_refused(cloud, "allows less per replica of Deployment big").await;
    create(&labelled(large("other", 5, "16"))).is_refused(cloud, "no permit names Deployment other").await;
    let mut kafka = labelled(large("big", 5, "16"));
    kafka["spec"]["template"]["spec"]["containers"][0]["image"] = json!("apache/kafka:4.0");
    create(&kafka).is_refused(cloud, "is for class compute, and Deployment big runs something else too").await;
}
