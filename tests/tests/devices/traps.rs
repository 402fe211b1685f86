//! The attacks: ways to devices that nobody permitted, and what refuses each.

use govcloud_tests::{
    people::{ADMIN, TAX_DEVELOPER},
    remedy::{Attack, Remedy, Trap, trap},
};
use serde_json::{Value, json};

use super::{ASK, asking, claim, exactly, template};

const DEVICES: &str = "govcloud-guard-devices";
const PODS: &str = "govcloud-guard-pods";
const SAME: &str = "&& dyn(object.spec) == dyn(oldObject.spec)";

/// All of them, in an order in which no remedy that is out lets a later attack pass.
pub fn all() -> Vec<Trap> {
    [claims(), pods()].concat()
}

fn claims() -> Vec<Trap> {
    let create = |manifest: &Value| Attack::create(TAX_DEVELOPER, manifest);
    let one = |class: &str| json!({"name": class, "deviceClassName": class, "count": 1});
    let either = claim(json!({"firstAvailable": [one("gpu"), one("more")]}));
    let spied = claim(json!({"exactly": {"deviceClassName": "gpu", "count": 1, "adminAccess": true}}));
    let mut charged = claim(exactly("gpu", 1));
    charged["metadata"]["annotations"] = json!({"resource.kubernetes.io/extended-resource-claim": "true"});
    let known = |name: &str| Remedy::text(DEVICES, "c in ['fpga', 'gpu']", format!("c in ['fpga', 'gpu', '{name}']"));
    vec![
        trap("a claim of a class that nobody gates", create(&claim(exactly("other", 1))), ASK, known("other")),
        trap(
            "a choice between what is permitted and what is not",
            create(&either),
            ASK,
            Remedy::text(DEVICES, "r.firstAvailable.map(s, dyn(s.deviceClassName))", "['gpu']"),
        ),
        trap(
            "a template for such claims",
            create(&template(exactly("more", 1))),
            ASK,
            Remedy::text(DEVICES, r#""resourceclaimtemplates""#, r#""nothing""#),
        ),
        trap(
            "a claim that the administrator of the cluster makes",
            Attack::create(ADMIN, &claim(exactly("mine", 1))),
            ASK,
            Remedy::check(DEVICES, "no processing class knows"),
        ),
        trap(
            "a look at devices that others use",
            create(&spied),
            "has no adminAccess",
            Remedy::check(DEVICES, "has no adminAccess"),
        ),
        trap(
            "a claim that is charged to a pod and not to the quota",
            create(&charged),
            "is the scheduler's",
            Remedy::check(DEVICES, "is the scheduler"),
        ),
    ]
}

fn pods() -> Vec<Trap> {
    let create = |manifest: &Value| Attack::create(TAX_DEVELOPER, manifest);
    vec![
        trap(
            "a class by its name in a container",
            create(&asking("deviceclass.resource.kubernetes.io/other")),
            ASK,
            Remedy::text(PODS, "|| k in [", "|| k == 'deviceclass.resource.kubernetes.io/other' || k in ["),
        ),
        trap(
            "a device without a class that anybody gates",
            create(&asking("example.com/npu")),
            ASK,
            Remedy::text(PODS, SAME, "|| true"),
        ),
    ]
}
