//! `govcloud finding acknowledge`.

use clap::Args;
use govcloud_crds::{ProcessingFinding, names::agency_of_home};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use kube::{
    Api, ResourceExt as _,
    api::{Patch, PatchParams},
};
use serde_json::json;

use super::find::find;
use crate::{
    context::{Context, FIELD_MANAGER},
    error::{CliError, Kind, Result},
    exit::Exit,
    output::text::day,
};

/// `govcloud finding acknowledge`.
#[derive(Clone, Debug, Args)]
pub struct AcknowledgeArgs {
    /// The finding's name, or its beginning
    pub finding: String,
    /// Why it may stay; the agency reads it
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    pub reason: String,
    /// Until when it may stay: a day such as 2027-03-31, or a moment such as 2027-03-31T12:00:00Z
    #[arg(long, value_name = "DAY", value_parser = until)]
    pub until: Timestamp,
}

fn reason(text: &str) -> Result<String, String> {
    let text = text.trim();
    match text.chars().count() {
        0..=2 => Err("say why, in a few words: the agency reads it".to_owned()),
        3..=1000 => Ok(text.to_owned()),
        _ => Err("at most 1000 letters; say the rest in a document".to_owned()),
    }
}

/// A day is meant to its end.
fn until(text: &str) -> Result<Timestamp, String> {
    const FORM: &str = "write a day such as 2027-03-31, or a moment such as 2027-03-31T12:00:00Z";
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Ok(moment);
    }
    let day: Date = text.parse().map_err(|_| FORM.to_owned())?;
    let end = day.at(23, 59, 59, 0).to_zoned(TimeZone::UTC).map_err(|_| FORM.to_owned())?;
    Ok(end.timestamp())
}

/// Runs `govcloud finding acknowledge`.
pub async fn run(ctx: &Context, args: &AcknowledgeArgs) -> Result<Exit> {
    lies_ahead(args.until, ctx.now)?;
    let finding = find(ctx, &args.finding).await?;
    let namespace = finding.namespace().unwrap_or_default();
    allowed(ctx, &namespace).await?;
    let by = ctx.caller().await?.user.clone();
    let word = json!({"by": by, "reason": args.reason, "until": args.until.to_string()});
    let api: Api<ProcessingFinding> = ctx.namespaced(&namespace);
    let params = PatchParams { field_manager: Some(FIELD_MANAGER.into()), ..PatchParams::default() };
    // The uid makes sure that it is the finding that was looked at, and no later one about the same.
    let patch = json!({"metadata": {"uid": finding.uid()}, "spec": {"acknowledgement": word}});
    let written = api.patch(&finding.name_any(), &params, &Patch::Merge(patch)).await?;
    ctx.out.object(&written, || said(&written, args.until))?;
    Ok(Exit::Ok)
}

fn lies_ahead(until: Timestamp, now: Timestamp) -> Result<()> {
    if until > now {
        return Ok(());
    }
    Err(CliError::usage(format!("{until} has passed, so the acknowledgement would count for nothing"))
        .hint("Name a day that is to come: --until 2027-03-31"))
}

/// Asks the API server before anything is sent, about the right to change findings and about being a member of the agency.
async fn allowed(ctx: &Context, namespace: &str) -> Result<()> {
    if !ctx.may("patch", "processingfindings", namespace).await? {
        return Err(CliError::new(Kind::Forbidden, "only reviewers acknowledge findings")
            .hint("Ask the ministry; or do what the finding says: govcloud finding show NAME"));
    }
    let agency = agency_of_home(namespace);
    if agency.is_some() && ctx.may("member", "processingpermits", namespace).await? {
        return Err(CliError::new(Kind::Forbidden, "nobody acknowledges what was found about their own agency")
            .hint("Ask a reviewer who is no member of it"));
    }
    Ok(())
}

fn said(finding: &ProcessingFinding, until: Timestamp) -> String {
    format!(
        "{} about {} is acknowledged until {}. After that it counts again.\n",
        finding.spec.rule,
        finding.spec.object.label(),
        day(until)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::{finding::list::tests::findings, testing};
    use rstest::rstest;

    #[rstest]
    #[case("2027-03-31", Some("2027-03-31T23:59:59Z"))]
    #[case("2027-03-31T12:00:00Z", Some("2027-03-31T12:00:00Z"))]
    #[case("March", None)]
    #[case("2027-02-30", None)]
    #[case("", None)]
    fn ends_are_days_or_moments(#[case] text: &str, #[case] moment: Option<&str>) {
        assert_eq!(until(text).ok().map(|time| time.to_string()).as_deref(), moment);
    }

    #[test]
    fn what_would_count_for_nothing_is_not_sent() {
        assert!(lies_ahead(testing::now(), testing::now()).expect_err("past").hints()[0].contains("--until"));
        assert!(lies_ahead("2027-01-01T00:00:00Z".parse().expect("valid"), testing::now()).is_ok());
        assert!(reason("  a ").is_err() && reason(&"a".repeat(1001)).is_err());
        assert_eq!(reason(" It moves. "), Ok("It moves.".to_owned()));
    }

    #[test]
    fn it_says_what_it_means() {
        let until = "2027-03-31T00:00:00Z".parse().expect("valid");
        let said = said(&findings()[0], until);
        assert!(
            said.starts_with("Unpermitted about kafkanodepools.kafka.strimzi.io/old-events in tax-administration--analytics is")
        );
    }
}
