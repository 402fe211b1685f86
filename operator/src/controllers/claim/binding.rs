//! What a claim receives: the Secret of the Service Binding Specification, and a way through the network.

use std::{collections::BTreeMap, sync::Arc};

use govcloud_crds::{
    ServiceClaim, SharedService,
    conditions::Verdict,
    names::{ANNOTATION_PROVISIONED, LABEL_AGENCY, LABEL_CLAIM, LABEL_PROJECT, split_project_namespace},
    service::{Provisioner, rules::is_entitled},
};
use k8s_openapi::{ByteString, api::core::v1::Secret};
use kube::{
    Api, Resource, ResourceExt,
    api::{DeleteParams, Preconditions},
};
use serde_json::{Value, json};

use super::everywhere::{is_going, taken_in};

use crate::{
    context::Context,
    error::Error,
    managed,
    provision::{self, Entries, Made, Provisioned},
};

pub(super) fn secret_name(claim: &ServiceClaim) -> String {
    format!("{}-binding", claim.name_any())
}

/// What became of a claim's binding.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// Whether its Secret is in every namespace where it is to be.
    pub is_bound: bool,
    /// The number of the credentials in it that a provisioner made, once they are the only ones.
    pub rotation: Option<i32>,
    /// What there is to say about it. Of what is in the way, it is about `Ready`.
    pub verdicts: Vec<Verdict>,
}

/// What the Secret in one namespace is at present, and what it is to be given.
struct Part {
    namespace: String,
    live: Option<Secret>,
    credentials: Credentials,
}

/// What a claim's Secrets are to be given.
pub(super) struct Prepared(Vec<Part>);

/// Gets together what the Secret of a claim is given in each of `namespaces`; otherwise says why that is not to be had. While
/// new credentials are not made yet, a Secret keeps the old ones.
pub(super) async fn prepare(
    claim: &ServiceClaim,
    service: &SharedService,
    namespaces: &[String],
    context: &Arc<Context>,
) -> Result<Result<Prepared, Verdict>, Error> {
    let mut parts = Vec::new();
    for namespace in namespaces {
        let live = live_secret(claim, namespace, context).await?;
        match credentials(claim, service, live.as_ref(), context) {
            Ok(credentials) => parts.push(Part { namespace: namespace.clone(), live, credentials }),
            Err(waiting) => return Ok(Err(waiting)),
        }
    }
    Ok(Ok(Prepared(parts)))
}

/// Writes the Secret and the way through the network into each namespace, and has the credentials ended that the Secrets had
/// before. A Secret gets what belongs together in one write.
pub(super) async fn bind(
    claim: &ServiceClaim,
    service: &SharedService,
    prepared: Prepared,
    context: &Arc<Context>,
) -> Result<Outcome, Error> {
    let mut outcome = Outcome { is_bound: true, ..Outcome::default() };
    let (mut failed, mut taken) = (None, Vec::new());
    for part in &prepared.0 {
        let in_the_way = match bind_in(claim, service, part, context).await {
            Err(error) if is_going(claim, &error) => continue,
            Err(error) => {
                failed.get_or_insert(error);
                continue;
            }
            Ok(Some(verdict)) if verdict.reason == "SecretExists" && is_entitled(claim) => {
                taken.push(part.namespace.as_str());
                continue;
            }
            Ok(in_the_way) => in_the_way,
        };
        outcome.is_bound &= in_the_way.is_none();
        if let Some(waiting) = in_the_way.or_else(|| part.credentials.waiting.clone())
            && !outcome.verdicts.contains(&waiting)
        {
            outcome.verdicts.push(waiting);
        }
    }
    if let Some(error) = failed {
        return Err(error);
    }
    let is_current = outcome.verdicts.is_empty();
    // One project whose Secret is in the way costs the others nothing; old credentials end all the same.
    outcome.is_bound &= taken.is_empty() || taken.len() < prepared.0.len();
    outcome.verdicts.extend((!taken.is_empty()).then(|| taken_in(claim, &taken)));
    let Some(provisioner) = service.spec.binding.provisioner.as_ref().filter(|_| !prepared.0.is_empty()) else {
        return Ok(outcome);
    };
    outcome.rotation = claim.status.as_ref().and_then(|status| status.rotation);
    if is_current && outcome.is_bound {
        let namespaces: Vec<_> = prepared.0.into_iter().map(|part| part.namespace).collect();
        let (rotation, verdict) = settle(claim, service, provisioner, &namespaces, context);
        outcome.rotation = rotation;
        outcome.verdicts.push(verdict);
    }
    Ok(outcome)
}

