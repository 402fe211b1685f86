//! The same rules, told simply: one thing after the other, by somebody who sees everything at once.

use std::collections::{BTreeMap, BTreeSet};

use govcloud_crds::permit::{Intent, Phase, ReviewVerdict};

use crate::steps::{INSIDER, LONGEST, REQUESTER, Step, of_late};

const MINISTRY: usize = 0;
const SECURITY: usize = 1;
const PROJECT_HAS: fn(Phase) -> bool = |phase| matches!(phase, Phase::Active | Phase::Suspended);

#[derive(Clone)]
#[expect(clippy::struct_excessive_bools, reason = "it says simply what is so")]
struct Permit {
    intent: Intent,
    prior: Option<usize>,
    object: usize,
    replicas: i32,
    hours: i64,
    duplicate: bool,
    internal: bool,
    withdrawn: bool,
    phase: Phase,
    /// The class's rules at submission.
    rules: Rules,
    /// Approvals without which it does not start: of the ministry, of security.
    needs: (usize, usize),
    approvals: BTreeMap<usize, usize>,
    revocations: BTreeMap<usize, usize>,
    counted: BTreeSet<usize>,
    barred: BTreeSet<usize>,
    suspended: bool,
    started: bool,
    latest: i64,
    ends: i64,
}

#[derive(Clone, Copy)]
struct Rules {
    count: usize,
    denies_duplicates: bool,
    approves_small: bool,
}

pub struct Reference {
    now: i64,
    rules: Rules,
    permits: Vec<Permit>,
}

impl Default for Reference {
    fn default() -> Self {
        Self { now: 0, rules: Rules { count: 1, denies_duplicates: false, approves_small: false }, permits: Vec::new() }
    }
}

impl Reference {
    pub fn phases(&self) -> Vec<Phase> {
        self.permits.iter().map(|p| p.phase).collect()
    }

    pub fn take(&mut self, step: &Step) {
        match *step {
            Step::Request { intent, prior, object, replicas, hours, duplicate, internal } => self.permits.push(Permit {
                intent,
                prior: prior.map(|ago| of_late(self.permits.len(), ago)),
                object,
                replicas,
                hours: i64::from(hours),
                duplicate,
                internal,
                withdrawn: false,
                phase: Phase::Pending,
                rules: self.rules,
                needs: (0, 0),
                approvals: BTreeMap::new(),
                revocations: BTreeMap::new(),
                counted: BTreeSet::new(),
                barred: BTreeSet::new(),
                suspended: false,
                started: false,
                latest: i64::MAX,
                ends: i64::MAX,
            }),
            Step::Review { ago, who, group, verdict, overrides } => {
                let (now, number) = (self.now, of_late(self.permits.len(), ago));
                if let Some(permit) = self.permits.get_mut(number) {
                    permit.review(who, group, verdict, overrides, now);
                }
            }
            Step::Withdraw { ago } => {
                let number = of_late(self.permits.len(), ago);
                if let Some(permit) = self.permits.get_mut(number) {
                    permit.withdrawn = true;
                }
            }
            Step::Clock { hours } => self.now += hours,
            Step::Policy { count, denies_duplicates, approves_small } => {
                self.rules = Rules { count: usize::try_from(count).expect("small"), denies_duplicates, approves_small };
            }
        }
        for _ in 0..10 {
            (0..self.permits.len()).for_each(|number| self.settle(number));
        }
    }

    fn settle(&mut self, number: usize) {
        let mut permit = self.permits[number].clone();
        if permit.phase.is_over() {
            return;
        }
        if permit.phase == Phase::Pending && permit.withdrawn {
            permit.phase = Phase::Withdrawn;
        }
        if permit.phase == Phase::Pending && self.is_in_order(number) {
            self.submit(&mut permit);
        }
        let follows = |p: &Permit, intents: &[Intent]| p.prior == Some(number) && intents.contains(&p.intent);
        let taken = self.permits.iter().any(|p| p.started && follows(p, &[Intent::Renewal, Intent::Amendment]));
        let answered = self.permits.iter().any(|p| p.phase != Phase::Pending && p.rules_pinned() && follows(p, &[Intent::New]));
        match permit.phase {
            Phase::Active if taken => permit.phase = Phase::Superseded,
            Phase::Returned if answered => permit.phase = Phase::Superseded,
            phase if PROJECT_HAS(phase) && permit.started && self.now >= permit.ends => permit.phase = Phase::Expired,
            phase if !phase.is_over() && phase != Phase::Pending && permit.withdrawn => permit.phase = Phase::Withdrawn,
            Phase::Approved if self.is_free(number) => {
                (permit.phase, permit.started) = (Phase::Active, true);
                permit.ends = permit.latest.min(self.now + permit.hours);
            }
            _ => {}
        }
        if permit.phase == Phase::Active && self.now >= permit.ends {
            permit.phase = Phase::Expired;
        }
        self.permits[number] = permit;
    }

