//! What the scanner is shown, and what it says.

use govcloud_tests::{
    Cloud, Setup, eventually,
    fixtures::{deployment, example, node_pool, pod},
    people::{ADMIN, CLOUD_OPERATOR, CUSTOMS_ADMIN},
};
use serde_json::{Value, json};

/// The project's namespace.
pub const BORDER: &str = "customs--border";
/// Where its findings are kept.
pub const HOME: &str = "agency-customs";

/// A cloud with a project and no class, in which infrastructure runs: two node pools and a Deployment in the project, one pool
/// outside, and a broker's pod that belongs to the pools' cluster.
pub async fn before_any_class() -> Cloud {
    let cloud = Cloud::start(Setup::Bare).await;
    cloud.start_operator().await;
    for file in ["01-government-cloud.yaml", "02-agencies.yaml", "03-capacity.yaml"] {
        cloud.apply(CLOUD_OPERATOR, &example(file)).await.succeeds();
    }
    // The roles of agencies come with the first pass of enforcement.
    cloud.wait_for("governmentcloud", "", "national", "EnforcementIntact").await;
    cloud.wait_for("agency", "", "customs", "Ready").await;
    cloud.project("customs", CUSTOMS_ADMIN, "border", "20").await;
    let objects = [
        of_cluster(node_pool(BORDER, "old", 3, "1Ti")),
        of_cluster(node_pool(BORDER, "large", 5, "1Ti")),
        node_pool("default", "outside", 2, "1Ti"),
        deployment(BORDER, "by-hand", "quay.io/apache/kafka:4.0", 1),
        of_cluster(pod(BORDER, "events-old-0", "quay.io/strimzi/kafka:0.45")),
    ];
    for object in objects {
        // Admission starts no pod before it has seen the pool, which is a moment younger.
        eventually("admission lets it start", || async {
            let said = cloud.apply_json(ADMIN, &object).await;
            if said.ok { Ok(()) } else { Err(said.err) }
        })
        .await;
    }
    cloud
}

/// As Strimzi marks what belongs to the cluster `events`.
fn of_cluster(mut object: Value) -> Value {
    object["metadata"]["labels"] = json!({"strimzi.io/cluster": "events"});
    object
}

/// Requests of this many cpu, and little memory.
pub fn limits(cpu: &str) -> Value {
    json!({"requests": {"cpu": cpu, "memory": "1Mi"}, "limits": {"cpu": cpu, "memory": "1Mi"}})
}

/// The Secret in which Helm keeps a release.
pub fn a_release(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Secret", "type": "helm.sh/release.v1",
        "metadata": {"namespace": BORDER, "name": format!("sh.helm.release.v1.{name}.v1"), "labels": {"owner": "helm", "name": name, "status": "deployed"}},
        "stringData": {"release": "nobody reads this"},
    })
}

/// The definition of something that nobody classified.
pub fn a_definition() -> Value {
    let resources =
        json!({"type": "object", "properties": {"requests": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}});
    let spec = json!({"type": "object", "properties": {"replicas": {"type": "integer"}, "resources": resources}});
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "lakes.data.example"},
        "spec": {"group": "data.example", "scope": "Namespaced", "names": {"kind": "Lake", "plural": "lakes"},
            "versions": [{"name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec}}}}]},
    })
}

/// Waits until the findings are as `expected`: each as `Rule resource/name in namespace at where it is kept`, sorted. Of the
/// definitions, only the one that the test makes: which others are installed depends on the machine.
pub async fn findings(cloud: &Cloud, expected: impl Fn(&[String]) -> bool) {
    eventually("the findings are as they should be", || async {
        let all: Vec<_> = all(cloud).await.iter().map(line).collect();
        let mut found: Vec<_> =
            all.into_iter().filter(|f| !f.starts_with("Unclassified") || f.contains("data.example")).collect();
        found.sort();
        if expected(&found) { Ok(()) } else { Err(format!("{found:#?}\n{}", cloud.operator_log())) }
    })
    .await;
}

/// The finding of a rule about the object of this name, as soon as it is there with a status.
pub async fn finding(cloud: &Cloud, rule: &str, name: &str) -> Value {
    eventually(&format!("{rule} about {name}"), || async {
        let all = all(cloud).await;
        let found = all.iter().find(|f| f["spec"]["rule"] == rule && f["spec"]["object"]["name"] == name);
        found.filter(|f| f["status"]["lastSeen"].is_string()).cloned().ok_or_else(|| format!("{all:?}"))
    })
    .await
}

async fn all(cloud: &Cloud) -> Vec<Value> {
    let list = cloud.json(ADMIN, &["get", "processingfindings", "-A", "-o", "json"]).await;
    list["items"].as_array().cloned().unwrap_or_default()
}

fn line(finding: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (spec, object) = (&finding["spec"], &finding["spec"]["object"]);
    format!(
        "{} {}/{} in {} at {}",
        text(&spec["rule"]),
        text(&object["resource"]),
        text(&object["name"]),
        text(&object["namespace"]),
        text(&finding["metadata"]["namespace"])
    )
}