/// The Secrets have the credentials that are wanted, and those before them are over: the number is noted only when the
/// provisioner has confirmed that, so that it is asked until then, whatever happens meanwhile.
fn settle(
    claim: &ServiceClaim,
    service: &SharedService,
    provisioner: &Provisioner,
    namespaces: &[String],
    context: &Arc<Context>,
) -> (Option<i32>, Verdict) {
    let made = provision::wanted(claim, service);
    let before = claim.status.as_ref().and_then(|status| status.rotation);
    if before != Some(made.rotation)
        && made.rotation > 0 // there are none before the first
        && let Err(waiting) = provision::retire(claim, service, provisioner, &made, context)
    {
        return (before, waiting);
    }
    // What was written may not be in the store yet, and would be asked for again.
    if before == Some(made.rotation) && namespaces.iter().all(|namespace| shows(claim, namespace, &made, context)) {
        provision::forget(&made.claim, context);
    }
    (Some(made.rotation), provision::provisioned(&made))
}

fn shows(claim: &ServiceClaim, namespace: &str, made: &Made, context: &Context) -> bool {
    let known = context.stores.managed.get("Secret", Some(namespace), &secret_name(claim));
    let secret = known.and_then(|known| serde_json::to_value(&*known).and_then(serde_json::from_value).ok());
    secret.and_then(|secret| Provisioned::read(&secret)).is_some_and(|has| has.made == *made)
}

/// What a Secret is given beside what the service says itself.
struct Credentials {
    entries: Entries,
    /// What the Secret says of where they come from.
    record: Option<String>,
    /// Why they are not those that are wanted.
    waiting: Option<Verdict>,
}

/// The entries for the Secret of which `live` is the present state; `Err` says why there are none.
fn credentials(
    claim: &ServiceClaim,
    service: &SharedService,
    live: Option<&Secret>,
    context: &Arc<Context>,
) -> Result<Credentials, Verdict> {
    let Some(provisioner) = &service.spec.binding.provisioner else {
        let entries = Entries(copied(service, context)?);
        return Ok(Credentials { entries, record: None, waiting: None });
    };
    let made = provision::wanted(claim, service);
    let has = live.filter(|live| is_of(claim, live)).and_then(Provisioned::read);
    let has = has.filter(|has| has.made.service == made.service && has.made.claim == made.claim);
    let (gets, waiting) = match has {
        Some(has) if has.made == made => (has, None),
        has => match provision::make(claim, service, provisioner, &made, context) {
            Ok(entries) => (Provisioned { made, entries }, None),
            Err(waiting) => (has.ok_or_else(|| waiting.clone())?, Some(waiting)),
        },
    };
    Ok(Credentials { record: Some(gets.record()), entries: gets.entries, waiting })
}

/// The provider's entries, copied from a Secret that the provider marked as bindable, and that it may hand on.
fn copied(service: &SharedService, context: &Context) -> Result<BTreeMap<String, ByteString>, Verdict> {
    let Some(reference) = &service.spec.binding.credentials_from else { return Ok(BTreeMap::new()) };
    let secret = provision::bindable(service, reference, context).map_err(|why| Verdict::no("Ready", "NoCredentials", why))?;
    Ok(secret.data.clone().unwrap_or_default())
}

