//! An agency's enforcement: Warn and Audit let it pass, Deny does not.

use govcloud_tests::{
    Cloud, eventually,
    fixtures::{deployment, node_pool},
    people::{CLOUD_OPERATOR, CUSTOMS_DEVELOPER},
};
use serde_json::json;

const LAB: &str = "customs--lab";

/// What is asked for nowhere, and what the rule says about it.
fn unpermitted(name: &str) -> [(serde_json::Value, &'static str); 2] {
    [
        (node_pool(LAB, name, 1, "1Gi"), "no permit names"),
        (deployment(LAB, name, "registry.gov.internal/kafka:3.9", 1), "needs the label govcloud.dev/processing"),
    ]
}

/// Warn admits and says the rule's words, Audit admits and says nothing, Deny refuses.
pub async fn is_announced_before_it_binds(cloud: &Cloud) {
    for (enforcement, admitted, warned) in
        [("Deny", false, false), ("Warn", true, true), ("Audit", true, false), ("Deny", false, false)]
    {
        let change = json!({"spec": {"enforcement": enforcement}}).to_string();
        cloud.kubectl(CLOUD_OPERATOR, &["patch", "agency/customs", "--type=merge", "-p", &change]).await.succeeds();
        cloud.wait_for("agency", "", "customs", "Ready").await;
        for (object, words) in unpermitted(&enforcement.to_lowercase()) {
            let what = format!("{enforcement}: {} admitted {admitted}, warned {warned}", object["kind"]);
            eventually(&what, || async {
                let said =
                    cloud.kubectl_with(CUSTOMS_DEVELOPER, &["create", "--dry-run=server", "-f", "-"], &object.to_string()).await;
                let speaks = said.err.contains(words);
                let right = said.ok == admitted && said.err.contains("Warning:") == warned && speaks == (warned || !admitted);
                if right { Ok(()) } else { Err(format!("{said:?}")) }
            })
            .await;
            if admitted {
                let said = cloud.create_json(CUSTOMS_DEVELOPER, &object).await;
                assert_eq!((said.ok, said.err.contains(words)), (true, warned), "{what}: {said:?}");
            }
        }
    }
}
