//! Rules over shared services and claims.

use jiff::Timestamp;
use kube::ResourceExt;

pub use super::credentials::credentials_allowed;
use super::{Channel, ClaimPhase, Plan, Reservation, ServiceClaim, SharedService, SharedServiceSpec, Stage};
use crate::{
    Agency, Resources,
    common::AgencyType,
    conditions::{Verdict, find},
    names::{agency_of_home, split_project_namespace},
    permit::keeping::{Kept, kept_from, use_up},
};

impl SharedServiceSpec {
    /// The plan of that name.
    pub fn plan(&self, name: &str) -> Option<&Plan> {
        self.plans.iter().find(|plan| plan.name == name)
    }
}

impl SharedService {
    /// What is left of its capacity: what the status says, or all of it while nothing was counted yet.
    pub fn available(&self) -> Resources {
        self.status.as_ref().map_or_else(|| self.spec.capacity.clone(), |s| self.spec.capacity.minus(&s.allocated))
    }

    /// Whether new claims of it are served: it is published and does not end.
    pub fn is_offered(&self) -> bool {
        self.spec.stage == Stage::Published && self.spec.drain.is_none() && self.metadata.deletion_timestamp.is_none()
    }

    /// Whether a probe found it unhealthy; one that nobody probes counts as healthy.
    pub fn is_unhealthy(&self) -> bool {
        let conditions = self.status.as_ref().map(|s| s.conditions.as_slice()).unwrap_or_default();
        find(conditions, "Healthy").is_some_and(|c| c.status == "False" && c.reason != "NotProbed")
    }
}

impl Channel {
    /// Whether agencies of this type are on the channel: GSB joins the government's agencies, PGSB the private sector.
    pub fn admits(self, agency_type: AgencyType) -> bool {
        match self {
            Self::Gsb => agency_type == AgencyType::Government,
            Self::Pgsb => agency_type != AgencyType::Government,
            Self::Direct => true,
        }
    }

    /// Why an agency of this type may not have `plan`, which is on this channel; `None` if it may.
    pub fn closed_to(self, agency_type: AgencyType, plan: &str) -> Option<String> {
        let who = if self == Self::Gsb { "government agencies" } else { "the private sector" };
        (!self.admits(agency_type)).then(|| format!("plan {plan} is on channel {self}, for {who} only"))
    }
}

/// The agency whose claim it is: that of the project which its namespace is, or of the home, for a claim by entitlement.
pub fn agency_of_claim(claim: &ServiceClaim) -> Option<&str> {
    let namespace = claim.metadata.namespace.as_deref()?;
    split_project_namespace(namespace).map(|(agency, _)| agency).or_else(|| agency_of_home(namespace))
}

/// Why an agency may not have a plan of a service, in words; `None` if it may.
pub fn ineligible(agency: &Agency, service: &SharedService, plan: &Plan) -> Option<String> {
    let spec = &agency.spec;
    if !service.spec.eligibility.selects(spec.agency_type, spec.security_regime) {
        return Some(format!("for {} only", describe_eligibility(&service.spec)));
    }
    plan.channel.closed_to(spec.agency_type, &plan.name)
}

/// Types of agencies, in words.
pub fn describe_types(types: &[AgencyType]) -> String {
    let names: Vec<_> = types.iter().map(ToString::to_string).collect();
    format!("{} agencies", names.join(", "))
}

/// Who may claim a service, in words.
pub fn describe_eligibility(service: &SharedServiceSpec) -> String {
    let types = service.eligibility.agency_types.iter().map(ToString::to_string);
    let regimes = service.eligibility.security_regimes.iter().map(ToString::to_string);
    let all: Vec<_> = types.chain(regimes).collect();
    if all.is_empty() { "every agency".to_owned() } else { format!("{} agencies", all.join(", ")) }
}

/// Whether a claim may be served at all; the claim's condition `Eligible`.
pub fn eligible(claim: &ServiceClaim, service: Option<&SharedService>, agency: Option<&Agency>) -> Verdict {
    const KIND: &str = "Eligible";
    let (name, plan_name) = (&claim.spec.shared_service, &claim.spec.plan);
    let Some(service) = service else {
        return Verdict::no(
            KIND,
            "NoSuchService",
            format!("There is no shared service {name}. See what there is: govcloud service list"),
        );
    };
    let Some(plan) = service.spec.plan(plan_name) else {
        let plans: Vec<_> = service.spec.plans.iter().map(|p| p.name.as_str()).collect();
        return Verdict::no(KIND, "NoSuchPlan", format!("{name} has no plan {plan_name}; it has {}.", plans.join(", ")));
    };
    let Some(agency) = agency else {
        return Verdict::no(KIND, "NoAgency", "This namespace belongs to no agency; claim the service in a project of yours.");
    };
    if let Some(why) = ineligible(agency, service, plan) {
        return Verdict::no(KIND, "NotEligible", format!("{name} is {why}."));
    }
    Verdict::yes(KIND, "Eligible", format!("{} may use {name}.", agency.spec.display_name))
}

