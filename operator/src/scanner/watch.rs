//! One watch: each event becomes what is kept of its object, and the rest of it is dropped at once.

use std::{collections::BTreeMap, fmt::Debug, sync::Arc};

use futures::{Stream, StreamExt};
use govcloud_crds::{
    ProcessingClass,
    finding::{observed::Observed, part::Part, suspicious::release_of},
    names::split_project_namespace,
};
use k8s_openapi::api::core::v1::Secret;
use kube::{
    Api, Resource, ResourceExt,
    api::{DynamicObject, PartialObjectMeta, TypeMeta},
    runtime::{
        WatchStreamExt,
        watcher::{self, Event, watcher},
    },
};

use super::{
    kinds::Watched,
    seen::{Item, Kept, Kind, Name, News},
};
use crate::context::Context;

/// Selects the Secrets in which Helm keeps its releases.
const OF_HELM: &str = "owner=helm";

/// Follows a kind until it is told to end.
pub(super) async fn run(
    context: Arc<Context>,
    kind: Kind,
    number: u64,
    watched: Watched,
    classes: Arc<BTreeMap<String, ProcessingClass>>,
) {
    if watched.releases {
        let secrets: Api<PartialObjectMeta<Secret>> = Api::all(context.client.clone()); // asks for metadata alone
        let events = watcher(secrets, watcher::Config::default().labels(OF_HELM));
        return follow(&context, &kind, number, events, release).await;
    }
    let Watched { resource, parts, .. } = watched;
    let types = TypeMeta { api_version: resource.api_version.clone(), kind: resource.kind.clone() };
    let objects: Api<DynamicObject> = Api::all_with(context.client.clone(), &resource);
    let keep = |mut object: DynamicObject| {
        object.metadata.managed_fields = None;
        object.types = Some(types.clone()); // lists of the cluster's own kinds leave it out
        let object = serde_json::to_value(&object).unwrap_or_default();
        let item = Observed::of(&object, &resource.plural, &classes).map(|kept| Item::Object(Box::new(kept)));
        // Of what is among the objects anyway, only pods are needed once more: for what they request.
        let part = if parts { Part::of(&object).filter(|part| item.is_none() || part.pod.is_some()) } else { None };
        Kept { item, part }
    };
    follow(&context, &kind, number, watcher(objects, watcher::Config::default()), keep).await;
}

/// A Secret that keeps a Helm release in a project.
fn release(secret: PartialObjectMeta<Secret>) -> Kept {
    let in_project = secret.metadata.namespace.as_deref().and_then(split_project_namespace);
    let is_release = in_project.is_some() && release_of(&secret.name_any()).is_some();
    Kept { item: is_release.then_some(Item::Release), part: None }
}

async fn follow<K>(
    context: &Context,
    kind: &Kind,
    number: u64,
    events: impl Stream<Item = Result<Event<K>, watcher::Error>> + Send,
    keep: impl Fn(K) -> Kept,
) where
    K: Resource + ResourceExt + Debug,
{
    let mut events = Box::pin(events.default_backoff());
    while let Some(event) = events.next().await {
        let news = match event {
            Ok(Event::Init) => News::Begins,
            Ok(Event::InitApply(object)) => News::Lists(name(&object), keep(object)),
            Ok(Event::InitDone) => News::Ends,
            Ok(Event::Apply(object)) => News::Is(name(&object), keep(object)),
            Ok(Event::Delete(object)) => News::Gone(name(&object)),
            Err(error) => match fails(context, kind, &error) {
                Some(news) => news,
                None => continue,
            },
        };
        let is_about_the_watch = matches!(news, News::Ends | News::Fails(_));
        if context.scanner.seen().take(kind, number, news) {
            context.queues.scan.notify_one();
            if is_about_the_watch {
                context.queues.classes(&context.stores); // they say whether their resources can be read
            }
        }
    }
}

fn name<K: ResourceExt>(object: &K) -> Name {
    (object.namespace().unwrap_or_default(), object.name_any())
}

/// A watch is interrupted now and then, and goes on; what was seen holds meanwhile. Only if not even a list is given, nothing is
/// known. A kind that is not served any more ends its watch.
fn fails(context: &Context, kind: &Kind, error: &watcher::Error) -> Option<News> {
    let code = answer(error);
    if code == Some(404) {
        context.queues.kinds.notify_one();
    }
    tracing::debug!(group = kind.0, resource = kind.1, code, %error, "watch interrupted; it is taken up again");
    matches!(error, watcher::Error::InitialListFailed(_)).then(|| News::Fails(error.to_string()))
}

fn answer(error: &watcher::Error) -> Option<u16> {
    match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(kube::Error::Api(status))
        | watcher::Error::WatchFailed(kube::Error::Api(status)) => Some(status.code),
        _ => None,
    }
}
