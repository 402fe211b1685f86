//! What is not used. `docs/utilisation.md` says the same in words.
//!
//! Over the window *W*, for an object of a class with the pods *P* that are counted at it:
//!
//! ```text
//!              CPU seconds of P in W  +  CPU seconds in W that cannot be told to be another's
//!   share  =  ───────────────────────────────────────────────────────────────────────────────
//!                               W  ×  CPU requested by P
//! ```
//!
//! What cannot be told to be another's is what pods of the same namespace used that are gone, or whose owner is not known. It may have
//! been this object's, so the share is never less than the true one: infrastructure that was used is not called idle.

use std::collections::{BTreeMap, HashMap};

use jiff::{SignedDuration, Timestamp};

use super::{
    FindingRule, ProcessingFindingSpec,
    observed::{Classified, Observed},
    owners::{Counted, Owners},
    part::{Part, Requests},
    rules::{Catalogue, Project, allowance, found, moves_to, offers},
};
use crate::Quantity;

/// Of the time in which a pod could be seen, this much must have been seen.
const SEEN: f64 = 0.9;

/// What the metrics say about one pod over the window.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Use {
    /// Seconds of CPU.
    pub cpu_seconds: f64,
    /// For how many seconds there are samples.
    pub seen_seconds: f64,
    /// Bytes of memory in the mean, if there is such a metric.
    pub memory: Option<f64>,
}

/// What the metrics say about all pods.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// Up to when.
    pub until: Timestamp,
    /// Over how long.
    pub window: SignedDuration,
    /// How exactly time is known.
    pub step: SignedDuration,
    /// By namespace and name.
    pub pods: BTreeMap<(String, String), Use>,
}

/// How much of what an object requests is used.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Share {
    /// Of the CPU, at most; 1 is all.
    pub cpu: f64,
    /// Of the CPU, at least: what its own pods used that are there.
    pub at_least: f64,
    /// Of the memory, in the mean, if that is known.
    pub memory: Option<f64>,
    /// The CPU that its pods request.
    pub requested: Quantity,
    /// How many pods.
    pub pods: usize,
}

impl Share {
    /// Whether less than `threshold` percent is used; `None` if that depends on whose use it was that nobody can be told to have made.
    pub fn is_idle(&self, threshold: i32) -> Option<bool> {
        let threshold = f64::from(threshold);
        let (most, least) = (self.cpu * 100.0 < threshold, self.at_least * 100.0 < threshold);
        (most == least).then_some(most)
    }
}

/// What is known about the use of an object.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Usage {
    /// This much.
    Known(Share),
    /// It is there for less than the window.
    Young,
    /// Nothing that anything could be concluded from.
    Unknown,
}

/// What is summed up for an object.
#[derive(Debug, Default)]
struct Sum {
    cpu: Quantity,
    memory: Quantity,
    cpu_seconds: f64,
    memory_used: Option<f64>,
    pods: usize,
    is_unknown: bool,
}

/// The use of every object of a class.
pub struct Used<'a> {
    answer: &'a Answer,
    sums: HashMap<&'a str, Sum>,
    /// CPU seconds by namespace that cannot be told to be anybody's.
    of_nobody: HashMap<&'a str, f64>,
}

impl<'a> Used<'a> {
    /// Counts each pod where it belongs.
    pub fn new(answer: &'a Answer, owners: &Owners<'a>, parts: impl IntoIterator<Item = &'a Part>) -> Self {
        let parts: HashMap<&str, &Part> = parts.into_iter().map(|part| (part.uid.as_str(), part)).collect();
        let mut used = Self { answer, sums: HashMap::new(), of_nobody: HashMap::new() };
        let mut gone: HashMap<(&str, &str), f64> =
            answer.pods.iter().map(|((namespace, pod), used)| ((namespace.as_str(), pod.as_str()), used.cpu_seconds)).collect();
        for (part, requests) in parts.values().filter_map(|part| Some((*part, part.pod.as_ref()?))) {
            match owners.counted_of(part, &parts) {
                Counted::Unknown => continue,
                Counted::At(one) => used.add(one, part, requests),
                Counted::Nowhere => {}
            }
            gone.remove(&(part.namespace.as_str(), part.name.as_str()));
        }
        for ((namespace, _), seconds) in gone {
            *used.of_nobody.entry(namespace).or_default() += seconds;
        }
        used
    }

