//! `govcloud service show`.

use govcloud_crds::{
    SharedService,
    common::AgencySelector,
    service::{Access, Stage, rules::describe_eligibility},
};
use kube::{Api, ResourceExt as _};

use super::{
    claim_view::network,
    fit::{Fit, next, plans},
    standing::Standing,
};
use crate::{
    context::Context,
    error::Result,
    exit::Exit,
    output::{
        Paint, Table,
        text::{amounts, condition_lines, fields, plain},
    },
};

/// Runs `govcloud service show`.
pub async fn run(ctx: &Context, name: &str) -> Result<Exit> {
    let service: SharedService = Api::all(ctx.client.clone()).get(name).await?;
    let standing = Standing::gather(ctx).await?;
    ctx.out.object(&service, || render(&service, &standing, ctx.out.paint))?;
    Ok(Exit::Ok)
}

fn render(service: &SharedService, standing: &Standing, paint: Paint) -> String {
    let status = service.status.clone().unwrap_or_default();
    let head = format!("{}  {}\n", paint.strong(&service.name_any()), plain(&service.spec.display_name));
    let facts = fields(&[what_it_is(service), who_may(service), what_is_left(service)].concat());
    let all = plans(service, standing);
    let mut table = Table::new(&["PLAN", "CHANNEL", "ONE CLAIM TAKES", "FOR YOU"], "It has no plans.");
    for (plan, said) in &all {
        let why = if said.why.is_empty() { String::new() } else { format!(": {}", said.why) };
        // "yes: needs a purpose" says less than "yes, needs a purpose".
        let why = if said.fit == Fit::No { why } else { why.replacen(':', ",", 1) };
        let for_you = format!("{}{why}", said.fit.word());
        table.row(vec![plan.name.clone(), plan.channel.to_string(), amounts(&plan.capacity), for_you]);
    }
    head + &facts + &table.render(true) + &condition_lines(&status.conditions, paint) + &next(service, &all) + "\n"
}

