//! Named slots: a permit that is used for more than it names.

use govcloud_tests::{fixtures::node_pool, people::*};
use serde_json::{Value, json};

use crate::{
    attempt::{Attempt, Control, Layer::*, Theme, refused},
    call::{Call, Patch},
    stage::*,
};

pub fn theme(stage: &Stage) -> Theme {
    Theme {
        title: "Named slots",
        controls: vec![
            Control {
                name: "As much as is permitted",
                call: Call::apply(CUSTOMS_DEVELOPER, &node_pool(LAB, "broker", 3, "1Ti")),
            },
            Control { name: "Fewer, through /scale", call: Call::merge(CUSTOMS_DEVELOPER, scale_path(), &replicas(2)) },
            Control { name: "Spark within its maximum", call: Call::create(CUSTOMS_DEVELOPER, &spark(json!({}), 4)) },
            Control { name: "Ray within its maximum", call: Call::create(CUSTOMS_DEVELOPER, &ray(&json!([group(4)]))) },
        ],
        attempts: [reuse(), growth(stage), scale(), maxima(), orphans()].concat(),
    }
}

fn replicas(count: i64) -> Value {
    json!({"spec": {"replicas": count}})
}

fn scale_path() -> String {
    format!("{BROKER_PATH}/scale")
}

fn reuse() -> Vec<Attempt> {
    let create = |object: &Value| Call::create(CUSTOMS_DEVELOPER, object);
    let mut generated = node_pool(LAB, "broker", 3, "1Ti");
    generated["metadata"] = json!({"namespace": LAB, "generateName": "broker"});
    let listener = json!({"name": "plain", "port": 9092, "type": "internal", "tls": false});
    let kafka = json!({"apiVersion": "kafka.strimzi.io/v1", "kind": "Kafka", "metadata": {"namespace": LAB, "name": "broker"},
                       "spec": {"kafka": {"listeners": [listener]}}});
    vec![
        refused(
            "A permit for another name",
            create(&node_pool(LAB, "broker2", 1, "1Gi")),
            Slots,
            "no permit names kafkanodepools/broker2",
        ),
        refused(
            "A name that the API server makes up from a permitted one",
            create(&generated),
            Slots,
            "no permit names kafkanodepools/broker",
        ),
        refused("A permit for another namespace", create(&node_pool(SECOND, "broker", 1, "1Gi")), Slots, "in customs--second"),
        refused("A permit for another resource", create(&kafka), Slots, "no permit names kafkas/broker"),
        refused(
            "Another agency uses the permit",
            Call::create(TAX_DEVELOPER, &node_pool(LAB, "broker", 1, "1Gi")),
            Rbac,
            r#"cannot create resource "kafkanodepools""#,
        ),
        refused(
            "Another version, for a name that no permit has",
            create(&widget("v2", "two", 1)),
            Slots,
            "no permit names widgets/two",
        ),
        refused(
            "Another version, for a larger size",
            Call::apply(CUSTOMS_DEVELOPER, &widget("v2", "one", 9)),
            Slots,
            "allows at most 2 replicas of widgets/one",
        ),
        refused(
            "The cluster's administrator creates what no permit names",
            Call::create(ADMIN, &node_pool(LAB, "other", 1, "1Gi")),
            Slots,
            "no permit names kafkanodepools/other",
        ),
        refused(
            "A reviewer with a role of `*` verbs creates what no permit names",
            Call::create(EVERYTHING, &node_pool(LAB, "other", 1, "1Gi")),
            Slots,
            "no permit names kafkanodepools/other",
        ),
    ]
}

fn growth(stage: &Stage) -> Vec<Attempt> {
    let larger = |patch, change: &Value| Call::patch(CUSTOMS_DEVELOPER, patch, BROKER_PATH, change);
    let json_patch =
        json!([{"op": "test", "path": "/spec/replicas", "value": 3}, {"op": "replace", "path": "/spec/replicas", "value": 4}]);
    let storage = json!({"spec": {"storage": {"size": "2Ti"}}});
    let text = json!({"spec": {"replicas": "9"}});
    let beyond = "allows at most 3 replicas of kafkanodepools/broker, not 4";
    vec![
        refused("More replicas, by a merge patch", larger(Patch::Merge, &replicas(4)), Slots, beyond),
        refused("More replicas, by a JSON patch", larger(Patch::Json, &json_patch), Slots, beyond),
        refused(
            "More replicas, by a strategic merge patch, which this kind does not have",
            larger(Patch::Strategic, &replicas(4)),
            ApiServer,
            "unknown format",
        ),
        refused(
            "More replicas, by server-side apply with force",
            Call::apply(CUSTOMS_DEVELOPER, &node_pool(LAB, "broker", 4, "1Ti")),
            Slots,
            beyond,
        ),
        refused(
            "More replicas, by replacing the object",
            Call::put(CUSTOMS_DEVELOPER, BROKER_PATH, &stage.changed(BROKER_PATH, "/spec/replicas", json!(4))),
            Slots,
            beyond,
        ),
        refused("More storage per replica", larger(Patch::Merge, &storage), Slots, "allows less storage per replica"),
        refused("Replicas that are a text", larger(Patch::Merge, &text), ApiServer, "is invalid"),
    ]
}

