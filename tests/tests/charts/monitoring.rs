//! Alerts and the dashboard: they ask for metrics that the operator has, in a language that Prometheus understands.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    time::Duration,
};

use govcloud_crds::{
    capacity::{AgencyQuotaSpec, AgencyQuotaStatus},
    finding::FindingRule,
    service::{health::Outcome as Probed, obligation::DutyState},
};
use govcloud_operator::metrics::{Controller, Metrics, NoticeOutcome, Outcome, PhaseLabel};
use govcloud_tests::{fixtures::root, helm::Helm, prometheus::Prometheus};
use serde_json::{Value, json};

use crate::{everything, values::find};

pub async fn every_metric_exists() {
    let text = metrics().text().expect("the metrics");
    let there: BTreeSet<_> = text.lines().filter(|line| !line.starts_with('#')).flat_map(names).collect();
    let queries = queries().await;
    assert!(queries.len() > 15, "{queries:?}");
    for query in &queries {
        let asked = names(query);
        assert!(!asked.is_empty(), "asks for nothing of the operator: {query}");
        let missing: Vec<_> = asked.iter().filter(|name| !there.contains(*name)).collect();
        assert!(missing.is_empty(), "{missing:?} of {query} is not in:\n{text}");
    }
}

pub async fn every_alert_has_a_runbook() {
    let alerts = alerts().await;
    let folder = root().join("docs/runbooks");
    let written: BTreeSet<_> = fs::read_dir(&folder)
        .expect("the runbooks")
        .map(|file| file.expect("a file").file_name().to_string_lossy().into_owned())
        .collect();
    let asked: BTreeSet<_> = alerts.iter().map(|alert| format!("{}.md", text(&alert["alert"]))).collect();
    assert_eq!(asked, written);
    for alert in &alerts {
        let name = text(&alert["alert"]);
        assert_eq!(alert["annotations"]["runbook_url"], format!("https://runbooks.example/govcloud/{name}.md"));
        assert!(["critical", "warning"].contains(&text(&alert["labels"]["severity"])), "{alert}");
    }
}

pub async fn prometheus_understands_every_query() {
    let folder = tempfile::tempdir().expect("a folder");
    let prometheus = Prometheus::start(folder.path(), "127.0.0.1:9").await;
    let authority = fs::read(Prometheus::ca_file(folder.path())).expect("a certificate");
    let authority = reqwest::Certificate::from_pem(&authority).expect("a certificate");
    let client = reqwest::Client::builder().tls_certs_merge([authority]).build().expect("a client");
    let address = reqwest::Url::parse(&format!("{}/api/v1/query", prometheus.url())).expect("an address");
    let mut queries = queries().await;
    queries.push("sum by (".to_owned()); // what it does not understand, it says
    for query in &queries {
        let mut asked = address.clone();
        asked.query_pairs_mut().append_pair("query", query);
        let answer = client.get(asked).send().await.expect("an answer");
        let (ok, said) = (answer.status().is_success(), answer.text().await.unwrap_or_default());
        assert_eq!(ok, query != "sum by (", "{query}: {said}");
    }
}

/// Every query of the alerts and the dashboard.
async fn queries() -> Vec<String> {
    let mut queries: Vec<_> = alerts().await.iter().map(|alert| text(&alert["expr"]).to_owned()).collect();
    let rendered = rendered().await;
    let dashboard = text(&find(&rendered, "ConfigMap", "govcloud-dashboard")["data"]["govcloud.json"]);
    let dashboard: Value = serde_json::from_str(dashboard).expect("the dashboard is JSON");
    let targets = dashboard["panels"].as_array().into_iter().flatten().filter_map(|panel| panel["targets"].as_array());
    queries.extend(targets.flatten().map(|target| text(&target["expr"]).to_owned()));
    queries
}

async fn alerts() -> Vec<Value> {
    let rules = rendered().await;
    find(&rules, "PrometheusRule", "govcloud-operator")["spec"]["groups"][0]["rules"].as_array().cloned().expect("alerts")
}

async fn rendered() -> Vec<Value> {
    Helm::alone().rendered("govcloud", "govcloud-system", &everything().each_ref().map(String::as_str)).await
}

/// The operator's metrics that a text names.
fn names(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("govcloud_")).map(str::to_owned).collect()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

/// The operator's metrics, each with a sample: those with labels are not shown before.
fn metrics() -> Metrics {
    let metrics = Metrics::default();
    let second = Duration::from_secs(1);
    metrics.reconciles.get_or_create(&Outcome { controller: "permit", outcome: "ok" }).inc();
    metrics.duration.get_or_create(&Controller { controller: "permit" }).observe(1.0);
    metrics.permits.get_or_create(&PhaseLabel { phase: "Active".to_owned() }).set(1);
    metrics.notifications.get_or_create(&NoticeOutcome { outcome: "delivered" }).inc();
    let spec = json!({"agency": "customs", "pool": "national", "guaranteed": {"requests.cpu": "1"}});
    let spec: AgencyQuotaSpec = serde_json::from_value(spec).expect("a quota");
    metrics.quotas.show(&spec, &AgencyQuotaStatus::default());
    metrics.scan.found(FindingRule::Unpermitted, 1);
    metrics.scan.took(second);
    metrics.health.probed("streaming", &Probed::Healthy, second, Some(true));
    metrics.duties.show(&BTreeMap::from([(("exchange".to_owned(), DutyState::Due), 1)]));
    metrics.duties.digitization(1, 1);
    metrics.provisioners.called("streaming", "make", "ok", second);
    metrics
}
