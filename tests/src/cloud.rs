//! A Government Cloud on a control plane of its own.

use std::{
    fs::{self, File},
    path::Path,
    process::Stdio,
};

use govcloud_controlplane::{Binaries, OwnedControlPlane};
use kube::{
    Api, Client, Config,
    api::{DynamicObject, GroupVersionKind, PostParams},
    config::{KubeConfigOptions, Kubeconfig},
    discovery::pinned_kind,
};
use serde_json::Value;
use tokio::{
    io::AsyncWriteExt,
    process::{Child, Command},
    sync::Mutex,
};

use crate::{
    Said, binaries, eventually,
    fixtures::{self, example, root},
    operator_process, people,
};

/// How much is set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Setup {
    /// The control plane, and nothing of ours.
    Empty,
    /// The control plane with our definitions and roles; no operator.
    Bare,
    /// And the operator, the GovernmentCloud, agencies, capacity and classes of the examples.
    Government,
}

/// A control plane, the operator, and everybody's credentials.
pub struct Cloud {
    /// The control plane.
    pub plane: OwnedControlPlane,
    operator: Mutex<Option<Child>>,
    /// Where the operator listens.
    pub operator_address: String,
    /// What operators are started with, beside what they need.
    pub operator_arguments: Vec<String>,
}

