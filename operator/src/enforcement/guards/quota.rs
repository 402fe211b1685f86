//! Nothing that a quota counts is made before the quota counts.
//!
//! Kubernetes' own admission holds a request to `status.hard` of the namespace's ResourceQuotas, and lets everything pass
//! that is not in it. The quota controller fills it in after a quota was written, in a moment or, under load, in many. Until
//! then a namespace would be without any limit.

use super::projects;
use crate::enforcement::policy::{Check, Policy, Reads, Rule, Scope};

const WAIT: &str = "the quota of this project is not in force yet: Kubernetes takes note of it within seconds of a change. Try again; if that does not help, a cloud operator looks at the ResourceQuota govcloud and at kube-controller-manager";

/// What uses capacity waits until the quota that the operator wrote is in force, key by key.
///
/// The policy reads the quota from the cache that the API server's own quota admission uses afterwards, so what is seen in
/// force here is in force there.
pub(super) fn in_force() -> Policy {
    let rules = vec![
        Rule::version("", "v1", ["pods", "persistentvolumeclaims", "services"], &["CREATE"]),
        Rule::any_version("resource.k8s.io", ["resourceclaims"], &["CREATE"]),
    ];
    let counts = "has(params.spec.hard) && has(params.status) && has(params.status.hard) && params.spec.hard.all(key, key in params.status.hard)";
    let policy =
        Policy::new("govcloud-guard-quota-in-force", Scope::Namespaces(projects()), rules, vec![Check::fixed(counts, WAIT)]);
    Policy { reads: Reads::Quota, ..policy }
}
