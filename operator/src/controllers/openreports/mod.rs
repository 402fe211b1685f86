//! Exports findings as Reports of OpenReports, where the cluster serves that kind: other tools show them then.
//!
//! One Report per namespace, `govcloud-findings`. What the operator did not make, of whatever name, is left alone.

mod document;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures::StreamExt;
use kube::{
    Api, ResourceExt,
    api::{ApiResource, DeleteParams, DynamicObject, GroupVersionKind, PostParams, Preconditions},
    runtime::{
        WatchStreamExt,
        reflector::{ObjectRef, Store, reflector, store::Writer},
        watcher::{self, watcher},
    },
};
use serde_json::Value;
use tokio::{task::AbortHandle, time::timeout};
use tokio_util::sync::CancellationToken;

use self::document::{API_VERSION, GROUP, KIND, NAME, PLURAL, kind_of, next_end, reports};
use crate::{
    context::Context,
    discovery,
    enforcement::Served,
    error::Error,
    managed::{FIELD_MANAGER, carrying_over, describe, differs, object},
};
use govcloud_crds::names::{LABEL_MANAGED_BY, MANAGED_BY};

/// What changes at the same time is written at once.
const SETTLE: Duration = Duration::from_millis(500);
/// A pass without any trigger, in case an event was lost.
const RECHECK: Duration = Duration::from_mins(10);
const RETRY: Duration = Duration::from_secs(5);
/// How long the first list of Reports may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the exporter knows between its passes.
#[derive(Default)]
struct Exporter {
    /// The Reports that the operator made, while the kind is served.
    made: Option<Made>,
    /// What the cluster serves, to say of which kind an object is.
    served: Served,
}

/// The Reports that the operator made, as a watch knows them.
struct Made {
    store: Store<DynamicObject>,
    watch: AbortHandle,
}

impl Drop for Made {
    fn drop(&mut self) {
        self.watch.abort();
    }
}

/// Keeps the Reports as the findings are, until `stop`.
pub async fn run(context: Arc<Context>, stop: CancellationToken) {
    let mut exporter = Exporter::default();
    loop {
        let wait = match exporter.pass(&context).await {
            Ok(next) => next.min(RECHECK),
            // Somebody wrote it since it was seen: the event that says so asks for another pass.
            Err(error) if error.is_conflict() => RETRY,
            Err(error) => {
                tracing::warn!(%error, class = error.class(), "not every report of findings could be written; tried again");
                RETRY
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = context.queues.reports.notified() => tokio::time::sleep(SETTLE).await,
            () = tokio::time::sleep(wait) => {}
        }
    }
}

impl Exporter {
    /// One look at all findings; how long it holds.
    async fn pass(&mut self, context: &Arc<Context>) -> Result<Duration, Error> {
        if !is_defined(context) {
            self.made = None;
            return Ok(RECHECK);
        }
        if self.made.is_none() && !self.follow(context).await? {
            return Ok(RETRY); // the definition is there, and not served yet
        }
        let Some(made) = &self.made else { return Ok(RETRY) };
        let store = made.store.clone();
        let findings = context.stores.findings.state();
        let unknown = |served: &Served| findings.iter().any(|finding| kind_of(&finding.spec.object, served).is_none());
        if unknown(&self.served) {
            self.served = discovery::everything(&context.client, &self.served).await?;
        }
        let now = context.now();
        let wanted = reports(findings.iter().map(|finding| &**finding), &self.served, now);
        bring_up_to_date(context, &store, &wanted).await?;
        let until_next = next_end(findings.iter().map(|finding| &**finding), now).map(|end| end.duration_since(now));
        Ok(until_next.and_then(|wait| Duration::try_from(wait).ok()).unwrap_or(RECHECK))
    }

    /// Begins to watch what the operator made; false if the kind is not served yet.
    async fn follow(&mut self, context: &Arc<Context>) -> Result<bool, Error> {
        let failed = |source| Error::Read { what: format!("whether {API_VERSION} is served"), source: Box::new(source) };
        if !discovery::serves(&context.client, API_VERSION, PLURAL).await.map_err(failed)? {
            return Ok(false);
        }
        let resource = resource();
        let writer = Writer::new(resource.clone());
        let store = writer.as_reader();
        let api: Api<DynamicObject> = Api::all_with(context.client.clone(), &resource);
        let labels = format!("{LABEL_MANAGED_BY}={MANAGED_BY}");
        let events = reflector(writer, watcher(api, watcher::Config::default().labels(&labels))).default_backoff();
        let queue = context.queues.reports.clone();
        let task = tokio::spawn(async move {
            let mut events = events.boxed();
            while let Some(event) = events.next().await {
                match event {
                    Ok(watcher::Event::Apply(_) | watcher::Event::Delete(_) | watcher::Event::InitDone) => queue.notify_one(),
                    Ok(_) => {}
                    Err(error) => tracing::debug!(%error, "watch of reports interrupted; it is taken up again"),
                }
            }
        });
        let made = Made { store, watch: task.abort_handle() };
        // Without the first list it would not be known what is there; the next pass begins anew.
        let filled = timeout(PATIENCE, made.store.wait_until_ready()).await.is_ok_and(|ready| ready.is_ok());
        self.made = filled.then_some(made);
        Ok(filled)
    }
}

fn resource() -> ApiResource {
    let (_, version) = API_VERSION.split_once('/').unwrap_or((GROUP, "v1alpha1"));
    ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(GROUP, version, KIND), PLURAL)
}

