//! Agency: its home namespace, the rights of its people, and the authority that answers for it.

use std::{collections::BTreeMap, sync::Arc};

use govcloud_crds::{
    Agency,
    agency::{AgencyStatus, ancestors, digitization_changes, digitization_on_track, digitization_status},
    common::{Member, MemberKind},
    conditions::{Verdict, conditions},
    names::{ANNOTATION_CONFIRM_DELETION, FINALIZER, LABEL_AGENCY, LABEL_HOME, home_namespace},
    service::obligation::{next_behind, obligations, obligations_met},
};
use k8s_openapi::api::core::v1::Namespace;
use kube::{
    Api, ResourceExt,
    runtime::{controller::Action, reflector::ObjectRef},
};
use serde_json::{Value, json};

use super::{
    duties::{duties_of, obliging},
    entitlement,
};
use crate::{
    context::Context,
    enforcement::roles::own_record,
    error::Error,
    managed,
    namespaces::{self, Namespaced},
    requeue,
};

/// Gives an agency its home and its people their rights.
pub async fn reconcile(agency: Arc<Agency>, context: Arc<Context>) -> Result<Action, Error> {
    if agency.metadata.deletion_timestamp.is_some() {
        return close(&agency, &context).await;
    }
    let api: Api<Agency> = Api::all(context.client.clone());
    if namespaces::add_finalizer(&api, &*agency).await? {
        return Ok(Action::await_change());
    }
    let home = namespaces::ensure(&context, &home_manifest(&agency), agency.metadata.uid.as_deref()).await?;
    if let Namespaced::Ours(_) = home {
        let manifests = rights(&agency, &quotas(&agency, &context));
        for manifest in &manifests {
            context.stores.managed.ensure(&context.client, manifest).await?;
        }
        context.stores.managed.prune(&context.client, &["RoleBinding"], &home_namespace(&agency.name_any()), &manifests).await?;
    }
    report(&api, &agency, &context, &home).await
}

async fn report(api: &Api<Agency>, agency: &Agency, context: &Context, home: &Namespaced) -> Result<Action, Error> {
    let name = agency.name_any();
    let home_name = home_namespace(&name);
    let cloud = context.stores.cloud();
    let before = agency.status.clone().unwrap_or_default();
    let (now, digitization) = (context.now(), agency.spec.digitization.as_ref());
    let services = obliging(context);
    let duties = duties_of(agency, &services, context);
    let mut verdicts = verdicts(agency, context, home);
    verdicts.extend(obligations_met(&duties));
    verdicts.extend(digitization.map(|duty| digitization_on_track(duty, now)));
    let projects = context.stores.projects.state_filter(|p| p.metadata.namespace.as_deref() == Some(&home_name)).len();
    let status = AgencyStatus {
        observed_generation: agency.metadata.generation,
        home_namespace: matches!(home, Namespaced::Ours(_)).then_some(home_name),
        responsible_authority: cloud.map(|cloud| cloud.spec.authority(agency.spec.security_regime).name.clone()),
        projects: i32::try_from(projects).unwrap_or(i32::MAX),
        digitization: digitization.map(|duty| digitization_status(duty, now)),
        obligations: obligations(&duties),
        conditions: conditions(&before.conditions, &verdicts, agency.metadata.generation, now),
    };
    context.write_status(api, agency, agency.status.as_ref(), status, |object, status| object.status = Some(status)).await?;
    let changes = digitization.and_then(|_| digitization_changes(now));
    Ok(requeue::at(next_behind(&duties).into_iter().chain(changes).min(), now))
}

fn verdicts(agency: &Agency, context: &Context, home: &Namespaced) -> Vec<Verdict> {
    let all: BTreeMap<_, _> = context.stores.agencies.state().into_iter().map(|a| (a.name_any(), (*a).clone())).collect();
    let bound = match home {
        Namespaced::Ours(_) => Verdict::yes("RolesBound", "Bound", "Every member has the rights of their roles."),
        Namespaced::Conflict(why) => Verdict::no("RolesBound", "NamespaceConflict", why.clone()),
    };
    let ready = if let Err(back_at) = ancestors(agency, &all) {
        Verdict::no(
            "Ready",
            "ParentCycle",
            format!("Its parents lead in a circle, back to {back_at}. Take the parent out of one of them."),
        )
    } else if let Some(parent) = agency.spec.parent.as_ref().filter(|parent| !all.contains_key(*parent)) {
        Verdict::no("Ready", "NoSuchParent", format!("There is no agency {parent} above it. Create it, or take parent out."))
    } else if agency.spec.cordoned {
        Verdict {
            kind: "Ready",
            reason: "Cordoned",
            message: "Cordoned: nothing new starts, what runs keeps running.".into(),
            ..bound.clone()
        }
    } else {
        Verdict { kind: "Ready", ..bound.clone() }
    };
    vec![ready, bound]
}

fn quotas(agency: &Agency, context: &Context) -> Vec<String> {
    let name = agency.name_any();
    let mut quotas: Vec<_> = context.stores.quotas.state_filter(|q| q.spec.agency == name).iter().map(|q| q.name_any()).collect();
    quotas.sort();
    quotas
}

