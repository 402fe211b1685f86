//! Makes the cluster have the findings of a picture; writes only what differs.

use std::sync::Arc;

use futures::{StreamExt, stream::FuturesUnordered};
use govcloud_crds::{
    ProcessingFinding, Project,
    finding::{FindingRule, ProcessingFindingSpec, ProcessingFindingStatus},
    names::{home_namespace, split_project_namespace},
};
use jiff::{Timestamp, tz::TimeZone};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, PostParams, Preconditions},
    runtime::reflector::ObjectRef,
};

use super::judge::Picture;
use crate::{context::Context, error::Error, managed::FIELD_MANAGER};

/// So many writes are under way at a time.
const AT_A_TIME: usize = 16;

/// Writes what is new or different, and removes what has lost its reason. One write that fails keeps none of the others back.
pub(super) async fn bring_up_to_date(context: &Context, picture: &Picture) -> Result<(), Error> {
    let mut writes = Writes::default();
    for ((namespace, name), spec) in &picture.findings {
        writes.add(ensured(context, namespace, name, spec)).await;
    }
    let mut failed = writes.end().await;
    let mut removals = Writes::default();
    for live in context.stores.findings.state() {
        let key = (live.namespace().unwrap_or_default(), live.name_any());
        if !picture.findings.contains_key(&key) && picture.is_over(&live.spec) {
            removals.add(remove(context, live)).await;
        }
    }
    failed = failed.or(removals.end().await);
    for rule in FindingRule::ALL {
        context.metrics.scan.found(rule, picture.findings.values().filter(|finding| finding.rule == rule).count());
    }
    failed.map_or(Ok(()), Err)
}

/// Writes that are under way, and the first error of those that have ended.
struct Writes<F> {
    under_way: FuturesUnordered<F>,
    failed: Option<Error>,
}

impl<F> Default for Writes<F> {
    fn default() -> Self {
        Self { under_way: FuturesUnordered::new(), failed: None }
    }
}

impl<F: Future<Output = Result<(), Error>>> Writes<F> {
    /// Begins one more as soon as there are not too many.
    async fn add(&mut self, write: F) {
        if self.under_way.len() >= AT_A_TIME {
            self.one_ends().await;
        }
        self.under_way.push(write);
    }

    /// Waits for all of them; the first thing that failed.
    async fn end(mut self) -> Option<Error> {
        while !self.under_way.is_empty() {
            self.one_ends().await;
        }
        self.failed
    }

    async fn one_ends(&mut self) {
        let failed = self.under_way.next().await.and_then(Result::err);
        self.failed = self.failed.take().or(failed);
    }
}

async fn ensured(context: &Context, namespace: &str, name: &str, spec: &ProcessingFindingSpec) -> Result<(), Error> {
    let live = context.stores.findings.get(&ObjectRef::new(name).within(namespace));
    match ensure(context, namespace, name, spec, live).await {
        // Somebody wrote it since it was read, or this process did: the event that says so asks for another pass.
        Err(error) if error.is_conflict() => Ok(()),
        other => other,
    }
}

async fn ensure(
    context: &Context,
    namespace: &str,
    name: &str,
    spec: &ProcessingFindingSpec,
    live: Option<Arc<ProcessingFinding>>,
) -> Result<(), Error> {
    let api: Api<ProcessingFinding> = Api::namespaced(context.client.clone(), namespace);
    let params = PostParams { field_manager: Some(FIELD_MANAGER.into()), ..PostParams::default() };
    let failed = |source| Error::Write { what: format!("ProcessingFinding {namespace}/{name}"), source: Box::new(source) };
    let now = context.now();
    let written = match live.map(|live| (changed(&live, spec), live)) {
        // The version that was read goes with it: a word that a reviewer gives at this moment is not lost.
        Some((Some(changed), _)) => api.replace(name, &params, &changed).await.map_err(failed)?,
        Some((None, live)) if is_of_today(&live, now) => return Ok(()),
        Some((None, live)) => (*live).clone(),
        None => {
            let created = api.create(&params, &ProcessingFinding::new(name, spec.clone())).await.map_err(failed)?;
            tell(context, spec, &created).await;
            created
        }
    };
    let first_seen = written.status.as_ref().and_then(|status| status.first_seen.clone()).unwrap_or(Time(now));
    let status = ProcessingFindingStatus { first_seen: Some(first_seen), last_seen: Some(Time(now)) };
    context.write_status(&api, &written, written.status.as_ref(), status, |object, status| object.status = Some(status)).await?;
    Ok(())
}

