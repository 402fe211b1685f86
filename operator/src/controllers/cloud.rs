//! `GovernmentCloud`: the national picture, and the record of enforcement.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError},
    time::Duration,
};

use govcloud_crds::{
    GovernmentCloud, ProcessingPermit,
    class::compute::{COMPUTE, in_words, thresholds},
    cloud::{GovernmentCloudStatus, Interruption},
    conditions::{Verdict, conditions, is_true},
    permit::Phase,
};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::{
    Api, ResourceExt,
    runtime::{controller::Action, reflector::ObjectRef},
};

use super::enforcement::EnforcementState;
use crate::{context::Context, error::Error, metrics::PhaseLabel, notify::all_due, stores::Stores};

/// How long an interruption that was put right is shown as one, so that whoever looks now and then sees it.
const SHOWN: Duration = Duration::from_secs(10);
/// How many interruptions are kept on record.
const KEPT: usize = 20;

/// Counts, and reports whether enforcement is intact.
pub async fn reconcile(cloud: Arc<GovernmentCloud>, context: Arc<Context>) -> Result<Action, Error> {
    let enforcement = context.enforcement.lock().unwrap_or_else(PoisonError::into_inner).clone();
    if !enforcement.is_known() {
        return Ok(Action::await_change()); // the end of the first pass asks for it
    }
    let before = cloud.status.clone().unwrap_or_default();
    let mut status = count(&context.stores, &before, context.now());
    status.observed_generation = cloud.metadata.generation;
    status.enforcement_digest = enforcement.enforced.clone().or(before.enforcement_digest.clone());
    status.interruptions = record(&before.interruptions, &enforcement);
    let ready = Verdict::yes("Ready", "Counted", "The figures are current.");
    let new = status.interruptions.first().filter(|last| !before.interruptions.contains(last)).cloned();
    let intact = intact(&enforcement, &status.interruptions, context.now());
    context.metrics.intact.set(i64::from(intact.holds == Some(true)));
    let look_again = (intact.reason == INTERRUPTED).then_some(SHOWN).into_iter().chain(next_word(&context)).min();
    let late = overdue(&context.stores);
    let due = all_due(&cloud, &context.stores.permits);
    context.metrics.notifications_due.set(i64::try_from(due).unwrap_or(i64::MAX));
    let announced = context.notices.lock().unwrap_or_else(PoisonError::into_inner).verdicts(&cloud, due);
    let verdicts: Vec<_> = [intact, ready, late]
        .into_iter()
        .chain(announced)
        .chain(thresholds_in_force(&cloud, &context.stores))
        .chain(context.scanner.used.verdict(&cloud))
        .collect();
    status.conditions = conditions(&before.conditions, &verdicts, cloud.metadata.generation, context.now());
    publish(&context, &status);
    let api: Api<GovernmentCloud> = Api::all(context.client.clone());
    context.write_status(&api, &*cloud, cloud.status.as_ref(), status, |object, status| object.status = Some(status)).await?;
    forget_recorded(&context, &enforcement);
    if let Some(interruption) = new {
        context.tell(&*cloud, true, INTERRUPTED, interrupted(&interruption)).await;
    }
    Ok(look_again.map_or_else(Action::await_change, Action::requeue))
}

/// Whether requests wait for longer than they may: the ministry is told, and nothing is decided by time.
fn overdue(stores: &Stores) -> Verdict {
    const KIND: &str = "Overdue";
    const NAMED: usize = 5;
    let late = stores.permits.state_filter(|permit| {
        let status = permit.status.as_ref().filter(|status| status.phase == Phase::UnderReview);
        status.is_some_and(|status| is_true(&status.conditions, KIND))
    });
    let mut numbers: Vec<_> = late.iter().filter_map(|permit| permit.status.as_ref()?.number.clone()).collect();
    if numbers.is_empty() {
        return Verdict::no(KIND, "InTime", "No request waits for longer than its class allows.");
    }
    numbers.sort();
    let more =
        numbers.len().checked_sub(NAMED).filter(|more| *more > 0).map(|more| format!(" and {more} more")).unwrap_or_default();
    let named = numbers[..numbers.len().min(NAMED)].join(", ");
    let message = format!("A decision is late on {named}{more}. Nothing is decided by time: govcloud review queue");
    Verdict::yes(KIND, "ReviewsLate", message)
}

/// Thresholds that admission cannot hold a workload against, or that nobody can get a permit for.
fn thresholds_in_force(cloud: &GovernmentCloud, stores: &Stores) -> Option<Verdict> {
    const KIND: &str = "ThresholdsInForce";
    let (known, unknown) = thresholds(Some(cloud));
    if !unknown.is_empty() {
        let message = format!(
            "{} limits nothing that a container asks for. Thresholds are cpu, memory or devices, such as requests.cpu, limits.memory or requests.nvidia.com/gpu.",
            unknown.join(", ")
        );
        return Some(Verdict::no(KIND, "UnknownKey", message));
    }
    if known.is_empty() {
        return None;
    }
    if stores.classes.get(&ObjectRef::new(COMPUTE)).is_none() {
        let message = format!("There is no class {COMPUTE}, so nobody can get a permit for what is above them; apply one.");
        return Some(Verdict::no(KIND, "NoComputeClass", message));
    }
    let message = format!("One workload above any of these needs a permit of class {COMPUTE}: {}.", in_words(&known));
    Some(Verdict::yes(KIND, "Enforced", message))
}