fn scale() -> Vec<Attempt> {
    let scale = json!({
        "apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"namespace": LAB, "name": "broker"}, "spec": {"replicas": 4},
    });
    vec![
        refused(
            "More replicas, through /scale",
            Call::put(CUSTOMS_DEVELOPER, scale_path(), &scale),
            Slots,
            "allows at most 3 replicas of kafkanodepools/broker, not 4",
        ),
        refused(
            "The cluster's autoscaler goes beyond the permit",
            Call::put(AUTOSCALER, scale_path(), &scale),
            Slots,
            "allows at most 3 replicas of kafkanodepools/broker, not 4",
        ),
    ]
}

fn spark(more: Value, max: i64) -> Value {
    let mut application = json!({
        "apiVersion": "sparkoperator.k8s.io/v1beta2", "kind": "SparkApplication", "metadata": {"namespace": LAB, "name": "etl"},
        "spec": {"type": "Scala", "mode": "cluster", "sparkVersion": "4.0.4", "mainApplicationFile": "local:///a.jar",
            "image": "docker.io/apache/spark:4.0.4", "driver": {"cores": 1},
            "executor": {"instances": 1, "cores": 1, "memory": "512m"}, "dynamicAllocation": {"enabled": true, "maxExecutors": max}},
    });
    for (field, value) in more.as_object().into_iter().flatten() {
        application["spec"][field] = value.clone();
    }
    application
}

fn group(max: i64) -> Value {
    json!({"groupName": format!("w{}", max.abs()), "replicas": 1, "minReplicas": 1, "maxReplicas": max, "rayStartParams": {},
        "template": {"spec": {"containers": [{"name": "ray", "image": "rayproject/ray:2.52.0"}]}}})
}

fn ray(groups: &Value) -> Value {
    json!({
        "apiVersion": "ray.io/v1", "kind": "RayCluster", "metadata": {"namespace": LAB, "name": "ray"},
        "spec": {"headGroupSpec": {"rayStartParams": {}, "template": group(1)["template"]}, "workerGroupSpecs": groups},
    })
}

/// What an operator would make of an object, which is not always what stands in the field one thinks of first.
fn maxima() -> Vec<Attempt> {
    let create = |object: &Value| Call::create(CUSTOMS_DEVELOPER, object);
    let endless = spark(json!({"dynamicAllocation": {"enabled": true}}), 1);
    let by_conf =
        spark(json!({"dynamicAllocation": {"enabled": false}, "sparkConf": {"spark.dynamicAllocation.enabled": "true"}}), 1);
    let (mut many, mut wide) = (group(1), group(4));
    many["minReplicas"] = json!(9);
    wide["numOfHosts"] = json!(4);
    let mut disks = node_pool(LAB, "broker", 3, "1Ti");
    disks["spec"]["storage"] = json!({"type": "jbod", "volumes": [
        {"id": 0, "type": "persistent-claim", "size": "10Ti"}, {"id": 1, "type": "persistent-claim", "size": "-9Ti"}]});
    let workers = "allows less workers per replica of rayclusters/ray";
    vec![
        refused("Spark without a maximum of executors", create(&endless), Slots, "allows at most 4 replicas"),
        refused("Spark whose executors are set by its configuration", create(&by_conf), Slots, "allows at most 4 replicas"),
        refused(
            "A Ray group of fewer than no workers makes up for another one",
            create(&ray(&json!([group(9), group(-8)]))),
            Slots,
            workers,
        ),
        refused("A Ray group whose minimum is above its maximum", create(&ray(&json!([many]))), Slots, workers),
        refused("A Ray group of several hosts per worker", create(&ray(&json!([wide]))), Slots, workers),
        refused(
            "A disk of less than nothing makes up for another one",
            Call::apply(CUSTOMS_DEVELOPER, &disks),
            Slots,
            "allows less storage per replica",
        ),
    ]
}

fn orphans() -> Vec<Attempt> {
    let orphan = "cannot be deleted without what it runs";
    let finalizer = json!({"metadata": {"finalizers": ["orphan"]}});
    let delete = |options: Value| Call::delete(CUSTOMS_DEVELOPER, BROKER_PATH, &options);
    vec![
        refused("A deletion that leaves what runs", delete(json!({"propagationPolicy": "Orphan"})), Slots, orphan),
        refused("The same by the older option", delete(json!({"orphanDependents": true})), Slots, orphan),
        refused("The same by a finalizer", Call::merge(CUSTOMS_DEVELOPER, BROKER_PATH, &finalizer), Slots, orphan),
        refused(
            "All node pools of a project are deleted at once, without what they run",
            Call::delete(ADMIN, BROKER_PATH.trim_end_matches("/broker"), &json!({"propagationPolicy": "Orphan"})),
            Slots,
            orphan,
        ),
    ]
}
