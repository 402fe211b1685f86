//! CEL over what a workload asks for: above the national thresholds it is processing infrastructure, whatever it runs.
//!
//! An image can be renamed; what a pod asks for cannot be hidden from the scheduler. The same rule in Rust is
//! `govcloud_crds::class::compute::above`.

use govcloud_crds::class::compute::{COMPUTE, STORAGE, Threshold, in_words};

use super::WHAT_TO_DO;
use crate::enforcement::{
    cel::{list, literal, sentence},
    policy::{Check, Policy, Rule, Scope},
};

/// The cluster's own controllers that make the claims which a workload describes.
const CLAIMERS: [&str; 2] =
    ["system:serviceaccount:kube-system:statefulset-controller", "system:serviceaccount:kube-system:ephemeral-volume-controller"];

/// The national thresholds; there may be none.
pub(super) struct Large(pub(super) Vec<Threshold>);

impl Large {
    /// CEL: how much one pod of `object`, whose spec `pod` gives, asks for: a number per threshold.
    ///
    /// One expression for all resources that containers ask for, over a list of their names: written out for each, it was most
    /// of all policies together, and the cluster checks every part of it again for each kind of workload.
    pub(super) fn per_pod(&self, object: &str, pod: &str) -> String {
        let one = |threshold: &Threshold| format!("[{}, {}]", literal(threshold.list), literal(&threshold.resource));
        let of_containers = self.of_containers().map(one).collect::<Vec<_>>().join(", ");
        let claimed = self.of_claims().map(|_| claimed(object, pod)).collect::<Vec<_>>().join(", ");
        match (of_containers.is_empty(), claimed.is_empty()) {
            (true, _) => format!("[{claimed}]"),
            (false, true) => format!("[{of_containers}].map(t, {})", of_pod(pod)),
            (false, false) => format!("[{of_containers}].map(t, {}) + [{claimed}]", of_pod(pod)),
        }
    }

    /// CEL: whether `replicas` pods that ask for `per_pod` each are above a threshold together.
    pub(super) fn above(&self, per_pod: &str, replicas: &str) -> String {
        let above = self
            .in_order()
            .enumerate()
            .map(|(n, threshold)| format!("double({replicas}) * {per_pod}[{n}] > {}", amount(threshold)));
        let above: Vec<_> = above.collect();
        if above.is_empty() { "false".to_owned() } else { above.join(" || ") }
    }

    /// CEL: whether what is above the thresholds asks for no more than before.
    pub(super) fn kept(&self) -> Option<String> {
        let all = |list: &str, replicas: &str, n: usize| format!("double(variables.{replicas}) * variables.{list}[{n}]");
        let each =
            (0..self.0.len()).map(|n| format!("{} <= {}", all("perPod", "workers", n), all("perPodBefore", "workersBefore", n)));
        let each: Vec<_> = each.collect();
        (!each.is_empty()).then(|| format!("(!variables.large || ({}))", each.join(" && ")))
    }

    /// CEL: whether the slot `s` is of class `compute` and allows each replica what it asks for.
    pub(super) fn fits_in_slot(&self) -> String {
        let fits = self.in_order().enumerate().map(|(n, threshold)| {
            let dimension = literal(threshold.dimension);
            format!(
                " && variables.perPod[{n}] <= (has(s.perReplica) && {dimension} in s.perReplica ? quantity(string(s.perReplica[{dimension}])).asApproximateFloat() : 0.0)"
            )
        });
        format!("(s.class == {}{})", literal(COMPUTE), fits.collect::<String>())
    }

    /// CEL of what makes a workload processing infrastructure, as the middle of a sentence.
    pub(super) fn what(&self) -> String {
        let software = literal(" runs processing software");
        if self.0.is_empty() {
            return software;
        }
        let large = sentence("''", &format!(" asks for more than one workload may ({})", in_words(&self.0)));
        format!("variables.software ? {software} : {large}")
    }

    /// What containers ask for, and then what is claimed: the order of the numbers.
    fn in_order(&self) -> impl Iterator<Item = &Threshold> {
        self.of_containers().chain(self.of_claims())
    }

    fn of_containers(&self) -> impl Iterator<Item = &Threshold> {
        self.0.iter().filter(|threshold| threshold.resource != STORAGE)
    }

