//! CEL over the shape of a workload, whatever kind it is of.

use govcloud_crds::class::recognise::{WORKLOADS, WorkloadKind};

use crate::enforcement::cel::literal;

/// CEL of the pod's spec inside `object`, whatever kind of workload it is.
pub(in crate::enforcement) fn pod_of(object: &str) -> String {
    let empty = "dyn({})";
    let of = |w: &WorkloadKind| {
        let path = format!("{object}.{}", w.pod_spec);
        // A ReplicationController may lack its template; every other kind has all of the path.
        if w.kind == "ReplicationController" {
            format!("(has({object}.spec.template) ? dyn({path}) : {empty})")
        } else {
            format!("dyn({path})")
        }
    };
    by_kind(object, of, empty)
}

/// CEL of how many pods run at a time inside `object`.
pub(super) fn replicas_of(object: &str) -> String {
    let of = |w: &WorkloadKind| {
        w.replicas.map_or_else(|| "dyn(1)".to_owned(), |path| format!("(has({object}.{path}) ? dyn({object}.{path}) : dyn(1))"))
    };
    by_kind(object, of, "dyn(1)")
}

/// CEL: whether more pods than its replicas may run for as long as its owner likes: a rolling update that never ends, with
/// a surge beyond the usual quarter, or runs of a CronJob that do not wait for each other.
pub(super) fn overlaps(object: &str) -> String {
    let surge = format!("{object}.spec.strategy.rollingUpdate.maxSurge");
    let deployment = format!(
        "has({object}.spec.strategy) && has({object}.spec.strategy.rollingUpdate) && has({surge}) && (type(dyn({surge})) == int ? int(dyn({surge})) > ({object}.spec.replicas + 3) / 4 : int(string(dyn({surge})).replace('%', '')) > 25)"
    );
    let cron_job = format!("!has({object}.spec.concurrencyPolicy) || {object}.spec.concurrencyPolicy == 'Allow'");
    format!("({object}.kind == 'Deployment' ? ({deployment}) : ({object}.kind == 'CronJob' && ({cron_job})))")
}

fn by_kind(object: &str, of: impl Fn(&WorkloadKind) -> String, otherwise: &str) -> String {
    let case = |w: &WorkloadKind| format!("{object}.kind == {} ? {} : ", literal(w.kind), of(w));
    let cases: Vec<_> = WORKLOADS.iter().map(case).collect();
    format!("({}{otherwise})", cases.concat())
}
