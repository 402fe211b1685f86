//! What is reconciled when something changes: one function per kind that is watched, read as a table.

use std::{
    collections::BTreeSet,
    sync::{Arc, PoisonError},
};

use govcloud_crds::{
    Agency, AgencyQuota, CapacityPool, GovernmentCloud, PermitReview, ProcessingClass, ProcessingFinding, ProcessingPermit,
    Project, ServiceClaim, SharedService,
    capacity::AllocationPhase,
    conditions::is_true,
    names::{LABEL_AGENCY, LABEL_PROJECT, QUOTA_NAME, agency_of_home, home_namespace, split_project_namespace},
    permit::Phase,
    service::rules::{agency_of_claim, current_service, is_entitled, is_told},
};
use k8s_openapi::api::{
    core::v1::{Namespace, Node, Secret},
    resource::v1::DeviceClass,
};
use kube::{
    Resource, ResourceExt,
    api::DynamicObject,
    runtime::reflector::{ObjectRef, Store},
};

use crate::{
    controllers::{capacity::operation_of, entitlement::in_home as entitled_of},
    index::within,
    queues::{Queues, is_due},
    stores::{Definition, Stores},
};

fn in_home<K: Resource>(object: &K, agency: &str) -> bool {
    object.meta().namespace.as_deref().and_then(agency_of_home) == Some(agency)
}

/// Whether an object is gone, or asks for something else than the last time. What the operator itself wrote of it, which
/// for the cloud and the classes is every few permits, is no reason to look at everything that depends on it.
fn is_news<K>(stores: &Stores, store: &Store<K>, object: &K) -> bool
where
    K: Resource<DynamicType = ()> + Clone + 'static,
{
    let name = ObjectRef::from_obj(object);
    let meta = object.meta();
    // While the store is being filled it has nothing either, and everything is news.
    let now = store.get(&name).map(|_| (meta.uid.clone(), meta.generation));
    let mut known = stores.known.lock().unwrap_or_else(PoisonError::into_inner);
    let before = match now.clone() {
        Some(now) => known.insert(name.to_string(), now),
        None => known.remove(&name.to_string()),
    };
    now.is_none() || before != now
}

/// The whole picture depends on it: who reviews, what is exempt, who is told.
pub fn cloud(stores: &Stores, queues: &Queues, cloud: &GovernmentCloud) {
    queues.the_cloud();
    if !is_news(stores, &stores.clouds, cloud) {
        return;
    }
    queues.enforcement.notify_one();
    queues.scan.notify_one();
    queues.kinds.notify_one();
    queues.utilisation.notify_one();
    Queues::each(&queues.agency, &stores.agencies, |_| true);
    // Where nobody is told any more, what was due is not told later either: the permit notes that.
    let is_over = cloud.spec.notifications.is_none();
    Queues::each(&queues.permit, &stores.permits, |p| {
        p.status.as_ref().is_none_or(|s| s.assessment.is_none()) || (is_over && is_due(p))
    });
    Queues::each(&queues.notices, &stores.permits, is_due);
    // Where Secrets of providers may be.
    let hands_on = |s: &SharedService| s.spec.binding.credentials_from.is_some() || s.spec.binding.provisioner.is_some();
    for service in stores.services.state_filter(hands_on) {
        let _ = queues.service.send(ObjectRef::from_obj(&*service));
        queues.the_claims(&stores.claims_at.get(&service.name_any()));
    }
}

/// Its projects follow its isolation; its permits and claims its type, regime and members; other agencies may be below it.
pub fn agency(stores: &Stores, queues: &Queues, agency: &Agency) {
    let name = agency.name_any();
    queues.the_agency(&name);
    queues.the_entitlement(&name);
    queues.the_cloud();
    queues.scan.notify_one();
    queues.sharing.notify_one();
    Queues::each(&queues.project, &stores.projects, |p| in_home(p, &name));
    Queues::each(&queues.permit, &stores.permits, |p| in_home(p, &name));
    Queues::each(&queues.agency, &stores.agencies, |a| a.name_any() != name && a.spec.parent.is_some());
    Queues::each(&queues.quota, &stores.quotas, |q| q.spec.agency == name);
    let claims = stores.claims_of.get(&name);
    queues.the_claims(&claims);
    if is_news(stores, &stores.agencies, agency) {
        // Of whose family it is matters to every ledger that keeps something for one.
        Queues::each(&queues.service, &stores.services, |_| true);
    } else {
        let services: BTreeSet<_> = claims.iter().map(|claim| current_service(claim)).collect();
        for service in services {
            queues.the_service(service);
        }
    }
}

