//! Which kinds are watched: what classes control, as far as it is served, and ordinary workloads. Watches come and go as
//! classes and definitions do.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use govcloud_crds::{
    ProcessingClass,
    class::{controlled::controlled, recognise::WORKLOADS},
};
use kube::api::{ApiResource, GroupVersionKind};
use serde_json::json;
use tokio::task::AbortHandle;
use tokio_util::sync::CancellationToken;

use super::{definitions, seen::Kind, watch};
use crate::{context::Context, discovery, enforcement::Served, error::Error};

const SETTLE: Duration = Duration::from_millis(200);
/// What the cluster serves may change without a definition: by an extension of its API.
const RECHECK: Duration = Duration::from_mins(5);
const RETRY: Duration = Duration::from_secs(2);

/// A kind to watch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watched {
    /// How the API server has it.
    pub resource: ApiResource,
    /// Whether only the metadata of Helm's Secrets is watched.
    pub releases: bool,
    /// Whether pods, and what stands between them and their owners, are kept too, because utilisation is known.
    pub parts: bool,
    /// What classes say about it: if that changes, all of it is looked at again.
    pub said: String,
}

/// A watch that runs.
struct Running {
    watched: Watched,
    task: AbortHandle,
}

/// Keeps the watches until `stop`.
pub(super) async fn run(context: Arc<Context>, stop: CancellationToken) {
    let mut running: HashMap<Kind, Running> = HashMap::new();
    let mut last = Served::default();
    loop {
        let wait = match look(&context, &mut running, &mut last).await {
            Ok(()) => RECHECK,
            Err(error) => {
                tracing::warn!(%error, "not known what the cluster serves; asked again");
                RETRY
            }
        };
        tokio::select! {
            () = stop.cancelled() => break,
            () = context.queues.kinds.notified() => tokio::time::sleep(SETTLE).await,
            () = tokio::time::sleep(wait) => {}
        }
    }
    for one in running.into_values() {
        one.task.abort();
    }
}

async fn look(context: &Arc<Context>, running: &mut HashMap<Kind, Running>, last: &mut Served) -> Result<(), Error> {
    let served = discovery::everything(&context.client, last).await?;
    let classes = Arc::new(context.stores.classes_by_name());
    let parts = context.stores.cloud().is_some_and(|cloud| cloud.spec.utilisation.is_some());
    let wanted = wanted(&classes, &served, parts);
    let gone: Vec<_> = running.keys().filter(|kind| !wanted.contains_key(kind)).cloned().collect();
    for kind in gone {
        tracing::info!(group = kind.0, resource = kind.1, "no longer watched");
        running.remove(&kind).into_iter().for_each(|one| one.task.abort());
        context.scanner.seen().end(&kind);
        context.queues.scan.notify_one();
    }
    for (kind, watched) in wanted {
        if running.get(&kind).is_some_and(|one| one.watched == watched) {
            continue;
        }
        running.remove(&kind).into_iter().for_each(|one| one.task.abort());
        let number = context.scanner.seen().begin(kind.clone());
        let task = tokio::spawn(watch::run(context.clone(), kind.clone(), number, watched.clone(), classes.clone()));
        running.insert(kind, Running { watched, task: task.abort_handle() });
    }
    context.scanner.seen().complete();
    *last = served;
    definitions::look(context, &classes, last).await
}

/// Every kind to watch, by group and resource.
fn wanted(classes: &BTreeMap<String, ProcessingClass>, served: &Served, parts: bool) -> BTreeMap<Kind, Watched> {
    let mut wanted = BTreeMap::new();
    let mut add = |resource: ApiResource, releases: bool, said: String| {
        wanted.insert((resource.group.clone(), resource.plural.clone()), Watched { resource, releases, parts: false, said });
    };
    let images: Vec<_> = classes.iter().map(|(name, c)| json!([name, c.spec.workloads, c.spec.gated_quota])).collect();
    let images = json!(images).to_string();
    for workload in &WORKLOADS {
        add(api_resource(workload.group, workload.version, workload.kind, workload.resource), false, images.clone());
    }
    add(api_resource("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims"), false, String::new());
    add(api_resource("", "v1", "Secret", "secrets"), true, String::new());
    for one in controlled(classes) {
        let control = one.control;
        let Some(resource) = served.get(&control.group, &control.resource) else { continue };
        // Without the version that the class reads, objects are still found, and not measured.
        let version = resource.versions.iter().find(|v| **v == control.version).or_else(|| resource.versions.first());
        let Some(version) = version else { continue };
        add(
            api_resource(&control.group, version, &resource.kind, &control.resource),
            false,
            json!([one.class, control]).to_string(),
        );
    }
    for workload in &WORKLOADS {
        let kind = (workload.group.to_owned(), workload.resource.to_owned());
        wanted.entry(kind).and_modify(|watched| watched.parts = parts);
    }
    wanted
}

fn api_resource(group: &str, version: &str, kind: &str, plural: &str) -> ApiResource {
    ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, kind), plural)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::enforcement::ServedResource;

    fn classes(image: &str) -> BTreeMap<String, ProcessingClass> {
        let spec = json!({"displayName": "X", "dimensions": [{"name": "units"}],
            "controls": [{"group": "k", "resource": "pools", "version": "v2", "perReplica": {"units": "1"}},
                {"group": "k", "resource": "others", "version": "v1", "perReplica": {"units": "1"}}],
            "workloads": {"images": [image], "countsAs": "units"}, "approval": {"quorum": [{"group": "g", "count": 1}]}});
        [("x".to_owned(), ProcessingClass::new("x", serde_json::from_value(spec).expect("valid")))].into()
    }

    fn served(versions: &[&str]) -> Served {
        let pools = ServedResource {
            versions: versions.iter().map(|v| (*v).to_owned()).collect(),
            kind: "Pool".into(),
            namespaced: true,
        };
        Served([(("k".to_owned(), "pools".to_owned()), pools)].into())
    }

    fn pools() -> Kind {
        ("k".to_owned(), "pools".to_owned())
    }

    #[test]
    fn what_is_controlled_is_watched_where_it_is_served_in_the_version_that_is_measured() {
        let version = |served: &Served| wanted(&classes("a"), served, false).get(&pools()).map(|w| w.resource.version.clone());
        assert_eq!(version(&served(&["v1", "v2"])).as_deref(), Some("v2"));
        assert_eq!(version(&served(&["v1"])).as_deref(), Some("v1"));
        assert_eq!(version(&Served::default()), None);
        let all = wanted(&classes("a"), &served(&["v2"]), false);
        assert_eq!(all.len(), WORKLOADS.len() + 3);
        assert_eq!(all.values().filter(|w| w.releases).count(), 1);
    }

    #[test]
    fn a_class_that_says_something_else_is_looked_at_again() {
        let (before, after) = (wanted(&classes("a"), &served(&["v2"]), false), wanted(&classes("b"), &served(&["v2"]), false));
        let again: Vec<_> = before.keys().filter(|kind| before[*kind] != after[*kind]).map(|kind| kind.1.as_str()).collect();
        assert_eq!(again.len(), WORKLOADS.len(), "{again:?}");
        assert_eq!(before[&pools()], after[&pools()]);
    }
}
