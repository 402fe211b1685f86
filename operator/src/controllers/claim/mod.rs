//! ServiceClaim: the Secret of the Service Binding Specification, and the way through the network.

mod binding;
mod everywhere;
mod news;

use std::{sync::Arc, time::Duration};

use govcloud_crds::{
    ServiceClaim, SharedService,
    conditions::{Verdict, conditions},
    service::{
        BindingReference, ClaimPhase, ServiceClaimStatus,
        rules::{consented, current_service, eligible, end_of, moves_to, plan_in_force, reserved, warned},
    },
};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::{
    Api, ResourceExt,
    runtime::{controller::Action, reflector::ObjectRef},
};

use binding::{Outcome, Prepared, bind, prepare, secret_name, unbind};
pub use everywhere::tell;
use everywhere::{may_be_bound, places};

use super::service::Known;
use crate::{context::Context, error::Error, stores::Stores};

/// By when a ledger that was just written is in the store.
const LEDGER_ARRIVES: Duration = Duration::from_millis(250);
/// How often a claim whose Secret's name is taken looks again.
const LOOK_AGAIN: Duration = Duration::from_secs(15);

/// Binds a claim that holds capacity, and unbinds one that does not.
pub async fn reconcile(claim: Arc<ServiceClaim>, context: Arc<Context>) -> Result<Action, Error> {
    if claim.metadata.deletion_timestamp.is_some() {
        return Ok(Action::await_change()); // its Secret and NetworkPolicy are owned, and go with it
    }
    let (service, next) = serving(&claim, &context.stores);
    if [&service, &next].into_iter().flatten().any(|service| context.is_outdated(&**service)) {
        // What called may have nothing to do with the ledger, such as a provisioner's answer, and then nobody calls again: the
        // newer ledger does only if it says anything else about the claim.
        return Ok(Action::requeue(LEDGER_ARRIVES));
    }
    let now = context.now();
    let mut look = look(&claim, next.or_else(|| service.clone()), &context, now).await?;
    if look.moves(service.as_ref()) && !matches!(look.prepared, Some(Ok(_))) {
        look = look.stay(self::look(&claim, service, &context, now).await?);
    }
    let Look { service, mut view, prepared } = look;
    match (&service, prepared) {
        (Some(service), Some(Ok(prepared))) => view.takes(bind(&claim, service, prepared, &context).await?),
        (_, Some(Err(waiting))) => view.verdicts.push(waiting),
        _ if may_be_bound(&claim, &context) => {
            for namespace in places(&claim, &context.stores) {
                unbind(&claim, &namespace, &context).await?;
            }
        }
        _ => {}
    }
    view.close(&claim);
    view.entitle(&claim, &context, now);
    report(&claim, service.as_deref(), &view, &context).await?;
    Ok(next_look(service.as_deref(), &view, now))
}

/// A claim as it is served by a service.
struct Look {
    service: Option<Arc<SharedService>>,
    view: View,
    /// What its Secret is given, or why that is not to be had; `None` if it is not to be bound.
    prepared: Option<Result<Prepared, Verdict>>,
}

async fn look(
    claim: &ServiceClaim,
    service: Option<Arc<SharedService>>,
    context: &Arc<Context>,
    now: Timestamp,
) -> Result<Look, Error> {
    let view = View::of(claim, service.as_deref(), context, now);
    let prepared = match service.as_deref().filter(|_| view.is_to_be_bound()) {
        Some(service) => Some(prepare(claim, service, &places(claim, &context.stores), context).await?),
        None => None,
    };
    Ok(Look { service, view, prepared })
}

impl Look {
    fn moves(&self, from: Option<&Arc<SharedService>>) -> bool {
        matches!((&self.service, from), (Some(to), Some(from)) if to.name_any() != from.name_any())
    }

