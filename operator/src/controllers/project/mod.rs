//! Project: its namespace with everything that separates and limits it, and its grant.

use std::sync::Arc;

use govcloud_crds::{
    Agency, ProcessingPermit, Project, Resources,
    agency::NetworkIsolation,
    conditions::{Verdict, conditions},
    grant::compile,
    names::{
        ANNOTATION_OWNER_UID, ANNOTATION_REGISTRIES, API_VERSION, FINALIZER, GRANT_NAME, LABEL_AGENCY, LABEL_ENFORCEMENT,
        LABEL_POOL, LABEL_PROJECT, LABEL_REGISTRIES, QUOTA_NAME, agency_of_home, pool_label, project_namespace,
    },
    project::ProjectStatus,
};
use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, ResourceExt, runtime::controller::Action};
use serde_json::{Value, json};

use super::agency::role_binding;
use crate::{
    context::Context,
    error::Error,
    index::within,
    managed,
    namespaces::{self, Namespaced},
};

pub mod quota;
mod verdict;

use quota::Limited;

/// Makes a project's namespace what its agency, its ledger and its permits say.
pub async fn reconcile(project: Arc<Project>, context: Arc<Context>) -> Result<Action, Error> {
    let home = project.namespace().unwrap_or_default();
    let api: Api<Project> = Api::namespaced(context.client.clone(), &home);
    let agency = context.stores.agency_of_home(Some(&home));
    if project.metadata.deletion_timestamp.is_some() {
        return remove(&api, &project, &context).await;
    }
    let Some(agency) = agency else {
        let verdict =
            Verdict::no("Ready", "NoAgency", "This namespace is no agency's home; a project is written in agency-<name>.");
        return report(&api, &project, &context, None, &[verdict]).await;
    };
    if namespaces::add_finalizer(&api, &*project).await? {
        return Ok(Action::await_change());
    }
    let name = project_namespace(&agency.name_any(), &project.name_any());
    if name.len() > 63 {
        let verdict = Verdict::no(
            "Ready",
            "NameTooLong",
            format!("The namespace would be {name}, and a namespace's name has at most 63 characters. Choose a shorter name."),
        );
        return report(&api, &project, &context, None, &[verdict]).await;
    }
    let namespace =
        namespaces::ensure(&context, &namespace_manifest(&name, &agency, &project), project.metadata.uid.as_deref()).await?;
    match namespace {
        Namespaced::Conflict(why) => {
            let conflict = |kind| Verdict::no(kind, "NamespaceConflict", why.clone());
            report(&api, &project, &context, None, &[conflict("Ready"), conflict("NamespaceReady")]).await
        }
        Namespaced::Ours(namespace) => furnish(&api, &project, &agency, &namespace, &context).await,
    }
}

async fn furnish(
    api: &Api<Project>,
    project: &Project,
    agency: &Agency,
    namespace: &Namespace,
    context: &Context,
) -> Result<Action, Error> {
    let (name, uid) = (namespace.name_any(), namespace.metadata.uid.clone().unwrap_or_default());
    let place = Place { agency, project: project.name_any(), namespace: &name, uid: &uid };
    let permits = permits(project, context);
    place.separate(context, permits.iter().map(|p| &**p)).await?;
    let limited = place.limit(project, context).await?;
    for manifest in &place.rights() {
        context.stores.managed.ensure(&context.client, manifest).await?;
    }
    let observed = project.status.as_ref().and_then(|status| status.observed_generation);
    if limited.is_due && observed != project.metadata.generation {
        return Ok(Action::await_change()); // the ledger gives it in a moment; until then there is nothing true to say
    }
    let there = Verdict::yes("NamespaceReady", "Ready", format!("Namespace {name} is there."));
    let ready = readiness(&limited, &name);
    let outcome = Outcome { namespace: name, uid, granted: limited.granted };
    report(api, project, context, Some(outcome), &[ready, there, limited.verdict]).await
}

