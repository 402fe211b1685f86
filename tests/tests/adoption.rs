//! Bringing in a cluster where infrastructure runs already: it is audited, drafted, asked for, and then held to its permits.

use std::fs;

use govcloud_tests::{
    Cloud, Said, Setup, eventually,
    fixtures::{deployment, node_pool, pod},
    people::{ADMIN, CLOUD_OPERATOR, CUSTOMS_ADMIN, CUSTOMS_DEVELOPER, CUSTOMS_REQUESTER, REVIEWER_1, TAX_REQUESTER},
};
use serde_json::{Value, json};

const BORDER: &str = "customs--border";
const HOME: &str = "agency-customs";
const DRAFT: [&str; 6] = ["--agency", "customs", "permit", "draft", "--project", "border"];

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_already_is_drafted_asked_for_and_held_to_its_permit() {
    let cloud = Cloud::start(Setup::Government).await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("draft.yaml").to_string_lossy().into_owned();
    enforce(&cloud, "Audit").await;
    something_runs(&cloud).await;
    whoever_may_see_it_drafts_the_same(&cloud).await;
    let write = [&DRAFT[..], &["--output-file", &file]].concat();
    let said = cloud.govcloud(CLOUD_OPERATOR, &write).await;
    assert!(said.ok && said.err.contains("1 request for 3 objects; 1 object left out."), "{said:?}");
    what_is_not_filled_in_is_not_taken(&cloud, &file).await;
    it_is_sent(&cloud, &file).await;
    let again = drafted(&cloud, CLOUD_OPERATOR).await;
    assert!(again.contains("asked for by ") && !again.contains("kind: ProcessingPermit"), "{again}");
    cloud.review(REVIEWER_1, HOME, "border-message-broker", "ministry:reviewers", "Approve").await.succeeds();
    cloud.wait_for("processingpermit", HOME, "border-message-broker", "Ready").await;
    it_is_held_to_its_permit(&cloud).await;
}

/// How slots bind in customs' projects from now on.
async fn enforce(cloud: &Cloud, how: &str) {
    if how == "Audit" {
        cloud.project("customs", CUSTOMS_ADMIN, "border", "20").await;
    }
    let patch = json!({"spec": {"enforcement": how}}).to_string();
    cloud.kubectl(CLOUD_OPERATOR, &["patch", "agency", "customs", "--type=merge", "-p", &patch]).await.succeeds();
    eventually("the namespace says how slots bind", || async {
        let namespace = cloud.json(ADMIN, &["get", "namespace", BORDER, "-o", "json"]).await;
        let label = &namespace["metadata"]["labels"]["govcloud.dev/enforcement"];
        if label == how { Ok(()) } else { Err(label.to_string()) }
    })
    .await;
}

/// Two node pools, one of which is empty, a broker by hand, a pod of the cluster, and something of no class.
async fn something_runs(cloud: &Cloud) {
    let of_cluster = |mut object: Value| {
        object["metadata"]["labels"] = json!({"strimzi.io/cluster": "events"});
        object
    };
    let objects = [
        of_cluster(node_pool(BORDER, "broker", 3, "1Ti")),
        of_cluster(node_pool(BORDER, "empty", 0, "1Ti")),
        of_cluster(node_pool(BORDER, "controller", 3, "20Gi")),
        deployment(BORDER, "by-hand", "quay.io/apache/kafka:4.0", 2),
        of_cluster(pod(BORDER, "events-broker-0", "quay.io/strimzi/kafka:0.45")),
        deployment(BORDER, "web", "nginx", 1),
    ];
    for object in objects {
        eventually("it is admitted and recorded", || async {
            let said = cloud.apply_json(ADMIN, &object).await;
            if said.ok { Ok(()) } else { Err(said.err) }
        })
        .await;
    }
}

async fn drafted(cloud: &Cloud, who: &str) -> String {
    let said = cloud.govcloud(who, &DRAFT).await;
    assert!(said.ok, "{who}: {said:?}");
    said.out
}

