//! `govcloud permit show`.

use govcloud_crds::{
    ProcessingPermit, conditions,
    permit::{
        Phase,
        effective::{Effective, granted_targets},
    },
};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt as _;

use super::{
    explain::{explain, head, lines},
    find::{Case, case},
    next::can_do,
    objects::target_lines,
};
use crate::{
    context::Context,
    error::Result,
    exit::Exit,
    output::{
        Paint,
        text::{amounts, day, fields, indented},
    },
};

pub use super::explain::lines::assessment_in_words;

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
    let explanation = explain(case, now);
    let mut text = head(&explanation, now, paint);
    text += &lines::render(&explanation.lines, paint);
    text += &decision(&effective);
    text += &asked(case);
    text += &target_lines(&granted_targets(&case.permit));
    text + &next_step(case, phase(case, &effective), &effective)
}

/// What was asked for.
fn asked(case: &Case) -> String {
    let spec = &case.permit.spec;
    let rejected: Vec<_> = spec.alternatives.iter().map(|a| format!("{}: {}", a.shared_service, a.rejected_because)).collect();
    let documents: Vec<_> = spec.evidence.iter().map(|e| e.name.clone()).collect();
    let shares = if spec.sharing_offer.is_empty() { String::new() } else { amounts(&spec.sharing_offer) };
    fields(&[
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
        ("rejected", rejected.join("\n")),
        ("documents", documents.join(", ")),
        ("shares", shares),
    ])
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
        Phase::UnderReview => {
            let groups: Vec<_> = effective.missing.iter().map(|q| q.group.as_str()).collect();
            format!(
                "Nothing to do for the agency; it waits for {}. Follow it: govcloud permit watch {name}",
                groups.join(" and ")
            )
        }
        Phase::Pending => format!("Follow it: govcloud permit watch {name}"),
        Phase::Approved => format!("{} Follow it: govcloud permit watch {name}", waits_to_start(case, lagging)),
        Phase::Active => format!("Its targets may run in {}--{}.", case.agency_name(), case.permit.spec.project),
        Phase::Returned => "The reviewers want to know more.".to_owned(),
        Phase::Suspended => "Nothing of it may start or grow until a reviewer lets it go on.".to_owned(),
        Phase::Denied => {
            format!("Use a shared service: govcloud service search {}", case.permit.spec.processing_class)
        }
        Phase::Revoked | Phase::Expired => "Nothing of it may start or grow, and what runs must drain.".to_owned(),
        Phase::Withdrawn => "The agency took it back.".to_owned(),
        Phase::Superseded => "Another permit took its place.".to_owned(),
    };
    let then = match phase {
        Phase::Pending | Phase::UnderReview | Phase::Approved | Phase::Active | Phase::Suspended => String::new(),
        over => can_do(&case.permit, over),
    };
    format!("{note}{step}\n{then}")
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
