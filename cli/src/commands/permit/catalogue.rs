//! The catalogue that a request is held against: that of the cluster, or one in a folder.

use std::{collections::BTreeMap, path::Path};

use govcloud_crds::{
    Agency, ProcessingClass, ProcessingPermit, Resources, SharedService,
    agency::family,
    class::compute::{Threshold, thresholds},
    names::agency_of_home,
    permit::{
        keeping::{Kept, asked_again, kept, plan_sizes},
        year::granted_in_year,
    },
};
use jiff::Timestamp;
use kube::{Api, ResourceExt as _};
use serde::de::DeserializeOwned;

use crate::{
    context::{Context, if_readable},
    error::{CliError, Result},
    manifests::{self, Manifest},
};

/// Everything that a request is held against.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    /// All classes by name.
    pub classes: BTreeMap<String, ProcessingClass>,
    /// How much one workload may ask for without a permit.
    pub thresholds: Vec<Threshold>,
    services: Vec<SharedService>,
    agencies: BTreeMap<String, Agency>,
    /// Those that may be read: from the cluster only those of the agency itself.
    permits: Vec<ProcessingPermit>,
}

impl Catalogue {
    /// What the caller may read in the cluster.
    pub async fn of_cluster(ctx: &Context, classes: BTreeMap<String, ProcessingClass>) -> Result<Self> {
        let name = ctx.agency().await?;
        let mut agencies = BTreeMap::from([(name.to_owned(), ctx.read_agency(name).await?)]);
        let all: Option<Vec<Agency>> = if_readable(ctx.list(Api::all(ctx.client.clone())).await)?;
        agencies.extend(all.into_iter().flatten().map(|agency| (agency.name_any(), agency)));
        let permits = if_readable(ctx.list(ctx.namespaced(&ctx.home().await?)).await)?.unwrap_or_default();
        Ok(Self { classes, thresholds: ctx.thresholds().await?, services: ctx.services().await?, agencies, permits })
    }

    /// What the manifests in a folder and those below it say; other kinds are left out.
    pub fn of_folder(folder: &Path) -> Result<Self> {
        let mut all = Self::default();
        for manifest in manifests::read(&[folder.to_owned()], true)? {
            all.take(&manifest)?;
        }
        if all.classes.is_empty() {
            return Err(CliError::usage(format!("{} holds no ProcessingClass", folder.display()))
                .hint("Put what you ask about into it: kubectl get processingclasses,sharedservices,agencies -o yaml"));
        }
        Ok(all)
    }

    /// One of these objects, without permits.
    #[cfg(test)]
    pub fn new(
        classes: BTreeMap<String, ProcessingClass>,
        services: Vec<SharedService>,
        agencies: impl IntoIterator<Item = Agency>,
    ) -> Self {
        let agencies = agencies.into_iter().map(|agency| (agency.name_any(), agency)).collect();
        Self { classes, services, agencies, ..Self::default() }
    }

    fn take(&mut self, manifest: &Manifest) -> Result<()> {
        let object = &manifest.object;
        if !object["apiVersion"].as_str().is_some_and(|version| version.starts_with("govcloud.dev/")) {
            return Ok(());
        }
        match object["kind"].as_str() {
            Some("GovernmentCloud") => self.thresholds = thresholds(Some(&read(manifest)?)).0,
            Some("ProcessingClass") => by_name(&mut self.classes, read(manifest)?),
            Some("Agency") => by_name(&mut self.agencies, read(manifest)?),
            Some("SharedService") => self.services.push(read(manifest)?),
            Some("ProcessingPermit") => self.permits.push(read(manifest)?),
            _ => {}
        }
        Ok(())
    }

    /// The agency, if there is only one.
    pub fn only_agency(&self) -> Option<String> {
        let mut names = self.agencies.keys();
        names.next().filter(|_| names.next().is_none()).cloned()
    }

    /// The catalogue as an agency sees it.
    pub fn of_agency(&self, name: &str) -> Result<AgencyView<'_>> {
        let agency = self.agencies.get(name).ok_or_else(|| {
            let all: Vec<_> = self.agencies.keys().map(String::as_str).collect();
            CliError::usage(format!("there is no agency {name} in the catalogue")).hint(format!("There are: {}", all.join(", ")))
        })?;
        Ok(AgencyView { agency, family: self.family(name), services: &self.services, classes: &self.classes, all: self })
    }

    fn family(&self, agency: &str) -> String {
        family(agency, |name| self.agencies.get(name)?.spec.parent.clone())
    }

    fn family_of(&self, permit: &ProcessingPermit) -> Option<String> {
        Some(self.family(agency_of_home(permit.metadata.namespace.as_deref()?)?))
    }
}

fn by_name<K: kube::Resource<DynamicType = ()>>(all: &mut BTreeMap<String, K>, object: K) {
    all.insert(object.name_any(), object);
}

fn read<K: DeserializeOwned>(manifest: &Manifest) -> Result<K> {
    serde_json::from_value(manifest.object.clone())
        .map_err(|error| CliError::usage(format!("{} is not valid: {error}", manifest.source)).caused_by(error))
}

/// The catalogue as an agency sees it.
#[derive(Clone, Debug)]
pub struct AgencyView<'a> {
    /// The agency.
    pub agency: &'a Agency,
    /// The root of its family.
    pub family: String,
    /// Every shared service.
    pub services: &'a [SharedService],
    /// All classes by name.
    pub classes: &'a BTreeMap<String, ProcessingClass>,
    all: &'a Catalogue,
}

impl AgencyView<'_> {
    /// What the family was granted of a class within a year, as far as its permits can be read.
    pub fn granted(&self, class: &str, now: Timestamp) -> Resources {
        let relatives = self.all.permits.iter().filter(|p| self.all.family_of(p).as_ref() == Some(&self.family));
        granted_in_year(relatives, class, None, now)
    }

    /// What is kept for whom: for the family by its permits, for others what the services say beyond that.
    pub fn kept(&self, now: Timestamp) -> Vec<Kept> {
        let (permits, sizes) = (&self.all.permits, plan_sizes(self.services));
        let again = asked_again(permits);
        let is_over = |p: &ProcessingPermit| p.metadata.uid.as_ref().is_some_and(|uid| again.contains(uid));
        let plan_of = |service: &str, plan: &str| sizes.get(&(service.to_owned(), plan.to_owned())).cloned();
        let mut all = kept(permits, is_over, |p| self.all.family_of(p), plan_of, now);
        for service in self.services {
            let name = service.name_any();
            let known: Resources = all.iter().filter(|k| k.service == name).map(|k| &k.capacity).sum();
            let said = service.status.as_ref().map(|s| s.kept.minus(&known)).unwrap_or_default().without_zeros();
            if !said.is_empty() {
                let (plan, family, demand) = (String::new(), String::new(), Resources::default());
                all.push(Kept { service: name, plan, family, demand, capacity: said, since: now, until: now });
            }
        }
        all
    }
}

#[cfg(test)]
#[path = "catalogue_tests.rs"]
mod tests;
