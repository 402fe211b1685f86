//! `govcloud service drain`: the end of a service.

use clap::Args;
use govcloud_crds::{
    SharedService,
    service::{Drain, rules::end_of},
};
use jiff::{Timestamp, civil::Date};
use kube::{
    Api, ResourceExt as _,
    api::{Patch, PatchParams},
};
use serde_json::json;

use crate::{
    confirm::confirm,
    context::{Context, FIELD_MANAGER},
    error::{CliError, Kind, Result},
    exit::Exit,
    output::text::{amounts, count},
};

/// `govcloud service drain`.
#[derive(Clone, Debug, Args)]
pub struct DrainArgs {
    /// The service
    pub name: String,
    /// The day on which it ends, such as 2027-03-20; what is left of its claims is released then
    #[arg(long, value_name = "DAY", value_parser = day, required_unless_present = "cancel")]
    pub by: Option<String>,
    /// The service that takes its claims over, plan by plan of the same name
    #[arg(long, value_name = "SERVICE")]
    pub move_to: Option<String>,
    /// Let it go on after all
    #[arg(long, conflicts_with_all = ["by", "move_to"])]
    pub cancel: bool,
    /// Do not ask for confirmation
    #[arg(short, long)]
    pub yes: bool,
}

fn day(text: &str) -> Result<String, String> {
    let day: Date = text.parse().map_err(|_| "write a day such as 2027-03-20".to_owned())?;
    Ok(day.to_string())
}

/// Runs `govcloud service drain`.
pub async fn run(ctx: &Context, args: &DrainArgs) -> Result<Exit> {
    let api: Api<SharedService> = Api::all(ctx.client.clone());
    let service = api.get(&args.name).await?;
    let wanted = args.by.clone().map(|by| Drain { by, move_to: args.move_to.clone() });
    if service.spec.drain == wanted {
        ctx.out.object(&service, || format!("{} is so already: {}\n", args.name, outcome(&service)))?;
        return Ok(Exit::Ok);
    }
    if let Some(drain) = &wanted {
        lies_ahead(drain, ctx.now)?;
        let successor = match &drain.move_to {
            Some(other) => Some(successor(&service, other, &ctx.services().await?)?),
            None => None,
        };
        ctx.out.note(&beforehand(&service, drain, successor.as_ref()));
    }
    let question = if args.cancel { format!("Let {} go on?", args.name) } else { format!("End {}?", args.name) };
    confirm(&question, args.yes)?;
    let drain = wanted.map(|drain| json!({"by": drain.by, "moveTo": drain.move_to}));
    let patch = json!({"metadata": {"resourceVersion": service.resource_version()}, "spec": {"drain": drain}});
    let params = PatchParams { field_manager: Some(FIELD_MANAGER.into()), ..PatchParams::default() };
    let written = api.patch(&args.name, &params, &Patch::Merge(patch)).await?;
    ctx.out.object(&written, || format!("{}: {}\n", args.name, outcome(&written)))?;
    Ok(Exit::Ok)
}

fn lies_ahead(drain: &Drain, now: Timestamp) -> Result<()> {
    if end_of(drain).is_some_and(|end| end > now) {
        return Ok(());
    }
    Err(CliError::usage(format!("{} has passed or begun; all claims would be released at once", drain.by))
        .hint("Give agencies time, and name a day that is to come: --by 2027-03-20"))
}

/// The service that is to take over, if it can.
fn successor(service: &SharedService, other: &str, all: &[SharedService]) -> Result<SharedService> {
    if other == service.name_any() {
        return Err(
            CliError::usage(format!("{other} cannot take its own claims over")).hint("Name another service: --move-to SERVICE")
        );
    }
    let Some(found) = all.iter().find(|s| s.name_any() == other) else {
        return Err(CliError::new(Kind::NotFound, format!("there is no shared service {other}"))
            .hint("See what there is: govcloud service list"));
    };
    if !found.is_offered() {
        return Err(CliError::failure(format!("{other} takes no claims itself: it is a draft, or ends too"))
            .hint(format!("See it: govcloud service show {other}")));
    }
    Ok(found.clone())
}

