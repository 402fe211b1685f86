//! CEL over what a workload asks for: above the national thresholds it is processing infrastructure, whatever it runs.
//!
//! An image can be renamed; what a pod asks for cannot be hidden from the scheduler. The same rule in Rust is
//! `govcloud_crds::class::compute::above`.

use govcloud_crds::class::compute::{COMPUTE, STORAGE, Threshold, in_words};

use super::{WHAT_TO_DO, shape::replicas_of};
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
    /// CEL: how much all replicas of `object`, whose pod is `variables.{pod}`, ask for: a number per threshold.
    pub(super) fn asked(&self, object: &str, pod: &str) -> String {
        let replicas = replicas_of(object);
        let all = self.0.iter().map(|threshold| format!("double({replicas}) * {}", of_pod(threshold, object, pod)));
        format!("[{}]", all.collect::<Vec<_>>().join(", "))
    }

    /// CEL: whether `variables.{asked}` is above a threshold.
    pub(super) fn above(&self, asked: &str) -> String {
        let above = self.0.iter().enumerate().map(|(n, threshold)| format!("variables.{asked}[{n}] > {}", amount(threshold)));
        or_false(&above.collect::<Vec<_>>())
    }

    /// CEL: whether what is above the thresholds asks for no more than before.
    pub(super) fn kept(&self) -> Option<String> {
        let each = (0..self.0.len()).map(|n| format!("variables.asked[{n}] <= variables.askedBefore[{n}]"));
        let each: Vec<_> = each.collect();
        (!each.is_empty()).then(|| format!("(!variables.large || ({}))", each.join(" && ")))
    }

    /// CEL: whether the slot `s` is of class `compute` and allows each replica what it asks for.
    pub(super) fn fits_in_slot(&self) -> String {
        let fits = self.0.iter().map(|threshold| {
            let dimension = literal(threshold.dimension);
            let allowed = format!(
                "(has(s.perReplica) && {dimension} in s.perReplica ? quantity(string(s.perReplica[{dimension}])).asApproximateFloat() : 0.0)"
            );
            format!(" && {} <= {allowed}", of_pod(threshold, "object", "pod"))
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
}

/// A claim on storage that nobody's StatefulSet describes cannot be named by a permit, and is no larger than a workload may be.
pub(super) fn claims(thresholds: &[Threshold]) -> Option<Policy> {
    let threshold = thresholds.iter().find(|threshold| threshold.resource == STORAGE)?;
    let more = format!("{} > {}", of(threshold, "object.spec"), amount(threshold));
    let grows =
        format!("request.operation == 'CREATE' || {} > {}", of(threshold, "object.spec"), of(threshold, "oldObject.spec"));
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

fn or_false(terms: &[String]) -> String {
    if terms.is_empty() { "false".to_owned() } else { terms.join(" || ") }
}

fn amount(threshold: &Threshold) -> String {
    format!("quantity({}).asApproximateFloat()", literal(&threshold.most.to_string()))
}

/// CEL: what one pod asks for: what it says of itself, or else what its containers take at a time.
fn of_pod(threshold: &Threshold, object: &str, pod: &str) -> String {
    let pod = format!("variables.{pod}");
    if threshold.resource == STORAGE {
        return claimed(threshold, object, &pod);
    }
    let sum = |field: &str, which: &str| {
        format!("(has({pod}.{field}) ? {pod}.{field}.filter(c, {which}).map(c, {}).sum() : 0.0)", of(threshold, "c"))
    };
    let most = |field: &str, which: &str| {
        format!("(has({pod}.{field}) ? ([0.0] + {pod}.{field}.filter(c, {which}).map(c, {})).max() : 0.0)", of(threshold, "c"))
    };
    let sidecar = "has(c.restartPolicy) && c.restartPolicy == 'Always'";
    let beside = format!("{} + {}", sum("initContainers", sidecar), sum("ephemeralContainers", "true"));
    let peak =
        format!("({beside} + [{}, {}].max())", sum("containers", "true"), most("initContainers", &format!("!({sidecar})")));
    let said = ["requests", "limits"].into_iter().filter(|list| *list == threshold.list || *list == "limits");
    let said = said.map(|list| has(&pod, list, threshold)).collect::<Vec<_>>().join(" || ");
    format!("(({said}) ? {} : {peak})", of(threshold, &pod))
}

/// CEL: what is claimed for each pod: by a StatefulSet, and by volumes that live as long as the pod.
fn claimed(threshold: &Threshold, object: &str, pod: &str) -> String {
    let claims = format!("dyn({object}).spec.volumeClaimTemplates");
    format!(
        "(({object}.kind == 'StatefulSet' && has({claims}) ? {claims}.map(c, {}).sum() : 0.0) + (has({pod}.volumes) ? {pod}.volumes.filter(v, has(v.ephemeral) && has(v.ephemeral.volumeClaimTemplate)).map(v, {}).sum() : 0.0))",
        of(threshold, "c.spec"),
        of(threshold, "v.ephemeral.volumeClaimTemplate.spec")
    )
}

/// CEL of what a pod, a container or a claim asks for. A request that is not there is as large as the limit.
fn of(threshold: &Threshold, asks: &str) -> String {
    let read = |list: &str| {
        let amount = format!("{asks}.resources.{list}[{}]", literal(&threshold.resource));
        format!("{} ? quantity(string({amount})).asApproximateFloat() : ", has(asks, list, threshold))
    };
    let first = if threshold.list == "requests" { read("requests") } else { String::new() };
    format!("({first}{}0.0)", read("limits"))
}

fn has(asks: &str, list: &str, threshold: &Threshold) -> String {
    let resource = literal(&threshold.resource);
    format!("(has({asks}.resources) && has({asks}.resources.{list}) && {resource} in {asks}.resources.{list})")
}
