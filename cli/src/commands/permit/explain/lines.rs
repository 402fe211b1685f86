//! What was done of a permit and what is missing, one line each: the assessment, every group of reviewers, and what the conditions say of
//! quota, ends and draining.

use govcloud_crds::{
    class::Quorum,
    conditions,
    permit::{
        Assessment, AssessmentResult, CountedReview, Intent, OfferResult, ReviewVerdict, Truth,
        effective::{Effective, Policy},
    },
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt as _;
use serde::Serialize;

use crate::{
    commands::permit::find::Case,
    output::{
        Paint,
        text::{count, day, plain},
    },
};

/// What was done or is missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// How it stands.
    pub state: State,
    /// What it is about: `assessed`, a group of reviewers, `quota`.
    pub about: String,
    /// What is said about it.
    pub said: String,
}

/// How something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum State {
    /// It is in order.
    Met,
    /// It is waited for.
    Waiting,
    /// It is in the way, or somebody has to see to it.
    Attention,
    /// It decided against the permit.
    Against,
}

impl State {
    fn mark(self, paint: Paint) -> String {
        match self {
            Self::Met => paint.good("✓"),
            Self::Waiting => "…".to_owned(),
            Self::Attention => paint.attention("✗"),
            Self::Against => paint.bad("✗"),
        }
    }
}

fn line(state: State, about: impl Into<String>, said: impl Into<String>) -> Line {
    Line { state, about: about.into(), said: said.into() }
}

/// Lines as people see them.
pub fn render(lines: &[Line], paint: Paint) -> String {
    let width = lines.iter().map(|line| plain(&line.about).chars().count()).max().unwrap_or(0);
    let text = |line: &Line| {
        format!("  {} {:width$}  {}\n", line.state.mark(paint), plain(&line.about), plain(&line.said).replace('\n', " "))
    };
    lines.iter().map(text).collect()
}

/// Every line about a permit.
pub fn lines(case: &Case, effective: &Effective) -> Vec<Line> {
    let mut lines = vec![assessed(case)];
    let policy = case.policy();
    lines.extend(policy.as_ref().and_then(automatic));
    let quorum = policy.as_ref().map(|policy| expected(case, policy)).unwrap_or_default();
    lines.extend(quorum.iter().filter_map(|quorum| group_line(case, effective, quorum)));
    lines.extend(ended_by(case, effective));
    lines.extend(effective.reviews.iter().filter(|review| !review.counted).map(ignored));
    // What the operator said of another phase than this one is not true any more.
    let recorded = case.permit.status.as_ref().filter(|status| status.phase == effective.phase);
    let conditions = recorded.map(|status| status.conditions.as_slice()).unwrap_or_default();
    lines.extend(conditions.iter().filter_map(of_condition));
    lines
}

/// Why fewer reviewers are needed than the class says, or why its rule for that could not be asked.
fn automatic(policy: &Policy) -> Option<Line> {
    let pinned = &policy.pinned;
    let by_rule = pinned.automatic.as_ref().map(|automatic| line(State::Met, "by rule", &automatic.reason));
    by_rule.or_else(|| {
        let error = pinned.automatic_error.as_ref()?;
        let said = format!("the class's rule for approvals without a person could not be asked, so persons decide: {error}");
        Some(line(State::Attention, "by rule", said))
    })
}

/// Who approves it; of an emergency also who looks at it afterwards.
fn expected(case: &Case, policy: &Policy) -> Vec<Quorum> {
    let assessment = case.permit.status.as_ref().and_then(|status| status.assessment.as_ref());
    let duplicate = assessment.is_some_and(|assessment| assessment.result == AssessmentResult::Duplicate);
    if case.permit.spec.intent == Intent::Emergency { policy.in_full(duplicate) } else { policy.to_approve(duplicate) }
}

fn assessed(case: &Case) -> Line {
    let status = case.permit.status.clone().unwrap_or_default();
    if let Some(assessment) = &status.assessment {
        return line(State::Met, "assessed", assessment_in_words(assessment));
    }
    match conditions::find(&status.conditions, "Assessed") {
        Some(why) if why.status == "False" => line(State::Attention, "assessed", &why.message),
        Some(why) => line(State::Waiting, "assessed", &why.message),
        None => line(State::Waiting, "assessed", "the operator has not looked at it yet"),
    }
}

/// `Duplicate: national-streaming/large has room for all of it (3 offers looked at)`.
pub fn assessment_in_words(assessment: &Assessment) -> String {
    let looked_at = format!("({} looked at)", count(assessment.offers.len(), "offer"));
    let best = assessment.offers.first();
    let why = match (assessment.result, best) {
        (AssessmentResult::Duplicate, Some(best)) => format!("{} has room for all of it", best.offer),
        (AssessmentResult::Overlaps, Some(best)) if best.result == OfferResult::Partly => {
            format!("{} has room for part of it", best.offer)
        }
        (AssessmentResult::Overlaps, Some(best)) => {
            let unknown = best
                .predicates
                .iter()
                .find(|p| p.result == Truth::Unknown)
                .map_or("something is not known", |p| p.message.as_str());
            format!("{} might do, but {unknown}", best.offer)
        }
        (_, Some(nearest)) => {
            let against =
                nearest.predicates.iter().find(|p| p.result == Truth::False).map_or("it does not fit", |p| p.message.as_str());
            format!("no offer fits; of {}: {against}", nearest.offer)
        }
        (_, None) => "the catalogue has no offers".to_owned(),
    };
    format!("{}: {why} {looked_at}", assessment.result)
}

