//! Given without asking, with credentials that a provisioner makes: one set for each agency, in all of its projects, which moves
//! with the service and ends with the entitlement.

use govcloud_tests::{
    Cloud, eventually, people,
    provisioner::{Provisioner, service, token},
};
use serde_json::{Value, json};

use super::steps::{BORDER, HOME, change, entitled, regime, until, until_bound, until_gone};

const LAB: &str = "customs--lab";

pub async fn each_agency_has_credentials_of_its_own_in_all_its_projects_until_the_end(cloud: &Cloud) {
    let (old, new) = (Provisioner::start(None).await, Provisioner::start(None).await);
    offer(cloud, "records", &old).await;
    let claim = until_bound(cloud, "customs", "records").await;
    let uid = claim["metadata"]["uid"].as_str().expect("a uid").to_owned();
    let given = until_password(cloud, BORDER, |word| !word.is_empty()).await;
    until_password(cloud, LAB, |word| word == given).await;
    a_project_that_comes_later_has_the_same(cloud, &old, &uid, &given).await;
    let moved = it_moves_with_the_service(cloud, (&old, &new), &uid).await;
    assert_ne!(moved, given);
    it_ends_with_the_entitlement(cloud, &new, &uid).await;
}

async fn a_project_that_comes_later_has_the_same(cloud: &Cloud, provisioner: &Provisioner, uid: &str, given: &str) {
    let late = cloud.project("customs", people::CUSTOMS_ADMIN, "late", "5").await;
    until_password(cloud, &late, |word| word == given).await;
    assert_eq!((provisioner.most_made(), provisioner.live(uid)), (1, vec![0]), "one set, wherever it is");
}

/// The service that follows is given to the same agencies; they have it once.
async fn it_moves_with_the_service(cloud: &Cloud, (old, new): (&Provisioner, &Provisioner), uid: &str) -> String {
    change(cloud, "ssvc/records", &json!({"spec": {"drain": {"by": "2099-01-01", "moveTo": "archive"}}})).await;
    offer(cloud, "archive", new).await;
    let is_moved = |claim: &Value| claim["status"]["servedBy"] == "archive" && claim["status"]["phase"] == "Bound";
    until(cloud, "claim", HOME, "records", "moves", is_moved).await;
    let moved = until_password(cloud, BORDER, |word| new.words().contains(word)).await;
    until_password(cloud, LAB, |word| word == moved).await;
    until_live(old, uid, &[]).await;
    until(cloud, "ssvc", "", "archive", "serves those whom records served", |s| s["status"]["claims"] == 3).await;
    let twice = cloud.json(people::ADMIN, &["get", "claim", "archive", "-n", HOME, "-o", "json"]).await;
    assert!(twice.is_null(), "it has the service twice: {twice}");
    assert_eq!((new.most_made(), new.live(uid)), (1, vec![0]));
    moved
}

async fn it_ends_with_the_entitlement(cloud: &Cloud, provisioner: &Provisioner, uid: &str) {
    regime(cloud, "CriticalInfrastructure").await;
    until_gone(cloud, "claim", HOME, "records").await;
    for project in [BORDER, LAB, "customs--late"] {
        until_gone(cloud, "secret", project, "records-binding").await;
    }
    until_live(provisioner, uid, &[]).await;
    regime(cloud, "NonInfrastructure").await;
}

/// A service of a provisioner, given to all but critical infrastructure with a short warning.
async fn offer(cloud: &Cloud, name: &str, provisioner: &Provisioner) {
    cloud.apply_json(people::ADMIN, &token(name, provisioner)).await.succeeds();
    let mut service = service(name, provisioner, "2s", 40);
    for (key, value) in entitled("3s").as_object().into_iter().flatten() {
        service["spec"][key] = value.clone();
    }
    service["spec"]["entitlement"]["plan"] = json!("small");
    cloud.apply_json(people::CLOUD_OPERATOR, &service).await.succeeds();
}

/// Waits until the password in a project, as its developers read it, is as it should be.
async fn until_password(cloud: &Cloud, namespace: &str, is: impl Fn(&str) -> bool) -> String {
    eventually(&format!("{namespace} has the credentials"), || async {
        let arguments =
            ["get", "secret", "records-binding", "-n", namespace, "-o", "go-template={{.data.password | base64decode}}"];
        let said = cloud.kubectl(people::CUSTOMS_DEVELOPER, &arguments).await;
        if said.ok && is(&said.out) { Ok(said.out) } else { Err(format!("{}\n{}", said.err, cloud.operator_log())) }
    })
    .await
}

async fn until_live(provisioner: &Provisioner, claim: &str, numbers: &[i32]) {
    eventually("the provisioner was told what is over", || async {
        let live = provisioner.live(claim);
        if live == numbers { Ok(()) } else { Err(format!("{live:?}")) }
    })
    .await;
}
