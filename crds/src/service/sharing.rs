//! Spare capacity that an agency shares under a permit, as a service of the catalogue.
//!
//! The agency said in its request what it would share; the service offers that and nothing more, and never more than was
//! granted. It has two plans: `all` is everything at once, and `part` an equal share for each whole unit of the class's first
//! dimension, such as one broker with its part of the storage. Where there is one unit, `all` is the only plan.

use jiff::{Timestamp, tz::TimeZone};
use kube::ResourceExt;

use super::{
    Access, Binding, Channel, ClaimPhase, Consent, Drain, Plan, ServiceClaim, SharedService, SharedServiceSpec, Sharing, Stage,
};
use crate::{
    Agency, ProcessingPermit, Resources,
    common::{AgencySelector, Interface},
    names::split_project_namespace,
    permit::{Phase, SharingRequest, SharingStatus, demand, warning::drains_until},
};

/// What such a service's name begins with; the permit's number follows.
pub const PREFIX: &str = "shared-";
/// The binding's `type`.
pub const BINDING_TYPE: &str = "shared-capacity";
/// The plan that takes everything.
pub const PLAN_ALL: &str = "all";
/// The plan that takes one unit of the class's first dimension, with its share of the rest.
pub const PLAN_PART: &str = "part";
/// How many requests a permit's status shows.
const SHOWN_REQUESTS: usize = 64;
const LONGEST_NAME: usize = 200;

/// The name of the service that shares under the permit of this number.
///
/// ```
/// use govcloud_crds::service::sharing::service_name;
/// assert_eq!(service_name("GC-2026-000042"), "shared-gc-2026-000042");
/// ```
pub fn service_name(number: &str) -> String {
    format!("{PREFIX}{}", number.to_lowercase())
}

/// What becomes of the service of a permit.
#[derive(Clone, Debug, PartialEq)]
pub enum Offer {
    /// There is none.
    Nothing,
    /// It is there, and offers this.
    Open(Box<SharedServiceSpec>),
    /// If it is there, it takes no new claims, and ends.
    Closing(Drain),
}

/// What a permit of `agency` shares. `dimension` is the first one of its class.
///
/// A suspended permit keeps the claims that it serves, because what runs under it goes on, and takes no new ones, because
/// nothing of it may start: the service drains towards the permit's own end, and opens again if the permit is resumed. One
/// that is over leaves its claims the same time to drain as the agency itself. If another permit took over and shares as
/// well, they move there.
pub fn offer(permit: &ProcessingPermit, agency: &Agency, dimension: Option<&str>) -> Offer {
    let Some(status) = &permit.status else { return Offer::Nothing };
    match status.phase {
        Phase::Active => open(permit, agency, dimension).map_or(Offer::Nothing, |spec| Offer::Open(Box::new(spec))),
        Phase::Suspended => {
            let ends = status.not_after.as_ref().map_or(Timestamp::MAX, |t| t.0);
            Offer::Closing(Drain { by: day(ends), move_to: None })
        }
        phase if phase.is_over() => closing(permit),
        _ => Offer::Nothing,
    }
}

fn closing(permit: &ProcessingPermit) -> Offer {
    let Some(status) = &permit.status else { return Offer::Nothing };
    let Some(ended) = status.ended_at.as_ref().map(|t| t.0) else { return Offer::Nothing };
    let grace = status.policy.as_ref().map(|policy| policy.approval.grace.after(ended));
    let move_to = status.superseded_by.as_deref().map(service_name);
    Offer::Closing(Drain { by: day(drains_until(permit).or(grace).unwrap_or(ended)), move_to })
}

/// The day of a moment, in UTC, as a drain names it.
pub fn day(at: Timestamp) -> String {
    // A year has four digits there.
    let last = "9999-12-31".to_owned();
    let date = at.to_zoned(TimeZone::UTC).date();
    if date.year() > 9999 { last } else { date.strftime("%Y-%m-%d").to_string() }
}

fn open(permit: &ProcessingPermit, agency: &Agency, dimension: Option<&str>) -> Option<SharedServiceSpec> {
    let status = permit.status.as_ref()?;
    let number = status.number.clone()?;
    let capacity = permit.spec.sharing_offer.capped_by(&demand(&status.granted)).without_zeros();
    if capacity.is_empty() {
        return None;
    }
    let who = &agency.spec.display_name;
    let mut display_name = format!("Spare capacity of {who}");
    display_name.truncate(display_name.floor_char_boundary(LONGEST_NAME));
    Some(SharedServiceSpec {
        display_name,
        description: format!(
            "Capacity of class {} that {who} has under permit {number} and would share. A claim is served when {who} has agreed to it.",
            permit.spec.processing_class
        ),
        provider: agency.name_any(),
        stage: Stage::Published,
        drain: None,
        processing_class: permit.spec.processing_class.clone(),
        interfaces: permit.spec.interfaces.iter().map(at_least).collect(),
        zones: permit.spec.zones.clone(),
        data_classification: permit.spec.data_classification,
        eligibility: AgencySelector::default(),
        requires_licence: None,
        requires_purpose: false,
        consents: Vec::new(),
        plans: plans(&capacity, dimension),
        capacity,
        access: Access::OnRequest,
        entitlement: None,
        obligation: None,
        binding: Binding {
            binding_type: BINDING_TYPE.to_owned(),
            provider: Some(agency.name_any()),
            values: [("contact".to_owned(), who.clone()), ("permit".to_owned(), number.clone())].into(),
            credentials_from: None,
            provisioner: None,
            egress: Vec::new(),
        },
        health: None,
        sharing: Some(Sharing { permit: number }),
    })
}

