//! What is resized: projects that the operator looks after, or quotas that nobody does.

use std::time::{Duration, Instant};

use futures::{StreamExt, stream};
use govcloud_tests::{Cloud, eventually_for, objects, people, tenant::Tenant};
use kube::{
    Api, Client, ResourceExt,
    api::{DynamicObject, ListParams, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};

use crate::watch::Enforced;

/// How many writes a client has under way at the same time.
const CONCURRENCY: usize = 32;
/// How long the cluster's own controllers may take for so many namespaces.
const FURNISHED: Duration = Duration::from_mins(10);

/// How long it took to resize all.
pub struct Round {
    /// Until the last write was answered.
    pub written: Duration,
    /// Until the last one was enforced.
    pub enforced: Duration,
}

/// So many objects of one sort.
pub struct Subject {
    objects: Vec<(Api<DynamicObject>, String)>,
    namespaces: Vec<String>,
    /// Where in the object the limits are.
    limits: &'static str,
    enforced: Enforced,
}

impl Subject {
    /// Makes projects of one cpu each.
    pub async fn projects(tenant: &Tenant, cloud: &Cloud, count: usize, enforced: Enforced) -> Self {
        let names: Vec<_> = (0..count).map(|number| format!("p{number:04}")).collect();
        let api = objects::projects(&cloud.client(people::CUSTOMS_ADMIN).await, &tenant.name);
        let started = Instant::now();
        stream::iter(&names).for_each_concurrent(CONCURRENCY, |name| tenant.size(name, 1)).await;
        let namespaces: Vec<_> = names.iter().map(|name| tenant.namespace(name)).collect();
        enforced.all(&namespaces, 1).await;
        eprintln!("{count} projects are made and limited after {:.1?}", started.elapsed());
        let objects = names.into_iter().map(|name| (api.clone(), name)).collect();
        Self { objects, namespaces, limits: "quota", enforced }
    }

    /// Makes namespaces with a quota of one cpu each.
    pub async fn quotas(cloud: &Cloud, count: usize, enforced: Enforced) -> Self {
        let client = cloud.client(people::ADMIN).await;
        let namespaces: Vec<_> = (0..count).map(|number| format!("bare-{number:04}")).collect();
        stream::iter(&namespaces).for_each_concurrent(CONCURRENCY, |name| make_bare(&client, name)).await;
        enforced.all(&namespaces, 1).await;
        until_furnished(&client).await;
        let objects = namespaces.iter().map(|name| (quotas(&client, name), "bare".to_owned())).collect();
        Self { objects, namespaces, limits: "hard", enforced }
    }

    /// Resizes all at once.
    pub async fn all(&self, cpu: i64) -> Round {
        let started = Instant::now();
        stream::iter(0..self.objects.len()).for_each_concurrent(CONCURRENCY, |number| self.write(number, cpu)).await;
        let written = started.elapsed();
        Round { written, enforced: self.enforced.all(&self.namespaces, cpu).await - started }
    }

    /// Resizes one, and waits until it is enforced.
    pub async fn one(&self, number: usize, cpu: i64) -> Duration {
        let started = Instant::now();
        self.write(number, cpu).await;
        self.enforced.all(&self.namespaces[number..=number], cpu).await - started
    }

    async fn write(&self, number: usize, cpu: i64) {
        let (api, name) = &self.objects[number];
        let mut patch = json!({"spec": {}});
        patch["spec"][self.limits] = json!({"requests.cpu": cpu.to_string()});
        api.patch(name, &PatchParams::default(), &Patch::Merge(&patch)).await.expect("it is written");
    }
}

/// Waits until every namespace has what the cluster's own controllers put into it, so that they rest while it is measured.
async fn until_furnished(client: &Client) {
    let count = async |kind, plural, name: &str| {
        let listed =
            objects::core(client, kind, plural).list_metadata(&ListParams::default()).await.map_err(|e| e.to_string())?;
        Ok::<_, String>(listed.iter().filter(|object| name.is_empty() || object.name_any() == name).count())
    };
    eventually_for(FURNISHED, "every namespace is furnished", async || {
        let namespaces = count("Namespace", "namespaces", "").await?;
        let accounts = count("ServiceAccount", "serviceaccounts", "default").await?;
        let certificates = count("ConfigMap", "configmaps", "kube-root-ca.crt").await?;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let wrong = || format!("{namespaces} namespaces, {accounts} accounts, {certificates} certificates");
        if accounts.min(certificates) == namespaces { Ok(()) } else { Err(wrong()) }
    })
    .await;
}

fn quotas(client: &Client, namespace: &str) -> Api<DynamicObject> {
    objects::core_in(client, namespace, "ResourceQuota", "resourcequotas")
}

async fn make_bare(client: &Client, name: &str) {
    let object = |value: Value| serde_json::from_value::<DynamicObject>(value).expect("an object");
    let namespace = object(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}));
    objects::core(client, "Namespace", "namespaces").create(&PostParams::default(), &namespace).await.expect("a namespace");
    // As many keys as a project's quota has.
    let hard = json!({"requests.cpu": "1", "requests.memory": "1Gi", "requests.storage": "0", "requests.nvidia.com/gpu": "0"});
    let quota = object(
        json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "bare", "namespace": name}, "spec": {"hard": hard}}),
    );
    quotas(client, name).create(&PostParams::default(), &quota).await.expect("a quota");
}
