//! How long a pod that was told to end may run on.
//!
//! Its successor starts at once, under the same permit, so a long farewell is a second size. The software need not heed the
//! signal to end; what ends it is the kubelet, when the grace period is over. A developer sets that in the pod's template, and
//! in the deletion or eviction of a pod.

use super::Images;
use crate::enforcement::{
    cel::sentence,
    policy::{Check, Policy, Rule, Scope},
};

/// In seconds: an hour. Databases are given half of it to flush by the operators that run them.
const LONGEST: i64 = 3600;
const ENDS: &str = " ends within an hour of being told to, because its successor starts at once";

/// A pod, or what describes one, gives processing software no longer; what ran before may keep what it had.
pub(super) fn described(subject: &str) -> Check {
    let grace = |pod: &str| {
        let seconds = format!("variables.{pod}.terminationGracePeriodSeconds");
        format!("(has({seconds}) ? int({seconds}) : 30)")
    };
    let (now, before) = (grace("pod"), grace("oldPod"));
    Check::explained(
        format!(
            "!variables.runs || variables.byCluster || {now} <= {LONGEST} || (request.operation == 'UPDATE' && {now} <= {before})"
        ),
        sentence(subject, &format!("{ENDS}; set terminationGracePeriodSeconds to at most {LONGEST}")),
    )
}

/// Neither does who deletes or evicts a pod. An eviction does not show what runs, so it is the same for all pods of a project.
pub(super) fn given(images: &Images) -> Policy {
    let evicts = "request.operation == 'CREATE'";
    let long = |options: &str| {
        format!(
            "(has({options}) && {options} != null && has({options}.gracePeriodSeconds) && {options}.gracePeriodSeconds > {LONGEST})"
        )
    };
    let variables = vec![("pod".to_owned(), format!("{evicts} ? dyn({{}}) : dyn(oldObject.spec)"))];
    let check = Check::explained(
        format!("!({evicts}) && !({})", images.run_by("variables.pod")),
        sentence("'pod ' + request.name", &format!("{ENDS}; give it a gracePeriodSeconds of at most {LONGEST}")),
    );
    let rules = vec![Rule::version("", "v1", ["pods"], &["DELETE"]), Rule::version("", "v1", ["pods/eviction"], &["CREATE"])];
    // Almost always false, so that an ordinary deletion pays for no more than that.
    let is_long = format!("{evicts} ? {} : {}", long("object.deleteOptions"), long("request.options"));
    let conditions = vec![("long", is_long)];
    Policy { conditions, variables, ..Policy::new("govcloud-workload-grace", Scope::Projects, rules, vec![check]) }
}
