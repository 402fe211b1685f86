//! The attacks: ways to other nodes, and what refuses each.

use govcloud_tests::{
    fixtures::pod,
    people::{ADMIN, CUSTOMS_DEVELOPER},
    remedy::{Attack, Remedy, Trap, trap},
};
use serde_json::json;

use super::{LOST, OPEN, PLACE, RACK, pool::daemon_set, selecting};

const ALONE: &str = "run on the nodes of its pool rack alone";

/// All of them, in an order in which no remedy that is out lets a later attack pass.
pub fn all() -> Vec<Trap> {
    [pods(), around()].concat()
}

fn pods() -> Vec<Trap> {
    let create = |manifest| Attack::create(CUSTOMS_DEVELOPER, &manifest);
    let mut named = pod(OPEN, "web", "nginx:1");
    named["spec"]["nodeName"] = json!("b-1");
    let empty = json!({RACK: "", "shape": "big"});
    vec![
        trap(
            "a label of the pool that says nothing",
            create(selecting(super::LAB, empty)),
            ALONE,
            Remedy::text(
                PLACE,
                "variables.pod.nodeSelector[k] == ",
                "variables.pod.nodeSelector[k] == '' || variables.pod.nodeSelector[k] == ",
            ),
        ),
        trap(
            "a DaemonSet for others' nodes",
            create(daemon_set("daemons", json!({RACK: "b"}))),
            ALONE,
            Remedy::text(PLACE, r#""daemonsets""#, r#""nothing""#),
        ),
        trap(
            "a pod that asks for others' nodes",
            create(selecting(super::LAB, json!({RACK: "b"}))),
            ALONE,
            Remedy::Bindings(PLACE),
        ),
        trap(
            "a pod that names its node",
            create(named),
            "names no spec.nodeName",
            Remedy::check("govcloud-guard-pods", "names no spec.nodeName"),
        ),
    ]
}

/// Ways that begin at the namespace or at the pool.
fn around() -> Vec<Trap> {
    vec![
        trap(
            "a project whose pool was deleted",
            Attack::create(CUSTOMS_DEVELOPER, &pod(LOST, "web", "nginx:1")),
            "the CapacityPool of this project is not there",
            Remedy::Bindings("govcloud-place"),
        ),
        trap(
            "a namespace that is said to be in another pool",
            Attack::kubectl(ADMIN, "label namespace customs--lab govcloud.dev/pool=national --overwrite"),
            "change the Agency or the Project instead",
            Remedy::check("govcloud-guard-namespaces", "the labels govcloud.dev/*"),
        ),
        trap(
            "a pool that selects by what admission cannot write",
            Attack::patch(
                ADMIN,
                "capacitypool/rack",
                &json!({"spec": {"nodeSelector": {"matchExpressions": [{"key": RACK, "operator": "Exists"}]}}}),
            ),
            "label the nodes: kubectl label node",
            Remedy::Schema("capacitypools.govcloud.dev", "nodeSelector takes matchLabels alone"),
        ),
    ]
}