/// How many claims a service's ledger can hold: a status must stay well below what etcd takes.
pub const MAX_RESERVATIONS: usize = 4096;

/// What of a service is kept for whom, while its ledger is made.
#[derive(Clone, Copy)]
pub struct Keeping<'a> {
    /// What is kept, and was not claimed yet.
    pub kept: &'a [Kept],
    /// The family of the agency whose claim it is.
    pub family_of: &'a dyn Fn(&ServiceClaim) -> String,
}

impl Keeping<'_> {
    /// Nothing is kept for anybody.
    pub const NOTHING: Keeping<'static> = Keeping { kept: &[], family_of: &|_| String::new() };
}

/// The claims of a service that hold capacity, given who held it `before`.
///
/// What is kept for a family is given to its claims alone.
///
/// Who holds capacity keeps it while the claim exists, and if its plan was enlarged, what it has of it. What is left is given
/// oldest first, to each entirely or not at all. The sum never exceeds the capacity unless the capacity was reduced below
/// what is held.
pub fn reserve<'a>(
    service: &SharedService,
    before: &[Reservation],
    claims: impl IntoIterator<Item = &'a ServiceClaim>,
    may_claim: impl Fn(&ServiceClaim) -> bool,
    keeping: Keeping<'_>,
) -> Vec<Reservation> {
    let name = service.name_any();
    let mut kept = keeping.kept.to_vec();
    let mut claims: Vec<_> = claims
        .into_iter()
        .filter(|claim| claim.spec.shared_service == service.name_any() && claim.metadata.deletion_timestamp.is_none())
        .filter(|claim| claim.status.as_ref().is_none_or(|s| s.phase != ClaimPhase::Released))
        .filter(|claim| may_claim(claim))
        .collect();
    let held = |claim: &ServiceClaim| before.iter().find(|r| Some(&r.uid) == claim.metadata.uid.as_ref());
    claims.sort_by_key(|claim| (created(claim), claim.metadata.uid.clone()));
    let mut rows: Vec<(&ServiceClaim, &Plan, Option<Resources>)> = claims
        .into_iter()
        .filter_map(|claim| Some((claim, service.spec.plan(&claim.spec.plan)?)))
        .map(|(claim, plan)| (claim, plan, held(claim).map(|r| plan.capacity.capped_by(&r.capacity))))
        .collect();
    let mut left =
        rows.iter().filter_map(|(.., has)| has.as_ref()).fold(service.spec.capacity.clone(), |left, has| left.minus(has));
    let mut count = rows.iter().filter(|(.., has)| has.is_some()).count();
    for (claim, plan, has) in &mut rows {
        let more = plan.capacity.minus(&has.clone().unwrap_or_default());
        let family = (keeping.family_of)(claim);
        let free = left.minus(&kept_from(&kept, &name, &family));
        if more.fits_in(&free) && (has.is_some() || count < MAX_RESERVATIONS) {
            count += usize::from(has.is_none());
            left = left.minus(&more);
            use_up(&mut kept, &name, &family, Timestamp::MAX, more);
            *has = Some(plan.capacity.clone());
        }
    }
    let reserved = rows.into_iter().filter_map(|(claim, _, has)| Some(reservation(claim, has?)));
    let mut reservations: Vec<_> = reserved.collect();
    reservations.sort_by(|a, b| a.uid.cmp(&b.uid));
    reservations
}

fn created(claim: &ServiceClaim) -> Option<Timestamp> {
    claim.metadata.creation_timestamp.as_ref().map(|t| t.0)
}

fn reservation(claim: &ServiceClaim, capacity: Resources) -> Reservation {
    let uid = claim.metadata.uid.clone().unwrap_or_default();
    Reservation { uid, plan: claim.spec.plan.clone(), capacity, revoking: false }
}

