//! What a claim receives: the Secret of the Service Binding Specification, and a way through the network.

use std::collections::BTreeMap;

use govcloud_crds::{
    ServiceClaim, SharedService,
    conditions::Verdict,
    names::{LABEL_AGENCY, LABEL_CLAIM, LABEL_PROJECT, split_project_namespace},
    service::rules::is_entitled,
};
use k8s_openapi::{ByteString, api::core::v1::Secret};
use kube::{
    Api, Resource, ResourceExt,
    api::{DeleteParams, Preconditions},
    runtime::reflector::ObjectRef,
};
use serde_json::{Value, json};

use crate::{context::Context, error::Error, managed};

pub(super) fn secret_name(claim: &ServiceClaim) -> String {
    format!("{}-binding", claim.name_any())
}

/// The provider's entries, copied from a Secret that the provider marked as bindable.
pub(super) fn credentials(service: &SharedService, context: &Context) -> Result<BTreeMap<String, ByteString>, Verdict> {
    let Some(reference) = &service.spec.binding.credentials_from else { return Ok(BTreeMap::new()) };
    let found = context.stores.credentials.get(&ObjectRef::<Secret>::new(&reference.name).within(&reference.namespace));
    let missing = || {
        let message = format!(
            "The provider's Secret {}/{} is not there, or does not carry the label govcloud.dev/bindable: \"true\".",
            reference.namespace, reference.name
        );
        Verdict::no("Ready", "NoCredentials", message)
    };
    Ok(found.ok_or_else(missing)?.data.clone().unwrap_or_default())
}

/// Writes the Secret and the way through the network into a namespace; otherwise says what is in the way.
pub(super) async fn bind(
    claim: &ServiceClaim,
    namespace: &str,
    service: &SharedService,
    credentials: &BTreeMap<String, ByteString>,
    context: &Context,
) -> Result<Option<Verdict>, Error> {
    let secret = secret(claim, namespace, service, credentials);
    if let Some(live) = live_secret(claim, namespace, context).await? {
        if !is_of(claim, &live) {
            return Ok(Some(Verdict::no("Ready", "SecretExists", taken(claim))));
        }
        if live.type_.as_deref() != secret["type"].as_str() || live.immutable == Some(true) {
            // Neither can be changed.
            delete_secret(&live, context).await?;
            return Ok(Some(Verdict::unknown("Ready", "Rebinding", "The Secret is made anew, because it cannot be changed.")));
        }
    }
    let policy = egress(claim, namespace, service);
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

fn taken(claim: &ServiceClaim) -> String {
    format!(
        "There is a Secret {} already that was not made for this claim, and it stays as it is. Rename or delete it, or make a claim of another name.",
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

/// Whether a Secret was made for exactly this claim.
fn is_of(claim: &ServiceClaim, secret: &Secret) -> bool {
    let uid = claim.metadata.uid.as_ref();
    secret.owner_references().iter().any(|owner| Some(&owner.uid) == uid)
        || (uid.is_some() && secret.labels().get(LABEL_CLAIM) == uid)
}

/// Removes what was made for a claim in a namespace.
pub(super) async fn unbind(claim: &ServiceClaim, namespace: &str, context: &Context) -> Result<(), Error> {
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

/// What is in the claim's own namespace belongs to it. In others it carries its uid: nothing is owned across namespaces.
fn metadata(claim: &ServiceClaim, namespace: &str, name: &str) -> Value {
    let mut labels = managed::labels();
    if let Some((agency, project)) = split_project_namespace(namespace) {
        (labels[LABEL_AGENCY], labels[LABEL_PROJECT]) = (json!(agency), json!(project));
    }
    if claim.metadata.namespace.as_deref() == Some(namespace) {
        return json!({"name": name, "namespace": namespace, "labels": labels, "ownerReferences": [claim.controller_owner_ref(&())]});
    }
    labels[LABEL_CLAIM] = json!(claim.metadata.uid);
    json!({"name": name, "namespace": namespace, "labels": labels})
}

/// The Secret of the Service Binding Specification: `type`, `provider`, the service's values and the provider's entries.
fn secret(claim: &ServiceClaim, namespace: &str, service: &SharedService, credentials: &BTreeMap<String, ByteString>) -> Value {
    let binding = &service.spec.binding;
    let provider = binding.provider.clone().unwrap_or_else(|| service.name_any());
    let text = |value: &str| ByteString(value.as_bytes().to_vec());
    let mut data = credentials.clone();
    data.extend(binding.values.iter().map(|(key, value)| (key.clone(), text(value))));
    data.insert("type".into(), text(&binding.binding_type));
    data.insert("provider".into(), text(&provider));
    let metadata = metadata(claim, namespace, &secret_name(claim));
    json!({"apiVersion": "v1", "kind": "Secret", "type": format!("servicebinding.io/{}", binding.binding_type), "metadata": metadata, "data": data})
}

/// The way to the service through the project's network isolation.
fn egress(claim: &ServiceClaim, namespace: &str, service: &SharedService) -> Option<Value> {
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
