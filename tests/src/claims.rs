//! What tests of claims ask of a cloud.

use std::path::Path;

use serde_json::{Value, json};

use crate::{Cloud, eventually, people};

/// The manifest of a claim.
pub fn claim(namespace: &str, name: &str, service: &str, plan: &str) -> Value {
    json!({
        "apiVersion": "govcloud.dev/v1alpha1", "kind": "ServiceClaim", "metadata": {"namespace": namespace, "name": name},
        "spec": {"sharedService": service, "plan": plan, "purpose": "A test"},
    })
}

/// A condition of an object; null if it has none of that type.
pub fn condition(object: &Value, kind: &str) -> Value {
    let conditions = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
    conditions.into_iter().find(|c| c["type"] == kind).unwrap_or_default()
}

/// A claim as it is; null if it is not there.
pub async fn get(cloud: &Cloud, namespace: &str, name: &str) -> Value {
    cloud.json(people::ADMIN, &["get", "claim", name, "-n", namespace, "-o", "json"]).await
}

/// Waits until a claim is as it should be.
pub async fn until(cloud: &Cloud, (namespace, name): (&str, &str), what: &str, holds: impl Fn(&Value) -> bool) -> Value {
    eventually(&format!("claim {namespace}/{name}: {what}"), || async {
        let claim = get(cloud, namespace, name).await;
        if holds(&claim) { Ok(claim) } else { Err(format!("{}\n{}", claim["status"], cloud.operator_log())) }
    })
    .await
}

/// Waits until a claim is bound with credentials of this number, which are the only ones.
pub async fn until_provisioned(cloud: &Cloud, place: (&str, &str), rotation: i64) -> Value {
    until(cloud, place, &format!("its credentials are of number {rotation}"), |claim| {
        claim["status"]["phase"] == "Bound"
            && claim["status"]["rotation"] == rotation
            && condition(claim, "Provisioned")["status"] == "True"
    })
    .await
}

/// Waits until a condition of a claim is so, for this reason.
pub async fn until_reason(cloud: &Cloud, place: (&str, &str), kind: &str, reason: &str) -> Value {
    until(cloud, place, &format!("{kind} says {reason}"), |claim| condition(claim, kind)["reason"] == reason).await
}

/// Asks for new credentials.
pub async fn rotate(cloud: &Cloud, persona: &str, (namespace, name): (&str, &str), rotation: i64) {
    let patch = json!({"spec": {"rotation": rotation}}).to_string();
    cloud.kubectl(persona, &["patch", "claim", name, "-n", namespace, "--type=merge", "-p", &patch]).await.succeeds();
}

/// Puts the entries of a claim's Secret into a folder below `root`, one file each, as a kubelet projects it for a workload
/// that has it bound under this name: `$SERVICE_BINDING_ROOT/<name>/<entry>`.
pub async fn project(cloud: &Cloud, persona: &str, (namespace, name): (&str, &str), root: &Path) {
    let claim = cloud.json(persona, &["get", "claim", name, "-n", namespace, "-o", "json"]).await;
    let secret = claim["status"]["binding"]["name"].as_str().expect("it is bound");
    let template = "go-template={{range $k, $v := .data}}{{$k}} {{$v | base64decode | printf \"%q\"}}{{\"\\n\"}}{{end}}";
    let entries = cloud.kubectl(persona, &["get", "secret", secret, "-n", namespace, "-o", template]).await.succeeds();
    let folder = root.join(name);
    let _ = std::fs::remove_dir_all(&folder); // there may be none
    std::fs::create_dir_all(&folder).expect("a folder");
    for line in entries.lines() {
        let (key, value) = line.split_once(' ').expect("a name and a text");
        let value: String = serde_json::from_str(value).expect("a text");
        std::fs::write(folder.join(key), value).expect("a file");
    }
}
