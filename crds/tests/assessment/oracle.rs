//! The rules once more, in plain numbers and by trying: nothing of the product is used here.

use crate::world::{Instance, Plan, Service};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fit {
    Mismatch,
    Unsure,
    Whole,
}

/// How well the best offer fits: `Whole` is a duplicate, `Unsure` overlaps, `Mismatch` is unique.
pub fn best(instance: &Instance) -> Fit {
    let mut best = Fit::Mismatch;
    for (at, service) in instance.services.iter().enumerate() {
        for (number, plan) in service.plans.iter().enumerate() {
            best = best.max(fit(instance, at, service, number, plan));
        }
    }
    best
}

fn fit(instance: &Instance, at: usize, service: &Service, number: usize, plan: &Plan) -> Fit {
    let ask = &instance.ask;
    let is_government = ask.agency_type == 0;
    let of_kind = (service.class == ask.class || (service.class == 0 && ask.class == 1))
        && ask.level <= service.level
        && (service.regimes == 0 || service.regimes & (1 << ask.regime) != 0)
        && (service.types == 0 || service.types & (1 << ask.agency_type) != 0)
        && (plan.channel == 0 || (plan.channel == 1) == is_government)
        && (service.zones == 0 || ask.zones & !service.zones == 0);
    let speaks = ask.interface.map_or(Some(true), |(protocol, need)| speaks(service, protocol, need));
    if !of_kind || speaks == Some(false) {
        return Fit::Mismatch;
    }
    let room = room(instance, at, service, number, plan);
    let known = speaks == Some(true) && (ask.zones == 0 || service.zones != 0) && service.freshness == 0 && service.trouble == 0;
    if known { room } else { room.min(Fit::Unsure) }
}

/// A table, not a reader of versions: which of 3.9, 3.6, 4 and "odd" does for anything, 3.7, 4, and "the latest".
fn speaks(service: &Service, protocol: usize, need: usize) -> Option<bool> {
    if service.protocol != protocol {
        return Some(false);
    }
    match (need, service.version) {
        (0, _) | (1, 0 | 2) | (2, 2) => Some(true),
        (1 | 2, 0 | 1) => Some(false),
        _ => None,
    }
}

fn room(instance: &Instance, at: usize, service: &Service, number: usize, plan: &Plan) -> Fit {
    let allocated = if service.freshness == 2 { [0, 0] } else { service.allocated };
    let mut free: [i64; 2] = std::array::from_fn(|d| (service.capacity[d] - allocated[d]).max(0));
    let (mut own_elsewhere, mut beside) = ([0, 0], 0);
    for keep in instance.kept.iter().filter(|keep| keep.service == at) {
        let Some(claims) = instance.claims_of(keep) else { continue };
        let taken = service.plans[keep.plan].size.map(|amount| claims * amount.unwrap_or(0));
        if keep.own && keep.plan == number {
            beside += keep.brokers;
        } else if keep.own {
            own_elsewhere = [own_elsewhere[0] + taken[0], own_elsewhere[1] + taken[1]];
        } else {
            free = [(free[0] - taken[0]).max(0), (free[1] - taken[1]).max(0)];
        }
    }
    let one = plan.size.map(|amount| amount.unwrap_or(0));
    let claims_fit = |n: i64, left: [i64; 2]| (0..2).all(|d| n * one[d] <= left[d]);
    if !claims_fit(1, free) {
        return Fit::Mismatch;
    }
    let demand = instance.ask.demand;
    if (0..2).any(|d| demand[d] > 0 && plan.size[d].is_none()) {
        return Fit::Unsure;
    }
    let holds = |n: i64, more: i64| n * one[0] >= demand[0] + more && n * one[1] >= demand[1];
    let left = [free[0] - own_elsewhere[0], free[1] - own_elsewhere[1]].map(|amount| amount.max(0));
    let alone = (1..=16).any(|n| holds(n, 0));
    let together = (1..=64).find(|n| holds(*n, beside)).is_some_and(|n| claims_fit(n, left));
    let is_empty = plan.size == [None, None];
    match (alone && together, is_empty) {
        (true, _) => Fit::Whole,
        (false, true) => Fit::Mismatch,
        (false, false) => Fit::Unsure,
    }
}
