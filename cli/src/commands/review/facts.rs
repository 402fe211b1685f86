//! What a reviewer should know of a request, gathered from everything that is on record.

use govcloud_crds::{
    ProcessingPermit, Resources,
    class::Quorum,
    permit::{
        Alternative, Assessment, Evidence, Intent, OfferAssessment, OfferResult, Phase, ReviewVerdict, Target, demand,
        effective::{Effective, due_by, granted_targets},
    },
};
use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt as _;
use serde::Serialize;

use super::{
    rules::{Refusal, Wish, is_duplicate, plan},
    say::still_missing,
    words::{Classes, agency_name, class_name},
};
use crate::{
    commands::permit::find::{Case, title},
    context::Caller,
};

/// How far back other requests of the agency are counted.
const A_YEAR: SignedDuration = SignedDuration::from_hours(365 * 24);

/// A request, and everything that a reviewer should know of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Facts {
    /// Its number, or its name while it has none.
    pub number: String,
    /// Its name.
    pub name: String,
    /// What it is now.
    pub phase: Phase,
    /// What sort of request it is.
    pub intent: Intent,
    /// The agency that asks.
    pub agency: String,
    /// That agency as people know it.
    pub agency_name: String,
    /// The project in which it will run.
    pub project: String,
    /// The class.
    pub class: String,
    /// The class as people know it.
    pub class_name: String,
    /// How long it is asked for.
    pub duration: govcloud_crds::common::Period,
    /// How much is asked for in all.
    pub demand: Resources,
    /// The objects that are asked for.
    pub asked: Vec<Target>,
    /// The same as reviewers have left of them.
    pub allowed: Vec<Target>,
    /// The most sensitive data it will hold.
    pub data: govcloud_crds::common::Classification,
    /// Zones it must stand in.
    pub zones: Vec<String>,
    /// Why the agency needs it.
    pub justification: String,
    /// The law it rests on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub legal_basis: Option<String>,
    /// Shared services that were considered.
    pub rejected: Vec<Alternative>,
    /// Documents by digest.
    pub evidence: Vec<Evidence>,
    /// What the agency would share with others.
    pub sharing_offer: Resources,
    /// Who asks.
    pub requested_by: String,
    /// When.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requested_at: Option<Timestamp>,
    /// When a decision is due, while there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due: Option<Timestamp>,
    /// Its place in the queue, while there is no decision.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<i32>,
    /// Whether a shared service offers it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assessment: Option<Assessment>,
    /// What else the agency asked for in this class within a year.
    pub last_year: LastYear,
    /// What it refers to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refers_to: Option<Refers>,
    /// The reviews there are.
    pub reviews: Vec<Said>,
    /// What it takes to approve it.
    pub needed: Needed,
    /// Commands that the caller can give now, and that count.
    pub next: Vec<String>,
    /// Why the caller can say nothing, if so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nothing_to_say: Option<String>,
    /// When it was approved, denied or returned, and with which words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision: Option<govcloud_crds::permit::Decision>,
}

/// What an agency asked for in a class within a year, beside the request.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LastYear {
    /// How many permits.
    pub asked: usize,
    /// How much in all.
    pub demand: Resources,
    /// How many of them are approved or active.
    pub running: usize,
    /// How much of it these hold.
    pub holds: Resources,
}

/// The permit that a request refers to.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Refers {
    /// Its number or name.
    pub number: String,
    /// What it is now, if it is still there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
    /// With which words it was decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision: Option<govcloud_crds::permit::Decision>,
    /// Who reviewed it.
    pub deciders: Vec<String>,
    /// Each object as it was granted there, and as it is asked for now; `None` where it is not there.
    pub changes: Vec<Change>,
}

/// One object before and after.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// As it was granted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Target>,
    /// As it is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Target>,
}

/// A review.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Said {
    /// The PermitReview.
    pub name: String,
    /// Its uid, while it is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// Who.
    pub reviewer: String,
    /// In which group.
    pub group: String,
    /// What.
    pub verdict: ReviewVerdict,
    /// Why.
    pub reason: String,
    /// When.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// Why it does not count, if it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub does_not_count: Option<String>,
}

