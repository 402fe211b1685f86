//! What holds of the ledgers of two services whatever happens to their claims.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{Agency, Quantity, service::SharedServiceStatus};

const PLANS: [&str; 3] = ["small", "wide", "large"];
const NAMES: [&str; 2] = ["a", "b"];

/// What may happen. Claims and services are named by their numbers.
#[derive(Clone, Debug)]
enum Step {
    Claim { service: usize, plan: usize },
    Delete(usize),
    Ask { claim: usize, plan: usize },
    Entitle { claim: usize, is: bool },
    Drain { service: usize, moves: bool },
    Undrain(usize),
    Resize { plan: usize, brokers: i64 },
    Pass(usize),
    Switch(usize),
    Confirm { service: usize, claim: usize },
}

fn step() -> impl Strategy<Value = Step> {
    let (service, claim, plan) = (0..2_usize, 0..16_usize, 0..PLANS.len());
    prop_oneof![
        4 => (service.clone(), plan.clone()).prop_map(|(service, plan)| Step::Claim { service, plan }),
        2 => claim.clone().prop_map(Step::Delete),
        2 => (claim.clone(), plan.clone()).prop_map(|(claim, plan)| Step::Ask { claim, plan }),
        1 => (claim.clone(), any::<bool>()).prop_map(|(claim, is)| Step::Entitle { claim, is }),
        1 => (service.clone(), any::<bool>()).prop_map(|(service, moves)| Step::Drain { service, moves }),
        1 => service.clone().prop_map(Step::Undrain),
        1 => (plan, 0..3_i64).prop_map(|(plan, brokers)| Step::Resize { plan, brokers }),
        6 => service.clone().prop_map(Step::Pass),
        3 => claim.clone().prop_map(Step::Switch),
        2 => (service, claim).prop_map(|(service, claim)| Step::Confirm { service, claim }),
    ]
}

struct World {
    services: [SharedService; 2],
    /// The number of each is its uid, its age and whether it is entitled.
    claims: Vec<(ServiceClaim, bool)>,
    agency: Agency,
    made: i64,
}

fn service(name: &str, provisioner: bool) -> SharedService {
    let mut spec = json!({
        "displayName": name, "provider": "ito", "processingClass": "c", "capacity": {"brokers": 6, "disks": 6}, "binding": {"type": "t"},
        "plans": [{"name": "small", "capacity": {"brokers": 1, "disks": 1}}, {"name": "wide", "capacity": {"brokers": 1, "disks": 3}},
            {"name": "large", "capacity": {"brokers": 3, "disks": 1}}],
    });
    if provisioner {
        spec["binding"]["provisioner"] = json!({"url": "https://provisioner"});
    }
    SharedService::new(name, serde_json::from_value(spec).expect("valid"))
}

impl World {
    fn new(provisioner: bool) -> Self {
        let agency = json!({"displayName": "Tax", "securityRegime": "NonInfrastructure"});
        let agency = Agency::new("tax", serde_json::from_value(agency).expect("valid"));
        Self { services: NAMES.map(|name| service(name, provisioner)), claims: Vec::new(), agency, made: 0 }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Claim { service, plan } => self.claim(service, plan),
            Step::Delete(claim) if claim < self.claims.len() => drop(self.claims.remove(claim)),
            Step::Ask { claim, plan } if claim < self.claims.len() => self.claims[claim].0.spec.plan = PLANS[plan].into(),
            Step::Entitle { claim, is } if claim < self.claims.len() => self.claims[claim].1 = is,
            Step::Drain { service, moves } => {
                let to = moves.then_some(NAMES[1 - service]);
                self.services[service].spec.drain =
                    serde_json::from_value(json!({"by": "2100-01-01", "moveTo": to})).expect("valid");
            }
            Step::Undrain(service) => self.services[service].spec.drain = None,
            Step::Resize { plan, brokers } => {
                let size = Quantity::from_units(brokers);
                self.services[0].spec.plans[plan].capacity.0.insert("brokers".into(), size);
            }
            Step::Pass(service) => self.pass(service),
            Step::Switch(claim) if claim < self.claims.len() => self.switch(claim),
            Step::Confirm { service, claim } if claim < self.claims.len() => self.confirm(service, &uid(&self.claims[claim].0)),
            _ => {}
        }
    }

    fn claim(&mut self, service: usize, plan: usize) {
        self.made += 1;
        let name = format!("c{:02}", 99 - self.made); // the order of uids is not that of age
        let spec = json!({"sharedService": NAMES[service], "plan": PLANS[plan]});
        let mut claim = ServiceClaim::new(&name, serde_json::from_value(spec).expect("valid"));
        (claim.metadata.uid, claim.metadata.namespace) = (Some(name), Some("tax--p".into()));
        let created = Timestamp::from_second(self.made / 2).expect("in range");
        claim.metadata.creation_timestamp = Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(created));
        self.claims.push((claim, true));
    }

    /// As the claim's controller does: it is served by whoever lists it, and does not go back.
    fn switch(&mut self, claim: usize) {
        let claim = &mut self.claims[claim].0;
        let other = usize::from(current_service(claim) == NAMES[0]);
        let (from, to) = (&self.services[1 - other], &self.services[other]);
        if moves_to(from, to) && to.holding(&uid(claim)).is_some() {
            claim.status.get_or_insert_default().served_by = Some(NAMES[other].into());
        }
    }

    fn confirm(&mut self, service: usize, uid: &str) {
        let status = self.services[service].status.get_or_insert_default();
        status.reservations = confirm_revoked(&status.reservations, uid);
    }

    fn applicants(&self, service: usize) -> Vec<Applicant<'_>> {
        let standing = Standing { agency: Some(&self.agency), licensed: true, now: Timestamp::UNIX_EPOCH };
        let serving = |claim: &ServiceClaim| self.services.iter().find(|s| s.name_any() == current_service(claim));
        let entitled = self.claims.iter().filter(|(_, is)| *is);
        entitled.filter_map(|(claim, _)| applicant(claim, &self.services[service], serving(claim), standing)).collect()
    }

    /// As the service's controller does, and looks at what came of it.
    fn pass(&mut self, number: usize) {
        let service = &self.services[number];
        let (before, applicants) = (service.reservations().to_vec(), self.applicants(number));
        let ledger = reserve(service, &before, applicants.iter().copied(), Keeping::NOTHING);
        check(service, &before, &applicants, &ledger);
        let status = SharedServiceStatus { reservations: ledger.reservations, ..SharedServiceStatus::default() };
        self.services[number].status = Some(status);
        let again =
            reserve(&self.services[number], self.services[number].reservations(), self.applicants(number), Keeping::NOTHING);
        assert_eq!(again.reservations, self.services[number].reservations(), "made again it is the same");
    }

    /// Everybody does what there is to do.
    fn settle(&mut self) {
        for _ in 0..4 {
            (0..2).for_each(|service| self.pass(service));
            (0..self.claims.len()).for_each(|claim| self.switch(claim));
            for service in 0..2 {
                let over: Vec<_> =
                    self.services[service].reservations().iter().filter(|r| r.revoking).map(|r| r.uid.clone()).collect();
                for uid in over {
                    self.confirm(service, &uid);
                }
            }
        }
        (0..2).for_each(|service| self.pass(service));
    }
}

