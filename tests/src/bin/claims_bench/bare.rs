//! The baseline: as many writes by a client that decides nothing.

use std::time::{Duration, Instant};

use futures::{StreamExt, stream};
use govcloud_tests::{Cloud, objects, people};
use kube::{
    Api, Client,
    api::{DynamicObject, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};

use crate::requests::Writes;

/// As many as the operator's controllers of services and claims have together.
const CONCURRENCY: usize = 32;
const NAMESPACE: &str = "bare";

/// Applies as many Secrets and NetworkPolicies as the operator did, creates and then updates ConfigMaps of a status's size as
/// often as it wrote anything else, in a namespace that nobody looks after; how long that took.
pub async fn write(cloud: &Cloud, writes: &Writes) -> Duration {
    cloud.kubectl(people::ADMIN, &["create", "namespace", NAMESPACE]).await.succeeds();
    let client = cloud.client(people::ADMIN).await;
    let (secrets, policies) = (writes.of("secrets"), writes.of("networkpolicies"));
    let others = writes.total() - secrets - policies;
    let objects = (secrets + policies).div_ceil(2).max(1);
    seed(&client, objects).await;
    let started = Instant::now();
    let secrets = stream::iter(0..secrets).map(Write::Secret);
    let policies = stream::iter(0..policies).map(Write::Policy);
    let others = stream::iter(0..others).map(|number| Write::Status(number, number % objects));
    secrets.chain(policies).chain(others).for_each_concurrent(CONCURRENCY, |write| one(&client, write)).await;
    started.elapsed()
}

enum Write {
    Secret(usize),
    Policy(usize),
    /// The number of the write, and of the object.
    Status(usize, usize),
}

/// The objects whose state is written: they are there before the clock runs, as the claims are.
async fn seed(client: &Client, count: usize) {
    let api = objects::core_in(client, NAMESPACE, "ConfigMap", "configmaps");
    let one = async |number: usize| {
        let object: DynamicObject = serde_json::from_value(state(number, 0)).expect("an object");
        api.create(&PostParams::default(), &object).await.expect("it is taken");
    };
    stream::iter(0..count).for_each_concurrent(CONCURRENCY, one).await;
}

async fn one(client: &Client, write: Write) {
    let (api, manifest) = match write {
        Write::Secret(number) => (objects::core_in(client, NAMESPACE, "Secret", "secrets"), secret(number)),
        Write::Policy(number) => (policies(client), policy(number)),
        Write::Status(number, object) => {
            let api = objects::core_in(client, NAMESPACE, "ConfigMap", "configmaps");
            let object: DynamicObject = serde_json::from_value(state(object, number)).expect("an object");
            let name = object.metadata.name.clone().expect("a name");
            api.replace(&name, &PostParams::default(), &object).await.expect("it is taken");
            return;
        }
    };
    let name = manifest["metadata"]["name"].as_str().expect("a name");
    api.patch(name, &PatchParams::apply("bare").force(), &Patch::Apply(&manifest)).await.expect("it is taken");
}

fn policies(client: &Client) -> Api<DynamicObject> {
    let kind = kube::core::GroupVersionKind::gvk("networking.k8s.io", "v1", "NetworkPolicy");
    Api::namespaced_with(client.clone(), NAMESPACE, &kube::api::ApiResource::from_gvk_with_plural(&kind, "networkpolicies"))
}

fn metadata(name: &str) -> Value {
    json!({"namespace": NAMESPACE, "name": name, "labels": {"govcloud.example/agency": "a000", "govcloud.example/project": "uses"}})
}

fn secret(number: usize) -> Value {
    let name = format!("c{number:06}-binding");
    let data = json!({"type": "a2Fma2E=", "provider": "czAwMDAw", "bootstrap-servers": "czAwMDAwLmdvdi5pbnRlcm5hbDo5MDkz"});
    json!({"apiVersion": "v1", "kind": "Secret", "type": "servicebinding.io/kafka", "metadata": metadata(&name), "data": data})
}

fn policy(number: usize) -> Value {
    let egress = json!([{"to": [{"ipBlock": {"cidr": "10.20.0.0/24"}}], "ports": [{"protocol": "TCP", "port": 9093}]}]);
    let spec = json!({"podSelector": {}, "policyTypes": ["Egress"], "egress": egress});
    let metadata = metadata(&format!("govcloud-c{number:06}"));
    json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec})
}

/// As large as a claim with its conditions.
fn state(object: usize, version: usize) -> Value {
    let data = json!({"state": format!("{version:08}{}", "x".repeat(1200))});
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata(&format!("c{object:06}")), "data": data})
}
