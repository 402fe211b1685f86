//! `govcloud permit list`.

use clap::Args;
use govcloud_crds::{
    ProcessingPermit,
    conditions::is_true,
    permit::{Intent, Phase},
};
use jiff::Timestamp;
use kube::{Api, ResourceExt as _};

use super::{find::agency_name, show::project_gone};
use crate::{
    context::Context,
    error::{CliError, Kind, Result},
    exit::Exit,
    output::{
        Table,
        text::{age, day},
    },
};

/// `govcloud permit list`.
#[derive(Clone, Debug, Args)]
pub struct ListArgs {
    /// The permits of all agencies
    #[arg(short = 'A', long)]
    pub all_agencies: bool,
    /// Only those in this phase, such as UnderReview; repeatable
    #[arg(long, value_parser = phase, value_name = "PHASE")]
    pub phase: Vec<Phase>,
}

fn phase(text: &str) -> Result<Phase, String> {
    let found = Phase::ALL.into_iter().find(|phase| phase.to_string().eq_ignore_ascii_case(text));
    found.ok_or_else(|| format!("it is one of {}", Phase::ALL.map(|p| p.to_string()).join(", ")))
}

/// Runs `govcloud permit list`.
pub async fn run(ctx: &Context, args: &ListArgs) -> Result<Exit> {
    let api = if args.all_agencies { Api::all(ctx.client.clone()) } else { ctx.namespaced(&home(ctx).await?) };
    let mut permits: Vec<ProcessingPermit> = ctx.list(api).await.map_err(|error| match error.kind() {
        Kind::Forbidden if args.all_agencies => error.hint("See those of your own agency: leave --all-agencies out"),
        _ => error,
    })?;
    permits.retain(|permit| args.phase.is_empty() || args.phase.contains(&phase_of(permit)));
    ctx.out.list(&permits, || table(&permits, args.all_agencies, ctx.out.wide(), ctx.now))?;
    Ok(Exit::Ok)
}

async fn home(ctx: &Context) -> Result<String> {
    ctx.home().await.map_err(|error: CliError| error.hint("Or see those of all agencies: --all-agencies"))
}

fn phase_of(permit: &ProcessingPermit) -> Phase {
    permit.status.as_ref().map(|s| s.phase).unwrap_or_default()
}

/// The phase, and what one has to know of it: who took its place, or that somebody should see to it.
fn phase_in_words(permit: &ProcessingPermit) -> String {
    let phase = phase_of(permit);
    let status = permit.status.clone().unwrap_or_default();
    let holds = |kind: &&str| is_true(&status.conditions, kind);
    if project_gone(permit).is_some() {
        return format!("{phase} (ProjectGone)");
    }
    match (phase, &status.superseded_by, ["Overdue", "Expiring", "Draining"].iter().find(|kind| holds(kind))) {
        (Phase::Superseded, Some(by), _) => format!("{phase} (by {by})"),
        (_, _, Some(kind)) => format!("{phase} ({kind})"),
        _ => phase.to_string(),
    }
}

/// `New`, or what it is and of which permit: `Renewal of tax-lake`.
fn intent_in_words(permit: &ProcessingPermit) -> String {
    match (permit.spec.intent, &permit.spec.prior) {
        (Intent::New, Some(prior)) => format!("Answer to {prior}"),
        (intent, Some(prior)) => format!("{intent:?} of {prior}"),
        (intent, None) => format!("{intent:?}"),
    }
}