/// Where a group stands; `None` if it was decided without them.
fn group_line(case: &Case, effective: &Effective, quorum: &Quorum) -> Option<Line> {
    let decision = effective.decision.as_ref().map(|d| d.verdict);
    let left = |of: &[Quorum]| of.iter().find(|m| m.group == quorum.group).map_or(0, |m| m.count);
    let there = if decision.is_some() { counted(effective, &quorum.group) } else { quorum.count - left(&effective.missing) };
    let afterwards = left(&effective.afterwards) > 0;
    let said: Vec<_> = effective
        .reviews
        .iter()
        .filter(|r| r.counted && r.group == quorum.group && is_decision(r.verdict))
        .map(|r| in_words(case, r))
        .collect();
    let state = match decision {
        _ if said.is_empty() && (effective.phase.is_over() || decision.is_some() && !afterwards) => return None,
        Some(ReviewVerdict::Deny | ReviewVerdict::Return) if there == 0 => State::Against,
        _ if there >= quorum.count => State::Met,
        _ => State::Waiting,
    };
    let said = match (said.is_empty(), afterwards) {
        (true, true) => "must still look at the emergency".to_owned(),
        (true, false) => waits_for(case, quorum),
        _ => said.join("; "),
    };
    Some(line(state, &quorum.group, format!("{there} of {}  {said}", quorum.count)))
}

fn is_decision(verdict: ReviewVerdict) -> bool {
    matches!(verdict, ReviewVerdict::Approve | ReviewVerdict::Deny | ReviewVerdict::Return)
}

/// Suspensions, resumptions and revocations, each with its reason; and a denial by a group that approves nothing.
fn ended_by(case: &Case, effective: &Effective) -> Vec<Line> {
    let later = effective.reviews.iter().filter(|r| r.counted && !is_decision(r.verdict));
    let state = |verdict| if verdict == ReviewVerdict::Resume { State::Met } else { State::Against };
    later.map(|r| line(state(r.verdict), &r.group, in_words(case, r))).collect()
}

fn ignored(review: &CountedReview) -> Line {
    let because = review.because.as_deref().unwrap_or("it is out of order");
    line(State::Attention, &review.group, format!("{} by {} does not count: {because}", review.verdict, review.reviewer))
}

/// `reviewer-1@ministry, 2026-11-20: Approve "No shared lake."`.
fn in_words(case: &Case, row: &CountedReview) -> String {
    let review = case.reviews.iter().find(|r| r.name_any() == row.name);
    let on = review.and_then(|r| r.metadata.creation_timestamp.as_ref()).map_or_else(String::new, |t| format!(", {}", day(t.0)));
    let why = review.map_or_else(String::new, |r| format!(" \"{}\"", r.spec.reason));
    format!("{}{on}: {}{why}", row.reviewer, row.verdict)
}

fn counted(effective: &Effective, group: &str) -> i32 {
    let approvals = effective.reviews.iter().filter(|r| r.counted && r.group == group && r.verdict == ReviewVerdict::Approve);
    let mut who: Vec<_> = approvals.map(|r| &r.reviewer).collect();
    who.sort();
    who.dedup();
    i32::try_from(who.len()).unwrap_or(i32::MAX)
}

fn waits_for(case: &Case, quorum: &Quorum) -> String {
    let regime = case.permit.status.as_ref().and_then(|s| s.policy.as_ref()).and_then(|p| p.regime_reviewers.as_ref());
    let authority = case.agency.as_ref().and_then(|a| a.status.as_ref()).and_then(|s| s.responsible_authority.as_ref());
    match (regime == Some(&quorum.group), authority, &case.agency) {
        (true, Some(authority), Some(agency)) => {
            format!("{authority} must review: the agency is {}", agency.spec.security_regime)
        }
        (true, ..) => "must review because of the agency's security regime".to_owned(),
        _ => "must review".to_owned(),
    }
}

/// What a condition adds to the assessment and the reviews; `None` where it only repeats them.
fn of_condition(condition: &Condition) -> Option<Line> {
    let said = |state, about: &str| Some(line(state, about, &condition.message));
    match (condition.type_.as_str(), condition.status.as_str(), condition.reason.as_str()) {
        ("CapacityReserved", "False", reason) => said(State::Attention, awaited(reason)),
        ("Ready", "True", "Enforced") => said(State::Met, "in force"),
        ("Ready", "Unknown", _) => said(State::Waiting, "in force"),
        ("Ready", "False", "ProjectGone") => said(State::Attention, "project"),
        ("Overdue", "True", _) => said(State::Attention, "overdue"),
        ("Expiring", "True", _) => said(State::Attention, "ends soon"),
        ("Expiring", "False", _) => said(State::Met, "lasts"),
        ("Suspended", "True", _) => said(State::Against, "suspended"),
        ("Draining", "True", _) => said(State::Waiting, "draining"),
        ("Draining", "False", _) => said(State::Against, "draining"),
        ("Compliant", "True", _) => said(State::Met, "afterwards"),
        ("Compliant", "False", _) => said(State::Waiting, "afterwards"),
        _ => None,
    }
}

/// What an approved permit waits for, in a word.
fn awaited(reason: &str) -> &'static str {
    match reason {
        "AwaitsQuota" => "quota",
        "TargetTaken" => "objects",
        "ProjectNotReady" | "ProjectGone" => "project",
        "PriorSuspended" | "PriorRevoked" => "prior",
        "AgencyCordoned" => "agency",
        _ => "capacity",
    }
}