    fn of_claims(&self) -> impl Iterator<Item = &Threshold> {
        self.0.iter().filter(|threshold| threshold.resource == STORAGE)
    }
}

/// A claim on storage that nobody's StatefulSet describes cannot be named by a permit, and is no larger than a workload may be.
pub(super) fn claims(thresholds: &[Threshold]) -> Option<Policy> {
    let threshold = thresholds.iter().find(|threshold| threshold.resource == STORAGE)?;
    let (now, before) = (or_none(&claims_of("object.spec")), or_none(&claims_of("oldObject.spec")));
    let more = format!("{now} > {}", amount(threshold));
    let grows = format!("request.operation == 'CREATE' || {now} > {before}");
    let made = format!("(request.operation == 'CREATE' && request.userInfo.username in {})", list(CLAIMERS));
    let words = format!(
        " asks for more than one workload may ({}); let a StatefulSet make it that a permit of class {COMPUTE} names. {WHAT_TO_DO}",
        in_words(std::slice::from_ref(threshold))
    );
    let subject = "'the claim ' + (has(object.metadata.name) ? object.metadata.name : '')";
    let check = Check::explained(format!("!({more}) || !({grows}) || {made}"), sentence(subject, &words));
    let rules = vec![Rule::version("", "v1", ["persistentvolumeclaims"], &["CREATE", "UPDATE"])];
    Some(Policy::new("govcloud-claims", Scope::Projects, rules, vec![check]))
}

fn amount(threshold: &Threshold) -> String {
    format!("quantity({}).asApproximateFloat()", literal(&threshold.most.to_string()))
}

/// CEL: what one pod asks for of `t`, a list's and a resource's name: what it says of itself, or else what its containers take
/// at a time.
fn of_pod(pod: &str) -> String {
    let asks = |field: &str, which: &str| {
        format!("(has({pod}.{field}) ? {pod}.{field}.filter(c, has(c.resources){which}).map(c, {}) : [])", or_none(&asked("c")))
    };
    let sidecar = "has(c.restartPolicy) && c.restartPolicy == 'Always'";
    let beside = format!("({} + {}).sum()", asks("initContainers", &format!(" && {sidecar}")), asks("ephemeralContainers", ""));
    let first = asks("initContainers", &format!(" && !({sidecar})"));
    let peak = format!("({beside} + [{}.sum(), ([0.0] + {first}).max()].max())", asks("containers", ""));
    let whole = asked(pod);
    format!("(has({pod}.resources) && {whole}.hasValue() ? {} : {peak})", or_none(&whole))
}

/// CEL: what is claimed for each pod: by a StatefulSet, and by volumes that live as long as the pod.
fn claimed(object: &str, pod: &str) -> String {
    let claims = format!("dyn({object}).spec.volumeClaimTemplates");
    let storage = |claim: &str| or_none(&claims_of(claim));
    format!(
        "(({object}.kind == 'StatefulSet' && has({claims}) ? {claims}.map(c, {}).sum() : 0.0) + (has({pod}.volumes) ? {pod}.volumes.filter(v, has(v.ephemeral) && has(v.ephemeral.volumeClaimTemplate)).map(v, {}).sum() : 0.0))",
        storage("c.spec"),
        storage("v.ephemeral.volumeClaimTemplate.spec")
    )
}

/// CEL of what a pod or a container asks for of `t`, if it does. A request that is not there is as large as the limit.
fn asked(asks: &str) -> String {
    format!(
        "(t[0] == 'requests' ? dyn({asks}).resources.?requests[?t[1]].or(dyn({asks}).resources.?limits[?t[1]]) : dyn({asks}).resources.?limits[?t[1]])"
    )
}

/// CEL of the storage that a claim asks for, if it does.
fn claims_of(claim: &str) -> String {
    let list = |list: &str| format!("dyn({claim}).?resources.?{list}[?'{STORAGE}']");
    format!("{}.or({})", list("requests"), list("limits"))
}

/// CEL: an amount that may not be there, as a number.
fn or_none(amount: &str) -> String {
    format!("{amount}.optMap(q, quantity(string(q)).asApproximateFloat()).orValue(0.0)")
}
