//! `govcloud service requests` and `govcloud service consent`: spare capacity that an agency shares.

use clap::Args;
use govcloud_crds::{
    ProcessingPermit, SharedService,
    permit::{SharingRequest, SharingStatus},
    service::sharing::consents_to_keep,
};
use kube::{
    Api, ResourceExt as _,
    api::{Patch, PatchParams},
};
use serde_json::json;

use crate::{
    commands::permit::find::title,
    confirm::confirm,
    context::{Context, FIELD_MANAGER},
    error::{CliError, Kind, Result},
    exit::Exit,
    output::{Table, text::plain},
};

/// `govcloud service consent`.
#[derive(Clone, Debug, Args)]
pub struct ConsentArgs {
    /// The service that shares your spare capacity
    pub service: String,
    /// The claim: its id as govcloud service requests shows it, or the claim's name
    pub claim: String,
    /// Take the consent back; the claim loses what it has
    #[arg(long)]
    pub revoke: bool,
    /// Do not ask for confirmation
    #[arg(short, long)]
    pub yes: bool,
}

/// Runs `govcloud service requests`.
pub async fn requests(ctx: &Context) -> Result<Exit> {
    let shared = sharing(ctx).await?;
    ctx.out.list(&shared, || table(&shared))?;
    Ok(Exit::Ok)
}

/// Permits of the caller's agency that share.
async fn sharing(ctx: &Context) -> Result<Vec<ProcessingPermit>> {
    let mut permits: Vec<ProcessingPermit> = ctx.list(ctx.namespaced(&ctx.home().await?)).await?;
    permits.retain(|permit| permit.status.as_ref().is_some_and(|s| s.sharing.is_some()));
    Ok(permits)
}

fn table(permits: &[ProcessingPermit]) -> Table {
    let headers = ["PERMIT", "SERVICE", "ID", "AGENCY", "PROJECT", "CLAIM", "PLAN", "AGREED", "PURPOSE"];
    let empty = "Nobody asks for what you share. You share spare capacity with sharingOffer of a permit; what is offered: govcloud service list";
    let mut table = Table::new(&headers, empty);
    for permit in permits {
        let Some(sharing) = permit.status.as_ref().and_then(|s| s.sharing.as_ref()) else { continue };
        for request in &sharing.requests {
            let agreed = if request.agreed { "yes" } else { "no" };
            table.row(vec![
                title(permit),
                sharing.service.clone(),
                short(&request.claim).to_owned(),
                request.agency.clone(),
                request.project.clone(),
                request.name.clone(),
                request.plan.clone(),
                agreed.to_owned(),
                request.purpose.clone(),
            ]);
        }
    }
    table
}

/// As much of a uid as tells claims apart.
fn short(uid: &str) -> &str {
    uid.get(..8).unwrap_or(uid)
}

/// Runs `govcloud service consent`.
pub async fn run(ctx: &Context, args: &ConsentArgs) -> Result<Exit> {
    let permits = sharing(ctx).await?;
    let (sharing, request) = wanted(&permits, args)?;
    let api: Api<SharedService> = Api::all(ctx.client.clone());
    let service = api.get(&args.service).await?;
    let is_there = service.spec.consents.iter().any(|consent| consent.claim == request.claim);
    if is_there != args.revoke {
        let state = if args.revoke { "is not agreed to anyway" } else { "is agreed to already" };
        ctx.out.object(&service, || format!("{} {state}.\n", who(request)))?;
        return Ok(Exit::Ok);
    }
    ctx.out.note(&beforehand(request, args.revoke));
    confirm(if args.revoke { "Take the consent back?" } else { "Agree?" }, args.yes)?;
    let mut consents: Vec<_> =
        consents_to_keep(&service.spec.consents, sharing, &request.claim).into_iter().map(|c| json!(c)).collect();
    if !args.revoke {
        consents.push(json!({"claim": request.claim, "by": ctx.caller().await?.user}));
    }
    // The list is written whole, so another's word of meanwhile must not be lost.
    let patch = json!({"metadata": {"resourceVersion": service.resource_version()}, "spec": {"consents": consents}});
    let params = PatchParams { field_manager: Some(FIELD_MANAGER.into()), ..PatchParams::default() };
    let written = api.patch(&args.service, &params, &Patch::Merge(patch)).await?;
    ctx.out.object(&written, || {
        if args.revoke {
            format!("Taken back from {}.\n", who(request))
        } else {
            format!("Agreed to {}. Take it back: add --revoke\n", who(request))
        }
    })?;
    Ok(Exit::Ok)
}

