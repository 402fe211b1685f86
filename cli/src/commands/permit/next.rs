//! Who can do something about a permit now, and with which command: the one table that every command tells it from.

use govcloud_crds::{
    ProcessingPermit,
    class::Quorum,
    conditions::{find as condition, is_true},
    permit::{AssessmentResult, Intent, Phase, effective::Effective},
};
use kube::ResourceExt as _;
use serde::Serialize;

use super::find::title;

/// Something that somebody can do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Action {
    /// `you`, which is the agency; or a group of reviewers; or `cloud operators`.
    pub who: String,
    /// Whether the permit gets no further without it.
    pub needed: bool,
    /// What they can do.
    pub what: String,
    /// With which command.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
}

/// The agency, as it is spoken to.
pub const YOU: &str = "you";

impl Action {
    fn new(who: &str, needed: bool, what: impl Into<String>, command: impl Into<String>) -> Self {
        let command = Some(command.into()).filter(|command| !command.is_empty());
        Self { who: who.to_owned(), needed, what: what.into(), command }
    }

    fn must(what: impl Into<String>, command: impl Into<String>) -> Self {
        Self::new(YOU, true, what, command)
    }

    fn may(what: impl Into<String>, command: impl Into<String>) -> Self {
        Self::new(YOU, false, what, command)
    }

    /// `ask for longer: govcloud permit renew tax-lake …`.
    pub fn in_words(&self) -> String {
        match &self.command {
            Some(command) => format!("{}: {command}", self.what),
            None => self.what.clone(),
        }
    }
}

/// What an agency can do with a permit in the phase that is on record, one line each: hints where something else was tried.
pub fn fitting(permit: &ProcessingPermit) -> Vec<String> {
    let phase = permit.status.as_ref().map(|status| status.phase).unwrap_or_default();
    let capital = |text: String| {
        let mut letters = text.chars();
        letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
    };
    of_phase(permit, phase).iter().map(Action::in_words).map(capital).collect()
}

/// The same for a phase that is known otherwise, as lines of text.
pub fn can_do(permit: &ProcessingPermit, phase: Phase) -> String {
    let lines = of_phase(permit, phase).into_iter().map(|action| format!("You can {}\n", action.in_words()));
    lines.collect::<Vec<_>>().concat()
}

/// What the agency can do with a permit in a phase, whatever else is the matter.
pub fn of_phase(permit: &ProcessingPermit, phase: Phase) -> Vec<Action> {
    let name = permit.name_any();
    let command = |verb: &str| format!("govcloud permit {verb} {name} --justification \"…\"");
    let watch = |what: &str| Action::may(what, format!("govcloud permit watch {name}"));
    match phase {
        Phase::Pending => vec![watch("wait until it is assessed")],
        Phase::UnderReview => vec![watch("wait until it is decided")],
        Phase::Approved => vec![watch("wait until it is active")],
        Phase::Returned => {
            vec![Action::must("answer what the reviewers ask, and keep its place in the queue", command("answer"))]
        }
        Phase::Active => vec![
            Action::may("ask for longer", command("renew")),
            Action::may(
                "ask for another size",
                format!("govcloud permit amend {name} --size NAME=REPLICAS --justification \"…\""),
            ),
        ],
        Phase::Suspended => vec![Action::may("wait until a reviewer lets it go on", String::new())],
        Phase::Denied | Phase::Revoked => vec![Action::may("appeal, and others decide", command("appeal"))],
        Phase::Expired => vec![Action::may("renew it", command("renew"))],
        Phase::Withdrawn => vec![Action::may("ask anew", "govcloud permit request --help")],
        Phase::Superseded => {
            let by = permit.status.as_ref().and_then(|status| status.superseded_by.clone());
            let what = by.as_ref().map_or("see what took its place".to_owned(), |by| format!("see {by}, which took its place"));
            vec![Action::may(
                what,
                by.map_or_else(|| format!("govcloud permit history {name}"), |by| format!("govcloud permit show {by}")),
            )]
        }
    }
}

/// Everything that anybody can do about a permit now; what it waits for first.
pub fn actions(permit: &ProcessingPermit, effective: &Effective) -> Vec<Action> {
    let mut actions = match effective.phase {
        Phase::Pending => pending(permit),
        Phase::UnderReview => under_review(permit, effective),
        Phase::Approved => approved(permit),
        Phase::Active => active(permit, effective),
        Phase::Suspended => suspended(permit),
        Phase::Denied => denied(permit),
        Phase::Revoked | Phase::Expired | Phase::Withdrawn => ended(permit, effective.phase),
        other => of_phase(permit, other),
    };
    actions.sort_by_key(|action| !action.needed);
    actions
}

fn says<'a>(permit: &'a ProcessingPermit, kind: &str) -> Option<(&'a str, &'a str)> {
    let found = condition(&permit.status.as_ref()?.conditions, kind)?;
    Some((found.reason.as_str(), found.message.as_str()))
}

fn holds(permit: &ProcessingPermit, kind: &str) -> bool {
    permit.status.as_ref().is_some_and(|status| is_true(&status.conditions, kind))
}

