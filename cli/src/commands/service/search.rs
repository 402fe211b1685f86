//! `govcloud service search`.

use govcloud_crds::SharedService;
use kube::ResourceExt as _;

use super::{
    fit::{Fit, plans},
    standing::Standing,
};
use crate::{
    context::Context,
    error::Result,
    exit::Exit,
    output::{Table, text::amounts},
};

/// A service that was found.
#[derive(Clone, Debug)]
struct Hit<'a> {
    service: &'a SharedService,
    fit: Fit,
    why: String,
    channels: String,
}

/// Runs `govcloud service search`.
pub async fn run(ctx: &Context, words: &[String]) -> Result<Exit> {
    let services = ctx.services().await?;
    let standing = Standing::gather(ctx).await?;
    if standing.agency.is_none() {
        ctx.out.note("Whether a service fits you cannot be told without your agency: --agency NAME");
    }
    let hits = search(&services, words, &standing);
    let found: Vec<_> = hits.iter().map(|hit| hit.service.clone()).collect();
    ctx.out.list(&found, || table(&hits, words))?;
    Ok(Exit::Ok)
}

fn search<'a>(services: &'a [SharedService], words: &[String], standing: &Standing) -> Vec<Hit<'a>> {
    let found = services.iter().filter(|s| standing.sees(s) && words.iter().all(|w| mentions(s, w)));
    let mut hits: Vec<_> = found.map(|s| hit(s, standing)).collect();
    hits.sort_by_key(|hit| (hit.fit, hit.service.name_any()));
    hits
}

fn mentions(service: &SharedService, word: &str) -> bool {
    let spec = &service.spec;
    let mut texts = vec![
        service.name_any(),
        spec.display_name.clone(),
        spec.description.clone(),
        spec.processing_class.clone(),
        spec.provider.clone(),
        spec.binding.binding_type.clone(),
    ];
    texts.extend(spec.interfaces.iter().map(ToString::to_string));
    texts.extend(spec.zones.clone());
    texts.extend(spec.plans.iter().flat_map(|plan| [plan.name.clone(), plan.channel.to_string()]));
    texts.iter().any(|text| text.to_lowercase().contains(&word.to_lowercase()))
}

/// A service is as good as its best plan.
fn hit<'a>(service: &'a SharedService, standing: &Standing) -> Hit<'a> {
    let all = plans(service, standing);
    let best = all.iter().map(|(_, said)| said).min_by_key(|said| said.fit);
    let fit = best.map_or(Fit::No, |said| said.fit);
    let why = match best {
        None => "it has no plans".to_owned(),
        Some(said) if fit == Fit::No || said.why.is_empty() => said.why.clone(),
        Some(said) => format!("{}; ", said.why),
    };
    let why = if fit == Fit::No { why } else { why + &offers(service) };
    let mut channels: Vec<_> = all.iter().filter(|(_, said)| said.fit == fit).map(|(plan, _)| plan.channel.to_string()).collect();
    channels.dedup();
    Hit { service, fit, why, channels: channels.join(" ") }
}

/// `kafka 3.9, zones tehran-1 tehran-2, up to Restricted`.
fn offers(service: &SharedService) -> String {
    let spec = &service.spec;
    let mut parts: Vec<_> = spec.interfaces.iter().map(ToString::to_string).collect();
    match spec.zones.as_slice() {
        [] => {}
        [one] => parts.push(format!("zone {one}")),
        several => parts.push(format!("zones {}", several.join(" "))),
    }
    parts.push(format!("up to {}", spec.data_classification));
    parts.join(", ")
}

fn table(hits: &[Hit<'_>], words: &[String]) -> Table {
    let empty = format!("No service mentions {}. See them all: govcloud service list", words.join(" and "));
    let mut table = Table::new(&["SERVICE", "FITS YOU", "FREE", "CHANNEL", "WHY"], empty);
    for hit in hits {
        table.row(vec![
            hit.service.name_any(),
            hit.fit.word().into(),
            amounts(&hit.service.available()),
            hit.channels.clone(),
            hit.why.clone(),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::testing::{self, standing};
    use serde_json::json;

    fn said(words: &[&str], standing: &Standing, services: &[SharedService]) -> String {
        let words: Vec<_> = words.iter().map(|w| (*w).to_owned()).collect();
        table(&search(services, &words, standing), &words).render(true)
    }

    #[test]
    fn what_fits_comes_first_and_what_does_not_says_why() {
        let all = [testing::regional(), testing::streaming()];
        let nobody = Standing { name: None, agency: None, permits: None, ..standing() };
        insta::assert_snapshot!("search", said(&["KAFKA"], &standing(), &all));
        insta::assert_snapshot!("search_no_agency", said(&["kafka"], &nobody, &all));
        insta::assert_snapshot!("search_nothing", said(&["kafka", "shiraz"], &standing(), &all));
        let full = testing::changed(&testing::streaming(), &json!({}), &json!({"allocated": {"brokers": "60"}}));
        insta::assert_snapshot!("search_full", said(&["gsb"], &standing(), &[full]));
    }

    #[test]
    fn the_description_is_searched_and_every_hindrance_is_named() {
        let named = |name: &str, spec: serde_json::Value| {
            let mut service = testing::changed(&testing::streaming(), &spec, &json!({}));
            service.metadata.name = Some(name.to_owned());
            service
        };
        let all = [
            named("draft-of-others", json!({"stage": "Draft", "provider": "customs", "description": "Filing events"})),
            named("our-draft", json!({"stage": "Draft", "provider": "tax-administration", "description": "Filing events"})),
            named("licensed", json!({"requiresLicence": "operator-licence", "description": "Filing events"})),
            named("for-a-purpose", json!({"requiresPurpose": true, "description": "Filing events"})),
            named("shared-gc-2026-000042", json!({"sharing": {"permit": "GC-2026-000042"}, "description": "Filing events"})),
            named("ends", json!({"drain": {"by": "2027-03-20", "moveTo": "for-a-purpose"}, "description": "Filing events"})),
            named("something-else", json!({})),
        ];
        insta::assert_snapshot!("search_described", said(&["filing"], &standing(), &all));
    }
}