fn is_defined(context: &Context) -> bool {
    context.stores.definitions.get(&ObjectRef::new(&format!("{PLURAL}.{GROUP}"))).is_some()
}

/// Writes what is new or different, and removes what has no finding any more. One write that fails keeps none of the others back.
async fn bring_up_to_date(context: &Context, made: &Store<DynamicObject>, wanted: &BTreeMap<String, Value>) -> Result<(), Error> {
    let mut failed = None;
    for (namespace, report) in wanted {
        let name = ObjectRef::new_with(NAME, resource()).within(namespace);
        if let Err(error) = ensure(context, namespace, report, made.get(&name)).await {
            failed.get_or_insert(error);
        }
    }
    for live in made.state() {
        let is_wanted = live.name_any() == NAME && live.namespace().is_some_and(|namespace| wanted.contains_key(&namespace));
        if !is_wanted && let Err(error) = remove(context, &live).await {
            failed.get_or_insert(error);
        }
    }
    failed.map_or(Ok(()), Err)
}

async fn ensure(context: &Context, namespace: &str, report: &Value, live: Option<Arc<DynamicObject>>) -> Result<(), Error> {
    let api: Api<DynamicObject> = Api::namespaced_with(context.client.clone(), namespace, &resource());
    let params = PostParams { field_manager: Some(FIELD_MANAGER.into()), ..PostParams::default() };
    let written = match live {
        Some(live) if differs(report, &live).is_none() => return Ok(()),
        Some(live) => api.replace(NAME, &params, &carrying_over(object(report)?, &live)).await,
        None => api.create(&params, &object(report)?).await,
    };
    match written {
        Ok(_) => Ok(()),
        // Its namespace is going, and its findings with it.
        Err(kube::Error::Api(status)) if status.code == 404 || status.reason == "NamespaceTerminating" => Ok(()),
        Err(source) => Err(not_written(namespace, source)),
    }
}

async fn remove(context: &Context, live: &DynamicObject) -> Result<(), Error> {
    let namespace = live.namespace().unwrap_or_default();
    let api: Api<DynamicObject> = Api::namespaced_with(context.client.clone(), &namespace, &resource());
    let preconditions = Some(Preconditions { uid: live.uid(), resource_version: None });
    match api.delete(&live.name_any(), &DeleteParams { preconditions, ..DeleteParams::default() }).await {
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        Err(source) => Err(not_written(&namespace, source)),
        Ok(_) => Ok(()),
    }
}

fn not_written(namespace: &str, source: kube::Error) -> Error {
    Error::Write { what: describe(KIND, Some(namespace), NAME), source: Box::new(source) }
}