/// A project asks its agency's ledgers, and its permits wait for it.
pub fn project(stores: &Stores, queues: &Queues, project: &Project) {
    let _ = queues.project.send(ObjectRef::from_obj(project));
    let Some(agency) = project.metadata.namespace.as_deref().and_then(agency_of_home) else { return };
    queues.the_agency(agency);
    Queues::each(&queues.quota, &stores.quotas, |q| q.spec.agency == agency);
    Queues::each(&queues.permit, &stores.permits, |p| in_home(p, agency) && p.spec.project == project.name_any());
}

/// A pool is what quotas are shares of, and says where pods run.
pub fn pool(stores: &Stores, queues: &Queues, pool: &CapacityPool) {
    queues.enforcement.notify_one();
    let _ = queues.pool.send(ObjectRef::from_obj(pool));
    Queues::each(&queues.quota, &stores.quotas, |q| q.spec.pool == pool.name_any());
}

/// A ledger decides what its projects may have and which permits become active, is promised out of its pool, and lends to
/// others of the pool, or borrows from them.
pub fn quota(stores: &Stores, queues: &Queues, quota: &AgencyQuota) {
    let _ = queues.quota.send(ObjectRef::from_obj(quota));
    let _ = queues.pool.send(ObjectRef::new(&quota.spec.pool));
    queues.the_agency(&quota.spec.agency);
    Queues::each(&queues.project, &stores.projects, |p| {
        in_home(p, &quota.spec.agency) && p.spec.pool == quota.spec.pool && concerns(quota, p, stores)
    });
    Queues::each(&queues.permit, &stores.permits, |p| {
        in_home(p, &quota.spec.agency) && p.status.as_ref().is_some_and(|s| s.phase == Phase::Approved)
    });
    let lends = |q: &AgencyQuota| {
        let has_loans = q.status.as_ref().is_some_and(|status| !status.loans.is_empty() || !status.borrowings.is_empty());
        has_loans || !q.spec.lending_limit.is_empty() || !q.spec.borrowing_limit.is_empty()
    };
    Queues::each(&queues.quota, &stores.quotas, |q| {
        q.spec.pool == quota.spec.pool && lends(q) && q.name_any() != quota.name_any()
    });
}

/// Whether a project has anything to do about its agency's ledger: its ResourceQuota was not written for what its entry says,
/// or what it was told may have changed.
fn concerns(quota: &AgencyQuota, project: &Project, stores: &Stores) -> bool {
    let (Some(ledger), Some(status)) = (&quota.status, &project.status) else { return true };
    let is_new =
        ledger.observed_generation != quota.metadata.generation || status.observed_generation != project.metadata.generation;
    if is_new || quota.metadata.deletion_timestamp.is_some() {
        return true;
    }
    let Some(entry) = ledger.allocations.iter().find(|entry| Some(&entry.uid) == status.namespace_uid.as_ref()) else {
        return true;
    };
    let written = stores.managed.get("ResourceQuota", Some(&entry.namespace), QUOTA_NAME).map(|live| operation_of(&live));
    entry.phase == AllocationPhase::Shrinking || written != Some(entry.operation) || !is_true(&status.conditions, "QuotaGranted")
}