/// Whether people can work in a namespace: its quota must be known, valid and in force.
fn readiness(limited: &Limited, namespace: &str) -> Verdict {
    const KIND: &str = "Ready";
    let quota = &limited.verdict;
    match quota.holds {
        Some(false) if quota.reason == "Invalid" => Verdict { kind: KIND, ..quota.clone() },
        None => Verdict { kind: KIND, ..quota.clone() },
        Some(_) if !limited.in_force => {
            let message = "Kubernetes takes note of the quota within seconds; until then nothing new starts.";
            Verdict::unknown(KIND, "QuotaNotInForce", message)
        }
        Some(_) => Verdict::yes(KIND, "Ready", format!("Work in namespace {namespace}.")),
    }
}

struct Outcome {
    namespace: String,
    uid: String,
    granted: Resources,
}

async fn report(
    api: &Api<Project>,
    project: &Project,
    context: &Context,
    outcome: Option<Outcome>,
    verdicts: &[Verdict],
) -> Result<Action, Error> {
    let before = project.status.clone().unwrap_or_default();
    let generation = project.metadata.generation;
    let status = ProjectStatus {
        observed_generation: generation,
        namespace: outcome.as_ref().map(|o| o.namespace.clone()).or(before.namespace.clone()),
        namespace_uid: outcome.as_ref().map(|o| o.uid.clone()).or(before.namespace_uid.clone()),
        granted: outcome.map(|o| o.granted).unwrap_or_default(),
        conditions: conditions(&before.conditions, verdicts, generation, context.now()),
    };
    context.write_status(api, project, project.status.as_ref(), status, |object, status| object.status = Some(status)).await?;
    Ok(Action::await_change())
}

fn namespace_manifest(name: &str, agency: &Agency, project: &Project) -> Value {
    let level = agency.spec.isolation.pod_security.level();
    let mut labels = json!({
        LABEL_AGENCY: agency.name_any(),
        LABEL_PROJECT: project.name_any(),
        LABEL_ENFORCEMENT: agency.spec.enforcement.as_str(),
        "pod-security.kubernetes.io/enforce": level,
        "pod-security.kubernetes.io/warn": level,
    });
    // Without it no pod runs: no pool has a name that is no label's value.
    if let Some(pool) = pool_label(&project.spec.pool) {
        labels[LABEL_POOL] = json!(pool);
    }
    if !agency.spec.isolation.registries.is_empty() {
        labels[LABEL_REGISTRIES] = json!("listed");
    }
    // Always there, so that a list that is taken back goes, too.
    let annotations = json!({ANNOTATION_REGISTRIES: agency.spec.isolation.registries.join(" ")});
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels, "annotations": annotations}})
}

/// The permits of a project's agency that name the project.
fn permits(project: &Project, context: &Context) -> Vec<Arc<ProcessingPermit>> {
    context.stores.permits_of.get(&within(project.metadata.namespace.as_deref(), &project.name_any()))
}

/// A project's namespace, and what goes into it.
struct Place<'a> {
    agency: &'a Agency,
    project: String,
    namespace: &'a str,
    uid: &'a str,
}

