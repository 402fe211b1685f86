//! What kubelets would say about the pods of a namespace: nothing runs here, and a test says how much each would use.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use axum::{Router, extract::State, routing::get};
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, Client, ResourceExt, api::ListParams};
use tokio::{net::TcpListener, task::JoinHandle};

/// Serves the metrics of containers of all pods that there are in a namespace. It ends with the value.
pub struct Kubelet {
    /// Host and port of `/metrics`.
    pub address: String,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

struct Shared {
    client: Client,
    namespace: String,
    said: Mutex<Said>,
}

#[derive(Default)]
struct Said {
    /// Cores by what names of pods begin with; about others nothing is said.
    rates: BTreeMap<String, f64>,
    /// Seconds of CPU by uid, as of the last look.
    used: BTreeMap<String, f64>,
    last: Option<Instant>,
}

impl Kubelet {
    /// Starts one for a namespace.
    pub async fn start(client: Client, namespace: &str) -> Self {
        let shared = Arc::new(Shared { client, namespace: namespace.to_owned(), said: Mutex::default() });
        let router = Router::new().route("/metrics", get(metrics)).with_state(shared.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address").to_string();
        let server = tokio::spawn(async move {
            let _ = axum::serve(listener, router).await; // it ends with the kubelet
        });
        Self { address, shared, server }
    }

    /// Pods whose names begin like this use so many cores each from now on.
    pub fn uses(&self, prefix: &str, cores: f64) {
        lock(&self.shared.said).rates.insert(prefix.to_owned(), cores);
    }
}

impl Drop for Kubelet {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn metrics(State(shared): State<Arc<Shared>>) -> String {
    let pods: Api<Pod> = Api::namespaced(shared.client.clone(), &shared.namespace);
    let pods = pods.list(&ListParams::default()).await.map(|list| list.items).unwrap_or_default();
    let mut said = lock(&shared.said);
    let passed = said.last.replace(Instant::now()).map_or(0.0, |last| last.elapsed().as_secs_f64());
    let (mut cpu, mut memory) = (String::new(), String::new());
    for pod in pods {
        let (name, uid) = (pod.name_any(), pod.uid().unwrap_or_default());
        let rate = said.rates.iter().find(|(prefix, _)| name.starts_with(prefix.as_str())).map(|(_, cores)| *cores);
        let Some(rate) = rate else { continue };
        let used = said.used.entry(uid).or_default();
        *used += rate * passed;
        let labels = format!("{{namespace=\"{}\",pod=\"{name}\",container=\"main\"}}", shared.namespace);
        // Writing to a String cannot fail.
        let _ = writeln!(cpu, "container_cpu_usage_seconds_total{labels} {used}");
        let _ = writeln!(memory, "container_memory_working_set_bytes{labels} {}", 32 << 20);
    }
    format!("# TYPE container_cpu_usage_seconds_total counter\n{cpu}# TYPE container_memory_working_set_bytes gauge\n{memory}")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
