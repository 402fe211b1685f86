//! From what was seen to the findings that must be there.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::PoisonError,
};

use govcloud_crds::{
    Agency, ProcessingClass, ProcessingPermit, Resources, SharedService,
    class::recognise::WORKLOADS,
    cloud::exempt_namespaces,
    finding::{
        FindingRule, ObjectReference, ProcessingFindingSpec, agency_of,
        idle::{Usage, Used, idle},
        name_of,
        observed::{Observed, What},
        owners::Owners,
        rules::{Catalogue, Place, Project, judge},
        suspicious::{listens, release, release_of, too_much},
        unclassified::unclassified,
    },
    names::{GROUP, LABEL_PROJECT, home_namespace, split_project_namespace},
    permit::keeping::Kept,
};
use jiff::Timestamp;
use kube::{ResourceExt, runtime::reflector::ObjectRef};

use super::seen::{Kind, Seen};
use crate::{
    context::Context,
    controllers::keeping::{family_of, kept_of},
    index::within,
};

/// What was found, and what is not known.
#[derive(Debug, Default)]
pub struct Picture {
    /// Findings by the namespace that they are kept in, and their name.
    pub findings: BTreeMap<(String, String), ProcessingFindingSpec>,
    /// Kinds of which not everything is known: what was found about their objects before stays.
    pub undecided: Vec<Kind>,
}

impl Picture {
    /// Whether a finding that is not among those of this picture has lost its reason.
    pub fn is_over(&self, finding: &ProcessingFindingSpec) -> bool {
        let of = |object: &ObjectReference, (group, resource): &Kind| object.group == *group && object.resource == *resource;
        // What is found about a project rests on all of its workloads.
        let rests_on_all = finding.rule == FindingRule::Suspicious && finding.object.group == GROUP;
        !self.undecided.iter().any(|kind| rests_on_all || of(&finding.object, kind))
    }
}

/// A project as the stores have it.
struct Known {
    agency: Agency,
    family: String,
    name: String,
    uid: String,
    permits: Vec<ProcessingPermit>,
}

/// What the scan looks at beside the objects.
struct World<'a> {
    context: &'a Context,
    classes: BTreeMap<String, ProcessingClass>,
    services: Vec<SharedService>,
    kept: Vec<Kept>,
    exempt: BTreeSet<String>,
    projects: BTreeMap<String, Option<Known>>,
    now: Timestamp,
}

/// The present picture; `None` while a first look at some kind is under way.
pub(super) fn picture(context: &Context) -> Option<Picture> {
    let seen = context.scanner.seen();
    if seen.is_waiting() {
        return None;
    }
    let mut world = World::new(context);
    let mut found = Vec::new();
    world.objects(&seen, &mut found);
    world.use_of(&seen, &mut found);
    releases(&seen, &mut found);
    let mut undecided = seen.undecided();
    context.metrics.scan.saw(seen.objects().count());
    drop(seen);
    match definitions(context) {
        Some(of_definitions) => found.extend(of_definitions),
        None => undecided.push(("apiextensions.k8s.io".to_owned(), "customresourcedefinitions".to_owned())),
    }
    let place = |spec: ProcessingFindingSpec| {
        let namespace = world.home_of(&spec.object.namespace);
        ((namespace, name_of(spec.rule, &spec.object)), spec)
    };
    let findings = found.into_iter().map(place).chain(super::obligations::found(context)).collect();
    Some(Picture { findings, undecided })
}

/// Definitions that look like processing infrastructure; `None` before they were looked at.
fn definitions(context: &Context) -> Option<Vec<ProcessingFindingSpec>> {
    let looked = context.scanner.definitions.lock().unwrap_or_else(PoisonError::into_inner);
    let found = looked.as_ref()?.iter().filter_map(|(name, looked)| Some(unclassified(name, looked.signs.as_ref()?)));
    Some(found.collect())
}

/// Releases none of whose objects a class knows.
fn releases(seen: &Seen, found: &mut Vec<ProcessingFindingSpec>) {
    let classified = seen.objects().filter(|one| one.classified().is_some());
    let known: BTreeSet<_> =
        classified.filter_map(|one| Some((one.object.namespace.as_str(), one.release.as_deref()?))).collect();
    let all: BTreeSet<_> =
        seen.releases().filter_map(|(namespace, secret)| Some((namespace.as_str(), release_of(secret)?))).collect();
    found.extend(all.difference(&known).filter_map(|(namespace, name)| release(namespace, name)));
}

impl<'a> World<'a> {
    fn new(context: &'a Context) -> Self {
        let stores = &context.stores;
        let cloud = stores.cloud();
        let services = stores.services.state();
        Self {
            context,
            classes: stores.classes_by_name(),
            kept: kept_of(&services, None, context),
            services: services.iter().map(|service| (**service).clone()).collect(),
            exempt: exempt_namespaces(cloud.as_deref(), &context.operator_namespace).into_iter().collect(),
            projects: BTreeMap::new(),
            now: context.now(),
        }
    }