/// A request names a version that will do, an offer the one that is there: what was to be at least 3.7 is 3.7 or newer, so
/// no more than that is said. What cannot be read so is passed on as it is, and counts as unknown.
fn at_least(asked: &Interface) -> Interface {
    let text = asked.version.trim();
    let bare = [">=", "^", "~", "="].into_iter().find_map(|sign| text.strip_prefix(sign)).unwrap_or(text).trim();
    let is_plain = !bare.is_empty() && bare.chars().all(|c| c.is_ascii_digit() || c == '.');
    Interface { name: asked.name.clone(), version: if is_plain { bare } else { text }.to_owned() }
}

fn plans(capacity: &Resources, dimension: Option<&str>) -> Vec<Plan> {
    let plan = |name: &str, capacity: Resources| Plan { name: name.to_owned(), channel: Channel::Direct, capacity };
    let units = dimension.map_or(0, |dimension| capacity.get(dimension).whole());
    let part: Resources = capacity.0.iter().map(|(name, amount)| (name.clone(), amount.part_of(units))).collect();
    let mut plans = vec![plan(PLAN_ALL, capacity.clone())];
    if units > 1 && part.0.values().all(|amount| !amount.is_zero_or_less()) {
        plans.push(plan(PLAN_PART, part));
    }
    plans
}

/// Whether a service that ends serves nobody any more, and has taken note that it takes no new claims: then it may go.
pub fn is_over(service: &SharedService) -> bool {
    let Some(status) = &service.status else { return false };
    service.spec.drain.is_some() && status.observed_generation == service.metadata.generation && status.reservations.is_empty()
}

/// What a permit's status says of the service that shares under it: who asks, those first who wait for an answer.
pub fn requests<'a>(service: &SharedService, claims: impl IntoIterator<Item = &'a ServiceClaim>) -> SharingStatus {
    let mut claims: Vec<_> = claims
        .into_iter()
        .filter(|claim| claim.metadata.deletion_timestamp.is_none())
        .filter(|claim| claim.status.as_ref().is_none_or(|status| status.phase != ClaimPhase::Released))
        .filter_map(|claim| request(service, claim))
        .collect();
    claims.sort_by_key(|(asked, request)| (request.agreed, *asked, request.claim.clone()));
    let requests = claims.into_iter().map(|(_, request)| request).take(SHOWN_REQUESTS).collect();
    SharingStatus { service: service.name_any(), requests }
}

/// Who asks for what is shared and was not shown to ask `before`: the agency's people are told of each once.
pub fn newly_asked<'a>(before: Option<&SharingStatus>, now: &'a SharingStatus) -> Vec<&'a SharingRequest> {
    let known =
        |request: &SharingRequest| before.is_some_and(|before| before.requests.iter().any(|shown| shown.claim == request.claim));
    now.requests.iter().filter(|request| !request.agreed && !known(request)).collect()
}

/// The consents that stay when one claim is answered anew: those of claims that are there. Where there are more of these than a
/// permit's status shows, all stay.
pub fn consents_to_keep<'a>(consents: &'a [Consent], sharing: &SharingStatus, answered: &str) -> Vec<&'a Consent> {
    let is_there =
        |claim: &str| sharing.requests.len() >= SHOWN_REQUESTS || sharing.requests.iter().any(|request| request.claim == claim);
    consents.iter().filter(|consent| consent.claim != answered && is_there(&consent.claim)).collect()
}

/// What the agency that shares is told of a request.
pub fn in_words(service: &str, request: &SharingRequest) -> String {
    let SharingRequest { agency, project, name, plan, purpose, .. } = request;
    let what_for = if purpose.is_empty() { String::new() } else { format!(" for: {purpose}") };
    format!(
        "{agency} asks for plan {plan} of {service} in its project {project}, by claim {name}{what_for}. It waits for your consent: govcloud service requests"
    )
}

fn request(service: &SharedService, claim: &ServiceClaim) -> Option<(Option<Timestamp>, SharingRequest)> {
    let (agency, project) = split_project_namespace(claim.metadata.namespace.as_deref()?)?;
    let uid = claim.metadata.uid.clone()?;
    let request = SharingRequest {
        agreed: service.spec.consents.iter().any(|consent| consent.claim == uid),
        claim: uid,
        name: claim.name_any(),
        agency: agency.to_owned(),
        project: project.to_owned(),
        plan: claim.spec.plan.clone(),
        purpose: claim.spec.purpose.clone(),
    };
    Some((claim.metadata.creation_timestamp.as_ref().map(|t| t.0), request))
}

#[cfg(test)]
#[path = "sharing_tests.rs"]
mod tests;