/// `live` as it must be, if it differs. What reviewers wrote is theirs.
fn changed(live: &ProcessingFinding, spec: &ProcessingFindingSpec) -> Option<ProcessingFinding> {
    let wanted = ProcessingFindingSpec { acknowledgement: live.spec.acknowledgement.clone(), ..spec.clone() };
    if live.spec == wanted {
        return None;
    }
    let mut changed = live.clone();
    changed.metadata.managed_fields = None;
    changed.spec = wanted;
    Some(changed)
}

/// Whether it says that it was seen today. That is all that is written of an object that stays as it is: once a day.
fn is_of_today(finding: &ProcessingFinding, now: Timestamp) -> bool {
    let day = |time: Timestamp| time.to_zoned(TimeZone::UTC).date();
    let status = finding.status.as_ref();
    let last_seen = status.filter(|status| status.first_seen.is_some()).and_then(|status| status.last_seen.as_ref());
    last_seen.is_some_and(|last| day(last.0) == day(now))
}

/// Tells the people of the project, or of the agency if it is the agency that does not do something.
async fn tell(context: &Context, spec: &ProcessingFindingSpec, created: &ProcessingFinding) {
    if spec.rule == FindingRule::Obligation {
        return context.tell(created, true, &spec.rule.to_string(), spec.message.clone()).await;
    }
    let Some((agency, project)) = split_project_namespace(&spec.object.namespace) else { return };
    let project: Option<Arc<Project>> = context.stores.projects.get(&ObjectRef::new(project).within(&home_namespace(agency)));
    if let Some(project) = project {
        context.tell(&*project, true, &spec.rule.to_string(), format!("{}: {}", spec.object.label(), spec.message)).await;
    }
}

async fn remove(context: &Context, finding: Arc<ProcessingFinding>) -> Result<(), Error> {
    let (namespace, name) = (finding.namespace().unwrap_or_default(), finding.name_any());
    let api: Api<ProcessingFinding> = Api::namespaced(context.client.clone(), &namespace);
    let preconditions = Some(Preconditions { uid: finding.uid(), resource_version: None });
    match api.delete(&name, &DeleteParams { preconditions, ..DeleteParams::default() }).await {
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        Err(source) => Err(Error::Write { what: format!("ProcessingFinding {namespace}/{name}"), source: Box::new(source) }),
        Ok(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn finding(change: Value) -> ProcessingFinding {
        let mut finding = json!({"apiVersion": "govcloud.dev/v1alpha1", "kind": "ProcessingFinding", "metadata": {"name": "x"},
            "spec": {"rule": "Unpermitted", "object": {"resource": "pods", "name": "p"}, "message": "m",
                "acknowledgement": {"by": "r", "reason": "known", "until": "2027-01-01T00:00:00Z"}}});
        for (key, value) in change.as_object().expect("an object") {
            finding[key] = value.clone();
        }
        serde_json::from_value(finding).expect("valid")
    }

    #[test]
    fn what_reviewers_wrote_is_no_difference_and_stays() {
        let live = finding(json!({}));
        let mut spec = ProcessingFindingSpec { acknowledgement: None, ..live.spec.clone() };
        assert_eq!(changed(&live, &spec), None);
        spec.message = "another".to_owned();
        let changed = changed(&live, &spec).expect("differs");
        assert_eq!((changed.spec.message.as_str(), &changed.spec.acknowledgement), ("another", &live.spec.acknowledgement));
    }

    #[test]
    fn it_is_written_once_a_day() {
        let now = "2026-11-23T23:59:59Z".parse().expect("valid");
        let seen = |first: Option<&str>, last: &str| finding(json!({"status": {"firstSeen": first, "lastSeen": last}}));
        let long_ago = Some("2026-01-01T00:00:00Z");
        assert!(is_of_today(&seen(long_ago, "2026-11-23T00:00:00Z"), now));
        assert!(!is_of_today(&seen(long_ago, "2026-11-22T23:59:59Z"), now));
        assert!(!is_of_today(&seen(None, "2026-11-23T00:00:00Z"), now), "it stopped between two writes");
        assert!(!is_of_today(&finding(json!({})), now));
    }
}
