//! Agencies, their projects, and permits with their reviews, written as fast as the API server takes them.

use std::time::Instant;

use futures::{StreamExt, stream};
use govcloud_crds::{
    PermitReview, ProcessingPermit,
    permit::{PermitReference, PermitReviewSpec, ReviewVerdict, digest::digest},
};
use govcloud_tests::{Cloud, eventually, fixtures, objects, people};
use kube::{
    Api, Client, ResourceExt,
    api::{DynamicObject, ListParams, PostParams},
};
use serde_json::{Value, json};

const CONCURRENCY: usize = 32;
const PERMITS_PER_PROJECT: usize = 50;
const PROJECTS_PER_AGENCY: usize = 4;
const MINISTRY: &str = "ministry:reviewers";

/// Everybody who writes.
pub struct Population {
    agencies: usize,
    requester: Client,
    reviewers: [(Client, &'static str); 2],
}

/// The agency and the project of a permit.
pub fn place(permit: usize) -> (String, String) {
    let project = permit / PERMITS_PER_PROJECT;
    (format!("a{:03}", project / PROJECTS_PER_AGENCY), format!("p{}", project % PROJECTS_PER_AGENCY))
}

impl Population {
    /// Opens so many agencies and projects as the permits need, and waits until they are ready. Requests need two
    /// reviewers from now on.
    pub async fn open(cloud: &Cloud, permits: usize) -> Self {
        let quorum = json!({"spec": {"approval": {"quorum": [{"group": MINISTRY, "count": 2}]}}}).to_string();
        let patch = ["patch", "processingclass", "message-broker", "--type=merge", "-p", &quorum];
        cloud.kubectl(people::REVIEWER_1, &patch).await.succeeds();
        let projects = permits.div_ceil(PERMITS_PER_PROJECT);
        let agencies = projects.div_ceil(PROJECTS_PER_AGENCY);
        let founder = cloud.client(people::CLOUD_OPERATOR).await;
        stream::iter(0..agencies).for_each_concurrent(CONCURRENCY, |number| found(&founder, number)).await;
        let admin = cloud.client(people::ADMIN).await;
        until_ready(&admin, "Agency", "agencies").await;
        let leader = cloud.client(people::CUSTOMS_ADMIN).await;
        stream::iter(0..projects).for_each_concurrent(CONCURRENCY, |number| start(&leader, number)).await;
        until_ready(&admin, "Project", "projects").await;
        cloud.enforced().await;
        let reviewers = [
            (cloud.client(people::REVIEWER_1).await, "reviewer-1@ministry"),
            (cloud.client(people::REVIEWER_2).await, "reviewer-2@ministry"),
        ];
        eprintln!("{agencies} agencies with {projects} projects are ready");
        Self { agencies, requester: cloud.client(people::CUSTOMS_REQUESTER).await, reviewers }
    }

    /// Writes permits with three reviews each: two that count, and one of another request than this.
    pub async fn ask(&self, permits: usize) {
        let started = Instant::now();
        let one = async |number: usize| {
            let permit = self.request(number, format!("r{number:06}")).await;
            for (count, reviewer, is_of_this) in [(1, 0, true), (2, 1, true), (3, 0, false)] {
                let verdict = (ReviewVerdict::Approve, is_of_this);
                self.review(&permit, count, reviewer, verdict).await;
            }
        };
        stream::iter(0..permits).for_each_concurrent(CONCURRENCY, one).await;
        eprintln!("{permits} permits and {} reviews are written after {:.1?}", 3 * permits, started.elapsed());
    }

    /// Writes requests that nobody reviews, spread over all agencies.
    pub async fn queue_up(&self, count: usize) -> Vec<ProcessingPermit> {
        let first_of_an_agency = |number: usize| number % self.agencies * PROJECTS_PER_AGENCY * PERMITS_PER_PROJECT;
        let one = |number: usize| self.request(first_of_an_agency(number), format!("w{number:06}"));
        stream::iter(0..count).map(one).buffered(CONCURRENCY).collect().await
    }

    /// Denies a request.
    pub async fn deny(&self, permit: &ProcessingPermit) {
        for reviewer in [0, 1] {
            self.review(permit, reviewer + 1, reviewer, (ReviewVerdict::Deny, true)).await;
        }
    }

    /// Requests what has this name, in the project that the permit of this number has its place in.
    async fn request(&self, number: usize, name: String) -> ProcessingPermit {
        let (agency, project) = place(number);
        let request = fixtures::permit(&agency, &name, "requester@customs", &project, &[(&name, 1, "1Gi")]);
        let request: ProcessingPermit = serde_json::from_value(request).expect("a permit");
        let home: Api<ProcessingPermit> = Api::namespaced(self.requester.clone(), &format!("agency-{agency}"));
        home.create(&PostParams::default(), &request).await.expect("the request is taken")
    }

    async fn review(&self, permit: &ProcessingPermit, count: usize, reviewer: usize, verdict: (ReviewVerdict, bool)) {
        let (client, user) = &self.reviewers[reviewer];
        let pinned = if verdict.1 { digest(&permit.spec) } else { "0".repeat(64) };
        let spec = PermitReviewSpec {
            permit: PermitReference { name: permit.name_any(), uid: permit.uid().expect("it is stored"), digest: pinned },
            reviewer: (*user).to_owned(),
            group: MINISTRY.to_owned(),
            verdict: verdict.0,
            reason: "As the benchmark says.".to_owned(),
            narrow: None,
            override_duplicate: false,
        };
        let review = PermitReview::new(&format!("{}-{count}", permit.name_any()), spec);
        let home: Api<PermitReview> = Api::namespaced(client.clone(), &permit.namespace().expect("it is in a home"));
        home.create(&PostParams::default(), &review).await.expect("the review is taken");
    }
}

async fn found(client: &Client, number: usize) {
    let name = format!("a{number:03}");
    let group = |name: &str| json!([{"kind": "Group", "name": name}]);
    let members = json!({"admins": group("customs:admins"), "developers": group("customs:developers"),
        "requesters": [{"kind": "User", "name": "requester@customs"}]});
    let agency = json!({"displayName": name, "securityRegime": "NonInfrastructure", "dataClassification": "Restricted", "members": members});
    create(&objects::ours(client, "Agency", "agencies"), "Agency", &name, &agency).await;
    let quota = json!({"agency": name, "pool": "national", "guaranteed": {"requests.cpu": "4", "requests.memory": "8Gi"}});
    create(&objects::ours(client, "AgencyQuota", "agencyquotas"), "AgencyQuota", &name, &quota).await;
}

async fn start(client: &Client, number: usize) {
    let (agency, name) = place(number * PERMITS_PER_PROJECT);
    let spec = json!({"purpose": "A benchmark", "pool": "national", "quota": {"requests.cpu": "1", "requests.memory": "1Gi"}});
    create(&objects::projects(client, &agency), "Project", &name, &spec).await;
}

async fn create(api: &Api<DynamicObject>, kind: &str, name: &str, spec: &Value) {
    let object = json!({"apiVersion": "govcloud.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec});
    let object: DynamicObject = serde_json::from_value(object).expect("an object");
    api.create(&PostParams::default(), &object).await.unwrap_or_else(|error| panic!("{kind} {name}: {error}"));
}

/// Waits until all objects of a kind are ready.
pub async fn until_ready(client: &Client, kind: &str, plural: &str) {
    let api = objects::ours(client, kind, plural);
    eventually(&format!("all {plural} are ready"), async || {
        let all = api.list(&ListParams::default()).await.map_err(|error| error.to_string())?;
        let waiting: Vec<_> = all.iter().filter(|object| !is_ready(object)).map(ResourceExt::name_any).collect();
        if waiting.is_empty() { Ok(()) } else { Err(format!("{waiting:?} are not")) }
    })
    .await;
}

/// Whether an object's condition `Ready` holds.
pub fn is_ready(object: &DynamicObject) -> bool {
    let conditions = object.data.pointer("/status/conditions").and_then(Value::as_array).cloned().unwrap_or_default();
    conditions.iter().any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
}
