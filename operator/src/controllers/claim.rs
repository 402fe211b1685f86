//! ServiceClaim: the Secret of the Service Binding Specification, and the way through the network.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use govcloud_crds::{
    Resources, ServiceClaim, SharedService,
    conditions::{Verdict, conditions},
    names::{LABEL_AGENCY, LABEL_PROJECT, split_project_namespace},
    service::{
        BindingReference, ClaimPhase, ServiceClaimStatus,
        rules::{MAX_RESERVATIONS, eligible},
    },
};
use k8s_openapi::{ByteString, api::core::v1::Secret};
use kube::{
    Api, Resource, ResourceExt,
    api::{DeleteParams, Preconditions},
    runtime::{controller::Action, reflector::ObjectRef},
};
use serde_json::{Value, json};

use crate::{context::Context, error::Error, managed};

/// How often a claim whose Secret's name is taken looks again.
const LOOK_AGAIN: Duration = Duration::from_secs(15);

/// Binds a claim that holds capacity, and unbinds one that does not.
pub async fn reconcile(claim: Arc<ServiceClaim>, context: Arc<Context>) -> Result<Action, Error> {
    if claim.metadata.deletion_timestamp.is_some() {
        return Ok(Action::await_change()); // its Secret and NetworkPolicy are owned, and go with it
    }
    let namespace = claim.namespace().unwrap_or_default();
    let agency = split_project_namespace(&namespace).and_then(|(agency, _)| context.stores.agencies.get(&ObjectRef::new(agency)));
    let service = context.stores.services.get(&ObjectRef::new(&claim.spec.shared_service));
    let eligible = eligible(&claim, service.as_deref(), agency.as_deref());
    let reserved = reserved(&claim, service.as_deref());
    let mut verdicts = vec![eligible.clone(), reserved.clone()];
    let mut phase = if eligible.holds == Some(true) { ClaimPhase::Pending } else { ClaimPhase::Rejected };
    if let (Some(service), Some(true), Some(true)) = (&service, eligible.holds, reserved.holds) {
        match credentials(service, &context) {
            Ok(credentials) => match bind(&claim, service, &credentials, &context).await? {
                None => phase = ClaimPhase::Bound,
                Some(waiting) => verdicts.push(waiting),
            },
            Err(waiting) => verdicts.push(waiting),
        }
    } else {
        unbind(&claim, &context).await?;
    }
    let ready = ready(&claim, phase, &verdicts);
    verdicts.retain(|v| v.kind != "Ready"); // what is in the way said it about Ready itself
    verdicts.insert(0, ready);
    report(&claim, &context, phase, &verdicts).await?;
    // A Secret that does not carry our label is in no watch.
    let in_the_way = verdicts.iter().any(|v| v.reason == "SecretExists" || v.reason == "Rebinding");
    Ok(if in_the_way { Action::requeue(LOOK_AGAIN) } else { Action::await_change() })
}

fn secret_name(claim: &ServiceClaim) -> String {
    format!("{}-binding", claim.name_any())
}

/// Whether the service's ledger lists this very claim.
fn reserved(claim: &ServiceClaim, service: Option<&SharedService>) -> Verdict {
    const KIND: &str = "CapacityReserved";
    let status = service.and_then(|s| s.status.as_ref());
    let nothing = Resources::default();
    let kept = status.map_or(&nothing, |s| &s.kept);
    let reservations = status.map(|s| s.reservations.as_slice()).unwrap_or_default();
    if reservations.iter().any(|r| Some(&r.uid) == claim.metadata.uid.as_ref()) {
        return Verdict::yes(KIND, "Reserved", "Its capacity is its own.");
    }
    let has_room = |service: &SharedService| {
        service.spec.plan(&claim.spec.plan).is_some_and(|plan| plan.capacity.fits_in(&service.available().minus(kept)))
    };
    match service {
        Some(_) if reservations.len() >= MAX_RESERVATIONS => Verdict::no(
            KIND,
            "LedgerFull",
            "The service serves as many claims as its ledger can hold; it is served when one is given back.",
        ),
        Some(service) if has_room(service) => {
            Verdict::unknown(KIND, "Pending", "The service's ledger takes note of the claim in a moment.")
        }
        Some(service) => Verdict::no(KIND, "NoCapacity", no_room(claim, service, kept)),
        None => Verdict::no(KIND, "NoSuchService", "There is no such service."),
    }
}

fn no_room(claim: &ServiceClaim, service: &SharedService, kept: &Resources) -> String {
    let (name, plan, free) = (service.name_any(), &claim.spec.plan, service.available());
    let kept = kept.clone().without_zeros();
    let kept =
        if kept.is_empty() { String::new() } else { format!(", of which {kept} is kept for agencies that were sent here") };
    format!("{name} has no room for another claim of plan {plan} at present ({free} free{kept}); it is served when there is.")
}

fn ready(claim: &ServiceClaim, phase: ClaimPhase, others: &[Verdict]) -> Verdict {
    let held_up = others.iter().find(|v| v.holds != Some(true));
    match (phase, held_up) {
        (ClaimPhase::Bound, _) => {
            Verdict::yes("Ready", "Bound", format!("Secret {} holds what a workload needs.", secret_name(claim)))
        }
        (_, Some(verdict)) => Verdict { kind: "Ready", ..verdict.clone() },
        (_, None) => Verdict::unknown("Ready", "Binding", "It is bound in a moment."),
    }
}