    /// It is listed where it moves to and cannot be bound there yet: it stays where it was, and says why.
    fn stay(self, mut old: Self) -> Self {
        let why = match self.prepared {
            Some(Err(why)) => Some(why),
            _ => self.view.verdicts.into_iter().find(|v| v.holds != Some(true)),
        };
        if let Some(draining) = old.view.verdicts.iter_mut().find(|v| v.kind == "Draining") {
            let (name, why) =
                (self.service.map(|s| s.name_any()).unwrap_or_default(), why.map(|v| v.message).unwrap_or_default());
            draining.reason = "MoveWaits";
            draining.message = format!("{} {name} has room for it, and waits: {why}", draining.message);
        }
        old
    }
}

/// The service that serves a claim, and the one that it moves to, if that lists it already. Where the first is gone, whoever
/// lists it serves it.
fn serving(claim: &ServiceClaim, stores: &Stores) -> (Option<Arc<SharedService>>, Option<Arc<SharedService>>) {
    let uid = claim.metadata.uid.as_deref().unwrap_or_default();
    let Some(service) = stores.services.get(&ObjectRef::new(current_service(claim))) else {
        return (stores.services.find(|other| other.holding(uid).is_some()), None);
    };
    let next = service.spec.drain.as_ref().and_then(|drain| drain.move_to.as_ref());
    let next = next.and_then(|next| stores.services.get(&ObjectRef::new(next)));
    let next = next.filter(|next| moves_to(&service, next) && next.holding(uid).is_some());
    (Some(service), next)
}

/// What there is to say of a claim.
struct View {
    phase: ClaimPhase,
    /// Eligible first; `Ready` before all of them in the end.
    verdicts: Vec<Verdict>,
    /// The number of the credentials that a provisioner made, once they are the only ones.
    rotation: Option<i32>,
    /// When it is withdrawn, if the agency is no longer entitled to it.
    withdrawn_after: Option<Timestamp>,
}

impl View {
    fn of(claim: &ServiceClaim, service: Option<&SharedService>, context: &Context, now: Timestamp) -> Self {
        let known = service.map(|service| Known::of(claim, service, &context.stores));
        let eligible = match (service, &known) {
            (Some(service), Some(known)) => eligible(claim, Some(service), known.standing(now)),
            _ => eligible_nowhere(claim, now),
        };
        let phase = match (eligible.holds, eligible.reason) {
            (Some(true), _) => ClaimPhase::Pending,
            (_, "Released") => ClaimPhase::Released,
            _ => ClaimPhase::Rejected,
        };
        let mut verdicts = vec![eligible];
        if let (Some(service), Some(known), ClaimPhase::Pending) = (service, &known, phase) {
            let next = service.spec.drain.as_ref().and_then(|drain| drain.move_to.as_ref());
            let next = next.and_then(|next| context.stores.services.get(&ObjectRef::new(next)));
            verdicts.extend(consented(claim, service));
            verdicts.push(reserved(claim, Some(service)));
            verdicts.extend(plan_in_force(claim, service, known.agency.as_deref()));
            verdicts.extend(warned(claim, service, next.as_deref(), known.standing(now)));
        }
        Self { phase, verdicts, rotation: None, withdrawn_after: None }
    }

    /// What became of the binding.
    fn takes(&mut self, outcome: Outcome) {
        if outcome.is_bound {
            self.phase = ClaimPhase::Bound;
        }
        self.rotation = outcome.rotation;
        self.verdicts.extend(outcome.verdicts);
    }

    fn is_to_be_bound(&self) -> bool {
        let holds = |kind| self.verdicts.iter().find(|v| v.kind == kind).map(|v| v.holds == Some(true));
        self.phase == ClaimPhase::Pending && holds("CapacityReserved") == Some(true) && holds("Consented") != Some(false)
    }