/// How long until the next acknowledgement of a finding ends, which counts again from then on.
fn next_word(context: &Context) -> Option<Duration> {
    let now = context.now();
    let findings = context.stores.findings.state();
    let ends = findings.iter().filter_map(|finding| finding.spec.acknowledgement.as_ref()).map(|word| word.until.0);
    let next = ends.filter(|end| *end > now).min()?;
    // A little later, so that it has come; and not so late that a timer could not hold it.
    let wait = Duration::try_from(next.duration_since(now)).ok()? + Duration::from_millis(100);
    Some(wait.min(Duration::from_hours(24)))
}

fn count(stores: &Stores, before: &GovernmentCloudStatus, now: Timestamp) -> GovernmentCloudStatus {
    let number = |n: usize| i32::try_from(n).unwrap_or(i32::MAX);
    let tally = |names: Vec<String>| {
        names.into_iter().fold(BTreeMap::new(), |mut counts, name| {
            *counts.entry(name).or_insert(0) += 1;
            counts
        })
    };
    let phases =
        stores.permits.state().iter().map(|p| p.status.as_ref().map(|s| s.phase).unwrap_or_default().to_string()).collect();
    let findings = stores.findings.state_filter(|finding| !finding.is_acknowledged(now));
    let mut permits = tally(phases);
    for shown in [Phase::Active, Phase::UnderReview] {
        permits.entry(shown.to_string()).or_insert(0); // a column says 0 rather than nothing
    }
    GovernmentCloudStatus {
        last_permit_number: before.last_permit_number,
        agencies: number(stores.agencies.len()),
        permits,
        findings: tally(findings.iter().map(|f| f.spec.rule.to_string()).collect()),
        findings_total: number(findings.len()),
        ..GovernmentCloudStatus::default()
    }
}

/// The record with what is new, latest first.
fn record(before: &[Interruption], enforcement: &EnforcementState) -> Vec<Interruption> {
    let new = enforcement.interruptions.iter().rev().map(|found| Interruption {
        object: found.object.clone(),
        what: found.what.to_owned(),
        found: Time(found.found),
        repaired: Time(found.repaired),
    });
    let mut all: Vec<_> = new.filter(|n| !before.contains(n)).collect();
    all.extend_from_slice(before);
    all.truncate(KEPT);
    all
}

fn forget_recorded(context: &Context, recorded: &EnforcementState) {
    let mut state = context.enforcement.lock().unwrap_or_else(PoisonError::into_inner);
    state.interruptions.retain(|found| !recorded.interruptions.contains(found));
}

const INTERRUPTED: &str = "Interrupted";

/// Such as `ValidatingAdmissionPolicyBinding govcloud-guard-home was deleted and put right at …`.
fn interrupted(last: &Interruption) -> String {
    format!("{} was {} and put right at {}.", last.object, last.what.to_lowercase(), last.repaired.0)
}

fn intact(enforcement: &EnforcementState, record: &[Interruption], now: Timestamp) -> Verdict {
    const KIND: &str = "EnforcementIntact";
    if let Some(trouble) = &enforcement.trouble {
        return Verdict::no(KIND, "NotComplete", format!("Not every policy is in place: {trouble}"));
    }
    match (&enforcement.enforced, record.first()) {
        (None, _) => Verdict::unknown(KIND, "NotProven", "The API server was not yet seen to enforce the policies."),
        (Some(_), None) => Verdict::yes(KIND, "Intact", "Every policy is in place, and the API server was seen to enforce them."),
        (Some(_), Some(last)) if now < last.repaired.0 + SHOWN => Verdict::no(KIND, INTERRUPTED, interrupted(last)),
        (Some(_), Some(last)) => {
            Verdict::yes(KIND, "Repaired", format!("Every policy is in place. The last interruption: {}", interrupted(last)))
        }
    }
}

fn publish(context: &Context, status: &GovernmentCloudStatus) {
    context.metrics.permits.clear();
    for (phase, count) in &status.permits {
        context.metrics.permits.get_or_create(&PhaseLabel { phase: phase.clone() }).set(i64::from(*count));
    }
    tracing::trace!(agencies = status.agencies, "counted");
}

/// The highest number on any permit.
fn highest_number(stores: &Stores) -> i64 {
    let number = |permit: &ProcessingPermit| permit.status.as_ref()?.number.as_ref()?.rsplit('-').next()?.parse().ok();
    stores.permits.state().iter().filter_map(|p| number(p)).max().unwrap_or(0)
}

/// Takes the next permit number: `<prefix>-<year>-<six digits>`.
///
/// The counter is raised with the version it was read at, before the number is used: a crash in between loses a number,
/// and no number is ever given twice.
pub async fn next_number(context: &Context) -> Result<Option<String>, Error> {
    let api: Api<GovernmentCloud> = Api::all(context.client.clone());
    let _one_at_a_time = context.numbering.lock().await;
    let Some(known) = context.stores.cloud() else { return Ok(None) };
    let name = known.name_any();
    let read = |source| Error::Read { what: format!("GovernmentCloud {name}"), source: Box::new(source) };
    let cloud = api.get(&name).await.map_err(read)?;
    let mut status = cloud.status.clone().unwrap_or_default();
    // A GovernmentCloud that was deleted and made anew starts at 0; numbers that are on permits stay taken.
    status.last_permit_number = status.last_permit_number.max(highest_number(&context.stores)) + 1;
    let number = status.last_permit_number;
    context.write_status(&api, &cloud, cloud.status.as_ref(), status, |object, status| object.status = Some(status)).await?;
    let year = context.now().to_zoned(jiff::tz::TimeZone::UTC).year();
    Ok(Some(format!("{}-{year}-{number:06}", cloud.spec.permit_number_prefix)))
}
