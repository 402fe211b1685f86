//! Between a quota that is written and a quota that counts, Kubernetes by itself lets everything pass.

use govcloud_controlplane::Component;
use govcloud_tests::{
    Cloud, fixtures, people,
    remedy::{Attack, Remedy, Trap, hold, repaired, spring, trap},
};
use serde_json::{Value, json};

use super::steps::{get, until_reason};

const AGENCY: &str = "customs";
const PROJECT: &str = "uncounted";

/// Nobody counts for a while: the quota controller stands still while a project's quota gets a key.
pub async fn nothing_starts_before_the_quota_counts(cloud: &Cloud) {
    let namespace = cloud.project(AGENCY, people::CUSTOMS_ADMIN, PROJECT, "4").await;
    cloud.plane.stop_component(Component::ControllerManager).await.expect("it stops");
    let limited = json!({"spec": {"quota": {"limits.cpu": "1", "count/services": "0"}}}).to_string();
    let change = ["patch", "project", PROJECT, "-n", "agency-customs", "--type=merge", "-p", &limited];
    cloud.kubectl(people::CUSTOMS_ADMIN, &change).await.succeeds();
    let home = format!("agency-{AGENCY}");
    until_reason(cloud, ("project", &home, PROJECT), "Ready", "QuotaNotInForce").await;
    let quota = get(cloud, "resourcequota", &namespace, "govcloud").await;
    assert!(quota["spec"]["hard"]["limits.cpu"] == "0" && quota["status"]["hard"]["limits.cpu"].is_null(), "{quota}");

    let trap = uncounted(&namespace);
    hold(cloud, &trap).await;
    spring(cloud, &trap).await;
    repaired(cloud, &trap).await;
    cloud.plane.start_component(Component::ControllerManager).await.expect("it starts");
    cloud.wait_for("project", &home, PROJECT, "Ready").await;
    Attack::create(people::CUSTOMS_DEVELOPER, &too_large(&namespace)).is_refused(cloud, "exceeded quota: govcloud").await;
    cloud.kubectl(people::CUSTOMS_ADMIN, &["delete", "project", PROJECT, "-n", &home]).await.succeeds();
}

fn too_large(namespace: &str) -> Value {
    let mut pod = fixtures::pod(namespace, "uncounted", "nginx:1");
    pod["spec"]["containers"][0]["resources"] = json!({"requests": {"cpu": "1"}, "limits": {"cpu": "32"}});
    pod
}

fn uncounted(namespace: &str) -> Vec<Trap> {
    let attack = Attack::create(people::CUSTOMS_DEVELOPER, &too_large(namespace));
    let without = Remedy::Bindings("govcloud-guard-quota-in-force");
    vec![trap("a pod that no quota counts", attack, "the quota of this project is not in force yet", without)]
}