/// What it takes to approve a request.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Needed {
    /// How many of which group in all.
    pub in_all: Vec<Quorum>,
    /// How many are still missing, before the decision or, of an emergency, after it.
    pub missing: Vec<Quorum>,
    /// Of an emergency: who looks at it afterwards.
    pub afterwards: Vec<Quorum>,
    /// Whether an approval must override the assessment, with a reason, and one more person is needed.
    pub override_duplicate: bool,
    /// The authority of the agency's security regime among them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security_group: Option<String>,
    /// Why fewer are needed than the class says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub automatic: Option<String>,
}

/// Everything of `case` that `caller` should know at `now`; `others` are the permits of the same agency.
pub fn facts(case: &Case, others: &[ProcessingPermit], classes: &Classes, caller: &Caller, now: Timestamp) -> Facts {
    let (state, spec) = (case.effective(now), case.permit.spec.clone());
    let status = case.permit.status.clone().unwrap_or_default();
    let (next, nothing_to_say) = commands(case, caller, now);
    let undecided = state.decision.is_none();
    Facts {
        number: case.title(),
        name: case.permit.name_any(),
        phase: crate::commands::permit::show::phase(case, &state),
        intent: spec.intent,
        agency: case.agency_name(),
        agency_name: agency_name(case),
        project: spec.project,
        class_name: class_name(classes, &spec.processing_class),
        class: spec.processing_class,
        duration: spec.duration,
        demand: demand(&spec.targets),
        asked: spec.targets,
        allowed: state.targets.clone(),
        data: spec.data_classification,
        zones: spec.zones,
        justification: spec.justification,
        legal_basis: spec.legal_basis,
        rejected: spec.alternatives,
        evidence: spec.evidence,
        sharing_offer: spec.sharing_offer,
        requested_by: spec.requested_by,
        requested_at: case.permit.metadata.creation_timestamp.as_ref().map(|time| time.0),
        due: due_by(&case.permit).filter(|_| undecided),
        position: status.queue.filter(|_| undecided).map(|queue| queue.position),
        last_year: last_year(&case.permit, others, now),
        refers_to: refers_to(case, others),
        reviews: said(case, &state),
        needed: needed(case, &state),
        assessment: status.assessment,
        decision: state.decision,
        next,
        nothing_to_say,
    }
}

fn last_year(permit: &ProcessingPermit, others: &[ProcessingPermit], now: Timestamp) -> LastYear {
    let recent = |p: &&ProcessingPermit| {
        let created = p.metadata.creation_timestamp.as_ref().map(|time| time.0);
        created.is_some_and(|created| now.duration_since(created) <= A_YEAR)
    };
    let like_it = |p: &&ProcessingPermit| {
        p.metadata.uid != permit.metadata.uid
            && p.namespace() == permit.namespace()
            && p.spec.processing_class == permit.spec.processing_class
    };
    let runs = |p: &ProcessingPermit| {
        let phase = p.status.as_ref().map(|status| status.phase).unwrap_or_default();
        matches!(phase, Phase::Approved | Phase::Active | Phase::Suspended)
    };
    let mut sum = LastYear::default();
    for other in others.iter().filter(like_it).filter(recent) {
        sum.asked += 1;
        sum.demand = sum.demand.plus(&demand(&other.spec.targets));
        if runs(other) {
            sum.running += 1;
            sum.holds = sum.holds.plus(&demand(&granted_targets(other)));
        }
    }
    sum
}

fn refers_to(case: &Case, others: &[ProcessingPermit]) -> Option<Refers> {
    let name = case.permit.spec.prior.as_ref()?;
    let pinned = case.permit.status.as_ref().and_then(|status| status.policy.as_ref()?.prior.clone());
    let uid = pinned.as_ref().map(|pinned| pinned.uid.as_str());
    // One of the same name that was made later is another permit.
    let is_it = |p: &&ProcessingPermit| match uid {
        Some(uid) => p.metadata.uid.as_deref() == Some(uid),
        None => p.name_any() == *name && p.namespace() == case.permit.namespace(),
    };
    let prior = others.iter().find(is_it);
    let status = prior.and_then(|prior| prior.status.clone()).unwrap_or_default();
    Some(Refers {
        number: pinned.as_ref().and_then(|p| p.number.clone()).or_else(|| prior.map(title)).unwrap_or_else(|| name.clone()),
        phase: prior.map(|_| status.phase),
        decision: status.decision,
        deciders: pinned.map(|pinned| pinned.deciders).unwrap_or_default(),
        changes: prior.map(|prior| changes(&granted_targets(prior), &case.permit.spec.targets)).unwrap_or_default(),
    })
}