fn home_manifest(agency: &Agency) -> Value {
    let name = agency.name_any();
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {
        "name": home_namespace(&name),
        "labels": {LABEL_AGENCY: name, LABEL_HOME: "true", "pod-security.kubernetes.io/enforce": "restricted"},
    }})
}

/// The rights of an agency's people in its home, to its own record, and to the catalogue.
fn rights(agency: &Agency, quotas: &[String]) -> Vec<Value> {
    let name = agency.name_any();
    let members = &agency.spec.members;
    // While it is cordoned everybody may read; all of them stay members, so none becomes a reviewer of its requests.
    let role = |role: &str| format!("govcloud:agency-{}", if agency.spec.cordoned { "viewer" } else { role });
    let mut manifests: Vec<_> = [
        ("admin", &members.admins),
        ("requester", &members.requesters),
        ("developer", &members.developers),
        ("viewer", &members.viewers),
    ]
    .into_iter()
    .filter(|(_, members)| !members.is_empty())
    .map(|(kind, members)| role_binding(&name, &home_namespace(&name), None, kind, &role(kind), members))
    .collect();
    let everyone: Vec<_> = agency.spec.everyone().into_iter().cloned().collect();
    let mut record = own_record(&name, quotas);
    record["metadata"]["labels"][LABEL_AGENCY] = json!(name);
    manifests.push(cluster_role_binding(&name, &format!("govcloud:record:{name}"), &everyone));
    manifests.push(cluster_role_binding(&name, "govcloud:agency-catalogue", &everyone));
    let providers: &[Member] = if agency.spec.cordoned { &[] } else { &members.admins };
    manifests.push(cluster_role_binding(&name, "govcloud:agency-provider", providers));
    manifests.insert(0, record);
    manifests
}

/// A RoleBinding of the operator for people of an agency.
pub fn role_binding(agency: &str, namespace: &str, project: Option<&str>, name: &str, role: &str, members: &[Member]) -> Value {
    let mut binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
        "metadata": {"name": binding_name(name, role), "namespace": namespace, "labels": managed::labels()},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": members.iter().map(subject).collect::<Vec<_>>(),
    });
    binding["metadata"]["labels"][LABEL_AGENCY] = json!(agency);
    if let Some(project) = project {
        binding["metadata"]["labels"][govcloud_crds::names::LABEL_PROJECT] = json!(project);
    }
    binding
}

/// A binding's role cannot be changed, so its name carries both: cordoning an agency makes other bindings.
pub fn binding_name(members: &str, role: &str) -> String {
    format!("govcloud:{members}:{}", role.rsplit(':').next().unwrap_or(role))
}

fn cluster_role_binding(agency: &str, role: &str, members: &[Member]) -> Value {
    let name = if role.ends_with(&format!(":{agency}")) { role.to_owned() } else { format!("{role}:{agency}") };
    let mut binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
        "metadata": {"name": name, "labels": managed::labels()},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": members.iter().map(subject).collect::<Vec<_>>(),
    });
    binding["metadata"]["labels"][LABEL_AGENCY] = json!(agency);
    binding
}

fn subject(member: &Member) -> Value {
    let kind = match member.kind {
        MemberKind::User => "User",
        MemberKind::Group => "Group",
    };
    json!({"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": member.name})
}

/// Closes an agency: its people lose their rights, its paperwork stays unless it is empty or its purge is confirmed.
async fn close(agency: &Agency, context: &Context) -> Result<Action, Error> {
    let name = agency.name_any();
    let home = home_namespace(&name);
    let api: Api<Agency> = Api::all(context.client.clone());
    let projects = context.stores.projects.state_filter(|p| p.metadata.namespace.as_deref() == Some(&home));
    if let Some(project) = projects.first() {
        let message = format!(
            "It still has {} project(s), such as {}. Delete them first: kubectl delete projects --all -n {home}",
            projects.len(),
            project.name_any()
        );
        let mut status = agency.status.clone().unwrap_or_default();
        status.conditions = conditions(
            &status.conditions,
            &[Verdict::no("Ready", "ProjectsRemain", message)],
            agency.metadata.generation,
            context.now(),
        );
        context.write_status(&api, agency, agency.status.as_ref(), status, |object, status| object.status = Some(status)).await?;
        return Ok(Action::await_change());
    }
    // They hold places of services, and nobody could use them any more.
    for claim in entitlement::in_home(&name, &context.stores) {
        entitlement::withdraw(&claim, "the agency is closed", context).await?;
    }
    for kind in ["ClusterRoleBinding", "RoleBinding", "ClusterRole"] {
        for object in context.stores.managed.all(kind).iter().filter(|o| o.labels().get(LABEL_AGENCY) == Some(&name)) {
            context.stores.managed.remove(&context.client, kind, object.namespace().as_deref(), &object.name_any()).await?;
        }
    }
    let paperwork = context.stores.permits.state_filter(|p| p.metadata.namespace.as_deref() == Some(&home)).len();
    let purge = agency.annotations().get(ANNOTATION_CONFIRM_DELETION) == Some(&name);
    if let Some(namespace) = context.stores.namespaces.get(&ObjectRef::<Namespace>::new(&home))
        && (paperwork == 0 || purge)
    {
        namespaces::delete(context, &namespace).await?;
    }
    namespaces::remove_finalizer(&api, agency, FINALIZER).await?;
    Ok(Action::await_change())
}