    /// The first of what holds it up is what it is not ready for.
    fn close(&mut self, claim: &ServiceClaim) {
        let held_up = self.verdicts.iter().find(|v| !matches!(v.kind, "PlanInForce" | "Draining") && v.holds != Some(true));
        let ready = match (self.phase, held_up) {
            (ClaimPhase::Bound, Some(in_the_way)) if in_the_way.kind == "Ready" => in_the_way.clone(),
            (ClaimPhase::Bound, _) => Verdict::yes("Ready", "Bound", everywhere::is_there(claim)),
            (_, Some(verdict)) => Verdict { kind: "Ready", ..verdict.clone() },
            (_, None) => Verdict::unknown("Ready", "Binding", "It is bound in a moment."),
        };
        self.verdicts.retain(|v| v.kind != "Ready"); // what is in the way said it about Ready itself
        self.verdicts.insert(0, ready);
    }

    /// Whether the agency is still entitled to it, if it has it so.
    fn entitle(&mut self, claim: &ServiceClaim, context: &Context, now: Timestamp) {
        if let Some((verdict, after)) = everywhere::entitled(claim, context, now) {
            self.verdicts.push(verdict);
            self.withdrawn_after = after;
        }
    }
}

fn eligible_nowhere(claim: &ServiceClaim, now: Timestamp) -> Verdict {
    eligible(claim, None, govcloud_crds::service::rules::Standing { agency: None, licensed: false, now })
}

/// On the day on which its service ends, and while a Secret that does not carry our label, and is in no watch, is in the way.
fn next_look(service: Option<&SharedService>, view: &View, now: Timestamp) -> Action {
    if view.verdicts.iter().any(|v| v.reason == "SecretExists" || v.reason == "Rebinding") {
        return Action::requeue(LOOK_AGAIN);
    }
    let end = service.and_then(|service| end_of(service.spec.drain.as_ref()?)).filter(|end| *end > now);
    end.map_or_else(Action::await_change, |end| {
        Action::requeue(Duration::try_from(end.duration_since(now)).unwrap_or_default() + Duration::from_secs(1))
    })
}

async fn report(claim: &ServiceClaim, service: Option<&SharedService>, view: &View, context: &Context) -> Result<(), Error> {
    let before = claim.status.clone().unwrap_or_default();
    let conditions = conditions(&before.conditions, &view.verdicts, claim.metadata.generation, context.now());
    let status = ServiceClaimStatus {
        observed_generation: claim.metadata.generation,
        phase: view.phase,
        binding: (view.phase == ClaimPhase::Bound).then(|| BindingReference { name: secret_name(claim) }),
        // Who has no right to it any more gives it up, also where the ledger does not say so yet.
        plan: service.filter(|_| !view.phase.is_over()).and_then(|service| held_plan(claim, service)),
        served_by: served_by(claim, service),
        rotation: view.rotation,
        withdrawn_after: view.withdrawn_after.map(Time),
        conditions,
    };
    let news = news::of(&before, &status);
    let api: Api<ServiceClaim> = Api::namespaced(context.client.clone(), &claim.namespace().unwrap_or_default());
    if context.write_status(&api, claim, claim.status.as_ref(), status, |object, status| object.status = Some(status)).await? {
        if before.phase != view.phase {
            tracing::info!(claim = claim.name_any(), namespace = claim.namespace(), phase = ?view.phase, "claim changed");
        }
        for news in news {
            everywhere::tell(claim, news.warning, news.reason, &news.note, context).await;
        }
    }
    Ok(())
}

fn held_plan(claim: &ServiceClaim, service: &SharedService) -> Option<String> {
    let held = service.holding(claim.metadata.uid.as_deref()?)?;
    Some(if held.plan.is_empty() { claim.spec.plan.clone() } else { held.plan.clone() })
}

/// Whoever it was moved to serves it from now on, also if the one that it names comes back.
fn served_by(claim: &ServiceClaim, service: Option<&SharedService>) -> Option<String> {
    let before = claim.status.as_ref().and_then(|s| s.served_by.clone());
    let Some(service) = service.map(ResourceExt::name_any) else { return before };
    (before.is_some() || service != claim.spec.shared_service).then_some(service)
}