/// The request that is meant.
fn wanted<'a>(permits: &'a [ProcessingPermit], args: &ConsentArgs) -> Result<(&'a SharingStatus, &'a SharingRequest)> {
    let see = "See who asks: govcloud service requests";
    let sharing = permits.iter().filter_map(|p| p.status.as_ref()?.sharing.as_ref()).find(|s| s.service == args.service);
    let Some(sharing) = sharing else {
        return Err(
            CliError::new(Kind::NotFound, format!("{} is no spare capacity that your agency shares", args.service)).hint(see)
        );
    };
    let is = |request: &&SharingRequest| {
        request.claim == args.claim
            || request.name == args.claim
            || (args.claim.len() >= 4 && request.claim.starts_with(&args.claim))
    };
    let found: Vec<_> = sharing.requests.iter().filter(is).collect();
    match found.as_slice() {
        [one] => Ok((sharing, one)),
        [] => {
            Err(CliError::new(Kind::NotFound, format!("nobody asks for {} with a claim {}", args.service, args.claim)).hint(see))
        }
        several => Err(CliError::usage(format!("{} claims are called so", several.len()))
            .hint(format!("Name one by its id: {}", several.iter().map(|r| short(&r.claim)).collect::<Vec<_>>().join(", ")))),
    }
}

fn who(request: &SharingRequest) -> String {
    format!("claim {} of {} ({})", request.name, request.agency, request.project)
}

fn beforehand(request: &SharingRequest, revoke: bool) -> String {
    if revoke {
        return format!("{} loses its Secret, the way through the network and its capacity.", capitalised(&who(request)));
    }
    let purpose = if request.purpose.is_empty() {
        "They do not say what for.".to_owned()
    } else {
        format!("They say: {}", plain(&request.purpose))
    };
    format!("{} asks for plan {}. {purpose}", capitalised(&who(request)), request.plan)
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().collect::<String>() + letters.as_str()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::testing;

    fn permits() -> Vec<ProcessingPermit> {
        let request = |uid: &str, name: &str, agency: &str, agreed: bool| json!({"claim": uid, "name": name, "agency": agency, "project": "border", "plan": "all", "purpose": "Peak of the season", "agreed": agreed});
        let status = json!({"phase": "Active", "number": "GC-2026-000042", "sharing": {"service": "shared-gc-2026-000042", "requests": [
            request("5c1f0a9b-e2d4-4771-8c3a-000000000001", "events", "customs", false),
            request("77770a9b-e2d4-4771-8c3a-000000000002", "events", "land-agency", true),
            request("88880a9b-e2d4-4771-8c3a-000000000003", "peak", "land-agency", true)]}});
        let spec = json!({"requestedBy": "requester@tax", "processingClass": "message-broker", "project": "analytics", "justification": "The filing season.", "targets": []});
        vec![testing::object("ProcessingPermit", "agency-tax-administration", "events", spec, status)]
    }

    fn args(service: &str, claim: &str) -> ConsentArgs {
        ConsentArgs { service: service.into(), claim: claim.into(), revoke: false, yes: true }
    }

    #[test]
    fn who_asks_is_shown_and_found() {
        insta::assert_snapshot!("requests", table(&permits()).render(true));
        insta::assert_snapshot!("requests_none", table(&[]).render(true));
        let (all, shared) = (permits(), "shared-gc-2026-000042");
        assert_eq!(wanted(&all, &args(shared, "5c1f0a9b")).expect("by id").1.agency, "customs");
        assert_eq!(wanted(&all, &args(shared, "peak")).expect("by name").1.agency, "land-agency");
        let refused = [args(shared, "events"), args(shared, "nobody"), args("national-streaming", "peak"), args(shared, "5c1")];
        let said = refused.map(|args| wanted(&all, &args).expect_err("refused").render(false));
        insta::assert_snapshot!("consent_refused", said.join("\n"));
    }

    #[test]
    fn what_it_means_is_said_before() {
        let all = permits();
        let (_, request) = wanted(&all, &args("shared-gc-2026-000042", "peak")).expect("there");
        insta::assert_snapshot!("consent", [beforehand(request, false), beforehand(request, true)].join("\n"));
    }
}
