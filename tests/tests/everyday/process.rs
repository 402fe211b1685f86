//! The operator as a process among others.

use govcloud_tests::{Cloud, eventually};

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