/// The provider's entries, copied from a Secret that the provider marked as bindable.
fn credentials(service: &SharedService, context: &Context) -> Result<BTreeMap<String, ByteString>, Verdict> {
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

/// Writes the Secret and the way through the network; otherwise says what is in the way.
async fn bind(
    claim: &ServiceClaim,
    service: &SharedService,
    credentials: &BTreeMap<String, ByteString>,
    context: &Context,
) -> Result<Option<Verdict>, Error> {
    let secret = secret(claim, service, credentials);
    if let Some(live) = live_secret(claim, context).await? {
        if !is_of(claim, &live) {
            return Ok(Some(Verdict::no("Ready", "SecretExists", taken(claim))));
        }
        if live.type_.as_deref() != secret["type"].as_str() || live.immutable == Some(true) {
            // Neither can be changed.
            delete_secret(&live, context).await?;
            return Ok(Some(Verdict::unknown("Ready", "Rebinding", "The Secret is made anew, because it cannot be changed.")));
        }
    }
    let policy = egress(claim, service);
    if policy.is_none() {
        remove_egress(claim, context).await?;
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
async fn live_secret(claim: &ServiceClaim, context: &Context) -> Result<Option<Secret>, Error> {
    let (namespace, name) = (claim.namespace().unwrap_or_default(), secret_name(claim));
    let what = || format!("Secret {namespace}/{name}");
    if let Some(known) = context.stores.managed.get("Secret", Some(&namespace), &name) {
        let secret = serde_json::to_value(&*known).and_then(serde_json::from_value);
        return secret.map(Some).map_err(|source| Error::Build { what: what(), source });
    }
    let api: Api<Secret> = Api::namespaced(context.client.clone(), &namespace);
    api.get_opt(&name).await.map_err(|source| Error::Read { what: what(), source: Box::new(source) })
}

/// Whether a Secret was made for exactly this claim.
fn is_of(claim: &ServiceClaim, secret: &Secret) -> bool {
    secret.owner_references().iter().any(|owner| Some(&owner.uid) == claim.metadata.uid.as_ref())
}

async fn unbind(claim: &ServiceClaim, context: &Context) -> Result<(), Error> {
    if let Some(live) = live_secret(claim, context).await?.filter(|live| is_of(claim, live)) {
        delete_secret(&live, context).await?;
    }
    remove_egress(claim, context).await
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

async fn remove_egress(claim: &ServiceClaim, context: &Context) -> Result<(), Error> {
    context.stores.managed.remove(&context.client, "NetworkPolicy", claim.namespace().as_deref(), &egress_name(claim)).await
}

fn egress_name(claim: &ServiceClaim) -> String {
    format!("govcloud-{}", claim.name_any())
}

fn metadata(claim: &ServiceClaim, name: &str) -> Value {
    let namespace = claim.namespace().unwrap_or_default();
    let mut labels = managed::labels();
    if let Some((agency, project)) = split_project_namespace(&namespace) {
        (labels[LABEL_AGENCY], labels[LABEL_PROJECT]) = (json!(agency), json!(project));
    }
    json!({"name": name, "namespace": namespace, "labels": labels, "ownerReferences": claim.controller_owner_ref(&())})
}

/// The Secret of the Service Binding Specification: `type`, `provider`, the service's values and the provider's entries.
fn secret(claim: &ServiceClaim, service: &SharedService, credentials: &BTreeMap<String, ByteString>) -> Value {
    let binding = &service.spec.binding;
    let provider = binding.provider.clone().unwrap_or_else(|| service.name_any());
    let text = |value: &str| ByteString(value.as_bytes().to_vec());
    let mut data = credentials.clone();
    data.extend(binding.values.iter().map(|(key, value)| (key.clone(), text(value))));
    data.insert("type".into(), text(&binding.binding_type));
    data.insert("provider".into(), text(&provider));
    let mut metadata = metadata(claim, &secret_name(claim));
    metadata["ownerReferences"] = json!([metadata["ownerReferences"]]);
    json!({"apiVersion": "v1", "kind": "Secret", "type": format!("servicebinding.io/{}", binding.binding_type), "metadata": metadata, "data": data})
}

/// The way to the service through the project's network isolation.
fn egress(claim: &ServiceClaim, service: &SharedService) -> Option<Value> {
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
    let mut metadata = metadata(claim, &egress_name(claim));
    metadata["ownerReferences"] = json!([metadata["ownerReferences"]]);
    let spec = json!({"podSelector": {}, "policyTypes": ["Egress"], "egress": rules});
    (!rules.is_empty())
        .then(|| json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}))
}

async fn report(claim: &ServiceClaim, context: &Context, phase: ClaimPhase, verdicts: &[Verdict]) -> Result<(), Error> {
    let before = claim.status.clone().unwrap_or_default();
    let status = ServiceClaimStatus {
        observed_generation: claim.metadata.generation,
        phase,
        binding: (phase == ClaimPhase::Bound).then(|| BindingReference { name: secret_name(claim) }),
        conditions: conditions(&before.conditions, verdicts, claim.metadata.generation, context.now()),
    };
    let api: Api<ServiceClaim> = Api::namespaced(context.client.clone(), &claim.namespace().unwrap_or_default());
    if context.write_status(&api, claim, claim.status.as_ref(), status, |object, status| object.status = Some(status)).await?
        && before.phase != phase
    {
        tracing::info!(claim = claim.name_any(), namespace = claim.namespace(), ?phase, "claim changed");
    }
    Ok(())
}