fn what_it_is(service: &SharedService) -> Vec<(&'static str, String)> {
    let spec = &service.spec;
    let stage = match (spec.stage, &spec.drain) {
        (Stage::Draft, _) => "a draft: nobody can claim it before a cloud operator has published it".to_owned(),
        (_, Some(drain)) => {
            let then =
                drain.move_to.as_ref().map(|other| format!("; its claims move to {other} as there is room")).unwrap_or_default();
            format!("ends on {}, and takes no new claims{then}", drain.by)
        }
        _ => String::new(),
    };
    vec![
        ("stage", stage),
        ("what", spec.description.clone()),
        ("class", spec.processing_class.clone()),
        ("provider", spec.provider.clone()),
        ("shares", spec.sharing.as_ref().map(|s| format!("spare capacity of permit {}", s.permit)).unwrap_or_default()),
        ("speaks", spec.interfaces.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")),
        ("zones", spec.zones.join(", ")),
        ("data", format!("up to {}", spec.data_classification)),
    ]
}

fn who_may(service: &SharedService) -> Vec<(&'static str, String)> {
    let spec = &service.spec;
    let access = match (&spec.access, &spec.entitlement) {
        (Access::Entitled, Some(entitlement)) => {
            format!("{} are given plan {} without asking", selected(&entitlement.match_agencies), entitlement.plan)
        }
        _ => "on request".to_owned(),
    };
    let licence = spec.requires_licence.as_ref().map(|class| format!("an active permit of class {class}"));
    let purpose = spec.requires_purpose.then(|| "each claim says what for; it stays on record".to_owned());
    let consent = spec.sharing.as_ref().map(|_| format!("{} agrees to each claim, or does not", spec.provider));
    let duty = spec.obligation.as_ref().map(|o| format!("{} must use it from {}", selected(&o.match_agencies), o.due_by));
    vec![
        ("for", describe_eligibility(spec)),
        ("access", access),
        ("licence", licence.unwrap_or_default()),
        ("purpose", purpose.unwrap_or_default()),
        ("consent", consent.unwrap_or_default()),
        ("duty", duty.unwrap_or_default()),
        ("gives", given(service)),
    ]
}

fn what_is_left(service: &SharedService) -> Vec<(&'static str, String)> {
    let status = service.status.clone().unwrap_or_default();
    let kept = status.kept.clone().without_zeros();
    let kept = if kept.is_empty() { String::new() } else { format!("{} for agencies that were sent here", amounts(&kept)) };
    let waiting = if status.waiting > 0 { format!(", {} waiting for room", status.waiting) } else { String::new() };
    let revoking = status.reservations.iter().filter(|r| r.revoking).count();
    let revoking = if revoking > 0 { format!(", {revoking} being revoked") } else { String::new() };
    vec![
        ("free", format!("{} of {}", amounts(&service.available()), amounts(&service.spec.capacity))),
        ("kept", kept),
        ("claims", format!("{}{waiting}{revoking}", status.claims)),
    ]
}

/// Which agencies, in words.
fn selected(selector: &AgencySelector) -> String {
    let types = selector.agency_types.iter().map(ToString::to_string);
    let all: Vec<_> = types.chain(selector.security_regimes.iter().map(ToString::to_string)).collect();
    if all.is_empty() { "all agencies".to_owned() } else { format!("{} agencies", all.join(", ")) }
}

/// What a claim receives: the names of the Secret's entries, and never what is in those that are secret.
fn given(service: &SharedService) -> String {
    let binding = &service.spec.binding;
    let entries: Vec<_> = binding.values.keys().map(String::as_str).collect();
    let mut parts = vec![format!("a Secret of type {}", binding.binding_type)];
    if !entries.is_empty() {
        parts.push(format!("with {}", entries.join(", ")));
    }
    match (&binding.provisioner, &binding.credentials_from) {
        (Some(_), _) => parts.push("with credentials of its own".to_owned()),
        (None, Some(_)) => parts.push("with the provider's credentials".to_owned()),
        (None, None) => {}
    }
    if !binding.egress.is_empty() {
        parts.push(format!("the way to {}", network(service)));
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::testing::{self, standing};
    use serde_json::json;

    #[test]
    fn a_service_and_what_it_means_for_the_caller() {
        let nobody = Standing { name: None, agency: None, permits: None, ..standing() };
        insta::assert_snapshot!("service", render(&testing::streaming(), &standing(), Paint::default()));
        insta::assert_snapshot!("service_not_eligible", render(&testing::regional(), &standing(), Paint::default()));
        insta::assert_snapshot!("service_no_agency", render(&testing::regional(), &nobody, Paint::default()));
    }

    #[test]
    fn all_that_a_claim_takes_is_said() {
        let spec = json!({
            "description": "Events between the systems of agencies.", "requiresLicence": "operator-licence", "requiresPurpose": true,
            "access": "Entitled", "entitlement": {"plan": "standard", "matchAgencies": {"agencyTypes": ["Government"]}},
            "obligation": {"dueBy": "2027-03-20", "matchAgencies": {"securityRegimes": ["InfrastructureArea"]}},
            "binding": {"type": "kafka", "provider": "x", "values": {"bootstrap-servers": "k:9093"}, "provisioner": {"url": "https://p.gov.internal"},
                "egress": [{"cidr": "10.20.0.0/24"}]},
        });
        let status =
            json!({"waiting": 3, "kept": {"brokers": "2"}, "reservations": [{"uid": "u", "plan": "standard", "revoking": true}]});
        let service = testing::changed(&testing::streaming(), &spec, &status);
        insta::assert_snapshot!("service_with_all", render(&service, &standing(), Paint::default()));
        let shared = json!({"sharing": {"permit": "GC-2026-000042"}, "provider": "customs"});
        let shared = testing::changed(&testing::streaming(), &shared, &json!({}));
        insta::assert_snapshot!("service_shared", render(&shared, &standing(), Paint::default()));
        let ends = json!({"drain": {"by": "2027-03-20", "moveTo": "streaming-2"}});
        let ends = testing::changed(&testing::streaming(), &ends, &json!({}));
        insta::assert_snapshot!("service_ends", render(&ends, &standing(), Paint::default()));
    }
}
