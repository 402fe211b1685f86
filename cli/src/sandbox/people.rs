//! The personas of the sandbox and of the tests, each with a credential, and so a kubeconfig context, of its own.

use govcloud_controlplane::Persona;

/// The operator's own identity: a ServiceAccount, nothing more.
pub const OPERATOR: &str = "operator";
/// Runs the cloud.
pub const CLOUD_OPERATOR: &str = "cloud-operator";
/// Leads the tax administration's part.
pub const TAX_ADMIN: &str = "tax-admin";
/// Asks for permits at the tax administration.
pub const TAX_REQUESTER: &str = "tax-requester";
/// Runs workloads at the tax administration.
pub const TAX_DEVELOPER: &str = "tax-developer";
/// Leads customs' part.
pub const CUSTOMS_ADMIN: &str = "customs-admin";
/// Asks for permits at customs.
pub const CUSTOMS_REQUESTER: &str = "customs-requester";
/// Runs workloads at customs.
pub const CUSTOMS_DEVELOPER: &str = "customs-developer";
/// Reviews for the ministry.
pub const REVIEWER_1: &str = "reviewer-1";
/// Reviews for the ministry too.
pub const REVIEWER_2: &str = "reviewer-2";
/// Reviews for the Strategic Management Center.
pub const SECURITY_REVIEWER: &str = "security-reviewer";
/// Reads.
pub const AUDITOR: &str = "auditor";
/// An operator of another project, which makes pods under its own account.
pub const STRIMZI: &str = "strimzi";
/// The cluster's administrator.
pub const ADMIN: &str = govcloud_controlplane::ADMIN;

/// Everybody, without the administrator, whom every control plane has.
pub fn all() -> Vec<Persona> {
    let person = |name: &str, user: &str, group: &str| Persona::new(name, user).in_groups([group]);
    vec![
        account(OPERATOR, "govcloud-system", "govcloud-operator"),
        account(STRIMZI, "strimzi", "strimzi-cluster-operator"),
        person(CLOUD_OPERATOR, "operator@ito", "govcloud:cloud-operators"),
        person(TAX_ADMIN, "admin@tax", "tax:admins"),
        person(TAX_REQUESTER, "requester@tax", "tax:staff"),
        person(TAX_DEVELOPER, "developer@tax", "tax:developers"),
        person(CUSTOMS_ADMIN, "admin@customs", "customs:admins"),
        person(CUSTOMS_REQUESTER, "requester@customs", "customs:staff"),
        person(CUSTOMS_DEVELOPER, "developer@customs", "customs:developers"),
        person(REVIEWER_1, "reviewer-1@ministry", "ministry:reviewers"),
        person(REVIEWER_2, "reviewer-2@ministry", "ministry:reviewers"),
        person(SECURITY_REVIEWER, "reviewer@smc", "security:smc"),
        person(AUDITOR, "auditor@court", "govcloud:auditors"),
    ]
}

/// Everybody, with the namespace that they work in.
pub fn at_work() -> Vec<Persona> {
    all()
        .into_iter()
        .map(|persona| match workplace(&persona.name) {
            Some(namespace) => persona.in_namespace(namespace),
            None => persona,
        })
        .collect()
}

fn workplace(name: &str) -> Option<&'static str> {
    match name {
        TAX_ADMIN | TAX_REQUESTER => Some("agency-tax-administration"),
        TAX_DEVELOPER => Some("tax-administration--analytics"),
        CUSTOMS_ADMIN | CUSTOMS_REQUESTER => Some("agency-customs"),
        CUSTOMS_DEVELOPER => Some("customs--border"),
        _ => None,
    }
}

/// A ServiceAccount, as the API server would know it by its token.
fn account(name: &str, namespace: &str, account: &str) -> Persona {
    let groups = ["system:serviceaccounts".to_owned(), format!("system:serviceaccounts:{namespace}")];
    Persona::new(name, format!("system:serviceaccount:{namespace}:{account}")).in_groups(groups)
}