/// Writes the Secret and the way through the network; otherwise says what is in the way.
async fn bind_in(
    claim: &ServiceClaim,
    service: &SharedService,
    part: &Part,
    context: &Context,
) -> Result<Option<Verdict>, Error> {
    let Part { namespace, live, credentials } = part;
    let secret = secret(claim, service, namespace, credentials);
    if let Some(live) = live {
        if !is_of(claim, live) {
            return Ok(Some(Verdict::no("Ready", "SecretExists", taken(claim, namespace))));
        }
        if live.type_.as_deref() != secret["type"].as_str() || live.immutable == Some(true) {
            // Neither can be changed.
            delete_secret(live, context).await?;
            return Ok(Some(Verdict::unknown("Ready", "Rebinding", "The Secret is made anew, because it cannot be changed.")));
        }
    }
    let policy = egress(claim, service, namespace);
    if policy.is_none() {
        remove_egress(claim, namespace, context).await?;
    }
    for manifest in std::iter::once(&secret).chain(&policy) {
        match context.stores.managed.ensure(&context.client, manifest).await {
            Err(error) if error.is_invalid() => return Ok(Some(Verdict::no("Ready", "Invalid", refused(service, &error)))),
            written => written.map(|_| ())?,
        }
    }
    Ok(None)
}

fn refused(service: &SharedService, error: &Error) -> String {
    let said = error.said().unwrap_or_default();
    format!("The binding of {} cannot be made: {said} Its provider mends spec.binding of the SharedService.", service.name_any())
}

fn taken(claim: &ServiceClaim, namespace: &str) -> String {
    let is_elsewhere = claim.namespace().as_deref() != Some(namespace);
    let place = if is_elsewhere { format!(" in {namespace}") } else { String::new() };
    format!(
        "There is a Secret {}{place} already that was not made for this claim, and it stays as it is. Rename or delete it, or make a claim of another name.",
        secret_name(claim)
    )
}

/// The Secret of the binding's name, whoever made it. Those of others are in no store, so it is read.
async fn live_secret(claim: &ServiceClaim, namespace: &str, context: &Context) -> Result<Option<Secret>, Error> {
    let name = secret_name(claim);
    let what = || format!("Secret {namespace}/{name}");
    if let Some(known) = context.stores.managed.get("Secret", Some(namespace), &name) {
        let secret = serde_json::to_value(&*known).and_then(serde_json::from_value);
        return secret.map(Some).map_err(|source| Error::Build { what: what(), source });
    }
    let api: Api<Secret> = Api::namespaced(context.client.clone(), namespace);
    api.get_opt(&name).await.map_err(|source| Error::Read { what: what(), source: Box::new(source) })
}

/// Whether a Secret was made for exactly this claim: it owns it, or is named where an owner cannot be.
fn is_of(claim: &ServiceClaim, secret: &Secret) -> bool {
    let uid = claim.metadata.uid.as_ref();
    if secret.namespace() == claim.namespace() {
        return secret.owner_references().iter().any(|owner| Some(&owner.uid) == uid);
    }
    uid.is_some() && secret.labels().get(LABEL_CLAIM) == uid
}

/// Takes the Secret and the way through the network out of a namespace.
pub(super) async fn unbind(claim: &ServiceClaim, namespace: &str, context: &Context) -> Result<(), Error> {
    provision::forget(claim.metadata.uid.as_deref().unwrap_or_default(), context);
    if let Some(live) = live_secret(claim, namespace, context).await?.filter(|live| is_of(claim, live)) {
        delete_secret(&live, context).await?;
    }
    remove_egress(claim, namespace, context).await
}

