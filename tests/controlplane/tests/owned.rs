//! A control plane for tests: who may do what, what is recorded, and what its controllers do.

mod common;

use std::net::TcpListener;
use std::time::Instant;

use common::{binaries, eventually, kubectl, kubectl_ok, personas, processes_in, who_am_i};
use govcloud_controlplane::{ADMIN, Component, Error, OwnedControlPlane, Persona};
use tokio::sync::OnceCell;

/// Statics are never dropped, which is just what real tests do.
static SHARED: OnceCell<OwnedControlPlane> = OnceCell::const_new();

async fn shared() -> &'static OwnedControlPlane {
    let start = || async {
        let binaries = binaries().await;
        let started = Instant::now();
        let plane = OwnedControlPlane::start(&binaries, &personas()).await.expect("started");
        println!("ready after {:?}", started.elapsed());
        plane
    };
    SHARED.get_or_init(start).await
}

#[tokio::test]
async fn every_persona_is_themselves_in_instances_side_by_side() {
    let one = shared().await;
    let two = OwnedControlPlane::start(&binaries().await, &personas()).await.expect("started");
    for plane in [one, &two] {
        for persona in personas() {
            let (user, groups) = who_am_i(plane, &persona.name);
            assert_eq!(user, persona.user);
            for group in &persona.groups {
                assert!(groups.contains(group), "{group} in {groups:?}");
            }
            assert_eq!(groups.len(), persona.groups.len() + 1, "and authenticated: {groups:?}");
        }
        assert_eq!(who_am_i(plane, ADMIN).0, "admin");
    }
    let create = ["create", "namespace", "only-in-two"];
    kubectl_ok(&two, ADMIN, &create);
    assert!(!kubectl(one, ADMIN, &["get", "namespace", "only-in-two"]).status.success());

    let dir = two.dir().to_owned();
    assert!(!processes_in(&dir).is_empty());
    two.stop().await.expect("stopped");
    assert_eq!(processes_in(&dir), [0_u32; 0]);
    assert!(!dir.exists());
}

#[tokio::test]
async fn rights_are_checked_and_namespaces_set() {
    let plane = shared().await;
    let output = kubectl(plane, "visitor", &["get", "pods"]);
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(message.contains("Forbidden"), "{message}");
    assert!(message.contains("\"victor\""), "{message}");
    let message = kubectl(plane, "officer", &["get", "pods"]).stderr;
    let message = String::from_utf8_lossy(&message);
    assert!(message.contains("in the namespace \"kube-public\""), "{message}");
}

#[tokio::test]
async fn a_persona_can_be_added_later() {
    let plane = shared().await;
    let late = Persona::new("latecomer", "lara").in_groups(["late"]);
    plane.issue(&late).expect("issued");
    let (user, groups) = who_am_i(plane, "latecomer");
    assert_eq!(user, "lara");
    assert!(groups.contains(&"late".to_owned()));
    // The others are still there.
    assert_eq!(who_am_i(plane, "visitor").0, "victor");
    let error = plane.issue(&Persona::new(ADMIN, "mallory")).expect_err("reserved");
    assert!(matches!(error, Error::ReservedPersona));
}

#[tokio::test]
async fn a_pod_is_admitted_and_its_creation_recorded_but_not_its_reading() {
    let plane = shared().await;
    kubectl_ok(plane, ADMIN, &["run", "recorded", "--image=example.test/none:1"]);
    let audit = std::fs::read_to_string(plane.audit_log()).expect("an audit log");
    let events: Vec<serde_json::Value> = audit.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let creation = events
        .iter()
        .find(|event| event["objectRef"]["name"] == "recorded" && event["verb"] == "create")
        .expect("the creation is recorded");
    assert_eq!(creation["user"]["username"], "admin");
    assert_eq!(creation["level"], "Metadata");
    assert_eq!(creation["stage"], "ResponseComplete");
    kubectl_ok(plane, ADMIN, &["get", "pod", "recorded"]);
    let audit = std::fs::read_to_string(plane.audit_log()).expect("an audit log");
    for reading in ["get", "list", "watch"] {
        assert!(!audit.contains(&format!("\"verb\":\"{reading}\"")), "no {reading}");
    }
}

#[tokio::test]
async fn quotas_are_counted() {
    let plane = shared().await;
    kubectl_ok(plane, ADMIN, &["create", "namespace", "counted"]);
    kubectl_ok(plane, ADMIN, &["-n", "counted", "create", "quota", "q", "--hard=pods=3"]);
    let hard = ["-n", "counted", "get", "quota", "q", "-o", "jsonpath={.status.hard.pods}"];
    eventually("the quota's status", || kubectl_ok(plane, ADMIN, &hard) == "3").await;
}

#[tokio::test]
async fn components_can_be_stopped_and_started() {
    let plane = OwnedControlPlane::start(&binaries().await, &[]).await.expect("started");
    kubectl_ok(&plane, ADMIN, &["create", "namespace", "kept"]);
    for component in Component::ALL {
        let before = plane.pid(component).await.expect("it runs");
        plane.stop_component(component).await.expect("stopped");
        assert_eq!(plane.pid(component).await, None);
        let again = plane.stop_component(component).await;
        assert!(matches!(again, Err(Error::Already { state: "stopped", .. })));
        plane.start_component(component).await.expect("started");
        assert_ne!(plane.pid(component).await, Some(before));
        kubectl_ok(&plane, ADMIN, &["get", "namespace", "kept"]);
    }
    let again = plane.start_component(Component::Etcd).await;
    assert!(matches!(again, Err(Error::Already { state: "running", .. })));
    plane.stop().await.expect("stopped");
}

#[tokio::test]
async fn a_component_that_dies_at_its_start_is_quoted() {
    let plane = OwnedControlPlane::start(&binaries().await, &[]).await.expect("started");
    plane.stop_component(Component::ApiServer).await.expect("stopped");
    let address = plane.api_url();
    let squatter = TcpListener::bind(address.trim_start_matches("https://")).expect("free");
    let error = plane.start_component(Component::ApiServer).await.expect_err("the port is taken");
    let message = error.to_string();
    // These words are also what makes a first start try other ports.
    assert!(message.contains("address already in use"), "{message}");
    assert!(message.contains("kube-apiserver.log"), "{message}");
    drop(squatter);
    plane.start_component(Component::ApiServer).await.expect("started");
    plane.stop().await.expect("stopped");
}
