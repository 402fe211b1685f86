//! `govcloud quota explain`.

use std::collections::BTreeMap;

use govcloud_crds::{
    AgencyQuota, CapacityPool, ProcessingClass, ProcessingPermit, Project, Quantity, Resources,
    capacity::{Help, Reason, Seen, Shortfall, Situation, Who, gated, permitted, why},
    conditions::find,
    names::{GROUP, home_namespace, project_namespace, split_project_namespace},
};
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec};
use kube::{Api, ResourceExt as _, api::PostParams};
use serde::Serialize;

use super::{explain_view::render, in_use, quotas};
use crate::{
    context::{Context, if_readable},
    error::{CliError, Kind, Result},
    exit::Exit,
    output::text::plain,
};

/// What `quota explain -o json` prints.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    /// The project.
    pub(super) project: String,
    /// Its agency.
    pub(super) agency: String,
    /// Its namespace.
    pub(super) namespace: String,
    /// Its pool.
    pub(super) pool: String,
    /// Whether it has all that it asks for.
    pub(super) granted: bool,
    /// Every key that it asks for, and those that the agency's share has and it does not ask for.
    pub(super) resources: Vec<Line>,
    /// What the operator says about the quota, if that is more than the reasons do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) said: Option<String>,
    /// What could not be read, so that a reason may be missing.
    pub(super) unreadable: Vec<String>,
    /// What the caller may do about it.
    #[serde(skip)]
    pub(super) can: Vec<Who>,
}

/// One key.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Line {
    /// The key, as in a ResourceQuota.
    pub(super) key: String,
    /// What is asked for.
    pub(super) asked: Quantity,
    /// What was given.
    pub(super) given: Quantity,
    /// The same in one or two sentences, as in the Project's condition; missing if all was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) message: Option<String>,
    /// Why it is not more; what decides comes first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) reasons: Vec<Reason>,
    /// What would help.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) help: Vec<Help>,
}

/// What was read about a project.
#[derive(Debug)]
pub(super) struct Gathered {
    pub(super) agency: String,
    pub(super) project: Project,
    pub(super) quota: Seen<AgencyQuota>,
    pub(super) pool: Seen<CapacityPool>,
    pub(super) peers: Option<Vec<AgencyQuota>>,
    pub(super) classes: Option<BTreeMap<String, ProcessingClass>>,
    pub(super) permits: Option<Vec<ProcessingPermit>>,
    pub(super) used: Option<Resources>,
}

/// Runs `govcloud quota explain`.
pub(super) async fn run(ctx: &Context, project: &str) -> Result<Exit> {
    let (agency, name) = match split_project_namespace(project) {
        Some((agency, name)) => (agency, name),
        None => (ctx.agency().await?, project),
    };
    let mut report = report(&gather(ctx, agency, name).await?);
    if !report.granted {
        report.can = rights(ctx, agency, &report.namespace).await?;
    }
    ctx.out.data(&report, || render(&report, ctx.out.paint))?;
    Ok(if report.granted { Exit::Ok } else { Exit::Denied })
}

async fn gather(ctx: &Context, agency: &str, name: &str) -> Result<Gathered> {
    let home = home_namespace(agency);
    let project: Project = ctx.namespaced(&home).get(name).await?;
    let (quota, peers) = quota_and_peers(ctx, agency, &project).await?;
    let pool = Api::all(ctx.client.clone()).get(&project.spec.pool).await.map_err(CliError::from);
    Ok(Gathered {
        agency: agency.to_owned(),
        quota,
        peers,
        pool: seen(pool)?,
        classes: if_readable(ctx.classes().await)?,
        permits: if_readable(ctx.list(ctx.namespaced::<ProcessingPermit>(&home)).await)?,
        used: in_use(ctx, &project_namespace(agency, name)).await?,
        project,
    })
}

fn seen<T>(read: Result<T>) -> Result<Seen<T>> {
    match read {
        Ok(object) => Ok(Seen::There(object)),
        Err(error) if error.kind() == Kind::NotFound => Ok(Seen::Missing),
        Err(error) if error.kind() == Kind::Forbidden => Ok(Seen::Unreadable),
        Err(error) => Err(error),
    }
}

/// The quota that the project is served from, and the others of its pool.
async fn quota_and_peers(
    ctx: &Context,
    agency: &str,
    project: &Project,
) -> Result<(Seen<AgencyQuota>, Option<Vec<AgencyQuota>>)> {
    let quotas = quotas(ctx, agency).await?;
    let mut of_pool: Vec<_> = quotas.readable.into_iter().filter(|quota| quota.spec.pool == project.spec.pool).collect();
    let mine = of_pool.iter().position(|quota| quota.spec.agency == agency).map(|at| of_pool.remove(at));
    // Who may read only some quotas is told by the operator whether there is one.
    let conditions = project.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
    let none = find(conditions, "QuotaGranted").is_some_and(|condition| condition.reason == "NoQuota");
    let quota = match mine {
        Some(quota) => Seen::There(quota),
        None if quotas.all || none => Seen::Missing,
        None => Seen::Unreadable,
    };
    Ok((quota, quotas.all.then_some(of_pool)))
}

