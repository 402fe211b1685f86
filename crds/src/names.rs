//! Names, labels and annotations: one place for every string that two components must agree on.

/// The API group of all kinds.
pub const GROUP: &str = "govcloud.dev";
/// The version of all kinds.
pub const VERSION: &str = "v1alpha1";
/// `apiVersion` of all kinds.
pub const API_VERSION: &str = "govcloud.dev/v1alpha1";

/// The one [`GovernmentCloud`](crate::GovernmentCloud) of a cluster.
pub const CLOUD_NAME: &str = "national";
/// The one [`ProcessingGrant`](crate::ProcessingGrant) of a project namespace.
pub const GRANT_NAME: &str = "slots";
/// The ResourceQuota, the LimitRange and the NetworkPolicy that the operator keeps in a project namespace.
pub const QUOTA_NAME: &str = "govcloud";
/// The namespace the operator runs in, unless it is told otherwise.
pub const SYSTEM_NAMESPACE: &str = "govcloud-system";
/// The operator's ServiceAccount, unless it is told otherwise.
pub const OPERATOR_SERVICE_ACCOUNT: &str = "govcloud-operator";

/// Label: the agency that a namespace or object belongs to.
pub const LABEL_AGENCY: &str = "govcloud.dev/agency";
/// Label: the project that a namespace is. The admission policies bind on it.
pub const LABEL_PROJECT: &str = "govcloud.dev/project";
/// Label: the namespace is an agency's home, which holds paperwork and runs nothing.
pub const LABEL_HOME: &str = "govcloud.dev/home";
/// Label on a project namespace: how slots bind in it (`Deny`, `Warn` or `Audit`).
pub const LABEL_ENFORCEMENT: &str = "govcloud.dev/enforcement";
/// Label on a project namespace: the CapacityPool whose nodes its pods run on. The placement policies bind on it.
pub const LABEL_POOL: &str = "govcloud.dev/pool";
/// Label that a workload which runs processing software must carry; stage two of admission selects it.
pub const LABEL_PROCESSING: &str = "govcloud.dev/processing";
/// Label that a provider's Secret must carry before its entries are copied into bindings.
pub const LABEL_BINDABLE: &str = "govcloud.dev/bindable";
/// Label on a ServiceClaim that an agency has by entitlement: the operator makes it in the agency's home, and binds it in each project.
pub const LABEL_ENTITLED: &str = "govcloud.dev/entitled";
/// Label on everything that the operator owns entirely.
pub const LABEL_MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// Value of [`LABEL_MANAGED_BY`].
pub const MANAGED_BY: &str = "govcloud";
/// Annotation on an admission policy, a binding or a role that the operator makes: the fingerprint of its content as it was made.
pub const ANNOTATION_MADE: &str = "govcloud.dev/made";
/// Annotation: the uid of the Agency or Project that a namespace was made for.
pub const ANNOTATION_OWNER_UID: &str = "govcloud.dev/owner-uid";
/// Annotation of a project's namespace: the registries that its images may come from, separated by spaces; empty means any.
pub const ANNOTATION_REGISTRIES: &str = "govcloud.dev/registries";
/// On a project's namespace if [`ANNOTATION_REGISTRIES`] lists any: where it is missing, images come from anywhere.
pub const LABEL_REGISTRIES: &str = "govcloud.dev/registries";
/// Annotation on a project's ResourceQuota: the operation of the ledger that it was last written for.
pub const ANNOTATION_OPERATION: &str = "govcloud.dev/ledger-operation";
/// Annotation of a project's ResourceQuota: the uid of the namespace that it was written for. One of the same name may have been
/// there before.
pub const ANNOTATION_NAMESPACE_UID: &str = "govcloud.dev/namespace-uid";
/// Annotation on a binding's Secret: for which claim and rotation a provisioner made its entries, and which they are.
pub const ANNOTATION_PROVISIONED: &str = "govcloud.dev/provisioned";
/// Label on the parts of a binding in another namespace than the claim's, which cannot own them: the claim's uid.
pub const LABEL_CLAIM: &str = "govcloud.dev/claim";
/// Annotation that must repeat an object's name before a protected object may be deleted by hand.
pub const ANNOTATION_CONFIRM_DELETION: &str = "govcloud.dev/confirm-deletion";
/// Finalizer of everything that owns objects outside its own scope.
pub const FINALIZER: &str = "govcloud.dev/cleanup";