fn table(permits: &[ProcessingPermit], with_agency: bool, wide: bool, now: Timestamp) -> Table {
    let mut headers = vec!["NUMBER", "NAME", "PHASE", "CLASS", "PROJECT", "ASSESSMENT", "EXPIRES", "AGE"];
    if with_agency {
        headers.insert(1, "AGENCY");
    }
    if wide {
        headers.extend(["REQUESTED BY", "DUE", "INTENT"]);
    }
    let mut table = Table::new(&headers, "There are no such permits. Ask for one: govcloud permit request --help");
    for permit in permits {
        let (spec, status) = (&permit.spec, permit.status.clone().unwrap_or_default());
        let mut row = vec![
            status.number.unwrap_or_default(),
            permit.name_any(),
            phase_in_words(permit),
            spec.processing_class.clone(),
            spec.project.clone(),
            status.assessment.map(|a| a.result.to_string()).unwrap_or_default(),
            status.not_after.map(|t| day(t.0)).unwrap_or_default(),
            age(permit.metadata.creation_timestamp.as_ref(), now),
        ];
        if with_agency {
            row.insert(1, agency_name(permit));
        }
        if wide {
            row.extend([
                spec.requested_by.clone(),
                status.queue.map(|q| day(q.due_by.0)).unwrap_or_default(),
                intent_in_words(permit),
            ]);
        }
        table.row(row);
    }
    table
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::commands::testing;
    use serde_json::{Value, json};

    const DIGEST: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

    /// A request of the tax administration for a message broker, with this status beside what every status has.
    pub fn permit(name: &str, number: &str, result: &str, more: &Value) -> ProcessingPermit {
        let spec = json!({
            "requestedBy": "requester@tax", "processingClass": "object-storage", "project": "analytics",
            "targets": [{"group": "minio.min.io", "resource": "tenants", "name": "lake", "replicas": 4, "perReplica": {"storage": "100Ti"}}],
            "justification": "Filing season produces many documents.\nThey must be kept ten years.", "zones": ["tehran-2"],
        });
        let mut status = json!({
            "phase": "UnderReview", "number": number, "digest": DIGEST, "queue": {"position": 4, "dueBy": "2026-12-23T08:00:00Z"},
            "policy": {"class": "object-storage", "generation": 1, "approval": {"quorum": [{"group": "ministry:reviewers", "count": 1}]}, "regimeReviewers": "security:smc"},
            "assessment": {"result": result, "assessedAt": "2026-11-20T08:00:00Z", "demand": {"storage": "400Ti"}, "offers": [
                {"offer": "national-lake/large", "result": if result == "Duplicate" { "Fits" } else { "Mismatch" }, "predicates": [
                    {"name": "Class", "result": "True", "message": "object-storage covers object-storage"},
                    {"name": "Zone", "result": if result == "Duplicate" { "True" } else { "False" }, "message": "it does not stand in tehran-2"}]}]},
        });
        for (key, value) in more.as_object().expect("an object") {
            status[key] = value.clone();
        }
        testing::object("ProcessingPermit", "agency-tax-administration", name, spec, status)
    }

    /// A request that waits, one that is active and one that nobody has looked at.
    pub fn permits() -> Vec<ProcessingPermit> {
        let active =
            json!({"phase": "Active", "validFrom": "2026-10-20T00:00:00Z", "notAfter": "2027-10-20T00:00:00Z", "queue": null});
        let mut new = permit("tax-new", "x", "Unique", &json!({}));
        new.status = None;
        vec![
            permit("tax-lake", "GC-2026-000042", "Unique", &json!({})),
            permit("tax-events", "GC-2026-000007", "Overlaps", &active),
            new,
        ]
    }

    #[test]
    fn tables() {
        insta::assert_snapshot!("permits", table(&permits(), false, false, testing::now()).render(true));
        insta::assert_snapshot!("permits_wide_all", table(&permits(), true, true, testing::now()).render(true));
        insta::assert_snapshot!("permits_none", table(&[], false, false, testing::now()).render(true));
    }

    #[test]
    fn a_permit_whose_project_is_gone_says_so() {
        let gone = testing::condition("Ready", "False", "ProjectGone", "The project is gone. Withdraw it.");
        let gone = permit("tax-lake", "GC-1", "Unique", &json!({"phase": "Approved", "conditions": [gone]}));
        assert!(table(&[gone], false, false, testing::now()).render(true).contains("Approved (ProjectGone)"));
    }

    #[test]
    fn phases_are_read_in_any_case() {
        assert_eq!(phase("underreview"), Ok(Phase::UnderReview));
        assert!(phase("waiting").expect_err("unknown").contains("Superseded"));
    }
}