    fn objects(&mut self, seen: &Seen, found: &mut Vec<ProcessingFindingSpec>) {
        let owners = Owners::new(seen.objects());
        let mut requests: BTreeMap<String, Resources> = BTreeMap::new();
        for one in seen.objects() {
            if self.exempt.contains(&one.object.namespace) || owners.counted_at(one).is_some() {
                continue;
            }
            match &one.what {
                What::Classified(_) => found.extend(self.classified(one)),
                What::Generic(generic) => {
                    found.extend(listens(&one.object, generic));
                    let sum = requests.entry(one.object.namespace.clone()).or_default();
                    *sum = sum.plus(&generic.requests);
                }
            }
        }
        let thresholds = self.context.stores.cloud().map(|cloud| cloud.spec.thresholds.clone()).unwrap_or_default();
        found.extend(requests.iter().filter_map(|(namespace, requests)| {
            let (agency, project) = split_project_namespace(namespace)?;
            too_much(agency, project, requests, &thresholds)
        }));
    }

    /// What is found of objects of a class to be idle, where it is known how much is used. Where that is not known of an object, what was
    /// found before stays.
    fn use_of(&mut self, seen: &Seen, found: &mut Vec<ProcessingFindingSpec>) {
        let Some(of) = self.context.stores.cloud().and_then(|cloud| cloud.spec.utilisation.clone()) else { return };
        let is_workload = |kind: &Kind| WORKLOADS.iter().any(|w| (w.group, w.resource) == (kind.0.as_str(), kind.1.as_str()));
        let sees_all_pods = !seen.undecided().iter().any(is_workload);
        let answer = self.context.scanner.used.answer(&of).filter(|_| sees_all_pods);
        let owners = Owners::new(seen.objects());
        let used = answer.as_deref().map(|answer| Used::new(answer, &owners, seen.parts()));
        for one in seen.objects() {
            let Some(classified) = one.classified() else { continue };
            if self.exempt.contains(&one.object.namespace) || owners.counted_at(one).is_some() {
                continue;
            }
            let usage = used.as_ref().map_or(Usage::Unknown, |used| used.of(one));
            let is_idle = match usage {
                Usage::Young => Some(false),
                Usage::Unknown => None,
                Usage::Known(share) => share.is_idle(of.threshold_percent),
            };
            match (is_idle, usage) {
                (Some(true), Usage::Known(share)) => {
                    self.know(&one.object.namespace);
                    let rule = (of.threshold_percent, of.window.to_string());
                    let place = (self.project_at(&one.object.namespace), &self.catalogue());
                    found.push(idle(one, classified, &share, (rule.0, &rule.1), place, self.now));
                }
                (Some(_), _) => {}
                (None, _) => found.extend(self.found_before(FindingRule::Idle, &one.object)),
            }
        }
    }

    /// A finding as it is.
    fn found_before(&self, rule: FindingRule, object: &ObjectReference) -> Option<ProcessingFindingSpec> {
        let name = ObjectRef::new(&name_of(rule, object)).within(&self.home_of(&object.namespace));
        self.context.stores.findings.get(&name).map(|live| live.spec.clone())
    }

    fn classified(&mut self, one: &Observed) -> Vec<ProcessingFindingSpec> {
        self.know(&one.object.namespace);
        let place = self.project_at(&one.object.namespace).map_or(Place::Elsewhere, Place::Project);
        judge(one, place, &self.catalogue(), self.now)
    }

    fn catalogue(&self) -> Catalogue<'_> {
        Catalogue { services: &self.services, kept: &self.kept, classes: &self.classes }
    }

    /// Looks up which project a namespace is.
    fn know(&mut self, namespace: &str) {
        if !self.projects.contains_key(namespace) {
            let known = self.project(namespace);
            self.projects.insert(namespace.to_owned(), known);
        }
    }

    /// The project that a namespace is, which was looked up before.
    fn project_at(&self, namespace: &str) -> Option<Project<'_>> {
        let Known { agency, family, name, uid, permits } = self.projects.get(namespace)?.as_ref()?;
        Some(Project { agency, family, name, namespace_uid: uid, permits })
    }

    /// The project that a namespace is: one that the operator made, of an agency that is there.
    fn project(&self, namespace: &str) -> Option<Known> {
        let stores = &self.context.stores;
        let (agency, name) = split_project_namespace(namespace)?;
        let live = stores.namespaces.get(&ObjectRef::new(namespace)).filter(|live| live.labels().contains_key(LABEL_PROJECT))?;
        let permits = stores.permits_of.get(&within(Some(&home_namespace(agency)), name));
        Some(Known {
            agency: (*stores.agencies.get(&ObjectRef::new(agency))?).clone(),
            family: family_of(agency, stores),
            name: name.to_owned(),
            uid: live.uid()?,
            permits: permits.iter().map(|permit| (**permit).clone()).collect(),
        })
    }

    /// The home of the agency that a namespace belongs to; the operator's own namespace for everything else.
    fn home_of(&self, namespace: &str) -> String {
        let stores = &self.context.stores;
        let home =
            agency_of(namespace).filter(|agency| stores.agencies.get(&ObjectRef::new(agency)).is_some()).map(home_namespace);
        let lives = |home: &String| {
            stores.namespaces.get(&ObjectRef::new(home)).is_some_and(|live| live.metadata.deletion_timestamp.is_none())
        };
        home.filter(lives).unwrap_or_else(|| self.context.operator_namespace.clone())
    }
}
