//! `govcloud permit show`.

use govcloud_crds::{
    ProcessingPermit,
    class::Quorum,
    conditions,
    permit::{
        Assessment, AssessmentResult, OfferResult, Phase, ReviewVerdict, Truth,
        effective::{Effective, granted_targets},
    },
};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt as _;

use super::{
    find::{Case, case},
    objects::target_lines,
};
use crate::{
    context::Context,
    error::Result,
    exit::Exit,
    output::{
        Paint,
        text::{count, day, fields, indented, ordinal, plain},
    },
};

/// Runs `govcloud permit show`.
pub async fn run(ctx: &Context, wanted: &str) -> Result<Exit> {
    let case = case(ctx, wanted).await?;
    ctx.out.object(&case.permit, || render(&case, ctx.now, ctx.out.paint))?;
    Ok(Exit::Ok)
}

/// What a permit is: what the operator recorded where only it can know, else what the rules say at this moment.
pub fn phase(case: &Case, effective: &Effective) -> Phase {
    match case.permit.status.as_ref().map(|s| s.phase) {
        Some(Phase::Superseded) => Phase::Superseded,
        _ => effective.phase,
    }
}

fn render(case: &Case, now: Timestamp, paint: Paint) -> String {
    let effective = case.effective(now);
    let phase = phase(case, &effective);
    let (spec, status) = (&case.permit.spec, case.permit.status.clone().unwrap_or_default());
    let number = status.number.clone().unwrap_or_else(|| "no number yet".into());
    let mut text =
        format!("{number}  {}  {}{}\n", paint.strong(&case.permit.name_any()), coloured(phase, paint), when(case, phase));
    text += &steps(case, &effective, paint);
    text += &decision(&effective);
    text += &fields(&[
        ("agency", case.agency_name()),
        ("project", spec.project.clone()),
        ("class", spec.processing_class.clone()),
        ("asked by", spec.requested_by.clone()),
        ("data", spec.data_classification.to_string()),
        ("zones", spec.zones.join(", ")),
        ("interfaces", spec.interfaces.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")),
        ("duration", spec.duration.to_string()),
        ("because", spec.justification.clone()),
        ("law", spec.legal_basis.clone().unwrap_or_default()),
        (
            "rejected",
            spec.alternatives
                .iter()
                .map(|a| format!("{}: {}", a.shared_service, a.rejected_because))
                .collect::<Vec<_>>()
                .join("\n"),
        ),
    ]);
    text += &target_lines(&granted_targets(&case.permit));
    text + &next_step(case, phase, &effective)
}

fn coloured(phase: Phase, paint: Paint) -> String {
    match phase {
        Phase::Active => paint.good(&phase.to_string()),
        Phase::Denied | Phase::Revoked | Phase::Expired | Phase::Suspended => paint.bad(&phase.to_string()),
        _ => paint.attention(&phase.to_string()),
    }
}

fn when(case: &Case, phase: Phase) -> String {
    let Some(status) = &case.permit.status else { return String::new() };
    match (phase, &status.queue, &status.not_after) {
        (Phase::UnderReview, Some(queue), _) => {
            format!(", {} in the queue, decision due {}", ordinal(queue.position), day(queue.due_by.0))
        }
        (Phase::Active | Phase::Suspended, _, Some(end)) => format!(" until {}", day(end.0)),
        (Phase::Expired, _, Some(end)) => format!(" on {}", day(end.0)),
        _ => String::new(),
    }
}

/// What was done or is missing: a mark, what it is about, and what is said.
type Line = (String, String, String);

/// What was done and what is missing, one line each.
fn steps(case: &Case, effective: &Effective, paint: Paint) -> String {
    let mut steps = vec![assessed(case, paint)];
    if let Some(policy) = case.policy() {
        let duplicate = case
            .permit
            .status
            .as_ref()
            .and_then(|s| s.assessment.as_ref())
            .is_some_and(|a| a.result == AssessmentResult::Duplicate);
        steps.extend(policy.to_approve(duplicate).iter().filter_map(|quorum| group_line(case, effective, quorum, paint)));
    }
    steps.extend(effective.reviews.iter().filter(|r| !r.counted).map(|r| {
        let because = r.because.as_deref().unwrap_or("it is out of order");
        (paint.attention("✗"), r.group.clone(), format!("{} by {} does not count: {because}", r.verdict, r.reviewer))
    }));
    let width = steps.iter().map(|(_, about, _)| about.chars().count()).max().unwrap_or(0);
    let line = |(mark, about, said): &Line| format!("  {mark} {:width$}  {}\n", plain(about), plain(said).replace('\n', " "));
    steps.iter().map(line).collect::<Vec<_>>().concat()
}

fn assessed(case: &Case, paint: Paint) -> Line {
    let status = case.permit.status.clone().unwrap_or_default();
    if let Some(assessment) = &status.assessment {
        return (paint.good("✓"), "assessed".into(), assessment_in_words(assessment));
    }
    let why = conditions::find(&status.conditions, "Assessed")
        .map_or("the operator has not looked at it yet".to_owned(), |c| c.message.clone());
    ("…".into(), "assessed".into(), why)
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
fn group_line(case: &Case, effective: &Effective, quorum: &Quorum, paint: Paint) -> Option<Line> {
    let missing = effective.missing.iter().find(|m| m.group == quorum.group).map_or(0, |m| m.count);
    let decision = effective.decision.as_ref().map(|d| d.verdict);
    let there = if decision.is_some() { counted(effective, &quorum.group) } else { quorum.count - missing };
    let said: Vec<_> = effective
        .reviews
        .iter()
        .filter(|r| r.counted && r.group == quorum.group)
        .map(|r| format!("{}{}: {} {}", r.reviewer, given_on(case, &r.name), r.verdict, quoted(case, &r.name)))
        .collect();
    let mark = match decision {
        Some(_) if said.is_empty() => return None,
        Some(ReviewVerdict::Deny | ReviewVerdict::Return) if there == 0 => paint.bad("✗"),
        _ if there >= quorum.count => paint.good("✓"),
        _ => "…".to_owned(),
    };
    let said = if said.is_empty() { waits_for(case, quorum) } else { said.join("; ") };
    Some((mark, quorum.group.clone(), format!("{there} of {}  {said}", quorum.count)))
}

fn counted(effective: &Effective, group: &str) -> i32 {
    let mut who: Vec<_> = effective
        .reviews
        .iter()
        .filter(|r| r.counted && r.group == group && r.verdict == ReviewVerdict::Approve)
        .map(|r| &r.reviewer)
        .collect();
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

fn given_on(case: &Case, review: &str) -> String {
    let given = case.reviews.iter().find(|r| r.name_any() == review).and_then(|r| r.metadata.creation_timestamp.as_ref());
    given.map_or_else(String::new, |t| format!(", {}", day(t.0)))
}

fn quoted(case: &Case, review: &str) -> String {
    let reason = case.reviews.iter().find(|r| r.name_any() == review).map(|r| r.spec.reason.as_str());
    reason.map_or_else(String::new, |reason| format!("\"{reason}\""))
}

fn decision(effective: &Effective) -> String {
    let Some(decision) = &effective.decision else { return String::new() };
    format!("  decided {}: {}: {}\n", day(decision.at.0), decision.verdict, indented(&decision.reason, 4))
}

fn ready(permit: &ProcessingPermit) -> Option<&Condition> {
    conditions::find(&permit.status.as_ref()?.conditions, "Ready")
}

/// What the operator says of a permit whose project is gone. It stays what it is, and never becomes good for anything again.
pub fn project_gone(permit: &ProcessingPermit) -> Option<&str> {
    ready(permit).filter(|ready| ready.reason == "ProjectGone").map(|ready| ready.message.as_str())
}

/// What an approved permit waits for, if the operator said so after the approval.
fn waits_to_start(case: &Case, lagging: bool) -> &str {
    let said = ready(&case.permit).filter(|ready| !lagging && ready.status == "False");
    said.map_or("It becomes active as soon as its targets are free.", |ready| ready.message.as_str())
}

fn next_step(case: &Case, phase: Phase, effective: &Effective) -> String {
    if let (Phase::Approved | Phase::Active, Some(gone)) = (phase, project_gone(&case.permit)) {
        return format!("{gone}\n");
    }
    let name = case.permit.name_any();
    let lagging = case.permit.status.as_ref().is_some_and(|s| s.phase != phase);
    let note = if lagging { "The operator has not caught up yet.\n" } else { "" };
    let step = match phase {
        Phase::Pending => format!("Follow it: govcloud permit watch {name}"),
        Phase::UnderReview => {
            let groups: Vec<_> = effective.missing.iter().map(|q| q.group.as_str()).collect();
            format!(
                "Nothing to do for the agency; it waits for {}. Follow it: govcloud permit watch {name}",
                groups.join(" and ")
            )
        }
        Phase::Returned => {
            format!("The reviewers want to know more. Answer with a new request: govcloud permit request NAME --prior {name} …")
        }
        Phase::Approved => format!("{} Follow it: govcloud permit watch {name}", waits_to_start(case, lagging)),
        Phase::Active => format!("Its targets may run in {}--{}.", case.agency_name(), case.permit.spec.project),
        Phase::Suspended => "Nothing of it may start or grow until a reviewer lets it go on.".to_owned(),
        Phase::Denied => format!(
            "Use a shared service (govcloud service search {}), or ask again with what was missing.",
            case.permit.spec.processing_class
        ),
        Phase::Revoked | Phase::Expired => "What runs must drain. Ask for a new permit: govcloud permit request".to_owned(),
        Phase::Withdrawn => "The agency took it back. Ask for a new permit: govcloud permit request".to_owned(),
        Phase::Superseded => "A successor took over: govcloud permit list".to_owned(),
    };
    format!("{note}{step}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::{
        permit::list::tests::{permit, permits},
        review::rules::tests::review,
        testing,
    };
    use rstest::rstest;
    use serde_json::json;

    fn shown(name: &str, case: &Case) {
        insta::assert_snapshot!(format!("permit_{name}"), render(case, testing::now(), Paint::default()));
    }

    #[test]
    fn each_stage_says_what_it_waits_for() {
        let [waiting, active, new] = permits().try_into().expect("three");
        let agency = Some(testing::agency());
        shown("new", &Case { permit: new, reviews: vec![], agency: agency.clone() });
        let approve =
            review("tax-lake", "reviewer-1@ministry", "ministry:reviewers", "Approve", "No shared lake in tehran-2 before 2028.");
        let insider = review("tax-lake", "requester@tax", "ministry:reviewers", "Approve", "I need it.");
        let case = Case { permit: waiting, reviews: vec![approve, insider], agency };
        shown("under_review", &case);
        let deny = review("tax-lake", "officer@smc", "security:smc", "Deny", "Not there.");
        shown("denied", &Case { reviews: vec![deny], ..case.clone() });
        shown("agency_not_readable", &Case { agency: None, reviews: vec![], ..case.clone() });
        let reviews =
            ["ministry:reviewers", "security:smc"].map(|g| review("tax-events", g, g, "Approve", "It is needed.")).to_vec();
        shown("active", &Case { permit: active, reviews, ..case });
    }

    #[rstest]
    #[case("Approved", "False", "ProjectGone", "The project is gone. Withdraw it.", "The project is gone. Withdraw it.\n")]
    #[case("Active", "False", "ProjectGone", "The project is gone. Ask anew.", "The project is gone. Ask anew.\n")]
    #[case(
        "Approved",
        "False",
        "AgencyCordoned",
        "It is cordoned.",
        "It is cordoned. Follow it: govcloud permit watch tax-lake\n"
    )]
    #[case(
        "Approved",
        "Unknown",
        "Activating",
        "In a moment.",
        "It becomes active as soon as its targets are free. Follow it: govcloud permit watch tax-lake\n"
    )]
    #[case(
        "UnderReview",
        "False",
        "WaitsForReview",
        "It waits.",
        "The operator has not caught up yet.\nIt becomes active as soon as its targets are free. Follow it: govcloud permit watch tax-lake\n"
    )]
    fn what_is_approved_says_what_it_waits_for(
        #[case] recorded: &str,
        #[case] status: &str,
        #[case] reason: &str,
        #[case] message: &str,
        #[case] step: &str,
    ) {
        let ready = testing::condition("Ready", status, reason, message);
        let permit = permit("tax-lake", "GC-1", "Unique", &json!({"phase": recorded, "conditions": [ready]}));
        let case = Case { permit, reviews: vec![], agency: None };
        let phase = if recorded == "Active" { Phase::Active } else { Phase::Approved };
        assert_eq!(next_step(&case, phase, &case.effective(testing::now())), step);
    }
}
