//! Devices by Dynamic Resource Allocation: a claim asks for what a class gates, and then the quota decides.
//!
//! Played through as in `slots.rs`: refused, then each remedy out by itself and its attack passes, then all of it repaired.

#[path = "devices/traps.rs"]
mod traps;

use govcloud_tests::{
    Cloud, Setup, eventually,
    fixtures::{pod, request},
    people::{ADMIN, REVIEWER_1, TAX_ADMIN, TAX_DEVELOPER, TAX_REQUESTER},
    remedy::{Attack, edit, hold, repaired, spring},
};
use serde_json::{Value, json};

const LAB: &str = "tax-administration--lab";
/// What is said of a device that no class gates.
const ASK: &str = "devices need a permit: govcloud permit check";

#[tokio::test]
async fn claims_ask_for_what_classes_gate() {
    let cloud = Cloud::start(Setup::Government).await;
    prepare(&cloud).await;
    a_known_class_is_bounded_by_the_quota(&cloud).await;
    what_does_not_change_passes(&cloud).await;
    let traps = traps::all();
    hold(&cloud, &traps).await;
    spring(&cloud, &traps).await;
    repaired(&cloud, &traps).await;
    the_names_of_a_device_follow_its_classes(&cloud).await;
    what_was_altered_is_on_record_also_when_something_new_is_wanted(&cloud).await;
}

fn device_class(name: &str, extended: Option<&str>) -> Value {
    let mut class = json!({"apiVersion": "resource.k8s.io/v1", "kind": "DeviceClass", "metadata": {"name": name}, "spec": {}});
    if let Some(extended) = extended {
        class["spec"]["extendedResourceName"] = json!(extended);
    }
    class
}

/// `gpu` is what `gpu-training` gates, under another name; `fpga` is gated by its own; nobody knows `other` and `more`.
async fn prepare(cloud: &Cloud) {
    for class in [device_class("gpu", Some("nvidia.com/gpu")), device_class("fpga", None), device_class("other", None)] {
        cloud.create_json(ADMIN, &class).await.succeeds();
    }
    let fpga = json!({
        "apiVersion": "govcloud.dev/v1alpha1", "kind": "ProcessingClass", "metadata": {"name": "fpga"},
        "spec": {
            "displayName": "FPGA", "dimensions": [{"name": "cards"}], "gatedQuota": {"cards": "fpga.deviceclass.resource.k8s.io/devices"},
            "approval": {"quorum": [{"group": "ministry:reviewers", "count": 1}]},
        },
    });
    cloud.apply_json(REVIEWER_1, &fpga).await.succeeds();
    cloud.enforced().await;
    cloud.project("tax-administration", TAX_ADMIN, "lab", "20").await;
    // Without this label the API server itself refuses `adminAccess`; our own guard must not rest on it.
    cloud.kubectl(ADMIN, &["label", "namespace", LAB, "resource.kubernetes.io/admin-access=true"]).await.succeeds();
    let target =
        json!({"group": "apps", "resource": "deployments", "name": "training", "replicas": 1, "perReplica": {"gpus": "2"}});
    let permit = request("tax-administration", "gpus", "requester@tax", "lab", "gpu-training", &[target]);
    cloud.permit(TAX_REQUESTER, &permit).await;
    eventually("two GPUs are there, and no FPGA", || async {
        let quota = cloud.json(TAX_ADMIN, &["get", "resourcequota", "govcloud", "-n", LAB, "-o", "json"]).await;
        let hard = &quota["status"]["hard"];
        let gpu = [
            "requests.nvidia.com/gpu",
            "gpu.deviceclass.resource.k8s.io/devices",
            "requests.deviceclass.resource.kubernetes.io/gpu",
        ];
        let fpga = ["fpga.deviceclass.resource.k8s.io/devices", "requests.deviceclass.resource.kubernetes.io/fpga"];
        let is_so = gpu.iter().all(|key| hard[key] == "2") && fpga.iter().all(|key| hard[key] == "0");
        if is_so { Ok(()) } else { Err(quota.to_string()) }
    })
    .await;
    let ledger = cloud.json(ADMIN, &["get", "agencyquota", "tax-administration", "-o", "json"]).await;
    let allocated = ledger["status"]["allocated"].as_object().cloned().unwrap_or_default();
    let devices: Vec<_> = allocated.keys().filter(|key| key.contains('/')).collect();
    assert_eq!(devices, ["requests.nvidia.com/gpu"], "the ledger holds a device once, whatever it is called");
}

/// A claim of one request.
fn claim(request: Value) -> Value {
    let mut request = request;
    request["name"] = json!("r");
    json!({
        "apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaim", "metadata": {"namespace": LAB, "name": "mine"},
        "spec": {"devices": {"requests": [request]}},
    })
}

/// A request for some devices of a class.
fn exactly(class: &str, count: i64) -> Value {
    json!({"exactly": {"deviceClassName": class, "count": count}})
}

/// A template of such claims.
fn template(request: Value) -> Value {
    let spec = claim(request)["spec"].clone();
    json!({
        "apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaimTemplate", "metadata": {"namespace": LAB, "name": "mine"},
        "spec": {"spec": spec},
    })
}

/// A pod that asks for one of a device.
fn asking(key: &str) -> Value {
    let mut pod = pod(LAB, "asks", "nginx:1");
    pod["spec"]["containers"][0]["resources"] = json!({"limits": {key: "1"}});
    pod
}

