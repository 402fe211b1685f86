//! Entitlement: the claims that an agency has without asking, in its home.

use std::{collections::BTreeSet, sync::Arc};

use govcloud_crds::{
    Agency, ServiceClaim, SharedService,
    names::{ANNOTATION_OWNER_UID, LABEL_AGENCY, LABEL_CLAIM, LABEL_ENTITLED, LABEL_MANAGED_BY, MANAGED_BY, home_namespace},
    service::{
        ServiceClaimSpec,
        entitlement::{PURPOSE, Step, steps, withdrawn_after},
        rules::is_entitled,
    },
};
use k8s_openapi::api::core::v1::Namespace;
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, Patch, PatchParams, PostParams, Preconditions},
    runtime::{controller::Action, reflector::ObjectRef},
};
use serde_json::json;

use super::claim::tell;
use crate::{context::Context, error::Error, managed::FIELD_MANAGER, requeue, stores::Stores};

/// Gives an agency what it is entitled to, and takes back what it was warned of.
///
/// Warning is the claim's own reconcile: what it says was said before anything here happens.
pub async fn reconcile(agency: Arc<Agency>, context: Arc<Context>) -> Result<Action, Error> {
    let (name, now) = (agency.name_any(), context.now());
    let claims = in_home(&name, &context.stores);
    if has_home(&agency, &context.stores) {
        let services = context.stores.services.state();
        let services: Vec<&SharedService> = services.iter().map(|service| &**service).collect();
        let there: Vec<&ServiceClaim> = claims.iter().map(|claim| &**claim).collect();
        for step in steps(&agency, &services, &there, now) {
            take(&agency, step, &claims, &context).await?;
        }
    }
    prune(&name, &claims, &context).await?;
    let next = claims.iter().filter_map(|claim| withdrawn_after(claim)).filter(|after| *after > now).min();
    Ok(requeue::at(next, now))
}

/// The claims that an agency has by entitlement.
pub fn in_home(agency: &str, stores: &Stores) -> Vec<Arc<ServiceClaim>> {
    let home = home_namespace(agency);
    let mut claims = stores.claims_of.get(agency);
    claims.retain(|claim| is_entitled(claim) && claim.metadata.namespace.as_deref() == Some(&home));
    claims
}

/// Whether its home is there, and was made for this agency.
fn has_home(agency: &Agency, stores: &Stores) -> bool {
    let home = stores.namespaces.get(&ObjectRef::<Namespace>::new(&home_namespace(&agency.name_any())));
    home.is_some_and(|home| {
        home.metadata.deletion_timestamp.is_none() && home.annotations().get(ANNOTATION_OWNER_UID) == agency.metadata.uid.as_ref()
    })
}

async fn take(agency: &Agency, step: Step, claims: &[Arc<ServiceClaim>], context: &Context) -> Result<(), Error> {
    let home = home_namespace(&agency.name_any());
    let api: Api<ServiceClaim> = Api::namespaced(context.client.clone(), &home);
    let failed = |name: &str, source| Error::Write { what: format!("ServiceClaim {home}/{name}"), source: Box::new(source) };
    match step {
        Step::Give { service, claim: name, plan } => {
            let spec = ServiceClaimSpec { shared_service: service, plan, purpose: PURPOSE.to_owned(), rotation: 0 };
            let mut claim = ServiceClaim::new(&name, spec);
            let labels = [(LABEL_ENTITLED, "true"), (LABEL_MANAGED_BY, MANAGED_BY)];
            claim.metadata.labels = Some(labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into());
            let params = PostParams { field_manager: Some(FIELD_MANAGER.into()), ..PostParams::default() };
            match api.create(&params, &claim).await {
                // The store does not show it yet. One that somebody made before there was a guard is theirs.
                Err(kube::Error::Api(status)) if status.code == 409 => Ok(()),
                made => made.map(|_| ()).map_err(|source| failed(&name, source)),
            }
        }
        Step::Replan { claim: name, plan } => {
            let params = PatchParams { field_manager: Some(FIELD_MANAGER.into()), ..PatchParams::default() };
            let patched = api.patch(&name, &params, &Patch::Merge(json!({"spec": {"plan": plan}}))).await;
            patched.map(|_| ()).map_err(|source| failed(&name, source))
        }
        Step::Withdraw { claim: name, why } => {
            let Some(claim) = claims.iter().find(|claim| claim.name_any() == name) else { return Ok(()) };
            withdraw(claim, &why, context).await
        }
    }
}

/// Deletes exactly this claim, and says why. Its Secrets follow when it is gone.
pub async fn withdraw(claim: &ServiceClaim, why: &str, context: &Context) -> Result<(), Error> {
    let (home, name) = (claim.namespace().unwrap_or_default(), claim.name_any());
    let api: Api<ServiceClaim> = Api::namespaced(context.client.clone(), &home);
    let same = Preconditions { uid: claim.uid(), resource_version: None };
    match api.delete(&name, &DeleteParams { preconditions: Some(same), ..DeleteParams::default() }).await {
        // Gone already, or another one since.
        Err(kube::Error::Api(status)) if [404, 409].contains(&status.code) => return Ok(()),
        Err(source) => return Err(Error::Write { what: format!("ServiceClaim {home}/{name}"), source: Box::new(source) }),
        Ok(_) => {}
    }
    tracing::info!(claim = name, namespace = home, why, "entitlement withdrawn");
    tell(claim, true, "Withdrawn", &format!("It is withdrawn: {why}."), context).await;
    Ok(())
}

/// Removes what is left in the agency's projects of claims that are gone.
async fn prune(agency: &str, claims: &[Arc<ServiceClaim>], context: &Context) -> Result<(), Error> {
    let live: BTreeSet<_> = claims.iter().filter_map(|claim| claim.metadata.uid.as_deref()).collect();
    for kind in ["Secret", "NetworkPolicy"] {
        for object in context.stores.managed.all(kind) {
            let of_gone = object.labels().get(LABEL_CLAIM).is_some_and(|uid| !live.contains(uid.as_str()));
            if of_gone && object.labels().get(LABEL_AGENCY).is_some_and(|of| of == agency) {
                context.stores.managed.remove(&context.client, kind, object.namespace().as_deref(), &object.name_any()).await?;
            }
        }
    }
    Ok(())
}