/// A class makes policies and roles, gates quota keys, lets requests be assessed that waited for it, and is what services
/// are offered in.
pub fn class(stores: &Stores, queues: &Queues, class: &ProcessingClass) {
    let _ = queues.class.send(ObjectRef::from_obj(class));
    if !is_news(stores, &stores.classes, class) {
        return;
    }
    queues.the_cloud();
    queues.enforcement.notify_one();
    queues.kinds.notify_one();
    Queues::each(&queues.project, &stores.projects, |_| true);
    Queues::each(&queues.service, &stores.services, |s| s.spec.processing_class == class.name_any());
    Queues::each(&queues.permit, &stores.permits, |p| p.status.as_ref().is_none_or(|s| s.assessment.is_none()));
}

/// A permit opens slots in its project, brings gated quota, counts for its class, moves the queue, and is announced.
pub fn permit(stores: &Stores, queues: &Queues, permit: &ProcessingPermit) {
    let _ = queues.permit.send(ObjectRef::from_obj(permit));
    let _ = queues.notices.send(ObjectRef::from_obj(permit));
    queues.the_cloud();
    queues.scan.notify_one();
    let _ = queues.class.send(ObjectRef::new(&permit.spec.processing_class));
    if !permit.spec.sharing_offer.is_empty() {
        queues.sharing.notify_one();
    }
    let Some(namespace) = &permit.metadata.namespace else { return };
    let _ = queues.project.send(ObjectRef::new(&permit.spec.project).within(namespace));
    if let Some(prior) = &permit.spec.prior {
        let _ = queues.permit.send(ObjectRef::new(prior).within(namespace)); // it may be taken over, or answered
    }
    let agency = agency_of_home(namespace).unwrap_or_default();
    licence(stores, queues, permit, agency);
    Queues::each(&queues.quota, &stores.quotas, |q| q.spec.agency == agency);
    queues.places.notify_one();
    if let Some(service) = permit.kept_service() {
        queues.the_service(service); // what is kept for it began or ended
    }
    // It may have become free what another one of the project names, or what another one refers to may have been decided.
    // Of those who wait for reviewers only the place changes, which the queue sees to.
    let phase = permit.status.as_ref().map(|s| s.phase).unwrap_or_default();
    if !matches!(phase, Phase::Pending | Phase::UnderReview) {
        let waits = |p: &ProcessingPermit| {
            p.status.as_ref().is_none_or(|s| matches!(s.phase, Phase::Pending | Phase::Returned | Phase::Approved))
        };
        let others = stores.permits_of.get(&within(Some(namespace), &permit.spec.project));
        others.iter().filter(|other| waits(other)).for_each(|other| queues.the_permit(other));
    }
    let successors = stores.successors_of.get(&within(Some(namespace), &permit.name_any()));
    for successor in &successors {
        queues.the_permit(successor);
    }
}

/// Where a permit is the licence that a service asks for, the agency's claims of it come and go with it.
fn licence(stores: &Stores, queues: &Queues, permit: &ProcessingPermit, agency: &str) {
    let asking = stores.services_licensed.get(&permit.spec.processing_class);
    if asking.is_empty() {
        return;
    }
    let claims = stores.claims_of.get(agency);
    for service in asking {
        let name = service.name_any();
        let its: Vec<_> = claims.iter().filter(|claim| current_service(claim) == name).cloned().collect();
        if !its.is_empty() {
            queues.the_service(&name);
            queues.the_claims(&its);
        }
    }
}

/// A review is counted at its permit.
pub fn review(_: &Stores, queues: &Queues, review: &PermitReview) {
    if let Some(namespace) = &review.metadata.namespace {
        let _ = queues.permit.send(ObjectRef::new(&review.spec.permit.name).within(namespace));
    }
}

/// A service's ledger decides which of its claims are bound, and what it has room for is no reason to run one's own. Of what
/// the ledger says, only those claims are told that it says something new of.
pub fn service(stores: &Stores, queues: &Queues, service: &SharedService) {
    queues.scan.notify_one();
    let _ = queues.service.send(ObjectRef::from_obj(service));
    let _ = queues.probes.send(ObjectRef::from_obj(service));
    if service.spec.sharing.is_some() {
        queues.sharing.notify_one();
    }
    shared(stores, queues, service);
    let name = service.name_any();
    if let Some(next) = service.spec.drain.as_ref().and_then(|drain| drain.move_to.as_deref()) {
        queues.the_service(next);
    }
    let mut claims = stores.claims_at.get(&name);
    let ending = stores.services_ending_in.get(&name);
    claims.extend(ending.iter().flat_map(|other| stores.claims_at.get(&other.name_any())));
    if is_news(stores, &stores.services, service) {
        for other in &ending {
            queues.the_service(&other.name_any());
        }
        rules(stores, queues, service, &claims);
    } else {
        claims.retain(|claim| !is_told(claim, service));
    }
    queues.the_claims(&claims);
}