async fn a_known_class_is_bounded_by_the_quota(cloud: &Cloud) {
    let create = |manifest: &Value| Attack::create(TAX_DEVELOPER, manifest);
    create(&claim(exactly("gpu", 2))).passes(cloud, "the permit is for two").await;
    create(&claim(exactly("gpu", 3))).is_refused(cloud, "exceeded quota").await;
    let all = claim(json!({"exactly": {"deviceClassName": "gpu", "allocationMode": "All"}}));
    create(&all).is_refused(cloud, "exceeded quota").await;
    create(&claim(exactly("fpga", 1))).is_refused(cloud, "exceeded quota").await;
    create(&template(exactly("fpga", 1))).passes(cloud, "a template is no claim yet; its claims are counted").await;
    create(&asking("nvidia.com/gpu")).passes(cloud, "the permit is for two").await;
    let either = |first: &str, second: &str| {
        let one = |class: &str| json!({"name": class, "deviceClassName": class, "count": 1});
        claim(json!({"firstAvailable": [one(first), one(second)]}))
    };
    create(&either("gpu", "fpga")).is_refused(cloud, "exceeded quota").await;
    create(&either("gpu", "other")).is_refused(cloud, ASK).await;
    Attack::create(ADMIN, &claim(exactly("other", 1))).is_refused(cloud, ASK).await;
    Attack::create(ADMIN, &claim(exactly("nobody-made-it", 1))).is_refused(cloud, ASK).await;
    create(&asking("deviceclass.resource.kubernetes.io/other")).is_refused(cloud, ASK).await;
}

/// A claim from before its class was removed is labelled and goes, although nobody could make it now.
async fn what_does_not_change_passes(cloud: &Cloud) {
    let mut old = claim(exactly("gpu", 1));
    old["metadata"]["name"] = json!("old");
    old["metadata"]["finalizers"] = json!(["example.com/hold"]);
    cloud.create_json(TAX_DEVELOPER, &old).await.succeeds();
    cloud.kubectl(ADMIN, &["delete", "deviceclass", "gpu"]).await.succeeds();
    Attack::create(TAX_DEVELOPER, &claim(exactly("gpu", 1))).is_refused(cloud, ASK).await;
    let change = |change: Value| Attack::patch(TAX_DEVELOPER, &format!("resourceclaim/old -n {LAB}"), &change);
    change(json!({"metadata": {"labels": {"a": "b"}}})).passes(cloud, "a label asks for nothing").await;
    change(json!({"metadata": {"annotations": {"resource.kubernetes.io/extended-resource-claim": "true"}}}))
        .is_refused(cloud, "is the scheduler's")
        .await;
    let free = ["patch", "resourceclaim/old", "-n", LAB, "--type=merge", "-p", r#"{"metadata": {"finalizers": null}}"#];
    cloud.kubectl(TAX_DEVELOPER, &free).await.succeeds();
    cloud.kubectl(TAX_DEVELOPER, &["delete", "resourceclaim", "old", "-n", LAB]).await.succeeds();
    cloud.create_json(ADMIN, &device_class("gpu", Some("nvidia.com/gpu"))).await.succeeds();
    Attack::create(TAX_DEVELOPER, &claim(exactly("gpu", 1))).passes(cloud, "its class is back").await;
}

/// A second class of the same device is known as soon as it is there, and no longer when it is another device.
async fn the_names_of_a_device_follow_its_classes(cloud: &Cloud) {
    let next = claim(exactly("gpu-next", 1));
    let create = Attack::create(TAX_DEVELOPER, &next);
    create.is_refused(cloud, ASK).await;
    cloud.create_json(ADMIN, &device_class("gpu-next", Some("nvidia.com/gpu"))).await.succeeds();
    create.passes(cloud, "it is the same device by another class").await;
    Attack::create(TAX_DEVELOPER, &claim(exactly("gpu-next", 3))).is_refused(cloud, "exceeded quota").await;
    let renamed = json!({"spec": {"extendedResourceName": "nvidia.com/next"}}).to_string();
    cloud.kubectl(ADMIN, &["patch", "deviceclass/gpu-next", "--type=merge", "-p", &renamed]).await.succeeds();
    create.is_refused(cloud, ASK).await;
}

/// By the time the operator is back another policy differs because it must, and this one because somebody altered it.
async fn what_was_altered_is_on_record_also_when_something_new_is_wanted(cloud: &Cloud) {
    const POLICY: &str = "govcloud-guard-rules";
    cloud.kill_operator().await;
    edit(cloud, "validatingadmissionpolicy", POLICY, |live| live["spec"]["validations"][0]["expression"] = json!("true")).await;
    cloud.create_json(ADMIN, &device_class("gpu-third", Some("nvidia.com/gpu"))).await.succeeds();
    cloud.start_operator().await;
    Attack::create(TAX_DEVELOPER, &claim(exactly("gpu-third", 1))).passes(cloud, "it is the same device by a third class").await;
    let object = format!("ValidatingAdmissionPolicy {POLICY}");
    eventually("the alteration is on record", || async {
        let national = cloud.json(ADMIN, &["get", "governmentcloud", "national", "-o", "json"]).await;
        let recorded = national["status"]["interruptions"].as_array().cloned().unwrap_or_default();
        let found: Vec<_> = recorded.iter().filter(|i| i["what"] == "Altered" && i["object"] == object.as_str()).collect();
        if found.len() == 1 { Ok(()) } else { Err(national["status"]["interruptions"].to_string()) }
    })
    .await;
}
