//! `govcloud service search`.

use govcloud_crds::{
    Agency, SharedService,
    service::{Plan, rules::ineligible},
};
use kube::ResourceExt as _;

use crate::{
    context::Context,
    error::Result,
    exit::Exit,
    output::{Table, text::amounts},
};

/// How well a service fits an agency, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    Yes,
    /// The agency is not known, so it cannot be told.
    Unknown,
    No,
}

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
    let agency = match ctx.agency_if_known().await? {
        Some(name) => ctx.agency_if_readable(name).await?,
        None => None,
    };
    if agency.is_none() {
        ctx.out.note("Whether a service fits you cannot be told without your agency: --agency NAME");
    }
    let hits = search(&services, words, agency.as_ref());
    let found: Vec<_> = hits.iter().map(|hit| hit.service.clone()).collect();
    ctx.out.list(&found, || table(&hits, words))?;
    Ok(Exit::Ok)
}

fn search<'a>(services: &'a [SharedService], words: &[String], agency: Option<&Agency>) -> Vec<Hit<'a>> {
    let mut hits: Vec<_> = services.iter().filter(|s| words.iter().all(|w| mentions(s, w))).map(|s| hit(s, agency)).collect();
    hits.sort_by_key(|hit| (hit.fit, hit.service.name_any()));
    hits
}

fn mentions(service: &SharedService, word: &str) -> bool {
    let spec = &service.spec;
    let mut texts = vec![
        service.name_any(),
        spec.display_name.clone(),
        spec.processing_class.clone(),
        spec.provider.clone(),
        spec.binding.binding_type.clone(),
    ];
    texts.extend(spec.interfaces.iter().map(ToString::to_string));
    texts.extend(spec.zones.clone());
    texts.extend(spec.plans.iter().flat_map(|plan| [plan.name.clone(), plan.channel.to_string()]));
    texts.iter().any(|text| text.to_lowercase().contains(&word.to_lowercase()))
}

fn hit<'a>(service: &'a SharedService, agency: Option<&Agency>) -> Hit<'a> {
    let all: Vec<_> = service.spec.plans.iter().collect();
    let eligible: Vec<&Plan> = match agency {
        Some(agency) => all.iter().copied().filter(|plan| ineligible(agency, service, plan).is_none()).collect(),
        None => all.clone(),
    };
    let room = eligible.iter().any(|plan| plan.capacity.fits_in(&service.available()));
    let (fit, why) = match (agency, eligible.is_empty(), room) {
        (Some(agency), true, _) => {
            (Fit::No, all.first().and_then(|plan| ineligible(agency, service, plan)).unwrap_or_else(|| "it has no plans".into()))
        }
        (_, _, false) => (Fit::No, "no plan has room at present".to_owned()),
        (Some(_), ..) => (Fit::Yes, offers(service)),
        (None, ..) => (Fit::Unknown, offers(service)),
    };
    let shown = if eligible.is_empty() { all } else { eligible };
    let mut channels: Vec<_> = shown.iter().map(|plan| plan.channel.to_string()).collect();
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
    if service.is_unhealthy() {
        parts.push("does not answer at present".to_owned());
    }
    parts.join(", ")
}

fn table(hits: &[Hit<'_>], words: &[String]) -> Table {
    let empty = format!("No service mentions {}. See them all: govcloud service list", words.join(" and "));
    let mut table = Table::new(&["SERVICE", "FITS YOU", "FREE", "CHANNEL", "WHY"], empty);
    for hit in hits {
        let fits = match hit.fit {
            Fit::Yes => "yes",
            Fit::Unknown => "?",
            Fit::No => "no",
        };
        table.row(vec![
            hit.service.name_any(),
            fits.into(),
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
    use crate::commands::testing;
    use serde_json::json;

    fn said(words: &[&str], agency: Option<&Agency>, services: &[SharedService]) -> String {
        let words: Vec<_> = words.iter().map(|w| (*w).to_owned()).collect();
        table(&search(services, &words, agency), &words).render(true)
    }

    #[test]
    fn what_fits_comes_first_and_what_does_not_says_why() {
        let all = [testing::regional(), testing::streaming()];
        let agency = testing::agency();
        insta::assert_snapshot!("search", said(&["KAFKA"], Some(&agency), &all));
        insta::assert_snapshot!("search_no_agency", said(&["kafka"], None, &all));
        insta::assert_snapshot!("search_nothing", said(&["kafka", "shiraz"], Some(&agency), &all));
        let mut full = testing::streaming();
        full.status = Some(serde_json::from_value(json!({"allocated": {"brokers": "60"}})).expect("valid"));
        insta::assert_snapshot!("search_full", said(&["gsb"], Some(&agency), &[full]));
    }
}