/// What reservations hold together.
pub fn allocated(reservations: &[Reservation]) -> Resources {
    reservations.iter().map(|r| &r.capacity).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Quantity;
    use rstest::rstest;
    use serde_json::json;

    fn service(capacity: i64) -> SharedService {
        let spec = json!({
            "displayName": "Streaming", "provider": "ito", "processingClass": "message-broker",
            "plans": [{"name": "small", "channel": "GSB", "capacity": {"brokers": 1}}, {"name": "large", "capacity": {"brokers": 3}}],
            "capacity": {"brokers": capacity}, "binding": {"type": "kafka"},
            "eligibility": {"securityRegimes": ["NonInfrastructure"]},
        });
        SharedService::new("streaming", serde_json::from_value(spec).expect("valid"))
    }

    fn claim(name: &str, plan: &str, second: i64) -> ServiceClaim {
        let mut claim =
            ServiceClaim::new(name, serde_json::from_value(json!({"sharedService": "streaming", "plan": plan})).expect("valid"));
        claim.metadata.uid = Some(name.to_owned());
        claim.metadata.creation_timestamp =
            Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(Timestamp::from_second(second).expect("in range")));
        claim
    }

    fn names(reservations: &[Reservation]) -> Vec<&str> {
        reservations.iter().map(|r| r.uid.as_str()).collect()
    }

    #[test]
    fn a_plan_that_was_enlarged_unbinds_nobody() {
        let claims = [claim("a", "large", 1), claim("b", "small", 2)];
        let before = reserve(&service(4), &[], &claims, |_| true, Keeping::NOTHING);
        let mut enlarged = service(4);
        for plan in &mut enlarged.spec.plans {
            plan.capacity = plan.capacity.times(2);
        }
        let held = |service: &SharedService, capacity: i64| {
            let mut service = service.clone();
            service.spec.capacity = [("brokers".to_owned(), Quantity::from_units(capacity))].into_iter().collect();
            reserve(&service, &before, &claims, |_| true, Keeping::NOTHING)
        };
        assert_eq!(held(&enlarged, 4), before, "there is no room for more");
        assert_eq!(allocated(&held(&enlarged, 7)).get("brokers"), Quantity::from_units(7), "who is older has it first");
        assert_eq!(allocated(&held(&enlarged, 8)).get("brokers"), Quantity::from_units(8));
    }

    #[test]
    fn the_oldest_are_served_first_each_entirely() {
        let claims = [claim("c", "small", 3), claim("b", "large", 2), claim("a", "small", 1)];
        assert_eq!(names(&reserve(&service(3), &[], &claims, |_| true, Keeping::NOTHING)), ["a", "c"]);
    }

    #[test]
    fn who_holds_capacity_keeps_it_even_when_there_is_less() {
        let younger = [claim("y", "small", 9)];
        let before = reserve(&service(1), &[], &younger, |_| true, Keeping::NOTHING);
        let claims = [claim("x", "small", 1), claim("y", "small", 9)];
        assert_eq!(names(&reserve(&service(1), &before, &claims, |_| true, Keeping::NOTHING)), ["y"]);
        assert_eq!(names(&reserve(&service(0), &before, &claims, |_| true, Keeping::NOTHING)), ["y"]);
    }

    #[test]
    fn what_is_kept_is_for_those_alone_for_whom_it_is_kept() {
        let some = |brokers: i64| -> Resources { [("brokers".to_owned(), Quantity::from_units(brokers))].into_iter().collect() };
        let kept = [Kept {
            service: "streaming".into(),
            plan: "small".into(),
            family: "tax".into(),
            demand: some(2),
            capacity: some(2),
            since: Timestamp::UNIX_EPOCH,
            until: Timestamp::MAX,
        }];
        let family_of =
            |claim: &ServiceClaim| if claim.name_any().starts_with("tax") { "tax".to_owned() } else { "other".to_owned() };
        let keeping = Keeping { kept: &kept, family_of: &family_of };
        let given = |claims: &[ServiceClaim]| {
            let reservations = reserve(&service(3), &[], claims, |_| true, keeping);
            names(&reservations).iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        let others = [claim("x", "small", 1), claim("y", "small", 2), claim("z", "small", 3)];
        assert_eq!(given(&others), ["x"], "two of three are kept");
        let theirs = [claim("tax-1", "small", 4), claim("tax-2", "small", 5), claim("tax-3", "small", 6)];
        assert_eq!(given(&[&others[..], &theirs[..]].concat()), ["tax-1", "tax-2", "x"]);
        assert_eq!(given(&[&others[..1], &theirs[..1]].concat()), ["tax-1", "x"]);
        assert_eq!(given(&theirs), ["tax-1", "tax-2", "tax-3"], "and what is free");
    }

    #[test]
    fn released_places_are_given_on() {
        let both = [claim("x", "small", 1), claim("y", "small", 2)];
        let before = reserve(&service(1), &[], &both, |_| true, Keeping::NOTHING);
        assert_eq!(names(&reserve(&service(1), &before, &both[1..], |_| true, Keeping::NOTHING)), ["y"]);
    }

    #[rstest]
    #[case("Government", "NonInfrastructure", "small", None)]
    #[case("Partner", "NonInfrastructure", "small", Some("plan small is on channel GSB, for government agencies only"))]
    #[case("Partner", "NonInfrastructure", "large", None)]
    #[case("Government", "CriticalInfrastructure", "large", Some("for NonInfrastructure agencies only"))]
    fn eligibility_is_explained(#[case] agency_type: &str, #[case] regime: &str, #[case] plan: &str, #[case] why: Option<&str>) {
        let spec = json!({"displayName": "X", "type": agency_type, "securityRegime": regime});
        let agency = Agency::new("x", serde_json::from_value(spec).expect("valid"));
        let service = service(1);
        let plan = service.spec.plan(plan).expect("there");
        assert_eq!(ineligible(&agency, &service, plan).as_deref(), why);
    }
}
