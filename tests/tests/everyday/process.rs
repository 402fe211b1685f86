//! The operator as a process among others.

use std::process::Stdio;

use govcloud_tests::{Cloud, Said, eventually, people::ADMIN, programs};
use tokio::process::Command;

/// As anybody but its own account it could read, and every write would be refused: so it says so at once.
pub async fn runs_as_its_own_account_alone(cloud: &Cloud) {
    let mut command = Command::new(programs().join("govcloud-operator"));
    command.args(["--context", ADMIN, "--listen", "127.0.0.1:0"]).env("KUBECONFIG", cloud.plane.kubeconfig());
    let said: Said = command.stdin(Stdio::null()).kill_on_drop(true).output().await.expect("it runs").into();
    assert!(!said.ok, "{said:?}");
    let all = format!("{}{}", said.out, said.err);
    let expected = "the guards admit the writes of system:serviceaccount:govcloud-system:govcloud-operator alone";
    assert!(all.contains(expected) && all.contains("kubectl create token"), "{all}");
}

/// It says that it lives and is ready, and counts what it does.
pub async fn says_how_it_is(cloud: &Cloud) {
    for (path, said) in [("livez", "ok"), ("readyz", ""), ("metrics", "govcloud_reconciles_total")] {
        eventually(path, || async {
            let answer = reqwest::get(format!("http://{}/{path}", cloud.operator_address)).await.map_err(|e| e.to_string())?;
            let status = answer.status();
            let text = answer.text().await.map_err(|e| e.to_string())?;
            if status.as_u16() == 200 && text.contains(said) { Ok(()) } else { Err(format!("{status}: {text}")) }
        })
        .await;
    }
}

/// Kubernetes ends a pod with SIGTERM: the operator stops what it does, and that is no failure.
pub async fn ends_when_it_is_asked_to(cloud: &Cloud) {
    assert_eq!(cloud.stop_operator().await, Some(0), "{}", cloud.operator_log());
    assert!(cloud.operator_log().contains("asked to stop"), "{}", cloud.operator_log());
    let answer = reqwest::get(format!("http://{}/livez", cloud.operator_address)).await;
    assert!(answer.is_err(), "{answer:?}");
}
