//! A small operator of our own, under its own account, that does what Strimzi does: for each node pool an object of its own
//! kind, and for that the pods. Those of a permitted pool come up and go; forged ones do not.

#[path = "foreign_operator/operator.rs"]
mod operator;

use govcloud_tests::{
    Cloud, Setup, eventually,
    fixtures::{node_pool, permit, pod},
    people::{ADMIN, CLOUD_OPERATOR, CUSTOMS_ADMIN, CUSTOMS_DEVELOPER, CUSTOMS_REQUESTER, STRIMZI, TAX_ADMIN, TAX_DEVELOPER},
    remedy::Attack,
};
use operator::{Foreign, KAFKA, owned_by};
use serde_json::{Value, json};

const LAB: &str = "customs--lab";

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_runs_what_a_permit_names_and_nothing_else() {
    let cloud = Cloud::start(Setup::Government).await;
    operator::install(&cloud).await;
    cloud.project("customs", CUSTOMS_ADMIN, "lab", "10").await;
    let asked = permit("customs", "brokers", "requester@customs", "lab", &[("events", 2, "1Gi")]);
    cloud.permit(CUSTOMS_REQUESTER, &asked).await;
    let foreign = Foreign::start(cloud.client(STRIMZI).await);

    a_permitted_pool_comes_up(&cloud).await;
    it_grows_as_far_as_its_permit(&cloud).await;
    what_was_only_watched_gets_no_new_pods(&cloud).await;
    forged_children_are_refused(&cloud).await;
    it_goes_with_all_its_pods(&cloud).await;
    foreign.stop().await;
}

async fn a_permitted_pool_comes_up(cloud: &Cloud) {
    cloud.create_json(CUSTOMS_DEVELOPER, &node_pool(LAB, "events", 1, "1Gi")).await.succeeds();
    until_pods(cloud, &["events-0"]).await;
    // Nothing of it needs the label that a workload of the agency's own would need.
    let pod = cloud.json(ADMIN, &["get", "pod", "events-0", "-n", LAB, "-o", "json"]).await;
    assert_eq!(pod["metadata"]["labels"]["govcloud.dev/processing"], Value::Null);
}

