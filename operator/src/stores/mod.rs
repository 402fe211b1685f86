//! What the operator knows of the cluster: one shared store per kind, fed by one watch each.

mod watch;

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex},
};

use govcloud_crds::{
    Agency, AgencyQuota, CapacityPool, GovernmentCloud, PermitReview, ProcessingClass, ProcessingFinding, ProcessingPermit,
    Project, ServiceClaim, SharedService,
    capacity::Aliases,
    names::{CLOUD_NAME, LABEL_AGENCY, LABEL_BINDABLE, agency_of_home},
    service::rules::{agency_of_claim, current_service},
};
use k8s_openapi::{
    api::{
        core::v1::{Namespace, Node, Secret},
        resource::v1::DeviceClass,
    },
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube::{
    Client, Resource, ResourceExt,
    api::PartialObjectMeta,
    runtime::reflector::{ObjectRef, Store},
};
use tokio::task::JoinSet;

use crate::{
    index::{Index, within},
    managed::{KINDS, Managed},
    queues::Queues,
    triggers,
};
use watch::Pending;

/// A CustomResourceDefinition, of which only the metadata is watched: that it came, changed or went is all that matters.
pub type Definition = PartialObjectMeta<CustomResourceDefinition>;

/// One store per kind.
#[derive(Clone)]
#[allow(missing_docs)] // each field holds the kind it is named after
pub struct Stores {
    pub clouds: Store<GovernmentCloud>,
    pub agencies: Store<Agency>,
    pub projects: Store<Project>,
    pub pools: Store<CapacityPool>,
    pub quotas: Store<AgencyQuota>,
    pub classes: Store<ProcessingClass>,
    pub permits: Store<ProcessingPermit>,
    pub reviews: Store<PermitReview>,
    pub services: Store<SharedService>,
    pub claims: Store<ServiceClaim>,
    pub findings: Store<ProcessingFinding>,
    /// Definitions, of which only the metadata is known.
    pub definitions: Store<Definition>,
    /// Namespaces of agencies.
    pub namespaces: Store<Namespace>,
    /// Nodes, for pools that are measured.
    pub nodes: Store<Node>,
    /// Classes of devices, where the cluster knows them.
    pub device_classes: Store<DeviceClass>,
    /// Secrets that providers marked as bindable.
    pub credentials: Store<Secret>,
    /// Everything that the operator owns entirely.
    pub managed: Managed,
    /// Reviews by the permit that they name, as `namespace/name`.
    pub reviews_of: Arc<Index<PermitReview>>,
    /// Permits by the permit that they refer to, as `namespace/name`.
    pub successors_of: Arc<Index<ProcessingPermit>>,
    /// Permits by their project, as `namespace/name`.
    pub permits_of: Arc<Index<ProcessingPermit>>,
    /// Permits by their home and class, as `namespace/class`.
    pub permits_in_class: Arc<Index<ProcessingPermit>>,
    /// Permits of which something is, or was, kept at a shared service, by its name.
    pub permits_kept_at: Arc<Index<ProcessingPermit>>,
    /// Claims by the service that serves them, or would.
    pub claims_at: Arc<Index<ServiceClaim>>,
    /// Claims by their agency.
    pub claims_of: Arc<Index<ServiceClaim>>,
    /// Services by the class that they require as a licence.
    pub services_licensed: Arc<Index<SharedService>>,
    /// Services that end, by the one that they hand their claims on to.
    pub services_ending_in: Arc<Index<SharedService>>,
    /// Which generation of which object was looked at last, of kinds on which much depends.
    pub known: Arc<Mutex<HashMap<String, Generation>>>,
}

/// The uid of an object, and its generation.
pub type Generation = (Option<String>, Option<i64>);

/// Runs the watches; it ends only with the process.
pub struct Watches(JoinSet<()>);

impl Watches {
    /// Waits until a watch ends, which none should.
    pub async fn ended(&mut self) {
        self.0.join_next().await;
    }
}

/// Starts a watch per kind; each event first updates its store and then triggers what depends on it.
pub fn start(client: &Client, queues: &Queues) -> (Arc<Stores>, Watches) {
    let mut pending = Pending::default();
    let (permits, [permits_of, successors_of, permits_in_class, permits_kept_at]) =
        pending.watch_indexed(client, [by_project as fn(&_) -> _, by_prior, by_class, by_kept], triggers::permit);
    let (reviews, [reviews_of]) = pending.watch_indexed(client, [by_permit], triggers::review);
    let (services, [services_licensed, services_ending_in]) =
        pending.watch_indexed(client, [by_licence as fn(&_) -> _, by_successor], triggers::service);
    let (claims, [claims_at, claims_of]) = pending.watch_indexed(client, [by_service as fn(&_) -> _, by_agency], triggers::claim);
    let stores = Arc::new(Stores {
        services,
        services_licensed,
        services_ending_in,
        claims,
        claims_at,
        claims_of,
        permits,
        reviews,
        reviews_of,
        successors_of,
        permits_of,
        permits_in_class,
        permits_kept_at,
        known: Arc::default(),
        clouds: pending.watch(client, triggers::cloud),
        agencies: pending.watch(client, triggers::agency),
        projects: pending.watch(client, triggers::project),
        pools: pending.watch(client, triggers::pool),
        quotas: pending.watch(client, triggers::quota),
        classes: pending.watch(client, triggers::class),
        findings: pending.watch(client, triggers::finding),
        definitions: pending.watch(client, triggers::definition),
        namespaces: pending.watch_labelled(client, LABEL_AGENCY, triggers::namespace),
        nodes: pending.watch(client, triggers::node),
        device_classes: pending.watch_if_served(client, triggers::device_class),
        credentials: pending.watch_labelled(client, &format!("{LABEL_BINDABLE}=true"), triggers::credentials),
        managed: Managed(KINDS.into_iter().map(|(_, _, kind, _)| (kind, pending.watch_managed(client, kind))).collect()),
    });
    let mut running = JoinSet::new();
    for start in pending.0 {
        running.spawn(start(stores.clone(), queues.clone()));
    }
    (stores, Watches(running))
}

#[allow(clippy::unnecessary_wraps, reason = "a key of an index")]
fn by_project(permit: &ProcessingPermit) -> Option<String> {
    Some(within(permit.metadata.namespace.as_deref(), &permit.spec.project))
}

#[allow(clippy::unnecessary_wraps, reason = "a key of an index")]
fn by_class(permit: &ProcessingPermit) -> Option<String> {
    Some(within(permit.metadata.namespace.as_deref(), &permit.spec.processing_class))
}

fn by_kept(permit: &ProcessingPermit) -> Option<String> {
    permit.kept_service().map(str::to_owned)
}

fn by_prior(permit: &ProcessingPermit) -> Option<String> {
    Some(within(permit.metadata.namespace.as_deref(), permit.spec.prior.as_ref()?))
}

#[allow(clippy::unnecessary_wraps, reason = "a key of an index")]
fn by_permit(review: &PermitReview) -> Option<String> {
    Some(within(review.metadata.namespace.as_deref(), &review.spec.permit.name))
}

fn by_licence(service: &SharedService) -> Option<String> {
    service.spec.requires_licence.clone()
}

fn by_successor(service: &SharedService) -> Option<String> {
    service.spec.drain.as_ref()?.move_to.clone()
}

#[allow(clippy::unnecessary_wraps, reason = "a key of an index")]
fn by_service(claim: &ServiceClaim) -> Option<String> {
    Some(current_service(claim).to_owned())
}

fn by_agency(claim: &ServiceClaim) -> Option<String> {
    agency_of_claim(claim).map(str::to_owned)
}

impl Stores {
    /// Waits until every store has been filled once.
    pub async fn ready(&self) {
        macro_rules! wait { ($($store:expr),*) => { $( let _ = $store.wait_until_ready().await; )* } }
        wait!(self.clouds, self.agencies, self.projects, self.pools, self.quotas, self.classes, self.permits, self.reviews);
        wait!(self.services, self.claims, self.findings, self.namespaces, self.nodes, self.device_classes, self.credentials);
        wait!(self.definitions);
        for store in self.managed.0.values() {
            let _ = store.wait_until_ready().await;
        }
    }

    /// The GovernmentCloud, if there is one.
    pub fn cloud(&self) -> Option<Arc<GovernmentCloud>> {
        self.clouds.get(&ObjectRef::new(CLOUD_NAME))
    }

    /// The agency whose home `namespace` is.
    pub fn agency_of_home(&self, namespace: Option<&str>) -> Option<Arc<Agency>> {
        self.agencies.get(&ObjectRef::new(agency_of_home(namespace?)?))
    }

    /// All classes by name.
    pub fn classes_by_name(&self) -> BTreeMap<String, ProcessingClass> {
        self.classes.state().into_iter().map(|class| (class.name_any(), (*class).clone())).collect()
    }

    /// All pools by name.
    pub fn pools_by_name(&self) -> BTreeMap<String, CapacityPool> {
        self.pools.state().into_iter().map(|pool| (pool.name_any(), (*pool).clone())).collect()
    }

    /// Which quota keys are one device, as the cluster's DeviceClasses say; none where it has no such classes.
    pub fn aliases(&self) -> Aliases {
        let classes = self.device_classes.state();
        let extended = |class: &DeviceClass| class.spec.as_ref().and_then(|spec| spec.extended_resource_name.clone());
        Aliases::new(classes.iter().map(|class| (class.name_any(), extended(class))))
    }

    /// Everything of one kind in a namespace.
    pub fn in_namespace<K>(store: &Store<K>, namespace: &str) -> Vec<Arc<K>>
    where
        K: Resource<DynamicType = ()> + Clone + 'static,
    {
        store.state_filter(|object| object.meta().namespace.as_deref() == Some(namespace))
    }
}
