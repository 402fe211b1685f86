//! Agencies with a project each, services, and claims, written as fast as the API server takes them.

use std::{collections::BTreeMap, time::Instant};

use futures::{StreamExt, stream};
use govcloud_crds::{
    ServiceClaim, SharedService,
    conditions::find,
    service::{ClaimPhase, ServiceClaimSpec, rules::allocated},
};
use govcloud_tests::{Cloud, people, tenant::Tenant};
use kube::{
    Api, Client, Resource,
    api::{ListParams, PostParams},
};
use serde::de::DeserializeOwned;
use serde_json::json;

const CONCURRENCY: usize = 32;
const CLAIMS_PER_PROJECT: usize = 500;
const PROJECT: &str = "uses";

/// Everything that is measured.
pub struct Population {
    services: usize,
    claims: usize,
    places: usize,
    namespaces: Vec<String>,
    admin: Client,
    reader: Client,
}

/// What became of the claims.
pub struct Outcome {
    /// Have their Secret.
    pub bound: usize,
    /// Were told that there is no room.
    pub told: usize,
    /// How many there is room for.
    pub expected: usize,
    /// Services whose ledger holds more than there is.
    pub overcommitted: usize,
}

impl Population {
    /// Opens agencies and projects, and publishes services that have places for nine of ten claims.
    pub async fn open(cloud: &Cloud, services: usize, claims: usize) -> Self {
        let mut namespaces = Vec::new();
        for number in 0..claims.div_ceil(CLAIMS_PER_PROJECT) {
            let tenant = Tenant::open(cloud, &format!("a{number:03}"), 1).await;
            tenant.size(PROJECT, 1).await;
            cloud.wait_for("project", &format!("agency-{}", tenant.name), PROJECT, "Ready").await;
            namespaces.push(tenant.namespace(PROJECT));
        }
        let places = (claims / services * 9).div_ceil(10);
        let (publisher, admin) = (cloud.client(people::CLOUD_OPERATOR).await, cloud.client(people::CUSTOMS_ADMIN).await);
        stream::iter(0..services).for_each_concurrent(CONCURRENCY, |number| publish(&publisher, number, places)).await;
        eprintln!("{} projects are ready, {services} services are published", namespaces.len());
        Self { services, claims, places, namespaces, admin, reader: cloud.client(people::ADMIN).await }
    }

    /// Writes the claims.
    pub async fn claim(&self) {
        let started = Instant::now();
        let one = async |number: usize| {
            let service = number % self.services;
            let spec = ServiceClaimSpec {
                shared_service: service_name(service),
                plan: "one".into(),
                purpose: "A benchmark".into(),
                rotation: 0,
            };
            let claim = ServiceClaim::new(&format!("c{number:06}"), spec);
            let namespace = &self.namespaces[number % self.namespaces.len()];
            let api: Api<ServiceClaim> = Api::namespaced(self.admin.clone(), namespace);
            api.create(&PostParams::default(), &claim).await.expect("the claim is taken");
        };
        stream::iter(0..self.claims).for_each_concurrent(CONCURRENCY, one).await;
        eprintln!("{} claims are written after {:.1?}", self.claims, started.elapsed());
    }

    /// What became of the claims.
    pub async fn outcome(&self) -> Outcome {
        let claims: Vec<ServiceClaim> = all(&self.reader).await;
        let is_bound = |c: &&ServiceClaim| c.status.as_ref().is_some_and(|s| s.phase == ClaimPhase::Bound);
        let is_told = |c: &&ServiceClaim| {
            c.status.as_ref().and_then(|s| find(&s.conditions, "Ready")).is_some_and(|c| c.reason == "NoCapacity")
        };
        let mut asked: BTreeMap<&str, usize> = BTreeMap::new();
        for claim in &claims {
            *asked.entry(&claim.spec.shared_service).or_default() += 1;
        }
        let services: Vec<SharedService> = all(&self.reader).await;
        Outcome {
            bound: claims.iter().filter(is_bound).count(),
            told: claims.iter().filter(is_told).count(),
            expected: asked.values().map(|asked| asked.min(&self.places)).sum(),
            overcommitted: services.iter().filter(|s| !allocated(s.reservations()).fits_in(&s.spec.capacity)).count(),
        }
    }
}

fn service_name(number: usize) -> String {
    format!("s{number:05}")
}

async fn publish(client: &Client, number: usize, places: usize) {
    let name = service_name(number);
    let spec = json!({
        "displayName": name, "description": "A service of the benchmark", "provider": "ito", "processingClass": "message-broker",
        "interfaces": [{"name": "kafka", "version": "3.9"}], "plans": [{"name": "one", "capacity": {"brokers": "1"}}],
        "capacity": {"brokers": places.to_string()},
        "binding": {"type": "kafka", "values": {"bootstrap-servers": format!("{name}.gov.internal:9093")},
            "egress": [{"cidr": "10.20.0.0/24", "ports": [9093]}]},
    });
    let service = SharedService::new(&name, serde_json::from_value(spec).expect("a service"));
    let api: Api<SharedService> = Api::all(client.clone());
    api.create(&PostParams::default(), &service).await.expect("the service is taken");
}

async fn all<K>(client: &Client) -> Vec<K>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + std::fmt::Debug,
{
    let api: Api<K> = Api::all(client.clone());
    let (mut found, mut page) = (Vec::new(), ListParams::default().limit(500));
    loop {
        let list = api.list(&page).await.expect("a list");
        found.extend(list.items);
        match list.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => page = page.continue_token(&token),
            None => return found,
        }
    }
}