impl Cloud {
    /// Starts one. It ends with this process, however that ends.
    pub async fn start(setup: Setup) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default(); // another test of this binary may have done it
        let binaries = Binaries::obtain().await.expect("the control plane's binaries");
        let plane = OwnedControlPlane::start(&binaries, &people::all()).await.expect("the control plane starts");
        let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port").port();
        let operator_address = format!("127.0.0.1:{port}");
        let cloud = Self { plane, operator: Mutex::default(), operator_address, operator_arguments: Vec::new() };
        if setup >= Setup::Bare {
            cloud.install().await;
        }
        if setup == Setup::Government {
            cloud.start_operator().await;
            cloud.govern().await;
        }
        cloud
    }

    async fn install(&self) {
        let charts = root().join("charts");
        // Not the Deployment: tests start the operator as a process of their own.
        for ours in ["govcloud-crds/templates", "plain/rights.yaml"] {
            self.kubectl(people::ADMIN, &["apply", "--server-side", "-f", &charts.join(ours).to_string_lossy()]).await.succeeds();
        }
        let crds = fixtures::upstream().map_or_else(|| root().join("examples/crds"), |upstream| upstream.join("crds"));
        self.kubectl(people::ADMIN, &["apply", "--server-side", "-f", &crds.to_string_lossy()]).await.succeeds();
        self.kubectl(people::ADMIN, &["wait", "--for=condition=Established", "crd", "--all", "--timeout=60s"]).await.succeeds();
    }

    /// Applies the examples up to the shared services, and waits until all of it is in force.
    pub async fn govern(&self) {
        for file in ["01-government-cloud.yaml", "02-agencies.yaml", "03-capacity.yaml"] {
            self.apply(people::CLOUD_OPERATOR, &example(file)).await.succeeds();
        }
        for file in ["streaming", "relational-database", "batch", "gpu-training"] {
            self.apply(people::REVIEWER_1, &example(&format!("04-classes/{file}.yaml"))).await.succeeds();
        }
        self.apply(people::ADMIN, &example("05-provider.yaml")).await.succeeds();
        self.apply(people::CLOUD_OPERATOR, &example("05-shared-services.yaml")).await.succeeds();
        self.enforced().await;
        for agency in ["ito", "tax-administration", "customs"] {
            self.wait_for("agency", "", agency, "Ready").await;
        }
    }

    /// Waits until every class is enforced in its newest generation.
    pub async fn enforced(&self) {
        eventually("every class is enforced", || async {
            let classes = self.json(people::ADMIN, &["get", "processingclasses", "-o", "json"]).await;
            let waiting: Vec<_> = classes["items"]
                .as_array()
                .into_iter()
                .flatten()
                .filter(|c| !is_enforced(c))
                .map(|c| c["metadata"]["name"].to_string())
                .collect();
            if waiting.is_empty() { Ok(()) } else { Err(format!("{waiting:?}: {}", classes["items"][0]["status"])) }
        })
        .await;
    }

    /// Makes a project as its agency's admin and waits until it is ready; its namespace.
    pub async fn project(&self, agency: &str, admin: &str, name: &str, cpu: &str) -> String {
        let project = serde_json::json!({
            "apiVersion": "govcloud.dev/v1alpha1", "kind": "Project", "metadata": {"namespace": format!("agency-{agency}"), "name": name},
            "spec": {"purpose": "A test", "pool": "national", "quota": {"requests.cpu": cpu, "requests.memory": "16Gi", "requests.storage": "100Gi"}},
        });
        self.apply_json(admin, &project).await.succeeds();
        self.wait_for("project", &format!("agency-{agency}"), name, "Ready").await;
        self.wait_for("project", &format!("agency-{agency}"), name, "QuotaGranted").await;
        format!("{agency}--{name}")
    }

    /// Requests, approves by everybody whose approval is needed, and waits until the slots are open.
    pub async fn permit(&self, requester: &str, permit: &Value) {
        self.apply_json(requester, permit).await.succeeds();
        let (namespace, name) = (text(&permit["metadata"]["namespace"]), text(&permit["metadata"]["name"]));
        self.review(people::REVIEWER_1, &namespace, &name, "ministry:reviewers", "Approve").await.succeeds();
        if namespace == "agency-tax-administration" {
            self.review(people::SECURITY_REVIEWER, &namespace, &name, "security:smc", "Approve").await.succeeds();
        }
        self.wait_for("processingpermit", &namespace, &name, "Ready").await;
    }

    /// Gives a review as a persona.
    pub async fn review(&self, persona: &str, namespace: &str, permit: &str, group: &str, verdict: &str) -> Said {
        let reviewer = people::all().into_iter().find(|p| p.name == persona).map(|p| p.user).unwrap_or_default();
        let review = self.review_of(namespace, permit, &reviewer, group, verdict).await;
        self.create_json(persona, &review).await
    }

    /// A review of a permit, pinned to what it is now.
    pub async fn review_of(&self, namespace: &str, permit: &str, reviewer: &str, group: &str, verdict: &str) -> Value {
        let found = eventually("the permit has a digest", || async {
            let found = self.json(people::ADMIN, &["get", "processingpermit", permit, "-n", namespace, "-o", "json"]).await;
            if found["status"]["digest"].is_string() { Ok(found) } else { Err(found["status"].to_string()) }
        })
        .await;
        serde_json::json!({
            "apiVersion": "govcloud.dev/v1alpha1", "kind": "PermitReview",
            "metadata": {"namespace": namespace, "generateName": format!("{permit}-")},
            "spec": {"permit": {"name": permit, "uid": found["metadata"]["uid"], "digest": found["status"]["digest"]},
                "reviewer": reviewer, "group": group, "verdict": verdict, "reason": "As the test says."},
        })
    }

    /// Waits until a condition is `True` for the newest generation.
    pub async fn wait_for(&self, kind: &str, namespace: &str, name: &str, condition: &str) -> Value {
        let what = format!("{kind} {namespace}/{name} {condition}");
        eventually(&what, || async {
            let object = self.json(people::ADMIN, &["get", kind, name, "-n", namespace, "-o", "json"]).await;
            let current = object["status"]["observedGeneration"] == object["metadata"]["generation"];
            let conditions = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
            let holds = conditions.iter().any(|c| c["type"] == condition && c["status"] == "True");
            if current && holds { Ok(object) } else { Err(object["status"].to_string()) }
        })
        .await
    }

    /// A client with a persona's credential.
    pub async fn client(&self, persona: &str) -> Client {
        let kubeconfig = Kubeconfig::read_from(self.plane.kubeconfig()).expect("a kubeconfig");
        let options = KubeConfigOptions { context: Some(persona.to_owned()), ..KubeConfigOptions::default() };
        Client::try_from(Config::from_custom_kubeconfig(kubeconfig, &options).await.expect("a context")).expect("a client")
    }

    /// A client with a persona's credential, of the API server at this address.
    pub async fn client_at(&self, url: &str, persona: &str) -> Client {
        let kubeconfig = Kubeconfig::read_from(self.plane.kubeconfig()).expect("a kubeconfig");
        let options = KubeConfigOptions { context: Some(persona.to_owned()), ..KubeConfigOptions::default() };
        let mut config = Config::from_custom_kubeconfig(kubeconfig, &options).await.expect("a context");
        config.cluster_url = url.parse().expect("an address");
        Client::try_from(config).expect("a client")
    }

    /// Runs kubectl as a persona.
    pub async fn kubectl(&self, persona: &str, arguments: &[&str]) -> Said {
        self.run(&self.plane.binaries().kubectl(), persona, arguments, "").await
    }

    /// As [`Cloud::kubectl`], with something to read from its standard input.
    pub async fn kubectl_with(&self, persona: &str, arguments: &[&str], input: &str) -> Said {
        self.run(&self.plane.binaries().kubectl(), persona, arguments, input).await
    }

    /// Runs `govcloud` as a persona.
    pub async fn govcloud(&self, persona: &str, arguments: &[&str]) -> Said {
        self.run(&binaries::folder().join("govcloud"), persona, arguments, "").await
    }

    async fn run(&self, program: &Path, persona: &str, arguments: &[&str], input: &str) -> Said {
        let mut child = Command::new(program)
            .args(["--context", persona])
            .args(arguments)
            .env("KUBECONFIG", self.plane.kubeconfig())
            .env("NO_COLOR", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        let mut stdin = child.stdin.take().expect("a pipe");
        let input = input.to_owned();
        let writing = tokio::spawn(async move {
            let _ = stdin.write_all(input.as_bytes()).await; // it may not read its input at all
        });
        let output = child.wait_with_output().await.expect("it runs");
        writing.abort();
        output.into()
    }

    /// kubectl's JSON answer, or null if it failed.
    pub async fn json(&self, persona: &str, arguments: &[&str]) -> Value {
        let said = self.kubectl(persona, arguments).await;
        serde_json::from_str(&said.out).unwrap_or_default()
    }

    /// Applies YAML or JSON as a persona.
    pub async fn apply(&self, persona: &str, manifests: &str) -> Said {
        self.run(
            &self.plane.binaries().kubectl(),
            persona,
            &["apply", "--server-side", "--force-conflicts", "-f", "-"],
            manifests,
        )
        .await
    }

    /// Applies one object as a persona.
    pub async fn apply_json(&self, persona: &str, manifest: &Value) -> Said {
        self.apply(persona, &manifest.to_string()).await
    }

    /// Creates one object as a persona.
    pub async fn create_json(&self, persona: &str, manifest: &Value) -> Said {
        self.run(&self.plane.binaries().kubectl(), persona, &["create", "-f", "-"], &manifest.to_string()).await
    }

    /// Replaces one object as a persona.
    pub async fn replace_json(&self, persona: &str, manifest: &Value) -> Said {
        self.run(&self.plane.binaries().kubectl(), persona, &["replace", "-f", "-"], &manifest.to_string()).await
    }

    /// Runs a command of kubectl on one manifest, such as `create --dry-run=server`; what the API server has then.
    pub async fn send(&self, persona: &str, command: &[&str], manifest: &Value) -> Result<Value, String> {
        let arguments = [command, &["-o", "json", "-f", "-"]].concat();
        let said = self.run(&self.plane.binaries().kubectl(), persona, &arguments, &manifest.to_string()).await;
        if said.ok { Ok(serde_json::from_str(&said.out).expect("kubectl prints JSON")) } else { Err(said.err) }
    }

    /// Creates an object without keeping it: what the API server makes of it, or why it refuses it. Without kubectl,
    /// because a table of a hundred attempts starts no hundred processes.
    pub async fn attempt(&self, persona: &str, manifest: &Value) -> Result<Value, String> {
        let client = self.client(persona).await;
        let object: DynamicObject = serde_json::from_value(manifest.clone()).expect("a manifest");
        let kind = object.types.as_ref().and_then(|types| GroupVersionKind::try_from(types).ok()).expect("a kind");
        let (resource, _) = pinned_kind(&client, &kind).await.map_err(|error| error.to_string())?;
        let api: Api<DynamicObject> = match &object.metadata.namespace {
            Some(namespace) => Api::namespaced_with(client, namespace, &resource),
            None => Api::all_with(client, &resource),
        };
        let made = api
            .create(&PostParams { dry_run: true, ..PostParams::default() }, &object)
            .await
            .map_err(|error| error.to_string())?;
        Ok(serde_json::to_value(made).expect("JSON"))
    }

    /// Starts the operator as its own process, and waits until it is ready.
    pub async fn start_operator(&self) {
        let log = File::options().create(true).append(true).open(self.plane.dir().join("operator.log")).expect("a log");
        *self.operator.lock().await =
            Some(operator_process::spawn(&self.plane.kubeconfig(), &self.operator_address, &self.operator_arguments, log));
        operator_process::until_ready(&self.operator_address, || self.operator_log()).await;
    }

    /// Kills the operator where it stands.
    pub async fn kill_operator(&self) {
        if let Some(mut child) = self.operator.lock().await.take() {
            child.kill().await.expect("it can be killed");
        }
    }

    /// Asks the operator to end, as Kubernetes does; its exit code, `None` if a signal ended it.
    pub async fn stop_operator(&self) -> Option<i32> {
        let mut child = self.operator.lock().await.take().expect("it runs");
        let pid = child.id().expect("it was not waited for").to_string();
        let sent = Command::new("sh").args(["-c", &format!("kill -TERM {pid}")]).status().await.expect("a shell");
        assert!(sent.success(), "no signal to {pid}");
        eventually("the operator ends", || {
            let ended = child.try_wait().map_err(|error| error.to_string());
            async move { ended?.ok_or_else(|| "it runs on".to_owned()) }
        })
        .await
        .code()
    }

    /// The last lines of the operator's log.
    pub fn operator_log(&self) -> String {
        let log = fs::read_to_string(self.plane.dir().join("operator.log")).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }
}

fn is_enforced(class: &Value) -> bool {
    let conditions = class["status"]["conditions"].as_array().cloned().unwrap_or_default();
    conditions
        .iter()
        .any(|c| c["type"] == "Enforced" && c["status"] == "True" && c["observedGeneration"] == class["metadata"]["generation"])
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