fn uid(claim: &ServiceClaim) -> String {
    claim.metadata.uid.clone().expect("it has one")
}

fn check(service: &SharedService, before: &[Reservation], applicants: &[Applicant<'_>], ledger: &Ledger) {
    let (after, capacity) = (&ledger.reservations, &service.spec.capacity);
    let sum = allocated(after);
    assert!(sum.fits_in(capacity), "{sum} of {capacity}: {after:?}");
    assert!(after.windows(2).all(|pair| pair[0].uid < pair[1].uid), "in order, each once: {after:?}");
    let holds = |uid: &str| after.iter().any(|r| r.uid == uid && !r.revoking);
    for old in before {
        let applies = applicants.iter().any(|a| uid(a.claim) == old.uid);
        if old.revoking || (!applies && service.spec.binding.provisioner.is_some()) {
            assert!(
                after.iter().any(|r| r.uid == old.uid && r.revoking && r.capacity == old.capacity),
                "{old:?} is not confirmed"
            );
        } else {
            assert_eq!(holds(&old.uid), applies, "{old:?} keeps it while it may");
        }
    }
    let left = capacity.minus(&sum);
    let is_blocked = |a: &Applicant<'_>| after.iter().any(|r| r.revoking && r.uid == uid(a.claim));
    let asks: Vec<_> = applicants.iter().filter(|a| !is_blocked(a)).collect();
    let (with, without): (Vec<&Applicant<'_>>, Vec<&Applicant<'_>>) = asks.into_iter().partition(|a| holds(&uid(a.claim)));
    for waits in without {
        let plan = waits.wants.expect("who holds nothing asks for something");
        assert!(!plan.capacity.fits_in(&left), "{} waits for {} of {left}", waits.claim.name_any(), plan.name);
        let is_new = |a: &Applicant<'_>| !before.iter().any(|r| r.uid == uid(a.claim));
        let age = |a: &Applicant<'_>| (a.claim.metadata.creation_timestamp.clone().map(|t| t.0), uid(a.claim));
        let first = with.iter().find(|a| is_new(a) && a.wants == waits.wants && age(a) > age(waits));
        assert!(first.is_none(), "{:?} came later than {}", first.map(|a| a.claim.name_any()), waits.claim.name_any());
    }
}

proptest! {
    #[test]
    fn ledgers_hold_whatever_happens(steps in prop::collection::vec(step(), 1..80), provisioner: bool) {
        let mut world = World::new(provisioner);
        for step in steps {
            world.take(step);
        }
        world.settle();
        for (claim, _) in &world.claims {
            let held = world.services.iter().filter(|s| s.reservation(&uid(claim)).is_some()).count();
            assert!(held <= 1, "{} holds in {held} services at rest", claim.name_any());
        }
    }
}
