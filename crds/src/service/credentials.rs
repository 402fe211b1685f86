//! Which Secrets a service may hand on to its claims.

use kube::ResourceExt;

use super::SharedService;
use crate::{
    cloud::SecretReference,
    names::{SYSTEM_NAMESPACES, agency_of_home, split_project_namespace},
};

/// Whether a service may use a Secret: one where shared services run, or in a project of the agency that provides it.
///
/// `exempt` are the namespaces of [`exempt_namespaces`](crate::cloud::exempt_namespaces), which include the operator's own.
/// Those of the cluster itself are never a place for credentials, although slots do not bind there. Without this rule
/// anybody who may write a service could have another agency's Secret copied into a claim of their own.
///
/// # Errors
/// In words: what is wrong, and where the Secret may be.
pub fn credentials_allowed(service: &SharedService, exempt: &[String], reference: &SecretReference) -> Result<(), String> {
    let (namespace, provider) = (reference.namespace.as_str(), service.spec.provider.as_str());
    let is_the_providers = split_project_namespace(namespace).is_some_and(|(agency, _)| agency == provider);
    let is_somebodys = split_project_namespace(namespace).is_some() || agency_of_home(namespace).is_some();
    let is_shared = exempt.iter().any(|n| n == namespace) && !is_somebodys && !SYSTEM_NAMESPACES.contains(&namespace);
    if is_the_providers || is_shared {
        return Ok(());
    }
    Err(format!(
        "{} may not use Secret {namespace}/{}: it must be in a project of {provider}, which provides the service, or in a \
         namespace that the GovernmentCloud lists in exemptNamespaces. Move the Secret, or ask a cloud operator to list the namespace.",
        service.name_any(),
        reference.name,
    ))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[rstest]
    #[case::where_services_run("shared-streaming", true)]
    #[case::the_operators("govcloud-system", true)]
    #[case::a_project_of_the_provider("land--registry", true)]
    #[case::a_project_of_another("tax--analytics", false)]
    #[case::one_whose_name_begins_alike("land-2--registry", false)]
    #[case::the_providers_home("agency-land", false)]
    #[case::the_home_of_another("agency-tax", false)]
    #[case::an_agencys_even_if_listed("tax--lake", false)]
    #[case::the_clusters_own("kube-system", false)]
    #[case::any_other("default", false)]
    #[case::none("", false)]
    fn a_secret_is_where_its_provider_may_see_it(#[case] namespace: &str, #[case] is: bool) {
        let spec = json!({"displayName": "E-land", "provider": "land", "processingClass": "land-registry", "plans": [{"name": "all"}],
            "capacity": {}, "binding": {"type": "http"}});
        let service = SharedService::new("e-land", serde_json::from_value(spec).expect("valid"));
        let reference = SecretReference { namespace: namespace.into(), name: "key".into() };
        let exempt = ["govcloud-system", "kube-system", "shared-streaming", "tax--lake"].map(str::to_owned);
        let allowed = credentials_allowed(&service, &exempt, &reference);
        assert_eq!(allowed.is_ok(), is, "{allowed:?}");
        assert!(allowed.err().is_none_or(|why| why.contains("exemptNamespaces") && why.contains("land")));
    }
}