/// Which agencies are given a service, and which must use it.
fn rules(stores: &Stores, queues: &Queues, service: &SharedService, claims: &[Arc<ServiceClaim>]) {
    if service.spec.entitlement.is_some() || claims.iter().any(|claim| is_entitled(claim)) {
        Queues::each(&queues.entitlement, &stores.agencies, |_| true);
    }
    let obliges = service.spec.obligation.is_some();
    Queues::each(&queues.agency, &stores.agencies, |a| {
        obliges || a.status.as_ref().is_some_and(|status| status.obligations.is_some())
    });
}

/// A claim by entitlement is one of its agency's rights, and any may be what its agency must have.
fn duties(stores: &Stores, queues: &Queues, claim: &ServiceClaim) {
    let Some(agency) = agency_of_claim(claim) else { return };
    if is_entitled(claim) {
        queues.the_entitlement(agency);
    }
    let obliges = |name: &str| stores.services.get(&ObjectRef::new(name)).is_some_and(|s| s.spec.obligation.is_some());
    if obliges(&claim.spec.shared_service) || obliges(current_service(claim)) {
        queues.the_agency(agency);
    }
}

/// A claim asks the ledgers that have to do with it.
pub fn claim(stores: &Stores, queues: &Queues, claim: &ServiceClaim) {
    let name = ObjectRef::from_obj(claim);
    let is_gone = stores.claims.get(&name).is_none_or(|live| live.metadata.deletion_timestamp.is_some());
    let _ = queues.claim.send(name);
    duties(stores, queues, claim);
    let serving = current_service(claim);
    let live = stores.services.get(&ObjectRef::new(serving));
    let mut asked = BTreeSet::from([claim.spec.shared_service.clone(), serving.to_owned()]);
    asked.extend(live.and_then(|service| service.spec.drain.as_ref()?.move_to.clone()));
    asked.extend(stores.services_ending_in.get(serving).iter().map(|other| other.name_any()));
    for service in asked {
        let live = stores.services.get(&ObjectRef::new(&service));
        if let Some(live) = &live {
            shared(stores, queues, live);
        }
        if live.is_none_or(|live| asks(claim, is_gone, &live)) {
            queues.the_service(&service);
        }
    }
}

/// The permit under which a service shares shows who asks, and who was agreed to.
fn shared(stores: &Stores, queues: &Queues, service: &SharedService) {
    let home = home_namespace(&service.spec.provider);
    let Some(number) = service.spec.sharing.as_ref().map(|sharing| &sharing.permit) else { return };
    Queues::each(&queues.permit, &stores.permits, |p| {
        p.metadata.namespace.as_deref() == Some(&home) && p.status.as_ref().is_some_and(|s| s.number.as_ref() == Some(number))
    });
}

/// Whether a claim asks for anything else than a service's ledger says already.
fn asks(claim: &ServiceClaim, is_gone: bool, service: &SharedService) -> bool {
    let held = claim.metadata.uid.as_deref().and_then(|uid| service.holding(uid));
    let is_here = current_service(claim) == service.name_any();
    match held {
        Some(held) => is_gone || !is_here || held.plan != claim.spec.plan,
        None => is_here,
    }
}

/// A finding is part of the national picture, and is put right if it was altered.
pub fn finding(_: &Stores, queues: &Queues, _: &ProcessingFinding) {
    queues.the_cloud();
    queues.scan.notify_one();
    queues.reports.notify_one();
}