/// Namespaces that run the cluster itself; slots never bind there.
pub const SYSTEM_NAMESPACES: [&str; 3] = ["kube-system", "kube-public", "kube-node-lease"];

/// Separates agency and project in a namespace's name; forbidden inside either.
pub const SEPARATOR: &str = "--";
const HOME_PREFIX: &str = "agency-";

/// The namespace of an agency's paperwork.
///
/// ```
/// assert_eq!(govcloud_crds::names::home_namespace("tax"), "agency-tax");
/// ```
pub fn home_namespace(agency: &str) -> String {
    format!("{HOME_PREFIX}{agency}")
}

/// The agency whose home a namespace is by its name, or `None`.
pub fn agency_of_home(namespace: &str) -> Option<&str> {
    namespace.strip_prefix(HOME_PREFIX).filter(|agency| !agency.is_empty() && !agency.contains(SEPARATOR))
}

/// The namespace of a project.
///
/// ```
/// assert_eq!(govcloud_crds::names::project_namespace("tax", "analytics"), "tax--analytics");
/// ```
pub fn project_namespace(agency: &str, project: &str) -> String {
    format!("{agency}{SEPARATOR}{project}")
}

/// Agency and project of a project namespace by its name, or `None`.
///
/// ```
/// use govcloud_crds::names::split_project_namespace;
/// assert_eq!(split_project_namespace("tax--analytics"), Some(("tax", "analytics")));
/// assert_eq!(split_project_namespace("default"), None);
/// ```
pub fn split_project_namespace(namespace: &str) -> Option<(&str, &str)> {
    let (agency, project) = namespace.split_once(SEPARATOR)?;
    (!agency.is_empty() && !project.is_empty() && !project.contains(SEPARATOR)).then_some((agency, project))
}

/// The value of [`LABEL_POOL`] for a pool, or `None` if no CapacityPool can have this name: then no label would take it
/// either.
///
/// ```
/// use govcloud_crds::names::pool_label;
/// assert_eq!(pool_label("gpu-1.tehran"), Some("gpu-1.tehran"));
/// assert_eq!(pool_label("Any pool!"), None);
/// ```
pub fn pool_label(pool: &str) -> Option<&str> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let fits = pool.len() <= 63 && pool.starts_with(plain) && pool.ends_with(plain);
    (fits && pool.chars().all(|c| plain(c) || c == '-' || c == '.')).then_some(pool)
}

/// The key of a resource in a [`ProcessingGrant`](crate::ProcessingGrant): `<resource>.<group>`, `core` for the core group.
///
/// ```
/// use govcloud_crds::names::resource_key;
/// assert_eq!(resource_key("apps", "deployments"), "deployments.apps");
/// assert_eq!(resource_key("", "pods"), "pods.core");
/// ```
pub fn resource_key(group: &str, resource: &str) -> String {
    format!("{resource}.{}", if group.is_empty() { "core" } else { group })
}

/// `system:serviceaccount:<namespace>:<name>`, as the API server names a service account.
pub fn service_account_user(namespace: &str, name: &str) -> String {
    format!("system:serviceaccount:{namespace}:{name}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("tax", "a", Some(("tax", "a")))]
    #[case("land-agency", "e-land", Some(("land-agency", "e-land")))]
    fn a_project_namespace_can_be_read_back(#[case] agency: &str, #[case] project: &str, #[case] read: Option<(&str, &str)>) {
        assert_eq!(split_project_namespace(&project_namespace(agency, project)), read);
    }

    #[rstest]
    #[case("a--b--c")]
    #[case("--b")]
    #[case("a--")]
    #[case("plain")]
    fn other_namespaces_are_no_projects(#[case] namespace: &str) {
        assert_eq!(split_project_namespace(namespace), None);
    }

    #[test]
    fn a_home_can_be_read_back_and_is_no_project() {
        assert_eq!(agency_of_home(&home_namespace("tax")), Some("tax"));
        assert_eq!(agency_of_home("agency-"), None);
        assert_eq!(agency_of_home("tax--a"), None);
    }
}