impl Place<'_> {
    /// The grant first: with it the namespace can take what a permit names. Then what keeps others out, and nobody in who
    /// has no right any more.
    async fn separate<'p>(
        &self,
        context: &Context,
        permits: impl IntoIterator<Item = &'p ProcessingPermit>,
    ) -> Result<(), Error> {
        let (managed, client) = (&context.stores.managed, &context.client);
        managed.ensure(client, &self.grant(permits)).await?;
        match self.agency.spec.isolation.network {
            NetworkIsolation::Isolated => managed.ensure(client, &self.network()).await.map(|_| ())?,
            NetworkIsolation::Open => managed.remove(client, "NetworkPolicy", Some(self.namespace), QUOTA_NAME).await?,
        }
        managed.prune(client, &["RoleBinding"], self.namespace, &self.rights()).await
    }

    fn manifest(&self, api_version: &str, kind: &str, name: &str, spec: &Value) -> Value {
        let mut manifest = json!({
            "apiVersion": api_version, "kind": kind,
            "metadata": {"name": name, "namespace": self.namespace, "labels": managed::labels()},
            "spec": spec,
        });
        manifest["metadata"]["labels"][LABEL_AGENCY] = json!(self.agency.name_any());
        manifest["metadata"]["labels"][LABEL_PROJECT] = json!(self.project);
        manifest
    }

    fn grant<'p>(&self, permits: impl IntoIterator<Item = &'p ProcessingPermit>) -> Value {
        self.manifest(API_VERSION, "ProcessingGrant", GRANT_NAME, &json!(compile(&self.project, self.uid, permits)))
    }

    /// Only its own agency's projects, and names.
    fn network(&self) -> Value {
        let own = json!({"namespaceSelector": {"matchLabels": {LABEL_AGENCY: self.agency.name_any()}}});
        let names = json!({
            "to": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}}],
            "ports": [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}],
        });
        let spec = json!({
            "podSelector": {}, "policyTypes": ["Ingress", "Egress"],
            "ingress": [{"from": [own]}], "egress": [{"to": [own]}, names],
        });
        self.manifest("networking.k8s.io/v1", "NetworkPolicy", QUOTA_NAME, &spec)
    }

    fn rights(&self) -> Vec<Value> {
        let (agency, members) = (self.agency.name_any(), &self.agency.spec.members);
        let cordoned = self.agency.spec.cordoned;
        [
            ("admin", "admin", &members.admins),
            ("requester", "viewer", &members.requesters),
            ("developer", "developer", &members.developers),
            ("viewer", "viewer", &members.viewers),
        ]
        .into_iter()
        .filter(|(_, _, members)| !members.is_empty())
        .map(|(kind, role, members)| {
            let role = format!("govcloud:project-{}", if cordoned { "viewer" } else { role });
            role_binding(&agency, self.namespace, Some(&self.project), kind, &role, members)
        })
        .collect()
    }
}

/// The namespace that was made for a project: by its owner, not by the status, which may never have been written. What the
/// store does not show is asked for, because the store may not show it yet.
async fn namespace_of(project: &Project, context: &Context) -> Result<Option<Arc<Namespace>>, Error> {
    let is_its = |n: &Namespace| n.annotations().get(ANNOTATION_OWNER_UID) == project.metadata.uid.as_ref();
    if let Some(known) = context.stores.namespaces.find(|n| is_its(n)) {
        return Ok(Some(known));
    }
    let Some(agency) = project.metadata.namespace.as_deref().and_then(agency_of_home) else { return Ok(None) };
    let name = project_namespace(agency, &project.name_any());
    let api: Api<Namespace> = Api::all(context.client.clone());
    let live = api.get_opt(&name).await;
    let live = live.map_err(|source| Error::Read { what: format!("Namespace {name}"), source: Box::new(source) })?;
    Ok(live.filter(is_its).map(Arc::new))
}

/// Deletes the namespace that was made for the project, and lets the project go when it is gone.
async fn remove(api: &Api<Project>, project: &Project, context: &Context) -> Result<Action, Error> {
    let ours = namespace_of(project, context).await?;
    let Some(namespace) = ours else {
        namespaces::remove_finalizer(api, project, FINALIZER).await?;
        return Ok(Action::await_change());
    };
    namespaces::delete(context, &namespace).await?;
    let mut message = format!("Namespace {} is being deleted, with everything in it.", namespace.name_any());
    if let Some(rest) = remaining(&namespace) {
        message = format!("{message} {rest}");
    }
    report(api, project, context, None, &[Verdict::no("Ready", "Deleting", message)]).await
}

/// What the API server says that a namespace still waits for.
fn remaining(namespace: &Namespace) -> Option<String> {
    let conditions = namespace.status.as_ref()?.conditions.as_ref()?;
    let waits = |kind: &str| ["NamespaceContentRemaining", "NamespaceFinalizersRemaining"].contains(&kind);
    let said: Vec<_> =
        conditions.iter().filter(|c| c.status == "True" && waits(&c.type_)).filter_map(|c| c.message.clone()).collect();
    (!said.is_empty()).then(|| said.join(". "))
}