    fn add(&mut self, one: &'a Observed, pod: &Part, requests: &Requests) {
        let sum = self.sums.entry(one.uid.as_str()).or_insert_with(|| Sum { memory_used: Some(0.0), ..Sum::default() });
        sum.cpu = sum.cpu.saturating_add(requests.cpu);
        sum.memory = sum.memory.saturating_add(requests.memory);
        sum.pods += 1;
        let used = self.answer.pods.get(&(pod.namespace.clone(), pod.name.clone()));
        let Some(used) = used.filter(|used| is_seen(used, requests, self.answer)) else {
            sum.is_unknown = true;
            return;
        };
        sum.cpu_seconds += used.cpu_seconds;
        sum.memory_used = sum.memory_used.zip(used.memory).map(|(sum, one)| sum + one);
        // Devices may be busy while the processor waits for them.
        sum.is_unknown |= requests.devices;
    }

    /// What is known about the use of an object that is not counted at another.
    pub fn of(&self, one: &Observed) -> Usage {
        let Some(created) = one.created else { return Usage::Unknown };
        if self.answer.until.duration_since(created) < self.answer.window {
            return Usage::Young;
        }
        let sum = self.sums.get(one.uid.as_str()).filter(|sum| !sum.is_unknown && !sum.cpu.is_zero_or_less());
        let Some(sum) = sum else { return Usage::Unknown };
        let of_nobody = self.of_nobody.get(one.object.namespace.as_str()).copied().unwrap_or_default();
        let all = self.answer.window.as_secs_f64() * sum.cpu.as_f64();
        let memory = sum.memory_used.filter(|_| !sum.memory.is_zero_or_less()).map(|used| used / sum.memory.as_f64());
        Usage::Known(Share {
            cpu: (sum.cpu_seconds + of_nobody) / all,
            at_least: sum.cpu_seconds / all,
            memory,
            requested: sum.cpu,
            pods: sum.pods,
        })
    }
}

/// Whether a pod was seen for about as long as it was there.
fn is_seen(used: &Use, requests: &Requests, answer: &Answer) -> bool {
    let age = requests.created.map_or(answer.window, |created| answer.until.duration_since(created));
    let there = age.min(answer.window).as_secs_f64();
    // The first and the last step may be missing of what was there all the time.
    used.seen_seconds + 2.0 * answer.step.as_secs_f64() >= SEEN * there
}

/// The finding about an object that is idle: less than `threshold` percent of the CPU was used.
pub fn idle(
    one: &Observed,
    classified: &Classified,
    share: &Share,
    (threshold, window): (i32, &str),
    place: (Option<Project<'_>>, &Catalogue<'_>),
    now: Timestamp,
) -> ProcessingFindingSpec {
    let (project, catalogue) = place;
    let permit = project.and_then(|project| allowance(one, classified, &project)).map(|allowance| allowance.permit);
    let alternatives = project.map(|project| offers(classified, &project, catalogue, now)).unwrap_or_default();
    let instead = alternatives.first().map(|offer| moves_to(offer)).unwrap_or_default();
    let what_to_do = match permit {
        Some(permit) => format!(
            "Make it smaller (govcloud permit amend {permit}), or remove it and give the permit back (govcloud permit withdraw {permit}){instead}"
        ),
        None => format!("Make it smaller, or remove it{instead}"),
    };
    let message = format!("{}; below {threshold} % counts as idle. {what_to_do}.", in_words(share, window));
    ProcessingFindingSpec {
        processing_class: Some(classified.class.clone()),
        capacity: classified.size.as_ref().map(|size| size.total().without_zeros()).unwrap_or_default(),
        alternatives,
        ..found(FindingRule::Idle, &one.object, message)
    }
}

/// Rounded up, and coarsely, so that a finding is not written anew whenever somebody asks.
fn in_words(share: &Share, window: &str) -> String {
    let cpu = rounded_up(share.cpu, 1);
    let pods = if share.pods == 1 { "its pod requests".to_owned() } else { format!("its {} pods request", share.pods) };
    let memory = share.memory.map(|memory| format!(", and in the mean at most {} % of the memory", rounded_up(memory, 10)));
    format!(
        "In the last {window} it used at most {cpu} % of the {} CPU that {pods}{}",
        share.requested,
        memory.unwrap_or_default()
    )
}

/// Percent, rounded up to a multiple of `to`.
#[allow(clippy::cast_possible_truncation, reason = "a float becomes the nearest integer there is")]
fn rounded_up(share: f64, to: i64) -> i64 {
    // What is a billionth above a whole percent is an error of addition.
    let percent = (share * 100.0 - 1e-7).ceil().clamp(0.0, 1e9) as i64;
    percent.max(1).saturating_add(to - 1) / to * to
}

#[cfg(test)]
#[path = "idle_tests.rs"]
mod tests;