    fn is_in_order(&self, number: usize) -> bool {
        let permit = &self.permits[number];
        let longest = if permit.intent == Intent::Emergency { 72 } else { i64::from(LONGEST) };
        if permit.hours > longest {
            return false;
        }
        let Some(prior) = permit.prior else { return true };
        if permit.intent == Intent::Emergency {
            return false;
        }
        let Some(prior) = self.permits.get(prior) else { return false };
        let phases: &[Phase] = match permit.intent {
            Intent::Renewal => &[Phase::Active, Phase::Expired],
            Intent::Amendment => &[Phase::Active],
            Intent::Appeal => &[Phase::Denied, Phase::Revoked],
            _ => &[Phase::Returned],
        };
        let grows = permit.intent == Intent::Renewal && permit.replicas > prior.replicas;
        phases.contains(&prior.phase) && prior.object == permit.object && !grows
    }

    fn submit(&self, permit: &mut Permit) {
        permit.rules = self.rules;
        permit.needs = match permit.intent {
            Intent::Emergency => (1, 0),
            _ => (self.rules.count + usize::from(permit.duplicate), 1),
        };
        permit.phase = Phase::UnderReview;
        let for_people = matches!(permit.intent, Intent::Appeal | Intent::Emergency);
        if let Some(prior) = permit.prior.and_then(|prior| self.permits.get(prior)) {
            if permit.intent == Intent::Appeal {
                permit.barred.clone_from(&prior.counted);
                if prior.intent == Intent::Appeal {
                    permit.barred.extend(&prior.barred);
                }
            }
            if permit.intent == Intent::Amendment && permit.replicas <= prior.replicas && permit.internal <= prior.internal {
                (permit.needs, permit.latest) = ((0, 0), prior.ends);
            }
        }
        let is_decrease = permit.latest < i64::MAX;
        if is_decrease {
            permit.phase = Phase::Approved;
        } else if permit.duplicate && self.rules.denies_duplicates && permit.intent != Intent::Appeal {
            permit.phase = Phase::Denied;
        } else if self.rules.approves_small && permit.replicas == 1 && !for_people && !permit.duplicate {
            permit.needs = (0, 1);
        }
    }

    fn is_free(&self, number: usize) -> bool {
        let permit = &self.permits[number];
        let takes_over = matches!(permit.intent, Intent::Renewal | Intent::Amendment);
        let prior = permit.prior.filter(|_| takes_over);
        let stopped = prior.is_some_and(|prior| matches!(self.permits[prior].phase, Phase::Suspended | Phase::Revoked));
        let others = self.permits.iter().enumerate().filter(|(other, _)| *other != number && Some(*other) != prior);
        !stopped && !others.into_iter().any(|(_, other)| PROJECT_HAS(other.phase) && other.object == permit.object)
    }
}

impl Permit {
    fn rules_pinned(&self) -> bool {
        self.needs != (0, 0) || self.latest < i64::MAX
    }

    fn review(&mut self, who: usize, group: usize, verdict: ReviewVerdict, overrides: bool, now: i64) {
        let stranger = group != MINISTRY && group != SECURITY;
        if who == REQUESTER || who == INSIDER || stranger || self.barred.contains(&who) || self.phase == Phase::Pending {
            return;
        }
        let approved = matches!(self.phase, Phase::Approved | Phase::Active | Phase::Suspended);
        match verdict {
            ReviewVerdict::Approve if self.phase == Phase::UnderReview && (overrides || !self.duplicate) => {
                self.approvals.entry(who).or_insert(group);
                if self.has(&self.approvals, self.needs) {
                    self.phase = Phase::Approved;
                }
            }
            ReviewVerdict::Approve if self.is_late_approval(who) && (overrides || !self.duplicate) => {
                self.approvals.insert(who, group);
            }
            ReviewVerdict::Deny if self.phase == Phase::UnderReview => self.phase = Phase::Denied,
            ReviewVerdict::Return if self.phase == Phase::UnderReview => self.phase = Phase::Returned,
            ReviewVerdict::Suspend if approved && now < self.ends => self.suspend(true),
            ReviewVerdict::Resume if self.suspended && approved && now < self.ends => self.suspend(false),
            ReviewVerdict::Revoke if approved && now < self.ends => {
                self.revocations.entry(who).or_insert(group);
                if self.has(&self.revocations, (self.rules.count, 0)) {
                    self.phase = Phase::Revoked;
                }
            }
            _ => return,
        }
        self.counted.insert(who);
    }

    /// An emergency that one approved is looked at by the others afterwards, also when it is over.
    fn is_late_approval(&self, who: usize) -> bool {
        let in_full = (self.rules.count + usize::from(self.duplicate), 1);
        let approved = self.has(&self.approvals, (1, 0)) && !matches!(self.phase, Phase::UnderReview | Phase::Denied);
        self.intent == Intent::Emergency && approved && !self.has(&self.approvals, in_full) && !self.approvals.contains_key(&who)
    }

    fn suspend(&mut self, suspended: bool) {
        self.suspended = suspended;
        self.phase = match (suspended, self.started) {
            (true, _) => Phase::Suspended,
            (false, true) => Phase::Active,
            (false, false) => Phase::Approved,
        };
    }

    #[expect(clippy::unused_self, reason = "reads as what it is about")]
    fn has(&self, persons: &BTreeMap<usize, usize>, needs: (usize, usize)) -> bool {
        let of = |group: usize| persons.values().filter(|g| **g == group).count();
        of(MINISTRY) >= needs.0 && of(SECURITY) >= needs.1
    }
}