/// Deletes exactly this Secret, also if it lost our label.
async fn delete_secret(secret: &Secret, context: &Context) -> Result<(), Error> {
    let (namespace, name) = (secret.namespace().unwrap_or_default(), secret.name_any());
    let api: Api<Secret> = Api::namespaced(context.client.clone(), &namespace);
    let same = Preconditions { uid: secret.uid(), resource_version: None };
    let params = DeleteParams { preconditions: Some(same), ..DeleteParams::default() };
    match api.delete(&name, &params).await {
        // Gone already, or another one since.
        Err(kube::Error::Api(status)) if [404, 409].contains(&status.code) => Ok(()),
        Err(source) => Err(Error::Write { what: format!("Secret {namespace}/{name}"), source: Box::new(source) }),
        Ok(_) => Ok(()),
    }
}

async fn remove_egress(claim: &ServiceClaim, namespace: &str, context: &Context) -> Result<(), Error> {
    context.stores.managed.remove(&context.client, "NetworkPolicy", Some(namespace), &egress_name(claim)).await
}

/// No claim of a project has the name that one of a home has here.
pub(super) fn egress_name(claim: &ServiceClaim) -> String {
    if is_entitled(claim) { format!("govcloud.entitled-{}", claim.name_any()) } else { format!("govcloud-{}", claim.name_any()) }
}

/// The metadata of a part of the binding. The claim owns what is in its own namespace; elsewhere it is only named.
fn metadata(claim: &ServiceClaim, namespace: &str, name: &str) -> Value {
    let mut labels = managed::labels();
    if let Some((agency, project)) = split_project_namespace(namespace) {
        (labels[LABEL_AGENCY], labels[LABEL_PROJECT]) = (json!(agency), json!(project));
    }
    if claim.namespace().as_deref() == Some(namespace) {
        let owners: Vec<_> = claim.controller_owner_ref(&()).into_iter().collect();
        return json!({"name": name, "namespace": namespace, "labels": labels, "ownerReferences": owners});
    }
    labels[LABEL_CLAIM] = json!(claim.metadata.uid);
    json!({"name": name, "namespace": namespace, "labels": labels})
}

/// The Secret of the Service Binding Specification: `type`, `provider`, the service's values and the entries of its credentials.
/// What a provider copies to all yields to the values; what a provisioner made for this claim does not.
fn secret(claim: &ServiceClaim, service: &SharedService, namespace: &str, credentials: &Credentials) -> Value {
    let binding = &service.spec.binding;
    let provider = binding.provider.clone().unwrap_or_else(|| service.name_any());
    let text = |value: &str| ByteString(value.as_bytes().to_vec());
    let values = binding.values.iter().map(|(key, value)| (key.clone(), text(value)));
    let entries = credentials.entries.0.clone();
    let mut data: BTreeMap<_, _> =
        if credentials.record.is_some() { values.chain(entries).collect() } else { entries.into_iter().chain(values).collect() };
    data.insert("type".into(), text(&binding.binding_type));
    data.insert("provider".into(), text(&provider));
    let mut metadata = metadata(claim, namespace, &secret_name(claim));
    if let Some(record) = &credentials.record {
        metadata["annotations"] = json!({ANNOTATION_PROVISIONED: record});
    }
    json!({"apiVersion": "v1", "kind": "Secret", "type": format!("servicebinding.io/{}", binding.binding_type), "metadata": metadata, "data": data})
}

/// The way to the service through the project's network isolation.
fn egress(claim: &ServiceClaim, service: &SharedService, namespace: &str) -> Option<Value> {
    let rules: Vec<_> = service
        .spec
        .binding
        .egress
        .iter()
        .map(|egress| {
            let ports: Vec<_> = egress.ports.iter().map(|port| json!({"protocol": "TCP", "port": port})).collect();
            json!({"to": [{"ipBlock": {"cidr": egress.cidr}}], "ports": ports})
        })
        .collect();
    let metadata = metadata(claim, namespace, &egress_name(claim));
    let spec = json!({"podSelector": {}, "policyTypes": ["Egress"], "egress": rules});
    (!rules.is_empty())
        .then(|| json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}))
}
