//! Time: permits that ended, rest or were taken back, and things that come again under an old name.

use govcloud_tests::{fixtures::node_pool, people::*};
use serde_json::{Value, json};

use crate::{
    attempt::{Attempt, Control, Layer::*, Sight, Theme, refused, without_effect},
    call::Call,
    stage::*,
};

pub fn theme(stage: &Stage) -> Theme {
    let smaller = json!({"spec": {"storage": {"size": "512Mi"}}});
    Theme {
        title: "Time and names",
        controls: vec![Control {
            name: "What rests may shrink",
            call: Call::merge(CUSTOMS_DEVELOPER, pool_at("rested"), &smaller),
        }],
        attempts: [ended(), resting(), again(stage)].concat(),
    }
}

fn pool_at(name: &str) -> String {
    format!("/apis/kafka.strimzi.io/v1/namespaces/{LAB}/kafkanodepools/{name}")
}

fn ended() -> Vec<Attempt> {
    let pool = |name: &str| node_pool(LAB, name, 1, "1Gi");
    let create = |object: &Value| Call::create(CUSTOMS_DEVELOPER, object);
    let mut early = pool("brief");
    early["metadata"]["creationTimestamp"] = json!("2020-01-01T00:00:00Z");
    vec![
        refused("What an expired permit named", create(&pool("brief")), Slots, "no permit names kafkanodepools/brief"),
        refused(
            "The same, by server-side apply",
            Call::apply(CUSTOMS_DEVELOPER, &pool("brief")),
            Slots,
            "no permit names kafkanodepools/brief",
        ),
        refused("The same, as if it had been made before", create(&early), Slots, "no permit names kafkanodepools/brief"),
        refused("What a revoked permit named", create(&pool("taken")), Slots, "no permit names kafkanodepools/taken"),
        refused("What a denied request named", create(&pool("denied")), Slots, "no permit names kafkanodepools/denied"),
        refused(
            "What a request that was taken back named",
            create(&pool("withdrawn")),
            Slots,
            "no permit names kafkanodepools/withdrawn",
        ),
        refused("What a request named that still waits", create(&pool("asked")), Slots, "no permit names kafkanodepools/asked"),
    ]
}

fn resting() -> Vec<Attempt> {
    let more = json!({"spec": {"replicas": 2}});
    let none = "no permit names kafkanodepools/rested";
    vec![
        refused("What a suspended permit named grows", Call::merge(CUSTOMS_DEVELOPER, pool_at("rested"), &more), Slots, none),
        refused(
            "The same through /scale",
            Call::merge(CUSTOMS_DEVELOPER, format!("{}/scale", pool_at("rested")), &more),
            Slots,
            none,
        ),
        refused(
            "What a suspended permit named is made once more",
            Call::create(CUSTOMS_DEVELOPER, &node_pool(LAB, "rested", 1, "1Gi")),
            Slots,
            none,
        ),
    ]
}

fn again(stage: &Stage) -> Vec<Attempt> {
    let approve = stage.review(HOME, "later", ("reviewer-1@ministry", MINISTRY), "Approve");
    let waits = Sight {
        path: permit_at("later"),
        look: |p| {
            let conditions = p["status"]["conditions"].as_array().into_iter().flatten();
            let reserved = conditions.clone().find(|c| c["type"] == "CapacityReserved");
            json!([p["status"]["phase"], reserved.map(|c| c["reason"].clone())])
        },
        is: json!(["Approved", "ProjectGone"]),
    };
    let request = json!({
        "apiVersion": "govcloud.dev/v1alpha1", "kind": "Project", "metadata": {"namespace": "agency-bureau", "name": "more"},
        "spec": {"purpose": "A test", "pool": "national"},
    });
    vec![
        refused(
            "A project that was made again uses the permit of the former",
            Call::create(CUSTOMS_DEVELOPER, &node_pool(PASSING, "passed", 1, "1Gi")),
            Slots,
            "no permit names kafkanodepools/passed in customs--passing",
        ),
        without_effect(
            "A request for a former project is approved for the new one of its name",
            vec![Call::create(REVIEWER_1, &approve).really()],
            Operator,
            waits,
        ),
        refused(
            "An agency that was opened again uses the permit of the former",
            Call::create(TAX_DEVELOPER, &node_pool(DESK, "old", 1, "1Gi")),
            Slots,
            "no permit names kafkanodepools/old in bureau--desk",
        ),
        refused(
            "The former people of an agency that was opened again go on working there",
            Call::create(CUSTOMS_ADMIN, &request),
            Rbac,
            r#"cannot create resource "projects""#,
        ),
    ]
}