/// A namespace belongs to a project or is an agency's home.
pub fn namespace(stores: &Stores, queues: &Queues, namespace: &Namespace) {
    let name = namespace.name_any();
    queues.scan.notify_one();
    queues.the_project_of(&name);
    if let Some(agency) = agency_of_home(&name) {
        queues.the_agency(agency);
        queues.the_entitlement(agency);
    }
    if let Some((agency, project)) = split_project_namespace(&name) {
        queues.the_claims(&entitled_of(agency, stores));
        Queues::each(&queues.quota, &stores.quotas, |q| q.spec.agency == agency);
        Queues::each(&queues.permit, &stores.permits, |p| in_home(p, agency) && p.spec.project == project);
    }
}

/// Nodes are what measured pools consist of.
pub fn node(stores: &Stores, queues: &Queues, _: &Node) {
    Queues::each(&queues.pool, &stores.pools, |p| p.spec.node_selector.is_some());
}

/// A DeviceClass is another name for devices: in quotas, ledgers, and what admission knows.
pub fn device_class(stores: &Stores, queues: &Queues, _: &DeviceClass) {
    queues.enforcement.notify_one();
    Queues::each(&queues.project, &stores.projects, |_| true);
    Queues::each(&queues.quota, &stores.quotas, |_| true);
    Queues::each(&queues.pool, &stores.pools, |_| true);
}

/// A provider's credentials are copied into the bindings of its claims, and a token lets its provisioner be called.
pub fn credentials(stores: &Stores, queues: &Queues, secret: &Secret) {
    let (namespace, name) = (secret.namespace().unwrap_or_default(), secret.name_any());
    let uses = |s: &SharedService| {
        let binding = &s.spec.binding;
        let token = binding.provisioner.as_ref().and_then(|provisioner| provisioner.token_from.as_ref());
        binding.credentials_from.iter().chain(token).any(|r| r.namespace == namespace && r.name == name)
    };
    for service in stores.services.state_filter(uses) {
        queues.the_claims(&stores.claims_at.get(&service.name_any()));
    }
}

/// A definition that came, changed or went changes what the cluster serves.
pub fn definition(_: &Stores, queues: &Queues, _: &Definition) {
    queues.enforcement.notify_one();
    queues.kinds.notify_one();
    queues.reports.notify_one();
}

/// A part of a binding: its owner looks at it again. What has no owner is of a claim in another namespace of the agency.
fn binding(stores: &Stores, queues: &Queues, object: &DynamicObject, agency: &str) {
    let namespace = object.namespace().unwrap_or_default();
    let owners = object.owner_references().iter().filter(|owner| owner.kind == "ServiceClaim");
    let owners: Vec<_> = owners.map(|owner| ObjectRef::new(&owner.name).within(&namespace)).collect();
    if owners.is_empty() {
        queues.the_claims(&entitled_of(agency, stores));
        queues.the_entitlement(agency); // it may be of one that is gone
    }
    for owner in owners {
        let _ = queues.claim.send(owner);
    }
}

/// A managed object that changed is compared again by whoever made it.
pub fn managed(stores: &Stores, queues: &Queues, kind: &str, object: &DynamicObject) {
    let labels = object.labels();
    match (labels.get(LABEL_AGENCY), labels.get(LABEL_PROJECT), object.namespace()) {
        (Some(agency), Some(project), Some(namespace)) => {
            queues.the_project_of(&namespace);
            if kind == "ResourceQuota" {
                Queues::each(&queues.quota, &stores.quotas, |q| q.spec.agency == *agency);
            }
            if kind == "Secret" || kind == "NetworkPolicy" {
                binding(stores, queues, object, agency);
            }
            if kind == "ProcessingGrant" {
                let of_it = stores.permits_of.get(&within(Some(&home_namespace(agency)), project));
                let is_decided = |p: &ProcessingPermit| p.status.as_ref().is_some_and(|s| !s.phase.is_waiting());
                of_it.iter().filter(|permit| is_decided(permit)).for_each(|permit| queues.the_permit(permit));
            }
        }
        (Some(agency), ..) => queues.the_agency(agency),
        _ => queues.enforcement.notify_one(),
    }
}