fn changes(before: &[Target], after: &[Target]) -> Vec<Change> {
    let same = |all: &[Target], one: &Target| all.iter().find(|t| t.is_same_object(one)).cloned();
    let now = after.iter().map(|target| Change { before: same(before, target), after: Some(target.clone()) });
    let gone = before.iter().filter(|target| same(after, target).is_none());
    now.chain(gone.map(|target| Change { before: Some(target.clone()), after: None })).collect()
}

/// The reviews in the order in which they were judged.
pub fn said(case: &Case, state: &Effective) -> Vec<Said> {
    let one = |row: &govcloud_crds::permit::CountedReview| {
        let review = case.reviews.iter().find(|review| review.name_any() == row.name);
        Said {
            name: row.name.clone(),
            uid: review.and_then(|review| review.metadata.uid.clone()),
            reviewer: row.reviewer.clone(),
            group: row.group.clone(),
            verdict: row.verdict,
            reason: review.map(|review| review.spec.reason.clone()).unwrap_or_default(),
            at: review.and_then(|review| review.metadata.creation_timestamp.as_ref()).map(|time| time.0),
            does_not_count: if row.counted { None } else { row.because.clone().or_else(|| Some("it is out of order".into())) },
        }
    };
    state.reviews.iter().map(one).collect()
}

fn needed(case: &Case, state: &Effective) -> Needed {
    let Some(policy) = case.policy() else { return Needed::default() };
    let duplicate = is_duplicate(case);
    let in_all = policy.to_approve(duplicate);
    let afterwards = if case.permit.spec.intent == Intent::Emergency { policy.in_full(duplicate) } else { Vec::new() };
    Needed {
        missing: still_missing(state).to_vec(),
        override_duplicate: duplicate,
        security_group: policy.pinned.regime_reviewers.clone(),
        automatic: policy.pinned.automatic.as_ref().map(|automatic| automatic.reason.clone()),
        in_all,
        afterwards,
    }
}

/// What the caller can say now, as commands; or why they can say nothing.
fn commands(case: &Case, caller: &Caller, now: Timestamp) -> (Vec<String>, Option<String>) {
    const VERDICTS: [(ReviewVerdict, &str); 6] = [
        (ReviewVerdict::Approve, "approve"),
        (ReviewVerdict::Return, "return"),
        (ReviewVerdict::Deny, "deny"),
        (ReviewVerdict::Suspend, "suspend"),
        (ReviewVerdict::Resume, "resume"),
        (ReviewVerdict::Revoke, "revoke"),
    ];
    let title = case.title();
    let tried = |verdict| plan(case, &Wish { override_duplicate: true, ..Wish::new(caller, verdict, "") }, now);
    let says = |verdict, word: &str| {
        let reason = if verdict == ReviewVerdict::Approve && is_duplicate(case) { "--override-duplicate" } else { "--reason" };
        format!("govcloud review {word} {title} {reason} \"…\"")
    };
    let next: Vec<_> = VERDICTS.into_iter().filter(|(v, _)| tried(*v).is_ok()).map(|(v, word)| says(v, word)).collect();
    let refusal: Option<Refusal> = tried(ReviewVerdict::Approve).err().filter(|_| next.is_empty());
    (next, refusal.map(|refusal| refusal.why))
}

/// `national-streaming`, `large`.
pub fn service_and_plan(offer: &OfferAssessment) -> (&str, &str) {
    offer.offer.split_once('/').unwrap_or((&offer.offer, ""))
}

/// The offer that comes nearest to what is asked for, unless all of them differ in something decisive.
pub fn best_offer(assessment: &Assessment) -> Option<&OfferAssessment> {
    assessment.offers.first().filter(|offer| offer.result != OfferResult::Mismatch)
}