/// An objection is the agency's to remove; what nobody has looked at is the operator's.
fn pending(permit: &ProcessingPermit) -> Vec<Action> {
    let conditions = permit.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
    let objected = condition(conditions, "Assessed").is_some_and(|c| c.status == "False");
    if !objected {
        return of_phase(permit, Phase::Pending);
    }
    let name = permit.name_any();
    vec![
        Action::must("do what is missing above; it is looked at again by itself", String::new()),
        Action::may("or take it back, and ask anew", format!("govcloud permit withdraw {name}")),
    ]
}

fn reviewers(missing: &[Quorum], what: &str, command: &str) -> Vec<Action> {
    missing.iter().map(|q| Action::new(&q.group, true, format!("{what}, {} of them", q.count), command)).collect()
}

fn under_review(permit: &ProcessingPermit, effective: &Effective) -> Vec<Action> {
    let title = title(permit);
    let mut actions = reviewers(&effective.missing, "approve, deny or return it", &format!("govcloud review show {title}"));
    let assessment = permit.status.as_ref().and_then(|status| status.assessment.as_ref());
    let duplicate = assessment.filter(|a| a.result == AssessmentResult::Duplicate).and_then(|a| a.offers.first());
    if let Some(offer) = duplicate {
        let (service, plan) = offer.offer.split_once('/').unwrap_or((&offer.offer, "PLAN"));
        let project = &permit.spec.project;
        let claim = format!("govcloud service claim {service} --plan {plan} --project {project}");
        actions.push(Action::may("use the shared service instead, and withdraw this", claim));
    }
    actions.extend(of_phase(permit, Phase::UnderReview));
    actions
}

/// What it waits for says the condition CapacityReserved.
fn approved(permit: &ProcessingPermit) -> Vec<Action> {
    let (name, project) = (permit.name_any(), &permit.spec.project);
    let withdraw = format!("govcloud permit withdraw {name}");
    let mut actions = match says(permit, "CapacityReserved").map(|(reason, _)| reason) {
        Some("AwaitsQuota") => {
            vec![Action::must("see who has the quota, and what would help", format!("govcloud quota explain {project}"))]
        }
        Some("TargetTaken") => vec![Action::must(
            "end the permit that holds its objects, or wait for its end",
            "govcloud permit list --phase Active --phase Suspended",
        )],
        Some("ProjectNotReady") => vec![Action::must("see what the project waits for", "govcloud project list")],
        Some("ProjectGone" | "PriorRevoked") => return vec![Action::must("take it back; nothing will come of it", withdraw)],
        Some("AgencyCordoned") => {
            vec![Action::new("cloud operators", true, "lift the cordon", String::new())]
        }
        Some("PriorSuspended") => resuming(permit, "let the permit before it go on, or revoke that"),
        _ => Vec::new(),
    };
    actions.extend(of_phase(permit, Phase::Approved));
    actions
}

fn active(permit: &ProcessingPermit, effective: &Effective) -> Vec<Action> {
    let (name, title) = (permit.name_any(), title(permit));
    if says(permit, "Ready").is_some_and(|(reason, _)| reason == "ProjectGone") {
        return vec![Action::must("give it up; it is good for nothing any more", format!("govcloud permit withdraw {name}"))];
    }
    let approve = format!("govcloud review approve {title} --reason \"…\"");
    let mut actions = reviewers(&effective.afterwards, "look at the emergency afterwards", &approve);
    let mut own = of_phase(permit, Phase::Active);
    if permit.spec.intent == Intent::Emergency {
        own = vec![Action::may("ask for the time after the emergency", "govcloud permit request --help")];
    } else if holds(permit, "Expiring") {
        own[0].needed = true;
    }
    actions.extend(own);
    actions
}

/// Who can lift a suspension, or make an end of it.
fn resuming(permit: &ProcessingPermit, what: &str) -> Vec<Action> {
    let policy = permit.status.as_ref().and_then(|status| status.policy.as_ref());
    let groups = policy.map(|policy| policy.approval.quorum.as_slice()).unwrap_or_default();
    groups.iter().map(|q| Action::new(&q.group, true, what, String::new())).collect()
}

fn suspended(permit: &ProcessingPermit) -> Vec<Action> {
    let mut actions = resuming(permit, "let it go on, or revoke it");
    actions.extend(of_phase(permit, Phase::Suspended));
    actions
}

fn denied(permit: &ProcessingPermit) -> Vec<Action> {
    let search = format!("govcloud service search {}", permit.spec.processing_class);
    let mut actions = vec![Action::may("use a shared service", search)];
    actions.extend(of_phase(permit, Phase::Denied));
    actions
}

/// What was active must drain, unless another one holds its objects by now.
fn ended(permit: &ProcessingPermit, phase: Phase) -> Vec<Action> {
    let mut actions = Vec::new();
    if let Some((reason, _)) = says(permit, "Draining") {
        let when = if reason == "GraceOver" { "now, if it still does" } else { "in time" };
        actions.push(Action::must(format!("stop what runs of it, {when}"), String::new()));
    }
    actions.extend(of_phase(permit, phase));
    actions
}
