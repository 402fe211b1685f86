//! Where a claim is bound: one of a project there, and one that an agency has by entitlement in each of its projects.

use govcloud_crds::{
    ServiceClaim,
    conditions::Verdict,
    names::{LABEL_AGENCY, LABEL_PROJECT},
    service::{
        ClaimPhase, entitlement,
        rules::{agency_of_claim, current_service, is_entitled},
    },
};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::{ResourceExt, runtime::reflector::ObjectRef};

use super::binding::{egress_name, secret_name};
use crate::{context::Context, error::Error, stores::Stores};

/// The namespaces in which a claim is bound. One that goes is left alone: nothing can be written there any more.
pub fn places(claim: &ServiceClaim, stores: &Stores) -> Vec<String> {
    if !is_entitled(claim) {
        return claim.namespace().into_iter().collect();
    }
    let agency = agency_of_claim(claim).unwrap_or_default();
    let is_its = |namespace: &Namespace| {
        let labels = namespace.labels();
        labels.get(LABEL_AGENCY).is_some_and(|of| of == agency)
            && labels.contains_key(LABEL_PROJECT)
            && namespace.metadata.deletion_timestamp.is_none()
    };
    let mut places: Vec<_> = stores.namespaces.state_filter(is_its).iter().map(|namespace| namespace.name_any()).collect();
    places.sort();
    places
}

/// Whether a write failed because a project's namespace is being deleted, or just was: its event says so in a moment.
pub(super) fn is_going(claim: &ServiceClaim, error: &Error) -> bool {
    let terminates = || error.said().is_some_and(|said| said.contains("because it is being terminated"));
    is_entitled(claim) && (error.code() == Some(404) || (error.code() == Some(403) && terminates()))
}

/// What stands in the way in some projects.
pub(super) fn taken_in(claim: &ServiceClaim, places: &[&str]) -> Verdict {
    let (secret, first) = (secret_name(claim), places.first().copied().unwrap_or_default());
    let message = format!(
        "In {} there is a Secret {secret} already that was not made for this claim, and it stays as it is; there the service cannot be \
         used. Rename or delete it, or the claim that it belongs to: kubectl get secret {secret} -n {first} -o yaml",
        places.join(", ")
    );
    Verdict::no("Ready", "SecretExists", message)
}

/// Whether there may be a Secret of it: unbinding asks the API server, and those who wait are many.
pub(super) fn may_be_bound(claim: &ServiceClaim, context: &Context) -> bool {
    let was = claim.status.as_ref().is_none_or(|s| s.binding.is_some() || s.phase == ClaimPhase::Bound);
    let managed = &context.stores.managed;
    let has = |place: &String| {
        managed.get("Secret", Some(place), &secret_name(claim)).is_some()
            || managed.get("NetworkPolicy", Some(place), &egress_name(claim)).is_some()
    };
    was || places(claim, &context.stores).iter().any(has)
}

/// What a bound claim says.
pub(super) fn is_there(claim: &ServiceClaim) -> String {
    let secret = secret_name(claim);
    if is_entitled(claim) {
        format!("Secret {secret} holds what a workload needs, in every project of the agency and in those to come.")
    } else {
        format!("Secret {secret} holds what a workload needs.")
    }
}

/// Whether the agency is still entitled to it, and when it is withdrawn if not; `None` if it has it otherwise.
pub(super) fn entitled(claim: &ServiceClaim, context: &Context, now: Timestamp) -> Option<(Verdict, Option<Timestamp>)> {
    let stores = &context.stores;
    let agency = stores.agencies.get(&ObjectRef::new(agency_of_claim(claim).filter(|_| is_entitled(claim))?))?;
    let named = |name: &str| stores.services.get(&ObjectRef::new(name));
    let service = named(&claim.spec.shared_service).or_else(|| named(current_service(claim)))?;
    Some(entitlement::entitled(claim, &agency, &service, now))
}

/// Tells whoever reads the events of the claim, and of an entitled one also those of the projects, whose developers see no home.
pub async fn tell(claim: &ServiceClaim, warning: bool, reason: &str, note: &str, context: &Context) {
    context.tell(claim, warning, reason, note.to_owned()).await;
    if !is_entitled(claim) {
        return;
    }
    for place in places(claim, &context.stores) {
        let mut secret = Secret::default();
        (secret.metadata.name, secret.metadata.namespace) = (Some(secret_name(claim)), Some(place));
        context.tell(&secret, warning, reason, format!("{}: {note}", current_service(claim))).await;
    }
}
