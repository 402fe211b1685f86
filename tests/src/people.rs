//! The personas of the story, each with a credential of its own.

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

/// Everybody.
pub fn all() -> Vec<Persona> {
    let group = |name: &str, user: &str, groups: &[&str]| Persona::new(name, user).in_groups(groups.iter().copied());
    let account = |name: &str, namespace: &str, account: &str| {
        let groups = ["system:serviceaccounts".to_owned(), format!("system:serviceaccounts:{namespace}")];
        Persona::new(name, format!("system:serviceaccount:{namespace}:{account}")).in_groups(groups)
    };
    vec![
        account(OPERATOR, "govcloud-system", "govcloud-operator"),
        account(STRIMZI, "strimzi", "strimzi-cluster-operator"),
        group(CLOUD_OPERATOR, "operator@ito", &["govcloud:cloud-operators"]),
        group(TAX_ADMIN, "admin@tax", &["tax:admins"]),
        group(TAX_REQUESTER, "requester@tax", &["tax:staff"]),
        group(TAX_DEVELOPER, "developer@tax", &["tax:developers"]),
        group(CUSTOMS_ADMIN, "admin@customs", &["customs:admins"]),
        group(CUSTOMS_REQUESTER, "requester@customs", &["customs:staff"]),
        group(CUSTOMS_DEVELOPER, "developer@customs", &["customs:developers"]),
        group(REVIEWER_1, "reviewer-1@ministry", &["ministry:reviewers"]),
        group(REVIEWER_2, "reviewer-2@ministry", &["ministry:reviewers"]),
        group(SECURITY_REVIEWER, "reviewer@smc", &["security:smc"]),
        group(AUDITOR, "auditor@court", &["govcloud:auditors"]),
    ]
}