/// What there is to say, from what was read.
pub(super) fn report(gathered: &Gathered) -> Report {
    let Gathered { agency, project, .. } = gathered;
    let status = project.status.clone().unwrap_or_default();
    let gated = gathered.classes.as_ref().map(gated).unwrap_or_default();
    let permitted = match (&gathered.permits, &gathered.classes) {
        (Some(permits), Some(classes)) => {
            let of_project = permits.iter().filter(|permit| permit.spec.project == project.name_any());
            permitted(of_project, classes, status.namespace_uid.as_deref().unwrap_or_default())
        }
        // What it has of such keys, permits brought.
        _ => status.granted.0.iter().filter(|(key, _)| gated.contains_key(*key)).map(|(k, a)| (k.clone(), *a)).collect(),
    };
    let situation = Situation {
        project,
        granted: &status.granted,
        used: gathered.used.as_ref(),
        quota: as_ref(&gathered.quota),
        pool: as_ref(&gathered.pool),
        peers: gathered.peers.as_ref().map(|peers| peers.iter().collect()),
        gated,
        permitted,
    };
    let resources = lines(&situation.asked(), &status.granted, why(&situation));
    let said = said(project);
    Report {
        project: project.name_any(),
        agency: agency.clone(),
        namespace: project_namespace(agency, &project.name_any()),
        pool: project.spec.pool.clone(),
        granted: said.is_none() && resources.iter().all(|line| line.asked <= line.given),
        resources,
        said,
        unreadable: unreadable(gathered),
        can: Vec::new(),
    }
}

fn as_ref<T>(seen: &Seen<T>) -> Seen<&T> {
    match seen {
        Seen::There(object) => Seen::There(object),
        Seen::Missing => Seen::Missing,
        Seen::Unreadable => Seen::Unreadable,
    }
}

/// Every key in its order: those that are asked for, then those that nobody asked for.
fn lines(asked: &Resources, granted: &Resources, shortfalls: Vec<Shortfall>) -> Vec<Line> {
    let (less, notes): (Vec<_>, Vec<_>) = shortfalls.into_iter().partition(Shortfall::is_less);
    let short = |shortfall: Shortfall| {
        let message = Some(shortfall.message());
        let Shortfall { key, asked, given, reasons, help } = shortfall;
        Line { key, asked, given, message, reasons, help }
    };
    let full = asked.0.iter().filter(|(key, _)| !less.iter().any(|shortfall| shortfall.key == **key));
    let full = full.map(|(key, asked)| {
        let (reasons, help) = (Vec::new(), Vec::new());
        Line { key: key.clone(), asked: *asked, given: granted.get(key), message: None, reasons, help }
    });
    let mut lines: Vec<_> = full.filter(|line| !line.asked.is_zero_or_less()).collect();
    lines.extend(less.into_iter().map(short));
    lines.sort_by(|one, other| one.key.cmp(&other.key));
    lines.extend(notes.into_iter().map(short));
    lines
}

/// What only the operator knows: that the API server refuses the quota, or that it has not looked at the last change yet.
fn said(project: &Project) -> Option<String> {
    let status = project.status.clone().unwrap_or_default();
    if let Some(invalid) = find(&status.conditions, "QuotaGranted").filter(|c| c.reason == "Invalid") {
        return Some(plain(&invalid.message));
    }
    let is_current = status.observed_generation >= project.metadata.generation;
    (!is_current).then(|| "The operator has not looked at the last change of the project yet; ask again in a moment.".to_owned())
}

fn unreadable(gathered: &Gathered) -> Vec<String> {
    let mut what = Vec::new();
    if matches!(gathered.quota, Seen::Unreadable) {
        what.push(format!("the share of {} (AgencyQuota)", gathered.agency));
    }
    if matches!(gathered.pool, Seen::Unreadable) {
        what.push(format!("pool {}", gathered.project.spec.pool));
    }
    if gathered.peers.is_none() {
        what.push("the shares of other agencies".to_owned());
    }
    if gathered.classes.is_none() || gathered.permits.is_none() {
        what.push("processing classes and permits".to_owned());
    }
    if gathered.used.is_none() {
        what.push("what is in use in the project".to_owned());
    }
    what
}

/// Which of the things that help the caller can do.
async fn rights(ctx: &Context, agency: &str, namespace: &str) -> Result<Vec<Who>> {
    let home = home_namespace(agency);
    let asked = [
        (Who::AgencyAdmin, may("update", GROUP, "projects", &home)),
        (Who::AgencyRequester, may("create", GROUP, "processingpermits", &home)),
        (Who::ProjectDeveloper, may("delete", "", "pods", namespace)),
        (Who::CloudOperator, may("update", GROUP, "agencyquotas", "")),
    ];
    let ask = async |who: Who, right: SelfSubjectAccessReview| {
        let review = Api::<SelfSubjectAccessReview>::all(ctx.client.clone()).create(&PostParams::default(), &right).await?;
        Ok::<_, CliError>(review.status.is_some_and(|status| status.allowed).then_some(who))
    };
    let answers = futures::future::try_join_all(asked.into_iter().map(|(who, right)| ask(who, right))).await?;
    Ok(answers.into_iter().flatten().collect())
}

fn may(verb: &str, group: &str, resource: &str, namespace: &str) -> SelfSubjectAccessReview {
    let named = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let resource_attributes = ResourceAttributes {
        verb: named(verb),
        group: named(group),
        resource: named(resource),
        namespace: named(namespace),
        ..ResourceAttributes::default()
    };
    let spec = SelfSubjectAccessReviewSpec { resource_attributes: Some(resource_attributes), ..Default::default() };
    SelfSubjectAccessReview { spec, ..SelfSubjectAccessReview::default() }
}

#[cfg(test)]
#[path = "explain_tests.rs"]
mod tests;