async fn whoever_may_see_it_drafts_the_same(cloud: &Cloud) {
    let text = drafted(cloud, CLOUD_OPERATOR).await;
    for words in [
        "name: broker",
        "name: controller",
        "name: by-hand",
        "replicas: 3",
        "storage: 20Gi",
        "kafkanodepools.kafka.strimzi.io/empty: it has no replicas now",
    ] {
        assert!(text.contains(words), "{words} in {text}");
    }
    assert!(!text.contains("events-broker-0") && !text.contains("web") && !text.contains("Not looked at"), "{text}");
    let requests = |text: &str| text.split_once("---\n").map(|(_, requests)| requests.to_owned());
    for who in [CUSTOMS_DEVELOPER, CUSTOMS_REQUESTER] {
        let own = drafted(cloud, who).await;
        assert_eq!(requests(&own), requests(&text), "{who}");
        assert!(own.contains("#   replicationcontrollers.core"), "nobody of an agency may list those: {own}");
    }
    let whole = cloud.govcloud(CLOUD_OPERATOR, &DRAFT[..4]).await;
    assert_eq!(whole.out, text, "the agency has no other project");
    for (who, words) in [(TAX_REQUESTER, "you may not list"), (REVIEWER_1, "you may not see what runs")] {
        let said = cloud.govcloud(who, &DRAFT).await;
        assert!(said.code == 6 && said.err.contains(words), "{who}: {said:?}");
    }
    let admin = cloud.govcloud(CUSTOMS_ADMIN, &DRAFT).await;
    assert!(admin.ok && admin.out.contains("Not looked at in customs--border"), "{admin:?}");
    let said = cloud.govcloud(CLOUD_OPERATOR, &["--agency", "customs", "permit", "draft", "--project", "nowhere"]).await;
    assert!(said.code == 1 && said.err.contains("there is no project nowhere"), "{said:?}");
}

async fn request(cloud: &Cloud, more: &[&str], file: &str) -> Said {
    cloud.govcloud(CUSTOMS_REQUESTER, &[&["--agency", "customs", "permit", "request", "-f", file], more].concat()).await
}

async fn what_is_not_filled_in_is_not_taken(cloud: &Cloud, file: &str) {
    let said = request(cloud, &[], file).await;
    assert!(!said.ok && said.err.contains("justification"), "{said:?}");
}

/// As it was drafted, filled in: by kubectl, which keeps nothing of it here, and by govcloud.
async fn it_is_sent(cloud: &Cloud, file: &str) {
    let text = fs::read_to_string(file).expect("a draft");
    let filled_in = text
        .replace("justification: \"\"", "justification: What runs there since 2024.\n  requestedBy: requester@customs")
        .replace("zones: []", "zones: [shiraz]");
    fs::write(file, filled_in).expect("it can be written");
    cloud.kubectl(CUSTOMS_REQUESTER, &["create", "--dry-run=server", "-f", file]).await.succeeds();
    request(cloud, &[], file).await.succeeds();
}

/// All of it has its slot, so nothing is found any more; and what is larger is refused again.
async fn it_is_held_to_its_permit(cloud: &Cloud) {
    eventually("nothing is found any more", || async {
        let found = cloud.json(ADMIN, &["get", "processingfindings", "-n", HOME, "-o", "json"]).await;
        let none = found["items"].as_array().is_some_and(Vec::is_empty);
        if none { Ok(()) } else { Err(found["items"].to_string()) }
    })
    .await;
    enforce(cloud, "Deny").await;
    let same = node_pool(BORDER, "broker", 3, "1Ti");
    let larger = node_pool(BORDER, "broker", 4, "1Ti");
    eventually("what is larger is refused", || async {
        let said = cloud.apply_json(CUSTOMS_DEVELOPER, &larger).await;
        if !said.ok && said.err.contains("allows at most 3 replicas") {
            return Ok(());
        }
        cloud.apply_json(CUSTOMS_DEVELOPER, &same).await.succeeds();
        Err(format!("{said:?}"))
    })
    .await;
    cloud.apply_json(CUSTOMS_DEVELOPER, &same).await.succeeds();
    let text = drafted(cloud, CLOUD_OPERATOR).await;
    assert!(text.contains("permitted by GC-") && !text.contains("kind: ProcessingPermit"), "{text}");
}
