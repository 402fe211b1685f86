//! Workloads that process nothing: they come, change and go as on any cluster.

use govcloud_tests::{
    Cloud, eventually,
    fixtures::{deployment, pod_spec},
    people::{ADMIN, TAX_DEVELOPER},
};
use serde_json::{Value, json};

/// Who runs them, and where.
const PLACES: [(&str, &str); 3] = [(TAX_DEVELOPER, "tax-administration--everyday"), (ADMIN, "default"), (ADMIN, "kube-system")];

/// A plain Deployment and its like in a project, in `default` and in `kube-system` work as without us.
pub async fn run_as_without_us(cloud: &Cloud, name: &str) {
    let [project, default, system] = PLACES.map(|(who, namespace)| Place { cloud, who, namespace });
    tokio::join!(project.lives(name), default.lives(name), system.lives(name));
}

/// Somebody at work in a namespace.
struct Place<'a> {
    cloud: &'a Cloud,
    who: &'a str,
    namespace: &'a str,
}

impl Place<'_> {
    async fn lives(&self, name: &str) {
        self.a_deployment(&format!("{name}-web")).await;
        self.a_stateful_set(&format!("{name}-store")).await;
        self.a_job_and_a_cron_job(&format!("{name}-job")).await;
    }

    /// Made, given another image, rolled back, scaled and deleted.
    async fn a_deployment(&self, name: &str) {
        let mut web = deployment(self.namespace, name, "nginx:1", 2);
        web["spec"]["strategy"] = json!({"type": "Recreate"}); // no pod becomes ready where there are no nodes
        self.cloud.create_json(self.who, &web).await.succeeds();
        let object = format!("deployment/{name}");
        self.runs(name, 2, "nginx:1").await;
        self.kubectl(&["set", "image", &object, "main=nginx:2"]).await;
        self.runs(name, 2, "nginx:2").await;
        self.kubectl(&["rollout", "undo", &object]).await;
        self.runs(name, 2, "nginx:1").await;
        self.kubectl(&["scale", &object, "--replicas=3"]).await;
        self.runs(name, 3, "nginx:1").await;
        self.is_deleted(&object, name).await;
    }

    async fn a_stateful_set(&self, name: &str) {
        let mut store = deployment(self.namespace, name, "nginx:1", 2);
        store["kind"] = json!("StatefulSet");
        (store["spec"]["serviceName"], store["spec"]["podManagementPolicy"]) = (json!(name), json!("Parallel"));
        self.cloud.create_json(self.who, &store).await.succeeds();
        self.runs(name, 2, "nginx:1").await;
        self.is_deleted(&format!("statefulset/{name}"), name).await;
    }

    async fn a_job_and_a_cron_job(&self, name: &str) {
        let mut pod = pod_spec("busybox:1");
        pod["restartPolicy"] = json!("Never");
        let template = json!({"metadata": {"labels": {"app": name}}, "spec": pod});
        let job = json!({"completions": 2, "parallelism": 2, "template": template});
        let object = |kind: &str, spec: &Value| json!({"apiVersion": "batch/v1", "kind": kind, "metadata": {"namespace": self.namespace, "name": name}, "spec": spec});
        self.cloud.create_json(self.who, &object("Job", &job)).await.succeeds();
        self.runs(name, 2, "busybox:1").await;
        self.is_deleted(&format!("job/{name}"), name).await;
        let cron = json!({"schedule": "0 0 1 1 *", "jobTemplate": {"spec": job}});
        self.cloud.create_json(self.who, &object("CronJob", &cron)).await.succeeds();
        self.kubectl(&["create", "job", name, &format!("--from=cronjob/{name}")]).await;
        self.runs(name, 2, "busybox:1").await;
        self.is_deleted(&format!("cronjob/{name}"), name).await;
    }

    async fn kubectl(&self, words: &[&str]) {
        self.cloud.kubectl(self.who, &[words, &["-n", self.namespace]].concat()).await.succeeds();
    }

    /// Waits until there are exactly so many pods, all of that image.
    async fn runs(&self, name: &str, pods: usize, image: &str) {
        eventually(&format!("{}/{name} has {pods} pods of {image}", self.namespace), || async {
            let found = self.pods(name).await;
            let right = found.len() == pods && found.iter().all(|of| of == image);
            if right { Ok(()) } else { Err(format!("{found:?}\n{}", self.events().await)) }
        })
        .await;
    }

    async fn is_deleted(&self, object: &str, name: &str) {
        self.kubectl(&["delete", object, "--timeout=80s"]).await;
        self.runs(name, 0, "").await;
    }

    /// The images of the pods that are not on their way out.
    async fn pods(&self, name: &str) -> Vec<String> {
        let label = format!("app={name}");
        let found = self.cloud.json(self.who, &["get", "pods", "-n", self.namespace, "-l", &label, "-o", "json"]).await;
        let items = found["items"].as_array().expect("a list").clone();
        items.iter().map(|pod| pod["spec"]["containers"][0]["image"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// What went wrong lately.
    async fn events(&self) -> String {
        let warnings = ["get", "events", "-n", self.namespace, "--field-selector=type=Warning"];
        self.cloud.kubectl(ADMIN, &warnings).await.out
    }
}
