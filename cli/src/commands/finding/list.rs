//! `govcloud finding list`.

use clap::Args;
use govcloud_crds::{ProcessingFinding, finding::FindingRule, names::resource_key};
use jiff::Timestamp;
use kube::{Api, ResourceExt as _};

use crate::{
    context::{Context, agency_of_namespace},
    error::{CliError, Kind, Result},
    exit::Exit,
    output::{
        Table,
        text::{age, amounts, day, plain},
    },
};

/// `govcloud finding list`.
#[derive(Clone, Debug, Args)]
pub struct ListArgs {
    /// The findings about all agencies, and about what belongs to none
    #[arg(short = 'A', long)]
    pub all_agencies: bool,
    /// Only those of this rule, such as Unpermitted; repeatable
    #[arg(long, value_parser = rule, value_name = "RULE")]
    pub rule: Vec<FindingRule>,
    /// Only those that nobody acknowledged
    #[arg(long)]
    pub open: bool,
}

fn rule(text: &str) -> Result<FindingRule, String> {
    let found = FindingRule::ALL.into_iter().find(|rule| rule.to_string().eq_ignore_ascii_case(text));
    found.ok_or_else(|| format!("it is one of {}", FindingRule::ALL.map(|rule| rule.to_string()).join(", ")))
}

/// Runs `govcloud finding list`.
pub async fn run(ctx: &Context, args: &ListArgs) -> Result<Exit> {
    let api = if args.all_agencies { Api::all(ctx.client.clone()) } else { ctx.namespaced(&home(ctx).await?) };
    let mut findings: Vec<ProcessingFinding> = ctx.list(api).await.map_err(|error| match error.kind() {
        Kind::Forbidden if args.all_agencies => error.hint("See those about your own agency: leave --all-agencies out"),
        _ => error,
    })?;
    findings.retain(|finding| args.rule.is_empty() || args.rule.contains(&finding.spec.rule));
    findings.retain(|finding| !args.open || !finding.is_acknowledged(ctx.now));
    findings.sort_by_key(|finding| (finding.namespace(), finding.spec.rule, finding.spec.object.clone()));
    ctx.out.list(&findings, || table(&findings, args.all_agencies, ctx.out.wide(), ctx.now))?;
    Ok(Exit::Ok)
}

async fn home(ctx: &Context) -> Result<String> {
    ctx.home().await.map_err(|error: CliError| error.hint("Or see those about all agencies: --all-agencies"))
}

fn table(findings: &[ProcessingFinding], with_agency: bool, wide: bool, now: Timestamp) -> Table {
    let mut headers = vec!["NAME", "RULE", "OBJECT", "IN", "TAKES", "FOR", "ACKNOWLEDGED"];
    if with_agency {
        headers.insert(1, "AGENCY");
    }
    if wide {
        headers.extend(["CLASS", "INSTEAD", "MESSAGE"]);
    }
    let mut table = Table::new(&headers, "There is nothing of the kind. What runs has its permit, as far as the scanner sees.");
    for finding in findings {
        let spec = &finding.spec;
        let mut row = vec![
            finding.name_any(),
            spec.rule.to_string(),
            format!("{}/{}", resource_key(&spec.object.group, &spec.object.resource), spec.object.name),
            spec.object.namespace.clone(),
            if spec.capacity.is_empty() { String::new() } else { amounts(&spec.capacity) },
            age(finding.status.as_ref().and_then(|status| status.first_seen.as_ref()), now),
            acknowledged(finding, now),
        ];
        if with_agency {
            row.insert(1, finding.namespace().as_deref().and_then(agency_of_namespace).unwrap_or_default().to_owned());
        }
        if wide {
            row.extend([spec.processing_class.clone().unwrap_or_default(), spec.alternatives.join(", "), plain(&spec.message)]);
        }
        table.row(row);
    }
    table
}

/// `until 2027-01-10`, or since when a word holds no more.
pub fn acknowledged(finding: &ProcessingFinding, now: Timestamp) -> String {
    match &finding.spec.acknowledgement {
        Some(word) if finding.is_acknowledged(now) => format!("until {}", day(word.until.0)),
        Some(word) => format!("ended {}", day(word.until.0)),
        None => String::new(),
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::commands::testing;
    use serde_json::{Value, json};

    fn finding(namespace: &str, name: &str, change: &Value) -> ProcessingFinding {
        let mut spec = json!({
            "rule": "Unpermitted", "processingClass": "message-broker", "capacity": {"brokers": "3", "storage": "3Ti"},
            "object": {"group": "kafka.strimzi.io", "resource": "kafkanodepools", "namespace": "tax-administration--analytics", "name": "old-events"},
            "message": "Runs without a permit. Request one, or move to national-streaming (plan large fits).",
            "alternatives": ["national-streaming/large"],
        });
        for (key, value) in change.as_object().expect("an object") {
            spec[key] = value.clone();
        }
        let status = json!({"firstSeen": "2026-10-13T08:00:00Z", "lastSeen": "2026-11-23T07:00:00Z"});
        testing::object("ProcessingFinding", namespace, name, spec, status)
    }

    /// One that is open, one that is acknowledged, and one about no agency whose acknowledgement has ended.
    pub fn findings() -> Vec<ProcessingFinding> {
        let word = |until: &str| json!({"by": "reviewer-1@ministry", "reason": "Moves in March.", "until": until});
        let definition =
            json!({"group": "apiextensions.k8s.io", "resource": "customresourcedefinitions", "name": "lakes.data.example"});
        let none = json!({"rule": "Unclassified", "processingClass": null, "capacity": {}, "alternatives": [], "object": definition,
            "message": "Looks like processing infrastructure.", "acknowledgement": word("2026-11-01T00:00:00Z")});
        vec![
            finding("agency-tax-administration", "aa11aa11aa11aa11aa11", &json!({})),
            finding(
                "agency-tax-administration",
                "bb22bb22bb22bb22bb22",
                &json!({"rule": "Duplicate", "acknowledgement": word("2027-03-31T00:00:00Z")}),
            ),
            finding("govcloud-system", "cc33cc33cc33cc33cc33", &none),
        ]
    }

    #[test]
    fn tables() {
        insta::assert_snapshot!("findings", table(&findings(), false, false, testing::now()).render(true));
        insta::assert_snapshot!("findings_wide_all", table(&findings(), true, true, testing::now()).render(true));
        insta::assert_snapshot!("findings_none", table(&[], false, false, testing::now()).render(true));
    }

    #[test]
    fn rules_are_read_in_any_case() {
        assert_eq!(rule("exceedspermit"), Ok(FindingRule::ExceedsPermit));
        assert!(rule("ugly").expect_err("unknown").contains("Suspicious"));
    }
}
