//! Where requests to reconcile an object go, by what is to be looked at again.

use std::sync::Arc;

use govcloud_crds::{
    Agency, AgencyQuota, CapacityPool, GovernmentCloud, ProcessingClass, ProcessingPermit, Project, ServiceClaim, SharedService,
    names::{CLOUD_NAME, home_namespace, split_project_namespace},
    permit::notice::due,
};
use kube::{
    Resource,
    runtime::reflector::{ObjectRef, Store},
};
use tokio::sync::{Notify, mpsc::UnboundedSender};

use crate::stores::Stores;

/// Where requests to reconcile an object go.
#[derive(Clone)]
#[allow(missing_docs)] // each field reconciles the kind it is named after
pub struct Queues {
    pub cloud: UnboundedSender<ObjectRef<GovernmentCloud>>,
    pub agency: UnboundedSender<ObjectRef<Agency>>,
    pub entitlement: UnboundedSender<ObjectRef<Agency>>,
    pub project: UnboundedSender<ObjectRef<Project>>,
    pub pool: UnboundedSender<ObjectRef<CapacityPool>>,
    pub quota: UnboundedSender<ObjectRef<AgencyQuota>>,
    pub class: UnboundedSender<ObjectRef<ProcessingClass>>,
    pub permit: UnboundedSender<ObjectRef<ProcessingPermit>>,
    pub service: UnboundedSender<ObjectRef<SharedService>>,
    pub claim: UnboundedSender<ObjectRef<ServiceClaim>>,
    /// Permits of which something may have to be announced.
    pub notices: UnboundedSender<ObjectRef<ProcessingPermit>>,
    /// Services that may have to be probed.
    pub probes: UnboundedSender<ObjectRef<SharedService>>,
    /// The admission policies and agency roles as a whole.
    pub enforcement: Arc<Notify>,
    /// The order of the requests under review.
    pub places: Arc<Notify>,
    /// The findings as a whole.
    pub scan: Arc<Notify>,
    /// Which kinds the scanner watches.
    pub kinds: Arc<Notify>,
    /// How much of what is requested is used.
    pub utilisation: Arc<Notify>,
    /// The reports of findings as a whole.
    pub reports: Arc<Notify>,
    /// What agencies share under their permits, as a whole.
    pub sharing: Arc<Notify>,
}

impl Queues {
    /// The GovernmentCloud, which shows what became of something.
    pub fn the_cloud(&self) {
        let _ = self.cloud.send(ObjectRef::new(CLOUD_NAME)); // a closed queue means that the process is ending
    }

    pub(crate) fn the_agency(&self, name: &str) {
        let _ = self.agency.send(ObjectRef::new(name));
    }

    /// What an agency has without asking.
    pub(crate) fn the_entitlement(&self, agency: &str) {
        let _ = self.entitlement.send(ObjectRef::new(agency));
    }

    pub(crate) fn the_permit(&self, permit: &ProcessingPermit) {
        let _ = self.permit.send(ObjectRef::from_obj(permit));
    }

    pub(crate) fn the_service(&self, name: &str) {
        let _ = self.service.send(ObjectRef::new(name));
    }

    pub(crate) fn the_claims(&self, claims: &[Arc<ServiceClaim>]) {
        for claim in claims {
            let _ = self.claim.send(ObjectRef::from_obj(&**claim));
        }
    }

    /// The project that a namespace is.
    pub(crate) fn the_project_of(&self, namespace: &str) {
        if let Some((agency, project)) = split_project_namespace(namespace) {
            let _ = self.project.send(ObjectRef::new(project).within(&home_namespace(agency)));
        }
    }

    pub(crate) fn each<K>(queue: &UnboundedSender<ObjectRef<K>>, store: &Store<K>, wanted: impl Fn(&K) -> bool)
    where
        K: Resource<DynamicType = ()> + Clone + 'static,
    {
        for object in store.state_filter(wanted) {
            let _ = queue.send(ObjectRef::from_obj(&*object));
        }
    }

    /// Every object there is.
    pub fn everything(&self, stores: &Stores) {
        self.enforcement.notify_one();
        self.kinds.notify_one();
        self.scan.notify_one();
        self.reports.notify_one();
        self.sharing.notify_one();
        Self::each(&self.cloud, &stores.clouds, |_| true);
        Self::each(&self.agency, &stores.agencies, |_| true);
        Self::each(&self.entitlement, &stores.agencies, |_| true);
        Self::each(&self.project, &stores.projects, |_| true);
        Self::each(&self.pool, &stores.pools, |_| true);
        Self::each(&self.quota, &stores.quotas, |_| true);
        Self::each(&self.class, &stores.classes, |_| true);
        Self::each(&self.permit, &stores.permits, |_| true);
        Self::each(&self.service, &stores.services, |_| true);
        Self::each(&self.claim, &stores.claims, |_| true);
        Self::each(&self.notices, &stores.permits, is_due);
        Self::each(&self.probes, &stores.services, |_| true);
    }

    /// Everything that shows what the enforcement controller did.
    pub fn enforcement_changed(&self, stores: &Stores) {
        self.the_cloud();
        self.classes(stores);
    }

    /// Every class.
    pub fn classes(&self, stores: &Stores) {
        Self::each(&self.class, &stores.classes, |_| true);
    }
}

pub(crate) fn is_due(permit: &ProcessingPermit) -> bool {
    due(permit).next().is_some()
}