async fn it_grows_as_far_as_its_permit(cloud: &Cloud) {
    let scale = |replicas: i64| {
        Attack::patch(CUSTOMS_DEVELOPER, &format!("kafkanodepool/events -n {LAB}"), &json!({"spec": {"replicas": replicas}}))
    };
    scale(3).is_refused(cloud, "allows at most 2 replicas of kafkanodepools/events").await;
    cloud
        .kubectl(
            CUSTOMS_DEVELOPER,
            &["patch", "kafkanodepool", "events", "-n", LAB, "--type=merge", "-p", r#"{"spec":{"replicas":2}}"#],
        )
        .await
        .succeeds();
    until_pods(cloud, &["events-0", "events-1"]).await;
    // A pod that is lost comes again, also while nobody reconciles permits.
    cloud.kill_operator().await;
    cloud.kubectl(ADMIN, &["delete", "pod", "events-0", "-n", LAB, "--grace-period=0", "--force"]).await.succeeds();
    until_pods(cloud, &["events-0", "events-1"]).await;
    cloud.start_operator().await;
}

/// What came while its agency was only watched runs on; when the rule holds, its operator gets no more pods for it.
async fn what_was_only_watched_gets_no_new_pods(cloud: &Cloud) {
    cloud.project("tax-administration", TAX_ADMIN, "lab", "10").await;
    set_enforcement(cloud, "Audit").await;
    let pool = node_pool("tax-administration--lab", "old", 1, "1Gi");
    eventually("an audited agency makes what it likes", || async {
        let said = cloud.create_json(TAX_DEVELOPER, &pool).await;
        if said.ok { Ok(()) } else { Err(said.err) }
    })
    .await;
    let lists = || async {
        let pods = cloud.json(ADMIN, &["get", "pods", "-n", "tax-administration--lab", "-o", "json"]).await;
        pods["items"].as_array().map(Vec::len).unwrap_or_default()
    };
    eventually("its operator runs it", || async { if lists().await == 1 { Ok(()) } else { Err("no pod".to_owned()) } }).await;
    set_enforcement(cloud, "Deny").await;
    let mut another = pod("tax-administration--lab", "old-1", KAFKA);
    let uid = cloud.json(ADMIN, &["get", "kafkanodepool", "old", "-n", "tax-administration--lab", "-o", "json"]).await;
    another["metadata"]["ownerReferences"] = owned_by("kafka.strimzi.io/v1", "KafkaNodePool", "old", &uid["metadata"]["uid"]);
    Attack::create(STRIMZI, &another).is_refused(cloud, "only for an object that a permit names").await;
}

async fn set_enforcement(cloud: &Cloud, mode: &str) {
    let change = json!({"spec": {"enforcement": mode}}).to_string();
    cloud.kubectl(CLOUD_OPERATOR, &["patch", "agency", "tax-administration", "--type=merge", "-p", &change]).await.succeeds();
}

async fn forged_children_are_refused(cloud: &Cloud) {
    let live = cloud.json(ADMIN, &["get", "kafkanodepool", "events", "-n", LAB, "-o", "json"]).await;
    let uid = &live["metadata"]["uid"];
    let forged = |kind: &str, api_version: &str, name: &str, image: &str| {
        let mut pod = pod(LAB, "forged-0", image);
        pod["metadata"]["ownerReferences"] = owned_by(api_version, kind, name, uid);
        pod
    };
    let child = forged("KafkaNodePool", "kafka.strimzi.io/v1", "events", KAFKA);
    // The agency's own people name the owner as the operator does.
    Attack::create(CUSTOMS_DEVELOPER, &child).is_refused(cloud, "needs the label govcloud.dev/processing").await;
    let mut labelled = child.clone();
    labelled["metadata"]["labels"] = json!({"govcloud.dev/processing": "true"});
    Attack::create(CUSTOMS_DEVELOPER, &labelled).is_refused(cloud, "no permit names Pod forged-0").await;
    // The operator itself, for what nobody permitted: another name, another kind, other software, no owner at all.
    let by_operator = |pod: &Value| Attack::create(STRIMZI, pod);
    let refused = "only for an object that a permit names";
    by_operator(&child).passes(cloud, "that is what it is for").await;
    by_operator(&forged("KafkaNodePool", "kafka.strimzi.io/v1", "others", KAFKA)).is_refused(cloud, refused).await;
    by_operator(&forged("Kafka", "kafka.strimzi.io/v1", "events", KAFKA)).is_refused(cloud, refused).await;
    by_operator(&forged("Deployment", "apps/v1", "events", KAFKA)).is_refused(cloud, refused).await;
    by_operator(&forged("StrimziPodSet", "core.strimzi.io/v1", "events", "postgres:18")).is_refused(cloud, refused).await;
    by_operator(&pod(LAB, "forged-0", KAFKA)).is_refused(cloud, refused).await;
}

async fn it_goes_with_all_its_pods(cloud: &Cloud) {
    cloud.kubectl(CUSTOMS_DEVELOPER, &["delete", "kafkanodepool", "events", "-n", LAB]).await.succeeds();
    until_pods(cloud, &[]).await;
}

async fn until_pods(cloud: &Cloud, names: &[&str]) {
    eventually("the pods are these", || async {
        let pods = cloud.json(ADMIN, &["get", "pods", "-n", LAB, "-o", "json"]).await;
        let live = pods["items"].as_array().into_iter().flatten().filter(|pod| pod["metadata"]["deletionTimestamp"].is_null());
        let live: Vec<_> = live.filter_map(|pod| pod["metadata"]["name"].as_str()).collect();
        if live == names { Ok(()) } else { Err(format!("{live:?}, not {names:?}")) }
    })
    .await;
}