/// What comes of it for those who use it.
fn beforehand(service: &SharedService, drain: &Drain, successor: Option<&SharedService>) -> String {
    let status = service.status.clone().unwrap_or_default();
    let claims = usize::try_from(status.claims).unwrap_or(0);
    let mut lines = vec![
        format!("{} takes no new claims from now on, and ends on {}.", service.name_any(), drain.by),
        format!("{} {} warned.", count(claims, "claim"), if claims == 1 { "is" } else { "are" }),
    ];
    match successor {
        None => lines.push(
            "Nothing takes them over: what is still there on that day is released (--move-to SERVICE changes that).".to_owned(),
        ),
        Some(other) => {
            let name = other.name_any();
            lines.push(format!(
                "Each moves to {name} as soon as that has room for it, and keeps its Secret's name; {} free there, {} held here.",
                amounts(&other.available()),
                amounts(&status.allocated)
            ));
            let held = |plan: &str| status.reservations.is_empty() || status.reservations.iter().any(|r| r.plan == plan);
            let missing: Vec<_> = service
                .spec
                .plans
                .iter()
                .map(|p| p.name.as_str())
                .filter(|plan| other.spec.plan(plan).is_none() && held(plan))
                .collect();
            if !missing.is_empty() {
                lines.push(format!(
                    "{name} has no plan {}, so claims of that stay here and are released on that day.",
                    missing.join(", ")
                ));
            }
        }
    }
    lines.join("\n")
}

fn outcome(service: &SharedService) -> String {
    match &service.spec.drain {
        None => "it goes on, and takes claims.".to_owned(),
        Some(Drain { by, move_to: None }) => {
            format!("it ends on {by}. Who uses it is warned; see how many are left: govcloud service show {}", service.name_any())
        }
        Some(Drain { by, move_to: Some(other) }) => {
            format!(
                "it ends on {by}. Its claims move to {other}; see how many are left: govcloud service show {}",
                service.name_any()
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::testing;

    fn drain(by: &str, move_to: Option<&str>) -> Drain {
        Drain { by: by.to_owned(), move_to: move_to.map(str::to_owned) }
    }

    fn named(name: &str, spec: &serde_json::Value) -> SharedService {
        let mut service = testing::changed(&testing::streaming(), spec, &json!({}));
        service.metadata.name = Some(name.to_owned());
        service
    }

    #[test]
    fn the_day_is_one_that_is_to_come() {
        assert_eq!(
            (day("2027-03-20").as_deref(), day("2027-02-30").is_err(), day("soon").is_err()),
            (Ok("2027-03-20"), true, true)
        );
        assert!(lies_ahead(&drain("2027-03-20", None), testing::now()).is_ok());
        let said = lies_ahead(&drain("2026-11-23", None), testing::now()).expect_err("today");
        insta::assert_snapshot!("drain_today", said.render(false));
    }

    #[test]
    fn who_takes_over_can() {
        let all = [named("streaming-2", &json!({})), named("ending", &json!({"drain": {"by": "2027-01-01"}}))];
        assert!(successor(&testing::streaming(), "streaming-2", &all).is_ok());
        let said = ["national-streaming", "nowhere", "ending"]
            .map(|other| successor(&testing::streaming(), other, &all).expect_err("refused").render(false));
        insta::assert_snapshot!("drain_refused", said.join("\n"));
    }

    #[test]
    fn what_comes_of_it_is_said_before() {
        let other = named("streaming-2", &json!({"plans": [{"name": "standard"}]}));
        let streaming = testing::streaming();
        let said = [
            beforehand(&streaming, &drain("2027-03-20", None), None),
            beforehand(&streaming, &drain("2027-03-20", Some("streaming-2")), Some(&other)),
            outcome(&named("x", &json!({"drain": {"by": "2027-03-20"}}))),
            outcome(&named("x", &json!({"drain": {"by": "2027-03-20", "moveTo": "streaming-2"}}))),
            outcome(&streaming),
        ];
        insta::assert_snapshot!("drain", said.join("\n\n"));
    }
}
