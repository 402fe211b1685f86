//! A cloud with all classes in force, and objects that were there before.

use std::{fmt::Write as _, time::Instant};

use futures::{StreamExt, stream};
use govcloud_crds::class::{controlled::controlled, measure::measure};
use govcloud_tests::{
    Cloud, Setup,
    catalogue::{self, Samples, classes},
    fixtures::example,
    people,
};
use kube::{
    Api, Client,
    api::{ApiResource, DynamicObject, GroupVersionKind, PostParams},
};
use serde_json::{Value, json};

/// How many projects the objects are spread over.
pub const PROJECTS: usize = 10;
/// Where what is found about them is kept.
pub const HOME: &str = "agency-customs";

/// Kinds beside those of the catalogue.
const OWN: usize = 10;
const CONCURRENCY: usize = 32;

/// A cloud in which every class is in force and nothing runs; its operator is stopped.
pub async fn governed() -> Cloud {
    let cloud = Cloud::start(Setup::Bare).await;
    catalogue::define(&cloud, &controlled(&classes())).await;
    let own: Vec<_> = (0..OWN).map(definition).collect();
    cloud.apply_json(people::ADMIN, &json!({"apiVersion": "v1", "kind": "List", "items": own})).await.succeeds();
    cloud.kubectl(people::ADMIN, &["wait", "--for=condition=Established", "crd", "--all", "--timeout=120s"]).await.succeeds();
    cloud.start_operator().await;
    for file in ["01-government-cloud.yaml", "02-agencies.yaml", "03-capacity.yaml"] {
        cloud.apply(people::CLOUD_OPERATOR, &example(file)).await.succeeds();
    }
    cloud.wait_for("agency", "", "customs", "Ready").await;
    for number in 0..PROJECTS {
        cloud.project("customs", people::CUSTOMS_ADMIN, &format!("p{number}"), "1").await;
    }
    catalogue::apply(&cloud).await;
    let own: Vec<_> = (0..OWN).map(class).collect();
    cloud.apply_json(people::REVIEWER_1, &json!({"apiVersion": "v1", "kind": "List", "items": own})).await.succeeds();
    cloud.enforced().await;
    cloud.kill_operator().await;
    cloud
}

fn name_of(number: usize) -> String {
    format!("bench{number}")
}

fn definition(number: usize) -> Value {
    let (plural, kind) = (format!("{}s", name_of(number)), format!("Bench{number}"));
    let schema = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": format!("{plural}.bench.example")},
        "spec": {"group": "bench.example", "scope": "Namespaced", "names": {"kind": kind, "plural": plural, "singular": name_of(number)},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}}]},
    })
}

fn class(number: usize) -> Value {
    json!({
        "apiVersion": "govcloud.dev/v1alpha1", "kind": "ProcessingClass", "metadata": {"name": name_of(number)},
        "spec": {"displayName": format!("Bench {number}"), "dimensions": [{"name": "nodes"}, {"name": "storage"}],
            "controls": [{"group": "bench.example", "resource": format!("{}s", name_of(number)), "version": "v1", "replicas": "object.spec.nodes",
                "perReplica": {"nodes": "1", "storage": "int(quantity(object.spec.storage).asApproximateFloat())"}}],
            "approval": {"quorum": [{"group": "ministry:reviewers", "count": 1}]}},
    })
}

/// A kind, and objects of it that take something.
pub struct Kind {
    /// As the API server has it.
    pub resource: ApiResource,
    samples: Vec<Value>,
}

/// Every kind.
pub fn kinds() -> Vec<Kind> {
    let classes = classes();
    let of_catalogue = controlled(&classes).into_iter().map(|found| {
        let (control, samples) = (found.control, Samples::of(found.control));
        let all = (0..samples.samples.len()).map(|i| samples.object(control, i));
        let takes = |object: &Value| measure(control, object).is_ok_and(|size| size.replicas > 0);
        let gvk = GroupVersionKind::gvk(&control.group, &control.version, &samples.kind);
        Kind { resource: ApiResource::from_gvk_with_plural(&gvk, &control.resource), samples: all.filter(takes).collect() }
    });
    let own = (0..OWN).map(|number| {
        let gvk = GroupVersionKind::gvk("bench.example", "v1", &format!("Bench{number}"));
        let spec = json!({"nodes": 3, "storage": "1Ti"});
        let sample = json!({"apiVersion": "bench.example/v1", "kind": gvk.kind, "metadata": {}, "spec": spec});
        Kind { resource: ApiResource::from_gvk_with_plural(&gvk, &format!("{}s", name_of(number))), samples: vec![sample] }
    });
    of_catalogue.chain(own).collect()
}

/// Takes the policies out of force, and writes so many objects.
pub async fn write(cloud: &Cloud, objects: usize) {
    for kind in ["validatingadmissionpolicybindings", "mutatingadmissionpolicybindings"] {
        cloud.kubectl(people::ADMIN, &["delete", kind, "--all"]).await.succeeds();
    }
    let started = Instant::now();
    let (client, kinds) = (cloud.client(people::ADMIN).await, kinds());
    let kinds: Vec<_> = kinds.into_iter().filter(|kind| !kind.samples.is_empty()).collect();
    let one = async |number: usize| create(&client, &kinds[number % kinds.len()], number).await;
    stream::iter(0..objects).for_each_concurrent(CONCURRENCY, one).await;
    eprintln!("{objects} objects of {} kinds are written after {:.1?}", kinds.len(), started.elapsed());
}

async fn create(client: &Client, kind: &Kind, number: usize) {
    let mut object = kind.samples[number % kind.samples.len()].clone();
    let mut name = String::from("o");
    let _ = write!(name, "{number:06}"); // writing to a String cannot fail
    object["metadata"]["name"] = json!(name);
    let object: DynamicObject = serde_json::from_value(object).expect("an object");
    let namespace = format!("customs--p{}", number % PROJECTS);
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), &namespace, &kind.resource);
    for _ in 0..100 {
        match api.create(&PostParams::default(), &object).await {
            Ok(_) => return,
            // Bindings that were deleted are in force for a moment.
            Err(kube::Error::Api(status)) if status.code == 403 || status.code == 422 => {
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
            Err(error) => panic!("{} {name}: {error}", kind.resource.plural),
        }
    }
    panic!("{} {name} is refused", kind.resource.plural);
}
